//! Asking the store whether somebody may do something, as of now: for one answer, not for many.
//! [`access`](super::UserDirectory::access) is for those.

use crate::access::{Because, Decision, Item, Permission};
use crate::domain::{PermissionName, Principal, Refusal, Scope, State};

use super::access::refused;
use super::{Error, UserDirectory};

impl UserDirectory {
    /// Whether somebody may do something somewhere, how far, and because of what.
    ///
    /// For strangers and in organizations that do not exist the answer is the same: no.
    pub async fn check<P: Permission>(
        &self,
        who: &Principal,
        scope: impl Into<Scope>,
        permission: P,
    ) -> Result<Decision, Error> {
        self.declared::<P>(permission)?;
        Ok(self.decision(who, scope.into(), &permission.into(), None).await?.0)
    }

    /// Whether somebody may do something to one thing: its holder, team and listed resource known.
    pub async fn check_on<P: Permission>(
        &self,
        who: &Principal,
        scope: impl Into<Scope>,
        permission: P,
        item: &Item,
    ) -> Result<Decision, Error> {
        self.declared::<P>(permission)?;
        let (decision, reached) =
            self.decision(who, scope.into(), &permission.into(), Some(item)).await?;
        Ok(decision.on_item(reached))
    }

    /// Refuses unless somebody may do something somewhere.
    pub async fn require<P: Permission>(
        &self,
        who: &Principal,
        scope: impl Into<Scope>,
        permission: P,
    ) -> Result<(), Error> {
        let decision = self.check(who, scope, permission).await?;
        Ok(refused(&decision, &permission.into())?)
    }

    async fn decision(
        &self,
        who: &Principal,
        scope: Scope,
        permission: &PermissionName,
        item: Option<&Item>,
    ) -> Result<(Decision, bool), Error> {
        let state = self.inner.load(scope, who, Vec::new()).await?;
        let no = Decision::refused(Because::NotAMember);
        let standing = match self.inner.standing(&state, scope, who) {
            Ok(standing) => standing,
            Err(refusal) => {
                let because = outside(&state, scope, who, &refusal);
                return Ok((Decision::refused(because), false));
            }
        };
        if matches!(who, Principal::System | Principal::Provisioner { .. }) {
            // Machines hold no permissions: what they may is said by the requirement table.
            return Ok((no, false));
        }
        let decision = standing.decide(permission);
        let reached = item.is_some_and(|item| standing.reaches(&decision.extent, item));
        Ok((decision, reached))
    }

    fn declared<P: Permission>(&self, permission: P) -> Result<(), Error> {
        if self.inner.host.catalogue.has::<P>() {
            Ok(())
        } else {
            Err(Error::UndeclaredPermission(permission.name()))
        }
    }
}

/// Why somebody has no standing: to a stranger, only that they do not belong here.
fn outside(state: &State, scope: Scope, who: &Principal, refusal: &Refusal) -> Because {
    let own = match who {
        Principal::Person(user) => state.membership_of(scope.whole(), *user),
        Principal::Bearer(_)
        | Principal::Support { .. }
        | Principal::Provisioner { .. }
        | Principal::System => None,
    };
    match (refusal, own) {
        (Refusal::OrganizationNotActive(status), _) => Because::OrganizationNotActive(*status),
        (_, Some(own)) if !own.is_active() => Because::NotActive(own.status.name()),
        (_, _) => Because::NotAMember,
    }
}
