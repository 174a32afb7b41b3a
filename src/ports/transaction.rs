use std::future::Future;

use crate::domain::ChangeSet;

use super::CommitError;

/// A transaction of the host that a change-set becomes a part of: what the host writes in it and
/// what the directory writes are committed together, or neither is.
///
/// # Contract
/// `write` does what [`Store::commit`](super::Store::commit) does, with the same guards, claims and
/// conflicts, but leaves it to the host's transaction whether and when it is committed. After any
/// error the host rolls its transaction back: then nothing of either is written.
pub trait Transaction: Send {
    /// Writes a change-set as a part of the transaction, only if its guards still hold.
    fn write(self, changes: ChangeSet) -> impl Future<Output = Result<(), CommitError>> + Send;
}
