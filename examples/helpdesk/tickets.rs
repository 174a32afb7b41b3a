//! The help desk's own tables, in the same file as the directory's: tickets, and who has them.

use std::path::Path;

use rusqlite::params;
use tenure::domain::{MembershipId, OrganizationId};

use crate::work::Work;

/// The tickets, through a connection of their own. How they change hands is said in `work`.
#[derive(Clone)]
pub(crate) struct Tickets(Work);

impl Tickets {
    /// Opens the file and makes the tables if they are not there.
    pub(crate) fn open(file: &Path) -> rusqlite::Result<Self> {
        let work = Work::open(file)?;
        let days = "CREATE TABLE IF NOT EXISTS desk_days (day INTEGER PRIMARY KEY)";
        work.connection().execute_batch(days)?;
        Ok(Self(work))
    }

    /// The work that changes hands.
    pub(crate) fn work(&self) -> Work {
        self.0.clone()
    }

    /// Gives somebody tickets: they took them in, and hold them.
    pub(crate) fn add(
        &self,
        organization: OrganizationId,
        to: MembershipId,
        open: u32,
        closed: u32,
    ) -> rusqlite::Result<()> {
        let (organization, to) = (organization.to_string(), to.to_string());
        let mut connection = self.0.connection();
        let transaction = connection.transaction()?;
        let sql = "INSERT INTO tickets (organization, subject, status, author, assignee)
                   VALUES (?1, ?2, ?3, ?4, ?4)";
        for (status, many) in [("open", open), ("closed", closed)] {
            for n in 1..=many {
                let subject = format!("The printer is on fire ({n})");
                transaction.execute(sql, params![organization, subject, status, to])?;
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
        self.0.connection().query_row(sql, [by], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// How many tickets somebody took in, whoever holds them now.
    pub(crate) fn written(&self, by: MembershipId) -> rusqlite::Result<u32> {
        let sql = "SELECT count(*) FROM tickets WHERE author = ?1";
        self.0.connection().query_row(sql, [by.to_string()], |row| row.get(0))
    }

    /// How many days this help desk has been through.
    pub(crate) fn days(&self) -> rusqlite::Result<u32> {
        self.0.connection().query_row("SELECT count(*) FROM desk_days", [], |row| row.get(0))
    }

    /// A day is over.
    pub(crate) fn end_day(&self) -> rusqlite::Result<usize> {
        let sql = "INSERT INTO desk_days SELECT coalesce(max(day), 0) + 1 FROM desk_days";
        self.0.connection().execute(sql, [])
    }
}
