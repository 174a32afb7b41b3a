//! What one membership gives: role ∪ teams ∪ raised overrides, then capped. Naive, and right.

use crate::domain::{
    Membership, OrganizationStatus, Override, PermissionName, Role, RoleName, StatusName,
    SupportAccessId, Team, TeamId, Workspace,
};

use super::{Extent, Item};

/// A membership with everything that decides what it may do.
#[derive(Clone, Debug)]
pub struct MemberView<'s> {
    /// The membership.
    pub membership: &'s Membership,
    /// Its role; none if the organization has no such role (any more): then it gives nothing.
    pub role: Option<&'s Role>,
    /// Its teams, without deleted ones.
    pub teams: Vec<&'s Team>,
}

/// Allowed or not, how far, and because of what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// How far; nothing means: not allowed.
    pub extent: Extent,
    /// What decided.
    pub because: Vec<Because>,
}

/// What decided.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Because {
    /// The role gives it.
    Role(RoleName),
    /// The team gives it.
    Team(TeamId),
    /// It was raised for this person.
    Raised,
    /// It was capped for this person.
    Capped,
    /// It was denied to this person.
    Denied,
    /// The customer consented to it.
    Support(SupportAccessId),
    /// Nothing gives it.
    NotGiven,
    /// The person does not belong here.
    NotAMember,
    /// The person belongs here, and is not active.
    NotActive(StatusName),
    /// The organization is not active.
    OrganizationNotActive(OrganizationStatus),
    /// The workspace is closed.
    WorkspaceClosed,
}

impl Decision {
    /// Whether it is allowed, if only somewhere.
    pub fn is_allowed(&self) -> bool {
        !self.extent.is_nothing()
    }

    pub(crate) fn refused(because: Because) -> Self {
        Self { extent: Extent::default(), because: vec![because] }
    }
}

impl MemberView<'_> {
    /// What this membership gives, status left aside.
    pub fn decide(&self, permission: &PermissionName) -> Decision {
        let mut extent = Extent::default();
        let mut because = Vec::new();
        let keeps = self.role.is_some_and(|role| role.keeps_organization);
        if let Some(role) = self.role
            && let Some(reach) = role.permissions.reach(permission)
        {
            extent.give(reach);
            because.push(Because::Role(role.name.clone()));
        }
        for team in &self.teams {
            if let Some(reach) = team.permissions.get(permission) {
                extent.give(reach.clone());
                because.push(Because::Team(team.id));
            }
        }
        // No override applies to a role that keeps the organization.
        match self.membership.overrides.get(permission).filter(|_| !keeps) {
            Some(Override::Raise(reach)) => {
                extent.give(reach.clone());
                because.push(Because::Raised);
            }
            Some(Override::Cap(reach)) => {
                extent.cap(reach);
                because.push(Because::Capped);
            }
            Some(Override::Deny) => {
                extent.deny();
                because.push(Because::Denied);
            }
            None => {}
        }
        if because.is_empty() {
            because.push(Because::NotGiven);
        }
        Decision { extent, because }
    }

    /// Whether an extent of this member reaches an item.
    pub fn reaches(&self, extent: &Extent, item: &Item) -> bool {
        extent.reaches(self.membership, &self.teams, item)
    }
}

/// Whether a workspace works.
pub(super) fn closed(workspace: Option<&Workspace>) -> bool {
    workspace.is_some_and(|it| it.closed_at.is_some())
}
