//! A batch moves exactly what it says, and changes nothing else.

use crate::domain::{Nature, Place, WorkState, WorkStates};

use super::subject::{ADA, BOB, ELSEWHERE, EVE, NORTH, SOUTH, Subject, named};
use super::{Ability, NewItem};

pub(super) async fn a_batch_moves_items_of_the_kind(s: Subject) {
    let his = s.stack(1).await;
    for kind in s.workload().kinds().into_iter().filter(|it| it.name != s.kind.name) {
        s.put(s.item_of(&kind.name)).await;
    }
    s.moves(&s.batch(0), &his, "Bob holds items of every kind").await;
}

pub(super) async fn a_batch_moves_items_in_the_scope(s: Subject) {
    let mut rest = s.stack(1).await;
    s.put(NewItem { scope: ELSEWHERE, ..s.item() }).await;
    if s.knows(Ability::InWorkspaces) {
        let north = s.put(NewItem { scope: NORTH, ..s.item() }).await;
        rest.push(s.put(NewItem { scope: SOUTH, ..s.item() }).await);
        let mut batch = s.batch(0);
        batch.scope = NORTH;
        s.moves(&batch, &[north], "only one workspace is meant").await;
    }
    s.moves(&s.batch(1), &rest, "the organization and its workspaces are meant").await;
}

pub(super) async fn a_batch_moves_items_in_those_states(s: Subject) {
    let open = s.stack(1).await;
    if !s.knows(Ability::Closed) {
        return;
    }
    let closed = s.put(NewItem { state: WorkState::Closed, ..s.item() }).await;
    let mut batch = s.batch(0);
    batch.states = WorkStates::OpenOnly;
    s.moves(&batch, &open, "only open items are meant").await;
    s.moves(&s.batch(1), &[closed], "all are meant and only a closed one is left").await;
}

pub(super) async fn a_batch_moves_items_in_exactly_that_place(s: Subject) {
    let here = s.stack(1).await;
    let mut nowhere = s.batch(0);
    nowhere.place = Place::from([("nowhere-at-all".parse().unwrap(), "7".parse().unwrap())]);
    s.moves(&nowhere, &[], "a place is meant that there is not").await;
    if !s.knows(Ability::Places) {
        return;
    }
    let there = s.put(NewItem { place: s.place(1), ..s.item() }).await;
    let mut in_none = s.batch(1);
    in_none.place = Place::new();
    s.moves(&in_none, &[], "only items in no place are meant").await;
    s.moves(&s.batch(2), &here, "one place is meant").await;
    let mut other = s.batch(3);
    other.place = s.place(1);
    s.moves(&other, &[there], "the other place is meant").await;
}

pub(super) async fn a_batch_moves_items_held_by_that_person(s: Subject) {
    let his = s.stack(2).await;
    s.put(NewItem { holder: Some(EVE), ..s.item() }).await;
    s.put(NewItem { holder: Some(ADA), ..s.item() }).await;
    if s.knows(Ability::Unheld) {
        s.put(NewItem { holder: None, ..s.item() }).await;
    }
    s.moves(&s.batch(0), &his, "others hold items, too").await;
}

pub(super) async fn a_batch_moves_items_that_nobody_holds_and_to_nobody(s: Subject) {
    if !s.knows(Ability::Unheld) {
        return;
    }
    let his = s.put(s.item()).await;
    s.put(NewItem { holder: Some(EVE), ..s.item() }).await;
    let nobodys = s.put(NewItem { holder: None, ..s.item() }).await;
    let mut batch = s.batch(0);
    batch.from = None;
    s.moves(&batch, std::slice::from_ref(&nobodys), "those are meant that nobody holds").await;
    let mut batch = s.batch(1);
    batch.to = None;
    s.moves(&batch, std::slice::from_ref(&his), "nobody is to get it").await;
    let mut batch = s.batch(2);
    (batch.from, batch.to) = (None, Some(EVE));
    batch.items = named(&[&his, &nobodys]);
    s.moves(&batch, &[his], "nobody holds it any more").await;
}

pub(super) async fn a_batch_changes_who_holds_an_item_and_nothing_else(s: Subject) {
    let mut ids = s.stack(1).await;
    if s.knows(Ability::Closed) {
        ids.push(s.put(NewItem { state: WorkState::Closed, ..s.item() }).await);
    }
    let before = s.look(&ids).await;
    // The records are compared, all of them.
    let done = s.moves(&s.batch(0), &ids, "there are open and closed ones").await;
    s.same(&done.skipped, &Vec::new(), "what was skipped");
    for (was, is) in before.iter().zip(s.look(&ids).await) {
        s.same(&is.holder, &Some(ADA), "who holds it");
        s.same(&(is.state, is.place), &(was.state, was.place.clone()), "its state and place");
    }
}

pub(super) async fn the_original_author_stays_on_record(s: Subject) {
    match s.kind.nature {
        Nature::Held | Nature::Made | Nature::Automated => return,
        Nature::Authored => {}
    }
    let ids = s.stack(1).await;
    s.moves(&s.batch(0), &ids, "Bob wrote it").await;
    let it = s.read(&ids[0]).await;
    s.same(&(it.holder, it.original_author), &(Some(ADA), Some(BOB)), "the credited, the author");
    let mut onward = s.batch(1);
    (onward.from, onward.to) = (Some(ADA), Some(EVE));
    s.moves(&onward, &ids, "Ada is credited").await;
    s.same(&s.read(&ids[0]).await.original_author, &Some(BOB), "the author after two moves");
}
