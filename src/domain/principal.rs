//! Who asks.

use super::{OrganizationId, SubjectName, SupportAccessId, UserId, VerifiedToken};

/// Who asks for something. It resolves to a standing (rank, permissions) in the organization asked
/// about; it carries none of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A signed-in person: a member of the organization, or not.
    Person(UserId),
    /// Whoever followed a genuine link.
    Bearer(VerifiedToken),
    /// The vendor's person, under an access that the customer gave.
    Support {
        /// The access.
        access: SupportAccessId,
        /// The vendor's own name for the person: must be the one who was let in.
        person: SubjectName,
    },
    /// A directory or sign-on connection of one organization.
    Provisioner {
        /// The organization it serves, and no other.
        organization: OrganizationId,
        /// Its name.
        connection: SubjectName,
    },
    /// The host itself: its jobs, its own vendor console, its migrations. Never a web request.
    System,
}

impl Principal {
    /// A short name for spans and refusals: no identity, no personal data.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Person(_) => "person",
            Self::Bearer(_) => "bearer",
            Self::Support { .. } => "support",
            Self::Provisioner { .. } => "provisioner",
            Self::System => "system",
        }
    }
}

impl From<UserId> for Principal {
    fn from(user: UserId) -> Self {
        Self::Person(user)
    }
}

impl From<VerifiedToken> for Principal {
    fn from(token: VerifiedToken) -> Self {
        Self::Bearer(token)
    }
}
