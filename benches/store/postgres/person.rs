//! A row of a page of people, column by column.

use std::collections::BTreeMap;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgRow, PgTypeInfo, PgValueRef, Postgres};
use sqlx::types::Json;
use sqlx::{Decode, Encode, Row as _, Type};
use tenure::Profile;
use tenure::domain::{Fence, Override, PermissionName};
use uuid::Uuid;

pub(crate) const PAGE: &str = "
    SELECT m.id, m.workspace_id, m.user_id, m.email, m.status, m.status_because, m.status_since,
        m.role, m.overrides, m.grants, m.fence, m.teams, m.profile, m.source, m.brought_by, m.epoch,
        m.invitation_id, m.came_by, m.external_id, m.predecessor, m.created_at,
        a.signed_in_at, a.sign_ins, a.seen_at
    FROM memberships m LEFT JOIN activities a
        ON a.organization_id = m.organization_id AND a.membership_id = m.id
    WHERE m.organization_id = $1 AND m.scope_id = $2 AND m.status <> 'removed'
    ORDER BY m.sort_key, m.id LIMIT 50";

/// Microseconds since 1970, as `timestamptz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At(pub(crate) i64);

/// From 1970 to 2000, where PostgreSQL begins to count.
const BEGINNING: i64 = 946_684_800_000_000;

impl Type<Postgres> for At {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("timestamptz")
    }
}

impl Encode<'_, Postgres> for At {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode(self.0 - BEGINNING, buffer)
    }
}

impl<'r> Decode<'r, Postgres> for At {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(<i64 as Decode<Postgres>>::decode(value)? + BEGINNING))
    }
}

#[allow(dead_code, reason = "it is read, not shown")]
pub(crate) struct Person {
    id: Uuid,
    workspace: Option<Uuid>,
    user: Option<Uuid>,
    email: Option<String>,
    status: String,
    status_because: Option<String>,
    status_since: At,
    role: String,
    overrides: BTreeMap<PermissionName, Override>,
    grants: serde_json::Value,
    fence: Fence,
    teams: Vec<Uuid>,
    profile: Profile,
    source: String,
    brought_by: Option<Uuid>,
    epoch: i64,
    invitation: Option<Uuid>,
    came_by: Option<Uuid>,
    external_id: Option<String>,
    predecessor: Option<Uuid>,
    created_at: At,
    signed_in_at: Option<At>,
    sign_ins: Option<i64>,
    seen_at: Option<At>,
}

impl Person {
    pub(crate) fn of(row: &PgRow) -> Self {
        Self {
            id: row.get("id"),
            workspace: row.get("workspace_id"),
            user: row.get("user_id"),
            email: row.get("email"),
            status: row.get("status"),
            status_because: row.get("status_because"),
            status_since: row.get("status_since"),
            role: row.get("role"),
            overrides: row.get::<Json<_>, _>("overrides").0,
            grants: row.get::<Json<_>, _>("grants").0,
            fence: row.get::<Json<_>, _>("fence").0,
            teams: row.get("teams"),
            profile: row.get::<Json<_>, _>("profile").0,
            source: row.get("source"),
            brought_by: row.get("brought_by"),
            epoch: row.get("epoch"),
            invitation: row.get("invitation_id"),
            came_by: row.get("came_by"),
            external_id: row.get("external_id"),
            predecessor: row.get("predecessor"),
            created_at: row.get("created_at"),
            signed_in_at: row.get("signed_in_at"),
            sign_ins: row.get("sign_ins"),
            seen_at: row.get("seen_at"),
        }
    }
}
