//! What a principal amounts to in one scope: rank, permissions, and what they may give.

use crate::domain::{
    Fence, FenceName, Given, Grant, MayAssign, Membership, Organization, PermissionName, Place,
    Principal, Rank, ResourceId, Role, RolePermissions, Scope, State, SupportAccess, Timestamp,
    UserId, Workspace,
};

use super::evaluate::{counting, held, not_working, outside};
use super::{Catalogue, Decision, Extent, Item, MemberView};

/// What a principal amounts to in one scope.
#[derive(Clone, Debug)]
pub struct Standing<'s> {
    organization: &'s Organization,
    workspace: Option<&'s Workspace>,
    scope: Scope,
    /// The person's membership in the organization itself, whatever its status.
    whole: Option<&'s Membership>,
    /// The memberships that count in the scope, all of them active.
    views: Vec<MemberView<'s>>,
    support: Option<&'s SupportAccess>,
}

impl<'s> Standing<'s> {
    /// What a principal amounts to, as far as the loaded records say; none if the organization (or
    /// the workspace in it) does not exist, or belongs to others.
    pub fn of(state: &'s State, scope: Scope, who: &Principal, now: Timestamp) -> Option<Self> {
        let organization = state.organization(scope.organization)?;
        let workspace = match scope.workspace {
            Some(id) => Some(state.workspace(scope.organization, id)?),
            None => None,
        };
        let mut standing =
            Self { organization, workspace, scope, whole: None, views: Vec::new(), support: None };
        match who {
            Principal::Person(user) => standing.take_person(state, *user, now),
            Principal::Support { access, person } => {
                standing.support = state
                    .support(scope.organization, *access)
                    .filter(|it| it.person == *person && it.holds(now));
            }
            Principal::Bearer(_) | Principal::Provisioner { .. } | Principal::System => {}
        }
        Some(standing)
    }

    fn take_person(&mut self, state: &'s State, user: UserId, now: Timestamp) {
        self.whole = state.membership_of(self.scope.whole(), user);
        let here = self.scope.workspace.and_then(|_| state.membership_of(self.scope, user));
        let active = |it: Option<&'s Membership>| {
            it.filter(|it| it.is_active()).map(|it| view(state, it, now))
        };
        self.views = counting(active(self.whole), active(here), self.scope.workspace.is_some());
    }

    /// The person's membership in the organization itself, whatever its status.
    pub const fn membership(&self) -> Option<&'s Membership> {
        self.whole
    }

    /// The support access under which the principal acts.
    pub const fn support(&self) -> Option<&'s SupportAccess> {
        self.support
    }

    /// Whether the principal is an active member, or support that was let in.
    pub fn is_in(&self) -> bool {
        !self.views.is_empty() || self.support.is_some()
    }

    /// The highest rank of the memberships that count here; support has none.
    pub fn rank(&self) -> Rank {
        self.roles().map(|role| role.rank).max().unwrap_or_default()
    }

    /// Whether the person holds a role that keeps the organization.
    pub fn keeps_organization(&self) -> bool {
        self.roles().any(|role| role.keeps_organization)
    }

    /// Whether one of the person's roles counts in every workspace.
    pub(crate) fn reaches_workspaces(&self) -> bool {
        self.roles().any(|role| role.reaches_workspaces)
    }

    fn roles(&self) -> impl Iterator<Item = &'s Role> {
        self.views.iter().flat_map(MemberView::roles)
    }

    /// Whether, how far and why the principal holds a permission here.
    pub fn decide(&self, permission: &PermissionName) -> Decision {
        let closed = self.workspace.is_some_and(|it| it.closed_at.is_some());
        match not_working(self.organization.status, closed) {
            Some(because) => Decision::refused(because),
            None => self.holds(permission),
        }
    }

    /// The same, whether or not the organization works: for the commands that make it work again.
    pub(crate) fn holds(&self, permission: &PermissionName) -> Decision {
        let otherwise = || outside(self.whole.map(|whole| whole.status.name()));
        held(self.support, &self.views, otherwise, permission)
    }

    /// Whether a permission, held this far, reaches an item.
    pub fn reaches(&self, extent: &Extent, item: &Item) -> bool {
        self.support.is_some() || self.views.iter().any(|view| view.reaches(extent, item))
    }

    /// Whether the principal may give a role: theirs says so, and it ranks no higher (I5).
    pub(crate) fn may_assign(&self, role: &Role, catalogue: &Catalogue) -> bool {
        self.roles().any(|own| {
            role.rank <= own.rank
                && match &own.may_assign {
                    // A role made at run time may have the name of an older one.
                    MayAssign::Only(roles) => {
                        roles.contains(&role.name)
                            && (!role.custom
                                || self.exceeded_by(&role.permissions, catalogue).is_none())
                    }
                    MayAssign::NoMoreThanOwn => {
                        // Only a keeper makes keepers, and nobody gives what they do not hold.
                        (own.keeps_organization || !role.keeps_organization)
                            && self.exceeded_by(&role.permissions, catalogue).is_none()
                    }
                }
        })
    }

    /// The first permission that a set would hold further than the principal does (I5).
    pub(crate) fn exceeded_by(
        &self,
        permissions: &RolePermissions,
        catalogue: &Catalogue,
    ) -> Option<PermissionName> {
        // An owner with everything holds whatever anybody can hold; no override applies to them.
        if self.roles().any(|role| {
            role.keeps_organization
                && matches!(&role.permissions, RolePermissions::AllBut(except) if except.is_empty())
        }) {
            return None;
        }
        catalogue
            .names()
            .find(|name| {
                permissions
                    .reach(name)
                    .is_some_and(|reach| !self.holds(name).extent.covers(&reach.into()))
            })
            .cloned()
    }
}

impl Standing<'_> {
    /// The first fence in which a list would reach beyond the principal's own (I5): whoever holds
    /// a permission only inside listed resources hands on no other resources.
    pub(crate) fn fence_exceeded_by(
        &self,
        fence: &Fence,
        catalogue: &Catalogue,
    ) -> Option<PermissionName> {
        let beyond = |name: &FenceName| {
            fence.0.get(name).is_some_and(|it| it.iter().any(|id| !self.lists(name, id)))
        };
        catalogue
            .names()
            .find(|permission| {
                let extent = self.holds(permission).extent;
                extent.alternatives().any(|it| it.within.iter().any(beyond))
            })
            .cloned()
    }

    fn lists(&self, name: &FenceName, resource: &ResourceId) -> bool {
        self.views.iter().any(|view| view.lists(name, resource))
    }
}

/// Whether somebody active can hold work: what it needs reaches what is theirs in that place, or,
/// without one, somewhere.
pub(crate) fn may_hold(
    state: &State,
    it: &Membership,
    needs: Option<&PermissionName>,
    place: Option<&Place>,
    now: Timestamp,
) -> bool {
    if !state.works(it) {
        return false;
    }
    let Some(permission) = needs else { return true };
    let item = Item {
        holder: Some(it.id),
        resources: place.cloned().unwrap_or_default(),
        ..Item::default()
    };
    // Somebody who has not come as a user yet has this membership alone.
    let Some(user) = it.user else {
        let own = view(state, it, now);
        let extent = own.decide(permission).extent;
        return if place.is_some() { own.reaches(&extent, &item) } else { !extent.is_nothing() };
    };
    Standing::of(state, it.scope, &Principal::Person(user), now).is_some_and(|standing| {
        let extent = standing.holds(permission).extent;
        if place.is_some() { standing.reaches(&extent, &item) } else { !extent.is_nothing() }
    })
}

/// A membership with its role, its teams and what is granted to it now.
pub(crate) fn view<'s>(
    state: &'s State,
    membership: &'s Membership,
    now: Timestamp,
) -> MemberView<'s> {
    view_with(state, membership, |grant| grant.runs(now))
}

/// The same with all that is granted and not over: what it gives, now or later.
pub(crate) fn lasting<'s>(
    state: &'s State,
    membership: &'s Membership,
    now: Timestamp,
) -> MemberView<'s> {
    view_with(state, membership, |grant| !grant.is_over(now))
}

fn view_with<'s>(
    state: &'s State,
    membership: &'s Membership,
    counts: impl Fn(&Grant) -> bool,
) -> MemberView<'s> {
    let organization = membership.scope.organization;
    let granted = |grant: &'s Grant| match &grant.gives {
        Given::Role(name) => state.role(organization, name),
        Given::Permissions(_) => None,
    };
    MemberView {
        id: membership.id,
        role: state.role(organization, &membership.role),
        teams: membership.teams.iter().filter_map(|id| state.team(organization, *id)).collect(),
        overrides: &membership.overrides,
        grants: membership
            .grants
            .values()
            .filter(|grant| counts(grant))
            .map(|grant| (grant, granted(grant)))
            .collect(),
        fence: &membership.fence,
    }
}
