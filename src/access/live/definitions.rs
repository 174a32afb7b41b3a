//! What the members of a view share: roles, teams, support, and whether the place works.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::mask::Mask;
use crate::access::Because;
use crate::access::evaluate::not_working;
use crate::domain::{OrganizationStatus, Role, SupportAccess, SupportAccessId, Team};

/// A role or a team with its permissions as bits.
#[derive(Clone, Debug)]
pub(super) struct Compiled<T> {
    pub(super) it: T,
    pub(super) mask: Mask,
}

/// One state of what is shared; a change publishes another.
#[derive(Clone, Debug)]
pub(super) struct Definitions {
    pub(super) organization: OrganizationStatus,
    /// Whether the workspace is closed, if the view is one of a workspace.
    pub(super) closed: bool,
    /// By number; a number is never used for another role.
    pub(super) roles: Vec<Option<Arc<Compiled<Role>>>>,
    /// By number; none once the team is deleted.
    pub(super) teams: Vec<Option<Arc<Compiled<Team>>>>,
    pub(super) supports: BTreeMap<SupportAccessId, Arc<SupportAccess>>,
}

impl Definitions {
    pub(super) fn role(&self, number: u32) -> Option<&Compiled<Role>> {
        self.roles.get(number as usize)?.as_deref()
    }

    pub(super) fn team(&self, number: u32) -> Option<&Compiled<Team>> {
        self.teams.get(number as usize)?.as_deref()
    }

    pub(super) fn works(&self) -> bool {
        self.not_working().is_none()
    }

    /// Why nobody may do anything here, if so.
    pub(super) fn not_working(&self) -> Option<Because> {
        not_working(self.organization, self.closed)
    }
}
