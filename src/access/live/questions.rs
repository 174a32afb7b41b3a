//! Questions that take more than a bit: how far, because of what, who, and which things.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use super::definitions::Definitions;
use super::facts::{Cell, Facts, Few, Held, Part};
use super::guard::{Guard, Who};
use super::table::{Entry, GONE, NOT_WORKING, UNCONFIRMED};
use super::visible::Visible;
use super::{Holds, View};
use crate::access::evaluate::{counting, held, outside};
use crate::access::{Because, Decision, Item, MemberView, Permission};
use crate::domain::{
    Given, Grant, MembershipId, PermissionName, Role, SupportAccess, Timestamp, UserId,
};

/// Somebody who may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    /// The user.
    pub user: UserId,
    /// Their membership: in the workspace, if they have one there, or else in the organization.
    pub membership: MembershipId,
}

impl Guard {
    /// Whether, how far and why somebody holds a permission.
    pub fn check<P: Permission>(
        &self,
        who: impl Into<Who>,
        permission: P,
        now: Timestamp,
    ) -> Decision {
        if self.number(permission).is_none() {
            return Decision::refused(Because::NotGiven);
        }
        self.decide(&who.into(), &permission.into(), now)
    }

    /// The same for one thing whose holder, teams and listed resources are known.
    pub fn check_on<P: Permission>(
        &self,
        who: impl Into<Who>,
        permission: P,
        item: &Item,
        now: Timestamp,
    ) -> Decision {
        if self.number(permission).is_none() {
            return Decision::refused(Because::NotGiven);
        }
        self.view_of(&who.into(), now, |subject| {
            let decision = subject.decide(&permission.into());
            let reached = subject.reaches(&decision, item);
            decision.on_item(reached)
        })
    }

    /// Which things a permission reaches.
    pub fn visible<P: Permission>(
        &self,
        who: impl Into<Who>,
        permission: P,
        now: Timestamp,
    ) -> Visible {
        if self.number(permission).is_none() {
            return Visible::default();
        }
        self.view_of(&who.into(), now, |subject| subject.visible(&permission.into()))
    }

    /// Every permission that somebody holds, with how far and why, in the order of their names.
    pub fn permissions_of(
        &self,
        who: impl Into<Who>,
        now: Timestamp,
    ) -> Vec<(PermissionName, Decision)> {
        self.view_of(&who.into(), now, |subject| {
            let decided = self.view().catalogue.names().map(|name| (name, subject.decide(name)));
            let held = decided.filter(|(_, decision)| decision.is_allowed());
            held.map(|(name, decision)| (name.clone(), decision)).collect()
        })
    }

    /// Everybody in memory who holds a permission, if only somewhere, in no order. It looks at
    /// everybody once, as it goes.
    pub fn who_may<P: Permission>(&self, permission: P, now: Timestamp) -> Vec<Person> {
        let table = self.current();
        let Some(number) = self.number(permission) else { return Vec::new() };
        if table.flags() & (NOT_WORKING | UNCONFIRMED | GONE) != 0 {
            return Vec::new();
        }
        let name: PermissionName = permission.into();
        let view = self.view();
        let definitions = view.definitions.load();
        let holds = |entry: Entry<'_>| {
            let given = entry.word(number / 64).map(|word| word >> (number % 64) & 1 == 1);
            match given {
                Some(given) if given || !Facts(entry.facts()).is_timed() => given,
                Some(_) | None => {
                    Subject::person(view, &definitions, &view.held(entry), now, |subject| {
                        subject.decide(&name).is_allowed()
                    })
                }
            }
        };
        let person =
            |entry: Entry<'_>| Person { user: entry.user(), membership: view.shown(entry) };
        table.iter().filter(|entry| holds(*entry)).map(person).collect()
    }

    pub(super) fn decide(
        &self,
        who: &Who,
        permission: &PermissionName,
        now: Timestamp,
    ) -> Decision {
        self.view_of(who, now, |subject| subject.decide(permission))
    }

    fn view_of<R>(&self, who: &Who, now: Timestamp, ask: impl FnOnce(&Subject<'_>) -> R) -> R {
        let view = self.view();
        let Some((definitions, held)) = self.read(who) else {
            return ask(&Subject::nobody(Some(Because::NotConfirmed)));
        };
        match who {
            Who::User(_) => {
                let Some(held) = held else {
                    let otherwise = match view.holds() {
                        Holds::Everybody => Because::NotAMember,
                        Holds::WhoeverIsAdmitted => Because::NotLoaded,
                    };
                    let works = definitions.not_working();
                    return ask(&Subject { works, otherwise, ..Subject::nobody(None) });
                };
                Subject::person(view, &definitions, &held, now, ask)
            }
            Who::Support(access, person) => {
                let access = definitions.supports.get(access);
                let access = access.filter(|it| it.person == *person && it.holds(now));
                let works = definitions.not_working();
                ask(&Subject { works, support: access.map(|it| &**it), ..Subject::nobody(None) })
            }
            Who::Nobody => ask(&Subject::nobody(None)),
        }
    }

    /// What is shared and what is known of somebody, of one state; none if there is none to rely on.
    fn read(&self, who: &Who) -> Option<(Arc<Definitions>, Option<Arc<Held>>)> {
        // People and definitions change together in a few instructions: nobody waits for long.
        const TIMES: u32 = 1_000;
        let view = self.view();
        for _ in 0..TIMES {
            let before = view.changes.load(Ordering::Acquire);
            let table = self.current();
            if table.flags() & (UNCONFIRMED | GONE) != 0 {
                return None;
            }
            let definitions = view.definitions.load_full();
            let entry = match who {
                Who::User(user) => table.find(*user).and_then(|slot| table.entry(slot)),
                Who::Support(..) | Who::Nobody => None,
            };
            let held = entry.map(|entry| view.held(entry));
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && view.changes.load(Ordering::Relaxed) == before {
                return Some((definitions, held));
            }
            std::hint::spin_loop();
        }
        None
    }
}

/// Somebody with everything that decides what they may do.
pub(super) struct Subject<'s> {
    /// Why nobody may do anything here, if so.
    works: Option<Because>,
    support: Option<&'s SupportAccess>,
    views: Vec<MemberView<'s>>,
    /// Why the person holds nothing, if no membership counts.
    otherwise: Because,
}

impl Subject<'_> {
    const fn nobody(works: Option<Because>) -> Self {
        Self { works, support: None, views: Vec::new(), otherwise: Because::NotAMember }
    }

    pub(super) fn person<R>(
        view: &View,
        definitions: &Definitions,
        held: &Held,
        now: Timestamp,
        ask: impl FnOnce(&Subject<'_>) -> R,
    ) -> R {
        let member = |part| member(definitions, part, now);
        let active = |part: &'_ &Part| part.is_active();
        let whole = held.whole.as_ref().filter(active).map(member);
        let here = held.here.as_ref().filter(active).map(member);
        let views = counting(whole, here, view.scope.workspace.is_some());
        let otherwise = outside(held.whole.as_ref().map(|whole| whole.status));
        ask(&Subject { works: definitions.not_working(), support: None, views, otherwise })
    }

    pub(super) fn decide(&self, permission: &PermissionName) -> Decision {
        match &self.works {
            Some(because) => Decision::refused(because.clone()),
            None => held(self.support, &self.views, || self.otherwise.clone(), permission),
        }
    }

    fn reaches(&self, decision: &Decision, item: &Item) -> bool {
        self.support.is_some() || self.views.iter().any(|it| it.reaches(&decision.extent, item))
    }

    fn visible(&self, permission: &PermissionName) -> Visible {
        let decision = self.decide(permission);
        if self.support.is_some() && decision.is_allowed() {
            return Visible::everything();
        }
        let mut visible = Visible::default();
        for view in &self.views {
            visible.add(&decision.extent, view);
        }
        visible
    }
}

fn member<'s>(definitions: &'s Definitions, part: &'s Part, now: Timestamp) -> MemberView<'s> {
    let granted = |grant: &Grant| -> Option<&'s Role> {
        let Given::Role(name) = &grant.gives else { return None };
        let mut roles = definitions.roles.iter().flatten();
        roles.find(|role| role.it.name == *name).map(|role| &role.it)
    };
    let running = part.grants.iter().filter(|grant| grant.runs(now));
    MemberView {
        id: part.id,
        role: definitions.role(part.role).map(|role| &role.it),
        teams: part.teams.iter().filter_map(|it| definitions.team(*it)).map(|it| &it.it).collect(),
        overrides: &part.overrides,
        grants: running.map(|grant| (grant, granted(grant))).collect(),
        fence: &part.fence,
    }
}

impl View {
    /// Everything known of somebody, as of one instant.
    pub(super) fn held(&self, entry: Entry<'_>) -> Arc<Held> {
        let facts = Facts(entry.facts());
        let few = match self.pools.cell(facts) {
            Some(Cell::Held(number)) => {
                return self.pools.held(number).cloned().unwrap_or_default();
            }
            Some(Cell::Few(few)) => few,
            None => Few::default(),
        };
        if facts.status() == crate::domain::StatusName::Removed {
            return Arc::default();
        }
        let part = Part {
            id: entry.membership(),
            status: facts.status(),
            role: facts.role(),
            teams: self.pools.set(facts.set()).collect(),
            overrides: few.unpack(&self.catalogue),
            grants: Vec::new(),
            fence: crate::domain::Fence::default(),
        };
        Arc::new(Held { whole: Some(part), here: None })
    }

    /// The membership that people mean.
    fn shown(&self, entry: Entry<'_>) -> MembershipId {
        let held = match self.pools.cell(Facts(entry.facts())) {
            Some(Cell::Held(number)) => self.pools.held(number),
            Some(Cell::Few(_)) | None => None,
        };
        let part = held.and_then(|held| held.here.as_ref().or(held.whole.as_ref()));
        part.map_or_else(|| entry.membership(), |part| part.id)
    }
}
