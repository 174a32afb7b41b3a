//! What becomes of somebody's work: a plan, and one transfer of it, driven in batches.
//!
//! ```text
//! (nothing)  --plan-->    running
//! running    --pause-->   paused
//! running    --finish-->  done
//! running    --stick-->   stuck
//! running    --cancel-->  cancelled
//! running    --return-->  returned
//! running    --choose-->  running
//! paused     --resume-->  running
//! paused     --cancel-->  cancelled
//! paused     --return-->  returned
//! paused     --choose-->  paused
//! stuck      --resume-->  running
//! stuck      --cancel-->  cancelled
//! stuck      --return-->  returned
//! stuck      --choose-->  running
//! ```

mod plan;
mod round;
mod share;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    Batch, BatchName, HandoverId, ItemId, KindName, MembershipId, OrganizationId, Place, Revision,
    Scope, Skipped, Span, Timestamp, WorkStates,
};

pub use plan::{Assignment, Disposition, HandoverPlan, Sharing};
pub use round::Progress;
pub(crate) use round::{Awaited, Next};
pub use share::Share;

/// One transfer of one person's work, driven in batches. What is stored is policy and receivers:
/// whoever drives it chooses nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Handover {
    /// Its identity.
    pub id: HandoverId,
    /// The organization it happens in.
    pub organization: OrganizationId,
    /// Where the work lies: the organization, or one workspace.
    pub scope: Scope,
    /// Who held the work; for a hand-back, who held it before and gets it again.
    pub from: MembershipId,
    /// Which of their work.
    pub work: HandoverWork,
    /// Where each kind goes. What has no part stays where it is.
    pub parts: Vec<Part>,
    /// How far it is.
    pub status: HandoverStatus,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// How many items have moved.
    pub moved: u64,
    /// How many times an item was looked at and did not move; the receipts say which and why.
    pub skipped: u64,
    /// What the last round left where it was, and why.
    pub left: Vec<Left>,
    /// The number of the next batch.
    pub batches: u32,
    /// How many times in a row the host's work could not be reached.
    pub failures: u32,
    /// What is left of the round under way.
    pub progress: Progress,
    /// The batch that somebody is having done: only once its answer is on record comes the next.
    pub asked: Option<Batch>,
    /// When its next batch is due; somebody working on it puts it off (a lease).
    pub due_at: Timestamp,
    /// Counts its writes: the guard of the next.
    pub version: Revision,
}

/// Which work a handover is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandoverWork {
    /// Everything that the person holds: they are going.
    Everything,
    /// What the person holds and cannot reach any more: they lose a role, a team or an inbox.
    OutOfReach,
    /// What an earlier handover moved and nobody has touched since: they are back.
    HandedOver(HandoverId),
}

/// Where the work of one kind goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Part {
    /// The kind.
    pub kind: KindName,
    /// Which items, by their state.
    pub states: WorkStates,
    /// Only these items; none: whatever there is.
    pub items: Option<Vec<ItemId>>,
    /// Who gets them.
    pub to: Receivers,
}

impl Part {
    pub(crate) const fn new(
        kind: KindName,
        states: WorkStates,
        items: Option<Vec<ItemId>>,
        to: Receivers,
    ) -> Self {
        Self { kind, states, items, to }
    }
}

/// Who gets work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receivers {
    /// Nobody: it becomes unassigned.
    Nobody,
    /// These, each as much as the others; one takes all.
    RoundRobin(Vec<MembershipId>),
    /// These, whoever has least first.
    LeastLoaded(Vec<MembershipId>),
}

impl Receivers {
    /// One person.
    pub fn one(member: MembershipId) -> Self {
        Self::RoundRobin(vec![member])
    }

    /// Who they are.
    pub fn members(&self) -> &[MembershipId] {
        match self {
            Self::Nobody => &[],
            Self::RoundRobin(members) | Self::LeastLoaded(members) => members,
        }
    }

    /// The same without somebody; none if nobody is left.
    pub(crate) fn without(&self, member: MembershipId) -> Option<Self> {
        let rest = |all: &Vec<MembershipId>| {
            let rest: Vec<_> = all.iter().copied().filter(|it| *it != member).collect();
            if rest.is_empty() { None } else { Some(rest) }
        };
        match self {
            Self::Nobody => Some(Self::Nobody),
            Self::RoundRobin(all) => rest(all).map(Self::RoundRobin),
            Self::LeastLoaded(all) => rest(all).map(Self::LeastLoaded),
        }
    }
}

/// Items that stay where they are although they were to move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Left {
    /// Their kind.
    pub kind: KindName,
    /// Where they lie.
    pub place: Place,
    /// Who holds them.
    pub holder: Option<MembershipId>,
    /// How many.
    pub items: u64,
    /// Why they stay.
    pub because: LeftBecause,
}

/// Why items stay where they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftBecause {
    /// Nobody who was to get them can reach them: not active here, or without the permission there.
    OutOfReach,
    /// The host holds them back; the receipts say which and why.
    HeldBack,
    /// The survey has more rows than are looked at: what lies beyond them is neither moved nor
    /// counted.
    NotSurveyed,
    /// They were named, and the person does not hold them.
    NotHeld,
    /// Handing back: something was done to them since.
    Touched,
}

/// How far a handover is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandoverStatus {
    /// There may be more to move.
    Running,
    /// Somebody stopped it for a while.
    Paused,
    /// Something is left that nobody may receive, or that the host holds back; somebody has to
    /// choose again, or to give it up.
    Stuck,
    /// Nothing is left to move.
    Done,
    /// Somebody gave it up; what has moved stays where it is.
    Cancelled,
    /// Whoever left came back before everything had moved, and keeps the rest.
    Returned,
}

/// What can be done with a handover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HandoverStep {
    /// It begins.
    Plan,
    /// It stops for a while.
    Pause,
    /// It goes on.
    Resume,
    /// Nothing is left to move.
    Finish,
    /// Something is left that cannot move.
    Stick,
    /// It is given up.
    Cancel,
    /// Whoever left is back.
    Return,
    /// Somebody chooses other receivers.
    Choose,
}

/// A step, from where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandoverTransition {
    /// From where; none: it comes to be.
    pub from: Option<HandoverStatus>,
    /// The step.
    pub step: HandoverStep,
    /// To where.
    pub to: HandoverStatus,
}

const fn row(
    from: Option<HandoverStatus>,
    step: HandoverStep,
    to: HandoverStatus,
) -> HandoverTransition {
    HandoverTransition { from, step, to }
}

/// Every step that there is.
pub const HANDOVER_TRANSITIONS: [HandoverTransition; 15] = {
    use HandoverStatus as S;
    use HandoverStep as T;
    [
        row(None, T::Plan, S::Running),
        row(Some(S::Running), T::Pause, S::Paused),
        row(Some(S::Running), T::Finish, S::Done),
        row(Some(S::Running), T::Stick, S::Stuck),
        row(Some(S::Running), T::Cancel, S::Cancelled),
        row(Some(S::Running), T::Return, S::Returned),
        row(Some(S::Running), T::Choose, S::Running),
        row(Some(S::Paused), T::Resume, S::Running),
        row(Some(S::Paused), T::Cancel, S::Cancelled),
        row(Some(S::Paused), T::Return, S::Returned),
        row(Some(S::Paused), T::Choose, S::Paused),
        row(Some(S::Stuck), T::Resume, S::Running),
        row(Some(S::Stuck), T::Cancel, S::Cancelled),
        row(Some(S::Stuck), T::Return, S::Returned),
        row(Some(S::Stuck), T::Choose, S::Running),
    ]
};

impl HandoverStatus {
    /// Where a step leads from here, if there is such a step.
    pub fn after(self, step: HandoverStep) -> Option<Self> {
        HANDOVER_TRANSITIONS
            .iter()
            .find(|row| row.from == Some(self) && row.step == step)
            .map(|row| row.to)
    }

    /// Whether nothing will come of it any more.
    pub const fn is_over(self) -> bool {
        match self {
            Self::Running | Self::Paused | Self::Stuck => false,
            Self::Done | Self::Cancelled | Self::Returned => true,
        }
    }
}

impl std::fmt::Display for HandoverStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stuck => "stuck",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Returned => "returned",
        })
    }
}

impl std::fmt::Display for HandoverStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plan => "plan",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Finish => "finish",
            Self::Stick => "stick",
            Self::Cancel => "cancel",
            Self::Return => "return",
            Self::Choose => "choose",
        })
    }
}

impl Handover {
    /// A handover at its beginning.
    pub(crate) fn planned(
        id: HandoverId,
        (scope, from): (Scope, MembershipId),
        work: HandoverWork,
        parts: Vec<Part>,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            organization: scope.organization,
            scope,
            from,
            work,
            parts,
            status: HandoverStatus::Running,
            planned_at: now,
            moved: 0,
            skipped: 0,
            left: Vec::new(),
            batches: 0,
            failures: 0,
            progress: Progress::default(),
            asked: None,
            due_at: now,
            version: Revision::NONE,
        }
    }

    /// When somebody has to see to it next; none if nobody has to.
    pub fn waits_until(&self) -> Option<Timestamp> {
        let runs = self.status == HandoverStatus::Running || self.asked.is_some();
        runs.then_some(self.due_at)
    }

    /// Whom it concerns: whoever it is from, and, until it is over, everybody who is to get
    /// something.
    pub fn concerns(&self) -> BTreeSet<MembershipId> {
        let mut all = BTreeSet::from([self.from]);
        if !self.status.is_over() || self.asked.is_some() {
            all.extend(self.parts.iter().flat_map(|part| part.to.members()));
            all.extend(self.asked.as_ref().and_then(|asked| asked.to));
        }
        all
    }

    /// How long the rest may take, by how long the first part took; none while nothing has moved.
    pub fn estimate(&self, now: Timestamp) -> Option<Span> {
        let took = now.micros().saturating_sub(self.planned_at.micros()).max(0);
        let each = i128::from(took).checked_div(i128::from(self.moved))?;
        let seconds = each * i128::from(self.remaining()) / 1_000_000;
        Some(Span::seconds(u32::try_from(seconds).unwrap_or(u32::MAX)))
    }

    /// How many items are known to be still to move; those that came since the last survey are
    /// not.
    pub fn remaining(&self) -> u64 {
        self.progress.remaining()
    }
}

/// What one batch of a handover did: it is kept, and a hand-back goes by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HandoverReceipt {
    /// Which batch.
    pub batch: BatchName,
    /// The organization it happened in.
    pub organization: OrganizationId,
    /// The kind of the items.
    pub kind: KindName,
    /// Which items were meant, by their state.
    pub states: WorkStates,
    /// Where they lie.
    pub place: Place,
    /// Who held them; none: nobody.
    pub from: Option<MembershipId>,
    /// Who got them; none: nobody.
    pub to: Option<MembershipId>,
    /// Which moved.
    pub moved: Vec<ItemId>,
    /// Which did not, and why.
    pub skipped: Vec<Skipped>,
    /// When it was acknowledged.
    pub at: Timestamp,
}
