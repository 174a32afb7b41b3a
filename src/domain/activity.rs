//! When a member was last here: operational, never part of the audit chain.

use serde::{Deserialize, Serialize};

use super::{MembershipId, OrganizationId, Revision, Span, Timestamp};

/// When a member signed in and was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Activity {
    /// Whose.
    pub membership: MembershipId,
    /// In which organization.
    pub organization: OrganizationId,
    /// The last sign-in.
    pub signed_in_at: Option<Timestamp>,
    /// How many sign-ins there were.
    pub sign_ins: u64,
    /// The last sign of presence.
    pub seen_at: Option<Timestamp>,
    /// Counts its writes: the guard of the next.
    pub version: Revision,
}

impl Activity {
    /// Somebody seen this recently counts as online (C16).
    pub const ONLINE_FOR: Span = Span::seconds(300);

    /// Whether the person counts as online.
    pub fn is_online(&self, now: Timestamp) -> bool {
        self.seen_at.is_some_and(|seen| now < seen.plus(Self::ONLINE_FOR))
    }
}
