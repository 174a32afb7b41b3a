//! What a host needs to test itself and its adapters (feature `testing`).
//!
//! * [`store_suite`]: proof that a store keeps the whole contract of [`Store`](crate::ports::Store).
//! * [`workload_suite`]: the same for a host's [`Workload`](crate::ports::Workload).
//! * [`races`]: the whole directory, asked by several processes at once, on any store.
//! * [`cast`]: a fixed cast at a fixed company.
//! * [`strategies`]: addresses, names, roles, rules and whole stories for property tests (`proptest`).
//! * [`model`]: a small reference model that says what must come of each step of a story.
//! * [`world`]: random organizations of any size, as records.
//! * [`SharedStore`]: one store for several directories, as several processes have it.
//! * [`Strict`]: a store that lets nobody leave a record without what it rests on.
//! * [`FakeClock`], [`FakeEntropy`], [`Postbox`], [`FakeWorkload`]: ports that do what a test says.
//!   They work; a test looks at what they did.
//! * [`MockStore`], [`MockMailer`], [`MockClock`], [`MockEntropy`], [`MockWorkload`]: ports that
//!   answer what a test expects, call by call (`mockall`). Prefer a fake; a mock is for the one
//!   failure that a fake cannot have.

pub mod cast;
mod fakes;
pub mod model;
pub mod races;
mod shared;
pub mod store_suite;
pub mod strategies;
mod strict;
mod thread;
mod work;
pub mod workload_suite;
pub mod world;

#[doc(inline)]
pub use crate::ports::{MockClock, MockEntropy, MockMailer, MockStore, MockWorkload};
pub use fakes::{FakeClock, FakeEntropy, Postbox};
pub use shared::SharedStore;
pub use strict::Strict;
pub use work::{FakeWorkload, WorkItem};
