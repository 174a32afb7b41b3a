//! What has changed, as far as a view cares.

use crate::domain::{
    Membership, Organization, OrganizationId, Record, Revision, Role, RoleName, State,
    SupportAccess, Team, UserId, Workspace,
};

/// What has changed in an organization up to a revision.
#[derive(Clone, Debug, Default)]
pub struct Update<'a> {
    /// The revision after it.
    pub revision: Revision,
    pub(super) organization: Option<&'a Organization>,
    pub(super) workspaces: Vec<&'a Workspace>,
    /// Roles by name; none if it was deleted.
    pub(super) roles: Vec<(&'a RoleName, Option<&'a Role>)>,
    /// Whether there are no other roles.
    pub(super) all_roles: bool,
    pub(super) teams: Vec<&'a Team>,
    pub(super) supports: Vec<&'a SupportAccess>,
    pub(super) memberships: Vec<&'a Membership>,
}

impl<'a> Update<'a> {
    /// What a batch has changed in its organization, after its last command.
    pub fn of_state(state: &'a State, organization: OrganizationId) -> Self {
        let changed = state.changed();
        Self {
            revision: state
                .organization(organization)
                .map_or(Revision::NONE, Organization::revision),
            organization: state.organization(organization),
            workspaces: changed.workspaces,
            roles: changed.roles,
            all_roles: false,
            teams: changed.teams,
            supports: changed.supports,
            memberships: changed.memberships,
        }
    }

    /// What records say that were read in one consistent view with their organization.
    pub fn of_records(records: &'a [Record]) -> Self {
        let mut update = Self::default();
        for record in records {
            match record {
                Record::Organization(it) => {
                    update.revision = it.revision();
                    update.organization = Some(it);
                    // All its roles come with it.
                    update.all_roles = true;
                }
                Record::Role(_, it) => update.roles.push((&it.name, Some(it))),
                Record::Workspace(it) => update.workspaces.push(it),
                Record::Team(it) => update.teams.push(it),
                Record::SupportAccess(it) => update.supports.push(it),
                Record::Membership(it) => update.memberships.push(it),
                Record::User(_)
                | Record::Invitation(_)
                | Record::Handover(_)
                | Record::HandoverReceipt(_)
                | Record::Mail(_)
                | Record::Activity(_)
                | Record::Block(_)
                | Record::Receipt(_)
                | Record::Entry(_) => {}
            }
        }
        update
    }

    /// The users whose memberships it says something of.
    pub fn users(&self) -> Vec<UserId> {
        self.memberships.iter().filter_map(|it| it.user).collect()
    }

    /// Whether it can change what anybody may do, the organization's status left aside.
    pub fn is_about_access(&self) -> bool {
        !(self.users().is_empty()
            && self.roles.is_empty()
            && self.teams.is_empty()
            && self.workspaces.is_empty())
    }
}
