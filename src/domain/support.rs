//! A vendor's person let in by the customer ("super users"): no seat, no work, listed apart.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    MembershipId, OrganizationId, PermissionName, Reason, SubjectName, SupportAccessId, Timestamp,
};

/// What the customer consented to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SupportAccess {
    /// Its identity.
    pub id: SupportAccessId,
    /// Who let the person in.
    pub organization: OrganizationId,
    /// The vendor's own name for its person.
    pub person: SubjectName,
    /// What they may do, and nothing else.
    pub permissions: BTreeSet<PermissionName>,
    /// Who consented; none means the system, for standing access (C20).
    pub given_by: Option<MembershipId>,
    /// What for.
    pub reason: Reason,
    /// From when.
    pub from: Timestamp,
    /// The first instant at which it no longer holds; none means standing (C20).
    pub until: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl SupportAccess {
    /// Whether it holds at an instant.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.from <= now && self.until.is_none_or(|until| now < until)
    }
}
