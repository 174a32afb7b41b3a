use std::path::{Path, PathBuf};
use std::time::Duration;

use super::SqliteStore;
use crate::ports::StoreError;

/// How a [`SqliteStore`] is opened.
///
/// ```no_run
/// use tenure::adapters::sqlite::{Durability, SqliteOptions};
///
/// let store = SqliteOptions::new("people.db").durability(Durability::Process).open()?;
/// # Ok::<(), tenure::ports::StoreError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    pub(super) path: PathBuf,
    pub(super) durability: Durability,
    pub(super) journal: Journal,
    pub(super) readers: usize,
    pub(super) busy_timeout: Duration,
}

/// What a commit survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// The end of the process and the loss of power: every commit waits for the disk.
    Full,
    /// The end of the process. The last commits may be missing after a loss of power.
    Process,
}

/// How `SQLite` keeps commits whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Journal {
    /// A write-ahead log: readers and the writer do not wait for each other. It needs a local disk.
    Wal,
    /// A rollback journal: readers and the writer wait for each other; one file between commits.
    Delete,
}

impl SqliteOptions {
    /// Full durability, a write-ahead log, two readers, and five seconds of patience.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            durability: Durability::Full,
            journal: Journal::Wal,
            readers: 2,
            busy_timeout: Duration::from_secs(5),
        }
    }

    /// What a commit survives.
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How `SQLite` keeps commits whole. All who open the file at the same time should agree.
    #[must_use]
    pub const fn journal(mut self, journal: Journal) -> Self {
        self.journal = journal;
        self
    }

    /// How many threads read; at least one does.
    #[must_use]
    pub const fn readers(mut self, readers: usize) -> Self {
        self.readers = readers;
        self
    }

    /// How long to wait for another process that is writing before a call fails.
    #[must_use]
    pub const fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Opens the file, makes it or brings its tables up to date, and starts the threads.
    pub fn open(self) -> Result<SqliteStore, StoreError> {
        SqliteStore::start(&self)
    }
}
