//! People grouped for routing, reporting and shared permissions (SCIM calls it Group).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Description, Fence, OrganizationId, PermissionName, Reach, TeamId, TeamName};

/// A team of one organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Team {
    /// Its identity.
    pub id: TeamId,
    /// The organization it belongs to.
    pub organization: OrganizationId,
    /// What it is called; unique in the organization, however it is written.
    pub name: TeamName,
    /// What it is for.
    pub description: Option<Description>,
    /// What it gives its members, each with its reach.
    pub permissions: BTreeMap<PermissionName, Reach>,
    /// The resources that fenced permissions of its members reach.
    pub fence: Fence,
    /// How many live memberships are in it.
    pub members: u64,
    /// Deleted: it gives nothing, lists nobody, and its name is free.
    pub deleted: bool,
}
