//! Changing a view: one writer at a time, in place, at a cost that does not depend on how many
//! people there are. Editing a role or a team looks at everybody once.

use std::collections::BTreeSet;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::definitions::{Compiled, Definitions};
use super::facts::{Cell, Facts, Few, Held, Kind, MAX_CELL, MAX_ROLE, MAX_SET, Part};
use super::mask::Mask;
use super::table::{Entry, GRANTS, NOT_WORKING, RETIRED, Table};
use super::{Holds, Update, View, Writer, lock};
use crate::domain::{
    Membership, MembershipId, Override, Revision, RoleName, StatusName, TeamId, UserId,
};

/// What changed of the definitions, so that somebody's bits may have to be found again.
#[derive(Default)]
pub(super) struct Sweep {
    /// Whether each role did, by number.
    roles: Vec<bool>,
    /// Whether each team did.
    teams: Vec<bool>,
}

impl Sweep {
    pub(super) const fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.teams.is_empty()
    }

    /// Whether it may concern somebody.
    pub(super) fn concerns(&self, view: &View, facts: Facts) -> bool {
        let changed = |flags: &[bool], number: u32| flags.get(number as usize) == Some(&true);
        matches!(view.pools.cell(facts), Some(Cell::Held(_)))
            || changed(&self.roles, facts.role())
            || (!self.teams.is_empty()
                && view.pools.set(facts.set()).any(|team| changed(&self.teams, team)))
    }
}

/// What a view takes of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// All of it: nothing that the view does not show lies before it.
    Everything,
    /// What it says, but not its revision: something before it is not shown yet.
    OutOfTurn,
    /// Nothing: the view shows as much already.
    Nothing,
}

/// Whether a view shows an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It does.
    Shown,
    /// It did not want it.
    NotWanted,
    /// It cannot, and has to be made anew: it has run out of numbers.
    MakeAnew,
}

impl View {
    /// Shows what has changed, as far as the view wants it, which is told its revision.
    pub fn apply(&self, update: &Update<'_>, wants: impl FnOnce(Revision) -> Wants) -> Applied {
        let writer = &mut *lock(&self.writer);
        let wants = wants(self.revision());
        if wants == Wants::Nothing {
            return Applied::NotWanted;
        }
        let (definitions, sweep) = self.redefined(writer, update);
        // Whoever is shut out is shut out before anything else is seen, and let in last.
        if !definitions.works() {
            self.table.load().raise(NOT_WORKING);
        }
        // People get their bits by the new definitions at once; whoever reads both meanwhile reads
        // again.
        self.changes.fetch_add(1, Ordering::AcqRel);
        let add = self.holds == Holds::Everybody;
        let shown = update.memberships.iter().all(|it| self.put(writer, &definitions, it, add));
        self.definitions.store(Arc::clone(&definitions));
        self.changes.fetch_add(1, Ordering::AcqRel);
        if !sweep.is_empty() {
            self.sweep(&definitions, &sweep);
        }
        if !shown {
            return Applied::MakeAnew;
        }
        if definitions.works() {
            self.table.load().lower(NOT_WORKING);
        }
        if wants == Wants::Everything {
            self.revision.fetch_max(update.revision.get(), Ordering::AcqRel);
        }
        Applied::Shown
    }

    /// Shows people who were asked for, in a view that does not hold everybody.
    pub fn admit(&self, update: &Update<'_>, wants: impl FnOnce(Revision) -> Wants) -> Applied {
        let writer = &mut *lock(&self.writer);
        if wants(self.revision()) == Wants::Nothing {
            return Applied::NotWanted;
        }
        let definitions = self.definitions.load_full();
        let shown = update.memberships.iter().all(|it| self.put(writer, &definitions, it, true));
        if shown { Applied::Shown } else { Applied::MakeAnew }
    }

    // ── Definitions ─────────────────────────────────────────────────────────────────────────────

    /// What is shared after an update, and whose bits change by it.
    pub(super) fn redefined(
        &self,
        writer: &mut Writer,
        update: &Update<'_>,
    ) -> (Arc<Definitions>, Sweep) {
        let now = self.definitions.load_full();
        let mut next: Option<Definitions> = None;
        let mut sweep = Sweep::default();
        if let Some(it) = update.organization
            && it.status != now.organization
        {
            next.get_or_insert_with(|| (*now).clone()).organization = it.status;
        }
        for it in &update.workspaces {
            if self.scope.workspace == Some(it.id) && it.closed_at.is_some() != now.closed {
                next.get_or_insert_with(|| (*now).clone()).closed = it.closed_at.is_some();
            }
        }
        let gone = now.roles.iter().flatten().map(|role| (&role.it.name, None));
        let gone = gone.filter(|(name, _)| {
            update.all_roles && !update.roles.iter().any(|(there, _)| there == name)
        });
        for (name, role) in update.roles.iter().copied().chain(gone) {
            let number = writer.role(name);
            if now.role(number).map(|old| &old.it) == role {
                continue;
            }
            flag(&mut sweep.roles, number);
            let compiled = role.map(|role| {
                let mask = Mask::of_role(&self.catalogue, &role.permissions);
                Arc::new(Compiled { it: role.clone(), mask })
            });
            replace(&mut next.get_or_insert_with(|| (*now).clone()).roles, number, compiled);
        }
        for it in &update.teams {
            let number = writer.team(it.id);
            let same = now.team(number).is_some_and(|old| {
                !it.deleted && old.it.permissions == it.permissions && old.it.fence == it.fence
            });
            if same || (it.deleted && now.team(number).is_none()) {
                continue;
            }
            let mask = Mask::of(&self.catalogue, it.permissions.keys());
            let compiled = Compiled { it: (*it).clone(), mask };
            flag(&mut sweep.teams, number);
            let compiled = (!it.deleted).then(|| Arc::new(compiled));
            replace(&mut next.get_or_insert_with(|| (*now).clone()).teams, number, compiled);
        }
        for it in &update.supports {
            let supports = &mut next.get_or_insert_with(|| (*now).clone()).supports;
            supports.insert(it.id, Arc::new((*it).clone()));
        }
        (next.map_or(now, Arc::new), sweep)
    }

    /// Finds the bits of everybody again whom a change of the definitions concerns.
    fn sweep(&self, definitions: &Definitions, sweep: &Sweep) {
        let table = self.table.load();
        // People share their sets of teams: each is looked through once.
        let mut of_sets: Vec<Option<Mask>> = Vec::new();
        for entry in table.iter() {
            let facts = Facts(entry.facts());
            if sweep.concerns(self, facts) {
                entry.write_bits(self.mask_with(definitions, facts, |set| {
                    if of_sets.len() <= set {
                        of_sets.resize(set + set / 2 + 64, None);
                    }
                    let find = || of_teams(definitions, self.pools.set(set));
                    of_sets.get_mut(set).map_or_else(find, |it| *it.get_or_insert_with(find))
                }));
            }
        }
    }

    // ── Bits ────────────────────────────────────────────────────────────────────────────────────

    /// What somebody holds whatever the time.
    fn mask_of(&self, definitions: &Definitions, facts: Facts) -> Mask {
        self.mask_with(definitions, facts, |set| of_teams(definitions, self.pools.set(set)))
    }

    fn mask_with(
        &self,
        definitions: &Definitions,
        facts: Facts,
        of_set: impl FnOnce(usize) -> Mask,
    ) -> Mask {
        let few = match self.pools.cell(facts) {
            Some(Cell::Held(number)) => {
                let held = self.pools.held(number);
                return held.map_or(Mask::default(), |held| self.mask_held(definitions, held));
            }
            Some(Cell::Few(few)) => few,
            None => Few::default(),
        };
        if facts.status() != StatusName::Active {
            return Mask::default();
        }
        if self.scope.workspace.is_some() && !reaches(definitions, facts.role()) {
            return Mask::default();
        }
        let (given, keeps) = of_role(definitions, facts.role());
        let given = given.and(of_set(facts.set()));
        if keeps || few.is_empty() {
            return given;
        }
        let (mut raised, mut denied) = (Mask::default(), Mask::default());
        for it in few.iter() {
            match it.is {
                Kind::Raise => raised.set(it.permission),
                Kind::Deny => denied.set(it.permission),
                Kind::Cap => {}
            }
        }
        given.and(raised).without(denied)
    }

    fn mask_held(&self, definitions: &Definitions, held: &Held) -> Mask {
        let Some(whole) = held.whole.as_ref().filter(|it| it.is_active()) else {
            return Mask::default();
        };
        let mut mask = Mask::default();
        if self.scope.workspace.is_none() || reaches(definitions, whole.role) {
            mask = mask.and(self.mask_part(definitions, whole));
        }
        if let Some(here) = held.here.as_ref().filter(|it| it.is_active()) {
            mask = mask.and(self.mask_part(definitions, here));
        }
        mask
    }

    fn mask_part(&self, definitions: &Definitions, part: &Part) -> Mask {
        let (given, keeps) = of_role(definitions, part.role);
        let given = given.and(of_teams(definitions, part.teams.iter().copied()));
        if keeps {
            return given;
        }
        let named = |wanted: fn(&Override) -> bool| {
            let names = part.overrides.iter().filter(move |(_, it)| wanted(it));
            Mask::of(&self.catalogue, names.map(|(name, _)| name))
        };
        let raised = named(|it| matches!(it, Override::Raise(_)));
        let denied = named(|it| matches!(it, Override::Deny));
        given.and(raised).without(denied)
    }

    // ── People ──────────────────────────────────────────────────────────────────────────────────

    /// Shows one membership; false if there is no room for it in the numbers.
    fn put(
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
        {
            if self.pools.held(number).is_some_and(|was| **was == *held) {
                return Some(before);
            }
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
            && let Some(was) = self.pools.cell(before)
        {
            if was == cell {
                return before.cell().and_then(|number| u32::try_from(number).ok());
            }
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

    fn team(&mut self, id: TeamId) -> u32 {
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

/// What a role gives, and whether it keeps the organization.
fn of_role(definitions: &Definitions, role: u32) -> (Mask, bool) {
    let role = definitions.role(role);
    let mask = role.map(|role| role.mask).unwrap_or_default();
    (mask, role.is_some_and(|role| role.it.keeps_organization))
}

/// What teams give.
fn of_teams(definitions: &Definitions, teams: impl Iterator<Item = u32>) -> Mask {
    let teams = teams.filter_map(|number| definitions.team(number));
    teams.fold(Mask::default(), |mask, team| mask.and(team.mask))
}

fn reaches(definitions: &Definitions, role: u32) -> bool {
    definitions.role(role).is_some_and(|role| role.it.reaches_workspaces)
}

fn replace<T>(list: &mut Vec<Option<T>>, number: u32, it: Option<T>) {
    let number = number as usize;
    if list.len() <= number {
        list.resize_with(number + 1, || None);
    }
    if let Some(place) = list.get_mut(number) {
        *place = it;
    }
}

fn flag(flags: &mut Vec<bool>, number: u32) {
    let number = number as usize;
    flags.resize(flags.len().max(number + 1), false);
    if let Some(flag) = flags.get_mut(number) {
        *flag = true;
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
