//! The conformance suite for stores: two stores pass it, and stores with a planted bug do not.
#![expect(
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and a stranger's store names only what it knows"
)]

#[path = "../cluster/mod.rs"]
mod cluster;
mod flawed;
mod own;

use std::panic::{AssertUnwindSafe, catch_unwind};

use cluster::Cluster;
use flawed::{Flaw, Flawed};
use futures_executor::block_on;
use own::Drawer;
use tempfile::TempDir;
use tenure::adapters::memory::MemoryStore;
use tenure::adapters::postgres::PostgresOptions;
use tenure::adapters::sqlite::{Durability, Journal, SqliteOptions, SqliteStore};
use tenure::domain::{ChangeSet, Key, Need, Record};
use tenure::ports::Store as _;
use tenure::testing::cast::Company;
use tenure::testing::store_suite::{verify, verify_on_one_runtime};
use tenure::testing::{SharedStore, Strict};

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
fn the_store_in_postgresql_keeps_every_promise() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let cluster = Cluster::hasty();
        let pool = cluster.pool(16).await;
        verify_on_one_runtime(async || {
            let options = PostgresOptions::new(pool.clone()).schema(cluster.schema().await);
            options.open().await.expect("a new schema opens")
        })
        .await;
    });
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

const FEED: &str = "the feed has every entry of organizations in one order";
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
        (Flaw::KeepsTheEarlierOfTwo, "of two records with one key the later is kept"),
        (Flaw::PutsAfterDeleting, "what is put and deleted at once is gone"),
        (Flaw::TakesTheFirstThousand, "a change set of thousands is committed whole"),
        (Flaw::MislaysBackslashes, "texts come back letter by letter"),
        (Flaw::CountsInMilliseconds, "instants are kept to the microsecond"),
        (Flaw::FailsWhenAnotherIsFirst, "one of many with the same guard wins"),
        (Flaw::ComparesOnlyBeginnings, "people stand in the order of code points"),
        (Flaw::GuessesFeedPositions, FEED),
    ];
    let found = expected.map(|(flaw, _)| (flaw, broken_by(flaw)));
    assert_eq!(found, expected.map(|(flaw, promise)| (flaw, promise.to_owned())));
}

/// An organization, a user and a membership of that user.
fn olivia() -> [Record; 3] {
    let store = SharedStore::new(MemoryStore::new());
    let company = block_on(Company::found(store.clone()));
    let olivia = company.member("olivia");
    let keys = [
        Key::Organization(company.organization),
        Key::User(olivia.user.expect("olivia is signed up")),
        Key::Membership(olivia.membership),
    ];
    keys.map(|key| {
        let found = block_on(store.load(&[Need::Record(key.clone())])).expect("memory is there");
        found.into_iter().find(|record| record.key() == key).expect("the cast stands")
    })
}

fn change(put: &[&Record], delete: &[&Record]) -> ChangeSet {
    let mut changes = ChangeSet::default();
    changes.put = put.iter().map(|record| (*record).clone()).collect();
    changes.delete = delete.iter().map(|record| record.key()).collect();
    changes
}

#[test]
fn a_strict_store_lets_nobody_leave_an_orphan() {
    let [organization, user, member] = &olivia();
    let shared = SharedStore::new(MemoryStore::new());
    let strict = Strict::new(shared.clone());
    let may = |changes: ChangeSet| {
        let commit = || block_on(strict.commit(changes)).expect("nothing stands against it");
        catch_unwind(AssertUnwindSafe(commit)).is_ok()
    };
    let (all, nobody) = ([member, user, organization], &[]);
    assert!(!may(change(&[member, user], nobody)), "without the organization");
    assert!(!may(change(&[member, organization], &[user])), "and the user goes");
    assert!(may(change(&all, nobody)), "in any order");
    assert!(!may(change(nobody, &[user])), "the membership still rests on the user");
    assert!(may(change(&all, nobody)));
    assert!(may(change(nobody, &all)), "all at once");
    // Behind its back.
    block_on(shared.commit(change(&[organization, user], nobody))).expect("memory is there");
    assert!(may(change(&[member], nobody)), "what it rests on was put by somebody else");
    assert!(may(change(nobody, &[member])));
    assert!(may(change(nobody, &[organization, user])));
    assert!(!may(change(&[member], nobody)), "everything is gone");
}
