//! A host's work, in memory: the reference of [`Workload`], and what a test has happen to it.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "numbers and short names parse"
)]

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::domain::{
    Batch, BatchItems, BatchName, FoundItem, ItemId, KindName, Load, MOST_COUNTS, MembershipId,
    Moved, Nature, Place, Reason, Scope, Skipped, SkippedBecause, WorkCount, WorkKind, WorkState,
};
use crate::ports::{Workload, WorkloadError};

/// One piece of work: a ticket, a macro, a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkItem {
    /// The host's name for it, and its place in the host's order.
    pub id: u64,
    /// The organization or workspace that it lies in.
    pub scope: Scope,
    /// Its kind.
    pub kind: KindName,
    /// Where in there it lies.
    pub place: Place,
    /// Whether it is still being worked on.
    pub state: WorkState,
    /// Who holds it, if anybody does; for authored work, who is credited.
    pub holder: Option<MembershipId>,
    /// Who it was by from the beginning; that stays on record whoever is credited.
    pub original_author: Option<MembershipId>,
    /// The batch that moved it last, if nothing has been done to it since.
    pub last_batch: Option<BatchName>,
    /// Why the host does not let it go, if it does not.
    pub held_back: Option<Reason>,
}

impl WorkItem {
    /// An open item that lies in no particular place, by whoever holds it.
    pub fn new(id: u64, scope: impl Into<Scope>, kind: &str, holder: Option<MembershipId>) -> Self {
        Self {
            id,
            scope: scope.into(),
            kind: kind.parse().unwrap(),
            place: Place::new(),
            state: WorkState::Open,
            holder,
            original_author: holder,
            last_batch: None,
            held_back: None,
        }
    }

    /// Its name, as the directory knows it.
    pub fn item(&self) -> ItemId {
        item(self.id)
    }

    fn lies_in(&self, scope: Scope) -> bool {
        self.scope == scope || self.scope.whole() == scope
    }

    fn is_untouched_since(&self, batch: Option<BatchName>) -> bool {
        batch.is_none() || self.last_batch == batch
    }
}

fn item(id: u64) -> ItemId {
    id.to_string().parse().unwrap()
}

/// Work that lies in memory, and keeps the whole contract of [`Workload`]. Clones share it.
///
/// An item lies in a workspace or in the organization itself. Its names are numbers, and they are
/// in the order of numbers.
#[derive(Clone, Debug)]
pub struct FakeWorkload(Arc<Mutex<Work>>);

#[derive(Debug)]
struct Work {
    kinds: Vec<WorkKind>,
    items: BTreeMap<u64, WorkItem>,
    batches: BTreeMap<BatchName, Moved>,
    calls: u64,
    failures: u32,
    lost: u32,
}

impl Default for FakeWorkload {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeWorkload {
    /// No work yet, of the usual kinds: `tickets` and `contacts` are held, `replies` and `articles`
    /// are authored, `macros` are made, `automations` run in somebody's name. Any active member may
    /// have them.
    pub fn new() -> Self {
        let kind = |name: &str, nature| WorkKind::new(name.parse().unwrap(), nature);
        Self::with_kinds(vec![
            kind("tickets", Nature::Held),
            kind("contacts", Nature::Held),
            kind("replies", Nature::Authored),
            kind("articles", Nature::Authored),
            kind("macros", Nature::Made),
            kind("automations", Nature::Automated),
        ])
    }

    /// No work yet, of these kinds.
    pub fn with_kinds(kinds: Vec<WorkKind>) -> Self {
        Self(Arc::new(Mutex::new(Work {
            kinds,
            items: BTreeMap::new(),
            batches: BTreeMap::new(),
            calls: 0,
            failures: 0,
            lost: 0,
        })))
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an open item that its holder wrote, and says its id: 1, 2, 3 and so on.
    pub fn add(&self, scope: impl Into<Scope>, kind: &str, holder: MembershipId) -> u64 {
        self.add_in(scope, kind, Place::new(), holder)
    }

    /// The same, for an item that lies somewhere.
    pub fn add_in(
        &self,
        scope: impl Into<Scope>,
        kind: &str,
        place: Place,
        holder: MembershipId,
    ) -> u64 {
        let mut work = self.work();
        let id = work.items.keys().next_back().map_or(1, |last| last + 1);
        let item = WorkItem { place, ..WorkItem::new(id, scope, kind, Some(holder)) };
        work.items.insert(id, item);
        id
    }

    /// Adds an item, or replaces the one with its id.
    pub fn put(&self, item: WorkItem) {
        self.work().items.insert(item.id, item);
    }

    /// Deletes an item.
    pub fn delete(&self, id: u64) {
        self.work().items.remove(&id);
    }

    /// Every item, by id.
    pub fn items(&self) -> Vec<WorkItem> {
        self.work().items.values().cloned().collect()
    }

    /// The item with this id.
    pub fn item(&self, id: u64) -> Option<WorkItem> {
        self.work().items.get(&id).cloned()
    }

    /// The ids of what somebody holds.
    pub fn held_by(&self, holder: MembershipId) -> Vec<u64> {
        let held = |it: &&WorkItem| it.holder == Some(holder);
        self.work().items.values().filter(held).map(|it| it.id).collect()
    }

    /// Changes an item without anybody noticing; nothing happens if there is none.
    pub fn change(&self, id: u64, change: impl FnOnce(&mut WorkItem)) {
        if let Some(item) = self.work().items.get_mut(&id) {
            change(item);
        }
    }

    /// Something is done to an item: it is answered, for example.
    pub fn touch(&self, id: u64) {
        self.change(id, |item| item.last_batch = None);
    }

    /// An item is finished, which is something done to it.
    pub fn close(&self, id: u64) {
        self.change(id, |item| (item.state, item.last_batch) = (WorkState::Closed, None));
    }

    /// From now on the host does not let an item go.
    pub fn hold_back(&self, id: u64, because: Reason) {
        self.change(id, |item| item.held_back = Some(because));
    }

    /// The host lets an item go again.
    pub fn let_go(&self, id: u64) {
        self.change(id, |item| item.held_back = None);
    }

    /// Fails the next calls, this many, before anything is done.
    pub fn fail_next(&self, calls: u32) {
        self.work().failures = calls;
    }

    /// Does the next batches, this many, and fails then: they are done, and the answer is lost.
    pub fn lose_next_answers(&self, batches: u32) {
        self.work().lost = batches;
    }

    /// How many times it was asked anything, [`Workload::kinds`] apart; also when it failed.
    pub fn calls(&self) -> u64 {
        self.work().calls
    }

    fn reached(&self) -> Result<MutexGuard<'_, Work>, WorkloadError> {
        let mut work = self.work();
        work.calls += 1;
        if work.failures > 0 {
            work.failures -= 1;
            return Err(WorkloadError("the workload was told to fail".to_owned()));
        }
        Ok(work)
    }
}

impl Work {
    fn of_kind(&self, scope: Scope, kind: &KindName) -> impl Iterator<Item = &WorkItem> {
        self.items.values().filter(move |it| it.kind == *kind && it.lies_in(scope))
    }

    /// What a batch does. It is not remembered yet.
    fn carry_out(&mut self, batch: &Batch) -> Moved {
        let (looked_at, mut done) = match &batch.items {
            BatchItems::Next { after, limit } => self.next(batch, after.as_ref(), *limit),
            BatchItems::Named(named) => self.named(batch, named),
        };
        for id in looked_at {
            let Some(it) = self.items.get_mut(&id) else { continue };
            if let Some(because) = it.held_back.clone() {
                let because = SkippedBecause::Refused(because);
                done.skipped.push(Skipped { item: item(id), because });
            } else {
                (it.holder, it.last_batch) = (batch.to, Some(batch.name));
                done.moved.push(item(id));
            }
        }
        done
    }

    /// The next items that may move.
    fn next(&self, batch: &Batch, after: Option<&ItemId>, limit: u32) -> (Vec<u64>, Moved) {
        let after = after.and_then(|it| it.as_str().parse::<u64>().ok());
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut ids: Vec<u64> = self
            .items
            .values()
            .filter(|it| Some(it.id) > after && stays(it, batch).is_none())
            .map(|it| it.id)
            .take(limit.saturating_add(1))
            .collect();
        let more = ids.len() > limit;
        ids.truncate(limit);
        let more_after = if more { ids.last().copied().map(item) } else { None };
        (ids, Moved { more_after, ..Moved::default() })
    }

    /// Those of the named items that may move.
    fn named(&self, batch: &Batch, named: &[ItemId]) -> (Vec<u64>, Moved) {
        let (mut ids, mut done) = (BTreeSet::new(), Moved::default());
        for name in named {
            let known = self.items.values().find(|it| it.item() == *name);
            match known.map_or(Some(SkippedBecause::NotHeld), |it| stays(it, batch)) {
                Some(because) => done.skipped.push(Skipped { item: name.clone(), because }),
                None => ids.extend(known.map(|it| it.id)),
            }
        }
        (ids.into_iter().collect(), done)
    }
}

/// Why an item is none that a batch moves, if it is none.
fn stays(it: &WorkItem, batch: &Batch) -> Option<SkippedBecause> {
    if !it.lies_in(batch.scope) || it.holder != batch.from {
        Some(SkippedBecause::NotHeld)
    } else if it.kind != batch.kind || !batch.states.include(it.state) || it.place != batch.place {
        Some(SkippedBecause::Elsewhere)
    } else if !it.is_untouched_since(batch.untouched_since) {
        Some(SkippedBecause::Touched)
    } else {
        None
    }
}

#[async_trait]
impl Workload for FakeWorkload {
    fn kinds(&self) -> Vec<WorkKind> {
        self.work().kinds.clone()
    }

    async fn survey(
        &self,
        scope: Scope,
        holder: MembershipId,
    ) -> Result<Vec<WorkCount>, WorkloadError> {
        let work = self.reached()?;
        let mut counts = BTreeMap::new();
        let held = |it: &&WorkItem| it.holder == Some(holder) && it.lies_in(scope);
        for it in work.items.values().filter(held) {
            *counts.entry((it.kind.clone(), it.place.clone(), it.state)).or_insert(0) += 1;
        }
        let row = |((kind, place, state), items)| WorkCount { kind, place, state, items };
        Ok(counts.into_iter().map(row).take(MOST_COUNTS).collect())
    }

    async fn look(
        &self,
        scope: Scope,
        kind: &KindName,
        items: &[ItemId],
    ) -> Result<Vec<FoundItem>, WorkloadError> {
        let work = self.reached()?;
        let named: BTreeSet<&ItemId> = items.iter().collect();
        let found = |it: &WorkItem| FoundItem {
            id: it.item(),
            place: it.place.clone(),
            state: it.state,
            holder: it.holder,
            untouched_since: it.last_batch,
        };
        Ok(work.of_kind(scope, kind).filter(|it| named.contains(&it.item())).map(found).collect())
    }

    async fn loads(
        &self,
        scope: Scope,
        kind: &KindName,
        members: &[MembershipId],
    ) -> Result<Vec<Load>, WorkloadError> {
        let work = self.reached()?;
        let mut loads = BTreeMap::new();
        for it in work.of_kind(scope, kind).filter(|it| it.state == WorkState::Open) {
            if let Some(holder) = it.holder.filter(|it| members.contains(it)) {
                *loads.entry(holder).or_insert(0) += 1;
            }
        }
        Ok(loads.into_iter().map(|(member, items)| Load { member, items }).collect())
    }

    async fn move_batch(&self, batch: &Batch) -> Result<Moved, WorkloadError> {
        let mut work = self.reached()?;
        let answer = match work.batches.get(&batch.name) {
            Some(done) => done.clone(),
            None => work.carry_out(batch),
        };
        if let Entry::Vacant(first) = work.batches.entry(batch.name) {
            first.insert(answer.clone());
        }
        if work.lost > 0 {
            work.lost -= 1;
            return Err(WorkloadError("the answer was lost".to_owned()));
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{HandoverId, OrganizationId, WorkStates};

    const ADA: MembershipId = MembershipId::new(Uuid::from_u128(1));
    const BOB: MembershipId = MembershipId::new(Uuid::from_u128(2));
    const NORTHWIND: OrganizationId = OrganizationId::new(Uuid::from_u128(1));

    fn batch(number: u32) -> Batch {
        Batch {
            name: BatchName { handover: HandoverId::new(Uuid::from_u128(1)), number },
            scope: NORTHWIND.into(),
            kind: "tickets".parse().unwrap(),
            states: WorkStates::All,
            place: Place::new(),
            from: Some(BOB),
            to: Some(ADA),
            items: BatchItems::Next { after: None, limit: 2 },
            untouched_since: None,
        }
    }

    #[test]
    fn items_come_in_the_order_of_numbers() {
        let work = FakeWorkload::new();
        for id in [2, 10, 9] {
            work.put(WorkItem::new(id, NORTHWIND, "tickets", Some(BOB)));
        }
        let done = block_on(work.move_batch(&batch(0))).unwrap();
        assert_eq!((done.moved, done.more_after), (vec![item(2), item(9)], Some(item(9))));
        assert_eq!(work.held_by(BOB), [10]);
    }

    #[test]
    fn a_call_that_fails_has_done_nothing_and_a_lost_answer_is_to_be_had_again() {
        let work = FakeWorkload::new();
        let id = work.add(NORTHWIND, "tickets", BOB);
        work.fail_next(1);
        assert!(block_on(work.move_batch(&batch(0))).is_err());
        assert_eq!(work.held_by(BOB), [id]);
        work.lose_next_answers(1);
        assert!(block_on(work.move_batch(&batch(0))).is_err());
        assert_eq!(work.held_by(ADA), [id]);
        assert_eq!(block_on(work.move_batch(&batch(0))).unwrap().moved, [item(id)]);
        assert_eq!(work.calls(), 3);
    }
}
