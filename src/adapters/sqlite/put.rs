//! The row of each kind of record, written whether it is new or not.

use rusqlite::{Connection, params};

use super::failure::Failure;
use super::place::{integer, stream};
use super::write::{body, execute};
use super::{handover, listing};
use crate::domain::{
    Activity, Block, HandoverReceipt, Invitation, Mail, Organization, OrganizationId,
    OrganizationStatus, Receipt, Record, Role, SupportAccess, Team, User, Workspace,
};

pub(super) fn record(connection: &Connection, record: &Record) -> Result<(), Failure> {
    match record {
        Record::Organization(it) => organization(connection, it),
        Record::Role(organization, it) => role(connection, *organization, it),
        Record::Workspace(it) => workspace(connection, it),
        Record::User(it) => user(connection, it),
        Record::Membership(it) => listing::put(connection, it),
        Record::Invitation(it) => invitation(connection, it),
        Record::Team(it) => team(connection, it),
        Record::SupportAccess(it) => support_access(connection, it),
        Record::Handover(it) => handover::put(connection, it),
        Record::HandoverReceipt(it) => handover_receipt(connection, it),
        Record::Mail(it) => mail(connection, it),
        Record::Activity(it) => activity(connection, it),
        Record::Block(it) => block(connection, it),
        Record::Receipt(it) => receipt(connection, it),
        Record::Entry(_) => Err(Failure::Senseless("an audit entry is appended, never put")),
    }
}

fn organization(connection: &Connection, it: &Organization) -> Result<(), Failure> {
    execute(
        connection,
        "INSERT INTO tenure_organization (id, version, closes_at, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET version = ?2, closes_at = ?3, body = ?4",
        params![it.id.uuid().as_bytes(), integer(it.revision().get()), closes_at(it), body(it)?],
    )
}

fn role(connection: &Connection, organization: OrganizationId, it: &Role) -> Result<(), Failure> {
    execute(
        connection,
        "INSERT INTO tenure_role (organization, name, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (organization, name) DO UPDATE SET body = ?3",
        params![organization.uuid().as_bytes(), it.name.as_str(), body(it)?],
    )
}

fn workspace(connection: &Connection, it: &Workspace) -> Result<(), Failure> {
    execute(
        connection,
        "INSERT INTO tenure_workspace (id, organization, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET organization = ?2, body = ?3",
        params![it.id.uuid().as_bytes(), it.organization.uuid().as_bytes(), body(it)?],
    )
}

fn user(connection: &Connection, it: &User) -> Result<(), Failure> {
    execute(
        connection,
        "INSERT INTO tenure_user (id, version, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET version = ?2, body = ?3",
        params![it.id.uuid().as_bytes(), integer(it.version.get()), body(it)?],
    )
}

fn invitation(connection: &Connection, it: &Invitation) -> Result<(), Failure> {
    execute(
        connection,
        "INSERT INTO tenure_invitation
                 (id, organization, status, issuer, created_at, expires_at, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (id) DO UPDATE
             SET organization = ?2, status = ?3, issuer = ?4, created_at = ?5, expires_at = ?6,
                 body = ?7",
        params![
            it.id.uuid().as_bytes(),
            it.organization.uuid().as_bytes(),
            it.status.as_str(),
            it.issuer.map(|issuer| issuer.uuid().into_bytes()),
            it.created_at.micros(),
            it.expires_at.micros(),
            body(it)?
        ],
    )
}

fn team(connection: &Connection, it: &Team) -> Result<(), Failure> {
    execute(
        connection,
        "INSERT INTO tenure_team (id, organization, deleted, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET organization = ?2, deleted = ?3, body = ?4",
        params![it.id.uuid().as_bytes(), it.organization.uuid().as_bytes(), it.deleted, body(it)?],
    )
}

fn support_access(connection: &Connection, it: &SupportAccess) -> Result<(), Failure> {
    execute(
        connection,
        "INSERT INTO tenure_support_access (id, organization, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET organization = ?2, body = ?3",
        params![it.id.uuid().as_bytes(), it.organization.uuid().as_bytes(), body(it)?],
    )
}

fn handover_receipt(connection: &Connection, it: &HandoverReceipt) -> Result<(), Failure> {
    execute(
        connection,
        "INSERT INTO tenure_handover_receipt (handover, number, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (handover, number) DO UPDATE SET body = ?3",
        params![it.batch.handover.uuid().as_bytes(), it.batch.number, body(it)?],
    )
}

fn mail(connection: &Connection, it: &Mail) -> Result<(), Failure> {
    execute(
        connection,
        "INSERT INTO tenure_mail (id, version, due_at, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET version = ?2, due_at = ?3, body = ?4",
        params![it.id.uuid().as_bytes(), integer(it.version.get()), it.due_at.micros(), body(it)?],
    )
}

fn activity(connection: &Connection, it: &Activity) -> Result<(), Failure> {
    execute(
        connection,
        "INSERT INTO tenure_activity (membership, version, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (membership) DO UPDATE SET version = ?2, body = ?3",
        params![it.membership.uuid().as_bytes(), integer(it.version.get()), body(it)?],
    )
}

fn block(connection: &Connection, it: &Block) -> Result<(), Failure> {
    execute(
        connection,
        "INSERT INTO tenure_block (organization, digest, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (organization, digest) DO UPDATE SET body = ?3",
        params![it.organization.uuid().as_bytes(), it.digest.bytes(), body(it)?],
    )
}

fn receipt(connection: &Connection, it: &Receipt) -> Result<(), Failure> {
    let (kind, owner) = stream(it.key.stream);
    execute(
        connection,
        "INSERT INTO tenure_receipt (kind, owner, principal, name, body)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (kind, owner, principal, name) DO UPDATE SET body = ?5",
        params![kind, owner.as_bytes(), it.key.principal.bytes(), it.key.key.as_str(), body(it)?],
    )
}

const fn closes_at(organization: &Organization) -> Option<i64> {
    match organization.status {
        OrganizationStatus::Closing { until } => Some(until.micros()),
        OrganizationStatus::Active
        | OrganizationStatus::Suspended { .. }
        | OrganizationStatus::Closed { .. } => None,
    }
}
