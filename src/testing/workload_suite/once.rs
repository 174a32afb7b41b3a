//! Something is done once under each name.

use uuid::Uuid;

use crate::domain::{Batch, BatchItems, HandoverId, Place, WorkStates};

use super::NewItem;
use super::subject::{ADA, BOB, EVE, Subject, named, next, set, unknown};

async fn says_again(s: &Subject, batch: &Batch, first: &crate::domain::Moved, what: &str) {
    let again = s.moves_nothing(batch, what).await;
    s.same(&again, first, &format!("the answer to {what}"));
}

impl Subject {
    /// That a batch changes nothing, whatever it answers.
    async fn moves_nothing(&self, batch: &Batch, what: &str) -> crate::domain::Moved {
        let before = self.everything().await;
        let answer = self.does(batch).await;
        self.same(&self.everything().await, &before, &format!("what is on record after {what}"));
        answer
    }
}

pub(super) async fn a_batch_is_done_once_under_its_name(s: Subject) {
    let ids = s.stack(5).await;
    let mut batch = s.batch(0);
    batch.items = next(None, 2);
    let first = s.moves(&batch, &ids[..2], "two are to move").await;
    says_again(&s, &batch, &first, "the same batch").await;
    // Whatever happened since.
    let mut back = s.batch(1);
    (back.from, back.to, back.items) = (Some(ADA), Some(BOB), named(&[&ids[0]]));
    s.moves(&back, &ids[..1], "one goes back").await;
    says_again(&s, &batch, &first, "the same batch when one has gone back").await;

    let mut some = s.batch(2);
    some.items = named(&[&ids[3], &unknown()]);
    let first = s.moves(&some, &ids[3..4], "one of two exists").await;
    says_again(&s, &some, &first, "the same named items").await;
}

pub(super) async fn whatever_the_rest_of_a_batch_says_the_first_answer_stands(s: Subject) {
    let ids = s.stack(6).await;
    s.put(NewItem { holder: Some(EVE), ..s.item() }).await;
    let mut batch = s.batch(0);
    batch.items = next(None, 2);
    let first = s.moves(&batch, &ids[..2], "two are to move").await;
    let to_eve = Batch { to: Some(EVE), ..batch.clone() };
    says_again(&s, &to_eve, &first, "the same name with another receiver").await;
    let from_ada = Batch { from: Some(ADA), to: Some(EVE), ..batch.clone() };
    says_again(&s, &from_ada, &first, "the same name with another holder").await;
    let behind = Batch { items: next(ids.get(1), 4), ..batch.clone() };
    says_again(&s, &behind, &first, "the same name with other items").await;
    let others = Batch { items: named(&[&ids[3], &ids[4]]), ..batch.clone() };
    says_again(&s, &others, &first, "the same name with named items").await;
    let open = Batch { states: WorkStates::OpenOnly, place: Place::new(), ..batch.clone() };
    says_again(&s, &open, &first, "the same name with other states and another place").await;
    for kind in s.workload().kinds() {
        let other = Batch { kind: kind.name, ..batch.clone() };
        says_again(&s, &other, &first, "the same name with another kind").await;
    }
}

pub(super) async fn an_emptied_batch_says_what_was_done(s: Subject) {
    let ids = s.stack(3).await;
    let mut batch = s.batch(0);
    batch.items = next(None, 2);
    let first = s.moves(&batch, &ids[..2], "two are to move").await;
    says_again(&s, &batch.emptied(), &first, "the batch with nothing in it").await;
}

pub(super) async fn nothing_is_ever_moved_under_the_name_of_an_empty_batch(s: Subject) {
    s.stack(3).await;
    let batch = s.batch(0);
    let first = s.moves(&batch.clone().emptied(), &[], "nothing is in it").await;
    says_again(&s, &batch, &first, "the full batch after the empty one").await;
    let none = Batch { items: BatchItems::Next { after: None, limit: 0 }, ..s.batch(1) };
    let first = s.moves(&none, &[], "the limit is zero").await;
    s.same(&(first.skipped.len(), &first.more_after), &(0, &None), "what was looked at");
    says_again(&s, &s.batch(1), &first, "the full batch after one with a limit of zero").await;
}

pub(super) async fn batches_are_told_apart_by_handover_and_number(s: Subject) {
    let ids = s.stack(3).await;
    let mut batch = s.batch(0);
    batch.items = next(None, 1);
    s.moves(&batch, &ids[..1], "it is the first").await;
    batch.name.number = 1;
    s.moves(&batch, &ids[1..2], "it has another number").await;
    batch.name.handover = HandoverId::new(Uuid::from_u128(8));
    s.moves(&batch, &ids[2..], "it is of another handover").await;
}

pub(super) async fn one_batch_asked_for_by_many_at_once_is_done_once(s: Subject) {
    for round in 0..8 {
        s.stack(6).await;
        let mut batch = s.batch(round);
        batch.items = next(None, 2);
        let before = held(&s, BOB).await;
        let answers = s.at_once(vec![batch; 4]).await;
        for answer in &answers {
            s.same(answer, &answers[0], "the answers to one batch, asked at once");
        }
        s.same(&answers[0].moved.len(), &2, "how many are said to have moved");
        s.same(&held(&s, BOB).await, &(before - 2), "how many Bob has left");
    }
}

pub(super) async fn an_item_moves_with_one_of_two_batches_at_once(s: Subject) {
    for round in 0..8 {
        s.stack(4).await;
        let batches = [ADA, EVE].map(|to| Batch { to: Some(to), ..s.batch(round) });
        let mut batches = batches.to_vec();
        batches[1].name.number += 100;
        let answers = s.at_once(batches.clone()).await;
        for (batch, answer) in batches.iter().zip(&answers) {
            for id in &answer.moved {
                s.same(&s.read(id).await.holder, &batch.to, "who holds what a batch has moved");
            }
        }
        let both = set(&answers[0].moved).intersection(&set(&answers[1].moved)).count();
        s.same(&both, &0, "how many moved twice");
        s.same(&held(&s, BOB).await, &0, "how many Bob has left");
    }
}

async fn held(s: &Subject, by: crate::domain::MembershipId) -> usize {
    s.everything().await.values().filter(|it| it.holder == Some(by)).count()
}
