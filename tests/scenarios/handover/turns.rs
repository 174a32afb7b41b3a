//! People who come and go meanwhile: a successor who leaves, circles, and whoever returns.

use tenure::Batching;
use tenure::Command;
use tenure::Error;
use tenure::Refusal;
use tenure::commands::WorkOnReturn;
use tenure::domain::{
    Disposition, HandoverPlan, HandoverStatus, HandoverWork, LeftBecause, Sharing, Span,
};

use super::{Acme, acme, acme_with, foreseen, inboxes, kind, to};
use crate::stage::Who;

/// Bob has left and Berta takes over; this many tickets of six have moved.
async fn half_way(batches: u32) -> (Acme, Who, Who, Who, Vec<u64>) {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    let ids = it.gives(bob, "tickets", 6);
    it.left(bob, to(berta)).await;
    if batches > 0 {
        it.moves(batches, 2).await;
    }
    (it, bob, berta, carl, ids)
}

// ── A successor leaves in the middle ────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_what_a_successor_was_due_goes_where_their_own_work_goes() {
    let (it, bob, berta, carl, ids) = half_way(1).await;
    let own = it.gives(berta, "tickets", 1);
    it.left(berta, to(carl)).await;
    it.settles().await;
    assert_eq!(it.work.held_by(carl.id), [ids, own].concat());
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
    assert_eq!(it.status(berta).await, HandoverStatus::Done);
    assert_eq!((it.holds(bob), it.holds(berta)), (0, 0));
}

#[tokio::test]
async fn B_what_a_successor_was_due_becomes_unassigned_where_their_own_work_does() {
    let (it, _, berta, _, ids) = half_way(1).await;
    it.left(berta, Disposition::Unassign).await;
    it.settles().await;
    assert!(ids.iter().all(|id| it.holder(*id).is_none()));
}

#[tokio::test]
async fn B_what_was_due_to_one_of_a_team_goes_to_the_others() {
    let it = acme().await;
    let (bob, berta, carl, dora) = (
        it.agent("bob").await,
        it.agent("berta").await,
        it.agent("carl").await,
        it.agent("dora").await,
    );
    let tier = it.stage.team("Tier 1", &[berta, carl]).await;
    let ids = it.gives(bob, "tickets", 6);
    let own = it.gives(berta, "tickets", 2);
    it.left(bob, Disposition::Team(tier, Sharing::RoundRobin)).await;
    it.left(berta, to(dora)).await;
    it.settles().await;
    assert_eq!((it.work.held_by(carl.id), it.work.held_by(dora.id)), (ids, own));
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
}

#[tokio::test]
async fn B_two_successors_who_leave_one_after_the_other_pass_it_all_on() {
    let (it, bob, berta, carl, ids) = half_way(1).await;
    it.left(berta, to(carl)).await;
    it.left(carl, to(it.ada)).await;
    it.settles().await;
    assert_eq!(it.work.held_by(it.ada.id), ids);
    for who in [bob, berta, carl] {
        assert_eq!((it.holds(who), it.status(who).await), (0, HandoverStatus::Done));
    }
}

#[tokio::test]
async fn B_a_batch_that_was_under_way_to_a_successor_who_left_moves_on() {
    let (it, bob, berta, carl, ids) = half_way(0).await;
    it.work.lose_next_answers(1);
    it.moves(1, 2).await;
    assert_eq!(it.holds(berta), 2, "done, and nobody heard");
    it.left(berta, to(carl)).await;
    it.settles().await;
    assert_eq!(it.work.held_by(carl.id), ids);
    assert_eq!(it.holds(berta), 0);
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
}

#[tokio::test]
async fn B_a_removed_successor_gets_nothing_more() {
    let (it, _, berta, carl, ids) = half_way(1).await;
    let mut remove = it.stage.removal(berta, None);
    remove.handover = Some(to(carl));
    it.stage.act(it.stage.olivia, remove).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(carl.id), ids);
}

// ── Circles ─────────────────────────────────────────────────────────────────────────────────────

fn circle(names: &[&str]) -> Refusal {
    Refusal::HandoverCycle { names: names.iter().map(|&name| name.to_owned()).collect() }
}

#[tokio::test]
async fn B_two_who_leave_and_name_each_other_are_refused_with_their_names() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let ids = [it.gives(bob, "tickets", 2), it.gives(berta, "tickets", 2)];
    let both: Vec<Command> = vec![it.goes(bob, to(berta)).into(), it.goes(berta, to(bob)).into()];
    let how = Batching::all_or_nothing();
    let answers = it.stage.directory.execute_all(it.stage.olivia, both.clone(), how).await.unwrap();
    let refusals: Vec<_> = answers.iter().filter_map(|it| it.as_ref().err()?.refusal()).collect();
    assert!(refusals.contains(&&circle(&["Berta", "Bob", "Berta"])), "{refusals:?}");
    assert!(answers.iter().all(Result::is_err), "all or nothing");
    for who in [bob, berta] {
        assert!(it.stage.row(who).await.membership.is_active());
    }
    assert!(it.handovers().await.is_empty());
    // One by one the first goes, and the second says somebody else.
    let answers = it.stage.act_all(it.stage.olivia, both).await;
    assert_eq!(answers, [Ok(()), Err(circle(&["Berta", "Bob", "Berta"]))]);
    it.left(berta, to(it.ada)).await;
    it.settles().await;
    assert_eq!(it.work.held_by(it.ada.id), ids.concat());
}

#[tokio::test]
async fn B_whoever_gets_an_inbox_and_leaves_cannot_name_whoever_lost_it() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["sales", "billing"]).await;
    let berta = it.agent_in("berta", &["billing"]).await;
    let billing = it.gives_in(bob, "billing", 2);
    let mut without = it.lists(bob, &["sales"]);
    without.handover = Some(to(berta));
    it.stage.act(it.stage.olivia, without).await.unwrap();
    let refused = it.leaves(berta, to(bob)).await;
    assert_eq!(refused, Err(circle(&["Berta", "Bob", "Berta"])));
    assert!(it.stage.row(berta).await.membership.is_active());
    let refused = it.stage.directory.preview(it.stage.olivia, it.goes(berta, to(bob))).await;
    assert!(matches!(refused, Err(Error::Refused(Refusal::HandoverCycle { .. }))));
    it.left(berta, to(it.ada)).await;
    it.settles().await;
    assert_eq!(it.work.held_by(it.ada.id), billing);
}

#[tokio::test]
async fn B_three_who_name_each_other_in_a_circle_are_refused() {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    it.gives(bob, "tickets", 2);
    it.left(bob, to(berta)).await;
    it.left(berta, to(carl)).await;
    let refused = it.leaves(carl, to(bob)).await;
    let Err(Refusal::HandoverCycle { names }) = refused else { panic!("{refused:?}") };
    assert_eq!((names.first(), names.last()), (Some(&"Carl".to_owned()), Some(&"Carl".to_owned())));
    assert!(names.contains(&"Bob".to_owned()), "{names:?}");
    it.left(carl, to(it.ada)).await;
    it.settles().await;
    assert_eq!(it.holds(it.ada), 2);
}

// ── Whoever returns ─────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_whoever_returns_before_the_end_keeps_the_rest() {
    let (it, bob, berta, _, ids) = half_way(1).await;
    it.returns(bob, WorkOnReturn::StaysWhereItIs).await;
    it.settles().await;
    assert_eq!(
        (it.work.held_by(berta.id), it.work.held_by(bob.id)),
        (ids[..2].into(), ids[2..].into())
    );
    assert_eq!(it.status(bob).await, HandoverStatus::Returned);
}

#[tokio::test]
async fn B_whoever_returns_before_the_end_can_have_back_what_has_moved() {
    let (it, bob, berta, _, ids) = half_way(1).await;
    it.returns(bob, WorkOnReturn::ComesBack).await;
    it.settles().await;
    assert_eq!((it.work.held_by(bob.id), it.holds(berta)), (ids, 0));
}

#[tokio::test]
async fn B_whoever_returns_while_a_batch_is_under_way_has_it_back_too() {
    let (it, bob, berta, _, ids) = half_way(0).await;
    it.work.lose_next_answers(1);
    it.moves(1, 2).await;
    assert_eq!(it.holds(berta), 2);
    it.returns(bob, WorkOnReturn::ComesBack).await;
    it.settles().await;
    assert_eq!((it.work.held_by(bob.id), it.holds(berta)), (ids, 0));
}

/// Bob has left and everything has moved; what happened to Berta's tickets since is in the test.
async fn all_moved() -> (Acme, Who, Who, Who, Vec<u64>) {
    let moved = half_way(10).await;
    moved.0.settles().await;
    assert_eq!(moved.0.work.held_by(moved.2.id), moved.4);
    moved
}

#[tokio::test]
async fn B_what_was_touched_or_has_moved_on_does_not_come_back() {
    let (it, bob, berta, carl, ids) = all_moved().await;
    it.work.touch(ids[0]);
    it.work.change(ids[1], |it| (it.holder, it.last_batch) = (Some(carl.id), None));
    // Away and back again: something was done to it.
    it.work.close(ids[2]);
    it.work.delete(ids[3]);
    let back = it.back(bob, WorkOnReturn::ComesBack);
    let preview = it.foresees(back).await;
    let work = &preview.work[0];
    assert_eq!(work.holder, bob.id);
    assert_eq!(foreseen(work, "tickets"), [(Some(bob.id), 2)]);
    assert!(work.moves.iter().all(|it| it.from == Some(berta.id)));
    let left = |because| {
        work.left.iter().filter(|it| it.because == because).map(|it| it.items).sum::<u64>()
    };
    assert_eq!((left(LeftBecause::Touched), left(LeftBecause::NotHeld)), (2, 2));
    assert_eq!(it.holds(bob), 0, "looking changes nothing");
    it.returns(bob, WorkOnReturn::ComesBack).await;
    it.settles().await;
    assert_eq!(it.work.held_by(bob.id), ids[4..]);
    assert_eq!(it.work.held_by(berta.id), [ids[0], ids[2]]);
    assert_eq!(it.holder(ids[1]), Some(carl.id));
    let all = it.handovers().await;
    let back = all.iter().find(|it| matches!(it.work, HandoverWork::HandedOver(_))).unwrap();
    assert_eq!((back.status, back.moved), (HandoverStatus::Done, 2));
}

#[tokio::test]
async fn B_work_stays_where_it_is_unless_somebody_wants_it_back() {
    let (it, bob, berta, _, ids) = all_moved().await;
    assert!(it.foresees(it.back(bob, WorkOnReturn::StaysWhereItIs)).await.work.is_empty());
    it.returns(bob, WorkOnReturn::StaysWhereItIs).await;
    it.settles().await;
    assert_eq!((it.work.held_by(berta.id), it.holds(bob)), (ids, 0));
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
}

#[tokio::test]
async fn B_what_nobody_has_comes_back_too() {
    let it = acme().await;
    let bob = it.agent("bob").await;
    let ids = it.gives(bob, "tickets", 3);
    it.left(bob, Disposition::Unassign).await;
    it.settles().await;
    // Somebody takes one of them.
    it.work.change(ids[0], |one| (one.holder, one.last_batch) = (Some(it.ada.id), None));
    it.returns(bob, WorkOnReturn::ComesBack).await;
    it.settles().await;
    assert_eq!(it.work.held_by(bob.id), ids[1..]);
    assert_eq!(it.work.held_by(it.ada.id), ids[..1]);
}

#[tokio::test]
async fn B_what_comes_back_comes_from_everybody_who_got_some() {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    let tier = it.stage.team("Tier 1", &[berta, carl]).await;
    let (tickets, macros) = (it.gives(bob, "tickets", 7), it.gives(bob, "macros", 1));
    let own = it.gives(carl, "tickets", 2);
    let plan = HandoverPlan::from(Disposition::Team(tier, Sharing::LeastLoaded))
        .kind(kind("macros"), Disposition::To(it.ada.id));
    it.left(bob, plan).await;
    it.settles().await;
    assert_eq!(it.holds(bob), 0);
    it.stage.clock.advance(Span::days(30));
    it.returns(bob, WorkOnReturn::ComesBack).await;
    it.settles().await;
    assert_eq!(it.work.held_by(bob.id), [tickets, macros].concat());
    assert_eq!(it.work.held_by(carl.id), own);
}

#[tokio::test]
async fn B_what_was_passed_on_by_a_successor_who_left_stays_with_whoever_has_it() {
    let (it, bob, berta, carl, ids) = all_moved().await;
    it.left(berta, to(carl)).await;
    it.settles().await;
    it.returns(bob, WorkOnReturn::ComesBack).await;
    it.settles().await;
    assert_eq!((it.work.held_by(carl.id), it.holds(bob)), (ids, 0));
    it.returns(berta, WorkOnReturn::ComesBack).await;
    it.settles().await;
    assert_eq!(it.holds(berta), 6);
}

#[tokio::test]
async fn B_whoever_returns_to_less_gets_only_what_they_reach() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["sales", "billing"]).await;
    let (sales, billing) = (it.gives_in(bob, "sales", 2), it.gives_in(bob, "billing", 2));
    it.left(bob, to(it.ada)).await;
    it.settles().await;
    it.stage.act(it.stage.olivia, it.lists(bob, &["sales"])).await.unwrap();
    it.returns(bob, WorkOnReturn::ComesBack).await;
    it.settles().await;
    assert_eq!((it.work.held_by(bob.id), it.work.held_by(it.ada.id)), (sales, billing));
    let all = it.handovers().await;
    let back = all.iter().find(|it| matches!(it.work, HandoverWork::HandedOver(_))).unwrap();
    let left: Vec<_> = back.left.iter().map(|it| (it.items, it.because)).collect();
    assert_eq!(left, [(2, LeftBecause::OutOfReach)]);
}

#[tokio::test]
async fn B_whoever_leaves_again_before_everything_is_back_hands_over_all_of_it() {
    let (it, bob, berta, carl, ids) = all_moved().await;
    it.stage.clock.advance(Span::days(1));
    it.returns(bob, WorkOnReturn::ComesBack).await;
    it.moves(1, 2).await;
    it.stage.clock.advance(Span::days(1));
    it.left(bob, to(carl)).await;
    it.settles().await;
    let (back, stayed) = (it.holds(carl), it.holds(berta));
    assert_eq!((back + stayed, it.holds(bob)), (6, 0));
    assert!(back >= 2, "what was back goes to Carl: {back}");
    assert!(ids.iter().all(|id| [Some(carl.id), Some(berta.id)].contains(&it.holder(*id))));
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
}
