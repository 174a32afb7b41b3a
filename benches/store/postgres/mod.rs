//! The same on PostgreSQL, on the server that tests use.
//!
//! Both sides have one pool, whose connections are not tried before each use and keep their
//! statements prepared, and a schema of their own, each copied from the same one. By hand is what a
//! careful host writes with `sqlx`, statement by statement (see `hand.rs`).

mod hand;
mod person;
mod schemas;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tenure::adapters::postgres::PostgresOptions;
use tenure::ports::PeopleFilter;
use tenure::testing::Postbox;
use tenure::{Store, UserDirectory};
use tokio::runtime::Runtime;

use crate::crowd::Gathered;
use crate::ours::{self, Script};
use crate::{Asked, Figures, rounds};
use hand::{Hand, Work};
use schemas::Schemas;

const PEOPLE: usize = 1_000;
/// Commands of one kind that each side executes in a round.
const SIZE: usize = 128;
const ROUNDS: usize = 5;
/// The first round is not measured: each connection prepares each statement, and plans it anew
/// until the server is content with one plan.
const COMMANDS: usize = SIZE * (ROUNDS + 1);
/// Pages that each caller reads in a round.
const PAGES: usize = 32;

pub(crate) fn measure(asked: &Asked, figures: &mut Figures) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    let mut bench = Bench::begin(&runtime);
    if asked.for_part("commands") {
        bench.record();
        for callers in [1, 8, 32] {
            bench.commands(callers, figures);
        }
    }
    if asked.for_part("pages") {
        for callers in [1, 8, 32] {
            bench.pages(callers, figures);
        }
    }
}

struct Bench<'r> {
    runtime: &'r Runtime,
    schemas: Schemas<'r>,
    /// An organization of many people.
    base: String,
    gathered: Gathered,
    scripts: Vec<Script>,
    /// The schema as it is before the commands of each kind.
    before: Vec<String>,
}

impl<'r> Bench<'r> {
    fn begin(runtime: &'r Runtime) -> Self {
        let mut schemas = Schemas::new(runtime);
        let _context = runtime.enter();
        let first = schemas.empty();
        let store = PostgresOptions::new(schemas.hasty()).schema(&first).open();
        let directory = ours::directory(runtime.block_on(store).unwrap(), Postbox::new(), 1);
        let gathered = runtime.block_on(Gathered::of(&directory, PEOPLE));
        let base = schemas.copy(&first);
        schemas.drop(&first);
        Self { runtime, schemas, base, gathered, scripts: Vec::new(), before: Vec::new() }
    }

    /// Makes the scripts.
    fn record(&mut self) {
        let _context = self.runtime.enter();
        let recorded = self.schemas.copy(&self.base);
        let store = PostgresOptions::new(self.schemas.hasty()).schema(&recorded).open();
        let store: Arc<dyn Store> = Arc::new(self.runtime.block_on(store).unwrap());
        let (organization, owner) = (self.gathered.organization, &self.gathered.owner);
        self.scripts = ours::scripts(&store, organization, owner, COMMANDS);
        self.schemas.drop(&recorded);
    }

    /// One caller does all kinds one after the other in the same schemas; many callers do theirs in
    /// any order, so each kind begins from the same.
    fn commands(&mut self, callers: usize, figures: &mut Figures) {
        let mut pair = (self.schemas.copy(&self.base), self.schemas.copy(&self.base));
        for number in 0..self.scripts.len() {
            if callers == 1 {
                let before = self.schemas.copy(&pair.0);
                self.before.push(before);
            } else {
                self.schemas.drop(&pair.0);
                self.schemas.drop(&pair.1);
                let before = &self.before[number];
                pair = (self.schemas.copy(before), self.schemas.copy(before));
            }
            let script = &self.scripts[number];
            let (times, size) = self.script(script, callers, (&pair.0, &pair.1));
            figures.command(script.kind, "postgres", callers, (&times, size));
            let (ours, theirs) = (self.schemas.counts(&pair.0), self.schemas.counts(&pair.1));
            assert_eq!(ours, theirs, "ours and by hand left different numbers of rows");
        }
        if callers == 1 {
            let (ours, theirs) = (self.schemas.rows(&pair.0), self.schemas.rows(&pair.1));
            let differs = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
            assert_eq!(differs, None, "ours and by hand wrote different rows");
        }
        self.schemas.drop(&pair.0);
        self.schemas.drop(&pair.1);
    }

    /// What each turn took, and how many commands it had.
    fn script(
        &self,
        script: &Script,
        callers: usize,
        (our_schema, their_schema): (&str, &str),
    ) -> (rounds::Times, usize) {
        let pool = self.schemas.pool(callers, their_schema);
        let store = PostgresOptions::new(pool.clone()).schema(our_schema).open();
        let store = self.runtime.block_on(store).unwrap();
        let directory = ours::directory(store, Postbox::new(), script.seed);
        let hand = Arc::new(Hand::new(pool.clone(), self.gathered.organization));
        let ours = |callers: usize, from: usize, size: usize| {
            let directory = directory.clone();
            let part = script.commands[from..from + size].to_vec();
            self.turn(callers, part, move |(request, command)| {
                let directory = directory.clone();
                async move {
                    directory.execute_command(request, command).await.unwrap();
                }
            })
        };
        let by_hand = |callers: usize, from: usize, size: usize| {
            let part = script.changes[from..from + size].iter();
            let part: Vec<_> = part.map(|changes| Work::of(script.kind, changes)).collect();
            // What comes next is settled once the organization is locked.
            let waiting = Arc::new(Mutex::new(part.into_iter()));
            let hand = Arc::clone(&hand);
            self.turn(callers, vec![(); size], move |()| {
                let (hand, waiting) = (Arc::clone(&hand), Arc::clone(&waiting));
                async move { hand.commit(&waiting).await }
            })
        };
        // One after the other, so that every connection has its statements prepared and planned.
        ours(1, 0, SIZE);
        by_hand(1, 0, SIZE);
        // A single caller takes turns command by command, so that both meet the same disk.
        let size = if callers == 1 { 1 } else { SIZE };
        let times = rounds::compare(
            SIZE * ROUNDS / size,
            |round| ours(callers, SIZE + round * size, size),
            |round| by_hand(callers, SIZE + round * size, size),
        );
        self.runtime.block_on(pool.close());
        (times, size)
    }

    fn pages(&self, callers: usize, figures: &mut Figures) {
        let Gathered { organization, owner, .. } = &self.gathered;
        let pool = self.schemas.pool(callers, &self.base);
        let store = PostgresOptions::new(pool.clone()).schema(&self.base).open();
        let store = self.runtime.block_on(store).unwrap();
        let directory = ours::directory(store, Postbox::new(), 1);
        let hand = Arc::new(Hand::new(pool.clone(), *organization));
        let ours = || {
            let (directory, owner) = (directory.clone(), owner.clone());
            let organization = *organization;
            self.turn(callers, vec![(); callers * PAGES], move |()| {
                let (directory, owner): (UserDirectory, _) = (directory.clone(), owner.clone());
                async move {
                    let everybody = PeopleFilter::default();
                    let page = directory.people(&owner, organization, everybody, None, 50).await;
                    assert_eq!(page.unwrap().rows.len(), 50);
                }
            })
        };
        let by_hand = || {
            let hand = Arc::clone(&hand);
            self.turn(callers, vec![(); callers * PAGES], move |()| {
                let hand = Arc::clone(&hand);
                async move { assert_eq!(hand.page().await.len(), 50) }
            })
        };
        ours();
        by_hand();
        let times = rounds::compare(ROUNDS, |_| ours(), |_| by_hand());
        self.runtime.block_on(pool.close());
        if callers == 1 {
            figures.add("page_micros/postgres/1", times.ours_micros(), "µs");
            figures.add("page_by_hand_micros/postgres/1", times.theirs_micros(), "µs");
            figures.add("page_ratio/postgres/1", times.ratio(), "x");
        } else {
            figures.add(&format!("page_throughput/postgres/{callers}"), 1.0 / times.ratio(), "x");
        }
    }

    /// So many callers do this work: how long each took when there is one, or all of them together.
    fn turn<W, D>(
        &self,
        callers: usize,
        work: Vec<W>,
        each: impl Fn(W) -> D + Clone + Send + 'static,
    ) -> Vec<Duration>
    where
        W: Send + 'static,
        D: Future<Output = ()> + Send,
    {
        if callers == 1 {
            let alone = self.runtime.spawn(async move {
                let mut times = Vec::new();
                for one in work {
                    let started = Instant::now();
                    each(one).await;
                    times.push(started.elapsed());
                }
                times
            });
            return self.runtime.block_on(alone).unwrap();
        }
        let waiting = Arc::new(Mutex::new(work.into_iter()));
        let started = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|_| {
                let (waiting, each) = (Arc::clone(&waiting), each.clone());
                self.runtime.spawn(async move {
                    loop {
                        let next = waiting.lock().unwrap().next();
                        let Some(one) = next else { return };
                        each(one).await;
                    }
                })
            })
            .collect();
        for task in tasks {
            self.runtime.block_on(task).unwrap();
        }
        vec![started.elapsed()]
    }
}
