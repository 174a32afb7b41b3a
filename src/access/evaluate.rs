//! What one membership gives: role ∪ teams ∪ grants ∪ raised overrides, then capped.

use std::collections::BTreeMap;

use crate::domain::{
    Breadth, Fence, FenceName, Given, Grant, GrantId, MembershipId, OrganizationStatus, Override,
    PermissionName, Reach, ResourceId, Role, RoleName, StatusName, SupportAccess, SupportAccessId,
    Team, TeamId,
};

use super::{Extent, Item};

/// Everything that decides what one membership may do.
#[derive(Clone, Debug)]
pub struct MemberView<'s> {
    /// The membership: what it holds is its own.
    pub id: MembershipId,
    /// Its role; none if the organization has no such role (any more): then it gives nothing.
    pub role: Option<&'s Role>,
    /// Its teams, without deleted ones.
    pub teams: Vec<&'s Team>,
    /// Permissions raised, capped or denied for this person.
    pub overrides: &'s BTreeMap<PermissionName, Override>,
    /// Its grants that run, each with the role it gives, if it gives one that there is.
    pub grants: Vec<(&'s Grant, Option<&'s Role>)>,
    /// The resources that its fenced permissions reach.
    pub fence: &'s Fence,
}

/// Allowed or not, how far, because of what, and what is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// How far it is held; nothing means: not at all.
    pub extent: Extent,
    /// What decided.
    pub because: Vec<Because>,
    /// What is missing; nothing is when it is allowed.
    pub missing: Option<Missing>,
}

/// What decided.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Because {
    /// The role gives it.
    Role(RoleName),
    /// The team gives it.
    Team(TeamId),
    /// A grant gives it for now.
    Grant(GrantId),
    /// It was raised for this person.
    Raised,
    /// It was capped for this person.
    Capped,
    /// It was denied to this person.
    Denied,
    /// The customer consented to it.
    Support(SupportAccessId),
    /// Nothing gives it.
    NotGiven,
    /// The person does not belong here.
    NotAMember,
    /// The person belongs here, and is not active.
    NotActive(StatusName),
    /// The organization is not active.
    OrganizationNotActive(OrganizationStatus),
    /// The workspace is closed.
    WorkspaceClosed,
    /// The view could not be confirmed against the store for too long: nobody is let in on it.
    NotConfirmed,
    /// Not everybody is in memory, and the person is not: not asked for, or not a member.
    NotLoaded,
}

/// What somebody would need who is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// To belong here, actively, and here to be active: [`Because`] says which.
    Belonging,
    /// The permission.
    Permission,
    /// A permission that reaches this thing; it is held, and reaches others.
    Reach,
}

impl Decision {
    /// Whether it is allowed: for a thing if one was named, and otherwise if only somewhere.
    pub const fn is_allowed(&self) -> bool {
        self.missing.is_none()
    }

    pub(crate) fn given(extent: Extent, because: Vec<Because>) -> Self {
        let missing = extent.is_nothing().then_some(Missing::Permission);
        Self { extent, because, missing }
    }

    pub(crate) fn refused(because: Because) -> Self {
        let missing = match because {
            Because::NotAMember
            | Because::NotActive(_)
            | Because::OrganizationNotActive(_)
            | Because::WorkspaceClosed
            | Because::NotConfirmed
            | Because::NotLoaded => Missing::Belonging,
            Because::Role(_)
            | Because::Team(_)
            | Because::Grant(_)
            | Because::Raised
            | Because::Capped
            | Because::Denied
            | Because::Support(_)
            | Because::NotGiven => Missing::Permission,
        };
        Self { extent: Extent::default(), because: vec![because], missing: Some(missing) }
    }

    /// The same for one thing, which the extent reaches or not.
    pub(crate) fn on_item(mut self, reached: bool) -> Self {
        if !reached {
            self.missing = self.missing.or(Some(Missing::Reach));
        }
        self
    }
}

impl<'s> MemberView<'s> {
    /// Its role, and those that it holds for now.
    pub fn roles(&self) -> impl Iterator<Item = &'s Role> {
        self.role.into_iter().chain(self.grants.iter().filter_map(|(_, role)| *role))
    }

    /// What this membership gives, status left aside: role ∪ teams ∪ grants ∪ raised, then capped.
    pub fn decide(&self, permission: &PermissionName) -> Decision {
        let mut extent = Extent::default();
        let mut because = Vec::new();
        let mut give = |reach: Option<Reach>, by: Because| {
            if let Some(reach) = reach {
                extent.give(reach);
                because.push(by);
            }
        };
        if let Some(role) = self.role {
            give(role.permissions.reach(permission), Because::Role(role.name.clone()));
        }
        for team in &self.teams {
            give(team.permissions.get(permission).cloned(), Because::Team(team.id));
        }
        for (grant, role) in &self.grants {
            give(reach_of(grant, *role, permission), Because::Grant(grant.id));
        }
        // No override applies to a role that keeps the organization.
        let keeps = self.role.is_some_and(|role| role.keeps_organization);
        match self.overrides.get(permission).filter(|_| !keeps) {
            Some(Override::Raise(reach)) => give(Some(reach.clone()), Because::Raised),
            Some(Override::Cap(reach)) => {
                extent.cap(reach);
                because.push(Because::Capped);
            }
            Some(Override::Deny) => {
                extent.deny();
                because.push(Because::Denied);
            }
            None => {}
        }
        if because.is_empty() {
            because.push(Because::NotGiven);
        }
        Decision::given(extent, because)
    }

    /// Whether an extent of this member reaches an item.
    pub fn reaches(&self, extent: &Extent, item: &Item) -> bool {
        extent.alternatives().any(|alternative| {
            let own = item.holder == Some(self.id);
            let breadth = match alternative.breadth {
                Breadth::All => true,
                Breadth::Team => own || self.teams.iter().any(|it| item.teams.contains(&it.id)),
                Breadth::Own => own,
            };
            breadth
                && alternative.within.iter().all(|name| {
                    item.resources.get(name).is_some_and(|resource| self.lists(name, resource))
                })
        })
    }

    /// Whether a resource is listed for this member, or for one of its teams.
    pub fn lists(&self, name: &FenceName, resource: &ResourceId) -> bool {
        self.fence.lists(name, resource)
            || self.teams.iter().any(|team| team.fence.lists(name, resource))
    }
}

/// What a grant gives of a permission; the role is the one it names.
fn reach_of(grant: &Grant, role: Option<&Role>, permission: &PermissionName) -> Option<Reach> {
    match &grant.gives {
        Given::Role(_) => role.and_then(|role| role.permissions.reach(permission)),
        Given::Permissions(listed) => listed.get(permission).cloned(),
    }
}

/// What somebody holds in a place that works: what the customer consented to for support, and
/// otherwise what the memberships that count give together.
pub(super) fn held(
    support: Option<&SupportAccess>,
    views: &[MemberView<'_>],
    otherwise: impl FnOnce() -> Because,
    permission: &PermissionName,
) -> Decision {
    match support {
        Some(support) => support_decides(support, permission),
        None if views.is_empty() => Decision::refused(otherwise()),
        None => unite(views.iter().map(|view| view.decide(permission))),
    }
}

/// Which of a person's active memberships count: none without the one in the organization (I4),
/// which reaches into workspaces when one of its roles says so.
pub(super) fn counting<'s>(
    whole: Option<MemberView<'s>>,
    here: Option<MemberView<'s>>,
    in_workspace: bool,
) -> Vec<MemberView<'s>> {
    let Some(whole) = whole else { return Vec::new() };
    let counts = !in_workspace || whole.roles().any(|role| role.reaches_workspaces);
    here.into_iter().chain(counts.then_some(whole)).collect()
}

/// Why somebody holds nothing of whom no membership counts, by the status of the one in the
/// organization.
pub(super) fn outside(whole: Option<StatusName>) -> Because {
    whole
        .filter(|status| *status != StatusName::Active)
        .map_or(Because::NotAMember, Because::NotActive)
}

/// Why nobody may do anything in a place, if so.
pub(super) fn not_working(organization: OrganizationStatus, closed: bool) -> Option<Because> {
    if organization == OrganizationStatus::Active {
        closed.then_some(Because::WorkspaceClosed)
    } else {
        Some(Because::OrganizationNotActive(organization))
    }
}

/// What the customer consented to.
fn support_decides(support: &SupportAccess, permission: &PermissionName) -> Decision {
    if support.permissions.contains(permission) {
        Decision::given(Reach::ALL.into(), vec![Because::Support(support.id)])
    } else {
        Decision::refused(Because::NotGiven)
    }
}

/// What several memberships of one person give together.
fn unite(decisions: impl IntoIterator<Item = Decision>) -> Decision {
    let (mut extent, mut because) = (Extent::default(), Vec::new());
    for decision in decisions {
        extent.unite(&decision.extent);
        because.extend(decision.because);
    }
    Decision::given(extent, because)
}
