//! More for a while: a role or permissions from one instant until another.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{GrantId, MembershipId, PermissionName, Reach, Reason, RoleName, Timestamp};

/// What a grant gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// All that a role gives, its rank and whom its holders may assign; never one that keeps the
    /// organization (I1).
    Role(RoleName),
    /// These permissions, each with its reach.
    Permissions(BTreeMap<PermissionName, Reach>),
}

/// A role or permissions that a member holds for a while, beside their own role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Grant {
    /// Its identity.
    pub id: GrantId,
    /// What it gives.
    pub gives: Given,
    /// The first instant at which it holds.
    pub from: Timestamp,
    /// The first instant at which it no longer holds.
    pub until: Timestamp,
    /// What for.
    pub reason: Reason,
    /// Who gave it; none means the host itself.
    pub giver: Option<MembershipId>,
}

impl Grant {
    /// Whether it holds at an instant: time alone ends it, nothing has to run.
    pub fn runs(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}
