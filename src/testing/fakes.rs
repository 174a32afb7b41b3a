//! Ports that work, in memory, and do what a test tells them. Clones share what they hold, so a
//! test keeps one and hands the other over.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::{Digest, HandoverId, MembershipId, Scope, Span, Timestamp};
use crate::ports::{
    Batch, Clock, Entropy, Letter, Mailer, MailerError, Moved, Survey, WorkCount, Workload,
    WorkloadError,
};

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A clock that stands still until a test moves it. Its `sleep` returns at once.
#[derive(Clone, Debug)]
pub struct FakeClock(Arc<AtomicI64>);

impl FakeClock {
    /// A clock at an instant.
    pub fn at(instant: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(instant.micros())))
    }

    /// Moves it to an instant, also back.
    pub fn set(&self, instant: Timestamp) {
        self.0.store(instant.micros(), Ordering::SeqCst);
    }

    /// Moves it on.
    pub fn advance(&self, span: Span) {
        self.set(self.now().plus(span));
    }
}

/// A Monday: 2026-11-23T09:00:00Z.
impl Default for FakeClock {
    fn default() -> Self {
        Self::at(Timestamp::from_micros(1_795_424_400_000_000))
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }

    async fn sleep(&self, _: Duration) {}
}

/// Randomness that is the same in every run: only the seed and the count decide what is drawn.
#[derive(Clone, Debug, Default)]
pub struct FakeEntropy {
    seed: u64,
    drawn: Arc<AtomicU64>,
}

impl FakeEntropy {
    /// Randomness from a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }
}

impl Entropy for FakeEntropy {
    fn draw(&self) -> [u8; 16] {
        let count = self.drawn.fetch_add(1, Ordering::SeqCst);
        let digest = Digest::of(&[&self.seed.to_be_bytes(), &count.to_be_bytes()]);
        let (bytes, _) = digest.bytes().split_first_chunk().unwrap_or((&[0; 16], &[]));
        *bytes
    }
}

/// A mailer that keeps letters until a test takes them.
#[derive(Clone, Debug, Default)]
pub struct Postbox(Arc<Mutex<Posted>>);

#[derive(Debug, Default)]
struct Posted {
    letters: Vec<Letter>,
    failures: u32,
}

impl Postbox {
    /// An empty postbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the letters out, in the order in which they were sent; a letter sent twice is there
    /// twice.
    pub fn take(&self) -> Vec<Letter> {
        std::mem::take(&mut locked(&self.0).letters)
    }

    /// Fails the next sends, this many.
    pub fn fail_next(&self, sends: u32) {
        locked(&self.0).failures = sends;
    }
}

#[async_trait]
impl Mailer for Postbox {
    async fn send(&self, letter: &Letter) -> Result<(), MailerError> {
        let mut posted = locked(&self.0);
        if posted.failures > 0 {
            posted.failures -= 1;
            return Err(MailerError("the postbox was told to fail".to_owned()));
        }
        posted.letters.push(letter.clone());
        Ok(())
    }
}

/// Whether an item is still being worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkState {
    /// It is.
    Open,
    /// It is finished.
    Closed,
}

/// One piece of work: a ticket, an article.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkItem {
    /// The host's name for it.
    pub id: u64,
    /// Where it lies.
    pub scope: Scope,
    /// The host's word for the kind: `tickets`.
    pub kind: String,
    /// Whether it is still being worked on.
    pub state: WorkState,
    /// Who holds it, if anybody does.
    pub holder: Option<MembershipId>,
    /// Who it is by, as people read it.
    pub author: MembershipId,
    /// Who it was by from the beginning; it stays on record when authorship moves.
    pub original_author: MembershipId,
}

/// Work that lies in memory.
///
/// An item lies in a workspace or in the organization itself; asked about the organization as a
/// whole, it counts and moves what lies in its workspaces, too. Authorship moves to the receiver,
/// if there is one, for what the leaver is the author of.
#[derive(Clone, Debug, Default)]
pub struct FakeWorkload(Arc<Mutex<Work>>);

#[derive(Debug, Default)]
struct Work {
    items: Vec<WorkItem>,
    batches: BTreeMap<(HandoverId, u32), Moved>,
    failures: u32,
}

impl FakeWorkload {
    /// No work yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an open item that its holder wrote, and says its id: 1, 2, 3 and so on.
    pub fn add(&self, scope: impl Into<Scope>, kind: &str, holder: MembershipId) -> u64 {
        let id = locked(&self.0).items.len() as u64 + 1;
        self.put(WorkItem {
            id,
            scope: scope.into(),
            kind: kind.to_owned(),
            state: WorkState::Open,
            holder: Some(holder),
            author: holder,
            original_author: holder,
        });
        id
    }

    /// Adds an item, or replaces the one with its id.
    pub fn put(&self, item: WorkItem) {
        let items = &mut locked(&self.0).items;
        items.retain(|it| it.id != item.id);
        items.push(item);
        items.sort_by_key(|it| it.id);
    }

    /// Every item, by id.
    pub fn items(&self) -> Vec<WorkItem> {
        locked(&self.0).items.clone()
    }

    /// The ids of what somebody holds.
    pub fn held_by(&self, holder: MembershipId) -> Vec<u64> {
        let held = |it: &WorkItem| it.holder == Some(holder);
        locked(&self.0).items.iter().filter(|it| held(it)).map(|it| it.id).collect()
    }

    /// Fails the next calls, this many.
    pub fn fail_next(&self, calls: u32) {
        locked(&self.0).failures = calls;
    }
}

impl Work {
    fn reached(&mut self) -> Result<(), WorkloadError> {
        if self.failures > 0 {
            self.failures -= 1;
            return Err(WorkloadError("the workload was told to fail".to_owned()));
        }
        Ok(())
    }

    fn held(&mut self, scope: Scope, holder: MembershipId) -> impl Iterator<Item = &mut WorkItem> {
        let lies_in = move |it: &WorkItem| it.scope == scope || it.scope.whole() == scope;
        self.items.iter_mut().filter(move |it| it.holder == Some(holder) && lies_in(it))
    }
}

#[async_trait]
impl Workload for FakeWorkload {
    async fn survey(&self, scope: Scope, holder: MembershipId) -> Result<Survey, WorkloadError> {
        let mut work = locked(&self.0);
        work.reached()?;
        let mut counts: BTreeMap<String, WorkCount> = BTreeMap::new();
        for item in work.held(scope, holder) {
            let count = counts.entry(item.kind.clone()).or_insert_with(|| WorkCount {
                kind: item.kind.clone(),
                open: 0,
                closed: 0,
            });
            match item.state {
                WorkState::Open => count.open += 1,
                WorkState::Closed => count.closed += 1,
            }
        }
        Ok(Survey { counts: counts.into_values().collect() })
    }

    async fn move_batch(&self, batch: &Batch) -> Result<Moved, WorkloadError> {
        let mut work = locked(&self.0);
        work.reached()?;
        let name = (batch.handover, batch.number);
        if let Some(moved) = work.batches.get(&name) {
            return Ok(*moved);
        }
        let limit = usize::try_from(batch.limit).unwrap_or(usize::MAX);
        let mut items = 0;
        for item in work.held(batch.scope, batch.from).take(limit) {
            item.holder = batch.to;
            if batch.moves_authorship && item.author == batch.from {
                item.author = batch.to.unwrap_or(item.author);
            }
            items += 1;
        }
        let remaining = work.held(batch.scope, batch.from).next().is_some();
        let moved = Moved { items, remaining };
        work.batches.insert(name, moved);
        Ok(moved)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use futures_executor::block_on;
    use uuid::Uuid;

    use super::*;
    use crate::domain::OrganizationId;

    const ADA: MembershipId = MembershipId::new(Uuid::from_u128(1));
    const BOB: MembershipId = MembershipId::new(Uuid::from_u128(2));

    fn northwind() -> Scope {
        OrganizationId::new(Uuid::from_u128(1)).into()
    }

    fn batch(number: u32) -> Batch {
        Batch {
            handover: HandoverId::new(Uuid::from_u128(1)),
            number,
            scope: northwind(),
            from: BOB,
            to: Some(ADA),
            moves_authorship: true,
            limit: 2,
        }
    }

    #[test]
    fn a_batch_asked_for_again_says_what_it_said_and_moves_nothing() {
        let work = FakeWorkload::new();
        for _ in 0..3 {
            work.add(northwind(), "tickets", BOB);
        }
        let first = block_on(work.move_batch(&batch(0))).unwrap();
        assert_eq!(first, Moved { items: 2, remaining: true });
        assert_eq!(block_on(work.move_batch(&batch(0))).unwrap(), first);
        assert_eq!(work.held_by(BOB), [3]);
        let second = block_on(work.move_batch(&batch(1))).unwrap();
        assert_eq!(second, Moved { items: 1, remaining: false });
        assert!(work.items().iter().all(|it| it.author == ADA && it.original_author == BOB));
        assert!(work.items().iter().all(|it| it.state == WorkState::Open));
    }

    #[test]
    fn a_survey_counts_by_kind_and_state() {
        let work = FakeWorkload::new();
        work.add(northwind(), "tickets", BOB);
        work.add(northwind(), "articles", BOB);
        work.add(northwind(), "tickets", ADA);
        let mut closed = work.items().remove(0);
        closed.state = WorkState::Closed;
        work.put(closed);
        work.fail_next(1);
        assert!(block_on(work.survey(northwind(), BOB)).is_err());
        let counts = block_on(work.survey(northwind(), BOB)).unwrap().counts;
        let count = |kind: &str, open, closed| WorkCount { kind: kind.to_owned(), open, closed };
        assert_eq!(counts, [count("articles", 1, 0), count("tickets", 0, 1)]);
    }

    #[test]
    fn randomness_depends_on_the_seed_and_the_count_alone() {
        let (one, same, other) = (FakeEntropy::new(7), FakeEntropy::new(7), FakeEntropy::new(8));
        let drawn = one.draw();
        assert_eq!(drawn, same.draw());
        assert_ne!(drawn, other.draw());
        assert_ne!(drawn, one.clone().draw());
    }
}
