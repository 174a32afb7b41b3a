//! A permission is raised, capped or denied for one person.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Event, Membership, MembershipId, Need, Override, PermissionName, Refusal, RoleName, Scope,
    Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use crate::access::{Extent, Management, view};

/// Raises, caps or denies a permission for one person, or leaves it to the role again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverridePermission {
    /// The scope of the membership.
    pub scope: Scope,
    /// The membership.
    pub membership: MembershipId,
    /// The permission.
    pub permission: PermissionName,
    /// The override; none leaves it to the role.
    pub to: Option<Override>,
}

answers_nothing!(OverridePermission);

impl Decide for OverridePermission {
    about!(scope);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Person(self.membership));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        const MAX: usize = super::limits::OVERRIDES;
        let it = draft.membership(self.scope, self.membership)?;
        draft.stand_above(it, Management::OverridePermissions)?;
        if !it.is_live() {
            return Err(Refusal::NotFound(Thing::Membership));
        }
        if it.overrides.get(&self.permission) == self.to.as_ref() {
            return Err(Refusal::NoChange);
        }
        if it.overrides.len() >= MAX && !it.overrides.contains_key(&self.permission) {
            return Err(Refusal::TooMany { what: "overrides", max: MAX });
        }
        check(draft, &it.role, &self.permission, self.to.as_ref())?;
        // I5: taking a cap away, or widening one, gives what the role and the teams give.
        let (before, after) = (self.extent(draft, it), self.extent(draft, &self.changed(it)));
        if !before.covers(&after) {
            gives_no_more(draft, &self.permission, &after)?;
        }
        draft.push(Event::PermissionOverridden {
            membership: it.id,
            permission: self.permission.clone(),
            to: self.to.clone(),
        });
        Ok(())
    }
}

impl OverridePermission {
    fn changed(&self, it: &Membership) -> Membership {
        let mut it = it.clone();
        match &self.to {
            Some(to) => it.overrides.insert(self.permission.clone(), to.clone()),
            None => it.overrides.remove(&self.permission),
        };
        it
    }

    fn extent(&self, draft: &Draft<'_>, it: &Membership) -> Extent {
        view(draft.state, it, draft.now()).decide(&self.permission).extent
    }
}

/// The permission is declared, the person is no keeper, and nobody raises beyond their own (I5).
pub(super) fn check(
    draft: &Draft<'_>,
    role: &RoleName,
    permission: &PermissionName,
    to: Option<&Override>,
) -> Result<(), Refusal> {
    if to.is_some() && !draft.catalogue().knows(permission) {
        return Err(Refusal::UnknownPermission(permission.clone()));
    }
    if draft.role(role)?.keeps_organization {
        return Err(Refusal::OwnerNotOverridden);
    }
    match to {
        Some(Override::Raise(reach)) => gives_no_more(draft, permission, &reach.clone().into()),
        // A wider cap in the place of a narrower one gives at most what the role gives.
        Some(Override::Cap(reach)) => gives_no_more(draft, permission, &reach.clone().into())
            .or_else(|refusal| {
                let capped = draft.role(role)?.permissions.reach(permission);
                if capped.is_none() { Ok(()) } else { Err(refusal) }
            }),
        Some(Override::Deny) | None => Ok(()),
    }
}

/// I5: whoever asks holds the permission at least this far.
fn gives_no_more(
    draft: &Draft<'_>,
    permission: &PermissionName,
    extent: &Extent,
) -> Result<(), Refusal> {
    let covered = draft.above_ranks()
        || draft.standing.as_ref().is_some_and(|it| it.holds(permission).extent.covers(extent));
    if covered { Ok(()) } else { Err(Refusal::ExceedsOwn(permission.clone())) }
}
