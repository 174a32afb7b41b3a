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

pub use access::Permission;
pub use directory::UserDirectory;
