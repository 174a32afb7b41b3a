//! Handovers, and whom they concern. A handover is written once for each of its batches, and nearly
//! always concerns the same people as before: then only its own row is written.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::failure::Failure;
use super::place::integer;
use super::write::{body, delete_row, execute};
use crate::domain::{Handover, HandoverId, Key, MembershipId, Timestamp};

pub(super) fn put(connection: &Connection, it: &Handover) -> Result<(), Failure> {
    execute(
        connection,
        "INSERT INTO tenure_handover (id, organization, version, due_at, body)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO UPDATE
             SET organization = ?2, version = ?3, due_at = ?4, body = ?5",
        params![
            it.id.uuid().as_bytes(),
            it.organization.uuid().as_bytes(),
            integer(it.version.get()),
            it.waits_until().map(Timestamp::micros),
            body(it)?
        ],
    )?;
    concern(connection, it.id, &it.concerns())
}

pub(super) fn delete(connection: &Connection, id: HandoverId) -> Result<(), Failure> {
    concern(connection, id, &BTreeSet::new())?;
    delete_row(connection, &Key::Handover(id))
}

/// Writes whom a handover concerns now, where that is not what stands.
fn concern(
    connection: &Connection,
    id: HandoverId,
    now: &BTreeSet<MembershipId>,
) -> Result<(), Failure> {
    let before = concerned(connection, id)?;
    for member in before.difference(now) {
        execute(
            connection,
            "DELETE FROM tenure_handover_person WHERE membership = ?1 AND handover = ?2",
            params![member.uuid().as_bytes(), id.uuid().as_bytes()],
        )?;
    }
    for member in now.difference(&before) {
        execute(
            connection,
            "INSERT INTO tenure_handover_person (membership, handover) VALUES (?1, ?2)",
            params![member.uuid().as_bytes(), id.uuid().as_bytes()],
        )?;
    }
    Ok(())
}

/// Whom it concerns as it stands.
fn concerned(connection: &Connection, id: HandoverId) -> Result<BTreeSet<MembershipId>, Failure> {
    let mut found = connection.prepare_cached(
        "SELECT membership FROM tenure_handover_person
         INDEXED BY tenure_handover_person_of_handover WHERE handover = ?1",
    )?;
    let members = found.query_map([id.uuid().as_bytes()], |row| row.get(0))?;
    let members = members.map(|it| it.map(|it| MembershipId::new(Uuid::from_bytes(it))));
    Ok(members.collect::<rusqlite::Result<_>>()?)
}
