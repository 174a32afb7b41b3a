//! Memberships, and the lists in which people are found. Of a membership that is written again,
//! only what changed of its places in the lists is.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::failure::Failure;
use super::people::workspace;
use super::write::{body, execute};
use crate::domain::{Membership, MembershipId, TeamId};

/// Where a membership stands in the lists.
struct Listing {
    columns: Columns,
    listed: Listed,
}

/// Its rows in the tables beside its own.
#[derive(Default)]
struct Listed {
    in_teams: BTreeSet<InTeam>,
    under_terms: BTreeSet<UnderTerm>,
}

#[derive(PartialEq)]
struct Columns {
    organization: [u8; 16],
    workspace: Vec<u8>,
    status: &'static str,
    role: String,
    sort_key: String,
    user: Option<[u8; 16]>,
    email: Option<String>,
}

/// A row of `tenure_membership_team`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct InTeam {
    team: [u8; 16],
    place: Place,
    sort_key: String,
}

/// A row of `tenure_membership_term`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct UnderTerm {
    place: Place,
    term: String,
    lower: Option<String>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    organization: [u8; 16],
    workspace: Vec<u8>,
    live: bool,
}

impl Listing {
    fn of(it: &Membership) -> Self {
        let columns = Columns {
            organization: it.scope.organization.uuid().into_bytes(),
            workspace: workspace(it.scope),
            status: it.status.name().group().as_str(),
            role: it.role.as_str().to_owned(),
            sort_key: it.sort_key(),
            user: it.user.map(|user| user.uuid().into_bytes()),
            email: it.email.as_ref().map(|email| email.canonical().as_str().to_owned()),
        };
        let place = Place {
            organization: columns.organization,
            workspace: columns.workspace.clone(),
            live: it.is_live(),
        };
        let sort_key = &columns.sort_key;
        let in_team = |team: &TeamId| InTeam {
            team: team.uuid().into_bytes(),
            place: place.clone(),
            sort_key: sort_key.clone(),
        };
        let mut listed =
            Listed { in_teams: it.teams.iter().map(in_team).collect(), ..Listed::default() };
        let mut lower = None;
        for term in it.search_terms() {
            let lower = lower.replace(term.clone());
            listed.under_terms.insert(UnderTerm { place: place.clone(), term, lower });
        }
        Self { columns, listed }
    }
}

pub(super) fn put(connection: &Connection, it: &Membership) -> Result<(), Failure> {
    let new = Listing::of(it);
    let old = listed(connection, it.id)?;
    match &old {
        None => write(connection, INSERT, it, &new.columns)?,
        Some(old) if old.columns != new.columns => write(connection, UPDATE, it, &new.columns)?,
        Some(_) => execute(
            connection,
            "UPDATE tenure_membership SET body = ?2 WHERE id = ?1",
            params![it.id.uuid().as_bytes(), body(it)?],
        )?,
    }
    replace(connection, it.id, old.as_ref(), Some(&new))
}

pub(super) fn delete(connection: &Connection, id: MembershipId) -> Result<(), Failure> {
    let old = listed(connection, id)?;
    replace(connection, id, old.as_ref(), None)?;
    execute(connection, "DELETE FROM tenure_membership WHERE id = ?1", [id.uuid().as_bytes()])
}

const INSERT: &str = "
    INSERT INTO tenure_membership
        (id, organization, workspace, status, role, sort_key, user, email, body)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

const UPDATE: &str = "
    UPDATE tenure_membership
    SET organization = ?2, workspace = ?3, status = ?4, role = ?5, sort_key = ?6, user = ?7,
        email = ?8, body = ?9
    WHERE id = ?1";

fn write(
    connection: &Connection,
    sql: &str,
    it: &Membership,
    columns: &Columns,
) -> Result<(), Failure> {
    let Columns { organization, workspace, status, role, sort_key, user, email } = columns;
    let id = it.id.uuid();
    let values = params![
        id.as_bytes(),
        organization,
        workspace,
        status,
        role,
        sort_key,
        user,
        email,
        body(it)?
    ];
    execute(connection, sql, values)
}

/// Where the lists have a membership now.
fn listed(connection: &Connection, id: MembershipId) -> Result<Option<Listing>, Failure> {
    let sql = "SELECT body FROM tenure_membership WHERE id = ?1";
    let stored: Option<String> = connection
        .prepare_cached(sql)?
        .query_row([id.uuid().as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(match stored {
        Some(stored) => Some(Listing::of(&serde_json::from_str(&stored)?)),
        None => None,
    })
}

/// Moves a membership from its old places to its new ones.
fn replace(
    connection: &Connection,
    id: MembershipId,
    old: Option<&Listing>,
    new: Option<&Listing>,
) -> Result<(), Failure> {
    let id = id.uuid();
    let nobody = Listed::default();
    let old = old.map_or(&nobody, |it| &it.listed);
    let new = new.map_or(&nobody, |it| &it.listed);
    for InTeam { team, place, sort_key } in old.in_teams.difference(&new.in_teams) {
        execute(
            connection,
            "DELETE FROM tenure_membership_team
             WHERE team = ?1 AND organization = ?2 AND workspace = ?3 AND live = ?4
               AND sort_key = ?5 AND membership = ?6",
            params![team, place.organization, place.workspace, place.live, sort_key, id.as_bytes()],
        )?;
    }
    for InTeam { team, place, sort_key } in new.in_teams.difference(&old.in_teams) {
        execute(
            connection,
            "INSERT INTO tenure_membership_team
                 (team, organization, workspace, live, sort_key, membership)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![team, place.organization, place.workspace, place.live, sort_key, id.as_bytes()],
        )?;
    }
    for UnderTerm { place, term, lower: _ } in old.under_terms.difference(&new.under_terms) {
        execute(
            connection,
            "DELETE FROM tenure_membership_term
             WHERE organization = ?1 AND workspace = ?2 AND live = ?3
               AND term = ?4 AND membership = ?5",
            params![place.organization, place.workspace, place.live, term, id.as_bytes()],
        )?;
    }
    for UnderTerm { place, term, lower } in new.under_terms.difference(&old.under_terms) {
        execute(
            connection,
            "INSERT INTO tenure_membership_term
                 (organization, workspace, live, term, membership, lower_term)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![place.organization, place.workspace, place.live, term, id.as_bytes(), lower],
        )?;
    }
    Ok(())
}
