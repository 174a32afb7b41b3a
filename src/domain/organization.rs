//! The tenant: what isolates, is billed and is closed; and its optional subdivisions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Grant, GrantId, Head, OrganizationId, OrganizationName, Realm, Role, RoleName, Rules,
    StatusName, Timestamp, WorkspaceId, WorkspaceName,
};

/// Counts the commands that a stream (an organization or a user) has committed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(u64);

impl Revision {
    /// The revision of something that does not exist yet.
    pub const NONE: Self = Self(0);

    /// The revision after this many commands.
    pub const fn new(commands: u64) -> Self {
        Self(commands)
    }

    /// How many commands were committed.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The revision one command later.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl std::fmt::Display for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a membership holds: an organization, or one workspace in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// The organization.
    pub organization: OrganizationId,
    /// The workspace in it; none means the organization itself.
    #[serde(default)]
    pub workspace: Option<WorkspaceId>,
}

impl Scope {
    /// One workspace of an organization.
    pub const fn workspace(organization: OrganizationId, workspace: WorkspaceId) -> Self {
        Self { organization, workspace: Some(workspace) }
    }

    /// The organization that this scope lies in, as a scope.
    #[must_use]
    pub const fn whole(self) -> Self {
        Self { organization: self.organization, workspace: None }
    }
}

impl From<OrganizationId> for Scope {
    fn from(organization: OrganizationId) -> Self {
        Self { organization, workspace: None }
    }
}

/// What an organization as a whole may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum OrganizationStatus {
    /// Everything works.
    Active,
    /// Nobody passes a check; nothing changes until it is resumed.
    Suspended {
        /// When it was suspended.
        since: Timestamp,
    },
    /// Nobody passes a check; it can still be resumed until the date.
    Closing {
        /// When it becomes closed.
        until: Timestamp,
    },
    /// It is history.
    Closed {
        /// When it was closed.
        since: Timestamp,
    },
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Organization {
    /// Its identity.
    pub id: OrganizationId,
    /// What it is called.
    pub name: OrganizationName,
    /// Where its people's users live (C23).
    pub realm: Realm,
    /// What it may do.
    pub status: OrganizationStatus,
    /// What the host chose for it.
    pub rules: Rules,
    /// At most this many seats in use; none means no limit.
    pub seat_limit: Option<u32>,
    /// How many memberships of the organization have which role and status.
    pub tally: Tally,
    /// The same for all memberships of all its workspaces together.
    pub workspaces_tally: Tally,
    /// The roles that grants give: what a role that is deleted or edited must not pull away.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub granted: BTreeMap<RoleName, Granted>,
    /// How many people have been removed; the next is `Former member` with this number plus one.
    pub former_members: u64,
    /// The end of its audit chain; its position is the organization's [`Revision`].
    pub head: Head,
    /// When it was founded.
    pub founded_at: Timestamp,
}

impl Organization {
    /// How many commands it has committed.
    pub const fn revision(&self) -> Revision {
        self.head.position
    }

    /// Seats in use: people whose role takes a seat and whose status counts (C10).
    ///
    /// Only stored status counts, so the number never changes with time alone.
    pub fn seats_used<'r>(&self, roles: impl IntoIterator<Item = &'r Role>) -> u64 {
        roles
            .into_iter()
            .filter(|role| role.takes_seat)
            .flat_map(|role| {
                StatusName::ALL
                    .into_iter()
                    .filter(|&status| self.rules.seats.counts(status))
                    .map(|status| self.tally.count(&role.name, status))
            })
            .sum()
    }
}

/// The grants of one role that stand in the records of memberships, over or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Granted {
    /// How many there are.
    pub grants: u64,
    /// None of them holds from this instant on; they may all be over, or taken back, before.
    pub until: Timestamp,
}

impl Organization {
    /// The grants that may still give a role at an instant; none means that certainly none does.
    pub fn granted(&self, role: &RoleName, now: Timestamp) -> Option<Granted> {
        self.granted.get(role).copied().filter(|it| now < it.until)
    }

    /// Counts the grants of one membership, which were these and are those.
    pub(crate) fn count_grants(
        &mut self,
        were: &BTreeMap<GrantId, Grant>,
        are: &BTreeMap<GrantId, Grant>,
    ) {
        for role in were.values().filter_map(Grant::role) {
            if let Some(it) = self.granted.get_mut(role) {
                it.grants = it.grants.saturating_sub(1);
            }
        }
        self.granted.retain(|_, it| it.grants > 0);
        for grant in are.values() {
            if let Some(role) = grant.role() {
                let it = self.granted.entry(role.clone()).or_default();
                it.grants += 1;
                it.until = it.until.max(grant.until);
            }
        }
    }
}

/// How many memberships of one scope have which role and status; a removed one is not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tally(BTreeMap<RoleName, BTreeMap<StatusName, u64>>);

impl Tally {
    /// How many have this role and this status.
    pub fn count(&self, role: &RoleName, status: StatusName) -> u64 {
        self.0.get(role).and_then(|row| row.get(&status)).copied().unwrap_or(0)
    }

    /// How many have this status, whatever their role.
    pub fn with_status(&self, status: StatusName) -> u64 {
        self.0.values().filter_map(|row| row.get(&status)).sum()
    }

    /// How many have this role, whatever their status.
    pub fn with_role(&self, role: &RoleName) -> u64 {
        self.0.get(role).map_or(0, |row| row.values().sum())
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.0.values().flat_map(BTreeMap::values).sum()
    }

    pub(crate) fn add(&mut self, role: &RoleName, status: StatusName) {
        if let Some(row) = self.0.get_mut(role) {
            *row.entry(status).or_default() += 1;
        } else {
            self.0.insert(role.clone(), BTreeMap::from([(status, 1)]));
        }
    }

    pub(crate) fn subtract(&mut self, role: &RoleName, status: StatusName) {
        if let Some(row) = self.0.get_mut(role) {
            if let Some(count) = row.get_mut(&status) {
                *count = count.saturating_sub(1);
            }
            row.retain(|_, count| *count > 0);
            if row.is_empty() {
                self.0.remove(role);
            }
        }
    }
}

/// A subdivision of an organization with members of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Workspace {
    /// Its identity.
    pub id: WorkspaceId,
    /// The organization it belongs to.
    pub organization: OrganizationId,
    /// What it is called.
    pub name: WorkspaceName,
    /// When it was closed, if it was: then nobody passes a check in it.
    pub closed_at: Option<Timestamp>,
    /// How many memberships of the workspace have which role and status.
    pub tally: Tally,
}
