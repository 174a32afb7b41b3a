//! In one process the commands of one stream queue, and what waits together is committed together.
//!
//! The lane owns the running batch, as a future that every waiting caller drives and any of them
//! can finish. A caller who goes away takes nothing along: the others drive on, and a batch that
//! everybody has left is finished by the next command of the stream or by
//! [`maintain`](crate::UserDirectory::maintain).

use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::oneshot;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

use crate::commands::Command;
use crate::domain::Stream;

use super::decide::Committed;
use super::{Error, Inner, Request};

/// Commands that are decided together; all of them or none, or each on its own.
pub(super) struct Job {
    pub(super) request: Request,
    pub(super) commands: Vec<Command>,
    pub(super) all_or_nothing: bool,
    /// The number of the first command, when the job is a part of many.
    pub(super) first: usize,
    pub(super) answer: oneshot::Sender<Vec<Result<Committed, Error>>>,
}

/// At most this many commands share one commit; one job is never divided.
const TOGETHER: usize = 512;

#[derive(Default)]
pub(super) struct Lanes(Mutex<HashMap<Stream, Arc<Lane>>>);

#[derive(Default)]
struct Lane {
    waiting: Mutex<VecDeque<Job>>,
    running: Mutex<Option<Shared<BoxFuture<'static, ()>>>>,
}

/// A lock is only ever held for a few instructions that cannot panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    /// Queues a job, and drives its lane until it is answered.
    pub(super) async fn queue(
        self: &Arc<Self>,
        stream: Stream,
        request: Request,
        commands: Vec<Command>,
        (first, all_or_nothing): (usize, bool),
    ) -> Vec<Result<Committed, Error>> {
        let (answer, mut answered) = oneshot::channel();
        let asked = commands.len();
        let lane = Arc::clone(lock(&self.lanes.0).entry(stream).or_default());
        lock(&lane.waiting).push_back(Job { request, commands, all_or_nothing, first, answer });
        loop {
            self.turn(stream, &lane).await;
            match answered.try_recv() {
                Ok(Some(answer)) => {
                    self.leave(stream, lane);
                    return answer;
                }
                Ok(None) => {}
                // INVARIANT: a batch answers every job that it takes, unless a port panics.
                Err(oneshot::Canceled) => {
                    self.leave(stream, lane);
                    return (0..asked).map(|_| Err(Error::OutcomeUnknown)).collect();
                }
            }
        }
    }

    /// The batch that runs, or a new one.
    fn turn(self: &Arc<Self>, stream: Stream, lane: &Arc<Lane>) -> Shared<BoxFuture<'static, ()>> {
        let mut running = lock(&lane.running);
        match running.as_ref() {
            Some(batch) if batch.peek().is_none() => batch.clone(),
            Some(_) | None => {
                let (inner, lane) = (Arc::clone(self), Arc::clone(lane));
                let batch = async move {
                    // Whoever comes while it waits shares the commit. A port that panics here does
                    // so again, or has done no harm.
                    let _ = AssertUnwindSafe(inner.pace(stream)).catch_unwind().await;
                    let jobs = take(&lane);
                    // A port that panics ends this batch, not the lane: nothing outlives the batch
                    // that it could have left half done.
                    let done = AssertUnwindSafe(inner.commit_jobs(stream, jobs)).catch_unwind();
                    if done.await.is_err() {
                        tracing::error!("a batch panicked; whether it was committed is not known");
                        inner.doubt(stream);
                    }
                }
                .boxed()
                .shared();
                *running = Some(batch.clone());
                batch
            }
        }
    }

    /// Forgets a lane that nobody uses.
    fn leave(&self, stream: Stream, lane: Arc<Lane>) {
        let mut lanes = lock(&self.lanes.0);
        let idle = lane.is_idle();
        drop(lane);
        if idle && lanes.get(&stream).is_some_and(|lane| Arc::strong_count(lane) == 1) {
            lanes.remove(&stream);
        }
    }

    /// Finishes what callers have left behind; what comes later is driven by whoever asked for it.
    pub(super) async fn settle(self: &Arc<Self>) {
        let lanes: Vec<_> =
            lock(&self.lanes.0).iter().map(|(stream, lane)| (*stream, Arc::clone(lane))).collect();
        for (stream, lane) in lanes {
            // Each batch takes at least one of the jobs that wait now, after the one that runs.
            let batches = lock(&lane.waiting).len() + 1;
            for _ in 0..batches {
                if lane.is_idle() {
                    break;
                }
                self.turn(stream, &lane).await;
            }
            self.leave(stream, lane);
        }
    }
}

impl Lane {
    fn is_idle(&self) -> bool {
        lock(&self.waiting).is_empty()
            && lock(&self.running).as_ref().is_none_or(|batch| batch.peek().is_some())
    }
}

/// The jobs of one batch: what waits, as far as it goes together.
fn take(lane: &Lane) -> Vec<Job> {
    let mut waiting = lock(&lane.waiting);
    let mut jobs: Vec<Job> = Vec::new();
    let mut commands = 0;
    while let Some(next) = waiting.front() {
        commands += next.commands.len();
        if !jobs.is_empty() && commands > TOGETHER {
            break;
        }
        jobs.extend(waiting.pop_front());
    }
    jobs
}
