//! Identities: one type for each kind of thing, so that none stands in for another.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The identity a host already knows, for example from its own table.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The sixteen bytes as a UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )+};
}

ids! {
    /// Names an [`Organization`](super::Organization).
    OrganizationId;
    /// Names a [`Workspace`](super::Workspace).
    WorkspaceId;
    /// Names a [`User`](super::User).
    UserId;
    /// Names a [`Membership`](super::Membership).
    MembershipId;
    /// Names an [`Invitation`](super::Invitation).
    InvitationId;
    /// Names a [`Team`](super::Team).
    TeamId;
    /// Names a [`SupportAccess`](super::SupportAccess).
    SupportAccessId;
    /// Names a [`Grant`](super::Grant).
    GrantId;
    /// Names a [`Handover`](super::Handover).
    HandoverId;
    /// Names a [`Mail`](super::Mail): stable over every attempt to deliver it.
    MailId;
    /// Names one execution of one command.
    CommandId;
}
