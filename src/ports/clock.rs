use std::time::Duration;

use async_trait::async_trait;

use crate::domain::Timestamp;

/// What time it is.
///
/// # Contract
/// `now` may jump, also backwards: nothing depends on it but expiry, and for how long one makes way
/// for other processes; every order that matters comes from revisions. `sleep` returns after about
/// the duration; it is used for back-off only, never for correctness, so a test's clock may return
/// at once.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Waits.
    async fn sleep(&self, duration: Duration);
}
