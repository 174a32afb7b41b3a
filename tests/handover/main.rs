//! I10: a handover ends with every surveyed item moved exactly once, or reported; statuses of items
//! do not change; work never lands on someone who cannot reach it.
//!
//! Random stories at a fixed company: people go, lose an inbox, come back, their successors go, too;
//! the host's work and the store fail at any call, before or after it is done; workers crash at any
//! await, two of them work at once, and calls reach the host long after somebody else has taken over.
//! Everything that the store committed and the host did is kept in a book of the test's own
//! ([`book`]), and checked as it comes; once everything has healed, [`check`] looks at the whole.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::too_many_lines,
    reason = "a test fails by panicking, and its own numbers are small"
)]

mod book;
mod bugs;
mod check;
mod company;
mod ports;
mod regressions;
mod run;
mod story;
mod tally;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use tenure::adapters::memory::MemoryStore;
#[cfg(feature = "sqlite")]
use tenure::adapters::sqlite::{Durability, SqliteOptions};
use tenure::testing::{SharedStore, Strict};

use bugs::Bug;
use story::{Story, stories};

/// Runs that many random stories; the one that went wrong, made as short as it goes.
fn explore(
    cases: u32,
    seed: u8,
    store: impl Fn() -> SharedStore,
    bug: Option<Bug>,
) -> Option<(Story, String)> {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: if bug.is_some() { 0 } else { 2_048 },
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let failed = TestRunner::new_with_rng(config, rng)
        .run(&stories(), |story| run::run(&story, store(), bug).map_err(TestCaseError::fail));
    match failed {
        Ok(()) => None,
        Err(TestError::Fail(why, story)) => Some((story, why.message().to_owned())),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

fn holds(cases: u32, seed: u8, store: impl Fn() -> SharedStore) {
    if let Some((story, why)) = explore(cases, seed, &store, None) {
        panic!("{why}\n{story}\n{}", run::tell(&story, store()));
    }
}

fn in_memory() -> SharedStore {
    SharedStore::new(Strict::new(MemoryStore::new()))
}

/// Among so many stories each planted bug is found.
const STORIES: u32 = 600;

/// As many as usual, or as somebody wants to wait for.
fn cases(usual: u32) -> u32 {
    std::env::var("TENURE_CASES").map_or(usual, |it| it.parse().unwrap())
}

#[test]
fn every_item_is_moved_exactly_once_or_reported_in_memory() {
    let cases = cases(2_500);
    std::thread::scope(|scope| {
        for seed in [1, 2] {
            scope.spawn(move || holds(cases, seed, in_memory));
        }
    });
    tally::is_something();
}

/// One file for many stories: it is emptied before each.
#[cfg(feature = "sqlite")]
struct File {
    store: SharedStore,
    beside: rusqlite::Connection,
    _folder: tempfile::TempDir,
}

#[cfg(feature = "sqlite")]
impl File {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stories.db");
        let store = SqliteOptions::new(&path).durability(Durability::Process).open().unwrap();
        let beside = rusqlite::Connection::open(&path).unwrap();
        Self { store: SharedStore::new(store), beside, _folder: folder }
    }

    fn emptied(&self) -> SharedStore {
        let tables = "SELECT group_concat('DELETE FROM ' || name, ';') FROM sqlite_schema
            WHERE type = 'table' AND name LIKE 'tenure\\_%' ESCAPE '\\' AND name <> 'tenure_schema'";
        let all: String = self.beside.query_row(tables, [], |row| row.get(0)).unwrap();
        self.beside.execute_batch(&format!("BEGIN; {all}; COMMIT")).unwrap();
        self.store.clone()
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn every_item_is_moved_exactly_once_or_reported_in_sqlite() {
    let cases = cases(2_500);
    std::thread::scope(|scope| {
        for seed in [21, 22] {
            scope.spawn(move || {
                let file = File::new();
                holds(cases, seed, || file.emptied());
            });
        }
    });
}

#[test]
fn each_planted_bug_is_found() {
    // The same stories go well without.
    holds(STORIES, 3, in_memory);
    for bug in bugs::ALL {
        let found = explore(STORIES, 3, in_memory, Some(bug));
        match found {
            Some((_, why)) => println!(
                "{bug:?}: {}",
                why.lines().next().unwrap_or_default().chars().take(160).collect::<String>()
            ),
            None => panic!("nobody notices {bug:?}"),
        }
    }
}
