//! Random organizations of any size, as records for a [`View`] without a store.
//!
//! A [`World`] follows from a seed and a [`Shape`]; its roles give the permissions of the host's own
//! enum. Nobody is kept in it: [`World::person`] makes the same one again each time, so that a
//! million people take no room but in what they are put into.
//!
//! What a [`Person`] may do is said in three lines ([`World::allows`]), by which answers are told
//! to be right: active; given by the role, a team or a raise; and not denied, unless the role keeps
//! the organization.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    reason = "fixed text, and numbers that a world gave; a world that cannot be made ends here"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::sync::Arc;

use uuid::Uuid;

use crate::access::live::{Applied, Holds, Update, View, Wants};
use crate::access::{Catalogue, Permission};
use crate::domain::{
    DeactivatedBecause, Fence, Head, Membership, MembershipId, MembershipStatus, Organization,
    OrganizationName, OrganizationStatus, Override, PermissionName, Reach, Realm, Record, Revision,
    Role, RolePermissions, Rules, Scope, Source, Step, Tally, Team, TeamName, Timestamp, UserId,
};

/// How a world is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How many people there are.
    pub members: usize,
    /// How many roles; the first keeps the organization and gives everything.
    pub roles: usize,
    /// How many teams.
    pub teams: usize,
    /// In how many teams everybody is.
    pub teams_each: usize,
    /// How many overrides somebody has at most; each number is as likely as any other.
    pub overrides: usize,
    /// How many in a hundred hold the role that keeps the organization; the others hold any other.
    pub keepers: usize,
    /// How many in a hundred are deactivated.
    pub deactivated: usize,
}

impl Shape {
    /// Eight roles, two of 200 teams each, up to three overrides; about half of all questions are
    /// allowed.
    pub const fn of(members: usize) -> Self {
        Self {
            members,
            roles: 8,
            teams: 200,
            teams_each: 2,
            overrides: 3,
            keepers: 2,
            deactivated: 5,
        }
    }
}

/// An organization of a host whose permissions are `P`: at most 64 of them.
#[derive(Clone, Debug)]
pub struct World<P> {
    /// The shape that it was made to.
    pub shape: Shape,
    /// The organization.
    pub organization: Organization,
    /// Its roles; the first keeps it.
    pub roles: Vec<Role>,
    /// Its teams.
    pub teams: Vec<Team>,
    seed: u64,
    names: Vec<PermissionName>,
    given_by_roles: Vec<u64>,
    given_by_teams: Vec<u64>,
    permissions: PhantomData<P>,
}

/// Somebody in a world. Sets of permissions have a bit for each, in the order of their declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Which of the roles.
    pub role: usize,
    /// Which of the teams, none of them twice.
    pub teams: Vec<usize>,
    /// Permissions that were raised.
    pub raised: u64,
    /// Permissions that were denied, none of them raised as well.
    pub denied: u64,
    /// Whether the person is active; or else deactivated.
    pub active: bool,
}

const NOW: Timestamp = Timestamp::from_micros(1_795_424_400_000_000);

impl<P: Permission> World<P> {
    /// The world that follows from a seed.
    pub fn new(seed: u64, shape: Shape) -> Self {
        assert!(P::ALL.len() <= 64, "a set of permissions is a word");
        let random = &mut Random::new(seed);
        let names: Vec<PermissionName> = P::ALL.iter().map(|it| (*it).into()).collect();
        let every = P::ALL.iter().fold(0, |set, it| set | 1 << it.index());
        let mut any = |percent: usize| {
            let given = P::ALL.iter().filter(|_| random.percent(percent));
            given.fold(0, |set, it| set | 1 << it.index())
        };
        let others = shape.roles.saturating_sub(1);
        let given_by_roles: Vec<u64> = (0..shape.roles)
            .map(|number| match number {
                0 => every,
                _ if others == 1 => any(50),
                // From 20 to 80 of a hundred, evenly.
                _ => any(20 + 60 * (number - 1) / (others - 1)),
            })
            .collect();
        let given_by_teams: Vec<u64> = (0..shape.teams).map(|_| any(4)).collect();
        let organization = organization(random.id());
        let roles = (0..shape.roles).map(|number| {
            let mut role = Role::new(&format!("role-{number}"), 0).unwrap();
            if number == 0 {
                return role.all_but::<PermissionName>([]).keeper();
            }
            role.permissions = RolePermissions::Only(reaches(&names, given_by_roles[number]));
            role
        });
        let roles = roles.collect();
        let teams = (0..shape.teams).map(|number| Team {
            id: random.id(),
            organization: organization.id,
            name: TeamName::new(format!("Team {number}")).unwrap(),
            description: None,
            permissions: reaches(&names, given_by_teams[number]),
            fence: Fence::default(),
            members: 0,
            deleted: false,
        });
        let teams = teams.collect();
        let permissions = PhantomData;
        Self {
            shape,
            organization,
            roles,
            teams,
            seed,
            names,
            given_by_roles,
            given_by_teams,
            permissions,
        }
    }

    /// The organization as a scope.
    pub fn scope(&self) -> Scope {
        self.organization.id.into()
    }

    /// Whose the membership with a number is.
    pub fn user(&self, number: usize) -> UserId {
        self.random(number).id()
    }

    /// What somebody holds to begin with.
    pub fn person(&self, number: usize) -> Person {
        let mut random = self.random(number);
        // The identities come first.
        let _: (Uuid, Uuid) = (random.id(), random.id());
        let shape = &self.shape;
        let mut person = Person {
            role: 0,
            teams: Vec::new(),
            raised: 0,
            denied: 0,
            active: !random.percent(shape.deactivated),
        };
        self.give_role(&mut person, &mut random);
        for _ in 0..shape.teams_each.min(shape.teams) {
            self.give_team(&mut person, &mut random);
        }
        for _ in 0..random.below(shape.overrides + 1) {
            override_one::<P>(&mut person, &mut random);
        }
        person
    }

    /// The same person after a change of role, of a team, of an override or of status.
    #[must_use]
    pub fn changed(&self, person: &Person, random: &mut Random) -> Person {
        let mut person = person.clone();
        match random.below(4) {
            0 => self.give_role(&mut person, random),
            1 if !person.teams.is_empty() && self.shape.teams > person.teams.len() => {
                let at = random.below(person.teams.len());
                self.give_team(&mut person, random);
                person.teams.swap_remove(at);
            }
            2 => {
                let held = person.raised | person.denied;
                if held.count_ones() as usize >= self.shape.overrides.max(1) {
                    let first = held & held.wrapping_neg();
                    person.raised &= !first;
                    person.denied &= !first;
                }
                override_one::<P>(&mut person, random);
            }
            _ => person.active = !person.active,
        }
        person
    }

    /// The membership of somebody.
    pub fn membership_of(&self, number: usize, person: &Person) -> Membership {
        let mut random = self.random(number);
        let (user, id): (UserId, MembershipId) = (random.id(), random.id());
        let role = &self.roles[person.role].name;
        let scope = self.scope();
        let mut it = Membership::begin(id, scope, Step::Join, role, Source::Adoption, NOW);
        it.user = Some(user);
        if !person.active {
            let because = DeactivatedBecause::Leave;
            it.status = MembershipStatus::Deactivated { because, since: NOW };
        }
        it.teams = person.teams.iter().map(|team| self.teams[*team].id).collect::<BTreeSet<_>>();
        let raised = bits(person.raised).map(|at| (at, Override::Raise(reach(at))));
        let denied = bits(person.denied).map(|at| (at, Override::Deny));
        it.overrides = raised.chain(denied).map(|(at, it)| (self.names[at].clone(), it)).collect();
        it
    }

    /// The membership with a number, as it is to begin with.
    pub fn membership(&self, number: usize) -> Membership {
        self.membership_of(number, &self.person(number))
    }

    /// Every membership, made as it is asked for.
    pub fn memberships(&self) -> impl Iterator<Item = Membership> + '_ {
        (0..self.shape.members).map(|number| self.membership(number))
    }

    /// The organization, its roles and its teams.
    pub fn definitions(&self) -> Vec<Record> {
        let organization = Record::Organization(Box::new(self.organization.clone()));
        let role = |role: &Role| Record::Role(self.organization.id, Box::new(role.clone()));
        let teams = self.teams.iter().map(|team| Record::Team(Box::new(team.clone())));
        [organization].into_iter().chain(self.roles.iter().map(role)).chain(teams).collect()
    }

    /// Everything; of many people, better [a view](Self::view) that is filled little by little.
    pub fn records(&self) -> Vec<Record> {
        let memberships = self.memberships().map(|it| Record::Membership(Box::new(it)));
        self.definitions().into_iter().chain(memberships).collect()
    }

    /// A view of everybody.
    pub fn view(&self) -> Arc<View> {
        const AT_ONCE: usize = 4_096;
        let catalogue = Arc::new(Catalogue::new().with::<P>());
        let view = View::new(self.scope(), catalogue, Holds::Everybody, self.shape.members);
        assert_eq!(
            view.apply(&Update::of_records(&self.definitions()), |_| Wants::Everything),
            Applied::Shown
        );
        let mut memberships = self.memberships().map(|it| Record::Membership(Box::new(it)));
        loop {
            let chunk: Vec<Record> = memberships.by_ref().take(AT_ONCE).collect();
            if chunk.is_empty() {
                return Arc::new(view);
            }
            let mut update = Update::of_records(&chunk);
            update.revision = self.organization.revision();
            assert_eq!(view.apply(&update, |_| Wants::Everything), Applied::Shown);
        }
    }

    /// What somebody may do, if only somewhere: a bit for each permission.
    pub fn allows(&self, person: &Person) -> u64 {
        let teams = person.teams.iter().map(|team| self.given_by_teams[*team]);
        let given = teams.fold(self.given_by_roles[person.role], |given, team| given | team);
        let keeps = self.roles[person.role].keeps_organization;
        let held = if keeps { given } else { (given | person.raised) & !person.denied };
        if person.active { held } else { 0 }
    }

    /// The same role giving other permissions, to be put into its place.
    #[must_use]
    pub fn edited(&self, role: usize, random: &mut Random) -> Role {
        let mut role = self.roles[role].clone();
        let given = P::ALL.iter().filter(|_| random.percent(50));
        let given = given.fold(0, |set, it| set | 1 << it.index());
        role.permissions = RolePermissions::Only(reaches(&self.names, given));
        role
    }

    fn random(&self, number: usize) -> Random {
        Random::new(Random::new(self.seed ^ number as u64).word())
    }

    fn give_role(&self, person: &mut Person, random: &mut Random) {
        let others = self.shape.roles - 1;
        let keeps = others == 0 || random.percent(self.shape.keepers);
        person.role = if keeps { 0 } else { 1 + random.below(others) };
    }

    fn give_team(&self, person: &mut Person, random: &mut Random) {
        loop {
            let team = random.below(self.shape.teams);
            if !person.teams.contains(&team) {
                person.teams.push(team);
                return;
            }
        }
    }
}

fn override_one<P: Permission>(person: &mut Person, random: &mut Random) {
    let one = 1 << random.below(P::ALL.len());
    let (to, from) = if random.percent(50) {
        (&mut person.raised, &mut person.denied)
    } else {
        (&mut person.denied, &mut person.raised)
    };
    *to |= one;
    *from &= !one;
}

fn bits(set: u64) -> impl Iterator<Item = usize> {
    (0..64).filter(move |bit| set >> bit & 1 == 1)
}

/// Permissions reach differently far.
fn reach(permission: usize) -> Reach {
    match permission % 3 {
        0 => Reach::ALL,
        1 => Reach::TEAM,
        _ => Reach::OWN,
    }
}

fn reaches(names: &[PermissionName], set: u64) -> BTreeMap<PermissionName, Reach> {
    bits(set).map(|at| (names[at].clone(), reach(at))).collect()
}

fn organization(id: Uuid) -> Organization {
    Organization {
        id: id.into(),
        name: OrganizationName::new("Northwind").unwrap(),
        realm: Realm::Shared,
        status: OrganizationStatus::Active,
        rules: Rules::default(),
        seat_limit: None,
        tally: Tally::default(),
        workspaces_tally: Tally::default(),
        granted: BTreeMap::new(),
        former_members: 0,
        head: Head { position: Revision::new(1), ..Head::default() },
        founded_at: NOW,
    }
}

/// Numbers without a pattern that follow from a seed (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Those that follow from a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any 64 bits.
    pub const fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Any number below another.
    #[expect(clippy::cast_possible_truncation, reason = "below a number of this size")]
    pub const fn below(&mut self, end: usize) -> usize {
        ((self.word() as u128 * end as u128) >> 64) as usize
    }

    /// Whether something happens that happens so many times in a hundred.
    pub const fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Any identity.
    pub fn id<I: From<Uuid>>(&mut self) -> I {
        let (high, low) = (self.word(), self.word());
        uuid::Builder::from_random_bytes(Uuid::from_u64_pair(high, low).into_bytes())
            .into_uuid()
            .into()
    }
}
