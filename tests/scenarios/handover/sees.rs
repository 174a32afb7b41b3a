//! What people see before they confirm.

use tenure::commands::Invite;
use tenure::directory::{TeamLeft, TeamWithout};
use tenure::domain::{Disposition, LeftBecause, Sharing, WorkState};

use super::{acme, acme_with, foreseen, inbox, inboxes, kind, to};
use crate::stage::{email, role};

#[tokio::test]
async fn B_before_anyone_confirms_they_see_what_is_held_and_who_gets_how_much() {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    let tier = it.stage.team("Tier 1", &[berta, carl]).await;
    let ids = it.gives(bob, "tickets", 5);
    it.work.close(ids[0]);
    it.gives(bob, "contacts", 3);
    it.gives(bob, "macros", 1);
    let plan = to(it.ada)
        .kind(kind("tickets"), Disposition::Team(tier, Sharing::RoundRobin))
        .kind(kind("contacts"), Disposition::Unassign);
    let before = (it.work.items(), it.handovers().await);
    let preview = it.foresees(it.goes(bob, plan.clone())).await;
    assert_eq!(preview.work.len(), 1);
    let work = &preview.work[0];
    assert_eq!((work.holder, work.scope), (bob.id, it.stage.org.into()));
    let count = |name, state| {
        let of = work.holds.iter().filter(|it| it.kind == kind(name) && it.state == state);
        of.map(|it| it.items).sum::<u64>()
    };
    assert_eq!((count("tickets", WorkState::Open), count("tickets", WorkState::Closed)), (4, 1));
    assert_eq!((count("contacts", WorkState::Open), count("macros", WorkState::Open)), (3, 1));
    let mut shares: Vec<_> = foreseen(work, "tickets").into_iter().map(|it| it.1).collect();
    shares.sort_unstable();
    assert_eq!(shares, [2, 3]);
    assert_eq!(foreseen(work, "contacts"), [(None, 3)]);
    assert_eq!(foreseen(work, "macros"), [], "nothing was said of them");
    assert!(work.moves.iter().all(|it| it.from == Some(bob.id)));
    assert!(work.left.is_empty());
    assert_eq!(preview.seats.map(|it| (it.before, it.after)), Some((5, 4)));
    // Looking changes nothing.
    assert!(it.stage.row(bob).await.membership.is_active());
    assert_eq!((it.work.items(), it.handovers().await), before);
    // And it comes as it was foreseen.
    let mut foreseen_tickets = foreseen(work, "tickets");
    it.left(bob, plan).await;
    it.settles().await;
    let mut came = [berta, carl].map(|who| (Some(who.id), it.holds(who) as u64)).to_vec();
    came.sort_unstable();
    foreseen_tickets.sort_unstable();
    assert_eq!(came, foreseen_tickets);
}

#[tokio::test]
async fn B_before_anyone_confirms_they_see_what_cannot_move_and_why() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["sales", "billing"]).await;
    let berta = it.agent_in("berta", &["sales"]).await;
    it.gives_in(bob, "sales", 2);
    it.gives_in(bob, "billing", 3);
    let preview = it.foresees(it.goes(bob, to(berta))).await;
    let work = &preview.work[0];
    assert_eq!(foreseen(work, "tickets"), [(Some(berta.id), 2)]);
    assert_eq!(work.left.len(), 1);
    let left = &work.left[0];
    assert_eq!((left.items, left.because), (3, LeftBecause::OutOfReach));
    assert_eq!(
        (&left.kind, &left.place, left.holder),
        (&kind("tickets"), &inbox("billing"), Some(bob.id))
    );
}

#[tokio::test]
async fn B_before_anyone_confirms_they_see_which_invitations_are_revoked() {
    let it = acme().await;
    let bob = it.stage.join("bob", "admin").await;
    let invited = it.stage.act(bob, Invite::new(it.stage.org, email("ivan"), role("agent")));
    let invited = invited.await.unwrap().invitation;
    it.stage.invite(it.stage.olivia, "iris", "agent").await.unwrap();
    let preview = it.foresees(it.goes(bob, to(it.ada))).await;
    assert_eq!(preview.invitations, [invited]);
}

#[tokio::test]
async fn B_before_anyone_confirms_they_see_which_teams_are_left_empty_or_leaderless() {
    let it = acme().await;
    let (bob, berta) = (it.stage.join("bob", "admin").await, it.agent("berta").await);
    let dora = it.agent("dora").await;
    let alone = it.stage.team("Alone", &[bob, dora]).await;
    let led = it.stage.team("Led", &[bob, berta]).await;
    let shared = it.stage.team("Shared", &[bob, it.ada]).await;
    it.stage.deactivate(it.stage.olivia, dora).await.unwrap();
    let preview = it.foresees(it.goes(bob, to(it.ada))).await;
    let without =
        |team| preview.teams.iter().find(|it: &&TeamLeft| it.team == team).map(|it| it.without);
    assert_eq!(without(alone), Some(TeamWithout::Anybody), "Dora is not active");
    assert_eq!(without(led), Some(TeamWithout::Leader));
    assert_eq!(without(shared), None, "Ada can lead it");
    assert_eq!(preview.teams.len(), 2);
}

#[tokio::test]
async fn B_before_anyone_confirms_they_see_what_runs_on_in_the_leavers_name() {
    let it = acme().await;
    let bob = it.agent("bob").await;
    it.gives(bob, "automations", 2);
    it.gives(bob, "macros", 3);
    let preview = it.foresees(it.goes(bob, to(it.ada))).await;
    assert_eq!(preview.work[0].runs_on, [(kind("automations"), 2)], "macros run in no name");
    let plan = to(it.ada).kind(kind("automations"), Disposition::To(it.ada.id));
    let preview = it.foresees(it.goes(bob, plan)).await;
    assert!(preview.work[0].runs_on.is_empty());
    assert_eq!(foreseen(&preview.work[0], "automations"), [(Some(it.ada.id), 2)]);
}

#[tokio::test]
async fn B_shares_by_load_over_several_inboxes_are_foreseen_as_they_come() {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    let tier = it.stage.team("Tier 1", &[berta, carl]).await;
    let hers = it.gives(berta, "tickets", 4).len() as u64;
    it.gives_in(bob, "sales", 4);
    it.gives_in(bob, "billing", 4);
    let plan = Disposition::Team(tier, Sharing::LeastLoaded);
    let preview = it.foresees(it.goes(bob, plan.clone())).await;
    it.left(bob, plan).await;
    it.settles().await;
    assert_eq!((it.holds(berta), it.holds(carl)), (6, 6));
    let mut shares = foreseen(&preview.work[0], "tickets");
    shares.sort_unstable();
    let mut came = [(Some(berta.id), 6 - hers), (Some(carl.id), 6)];
    came.sort_unstable();
    assert_eq!(shares, came);
}

#[tokio::test]
async fn B_a_preview_is_refused_as_the_command_would_be() {
    let it = acme().await;
    let bob = it.agent("bob").await;
    let refused = it.stage.directory.preview(it.stage.olivia, it.goes(bob, to(bob))).await;
    assert_eq!(refused.unwrap_err().refusal(), Some(&tenure::Refusal::SuccessorUnfit));
}
