//! The host's work and the store, as the directory sees them: each call takes a while, may fail as
//! the story says, and is written into the book when it is done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use futures_executor::block_on;
use tenure::domain::{
    Batch, ChangeSet, FoundItem, Handover, HandoverStatus, ItemId, Key, KindName, Load,
    MembershipId, Moved, Need, Place, Record, Scope, WorkCount, WorkKind, WorkState,
};
use tenure::ports::{CommitError, Find, StoreError, WorkloadError};
use tenure::testing::SharedStore;
use tenure::{Store, Workload};

use crate::book::{Book, Item};
use crate::bugs::Bug;
use crate::company::{kinds, place};
use crate::story::{HostFault, StoreFault};

/// Others have a turn.
async fn turn() {
    let mut waited = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The host's work.
#[derive(Clone)]
pub(crate) struct Work(pub(crate) Book);

fn out() -> WorkloadError {
    WorkloadError("told to fail".to_owned())
}

/// Somebody waits for a call that is late, as long as this lives.
struct Waiting(Book);

impl Waiting {
    fn of(book: &Book) -> Self {
        book.open().waiting += 1;
        Self(book.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.open().waiting -= 1;
    }
}

impl Work {
    /// What becomes of the next batch.
    fn fault(&self) -> HostFault {
        let host = &mut self.0.open().host;
        while host.front() == Some(&HostFault::Question) {
            host.pop_front();
        }
        host.pop_front().unwrap_or(HostFault::Fine)
    }

    async fn asks<T>(&self, answer: impl FnOnce(&Book) -> T) -> Result<T, WorkloadError> {
        let fails = {
            let host = &mut self.0.open().host;
            let fails = host.front() == Some(&HostFault::Question);
            if fails {
                host.pop_front();
            }
            fails
        };
        turn().await;
        if fails {
            return Err(out());
        }
        let answer = answer(&self.0);
        turn().await;
        Ok(answer)
    }

    async fn late(&self, batch: &Batch) -> Moved {
        let ticket = {
            let mut book = self.0.open();
            book.now += 1;
            let ticket = book.now;
            book.late.insert(ticket, batch.clone());
            ticket
        };
        let _waiting = Waiting::of(&self.0);
        std::future::poll_fn(|_| {
            self.0.open().arrived.remove(&ticket).map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

#[async_trait]
impl Workload for Work {
    fn kinds(&self) -> Vec<WorkKind> {
        kinds()
    }

    async fn survey(
        &self,
        _: Scope,
        holder: MembershipId,
    ) -> Result<Vec<WorkCount>, WorkloadError> {
        self.asks(|book| {
            let book = book.open();
            let forgets = book.bug == Some(Bug::SurveyForgets);
            let mut counts: BTreeMap<(&KindName, &Place, WorkState), u64> = BTreeMap::new();
            for item in book.items.values().filter(|it| it.holder == Some(holder)) {
                if !(forgets && item.place == place(2)) {
                    *counts.entry((&item.kind, &item.place, item.state)).or_default() += 1;
                }
            }
            let count = |((kind, place, state), items): ((&KindName, &Place, WorkState), u64)| {
                WorkCount { kind: kind.clone(), place: place.clone(), state, items }
            };
            counts.into_iter().map(count).collect()
        })
        .await
    }

    async fn look(
        &self,
        _: Scope,
        kind: &KindName,
        items: &[ItemId],
    ) -> Result<Vec<FoundItem>, WorkloadError> {
        self.asks(|book| {
            let book = book.open();
            let found = |id: &ItemId| {
                let it: &Item = book.items.get(id).filter(|it| it.kind == *kind)?;
                let untouched_since = match book.bug {
                    Some(Bug::TouchedIsNothing) => {
                        book.log.iter().rev().find(|it| it.item == *id).map(|it| it.batch)
                    }
                    _ => it.last,
                };
                let holder = it.holder.filter(|_| book.bug != Some(Bug::LookFindsNobody));
                let (place, state) = (it.place.clone(), it.state);
                Some(FoundItem { id: id.clone(), place, state, holder, untouched_since })
            };
            items.iter().filter_map(found).collect()
        })
        .await
    }

    async fn loads(
        &self,
        _: Scope,
        kind: &KindName,
        members: &[MembershipId],
    ) -> Result<Vec<Load>, WorkloadError> {
        self.asks(|book| {
            let book = book.open();
            let load = |member: &MembershipId| {
                let theirs = |it: &&Item| {
                    it.kind == *kind && it.holder == Some(*member) && it.state == WorkState::Open
                };
                let items = book.items.values().filter(theirs).count() as u64;
                Load { member: *member, items }
            };
            members.iter().map(load).collect()
        })
        .await
    }

    async fn move_batch(&self, batch: &Batch) -> Result<Moved, WorkloadError> {
        let fault = self.fault();
        turn().await;
        match fault {
            HostFault::Before => Err(out()),
            HostFault::After => {
                self.0.open().does(batch);
                turn().await;
                Err(out())
            }
            HostFault::Fine | HostFault::Question => {
                let answer = self.0.open().does(batch);
                turn().await;
                Ok(answer)
            }
            HostFault::Late => Ok(self.late(batch).await),
        }
    }
}

/// The store.
#[derive(Clone)]
pub(crate) struct Watched {
    store: SharedStore,
    book: Book,
    first: Arc<std::sync::Mutex<BTreeMap<Key, Record>>>,
}

impl Watched {
    pub(crate) fn new(store: SharedStore, book: Book) -> Self {
        Self { store, book, first: Arc::default() }
    }

    fn fault(&self) -> StoreFault {
        self.book.open().store.pop_front().unwrap_or(StoreFault::Fine)
    }

    async fn reads(
        &self,
        read: impl FnOnce() -> Result<Vec<Record>, StoreError>,
    ) -> Result<Vec<Record>, StoreError> {
        let fault = self.fault();
        turn().await;
        if fault == StoreFault::Failed {
            return Err(StoreError("told to fail".to_owned()));
        }
        let mut found = read()?;
        self.spoil_what_is_read(&mut found);
        turn().await;
        Ok(found)
    }

    fn spoil_what_is_read(&self, found: &mut [Record]) {
        let bug = self.book.open().bug;
        for record in found {
            match record {
                Record::Handover(it) if bug == Some(Bug::AnotherNumber) => {
                    if let Some(asked) = &mut it.asked {
                        asked.name.number += 1_000;
                    }
                }
                Record::Membership(_) if bug == Some(Bug::PeopleStandStill) => {
                    let mut first = self.first.lock().unwrap();
                    *record = first.entry(record.key()).or_insert_with(|| record.clone()).clone();
                }
                _ => {}
            }
        }
    }

    /// False: it is acknowledged, and not written.
    fn spoil_what_is_written(&self, changes: &mut ChangeSet) -> bool {
        let mut book = self.book.open();
        book.commits += 1;
        match book.bug {
            Some(Bug::ReceiptsDropped) => {
                changes.put.retain(|it| !matches!(it, Record::HandoverReceipt(_)));
            }
            Some(Bug::NoGuards) => {
                changes.guards.retain(|it| !matches!(it.key, Key::Handover(_)));
            }
            Some(Bug::CheckpointsLost) => {
                let driven = changes.append.is_empty()
                    && changes.put.iter().any(|it| matches!(it, Record::Handover(_)));
                return !(driven && book.commits.is_multiple_of(4));
            }
            _ => {}
        }
        for record in &mut changes.put {
            match (book.bug, record) {
                (Some(Bug::ReceiptsHalved), Record::HandoverReceipt(it)) => {
                    it.moved.truncate(it.moved.len().div_ceil(2));
                }
                (Some(Bug::AskedDropped), Record::Handover(it)) => it.asked = None,
                _ => {}
            }
        }
        true
    }
}

#[async_trait]
impl Store for Watched {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        self.reads(|| block_on(self.store.load(needs))).await
    }

    async fn commit(&self, mut changes: ChangeSet) -> Result<(), CommitError> {
        let fault = self.fault();
        turn().await;
        match fault {
            StoreFault::Failed => {
                return Err(CommitError::Failed(StoreError("told to fail".to_owned())));
            }
            StoreFault::Conflict => return Err(CommitError::Conflict(None)),
            StoreFault::UnknownNotDone => return Err(CommitError::Unknown("lost".to_owned())),
            StoreFault::Fine | StoreFault::UnknownDone => {}
        }
        if self.spoil_what_is_written(&mut changes) {
            let put = changes.put.clone();
            block_on(self.store.commit(changes))?;
            self.book.open().note(&put);
        }
        turn().await;
        if fault == StoreFault::UnknownDone {
            return Err(CommitError::Unknown("lost".to_owned()));
        }
        Ok(())
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        let only_running = self.book.open().bug == Some(Bug::OnlyRunningAreDue)
            && matches!(question, Find::DueHandovers { .. });
        self.reads(|| {
            let mut found = block_on(self.store.find(question))?;
            let runs = |it: &Handover| it.status == HandoverStatus::Running;
            found.retain(|it| !only_running || matches!(it, Record::Handover(it) if runs(it)));
            Ok(found)
        })
        .await
    }
}
