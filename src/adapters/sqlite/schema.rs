//! Opening a file, and bringing its tables up to date.

use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::failure::Failure;
use super::options::{Durability, Journal, SqliteOptions};

/// What brings a file from one version of the tables to the next; `tenure_schema` counts them.
///
/// A released one is never changed.
const MIGRATIONS: [&str; 2] =
    [include_str!("migrations/0001_records.sql"), include_str!("migrations/0002_handovers.sql")];

/// One row: how many migrations the file has had. `user_version` and `application_id` belong to the
/// host, who may keep tables of its own in the file.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS tenure_schema (
        only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
        version INTEGER NOT NULL
    ) STRICT";

/// More statements than there are, so that each is compiled once in a connection's life.
const STATEMENTS: usize = 128;

/// Pages in the write-ahead log before they move into the file, which waits for the disk twice:
/// rarely, and yet as many as one block of the log's index holds.
const CHECKPOINT: i64 = 4_000;

/// The connection that writes.
pub(super) fn open_writer(options: &SqliteOptions) -> Result<Connection, Failure> {
    let mut connection = open(options)?;
    use_journal(&connection, options)?;
    let synchronous = match options.durability {
        Durability::Full => "FULL",
        Durability::Process => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // What is erased is overwritten rather than left in free space.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "cache_size", -32_768)?; // KiB
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// A connection that reads.
///
/// It is opened for writing and told not to, so that it can clean up after a process that died
/// in the middle of a commit.
pub(super) fn open_reader(options: &SqliteOptions) -> Result<Connection, Failure> {
    let connection = open(options)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -8_192)?; // KiB
    Ok(connection)
}

fn open(options: &SqliteOptions) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags)?;
    connection.busy_timeout(options.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Changes the journal mode if need be. `SQLite` does not wait for others here, so we do.
fn use_journal(connection: &Connection, options: &SqliteOptions) -> Result<(), Failure> {
    let mode = match options.journal {
        Journal::Wal => "wal",
        Journal::Delete => "delete",
    };
    let started = Instant::now();
    loop {
        let set = connection
            .pragma_update_and_check(None, "journal_mode", mode, |row| row.get::<_, String>(0));
        match set {
            Ok(now) if now == mode => return Ok(()),
            Ok(_) => return Err(Failure::Senseless("the file does not take this journal mode")),
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && started.elapsed() < options.busy_timeout =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Runs what is missing. Of several processes that open a file at once, one does it.
fn migrate(connection: &mut Connection) -> Result<(), Failure> {
    if version(connection)? == MIGRATIONS.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = version(&transaction)?;
    transaction.execute(SCHEMA, [])?;
    for migration in MIGRATIONS.iter().skip(from) {
        transaction.execute_batch(migration)?;
    }
    let to = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    transaction.execute("REPLACE INTO tenure_schema (only, version) VALUES (1, ?1)", [to])?;
    transaction.commit()?;
    Ok(())
}

/// How many migrations a file has had, unless it is from the future.
fn version(connection: &Connection) -> Result<usize, Failure> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'tenure_schema'";
    if connection.query_row(sql, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(0);
    }
    let sql = "SELECT version FROM tenure_schema";
    let version: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    match usize::try_from(version) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        Ok(_) | Err(_) => {
            Err(Failure::Senseless("the file was written by a newer version of this crate"))
        }
    }
}
