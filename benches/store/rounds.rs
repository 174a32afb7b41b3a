//! Two ways to do the same take turns.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_executor::block_on;
use tenure::domain::ChangeSet;
use tenure::{Command, Request, UserDirectory};

use crate::hand::{Hand, Kind};

/// What each round took: latencies when there is one caller, or the whole round when there are many.
pub(crate) struct Times {
    ours: Vec<Duration>,
    theirs: Vec<Duration>,
}

impl Times {
    pub(crate) fn ours_micros(&self) -> f64 {
        median(&self.ours)
    }

    pub(crate) fn theirs_micros(&self) -> f64 {
        median(&self.theirs)
    }

    pub(crate) fn ratio(&self) -> f64 {
        self.ours_micros() / self.theirs_micros()
    }

    /// Of ours, when each time is of this many.
    pub(crate) fn per_second(&self, of: usize) -> f64 {
        of as f64 * 1e6 / self.ours_micros()
    }
}

fn median(times: &[Duration]) -> f64 {
    let mut micros: Vec<f64> = times.iter().map(|it| it.as_secs_f64() * 1e6).collect();
    micros.sort_by(f64::total_cmp);
    micros[micros.len() / 2]
}

/// In every other round the other goes first.
pub(crate) fn compare(
    rounds: usize,
    mut ours: impl FnMut(usize) -> Vec<Duration>,
    mut theirs: impl FnMut(usize) -> Vec<Duration>,
) -> Times {
    let mut times = Times { ours: Vec::new(), theirs: Vec::new() };
    for round in 0..rounds {
        if round % 2 == 0 {
            times.ours.extend(ours(round));
            times.theirs.extend(theirs(round));
        } else {
            times.theirs.extend(theirs(round));
            times.ours.extend(ours(round));
        }
    }
    times
}

pub(crate) fn ours(
    directory: &UserDirectory,
    commands: Vec<(Request, Command)>,
    callers: usize,
) -> Vec<Duration> {
    if callers == 1 {
        let each = commands.into_iter().map(|(request, command)| {
            let started = Instant::now();
            block_on(directory.execute_command(request, command)).unwrap();
            started.elapsed()
        });
        return each.collect();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let waiting = Arc::new(Mutex::new(commands.into_iter()));
    let started = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (directory, waiting) = (directory.clone(), Arc::clone(&waiting));
            runtime.spawn(async move {
                loop {
                    let next = waiting.lock().unwrap().next();
                    let Some((request, command)) = next else { return };
                    directory.execute_command(request, command).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
    vec![started.elapsed()]
}

/// Each caller takes the connection, and commits what is next.
pub(crate) fn by_hand<'c>(
    hand: &Mutex<Hand>,
    kind: Kind,
    changes: impl Iterator<Item = &'c ChangeSet> + Send,
    callers: usize,
) -> Vec<Duration> {
    if callers == 1 {
        let mut hand = hand.lock().unwrap();
        let each = changes.map(|changes| {
            let started = Instant::now();
            hand.commit(kind, changes);
            started.elapsed()
        });
        return each.collect();
    }
    let waiting = Mutex::new(changes);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..callers {
            scope.spawn(|| {
                loop {
                    let mut hand = hand.lock().unwrap();
                    let Some(changes) = waiting.lock().unwrap().next() else { return };
                    hand.commit(kind, changes);
                }
            });
        }
    });
    vec![started.elapsed()]
}

/// Reads by this many callers, so often each.
pub(crate) fn reading(callers: usize, times: usize, read: impl Fn() + Sync) -> Vec<Duration> {
    if callers == 1 {
        let each = (0..times).map(|_| {
            let started = Instant::now();
            read();
            started.elapsed()
        });
        return each.collect();
    }
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..callers {
            scope.spawn(|| (0..times).for_each(|_| read()));
        }
    });
    vec![started.elapsed()]
}
