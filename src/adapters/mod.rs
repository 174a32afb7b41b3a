//! Ready-made answers to the [ports](crate::ports), each behind a feature; nothing above imports
//! them.

#[cfg(feature = "eml")]
pub mod eml;
#[cfg(feature = "memory")]
pub mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(feature = "system")]
pub mod system;
