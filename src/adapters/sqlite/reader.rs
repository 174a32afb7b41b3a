//! The pool of readers: each thread has a connection of its own, and each request sees one instant.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use futures_channel::oneshot;
use rusqlite::{Connection, Params, Row, StatementStatus};

use super::failure::Failure;
use super::{find, load};
use crate::domain::{Need, Record};
use crate::ports::{Find, StoreError};

/// What is asked, and where the answer goes.
pub(super) struct Request {
    pub(super) question: Question,
    pub(super) answer: oneshot::Sender<Result<Vec<Record>, StoreError>>,
}

pub(super) enum Question {
    Load(Vec<Need>),
    Find(Find),
}

/// The requests that wait for a reader.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    steps: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Request>,
    closed: bool,
}

impl Queue {
    pub(super) fn push(&self, request: Request) {
        self.waiting().requests.push_back(request);
        self.changed.notify_one();
    }

    /// Lets the readers end once nothing waits.
    pub(super) fn close(&self) {
        self.waiting().closed = true;
        self.changed.notify_all();
    }

    /// Steps of `SQLite`'s virtual machine spent so far.
    pub(super) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    fn next(&self) -> Option<Request> {
        let mut waiting = self.waiting();
        loop {
            if let Some(request) = waiting.requests.pop_front() {
                return Some(request);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn spawn(connection: Connection, queue: Arc<Queue>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("tenure-reader".to_owned()).spawn(move || {
        while let Some(request) = queue.next() {
            // Nobody waits for an answer whose future was dropped.
            if !request.answer.is_canceled() {
                let answer = answer(&connection, &queue, &request.question);
                let _ = request.answer.send(answer.map_err(StoreError::from));
            }
        }
    })
}

/// Meets needs on this very thread.
pub(super) fn load(
    connection: &Connection,
    queue: &Queue,
    needs: &[Need],
) -> Result<Vec<Record>, StoreError> {
    Ok(at_one_instant(connection, queue, |view| load::load(view, needs))?)
}

fn answer(
    connection: &Connection,
    queue: &Queue,
    question: &Question,
) -> Result<Vec<Record>, Failure> {
    at_one_instant(connection, queue, |view| match question {
        Question::Load(needs) => load::load(view, needs),
        Question::Find(question) => find::find(view, question),
    })
}

fn at_one_instant(
    connection: &Connection,
    queue: &Queue,
    read: impl FnOnce(&View<'_>) -> Result<Vec<Record>, Failure>,
) -> Result<Vec<Record>, Failure> {
    connection.prepare_cached("BEGIN DEFERRED")?.execute([])?;
    let records = read(&View { connection, steps: &queue.steps });
    let end = connection.prepare_cached("COMMIT").and_then(|mut end| end.execute([]));
    if end.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    records
}

/// The tables as of one instant.
pub(super) struct View<'c> {
    connection: &'c Connection,
    steps: &'c AtomicU64,
}

impl View<'_> {
    /// The rows of a query, each read as it comes.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        values: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        let mut statement = self.connection.prepare_cached(sql)?;
        // The writer may have used it since.
        statement.reset_status(StatementStatus::VmStep);
        let mut found = Vec::new();
        let mut rows = statement.query(values)?;
        while let Some(row) = rows.next()? {
            found.push(read(row)?);
        }
        drop(rows);
        let steps = statement.reset_status(StatementStatus::VmStep);
        self.steps.fetch_add(u64::try_from(steps).unwrap_or(0), Ordering::Relaxed);
        Ok(found)
    }
}
