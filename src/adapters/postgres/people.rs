//! Pages of people.
//!
//! Which list is walked depends on the filter; what else it asks for is checked on the way:
//!
//! | filter | list |
//! | --- | --- |
//! | a prefix | the terms that begin with it |
//! | a team, no prefix | the team's |
//! | neither | those with the status, the role, or both |
//!
//! Without a status the lists hold the live ones.

use super::failure::Failure;
use super::find::Statement;
use super::row::scope_id;
use crate::domain::{RoleName, Scope, StatusGroup};
use crate::ports::{PeopleFilter, PeoplePosition};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT 'memberships' AS kind, row_to_json(m)::text AS row, NULL::text AS beside FROM ",
            $rest
        )
    };
}

const LIVE: &str = select!(
    "{schema}.memberships m
     WHERE m.organization_id = $1 AND m.scope_id = $2 AND m.status <> 'removed'
       AND (m.sort_key, m.id) > ($3, $4)
     ORDER BY m.sort_key, m.id LIMIT $5"
);

const LIVE_IN_ROLE: &str = select!(
    "{schema}.memberships m
     WHERE m.organization_id = $1 AND m.scope_id = $2 AND m.status <> 'removed' AND m.role = $6
       AND (m.sort_key, m.id) > ($3, $4)
     ORDER BY m.sort_key, m.id LIMIT $5"
);

const OF_STATUS: &str = select!(
    "{schema}.memberships m
     WHERE m.organization_id = $1 AND m.scope_id = $2 AND m.status = $6
       AND (m.sort_key, m.id) > ($3, $4)
     ORDER BY m.sort_key, m.id LIMIT $5"
);

const OF_STATUS_IN_ROLE: &str = select!(
    "{schema}.memberships m
     WHERE m.organization_id = $1 AND m.scope_id = $2 AND m.status = $6 AND m.role = $7
       AND (m.sort_key, m.id) > ($3, $4)
     ORDER BY m.sort_key, m.id LIMIT $5"
);

const IN_TEAM: &str = select!(
    "{schema}.membership_teams t
     JOIN {schema}.memberships m
        ON m.organization_id = t.organization_id AND m.id = t.membership_id
     WHERE t.organization_id = $1 AND t.scope_id = $2 AND t.team_id = $6 AND t.live = $7
       AND (t.sort_key, t.membership_id) > ($3, $4)
       AND ($8::text IS NULL OR m.status = $8) AND ($9::text IS NULL OR m.role = $9)
     ORDER BY t.sort_key, t.membership_id LIMIT $5"
);

const BY_PREFIX: &str = select!(
    "{schema}.membership_terms t
     JOIN {schema}.memberships m
        ON m.organization_id = t.organization_id AND m.id = t.membership_id
     WHERE t.organization_id = $1 AND t.scope_id = $2 AND t.live = $6
       AND (t.term, t.membership_id) > ($3, $4) AND t.term < $7
       AND (t.lower_term IS NULL OR t.lower_term < $8)
       AND ($9::text IS NULL OR m.status = $9) AND ($10::text IS NULL OR m.role = $10)
       AND ($11::uuid IS NULL OR $11 = ANY(m.teams))
     ORDER BY t.term, t.membership_id LIMIT $5"
);

pub(super) fn page(
    scope: Scope,
    filter: &PeopleFilter,
    after: Option<&PeoplePosition>,
    limit: u32,
) -> Result<Statement, Failure> {
    let (key, id) =
        after.map_or((String::new(), uuid::Uuid::nil()), |it| (it.key.clone(), it.id.uuid()));
    let prefix = filter.folded_prefix();
    let (key, id) = match &prefix {
        Some(prefix) if key < *prefix => (prefix.clone(), uuid::Uuid::nil()),
        Some(_) | None => (key, id),
    };
    let status = filter.status.map(|status| status.as_str().to_owned());
    let live = filter.status != Some(StatusGroup::Removed);
    let role = filter.role.as_ref().map(RoleName::as_str).map(str::to_owned);
    let team = filter.team.map(|team| team.uuid());
    let begun = |sql: &str| {
        Statement::new(sql)
            .with(scope.organization.uuid())?
            .with(scope_id(scope))?
            .with(key.clone())?
            .with(id)?
            .with(i64::from(limit))
    };
    if let Some(prefix) = prefix {
        let end = end_of(&prefix);
        let begun = begun(BY_PREFIX)?.with(live)?.with(end)?.with(prefix)?;
        return begun.with(status)?.with(role)?.with(team);
    }
    if let Some(team) = team {
        return begun(IN_TEAM)?.with(team)?.with(live)?.with(status)?.with(role);
    }
    match (status, role) {
        (None, None) => begun(LIVE),
        (None, Some(role)) => begun(LIVE_IN_ROLE)?.with(role),
        (Some(status), None) => begun(OF_STATUS)?.with(status),
        (Some(status), Some(role)) => begun(OF_STATUS_IN_ROLE)?.with(status)?.with(role),
    }
}

/// A text after all terms that begin with a prefix.
fn end_of(prefix: &str) -> String {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // A range of characters steps over the surrogates, which are none.
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return end;
        }
    }
    // A prefix of the last character alone: no term is as long as this.
    format!("{prefix}{}", char::MAX.to_string().repeat(512))
}
