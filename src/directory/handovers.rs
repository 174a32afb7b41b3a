//! Driving handovers (stub, being rewritten).

use super::maintain::{Maintained, Maintenance};
use super::{Error, UserDirectory};

impl UserDirectory {
    #[expect(clippy::unused_async, clippy::unnecessary_wraps, clippy::unused_self, reason = "stub")]
    pub(super) async fn hand_over(&self, _: Maintenance, _: &mut Maintained) -> Result<(), Error> {
        Ok(())
    }
}
