//! How the batches of a stream keep out of the way of other processes.
//!
//! Of those who commit at once the first one wins, and the others have worked in vain. Were each to
//! try again at once, the winner would often be first again: it need not load what it has written.
//! So a stream for which processes contend has a window here, and a batch waits for a random part
//! of it before it begins: into its second half if the batch before was committed, so that others
//! have their turn; for less the oftener it has lost.
//!
//! The window widens with each loss. It narrows with each commit that came in between those of
//! others, by more the wider it is, so that all who contend come to have the same one. Whoever
//! commits again and again and meets nobody may be alone, or may be in everybody's way: their
//! window stays as it is, until they have been alone for so long that it is forgotten.
//!
//! While one waits, more commands gather in its lane and share its commit: what is lost in commits
//! is won in their size. All measures are in attempts, as long as they have lately been, so that a
//! slow store has wide windows.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::{Guard, Key, Revision, State, Stream, Timestamp};
use crate::ports::CommitError;

use super::Inner;

/// At most this many streams have a window; those forgotten have one again after a loss.
const STREAMS: usize = 1_024;

/// So many commits in a row with nobody else's in between show that one is alone.
const ALONE: u32 = 32;

/// What an attempt is taken to last, in microseconds: whatever the clock says, within these bounds.
const LASTS: std::ops::RangeInclusive<i64> = 1_000..=20_000;

/// The widest window, in attempts; the narrowest, and the first, is one.
const WIDEST: u64 = 128;

/// How fast a window narrows, in attempts: one of this width to its half.
const CALM: u64 = 64;

impl Inner {
    /// Waits for a random part of the stream's window, once for each attempt; whether it has one.
    pub(super) async fn pace(&self, stream: Stream) -> bool {
        let random = || {
            let [high, low, ..] = self.entropy.draw();
            u16::from_be_bytes([high, low])
        };
        let Some(wait) = self.paces.wait(stream, random) else { return false };
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
        }
        self.paces.begin(stream, self.clock.now());
        true
    }

    /// What an attempt to commit a state says of others.
    pub(super) fn note(&self, stream: Stream, state: &State, committed: &Result<(), CommitError>) {
        match committed {
            Ok(()) => {
                let (first, last) = (state.first_appended(), state.last_appended());
                if let (Some(first), Some(last)) = (first, last) {
                    let written = (first.position, last.position);
                    self.paces.committed(stream, written, self.clock.now());
                }
            }
            Err(CommitError::Conflict(guard)) if is_of(stream, guard.as_ref()) => {
                self.paces.lost(stream, self.clock.now());
            }
            // It says nothing of the stream itself.
            Err(
                CommitError::Conflict(_)
                | CommitError::Claimed(_)
                | CommitError::Failed(_)
                | CommitError::Unknown(_)
                | CommitError::Host(_),
            ) => {}
        }
    }
}

/// Whether a conflict says that somebody else has committed to the stream itself.
fn is_of(stream: Stream, guard: Option<&Guard>) -> bool {
    match (stream, guard.map(|it| &it.key)) {
        (_, None) => true,
        (Stream::Organization(id), Some(key)) => *key == Key::Organization(id),
        (Stream::User(id), Some(key)) => *key == Key::User(id),
    }
}

/// The windows of the streams that others write, too.
#[derive(Default)]
pub(super) struct Paces(Mutex<HashMap<Stream, Pace>>);

struct Pace {
    /// In microseconds.
    window: u64,
    /// How long attempts have lasted lately, in microseconds.
    attempt: u64,
    /// Whether somebody has waited who has not tried to commit since, and until when.
    waited: Option<Timestamp>,
    /// How often others were first since the last commit here.
    losses: u64,
    /// The last entry of the last commit here.
    last: Revision,
    /// How many commits in a row had nobody else's in between.
    alone: u32,
}

impl Pace {
    fn new() -> Self {
        let attempt = LASTS.start().unsigned_abs();
        Self { window: attempt, attempt, waited: None, losses: 0, last: Revision::NONE, alone: 0 }
    }

    /// How long to wait for the next attempt, by chance.
    fn wait(&self, random: u16) -> Duration {
        let part = |of: u64| (of * (u64::from(random) + 1)) >> 16;
        Duration::from_micros(match self.losses {
            0 => self.window / 2 + part(self.window / 2),
            losses => part(self.window / (losses + 1)),
        })
    }

    /// An attempt has ended.
    fn tried(&mut self, now: Timestamp) {
        if let Some(since) = self.waited.take() {
            let lasted = now.micros().saturating_sub(since.micros());
            let lasted = lasted.clamp(*LASTS.start(), *LASTS.end()).unsigned_abs();
            self.attempt = (3 * self.attempt + lasted) / 4;
        }
    }

    fn narrow(&mut self) {
        let calm = CALM * self.attempt;
        self.window = (self.window * calm / (self.window + calm)).max(self.attempt);
    }

    fn widen(&mut self) {
        self.window = (self.window * 3 / 2).clamp(self.attempt, WIDEST * self.attempt);
    }
}

impl Paces {
    fn all(&self) -> MutexGuard<'_, HashMap<Stream, Pace>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long to wait for the next attempt: once for each, and not at all when nobody contends.
    pub(super) fn wait(&self, stream: Stream, random: impl FnOnce() -> u16) -> Option<Duration> {
        let mut all = self.all();
        let pace = all.get_mut(&stream)?;
        Some(if pace.waited.is_some() { Duration::ZERO } else { pace.wait(random()) })
    }

    /// Somebody has waited, and tries now.
    pub(super) fn begin(&self, stream: Stream, now: Timestamp) {
        if let Some(pace) = self.all().get_mut(&stream) {
            pace.waited = Some(now);
        }
    }

    /// Somebody else was first.
    pub(super) fn lost(&self, stream: Stream, now: Timestamp) {
        let mut all = self.all();
        if all.len() >= STREAMS && !all.contains_key(&stream) {
            all.clear();
        }
        let is_new = !all.contains_key(&stream);
        let pace = all.entry(stream).or_insert_with(Pace::new);
        if !is_new {
            pace.tried(now);
            pace.widen();
        }
        pace.losses += 1;
        pace.alone = 0;
    }

    /// A batch was committed, from its first to its last entry.
    pub(super) fn committed(
        &self,
        stream: Stream,
        (first, last): (Revision, Revision),
        now: Timestamp,
    ) {
        let mut all = self.all();
        let Some(pace) = all.get_mut(&stream) else { return };
        pace.tried(now);
        if first == pace.last.next() {
            pace.alone += 1;
        } else {
            pace.narrow();
            pace.alone = 0;
        }
        pace.losses = 0;
        pace.last = last;
        if pace.alone == ALONE {
            all.remove(&stream);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const LATEST: u16 = u16::MAX;
    const NOW: Timestamp = Timestamp::from_micros(1_795_424_400_000_000);

    fn stream(n: u128) -> Stream {
        Stream::Organization(uuid::Uuid::from_u128(n).into())
    }

    fn wait(paces: &Paces, random: u16) -> Option<u128> {
        paces.wait(stream(1), || random).map(|it| it.as_micros())
    }

    fn lose(paces: &Paces, times: u32) {
        (0..times).for_each(|_| paces.lost(stream(1), NOW));
    }

    /// Commits of one entry each, at this revision and those behind it.
    fn commit(paces: &Paces, at: u64, times: u64) {
        for revision in (at..at + times).map(Revision::new) {
            paces.committed(stream(1), (revision, revision), NOW);
        }
    }

    #[test]
    fn whoever_meets_nobody_waits_for_nobody() {
        let paces = Paces::default();
        commit(&paces, 7, 3);
        assert_eq!(wait(&paces, LATEST), None);
    }

    #[test]
    fn each_attempt_waits_once() {
        let paces = Paces::default();
        lose(&paces, 1);
        assert_eq!(wait(&paces, LATEST), Some(500));
        paces.begin(stream(1), NOW);
        assert_eq!(wait(&paces, LATEST), Some(0));
        lose(&paces, 1);
        assert_eq!(wait(&paces, LATEST), Some(500));
    }

    #[test]
    fn whoever_has_committed_waits_longer_than_whoever_has_lost() {
        let paces = Paces::default();
        lose(&paces, 10);
        let lost = wait(&paces, LATEST).unwrap();
        commit(&paces, 7, 1);
        assert!(wait(&paces, 0).unwrap() > 2 * lost);
    }

    #[test]
    fn a_window_is_as_wide_as_attempts_are_long() {
        let widest = |lasts: i64| {
            let paces = Paces::default();
            for _ in 0..100 {
                paces.begin(stream(1), NOW);
                paces.lost(stream(1), Timestamp::from_micros(NOW.micros() + lasts));
            }
            paces.all()[&stream(1)].window
        };
        assert_eq!(widest(0), WIDEST * 1_000);
        assert!((WIDEST * 4_900..=WIDEST * 5_000).contains(&widest(5_000)));
        assert!((WIDEST * 19_000..=WIDEST * 20_000).contains(&widest(i64::from(u32::MAX))));
        assert_eq!(widest(i64::MIN), WIDEST * 1_000, "a clock that was put back");
    }

    #[test]
    fn whoever_takes_turns_with_others_waits_for_less_and_less() {
        let paces = Paces::default();
        lose(&paces, 100);
        commit(&paces, 7, 1);
        assert!(paces.all()[&stream(1)].window < CALM * 1_000);
        (0..1_000).for_each(|n| commit(&paces, 9 + 2 * n, 1));
        assert_eq!(wait(&paces, LATEST), Some(1_000));
    }

    #[test]
    fn whoever_commits_again_and_again_waits_as_long_until_they_have_been_alone_for_long() {
        let paces = Paces::default();
        lose(&paces, 10);
        commit(&paces, 7, 1);
        let first = wait(&paces, LATEST);
        commit(&paces, 8, u64::from(ALONE) - 1);
        assert_eq!(wait(&paces, LATEST), first);
        commit(&paces, 7 + u64::from(ALONE), 1);
        assert_eq!(wait(&paces, LATEST), None);
    }

    #[test]
    fn no_more_than_so_many_streams_have_a_window() {
        let paces = Paces::default();
        (0..5_000).for_each(|n| paces.lost(stream(n), NOW));
        assert!(paces.all().len() <= STREAMS);
    }
}
