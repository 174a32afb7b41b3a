//! Driving handovers: batch by batch. Each is written down before the host is asked, and its answer
//! before the next: whoever goes on after a crash asks for the same batch again.

use std::collections::BTreeSet;

use crate::access::may_hold;
use crate::commands::handovers_of;
use crate::domain::{
    Awaited, Batch, Handover, HandoverId, HandoverReceipt, HandoverStatus, HandoverStep,
    HandoverWork, Key, KindName, MOST_COUNTS, MembershipId, Moved, Need, Next, OrganizationId,
    OrganizationStatus, Place, Receivers, Record, Span, State, Timestamp,
};
use crate::ports::{CommitError, Find, StoreError, Workload, WorkloadError};

use super::maintain::{Maintained, Maintenance};
use super::{Error, Inner, UserDirectory};

/// Whoever asks for a batch has this long before others ask for the same one.
const LEASE: Span = Span::seconds(300);
/// A batch is never of more items: a receipt names each.
const MOST_ITEMS: u32 = 10_000;
/// A hand-back waits this long for the last batch of what it takes back.
const MOMENT: Span = Span::seconds(5);

impl UserDirectory {
    pub(super) async fn hand_over(
        &self,
        most: Maintenance,
        report: &(dyn Fn(&Handover) + Sync),
        done: &mut Maintained,
    ) -> Result<(), Error> {
        let Some(workload) = &self.inner.workload else { return Ok(()) };
        let now = self.inner.clock.now();
        let question = Find::DueHandovers { now, limit: most.batches };
        let found = self.inner.store.find(&question).await?;
        done.more |= found.len() >= most.batches as usize;
        let (mut left, mut failed) = (most.batches, None);
        for record in found {
            let Record::Handover(it) = record else { continue };
            let driver = Driver { inner: &self.inner, workload: workload.as_ref(), report };
            let mut run = Run { stored: (*it).clone(), it: *it, receipt: None, left, done };
            // One that cannot go on holds up no other.
            let driven = driver.drive(&mut run, most.items.clamp(1, MOST_ITEMS)).await;
            left = run.left;
            failed = failed.or(driven.err());
            if left == 0 {
                done.more = true;
                break;
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// What drives handovers.
struct Driver<'d> {
    inner: &'d Inner,
    workload: &'d dyn Workload,
    report: &'d (dyn Fn(&Handover) + Sync),
}

/// One handover on its way.
struct Run<'r> {
    /// As it stands in the store.
    stored: Handover,
    /// As it is about to be written.
    it: Handover,
    /// What the last batch did, to be written with it.
    receipt: Option<(Batch, Moved, HandoverReceipt)>,
    /// How many batches may still be asked for.
    left: u32,
    done: &'r mut Maintained,
}

/// Whether work moves somewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Works {
    Yes,
    NotNow,
    NeverAgain,
}

/// Why there is no next batch for now.
enum Halt {
    Store(StoreError),
    Workload(WorkloadError),
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<WorkloadError> for Halt {
    fn from(error: WorkloadError) -> Self {
        Self::Workload(error)
    }
}

impl Driver<'_> {
    #[tracing::instrument(
        name = "tenure.hand_over",
        level = "debug",
        skip_all,
        fields(handover = %run.it.id),
    )]
    async fn drive(&self, run: &mut Run<'_>, items: u32) -> Result<(), Error> {
        let place = self.place(&run.it).await?;
        // Somebody asked for a batch and did not come back with the answer.
        if let Some(asked) = run.it.asked.clone() {
            run.it.due_at = self.now().plus(LEASE);
            if !self.write(run).await? {
                return Ok(());
            }
            let goes_on = place == Works::Yes && run.it.status == HandoverStatus::Running;
            let means = goes_on && self.still_means(&run.it, &asked).await?;
            let batch = if means { asked } else { asked.emptied() };
            if !self.have_done(run, batch).await? {
                return Ok(());
            }
        }
        match place {
            Works::Yes => {}
            Works::NotNow => run.it.due_at = self.now().plus(LEASE),
            Works::NeverAgain => {
                run.it.take(HandoverStep::Cancel);
            }
        }
        if place != Works::Yes {
            self.write(run).await?;
            return Ok(());
        }
        while run.left > 0 {
            if let Err(halt) = self.prepare(&mut run.it, items).await {
                return self.halt(run, halt).await;
            }
            if !self.write(run).await? {
                return Ok(());
            }
            (self.report)(&run.it);
            let Some(asked) = run.it.asked.clone() else {
                run.done.handovers_done += u32::from(run.it.status == HandoverStatus::Done);
                run.done.handovers_stuck += u32::from(run.it.status == HandoverStatus::Stuck);
                return Ok(());
            };
            if !self.have_done(run, asked).await? {
                return Ok(());
            }
        }
        // Others, or the next call, go on at once.
        self.write(run).await?;
        (self.report)(&run.it);
        Ok(())
    }

    /// Whether work moves where it lies: not while the organization is suspended or closing, and not
    /// any more once it, or the workspace, is closed.
    async fn place(&self, it: &Handover) -> Result<Works, StoreError> {
        let mut needs = vec![Need::Record(Key::Organization(it.organization))];
        needs.extend(it.scope.workspace.map(|id| Need::Record(Key::Workspace(id))));
        let state = State::new(self.inner.store.load(&needs).await?);
        let workspace = it.scope.workspace.and_then(|id| state.workspace(it.organization, id));
        if workspace.is_some_and(|it| it.closed_at.is_some()) {
            return Ok(Works::NeverAgain);
        }
        Ok(match state.organization(it.organization).map(|it| it.status) {
            Some(OrganizationStatus::Active) => Works::Yes,
            Some(OrganizationStatus::Suspended { .. } | OrganizationStatus::Closing { .. }) => {
                Works::NotNow
            }
            Some(OrganizationStatus::Closed { .. }) | None => Works::NeverAgain,
        })
    }

    /// Whether a batch that was asked for may still be done as it was: its receiver can have it, and
    /// whoever keeps what they reach does not reach it again.
    async fn still_means(&self, it: &Handover, asked: &Batch) -> Result<bool, StoreError> {
        let mut known = Known::of(self.inner, State::default(), it);
        known.learn_keeper(it).await?;
        let keeps = known.keeps(&asked.kind, &asked.place);
        Ok(!keeps && known.fits(asked.to, &asked.kind, &asked.place).await?)
    }

    /// Has a batch done; says whether there is an answer.
    async fn have_done(&self, run: &mut Run<'_>, batch: Batch) -> Result<bool, Error> {
        run.left = run.left.saturating_sub(1);
        match self.workload.move_batch(&batch).await {
            Ok(moved) => {
                let receipt = run.it.acknowledge(&batch, &moved, self.now());
                run.receipt = receipt.map(|receipt| (batch, moved, receipt));
                Ok(true)
            }
            Err(error) => {
                self.halt(run, error.into()).await?;
                Ok(false)
            }
        }
    }

    async fn halt(&self, run: &mut Run<'_>, halt: Halt) -> Result<(), Error> {
        match halt {
            Halt::Store(error) => {
                // What was done is written down all the same, if that can be.
                run.it.put_off(self.now());
                self.write(run).await?;
                Err(error.into())
            }
            Halt::Workload(error) => {
                tracing::warn!(%error, "the host's work could not be reached; trying again later");
                run.it.put_off(self.now());
                self.write(run).await?;
                Ok(())
            }
        }
    }

    /// Finds out what the next batch is, or how it ends.
    async fn prepare(&self, it: &mut Handover, limit: u32) -> Result<(), Halt> {
        let mut known = Known::of(self.inner, State::default(), it);
        loop {
            match it.next(limit) {
                Next::Rest => return Ok(()),
                Next::End(step) => {
                    match self.others_move(it, step).await? {
                        Some(awaited) if it.look_again(awaited) => {
                            it.due_at = self.now().plus(MOMENT);
                        }
                        Some(_) | None => {
                            it.take(step);
                        }
                    }
                    return Ok(());
                }
                Next::Survey => {
                    let survey = self.workload.survey(it.scope, it.from).await?;
                    if survey.len() > MOST_COUNTS {
                        let what = format!("a survey has more than {MOST_COUNTS} rows");
                        return Err(WorkloadError(what).into());
                    }
                    known.learn_keeper(it).await?;
                    it.begin_round(&survey, |kind, place| known.keeps(kind, place));
                }
                Next::Receipt(earlier, after) => {
                    if self.is_under_way(earlier).await? {
                        it.due_at = self.now().plus(MOMENT);
                        return Ok(());
                    }
                    let receipt = self.inner.receipt(earlier, after).await?;
                    if let Some(step) = it.take_receipt(receipt.as_ref()) {
                        it.take(step);
                        return Ok(());
                    }
                }
                Next::Look(kind, items) => {
                    let found = self.workload.look(it.scope, &kind, &items).await?;
                    known.learn_keeper(it).await?;
                    it.take_found(found, |kind, place| known.keeps(kind, place));
                }
                Next::Share(kind, place, to) => {
                    let fit = known.fit(&to, &kind, &place).await?;
                    let loads = match &to {
                        Receivers::LeastLoaded(_) if fit.len() > 1 => {
                            self.workload.loads(it.scope, &kind, &fit).await?
                        }
                        Receivers::LeastLoaded(_)
                        | Receivers::RoundRobin(_)
                        | Receivers::Nobody => Vec::new(),
                    };
                    it.share_out(&fit, &loads);
                }
                Next::Move(batch) => {
                    known.learn_keeper(it).await?;
                    if it.first().is_some_and(|(kind, place)| known.keeps(kind, place)) {
                        it.keep_first();
                    } else if known.fits(batch.to, &batch.kind, &batch.place).await? {
                        it.ask(*batch, self.now().plus(LEASE));
                        return Ok(());
                    } else {
                        it.share_again();
                    }
                }
            }
        }
    }

    /// Whether a batch is under way to whoever it is from; or, if it would be stuck, whether another
    /// handover of theirs may move what it would be stuck over, which is waited for a few times.
    async fn others_move(&self, it: &Handover, end: HandoverStep) -> Result<Option<Awaited>, Halt> {
        if let HandoverWork::HandedOver(_) = it.work {
            return Ok(None);
        }
        let needs = [handovers_of(it.from)];
        let state = State::new(self.inner.store.load(&needs).await?);
        let mut others = state.handovers_of(it.from);
        others.retain(|other| other.id != it.id);
        let arrives =
            |other: &&Handover| other.asked.as_ref().is_some_and(|asked| asked.to == Some(it.from));
        if others.iter().any(arrives) {
            return Ok(Some(Awaited::Batch));
        }
        let runs =
            |other: &&Handover| other.from == it.from && other.status == HandoverStatus::Running;
        let waits = end == HandoverStep::Stick && others.iter().any(runs);
        Ok(waits.then_some(Awaited::Handover))
    }

    async fn is_under_way(&self, id: HandoverId) -> Result<bool, StoreError> {
        let needs = [Need::Record(Key::Handover(id))];
        let state = State::new(self.inner.store.load(&needs).await?);
        Ok(state.handover(id).is_some_and(|it| it.asked.is_some()))
    }

    /// Writes it down with what its last batch did; says whether nobody else has changed it
    /// meanwhile. Then what the batch did is added to what they made of it.
    async fn write(&self, run: &mut Run<'_>) -> Result<bool, Error> {
        const ATTEMPTS: u32 = 24;
        let receipt = run.receipt.take();
        if receipt.is_none() && run.it == run.stored {
            return Ok(true);
        }
        let said = receipt.as_ref().map(|(_, _, receipt)| receipt);
        if let Some(written) = self.commit(&run.stored, &run.it, said).await? {
            run.done.items_moved += receipt.as_ref().map_or(0, |(_, it, _)| it.moved.len() as u64);
            run.stored = written.clone();
            run.it = written;
            return Ok(true);
        }
        let Some((batch, moved, _)) = receipt else { return Ok(false) };
        for attempt in 1..ATTEMPTS {
            let needs = [Need::Record(Key::Handover(run.it.id))];
            let state = State::new(self.inner.store.load(&needs).await?);
            let Some(stored) = state.handover(run.it.id) else { return Ok(false) };
            let mut it = stored.clone();
            let Some(receipt) = it.acknowledge(&batch, &moved, self.now()) else {
                return Ok(false);
            };
            if self.commit(stored, &it, Some(&receipt)).await?.is_some() {
                run.done.items_moved += moved.moved.len() as u64;
                return Ok(false);
            }
            self.inner.back_off(attempt).await;
        }
        // The lease runs out, and whoever comes then asks for the same batch again.
        Ok(false)
    }

    /// Commits a handover, if nobody else has meanwhile.
    async fn commit(
        &self,
        stored: &Handover,
        it: &Handover,
        receipt: Option<&HandoverReceipt>,
    ) -> Result<Option<Handover>, Error> {
        let mut state = State::new([Record::Handover(Box::new(stored.clone()))]);
        state.put_handover(it.clone());
        // A batch that did nothing leaves none.
        let did = receipt.filter(|it| !it.moved.is_empty() || !it.skipped.is_empty());
        let mut changes = state.changes();
        changes.put.extend(did.map(|it| Record::HandoverReceipt(Box::new(it.clone()))));
        match self.inner.store.commit(changes).await {
            Ok(()) => Ok(state.handover(it.id).cloned()),
            Err(CommitError::Conflict(_) | CommitError::Claimed(_) | CommitError::Unknown(_)) => {
                Ok(None)
            }
            Err(CommitError::Failed(error)) => Err(error.into()),
            Err(CommitError::Host(error)) => Err(error.into()),
        }
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }
}

/// What is known of the people of one handover, read at most once for each batch.
pub(super) struct Known<'k> {
    inner: &'k Inner,
    state: State,
    asked: BTreeSet<MembershipId>,
    organization: OrganizationId,
    /// Whoever keeps what they can reach, if they do.
    keeper: Option<MembershipId>,
    now: Timestamp,
}

impl<'k> Known<'k> {
    /// Begins with what is known without asking: nothing, or what a command would leave behind.
    pub(super) fn of(inner: &'k Inner, state: State, it: &Handover) -> Self {
        let keeper = (it.work == HandoverWork::OutOfReach).then_some(it.from);
        let (organization, now) = (it.organization, inner.clock.now());
        Self { inner, state, asked: BTreeSet::new(), organization, keeper, now }
    }

    async fn learn(&mut self, people: &[MembershipId]) -> Result<(), StoreError> {
        let new: Vec<_> = people.iter().filter(|id| self.asked.insert(**id)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut needs = vec![Need::Record(Key::Organization(self.organization))];
        needs.extend(new.into_iter().copied().map(Need::Person));
        self.state.load(self.inner.store.load(&needs).await?);
        Ok(())
    }

    pub(super) async fn learn_keeper(&mut self, it: &Handover) -> Result<(), StoreError> {
        if self.keeper.is_some() { self.learn(&[it.from]).await } else { Ok(()) }
    }

    /// Whether work of this kind that lies there stays with whoever has it.
    pub(super) fn keeps(&self, kind: &KindName, place: &Place) -> bool {
        self.keeper.is_some_and(|keeper| self.may_hold(keeper, kind, Some(place)))
    }

    /// Whether a receiver, or nobody, can have work of this kind that lies there.
    async fn fits(
        &mut self,
        to: Option<MembershipId>,
        kind: &KindName,
        place: &Place,
    ) -> Result<bool, StoreError> {
        let Some(to) = to else { return Ok(true) };
        self.learn(&[to]).await?;
        Ok(self.may_hold(to, kind, Some(place)))
    }

    /// Which receivers can have work of this kind that lies there.
    pub(super) async fn fit(
        &mut self,
        to: &Receivers,
        kind: &KindName,
        place: &Place,
    ) -> Result<Vec<MembershipId>, StoreError> {
        self.learn(to.members()).await?;
        let fit = |id: &MembershipId| self.may_hold(*id, kind, Some(place));
        Ok(to.members().iter().copied().filter(fit).collect())
    }

    fn may_hold(&self, id: MembershipId, kind: &KindName, place: Option<&Place>) -> bool {
        let kind = self.inner.host.work.iter().find(|it| it.name == *kind);
        let needs = kind.and_then(|kind| kind.needs.as_ref());
        let it = self.state.membership(self.organization, id);
        it.is_some_and(|it| may_hold(&self.state, it, needs, place, self.now))
    }
}
