//! The next items, in the host's order.

use crate::domain::WorkState;

use super::subject::{EVE, Subject, next};
use super::{Ability, NewItem};

pub(super) async fn the_next_items_come_in_an_order_that_does_not_change(s: Subject) {
    // Enough for names of different lengths, and every third is somebody else's.
    let mut his = Vec::new();
    for n in 0..21 {
        if n % 3 == 2 {
            s.put(NewItem { holder: Some(EVE), ..s.item() }).await;
        } else {
            his.push(s.put(s.item()).await);
        }
    }
    let (mut after, mut number) = (None, 0);
    while number * 4 < his.len() {
        let mut batch = s.batch(u32::try_from(number).unwrap());
        batch.items = next(after.as_ref(), 4);
        let due = his.iter().skip(number * 4).take(4).cloned().collect::<Vec<_>>();
        s.moves(&batch, &due, "four at a time are to move, in the order of making").await;
        after = due.last().cloned();
        number += 1;
    }
    let late = s.put(s.item()).await;
    let mut behind = s.batch(90);
    behind.items = next(Some(&late), 10);
    s.moves(&behind, &[], "nothing is behind the last").await;
    behind.name.number += 1;
    behind.items = next(his.first(), 10);
    s.moves(&behind, &[late], "it is behind an item that somebody else has by now").await;
}

pub(super) async fn there_is_more_if_there_are_more_such_items_behind(s: Subject) {
    let his = s.stack(5).await;
    // Others behind them are none of these.
    s.put(NewItem { holder: Some(EVE), ..s.item() }).await;
    if s.knows(Ability::Places) {
        s.put(NewItem { place: s.place(1), ..s.item() }).await;
    }
    if s.knows(Ability::Closed) {
        s.put(NewItem { state: WorkState::Closed, holder: Some(EVE), ..s.item() }).await;
    }
    let mut batch = s.batch(0);
    batch.items = next(None, 2);
    let done = s.moves(&batch, &his[..2], "two of five are to move").await;
    s.same(&done.more_after, &his.get(1).cloned(), "behind what there is more");
    let mut rest = s.batch(1);
    rest.items = next(his.get(1), 3);
    let done = s.moves(&rest, &his[2..], "three of three are to move").await;
    s.same(&done.more_after, &None, "behind what there is more, of exactly as many as the limit");
    let mut none = s.batch(2);
    none.items = next(None, 3);
    let done = s.moves(&none, &[], "none is left").await;
    s.same(&done.more_after, &None, "behind what there is more, of none");
}
