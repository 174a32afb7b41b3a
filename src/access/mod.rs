//! Pure questions: who may do what, how far, and because of what.

mod catalogue;
mod evaluate;
mod extent;
pub mod live;
mod standing;

pub use catalogue::{Catalogue, Management, Permission};
pub(crate) use catalogue::{FAST, number_at};
pub use evaluate::{Because, Decision, MemberView, Missing};
pub use extent::{Alternative, Extent, Item};
pub use standing::Standing;
pub(crate) use standing::{lasting, may_hold, view};
