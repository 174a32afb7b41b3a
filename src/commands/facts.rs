//! What a command is told of the world: it finds out nothing itself.

use std::sync::Arc;

use uuid::Uuid;

use crate::access::Catalogue;
use crate::domain::{
    CanonicalEmail, CommandId, Digest, KeyRing, OrganizationId, Principal, Source, Timestamp,
    WorkKind,
};

use super::Duties;

/// The time, the identities to use, who asks, and what the host has configured.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Facts {
    /// The instant at which the command is decided; taken once.
    pub now: Timestamp,
    /// Which execution this is.
    pub command: CommandId,
    /// Sixteen random bytes from which every identity of this execution follows.
    pub seed: [u8; 16],
    /// Who asks.
    pub principal: Principal,
    /// Which way in, for commands that bring people in; none leaves it to the command.
    pub source: Option<Source>,
    /// Whether the seats were found to be full: then the invitations that run out first are looked
    /// at, too. Without it a command that finds no seat is refused, whatever the rules.
    pub seats_are_full: bool,
    /// What was found out for rules that keep duties apart.
    pub(crate) duties: Duties,
    /// The host's configuration.
    pub host: Arc<Host>,
}

/// What the host configured once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Host {
    /// The permissions that there are.
    pub catalogue: Arc<Catalogue>,
    /// The keys of tokens, and of the digests that outlive an erasure.
    pub keys: KeyRing,
    /// The kinds of work that there are to hand over.
    pub work: Vec<WorkKind>,
}

impl Host {
    /// A host's configuration.
    pub fn new(catalogue: Catalogue, keys: KeyRing, work: Vec<WorkKind>) -> Self {
        Self { catalogue: Arc::new(catalogue), keys, work }
    }
}

impl Facts {
    /// Facts for one execution.
    pub fn new(now: Timestamp, seed: [u8; 16], principal: Principal, host: Arc<Host>) -> Self {
        let command = CommandId::new(identity(now, &seed, 0));
        let (source, seats_are_full, duties) = (None, false, Duties::default());
        Self { now, command, seed, principal, source, seats_are_full, duties, host }
    }

    /// The n-th identity of this execution, from 1: in the order of time, and unguessable.
    pub(crate) fn identity(&self, n: u32) -> Uuid {
        identity(self.now, &self.seed, n)
    }

    /// What recognises an erased person's address, under each of the host's keys.
    pub(crate) fn block_digests(&self, o: OrganizationId, address: &CanonicalEmail) -> Vec<Digest> {
        self.host.keys.digests(b"block", &[o.uuid().as_bytes(), address.as_str().as_bytes()])
    }
}

/// A version 7 UUID (RFC 9562): milliseconds, then bits that follow from the seed.
fn identity(now: Timestamp, seed: &[u8; 16], n: u32) -> Uuid {
    let bits = Digest::of(&[seed, &n.to_be_bytes()]);
    let mut random = [0; 10];
    for (slot, byte) in random.iter_mut().zip(bits.bytes()) {
        *slot = *byte;
    }
    uuid::Builder::from_unix_timestamp_millis(now.unix_millis(), &random).into_uuid()
}
