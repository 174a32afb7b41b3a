//! x
pub mod adapters;
pub mod domain;
pub mod ports;
#[cfg(feature = "testing")]
pub mod testing;
