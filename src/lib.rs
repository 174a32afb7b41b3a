#![doc = include_str!("../README.md")]
//!
//! # The floors
//!
//! | floor | what lives there |
//! | --- | --- |
//! | [`directory`] | the one door: [`UserDirectory`], and the only code that does I/O through ports |
//! | [`commands`] | pure answers: what each intent requires, has to know, and leads to |
//! | [`access`] | pure questions: who may do what, how far, and because of what |
//! | [`domain`] | pure nouns: what there is and what can become of it |
//! | [`ports`] | what we need from the host: store, mailer, clock, entropy, workload |
//! | [`adapters`] | ready-made answers to the ports, each behind a feature |
//! | `testing` | the cast, strategies, fakes, the model and the conformance suites (feature `testing`) |

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
pub use directory::{
    Access, Batching, Done, Error, Prepared, Preview, Request, SessionStamp, UserDirectory, Written,
};
pub use domain::{
    EmailAddress, KeyRing, Principal, Profile, Reach, Realm, Refusal, Role, Rules, Scope, Token,
};
pub use ports::{Clock, Entropy, Mailer, Store, Workload};
