//! Several processes on one organization, each a directory that shares nothing with the others but
//! the store: nobody gives up, all have their turn, and little is tried in vain.
//!
//! `TENURE_COMMANDS=2000` has each ask for so many commands.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use tenure::adapters::memory::MemoryStore;
use tenure::adapters::system::{SystemClock, SystemEntropy};
use tenure::commands::{EditProfile, Invite};
use tenure::domain::{ChangeSet, Key, Need, Record, Revision, State, Stream};
use tenure::ports::{Clock as _, CommitError, Find, StoreError};
use tenure::testing::cast::{Company, Desk, KEY};
use tenure::{Command, KeyRing, Profile, Store, UserDirectory};
use tokio::sync::Mutex;

const HOUSES: usize = 8;
const CALLERS: u64 = 16;

const LOAD_TAKES: Duration = Duration::from_micros(400);
/// Before a commit has the organization's row.
const LOCK_TAKES: Duration = Duration::from_micros(250);
const WRITE_TAKES: Duration = Duration::from_micros(750);

/// A store as far away as a database is, where commits wait for the row, to find that they lost.
#[derive(Clone)]
struct Far {
    store: MemoryStore,
    row: Arc<Mutex<()>>,
    committed: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
}

impl Far {
    async fn holds(&self, changes: &ChangeSet) -> bool {
        for guard in &changes.guards {
            let found = self.store.load(&[Need::Record(guard.key.clone())]).await.unwrap();
            let version = found.first().and_then(Record::version).unwrap_or(Revision::NONE);
            if version != guard.version {
                return false;
            }
        }
        true
    }

    async fn write(&self, changes: ChangeSet) -> Result<(), CommitError> {
        SystemClock.sleep(LOCK_TAKES).await;
        let _row = self.row.lock().await;
        if !self.holds(&changes).await {
            return Err(CommitError::Conflict(changes.guards.first().cloned()));
        }
        SystemClock.sleep(WRITE_TAKES).await;
        self.store.commit(changes).await
    }
}

#[async_trait]
impl Store for Far {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        SystemClock.sleep(LOAD_TAKES).await;
        self.store.load(needs).await
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        let outcome = self.write(changes).await;
        let counted = if outcome.is_ok() { &self.committed } else { &self.lost };
        counted.fetch_add(1, Ordering::Relaxed);
        outcome
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        self.store.find(question).await
    }
}

/// Something that is never refused.
fn command(company: &Company, house: usize, number: u64) -> Command {
    let organization = company.organization;
    if number.is_multiple_of(8) {
        let email = format!("p{house}-{number}@acme.example").parse().unwrap();
        return Invite::new(organization, email, "agent".parse().unwrap()).into();
    }
    let name = if number.is_multiple_of(2) { "bob" } else { "berta" };
    let fields = Profile::named(&format!("Somebody {house} {number}")).unwrap().0;
    let membership = company.member(name).membership;
    EditProfile { scope: organization.into(), membership, fields }.into()
}

/// What the houses have done, and had done when the first of them was ready.
#[derive(Default)]
struct Turns {
    asked: [AtomicU64; HOUSES],
    done: [AtomicU64; HOUSES],
    at_first: OnceLock<Vec<u64>>,
}

impl Turns {
    fn done(&self, house: usize, each: u64) {
        if self.done[house].fetch_add(1, Ordering::Relaxed) + 1 == each {
            let done = || self.done.iter().map(|it| it.load(Ordering::Relaxed)).collect();
            self.at_first.get_or_init(done);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_take_turns_on_one_organization() {
    let each = std::env::var("TENURE_COMMANDS").map_or(500, |it| it.parse().unwrap());
    let store = MemoryStore::new();
    let company = Arc::new(Company::found(store.clone()).await);
    let before = head(&store, &company).await;
    let (row, committed, lost) = (Arc::default(), Arc::default(), Arc::default());
    let far = Far { store: store.clone(), row, committed, lost };
    let turns = Arc::new(Turns::default());
    let mut callers = Vec::new();
    for house in 0..HOUSES {
        let (mails, keys) = (company.postbox.clone(), KeyRing::new(KEY));
        let directory =
            UserDirectory::builder_with(far.clone(), mails, keys, SystemClock, SystemEntropy);
        let directory = directory.permissions::<Desk>().workload(company.workload.clone()).build();
        for caller in 0..CALLERS {
            let (directory, company) = (directory.clone(), Arc::clone(&company));
            let turns = Arc::clone(&turns);
            let who = company.principal(if caller.is_multiple_of(2) { "olivia" } else { "ada" });
            callers.push(tokio::spawn(async move {
                let mut revisions = Vec::new();
                loop {
                    let number = turns.asked[house].fetch_add(1, Ordering::Relaxed);
                    if number >= each {
                        return revisions;
                    }
                    let command = command(&company, house, number);
                    let done = directory.execute_command(who.clone(), command).await;
                    revisions.push(done.unwrap_or_else(|error| panic!("{error}")).revision);
                    turns.done(house, each);
                }
            }));
        }
    }
    let mut revisions = BTreeSet::new();
    for caller in callers {
        for revision in caller.await.unwrap() {
            assert!(revisions.insert(revision), "two commands are one entry: {revision}");
        }
    }
    let commands = HOUSES as u64 * each;
    assert_eq!(revisions.len() as u64, commands);
    assert_eq!(head(&store, &company).await - before, commands, "each was done once");
    company.directory.verify_audit(Stream::Organization(company.organization)).await.unwrap();

    let (committed, lost) =
        (far.committed.load(Ordering::Relaxed), far.lost.load(Ordering::Relaxed));
    let tried = committed + lost;
    let at_first = turns.at_first.get().unwrap();
    println!(
        "{commands} commands, {committed} commits, {tried} tried; turns {at_first:?} of {each}"
    );
    assert!(tried < 3 * committed, "{tried} were tried for {committed} commits");
    assert!(tried < commands / 5, "{tried} were tried for {commands} commands");
    let behind = at_first.iter().filter(|done| **done < each / 10).count();
    assert_eq!(behind, 0, "not everybody had their turn: {at_first:?} of {each}");
}

async fn head(store: &MemoryStore, company: &Company) -> u64 {
    let need = Need::Record(Key::Organization(company.organization));
    let state = State::new(store.load(&[need]).await.unwrap());
    state.organization(company.organization).unwrap().head.position.get()
}
