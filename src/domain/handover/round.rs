//! One round of a handover: what was surveyed is shared out and moved, batch by batch. Pure: who
//! drives it asks what comes [`Next`], finds that out, and says so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::domain::{
    Batch, BatchItems, BatchName, FoundItem, HandoverId, ItemId, KindName, Load, MOST_COUNTS,
    MembershipId, Moved, Place, Skipped, SkippedBecause, Span, Timestamp, WorkCount, WorkStates,
};

use super::{
    Handover, HandoverReceipt, HandoverStatus, HandoverStep, HandoverWork, Left, LeftBecause,
    Receivers,
    share::{Share, shares},
};

/// What is left of the round under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Progress {
    /// Whether the round has begun: its survey is done.
    begun: bool,
    /// How many items this round has moved.
    moved: u64,
    /// What is still to move, in order.
    groups: VecDeque<Group>,
    /// Who gets how much of the first group.
    shares: Vec<Share>,
    /// Who begins when not everybody gets the same.
    turn: u32,
    /// For a hand-back: the last receipt that was looked at.
    receipt: Option<u32>,
    /// What its survey found that was to move.
    found: Vec<(KindName, Place, u64)>,
    /// How many rounds in a row have found the same and moved nothing.
    idle: u32,
    /// Whether nothing but what stays is found again: there is no more to do.
    ended: bool,
    /// How many times it has waited for others.
    waits: u32,
}

/// Items that go the same way: one kind, one place, one holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Group {
    kind: KindName,
    states: WorkStates,
    place: Place,
    from: Option<MembershipId>,
    /// Which part says who gets them; a hand-back has none.
    part: usize,
    items: GroupItems,
    untouched_since: Option<BatchName>,
    /// How many the host held back.
    held_back: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GroupItems {
    /// Whatever there is behind an item: this many when it was surveyed.
    Next { after: Option<ItemId>, items: u64 },
    /// These.
    Named(VecDeque<ItemId>),
    /// These, wherever they lie: they have to be looked at first.
    Unseen(Vec<ItemId>),
}

impl GroupItems {
    fn count(&self) -> u64 {
        match self {
            Self::Next { items, .. } => *items,
            Self::Named(items) => items.len() as u64,
            Self::Unseen(items) => items.len() as u64,
        }
    }
}

/// What has to be found out, or done, next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// What the person holds: [`Handover::begin_round`].
    Survey,
    /// The receipt of that handover behind this number: [`Handover::take_receipt`].
    Receipt(HandoverId, Option<u32>),
    /// Where these items lie: [`Handover::take_found`].
    Look(KindName, Vec<ItemId>),
    /// Who of the receivers can reach the kind there, and how much each has if that matters:
    /// [`Handover::share_out`].
    Share(KindName, Place, Receivers),
    /// This batch, if the receiver still can reach it: [`Handover::ask`].
    Move(Box<Batch>),
    /// Whether somebody is moving something that may come back to it; if not, it ends like this:
    /// [`Handover::look_again`].
    End(HandoverStep),
    /// Nothing for now.
    Rest,
}

/// What others do that a handover waits for before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// A batch for whoever it is from.
    Batch,
    /// Another handover of theirs, which may move what this one would be stuck over: it is waited
    /// for a few times.
    Handover,
}

impl Progress {
    pub(super) fn remaining(&self) -> u64 {
        self.groups.iter().map(|group| group.items.count()).sum()
    }
}

impl Handover {
    /// What comes next, with batches of at most this many items.
    pub(crate) fn next(&self, limit: u32) -> Next {
        if self.status != HandoverStatus::Running || self.asked.is_some() {
            return Next::Rest;
        }
        let Some(group) = self.progress.groups.front() else { return self.next_round() };
        let share = self.progress.shares.first();
        let most = share.map_or(0, |it| u32::try_from(it.items).unwrap_or(u32::MAX).min(limit));
        let items = match &group.items {
            GroupItems::Unseen(items) => return Next::Look(group.kind.clone(), items.clone()),
            GroupItems::Next { after, .. } => {
                BatchItems::Next { after: after.clone(), limit: most }
            }
            GroupItems::Named(items) => {
                let most = usize::try_from(most).unwrap_or(usize::MAX);
                BatchItems::Named(items.iter().take(most).cloned().collect())
            }
        };
        let Some(share) = share else {
            let to = self.receivers(group);
            return Next::Share(group.kind.clone(), group.place.clone(), to);
        };
        Next::Move(Box::new(Batch {
            name: BatchName { handover: self.id, number: self.batches },
            scope: self.scope,
            kind: group.kind.clone(),
            states: group.states,
            place: group.place.clone(),
            from: group.from,
            to: share.to,
            items,
            untouched_since: group.untouched_since,
        }))
    }

    /// Between two rounds. Work that arrived during a round moves in the next; the last one finds
    /// nothing, or nothing but what stayed in the one before.
    fn next_round(&self) -> Next {
        let progress = &self.progress;
        if let HandoverWork::HandedOver(earlier) = self.work {
            return Next::Receipt(earlier, progress.receipt);
        }
        if progress.begun && (progress.ended || progress.found.is_empty()) {
            return Next::End(self.end());
        }
        Next::Survey
    }

    /// How it ends once there is no more to do.
    pub(crate) fn end(&self) -> HandoverStep {
        // What is named and not there, or touched since, is nothing that was to move.
        let stays = |it: &Left| match it.because {
            LeftBecause::OutOfReach | LeftBecause::HeldBack | LeftBecause::NotSurveyed => true,
            LeftBecause::NotHeld | LeftBecause::Touched => false,
        };
        if self.left.iter().any(stays) { HandoverStep::Stick } else { HandoverStep::Finish }
    }

    fn receivers(&self, group: &Group) -> Receivers {
        if let HandoverWork::HandedOver(_) = self.work {
            return Receivers::one(self.from);
        }
        self.parts.get(group.part).map_or(Receivers::Nobody, |part| part.to.clone())
    }

    /// What a named person does not get goes the way of the rest, if there is one.
    fn rest_of(&mut self, group: &Group) -> Option<&mut u64> {
        let named = self.parts.get(group.part)?.items.is_some();
        let same = |it: &&mut Group| named && it.kind == group.kind && it.place == group.place;
        self.progress.groups.iter_mut().filter(same).find_map(|it| match &mut it.items {
            GroupItems::Next { items, .. } => Some(items),
            GroupItems::Named(_) | GroupItems::Unseen(_) => None,
        })
    }

    /// Begins a round with what was surveyed. `keeps` says what of it stays because the person can
    /// still reach it.
    pub(crate) fn begin_round(
        &mut self,
        survey: &[WorkCount],
        keeps: impl Fn(&KindName, &Place) -> bool,
    ) {
        let first = !self.progress.begun;
        let turn = self.progress.turn;
        let new = Progress { begun: true, turn, waits: self.progress.waits, ..Progress::default() };
        let before = std::mem::replace(&mut self.progress, new);
        for (number, part) in self.parts.iter().enumerate() {
            let mut places: BTreeMap<&Place, u64> = BTreeMap::new();
            for count in survey.iter().filter(|it| it.kind == part.kind && it.items > 0) {
                if part.states.include(count.state) && !keeps(&count.kind, &count.place) {
                    *places.entry(&count.place).or_default() += count.items;
                }
            }
            let group = |place: &Place, items| Group {
                kind: part.kind.clone(),
                states: part.states,
                place: place.clone(),
                from: Some(self.from),
                part: number,
                items,
                untouched_since: None,
                held_back: 0,
            };
            match &part.items {
                // What the first round does not move of them goes the way of the rest.
                Some(_) if !first => {}
                Some(items) => {
                    let items = GroupItems::Unseen(items.clone());
                    self.progress.groups.push_back(group(&Place::new(), items));
                }
                None => {
                    let next = |items| GroupItems::Next { after: None, items };
                    let found =
                        places.iter().map(|(place, n)| (part.kind.clone(), (*place).clone(), *n));
                    self.progress.found.extend(found);
                    let groups = places.into_iter().map(|(place, n)| group(place, next(n)));
                    self.progress.groups.extend(groups);
                }
            }
        }
        if !first {
            self.go_by(&before);
        }
        let cut = survey.get(MOST_COUNTS - 1);
        let said = self.left.iter().any(|it| it.because == LeftBecause::NotSurveyed);
        if let Some(last) = cut.filter(|_| !said) {
            let (kind, place, holder) = (last.kind.clone(), last.place.clone(), Some(self.from));
            let because = LeftBecause::NotSurveyed;
            self.left.push(Left { kind, place, holder, items: 0, because });
        }
    }

    /// Ends it if nothing has changed since the round before; otherwise what stayed in that one may
    /// move in this.
    fn go_by(&mut self, before: &Progress) {
        const IDLE: u32 = 3;
        let of_the_rest = |it: &Left| {
            let rest = self.parts.iter().any(|part| part.items.is_none() && part.kind == it.kind);
            rest && !matches!(it.because, LeftBecause::NotHeld | LeftBecause::NotSurveyed)
        };
        let (stayed, others): (Vec<_>, Vec<_>) = self.left.drain(..).partition(of_the_rest);
        self.left = others;
        if before.moved > 0 || before.found != self.progress.found {
            return;
        }
        // A host that counts what it never gives is not asked for ever.
        self.progress.idle = before.idle + 1;
        let mut unsaid = Vec::new();
        for (kind, place, items) in &self.progress.found {
            let said = stayed.iter().filter(|it| it.kind == *kind && it.place == *place);
            let items = items.saturating_sub(said.map(|it| it.items).sum());
            if items > 0 {
                let (kind, place, holder) = (kind.clone(), place.clone(), Some(self.from));
                unsaid.push(Left { kind, place, holder, items, because: LeftBecause::HeldBack });
            }
        }
        if unsaid.is_empty() || self.progress.idle > IDLE {
            self.left.extend(stayed.into_iter().chain(unsaid));
            self.progress.groups.clear();
            self.progress.ended = true;
        }
    }

    /// Takes the next receipt of the handover that is handed back; none if there is no more.
    pub(crate) fn take_receipt(
        &mut self,
        receipt: Option<&HandoverReceipt>,
    ) -> Option<HandoverStep> {
        let Some(receipt) = receipt else { return Some(self.end()) };
        self.progress.receipt = Some(receipt.batch.number);
        if !receipt.moved.is_empty() {
            self.progress.groups.push_back(Group {
                kind: receipt.kind.clone(),
                states: WorkStates::All,
                place: Place::new(),
                from: receipt.to,
                part: 0,
                items: GroupItems::Unseen(receipt.moved.clone()),
                untouched_since: Some(receipt.batch),
                held_back: 0,
            });
        }
        None
    }

    /// Takes what was found of the items of the first group: each place becomes a group.
    pub(crate) fn take_found(
        &mut self,
        found: Vec<FoundItem>,
        keeps: impl Fn(&KindName, &Place) -> bool,
    ) {
        let Some(group) = self.progress.groups.pop_front() else { return };
        self.progress.shares.clear();
        let GroupItems::Unseen(asked) = &group.items else { return };
        let mut left = asked.len() as u64;
        let mut touched = 0;
        let mut places: BTreeMap<Place, VecDeque<ItemId>> = BTreeMap::new();
        let to = self.receivers(&group);
        for item in found {
            let is_there = match item.holder {
                None => to == Receivers::Nobody,
                Some(holder) => to.members().contains(&holder),
            };
            if item.holder != group.from && !is_there {
                continue;
            }
            left = left.saturating_sub(1);
            if item.holder != group.from {
                continue;
            }
            if group.untouched_since.is_some() && item.untouched_since != group.untouched_since {
                touched += 1;
            } else if group.states.include(item.state) && !keeps(&group.kind, &item.place) {
                places.entry(item.place).or_default().push_back(item.id);
            }
        }
        self.leave(&group, left, LeftBecause::NotHeld);
        self.leave(&group, touched, LeftBecause::Touched);
        for (place, items) in places.into_iter().rev() {
            let many = items.len() as u64;
            let group = Group { place, items: GroupItems::Named(items), ..group.clone() };
            if let Some(rest) = self.rest_of(&group) {
                *rest = rest.saturating_sub(many);
            }
            self.progress.groups.push_front(group);
        }
    }

    /// Shares the first group out among those of its receivers who can reach it; if it needs some
    /// and has none, it stays where it is.
    pub(crate) fn share_out(&mut self, fit: &[MembershipId], loads: &[Load]) {
        let Some(group) = self.progress.groups.front() else { return };
        let items = group.items.count();
        if items == 0 {
            self.progress.groups.pop_front();
            return;
        }
        let to = match self.receivers(group) {
            Receivers::Nobody => Receivers::Nobody,
            Receivers::RoundRobin(_) => Receivers::RoundRobin(fit.to_vec()),
            Receivers::LeastLoaded(_) => Receivers::LeastLoaded(fit.to_vec()),
        };
        let turn = self.progress.turn;
        self.progress.shares = shares(&to, items, loads, turn);
        self.progress.turn = turn.wrapping_add(u32::try_from(items).unwrap_or(0));
        if self.progress.shares.is_empty()
            && let Some(group) = self.progress.groups.pop_front()
        {
            self.leave(&group, items, LeftBecause::OutOfReach);
        }
    }

    /// Others are moving something that this one would be stuck over, or that may arrive at whoever
    /// it is from: it looks again a little later, a few times for the former.
    pub(crate) fn look_again(&mut self, awaited: Awaited) -> bool {
        const MOST: u32 = 5;
        let counts = awaited == Awaited::Handover;
        if counts && self.progress.waits >= MOST {
            return false;
        }
        let waits = self.progress.waits + u32::from(counts);
        self.begin_anew();
        self.progress.waits = waits;
        true
    }

    /// Takes the first share as if it had moved: what, from whom, and to whom.
    pub(crate) fn pretend(&mut self) -> Option<(KindName, Option<MembershipId>, Share)> {
        let group = self.progress.groups.front_mut()?;
        if self.progress.shares.is_empty() {
            return None;
        }
        let share = self.progress.shares.remove(0);
        let said = (group.kind.clone(), group.from, share);
        if self.progress.shares.is_empty() {
            self.progress.groups.pop_front();
        }
        Some(said)
    }

    /// The receiver of the first share cannot reach the first group any more: it is shared out
    /// again.
    pub(crate) fn share_again(&mut self) {
        self.progress.shares.clear();
    }

    /// The person can reach the first group again, and keeps it.
    pub(crate) fn keep_first(&mut self) {
        self.progress.groups.pop_front();
        self.progress.shares.clear();
    }

    /// Where the first group lies.
    pub(crate) fn first(&self) -> Option<(&KindName, &Place)> {
        self.progress.groups.front().map(|group| (&group.kind, &group.place))
    }

    /// Somebody is having this batch done until then.
    pub(crate) fn ask(&mut self, batch: Batch, until: Timestamp) {
        self.asked = Some(batch);
        self.due_at = until;
    }

    /// The host's work could not be reached: asked again later, each time longer, at most an hour.
    pub(crate) fn put_off(&mut self, now: Timestamp) {
        const SHORTEST: u32 = 5;
        self.failures = self.failures.saturating_add(1);
        let seconds = (SHORTEST << self.failures.min(10)).min(3_600);
        self.due_at = now.plus(Span::seconds(seconds));
    }

    /// Takes the answer to the batch that is being done. None if another one is, or none: then
    /// somebody else took it.
    pub(crate) fn acknowledge(
        &mut self,
        done: &Batch,
        answer: &Moved,
        now: Timestamp,
    ) -> Option<HandoverReceipt> {
        let asked = self.asked.take_if(|asked| asked.name == done.name)?;
        self.batches = asked.name.number.saturating_add(1);
        self.failures = 0;
        self.due_at = now;
        let (moved, skipped) = (answer.moved.len() as u64, answer.skipped.len() as u64);
        self.moved += moved;
        self.skipped += skipped;
        self.progress.moved += moved;
        // Emptied, and nothing was done before: the same items are still to move.
        if !done.is_empty() || moved + skipped > 0 {
            self.count_off(&asked, answer);
        }
        let receipt = HandoverReceipt {
            batch: asked.name,
            organization: self.organization,
            kind: asked.kind,
            states: asked.states,
            place: asked.place,
            from: asked.from,
            to: asked.to,
            moved: answer.moved.clone(),
            skipped: answer.skipped.clone(),
            at: now,
        };
        Some(receipt)
    }

    /// The first group and its first share have become smaller, if the batch was theirs.
    fn count_off(&mut self, asked: &Batch, answer: &Moved) {
        let progress = &mut self.progress;
        let Some(group) = progress.groups.front_mut() else { return };
        let same = group.kind == asked.kind
            && group.place == asked.place
            && group.from == asked.from
            && group.states == asked.states;
        if !same {
            return;
        }
        let held = |it: &&Skipped| matches!(it.because, SkippedBecause::Refused(_));
        group.held_back += answer.skipped.iter().filter(held).count() as u64;
        let (moved, skipped) = (answer.moved.len() as u64, answer.skipped.len() as u64);
        // Others may have been chosen meanwhile: then it has not been shared out again yet.
        let share = progress.shares.first_mut().filter(|share| share.to == asked.to);
        let is_shared = share.is_some();
        let is_spent = share.is_some_and(|share| {
            share.items = share.items.saturating_sub(moved);
            share.items == 0
        });
        let skipped_items = answer.skipped.iter().map(|it| &it.item);
        let is_done = match (&mut group.items, &asked.items) {
            (GroupItems::Next { after, items }, _) => {
                // An answer about nothing leads nowhere, whatever it says of more.
                *after = answer.more_after.clone().filter(|_| moved + skipped > 0);
                *items = items.saturating_sub(moved + skipped);
                after.is_none()
            }
            (GroupItems::Named(items), BatchItems::Named(_)) => {
                // An answer that says nothing of an item has done nothing about it.
                let said: BTreeSet<&ItemId> = answer.moved.iter().chain(skipped_items).collect();
                items.retain(|item| !said.contains(item));
                items.is_empty()
            }
            (GroupItems::Named(_) | GroupItems::Unseen(_), _) => false,
        };
        if is_spent {
            progress.shares.remove(0);
        }
        // What came while it was shared out moves in the next round.
        let spent = is_shared
            && progress.shares.is_empty()
            && matches!(&group.items, GroupItems::Next { items: 0, .. });
        // What is held back of somebody's share is shared out again.
        if skipped > 0 {
            progress.shares.clear();
        }
        if is_done || spent {
            progress.shares.clear();
            if let Some(group) = progress.groups.pop_front() {
                self.leave(&group, group.held_back, LeftBecause::HeldBack);
            }
        }
    }

    fn leave(&mut self, group: &Group, items: u64, because: LeftBecause) {
        if items == 0 {
            return;
        }
        let stays = matches!(because, LeftBecause::OutOfReach | LeftBecause::HeldBack);
        if stays && let Some(rest) = self.rest_of(group) {
            *rest += items;
            return;
        }
        let (kind, place, holder) = (group.kind.clone(), group.place.clone(), group.from);
        let same = |it: &&mut Left| {
            it.kind == kind && it.place == place && it.holder == holder && it.because == because
        };
        match self.left.iter_mut().find(same) {
            Some(left) => left.items += items,
            None => self.left.push(Left { kind, place, holder, items, because }),
        }
    }

    /// Forgets what is left of the round: others receive now, or it is tried again.
    pub(crate) fn begin_anew(&mut self) {
        // Also when nothing has moved yet, there is a survey before the end.
        self.progress = Progress { turn: self.progress.turn, ..Progress::default() };
        self.left.clear();
        // Nobody is at it: it goes on at once.
        if self.asked.is_none() || self.failures > 0 {
            self.failures = 0;
            self.due_at = self.planned_at;
        }
        // It was asked for under what held before: what was done is found out, and nothing more is.
        self.asked = self.asked.take().map(Batch::emptied);
    }

    /// A step that is allowed from where it is.
    pub(crate) fn take(&mut self, step: HandoverStep) -> bool {
        let Some(to) = self.status.after(step) else { return false };
        self.status = to;
        true
    }
}
