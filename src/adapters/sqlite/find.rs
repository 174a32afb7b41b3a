//! The closed set of questions. Each page is a range of one index: behind a position, in order.

use rusqlite::{Row, params};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::failure::Failure;
use super::load::{body, logged, membership};
use super::people;
use super::place::{integer, stream};
use super::reader::View;
use crate::domain::{
    HandoverId, InvitationId, MembershipId, OrganizationId, Record, Revision, Stream,
    SupportAccessId, TeamId, Timestamp, WorkspaceId,
};
use crate::ports::Find;

pub(super) fn find(view: &View<'_>, question: &Find) -> Result<Vec<Record>, Failure> {
    match question {
        Find::People { scope, filter, after, limit } => {
            people::page(view, *scope, filter, after.as_ref(), *limit)
        }
        Find::MembershipsOf { user, after, limit } => view.rows(
            "SELECT body FROM tenure_membership INDEXED BY tenure_membership_of_user
             WHERE user = ?1 AND status <> 'removed' AND id > ?2 ORDER BY id LIMIT ?3",
            params![user.uuid().as_bytes(), behind(after.map(MembershipId::uuid)), limit],
            membership,
        ),
        Find::Invitations { organization, status, after, limit } => view.rows(
            "SELECT body FROM tenure_invitation INDEXED BY tenure_invitation_by_status
             WHERE organization = ?1 AND status = ?2 AND id > ?3 ORDER BY id LIMIT ?4",
            params![
                organization.uuid().as_bytes(),
                status.as_str(),
                behind(after.map(InvitationId::uuid)),
                limit
            ],
            of(Record::Invitation),
        ),
        Find::Teams { organization, after, limit } => owned(
            view,
            "SELECT body FROM tenure_team INDEXED BY tenure_team_of_organization
             WHERE organization = ?1 AND deleted = 0 AND id > ?2 ORDER BY id LIMIT ?3",
            (*organization, after.map(TeamId::uuid), *limit),
            Record::Team,
        ),
        Find::Workspaces { organization, after, limit } => owned(
            view,
            "SELECT body FROM tenure_workspace INDEXED BY tenure_workspace_of_organization
             WHERE organization = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            (*organization, after.map(WorkspaceId::uuid), *limit),
            Record::Workspace,
        ),
        Find::SupportAccesses { organization, after, limit } => owned(
            view,
            "SELECT body FROM tenure_support_access
             INDEXED BY tenure_support_access_of_organization WHERE organization = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            (*organization, after.map(SupportAccessId::uuid), *limit),
            Record::SupportAccess,
        ),
        Find::Handovers { organization, after, limit } => owned(
            view,
            "SELECT body FROM tenure_handover INDEXED BY tenure_handover_of_organization
             WHERE organization = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            (*organization, after.map(HandoverId::uuid), *limit),
            Record::Handover,
        ),
        Find::HandoverReceipts { handover, after, limit } => view.rows(
            "SELECT body FROM tenure_handover_receipt
             WHERE handover = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
            params![handover.uuid().as_bytes(), after.map_or(-1, i64::from), limit],
            of(Record::HandoverReceipt),
        ),
        Find::Entries { stream, after, limit } => entries(view, *stream, *after, *limit),
        Find::Feed { after, limit } => view.rows(
            "SELECT e.feed, e.body, d.body
             FROM tenure_entry e INDEXED BY tenure_entry_of_organizations
             LEFT JOIN tenure_entry_detail d ON d.feed = e.feed
             WHERE e.kind = 0 AND e.feed > ?1 ORDER BY e.feed LIMIT ?2",
            params![integer(after.0), limit],
            logged,
        ),
        Find::DueMail { now, limit } => due(
            view,
            "SELECT body FROM tenure_mail INDEXED BY tenure_mail_due
             WHERE due_at <= ?1 ORDER BY due_at, id LIMIT ?2",
            (*now, *limit),
            Record::Mail,
        ),
        Find::DueHandovers { now, limit } => due(
            view,
            "SELECT body FROM tenure_handover INDEXED BY tenure_handover_due
             WHERE due_at <= ?1 ORDER BY due_at, id LIMIT ?2",
            (*now, *limit),
            Record::Handover,
        ),
        Find::ExpiredInvitations { now, limit } => due(
            view,
            "SELECT body FROM tenure_invitation INDEXED BY tenure_invitation_expired
             WHERE status = 'open' AND expires_at <= ?1 ORDER BY expires_at, id LIMIT ?2",
            (*now, *limit),
            Record::Invitation,
        ),
        Find::DueClosings { now, limit } => due(
            view,
            "SELECT body FROM tenure_organization INDEXED BY tenure_organization_closing
             WHERE closes_at <= ?1 ORDER BY closes_at, id LIMIT ?2",
            (*now, *limit),
            Record::Organization,
        ),
    }
}

fn entries(
    view: &View<'_>,
    of: Stream,
    after: Revision,
    limit: u32,
) -> Result<Vec<Record>, Failure> {
    let (kind, owner) = stream(of);
    view.rows(
        "SELECT e.feed, e.body, d.body
         FROM tenure_entry e LEFT JOIN tenure_entry_detail d ON d.feed = e.feed
         WHERE e.kind = ?1 AND e.owner = ?2 AND e.position > ?3
         ORDER BY e.position LIMIT ?4",
        params![kind, owner.as_bytes(), integer(after.get()), limit],
        logged,
    )
}

/// What an organization owns, by id.
fn owned<T: DeserializeOwned>(
    view: &View<'_>,
    sql: &str,
    (organization, after, limit): (OrganizationId, Option<Uuid>, u32),
    make: fn(T) -> Record,
) -> Result<Vec<Record>, Failure> {
    let organization = organization.uuid();
    view.rows(sql, params![organization.as_bytes(), behind(after), limit], of(make))
}

/// What is due, first things first.
fn due<T: DeserializeOwned>(
    view: &View<'_>,
    sql: &str,
    (now, limit): (Timestamp, u32),
    make: fn(T) -> Record,
) -> Result<Vec<Record>, Failure> {
    view.rows(sql, params![now.micros(), limit], of(make))
}

fn of<T: DeserializeOwned>(make: fn(T) -> Record) -> impl Fn(&Row<'_>) -> Result<Record, Failure> {
    move |row| body(row, 0).map(make)
}

/// The bytes that come before those of every identity behind this one; none are before all.
fn behind(after: Option<Uuid>) -> Vec<u8> {
    after.map_or_else(Vec::new, |id| id.as_bytes().to_vec())
}
