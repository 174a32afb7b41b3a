//! The conformance suite for stores: two stores pass it, and stores with a planted bug do not.
#![expect(
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and a stranger's store names only what it knows"
)]

mod flawed;
mod own;

use std::panic::{AssertUnwindSafe, catch_unwind};

use flawed::{Flaw, Flawed};
use futures_executor::block_on;
use own::Drawer;
use tempfile::TempDir;
use tenure::adapters::memory::MemoryStore;
use tenure::adapters::sqlite::{Durability, Journal, SqliteOptions, SqliteStore};
use tenure::testing::Strict;
use tenure::testing::store_suite::{verify, verify_on_one_runtime};

#[test]
fn the_store_in_memory_keeps_every_promise() {
    block_on(verify(|| async { MemoryStore::new() }));
}

#[test]
fn the_suite_leaves_no_orphan() {
    block_on(verify(|| async { Strict::new(MemoryStore::new()) }));
}

#[test]
fn the_store_in_one_file_keeps_every_promise() {
    block_on(verify(files(Journal::Wal)));
}

#[test]
fn the_store_in_one_file_keeps_every_promise_with_a_rollback_journal() {
    block_on(verify(files(Journal::Delete)));
}

/// Makes stores in new files, until it is dropped.
fn files(journal: Journal) -> impl Fn() -> std::future::Ready<SqliteStore> {
    let folder = TempDir::new().expect("a folder for the files");
    let made = std::cell::Cell::new(0);
    move || {
        made.set(made.get() + 1);
        let path = folder.path().join(format!("{}.db", made.get()));
        let options = SqliteOptions::new(path).journal(journal).durability(Durability::Process);
        std::future::ready(options.open().expect("a new file opens"))
    }
}

#[test]
fn a_store_of_ones_own_keeps_every_promise() {
    block_on(verify(|| async { Drawer::default() }));
}

#[tokio::test]
async fn the_suite_runs_on_a_runtime_and_without_threads() {
    verify_on_one_runtime(|| async { MemoryStore::new() }).await;
    verify(|| async { MemoryStore::new() }).await;
}

/// Which promise a store with a bug is found to break.
fn broken_by(flaw: Flaw) -> String {
    let suite = || block_on(verify(|| async { Flawed::new(flaw) }));
    let panic = catch_unwind(AssertUnwindSafe(suite)).expect_err("the suite passed a broken store");
    let message = panic.downcast_ref::<String>().expect("the suite says what is wrong");
    let (_, promise) = message.split_once("breaks the promise `").expect("it names the promise");
    promise.split('`').next().unwrap_or_default().to_owned()
}

const CONCERN: &str = "the handovers that concern a person come with the last first";

#[test]
fn every_planted_bug_is_found_and_named() {
    let expected = [
        (Flaw::IgnoresGuards, "a guard holds only for the right version"),
        (Flaw::ChecksGuardsTooEarly, "one of many with the same guard wins"),
        (Flaw::GivesClaimsAway, "a claim is held until it is released"),
        (Flaw::DropsReleases, "a claim is held until it is released"),
        (Flaw::ReleasesForAnybody, "a release by a stranger frees nothing"),
        (Flaw::ClaimsBeforeReleasing, "releases come before claims"),
        (Flaw::AppliesHalfOnConflict, "a guard holds only for the right version"),
        (Flaw::AppliesHalfWhenClaimed, "a claim is made once in one change set"),
        (Flaw::OverlooksStandingEntries, "a change set that fails leaves nothing behind"),
        (Flaw::ForgetsToForget, "a forgotten membership leaves the entries and no detail"),
        (Flaw::ForgetsToDelete, "a deleted record is gone"),
        (Flaw::SkipsOneAtPageBoundaries, "people are listed as the filter says"),
        (Flaw::RepeatsOneAtPageBoundaries, "people are listed as the filter says"),
        (Flaw::ReadsNeedsOneByOne, "a load sees one instant"),
        (Flaw::KeepsTheFirstVersion, "a record put again replaces the one before"),
        (Flaw::ListsByAStaleIndex, "people are listed as the filter says"),
        (Flaw::FallsDueTooLate, "due mail comes in the order in which it is due"),
        (Flaw::FeedsPeopleToo, "a forgotten membership leaves the entries and no detail"),
        (Flaw::ForgetsReceivers, CONCERN),
        (Flaw::ForgetsOtherMemberships, CONCERN),
        (Flaw::FirstHandoversFirst, CONCERN),
        (Flaw::HandsOverAlone, "a handover comes with whoever it is from"),
        (Flaw::OverlooksAskedBatches, "due handovers are those that somebody has to see to"),
        (Flaw::CountsReceiptsAsText, "receipts of a handover are listed by number"),
        (Flaw::TakesWholeTeams, "the active members of a team come by id"),
    ];
    let found = expected.map(|(flaw, _)| (flaw, broken_by(flaw)));
    assert_eq!(found, expected.map(|(flaw, promise)| (flaw, promise.to_owned())));
}
