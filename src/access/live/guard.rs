//! A guard over a view: what a request asks.

use std::any::TypeId;
use std::sync::Arc;

use super::facts::Facts;
use super::table::{GRANTS, RETIRED, Table};
use super::{Holds, View};
use crate::access::{Permission, number_at};
use crate::domain::{Principal, Revision, SubjectName, SupportAccessId, Timestamp, UserId};

/// The state of one scope, held for the length of one request.
///
/// It shows every change at once that the view is told of. Checks by bit neither allocate nor
/// wait.
#[derive(Clone)]
pub struct Guard {
    view: Arc<View>,
    table: Arc<Table>,
    /// The host's first enum, with the place of its first permission: most questions are about it.
    host: (TypeId, usize),
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Guard").field(&self.view).finish()
    }
}

/// Somebody, looked up once. Another guard than the one that gave it looks them up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    user: UserId,
    /// Where they stand in the table with this number.
    slot: u32,
    table: u32,
}

/// Where somebody stands who is not in the table.
const NOWHERE: u32 = u32::MAX;

/// Whom a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A user.
    User(UserId),
    /// Somebody of the vendor, under an access that the customer gave.
    Support(SupportAccessId, SubjectName),
    /// Nobody who could hold a permission: a machine, or the bearer of a link.
    Nobody,
}

impl From<Member> for Who {
    fn from(member: Member) -> Self {
        Self::User(member.user)
    }
}

impl From<UserId> for Who {
    fn from(user: UserId) -> Self {
        Self::User(user)
    }
}

impl From<&Principal> for Who {
    fn from(who: &Principal) -> Self {
        match who {
            Principal::Person(user) => Self::User(*user),
            Principal::Support { access, person } => Self::Support(*access, person.clone()),
            // What machines may is said by the requirement table, not by permissions.
            Principal::Bearer(_) | Principal::Provisioner { .. } | Principal::System => {
                Self::Nobody
            }
        }
    }
}

impl Guard {
    pub(super) fn new(view: Arc<View>, table: Arc<Table>) -> Self {
        let host = view.catalogue.first_type();
        Self { view, table, host }
    }

    /// The view that it guards.
    pub const fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// The revision of the organization that it shows.
    pub fn revision(&self) -> Revision {
        self.view.revision()
    }

    /// Whether it can be said of a user what they may: always, but where only those are in memory
    /// who were asked for.
    pub fn knows(&self, user: UserId) -> bool {
        self.view.holds == Holds::Everybody || self.current().find(user).is_some()
    }

    /// Looks somebody up, for several checks.
    #[inline]
    pub fn member(&self, user: UserId) -> Member {
        let slot = self.table.find(user).unwrap_or(NOWHERE);
        Member { user, slot, table: self.table.number() }
    }

    /// Whether somebody holds a permission, if only somewhere. `now` is asked only where the time
    /// matters. A permission that was not declared is held by nobody.
    #[inline]
    pub fn can<P: Permission>(
        &self,
        member: Member,
        permission: P,
        now: impl FnOnce() -> Timestamp,
    ) -> bool {
        let Some(number) = self.number(permission) else { return false };
        if member.table != self.table.number() {
            return self.can_user(member.user, permission, now);
        }
        if let Some(word) = self.table.word(member.slot, number / 64)
            && self.table.flags() == 0
        {
            // Nobody can predict the answer, so nothing branches on it: a wrong guess would cost
            // more than the check.
            return word >> (number % 64) & 1 == 1;
        }
        self.can_slowly(member.user.uuid().as_u64_pair(), member.slot, number, now)
    }

    /// The same for somebody who is looked up for this one check.
    #[inline]
    pub fn can_user<P: Permission>(
        &self,
        user: UserId,
        permission: P,
        now: impl FnOnce() -> Timestamp,
    ) -> bool {
        let Some(number) = self.number(permission) else { return false };
        let mut slot = NOWHERE;
        if let Some((found, hot)) = self.table.look_up(user) {
            if let Some(word) = hot.word(number / 64)
                && self.table.flags() == 0
            {
                return word >> (number % 64) & 1 == 1;
            }
            slot = found;
        }
        self.can_slowly(user.uuid().as_u64_pair(), slot, number, now)
    }

    /// The number of a permission; none if its enum was not declared.
    #[inline]
    pub(super) fn number<P: Permission>(&self, permission: P) -> Option<usize> {
        let (host, first) = self.host;
        if TypeId::of::<P>() == host {
            return Some(number_at(first + permission.index()));
        }
        self.view.catalogue.number(permission)
    }

    /// The table that is changed now.
    pub(super) fn current(&self) -> Arc<Table> {
        if self.table.flags() & RETIRED == 0 {
            Arc::clone(&self.table)
        } else {
            self.view.table.load_full()
        }
    }

    /// Where the guard's own bits do not decide: for strangers and for whoever came after being
    /// looked up, for people with grants, and when the table is not what it was.
    #[cold]
    #[inline(never)]
    fn can_slowly(
        &self,
        (high, low): (u64, u64),
        slot: u32,
        number: usize,
        now: impl FnOnce() -> Timestamp,
    ) -> bool {
        let user = UserId::from(uuid::Uuid::from_u64_pair(high, low));
        if self.table.flags() & !GRANTS == 0 {
            let slot = if slot == NOWHERE { self.table.find(user) } else { Some(slot) };
            let Some(slot) = slot else { return false };
            let word = self.table.word(slot, number / 64);
            // What is held whatever the time is held while a grant may add to it.
            let timed = self.table.entry(slot).is_some_and(|it| Facts(it.facts()).is_timed());
            if let Some(held) = word.map(|word| word >> (number % 64) & 1 == 1)
                && (held || !timed)
            {
                return held;
            }
        }
        let permission = self.view.catalogue.name(number);
        permission.is_some_and(|it| self.decide(&Who::User(user), it, now()).is_allowed())
    }
}
