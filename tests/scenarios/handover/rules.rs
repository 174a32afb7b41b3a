//! What the rules decide where a plan does not, and what they forbid (C9, C13, S3 93, S1 60).

use tenure::domain::{
    Authorship, Disposition, HandoverPlan, MadeOnLeaving, Sharing, WorkOnLeaving,
};
use tenure::{Refusal, Rules};

use super::{Acme, acme_with, kind, split, to};
use crate::stage::{Who, desk};

async fn with_bob(change: impl FnOnce(&mut Rules)) -> (Acme, Who) {
    let it = acme_with(desk(change)).await;
    let bob = it.agent("bob").await;
    (it, bob)
}

fn only(name: &str, to: Disposition) -> HandoverPlan {
    HandoverPlan::default().kind(kind(name), to)
}

fn forbids<T>(answer: &Result<T, Refusal>, by: &str) -> bool {
    matches!(answer, Err(Refusal::RuleForbids { rule, .. }) if *rule == by)
}

#[tokio::test]
async fn C09_where_work_becomes_unassigned_no_way_names_anybody() {
    let (it, bob) = with_bob(|it| it.work_on_leaving = WorkOnLeaving::Unassign).await;
    let ids = it.gives(bob, "tickets", 2);
    let tier = it.stage.team("Tier 1", &[it.ada]).await;
    for plan in [
        to(it.ada),
        Disposition::Team(tier, Sharing::RoundRobin).into(),
        only("tickets", Disposition::To(it.ada.id)),
        only("tickets", split([(it.ada, &ids)], Disposition::Unassign)),
    ] {
        assert!(forbids(&it.leaves(bob, plan).await, "C9"));
    }
    // What is finished may stay where it is all the same.
    it.work.close(ids[1]);
    it.left(bob, HandoverPlan::from(Disposition::Unassign).open_only()).await;
    it.settles().await;
    assert_eq!((it.holder(ids[0]), it.holder(ids[1])), (None, Some(bob.id)));
}

#[tokio::test]
async fn C09_a_mandatory_successor_covers_all_that_is_held() {
    let (it, bob) = with_bob(|it| it.work_on_leaving = WorkOnLeaving::SuccessorRequired).await;
    let berta = it.agent("berta").await;
    let ids = it.gives(bob, "tickets", 3);
    let contacts = it.gives(bob, "contacts", 1);
    let named = |rest| split([(berta, &ids[..1])], rest);
    for plan in [
        HandoverPlan::default(),
        Disposition::Unassign.into(),
        Disposition::Leave.into(),
        // Contacts are work, too.
        only("tickets", Disposition::To(berta.id)),
        to(berta).kind(kind("contacts"), Disposition::Unassign),
        to(berta).kind(kind("tickets"), named(Disposition::Leave)),
    ] {
        assert_eq!(it.leaves(bob, plan).await, Err(Refusal::SuccessorRequired));
    }
    it.left(bob, to(berta).kind(kind("tickets"), named(Disposition::To(it.ada.id)))).await;
    it.settles().await;
    assert_eq!(it.work.held_by(berta.id), [vec![ids[0]], contacts].concat());
    assert_eq!(it.work.held_by(it.ada.id), ids[1..]);
}

#[tokio::test]
async fn C09_a_team_is_successor_enough() {
    let (it, bob) = with_bob(|it| it.work_on_leaving = WorkOnLeaving::SuccessorRequired).await;
    let berta = it.agent("berta").await;
    let tier = it.stage.team("Tier 1", &[it.ada, berta]).await;
    it.gives(bob, "tickets", 4);
    it.left(bob, Disposition::Team(tier, Sharing::RoundRobin)).await;
    it.settles().await;
    assert_eq!((it.holds(it.ada), it.holds(berta)), (2, 2));
}

#[tokio::test]
async fn C13_where_authorship_is_kept_no_plan_moves_it() {
    let (it, bob) = with_bob(|it| it.authorship = Authorship::Kept).await;
    let replies = it.gives(bob, "replies", 2);
    let tickets = it.gives(bob, "tickets", 1);
    for disposition in [Disposition::To(it.ada.id), Disposition::Unassign] {
        assert!(forbids(&it.leaves(bob, only("replies", disposition)).await, "C13"));
    }
    it.left(bob, to(it.ada).kind(kind("replies"), Disposition::Leave)).await;
    it.settles().await;
    assert_eq!((it.work.held_by(it.ada.id), it.work.held_by(bob.id)), (tickets, replies));
}

#[tokio::test]
async fn C13_where_authorship_moves_one_person_is_credited_and_the_author_stays_on_record() {
    let moves = |it: &mut Rules| it.authorship = Authorship::MovesToSuccessor;
    let (it, bob) = with_bob(moves).await;
    let replies = it.gives(bob, "replies", 2);
    // Also where the other work goes by its state: what is written has none.
    it.work.close(replies[0]);
    assert!(forbids(&it.leaves(bob, only("replies", Disposition::Unassign)).await, "C13"));
    it.left(bob, to(it.ada).open_only()).await;
    it.settles().await;
    for id in replies {
        let reply = it.work.item(id).unwrap();
        assert_eq!((reply.holder, reply.original_author), (Some(it.ada.id), Some(bob.id)));
    }
}

#[tokio::test]
async fn C13_credit_goes_to_a_chosen_person_and_never_by_turns() {
    let moves = |it: &mut Rules| it.authorship = Authorship::MovesToSuccessor;
    let (it, bob) = with_bob(moves).await;
    let berta = it.agent("berta").await;
    let tier = it.stage.team("Tier 1", &[it.ada, berta]).await;
    let replies = it.gives(bob, "replies", 2);
    it.gives(bob, "tickets", 2);
    it.left(bob, Disposition::Team(tier, Sharing::RoundRobin)).await;
    it.settles().await;
    assert_eq!(it.work.held_by(bob.id), replies);
    assert_eq!((it.holds(it.ada), it.holds(berta)), (1, 1));
    // Somebody else may be credited than gets the work.
    let carl = it.agent("carl").await;
    let (written, held) = (it.gives(carl, "replies", 1), it.gives(carl, "tickets", 1));
    it.left(carl, to(berta).kind(kind("replies"), Disposition::To(it.ada.id))).await;
    it.settles().await;
    assert!(it.work.held_by(it.ada.id).contains(&written[0]));
    assert!(it.work.held_by(berta.id).contains(&held[0]));
}

/// Bob goes, Ada takes over, with nothing said of macros and automations: who has them then.
async fn made_after(made: MadeOnLeaving, plan: impl Fn(&Acme) -> HandoverPlan) -> [bool; 2] {
    let (it, bob) = with_bob(|it| it.made_on_leaving = made).await;
    let (macros, automations) = (it.gives(bob, "macros", 2), it.gives(bob, "automations", 1));
    it.left(bob, plan(&it)).await;
    it.settles().await;
    [macros, automations].map(|ids| ids.iter().all(|id| it.holder(*id) == Some(it.ada.id)))
}

#[tokio::test]
async fn S3_93_what_somebody_made_is_never_touched_where_the_rules_say_so() {
    let to_ada = |it: &Acme| to(it.ada);
    assert_eq!(made_after(MadeOnLeaving::Untouched, to_ada).await, [false, false]);
    let (it, bob) = with_bob(|it| it.made_on_leaving = MadeOnLeaving::Untouched).await;
    for name in ["macros", "automations"] {
        for disposition in [Disposition::To(it.ada.id), Disposition::Unassign] {
            assert!(forbids(&it.leaves(bob, only(name, disposition)).await, "made_on_leaving"));
        }
    }
    it.left(bob, to(it.ada).kind(kind("macros"), Disposition::Leave)).await;
}

#[tokio::test]
async fn S1_60_what_somebody_made_goes_where_the_plan_says_for_its_kind() {
    let either = || MadeOnLeaving::Either;
    assert_eq!(made_after(either(), |it| to(it.ada)).await, [false, false]);
    let macros = |it: &Acme| only("macros", Disposition::To(it.ada.id));
    assert_eq!(made_after(either(), macros).await, [true, false]);
}

#[tokio::test]
async fn S1_60_what_somebody_made_goes_with_the_work_where_the_rules_say_so() {
    let with = || MadeOnLeaving::WithTheWork;
    assert_eq!(made_after(with(), |it| to(it.ada)).await, [true, true]);
    let but_macros = |it: &Acme| to(it.ada).kind(kind("macros"), Disposition::Leave);
    assert_eq!(made_after(with(), but_macros).await, [false, true]);
    // Where nobody takes the work over, what others use stays with whoever made it.
    assert_eq!(made_after(with(), |_| Disposition::Unassign.into()).await, [false, false]);
    let (it, bob) = with_bob(|it| it.made_on_leaving = with()).await;
    let macros = it.gives(bob, "macros", 1);
    it.left(bob, Disposition::Unassign).await;
    it.settles().await;
    assert_eq!(it.work.held_by(bob.id), macros);
}
