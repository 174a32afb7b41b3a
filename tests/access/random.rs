//! Random small worlds: every status, bound, list and missing thing that a record can hold.

use std::collections::{BTreeMap, BTreeSet};

use tenure::domain::{
    Breadth, Fence, Given, Membership, OrganizationStatus, Override, PermissionName, Reach, Role,
    RolePermissions, StatusName, SupportAccess, Team,
};
use tenure::{Item, Principal, Scope};

use crate::world::{
    World, at, grant, id, inside, membership, new_team, organization, status, support, team, user,
    whole, workspace,
};

/// Numbers that follow from a seed (Vigna's `splitmix64`).
#[derive(Clone)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// How many users there are; the last one belongs nowhere.
pub(crate) const USERS: usize = 5;
/// Instants and bounds lie between 0 and this.
pub(crate) const TIMES: usize = 7;
const TEAMS: usize = 3;
const ROLES: [&str; 5] = ["owner", "admin", "agent", "viewer", "ghost"];

pub(crate) fn world(rng: &mut Rng, names: &[PermissionName]) -> World {
    // Nobody has the last role.
    let roles = ROLES[..4].iter().filter(|_| rng.0 % 16 != 3 || rng.clone().chance(60));
    let roles = roles.copied().collect::<Vec<_>>();
    let roles = roles.into_iter().map(|name| role(rng, name, names)).collect();
    let mut world = World::new(roles);
    if rng.chance(12) {
        world.organization.status = not_active(rng);
    }
    if rng.chance(10) {
        world.workspaces[0].closed_at = Some(at(1));
    }
    world.workspaces[1].closed_at = rng.chance(50).then_some(at(1));
    for number in 0..TEAMS {
        if rng.chance(70) {
            world.teams.push(random_team(rng, number, names));
        }
    }
    for number in 0..USERS - 1 {
        for scope in [whole(), inside(), Scope::workspace(organization(), workspace(1))] {
            let likely = if scope == whole() {
                92
            } else if scope == inside() {
                55
            } else {
                20
            };
            if rng.chance(likely) {
                let id = 1_000 + world.memberships.len() as u128;
                world.memberships.push(random_membership(rng, id, scope, number, names));
            }
        }
    }
    // They are read in any order.
    for at in (1..world.memberships.len()).rev() {
        world.memberships.swap(at, rng.below(at + 1));
    }
    if rng.chance(30) {
        world.supports.push(random_support(rng, names));
    }
    world
}

pub(crate) fn not_active(rng: &mut Rng) -> OrganizationStatus {
    match rng.below(3) {
        0 => OrganizationStatus::Suspended { since: at(1) },
        1 => OrganizationStatus::Closing { until: at(9) },
        _ => OrganizationStatus::Closed { since: at(1) },
    }
}

fn reach(rng: &mut Rng) -> Reach {
    let breadth = *rng.pick(&[Breadth::Own, Breadth::Team, Breadth::All]);
    let within = match rng.below(5) {
        0 => Some("inbox".parse().unwrap()),
        1 => Some("brand".parse().unwrap()),
        _ => None,
    };
    Reach { breadth, within }
}

fn reaches(
    rng: &mut Rng,
    names: &[PermissionName],
    likely: usize,
) -> BTreeMap<PermissionName, Reach> {
    let mut listed = BTreeMap::new();
    for name in names {
        if rng.chance(likely) {
            listed.insert(name.clone(), reach(rng));
        }
    }
    listed
}

pub(crate) fn role(rng: &mut Rng, name: &str, names: &[PermissionName]) -> Role {
    let mut role = Role::new(name, 10).unwrap();
    role.permissions = if rng.chance(20) {
        RolePermissions::AllBut(names.iter().filter(|_| rng.chance(30)).cloned().collect())
    } else {
        RolePermissions::Only(reaches(rng, names, 35))
    };
    role.keeps_organization = rng.chance(if name == "owner" { 80 } else { 5 });
    role.reaches_workspaces = rng.chance(35);
    role
}

pub(crate) fn random_team(rng: &mut Rng, number: usize, names: &[PermissionName]) -> Team {
    let mut it = new_team(number);
    it.permissions = reaches(rng, names, 25);
    it.fence = fence(rng);
    it.deleted = rng.chance(15);
    it
}

fn fence(rng: &mut Rng) -> Fence {
    let mut fence = Fence::default();
    for name in ["inbox", "brand"] {
        if rng.chance(30) {
            let listed = RESOURCES.iter().filter(|_| rng.chance(50)).copied().collect::<Vec<_>>();
            fence = fence.with(name, listed).unwrap();
        }
    }
    fence
}

const RESOURCES: [&str; 3] = ["a", "b", "c"];

pub(crate) fn random_role_name(rng: &mut Rng) -> &'static str {
    let missing = usize::from(rng.chance(15));
    ROLES[rng.below(4 + missing)]
}

pub(crate) fn random_membership(
    rng: &mut Rng,
    number: u128,
    scope: Scope,
    who: usize,
    names: &[PermissionName],
) -> Membership {
    let name = random_role_name(rng);
    let mut it = membership(number, scope, user(who), name);
    if rng.chance(28) {
        it.status = status(*rng.pick(&StatusName::ALL));
    }
    if matches!(it.status.name(), StatusName::Removed | StatusName::Invited) && rng.chance(50) {
        it.user = None;
    }
    embellish(rng, &mut it, names);
    it
}

/// Teams, overrides, lists and grants.
pub(crate) fn embellish(rng: &mut Rng, it: &mut Membership, names: &[PermissionName]) {
    it.teams = (0..=TEAMS).filter(|_| rng.chance(30)).map(team).collect();
    it.overrides.clear();
    let many = rng.chance(6);
    for name in names {
        if many || rng.chance(12) {
            let plain = |rng: &mut Rng| {
                let within = None;
                let reach = reach(rng);
                if many { Reach { within, ..reach } } else { reach }
            };
            let change = match rng.below(3) {
                0 => Override::Raise(plain(rng)),
                1 => Override::Cap(plain(rng)),
                _ => Override::Deny,
            };
            it.overrides.insert(name.clone(), change);
        }
    }
    if rng.chance(4) {
        // Said of something that nobody declared (any more).
        it.overrides.insert("gone.long_ago".parse().unwrap(), Override::Raise(Reach::ALL));
    }
    it.fence = if rng.chance(45) { fence(rng) } else { Fence::default() };
    it.grants.clear();
    for number in 0..[0, 0, 0, 1, 2][rng.below(5)] {
        give(rng, it, number, names);
    }
}

pub(crate) fn give(rng: &mut Rng, it: &mut Membership, number: u128, names: &[PermissionName]) {
    let from = rng.below(TIMES) as i64;
    let until = from + rng.below(4) as i64;
    let gives = if rng.chance(50) {
        Given::Role(random_role_name(rng).parse().unwrap())
    } else {
        Given::Permissions(reaches(rng, names, 30))
    };
    let given = grant(it.id.uuid().as_u128() * 10 + number, gives, from, until);
    it.grants.insert(given.id, given);
}

pub(crate) fn random_support(rng: &mut Rng, names: &[PermissionName]) -> SupportAccess {
    let mut it = support(900, names.iter().filter(|_| rng.chance(40)).cloned().collect());
    it.from = at(rng.below(TIMES) as i64);
    it.until = rng.chance(70).then(|| at(rng.below(TIMES + 2) as i64));
    it.revoked_at = rng.chance(20).then(|| at(0));
    it
}

/// Anybody who may ask.
pub(crate) fn principal(rng: &mut Rng) -> Principal {
    match rng.below(20) {
        0 => vendor("vendor-17"),
        1 => vendor("vendor-18"),
        2 => Principal::System,
        _ => Principal::Person(user(rng.below(USERS))),
    }
}

pub(crate) fn vendor(name: &str) -> Principal {
    Principal::Support { access: id(900), person: name.parse().unwrap() }
}

/// Something that may or may not be in reach.
pub(crate) fn item(rng: &mut Rng, world: &World) -> Item {
    let mut item = Item::default();
    if !world.memberships.is_empty() && rng.chance(70) {
        item.holder = Some(rng.pick(&world.memberships).id);
    }
    item.teams = (0..=TEAMS).filter(|_| rng.chance(25)).map(team).collect::<BTreeSet<_>>();
    for name in ["inbox", "brand"] {
        if rng.chance(70) {
            let resource = rng.pick(&RESOURCES).parse().unwrap();
            item.resources.insert(name.parse().unwrap(), resource);
        }
    }
    item
}
