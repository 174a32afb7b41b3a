//! The closed set of questions. Each page is a range of one index: behind a position, in order.

use std::sync::Arc;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments as _, AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::failure::Failure;
use super::people;
use super::row::instant;
use crate::domain::{
    HandoverId, InvitationId, MembershipId, OrganizationId, Stream, SupportAccessId, TeamId,
    Timestamp, WorkspaceId,
};
use crate::ports::Find;

/// A statement with its values.
#[derive(Clone)]
pub(super) struct Statement {
    pub(super) sql: Arc<str>,
    pub(super) values: PgArguments,
}

impl Statement {
    pub(super) fn new(sql: impl Into<Arc<str>>) -> Self {
        Self { sql: sql.into(), values: PgArguments::default() }
    }

    pub(super) fn with<T>(mut self, value: T) -> Result<Self, Failure>
    where
        T: for<'q> sqlx::Encode<'q, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        self.values.add(value).map_err(sqlx::Error::Encode)?;
        Ok(self)
    }

    /// The rows that answer it.
    pub(super) async fn ask(self, connection: &mut PgConnection) -> Result<Vec<PgRow>, Failure> {
        let query = sqlx::query_with(AssertSqlSafe(self.sql), self.values);
        Ok(query.fetch_all(connection).await?)
    }
}

/// A page of rows of a table.
macro_rules! page {
    ($table:literal, $rest:literal) => {
        concat!(
            "SELECT '",
            $table,
            "' AS kind, row_to_json(t)::text AS row, NULL::text AS beside FROM {schema}.",
            $table,
            " t WHERE ",
            $rest
        )
    };
}

/// The statement of a question; its rows are (kind, row, beside).
pub(super) fn statement(question: &Find) -> Result<Statement, Failure> {
    match question {
        Find::People { scope, filter, after, limit } => {
            people::page(*scope, filter, after.as_ref(), *limit)
        }
        Find::MembershipsOf { user, after, limit } => Statement::new(page!(
            "memberships",
            "t.user_id = $1 AND t.status <> 'removed' AND t.id > $2 ORDER BY t.id LIMIT $3"
        ))
        .with(user.uuid())?
        .with(behind(after.map(MembershipId::uuid)))?
        .with(i64::from(*limit)),
        Find::Invitations { organization, status, after, limit } => Statement::new(page!(
            "invitations",
            "t.organization_id = $1 AND t.status = $2 AND t.id > $3 ORDER BY t.id LIMIT $4"
        ))
        .with(organization.uuid())?
        .with(status.as_str())?
        .with(behind(after.map(InvitationId::uuid)))?
        .with(i64::from(*limit)),
        Find::Teams { organization, after, limit } => owned(
            page!(
                "teams",
                "t.organization_id = $1 AND NOT t.deleted AND t.id > $2 ORDER BY t.id LIMIT $3"
            ),
            (*organization, after.map(TeamId::uuid), *limit),
        ),
        Find::Workspaces { organization, after, limit } => owned(
            page!("workspaces", "t.organization_id = $1 AND t.id > $2 ORDER BY t.id LIMIT $3"),
            (*organization, after.map(WorkspaceId::uuid), *limit),
        ),
        Find::SupportAccesses { organization, after, limit } => owned(
            page!(
                "support_accesses",
                "t.organization_id = $1 AND t.id > $2 ORDER BY t.id LIMIT $3"
            ),
            (*organization, after.map(SupportAccessId::uuid), *limit),
        ),
        Find::Handovers { organization, after, limit } => owned(
            page!("handovers", "t.organization_id = $1 AND t.id > $2 ORDER BY t.id LIMIT $3"),
            (*organization, after.map(HandoverId::uuid), *limit),
        ),
        Find::HandoverReceipts { handover, after, limit } => Statement::new(page!(
            "handover_receipts",
            "t.handover_id = $1 AND t.number > $2 ORDER BY t.number LIMIT $3"
        ))
        .with(handover.uuid())?
        .with(after.map_or(-1, i64::from))?
        .with(i64::from(*limit)),
        Find::Entries { stream, after, limit } => {
            let (of, owner) = match stream {
                Stream::Organization(id) => ("organization", id.uuid()),
                Stream::User(id) => ("user", id.uuid()),
            };
            let page = format!("e.{of}_id = $1 AND e.position > $2 ORDER BY e.position LIMIT $3");
            Statement::new(entries(of, &page))
                .with(owner)?
                .with(integer(after.get()))?
                .with(i64::from(*limit))
        }
        Find::Feed { after, limit } => {
            let page = "e.feed > $1 ORDER BY e.feed LIMIT $2";
            Statement::new(entries("organization", page))
                .with(integer(after.0))?
                .with(i64::from(*limit))
        }
        Find::DueMail { now, limit } => due(
            page!("mails", "t.due_at <= $1::timestamptz ORDER BY t.due_at, t.id LIMIT $2"),
            (*now, *limit),
        ),
        Find::DueHandovers { now, limit } => due(
            page!(
                "handovers",
                "t.waits_until <= $1::timestamptz ORDER BY t.waits_until, t.id LIMIT $2"
            ),
            (*now, *limit),
        ),
        Find::ExpiredInvitations { now, limit } => due(
            page!(
                "invitations",
                "t.status = 'open' AND t.expires_at <= $1::timestamptz
                 ORDER BY t.expires_at, t.id LIMIT $2"
            ),
            (*now, *limit),
        ),
        Find::DueClosings { now, limit } => due(
            page!(
                "organizations",
                "t.status = 'closing' AND t.status_until <= $1::timestamptz
                 ORDER BY t.status_until, t.id LIMIT $2"
            ),
            (*now, *limit),
        ),
    }
}

/// Entries of organizations or of users with their details.
fn entries(of: &str, rest: &str) -> String {
    format!(
        "SELECT '{of}_entries' AS kind, row_to_json(e)::text AS row,
             CASE WHEN d.salt IS NOT NULL
                 THEN json_build_object('salt', d.salt, 'text', d.text)::text END AS beside
         FROM {{schema}}.{of}_entries e
         LEFT JOIN {{schema}}.{of}_entry_details d
             ON d.{of}_id = e.{of}_id AND d.position = e.position
         WHERE {rest}"
    )
}

/// Numbers entries that have none, at most this many at once: those of one organization in their
/// order, after all numbers given before.
///
/// Whoever numbers holds the one row of `feed_head` until that is committed, so of two who read the
/// feed at once the second numbers what the first has left, with higher numbers. What is committed
/// later gets a higher number later. So nothing ever appears at or before a number that somebody has
/// seen, and whoever writes entries waits for nobody.
pub(super) const NUMBER_FEED: &str = "
WITH head AS MATERIALIZED (
    SELECT last FROM {schema}.feed_head
    WHERE only_one AND EXISTS (
        SELECT FROM {schema}.organization_entries WHERE feed IS NULL)
    FOR UPDATE),
fresh AS MATERIALIZED (
    SELECT e.organization_id, e.position,
        row_number() OVER (ORDER BY e.organization_id, e.position) AS place
    FROM {schema}.organization_entries e
    WHERE e.feed IS NULL AND EXISTS (SELECT FROM head)
    ORDER BY e.organization_id, e.position LIMIT 5000),
numbered AS (
    UPDATE {schema}.organization_entries e SET feed = head.last + fresh.place
    FROM fresh, head
    WHERE e.organization_id = fresh.organization_id AND e.position = fresh.position
      AND e.feed IS NULL
    RETURNING e.feed)
UPDATE {schema}.feed_head SET last = (SELECT max(feed) FROM numbered)
WHERE only_one AND EXISTS (SELECT FROM numbered)
RETURNING last";

/// What an organization owns, by identity.
fn owned(
    sql: &str,
    (organization, after, limit): (OrganizationId, Option<Uuid>, u32),
) -> Result<Statement, Failure> {
    Statement::new(sql).with(organization.uuid())?.with(behind(after))?.with(i64::from(limit))
}

/// What is due, first things first.
fn due(sql: &str, (now, limit): (Timestamp, u32)) -> Result<Statement, Failure> {
    // Nothing stored lies outside the calendar, so what is asked there may be as far as can be.
    let for_ever = if now < Timestamp::default() { i64::MIN } else { i64::MAX };
    let now = instant(now.micros()).or_else(|_| instant(for_ever))?;
    let now = now.as_str().unwrap_or_default().to_owned();
    Statement::new(sql).with(now)?.with(i64::from(limit))
}

/// The identity that comes before those behind this one: the nil UUID belongs to nothing.
fn behind(after: Option<Uuid>) -> Uuid {
    after.unwrap_or_default()
}

/// A count as PostgreSQL keeps it; what is too large is as large as can be.
pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
