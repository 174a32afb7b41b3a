//! Two things at once: a batch under way while somebody decides otherwise, several handovers side
//! by side, and people who go more than once.

use std::collections::BTreeSet;

use tenure::commands::{ChangeRules, Invite, OpenWorkspace, WorkOnReturn};
use tenure::domain::{
    Disposition, HandoverPlan, HandoverStatus, HandoverWork, Sharing, Span, WorkOnLeaving,
};
use tenure::{Batching, Command, Refusal, Rules, Scope, Workload as _};

use super::{Acme, acme, acme_with, foreseen, inboxes, item, kind, split, to};
use crate::stage::{Who, email, role};

/// Bob has left, Berta takes over six tickets, and two of them have moved.
async fn two_have_moved() -> (Acme, Who, Who, Who, Vec<u64>) {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    let ids = it.gives(bob, "tickets", 6);
    it.left(bob, to(berta)).await;
    it.moves(1, 2).await;
    assert_eq!(it.holds(berta), 2);
    (it, bob, berta, carl, ids)
}

impl Acme {
    async fn moved_items(&self, bob: Who) -> Vec<tenure::domain::ItemId> {
        let id = self.handover(bob).await.id;
        self.receipts(id).await.into_iter().flat_map(|it| it.moved).collect()
    }
}

// ── A batch under way ───────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_a_batch_that_was_done_unheard_is_on_record_after_cancelling() {
    let (it, bob, berta, _, ids) = two_have_moved().await;
    it.work.lose_next_answers(1);
    it.moves(1, 2).await;
    let id = it.handover(bob).await.id;
    it.stage.act(it.ada, it.cancel(id)).await.unwrap();
    it.settles().await;
    assert_eq!(
        (it.work.held_by(berta.id), it.work.held_by(bob.id)),
        (ids[..4].into(), ids[4..].into())
    );
    let handover = it.handover(bob).await;
    assert_eq!((handover.status, handover.moved), (HandoverStatus::Cancelled, 4));
    assert!(handover.asked.is_none());
    let expected: Vec<_> = ids[..4].iter().copied().map(item).collect();
    assert_eq!(it.moved_items(bob).await, expected);
}

#[tokio::test]
async fn B_a_batch_that_was_not_done_is_never_done_after_cancelling() {
    let (it, bob, berta, _, ids) = two_have_moved().await;
    it.work.fail_next(1);
    it.moves(1, 2).await;
    let id = it.handover(bob).await.id;
    it.stage.act(it.ada, it.cancel(id)).await.unwrap();
    it.settles().await;
    assert_eq!(
        (it.work.held_by(berta.id), it.work.held_by(bob.id)),
        (ids[..2].into(), ids[2..].into())
    );
    let handover = it.handover(bob).await;
    assert_eq!((handover.status, handover.moved), (HandoverStatus::Cancelled, 2));
}

#[tokio::test]
async fn B_a_batch_that_was_not_done_is_never_done_for_somebody_who_cannot_receive_any_more() {
    let (it, bob, berta, _, ids) = two_have_moved().await;
    it.work.fail_next(1);
    it.moves(1, 2).await;
    it.stage.act(it.stage.olivia, it.stage.new_role(berta, "viewer")).await.unwrap();
    it.settles().await;
    assert_eq!(
        (it.work.held_by(berta.id), it.work.held_by(bob.id)),
        (ids[..2].into(), ids[2..].into())
    );
    assert_eq!(it.status(bob).await, HandoverStatus::Stuck);
    let id = it.handover(bob).await.id;
    it.stage.act(it.ada, it.choose(id, to(it.ada))).await.unwrap();
    it.settles().await;
    assert_eq!((it.work.held_by(it.ada.id), it.holds(bob)), (ids[2..].into(), 0));
}

/// The host does a batch long after it was asked, when Berta, its receiver, has left to Carl.
async fn a_late_batch() -> (Acme, Who, Who, Who, Vec<u64>) {
    let (it, bob, berta, carl, ids) = two_have_moved().await;
    it.work.fail_next(1);
    it.moves(1, 2).await;
    let late = it.handover(bob).await.asked.unwrap();
    it.left(berta, to(carl)).await;
    // The host gets round to it only now.
    it.work.move_batch(&late).await.unwrap();
    assert_eq!(it.holds(berta), 4);
    it.settles().await;
    (it, bob, berta, carl, ids)
}

#[tokio::test]
async fn B_a_batch_that_arrives_late_at_a_successor_who_is_gone_moves_on() {
    let (it, bob, berta, carl, ids) = a_late_batch().await;
    assert_eq!((it.work.held_by(carl.id), it.holds(berta)), (ids, 0));
    for who in [bob, berta] {
        assert_eq!(it.status(who).await, HandoverStatus::Done);
    }
}

#[tokio::test]
async fn B_a_late_batch_is_counted_as_its_receipts_say() {
    let (it, bob, _, _, ids) = a_late_batch().await;
    let moved: BTreeSet<_> = it.moved_items(bob).await.into_iter().collect();
    assert_eq!(moved.len(), ids.len());
    assert_eq!(it.handover(bob).await.moved, 6);
}

#[tokio::test]
async fn B_work_that_arrives_while_nothing_can_move_is_not_forgotten() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let held = it.gives(bob, "tickets", 1);
    it.work.hold_back(held[0], "under legal hold".parse().unwrap());
    it.left(bob, to(berta)).await;
    it.moves(1, 2).await;
    assert_eq!(it.status(bob).await, HandoverStatus::Running);
    let late = it.gives(bob, "tickets", 2);
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), late);
    assert_eq!(it.work.held_by(bob.id), held);
    assert_eq!(it.handover(bob).await.left.iter().map(|it| it.items).sum::<u64>(), 1);
}

#[tokio::test]
async fn B_named_items_move_batch_by_batch_and_each_once() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let ids = it.gives(bob, "tickets", 8);
    let map = split([(berta, &ids[..5])], Disposition::To(it.ada.id));
    it.left(bob, HandoverPlan::default().kind(kind("tickets"), map)).await;
    for _ in 0..4 {
        it.work.lose_next_answers(1);
        it.moves(1, 2).await;
        it.stage.clock.advance(Span::hours(1));
    }
    it.settles().await;
    assert_eq!(
        (it.work.held_by(berta.id), it.work.held_by(it.ada.id)),
        (ids[..5].into(), ids[5..].into())
    );
    let mut moved = it.moved_items(bob).await;
    moved.sort_unstable();
    assert_eq!(moved, ids.iter().copied().map(item).collect::<Vec<_>>());
    assert_eq!(it.handover(bob).await.moved, 8);
}

#[tokio::test]
async fn B_whoever_chooses_while_a_batch_is_under_way_leaves_no_item_behind() {
    let (it, bob, berta, carl, ids) = two_have_moved().await;
    it.work.lose_next_answers(1);
    it.moves(1, 2).await;
    let id = it.handover(bob).await.id;
    it.stage.act(it.ada, it.choose(id, to(carl))).await.unwrap();
    it.settles().await;
    assert_eq!((it.holds(bob), it.status(bob).await), (0, HandoverStatus::Done));
    assert_eq!(it.holds(berta) + it.holds(carl), ids.len());
    assert!(it.holds(carl) >= 2);
    assert_eq!(it.handover(bob).await.moved, 6);
}

// ── Side by side ────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_a_huge_handover_does_not_hold_up_a_small_one() {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    it.gives(bob, "tickets", 500);
    let his = it.gives(carl, "contacts", 2);
    it.left(bob, to(berta)).await;
    it.left(carl, to(it.ada)).await;
    for _ in 0..4 {
        it.stage.clock.advance(Span::seconds(1));
        it.moves(2, 10).await;
    }
    assert_eq!(it.work.held_by(it.ada.id), his, "it has had its turn");
    assert!(it.holds(berta) < 500);
}

#[tokio::test]
async fn B_two_who_leave_together_one_to_the_other_pass_on_along_the_chain() {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    let ids = [it.gives(bob, "tickets", 3), it.gives(berta, "tickets", 3)].concat();
    let chain: Vec<Command> = vec![it.goes(bob, to(berta)).into(), it.goes(berta, to(carl)).into()];
    let how = Batching::all_or_nothing();
    for answer in it.stage.directory.execute_all(it.stage.olivia, chain, how).await.unwrap() {
        answer.unwrap();
    }
    it.settles().await;
    assert_eq!(it.work.held_by(carl.id), ids);
}

#[tokio::test]
async fn B_the_last_of_a_team_to_leave_passes_on_what_the_team_was_due() {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    let tier = it.stage.team("Tier 1", &[berta, carl]).await;
    let ids = it.gives(bob, "tickets", 6);
    it.left(bob, Disposition::Team(tier, Sharing::LeastLoaded)).await;
    it.left(berta, to(carl)).await;
    it.left(carl, to(it.ada)).await;
    it.settles().await;
    assert_eq!(it.work.held_by(it.ada.id), ids);
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
}

#[tokio::test]
async fn B_a_paused_handover_stays_paused_when_its_successor_leaves() {
    let (it, bob, berta, carl, ids) = two_have_moved().await;
    let id = it.handover(bob).await.id;
    it.stage.act(it.ada, it.pause(id)).await.unwrap();
    it.left(berta, to(carl)).await;
    it.settles().await;
    assert_eq!(
        (it.work.held_by(carl.id), it.work.held_by(bob.id)),
        (ids[..2].into(), ids[2..].into())
    );
    assert_eq!(it.status(bob).await, HandoverStatus::Paused);
    it.stage.act(it.ada, it.resume(id)).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(carl.id), ids);
}

#[tokio::test]
async fn B_what_was_stuck_goes_on_when_its_successor_leaves_to_somebody_who_can_reach_it() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["sales", "billing"]).await;
    let berta = it.agent_in("berta", &["sales"]).await;
    let (sales, billing) = (it.gives_in(bob, "sales", 2), it.gives_in(bob, "billing", 2));
    it.left(bob, to(berta)).await;
    it.settles().await;
    assert_eq!(it.status(bob).await, HandoverStatus::Stuck);
    it.left(berta, to(it.ada)).await;
    it.settles().await;
    assert_eq!(it.work.held_by(it.ada.id), [sales, billing].concat());
    assert_eq!(it.status(bob).await, HandoverStatus::Done);
}

#[tokio::test]
async fn B_in_a_workspace_a_team_shares_among_those_who_are_there() {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    let open = OpenWorkspace { organization: it.stage.org, name: "North".parse().unwrap() };
    let north = it.stage.act(it.stage.olivia, open).await.unwrap();
    let scope = Scope::workspace(it.stage.org, north);
    let mut there = Vec::new();
    for (name, who) in [("bob", bob), ("berta", berta)] {
        let invite = Invite::new(scope, email(name), role("agent"));
        it.stage.act(it.stage.olivia, invite).await.unwrap();
        let view = it.stage.open_link(name).await;
        there.push(it.stage.act(who, view.accept()).await.unwrap().membership);
    }
    let tier = it.stage.team("Tier 1", &[bob, berta, carl]).await;
    let ids: Vec<_> = (0..4).map(|_| it.work.add(scope, "tickets", there[0])).collect();
    it.gives(bob, "tickets", 4);
    it.left(bob, Disposition::Team(tier, Sharing::RoundRobin)).await;
    it.settles().await;
    assert_eq!(it.work.held_by(there[1]), ids, "Carl is not there");
    assert_eq!((it.holds(berta), it.holds(carl)), (2, 2));
}

// ── More than once ──────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_what_was_handed_over_an_earlier_time_does_not_come_back_a_later_time() {
    let (it, bob, berta, carl, first) = two_have_moved().await;
    it.settles().await;
    it.returns(bob, WorkOnReturn::StaysWhereItIs).await;
    it.stage.clock.advance(Span::days(1));
    let second = it.gives(bob, "tickets", 3);
    it.left(bob, to(carl)).await;
    it.settles().await;
    it.stage.clock.advance(Span::days(1));
    it.returns(bob, WorkOnReturn::ComesBack).await;
    it.settles().await;
    assert_eq!((it.work.held_by(bob.id), it.work.held_by(berta.id)), (second, first));
}

#[tokio::test]
async fn B_what_moved_before_it_was_cancelled_can_come_back() {
    let (it, bob, berta, _, ids) = two_have_moved().await;
    let id = it.handover(bob).await.id;
    it.stage.act(it.ada, it.cancel(id)).await.unwrap();
    it.returns(bob, WorkOnReturn::ComesBack).await;
    it.settles().await;
    assert_eq!((it.work.held_by(bob.id), it.holds(berta)), (ids, 0));
}

#[tokio::test]
async fn B_after_it_was_cancelled_the_rest_goes_when_the_person_is_removed() {
    let (it, bob, berta, carl, ids) = two_have_moved().await;
    let id = it.handover(bob).await.id;
    it.stage.act(it.ada, it.cancel(id)).await.unwrap();
    let mut remove = it.stage.removal(bob, None);
    remove.handover = Some(to(carl));
    it.stage.act(it.stage.olivia, remove).await.unwrap();
    it.settles().await;
    assert_eq!(
        (it.work.held_by(berta.id), it.work.held_by(carl.id)),
        (ids[..2].into(), ids[2..].into())
    );
}

#[tokio::test]
async fn B_a_hand_back_is_paused_and_cancelled_like_everything_else_and_has_one_receiver() {
    let (it, bob, berta, carl, ids) = two_have_moved().await;
    it.settles().await;
    it.stage.clock.advance(Span::days(1));
    it.returns(bob, WorkOnReturn::ComesBack).await;
    it.moves(1, 1).await;
    let back = it.handovers().await;
    let back = back.iter().find(|it| matches!(it.work, HandoverWork::HandedOver(_))).unwrap();
    let refused = it.stage.act(it.ada, it.choose(back.id, to(carl))).await;
    assert!(matches!(refused, Err(Refusal::RuleForbids { .. })), "{refused:?}");
    it.stage.act(it.ada, it.pause(back.id)).await.unwrap();
    it.settles().await;
    assert_eq!(it.holds(bob), 1);
    it.stage.act(it.ada, it.resume(back.id)).await.unwrap();
    it.moves(1, 1).await;
    it.stage.act(it.ada, it.cancel(back.id)).await.unwrap();
    it.settles().await;
    assert_eq!(
        (it.work.held_by(bob.id), it.work.held_by(berta.id)),
        (ids[..2].into(), ids[2..].into())
    );
}

#[tokio::test]
async fn B_a_hand_back_survives_lost_answers_and_hosts_that_are_away() {
    let (it, bob, berta, _, ids) = two_have_moved().await;
    it.settles().await;
    it.returns(bob, WorkOnReturn::ComesBack).await;
    for n in 0..6 {
        if n % 2 == 0 {
            it.work.lose_next_answers(1);
        } else {
            it.work.fail_next(1);
        }
        it.moves(1, 2).await;
        it.stage.clock.advance(Span::hours(2));
    }
    it.settles().await;
    assert_eq!((it.work.held_by(bob.id), it.holds(berta)), (ids, 0));
}

// ── The world around ────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_a_choice_keeps_to_the_rules_of_its_day() {
    let (it, bob, _, carl, ids) = two_have_moved().await;
    let id = it.handover(bob).await.id;
    let rules = Rules { work_on_leaving: WorkOnLeaving::Unassign, ..Rules::default() };
    let change = ChangeRules { organization: it.stage.org, rules };
    it.stage.act(it.stage.olivia, change).await.unwrap();
    let refused = it.stage.act(it.ada, it.choose(id, to(carl))).await;
    assert!(matches!(refused, Err(Refusal::RuleForbids { rule: "C9", .. })), "{refused:?}");
    it.stage.act(it.ada, it.choose(id, Disposition::Unassign)).await.unwrap();
    it.settles().await;
    assert!(ids[2..].iter().all(|id| it.holder(*id).is_none()));
}

#[tokio::test]
async fn B_a_preview_while_the_host_is_away_says_so_and_changes_nothing() {
    let it = acme().await;
    let bob = it.agent("bob").await;
    let ids = it.gives(bob, "tickets", 2);
    it.work.fail_next(1);
    let away = it.stage.directory.preview(it.stage.olivia, it.goes(bob, to(it.ada))).await;
    assert!(matches!(away, Err(ref error) if error.refusal().is_none()), "{away:?}");
    let preview = it.foresees(it.goes(bob, to(it.ada))).await;
    assert_eq!(foreseen(&preview.work[0], "tickets"), [(Some(it.ada.id), 2)]);
    assert_eq!(it.work.held_by(bob.id), ids);
}
