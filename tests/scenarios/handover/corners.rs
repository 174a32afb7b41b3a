//! Corners that somebody found who had not built it: each went wrong once.

use tenure::Management;
use tenure::commands::{
    Deactivate, Leave, OverridePermission, Reactivate, ResumeOrganization, SuspendOrganization,
    WorkOnReturn,
};
use tenure::directory::Maintenance;
use tenure::domain::{
    DeactivatedBecause, Disposition, HandoverPlan, HandoverStatus, LeftBecause, Override,
    RemovedBecause, Sharing, Span,
};
use tenure::{Principal, Reach, Refusal};

use super::ways::north;
use super::{Acme, acme, acme_with, inboxes, kind, split, to};
use crate::stage::Who;

/// The next batch is written down, and the worker ends before the host hears of it.
async fn a_worker_ends(it: &Acme) {
    let work = it.work.clone();
    let most = Maintenance::default();
    it.stage.directory.maintain_telling(most, &|_| work.fail_next(1)).await.unwrap();
    work.fail_next(0);
}

#[tokio::test]
async fn B_a_batch_from_before_a_choice_moves_nothing_that_the_choice_leaves() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let ids = it.gives(bob, "tickets", 10);
    it.left(bob, to(berta)).await;
    a_worker_ends(&it).await;
    let handover = it.handover(bob).await;
    assert!(handover.asked.is_some());
    let one = split([(berta, &ids[..1])], Disposition::Leave);
    let plan = HandoverPlan::default().kind(kind("tickets"), one);
    it.stage.act(it.stage.olivia, it.choose(handover.id, plan)).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), ids[..1]);
    assert_eq!(it.work.held_by(bob.id), ids[1..]);
}

#[tokio::test]
async fn B_a_batch_that_was_emptied_is_asked_for_under_another_number() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["billing"]).await;
    let berta = it.agent_in("berta", &["billing"]).await;
    let ids = it.gives_in(bob, "billing", 3);
    it.left(bob, to(berta)).await;
    it.settles().await;
    it.returns(bob, WorkOnReturn::ComesBack).await;
    a_worker_ends(&it).await;
    it.stage.act(it.stage.olivia, it.lists(bob, &["other"])).await.unwrap();
    it.stage.clock.advance(Span::seconds(11));
    it.work.lose_next_answers(1);
    it.moves(20, 500).await;
    it.stage.act(it.stage.olivia, it.lists(bob, &["billing"])).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(bob.id), ids);
    assert_eq!(it.handover(bob).await.moved, 3);
}

#[tokio::test]
async fn B_whoever_returns_to_the_organization_only_hands_over_in_the_workspace_all_the_same() {
    let it = north(|_| ()).await;
    let there = it.there(it.bob_there);
    it.acme.left(it.bob, to(it.berta)).await;
    let go = Deactivate::new(it.scope, it.bob_there, DeactivatedBecause::ChangedJob);
    it.acme.stage.act(it.acme.stage.olivia, go).await.unwrap();
    it.acme.returns(it.bob, WorkOnReturn::StaysWhereItIs).await;
    it.acme.settles().await;
    assert_eq!(it.acme.work.held_by(it.berta_there), there);
}

#[tokio::test]
async fn B_whoever_is_back_in_a_workspace_alone_cannot_work_and_keeps_nothing() {
    let it = north(|_| ()).await;
    let there = it.there(it.bob_there);
    let go = Deactivate::new(it.scope, it.bob_there, DeactivatedBecause::ChangedJob)
        .handing_over(to(it.berta));
    it.acme.stage.act(it.acme.stage.olivia, go).await.unwrap();
    it.acme.left(it.bob, to(it.berta)).await;
    let (scope, work) = (it.scope, WorkOnReturn::StaysWhereItIs);
    let back = Reactivate { scope, membership: it.bob_there, work };
    it.acme.stage.act(it.acme.stage.olivia, back).await.unwrap();
    it.acme.settles().await;
    assert_eq!(it.acme.work.held_by(it.berta_there), there);
}

#[tokio::test]
async fn B_whoever_goes_again_before_everything_is_back_can_have_it_back_the_next_time() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let ids = it.gives(bob, "tickets", 5);
    it.left(bob, to(berta)).await;
    it.settles().await;
    it.returns(bob, WorkOnReturn::ComesBack).await;
    it.left(bob, to(berta)).await;
    it.returns(bob, WorkOnReturn::ComesBack).await;
    it.settles().await;
    assert_eq!(it.work.held_by(bob.id), ids);
}

#[tokio::test]
async fn B_work_hand_over_reaches_no_further_than_it_is_given() {
    let it = acme().await;
    let (leah, berta) = (it.agent("leah").await, it.agent("berta").await);
    let ids = it.gives(it.ada, "tickets", 3);
    let permission = Management::HandOverWork.into();
    let raise = OverridePermission {
        scope: it.stage.org.into(),
        membership: leah.id,
        permission,
        to: Some(Override::Raise(Reach::OWN)),
    };
    it.stage.act(it.stage.olivia, raise).await.unwrap();
    it.left(it.ada, to(berta)).await;
    let who = it.stage.olivia.p();
    let all = it.stage.directory.handovers(&who, it.stage.org, None, 50).await.unwrap();
    let id = all.rows.last().unwrap().id;
    let refused = it.stage.act(leah, it.choose(id, to(leah))).await;
    assert!(matches!(refused, Err(Refusal::OutOfReach(_))), "{refused:?}");
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), ids);
}

#[tokio::test]
async fn B_nothing_moves_while_the_organization_is_suspended() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let ids = it.gives(bob, "tickets", 3);
    it.left(bob, to(berta)).await;
    let (organization, directory) = (it.stage.org, &it.stage.directory);
    let suspend = SuspendOrganization { organization };
    directory.execute(Principal::System, suspend).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(bob.id), ids);
    let pause = it.pause(it.all_of(bob).await);
    directory.execute(Principal::System, pause).await.unwrap();
    directory.execute(Principal::System, ResumeOrganization { organization }).await.unwrap();
    it.stage.act(it.ada, it.resume(it.all_of(bob).await)).await.unwrap();
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), ids);
}

#[tokio::test]
async fn B_whoever_leaves_is_shown_nothing_of_others_work_that_they_were_due_to_get() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    it.gives(bob, "tickets", 3);
    it.left(bob, to(berta)).await;
    let because = RemovedBecause::Left;
    let (scope, membership, handover) = (it.stage.org.into(), berta.id, None);
    let leave = Leave { scope, membership, because, handover };
    let preview = it.stage.directory.preview(berta.p(), leave).await.unwrap();
    assert!(preview.work.iter().all(|work| work.holder == berta.id), "{:?}", preview.work);
}

#[tokio::test]
async fn B_resuming_goes_on_at_once_however_long_the_host_was_away() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let ids = it.gives(bob, "tickets", 3);
    it.left(bob, to(berta)).await;
    for _ in 0..12 {
        it.work.fail_next(9);
        it.moves(1, 5).await;
        it.stage.clock.advance(Span::hours(1));
    }
    it.work.fail_next(9);
    it.moves(1, 5).await;
    it.work.fail_next(0);
    let id = it.all_of(bob).await;
    it.stage.act(it.stage.olivia, it.pause(id)).await.unwrap();
    it.stage.act(it.stage.olivia, it.resume(id)).await.unwrap();
    it.moves(20, 500).await;
    assert_eq!(it.work.held_by(berta.id), ids);
}

#[tokio::test]
async fn B_maintain_says_that_there_is_more_when_many_leave_with_nothing() {
    let it = acme().await;
    let berta = it.agent("berta").await;
    let mut all = Vec::new();
    for n in 0..25 {
        all.push(it.agent(&format!("p{n}")).await);
    }
    for who in all {
        it.left(who, to(berta)).await;
    }
    assert!(it.moves(20, 500).await.more);
}

#[tokio::test]
async fn B_a_survey_that_was_cut_short_is_reported() {
    let it = acme_with(inboxes()).await;
    let (bob, berta) = (it.agent("bob").await, it.agent_in("berta", &["z"]).await);
    for n in 0..1_000 {
        it.gives_in(bob, &format!("a{n:04}"), 1);
    }
    it.gives_in(bob, "z", 1);
    it.left(bob, to(berta)).await;
    it.settles().await;
    let handover = it.handover(bob).await;
    let said = |because| handover.left.iter().any(|it| it.because == because);
    assert_eq!(handover.status, HandoverStatus::Stuck);
    assert!(said(LeftBecause::NotSurveyed) && said(LeftBecause::OutOfReach));
}

#[tokio::test]
async fn B_what_is_held_back_of_one_share_is_shared_again() {
    let it = acme().await;
    let (bob, berta, carl) =
        (it.agent("bob").await, it.agent("berta").await, it.agent("carl").await);
    let team = it.stage.team("Tier 1", &[berta, carl]).await;
    let ids = it.gives(bob, "tickets", 10);
    for id in &ids[..4] {
        it.work.hold_back(*id, "under legal hold".parse().unwrap());
    }
    it.left(bob, Disposition::Team(team, Sharing::LeastLoaded)).await;
    it.settles().await;
    assert_eq!((it.holds(berta), it.holds(carl), it.holds(bob)), (3, 3, 4));
}

#[tokio::test]
async fn B_a_named_item_that_is_not_there_is_reported_also_where_nothing_is() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let map = split([(berta, &[999])], Disposition::Unassign);
    it.left(bob, HandoverPlan::default().kind(kind("tickets"), map)).await;
    it.settles().await;
    let handover = it.handover(bob).await;
    let left: Vec<_> = handover.left.iter().map(|it| (it.items, it.because)).collect();
    assert_eq!((handover.status, left), (HandoverStatus::Done, vec![(1, LeftBecause::NotHeld)]));
}

impl Acme {
    /// The last planned handover of somebody's work, asked of the host itself.
    async fn all_of(&self, from: Who) -> tenure::domain::HandoverId {
        let directory = &self.stage.directory;
        let all = directory.handovers(&Principal::System, self.stage.org, None, 50).await.unwrap();
        all.rows.iter().rev().find(|it| it.from == from.id).unwrap().id
    }
}
