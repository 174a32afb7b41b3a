//! The one who writes: it commits together what waits together.
//!
//! A change-set is checked before any of it is written, so one that conflicts leaves nothing to
//! undo and disturbs no other of its transaction. One that cannot be written at all (the disk is
//! full, a body is too large) takes the transaction with it; then each is tried alone. What the host
//! has a part in takes its turn among them, in a transaction of its own.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use futures_channel::oneshot;
use rusqlite::Connection;

use super::failure::Failure;
use super::shared::Host;
use super::{check, shared, write};
use crate::domain::ChangeSet;
use crate::ports::{CommitError, StoreError};

/// At most this many change-sets share a transaction, so that the first need not wait for ever.
const TOGETHER: usize = 256;

/// A change-set to be committed, and where the answer goes.
pub(super) struct Commit {
    pub(super) changes: ChangeSet,
    pub(super) answer: oneshot::Sender<Result<(), CommitError>>,
}

/// What the writer is asked for.
pub(super) enum Job {
    /// Together with what else waits.
    Together(Commit),
    /// In one transaction with what the host writes, and with nobody else's.
    Shared(Commit, Host),
}

pub(super) fn spawn(
    connection: Arc<Mutex<Connection>>,
    jobs: Receiver<Job>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("tenure-writer".to_owned()).spawn(move || {
        while let Ok(first) = jobs.recv() {
            let mut together = Vec::new();
            for job in std::iter::once(first).chain(jobs.try_iter().take(TOGETHER - 1)) {
                match job {
                    Job::Together(one) => together.push(one),
                    Job::Shared(one, host) => {
                        commit(&connection, std::mem::take(&mut together));
                        let ended = shared::transact(&locked(&connection), &one.changes, host);
                        let _ = one.answer.send(ended);
                    }
                }
            }
            commit(&connection, together);
        }
    })
}

/// The connection; what a panic left open is rolled back by whoever begins.
fn locked(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How one transaction ended.
pub(super) enum Ended {
    /// It was committed; a change-set that was refused has no part in it.
    Committed(Vec<Result<(), CommitError>>),
    /// One change-set cannot be written; nothing is.
    Broken(Failure),
    /// Nothing is written, whatever the change-sets are.
    Failed(Failure),
    /// It was written whole, or not at all.
    Unknown(Failure),
}

fn commit(connection: &Mutex<Connection>, batch: Vec<Commit>) {
    if batch.is_empty() {
        return;
    }
    // Whoever is answered finds the connection idle.
    let ended = transact(&locked(connection), &batch);
    let outcome = match ended {
        Ended::Committed(answers) => {
            for (job, answer) in batch.into_iter().zip(answers) {
                // A caller that no longer waits has its commit all the same.
                let _ = job.answer.send(answer);
            }
            return;
        }
        Ended::Broken(_) if batch.len() > 1 => {
            for job in batch {
                commit(connection, vec![job]);
            }
            return;
        }
        Ended::Broken(failure) | Ended::Failed(failure) => CommitError::Failed(failure.into()),
        Ended::Unknown(failure) => CommitError::Unknown(StoreError::from(failure).0),
    };
    for job in batch {
        let _ = job.answer.send(Err(outcome.clone()));
    }
}

fn transact(connection: &Connection, batch: &[Commit]) -> Ended {
    if let Err(failure) = begin(connection) {
        return Ended::Failed(failure);
    }
    let mut answers = Vec::with_capacity(batch.len());
    for job in batch {
        match check_and_write(connection, &job.changes) {
            Ok(answer) => answers.push(answer),
            Err(failure) => {
                // Without COMMIT nothing is written, even if this fails too.
                let _ = undo(connection);
                return Ended::Broken(failure);
            }
        }
    }
    end(connection, answers)
}

/// Begins a transaction; one that was left open is rolled back first.
pub(super) fn begin(connection: &Connection) -> Result<(), Failure> {
    undo(connection)?;
    run(connection, "BEGIN IMMEDIATE")
}

/// Commits; the answers are those of a transaction that is committed.
pub(super) fn end(connection: &Connection, answers: Vec<Result<(), CommitError>>) -> Ended {
    match run(connection, "COMMIT") {
        Ok(()) => Ended::Committed(answers),
        // SQLite keeps the transaction open when it could not begin to commit it.
        Err(failure) if !connection.is_autocommit() => {
            let _ = undo(connection);
            Ended::Failed(failure)
        }
        Err(failure) => Ended::Unknown(failure),
    }
}

fn check_and_write(
    connection: &Connection,
    changes: &ChangeSet,
) -> Result<Result<(), CommitError>, Failure> {
    if let Some(refusal) = check::refusal(connection, changes)? {
        return Ok(Err(refusal));
    }
    write::all(connection, changes)?;
    Ok(Ok(()))
}

/// Rolls an open transaction back.
pub(super) fn undo(connection: &Connection) -> Result<(), Failure> {
    if connection.is_autocommit() { Ok(()) } else { run(connection, "ROLLBACK") }
}

pub(super) fn run(connection: &Connection, sql: &str) -> Result<(), Failure> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
