//! Showing one person: as one word if they are ordinary, and as they are if not.

use std::collections::BTreeSet;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::definitions::Definitions;
use super::facts::{Cell, Facts, Few, Held, MAX_CELL, MAX_ROLE, MAX_SET, Part};
use super::mask::Mask;
use super::table::{Entry, GRANTS, RETIRED, Table};
use super::{View, Writer};
use crate::domain::{Membership, MembershipId, RoleName, StatusName, TeamId, UserId};

impl View {
    /// Shows one membership; false if there is no room for it in the numbers.
    pub(super) fn put(
        &self,
        writer: &mut Writer,
        definitions: &Definitions,
        it: &Membership,
        add: bool,
    ) -> bool {
        if it.scope != self.scope && it.scope != self.scope.whole() {
            return true;
        }
        let table = self.table.load();
        let Some(user) = it.user else {
            return it.is_live() || self.forget(&table, definitions, writer, it.id);
        };
        let entry = table.find(user).and_then(|slot| table.entry(slot));
        if entry.is_none() && (!add || !it.is_live()) {
            return true;
        }
        if let Some(facts) = self.pack(writer, entry, it) {
            self.write(writer, definitions, &table, (entry, user, it.id), facts);
            return true;
        }
        let mut held = entry.map(|entry| (*self.held(entry)).clone()).unwrap_or_default();
        let whole = it.scope == self.scope.whole();
        let place = if whole { &mut held.whole } else { &mut held.here };
        // A tombstone says nothing of the membership that came after it.
        if !it.is_live() && place.as_ref().is_some_and(|now| now.id != it.id) {
            return true;
        }
        *place = it.is_live().then(|| writer.part(it));
        let Some(facts) = self.pack_held(writer, entry, &held) else { return false };
        self.write(writer, definitions, &table, (entry, user, it.id), facts);
        true
    }

    fn write(
        &self,
        writer: &mut Writer,
        definitions: &Definitions,
        table: &Table,
        (entry, user, id): (Option<Entry<'_>>, UserId, MembershipId),
        facts: Facts,
    ) {
        let mask = self.mask_of(definitions, facts);
        if facts.is_timed() {
            table.raise(GRANTS);
        }
        if let Some(entry) = entry {
            let was = Facts(entry.facts()).cell();
            writer.wasted += usize::from(was.is_some() && was != facts.cell());
            entry.write(facts.0, mask);
            return;
        }
        if writer.entries >= table.room() {
            self.grow(writer).insert(user, id, facts.0, mask);
        } else {
            table.insert(user, id, facts.0, mask);
        }
        writer.entries += 1;
    }

    /// An ordinary person's membership as one word; none for one that is not.
    ///
    /// The entry names the membership that was there first, so that only it is ordinary.
    fn pack(
        &self,
        writer: &mut Writer,
        entry: Option<Entry<'_>>,
        it: &Membership,
    ) -> Option<Facts> {
        let plain = it.scope == self.scope.whole()
            && it.is_live()
            && it.fence.0.is_empty()
            && it.grants.is_empty()
            && entry.is_none_or(|entry| entry.membership() == it.id && !self.is_here(entry));
        if !plain {
            return None;
        }
        let few = Few::pack(&self.catalogue, &it.overrides)?;
        let role = Some(writer.role(&it.role)).filter(|role| *role <= MAX_ROLE)?;
        let set = writer.set(self, &it.teams)?;
        let cell = if few.is_empty() { None } else { Some(self.few(writer, few, entry)?) };
        Some(Facts::new(role, it.status.name(), set, cell))
    }

    /// Whether somebody has a membership in the workspace itself.
    fn is_here(&self, entry: Entry<'_>) -> bool {
        self.scope.workspace.is_some()
            && match self.pools.cell(Facts(entry.facts())) {
                Some(Cell::Held(number)) => {
                    self.pools.held(number).is_some_and(|held| held.here.is_some())
                }
                Some(Cell::Few(_)) | None => false,
            }
    }

    /// Everything that is known of somebody, kept as it is.
    fn pack_held(
        &self,
        writer: &mut Writer,
        entry: Option<Entry<'_>>,
        held: &Held,
    ) -> Option<Facts> {
        if held.whole.is_none() && held.here.is_none() {
            return Some(Facts::new(0, StatusName::Removed, 0, None));
        }
        let before = entry.map(|entry| Facts(entry.facts()));
        if let Some(before) = before
            && let Some(Cell::Held(number)) = self.pools.cell(before)
            && self.pools.held(number).is_some_and(|was| **was == *held)
        {
            return Some(before);
        }
        let number = writer.wholes;
        self.pools.wholes.make(number)?.set(Arc::new(held.clone())).ok()?;
        writer.wholes += 1;
        writer.bytes += size_of_held(held);
        let cell = writer.cell(self, Cell::Held(number))?;
        let part = held.whole.as_ref().or(held.here.as_ref());
        let status = part.map_or(StatusName::Removed, |part| part.status);
        let timed = [&held.whole, &held.here].into_iter().flatten().any(|it| !it.grants.is_empty());
        Some(Facts::new(0, status, 0, Some(cell)).timed(timed))
    }

    /// The cell of a few overrides: the one that is there already, if they did not change.
    fn few(&self, writer: &mut Writer, few: Few, entry: Option<Entry<'_>>) -> Option<u32> {
        let cell = Cell::Few(few);
        if let Some(before) = entry.map(|entry| Facts(entry.facts()))
            && self.pools.cell(before) == Some(cell)
        {
            return before.cell().and_then(|number| u32::try_from(number).ok());
        }
        writer.cell(self, cell)
    }

    /// A larger table with everybody in it who still belongs.
    fn grow(&self, writer: &mut Writer) -> Arc<Table> {
        let old = self.table.load_full();
        let stays = |entry: Entry<'_>| Facts(entry.facts()).status() != StatusName::Removed;
        let staying = old.iter().filter(|entry| stays(*entry)).count();
        let new = Table::with_room(staying + staying / 2 + 16);
        for entry in old.iter().filter(|entry| stays(*entry)) {
            let mask = Mask(std::array::from_fn(|word| entry.word(word).unwrap_or(0)));
            new.insert(entry.user(), entry.membership(), entry.facts(), mask);
        }
        writer.entries = staying;
        new.raise(old.flags());
        let new = Arc::new(new);
        self.table.store(Arc::clone(&new));
        // Whoever holds the old one looks at the new one from now on.
        old.raise(RETIRED);
        new
    }

    /// Shuts out somebody of whom only the membership is known: who was removed and erased.
    fn forget(
        &self,
        table: &Table,
        definitions: &Definitions,
        writer: &mut Writer,
        id: MembershipId,
    ) -> bool {
        for entry in table.iter() {
            let mut held = (*self.held(entry)).clone();
            let is_it = |part: &mut Part| part.id == id;
            if held.whole.take_if(is_it).or(held.here.take_if(is_it)).is_none() {
                continue;
            }
            let Some(facts) = self.pack_held(writer, Some(entry), &held) else { return false };
            self.write(writer, definitions, table, (Some(entry), entry.user(), id), facts);
        }
        true
    }
}

impl Writer {
    pub(super) fn role(&mut self, name: &RoleName) -> u32 {
        if let Some(number) = self.roles.get(name) {
            return *number;
        }
        let number = u32::try_from(self.roles.len()).unwrap_or(u32::MAX);
        self.roles.insert(name.clone(), number);
        number
    }

    pub(super) fn team(&mut self, id: TeamId) -> u32 {
        let next = u32::try_from(self.teams.len()).unwrap_or(u32::MAX);
        *self.teams.entry(id).or_insert(next)
    }

    /// The number of a set of teams; none if there are too many sets.
    pub(super) fn set(&mut self, view: &View, teams: &BTreeSet<TeamId>) -> Option<u32> {
        let mut numbers = std::mem::take(&mut self.scratch);
        numbers.clear();
        numbers.extend(teams.iter().map(|id| self.team(*id)));
        let number = self.set_of(view, &numbers);
        self.scratch = numbers;
        number
    }

    fn set_of(&mut self, view: &View, teams: &[u32]) -> Option<u32> {
        if teams.is_empty() {
            return Some(0);
        }
        let sets = &view.pools.sets;
        // Two sets that meet under one hash are at worst written down again.
        let hash = (self.sets.hasher().hash_one(teams) >> 32) as u32;
        let is_it = |number: u32| view.pools.set(number as usize).eq(teams.iter().copied());
        if let Some(number) = self.sets.get(&hash)
            && is_it(*number)
        {
            return Some(*number);
        }
        let number = u32::try_from(self.words).ok().filter(|it| *it <= MAX_SET)?;
        let length = u32::try_from(teams.len()).ok()?;
        for (at, word) in (self.words..).zip([length].iter().chain(teams)) {
            sets.make(at)?.store(*word, Ordering::Relaxed);
        }
        self.words += teams.len() + 1;
        self.sets.insert(hash, number);
        Some(number)
    }

    fn cell(&mut self, view: &View, cell: Cell) -> Option<u32> {
        let number = (self.cells <= MAX_CELL).then_some(self.cells)?;
        let place = view.pools.cells.make(number as usize)?;
        place.store(cell.word(), Ordering::Relaxed);
        self.cells += 1;
        Some(number)
    }

    /// What counts of a membership.
    pub(super) fn part(&mut self, it: &Membership) -> Part {
        Part {
            id: it.id,
            status: it.status.name(),
            role: self.role(&it.role),
            teams: it.teams.iter().map(|id| self.team(*id)).collect(),
            overrides: it.overrides.clone(),
            grants: it.grants.values().cloned().collect(),
            fence: it.fence.clone(),
        }
    }
}

/// About how many bytes somebody takes of whom everything is kept.
fn size_of_held(held: &Held) -> usize {
    const A_THING: usize = 64;
    let part = |part: &Part| {
        size_of_val(&*part.teams)
            + part.overrides.len() * A_THING
            + part.grants.len() * 4 * A_THING
            + part.fence.0.values().map(|it| (it.len() + 1) * A_THING).sum::<usize>()
    };
    size_of::<Held>() + [&held.whole, &held.here].into_iter().flatten().map(part).sum::<usize>()
}
