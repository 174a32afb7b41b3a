use async_trait::async_trait;

use crate::domain::{HandoverId, MembershipId, Scope};

/// The host's work: what people hold, and how it changes hands.
///
/// # Contract
/// * `survey` counts what a person holds in a scope, by kind; it changes nothing.
/// * `move_batch` moves at most `limit` items from the holder to the receiver (or to nobody), and
///   leaves everything else of an item as it is: its state, its dates, its author unless
///   `moves_authorship` says otherwise (the original author stays on record even then).
/// * `move_batch` is idempotent by `(handover, number)`: asked again for the same batch it says what
///   it said before, and moves nothing more.
/// * `remaining` in its answer is `false` exactly when the holder held nothing more to move.
/// * An error means that the batch is asked for again later.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Workload: Send + Sync {
    /// Counts what a person holds.
    async fn survey(&self, scope: Scope, holder: MembershipId) -> Result<Survey, WorkloadError>;

    /// Moves the next items.
    async fn move_batch(&self, batch: &Batch) -> Result<Moved, WorkloadError>;
}

/// What a person holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// By kind of work.
    pub counts: Vec<WorkCount>,
}

/// How much of one kind of work a person holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkCount {
    /// The host's word for the kind: `tickets`.
    pub kind: String,
    /// Items that are still being worked on.
    pub open: u64,
    /// Items that are finished.
    pub closed: u64,
}

/// The next items to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// Which handover it belongs to.
    pub handover: HandoverId,
    /// Its number within the handover; the two together name the batch.
    pub number: u32,
    /// Where the work lies.
    pub scope: Scope,
    /// Who holds it.
    pub from: MembershipId,
    /// Who gets it; none means nobody.
    pub to: Option<MembershipId>,
    /// Whether authorship moves too (C13).
    pub moves_authorship: bool,
    /// At most this many items.
    pub limit: u32,
}

/// What a batch did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// How many items moved.
    pub items: u64,
    /// Whether the holder holds more to move.
    pub remaining: bool,
}

/// The host's work could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("the workload could not be reached: {0}")]
pub struct WorkloadError(
    /// What the host's workload says: it is written to the log.
    pub String,
);
