//! The workload under test, and what is asked of it in nearly every check.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, Barrier, Mutex, PoisonError};

use futures_util::future::join_all;
use uuid::Uuid;

use crate::domain::{
    Batch, BatchItems, BatchName, FoundItem, HandoverId, ItemId, KindName, MembershipId, Moved,
    OrganizationId, Place, Scope, WorkKind, WorkState, WorkStates, WorkspaceId,
};
use crate::ports::{Workload, WorkloadError};
use crate::testing::thread::in_thread;

use super::{Ability, Host, NewItem, OnRecord};

/// Where calls that race each other come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Contest {
    /// From several threads.
    BetweenThreads,
    /// From one task.
    OnOneRuntime,
}

/// Who holds what is to move.
pub(super) const BOB: MembershipId = MembershipId::new(Uuid::from_u128(0xb0b));
/// Who gets it.
pub(super) const ADA: MembershipId = MembershipId::new(Uuid::from_u128(0xada));
/// Somebody else.
pub(super) const EVE: MembershipId = MembershipId::new(Uuid::from_u128(0xe7e));

const ACME: OrganizationId = OrganizationId::new(Uuid::from_u128(0xac3e));
const RIVAL: OrganizationId = OrganizationId::new(Uuid::from_u128(0x41a1));

/// The organization as a whole.
pub(super) const WHOLE: Scope = Scope { organization: ACME, workspace: None };
/// A workspace in it.
pub(super) const NORTH: Scope = Scope::workspace(ACME, WorkspaceId::new(Uuid::from_u128(1)));
/// Another workspace in it.
pub(super) const SOUTH: Scope = Scope::workspace(ACME, WorkspaceId::new(Uuid::from_u128(2)));
/// Another organization.
pub(super) const ELSEWHERE: Scope = Scope { organization: RIVAL, workspace: None };

/// The workload under test, and the promise it is held to for one kind.
#[derive(Clone)]
pub(super) struct Subject {
    host: Arc<dyn Host>,
    pub(super) kind: WorkKind,
    promise: &'static str,
    contest: Contest,
    /// Every item that there is.
    items: Arc<Mutex<Vec<(KindName, ItemId)>>>,
}

impl Subject {
    pub(super) fn new(
        host: Arc<dyn Host>,
        kind: WorkKind,
        promise: &'static str,
        contest: Contest,
    ) -> Self {
        Self { host, kind, promise, contest, items: Arc::default() }
    }

    pub(super) fn breaks(&self, how: &str) -> ! {
        let (promise, kind) = (self.promise.replace('_', " "), &self.kind.name);
        panic!("the workload breaks the promise `{promise}` for `{kind}`: {how}")
    }

    pub(super) fn holds(&self, condition: bool, how: &str) {
        if !condition {
            self.breaks(how);
        }
    }

    pub(super) fn same<T: Debug + PartialEq>(&self, found: &T, expected: &T, what: &str) {
        if found != expected {
            self.breaks(&format!("{what}\n found: {found:?}\n expected: {expected:?}"));
        }
    }

    pub(super) fn answered<T>(&self, answer: Result<T, WorkloadError>) -> T {
        answer.unwrap_or_else(|error| self.breaks(&error.to_string()))
    }

    pub(super) fn host(&self) -> &dyn Host {
        self.host.as_ref()
    }

    pub(super) fn workload(&self) -> &dyn Workload {
        self.host.workload()
    }

    pub(super) fn knows(&self, ability: Ability) -> bool {
        self.host.knows(&self.kind.name, ability)
    }

    /// The place with this number, or the only one there is.
    pub(super) fn place(&self, number: u32) -> Place {
        self.place_of(&self.kind.name, number)
    }

    fn place_of(&self, kind: &KindName, number: u32) -> Place {
        if self.host.knows(kind, Ability::Places) {
            self.host.place(kind, number)
        } else {
            Place::new()
        }
    }

    /// An open item of Bob's.
    pub(super) fn item(&self) -> NewItem {
        self.item_of(&self.kind.name)
    }

    /// The same, of another kind.
    pub(super) fn item_of(&self, kind: &KindName) -> NewItem {
        NewItem {
            scope: WHOLE,
            kind: kind.clone(),
            place: self.place_of(kind, 0),
            state: WorkState::Open,
            holder: Some(BOB),
        }
    }

    pub(super) async fn put(&self, item: NewItem) -> ItemId {
        let kind = item.kind.clone();
        let id = self.host.put(item).await;
        self.items.lock().unwrap_or_else(PoisonError::into_inner).push((kind, id.clone()));
        id
    }

    /// So many open items of Bob's.
    pub(super) async fn stack(&self, items: usize) -> Vec<ItemId> {
        let mut ids = Vec::new();
        for _ in 0..items {
            ids.push(self.put(self.item()).await);
        }
        ids
    }

    pub(super) async fn read(&self, item: &ItemId) -> OnRecord {
        self.host.read(&self.kind.name, item).await
    }

    /// Everything on record.
    pub(super) async fn everything(&self) -> BTreeMap<(KindName, ItemId), OnRecord> {
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut all = BTreeMap::new();
        for (kind, item) in items {
            let on_record = self.host.read(&kind, &item).await;
            all.insert((kind, item), on_record);
        }
        all
    }

    /// A batch that moves everything of the kind in the first place from Bob to Ada.
    pub(super) fn batch(&self, number: u32) -> Batch {
        Batch {
            name: BatchName { handover: HandoverId::new(Uuid::from_u128(7)), number },
            scope: WHOLE,
            kind: self.kind.name.clone(),
            states: WorkStates::All,
            place: self.place(0),
            from: Some(BOB),
            to: Some(ADA),
            items: BatchItems::Next { after: None, limit: 100 },
            untouched_since: None,
        }
    }

    pub(super) async fn look(&self, items: &[ItemId]) -> Vec<FoundItem> {
        let mut found = self.answered(self.workload().look(WHOLE, &self.kind.name, items).await);
        found.sort_by_key(|it| items.iter().position(|id| *id == it.id));
        found
    }

    pub(super) async fn does(&self, batch: &Batch) -> Moved {
        self.answered(self.workload().move_batch(batch).await)
    }

    /// That a batch moves exactly these, and says so, and changes nothing else at all.
    pub(super) async fn moves(&self, batch: &Batch, expected: &[ItemId], why: &str) -> Moved {
        let mut due = self.everything().await;
        let done = self.does(batch).await;
        self.same(&set(&done.moved), &set(expected), &format!("what moved, where {why}"));
        self.holds(done.moved.len() == expected.len(), "an item is said to have moved twice");
        for item in expected {
            if let Some(it) = due.get_mut(&(batch.kind.clone(), item.clone())) {
                it.holder = batch.to;
            }
        }
        let mut found = self.everything().await;
        // Only what differs is worth reading.
        found.retain(|item, is| due.get(item) != Some(is));
        due.retain(|item, _| found.contains_key(item));
        self.same(&found, &due, &format!("what is on record, where {why}"));
        done
    }

    /// Asks for several batches at once, and says what they answer.
    pub(super) async fn at_once(&self, batches: Vec<Batch>) -> Vec<Moved> {
        match self.contest {
            Contest::OnOneRuntime => join_all(batches.iter().map(|it| self.insists(it))).await,
            Contest::BetweenThreads => {
                let start = Arc::new(Barrier::new(batches.len()));
                let running = batches.into_iter().map(|batch| {
                    let (subject, start) = (self.clone(), Arc::clone(&start));
                    let run = move || {
                        start.wait();
                        futures_executor::block_on(subject.insists(&batch))
                    };
                    in_thread(run, || self.panicked())
                });
                join_all(running.collect::<Vec<_>>()).await
            }
        }
    }

    /// Asks again after an error, as whoever drives a handover does.
    async fn insists(&self, batch: &Batch) -> Moved {
        for _ in 0..20 {
            if let Ok(moved) = self.workload().move_batch(batch).await {
                return moved;
            }
        }
        self.does(batch).await
    }

    fn panicked(&self) -> ! {
        self.breaks("a thread that used the workload panicked")
    }
}

/// Items in any order.
pub(super) fn set(items: &[ItemId]) -> BTreeSet<ItemId> {
    items.iter().cloned().collect()
}

/// These items.
pub(super) fn named(items: &[&ItemId]) -> BatchItems {
    BatchItems::Named(items.iter().map(|it| (*it).clone()).collect())
}

/// The next items behind one.
pub(super) fn next(after: Option<&ItemId>, limit: u32) -> BatchItems {
    BatchItems::Next { after: after.cloned(), limit }
}

/// A name that no item has.
pub(super) fn unknown() -> ItemId {
    "987654321".parse().unwrap()
}
