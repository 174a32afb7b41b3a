//! Every race between two, stepped through all of its orders on PostgreSQL: a controller issues one
//! statement at a time, on real connections at READ COMMITTED.
//!
//! | file | holds |
//! | --- | --- |
//! | `orders` | the orders, found by walking through them; blocked told from slow |
//! | `gate` | where a party waits before each statement; a store that checks nothing |
//! | `stage` | the company, the parties and their connections |
//! | `rows` | every row of the database: put back before each order, compared after it |
//! | `tally` | what must hold of every order, and the counts |
//! | `races/` | the races, and what must hold of each |
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and only the steps of a race are told apart"
)]

#[path = "../cluster/mod.rs"]
mod cluster;
mod gate;
mod orders;
mod races;
mod rows;
mod stage;
mod tally;

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use gate::Checks;
use races::{RACES, Race};
use stage::Stage;

/// Sessions are bound to an epoch, so this one rests on nothing that a commit checks.
const BY_READING: &[&str] = &["somebody_is_deactivated_while_signing_in"];

/// One for each way in which claims or the audit would help.
const BY_GUARDS_ALONE: [&str; 4] = [
    "two_accept_the_last_seat",
    "two_owners_demote_each_other",
    "an_invitation_is_accepted_twice",
    "one_address_is_invited_twice",
];

/// So many lost orders of a race are told in full.
const SHOWN: usize = 4;

/// Takes one race after the other, each in every order; those that are lost.
async fn lost(races: &[(&'static str, Race)], next: &AtomicUsize, checks: Checks) -> Vec<usize> {
    let stage = Stage::open(checks).await;
    let mut lost = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::SeqCst);
        let Some((name, race)) = races.get(number) else { break };
        let began = Instant::now();
        stage.clears().await;
        let tally = race(&stage).await;
        let took = began.elapsed().as_millis();
        println!("{:7} {:64} {tally}; {took:5} ms", format!("{checks:?}"), name.replace('_', " "));
        for how in tally.lost.iter().take(SHOWN) {
            println!("  {how}");
        }
        if !tally.lost.is_empty() {
            lost.push(number);
        }
    }
    stage.close().await;
    lost
}

/// Which of these races are lost. Two threads take them, each at a company of its own.
fn lost_of(races: &[(&'static str, Race)], checks: Checks) -> Vec<&'static str> {
    let next = AtomicUsize::new(0);
    let go = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(lost(races, &next, checks))
    };
    let mut lost = std::thread::scope(|threads| {
        let other = threads.spawn(go);
        let mut lost = go();
        lost.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        lost
    });
    lost.sort_unstable();
    lost.into_iter().map(|number| races[number].0).collect()
}

/// Planted once: a commit that does not lock what it guards. Lost are the three races of workers,
/// whose records enter no audit.
#[test]
fn nobody_loses_a_race_in_any_order() {
    assert_eq!(lost_of(RACES, Checks::All), [""; 0]);
}

/// Some commands rest on more than one thing: guards, the keys of the audit, and claims. Guards
/// alone are enough. Planted once: a commit that does not lock what it guards loses all four.
#[test]
fn guards_alone_decide() {
    let few: Vec<_> =
        RACES.iter().filter(|(name, _)| BY_GUARDS_ALONE.contains(name)).copied().collect();
    assert_eq!(few.len(), BY_GUARDS_ALONE.len());
    assert_eq!(lost_of(&few, Checks::Guards), [""; 0]);
}

/// Planted: a store that checks nothing. What is lost first is enough.
#[test]
fn without_checks_every_race_is_lost_in_some_order() {
    let mut expected: Vec<&str> = RACES.iter().map(|(name, _)| *name).collect();
    expected.retain(|race| !BY_READING.contains(race));
    assert_eq!(lost_of(RACES, Checks::Nothing), expected);
}
