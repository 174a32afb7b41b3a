//! 100,000 small random worlds, each asked through everything that answers: the oracle, the
//! evaluation of loaded records ([`Standing`]) and the live view, by bit and by evaluating.

use std::sync::Arc;

use tenure::access::Standing;
use tenure::access::live::{Applied, Guard, Holds, Member, Update, View, Wants, Who};
use tenure::domain::{PermissionName, Record, State, Timestamp};
use tenure::testing::cast::Desk;
use tenure::{Because, Catalogue, Item, Management, Permission, Principal, Scope};

use crate::oracle;
use crate::random::{self, Rng, TIMES, USERS};
use crate::world::{World, at, inside, user, whole};

/// How many worlds there are, all tests of this file together.
const WORLDS: u64 = 100_000;

/// More permissions than there are bits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Many(u8);

const MANY: usize = 220;

impl Permission for Many {
    const ALL: &'static [Self] = &{
        let mut all = [Self(0); MANY];
        let mut at = 0;
        while at < MANY {
            all[at] = Self(at as u8);
            at += 1;
        }
        all
    };

    fn name(self) -> &'static str {
        static NAMES: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
        let names = || (0..MANY).map(|number| format!("many.{number}")).collect();
        &NAMES.get_or_init(names)[self.index()]
    }

    fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl From<Many> for PermissionName {
    fn from(it: Many) -> Self {
        it.name().parse().unwrap()
    }
}

tenure::permissions! {
    /// Another enum with some of the same names.
    pub(crate) enum Again {
        /// The same as the help desk's.
        ViewTickets = "tickets.view",
        /// Not the same.
        Merge = "tickets.merge",
        /// The same as a management permission.
        Invite = "people.invite",
    }
}

/// What is declared, and what is asked about.
pub(crate) struct Asked<P> {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) permissions: Vec<P>,
    pub(crate) names: Vec<PermissionName>,
}

impl<P: Permission> Asked<P> {
    pub(crate) fn new(catalogue: Catalogue, permissions: &[P]) -> Self {
        let permissions = permissions.to_vec();
        let names = permissions.iter().map(|it| (*it).into()).collect();
        Self { catalogue: Arc::new(catalogue), permissions, names }
    }
}

pub(crate) fn desk() -> Asked<Desk> {
    Asked::new(Catalogue::new().with::<Desk>(), &Desk::ALL[..5])
}

/// On both sides of the end of each word of bits, with or without a bit of it set aside; the
/// management permissions come first.
pub(crate) fn many() -> Asked<Many> {
    let ends = [63, 64, 126, 128, 189, 192].map(|end| end - Management::ALL.len());
    let around = ends.into_iter().flat_map(|end| [end - 1, end]).chain([0, MANY - 1]);
    let asked: Vec<Many> = around.map(|it| Many::ALL[it]).collect();
    Asked::new(Catalogue::new().with::<Many>(), &asked)
}

/// An enum that shares names with two others.
pub(crate) fn again() -> Asked<Again> {
    Asked::new(Catalogue::new().with::<Desk>().with::<Again>(), Again::ALL)
}

/// The management permissions, asked beside a host's.
fn management() -> Asked<Management> {
    Asked::new(Catalogue::new().with::<Desk>(), &Management::ALL[..4])
}

pub(crate) const SCOPES: [fn() -> Scope; 2] = [whole, inside];

#[test]
fn everything_that_answers_agrees_on_every_world() {
    try_worlds(&desk(), 0, WORLDS / 2);
}

#[test]
fn everything_that_answers_agrees_on_every_world_of_another_half() {
    try_worlds(&desk(), 1 << 40, WORLDS / 2 - 6_000);
    try_worlds(&management(), 2 << 40, 3_000);
    try_worlds(&again(), 3 << 40, 2_000);
}

#[test]
fn beyond_the_last_bit_everything_agrees_too() {
    try_worlds(&many(), 4 << 40, 1_000);
}

fn try_worlds<P: Permission>(asked: &Asked<P>, first: u64, worlds: u64) {
    let begun = std::time::Instant::now();
    let mut allowed = 0;
    for seed in first..first + worlds {
        let mut rng = Rng(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let world = random::world(&mut rng, &asked.names);
        match try_world(&world, asked, Some(&mut rng)) {
            Ok(count) => allowed += count,
            Err(why) => explain(&world, asked, seed, &why),
        }
    }
    println!("{worlds} worlds, {allowed} answers of yes, {:?}", begun.elapsed());
    assert!(allowed as u64 > worlds / 2, "hardly anybody may do anything");
}

/// Looks for the smallest world that still goes wrong, and shows it.
fn explain<P: Permission>(world: &World, asked: &Asked<P>, seed: u64, why: &str) -> ! {
    let wrong = |world: &World| try_world(world, asked, None).err();
    let (mut small, mut why) = match wrong(world) {
        Some(why) => (world.clone(), why),
        None => panic!("seed {seed}: {why}\n{world:?}"),
    };
    while let Some((next, said)) =
        smaller(&small).into_iter().find_map(|next| wrong(&next).map(|why| (next, why)))
    {
        (small, why) = (next, said);
    }
    panic!("seed {seed}: {why}\n{small:?}");
}

/// The same world with one thing less.
pub(crate) fn smaller(world: &World) -> Vec<World> {
    let mut found = Vec::new();
    let mut less = |change: &dyn Fn(&mut World)| {
        let mut next = world.clone();
        change(&mut next);
        found.push(next);
    };
    for at in 0..world.memberships.len() {
        less(&|it| drop(it.memberships.remove(at)));
    }
    for at in 0..world.supports.len() {
        less(&|it| drop(it.supports.remove(at)));
    }
    for at in 0..world.teams.len() {
        less(&|it| drop(it.teams.remove(at)));
    }
    for at in 0..world.roles.len() {
        less(&|it| drop(it.roles.remove(at)));
        if let tenure::domain::RolePermissions::Only(listed) = &world.roles[at].permissions {
            for name in listed.keys() {
                less(&|it| {
                    let tenure::domain::RolePermissions::Only(listed) =
                        &mut it.roles[at].permissions
                    else {
                        return;
                    };
                    listed.remove(name);
                });
            }
        }
    }
    for (at, membership) in world.memberships.iter().enumerate() {
        for name in membership.overrides.keys() {
            less(&|it| drop(it.memberships[at].overrides.remove(name)));
        }
        for id in membership.grants.keys() {
            less(&|it| drop(it.memberships[at].grants.remove(id)));
        }
        for id in &membership.teams {
            less(&|it| it.memberships[at].teams.retain(|team| team != id));
        }
        for name in membership.fence.0.keys() {
            less(&|it| drop(it.memberships[at].fence.0.remove(name)));
        }
    }
    found
}

/// Asks one world in both scopes: some questions that the numbers choose, or all there are.
fn try_world<P: Permission>(
    world: &World,
    asked: &Asked<P>,
    mut rng: Option<&mut Rng>,
) -> Result<usize, String> {
    let state = world.state();
    let mut allowed = 0;
    for scope in SCOPES.map(|scope| scope()) {
        let view = world.view(scope, &asked.catalogue);
        let guards = [Held { guard: view.guard(), members: Vec::new() }];
        allowed += try_guards(&guards, world, &state, asked, scope, rng.as_deref_mut())?;
        if rng.as_mut().is_none_or(|rng| rng.below(200) == 0) {
            try_unconfirmed(&view, world, asked, scope)?;
            try_admitted(world, asked, scope)?;
        }
    }
    Ok(allowed)
}

/// A guard, and people who were looked up by it when it was taken.
pub(crate) struct Held {
    pub(crate) guard: Guard,
    pub(crate) members: Vec<(usize, Member)>,
}

/// Asks guards of one view what the oracle answers too.
pub(crate) fn try_guards<P: Permission>(
    guards: &[Held],
    world: &World,
    state: &State,
    asked: &Asked<P>,
    scope: Scope,
    rng: Option<&mut Rng>,
) -> Result<usize, String> {
    let mut allowed = 0;
    let Some(rng) = rng else {
        for time in 0..TIMES + 3 {
            let now = at(time as i64);
            for permission in &asked.permissions {
                let all = (0..USERS).map(|number| Principal::Person(user(number)));
                for who in all.chain(["vendor-17", "vendor-18"].map(random::vendor)) {
                    let question = Question { world, state, scope, who: &who, now };
                    for seed in 0..6 {
                        let item = random::item(&mut Rng(seed), world);
                        for held in guards {
                            question.ask(held, *permission, &item)?;
                        }
                    }
                    for held in guards {
                        question.list(held, asked)?;
                    }
                }
                for held in guards {
                    who_may(held, world, scope, *permission, now)?;
                }
            }
        }
        return Ok(allowed);
    };
    for round in 0..2 {
        let now = at(rng.below(TIMES + 3) as i64);
        let who = random::principal(rng);
        let question = Question { world, state, scope, who: &who, now };
        let permission = *rng.pick(&asked.permissions);
        let item = random::item(rng, world);
        for held in guards {
            allowed += usize::from(question.ask(held, permission, &item)?);
        }
        let at_all = rng.chance(4);
        for held in guards.iter().filter(|_| round == 0 && at_all) {
            question.list(held, asked)?;
            who_may(held, world, scope, permission, now)?;
        }
    }
    Ok(allowed)
}

/// Everybody who may: each of them once, under the membership that people mean.
fn who_may<P: Permission>(
    held: &Held,
    world: &World,
    scope: Scope,
    permission: P,
    now: Timestamp,
) -> Result<(), String> {
    let name = permission.into();
    let mut users: Vec<_> = world.memberships.iter().filter_map(|it| it.user).collect();
    users.sort_unstable();
    users.dedup();
    users.retain(|it| oracle::allowed(world, &Principal::Person(*it), &name, scope, now));
    let mut found = held.guard.who_may(permission, now);
    found.sort_unstable_by_key(|it| it.user);
    let same = found.iter().map(|it| it.user).eq(users.iter().copied());
    if !same {
        return Err(format!("who_may {name} at {now:?} in {scope:?}: {found:?}, not {users:?}"));
    }
    for it in found {
        let membership = world.membership(it.membership);
        let here = |scope: Scope| {
            let mut all = world.memberships.iter();
            all.find(|m| m.user == Some(it.user) && m.scope == scope && m.is_live())
        };
        let meant = here(scope).or(here(scope.whole()));
        if meant.map(|it| it.id) != Some(membership.id) {
            return Err(format!(
                "who_may {name} in {scope:?} names {} of {}",
                it.membership, it.user
            ));
        }
    }
    Ok(())
}

struct Question<'w> {
    world: &'w World,
    state: &'w State,
    scope: Scope,
    who: &'w Principal,
    now: Timestamp,
}

impl Question<'_> {
    /// One permission, and one thing.
    fn ask<P: Permission>(&self, held: &Held, permission: P, item: &Item) -> Result<bool, String> {
        let Self { world, state, scope, who, now } = *self;
        let (guard, name) = (&held.guard, permission.into());
        let expected = oracle::allowed(world, who, &name, scope, now);
        let expected_on = oracle::allowed_on(world, who, &name, item, scope, now);
        let standing = Standing::of(state, scope, who, now).ok_or("nothing stands anywhere")?;
        let decided = standing.decide(&name);
        let decision = guard.check(who, permission, now);
        let on = guard.check_on(who, permission, item, now);
        let visible = guard.visible(who, permission, now);
        let reached = decided.is_allowed() && standing.reaches(&decided.extent, item);
        let mut answers = vec![
            ("standing", expected, decided.is_allowed()),
            ("check", expected, decision.is_allowed()),
            ("an extent", expected, !decision.extent.is_nothing()),
            ("standing on the item", expected_on, reached),
            ("check_on", expected_on, on.is_allowed()),
            ("visible", expected_on, visible.admits(item)),
            ("visible of nothing", !expected && !visible.is_nothing(), false),
        ];
        if let Principal::Person(user) = who {
            let member = guard.member(*user);
            answers.push(("can", expected, guard.can(member, permission, || now)));
            answers.push(("can_user", expected, guard.can_user(*user, permission, || now)));
            answers.push((
                "check of a member",
                expected,
                guard.check(member, permission, now).is_allowed(),
            ));
            let before =
                held.members.iter().filter(|(number, _)| crate::world::user(*number) == *user);
            for (_, member) in before {
                let can = guard.can(*member, permission, || now);
                answers.push(("can of one looked up before", expected, can));
            }
        }
        for (what, expected, found) in answers {
            if expected != found {
                return Err(format!(
                    "{what}: {found}, not {expected}: {who:?} {name} in {scope:?} at {now:?}\n\
                     {item:?}\n{decision:?}\n{decided:?}\n{visible:?}"
                ));
            }
        }
        // The evaluation and the view give the same reasons, too.
        if matches!(who, Principal::Person(_)) && decision != decided {
            return Err(format!("{who:?} {name} at {now:?}: {decision:?}, not {decided:?}"));
        }
        if (on.extent, on.because) != (decision.extent, decision.because) {
            return Err(format!("{who:?} {name}: naming a thing changed the reasons"));
        }
        Ok(expected)
    }

    /// All permissions of one person.
    fn list<P: Permission>(&self, held: &Held, asked: &Asked<P>) -> Result<(), String> {
        let Self { world, scope, who, now, .. } = *self;
        let found = held.guard.permissions_of(who, now);
        let allowed = |name: &&PermissionName| oracle::allowed(world, who, name, scope, now);
        let same = found.iter().map(|(name, _)| name).eq(asked.catalogue.names().filter(allowed));
        let held_all = found.iter().all(|(_, decision)| decision.is_allowed());
        if same && held_all {
            Ok(())
        } else {
            Err(format!("permissions_of {who:?} in {scope:?} at {now:?}: {found:?}"))
        }
    }
}

/// A view that could not be confirmed lets nobody in, and says so; confirmed, it does again.
fn try_unconfirmed<P: Permission>(
    view: &Arc<View>,
    world: &World,
    asked: &Asked<P>,
    scope: Scope,
) -> Result<(), String> {
    let guard = view.guard();
    let now = at(3);
    view.confirm(|| false);
    for number in 0..USERS {
        for permission in &asked.permissions {
            let decision = guard.check(user(number), *permission, now);
            if guard.can_user(user(number), *permission, || now)
                || decision.is_allowed()
                || decision.because != [Because::NotConfirmed]
                || !guard.visible(user(number), *permission, now).is_nothing()
                || !guard.who_may(*permission, now).is_empty()
            {
                return Err(format!("{number} is let in on what nobody confirmed"));
            }
        }
    }
    view.confirm(|| true);
    for number in 0..USERS {
        let permission = asked.permissions[0];
        let who = Principal::Person(user(number));
        let expected = oracle::allowed(world, &who, &permission.into(), scope, now);
        if guard.can_user(user(number), permission, || now) != expected {
            return Err(format!("{number} after it was confirmed again"));
        }
    }
    Ok(())
}

/// Where only those are in memory who were asked for: they are answered right, others not at all.
fn try_admitted<P: Permission>(
    world: &World,
    asked: &Asked<P>,
    scope: Scope,
) -> Result<(), String> {
    let view = View::new(scope, Arc::clone(&asked.catalogue), Holds::WhoeverIsAdmitted, 1);
    let (people, rest): (Vec<Record>, Vec<Record>) =
        world.records().into_iter().partition(|it| matches!(it, Record::Membership(_)));
    assert_eq!(view.apply(&Update::of_records(&rest), |_| Wants::Everything), Applied::Shown);
    let view = Arc::new(view);
    let guard = view.guard();
    for number in 0..USERS {
        if guard.knows(user(number)) {
            return Err(format!("{number} is known before they were asked for"));
        }
    }
    let of = |number: usize| {
        let is = move |it: &&Record| match it {
            Record::Membership(it) => it.user == Some(user(number)),
            _ => false,
        };
        people.iter().filter(is).cloned().collect::<Vec<_>>()
    };
    for number in [0, 2] {
        let records = of(number);
        let admitted = view.admit(&Update::of_records(&records), |shown| {
            assert_eq!(shown, world.revision());
            Wants::OutOfTurn
        });
        if admitted != Applied::Shown {
            return Err(format!("{number} is not admitted"));
        }
    }
    for number in [0, 1, 2, 3] {
        for permission in &asked.permissions {
            let who = Principal::Person(user(number));
            let name = (*permission).into();
            let expected = number % 2 == 0 && oracle::allowed(world, &who, &name, scope, at(3));
            let found = guard.can_user(user(number), *permission, || at(3));
            let checked = guard.check(Who::User(user(number)), *permission, at(3)).is_allowed();
            if found != expected || checked != expected {
                return Err(format!("admitted {number} {name} in {scope:?}: {found} {checked}"));
            }
        }
    }
    Ok(())
}
