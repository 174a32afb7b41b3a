//! Offers of membership.

use serde::{Deserialize, Serialize};

use super::{EmailAddress, Generation, InvitationId, MembershipId, OrganizationId, Timestamp};

/// An offer, with its own identity, of the memberships that it will activate.
///
/// That it has *expired* is derived from the clock; that it has *lapsed* (and its seat is free) is
/// an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Invitation {
    /// Its identity, the subject of its links.
    pub id: InvitationId,
    /// The organization that invites.
    pub organization: OrganizationId,
    /// To whom it was sent; gone after erasure.
    pub email: Option<EmailAddress>,
    /// The memberships it activates: one in the organization, perhaps one in a workspace.
    pub memberships: Vec<MembershipId>,
    /// Who invites; accepting checks their standing again. None means the system.
    pub issuer: Option<MembershipId>,
    /// What has become of it.
    pub status: InvitationStatus,
    /// Goes up each time it is sent: older links are void.
    pub generation: Generation,
    /// The first instant at which its newest link no longer works.
    pub expires_at: Timestamp,
    /// How often it was sent.
    pub times_sent: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Invitation {
    /// Whether its newest link has run out.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// Whether it still waits for an answer (expired or not).
    pub const fn is_open(&self) -> bool {
        matches!(self.status, InvitationStatus::Open)
    }
}

/// What has become of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationStatus {
    /// It waits for an answer.
    Open,
    /// It ran out, and its seat is free; sending it again opens it.
    Lapsed,
    /// The person accepted.
    Accepted,
    /// The person declined.
    Declined,
    /// It was taken back.
    Revoked,
}

impl InvitationStatus {
    /// Its stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Lapsed => "lapsed",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Revoked => "revoked",
        }
    }
}
