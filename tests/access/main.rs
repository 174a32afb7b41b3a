//! The pure questions and the live view, held against an evaluator written apart from them.
//!
//! | module | holds |
//! | --- | --- |
//! | `oracle` | who may do what, as naively as it can be said |
//! | `worlds` | 100,000 small random worlds: the oracle, the evaluation and the live view agree |
//! | `stories` | worlds that change: a view that is told agrees with one that is built anew |
//! | `because` | each cause that is named is one: take it away and the decision changes |
//! | `table` | role × permission × reach × status, as a file to be read |
//! | `products` | the role sets of five products, asked through the live view |
//! | `visible` | 10,000 things: one by one, as a condition, and as SQL |
//! | `threads` | nobody is let in who was shut out, however much is changed meanwhile |
#![allow(
    non_snake_case,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::wildcard_enum_match_arm,
    reason = "names carry the number of a promise; a test fails by panicking, and its numbers are small"
)]

mod because;
mod oracle;
mod products;
mod random;
mod stories;
mod table;
mod threads;
mod visible;
mod world;
mod worlds;
