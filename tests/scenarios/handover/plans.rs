//! Where work goes: each kind its own way, to one, to a team, by a map, only what is open.

use tenure::domain::{Disposition, HandoverPlan, HandoverStatus, LeftBecause, Sharing};
use tenure::{Management, Principal, Refusal};

use super::{Acme, acme, acme_with, foreseen, inbox, inboxes, kind, split, to};
use crate::stage::{Desk, Who};

fn team(id: tenure::domain::TeamId, sharing: Sharing) -> HandoverPlan {
    Disposition::Team(id, sharing).into()
}

impl Acme {
    fn holdings(&self, people: &[Who]) -> Vec<usize> {
        people.iter().map(|it| self.holds(*it)).collect()
    }
}

#[tokio::test]
async fn B_each_kind_of_work_goes_its_own_way() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let tickets = it.gives(bob, "tickets", 3);
    let contacts = it.gives(bob, "contacts", 2);
    let replies = it.gives(bob, "replies", 2);
    let macros = it.gives(bob, "macros", 1);
    let automations = it.gives(bob, "automations", 1);
    let plan = to(berta)
        .kind(kind("contacts"), Disposition::Unassign)
        .kind(kind("automations"), Disposition::To(it.ada.id));
    it.left(bob, plan).await;
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), tickets);
    assert!(contacts.iter().all(|id| it.holder(*id).is_none()));
    assert_eq!(it.work.held_by(it.ada.id), automations);
    assert_eq!(it.work.held_by(bob.id), [replies, macros].concat(), "nothing was said of these");
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
}

#[tokio::test]
async fn B_a_kind_that_is_to_stay_stays() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let tickets = it.gives(bob, "tickets", 2);
    let contacts = it.gives(bob, "contacts", 2);
    it.left(bob, to(berta).kind(kind("contacts"), Disposition::Leave)).await;
    it.settles().await;
    assert_eq!((it.work.held_by(berta.id), it.work.held_by(bob.id)), (tickets, contacts));
}

#[tokio::test]
async fn B_a_split_gives_these_to_one_and_those_to_another() {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    let ids = it.gives(bob, "contacts", 6);
    let hers = it.gives(bob, "tickets", 2);
    let map = split([(it.ada, &ids[..2]), (berta, &ids[3..4])], Disposition::To(carl.id));
    let plan = HandoverPlan::default()
        .kind(kind("contacts"), map)
        .kind(kind("tickets"), Disposition::To(berta.id));
    it.left(bob, plan).await;
    it.settles().await;
    assert_eq!(it.work.held_by(it.ada.id), ids[..2]);
    assert_eq!(it.work.held_by(berta.id), [vec![ids[3]], hers].concat());
    assert_eq!(it.work.held_by(carl.id), [ids[2], ids[4], ids[5]]);
}

#[tokio::test]
async fn B_a_split_is_foreseen_as_it_comes() {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    let ids = it.gives(bob, "contacts", 6);
    let map = split([(it.ada, &ids[..2]), (berta, &ids[3..4])], Disposition::To(carl.id));
    let plan = HandoverPlan::default().kind(kind("contacts"), map);
    let foresees = it.foresees(it.goes(bob, plan)).await;
    let mut shares = foreseen(&foresees.work[0], "contacts");
    shares.sort_unstable();
    let mut expected = [(Some(it.ada.id), 2), (Some(berta.id), 1), (Some(carl.id), 3)];
    expected.sort_unstable();
    assert_eq!(shares, expected);
}

#[tokio::test]
async fn B_what_a_named_person_cannot_reach_is_foreseen_with_the_rest() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["sales", "billing"]).await;
    let berta = it.agent_in("berta", &["sales"]).await;
    let (sales, billing) = (it.gives_in(bob, "sales", 2), it.gives_in(bob, "billing", 2));
    let map = split([(berta, &[sales[0], billing[0]])], Disposition::To(it.ada.id));
    let plan = HandoverPlan::default().kind(kind("tickets"), map);
    let foresees = it.foresees(it.goes(bob, plan)).await;
    assert!(foresees.work[0].left.is_empty(), "{:?}", foresees.work[0].left);
    let to_ada = foreseen(&foresees.work[0], "tickets").into_iter();
    assert_eq!(to_ada.filter(|it| it.0 != Some(berta.id)).map(|it| it.1).sum::<u64>(), 3);
}

#[tokio::test]
async fn B_a_split_leaves_the_rest_where_that_is_said() {
    let it = acme().await;
    let bob = it.agent("bob").await;
    let ids = it.gives(bob, "tickets", 4);
    let map = split([(it.ada, &ids[1..2])], Disposition::Leave);
    it.left(bob, HandoverPlan::default().kind(kind("tickets"), map)).await;
    it.settles().await;
    assert_eq!(it.work.held_by(it.ada.id), [ids[1]]);
    assert_eq!(it.work.held_by(bob.id), [ids[0], ids[2], ids[3]]);
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
}

#[tokio::test]
async fn B_of_a_split_what_a_named_person_cannot_reach_goes_the_way_of_the_rest() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["sales", "billing"]).await;
    let berta = it.agent_in("berta", &["sales"]).await;
    let (sales, billing) = (it.gives_in(bob, "sales", 2), it.gives_in(bob, "billing", 2));
    let named = [sales[0], billing[0]];
    let map = split([(berta, &named)], Disposition::To(it.ada.id));
    it.left(bob, HandoverPlan::default().kind(kind("tickets"), map)).await;
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), [sales[0]]);
    assert_eq!(it.work.held_by(it.ada.id), [sales[1], billing[0], billing[1]]);
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
}

#[tokio::test]
async fn B_of_a_split_what_nobody_may_receive_is_reported_and_stays() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["billing"]).await;
    let berta = it.agent_in("berta", &["sales"]).await;
    let billing = it.gives_in(bob, "billing", 2);
    let map = split([(berta, &billing)], Disposition::Leave);
    it.left(bob, HandoverPlan::default().kind(kind("tickets"), map)).await;
    it.settles().await;
    assert_eq!(it.work.held_by(bob.id), billing);
    let handover = it.handover(bob).await;
    assert_eq!(handover.status, HandoverStatus::Stuck);
    let left = &handover.left[0];
    assert_eq!((left.items, left.because), (2, LeftBecause::OutOfReach));
    assert_eq!(left.place, inbox("billing"));
}

#[tokio::test]
async fn B_named_items_that_the_leaver_does_not_hold_are_reported_and_hold_up_nothing() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let (his, hers) = (it.gives(bob, "tickets", 2), it.gives(berta, "tickets", 1));
    let map = split([(it.ada, &[his[0], hers[0], 4_711])], Disposition::Unassign);
    it.left(bob, HandoverPlan::default().kind(kind("tickets"), map)).await;
    it.settles().await;
    assert_eq!(it.work.held_by(it.ada.id), [his[0]]);
    assert_eq!(it.work.held_by(berta.id), hers, "hers are not his to hand over");
    assert_eq!(it.holder(his[1]), None);
    let handover = it.handover(bob).await;
    assert_eq!(handover.status, HandoverStatus::Done);
    let left: Vec<_> = handover.left.iter().map(|it| (it.items, it.because)).collect();
    assert_eq!(left, [(2, LeftBecause::NotHeld)]);
}

#[tokio::test]
async fn B_a_team_shares_by_turns_give_or_take_one() {
    let it = acme().await;
    let (bob, berta, carl, dora) = (
        it.agent("bob").await,
        it.agent("berta").await,
        it.agent("carl").await,
        it.agent("dora").await,
    );
    let tier = it.stage.team("Tier 1", &[bob, berta, carl, dora]).await;
    it.gives(bob, "tickets", 10);
    it.left(bob, team(tier, Sharing::RoundRobin)).await;
    it.settles().await;
    let mut shares = it.holdings(&[berta, carl, dora]);
    shares.sort_unstable();
    assert_eq!(shares, [3, 3, 4]);
    assert_eq!(it.holds(bob), 0, "the leaver is in the team, and gets nothing");
}

#[tokio::test]
async fn B_turns_go_on_from_inbox_to_inbox() {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    let tier = it.stage.team("Tier 1", &[berta, carl]).await;
    for name in ["a", "b", "c", "d", "e", "f"] {
        it.gives_in(bob, name, 1);
    }
    it.left(bob, team(tier, Sharing::RoundRobin)).await;
    it.settles().await;
    assert_eq!(it.holdings(&[berta, carl]), [3, 3], "one each time is not always the same one");
}

#[tokio::test]
async fn B_whoever_has_least_gets_first_until_all_have_the_same() {
    let it = acme().await;
    let (bob, berta, carl, dora) = (
        it.agent("bob").await,
        it.agent("berta").await,
        it.agent("carl").await,
        it.agent("dora").await,
    );
    let tier = it.stage.team("Tier 1", &[berta, carl, dora]).await;
    it.gives(berta, "tickets", 6);
    it.gives(carl, "tickets", 1);
    // Contacts, and what is closed, are no load of tickets.
    it.gives(dora, "contacts", 9);
    for id in it.gives(dora, "tickets", 3) {
        it.work.close(id);
    }
    it.gives(bob, "tickets", 7);
    let plan = team(tier, Sharing::LeastLoaded);
    let foresees = it.foresees(it.goes(bob, plan.clone())).await;
    it.left(bob, plan).await;
    it.settles().await;
    let open = |who: Who| {
        let all = it.work.items().into_iter();
        let open = tenure::domain::WorkState::Open;
        all.filter(|it| it.holder == Some(who.id) && it.kind == kind("tickets") && it.state == open)
            .count()
    };
    assert_eq!((open(berta), open(carl), open(dora)), (6, 4, 4));
    let mut shares = foreseen(&foresees.work[0], "tickets");
    shares.sort_unstable();
    let mut expected = [(Some(carl.id), 3), (Some(dora.id), 4)];
    expected.sort_unstable();
    assert_eq!(shares, expected, "foreseen as it came");
}

#[tokio::test]
async fn B_members_of_a_team_get_only_what_they_can_reach() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["sales", "billing"]).await;
    let berta = it.agent_in("berta", &["sales"]).await;
    let carl = it.agent_in("carl", &["sales", "billing"]).await;
    let vera = it.stage.join("vera", "viewer").await;
    let tier = it.stage.team("Tier 1", &[berta, carl, vera]).await;
    it.gives_in(bob, "sales", 4);
    let billing = it.gives_in(bob, "billing", 3);
    it.left(bob, team(tier, Sharing::RoundRobin)).await;
    it.settles().await;
    assert_eq!(it.holdings(&[berta, carl, vera, bob]), [2, 5, 0, 0]);
    assert!(billing.iter().all(|id| it.holder(*id) == Some(carl.id)));
}

#[tokio::test]
async fn B_finished_items_stay_with_whoever_finished_them_where_only_open_ones_move() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let ids = it.gives(bob, "tickets", 4);
    it.work.close(ids[1]);
    let states = it.states();
    it.left(bob, to(berta).open_only()).await;
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), [ids[0], ids[2], ids[3]]);
    assert_eq!(it.work.held_by(bob.id), [ids[1]]);
    assert_eq!(it.states(), states);
    assert_eq!(
        it.status(bob).await,
        HandoverStatus::Done,
        "what stays as planned is not left over"
    );
}

#[tokio::test]
async fn B_a_receiver_is_somebody_else_who_is_active_here() {
    let it = acme().await;
    let (bob, dora) = (it.agent("bob").await, it.agent("dora").await);
    it.stage.deactivate(it.stage.olivia, dora).await.unwrap();
    let ivan = it.stage.invite(it.stage.olivia, "ivan", "agent").await.unwrap().membership;
    let gone = it.agent("gustav").await;
    it.stage.act(it.stage.olivia, it.stage.removal(gone, None)).await.unwrap();
    let rival = it.stage.beside("Rival", "rita@rival.example", crate::stage::desk(|_| ())).await;
    let unknown = it.stage.directory.new_id();
    for whom in [bob.id, dora.id, ivan, gone.id, rival.olivia.id, unknown] {
        let refused = it.leaves(bob, Disposition::To(whom)).await;
        assert_eq!(refused, Err(Refusal::SuccessorUnfit));
    }
    assert!(it.stage.row(bob).await.membership.is_active());
}

#[tokio::test]
async fn B_a_receiver_who_lacks_the_permission_is_refused_when_it_is_planned() {
    let it = acme().await;
    let bob = it.agent("bob").await;
    let vera = it.agent("vera").await;
    it.stage.act(it.stage.olivia, it.stage.new_role(vera, "viewer")).await.unwrap();
    let refused = it.leaves(bob, to(vera)).await;
    let permission = Desk::AnswerTickets.into();
    assert_eq!(refused, Err(Refusal::CannotReceive { kind: kind("tickets"), permission }));
    let tier = it.stage.team("Readers", &[vera]).await;
    let refused = it.leaves(bob, team(tier, Sharing::LeastLoaded)).await;
    assert_eq!(refused, Err(Refusal::NobodyInTeam { kind: kind("tickets") }));
    // She may have what takes no permission.
    let plan = to(it.ada).kind(kind("contacts"), Disposition::To(vera.id));
    let contacts = it.gives(bob, "contacts", 2);
    it.left(bob, plan).await;
    it.settles().await;
    assert_eq!(it.work.held_by(vera.id), contacts);
}

#[tokio::test]
async fn B_a_plan_that_cannot_be_is_refused_and_changes_nothing() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let ids = it.gives(bob, "tickets", 1);
    let nowhere = it.stage.directory.new_id();
    let whole = split([(berta, &ids)], Disposition::Unassign);
    let nested = split([(berta, &ids)], whole.clone());
    let single = |name, to: Disposition| HandoverPlan::default().kind(kind(name), to);
    let plans = [
        (single("tockets", Disposition::Leave), Refusal::UnknownKind(kind("tockets"))),
        (whole.clone().into(), Refusal::SplitOfEverything),
        (single("tickets", nested), Refusal::SplitOfEverything),
        (team(nowhere, Sharing::RoundRobin), Refusal::NotFound(tenure::domain::Thing::Team)),
    ];
    for (plan, refusal) in plans {
        assert_eq!(it.leaves(bob, plan).await, Err(refusal));
    }
    it.settles().await;
    assert!(it.stage.row(bob).await.membership.is_active());
    assert!(it.handovers().await.is_empty());
    assert_eq!(it.work.held_by(bob.id), ids);
    assert!(!it.stage.may(bob, Management::HandOverWork).await);
    let who = Principal::System;
    let all = it.stage.directory.handovers(&who, it.stage.org, None, 5).await.unwrap();
    assert!(all.rows.is_empty());
}
