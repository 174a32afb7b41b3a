//! What truly happened: everything that the store committed and that the host did, in one order,
//! kept by nobody but the test. It checks each event as it comes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use tenure::domain::{
    Batch, BatchItems, BatchName, Fence, Handover, HandoverId, HandoverReceipt, HandoverWork,
    ItemId, KindName, MembershipId, Moved, Place, Receivers, Record, Skipped, SkippedBecause,
    WorkState,
};

use crate::bugs::Bug;
use crate::company::{company, reaches};
use crate::story::{HostFault, StoreFault};

/// The host's item.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) kind: KindName,
    pub(crate) place: Place,
    pub(crate) state: WorkState,
    pub(crate) holder: Option<MembershipId>,
    pub(crate) author: Option<MembershipId>,
    /// The batch that moved it last, if nothing has been done to it since.
    pub(crate) last: Option<BatchName>,
    pub(crate) held_back: bool,
    /// When the host itself gave it to its holder.
    pub(crate) given_at: u64,
    /// As it was at the beginning.
    pub(crate) was: (Place, WorkState, Option<MembershipId>),
}

/// One item that changed hands.
#[derive(Clone, Debug)]
pub(crate) struct Move {
    pub(crate) at: u64,
    pub(crate) batch: BatchName,
    pub(crate) item: ItemId,
}

/// What the store says of a person.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) active: bool,
    pub(crate) live: bool,
    pub(crate) role: String,
    pub(crate) fence: Fence,
    /// When that last changed.
    pub(crate) changed_at: u64,
    /// Whether they ever went.
    pub(crate) went: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) it: Handover,
    pub(crate) planned: u64,
    /// When its status last changed.
    pub(crate) since: u64,
}

#[derive(Default)]
pub(crate) struct Pages {
    pub(crate) bug: Option<Bug>,
    pub(crate) now: u64,
    /// When the step began.
    pub(crate) began: u64,
    pub(crate) people: BTreeMap<MembershipId, Person>,
    pub(crate) handovers: BTreeMap<HandoverId, Seen>,
    pub(crate) asked: BTreeMap<BatchName, Batch>,
    /// When the step began in which it was asked for.
    pub(crate) asked_in: BTreeMap<BatchName, u64>,
    pub(crate) receipts: BTreeMap<BatchName, HandoverReceipt>,
    /// Items that arrived at somebody who had left since they were asked for.
    pub(crate) arrived_late: u64,
    pub(crate) items: BTreeMap<ItemId, Item>,
    pub(crate) answers: BTreeMap<BatchName, Moved>,
    pub(crate) log: Vec<Move>,
    pub(crate) host: VecDeque<HostFault>,
    pub(crate) store: VecDeque<StoreFault>,
    pub(crate) late: BTreeMap<u64, Batch>,
    pub(crate) arrived: BTreeMap<u64, Moved>,
    /// How many workers wait for a late call.
    pub(crate) waiting: usize,
    pub(crate) commits: u64,
    /// What happened, for whoever has to find out why.
    pub(crate) told: Option<Vec<String>>,
    pub(crate) wrong: Vec<String>,
}

/// Clones are the same book.
#[derive(Clone, Default)]
pub(crate) struct Book(Arc<Mutex<Pages>>);

impl Book {
    pub(crate) fn open(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap()
    }
}

fn receivers(it: &Handover, kind: &KindName) -> Vec<Receivers> {
    it.parts.iter().filter(|part| part.kind == *kind).map(|part| part.to.clone()).collect()
}

pub(crate) fn may_get(to: &Receivers, it: Option<MembershipId>) -> bool {
    match it {
        None => *to == Receivers::Nobody,
        Some(it) => to.members().contains(&it),
    }
}

// ── The store ───────────────────────────────────────────────────────────────────────────────────

impl Pages {
    pub(crate) fn tells(&mut self, what: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(told) = &mut self.told {
            told.push(format!("{now:4} {}", what()));
        }
    }

    pub(crate) fn says(&mut self, what: String) {
        self.wrong.push(what);
    }

    pub(crate) fn can_have(&self, id: MembershipId, kind: &KindName, place: &Place) -> bool {
        let it = self.people.get(&id);
        it.is_some_and(|it| it.active && reaches(&it.role, &it.fence, kind, place))
    }

    /// What was committed just now.
    pub(crate) fn note(&mut self, put: &[Record]) {
        self.now += 1;
        for record in put {
            if let Record::Membership(it) = record {
                let now = self.now;
                let new = Person {
                    active: it.is_active(),
                    live: it.is_live(),
                    role: it.role.as_str().to_owned(),
                    fence: it.fence.clone(),
                    changed_at: now,
                    went: !it.is_active(),
                };
                let old = self.people.entry(it.id).or_insert_with(|| new.clone());
                let same = old.active == new.active
                    && old.live == new.live
                    && old.role == new.role
                    && old.fence == new.fence;
                if !same {
                    *old = Person { went: old.went || new.went, ..new };
                }
            }
        }
        for record in put {
            if let Record::HandoverReceipt(it) = record {
                self.note_receipt(it);
            }
        }
        for record in put {
            if let Record::Handover(it) = record {
                self.note_handover(it);
            }
        }
    }

    fn note_receipt(&mut self, it: &HandoverReceipt) {
        if self.receipts.insert(it.batch, it.clone()).is_some() {
            self.says(format!("two receipts for one batch: {it:?}"));
        }
    }

    fn note_handover(&mut self, it: &Handover) {
        let before = self.handovers.get(&it.id).cloned();
        let was = before.as_ref().and_then(|it| it.it.asked.clone());
        let name = |it: &Batch| it.name;
        let is_new = it.asked.as_ref().map(name) != was.as_ref().map(name);
        if let Some(was) = &was
            && it.asked.as_ref().map(name) != Some(was.name)
        {
            self.is_answered(was);
        }
        if is_new && let Some(batch) = &it.asked {
            self.note_asked(it, batch);
        }
        let same = before.as_ref().is_some_and(|before| before.it.status == it.status);
        let planned = before.as_ref().map_or(self.now, |before| before.planned);
        let since = before.filter(|_| same).map_or(self.now, |before| before.since);
        self.tells(|| {
            let asked = it.asked.as_ref().map(|it| it.name.number);
            format!("{} {}, asked {asked:?}, left {:?}", it.id, it.status, it.left)
        });
        self.handovers.insert(it.id, Seen { it: it.clone(), planned, since });
    }

    /// A batch is forgotten only once its answer is on record.
    fn is_answered(&mut self, was: &Batch) {
        let receipt = self.receipts.get(&was.name);
        let wrong = match self.answers.get(&was.name) {
            None => Some("a batch is forgotten without an answer"),
            Some(answer) if answer.moved.is_empty() && answer.skipped.is_empty() => None,
            Some(_) if receipt.is_none() => Some("a batch was done, and there is no receipt"),
            Some(_) => None,
        };
        if let Some(wrong) = wrong {
            self.says(format!("{wrong}: {was:?}"));
        }
    }

    fn note_asked(&mut self, it: &Handover, batch: &Batch) {
        if let Some(other) = self.asked.insert(batch.name, batch.clone()) {
            self.says(format!("two batches of one name: {other:?} and {batch:?}"));
        }
        self.asked_in.insert(batch.name, self.began);
        if batch.name.handover != it.id {
            self.says(format!("a batch of another handover: {batch:?}"));
        }
        if let Some(to) = batch.to {
            let person = self.people.get(&to).cloned();
            let fits = self.can_have(to, &batch.kind, &batch.place);
            // Whoever lost an inbox while the worker was on its way is a known window; whoever has
            // left is none: their going writes the handover.
            let window = person.is_some_and(|it| it.active && it.changed_at > self.began);
            if !fits && !window {
                let name = company().name(to);
                self.says(format!("{name} cannot have it when it is asked for: {batch:?}"));
            }
        }
        let known = match it.work {
            HandoverWork::HandedOver(earlier) => {
                let back = batch.untouched_since.and_then(|it| self.receipts.get(&it));
                back.is_some_and(|receipt| {
                    receipt.batch.handover == earlier
                        && receipt.to == batch.from
                        && batch.to == Some(it.from)
                })
            }
            HandoverWork::Everything | HandoverWork::OutOfReach => {
                let to = receivers(it, &batch.kind);
                to.iter().any(|to| may_get(to, batch.to)) && batch.from == Some(it.from)
            }
        };
        if !known {
            self.says(format!("nobody planned {batch:?} in {it:?}"));
        }
    }
}

// ── The host ────────────────────────────────────────────────────────────────────────────────────

impl Pages {
    /// Moves one batch, once.
    pub(crate) fn does(&mut self, batch: &Batch) -> Moved {
        self.now += 1;
        let again = self.bug == Some(Bug::HostDoesTwice);
        if let Some(answer) = self.answers.get(&batch.name).filter(|_| !again) {
            return answer.clone();
        }
        let empty = BatchItems::Named(Vec::new());
        match self.asked.get(&batch.name) {
            None => self.says(format!("the host is asked for what is not written down: {batch:?}")),
            Some(asked) => {
                let emptied = Batch { items: empty.clone(), ..asked.clone() };
                if *batch != *asked && *batch != emptied {
                    let asked = asked.clone();
                    self.says(format!(
                        "the host is asked for {batch:?}, written down is {asked:?}"
                    ));
                }
            }
        }
        let answer = match &batch.items {
            BatchItems::Next { after, limit } => self.next(batch, after.as_ref(), *limit),
            BatchItems::Named(items) => self.named(batch, items),
        };
        self.tells(|| format!("the host does {batch:?}: {answer:?}"));
        let forgets = self.bug == Some(Bug::HostForgetsNothing) && batch.items == empty;
        if !forgets {
            self.answers.insert(batch.name, answer.clone());
        }
        answer
    }

    fn next(&mut self, batch: &Batch, after: Option<&ItemId>, limit: u32) -> Moved {
        let any_place = self.bug == Some(Bug::HostIgnoresPlaces);
        let meant = |it: &Item| {
            it.kind == batch.kind
                && (any_place || it.place == batch.place)
                && batch.states.include(it.state)
                && it.holder == batch.from
        };
        let behind =
            self.items.iter().filter(|(id, it)| after.is_none_or(|a| *id > a) && meant(it));
        let behind: Vec<ItemId> = behind.map(|(id, _)| id.clone()).collect();
        let limit = limit as usize;
        let mut answer = Moved::default();
        for id in behind.iter().take(limit) {
            self.moves(batch, id, &mut answer);
        }
        if limit > 0 && behind.len() > limit {
            answer.more_after = behind.get(limit - 1).cloned();
        }
        answer
    }

    fn named(&mut self, batch: &Batch, items: &[ItemId]) -> Moved {
        let blind = self.bug == Some(Bug::TouchedIsNothing);
        let mut answer = Moved::default();
        for id in items {
            let because = match self.items.get(id) {
                None => Some(SkippedBecause::NotHeld),
                Some(it) if it.holder != batch.from => Some(SkippedBecause::NotHeld),
                Some(it)
                    if it.kind != batch.kind
                        || it.place != batch.place
                        || !batch.states.include(it.state) =>
                {
                    Some(SkippedBecause::Elsewhere)
                }
                Some(it)
                    if batch.untouched_since.is_some()
                        && it.last != batch.untouched_since
                        && !blind =>
                {
                    Some(SkippedBecause::Touched)
                }
                Some(_) => None,
            };
            match because {
                Some(because) => answer.skipped.push(Skipped { item: id.clone(), because }),
                None => self.moves(batch, id, &mut answer),
            }
        }
        answer
    }

    fn moves(&mut self, batch: &Batch, id: &ItemId, answer: &mut Moved) {
        let bug = self.bug;
        let now = self.now;
        let Some(item) = self.items.get_mut(id) else { return };
        if item.held_back {
            let because = SkippedBecause::Refused("it is being worked on".parse().unwrap());
            answer.skipped.push(Skipped { item: id.clone(), because });
            return;
        }
        if batch.untouched_since.is_some() && item.last != batch.untouched_since {
            self.wrong.push(format!("{id} was touched, and goes back: {batch:?}"));
        }
        let gone = batch.to.and_then(|to| self.people.get(&to)).is_some_and(|it| !it.active);
        self.arrived_late += u64::from(gone);
        self.lands(batch, id);
        let Some(item) = self.items.get_mut(id) else { return };
        item.holder = batch.to;
        item.last = Some(batch.name);
        if bug == Some(Bug::HostCloses) {
            item.state = WorkState::Closed;
        }
        answer.moved.push(id.clone());
        self.log.push(Move { at: now, batch: batch.name, item: id.clone() });
    }

    /// Work lands on nobody who could not reach it when it was asked for.
    fn lands(&mut self, batch: &Batch, id: &ItemId) {
        let (Some(to), Some(item)) = (batch.to, self.items.get(id)) else { return };
        let asked_in = self.asked_in.get(&batch.name).copied().unwrap_or_default();
        let steady = self.people.get(&to).is_some_and(|it| it.changed_at <= asked_in);
        if steady && !self.can_have(to, &item.kind, &item.place) {
            let name = company().name(to);
            self.says(format!("{id} lands on {name}, who cannot reach it: {batch:?}"));
        }
    }

    /// Late calls reach the host.
    pub(crate) fn late_calls_arrive(&mut self) {
        for (ticket, batch) in std::mem::take(&mut self.late) {
            self.tells(|| format!("late: {}", batch.name));
            let answer = self.does(&batch);
            self.arrived.insert(ticket, answer);
        }
    }

    /// Whether a handover is about an item, whoever holds it.
    pub(crate) fn covers(it: &Handover, id: &ItemId, item: &Item) -> bool {
        it.parts.iter().any(|part| {
            part.kind == item.kind
                && part.states.include(item.state)
                && part.items.as_ref().is_none_or(|items| items.contains(id))
        })
    }
}
