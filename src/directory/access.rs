//! Asking what somebody may do, many times a second: a guard over the live view of one scope.

use std::sync::Arc;

use crate::access::live::{Guard, Holds, Member, Person, Visible, Who};
use crate::access::{Because, Decision, Item, Permission};
use crate::domain::{PermissionName, Refusal, Revision, Scope, Span, Thing, Timestamp, UserId};

use super::views::{Kept, Seen};
use super::{Error, Inner, UserDirectory};

/// What everybody in one scope may do, as of now: taken once for each request.
///
/// It shows at once whatever this process commits, before the commit's caller is answered. What
/// other processes commit shows within [`Keeping::follow_every`](super::Keeping::follow_every) of
/// the next [`access`](UserDirectory::access) or [`maintain`](UserDirectory::maintain); while the
/// store cannot be asked, nobody is let in on anything older than
/// [`Keeping::oldest`](super::Keeping::oldest).
///
/// [`can`](Self::can) is a load and a test: it reads no clock, allocates nothing and waits for
/// nobody, except for people with grants and permissions without a bit, whom it evaluates. Keep a
/// guard no longer than a request; one that is kept follows the store only while somebody calls this
/// directory.
#[derive(Clone)]
pub struct Access {
    guard: Guard,
    kept: Arc<Kept>,
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Access").field(&self.guard).finish()
    }
}

impl UserDirectory {
    /// What everybody in a scope may do. The first call for a scope loads it; most others return
    /// at once, and one in every [`Keeping::follow_every`](super::Keeping::follow_every) asks the
    /// store for the organization's revision.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] if there is no such organization or workspace; [`Error::Store`] if the
    /// store cannot be asked and what is known is too old.
    pub async fn access(&self, scope: impl Into<Scope>) -> Result<Access, Error> {
        let Seen { kept, view } = self.inner.view(scope.into()).await?;
        Ok(Access { guard: view.guard(), kept, inner: Arc::clone(&self.inner) })
    }

    /// The same, with these people in it: needed where an organization is too large to be held
    /// whole ([`Keeping::everybody_up_to`](super::Keeping::everybody_up_to)), and harmless
    /// elsewhere.
    pub async fn access_with(
        &self,
        scope: impl Into<Scope>,
        users: &[UserId],
    ) -> Result<Access, Error> {
        let seen = self.inner.view(scope.into()).await?;
        if seen.view.holds() == Holds::WhoeverIsAdmitted {
            self.inner.admit(&seen, users).await?;
        }
        let Seen { kept, view } = seen;
        Ok(Access { guard: view.guard(), kept, inner: Arc::clone(&self.inner) })
    }
}

impl Access {
    /// Looks somebody up once, for several checks.
    #[inline]
    pub fn member(&self, user: UserId) -> Member {
        self.guard.member(user)
    }

    /// Whether somebody who was looked up holds a permission, if only somewhere.
    #[inline]
    pub fn can<P: Permission>(&self, member: Member, permission: P) -> bool {
        self.guard.can(member, permission, || self.inner.clock.now())
    }

    /// The same for a user, who is looked up for this one check.
    #[inline]
    pub fn can_user<P: Permission>(&self, user: UserId, permission: P) -> bool {
        self.guard.can_user(user, permission, || self.inner.clock.now())
    }

    /// Whether, how far and why somebody holds a permission, and what is missing.
    pub fn check<P: Permission>(&self, who: impl Into<Who>, permission: P) -> Decision {
        self.fresh(|now| self.guard.check(who, permission, now))
    }

    /// The same for one thing whose holder, teams and listed resources are known.
    pub fn check_on<P: Permission>(
        &self,
        who: impl Into<Who>,
        permission: P,
        item: &Item,
    ) -> Decision {
        self.fresh(|now| self.guard.check_on(who, permission, item, now))
    }

    /// Refuses unless somebody holds a permission.
    ///
    /// # Errors
    /// [`Refusal::MissingPermission`], or to whoever does not belong here, [`Refusal::NotFound`].
    pub fn require<P: Permission>(
        &self,
        who: impl Into<Who>,
        permission: P,
    ) -> Result<(), Refusal> {
        refused(&self.check(who, permission), &permission.into())
    }

    /// Which things somebody's permission reaches, for the host's own query.
    pub fn visible<P: Permission>(&self, who: impl Into<Who>, permission: P) -> Visible {
        let nothing = |_| Visible::default();
        self.fresh_or(nothing, |now| self.guard.visible(who, permission, now))
    }

    /// Every permission that somebody holds, with how far and why, in the order of their names.
    pub fn permissions_of(&self, who: impl Into<Who>) -> Vec<(PermissionName, Decision)> {
        self.fresh_or(|_| Vec::new(), |now| self.guard.permissions_of(who, now))
    }

    /// Everybody who holds a permission, if only somewhere, in no order. None where not everybody
    /// is in memory ([`Keeping::everybody_up_to`](super::Keeping::everybody_up_to)).
    pub fn who_may<P: Permission>(&self, permission: P) -> Option<Vec<Person>> {
        let everybody = self.guard.view().holds() == Holds::Everybody;
        let ask = |now| self.guard.who_may(permission, now);
        everybody.then(|| self.fresh_or(|_| Vec::new(), ask))
    }

    pub(super) const fn guard(&self) -> &Guard {
        &self.guard
    }

    /// The revision of the organization that it shows.
    pub fn revision(&self) -> Revision {
        self.guard.revision()
    }

    /// For how long the store may have had something newer, in whole seconds.
    pub fn age(&self) -> Span {
        let micros = self.kept.age(self.inner.clock.now()).unwrap_or(0);
        Span::seconds(u32::try_from(micros / 1_000_000).unwrap_or(u32::MAX))
    }

    /// Waits until it shows at least this revision: that of a commit which the caller knows of,
    /// wherever it was made.
    ///
    /// # Errors
    /// [`Error::Contended`] if the store does not have it either, after several times of asking.
    pub async fn at_least(&self, revision: Revision) -> Result<(), Error> {
        const TIMES: u32 = 8;
        for attempt in 0..TIMES {
            if self.revision() >= revision {
                return Ok(());
            }
            if attempt > 0 {
                self.inner.back_off(attempt).await;
            }
            self.kept.look_again();
            self.inner.follow(&self.kept).await?;
        }
        if self.revision() >= revision { Ok(()) } else { Err(Error::Contended) }
    }

    fn fresh(&self, ask: impl FnOnce(Timestamp) -> Decision) -> Decision {
        self.fresh_or(Decision::refused, ask)
    }

    /// Asks, unless what is known is too old to let anybody in on it.
    fn fresh_or<R>(
        &self,
        otherwise: impl FnOnce(Because) -> R,
        ask: impl FnOnce(Timestamp) -> R,
    ) -> R {
        let now = self.inner.clock.now();
        if self.kept.refuses(self.guard.view(), self.inner.views.keeping.oldest, now) {
            return otherwise(Because::NotConfirmed);
        }
        ask(now)
    }
}

/// What a decision means to whoever required it.
pub(super) fn refused(decision: &Decision, permission: &PermissionName) -> Result<(), Refusal> {
    if decision.is_allowed() {
        return Ok(());
    }
    Err(match decision.because.first() {
        Some(Because::NotAMember | Because::NotActive(_) | Because::NotLoaded) => {
            Refusal::NotFound(Thing::Organization)
        }
        Some(Because::OrganizationNotActive(status)) => Refusal::OrganizationNotActive(*status),
        Some(Because::WorkspaceClosed) => Refusal::WorkspaceClosed,
        Some(Because::NotConfirmed) => Refusal::NotConfirmed,
        _ => Refusal::MissingPermission(permission.clone()),
    })
}
