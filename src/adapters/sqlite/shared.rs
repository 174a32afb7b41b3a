//! The host's own writes and a change-set in one transaction.

use std::any::Any;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::Connection;

use super::failure::Failure;
use super::writer::{Ended, Job, begin, end, run, undo};
use super::{SqliteStore, check, write};
use crate::domain::ChangeSet;
use crate::ports::{CommitError, HostError, StoreError, Transaction};

/// What the host writes.
pub(super) type Host =
    Box<dyn FnOnce(&Connection) -> Result<(), Box<dyn Error + Send + Sync>> + Send>;

/// A transaction of [`SqliteStore`] that the host has a part in: made by
/// [`SqliteStore::transaction`], begun and ended when it is written.
#[must_use = "nothing is written before it is given to `commit_in`"]
pub struct SqliteTransaction<'s> {
    store: &'s SqliteStore,
    host: Host,
}

impl SqliteStore {
    /// A transaction in which the host writes rows of its own, in tables of its own in the same
    /// file: give it to [`Prepared::commit_in`](crate::directory::Prepared::commit_in). It is
    /// committed whole when that returns, or nothing of it is written.
    ///
    /// What the host does is done on the thread that writes, after it is certain that nobody else
    /// was first, and in no transaction with anybody else's. So it should be short, and it must
    /// not wait for the directory or the store: nothing else is written meanwhile. It leaves the
    /// transaction open, writes no table whose name begins with `tenure_`, and leaves the
    /// connection's settings as they are. Any error that it returns rolls everything back and comes
    /// out as [`Error::Host`](crate::Error::Host), with the error itself in it; so does a panic,
    /// with its text.
    ///
    /// The connection is that of [`rusqlite`] as this crate has it.
    pub fn transaction<F>(&self, host: F) -> SqliteTransaction<'_>
    where
        F: FnOnce(&Connection) -> Result<(), Box<dyn Error + Send + Sync>> + Send + 'static,
    {
        SqliteTransaction { store: self, host: Box::new(host) }
    }
}

impl Transaction for SqliteTransaction<'_> {
    async fn write(self, changes: ChangeSet) -> Result<(), CommitError> {
        let Self { store, host } = self;
        store.send(|commit| Job::Shared(commit, host), changes).await
    }
}

impl std::fmt::Debug for SqliteTransaction<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteTransaction").finish_non_exhaustive()
    }
}

/// Where the host's part begins. When it is gone, so is the transaction that it was set in.
const BEGIN_OF_HOST: &str = "SAVEPOINT tenure_host";
const END_OF_HOST: &str = "RELEASE tenure_host";

/// Commits what the host writes and a change-set, or nothing.
pub(super) fn transact(
    connection: &Connection,
    changes: &ChangeSet,
    host: Host,
) -> Result<(), CommitError> {
    let failed = |failure: Failure| CommitError::Failed(failure.into());
    begin(connection).map_err(failed)?;
    let written = check_and_write(connection, changes, host);
    if written.is_err() {
        // Without COMMIT nothing is written, even if this fails too.
        let _ = undo(connection);
        return written;
    }
    match end(connection, vec![Ok(())]) {
        Ended::Committed(_) => Ok(()),
        Ended::Broken(failure) | Ended::Failed(failure) => Err(failed(failure)),
        Ended::Unknown(failure) => Err(CommitError::Unknown(StoreError::from(failure).0)),
    }
}

/// The writer holds the file's only write lock: what is checked stays so while the host writes.
fn check_and_write(
    connection: &Connection,
    changes: &ChangeSet,
    host: Host,
) -> Result<(), CommitError> {
    let failed = |failure: Failure| CommitError::Failed(failure.into());
    if let Some(refusal) = check::refusal(connection, changes).map_err(failed)? {
        return Err(refusal);
    }
    run(connection, BEGIN_OF_HOST).map_err(failed)?;
    let done = catch_unwind(AssertUnwindSafe(|| host(connection)));
    let done = done.map_err(|panic| HostError::new(format!("it panicked: {}", said(&*panic))))?;
    done.map_err(HostError::new)?;
    if connection.is_autocommit() || run(connection, END_OF_HOST).is_err() {
        let what = "it ended the transaction itself: what it had written may stand, and nothing of \
                    the directory's does";
        return Err(HostError::new(what).into());
    }
    write::all(connection, changes).map_err(failed)
}

/// The text of a panic.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}
