//! Writing a change-set that has been checked.

use rusqlite::{Connection, Params, params, params_from_iter};
use serde::Serialize;

use super::failure::Failure;
use super::place::{Place, integer, stream};
use super::{handover, listing, put};
use crate::domain::{ChangeSet, Entry, EntryDetail, Forget, Key, Stream};

pub(super) fn all(connection: &Connection, changes: &ChangeSet) -> Result<(), Failure> {
    for (claim, holder) in &changes.release {
        let sql = "DELETE FROM tenure_claim WHERE text = ?1 AND holder = ?2";
        execute(connection, sql, params![claim.text(), holder.as_bytes()])?;
    }
    for (claim, holder) in &changes.claim {
        let sql = "INSERT INTO tenure_claim (text, holder) VALUES (?1, ?2)";
        execute(connection, sql, params![claim.text(), holder.as_bytes()])?;
    }
    changes.put.iter().try_for_each(|record| put::record(connection, record))?;
    changes.delete.iter().try_for_each(|key| delete(connection, key))?;
    changes.append.iter().try_for_each(|(entry, detail)| append(connection, entry, detail))?;
    changes.forget.iter().try_for_each(|whose| forget(connection, *whose))
}

fn delete(connection: &Connection, key: &Key) -> Result<(), Failure> {
    match key {
        Key::Membership(id) => listing::delete(connection, *id),
        Key::Handover(id) => handover::delete(connection, *id),
        Key::Entry(..) => Err(Failure::Senseless("an audit entry is never deleted")),
        Key::Organization(_)
        | Key::Role(..)
        | Key::Workspace(_)
        | Key::User(_)
        | Key::Invitation(_)
        | Key::Team(_)
        | Key::SupportAccess(_)
        | Key::HandoverReceipt(..)
        | Key::Mail(_)
        | Key::Activity(_)
        | Key::Block(..)
        | Key::Receipt(_) => delete_row(connection, key),
    }
}

pub(super) fn delete_row(connection: &Connection, key: &Key) -> Result<(), Failure> {
    let place = Place::of(key);
    let sql = format!("DELETE FROM {} WHERE {}", place.table, place.by);
    execute(connection, &sql, params_from_iter(place.values))
}

fn append(connection: &Connection, entry: &Entry, detail: &EntryDetail) -> Result<(), Failure> {
    let (kind, owner) = stream(entry.stream);
    execute(
        connection,
        "INSERT INTO tenure_entry (kind, owner, position, body) VALUES (?1, ?2, ?3, ?4)",
        params![kind, owner.as_bytes(), integer(entry.position.get()), body(entry)?],
    )?;
    let feed = connection.last_insert_rowid();
    let sql = "INSERT INTO tenure_entry_detail (feed, body) VALUES (?1, ?2)";
    execute(connection, sql, params![feed, body(detail)?])?;
    if let Stream::Organization(organization) = entry.stream {
        for subject in &entry.subjects {
            execute(
                connection,
                "INSERT INTO tenure_entry_subject (organization, membership, feed)
                 VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                params![organization.uuid().as_bytes(), subject.uuid().as_bytes(), feed],
            )?;
        }
    }
    Ok(())
}

fn forget(connection: &Connection, whose: Forget) -> Result<(), Failure> {
    match whose {
        Forget::Membership(organization, membership) => execute(
            connection,
            "DELETE FROM tenure_entry_detail WHERE feed IN
             (SELECT feed FROM tenure_entry_subject WHERE organization = ?1 AND membership = ?2)",
            params![organization.uuid().as_bytes(), membership.uuid().as_bytes()],
        ),
        Forget::User(user) => {
            let (kind, owner) = stream(Stream::User(user));
            execute(
                connection,
                "DELETE FROM tenure_entry_detail WHERE feed IN
                 (SELECT feed FROM tenure_entry WHERE kind = ?1 AND owner = ?2)",
                params![kind, owner.as_bytes()],
            )
        }
    }
}

pub(super) fn body<T: Serialize>(record: &T) -> Result<String, Failure> {
    Ok(serde_json::to_string(record)?)
}

pub(super) fn execute(
    connection: &Connection,
    sql: &str,
    values: impl Params,
) -> Result<(), Failure> {
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(())
}
