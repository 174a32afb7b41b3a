//! Each cause that a decision names is one: take it away, and the decision changes as it should.

use tenure::access::Decision;
use tenure::domain::{
    Given, GrantId, Membership, OrganizationStatus, Override, PermissionName, Reach, RoleName,
    RolePermissions, StatusName, TeamId, Timestamp,
};
use tenure::testing::cast::Desk;
use tenure::{Because, Principal, Scope};

use crate::random::{self, Rng, TIMES};
use crate::world::{World, at, id, inside, membership, status, user, whole};
use crate::worlds::{Asked, desk};

const WORLDS: u64 = 6_000;

#[derive(Default)]
struct Counts {
    only: [usize; 5],
    all: usize,
    against: [usize; 7],
}

#[test]
fn every_cause_that_is_named_is_one() {
    let asked = desk();
    let mut counts = Counts::default();
    for seed in 0..WORLDS {
        let mut rng = Rng(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
        let world = random::world(&mut rng, &asked.names);
        let support = rng.chance(10);
        let who = if support { random::vendor("vendor-17") } else { random::principal(&mut rng) };
        if matches!(who, Principal::System) {
            // What machines may is said elsewhere.
            continue;
        }
        let question = Question {
            asked: &asked,
            who,
            permission: *rng.pick(&asked.permissions),
            scope: if rng.chance(50) { whole() } else { inside() },
            now: at(rng.below(TIMES + 3) as i64),
        };
        question.check_causes(&world, &mut counts);
    }
    println!(
        "alone role, team, grant, raised, support: {:?}; several: {}; against (denied, capped, not \
         given, not active, no member, not working, closed): {:?}",
        counts.only, counts.all, counts.against
    );
    for count in counts.only.iter().chain(&counts.against).chain([&counts.all]) {
        assert!(*count > 10, "hardly tried");
    }
}

struct Question<'a> {
    asked: &'a Asked<Desk>,
    who: Principal,
    permission: Desk,
    scope: Scope,
    now: Timestamp,
}

impl Question<'_> {
    fn decide(&self, world: &World) -> Decision {
        let guard = world.view(self.scope, &self.asked.catalogue).guard();
        guard.check(&self.who, self.permission, self.now)
    }

    fn name(&self) -> PermissionName {
        self.permission.into()
    }

    fn user(&self) -> Option<tenure::domain::UserId> {
        match self.who {
            Principal::Person(user) => Some(user),
            _ => None,
        }
    }

    fn check_causes(&self, world: &World, counts: &mut Counts) {
        let decision = self.decide(world);
        let shown = format!("{:?} {:?} {decision:?}\n{world:?}", self.who, self.permission);
        assert!(!decision.because.is_empty(), "no reason at all: {shown}");
        let mut gives: Vec<&Because> = Vec::new();
        for cause in decision.because.iter().filter(|it| kind(it).is_some()) {
            // Both memberships may be in one team.
            if !gives.contains(&cause) {
                gives.push(cause);
            }
        }
        assert!(decision.is_allowed() != decision.extent.is_nothing(), "{shown}");
        assert!(!decision.is_allowed() || !gives.is_empty(), "nothing gives it: {shown}");
        // Without all that is named, it is not held: nothing was left out.
        let without = |causes: &[&Because]| {
            let mut less = world.clone();
            for cause in causes {
                self.take_away(&mut less, cause);
            }
            self.decide(&less)
        };
        if decision.is_allowed() {
            assert!(!without(&gives).is_allowed(), "allowed without its causes: {shown}");
        }
        for cause in &gives {
            let less = without(&[cause]);
            // What gives no longer is not named, and what is left reaches no further.
            assert!(!less.because.contains(cause), "{cause:?} is still named: {shown}");
            assert!(decision.extent.covers(&less.extent), "more without {cause:?}: {shown}");
        }
        if let ([cause], true) = (&gives[..], decision.is_allowed()) {
            counts.only[kind(cause).unwrap()] += 1;
        } else if decision.is_allowed() {
            counts.all += 1;
        }
        for cause in decision.because.iter().filter(|it| kind(it).is_none()) {
            let mut more = world.clone();
            let number = self.lift(&mut more, cause);
            let after = self.decide(&more);
            counts.against[number] += 1;
            assert!(!after.because.contains(cause), "{cause:?} is still named: {shown} {after:?}");
            assert!(after.extent.covers(&decision.extent), "less without {cause:?}: {shown}");
            if matches!(cause, Because::NotGiven) && self.user().is_some() {
                assert!(after.because.contains(&Because::Raised) && after.is_allowed(), "{shown}");
            }
            let would = decision.because.iter().any(|it| kind(it).is_some());
            if matches!(cause, Because::Denied) && would {
                assert!(after.is_allowed(), "denied, and something gave it: {shown}");
            }
        }
    }

    /// Takes away what gives: the permission from the role, the team or the grant; the override;
    /// the support.
    fn take_away(&self, world: &mut World, cause: &Because) {
        let name = self.name();
        match cause {
            Because::Role(role) => self.take_from_role(world, role),
            Because::Team(team) => self.take_from_team(world, *team),
            Because::Grant(grant) => self.take_grant(world, *grant),
            Because::Raised => self.each_own(world, |it| {
                if matches!(it.overrides.get(&name), Some(Override::Raise(_))) {
                    it.overrides.remove(&name);
                }
            }),
            Because::Support(access) => world.supports.retain(|it| it.id != *access),
            other => panic!("{other:?} gives nothing"),
        }
    }

    /// The role as the person's own; what a grant gives of it stays.
    fn take_from_role(&self, world: &mut World, role: &RoleName) {
        let name = self.name();
        let mut less = world.roles.iter().find(|it| it.name == *role).unwrap().clone();
        match &mut less.permissions {
            RolePermissions::AllBut(except) => drop(except.insert(name)),
            RolePermissions::Only(listed) => drop(listed.remove(&name)),
        }
        let own: RoleName = format!("{role}-less").parse().unwrap();
        less.name = own.clone();
        world.roles.push(less);
        self.each_own(world, |it| {
            if it.role == *role {
                it.role = own.clone();
            }
        });
    }

    fn take_from_team(&self, world: &mut World, team: TeamId) {
        let team = world.teams.iter_mut().find(|it| it.id == team).unwrap();
        assert!(team.permissions.remove(&self.name()).is_some(), "the team does not give it");
    }

    /// What the grant gives of this permission goes; whatever else it gives stays.
    fn take_grant(&self, world: &mut World, grant: GrantId) {
        let name = self.name();
        let roles = world.roles.clone();
        let mut made = Vec::new();
        let now = self.now;
        self.each_own(world, |it| {
            let Some(grant) = it.grants.get_mut(&grant) else { return };
            assert!(grant.runs(now), "a grant that does not run gives nothing");
            match &mut grant.gives {
                Given::Permissions(listed) => drop(listed.remove(&name)),
                Given::Role(role) => {
                    // A role like it in all but this permission.
                    let Some(mut less) = roles.iter().find(|it| it.name == *role).cloned() else {
                        return;
                    };
                    less.name = format!("{role}-granted-less").parse().unwrap();
                    match &mut less.permissions {
                        RolePermissions::AllBut(except) => drop(except.insert(name.clone())),
                        RolePermissions::Only(listed) => drop(listed.remove(&name)),
                    }
                    *role = less.name.clone();
                    made.push(less);
                }
            }
        });
        world.roles.extend(made);
    }

    fn each_own(&self, world: &mut World, change: impl FnMut(&mut Membership)) {
        let user = self.user();
        world.memberships.iter_mut().filter(|it| it.user == user && it.is_live()).for_each(change);
    }

    /// Lifts what stands against: the override, the status, the lack of a membership.
    fn lift(&self, world: &mut World, cause: &Because) -> usize {
        let name = self.name();
        let drop_override = |it: &mut Membership, is: fn(&Override) -> bool| {
            if it.overrides.get(&name).is_some_and(is) {
                it.overrides.remove(&name);
            }
        };
        match cause {
            Because::Denied => {
                self.each_own(world, |it| drop_override(it, |it| matches!(it, Override::Deny)));
                0
            }
            Because::Capped => {
                self.each_own(world, |it| drop_override(it, |it| matches!(it, Override::Cap(_))));
                1
            }
            Because::NotGiven => {
                let raise = || Override::Raise(Reach::ALL);
                self.each_own(world, |it| drop(it.overrides.insert(name.clone(), raise())));
                // No override applies to whoever keeps the organization.
                for role in &mut world.roles {
                    role.keeps_organization = false;
                }
                for support in &mut world.supports {
                    support.permissions.insert(name.clone());
                }
                2
            }
            Because::NotActive(was) => {
                self.each_own(world, |it| {
                    if it.scope.workspace.is_none() {
                        assert_eq!(it.status.name(), *was);
                        it.status = status(StatusName::Active);
                    }
                });
                3
            }
            Because::NotAMember => {
                self.join(world);
                4
            }
            Because::OrganizationNotActive(was) => {
                assert_eq!(world.organization.status, *was);
                world.organization.status = OrganizationStatus::Active;
                5
            }
            Because::WorkspaceClosed => {
                world.workspaces[0].closed_at = None;
                6
            }
            other => panic!("{other:?} stands against nothing"),
        }
    }

    /// Whoever does not belong comes in; whom no membership could make belong becomes somebody.
    fn join(&self, world: &mut World) {
        let Some(user) = self.user() else {
            // Support that was not let in.
            let mut access = random::random_support(&mut Rng(1), &self.asked.names);
            (access.from, access.until, access.revoked_at) = (at(0), None, None);
            if let Principal::Support { access: number, person } = &self.who {
                (access.id, access.person) = (*number, person.clone());
            }
            world.supports = vec![access];
            return;
        };
        for (number, scope) in [(5_000, whole()), (5_001, self.scope)] {
            let there = world
                .memberships
                .iter()
                .find(|it| it.user == Some(user) && it.scope == scope && it.is_live());
            match there.map(|it| it.id) {
                None => world.memberships.push(membership(number, scope, user, "ghost")),
                Some(id) => {
                    let is = |it: &&mut Membership| it.id == id;
                    let it = world.memberships.iter_mut().find(is).unwrap();
                    it.status = status(StatusName::Active);
                }
            }
        }
    }
}

/// Which of the causes that give, if it is one.
fn kind(because: &Because) -> Option<usize> {
    match because {
        Because::Role(_) => Some(0),
        Because::Team(_) => Some(1),
        Because::Grant(_) => Some(2),
        Because::Raised => Some(3),
        Because::Support(_) => Some(4),
        _ => None,
    }
}

// ── Said once each, for people who read ─────────────────────────────────────────────────────────

fn agent_with(change: impl FnOnce(&mut World)) -> World {
    let agent = tenure::Role::new("agent", 10).unwrap().with(Desk::ViewTickets, Reach::OWN);
    let mut world = World::new(vec![agent]).with(0, whole(), "agent");
    change(&mut world);
    world
}

fn why(world: &World, permission: Desk) -> (bool, Vec<Because>) {
    let asked = desk();
    let guard = world.view(whole(), &asked.catalogue).guard();
    let decision = guard.check(user(0), permission, at(5));
    (decision.is_allowed(), decision.because)
}

#[test]
fn a_role_gives_and_a_denial_takes_away_and_both_are_named() {
    let name = PermissionName::from(Desk::ViewTickets);
    let role = Because::Role("agent".parse().unwrap());
    let plain = agent_with(|_| {});
    assert_eq!(why(&plain, Desk::ViewTickets), (true, vec![role.clone()]));
    assert_eq!(why(&plain, Desk::ExportData), (false, vec![Because::NotGiven]));
    let denied =
        agent_with(|it| drop(it.of(0, whole()).overrides.insert(name.clone(), Override::Deny)));
    assert_eq!(why(&denied, Desk::ViewTickets), (false, vec![role.clone(), Because::Denied]));
    let capped = agent_with(|it| {
        it.of(0, whole()).overrides.insert(name.clone(), Override::Cap(Reach::ALL));
    });
    assert_eq!(why(&capped, Desk::ViewTickets), (true, vec![role, Because::Capped]));
}

#[test]
fn a_grant_is_named_only_while_it_runs() {
    for (from, until, runs) in [(5, 6, true), (4, 5, false), (6, 9, false), (5, 5, false)] {
        let world = agent_with(|it| {
            let listed = [(Desk::ExportData.into(), Reach::ALL)].into();
            let given = crate::world::grant(7, Given::Permissions(listed), from, until);
            it.of(0, whole()).grants.insert(given.id, given);
        });
        let because = if runs { Because::Grant(id(7)) } else { Because::NotGiven };
        assert_eq!(why(&world, Desk::ExportData), (runs, vec![because]));
    }
}

#[test]
fn whoever_is_out_is_told_in_what_way() {
    for name in StatusName::ALL {
        let world = agent_with(|it| it.of(0, whole()).status = status(name));
        let because = match name {
            StatusName::Active => Because::Role("agent".parse().unwrap()),
            StatusName::Removed => Because::NotAMember,
            other => Because::NotActive(other),
        };
        let found = why(&world, Desk::ViewTickets);
        assert_eq!(found, (name == StatusName::Active, vec![because]), "{name}");
    }
}
