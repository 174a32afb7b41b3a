use async_trait::async_trait;

use crate::domain::{
    Batch, FoundItem, ItemId, KindName, Load, MembershipId, Moved, Scope, WorkCount, WorkKind,
};

/// The host's work: what people hold, and how it changes hands.
///
/// # Contract
/// A scope is an organization with everything in it, its workspaces too, or one workspace.
///
/// **`kinds`** says which kinds of work there are. It is asked once, when the directory is built.
///
/// **`survey`** counts what a person holds in a scope by kind, place and state, at most
/// [`MOST_COUNTS`](crate::domain::MOST_COUNTS) rows and none with zero items; it changes nothing.
///
/// **`look`** says where items lie, in which state, who holds them, and which batch was the last to
/// touch them; it changes nothing. What does not exist, or lies in no such scope, is left out.
///
/// **`loads`** says how many open items of a kind each of these people holds in a scope. Whoever is
/// left out has none.
///
/// **`move_batch`** moves items and remembers that it did, in one transaction.
/// * It moves exactly what the batch says: items of the kind, in the scope, in those states, that
///   lie in exactly that place, held by `from`; with `untouched_since`, only those that this batch
///   moved and to which nothing has been done since. Of these, the next ones behind `after` in an
///   order that does not change (by id), or those named.
/// * It changes who holds an item, and nothing else of it: not its state, not its dates. For
///   authored work it changes who is credited; the original author stays on record.
/// * It does something once under each name. Asked again under the same name, **whatever the rest
///   of the batch says**, it answers what it answered before and moves nothing. A batch without
///   items is no exception: it moves nothing, and then nothing is ever moved under its name.
/// * An item that is not moved although it was named, or that the host holds back, is said to be
///   skipped, with the reason. What is held back is looked at once: the next batch goes on behind
///   `more_after`.
/// * `more_after` is the last item looked at if there are more such items behind it, else none.
/// * It remembers for each item which batch moved it last, until anything else is done to the item:
///   a reply, a change of status, another holder. Being read is nothing.
///
/// An error means that it is asked again later; it may have been done or not.
///
/// [`workload_suite::verify`](crate::testing::workload_suite) checks all of this (feature
/// `testing`). `examples/offboarding/work.rs` is one on SQL.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Workload: Send + Sync {
    /// Which kinds of work there are.
    fn kinds(&self) -> Vec<WorkKind>;

    /// Counts what a person holds.
    async fn survey(
        &self,
        scope: Scope,
        holder: MembershipId,
    ) -> Result<Vec<WorkCount>, WorkloadError>;

    /// Looks at items by their names.
    async fn look(
        &self,
        scope: Scope,
        kind: &KindName,
        items: &[ItemId],
    ) -> Result<Vec<FoundItem>, WorkloadError>;

    /// Says who has how much.
    async fn loads(
        &self,
        scope: Scope,
        kind: &KindName,
        members: &[MembershipId],
    ) -> Result<Vec<Load>, WorkloadError>;

    /// Moves one batch, once.
    async fn move_batch(&self, batch: &Batch) -> Result<Moved, WorkloadError>;
}

/// The host's work could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("the workload could not be reached: {0}")]
pub struct WorkloadError(
    /// What the host's workload says: it is written to the log.
    pub String,
);
