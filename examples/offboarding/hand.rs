//! The same moves as somebody would write them by hand: one `UPDATE` and one commit for each equal
//! batch, and nothing that would tell, resume or undo.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::Outcome;

/// Who gets how many rows of what.
pub(crate) struct Move {
    pub(crate) table: &'static str,
    pub(crate) holder: &'static str,
    pub(crate) inbox: Option<String>,
    pub(crate) to: String,
    pub(crate) rows: u64,
}

/// Moves everything of one person; says how many rows.
pub(crate) fn move_all(file: &Path, from: &str, moves: &[Move], batch: u64) -> Outcome<u64> {
    let connection = Connection::open(file)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.set_prepared_statement_cache_capacity(64);
    let organization: String =
        connection.query_row("SELECT organization FROM tickets", [], |row| row.get(0))?;
    let mut moved = 0;
    for Move { table, holder, inbox, to, rows } in moves {
        let inbox_of = if inbox.is_some() { "inbox = ?4 AND" } else { "?4 IS NULL AND" };
        let sql = format!(
            "UPDATE {table} SET {holder} = ?1 WHERE id IN (
                 SELECT id FROM {table}
                 WHERE organization = ?2 AND {holder} = ?3 AND {inbox_of} TRUE
                 ORDER BY id LIMIT ?5)"
        );
        let mut left = *rows;
        while left > 0 {
            let many = left.min(batch);
            // A statement of its own is a transaction of its own.
            let done = connection.prepare_cached(&sql)?.execute(params![
                to,
                organization,
                from,
                inbox,
                many
            ])?;
            moved += u64::try_from(done)?;
            left -= many;
        }
    }
    Ok(moved)
}
