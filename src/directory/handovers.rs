//! Driving handovers: batch by batch, each named, each acknowledged before the next.

use crate::domain::{Handover, HandoverStatus, Need, Record, Span, State};
use crate::ports::{Batch, CommitError, Find, Workload};

use super::maintain::{Maintained, Maintenance};
use super::{Error, Inner, UserDirectory};

/// Whoever takes a handover has this long before others go on with it.
const LEASE: Span = Span::seconds(300);
/// A handover whose batch failed is tried again after this long.
const LATER: Span = Span::seconds(60);

impl UserDirectory {
    pub(super) async fn hand_over(
        &self,
        most: Maintenance,
        done: &mut Maintained,
    ) -> Result<(), Error> {
        let Some(workload) = &self.inner.workload else { return Ok(()) };
        let now = self.inner.clock.now();
        let question = Find::DueHandovers { now, limit: most.batches };
        let found = self.inner.store.find(&question).await?;
        let mut left = most.batches;
        for record in found {
            let Record::Handover(it) = record else { continue };
            let mut next = Some(*it);
            while let Some(it) = next.filter(|_| left > 0) {
                left -= 1;
                next = self.inner.step(workload.as_ref(), it, most.items, done).await?;
            }
        }
        done.more |= left == 0;
        Ok(())
    }
}

impl Inner {
    /// Moves the next batch; answers with the handover if there is more to move.
    async fn step(
        &self,
        workload: &dyn Workload,
        it: Handover,
        items: u32,
        done: &mut Maintained,
    ) -> Result<Option<Handover>, Error> {
        let mut leased = it.clone();
        leased.due_at = self.clock.now().plus(LEASE);
        let Some(mut it) = self.write(&it, leased).await? else { return Ok(None) };
        let before = it.clone();
        if let Some(ended) = self.ends_early(&it).await? {
            it.status = ended;
            self.write(&before, it).await?;
            return Ok(None);
        }
        let batch = Batch {
            handover: it.id,
            number: it.batches,
            scope: it.scope,
            from: it.from,
            to: it.to,
            moves_authorship: it.moves_authorship,
            limit: items,
        };
        match workload.move_batch(&batch).await {
            Ok(moved) => {
                it.batches += 1;
                it.moved += moved.items;
                it.due_at = self.clock.now();
                if !moved.remaining {
                    it.status = HandoverStatus::Done;
                }
                done.items_moved += moved.items;
                let written = self.write(&before, it).await?;
                let is_done = |it: &Handover| it.status == HandoverStatus::Done;
                done.handovers_done += u32::from(written.as_ref().is_some_and(is_done));
                Ok(written.filter(|it| !is_done(it)))
            }
            Err(error) => {
                tracing::warn!(handover = %it.id, %error, "a batch failed; trying again later");
                it.due_at = self.clock.now().plus(LATER);
                self.write(&before, it).await?;
                Ok(None)
            }
        }
    }

    /// Whether a handover ends before its next batch: because whoever left is back and keeps what is
    /// left, or (I10) because work never lands on somebody who is not active any more.
    async fn ends_early(&self, it: &Handover) -> Result<Option<HandoverStatus>, Error> {
        let people = it.to.into_iter().chain([it.from]);
        let needs: Vec<_> = people.map(Need::Person).collect();
        let state = State::new(self.store.load(&needs).await?);
        let works = |id| {
            let one = state.membership(it.organization, id);
            one.is_some_and(|one| one.scope == it.scope && state.works(one))
        };
        Ok(if !it.to.is_none_or(works) {
            Some(HandoverStatus::Stuck)
        } else if works(it.from) {
            Some(HandoverStatus::Returned)
        } else {
            None
        })
    }

    /// Writes a handover if nobody else has meanwhile.
    async fn write(&self, before: &Handover, after: Handover) -> Result<Option<Handover>, Error> {
        let id = after.id;
        let mut state = State::new([Record::Handover(Box::new(before.clone()))]);
        state.put_handover(after);
        match self.store.commit(state.changes()).await {
            Ok(()) => Ok(state.handover(id).cloned()),
            Err(CommitError::Conflict(_) | CommitError::Claimed(_) | CommitError::Unknown(_)) => {
                Ok(None)
            }
            Err(CommitError::Failed(error)) => Err(error.into()),
        }
    }
}
