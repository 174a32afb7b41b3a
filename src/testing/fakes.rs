//! Ports that work, in memory, and do what a test tells them. Clones share what they hold, so a
//! test keeps one and hands the other over.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::{Digest, Span, Timestamp};
use crate::ports::{Clock, Entropy, Letter, Mailer, MailerError};

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A clock that stands still until a test moves it. Its `sleep` returns at once.
#[derive(Clone, Debug)]
pub struct FakeClock(Arc<AtomicI64>);

impl FakeClock {
    /// A clock at an instant.
    pub fn at(instant: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(instant.micros())))
    }

    /// Moves it to an instant, also back.
    pub fn set(&self, instant: Timestamp) {
        self.0.store(instant.micros(), Ordering::SeqCst);
    }

    /// Moves it on.
    pub fn advance(&self, span: Span) {
        self.set(self.now().plus(span));
    }
}

/// A Monday: 2026-11-23T09:00:00Z.
impl Default for FakeClock {
    fn default() -> Self {
        Self::at(Timestamp::from_micros(1_795_424_400_000_000))
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }

    async fn sleep(&self, _: Duration) {}
}

/// Randomness that is the same in every run: only the seed and the count decide what is drawn.
#[derive(Clone, Debug, Default)]
pub struct FakeEntropy {
    seed: u64,
    drawn: Arc<AtomicU64>,
}

impl FakeEntropy {
    /// Randomness from a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }
}

impl Entropy for FakeEntropy {
    fn draw(&self) -> [u8; 16] {
        let count = self.drawn.fetch_add(1, Ordering::SeqCst);
        let digest = Digest::of(&[&self.seed.to_be_bytes(), &count.to_be_bytes()]);
        let (bytes, _) = digest.bytes().split_first_chunk().unwrap_or((&[0; 16], &[]));
        *bytes
    }
}

/// A mailer that keeps letters until a test takes them.
#[derive(Clone, Debug, Default)]
pub struct Postbox(Arc<Mutex<Posted>>);

#[derive(Debug, Default)]
struct Posted {
    letters: Vec<Letter>,
    failures: u32,
}

impl Postbox {
    /// An empty postbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the letters out, in the order in which they were sent; a letter sent twice is there
    /// twice.
    pub fn take(&self) -> Vec<Letter> {
        std::mem::take(&mut locked(&self.0).letters)
    }

    /// Fails the next sends, this many.
    pub fn fail_next(&self, sends: u32) {
        locked(&self.0).failures = sends;
    }
}

#[async_trait]
impl Mailer for Postbox {
    async fn send(&self, letter: &Letter) -> Result<(), MailerError> {
        let mut posted = locked(&self.0);
        if posted.failures > 0 {
            posted.failures -= 1;
            return Err(MailerError("the postbox was told to fail".to_owned()));
        }
        posted.letters.push(letter.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn randomness_depends_on_the_seed_and_the_count_alone() {
        let (one, same, other) = (FakeEntropy::new(7), FakeEntropy::new(7), FakeEntropy::new(8));
        let drawn = one.draw();
        assert_eq!(drawn, same.draw());
        assert_ne!(drawn, other.draw());
        assert_ne!(drawn, one.clone().draw());
    }
}
