//! How often the stories come to what they are about: a property that holds of stories in which
//! nothing happens says nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tenure::domain::{HandoverWork, LeftBecause};

use crate::book::Pages;

static TALLY: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

pub(crate) fn counts(what: String, n: u64) {
    *TALLY.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += n;
}

pub(crate) fn adds(book: &Pages) {
    counts("stories".to_owned(), 1);
    counts("items moved".to_owned(), book.log.len() as u64);
    counts("batches".to_owned(), book.answers.len() as u64);
    if book.arrived_late > 0 {
        counts("items that arrived late".to_owned(), book.arrived_late);
    }
    for seen in book.handovers.values() {
        let work = match seen.it.work {
            HandoverWork::Everything => "everything",
            HandoverWork::OutOfReach => "out of reach",
            HandoverWork::HandedOver(_) => "handed back",
        };
        counts(format!("{work} {}", seen.it.status), 1);
        counts(format!("{work}, items moved"), seen.it.moved);
        for left in &seen.it.left {
            let because = match left.because {
                LeftBecause::OutOfReach => "out of reach",
                LeftBecause::HeldBack => "held back",
                LeftBecause::NotHeld => "not held",
                LeftBecause::Touched => "touched",
                LeftBecause::NotSurveyed => "not surveyed",
            };
            counts(format!("{work}, left {because}"), left.items);
        }
    }
}

/// What the stories came to, and that it was something.
pub(crate) fn is_something() {
    print();
    let tally = TALLY.lock().unwrap_or_else(PoisonError::into_inner);
    for what in [
        "items that arrived late",
        "everything done",
        "everything returned",
        "everything stuck",
        "handed back done",
        "handed back stuck",
        "handed back, left touched",
        "out of reach done",
        "out of reach stuck",
        "everything, left held back",
        "everything, left out of reach",
    ] {
        assert!(tally.contains_key(what), "no story comes to this: {what}");
    }
}

fn print() {
    for (what, n) in TALLY.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        println!("{what}: {n}");
    }
}
