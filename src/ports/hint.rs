use crate::domain::{OrganizationId, Revision};

/// What a store that can push says about commits of other processes, so that live views need not
/// wait for their next poll. Hints may be late, come twice or be lost: a view is never relied on
/// longer than [`Keeping`](crate::directory::Keeping) says without asking the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// An organization has reached this revision.
    Committed {
        /// Which organization.
        organization: OrganizationId,
        /// At least this revision.
        revision: Revision,
    },
    /// Hints may have been lost: any organization may have changed.
    Missed,
}
