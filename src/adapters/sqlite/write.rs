//! Writing a change-set that has been checked.

use rusqlite::{Connection, Params, params, params_from_iter};
use serde::Serialize;

use super::failure::Failure;
use super::listing;
use super::place::{Place, integer, stream};
use crate::domain::{
    ChangeSet, Entry, EntryDetail, Forget, HandoverStatus, Key, Organization, OrganizationStatus,
    Record, Stream,
};

pub(super) fn all(connection: &Connection, changes: &ChangeSet) -> Result<(), Failure> {
    for (claim, holder) in &changes.release {
        let sql = "DELETE FROM claim WHERE text = ?1 AND holder = ?2";
        execute(connection, sql, params![claim.text(), holder.as_bytes()])?;
    }
    for (claim, holder) in &changes.claim {
        let sql = "INSERT INTO claim (text, holder) VALUES (?1, ?2)";
        execute(connection, sql, params![claim.text(), holder.as_bytes()])?;
    }
    changes.put.iter().try_for_each(|record| put(connection, record))?;
    changes.delete.iter().try_for_each(|key| delete(connection, key))?;
    changes.append.iter().try_for_each(|(entry, detail)| append(connection, entry, detail))?;
    changes.forget.iter().try_for_each(|whose| forget(connection, *whose))
}

fn put(connection: &Connection, record: &Record) -> Result<(), Failure> {
    match record {
        Record::Organization(it) => execute(
            connection,
            "INSERT INTO organization (id, version, closes_at, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET version = ?2, closes_at = ?3, body = ?4",
            params![
                it.id.uuid().as_bytes(),
                integer(it.revision().get()),
                closes_at(it),
                body(it)?
            ],
        ),
        Record::Role(organization, it) => execute(
            connection,
            "INSERT INTO role (organization, name, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (organization, name) DO UPDATE SET body = ?3",
            params![organization.uuid().as_bytes(), it.name.as_str(), body(it)?],
        ),
        Record::Workspace(it) => execute(
            connection,
            "INSERT INTO workspace (id, organization, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET body = ?3",
            params![it.id.uuid().as_bytes(), it.organization.uuid().as_bytes(), body(it)?],
        ),
        Record::User(it) => execute(
            connection,
            "INSERT INTO user (id, version, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET version = ?2, body = ?3",
            params![it.id.uuid().as_bytes(), integer(it.version.get()), body(it)?],
        ),
        Record::Membership(it) => listing::put(connection, it),
        Record::Invitation(it) => execute(
            connection,
            "INSERT INTO invitation (id, organization, status, issuer, expires_at, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE
             SET status = ?3, issuer = ?4, expires_at = ?5, body = ?6",
            params![
                it.id.uuid().as_bytes(),
                it.organization.uuid().as_bytes(),
                it.status.as_str(),
                it.issuer.map(|issuer| issuer.uuid().into_bytes()),
                it.expires_at.micros(),
                body(it)?
            ],
        ),
        Record::Team(it) => execute(
            connection,
            "INSERT INTO team (id, organization, deleted, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET deleted = ?3, body = ?4",
            params![
                it.id.uuid().as_bytes(),
                it.organization.uuid().as_bytes(),
                it.deleted,
                body(it)?
            ],
        ),
        Record::SupportAccess(it) => execute(
            connection,
            "INSERT INTO support_access (id, organization, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET body = ?3",
            params![it.id.uuid().as_bytes(), it.organization.uuid().as_bytes(), body(it)?],
        ),
        Record::Handover(it) => execute(
            connection,
            "INSERT INTO handover (id, organization, version, due_at, body)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO UPDATE SET version = ?3, due_at = ?4, body = ?5",
            params![
                it.id.uuid().as_bytes(),
                it.organization.uuid().as_bytes(),
                integer(it.version.get()),
                (it.status == HandoverStatus::Running).then_some(it.due_at.micros()),
                body(it)?
            ],
        ),
        Record::Mail(it) => execute(
            connection,
            "INSERT INTO mail (id, version, due_at, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET version = ?2, due_at = ?3, body = ?4",
            params![
                it.id.uuid().as_bytes(),
                integer(it.version.get()),
                it.due_at.micros(),
                body(it)?
            ],
        ),
        Record::Activity(it) => execute(
            connection,
            "INSERT INTO activity (membership, version, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (membership) DO UPDATE SET version = ?2, body = ?3",
            params![it.membership.uuid().as_bytes(), integer(it.version.get()), body(it)?],
        ),
        Record::Block(it) => execute(
            connection,
            "INSERT INTO block (organization, digest, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (organization, digest) DO UPDATE SET body = ?3",
            params![it.organization.uuid().as_bytes(), it.digest.bytes(), body(it)?],
        ),
        Record::Receipt(it) => {
            let (kind, owner) = stream(it.key.stream);
            execute(
                connection,
                "INSERT INTO receipt (kind, owner, principal, name, body)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (kind, owner, principal, name) DO UPDATE SET body = ?5",
                params![
                    kind,
                    owner.as_bytes(),
                    it.key.principal.bytes(),
                    it.key.key.as_str(),
                    body(it)?
                ],
            )
        }
        Record::Entry(_) => Err(Failure::Senseless("an audit entry is appended, never put")),
    }
}

fn delete(connection: &Connection, key: &Key) -> Result<(), Failure> {
    match key {
        Key::Membership(id) => listing::delete(connection, *id),
        Key::Entry(..) => Err(Failure::Senseless("an audit entry is never deleted")),
        Key::Organization(_)
        | Key::Role(..)
        | Key::Workspace(_)
        | Key::User(_)
        | Key::Invitation(_)
        | Key::Team(_)
        | Key::SupportAccess(_)
        | Key::Handover(_)
        | Key::Mail(_)
        | Key::Activity(_)
        | Key::Block(..)
        | Key::Receipt(_) => {
            let place = Place::of(key);
            let sql = format!("DELETE FROM {} WHERE {}", place.table, place.by);
            execute(connection, &sql, params_from_iter(place.values))
        }
    }
}

fn append(connection: &Connection, entry: &Entry, detail: &EntryDetail) -> Result<(), Failure> {
    let (kind, owner) = stream(entry.stream);
    execute(
        connection,
        "INSERT INTO entry (kind, owner, position, body) VALUES (?1, ?2, ?3, ?4)",
        params![kind, owner.as_bytes(), integer(entry.position.get()), body(entry)?],
    )?;
    let feed = connection.last_insert_rowid();
    let sql = "INSERT INTO entry_detail (feed, body) VALUES (?1, ?2)";
    execute(connection, sql, params![feed, body(detail)?])?;
    if let Stream::Organization(organization) = entry.stream {
        for subject in &entry.subjects {
            execute(
                connection,
                "INSERT INTO entry_subject (organization, membership, feed) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO NOTHING",
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
            "DELETE FROM entry_detail WHERE feed IN
             (SELECT feed FROM entry_subject WHERE organization = ?1 AND membership = ?2)",
            params![organization.uuid().as_bytes(), membership.uuid().as_bytes()],
        ),
        Forget::User(user) => {
            let (kind, owner) = stream(Stream::User(user));
            execute(
                connection,
                "DELETE FROM entry_detail WHERE feed IN
                 (SELECT feed FROM entry WHERE kind = ?1 AND owner = ?2)",
                params![kind, owner.as_bytes()],
            )
        }
    }
}

const fn closes_at(organization: &Organization) -> Option<i64> {
    match organization.status {
        OrganizationStatus::Closing { until } => Some(until.micros()),
        OrganizationStatus::Active
        | OrganizationStatus::Suspended { .. }
        | OrganizationStatus::Closed { .. } => None,
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
