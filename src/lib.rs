//! x
extern crate self as tenure;
pub mod access;
pub mod commands;
pub mod domain;
pub mod ports;
pub use access::Permission;
