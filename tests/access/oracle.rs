//! Who may do what, as naively as it can be said: conditions over plain records.
//!
//! It shares nothing with `src/access` and makes nothing simpler or faster than it reads.

use tenure::Item;
use tenure::Principal;
use tenure::Scope;
use tenure::domain::{
    Breadth, FenceName, Given, Membership, MembershipStatus, OrganizationStatus, Override,
    PermissionName, Reach, Role, RoleName, RolePermissions, SupportAccess, Team, Timestamp, UserId,
};

use crate::world::World;

/// One way in which somebody holds a permission: of whose things, inside which lists.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) breadth: Breadth,
    pub(crate) inside: Vec<FenceName>,
}

/// Whether somebody holds a permission, if only somewhere.
pub(crate) fn allowed(
    world: &World,
    who: &Principal,
    permission: &PermissionName,
    scope: Scope,
    now: Timestamp,
) -> bool {
    match who {
        Principal::Person(user) => counting(world, *user, scope, now)
            .iter()
            .any(|membership| !ways(world, membership, permission, now).is_empty()),
        Principal::Support { .. } => supported(world, who, permission, scope, now),
        Principal::Bearer(_) | Principal::Provisioner { .. } | Principal::System => false,
    }
}

/// Whether somebody may do it to this thing.
pub(crate) fn allowed_on(
    world: &World,
    who: &Principal,
    permission: &PermissionName,
    item: &Item,
    scope: Scope,
    now: Timestamp,
) -> bool {
    match who {
        Principal::Person(user) => {
            // What one membership gives also reaches what the other one holds.
            let counting = counting(world, *user, scope, now);
            counting.iter().any(|giving| {
                ways(world, giving, permission, now)
                    .iter()
                    .any(|way| counting.iter().any(|holding| reaches(world, holding, way, item)))
            })
        }
        Principal::Support { .. } => supported(world, who, permission, scope, now),
        Principal::Bearer(_) | Principal::Provisioner { .. } | Principal::System => false,
    }
}

/// The memberships of a user that count in a scope.
pub(crate) fn counting(
    world: &World,
    user: UserId,
    scope: Scope,
    now: Timestamp,
) -> Vec<&Membership> {
    if !works(world, scope) {
        return Vec::new();
    }
    let active = |scope: Scope| {
        world.memberships.iter().find(|it| {
            it.user == Some(user)
                && it.scope == scope
                && matches!(it.status, MembershipStatus::Active { .. })
        })
    };
    let organization = Scope { organization: scope.organization, workspace: None };
    let Some(whole) = active(organization) else {
        return Vec::new();
    };
    if scope.workspace.is_none() {
        return vec![whole];
    }
    let mut counting = Vec::new();
    if let Some(here) = active(scope) {
        counting.push(here);
    }
    let own_role_reaches = role(world, &whole.role).is_some_and(|it| it.reaches_workspaces);
    let granted_role_reaches = whole.grants.values().any(|grant| {
        let runs = grant.from <= now && now < grant.until;
        match &grant.gives {
            Given::Role(name) => runs && role(world, name).is_some_and(|it| it.reaches_workspaces),
            Given::Permissions(_) => false,
        }
    });
    if own_role_reaches || granted_role_reaches {
        counting.push(whole);
    }
    counting
}

/// Whether anybody may do anything there.
fn works(world: &World, scope: Scope) -> bool {
    if scope.organization != world.organization.id {
        return false;
    }
    if !matches!(world.organization.status, OrganizationStatus::Active) {
        return false;
    }
    match scope.workspace {
        None => true,
        Some(id) => world.workspaces.iter().any(|it| it.id == id && it.closed_at.is_none()),
    }
}

fn role<'w>(world: &'w World, name: &RoleName) -> Option<&'w Role> {
    world.roles.iter().find(|it| it.name == *name)
}

fn teams<'w>(world: &'w World, membership: &Membership) -> Vec<&'w Team> {
    let mut found = Vec::new();
    for team in &world.teams {
        if membership.teams.contains(&team.id) && !team.deleted {
            found.push(team);
        }
    }
    found
}

/// Every way in which one membership holds a permission.
pub(crate) fn ways(
    world: &World,
    membership: &Membership,
    permission: &PermissionName,
    now: Timestamp,
) -> Vec<Way> {
    let mut ways = Vec::new();
    let mut keeps = false;
    if let Some(own) = role(world, &membership.role) {
        keeps = own.keeps_organization;
        ways.extend(by_role(own, permission));
    }
    for team in teams(world, membership) {
        if let Some(reach) = team.permissions.get(permission) {
            ways.push(way(reach));
        }
    }
    for grant in membership.grants.values() {
        if grant.from > now || now >= grant.until {
            continue;
        }
        match &grant.gives {
            Given::Role(name) => {
                if let Some(granted) = role(world, name) {
                    ways.extend(by_role(granted, permission));
                }
            }
            Given::Permissions(listed) => {
                if let Some(reach) = listed.get(permission) {
                    ways.push(way(reach));
                }
            }
        }
    }
    if keeps {
        return ways;
    }
    match membership.overrides.get(permission) {
        None => {}
        Some(Override::Raise(reach)) => ways.push(way(reach)),
        Some(Override::Deny) => ways.clear(),
        Some(Override::Cap(most)) => {
            for way in &mut ways {
                way.breadth = narrower(way.breadth, most.breadth);
                if let Some(name) = &most.within {
                    way.inside.push(name.clone());
                }
            }
        }
    }
    ways
}

fn narrower(one: Breadth, other: Breadth) -> Breadth {
    match (one, other) {
        (Breadth::Own, _) | (_, Breadth::Own) => Breadth::Own,
        (Breadth::Team, _) | (_, Breadth::Team) => Breadth::Team,
        (Breadth::All, Breadth::All) => Breadth::All,
    }
}

fn by_role(role: &Role, permission: &PermissionName) -> Option<Way> {
    match &role.permissions {
        RolePermissions::AllBut(except) if except.contains(permission) => None,
        RolePermissions::AllBut(_) => Some(Way { breadth: Breadth::All, inside: Vec::new() }),
        RolePermissions::Only(listed) => listed.get(permission).map(way),
    }
}

fn way(reach: &Reach) -> Way {
    Way { breadth: reach.breadth, inside: reach.within.iter().cloned().collect() }
}

/// Whether a thing is in reach of one membership, in one way.
fn reaches(world: &World, membership: &Membership, way: &Way, item: &Item) -> bool {
    let teams = teams(world, membership);
    let own = item.holder == Some(membership.id);
    let of_a_team = teams.iter().any(|team| item.teams.contains(&team.id));
    let broad_enough = match way.breadth {
        Breadth::Own => own,
        Breadth::Team => own || of_a_team,
        Breadth::All => true,
    };
    broad_enough
        && way.inside.iter().all(|name| match item.resources.get(name) {
            None => false,
            Some(resource) => {
                let lists = |fence: &tenure::domain::Fence| {
                    fence.0.get(name).is_some_and(|listed| listed.contains(resource))
                };
                lists(&membership.fence) || teams.iter().any(|team| lists(&team.fence))
            }
        })
}

fn supported(
    world: &World,
    who: &Principal,
    permission: &PermissionName,
    scope: Scope,
    now: Timestamp,
) -> bool {
    let Principal::Support { access, person } = who else {
        return false;
    };
    let holds = |it: &SupportAccess| {
        it.id == *access
            && it.person == *person
            && it.revoked_at.is_none()
            && it.from <= now
            && it.until.is_none_or(|until| now < until)
            && it.permissions.contains(permission)
    };
    works(world, scope) && world.supports.iter().any(holds)
}
