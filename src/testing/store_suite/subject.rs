//! The store under test, and what is asked of it in nearly every check.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::task::Poll;

use futures_util::future::{join, join_all, poll_fn};

use crate::domain::{ChangeSet, Claim, FeedPosition, Key, Need, Record, Revision, Stream};
use crate::ports::{CommitError, Find, Store};
use crate::testing::thread::in_thread;

/// Where commits that race each other come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Contest {
    /// From one task at first, and from several threads then.
    BetweenThreads,
    /// From one task only.
    OnOneRuntime,
}

/// The store under test, and the promise it is held to.
#[derive(Clone)]
pub(super) struct Subject {
    store: Arc<dyn Store>,
    promise: &'static str,
    contest: Contest,
}

type Outcome = Result<(), CommitError>;

impl Subject {
    pub(super) const fn new(
        store: Arc<dyn Store>,
        promise: &'static str,
        contest: Contest,
    ) -> Self {
        Self { store, promise, contest }
    }

    pub(super) fn breaks(&self, how: &str) -> ! {
        panic!("the store breaks the promise `{}`: {how}", self.promise.replace('_', " "))
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

    pub(super) async fn try_commit(&self, changes: ChangeSet) -> Outcome {
        self.store.commit(changes).await
    }

    pub(super) async fn commit(&self, changes: ChangeSet) {
        if let Err(error) = self.try_commit(changes).await {
            self.breaks(&format!("a commit that nothing stood against was refused: {error:?}"));
        }
    }

    pub(super) async fn put(&self, records: impl IntoIterator<Item = Record>) {
        self.commit(puts(records)).await;
    }

    pub(super) async fn conflicts(&self, changes: ChangeSet, because: &str) {
        match self.try_commit(changes).await {
            Err(CommitError::Conflict(_)) => {}
            other => self.breaks(&format!("no conflict, though {because}: {other:?}")),
        }
    }

    pub(super) async fn is_claimed(&self, changes: ChangeSet, claim: &Claim, because: &str) {
        match self.try_commit(changes).await {
            Err(CommitError::Claimed(named)) if named == *claim => {}
            other => self.breaks(&format!("`Claimed({claim:?})` was due, {because}: {other:?}")),
        }
    }

    /// What is loaded, each record once.
    pub(super) async fn load(
        &self,
        needs: impl IntoIterator<Item = Need>,
    ) -> BTreeMap<Key, Record> {
        let needs: Vec<_> = needs.into_iter().collect();
        match self.store.load(&needs).await {
            Ok(records) => records.into_iter().map(|it| (it.key(), unplaced(it))).collect(),
            Err(error) => self.breaks(&format!("load failed: {error}")),
        }
    }

    pub(super) async fn record(&self, key: Key) -> Option<Record> {
        self.load([Need::Record(key.clone())]).await.remove(&key)
    }

    /// That a need is met by exactly these records.
    pub(super) async fn loads(&self, need: Need, expected: &[&Record]) {
        let expected: BTreeMap<_, _> =
            expected.iter().map(|record| (record.key(), (*record).clone())).collect();
        self.same(&self.load([need.clone()]).await, &expected, &format!("loading {need:?}"));
    }

    pub(super) async fn find(&self, question: Find) -> Vec<Record> {
        match self.store.find(&question).await {
            Ok(records) if matches!(question, Find::Feed { .. }) => records,
            Ok(records) => records.into_iter().map(unplaced).collect(),
            Err(error) => self.breaks(&format!("{question:?} failed: {error}")),
        }
    }

    /// Where an entry is said to stand in the feed by whatever is not the feed.
    pub(super) async fn positions(&self, stream: Stream, at: Revision) -> Vec<FeedPosition> {
        let loaded = self.store.load(&[Need::Record(Key::Entry(stream, at))]).await;
        let after = Revision::new(at.get() - 1);
        let found = self.store.find(&Find::Entries { stream, after, limit: 1 }).await;
        let (Ok(loaded), Ok(found)) = (loaded, found) else { self.breaks("an entry is not read") };
        let position = |record| if let Record::Entry(it) = record { Some(it.feed) } else { None };
        loaded.into_iter().chain(found).filter_map(position).collect()
    }

    /// That walking page by page from any place finds what the model has behind it.
    pub(super) async fn pages<P>(
        &self,
        model: &[Record],
        limits: &[u32],
        ask: impl Fn(Option<P>, u32) -> Find,
        place: impl Fn(&Record) -> P,
    ) {
        for &limit in limits {
            let mut walked: Vec<Record> = Vec::new();
            loop {
                let question = ask(walked.last().map(&place), limit);
                let page = self.find(question.clone()).await;
                let size = limit as usize;
                let expected: Vec<_> =
                    model.iter().skip(walked.len()).take(size).cloned().collect();
                self.same(&keys(&page), &keys(&expected), &format!("the page of {question:?}"));
                self.same(&page, &expected, &format!("the records of {question:?}"));
                let last = page.len() < size;
                walked.extend(page);
                if last {
                    break;
                }
            }
        }
    }

    /// Runs contenders at once, and says which one won: exactly one must.
    pub(super) async fn race(&self, contenders: Vec<ChangeSet>, threads: bool) -> usize {
        let outcomes =
            if threads { self.in_threads(contenders).await } else { self.joined(contenders).await };
        let won = |(at, outcome): (usize, &Outcome)| outcome.is_ok().then_some(at);
        let winners: Vec<_> = outcomes.iter().enumerate().filter_map(won).collect();
        for outcome in &outcomes {
            match outcome {
                Ok(()) | Err(CommitError::Conflict(_) | CommitError::Claimed(_)) => {}
                Err(
                    error @ (CommitError::Failed(_)
                    | CommitError::Host(_)
                    | CommitError::Unknown(_)),
                ) => {
                    self.breaks(&format!("a loser was told {error:?} and not who was first"));
                }
            }
        }
        match winners[..] {
            [winner] => winner,
            _ => self.breaks(&format!("{} of {} won", winners.len(), outcomes.len())),
        }
    }

    /// Whether to use threads: first not, which finds the same in every run; then, if the store
    /// can be used from them, so.
    pub(super) const fn ways(&self) -> &'static [bool] {
        match self.contest {
            Contest::BetweenThreads => &[false, true],
            Contest::OnOneRuntime => &[false],
        }
    }

    async fn joined(&self, contenders: Vec<ChangeSet>) -> Vec<Outcome> {
        join_all(contenders.into_iter().map(|changes| self.store.commit(changes))).await
    }

    async fn in_threads(&self, contenders: Vec<ChangeSet>) -> Vec<Outcome> {
        let start = Arc::new(Barrier::new(contenders.len()));
        let running = contenders.into_iter().map(|changes| {
            let (subject, start) = (self.clone(), Arc::clone(&start));
            let run = move || {
                start.wait();
                futures_executor::block_on(subject.try_commit(changes))
            };
            in_thread(run, || self.panicked())
        });
        join_all(running.collect::<Vec<_>>()).await
    }

    fn panicked(&self) -> ! {
        self.breaks("a thread that used the store panicked")
    }
}

/// Runs some work, from threads or from this task, while somebody else's goes on, the latter told when the former is done.
///
/// Whoever looks must [`pause`] between looks.
pub(super) async fn meanwhile<T>(
    s: &Subject,
    threads: bool,
    work: Vec<impl Future<Output = ()> + Send + 'static>,
    look: impl AsyncFnOnce(&AtomicBool) -> T,
) -> T {
    let done = AtomicBool::new(false);
    let working = async {
        if threads {
            let running: Vec<_> = work
                .into_iter()
                .map(|work| in_thread(|| futures_executor::block_on(work), || s.panicked()))
                .collect();
            join_all(running).await;
        } else {
            join_all(work).await;
        }
        done.store(true, Ordering::SeqCst);
    };
    join(look(&done), working).await.0
}

/// Lets others go on.
pub(super) async fn pause() {
    let mut paused = false;
    poll_fn(|context| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// An entry without its place in the feed, which only the feed has to say.
fn unplaced(mut record: Record) -> Record {
    if let Record::Entry(it) = &mut record {
        it.feed = FeedPosition(0);
    }
    record
}

pub(super) fn puts(records: impl IntoIterator<Item = Record>) -> ChangeSet {
    ChangeSet { put: records.into_iter().collect(), ..ChangeSet::default() }
}

pub(super) fn keys(records: &[Record]) -> Vec<Key> {
    records.iter().map(Record::key).collect()
}
