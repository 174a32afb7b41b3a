//! Less usual ways: workspaces below an organization, one loss after another, gone twice, for a
//! while only, and all of it on disk.

use tenure::adapters::sqlite::SqliteStore;
use tenure::commands::{
    ChangeTeamMembers, Deactivate, EraseMember, GiveGrant, Invite, OpenWorkspace, RemoveMember,
    WorkOnReturn,
};
use tenure::directory::TeamWithout;
use tenure::domain::{
    DeactivatedBecause, Disposition, HandoverPlan, HandoverStatus, Lasting, LeftBecause,
    MembershipId, Revision, Sharing, Span, WorkOnLeaving, WorkspaceRemoval,
};
use tenure::testing::FakeWorkload;
use tenure::{Reach, Refusal, Rules, Scope};

use super::{Acme, acme, acme_with, foreseen, inboxes, kind, kinds, split, to};
use crate::stage::{Desk, Stage, Who, desk, email, role};

// ── Workspaces ──────────────────────────────────────────────────────────────────────────────────

/// Acme with a workspace in which Bob and Berta are, and Ada is not; each with the membership there.
pub(super) struct North {
    pub(super) acme: Acme,
    pub(super) scope: Scope,
    pub(super) bob: Who,
    pub(super) berta: Who,
    /// The same two in the workspace.
    pub(super) bob_there: MembershipId,
    pub(super) berta_there: MembershipId,
}

pub(super) async fn north(change: impl FnOnce(&mut Rules)) -> North {
    let acme = acme_with(desk(change)).await;
    let (bob, berta) = (acme.agent("bob").await, acme.agent("berta").await);
    let open = OpenWorkspace { organization: acme.stage.org, name: "North".parse().unwrap() };
    let id = acme.stage.act(acme.stage.olivia, open).await.unwrap();
    let scope = Scope::workspace(acme.stage.org, id);
    let bob_there = enter(&acme, scope, "bob", bob).await;
    let berta_there = enter(&acme, scope, "berta", berta).await;
    North { acme, scope, bob, berta, bob_there, berta_there }
}

async fn enter(acme: &Acme, scope: Scope, name: &str, who: Who) -> MembershipId {
    let stage = &acme.stage;
    stage.act(stage.olivia, Invite::new(scope, email(name), role("agent"))).await.unwrap();
    let view = stage.open_link(name).await;
    stage.act(who, view.accept()).await.unwrap().membership
}

impl North {
    /// Two tickets in the workspace, held by the membership there.
    pub(super) fn there(&self, holder: MembershipId) -> Vec<u64> {
        (0..2).map(|_| self.acme.work.add(self.scope, "tickets", holder)).collect()
    }

    fn revoke(&self, membership: MembershipId, plan: Option<HandoverPlan>) -> RemoveMember {
        RemoveMember { scope: self.scope, membership, handover: plan }
    }
}

#[tokio::test]
async fn B_leaving_an_organization_hands_over_in_each_workspace_to_whoever_is_there() {
    let it = north(|_| ()).await;
    let (here, there) = (it.acme.gives(it.bob, "tickets", 2), it.there(it.bob_there));
    let preview = it.acme.foresees(it.acme.goes(it.bob, to(it.berta))).await;
    assert_eq!(preview.work.len(), 2, "once for each place");
    it.acme.left(it.bob, to(it.berta)).await;
    it.acme.settles().await;
    assert_eq!(it.acme.work.held_by(it.berta.id), here);
    assert_eq!(it.acme.work.held_by(it.berta_there), there);
}

#[tokio::test]
async fn B_where_the_successor_is_not_in_a_workspace_its_work_becomes_unassigned() {
    let it = north(|_| ()).await;
    let (here, there) = (it.acme.gives(it.bob, "tickets", 2), it.there(it.bob_there));
    it.acme.left(it.bob, to(it.acme.ada)).await;
    it.acme.settles().await;
    assert_eq!(it.acme.work.held_by(it.acme.ada.id), here);
    assert!(there.iter().all(|id| it.acme.holder(*id).is_none()));
}

#[tokio::test]
async fn B_where_a_successor_is_mandatory_they_are_in_each_workspace_too() {
    let required = |it: &mut Rules| it.work_on_leaving = WorkOnLeaving::SuccessorRequired;
    let it = north(required).await;
    let refused = it.acme.leaves(it.bob, to(it.acme.ada)).await;
    assert_eq!(refused, Err(Refusal::SuccessorUnfit));
    let there = it.there(it.bob_there);
    it.acme.left(it.bob, to(it.berta)).await;
    it.acme.settles().await;
    assert_eq!(it.acme.work.held_by(it.berta_there), there);
}

#[tokio::test]
async fn B_a_revoke_hands_over_what_lies_in_that_workspace_only() {
    let it = north(|_| ()).await;
    let (here, there) = (it.acme.gives(it.bob, "tickets", 2), it.there(it.bob_there));
    // Any of her memberships names her.
    let revoke = it.revoke(it.bob_there, Some(to(it.berta)));
    it.acme.stage.act(it.acme.stage.olivia, revoke).await.unwrap();
    it.acme.settles().await;
    assert_eq!(it.acme.work.held_by(it.berta_there), there);
    assert_eq!(it.acme.work.held_by(it.bob.id), here, "his work in the organization stays his");
}

#[tokio::test]
async fn B_in_a_workspace_any_membership_of_a_person_chooses_them_again() {
    let it = north(|_| ()).await;
    let carl = it.acme.agent("carl").await;
    let carl_there = enter(&it.acme, it.scope, "carl", carl).await;
    let there = it.there(it.bob_there);
    let revoke = it.revoke(it.bob_there, Some(to(it.berta)));
    it.acme.stage.act(it.acme.stage.olivia, revoke).await.unwrap();
    let bob = Who { id: it.bob_there, ..it.bob };
    let id = it.acme.handover(bob).await.id;
    let outside = it.acme.stage.act(it.acme.ada, it.acme.choose(id, to(it.acme.ada))).await;
    assert_eq!(outside, Err(Refusal::SuccessorUnfit));
    it.acme.stage.act(it.acme.ada, it.acme.choose(id, to(carl))).await.unwrap();
    it.acme.settles().await;
    assert_eq!(it.acme.work.held_by(carl_there), there);
}

#[tokio::test]
async fn B_whoever_was_removed_and_comes_again_can_be_chosen_for_what_is_left() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["billing"]).await;
    let berta = it.agent_in("berta", &["sales"]).await;
    let billing = it.gives_in(bob, "billing", 2);
    let mut remove = it.stage.removal(bob, None);
    remove.handover = Some(to(berta));
    it.stage.act(it.stage.olivia, remove).await.unwrap();
    it.settles().await;
    let id = it.handover(bob).await.id;
    it.stage.invite(it.stage.olivia, "bob", "agent").await.unwrap();
    let view = it.stage.open_link("bob").await;
    let again = it.stage.act(bob, view.accept()).await.unwrap().membership;
    let again = Who { id: again, ..bob };
    it.stage.act(it.stage.olivia, it.lists(again, &["billing"])).await.unwrap();
    assert_eq!(it.holds(again), 0, "nothing is restored without a word");
    it.stage.act(it.ada, it.choose(id, to(again))).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(again.id), billing);
}

#[tokio::test]
async fn B_whoever_is_out_of_the_organization_receives_nothing_in_a_workspace() {
    let it = north(|_| ()).await;
    it.acme.stage.deactivate(it.acme.stage.olivia, it.berta).await.unwrap();
    let named = Disposition::To(it.berta_there).into();
    let refused = it.acme.stage.act(it.acme.stage.olivia, it.revoke(it.bob_there, Some(named)));
    assert_eq!(refused.await, Err(Refusal::SuccessorUnfit));
    let own = it.acme.leaves(it.bob, Disposition::To(it.bob_there)).await;
    assert_eq!(own, Err(Refusal::SuccessorUnfit), "nobody is their own successor");
}

#[tokio::test]
async fn B_a_successor_in_a_workspace_who_leaves_the_organization_passes_it_on() {
    let it = north(|_| ()).await;
    let carl = it.acme.agent("carl").await;
    let carl_there = enter(&it.acme, it.scope, "carl", carl).await;
    let there = it.there(it.bob_there);
    let revoke = it.revoke(it.bob_there, Some(to(it.berta)));
    it.acme.stage.act(it.acme.stage.olivia, revoke).await.unwrap();
    it.acme.left(it.berta, to(carl)).await;
    it.acme.settles().await;
    assert_eq!(it.acme.work.held_by(carl_there), there);
}

#[tokio::test]
async fn B_work_comes_back_in_each_workspace_too() {
    let it = north(|_| ()).await;
    let (here, there) = (it.acme.gives(it.bob, "tickets", 2), it.there(it.bob_there));
    it.acme.left(it.bob, to(it.berta)).await;
    it.acme.settles().await;
    assert_eq!(it.acme.holds(it.bob), 0);
    it.acme.returns(it.bob, WorkOnReturn::ComesBack).await;
    it.acme.settles().await;
    assert_eq!(it.acme.work.held_by(it.bob.id), here);
    assert_eq!(it.acme.work.held_by(it.bob_there), there);
}

#[tokio::test]
async fn C18_the_last_workspace_takes_the_membership_along_and_the_plan_holds() {
    let it = north(|it| it.workspace_removal = WorkspaceRemoval::Everywhere).await;
    let there = it.there(it.bob_there);
    let revoke = it.revoke(it.bob_there, Some(to(it.berta)));
    let foreseen = it.acme.foresees(revoke.clone()).await;
    let of_workspace = foreseen.work.iter().filter(|work| work.holder == it.bob_there);
    assert_eq!(of_workspace.count(), 1, "it is planned once");
    it.acme.stage.act(it.acme.stage.olivia, revoke).await.unwrap();
    it.acme.settles().await;
    assert_eq!(it.acme.work.held_by(it.berta_there), there);
}

#[tokio::test]
async fn C18_a_mandatory_successor_is_enough_where_the_last_workspace_takes_all_along() {
    let it = north(|it| {
        it.workspace_removal = WorkspaceRemoval::Everywhere;
        it.work_on_leaving = WorkOnLeaving::SuccessorRequired;
    })
    .await;
    let (here, there) = (it.acme.gives(it.bob, "tickets", 1), it.there(it.bob_there));
    let revoke = it.revoke(it.bob_there, Some(to(it.berta)));
    it.acme.stage.act(it.acme.stage.olivia, revoke).await.unwrap();
    it.acme.settles().await;
    assert_eq!(it.acme.work.held_by(it.berta_there), there);
    assert_eq!(it.acme.work.held_by(it.berta.id), here);
}

// ── Gone twice, one loss after another ──────────────────────────────────────────────────────────

#[tokio::test]
async fn B_whoever_is_removed_after_they_were_deactivated_hands_over_the_rest() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let ids = it.gives(bob, "tickets", 6);
    it.left(bob, to(berta)).await;
    it.moves(1, 2).await;
    // Nothing said: it goes on as it was planned.
    let mut remove = it.stage.removal(bob, None);
    it.stage.directory.preview(it.stage.olivia, remove.clone()).await.unwrap();
    remove.handover = Some(to(it.ada));
    it.stage.act(it.stage.olivia, remove).await.unwrap();
    it.settles().await;
    assert_eq!(
        (it.work.held_by(berta.id), it.work.held_by(it.ada.id)),
        (ids[..2].into(), ids[2..].into())
    );
    assert_eq!(it.handovers().await.len(), 1, "one person's going is one handover");
}

#[tokio::test]
async fn B_whoever_is_removed_without_a_word_keeps_the_plan_that_there_is() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let ids = it.gives(bob, "tickets", 6);
    it.left(bob, to(berta)).await;
    it.moves(1, 2).await;
    it.stage.act(it.stage.olivia, it.stage.removal(bob, None)).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), ids);
}

#[tokio::test]
async fn B_what_reached_somebody_after_everything_had_moved_goes_when_they_are_removed() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    it.gives(bob, "tickets", 2);
    it.left(bob, to(berta)).await;
    it.settles().await;
    let late = it.gives(bob, "tickets", 2);
    it.settles().await;
    assert_eq!(it.work.held_by(bob.id), late, "that handover is done");
    let mut remove = it.stage.removal(bob, None);
    remove.handover = Some(to(it.ada));
    it.stage.act(it.stage.olivia, remove).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(it.ada.id), late);
}

#[tokio::test]
async fn B_erasing_somebody_stops_no_handover() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let ids = it.gives(bob, "tickets", 6);
    let mut remove = it.stage.removal(bob, None);
    remove.handover = Some(to(berta));
    it.stage.act(it.stage.olivia, remove).await.unwrap();
    it.moves(1, 2).await;
    let erase = EraseMember { organization: it.stage.org, membership: bob.id };
    it.stage.act(it.stage.olivia, erase).await.unwrap();
    it.settles().await;
    assert_eq!((it.work.held_by(berta.id), it.status(bob).await), (ids, HandoverStatus::Done));
}

#[tokio::test]
async fn B_whoever_lost_an_inbox_and_then_leaves_hands_over_everything_one_way() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["sales", "billing"]).await;
    let berta = it.agent_in("berta", &["billing"]).await;
    let (sales, billing) = (it.gives_in(bob, "sales", 2), it.gives_in(bob, "billing", 4));
    let mut without = it.lists(bob, &["sales"]);
    without.handover = Some(to(berta));
    it.stage.act(it.stage.olivia, without).await.unwrap();
    it.moves(1, 2).await;
    it.left(bob, to(it.ada)).await;
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), billing[..2]);
    assert_eq!(it.work.held_by(it.ada.id), [sales, billing[2..].into()].concat());
    let all = it.handovers().await;
    assert!(all.iter().all(|it| it.status.is_over()), "{all:?}");
}

#[tokio::test]
async fn B_two_inboxes_lost_one_after_the_other_each_go_where_was_said() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["sales", "billing", "returns"]).await;
    let berta = it.agent_in("berta", &["billing"]).await;
    let carl = it.agent_in("carl", &["returns"]).await;
    let (billing, returns) = (it.gives_in(bob, "billing", 2), it.gives_in(bob, "returns", 2));
    for (left, successor) in [(vec!["sales", "returns"], berta), (vec!["sales"], carl)] {
        let mut without = it.lists(bob, &left);
        without.handover = Some(to(successor));
        it.stage.act(it.stage.olivia, without).await.unwrap();
    }
    it.settles().await;
    assert_eq!((it.work.held_by(berta.id), it.work.held_by(carl.id)), (billing, returns));
    let all = it.handovers().await;
    let stuck = all.iter().filter(|it| it.status == HandoverStatus::Stuck);
    assert_eq!(stuck.count(), 0, "nothing is left of either");
}

#[tokio::test]
async fn B_whoever_returns_keeps_what_was_stuck() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["sales", "billing"]).await;
    let berta = it.agent_in("berta", &["sales"]).await;
    let (sales, billing) = (it.gives_in(bob, "sales", 2), it.gives_in(bob, "billing", 2));
    it.left(bob, to(berta)).await;
    it.settles().await;
    assert_eq!(it.status(bob).await, HandoverStatus::Stuck);
    it.returns(bob, WorkOnReturn::StaysWhereItIs).await;
    it.settles().await;
    assert_eq!((it.work.held_by(berta.id), it.work.held_by(bob.id)), (sales, billing));
    assert_eq!(it.status(bob).await, HandoverStatus::Returned);
}

#[tokio::test]
async fn B_whoever_returns_from_a_paused_handover_keeps_the_rest() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let ids = it.gives(bob, "tickets", 4);
    it.left(bob, to(berta)).await;
    it.moves(1, 2).await;
    let id = it.handover(bob).await.id;
    it.stage.act(it.ada, it.pause(id)).await.unwrap();
    it.returns(bob, WorkOnReturn::StaysWhereItIs).await;
    it.settles().await;
    assert_eq!(
        (it.work.held_by(berta.id), it.work.held_by(bob.id)),
        (ids[..2].into(), ids[2..].into())
    );
    let refused = it.stage.act(it.ada, it.resume(id)).await;
    assert!(matches!(refused, Err(Refusal::HandoverStep { .. })), "{refused:?}");
}

#[tokio::test]
async fn B_whoever_could_receive_for_a_while_only_gets_nothing_after_that() {
    let it = acme().await;
    let (bob, vera) = (it.agent("bob").await, it.agent("vera").await);
    it.stage.act(it.stage.olivia, it.stage.new_role(vera, "viewer")).await.unwrap();
    let (scope, reason) = (Scope::from(it.stage.org), "a rush".parse().unwrap());
    let lasting = Lasting::For(Span::days(1));
    let gives = (Desk::AnswerTickets, Reach::OWN);
    let grant = GiveGrant::permission(scope, vera.id, gives, lasting, reason);
    it.stage.act(it.stage.olivia, grant).await.unwrap();
    let ids = it.gives(bob, "tickets", 4);
    it.left(bob, to(vera)).await;
    it.moves(1, 2).await;
    assert_eq!(it.work.held_by(vera.id), ids[..2]);
    it.stage.clock.advance(Span::days(2));
    it.settles().await;
    assert_eq!(
        (it.work.held_by(vera.id), it.work.held_by(bob.id)),
        (ids[..2].into(), ids[2..].into())
    );
    assert_eq!(it.status(bob).await, HandoverStatus::Stuck);
}

#[tokio::test]
async fn B_automations_that_were_due_to_a_successor_who_left_are_not_forgotten() {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    let automations = it.gives(bob, "automations", 2);
    let plan = to(berta).kind(kind("automations"), Disposition::To(berta.id));
    it.left(bob, plan).await;
    it.left(berta, to(carl)).await;
    it.settles().await;
    let handover = it.handover(bob).await;
    let reported: u64 = handover.left.iter().map(|it| it.items).sum();
    let moved = automations.iter().filter(|id| it.holder(**id) != Some(bob.id)).count() as u64;
    assert_eq!(moved + reported, 2, "they run in Bob's name, and nobody is told: {handover:?}");
}

// ── What people see of it ───────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_another_choice_is_foreseen_before_anyone_confirms() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    it.gives(bob, "tickets", 3);
    it.left(bob, to(berta)).await;
    let id = it.handover(bob).await.id;
    let preview = it.foresees(it.choose(id, to(it.ada))).await;
    assert_eq!(preview.work.len(), 1);
    assert_eq!(foreseen(&preview.work[0], "tickets"), [(Some(it.ada.id), 3)]);
}

#[tokio::test]
async fn B_what_a_leaving_successor_was_due_is_foreseen_with_their_own_work() {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    it.gives(bob, "tickets", 3);
    it.gives(berta, "tickets", 2);
    it.left(bob, to(berta)).await;
    let preview = it.foresees(it.goes(berta, to(carl))).await;
    let to_carl = preview.work.iter().flat_map(|work| foreseen(work, "tickets"));
    assert_eq!(to_carl.filter(|it| it.0 == Some(carl.id)).map(|it| it.1).sum::<u64>(), 5);
}

#[tokio::test]
async fn B_removing_says_which_teams_it_leaves_empty_or_leaderless() {
    let it = acme().await;
    let (bob, berta) = (it.stage.join("bob", "admin").await, it.agent("berta").await);
    let alone = it.stage.team("Alone", &[bob]).await;
    let led = it.stage.team("Led", &[bob, berta]).await;
    let preview = it.foresees(it.stage.removal(bob, None)).await;
    let mut teams: Vec<_> = preview.teams.iter().map(|it| (it.team, it.without)).collect();
    teams.sort_unstable_by_key(|it| it.0);
    let mut expected = vec![(alone, TeamWithout::Anybody), (led, TeamWithout::Leader)];
    expected.sort_unstable_by_key(|it| it.0);
    assert_eq!(teams, expected);
}

#[tokio::test]
async fn B_taking_somebody_out_of_a_team_says_that_it_is_left_leaderless() {
    let it = acme().await;
    let (bob, berta) = (it.stage.join("bob", "admin").await, it.agent("berta").await);
    let team = it.stage.team("Led", &[bob, berta]).await;
    let (organization, leave) = (it.stage.org, vec![bob.id]);
    let out = ChangeTeamMembers { organization, team, join: vec![], leave, handover: None };
    let teams = it.foresees(out).await.teams;
    assert_eq!(
        teams.iter().map(|it| (it.team, it.without)).collect::<Vec<_>>(),
        [(team, TeamWithout::Leader)]
    );
}

#[tokio::test]
async fn B_demoting_says_which_team_it_leaves_leaderless() {
    let it = acme().await;
    let (bob, berta) = (it.stage.join("bob", "admin").await, it.agent("berta").await);
    let team = it.stage.team("Led", &[bob, berta]).await;
    let teams = it.foresees(it.stage.new_role(bob, "agent")).await.teams;
    assert_eq!(
        teams.iter().map(|it| (it.team, it.without)).collect::<Vec<_>>(),
        [(team, TeamWithout::Leader)]
    );
}

#[tokio::test]
async fn B_every_step_of_a_handover_is_on_record() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    it.gives(bob, "tickets", 2);
    it.left(bob, to(berta)).await;
    let id = it.handover(bob).await.id;
    it.stage.act(it.ada, it.pause(id)).await.unwrap();
    it.stage.act(it.ada, it.choose(id, to(it.ada))).await.unwrap();
    it.stage.act(it.ada, it.resume(id)).await.unwrap();
    it.stage.act(it.ada, it.cancel(id)).await.unwrap();
    it.returns(bob, WorkOnReturn::ComesBack).await;
    let audit = it.stage.directory.audit(&it.ada.p(), it.stage.org, Revision::NONE, 500).await;
    let audit = audit.unwrap();
    let about = |it: &&str| it.starts_with("Handover");
    let entries = audit.entries.iter().flat_map(|it| it.entry.events.iter().map(String::as_str));
    let steps: Vec<_> = entries.filter(about).collect();
    let expected = [
        "HandoverPlanned",
        "HandoverPaused",
        "HandoverChosen",
        "HandoverResumed",
        "HandoverCancelled",
    ];
    assert_eq!(steps, expected);
}

// ── On disk ─────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_handovers_the_same_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("people.db")).unwrap();
    let work = FakeWorkload::with_kinds(kinds());
    let stage = Stage::open_on_with(store, work.clone(), inboxes()).await;
    let ada = stage.join("ada", "admin").await;
    let it = Acme { stage, work, ada };
    let bob = it.agent_in("bob", &["sales", "billing"]).await;
    let berta = it.agent_in("berta", &["sales"]).await;
    let carl = it.agent_in("carl", &["sales"]).await;
    let tier = it.stage.team("Tier 1", &[berta, carl]).await;
    let (sales, billing) = (it.gives_in(bob, "sales", 5), it.gives_in(bob, "billing", 2));
    let contacts = it.gives(bob, "contacts", 3);
    let map = split([(it.ada, &contacts[..1])], Disposition::Unassign);
    let plan = HandoverPlan::from(Disposition::Team(tier, Sharing::LeastLoaded))
        .kind(kind("contacts"), map);
    it.left(bob, plan).await;
    it.moves(1, 2).await;
    let id = it.handover(bob).await.id;
    it.stage.act(it.ada, it.pause(id)).await.unwrap();
    assert_eq!(it.moves(9, 2).await.items_moved, 0);
    it.stage.act(it.ada, it.resume(id)).await.unwrap();
    it.work.lose_next_answers(1);
    it.settles().await;
    let handover = it.handover(bob).await;
    assert_eq!((handover.status, handover.moved), (HandoverStatus::Stuck, 8));
    assert_eq!((handover.left[0].items, handover.left[0].because), (2, LeftBecause::OutOfReach));
    let mut shares = [it.holds(berta), it.holds(carl)];
    shares.sort_unstable();
    assert_eq!(shares, [2, 3]);
    it.stage.act(it.ada, it.choose(id, to(it.ada))).await.unwrap();
    // She leaves before it goes on, and what has reached her moves, too.
    it.left(berta, to(carl)).await;
    it.settles().await;
    assert_eq!(it.work.held_by(it.ada.id), [billing.clone(), vec![contacts[0]]].concat());
    assert_eq!(it.work.held_by(carl.id), sales);
    assert_eq!(it.receipts(id).await.iter().map(|it| it.moved.len()).sum::<usize>(), 10);
    it.stage.act(it.stage.olivia, it.lists(bob, &["sales", "billing"])).await.unwrap_err();
    it.returns(bob, WorkOnReturn::ComesBack).await;
    it.settles().await;
    let came = it.work.held_by(bob.id);
    assert!([billing, contacts].concat().iter().all(|id| came.contains(id)), "{came:?}");
}

#[tokio::test]
async fn B_deactivating_in_a_workspace_hands_over_what_lies_there() {
    let it = north(|_| ()).await;
    let (here, there) = (it.acme.gives(it.bob, "tickets", 2), it.there(it.bob_there));
    let go = Deactivate::new(it.scope, it.bob_there, DeactivatedBecause::ChangedJob)
        .handing_over(to(it.berta));
    it.acme.stage.act(it.acme.stage.olivia, go).await.unwrap();
    it.acme.settles().await;
    assert_eq!(it.acme.work.held_by(it.berta_there), there);
    assert_eq!(it.acme.work.held_by(it.bob.id), here);
}
