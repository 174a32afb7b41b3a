//! The embedded store: one `SQLite` file.
//!
//! One thread writes and commits together whatever waits together; a few threads read. So with
//! full durability, where every commit waits for the disk, many callers share one wait. Answers
//! travel by channel, so any async runtime will do, and a caller that drops its future disturbs
//! nobody. With a write-ahead log, what a single command needs is read on the caller's own thread
//! through the writer's connection if that is idle: it has in memory what it has just written, and
//! waking another thread would take longer than reading. Several stores, in one process or in many on one machine, may open the same file.
//!
//! Everything in the file that is ours has a name that begins with `tenure_`, and neither
//! `user_version` nor `application_id` is touched: a host may keep its own tables in the same file,
//! through a connection of its own, and join on ours. Reading ours so is welcome; writing them is
//! not. [`SqliteStore::transaction`] commits rows of the host together with a command.
//!
//! | file | holds |
//! | --- | --- |
//! | `migrations/` | the tables, and what each index is for |
//! | `schema` | opening a file and migrating it |
//! | `writer` | the thread that commits; `check` finds conflicts; `write`, `put`, `listing`, `handover` write |
//! | `shared` | a transaction in which the host writes too |
//! | `reader` | the threads that read; `load` names records, `find` and `people` ask for pages |
//! | `place` | how a key finds its row |
//!
//! What is erased is overwritten in the file at once (`secure_delete`); a write-ahead log holds
//! older pages until its next checkpoint, and backups hold what they hold.

mod check;
mod failure;
mod find;
mod handover;
mod listing;
mod load;
mod options;
mod people;
mod place;
mod put;
mod reader;
mod schema;
mod shared;
#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test that fails may panic"
)]
mod tests;
mod write;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use async_trait::async_trait;
use futures_channel::oneshot;
use rusqlite::Connection;

pub use options::{Durability, Journal, SqliteOptions};
pub use rusqlite;
pub use shared::SqliteTransaction;

use self::reader::{Question, Queue, Request};
use self::writer::{Commit, Job};
use crate::domain::{ChangeSet, Need, Record};
use crate::ports::{CommitError, Find, Store, StoreError};

/// A [`Store`] in one `SQLite` file. Dropping it finishes what was begun and closes the file.
///
/// ```no_run
/// use tenure::adapters::sqlite::SqliteStore;
///
/// let store = SqliteStore::open("people.db")?;
/// # Ok::<(), tenure::ports::StoreError>(())
/// ```
pub struct SqliteStore {
    /// Gone only while the store is dropped: then the writer ends.
    jobs: Option<mpsc::Sender<Job>>,
    requests: Arc<Queue>,
    writer: Option<JoinHandle<()>>,
    readers: Vec<JoinHandle<()>>,
    /// The writer's, for reading on the callers' threads while it is idle; none without a
    /// write-ahead log, because then a reader may have to wait for other processes.
    idle: Option<Arc<Mutex<Connection>>>,
}

/// At most this many needs are met on the caller's own thread.
const FEW: usize = 16;

impl SqliteStore {
    /// Opens a file, as [`SqliteOptions::new`] has it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        SqliteOptions::new(path).open()
    }

    /// Steps of `SQLite`'s virtual machine that reading has cost so far: a measure of work that
    /// depends neither on the machine nor on what is cached.
    pub fn steps(&self) -> u64 {
        self.requests.steps()
    }

    fn start(options: &SqliteOptions) -> Result<Self, StoreError> {
        let connection = Arc::new(Mutex::new(schema::open_writer(options)?));
        let idle = (options.journal == Journal::Wal).then(|| Arc::clone(&connection));
        let (sender, receiver) = mpsc::channel();
        let mut store = Self {
            jobs: Some(sender),
            requests: Arc::default(),
            writer: Some(writer::spawn(connection, receiver).map_err(no_thread)?),
            readers: Vec::new(),
            idle,
        };
        for _ in 0..options.readers.max(1) {
            let connection = schema::open_reader(options)?;
            let requests = Arc::clone(&store.requests);
            store.readers.push(reader::spawn(connection, requests).map_err(no_thread)?);
        }
        Ok(store)
    }

    /// Meets few needs at once, if the writer is idle.
    fn read_while_idle(&self, needs: &[Need]) -> Option<Result<Vec<Record>, StoreError>> {
        let idle = self.idle.as_ref().filter(|_| needs.len() <= FEW)?;
        let connection = idle.try_lock().ok()?;
        Some(reader::load(&connection, &self.requests, needs))
    }

    async fn send(
        &self,
        job: impl FnOnce(Commit) -> Job,
        changes: ChangeSet,
    ) -> Result<(), CommitError> {
        let (answer, answered) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(closed)?;
        jobs.send(job(Commit { changes, answer })).map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| Err(CommitError::Unknown(closed().0)))
    }

    async fn ask(&self, question: Question) -> Result<Vec<Record>, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.requests.push(Request { question, answer });
        answered.await.unwrap_or_else(|_| Err(closed()))
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        if needs.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(records) = self.read_while_idle(needs) {
            return records;
        }
        self.ask(Question::Load(needs.to_vec())).await
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        self.send(Job::Together, changes).await
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        self.ask(Question::Find(question.clone())).await
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("readers", &self.readers.len()).finish_non_exhaustive()
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // Readers first: whoever closes a file last tidies up behind it, and only a writer can.
        self.requests.close();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        self.idle = None;
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn closed() -> StoreError {
    StoreError("a thread of the store has ended; open the store again".to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes the error by value")]
fn no_thread(error: std::io::Error) -> StoreError {
    StoreError(format!("a thread of the store cannot start: {error}"))
}
