//! A handover on its way: batches, receipts, pause, cancel, another choice, failures, crashes.

use std::sync::Mutex;

use tenure::commands::{
    Block, ChangeTeamMembers, ChangeTeamsOf, Leave, OverridePermission, SetTeamPermissions,
};
use tenure::directory::Reauthenticated;
use tenure::domain::{
    Disposition, Fence, HandoverPlan, HandoverStatus, HandoverStep, LeftBecause, Override,
    RemovedBecause, SkippedBecause, Span, Thing,
};
use tenure::testing::{FakeEntropy, FakeWorkload, SharedStore, Strict};
use tenure::{Clock, Command, KeyRing, Management, Reach, Refusal, UserDirectory};

use super::{Acme, acme, acme_with, bounds, inbox, inboxes, item, kind, kinds, to};
use crate::stage::{Desk, Stage, Who, desk, role};

/// Bob has left, Berta takes over this many tickets; what has not begun has not moved.
async fn bob_has_left(tickets: usize) -> (Acme, Who, Who, Vec<u64>) {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let ids = it.gives(bob, "tickets", tickets);
    it.left(bob, to(berta)).await;
    (it, bob, berta, ids)
}

#[tokio::test]
async fn B_deactivating_makes_somebody_inactive_and_asks_the_host_nothing() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let ids = it.gives(bob, "tickets", 3);
    let calls = it.work.calls();
    it.left(bob, to(berta)).await;
    assert_eq!(it.work.calls(), calls);
    assert!(!it.stage.row(bob).await.membership.is_active());
    assert_eq!(it.work.held_by(bob.id), ids);
    let handover = it.handover(bob).await;
    assert_eq!((handover.status, handover.moved), (HandoverStatus::Running, 0));
    // A host that is away changes nothing about that.
    it.work.fail_next(u32::MAX);
    it.left(berta, to(it.ada)).await;
    assert!(!it.stage.row(berta).await.membership.is_active());
}

#[tokio::test]
async fn B_each_batch_leaves_a_receipt_and_together_they_name_each_item_once() {
    let (it, bob, berta, ids) = bob_has_left(5).await;
    let contacts = it.gives(bob, "contacts", 2);
    let done = it.moves(20, 2).await;
    assert_eq!((done.items_moved, done.handovers_done, done.more), (7, 1, false));
    let handover = it.handover(bob).await;
    assert_eq!((handover.status, handover.moved, handover.skipped), (HandoverStatus::Done, 7, 0));
    let receipts = it.receipts(handover.id).await;
    assert!(receipts.len() >= 4, "batches hold two items: {receipts:?}");
    for receipt in &receipts {
        assert!(receipt.moved.len() <= 2 && receipt.skipped.is_empty());
        assert_eq!((receipt.from, receipt.to), (Some(bob.id), Some(berta.id)));
        assert_eq!(receipt.batch.handover, handover.id);
    }
    let mut named: Vec<_> = receipts.into_iter().flat_map(|it| it.moved).collect();
    named.sort_unstable();
    let mut all: Vec<_> = [ids, contacts].concat().into_iter().map(item).collect();
    all.sort_unstable();
    assert_eq!(named, all);
}

#[tokio::test]
async fn B_work_that_arrives_meanwhile_moves_too() {
    let (it, bob, berta, mut ids) = bob_has_left(4).await;
    it.moves(1, 2).await;
    ids.extend(it.gives(bob, "tickets", 2));
    ids.extend(it.gives(bob, "contacts", 1));
    // In front of everything else in the host's order, too.
    it.work.delete(ids.remove(0));
    it.moves(2, 2).await;
    it.work.put(tenure::testing::WorkItem::new(1, it.stage.org, "tickets", Some(bob.id)));
    ids.insert(0, 1);
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), ids);
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
}

#[tokio::test]
async fn B_a_paused_handover_moves_nothing_until_it_is_resumed() {
    let (it, bob, berta, ids) = bob_has_left(6).await;
    it.moves(1, 2).await;
    let id = it.handover(bob).await.id;
    it.stage.act(it.ada, it.pause(id)).await.unwrap();
    it.settles().await;
    let moved = it.holds(berta);
    assert!(moved < 6, "{moved}");
    let handover = it.handover(bob).await;
    assert_eq!((handover.status, handover.moved), (HandoverStatus::Paused, moved as u64));
    let again = it.stage.act(it.ada, it.pause(id)).await;
    let (from, step) = (HandoverStatus::Paused, HandoverStep::Pause);
    assert_eq!(again, Err(Refusal::HandoverStep { from, step }));
    it.stage.act(it.ada, it.resume(id)).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), ids);
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
}

#[tokio::test]
async fn B_a_cancelled_handover_says_what_has_moved_so_far() {
    let (it, bob, berta, ids) = bob_has_left(6).await;
    it.moves(1, 2).await;
    let id = it.handover(bob).await.id;
    it.stage.act(it.ada, it.cancel(id)).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), ids[..2]);
    assert_eq!(it.work.held_by(bob.id), ids[2..]);
    let handover = it.handover(bob).await;
    assert_eq!((handover.status, handover.moved), (HandoverStatus::Cancelled, 2));
    let moved: Vec<_> = it.receipts(id).await.into_iter().flat_map(|it| it.moved).collect();
    assert_eq!(moved, [item(ids[0]), item(ids[1])]);
    let from = HandoverStatus::Cancelled;
    for (command, step) in [
        (Command::from(it.pause(id)), HandoverStep::Pause),
        (it.resume(id).into(), HandoverStep::Resume),
        (it.cancel(id).into(), HandoverStep::Cancel),
        (it.choose(id, to(it.ada)).into(), HandoverStep::Choose),
    ] {
        let refused = it.stage.act_all(it.ada, vec![command]).await;
        assert_eq!(refused, [Err(Refusal::HandoverStep { from, step })]);
    }
}

#[tokio::test]
async fn B_what_is_stuck_goes_on_once_somebody_chooses_again() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["sales", "billing"]).await;
    let berta = it.agent_in("berta", &["sales"]).await;
    let (sales, billing) = (it.gives_in(bob, "sales", 2), it.gives_in(bob, "billing", 3));
    it.left(bob, to(berta)).await;
    let mut stuck = 0;
    for _ in 0..3 {
        stuck += it.moves(20, 100).await.handovers_stuck;
    }
    assert_eq!(stuck, 1, "it is said once");
    assert_eq!((it.work.held_by(berta.id), it.work.held_by(bob.id)), (sales, billing.clone()));
    let handover = it.handover(bob).await;
    assert_eq!(handover.status, HandoverStatus::Stuck);
    let left: Vec<_> = handover.left.iter().map(|it| (it.items, it.because)).collect();
    assert_eq!(left, [(3, LeftBecause::OutOfReach)]);
    it.stage.act(it.ada, it.choose(handover.id, to(it.ada))).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(it.ada.id), billing);
    let handover = it.handover(bob).await;
    assert_eq!((handover.status, handover.moved), (HandoverStatus::Done, 5));
    assert!(handover.left.is_empty(), "{:?}", handover.left);
}

#[tokio::test]
async fn B_what_is_stuck_goes_on_once_the_receiver_can_reach_it() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["billing"]).await;
    let berta = it.agent_in("berta", &["sales"]).await;
    let billing = it.gives_in(bob, "billing", 3);
    it.left(bob, to(berta)).await;
    it.settles().await;
    let id = it.handover(bob).await.id;
    it.stage.act(it.stage.olivia, it.lists(berta, &["sales", "billing"])).await.unwrap();
    it.settles().await;
    assert_eq!(it.holds(berta), 0, "it waits for somebody to say so");
    it.stage.act(it.ada, it.resume(id)).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), billing);
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
}

#[tokio::test]
async fn B_choosing_again_moves_only_what_has_not_moved() {
    let (it, bob, berta, ids) = bob_has_left(6).await;
    it.moves(1, 2).await;
    let id = it.handover(bob).await.id;
    it.stage.act(it.ada, it.choose(id, to(it.ada))).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), ids[..2]);
    assert_eq!(it.work.held_by(it.ada.id), ids[2..]);
    assert_eq!(it.handover(bob).await.moved, 6);
}

#[tokio::test]
async fn B_a_choice_while_paused_waits_for_the_end_of_the_pause() {
    let (it, bob, berta, ids) = bob_has_left(4).await;
    let id = it.handover(bob).await.id;
    it.stage.act(it.ada, it.pause(id)).await.unwrap();
    it.stage.act(it.ada, it.choose(id, to(it.ada))).await.unwrap();
    it.settles().await;
    assert_eq!((it.holds(it.ada), it.status(bob).await), (0, HandoverStatus::Paused));
    it.stage.act(it.ada, it.resume(id)).await.unwrap();
    it.settles().await;
    assert_eq!((it.work.held_by(it.ada.id), it.holds(berta)), (ids, 0));
}

#[tokio::test]
async fn B_a_choice_keeps_to_the_rules_and_to_who_can_receive() {
    let it = acme().await;
    let (bob, vera) = (it.agent("bob").await, it.agent("vera").await);
    it.stage.act(it.stage.olivia, it.stage.new_role(vera, "viewer")).await.unwrap();
    it.gives(bob, "tickets", 1);
    it.left(bob, to(it.ada)).await;
    let id = it.handover(bob).await.id;
    let refused = it.stage.act(it.ada, it.choose(id, to(vera))).await;
    assert!(matches!(refused, Err(Refusal::CannotReceive { .. })), "{refused:?}");
    let refused = it.stage.act(it.ada, it.choose(id, to(bob))).await;
    assert_eq!(refused, Err(Refusal::SuccessorUnfit));
    let plan = HandoverPlan::default().kind(kind("replies"), Disposition::To(it.ada.id));
    let refused = it.stage.act(it.ada, it.choose(id, plan)).await;
    assert!(matches!(refused, Err(Refusal::RuleForbids { rule: "C13", .. })), "{refused:?}");
}

#[tokio::test]
async fn B_driving_handovers_takes_work_hand_over_and_strangers_learn_nothing() {
    let (it, bob, berta, ids) = bob_has_left(2).await;
    let id = it.handover(bob).await.id;
    let rival = it.stage.beside("Rival", "rita@rival.example", desk(|_| ())).await;
    let commands = |id| -> Vec<Command> {
        vec![
            it.pause(id).into(),
            it.resume(id).into(),
            it.cancel(id).into(),
            it.choose(id, to(berta)).into(),
        ]
    };
    let missing = Err(Refusal::MissingPermission(Management::HandOverWork.into()));
    let unknown = it.stage.directory.new_id();
    for answer in it.stage.act_all(berta, [commands(id), commands(unknown)].concat()).await {
        assert_eq!(answer, missing, "and whether it exists is not said");
    }
    for answer in it.stage.act_all(rival.olivia, commands(id)).await {
        assert_eq!(answer, Err(Refusal::NotFound(Thing::Organization)));
    }
    for answer in it.stage.act_all(it.ada, commands(unknown)).await {
        assert_eq!(answer, Err(Refusal::NotFound(Thing::Handover)));
    }
    let (who, org) = (berta.p(), it.stage.org);
    let directory = &it.stage.directory;
    assert!(directory.handovers(&who, org, None, 9).await.is_err());
    assert!(directory.handover_receipts(&who, org, id, None, 9).await.is_err());
    let theirs = directory.handover_receipts(&rival.olivia.p(), rival.org, id, None, 9).await;
    assert_eq!(theirs.unwrap_err().refusal(), Some(&Refusal::NotFound(Thing::Handover)));
    // The permission is all that it takes.
    let (scope, permission) = (it.stage.org.into(), Management::HandOverWork.into());
    let to_raised = Some(Override::Raise(Reach::ALL));
    let raise = OverridePermission { scope, membership: berta.id, permission, to: to_raised };
    it.stage.act(it.stage.olivia, raise).await.unwrap();
    let answers = it.stage.act_all(berta, commands(id)[..2].to_vec()).await;
    assert_eq!(answers, [Ok(()), Ok(())]);
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), ids);
}

#[tokio::test]
async fn B_who_receives_is_checked_again_when_each_batch_runs() {
    let (it, bob, berta, ids) = bob_has_left(6).await;
    it.moves(1, 2).await;
    it.stage.act(it.stage.olivia, it.stage.new_role(berta, "viewer")).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), ids[..2], "nothing after she lost the permission");
    assert_eq!(it.work.held_by(bob.id), ids[2..]);
    let handover = it.handover(bob).await;
    assert_eq!(handover.status, HandoverStatus::Stuck);
    assert_eq!(handover.left.iter().map(|it| it.items).sum::<u64>(), 4);
}

#[tokio::test]
async fn B_what_the_host_holds_back_is_reported_with_its_reason_and_stays() {
    let (it, bob, berta, ids) = bob_has_left(4).await;
    it.work.hold_back(ids[1], "under legal hold".parse().unwrap());
    it.settles().await;
    assert_eq!(it.work.held_by(bob.id), [ids[1]]);
    assert_eq!(it.holds(berta), 3);
    let handover = it.handover(bob).await;
    assert_eq!(handover.status, HandoverStatus::Stuck);
    assert_eq!((handover.left[0].items, handover.left[0].because), (1, LeftBecause::HeldBack));
    let skipped: Vec<_> =
        it.receipts(handover.id).await.into_iter().flat_map(|it| it.skipped).collect();
    let reason = SkippedBecause::Refused("under legal hold".parse().unwrap());
    assert!(skipped.iter().any(|it| it.item == item(ids[1]) && it.because == reason));
    it.work.let_go(ids[1]);
    it.stage.act(it.ada, it.resume(handover.id)).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), ids);
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
}

#[tokio::test]
async fn B_a_host_that_is_away_is_asked_again_later_and_later() {
    let (it, bob, berta, ids) = bob_has_left(3).await;
    let mut waits = Vec::new();
    for _ in 0..12 {
        it.work.fail_next(1);
        let (now, calls) = (it.stage.clock.now(), it.work.calls());
        it.stage.settle().await;
        assert_eq!(it.work.calls(), calls + 1, "it is not asked again at once");
        it.stage.settle().await;
        assert_eq!(it.work.calls(), calls + 1);
        let due = it.handover(bob).await.waits_until().unwrap();
        waits.push((due.micros() - now.micros()) / 1_000_000);
        it.stage.clock.set(due);
    }
    assert!(waits.is_sorted() && waits[0] >= 1 && waits[0] < waits[3], "{waits:?}");
    assert_eq!(waits.last(), Some(&3_600), "{waits:?}");
    assert_eq!(it.handover(bob).await.failures, 12);
    it.stage.settle().await;
    assert_eq!(it.work.held_by(berta.id), ids);
    let handover = it.handover(bob).await;
    assert_eq!((handover.status, handover.failures), (HandoverStatus::Done, 0));
}

#[tokio::test]
async fn B_one_handover_that_cannot_go_on_holds_up_no_other() {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    let (ids, his) = (it.gives(bob, "tickets", 2), it.gives(carl, "tickets", 2));
    it.left(bob, to(berta)).await;
    it.left(carl, to(it.ada)).await;
    it.work.fail_next(1);
    it.stage.settle().await;
    let (first, second) = (it.holds(berta) == 2, it.holds(it.ada) == 2);
    assert!(first != second, "one was put off, the other done: {first} {second}");
    it.settles().await;
    assert_eq!((it.work.held_by(berta.id), it.work.held_by(it.ada.id)), (ids, his));
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
}

#[tokio::test]
async fn B_an_answer_that_was_lost_moves_nothing_twice() {
    let (it, bob, berta, ids) = bob_has_left(5).await;
    for _ in 0..3 {
        it.work.lose_next_answers(1);
        it.moves(1, 2).await;
        it.stage.clock.advance(Span::hours(1));
    }
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), ids);
    let handover = it.handover(bob).await;
    assert_eq!((handover.status, handover.moved), (HandoverStatus::Done, 5));
    let moved: Vec<_> =
        it.receipts(handover.id).await.into_iter().flat_map(|it| it.moved).collect();
    assert_eq!(moved, ids.into_iter().map(item).collect::<Vec<_>>());
}

#[tokio::test]
async fn B_another_process_goes_on_where_one_crashed() {
    let store = SharedStore::new(Strict::new(tenure::adapters::memory::MemoryStore::new()));
    let work = FakeWorkload::with_kinds(kinds());
    let stage = Stage::open_on_with(store.clone(), work.clone(), desk(|_| ())).await;
    let ada = stage.join("ada", "admin").await;
    let it = Acme { stage, work, ada };
    let bob = it.agent("bob").await;
    let ids = it.gives(bob, "tickets", 5);
    it.left(bob, to(ada)).await;
    it.moves(1, 2).await;
    // It crashes after asking for the second batch: the host has done it, and nobody heard.
    it.work.lose_next_answers(1);
    it.moves(1, 2).await;
    let other = UserDirectory::builder_with(
        store,
        it.stage.postbox.clone(),
        KeyRing::new([7; 32]),
        it.stage.clock.clone(),
        FakeEntropy::new(2),
    )
    .permissions::<Desk>()
    .workload(it.work.clone())
    .build();
    it.stage.clock.advance(Span::seconds(301));
    while other.maintain_up_to(bounds(1, 2)).await.unwrap().more {}
    assert_eq!(it.work.held_by(ada.id), ids);
    let handover = it.handover(bob).await;
    assert_eq!((handover.status, handover.moved), (HandoverStatus::Done, 5));
}

#[tokio::test]
async fn B_progress_is_told_after_each_batch_with_counts_and_an_estimate() {
    let (it, bob, _, _) = bob_has_left(10).await;
    let told = Mutex::new(Vec::new());
    let report = |handover: &tenure::domain::Handover| {
        let estimate = handover.estimate(it.stage.clock.now());
        told.lock().unwrap().push((handover.moved, handover.remaining(), estimate));
        it.stage.clock.advance(Span::seconds(10));
    };
    let most = bounds(20, 2);
    while it.stage.directory.maintain_telling(most, &report).await.unwrap().more {}
    let told = told.into_inner().unwrap();
    assert!(told.len() >= 5, "{told:?}");
    assert!(told.is_sorted_by_key(|(moved, ..)| *moved), "{told:?}");
    assert!(told.iter().all(|(moved, remaining, _)| moved + remaining <= 10), "{told:?}");
    assert_eq!(told.last().map(|(moved, remaining, _)| (*moved, *remaining)), Some((10, 0)));
    let halfway = told.iter().find(|(moved, ..)| *moved == 4).unwrap();
    // Four took about 20 to 30 seconds; six more take that half again.
    let seconds = halfway.2.unwrap().as_seconds();
    assert!((20..=60).contains(&seconds), "{told:?}");
    assert_eq!(told[0].2, None, "nothing is known before anything has moved");
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
}

// ── Losing what the work needs ──────────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_whoever_loses_a_role_keeps_what_they_still_reach() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let (tickets, contacts) = (it.gives(bob, "tickets", 2), it.gives(bob, "contacts", 2));
    let mut change = it.stage.new_role(bob, "viewer");
    change.handover = Some(to(berta));
    let preview = it.foresees(change.clone()).await;
    assert_eq!(super::foreseen(&preview.work[0], "tickets"), [(Some(berta.id), 2)]);
    assert_eq!(super::foreseen(&preview.work[0], "contacts"), []);
    it.stage.act(it.stage.olivia, change).await.unwrap();
    it.settles().await;
    assert_eq!((it.work.held_by(berta.id), it.work.held_by(bob.id)), (tickets, contacts));
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
    assert_eq!(it.stage.row(bob).await.membership.role, role("viewer"));
}

#[tokio::test]
async fn B_whoever_loses_a_role_without_a_plan_keeps_their_work() {
    let it = acme().await;
    let bob = it.agent("bob").await;
    let tickets = it.gives(bob, "tickets", 2);
    it.stage.act(it.stage.olivia, it.stage.new_role(bob, "viewer")).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(bob.id), tickets);
    assert!(it.handovers().await.is_empty());
}

#[tokio::test]
async fn B_whoever_loses_an_inbox_hands_over_what_lies_in_it() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["sales", "billing"]).await;
    let berta = it.agent_in("berta", &["billing"]).await;
    let (sales, billing) = (it.gives_in(bob, "sales", 2), it.gives_in(bob, "billing", 2));
    let without = it.lists(bob, &["sales"]);
    it.stage.act(it.stage.olivia, without.clone()).await.unwrap();
    it.settles().await;
    assert_eq!(it.holds(bob), 4, "nothing was said");
    it.stage.act(it.stage.olivia, it.lists(bob, &["sales", "billing"])).await.unwrap();
    let mut with = without;
    with.handover = Some(to(berta));
    it.stage.act(it.stage.olivia, with).await.unwrap();
    it.settles().await;
    assert_eq!((it.work.held_by(bob.id), it.work.held_by(berta.id)), (sales, billing));
}

#[tokio::test]
async fn B_whoever_gets_the_inbox_back_meanwhile_keeps_the_rest() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["sales", "billing"]).await;
    let berta = it.agent_in("berta", &["billing"]).await;
    let billing = it.gives_in(bob, "billing", 4);
    let mut without = it.lists(bob, &["sales"]);
    without.handover = Some(to(berta));
    it.stage.act(it.stage.olivia, without).await.unwrap();
    it.moves(1, 2).await;
    it.stage.act(it.stage.olivia, it.lists(bob, &["sales", "billing"])).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), billing[..2]);
    assert_eq!(it.work.held_by(bob.id), billing[2..]);
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
}

/// A team whose members answer tickets; Vera is in it and has some.
async fn answering_team() -> (Acme, Who, Who, tenure::domain::TeamId, Vec<u64>) {
    let it = acme().await;
    let (vera, berta) = (it.agent("vera").await, it.agent("berta").await);
    it.stage.act(it.stage.olivia, it.stage.new_role(vera, "viewer")).await.unwrap();
    let team = it.stage.team("Night shift", &[vera]).await;
    let gives = SetTeamPermissions {
        organization: it.stage.org,
        team,
        permissions: [(Desk::AnswerTickets.into(), Reach::OWN)].into(),
        fence: Fence::default(),
    };
    it.stage.act(it.stage.olivia, gives).await.unwrap();
    let ids = it.gives(vera, "tickets", 2);
    it.gives(vera, "contacts", 1);
    (it, vera, berta, team, ids)
}

#[tokio::test]
async fn B_whoever_loses_a_team_hands_over_what_the_team_let_them_reach() {
    let (it, vera, berta, team, ids) = answering_team().await;
    let (organization, leave) = (it.stage.org, vec![vera.id]);
    let handover = Some(to(berta));
    let out = ChangeTeamMembers { organization, team, join: vec![], leave, handover };
    it.stage.act(it.stage.olivia, out).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), ids);
    assert_eq!(it.holds(vera), 1, "contacts take no permission");
    let (it, vera, berta, team, ids) = answering_team().await;
    let (organization, membership, leave) = (it.stage.org, vera.id, vec![team]);
    let handover = Some(to(berta));
    let out = ChangeTeamsOf { organization, membership, join: vec![], leave, handover };
    it.stage.act(it.stage.olivia, out).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), ids);
}

#[tokio::test]
async fn B_whoever_loses_a_team_without_a_plan_keeps_their_work() {
    let (it, vera, _, team, ids) = answering_team().await;
    let (organization, leave, handover) = (it.stage.org, vec![vera.id], None);
    let out = ChangeTeamMembers { organization, team, join: vec![], leave, handover };
    it.stage.act(it.stage.olivia, out).await.unwrap();
    it.settles().await;
    assert!(ids.iter().all(|id| it.holder(*id) == Some(vera.id)));
}

// ── Every way out ───────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_blocking_leaving_and_removing_carry_a_handover_too() {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    let ids = [bob, berta, carl].map(|who| it.gives(who, "tickets", 2)).concat();
    let (organization, handover) = (it.stage.org, Some(to(it.ada)));
    let block = Block { organization, membership: bob.id, handover: handover.clone() };
    it.stage.act(it.stage.olivia, block).await.unwrap();
    let (scope, because) = (it.stage.org.into(), RemovedBecause::Left);
    let leave = Leave { scope, membership: berta.id, because, handover: handover.clone() };
    it.stage.act(berta, leave).await.unwrap();
    let mut remove = it.stage.removal(carl, None);
    remove.handover = handover;
    it.stage.act(it.stage.olivia, remove).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(it.ada.id), ids);
}

#[tokio::test]
async fn B_whoever_deletes_themselves_hands_over_as_they_say() {
    let it = acme().await;
    let bob = it.agent("bob").await;
    let (tickets, contacts) = (it.gives(bob, "tickets", 3), it.gives(bob, "contacts", 2));
    let plan = to(it.ada).kind(kind("contacts"), Disposition::Unassign);
    let work = |_: &tenure::domain::Membership| Some(plan.clone());
    let foreseen = it.stage.directory.preview_self_deletion(bob.user, work).await.unwrap();
    assert_eq!((foreseen.leaves, foreseen.blockers.len()), (vec![bob.id], 0));
    let proved = Reauthenticated::just_now();
    let done = it.stage.directory.delete_oneself(bob.user, proved, work).await.unwrap();
    assert!(done.is_erased, "{:?}", done.blockers);
    it.settles().await;
    assert_eq!(it.work.held_by(it.ada.id), tickets);
    assert!(contacts.iter().all(|id| it.holder(*id).is_none()));
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
}

#[tokio::test]
async fn B_a_plan_that_cannot_be_blocks_deleting_oneself() {
    let it = acme().await;
    let bob = it.agent("bob").await;
    let nobody = it.stage.directory.new_id();
    let work = |_: &tenure::domain::Membership| Some(Disposition::To(nobody).into());
    let proved = Reauthenticated::just_now();
    let done = it.stage.directory.delete_oneself(bob.user, proved, work).await.unwrap();
    assert!(!done.is_erased);
    assert_eq!(done.blockers[0].1, Refusal::SuccessorUnfit);
    assert!(it.stage.row(bob).await.membership.is_active());
}

#[tokio::test]
async fn B_work_lies_where_it_lay_when_it_moves() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["sales"]).await;
    let ids = it.gives_in(bob, "sales", 2);
    it.left(bob, to(it.ada)).await;
    it.settles().await;
    for id in ids {
        let ticket = it.work.item(id).unwrap();
        assert_eq!((ticket.holder, ticket.place), (Some(it.ada.id), inbox("sales")));
    }
}
