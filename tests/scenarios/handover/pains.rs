//! What goes wrong elsewhere, each by its name.

use tenure::commands::WorkOnReturn;
use tenure::domain::{Disposition, HandoverStatus, LeftBecause, MadeOnLeaving, Sharing, WorkState};

use super::{acme, acme_with, inbox, inboxes, kind, to};
use crate::stage::desk;

#[tokio::test]
async fn B_pain_50_000_items_time_out_inside_a_web_request() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    it.gives(bob, "tickets", 50_000);
    let calls = it.work.calls();
    it.left(bob, to(berta)).await;
    assert_eq!(it.work.calls(), calls, "the request asks the host nothing");
    // A step is bounded, whatever there is to do.
    let step = it.moves(4, 500).await;
    assert_eq!((step.items_moved, step.more), (2_000, true));
    assert_eq!(it.holds(berta), 2_000);
    assert!(it.work.calls() < calls + 20);
    let size = |it: &tenure::domain::Handover| serde_json::to_string(it).unwrap().len();
    assert!(size(&it.handover(bob).await) < 4_000, "what is kept does not grow with the work");
    while it.moves(40, 1_000).await.more {}
    assert_eq!((it.holds(berta), it.holds(bob)), (50_000, 0));
    let handover = it.handover(bob).await;
    assert_eq!((handover.status, handover.moved), (HandoverStatus::Done, 50_000));
}

#[tokio::test]
async fn B_pain_closed_items_come_back_as_open() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    for id in it.gives(bob, "tickets", 6) {
        if id % 2 == 0 {
            it.work.close(id);
        }
    }
    let states = it.states();
    assert!(states.iter().any(|(_, state)| *state == WorkState::Closed));
    it.left(bob, to(berta)).await;
    it.settles().await;
    assert_eq!((it.states(), it.holds(berta)), (states.clone(), 6));
    it.returns(bob, WorkOnReturn::ComesBack).await;
    it.settles().await;
    assert_eq!((it.states(), it.holds(bob)), (states, 6));
}

#[tokio::test]
async fn B_pain_items_land_where_nobody_can_see_them() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["sales", "billing"]).await;
    let berta = it.agent_in("berta", &["sales"]).await;
    let (sales, billing) = (it.gives_in(bob, "sales", 2), it.gives_in(bob, "billing", 2));
    it.left(bob, to(berta)).await;
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), sales);
    // What nobody may receive has not moved, and an administrator sees how much, where and why.
    assert_eq!(it.work.held_by(bob.id), billing);
    let handover = it.handover(bob).await;
    assert_eq!(handover.status, HandoverStatus::Stuck);
    let left = &handover.left[0];
    assert_eq!((left.items, left.because), (2, LeftBecause::OutOfReach));
    assert_eq!((&left.kind, &left.place), (&kind("tickets"), &inbox("billing")));
    // It stays visible for as long as it takes.
    it.stage.clock.advance(tenure::domain::Span::days(400));
    it.settles().await;
    assert_eq!(it.status(bob).await, HandoverStatus::Stuck);
}

#[tokio::test]
async fn B_pain_automations_go_on_running_as_the_leaver() {
    let it = acme_with(desk(|it| it.made_on_leaving = MadeOnLeaving::Either)).await;
    let bob = it.agent("bob").await;
    let automations = it.gives(bob, "automations", 3);
    // Whoever confirms is told.
    let preview = it.foresees(it.goes(bob, to(it.ada))).await;
    assert_eq!(preview.work[0].runs_on, [(kind("automations"), 3)]);
    // They can be stopped, or run in another name.
    let stopped = it.goes(bob, to(it.ada).kind(kind("automations"), Disposition::Unassign));
    assert!(it.foresees(stopped).await.work[0].runs_on.is_empty());
    it.left(bob, to(it.ada).kind(kind("automations"), Disposition::To(it.ada.id))).await;
    it.settles().await;
    assert_eq!(it.work.held_by(it.ada.id), automations);
    // Or that is the rule.
    let it = acme_with(desk(|it| it.made_on_leaving = MadeOnLeaving::WithTheWork)).await;
    let bob = it.agent("bob").await;
    let automations = it.gives(bob, "automations", 3);
    assert!(it.foresees(it.goes(bob, to(it.ada))).await.work[0].runs_on.is_empty());
    it.left(bob, to(it.ada)).await;
    it.settles().await;
    assert_eq!(it.work.held_by(it.ada.id), automations);
}

#[tokio::test]
async fn B_pain_a_returning_person_does_not_get_their_work_back() {
    let it = acme().await;
    let (bob, berta) = (it.agent("bob").await, it.agent("berta").await);
    let (ids, hers) = (it.gives(bob, "tickets", 5), it.gives(berta, "tickets", 2));
    it.left(bob, to(berta)).await;
    it.settles().await;
    it.stage.clock.advance(tenure::domain::Span::days(60));
    it.work.touch(ids[0]);
    it.returns(bob, WorkOnReturn::ComesBack).await;
    it.settles().await;
    assert_eq!(it.work.held_by(bob.id), ids[1..]);
    assert_eq!(it.work.held_by(berta.id), [vec![ids[0]], hers].concat(), "hers stay hers");
}

#[tokio::test]
async fn B_pain_round_robin_picks_inactive_people() {
    let it = acme().await;
    let (bob, berta, carl, dora) = (
        it.agent("bob").await,
        it.agent("berta").await,
        it.agent("carl").await,
        it.agent("dora").await,
    );
    let tier = it.stage.team("Tier 1", &[berta, carl, dora]).await;
    it.stage.deactivate(it.stage.olivia, dora).await.unwrap();
    let ids = it.gives(bob, "tickets", 6);
    it.left(bob, Disposition::Team(tier, Sharing::RoundRobin)).await;
    it.moves(1, 1).await;
    // Also somebody who goes, or loses the permission, after it was planned.
    it.stage.act(it.stage.olivia, it.stage.new_role(carl, "viewer")).await.unwrap();
    let carls = it.holds(carl);
    it.settles().await;
    assert_eq!((it.holds(dora), it.holds(carl)), (0, carls));
    assert_eq!(it.holds(berta), ids.len() - carls);
    let (emil, fritz) = (it.agent("emil").await, it.agent("fritz").await);
    let tier = it.stage.team("Tier 2", &[emil, fritz]).await;
    it.left(berta, Disposition::Team(tier, Sharing::RoundRobin)).await;
    it.stage.deactivate(it.stage.olivia, emil).await.unwrap();
    it.settles().await;
    assert_eq!((it.holds(emil), it.holds(berta)), (0, 0));
    assert_eq!(it.holds(fritz), ids.len() - carls);
}

#[tokio::test]
async fn B_pain_a_leavers_work_is_dropped() {
    let it = acme_with(inboxes()).await;
    let bob = it.agent_in("bob", &["sales", "billing"]).await;
    let berta = it.agent_in("berta", &["sales"]).await;
    let all = [it.gives_in(bob, "sales", 3), it.gives_in(bob, "billing", 2)].concat();
    let held = it.gives_in(bob, "sales", 1);
    it.work.hold_back(held[0], "under legal hold".parse().unwrap());
    let contacts = it.gives(bob, "contacts", 2);
    // The hardest way out: removed for good, with a plan that does not fit everything.
    let mut remove = it.stage.removal(bob, None);
    remove.handover = Some(to(berta));
    it.stage.act(it.stage.olivia, remove).await.unwrap();
    it.settles().await;
    let handover = it.handover(bob).await;
    let reported: u64 = handover.left.iter().map(|it| it.items).sum();
    let everything = all.len() + held.len() + contacts.len();
    assert_eq!(handover.moved + reported, everything as u64, "each moved, or was reported");
    assert_eq!(it.holds(bob) as u64, reported);
    assert_eq!(it.holds(berta) as u64, handover.moved);
    // And it can still be given to somebody who has left nothing undone.
    it.work.let_go(held[0]);
    it.stage.act(it.ada, it.choose(handover.id, to(it.ada))).await.unwrap();
    it.settles().await;
    assert_eq!((it.holds(bob), it.status(bob).await), (0, HandoverStatus::Done));
}
