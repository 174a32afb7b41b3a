//! What we need from the host: each port with its contract in prose.
//!
//! No port has a default method: a default is a promise that nobody tested.

mod clock;
mod entropy;
mod hint;
mod host_error;
mod mailer;
mod store;
mod transaction;
mod workload;

pub use clock::Clock;
pub use entropy::Entropy;
pub use hint::Hint;
pub use host_error::HostError;
pub use mailer::{Letter, LetterKind, Mailer, MailerError};
pub use store::{CommitError, Find, PeopleFilter, PeoplePosition, Store, StoreError};
pub use transaction::Transaction;
pub use workload::{Workload, WorkloadError};

#[cfg(feature = "testing")]
#[doc(hidden)]
pub use self::{
    clock::MockClock, entropy::MockEntropy, mailer::MockMailer, store::MockStore,
    workload::MockWorkload,
};
