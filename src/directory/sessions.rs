//! Sessions: the host's own, bound to a membership's epoch.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Epoch, Key, Membership, MembershipId, Need, OrganizationStatus, Principal, Refusal, Scope,
    State, Thing, UserId,
};

use super::{Error, UserDirectory};

/// What a host keeps in its session: it holds while the membership is active in the same epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionStamp {
    /// Where.
    pub scope: Scope,
    /// As whom.
    pub membership: MembershipId,
    /// Since which epoch.
    pub epoch: Epoch,
}

impl UserDirectory {
    /// Opens a session in a scope for a person whom the host has just authenticated, and notes the
    /// sign-in.
    ///
    /// # Errors
    /// To whoever is not an active member there is no such organization (I7, I11).
    pub async fn open_session(
        &self,
        user: UserId,
        scope: impl Into<Scope>,
    ) -> Result<SessionStamp, Error> {
        let scope = scope.into();
        let who = Principal::Person(user);
        let state = self.inner.load(scope, &who, Vec::new()).await?;
        let absent = Refusal::NotFound(Thing::Organization);
        let own = state.membership_of(scope, user);
        let own = own.or_else(|| state.membership_of(scope.whole(), user)).ok_or(absent.clone())?;
        if !stands(&state, scope, own) {
            return Err(absent.into());
        }
        // A session in a workspace may rest on the membership in the organization.
        let standing = self.inner.standing(&state, scope, &who)?;
        if !standing.is_in() {
            return Err(absent.into());
        }
        let stamp = SessionStamp { scope, membership: own.id, epoch: own.epoch };
        // Whoever was deactivated meanwhile gets the answer that everybody outside gets.
        match self.inner.note_sign_in(own.id, scope.organization).await {
            Err(Error::Refused(Refusal::NotFound(_))) => Err(absent.into()),
            // A busy record is no reason to keep somebody out.
            Ok(()) | Err(Error::Contended | Error::OutcomeUnknown) => Ok(stamp),
            Err(other) => Err(other),
        }
    }

    /// Whether a session still holds: ask on every request.
    pub async fn session_holds(&self, stamp: &SessionStamp) -> Result<bool, Error> {
        let needs = [
            Need::Record(Key::Organization(stamp.scope.organization)),
            Need::Person(stamp.membership),
        ];
        let workspace = stamp.scope.workspace.map(|id| Need::Record(Key::Workspace(id)));
        let needs: Vec<_> = needs.into_iter().chain(workspace).collect();
        let state = State::new(self.inner.store.load(&needs).await?);
        let own = state.membership(stamp.scope.organization, stamp.membership);
        Ok(own.is_some_and(|own| own.epoch == stamp.epoch && stands(&state, stamp.scope, own)))
    }
}

/// I7: the membership is active, and so is everything above it.
fn stands(state: &State, scope: Scope, own: &Membership) -> bool {
    let organization = state.organization(scope.organization);
    let workspace = scope.workspace.and_then(|id| state.workspace(scope.organization, id));
    let whole = own.user.and_then(|user| state.membership_of(scope.whole(), user));
    // A session in a workspace may rest on a role that reaches there: then only while it does.
    let reaches = own.scope == scope
        || state.role(scope.organization, &own.role).is_some_and(|role| role.reaches_workspaces);
    own.is_active()
        && reaches
        && organization.is_some_and(|it| it.status == OrganizationStatus::Active)
        && whole.is_some_and(Membership::is_active)
        && (scope.workspace.is_none() || workspace.is_some_and(|it| it.closed_at.is_none()))
}
