//! The record of every change: one entry for each committed command, each stream a hash chain.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    CommandId, Event, Key, MembershipId, OrganizationId, Purpose, Reason, Revision, Source,
    SubjectName, SupportAccessId, Timestamp, UserId,
};

/// What has a history of its own: its commands are ordered, and its entries chained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// One organization.
    Organization(OrganizationId),
    /// One user.
    User(UserId),
}

impl Stream {
    /// The record whose history it is.
    pub const fn key(self) -> Key {
        match self {
            Self::Organization(id) => Key::Organization(id),
            Self::User(id) => Key::User(id),
        }
    }
}

/// A SHA-256 digest; text form: base64url.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of the parts, each with its length before it, so that no two lists collide.
    pub(crate) fn of(parts: &[&[u8]]) -> Self {
        let mut sha = Sha256::new();
        for part in parts {
            sha.update((part.len() as u64).to_be_bytes());
            sha.update(part);
        }
        Self(sha.finalize().into())
    }

    /// The 32 bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| "a digest is base64url")?;
        bytes.try_into().map(Self).map_err(|_| "a digest has 32 bytes")
    }
}

/// The end of a chain: export it, and nobody can rewrite what came before unseen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The position of the last entry; 0 for an empty chain.
    pub position: Revision,
    /// Its hash.
    pub hash: Digest,
}

/// Who did it, in the audit's words: identities only, no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A signed-in person, and as which member, if they are one.
    Person {
        /// The person.
        user: UserId,
        /// Their membership in the organization.
        membership: Option<MembershipId>,
    },
    /// Whoever followed a link.
    Bearer {
        /// What the link was for.
        purpose: Purpose,
        /// The invitation or user it named.
        subject: uuid::Uuid,
    },
    /// The vendor's person.
    Support {
        /// The access they were given.
        access: SupportAccessId,
        /// The vendor's own name for them.
        person: SubjectName,
    },
    /// A directory or sign-on connection.
    Provisioner {
        /// Its name.
        connection: SubjectName,
    },
    /// The host itself.
    System,
}

/// One committed command. It holds no personal data: that is in the [`EntryDetail`] beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entry {
    /// Which chain it belongs to.
    pub stream: Stream,
    /// Its place in the chain, from 1.
    pub position: Revision,
    /// When it was decided.
    pub at: Timestamp,
    /// Which execution of a command it records.
    pub command_id: CommandId,
    /// The command's name.
    pub command: String,
    /// Who asked.
    pub actor: Actor,
    /// Which way in it came, for commands that bring people in.
    pub source: Option<Source>,
    /// The names of what happened, in order.
    pub events: Vec<String>,
    /// The memberships that it is about.
    pub subjects: Vec<MembershipId>,
    /// Seats in use after it; the steps from entry to entry make seat-days.
    pub seats_used: Option<u64>,
    /// Binds the detail without revealing it: a digest over a salt and the detail.
    pub commitment: Digest,
    /// The hash of the entry before; zeros for the first.
    pub previous: Digest,
    /// The hash of this entry.
    pub hash: Digest,
}

impl Entry {
    /// The entry's own hash, computed again from what it says.
    ///
    /// A field that a later version adds is left out where it is absent, so that older entries go on
    /// hashing as they did.
    pub fn computed_hash(&self) -> Digest {
        if self.hash != Digest::default() {
            return Self { hash: Digest::default(), ..self.clone() }.computed_hash();
        }
        // INVARIANT: an entry has only string keys and finite numbers, so it always serialises.
        Digest::of(&[&serde_json::to_vec(self).unwrap_or_default()])
    }
}

/// What happened, in full, with personal data; erased when the person is.
///
/// It is kept as the text that was committed to, so that it verifies whatever later versions of the
/// events look like.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryDetail {
    /// Random, so that the commitment does not tell what it commits to.
    salt: uuid::Uuid,
    /// Reason and events as JSON.
    text: String,
}

/// Personal data: logs that print with `{:?}` see nothing of it.
impl std::fmt::Debug for EntryDetail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EntryDetail(…)")
    }
}

#[derive(Serialize)]
struct Told<'t> {
    reason: Option<&'t Reason>,
    events: &'t [Event],
}

#[derive(Deserialize)]
struct Read {
    reason: Option<Reason>,
    events: Vec<Event>,
}

/// A detail was written by a version of this crate that knew other events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the detail of an audit entry holds an event that this version does not know")]
pub struct UnknownEvent;

impl EntryDetail {
    pub(crate) fn new(salt: uuid::Uuid, reason: Option<&Reason>, events: &[Event]) -> Self {
        // INVARIANT: reasons and events have only string keys, so they always serialise.
        let text = serde_json::to_string(&Told { reason, events }).unwrap_or_default();
        Self { salt, text }
    }

    /// Why, in the words of whoever asked.
    ///
    /// # Errors
    /// [`UnknownEvent`] when a newer version wrote the detail.
    pub fn reason(&self) -> Result<Option<Reason>, UnknownEvent> {
        Ok(self.read()?.reason)
    }

    /// What happened, in order.
    ///
    /// # Errors
    /// [`UnknownEvent`] when a newer version wrote the detail.
    pub fn events(&self) -> Result<Vec<Event>, UnknownEvent> {
        Ok(self.read()?.events)
    }

    fn read(&self) -> Result<Read, UnknownEvent> {
        serde_json::from_str(&self.text).map_err(|_| UnknownEvent)
    }

    /// What the entry's commitment must be.
    pub fn commitment(&self) -> Digest {
        Digest::of(&[self.salt.as_bytes(), self.text.as_bytes()])
    }
}

/// Where an entry stands in the feed over all streams; later entries have higher positions.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct FeedPosition(pub u64);

/// An entry as it is read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Logged {
    /// Where it stands in the feed, said when it is read as part of the feed. Read in another way it
    /// may be 0 instead: a store may number the feed when it is first asked for.
    pub feed: FeedPosition,
    /// The entry.
    pub entry: Entry,
    /// What happened in full; gone once the person it is about was erased.
    pub detail: Option<EntryDetail>,
}

impl Logged {
    /// An entry with its place and its detail: for stores, which read them apart.
    pub const fn new(feed: FeedPosition, entry: Entry, detail: Option<EntryDetail>) -> Self {
        Self { feed, entry, detail }
    }
}

/// Why a chain does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit chain is broken at position {position}: {what}")]
#[non_exhaustive]
pub struct BrokenChain {
    /// Where.
    pub position: Revision,
    /// What does not hold.
    pub what: &'static str,
}

/// Checks that entries continue a chain, each with its detail as committed to or erased.
pub fn verify_chain<'e>(
    from: Head,
    entries: impl IntoIterator<Item = &'e Logged>,
) -> Result<Head, BrokenChain> {
    let mut head = from;
    for Logged { entry, detail, .. } in entries {
        let broken = |what| Err(BrokenChain { position: entry.position, what });
        if entry.position != head.position.next() {
            return broken("an entry is missing or stands twice");
        }
        if entry.previous != head.hash {
            return broken("it does not continue the entry before");
        }
        if entry.hash != entry.computed_hash() {
            return broken("the entry was changed");
        }
        if detail.as_ref().is_some_and(|detail| detail.commitment() != entry.commitment) {
            return broken("its detail was changed");
        }
        head = Head { position: entry.position, hash: entry.hash };
    }
    Ok(head)
}
