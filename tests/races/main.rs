//! Races of the whole directory: lost by nobody on either store, and found out on stores with a
//! planted bug.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod careless;
mod dropped;
mod unknown;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use careless::{Careless, Flaw};
use futures_executor::block_on;
use tenure::adapters::memory::MemoryStore;
use tenure::adapters::sqlite::{Durability, SqliteOptions, SqliteStore};
use tenure::testing::races;

/// New SQLite files, all copies of an empty one.
pub(crate) struct Files {
    folder: tempfile::TempDir,
    made: AtomicU32,
}

impl Files {
    pub(crate) fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap(), made: AtomicU32::new(0) };
        drop(SqliteOptions::new(files.path(0)).open().unwrap());
        files
    }

    fn path(&self, n: u32) -> PathBuf {
        self.folder.path().join(format!("{n}.db"))
    }

    pub(crate) fn open(&self) -> SqliteStore {
        let path = self.path(self.made.fetch_add(1, Ordering::Relaxed) + 1);
        std::fs::copy(self.path(0), &path).unwrap();
        SqliteOptions::new(path).durability(Durability::Process).open().unwrap()
    }
}

#[test]
fn nobody_loses_a_race_in_memory() {
    block_on(races::verify(|| async { MemoryStore::new() }));
}

#[test]
fn nobody_loses_a_race_on_sqlite() {
    let files = Files::new();
    block_on(races::verify(|| async { files.open() }));
}

#[test]
fn the_suite_runs_on_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let race = "two_owners_demote_each_other";
    runtime.block_on(races::verify_one(race, 10, || async { MemoryStore::new() }));
}

/// The races that hold by claims alone, and those that hold by guards with no claims to help. Claims
/// alone would decide the latter, too, but what a directory remembers is proved by guards alone.
const BY_CLAIMS: [&str; 1] = ["one_address_is_claimed_in_several_spellings"];
const WITHOUT_CLAIMS: [&str; 2] =
    ["one_address_is_invited_ten_times", "an_invitation_is_accepted_twice"];

/// Sessions are bound to an epoch, so this one rests on nothing that a commit checks.
const BY_READING: [&str; 1] = ["somebody_is_deactivated_while_signing_in"];

/// Which of these races are lost on a store with a planted bug.
fn lost(flaw: Flaw, of: &[&'static str]) -> Vec<&'static str> {
    let fails = |race: &&str| {
        let suite = || block_on(races::verify_one(race, 70, || async move { Careless::new(flaw) }));
        catch_unwind(AssertUnwindSafe(suite)).is_err()
    };
    of.iter().copied().filter(fails).collect()
}

/// Planted: a store that ignores guards, and whoever stands in the audit already.
#[test]
fn a_store_that_ignores_guards_loses_the_races_that_rest_on_them() {
    let without: Vec<&str> = races::names().filter(|it| !BY_READING.contains(it)).collect();
    let mut expected = without.clone();
    expected.retain(|race| !BY_CLAIMS.contains(race));
    assert_eq!(lost(Flaw::IgnoresGuards, &without), expected);
}

/// Planted: a store that lets two hold one claim.
#[test]
fn a_store_that_gives_claims_away_loses_the_races_that_rest_on_them() {
    let of = [BY_CLAIMS[0], WITHOUT_CLAIMS[0], WITHOUT_CLAIMS[1]];
    assert_eq!(lost(Flaw::GivesClaimsAway, &of), BY_CLAIMS);
}

/// Planted: both.
#[test]
fn a_store_that_checks_nothing_loses_what_guards_would_save() {
    assert_eq!(lost(Flaw::ChecksNothing, &WITHOUT_CLAIMS), WITHOUT_CLAIMS);
}
