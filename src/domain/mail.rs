//! Mail that a commit makes due: it names what it is about and never holds a link.

use serde::{Deserialize, Serialize};

use super::{
    Generation, InvitationId, MailId, MembershipId, OrganizationId, Revision, Timestamp, UserId,
};

/// One mail in the outbox. The link is made, from what the record says then, at sending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Mail {
    /// Its identity, the same at every attempt.
    pub id: MailId,
    /// The organization it is about, if it is about one.
    pub organization: Option<OrganizationId>,
    /// What it says.
    pub about: MailAbout,
    /// When to try next; somebody trying puts it off (a lease).
    pub due_at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// Counts its writes: the guard of the next.
    pub version: Revision,
}

/// What a mail says, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailAbout {
    /// You are invited; the link is of this generation.
    Invitation {
        /// Which invitation.
        invitation: InvitationId,
        /// The only link it may carry.
        generation: Generation,
    },
    /// You can choose a new password; the link is of this generation.
    PasswordReset {
        /// Whose password.
        user: UserId,
        /// The only link it may carry.
        generation: Generation,
    },
    /// You are offered a role that keeps the organization.
    OwnershipOffer {
        /// Who is offered it.
        membership: MembershipId,
    },
}
