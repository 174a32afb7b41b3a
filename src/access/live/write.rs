//! Changing a view: one writer at a time, in place, at a cost that does not depend on how many
//! people there are. Editing a role or a team, and erasing somebody, looks at everybody once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::definitions::{Compiled, Definitions};
use super::facts::{Cell, Facts, Few, Held, Kind, Part};
use super::mask::Mask;
use super::table::NOT_WORKING;
use super::{Holds, Update, View, Writer, lock};
use crate::domain::{Override, Revision, StatusName};

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
        let redefined = !Arc::ptr_eq(&definitions, &self.definitions.load());
        // People get their bits by the new definitions at once; whoever reads both meanwhile reads
        // again.
        if redefined {
            self.changes.fetch_add(1, Ordering::AcqRel);
        }
        let add = self.holds == Holds::Everybody;
        let shown = update.memberships.iter().all(|it| self.put(writer, &definitions, it, add));
        if redefined {
            self.definitions.store(Arc::clone(&definitions));
            self.changes.fetch_add(1, Ordering::AcqRel);
        }
        if !sweep.is_empty() {
            self.sweep(&definitions, &sweep);
        }
        if !shown {
            return Applied::MakeAnew;
        }
        if redefined && definitions.works() {
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
    pub(super) fn mask_of(&self, definitions: &Definitions, facts: Facts) -> Mask {
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
        let given = given.with(of_set(facts.set()));
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
        given.with(raised).without(denied)
    }

    fn mask_held(&self, definitions: &Definitions, held: &Held) -> Mask {
        let Some(whole) = held.whole.as_ref().filter(|it| it.is_active()) else {
            return Mask::default();
        };
        let mut mask = Mask::default();
        if self.scope.workspace.is_none() || reaches(definitions, whole.role) {
            mask = mask.with(self.mask_part(definitions, whole));
        }
        if let Some(here) = held.here.as_ref().filter(|it| it.is_active()) {
            mask = mask.with(self.mask_part(definitions, here));
        }
        mask
    }

    fn mask_part(&self, definitions: &Definitions, part: &Part) -> Mask {
        let (given, keeps) = of_role(definitions, part.role);
        let given = given.with(of_teams(definitions, part.teams.iter().copied()));
        if keeps {
            return given;
        }
        let named = |wanted: fn(&Override) -> bool| {
            let names = part.overrides.iter().filter(move |(_, it)| wanted(it));
            Mask::of(&self.catalogue, names.map(|(name, _)| name))
        };
        let raised = named(|it| matches!(it, Override::Raise(_)));
        let denied = named(|it| matches!(it, Override::Deny));
        given.with(raised).without(denied)
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
    teams.fold(Mask::default(), |mask, team| mask.with(team.mask))
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
