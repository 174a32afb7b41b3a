//! x
extern crate self as tenure;

pub mod access;
pub mod adapters;
pub mod commands;
pub mod directory;
pub mod domain;
pub mod ports;
#[cfg(feature = "testing")]
pub mod testing;

pub use access::{Because, Catalogue, Decision, Item, Management, Permission};
pub use commands::{Command, CommandName, Intent, Requirement};
pub use directory::{Batching, Done, Error, Preview, Request, SessionStamp, UserDirectory};
pub use domain::{
    EmailAddress, KeyRing, Principal, Profile, Reach, Realm, Refusal, Role, Rules, Scope, Token,
};
pub use ports::{Clock, Entropy, Mailer, Store, Workload};
