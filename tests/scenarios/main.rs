//! What five real products promise their administrators, walked through the one door.
//!
//! Each test is named by the number of the promise it walks (1 to 121); `C01` to `C25` are the
//! choices where the products contradict each other. `tests/README.md` lists them all, and a test
//! here holds that list to the truth.
#![allow(
    non_snake_case,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "names carry the number of the promise; a test that fails may panic"
)]

mod beyond;
mod contradictions;
mod handover;
mod listed;
mod s0_freshsuccess;
mod s1_help_desk;
mod s2_workspaces;
mod s3_thrivedesk;
mod s4_helprace;
mod stage;
