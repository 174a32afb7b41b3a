//! The operating system's clock and randomness.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_timer::Delay;

use crate::domain::Timestamp;
use crate::ports::{Clock, Entropy};

/// The operating system's clock; its `sleep` works on any runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        time::OffsetDateTime::from(SystemTime::now()).into()
    }

    async fn sleep(&self, duration: Duration) {
        Delay::new(duration).await;
    }
}

/// The operating system's randomness.
///
/// # Panics
/// `draw` panics when the system gives no randomness. That does not happen on a system that works,
/// and there is nothing sensible to do instead: any other sixteen bytes could be guessed, or could
/// have been given before.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::panic, reason = "an identity that can be guessed is worse than none")]
    fn draw(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        match getrandom::fill(&mut bytes) {
            Ok(()) => bytes,
            Err(error) => panic!("the operating system gives no randomness: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_differs() {
        assert_ne!(SystemEntropy.draw(), SystemEntropy.draw());
    }

    #[test]
    fn the_clock_tells_a_time_after_this_was_written() {
        assert!(SystemClock.now() > Timestamp::from_micros(1_760_000_000_000_000));
    }
}
