//! What can go wrong when asking the directory.

use crate::domain::{BrokenChain, Invalid, Refusal};
use crate::ports::{HostError, StoreError, WorkloadError};

/// Why the directory did not do as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The domain says no; nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed; nothing has changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Others were first every time, or, in a transaction of the host, once; nothing has changed.
    /// Ask again; a transaction is rolled back, and prepared again.
    #[error("too many others change the same at once; ask again")]
    Contended,
    /// The store lost its answer and cannot be asked: it happened whole, or not at all. Ask again
    /// with the same idempotency key.
    #[error("whether it happened is not known yet; ask again with the same idempotency key")]
    OutcomeUnknown,
    /// The host's own part of a shared transaction failed; nothing of either has changed.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The host's transaction does not stand in the store: it was rolled back, or is not committed
    /// yet. No live view was told. Prepare again if it was rolled back; commit first, and
    /// publish after that, if it was not.
    #[error(
        "the transaction was rolled back or is not committed yet: prepare again, or commit before \
         publishing"
    )]
    NotCommitted,
    /// Another command of the same all-or-nothing batch was refused; nothing has changed.
    #[error("another command of the batch was refused, so this one was not done either")]
    RolledBack,
    /// It was cancelled before it was its turn; nothing has changed.
    #[error("cancelled before it was done")]
    Cancelled,
    /// It was done earlier under the same idempotency key, and what it answered has been erased.
    #[error("it was done before, and its answer has been erased since")]
    AnswerErased,
    /// The host's work could not be surveyed.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// The audit does not hold what was written into it.
    #[error(transparent)]
    Audit(#[from] BrokenChain),
    /// A permission of an enum that the builder was not told of.
    #[error(
        "the permission `{0}` belongs to an enum that was not declared; declare it when building"
    )]
    UndeclaredPermission(&'static str),
    /// An export could not be written.
    #[error("the export could not be written: {0}")]
    Export(#[from] csv::Error),
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::Refused(invalid.into())
    }
}

impl Error {
    /// The refusal, if that is what it is.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Store(_)
            | Self::Contended
            | Self::OutcomeUnknown
            | Self::Host(_)
            | Self::NotCommitted
            | Self::RolledBack
            | Self::Cancelled
            | Self::AnswerErased
            | Self::Workload(_)
            | Self::Audit(_)
            | Self::UndeclaredPermission(_)
            | Self::Export(_) => None,
        }
    }
}
