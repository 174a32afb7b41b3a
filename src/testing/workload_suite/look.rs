//! What is to be known of items by their names.

use crate::domain::{BatchName, FoundItem, ItemId, WorkState};

use super::subject::{ADA, BOB, ELSEWHERE, EVE, NORTH, SOUTH, Subject, WHOLE, named, unknown};
use super::{Ability, NewItem};

pub(super) async fn a_look_says_where_items_lie_in_which_state_and_who_holds_them(s: Subject) {
    let mut made = vec![s.item(), NewItem { place: s.place(1), holder: Some(EVE), ..s.item() }];
    if s.knows(Ability::Closed) {
        made.push(NewItem { state: WorkState::Closed, ..s.item() });
    }
    if s.knows(Ability::Unheld) {
        made.push(NewItem { holder: None, ..s.item() });
    }
    if s.knows(Ability::InWorkspaces) {
        made.push(NewItem { scope: NORTH, ..s.item() });
    }
    let (mut ids, mut due) = (Vec::new(), Vec::new());
    for NewItem { scope, kind, place, state, holder } in made {
        let new = NewItem { scope, kind, place: place.clone(), state, holder };
        let id = s.put(new).await;
        ids.push(id.clone());
        due.push(FoundItem { id, place, state, holder, untouched_since: None });
    }
    s.same(&s.look(&ids).await, &due, "what is found");
    s.stack(1).await;
    s.same(&s.look(&ids[..1]).await, &due[..1].to_vec(), "what is found of one by its name");
    s.same(&s.look(&[]).await, &Vec::new(), "what is found of none");
}

pub(super) async fn a_look_leaves_out_what_is_not_there(s: Subject) {
    let here = s.put(s.item()).await;
    let there = s.put(NewItem { scope: ELSEWHERE, ..s.item() }).await;
    let ids = |found: Vec<FoundItem>| found.into_iter().map(|it| it.id).collect::<Vec<_>>();
    let found = ids(s.look(&[unknown(), there.clone(), here.clone()]).await);
    s.same(&found, &vec![here.clone()], "of an unknown item, another organization's and Bob's");
    if s.knows(Ability::InWorkspaces) {
        let north = s.put(NewItem { scope: NORTH, ..s.item() }).await;
        let south = s.put(NewItem { scope: SOUTH, ..s.item() }).await;
        let all = [here, north.clone(), south];
        let found = s.answered(s.workload().look(NORTH, &s.kind.name, &all).await);
        s.same(&ids(found), &vec![north], "of one workspace alone");
    }
}

async fn mark(s: &Subject, item: &ItemId) -> Option<BatchName> {
    let found = s.look(std::slice::from_ref(item)).await;
    let [it] = &found[..] else { s.breaks("an item is not found by its name") };
    it.untouched_since
}

pub(super) async fn a_look_says_which_batch_was_the_last_to_touch_an_item(s: Subject) {
    let ids = s.stack(4).await;
    let first = s.batch(0);
    s.does(&first).await;
    for id in &ids {
        s.same(&mark(&s, id).await, &Some(first.name), "the batch that moved an item");
        s.same(&mark(&s, id).await, &Some(first.name), "the batch of an item that was looked at");
    }
    let kind = &s.kind.name;
    s.host().touch(kind, &ids[0]).await;
    s.same(&mark(&s, &ids[0]).await, &None, "the batch of an item that was touched since");
    s.host().give(kind, &ids[1], EVE).await;
    s.same(&mark(&s, &ids[1]).await, &None, "the batch of an item that was given away since");
    s.host().give(kind, &ids[1], ADA).await;
    s.same(&mark(&s, &ids[1]).await, &None, "the batch of an item that was given away and back");
    let mut second = s.batch(1);
    (second.from, second.to) = (Some(ADA), Some(EVE));
    second.items = named(&[&ids[0], &ids[2]]);
    s.does(&second).await;
    s.same(&mark(&s, &ids[0]).await, &Some(second.name), "the batch that moved a touched item");
    s.same(&mark(&s, &ids[2]).await, &Some(second.name), "the later of two batches");
    s.same(&mark(&s, &ids[3]).await, &Some(first.name), "the batch of an item left alone since");
}

pub(super) async fn surveys_and_looks_change_nothing(s: Subject) {
    let ids = s.stack(3).await;
    let mut batch = s.batch(0);
    batch.items = named(&[&ids[0]]);
    s.does(&batch).await;
    let (before, found) = (s.everything().await, s.look(&ids).await);
    for who in [ADA, BOB] {
        s.answered(s.workload().survey(WHOLE, who).await);
        s.answered(s.workload().loads(WHOLE, &s.kind.name, &[who]).await);
    }
    s.same(&s.look(&ids).await, &found, "what is found, again");
    s.same(&s.everything().await, &before, "what is on record");
}
