//! What becomes of a leaver's work.

use serde::{Deserialize, Serialize};

use super::{HandoverId, MembershipId, OrganizationId, Revision, Scope, Timestamp};

/// What is to become of a leaver's work (C9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// It stays where it is.
    Leave,
    /// Nobody holds it.
    Unassign,
    /// This member takes over all of it.
    To(MembershipId),
}

/// One transfer of one person's work, driven in batches after the person is out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Handover {
    /// Its identity.
    pub id: HandoverId,
    /// The organization it happens in.
    pub organization: OrganizationId,
    /// Where the work lies: the organization, or one workspace.
    pub scope: Scope,
    /// Who held the work.
    pub from: MembershipId,
    /// Who gets it; none means that nobody holds it.
    pub to: Option<MembershipId>,
    /// Whether authorship moves too (C13); the original author stays on record either way.
    pub moves_authorship: bool,
    /// How far it is.
    pub status: HandoverStatus,
    /// How many batches have been acknowledged; with the id it names the next batch.
    pub batches: u32,
    /// How many items have moved.
    pub moved: u64,
    /// When its next batch is due; somebody working on it puts it off (a lease).
    pub due_at: Timestamp,
    /// Counts its writes: the guard of the next.
    pub version: Revision,
}

/// How far a handover is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandoverStatus {
    /// There may be more to move.
    Running,
    /// Everything surveyed has moved.
    Done,
    /// Whoever left came back before everything had moved, and keeps the rest.
    Returned,
    /// The receiver can no longer receive, or the leaver is back; somebody has to choose again.
    Stuck,
}
