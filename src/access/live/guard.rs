//! A guard over a view: what a request asks.

use std::any::TypeId;
use std::sync::Arc;

use super::facts::Facts;
use super::mask::BITS;
use super::table::{RETIRED, Table};
use super::{Holds, View};
use crate::access::Permission;
use crate::domain::{Principal, Revision, SubjectName, SupportAccessId, Timestamp, UserId};

/// The state of one scope, held for the length of one request.
///
/// It shows every change at once that the view is told of. Checks by bit neither allocate nor
/// wait.
#[derive(Clone)]
pub struct Guard {
    view: Arc<View>,
    table: Arc<Table>,
    /// The host's first enum, with the number of its first permission.
    host: (TypeId, usize),
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Guard").field(&self.view).finish()
    }
}

/// Somebody, looked up once: it is asked only of the guard that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    user: UserId,
    /// The entry in the guard's own table; none stands there if it is past the end.
    slot: u32,
}

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
        let host = view.catalogue.host();
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
        Member { user, slot: self.table.find(user).unwrap_or(u32::MAX) }
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
        let entry = self.table.entry(member.slot);
        if let Some(entry) = entry
            && self.table.flags() == 0
            && number < BITS
        {
            let given = entry.word(number / 64) >> (number % 64) & 1 == 1;
            if given || !Facts(entry.facts()).is_timed() {
                return given;
            }
        } else if entry.is_none() && self.table.flags() == 0 {
            // Somebody who came after being looked up.
            let slot = self.table.find(member.user);
            return slot.is_some_and(|slot| self.can(Member { slot, ..member }, permission, now));
        }
        self.can_slowly(member.user, number, now())
    }

    /// The same for somebody who is looked up for this one check.
    #[inline]
    pub fn can_user<P: Permission>(
        &self,
        user: UserId,
        permission: P,
        now: impl FnOnce() -> Timestamp,
    ) -> bool {
        self.can(self.member(user), permission, now)
    }

    /// The number of a permission.
    #[inline]
    pub(super) fn number<P: Permission>(&self, permission: P) -> Option<usize> {
        let (host, first) = self.host;
        if TypeId::of::<P>() == host {
            return Some(first + permission.index());
        }
        self.view.catalogue.first_of::<P>().map(|first| first + permission.index())
    }

    /// The table that is changed now.
    pub(super) fn current(&self) -> Arc<Table> {
        if self.table.flags() & RETIRED == 0 {
            Arc::clone(&self.table)
        } else {
            self.view.table.load_full()
        }
    }

    /// Where bits alone do not decide.
    #[cold]
    fn can_slowly(&self, user: UserId, number: usize, now: Timestamp) -> bool {
        let permission = self.view.catalogue.name(number);
        permission.is_some_and(|it| self.decide(&Who::User(user), it, now).is_allowed())
    }
}
