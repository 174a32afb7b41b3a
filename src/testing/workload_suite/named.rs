//! Items that are named.

use crate::domain::{ItemId, Moved, SkippedBecause, WorkState, WorkStates};

use super::subject::{ELSEWHERE, EVE, Subject, named, unknown};
use super::{Ability, NewItem};

pub(super) async fn those_named_move_and_no_others(s: Subject) {
    let his = s.stack(4).await;
    let mut batch = s.batch(0);
    batch.items = named(&[&his[2], &his[0]]);
    let done = s.moves(&batch, &[his[0].clone(), his[2].clone()], "two are named").await;
    s.same(&done.skipped, &Vec::new(), "what was skipped");
    s.same(&done.more_after, &None, "behind what there is more, of those named");
    let mut none = s.batch(1);
    none.items = named(&[]);
    let done = s.moves(&none, &[], "none is named").await;
    s.same(&done, &Moved::default(), "what was done of none");
}

/// Why an item was skipped: it must have been, once.
fn reason<'m>(s: &Subject, done: &'m Moved, item: &ItemId) -> &'m SkippedBecause {
    let of_it: Vec<_> = done.skipped.iter().filter(|it| it.item == *item).collect();
    let [it] = &of_it[..] else { s.breaks(&format!("`{item}` is skipped {} times", of_it.len())) };
    &it.because
}

pub(super) async fn what_is_named_and_does_not_move_is_skipped_with_the_reason(s: Subject) {
    use SkippedBecause::{Elsewhere, NotHeld};
    let his = s.put(s.item()).await;
    let eves = s.put(NewItem { holder: Some(EVE), ..s.item() }).await;
    let rivals = s.put(NewItem { scope: ELSEWHERE, ..s.item() }).await;
    let unknown = unknown();
    let mut meant = vec![&unknown, &eves, &rivals, &his];
    let mut away = None;
    if s.knows(Ability::Places) {
        away = Some(s.put(NewItem { place: s.place(1), ..s.item() }).await);
    }
    meant.extend(&away);
    let mut closed = None;
    if s.knows(Ability::Closed) {
        closed = Some(s.put(NewItem { state: WorkState::Closed, ..s.item() }).await);
    }
    meant.extend(&closed);
    let mut batch = s.batch(0);
    batch.states = WorkStates::OpenOnly;
    batch.items = named(&meant);
    let done = s.moves(&batch, std::slice::from_ref(&his), "one of those named may move").await;
    s.same(reason(&s, &done, &unknown), &NotHeld, "an item that does not exist");
    s.same(reason(&s, &done, &eves), &NotHeld, "an item that somebody else has");
    let because = reason(&s, &done, &rivals);
    s.holds(matches!(because, NotHeld | Elsewhere), "why another organization's item stays");
    if let Some(away) = &away {
        s.same(reason(&s, &done, away), &Elsewhere, "an item that lies elsewhere");
    }
    if let Some(closed) = &closed {
        s.same(reason(&s, &done, closed), &Elsewhere, "a closed item where open ones are meant");
    }
    s.holds(done.moved.len() + done.skipped.len() == meant.len(), "more is said than was named");
}
