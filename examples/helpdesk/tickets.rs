//! The help desk's own tables, in the same file as the directory's: tickets, and who has them.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use tenure::domain::{MembershipId, Scope};
use tenure::ports::{Batch, Moved, Survey, WorkCount, Workload, WorkloadError};

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS tickets (
        id       INTEGER PRIMARY KEY,
        subject  TEXT NOT NULL,
        status   TEXT NOT NULL CHECK (status IN ('open', 'closed')),
        author   TEXT NOT NULL,
        assignee TEXT
    );
    CREATE INDEX IF NOT EXISTS tickets_of_assignee ON tickets (assignee, status, id);
    -- What each batch of a handover did: asked again for the same one, the answer is the same.
    CREATE TABLE IF NOT EXISTS ticket_batches (
        handover  TEXT NOT NULL,
        number    INTEGER NOT NULL,
        moved     INTEGER NOT NULL,
        remaining INTEGER NOT NULL,
        PRIMARY KEY (handover, number)
    );
    CREATE TABLE IF NOT EXISTS desk_days (day INTEGER PRIMARY KEY);
";

/// The tickets, through a connection of their own.
///
/// A real help desk would not block its runtime's thread as this one does: it would ask its pool.
#[derive(Clone)]
pub(crate) struct Tickets(Arc<Mutex<Connection>>);

impl Tickets {
    /// Opens the file and makes the tables if they are not there.
    pub(crate) fn open(file: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch(TABLES)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives somebody tickets: they wrote them, and hold them.
    pub(crate) fn add(&self, to: MembershipId, open: u32, closed: u32) -> rusqlite::Result<()> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let sql = "INSERT INTO tickets (subject, status, author, assignee) VALUES (?1, ?2, ?3, ?3)";
        for (status, many) in [("open", open), ("closed", closed)] {
            for n in 1..=many {
                let subject = format!("The printer is on fire ({n})");
                transaction.execute(sql, params![subject, status, to.to_string()])?;
            }
        }
        transaction.commit()
    }

    /// How many tickets somebody, or nobody, holds: open and closed.
    pub(crate) fn held(&self, by: Option<MembershipId>) -> rusqlite::Result<(u32, u32)> {
        let sql = "SELECT count(*) FILTER (WHERE status = 'open'),
                          count(*) FILTER (WHERE status = 'closed')
                   FROM tickets WHERE assignee IS ?1";
        let by = by.map(|by| by.to_string());
        self.connection().query_row(sql, [by], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// How many tickets somebody wrote, whoever holds them now.
    pub(crate) fn written(&self, by: MembershipId) -> rusqlite::Result<u32> {
        let sql = "SELECT count(*) FROM tickets WHERE author = ?1";
        self.connection().query_row(sql, [by.to_string()], |row| row.get(0))
    }

    /// How many days this help desk has been through.
    pub(crate) fn days(&self) -> rusqlite::Result<u32> {
        self.connection().query_row("SELECT count(*) FROM desk_days", [], |row| row.get(0))
    }

    /// A day is over.
    pub(crate) fn end_day(&self) -> rusqlite::Result<usize> {
        let sql = "INSERT INTO desk_days SELECT coalesce(max(day), 0) + 1 FROM desk_days";
        self.connection().execute(sql, [])
    }

    /// One batch, once: the tickets move and the batch is recorded together, or neither.
    fn move_once(&self, batch: &Batch) -> rusqlite::Result<Moved> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let name = params![batch.handover.to_string(), batch.number];
        let sql = "SELECT moved, remaining FROM ticket_batches WHERE handover = ?1 AND number = ?2";
        let answer = |row: &rusqlite::Row<'_>| {
            Ok(Moved { items: row.get::<_, u32>(0)?.into(), remaining: row.get(1)? })
        };
        if let Some(moved) = transaction.query_row(sql, name, answer).optional()? {
            return Ok(moved);
        }
        let (from, to) = (batch.from.to_string(), batch.to.map(|to| to.to_string()));
        // Only the assignee changes: a closed ticket stays closed, and its author stays its author.
        let sql = "UPDATE tickets SET assignee = ?2 WHERE id IN (
                       SELECT id FROM tickets WHERE assignee = ?1 ORDER BY id LIMIT ?3)";
        let items = u32::try_from(transaction.execute(sql, params![from, to, batch.limit])?)
            .unwrap_or(u32::MAX);
        let sql = "SELECT EXISTS (SELECT 1 FROM tickets WHERE assignee = ?1)";
        let remaining: bool = transaction.query_row(sql, [from], |row| row.get(0))?;
        transaction.execute(
            "INSERT INTO ticket_batches (handover, number, moved, remaining)
             VALUES (?1, ?2, ?3, ?4)",
            params![batch.handover.to_string(), batch.number, items, remaining],
        )?;
        transaction.commit()?;
        Ok(Moved { items: items.into(), remaining })
    }
}

#[async_trait]
impl Workload for Tickets {
    async fn survey(&self, _: Scope, holder: MembershipId) -> Result<Survey, WorkloadError> {
        let (open, closed) = self.held(Some(holder)).map_err(unreachable)?;
        Ok(Survey {
            counts: vec![WorkCount {
                kind: "tickets".to_owned(),
                open: open.into(),
                closed: closed.into(),
            }],
        })
    }

    async fn move_batch(&self, batch: &Batch) -> Result<Moved, WorkloadError> {
        self.move_once(batch).map_err(unreachable)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes the error by value")]
fn unreachable(error: rusqlite::Error) -> WorkloadError {
    WorkloadError(error.to_string())
}
