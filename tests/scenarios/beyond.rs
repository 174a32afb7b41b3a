//! Beyond.
