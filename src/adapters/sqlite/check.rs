//! Whether a change-set may be written: every reason for a conflict is looked for beforehand.
//!
//! The writer holds the file's only write lock, so what is found stays so until it commits.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Params, params, params_from_iter};
use uuid::Uuid;

use super::failure::Failure;
use super::place::{Place, integer};
use crate::domain::{ChangeSet, Claim, Entry, Guard, Revision};
use crate::ports::CommitError;

/// Why it may not be written.
pub(super) fn refusal(
    connection: &Connection,
    changes: &ChangeSet,
) -> Result<Option<CommitError>, Failure> {
    for guard in &changes.guards {
        if !holds(connection, guard)? {
            return Ok(Some(CommitError::Conflict(Some(guard.clone()))));
        }
    }
    let released: HashSet<_> = changes.release.iter().collect();
    let mut made = HashSet::new();
    for (claim, _) in &changes.claim {
        if !made.insert(claim) || !is_free(connection, &released, claim)? {
            return Ok(Some(CommitError::Claimed(claim.clone())));
        }
    }
    let mut new = HashSet::new();
    for (entry, _) in &changes.append {
        if !new.insert((entry.stream, entry.position)) || stands(connection, entry)? {
            return Ok(Some(CommitError::Conflict(None)));
        }
    }
    Ok(None)
}

fn holds(connection: &Connection, guard: &Guard) -> Result<bool, Failure> {
    let place = Place::of(&guard.key);
    let sql = format!("SELECT {} FROM {} WHERE {}", place.version, place.table, place.by);
    let found: Option<i64> = first(connection, &sql, params_from_iter(place.values))?;
    Ok(match found {
        None => guard.version == Revision::NONE,
        Some(version) => guard.version != Revision::NONE && version == integer(guard.version.get()),
    })
}

/// Whether nobody holds a claim once the change-set's own releases are done.
fn is_free(
    connection: &Connection,
    released: &HashSet<&(Claim, Uuid)>,
    claim: &Claim,
) -> Result<bool, Failure> {
    let sql = "SELECT holder FROM tenure_claim WHERE text = ?1";
    let held: Option<[u8; 16]> = first(connection, sql, [claim.text()])?;
    Ok(held.is_none_or(|holder| released.contains(&(claim.clone(), Uuid::from_bytes(holder)))))
}

fn stands(connection: &Connection, entry: &Entry) -> Result<bool, Failure> {
    let (kind, owner) = super::place::stream(entry.stream);
    let sql = "SELECT 1 FROM tenure_entry WHERE kind = ?1 AND owner = ?2 AND position = ?3";
    let values = params![kind, owner.as_bytes(), integer(entry.position.get())];
    Ok(first::<i64>(connection, sql, values)?.is_some())
}

fn first<T: rusqlite::types::FromSql>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
) -> Result<Option<T>, Failure> {
    Ok(connection.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?)
}
