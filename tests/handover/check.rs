//! What must be so once everything has come to rest.

use std::collections::BTreeMap;

use tenure::domain::{
    BatchName, Handover, HandoverId, HandoverStatus, HandoverWork, ItemId, KindName, LeftBecause,
    MembershipId, Moved, Place, Receivers,
};

use crate::book::{Item, Pages, Seen};
use crate::company::company;

type Checked = Result<(), String>;

pub(crate) fn everything(book: &Pages, retried: bool) -> Checked {
    nothing_runs(book)?;
    receipts_say_what_was_done(book)?;
    counters_are_right(book)?;
    moved_once(book)?;
    only_holders_change(book)?;
    for (id, person) in &book.people {
        if !person.active {
            nothing_stays_behind(book, *id, retried)?;
        }
    }
    what_is_lost_is_moved(book)?;
    what_was_handed_over_is_back(book)
}

fn nothing_runs(book: &Pages) -> Checked {
    for seen in book.handovers.values() {
        if seen.it.status == HandoverStatus::Running || seen.it.asked.is_some() {
            return Err(format!("it still runs, or a batch is open: {:?}", seen.it));
        }
    }
    Ok(())
}

/// Nothing moved without a receipt, and nothing is in a receipt that did not move.
fn receipts_say_what_was_done(book: &Pages) -> Checked {
    for (name, answer) in &book.answers {
        let Moved { moved, skipped, .. } = answer;
        match book.receipts.get(name) {
            None if moved.is_empty() && skipped.is_empty() => {}
            None => return Err(format!("{name} did {answer:?}, and there is no receipt")),
            Some(it) => {
                let asked = book.asked.get(name);
                let same = asked.is_some_and(|asked| {
                    (&it.kind, &it.place, it.from, it.to)
                        == (&asked.kind, &asked.place, asked.from, asked.to)
                });
                if it.moved != *moved || it.skipped != *skipped || !same {
                    return Err(format!("{name} did {answer:?}, and the receipt says {it:?}"));
                }
            }
        }
    }
    match book.receipts.keys().find(|name| !book.answers.contains_key(name)) {
        Some(name) => Err(format!("{name} has a receipt and was never done")),
        None => Ok(()),
    }
}

fn counters_are_right(book: &Pages) -> Checked {
    for (id, seen) in &book.handovers {
        let (mut moved, mut skipped) = (0, 0);
        for it in book.receipts.values().filter(|it| it.batch.handover == *id) {
            moved += it.moved.len() as u64;
            skipped += it.skipped.len() as u64;
        }
        let it = &seen.it;
        if it.skipped != skipped || it.moved != moved {
            return Err(format!(
                "it counts {} moved, {} skipped; the receipts {moved} and {skipped}: {it:?}",
                it.moved, it.skipped
            ));
        }
    }
    Ok(())
}

/// Each handover moves an item once; twice only if it had another way in between.
fn moved_once(book: &Pages) -> Checked {
    let mut last: BTreeMap<(HandoverId, &ItemId), u64> = BTreeMap::new();
    for it in &book.log {
        let key = (it.batch.handover, &it.item);
        if let Some(before) = last.insert(key, it.at) {
            let elsewhere = book.log.iter().any(|other| {
                other.item == it.item
                    && other.batch.handover != it.batch.handover
                    && (before..it.at).contains(&other.at)
            });
            let given = book.items.get(&it.item).is_some_and(|it| it.given_at > before);
            if !(elsewhere || given) {
                return Err(format!("{} was moved twice by one handover: {it:?}", it.item));
            }
        }
    }
    Ok(())
}

fn only_holders_change(book: &Pages) -> Checked {
    for (id, it) in &book.items {
        let is = (it.place.clone(), it.state, it.author);
        if is != it.was {
            return Err(format!("{id} has changed: it was {:?}", it.was));
        }
    }
    Ok(())
}

fn last_of(book: &Pages, from: MembershipId, work: HandoverWork) -> Option<&Seen> {
    let theirs = |seen: &&Seen| seen.it.from == from && seen.it.work == work;
    book.handovers.values().rev().find(theirs)
}

/// What somebody who is gone still holds of what was to go.
fn nothing_stays_behind(book: &Pages, who: MembershipId, retried: bool) -> Checked {
    let Some(seen) = last_of(book, who, HandoverWork::Everything) else { return Ok(()) };
    // Whoever went again since, and no handover was planned, said that everything stays.
    if book.people.get(&who).is_some_and(|person| person.changed_at > seen.planned) {
        return Ok(());
    }
    let it = &seen.it;
    let name = company().name(who);
    let held: Vec<_> = book
        .items
        .iter()
        .filter(|(id, item)| item.holder == Some(who) && Pages::covers(it, id, item))
        .collect();
    match it.status {
        HandoverStatus::Done => {
            // What was named and came later is nobody's plan.
            let late = |id: &ItemId, item: &Item| {
                let moved = book.log.iter().any(|it| it.item == *id && it.at > item.given_at);
                item.given_at > seen.since && !moved
            };
            let named_only = |id: &ItemId, item: &Item| {
                !it.parts.iter().any(|part| part.kind == item.kind && part.items.is_none())
                    && it.left.iter().any(|left| left.because == LeftBecause::NotHeld)
                    && !id.as_str().is_empty()
            };
            match held.iter().find(|(id, item)| !late(id, item) && !named_only(id, item)) {
                Some((id, item)) => {
                    Err(format!("{name} is gone and keeps {id} {item:?}; the handover is {it:?}"))
                }
                None => Ok(()),
            }
        }
        HandoverStatus::Stuck if retried => left_is_right(book, it, &held),
        HandoverStatus::Stuck if it.left.is_empty() => Err(format!("stuck on nothing: {it:?}")),
        HandoverStatus::Stuck
        | HandoverStatus::Running
        | HandoverStatus::Paused
        | HandoverStatus::Cancelled
        | HandoverStatus::Returned => Ok(()),
    }
}

/// What is reported is what is there, with the reason.
fn left_is_right(book: &Pages, it: &Handover, held: &[(&ItemId, &Item)]) -> Checked {
    type Counts<'c> = BTreeMap<(&'c KindName, &'c Place, LeftBecause), u64>;
    let (mut found, mut said): (Counts<'_>, Counts<'_>) = Default::default();
    for (id, item) in held {
        let meant = |part: &&tenure::domain::Part| {
            part.kind == item.kind
                && part.states.include(item.state)
                && part.items.as_ref().is_none_or(|items| items.contains(id))
        };
        let fit = |to: &Receivers| {
            *to == Receivers::Nobody
                || to.members().iter().any(|to| book.can_have(*to, &item.kind, &item.place))
        };
        let somebody = it.parts.iter().filter(meant).any(|part| fit(&part.to));
        let because = match (somebody, item.held_back) {
            (true, true) => LeftBecause::HeldBack,
            (true, false) => {
                return Err(format!("{id} could move and is left: {item:?} by {it:?}"));
            }
            (false, _) => LeftBecause::OutOfReach,
        };
        *found.entry((&item.kind, &item.place, because)).or_default() += 1;
    }
    for left in it.left.iter().filter(|left| left.holder == Some(it.from)) {
        if matches!(left.because, LeftBecause::OutOfReach | LeftBecause::HeldBack) {
            *said.entry((&left.kind, &left.place, left.because)).or_default() += left.items;
        }
    }
    if found != said {
        return Err(format!("there is left {found:?}; reported is {said:?} by {it:?}"));
    }
    Ok(())
}

/// What somebody cannot reach any more has moved, if they said where it goes.
fn what_is_lost_is_moved(book: &Pages) -> Checked {
    for seen in book.handovers.values() {
        let it = &seen.it;
        let person = book.people.get(&it.from);
        let stands = person.is_some_and(|p| p.active && !p.went && p.changed_at < seen.since);
        if it.work != HandoverWork::OutOfReach || it.status != HandoverStatus::Done || !stands {
            continue;
        }
        for (id, item) in &book.items {
            let left = item.holder == Some(it.from)
                && item.given_at < seen.since
                && book.log.iter().all(|m| m.item != *id || m.at < seen.since)
                && it.parts.iter().any(|part| {
                    part.items.is_none()
                        && part.kind == item.kind
                        && part.states.include(item.state)
                })
                && !book.can_have(it.from, &item.kind, &item.place);
            if left {
                return Err(format!("{id} is out of reach and stays: {item:?} by {it:?}"));
            }
        }
    }
    Ok(())
}

/// What nobody has touched since is back; what is not back is reported.
fn what_was_handed_over_is_back(book: &Pages) -> Checked {
    for seen in book.handovers.values() {
        let it = &seen.it;
        let HandoverWork::HandedOver(earlier) = it.work else { continue };
        let over = matches!(it.status, HandoverStatus::Done | HandoverStatus::Stuck);
        if !over {
            continue;
        }
        for receipt in book.receipts.values().filter(|it| it.batch.handover == earlier) {
            for id in &receipt.moved {
                let item = book.items.get(id);
                let Some(item) = item.filter(|it| it.last == Some(receipt.batch)) else { continue };
                let reported = it.left.iter().any(|left| {
                    left.kind == item.kind && left.place == item.place && left.holder == receipt.to
                });
                if !(reported && it.status == HandoverStatus::Stuck) {
                    return Err(format!("{id} is untouched and not back: {item:?} by {it:?}"));
                }
            }
        }
        came_back_rightly(book, it, earlier)?;
    }
    Ok(())
}

fn came_back_rightly(book: &Pages, it: &Handover, earlier: HandoverId) -> Checked {
    for moved in book.log.iter().filter(|moved| moved.batch.handover == it.id) {
        let back = |name: &BatchName| {
            let receipt = book.receipts.get(name);
            name.handover == earlier
                && receipt.is_some_and(|receipt| receipt.moved.contains(&moved.item))
        };
        let since = book.asked.get(&moved.batch).and_then(|asked| asked.untouched_since);
        if !since.as_ref().is_some_and(back) {
            return Err(format!("{moved:?} came back and was never handed over: {it:?}"));
        }
    }
    Ok(())
}
