//! Where a party waits before each of its statements, until it is its turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use sqlx::PgPool;
use tenure::adapters::postgres::PostgresStore;
use tenure::domain::{
    Batch, ChangeSet, FoundItem, ItemId, KindName, Load, MembershipId, Moved, Need, Record, Scope,
    WorkCount, WorkKind,
};
use tenure::ports::{CommitError, Find, StoreError, Transaction, Workload, WorkloadError};
use tenure::testing::FakeWorkload;
use tenure::{Clock, Store};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;

/// What a party tells: which it is, and the step it waits to take; none when it is done.
pub(crate) type Sign = (usize, Option<&'static str>);

/// A party's gate. Clones are the same gate.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    party: usize,
    turns: Semaphore,
    signs: Option<UnboundedSender<Sign>>,
    stands_open: AtomicBool,
}

impl Gate {
    pub(crate) fn watched(party: usize, signs: UnboundedSender<Sign>) -> Self {
        Self::new(party, Some(signs))
    }

    /// One at which nobody waits.
    pub(crate) fn open(party: usize) -> Self {
        Self::new(party, None)
    }

    fn new(party: usize, signs: Option<UnboundedSender<Sign>>) -> Self {
        let stands_open = AtomicBool::new(signs.is_none());
        Self(Arc::new(Inner { party, turns: Semaphore::new(0), signs, stands_open }))
    }

    /// Waits for the party's turn to take a step.
    pub(crate) async fn pass(&self, step: &'static str) {
        let Inner { party, turns, signs, .. } = &*self.0;
        if let Some(signs) = signs.as_ref().filter(|_| !self.is_open()) {
            signs.send((*party, Some(step))).unwrap();
            turns.acquire().await.unwrap().forget();
        }
    }

    fn is_open(&self) -> bool {
        self.0.stands_open.load(Ordering::SeqCst)
    }

    /// It is the party's turn.
    pub(crate) fn lets_one_pass(&self) {
        self.0.turns.add_permits(1);
    }

    /// The party is through: what it does from here on is no step.
    pub(crate) fn stays_open(&self) {
        self.0.stands_open.store(true, Ordering::SeqCst);
    }

    /// The party is done.
    pub(crate) fn ends(&self) {
        if let Some(signs) = &self.0.signs {
            signs.send((self.0.party, None)).unwrap();
        }
    }
}

/// What a store checks when something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checks {
    /// What it promises.
    All,
    /// Planted: guards alone. The audit is not written, as its positions are guards in disguise, and
    /// a trigger in the schema gives claims away (see `Stage::open`).
    Guards,
    /// Planted: nothing; guards are ignored as well.
    Nothing,
}

impl Checks {
    pub(crate) fn of(self, mut changes: ChangeSet) -> ChangeSet {
        if self != Self::All {
            changes.append.clear();
        }
        if self == Self::Nothing {
            changes.guards.clear();
        }
        changes
    }
}

/// A transaction that checks as much as it is told to.
pub(crate) struct Checked<T>(pub(crate) T, pub(crate) Checks);

impl<T: Transaction> Transaction for Checked<T> {
    async fn write(self, changes: ChangeSet) -> Result<(), CommitError> {
        self.0.write(self.1.of(changes)).await
    }
}

/// Which calls of a party are steps of their own.
///
/// Questions about what is not due in a race never are; nor is a call with nothing in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Steps {
    /// Every load, every write and every commit.
    Calls,
    /// Of delivering: the question for due mail, leasing, looking whether it is still true,
    /// acknowledging.
    Delivery,
    /// Of handing over: the question for due handovers, every write and commit, and the batch at the
    /// host's.
    /// What is loaded between them is the organization and the receivers, which nobody changes in
    /// the race: it belongs to the step before.
    HandingOver,
}

impl Steps {
    fn asks(self, question: &Find) -> bool {
        match question {
            Find::DueMail { .. } => self == Self::Delivery,
            Find::DueHandovers { .. } => self == Self::HandingOver,
            Find::ExpiredInvitations { .. } | Find::DueClosings { .. } => false,
            _ => true,
        }
    }
}

/// A party's own way to the store.
///
/// What would be one statement that commits by itself is done in two, in a transaction, so that the
/// other can come in between.
#[derive(Clone)]
pub(crate) struct Gated {
    pub(crate) pool: PgPool,
    pub(crate) store: PostgresStore,
    pub(crate) gate: Gate,
    pub(crate) steps: Steps,
    pub(crate) checks: Checks,
}

#[async_trait]
impl Store for Gated {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        if !needs.is_empty() && self.steps != Steps::HandingOver {
            self.gate.pass("loads").await;
        }
        self.store.load(needs).await
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        let changes = self.checks.of(changes);
        if self.gate.is_open() || changes == ChangeSet::default() {
            return self.store.commit(changes).await;
        }
        self.gate.pass("writes").await;
        let mut transaction = self.pool.begin().await.unwrap();
        match self.store.transaction(&mut transaction).write(changes).await {
            Ok(()) => {
                self.gate.pass("commits").await;
                transaction.commit().await.unwrap();
                Ok(())
            }
            Err(error) => {
                transaction.rollback().await.unwrap();
                Err(error)
            }
        }
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        if self.steps.asks(question) {
            self.gate.pass("asks what is due").await;
        }
        self.store.find(question).await
    }
}

/// The host's work, at which a party has batches done when it is its turn.
pub(crate) struct GatedWork(pub(crate) FakeWorkload, pub(crate) Gate);

#[async_trait]
impl Workload for GatedWork {
    fn kinds(&self) -> Vec<WorkKind> {
        self.0.kinds()
    }

    async fn survey(
        &self,
        scope: Scope,
        holder: MembershipId,
    ) -> Result<Vec<WorkCount>, WorkloadError> {
        self.0.survey(scope, holder).await
    }

    async fn look(
        &self,
        scope: Scope,
        kind: &KindName,
        items: &[ItemId],
    ) -> Result<Vec<FoundItem>, WorkloadError> {
        self.0.look(scope, kind, items).await
    }

    async fn loads(
        &self,
        scope: Scope,
        kind: &KindName,
        members: &[MembershipId],
    ) -> Result<Vec<Load>, WorkloadError> {
        self.0.loads(scope, kind, members).await
    }

    async fn move_batch(&self, batch: &Batch) -> Result<Moved, WorkloadError> {
        self.1.pass("moves a batch").await;
        self.0.move_batch(batch).await
    }
}

/// Time as one party has it: it may come later than the other.
pub(crate) struct Late<C>(pub(crate) C, pub(crate) tenure::domain::Span);

#[async_trait]
impl<C: Clock> Clock for Late<C> {
    fn now(&self) -> tenure::domain::Timestamp {
        self.0.now().plus(self.1)
    }

    async fn sleep(&self, _: std::time::Duration) {}
}
