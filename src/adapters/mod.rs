//! Ports fulfilled, each behind a feature. Nothing above imports this; a host chooses.

#[cfg(feature = "sqlite")]
pub mod sqlite;
