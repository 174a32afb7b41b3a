//! Opening a file, and bringing its tables up to date.

use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::failure::Failure;
use super::options::{Durability, Journal, SqliteOptions};

/// What brings a file from one version of the tables to the next; `user_version` counts them.
///
/// A released one is never changed.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/0001_records.sql")];

/// Marks the file as ours: "tnre".
const APPLICATION: i64 = 0x746e_7265;

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
    for migration in MIGRATIONS.iter().skip(from) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    let to = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    transaction.pragma_update(None, "user_version", to)?;
    transaction.commit()?;
    Ok(())
}

/// How many migrations a file has had, if it is ours and not from the future.
fn version(connection: &Connection) -> Result<usize, Failure> {
    let (application, version, tables) = connection.query_row(
        "SELECT (SELECT application_id FROM pragma_application_id),
                (SELECT user_version FROM pragma_user_version),
                (SELECT count(*) FROM sqlite_schema)",
        [],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)),
    )?;
    if application != APPLICATION && (version != 0 || tables != 0) {
        return Err(Failure::Senseless("the file belongs to another application; give a new one"));
    }
    match usize::try_from(version) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        Ok(_) | Err(_) => {
            Err(Failure::Senseless("the file was written by a newer version of this crate"))
        }
    }
}
