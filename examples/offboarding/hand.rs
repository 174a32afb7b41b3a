//! The same updates as somebody would write them by hand: one `UPDATE` and one commit for each equal
//! batch, and nothing that would tell, resume or undo.

use std::fmt::Write as _;
use std::path::Path;

use rusqlite::{Connection, params};
use tenure::directory::WorkPreview;
use tenure::domain::MembershipId;

use crate::Outcome;

/// Who gets how many rows of what.
pub(crate) struct Move {
    table: String,
    to: String,
    rows: i64,
}

impl Move {
    /// Writes down what a preview says of somebody's work.
    pub(crate) fn write(file: &Path, from: MembershipId, work: &[WorkPreview]) -> Outcome {
        let mut said = format!("{from}\n");
        for it in work.iter().flat_map(|work| &work.moves) {
            let to = it.to.ok_or("everything goes to somebody here")?;
            writeln!(said, "{} {to} {}", it.kind, it.items)?;
        }
        Ok(std::fs::write(file, said)?)
    }

    /// Reads it again.
    pub(crate) fn read(file: &Path) -> Outcome<(String, Vec<Self>)> {
        let said = std::fs::read_to_string(file)?;
        let mut lines = said.lines();
        let from = lines.next().ok_or("it says whose work it is")?.to_owned();
        let mut moves = Vec::new();
        for line in lines {
            let mut words = line.split(' ').map(str::to_owned);
            let (table, to, rows) = (words.next(), words.next(), words.next());
            let (table, to) = table.zip(to).ok_or("it says what goes to whom")?;
            moves.push(Self { table, to, rows: rows.ok_or("it says how much")?.parse()? });
        }
        Ok((from, moves))
    }
}

/// Moves everything of one person; says how many rows.
pub(crate) fn move_all(file: &Path, from: &str, moves: &[Move], batch: i64) -> Outcome<u64> {
    let connection = Connection::open(file)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    let organization: String =
        connection.query_row("SELECT organization FROM tickets", [], |row| row.get(0))?;
    let mut moved = 0;
    for Move { table, to, rows } in moves {
        let holder = match table.as_str() {
            "tickets" => "assignee",
            "replies" => "author",
            _ => "maker",
        };
        let sql = format!(
            "UPDATE {table} SET {holder} = ?1, moved_by = 16777217 WHERE id IN (
                 SELECT id FROM {table} WHERE organization = ?2 AND {holder} = ?3 LIMIT ?4)"
        );
        let mut left = *rows;
        while left > 0 {
            let many = left.min(batch);
            // A statement of its own is a transaction of its own.
            let mut update = connection.prepare_cached(&sql)?;
            moved += u64::try_from(update.execute(params![to, organization, from, many])?)?;
            left -= many;
        }
    }
    Ok(moved)
}
