//! What of a state stays true when it has been committed: for whoever asks for the same next.
//!
//! All of it changes with the organization's revision alone.

use crate::domain::Membership;

use super::{OrganizationId, Record, State, UserId};

impl State {
    /// An organization, and all that comes along with it.
    pub(crate) fn take_organization(&mut self, id: OrganizationId) -> Vec<Record> {
        let Some(organization) = self.organizations.rows.remove(&id) else { return Vec::new() };
        let roles = std::mem::take(&mut self.roles).into_iter().filter(|((of, _), _)| *of == id);
        let roles = roles.map(|((of, _), role)| Record::Role(of, Box::new(role)));
        let organization = Record::Organization(Box::new(organization));
        std::iter::once(organization).chain(roles).collect()
    }

    /// The live membership of a user in the organization itself, and all that comes along with it;
    /// none when that is more than its teams, or not all loaded.
    pub(crate) fn member(&self, id: OrganizationId, user: UserId) -> Option<Vec<Record>> {
        let alone = |it: &&Membership| it.invitation.is_none() && it.offer.is_none();
        let membership = self.membership_of(id.into(), user).filter(alone)?;
        let teams = membership.teams.iter().map(|team| self.teams.get(*team));
        let teams = teams.map(|team| Some(Record::Team(Box::new(team?.clone()))));
        std::iter::once(Some(Record::Membership(Box::new(membership.clone()))))
            .chain(teams)
            .collect()
    }

    /// Whether a record that [`Self::member`] returned earlier is another one now.
    pub(crate) fn has_changed(&self, record: &Record) -> bool {
        if let Record::Membership(it) = record {
            self.memberships.is_changed(it.id)
        } else if let Record::Team(it) = record {
            self.teams.is_changed(it.id)
        } else {
            true
        }
    }
}
