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

use rusqlite::params;
use rusqlite::types::Value;

use super::failure::Failure;
use super::load::membership;
use super::reader::View;
use crate::domain::{Record, RoleName, Scope, StatusGroup};
use crate::ports::{PeopleFilter, PeoplePosition};

const LIVE: &str = "
    SELECT body FROM tenure_membership INDEXED BY tenure_membership_live
    WHERE organization = ?1 AND workspace = ?2 AND status <> 'removed'
      AND (sort_key, id) > (?3, ?4)
    ORDER BY sort_key, id LIMIT ?5";

const LIVE_IN_ROLE: &str = "
    SELECT body FROM tenure_membership INDEXED BY tenure_membership_live_by_role
    WHERE organization = ?1 AND workspace = ?2 AND status <> 'removed' AND role = ?6
      AND (sort_key, id) > (?3, ?4)
    ORDER BY sort_key, id LIMIT ?5";

const OF_STATUS: &str = "
    SELECT body FROM tenure_membership INDEXED BY tenure_membership_by_status
    WHERE organization = ?1 AND workspace = ?2 AND status = ?6
      AND (sort_key, id) > (?3, ?4)
    ORDER BY sort_key, id LIMIT ?5";

const OF_STATUS_IN_ROLE: &str = "
    SELECT body FROM tenure_membership INDEXED BY tenure_membership_by_status_and_role
    WHERE organization = ?1 AND workspace = ?2 AND status = ?6 AND role = ?7
      AND (sort_key, id) > (?3, ?4)
    ORDER BY sort_key, id LIMIT ?5";

const IN_TEAM: &str = "
    SELECT m.body FROM tenure_membership_team t
    CROSS JOIN tenure_membership m ON m.id = t.membership
    WHERE t.team = ?1 AND t.organization = ?2 AND t.workspace = ?3 AND t.live = ?4
      AND (t.sort_key, t.membership) > (?5, ?6)
      AND (?7 IS NULL OR m.status = ?7) AND (?8 IS NULL OR m.role = ?8)
    ORDER BY t.sort_key, t.membership LIMIT ?9";

const BY_PREFIX: &str = "
    SELECT m.body FROM tenure_membership_term t
    CROSS JOIN tenure_membership m ON m.id = t.membership
    WHERE t.organization = ?1 AND t.workspace = ?2 AND t.live = ?3
      AND (t.term, t.membership) > (?4, ?5) AND t.term < ?6
      AND (t.lower_term IS NULL OR t.lower_term < ?7)
      AND (?8 IS NULL OR m.status = ?8) AND (?9 IS NULL OR m.role = ?9)
      AND (?10 IS NULL OR EXISTS (
          SELECT 1 FROM tenure_membership_team i
          WHERE i.team = ?10 AND i.organization = ?1 AND i.workspace = ?2 AND i.live = ?3
            AND i.sort_key = m.sort_key AND i.membership = m.id))
    ORDER BY t.term, t.membership LIMIT ?11";

pub(super) fn page(
    view: &View<'_>,
    scope: Scope,
    filter: &PeopleFilter,
    after: Option<&PeoplePosition>,
    limit: u32,
) -> Result<Vec<Record>, Failure> {
    let organization = scope.organization.uuid().into_bytes();
    let workspace = workspace(scope);
    // Every identity comes after no bytes at all.
    let (key, id) =
        after.map_or(("", Vec::new()), |after| (&after.key, after.id.uuid().as_bytes().to_vec()));
    let status = filter.status.map(StatusGroup::as_str);
    let live = filter.status != Some(StatusGroup::Removed);
    let role = filter.role.as_ref().map(RoleName::as_str);
    let team = filter.team.map(|team| team.uuid().into_bytes());
    if let Some(prefix) = filter.folded_prefix() {
        let (key, id) =
            if key < prefix.as_str() { (prefix.as_str(), Vec::new()) } else { (key, id) };
        let end = end_of(&prefix);
        let values =
            params![organization, workspace, live, key, id, end, prefix, status, role, team, limit];
        return view.rows(BY_PREFIX, values, membership);
    }
    if let Some(team) = team {
        let values = params![team, organization, workspace, live, key, id, status, role, limit];
        return view.rows(IN_TEAM, values, membership);
    }
    match (status, role) {
        (None, None) => {
            view.rows(LIVE, params![organization, workspace, key, id, limit], membership)
        }
        (None, Some(role)) => {
            let values = params![organization, workspace, key, id, limit, role];
            view.rows(LIVE_IN_ROLE, values, membership)
        }
        (Some(status), None) => {
            let values = params![organization, workspace, key, id, limit, status];
            view.rows(OF_STATUS, values, membership)
        }
        (Some(status), Some(role)) => {
            let values = params![organization, workspace, key, id, limit, status, role];
            view.rows(OF_STATUS_IN_ROLE, values, membership)
        }
    }
}

/// The column `workspace`: no bytes for the organization itself.
pub(super) fn workspace(scope: Scope) -> Vec<u8> {
    scope.workspace.map_or_else(Vec::new, |id| id.uuid().as_bytes().to_vec())
}

/// The first value after all texts that begin with a prefix.
fn end_of(prefix: &str) -> Value {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // A range of characters steps over the surrogates, which are none.
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Value::Text(end);
        }
    }
    // Bytes come after all text.
    Value::Blob(Vec::new())
}
