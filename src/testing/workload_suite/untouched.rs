//! What a batch moved goes back, as far as nothing has been done to it since.

use crate::domain::{Batch, ItemId, SkippedBecause};

use super::NewItem;
use super::subject::{ADA, BOB, EVE, Subject, named, next};

/// What a batch moved goes back.
fn back(s: &Subject, number: u32, of: &Batch) -> Batch {
    let untouched_since = Some(of.name);
    Batch { from: Some(ADA), to: Some(BOB), untouched_since, ..s.batch(number) }
}

pub(super) async fn only_those_that_the_batch_moved_move_back(s: Subject) {
    let ids = s.stack(5).await;
    s.put(NewItem { holder: Some(ADA), ..s.item() }).await;
    let (mut one, mut two) = (s.batch(0), s.batch(1));
    (one.items, two.items) = (next(None, 3), next(None, 2));
    s.moves(&one, &ids[..3], "three are to move").await;
    s.moves(&two, &ids[3..], "the others are to move").await;
    s.look(&ids).await;
    let mut some = back(&s, 2, &one);
    some.items = next(None, 2);
    let done = s.moves(&some, &ids[..2], "two of the three that one batch moved go back").await;
    s.same(&done.more_after, &ids.get(1).cloned(), "behind what there is more");
    let done = s.moves(&back(&s, 3, &one), &ids[2..3], "the rest of the three goes back").await;
    s.same(&done.more_after, &None, "behind what there is more");
    let never = Batch { untouched_since: Some(s.batch(77).name), ..back(&s, 4, &two) };
    s.moves(&never, &[], "there was no such batch").await;
    s.moves(&back(&s, 5, &two), &ids[3..], "what the other batch moved goes back").await;
}

pub(super) async fn what_was_touched_since_stays(s: Subject) {
    let ids = s.stack(5).await;
    let there = s.batch(0);
    s.moves(&there, &ids, "all are to move").await;
    s.host().touch(&s.kind.name, &ids[0]).await;
    s.host().give(&s.kind.name, &ids[1], EVE).await;
    s.host().give(&s.kind.name, &ids[1], ADA).await;
    let mut some = back(&s, 1, &there);
    some.items = named(&[&ids[0], &ids[1], &ids[2]]);
    let done = s.moves(&some, &ids[2..3], "one of three is as it was").await;
    let touched: Vec<&ItemId> = done
        .skipped
        .iter()
        .filter(|it| it.because == SkippedBecause::Touched)
        .map(|it| &it.item)
        .collect();
    s.holds(touched.len() == 2, "an item that was touched is not said to have been");
    s.holds(touched.contains(&&ids[0]) && touched.contains(&&ids[1]), "another one is said to");
    s.moves(&back(&s, 2, &there), &ids[3..], "two of four are as they were").await;
}

pub(super) async fn what_another_batch_moved_since_stays(s: Subject) {
    let ids = s.stack(2).await;
    let there = s.batch(0);
    s.moves(&there, &ids, "both are to move").await;
    for (number, from, to) in [(1, ADA, EVE), (2, EVE, ADA)] {
        let hop =
            Batch { from: Some(from), to: Some(to), items: named(&[&ids[0]]), ..s.batch(number) };
        s.moves(&hop, &ids[..1], "one goes on and comes back").await;
    }
    s.moves(&back(&s, 3, &there), &ids[1..], "one has moved with other batches since").await;
}
