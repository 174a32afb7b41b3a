//! What the host does not let go.

use crate::domain::{ItemId, Reason, Skipped, SkippedBecause};

use super::Ability;
use super::subject::{Subject, named, next};

fn reason() -> Reason {
    "under legal hold".parse().unwrap()
}

fn refused(item: &ItemId) -> Skipped {
    Skipped { item: item.clone(), because: SkippedBecause::Refused(reason()) }
}

pub(super) async fn what_is_held_back_is_skipped_with_the_reason(s: Subject) {
    if !s.knows(Ability::HeldBack) {
        return;
    }
    let ids = s.stack(4).await;
    s.host().hold_back(&s.kind.name, &ids[1], &reason()).await;
    let mut some = s.batch(0);
    some.items = named(&[&ids[0], &ids[1]]);
    let done = s.moves(&some, &ids[..1], "one of two named items is held back").await;
    s.same(&done.skipped, &vec![refused(&ids[1])], "what was skipped of those named");
    let done = s.moves(&s.batch(1), &ids[2..], "one of the next items is held back").await;
    s.same(&done.skipped, &vec![refused(&ids[1])], "what was skipped of the next");
    s.same(&s.does(&s.batch(1)).await, &done, "the answer, asked again");
}

pub(super) async fn what_is_held_back_is_looked_at_once(s: Subject) {
    if !s.knows(Ability::HeldBack) {
        return;
    }
    let ids = s.stack(4).await;
    for id in &ids[1..3] {
        s.host().hold_back(&s.kind.name, id, &reason()).await;
    }
    let mut first = s.batch(0);
    first.items = next(None, 2);
    let done = s.moves(&first, &ids[..1], "the second of two is held back").await;
    s.same(&done.skipped, &vec![refused(&ids[1])], "what was skipped");
    s.same(&done.more_after, &ids.get(1).cloned(), "behind what there is more");
    let mut second = s.batch(1);
    second.items = next(done.more_after.as_ref(), 1);
    let done = s.moves(&second, &[], "the next is held back, too").await;
    s.same(&done.skipped, &vec![refused(&ids[2])], "what was skipped");
    s.same(&done.more_after, &ids.get(2).cloned(), "behind what there is more");
    let mut third = s.batch(2);
    third.items = next(done.more_after.as_ref(), 1);
    let done = s.moves(&third, &ids[3..], "the last is let go").await;
    s.same(&(done.skipped.len(), done.more_after), &(0, None), "what was skipped, and more");
}
