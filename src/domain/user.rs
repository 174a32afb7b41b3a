//! A person's login identity: it belongs to the person alone, and no organization edits it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    EmailAddress, FieldName, FieldValue, Head, IssuerName, OrganizationId, PasswordHash, Revision,
    SubjectName, Timestamp, UserId,
};

/// Where identities are unique: one realm for everybody, or one per organization (C23).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Realm {
    /// A person is one user in every organization.
    Shared,
    /// A person is another user in this organization than elsewhere.
    Organization(OrganizationId),
}

/// An identity that somebody else vouches for; compared exactly, and never by its email.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalIdentity {
    /// Who vouches.
    pub issuer: IssuerName,
    /// Whom they mean.
    pub subject: SubjectName,
}

/// A login identity in a realm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// Its identity.
    pub id: UserId,
    /// Where it is unique.
    pub realm: Realm,
    /// The address it signs in with, if it has one.
    pub email: Option<EmailAddress>,
    /// When the person proved that the mailbox is theirs; an unproven address binds nothing.
    pub email_verified_at: Option<Timestamp>,
    /// Identities that others vouch for.
    pub identities: BTreeSet<ExternalIdentity>,
    /// The host's password hash, if the person has a password.
    pub password: Option<PasswordHash>,
    /// Goes up when the password changes: a host that keeps it in its sessions can tell old ones.
    pub password_generation: Generation,
    /// Goes up when a reset is asked for, and when the password changes: older links are void.
    pub reset_generation: Generation,
    /// When reset mails were asked for lately: at most
    /// [`RESETS_PER_HOUR`](Self::RESETS_PER_HOUR) in one hour are sent.
    pub resets_asked_at: Vec<Timestamp>,
    /// Personal settings the host declares: theme, language, signature, notifications.
    pub settings: BTreeMap<FieldName, FieldValue>,
    /// How many live memberships are bound to it, in all organizations.
    pub memberships: u32,
    /// When it was erased; its personal data is gone then.
    pub erased_at: Option<Timestamp>,
    /// The end of its audit chain.
    pub head: Head,
    /// Counts every write, those of other streams included: the guard of a commit.
    pub version: Revision,
    /// When it came to be.
    pub created_at: Timestamp,
}

impl User {
    /// How many reset mails one person is sent in one hour.
    pub const RESETS_PER_HOUR: usize = 3;

    /// A user at the beginning: an address that is not verified, and nothing else.
    pub(crate) fn begin(
        id: UserId,
        realm: Realm,
        email: Option<EmailAddress>,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            realm,
            email,
            email_verified_at: None,
            identities: BTreeSet::new(),
            password: None,
            password_generation: Generation::default(),
            reset_generation: Generation::default(),
            resets_asked_at: Vec::new(),
            settings: BTreeMap::new(),
            memberships: 0,
            erased_at: None,
            head: Head::default(),
            version: Revision::NONE,
            created_at: now,
        }
    }

    /// The address, if the person has proved that it is theirs.
    pub fn verified_email(&self) -> Option<&EmailAddress> {
        self.email.as_ref().filter(|_| self.email_verified_at.is_some())
    }
}

/// Counts the links of one kind issued for one thing: only the newest works.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Generation(u32);

impl Generation {
    /// The first.
    pub const FIRST: Self = Self(1);

    pub(crate) const fn new(count: u32) -> Self {
        Self(count)
    }

    /// How many have been issued.
    pub const fn get(self) -> u32 {
        self.0
    }

    #[must_use]
    pub(crate) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}
