//! Named records, with what comes along with them.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Row, params, params_from_iter};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::failure::Failure;
use super::place::Place;
use super::reader::View;
use crate::domain::{
    Claim, FeedPosition, HandoverId, InvitationId, Key, Logged, Membership, MembershipId, Need,
    OrganizationId, Record, TeamId, UserId,
};

pub(super) fn load(view: &View<'_>, needs: &[Need]) -> Result<Vec<Record>, Failure> {
    let mut loading = Loading { view, found: BTreeMap::new(), with_roles: BTreeSet::new() };
    for need in needs {
        loading.need(need)?;
    }
    Ok(loading.found.into_values().flatten().collect())
}

/// What has been read so far; a key without a record names something that does not exist.
struct Loading<'v> {
    view: &'v View<'v>,
    found: BTreeMap<Key, Option<Record>>,
    with_roles: BTreeSet<OrganizationId>,
}

/// By what a person is known in an organization.
struct Traits {
    organization: OrganizationId,
    user: Option<UserId>,
    email: Option<String>,
}

impl Traits {
    fn of(row: &Row<'_>) -> Result<Self, Failure> {
        let user: Option<[u8; 16]> = row.get(1)?;
        Ok(Self {
            organization: OrganizationId::new(id(row, 0)?),
            user: user.map(|user| UserId::new(Uuid::from_bytes(user))),
            email: row.get(2)?,
        })
    }
}

impl Loading<'_> {
    fn need(&mut self, need: &Need) -> Result<(), Failure> {
        match need {
            Need::Record(key) => self.whole(key),
            Need::Holder(claim) => {
                if let Some(key) = self.holder(claim)? {
                    self.whole(&key)?;
                }
                Ok(())
            }
            Need::Person(id) => self.person(*id),
            Need::Past(id) => self.past(*id),
            Need::IssuedBy(issuer, limit) => {
                let open = self.ids(
                    "SELECT id FROM tenure_invitation INDEXED BY tenure_invitation_of_issuer
                     WHERE issuer = ?1 AND status = 'open' ORDER BY created_at, id LIMIT ?2",
                    params![issuer.uuid().as_bytes(), limit],
                )?;
                self.invitations(open)
            }
            Need::Handovers(id, limit) => self.handovers(*id, *limit),
            Need::TeamMembers(organization, team, limit) => {
                let members = self.ids(
                    "SELECT t.membership
                     FROM tenure_membership_team t INDEXED BY tenure_membership_team_by_id
                     CROSS JOIN tenure_membership m ON m.id = t.membership
                     WHERE t.team = ?1 AND t.organization = ?2 AND t.workspace = x'' AND t.live = 1
                       AND m.status = 'active'
                     ORDER BY t.membership LIMIT ?3",
                    params![team.uuid().as_bytes(), organization.uuid().as_bytes(), limit],
                )?;
                members.into_iter().try_for_each(|id| self.person(MembershipId::new(id)))
            }
            Need::Expiring(organization, limit) => {
                let open = self.ids(
                    "SELECT id FROM tenure_invitation INDEXED BY tenure_invitation_expiring
                     WHERE organization = ?1 AND status = 'open' ORDER BY expires_at, id LIMIT ?2",
                    params![organization.uuid().as_bytes(), limit],
                )?;
                self.invitations(open)
            }
        }
    }

    /// A record with what comes with it.
    fn whole(&mut self, key: &Key) -> Result<(), Failure> {
        match key {
            Key::Organization(id) => {
                if self.record(key)?.is_some() {
                    self.roles(*id)?;
                }
            }
            Key::Membership(id) => {
                let (invitation, offerer) = self.with_surroundings(*id)?;
                if let Some(invitation) = invitation {
                    self.invitation(invitation)?;
                }
                if let Some(offerer) = offerer {
                    self.record(&Key::Membership(offerer))?;
                }
            }
            Key::Invitation(id) => self.invitation(*id)?,
            Key::Handover(_) => {
                if let Some(Record::Handover(it)) = self.record(key)? {
                    let from = it.from;
                    self.person(from)?;
                }
            }
            Key::Role(..)
            | Key::Workspace(_)
            | Key::User(_)
            | Key::Team(_)
            | Key::SupportAccess(_)
            | Key::HandoverReceipt(..)
            | Key::Mail(_)
            | Key::Activity(_)
            | Key::Block(..)
            | Key::Receipt(_)
            | Key::Entry(..) => {
                self.record(key)?;
            }
        }
        Ok(())
    }

    fn person(&mut self, id: MembershipId) -> Result<(), Failure> {
        self.whole(&Key::Membership(id))?;
        let Some(Record::Membership(it)) = self.record(&Key::Membership(id))? else {
            return Ok(());
        };
        let traits = Traits {
            organization: it.scope.organization,
            user: it.user,
            email: it.email.as_ref().map(|email| email.canonical().as_str().to_owned()),
        };
        if let Some(user) = traits.user {
            self.record(&Key::User(user))?;
        }
        for other in self.live_memberships(&traits)? {
            self.whole(&Key::Membership(MembershipId::new(other)))?;
        }
        Ok(())
    }

    fn handovers(&mut self, id: MembershipId, limit: u32) -> Result<(), Failure> {
        // Not among what is loaded: nothing comes with the handovers.
        let traits = self.view.rows(
            "SELECT organization, user, email FROM tenure_membership WHERE id = ?1",
            [id.uuid().as_bytes()],
            Traits::of,
        )?;
        let Some(traits) = traits.into_iter().next() else { return Ok(()) };
        let own: BTreeSet<_> =
            self.live_memberships(&traits)?.into_iter().chain([id.uuid()]).collect();
        let mut last = BTreeSet::new();
        for membership in own {
            last.extend(self.ids(
                "SELECT handover FROM tenure_handover_person
                 WHERE membership = ?1 ORDER BY handover DESC LIMIT ?2",
                params![membership.as_bytes(), limit],
            )?);
        }
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        for handover in last.into_iter().rev().take(most) {
            self.record(&Key::Handover(HandoverId::new(handover)))?;
        }
        Ok(())
    }

    /// The live memberships of a person.
    fn live_memberships(&self, of: &Traits) -> Result<Vec<Uuid>, Failure> {
        let mut found = match of.user {
            Some(user) => self.of_user(of.organization, user)?,
            None => Vec::new(),
        };
        if let Some(email) = &of.email {
            found.extend(self.ids(
                "SELECT id FROM tenure_membership INDEXED BY tenure_membership_of_email
                 WHERE organization = ?1 AND email = ?2 AND status <> 'removed'",
                params![of.organization.uuid().as_bytes(), email],
            )?);
        }
        Ok(found)
    }

    fn past(&mut self, id: MembershipId) -> Result<(), Failure> {
        let Some(Record::Membership(it)) = self.record(&Key::Membership(id))? else {
            return Ok(());
        };
        let organization = it.scope.organization.uuid();
        let (user, came_by) = (it.user, it.came_by);
        let email = it.email.as_ref().map(|email| email.canonical().as_str().to_owned());
        let mut removed = self.ids(
            "SELECT id FROM tenure_membership INDEXED BY tenure_membership_past_of_user
             WHERE user = ?1 AND organization = ?2 AND status = 'removed'",
            params![user.map(|user| *user.uuid().as_bytes()), organization.as_bytes()],
        )?;
        removed.extend(self.ids(
            "SELECT id FROM tenure_membership INDEXED BY tenure_membership_past_of_email
             WHERE organization = ?1 AND email = ?2 AND status = 'removed'",
            params![organization.as_bytes(), email],
        )?);
        let mut invitations: Vec<InvitationId> = came_by.into_iter().collect();
        for id in removed {
            let past = self.record(&Key::Membership(MembershipId::new(id)))?;
            if let Some(Record::Membership(it)) = past {
                invitations.extend(it.came_by);
            }
        }
        for id in invitations {
            self.record(&Key::Invitation(id))?;
        }
        Ok(())
    }

    /// A membership with its workspace and its teams; says which invitation it names, and who offers it ownership.
    fn with_surroundings(
        &mut self,
        id: MembershipId,
    ) -> Result<(Option<InvitationId>, Option<MembershipId>), Failure> {
        let Some(Record::Membership(it)) = self.record(&Key::Membership(id))? else {
            return Ok((None, None));
        };
        let named = (it.invitation, it.offer.as_ref().map(|offer| offer.by));
        let workspace = it.scope.workspace;
        let teams: Vec<TeamId> = it.teams.iter().copied().collect();
        if let Some(workspace) = workspace {
            self.record(&Key::Workspace(workspace))?;
        }
        for team in teams {
            self.record(&Key::Team(team))?;
        }
        Ok(named)
    }

    /// An invitation with the memberships it lists and those of whoever issued it, and their teams.
    fn invitation(&mut self, id: InvitationId) -> Result<(), Failure> {
        let Some(Record::Invitation(it)) = self.record(&Key::Invitation(id))? else {
            return Ok(());
        };
        let issuer = it.issuer;
        for membership in it.memberships.clone() {
            self.with_surroundings(membership)?;
        }
        let Some(issuer) = issuer else { return Ok(()) };
        self.with_surroundings(issuer)?;
        let Some(Record::Membership(it)) = self.record(&Key::Membership(issuer))? else {
            return Ok(());
        };
        let organization = it.scope.organization;
        let Some(user) = it.user else { return Ok(()) };
        for own in self.of_user(organization, user)? {
            self.with_surroundings(MembershipId::new(own))?;
        }
        Ok(())
    }

    fn of_user(&self, organization: OrganizationId, user: UserId) -> Result<Vec<Uuid>, Failure> {
        self.ids(
            "SELECT id FROM tenure_membership INDEXED BY tenure_membership_of_user
             WHERE user = ?1 AND organization = ?2 AND status <> 'removed'",
            params![user.uuid().as_bytes(), organization.uuid().as_bytes()],
        )
    }

    fn invitations(&mut self, ids: Vec<Uuid>) -> Result<(), Failure> {
        ids.into_iter().try_for_each(|id| self.invitation(InvitationId::new(id)))
    }

    fn roles(&mut self, organization: OrganizationId) -> Result<(), Failure> {
        if !self.with_roles.insert(organization) {
            return Ok(());
        }
        let roles = self.view.rows(
            "SELECT body FROM tenure_role WHERE organization = ?1",
            [organization.uuid().as_bytes()],
            |row| Ok(Record::Role(organization, body(row, 0)?)),
        )?;
        self.found.extend(roles.into_iter().map(|role| (role.key(), Some(role))));
        Ok(())
    }

    fn holder(&self, claim: &Claim) -> Result<Option<Key>, Failure> {
        let sql = "SELECT holder FROM tenure_claim WHERE text = ?1";
        let held = self.view.rows(sql, [claim.text()], |row| id(row, 0))?;
        Ok(held.first().map(|holder| claim.holder(*holder)))
    }

    fn ids(&self, sql: &str, values: impl rusqlite::Params) -> Result<Vec<Uuid>, Failure> {
        self.view.rows(sql, values, |row| id(row, 0))
    }

    /// One record alone, read at most once.
    fn record(&mut self, key: &Key) -> Result<Option<&Record>, Failure> {
        if !self.found.contains_key(key) {
            let record = read(self.view, key)?;
            self.found.insert(key.clone(), record);
        }
        Ok(self.found.get(key).and_then(Option::as_ref))
    }
}

fn read(view: &View<'_>, key: &Key) -> Result<Option<Record>, Failure> {
    let place = Place::of(key);
    let sql = match key {
        Key::Entry(..) => format!(
            "SELECT e.feed, e.body, d.body
             FROM tenure_entry e LEFT JOIN tenure_entry_detail d ON d.feed = e.feed WHERE {}",
            place.by
        ),
        Key::Organization(_)
        | Key::Role(..)
        | Key::Workspace(_)
        | Key::User(_)
        | Key::Membership(_)
        | Key::Invitation(_)
        | Key::Team(_)
        | Key::SupportAccess(_)
        | Key::Handover(_)
        | Key::HandoverReceipt(..)
        | Key::Mail(_)
        | Key::Activity(_)
        | Key::Block(..)
        | Key::Receipt(_) => format!("SELECT body FROM {} WHERE {}", place.table, place.by),
    };
    let found = view.rows(&sql, params_from_iter(place.values), |row| record(key, row))?;
    Ok(found.into_iter().next())
}

/// The record of a row that was found by this key.
fn record(key: &Key, row: &Row<'_>) -> Result<Record, Failure> {
    Ok(match key {
        Key::Organization(_) => Record::Organization(body(row, 0)?),
        Key::Role(organization, _) => Record::Role(*organization, body(row, 0)?),
        Key::Workspace(_) => Record::Workspace(body(row, 0)?),
        Key::User(_) => Record::User(body(row, 0)?),
        Key::Membership(_) => Record::Membership(body(row, 0)?),
        Key::Invitation(_) => Record::Invitation(body(row, 0)?),
        Key::Team(_) => Record::Team(body(row, 0)?),
        Key::SupportAccess(_) => Record::SupportAccess(body(row, 0)?),
        Key::Handover(_) => Record::Handover(body(row, 0)?),
        Key::HandoverReceipt(..) => Record::HandoverReceipt(body(row, 0)?),
        Key::Mail(_) => Record::Mail(body(row, 0)?),
        Key::Activity(_) => Record::Activity(body(row, 0)?),
        Key::Block(..) => Record::Block(body(row, 0)?),
        Key::Receipt(_) => Record::Receipt(body(row, 0)?),
        Key::Entry(..) => logged(row)?,
    })
}

/// An entry from the columns feed, body and detail.
pub(super) fn logged(row: &Row<'_>) -> Result<Record, Failure> {
    let feed = FeedPosition(u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0));
    let detail = match row.get_ref(2)?.as_str_or_null().map_err(rusqlite::Error::from)? {
        Some(detail) => Some(serde_json::from_str(detail)?),
        None => None,
    };
    Ok(Record::Entry(Box::new(Logged::new(feed, body(row, 1)?, detail))))
}

/// A membership from the column body.
pub(super) fn membership(row: &Row<'_>) -> Result<Record, Failure> {
    Ok(Record::Membership(body::<Box<Membership>>(row, 0)?))
}

/// What a column holds as JSON.
pub(super) fn body<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T, Failure> {
    let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
    Ok(serde_json::from_str(text)?)
}

fn id(row: &Row<'_>, column: usize) -> Result<Uuid, Failure> {
    Ok(Uuid::from_bytes(row.get(column)?))
}
