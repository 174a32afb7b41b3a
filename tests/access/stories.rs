//! Worlds that change: a view that is told of each change answers as one that is built anew does,
//! also through guards that were taken before, and while its table grows.

use std::fmt::Write as _;
use std::sync::Arc;

use tenure::access::Standing;
use tenure::access::live::{Applied, Guard, PersonChange, Update, View, Wants};
use tenure::domain::{
    Event, Membership, Record, Revision, RoleName, State, StatusName, Stream, Timestamp,
};
use tenure::{Permission, Principal};

use crate::random::{self, Rng, TIMES, USERS};
use crate::world::{World, at, inside, membership, organization, status, user, whole};
use crate::worlds::{Asked, Held, SCOPES, desk, many, smaller, try_guards};

const STORIES: u64 = 2_000;
const CHANGES: usize = 8;

#[test]
fn a_view_that_is_told_of_changes_agrees_with_one_built_anew() {
    try_stories(&desk(), 0, STORIES);
}

#[test]
fn a_view_with_more_permissions_than_bits_agrees_after_changes_too() {
    try_stories(&many(), 1 << 40, STORIES / 20);
}

fn try_stories<P: Permission>(asked: &Asked<P>, first: u64, stories: u64) {
    let begun = std::time::Instant::now();
    let mut anew = 0;
    for seed in first..first + stories {
        let mut rng = Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let world = random::world(&mut rng, &asked.names);
        let changes: Vec<u64> = (0..CHANGES).map(|_| rng.next()).collect();
        match try_story(&world, &changes, asked, Some(&mut rng)) {
            Ok(times) => anew += times,
            Err(why) => explain(&world, &changes, asked, seed, &why),
        }
    }
    let changes = stories as usize * CHANGES * 2;
    println!(
        "{stories} stories, {anew} of {changes} changes made a view anew, {:?}",
        begun.elapsed()
    );
    assert!(anew * 5 < changes, "views change in place");
}

fn explain<P: Permission>(
    world: &World,
    changes: &[u64],
    asked: &Asked<P>,
    seed: u64,
    why: &str,
) -> ! {
    let wrong = |world: &World, changes: &[u64]| try_story(world, changes, asked, None).err();
    let Some(mut why) = wrong(world, changes) else {
        panic!("seed {seed}: {why}\n{world:?}");
    };
    let (mut world, mut changes) = (world.clone(), changes.to_vec());
    loop {
        let fewer = (0..changes.len()).map(|at| {
            let mut fewer = changes.clone();
            fewer.remove(at);
            (world.clone(), fewer)
        });
        let less = smaller(&world).into_iter().map(|world| (world, changes.clone()));
        let next = fewer
            .chain(less)
            .find_map(|(world, changes)| wrong(&world, &changes).map(|why| (world, changes, why)));
        match next {
            Some(next) => (world, changes, why) = next,
            None => break,
        }
    }
    let mut told = String::new();
    let mut then = world.clone();
    for change in &changes {
        let change = Change::happen(&mut then, &mut Rng(*change), asked);
        writeln!(told, "then: {change:?}").unwrap();
    }
    panic!("seed {seed}: {why}\nat first: {world:?}{told}at last: {then:?}");
}

/// What changed: the records, and a role that was deleted.
#[derive(Default)]
struct Change {
    what: &'static str,
    records: Vec<Record>,
    deleted: Option<RoleName>,
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named: Vec<String> = self
            .records
            .iter()
            .map(|it| match it {
                Record::Membership(it) => format!("{} {}", it.id, it.status.name()),
                other => format!("{:?}", other.key()),
            })
            .collect();
        write!(f, "{} {named:?} {:?}", self.what, self.deleted)
    }
}

fn try_story<P: Permission>(
    world: &World,
    changes: &[u64],
    asked: &Asked<P>,
    mut rng: Option<&mut Rng>,
) -> Result<usize, String> {
    let mut anew = 0;
    for scope in SCOPES.map(|scope| scope()) {
        let mut world = world.clone();
        let mut view = world.view(scope, &asked.catalogue);
        let mut guards = vec![hold(&view)];
        for (number, change) in changes.iter().enumerate() {
            let before = world.state();
            let change = Change::happen(&mut world, &mut Rng(*change), asked);
            let position = &mut world.organization.head.position;
            *position = Revision::new(position.get() + 1);
            let compared = match rng.as_deref_mut() {
                Some(rng) => rng.chance(15).then(|| at(rng.below(TIMES + 3) as i64)),
                None => Some(at(4)),
            };
            let compared = compared.map(|now| (asked, now));
            let told = change.tell(&guards[0].guard, &world, before, compared);
            let told =
                told.map_err(|why| format!("compared, {} ({number}): {why}", change.what))?;
            if told == Applied::MakeAnew {
                anew += 1;
                view = world.view(scope, &asked.catalogue);
                guards = vec![hold(&view)];
            }
            if view.revision() != world.revision() {
                return Err(format!("shows {}, not {}", view.revision(), world.revision()));
            }
            // The first guard is kept; the others are those of the last changes.
            if guards.len() == 3 {
                guards.remove(1);
            }
            guards.push(hold(&view));
            let state = world.state();
            try_guards(&guards, &world, &state, asked, scope, rng.as_deref_mut())
                .map_err(|why| format!("after change {number} ({}): {why}", change.what))?;
        }
    }
    Ok(anew)
}

/// A guard, by which everybody is looked up at once: who is there, and who comes later.
fn hold(view: &Arc<View>) -> Held {
    let guard = view.guard();
    let members = (0..USERS).map(|number| (number, guard.member(user(number)))).collect();
    Held { guard, members }
}

impl Change {
    /// Tells a view of it, as the directory does that committed it, or as one that read it; before
    /// that, what it would do to whom is asked of a guard.
    fn tell<P: Permission>(
        &self,
        guard: &Guard,
        world: &World,
        mut before: State,
        asked: Option<(&Asked<P>, Timestamp)>,
    ) -> Result<Applied, String> {
        let last = Revision::new(world.revision().get() - 1);
        let apply = |update: &Update<'_>, before: &State| {
            if let Some((asked, now)) = asked {
                self.compare(guard, update, asked, [before, &world.state()], now)?;
            }
            Ok(guard.view().apply(update, |shown| {
                assert_eq!(shown, last);
                Wants::Everything
            }))
        };
        if let Some(role) = &self.deleted {
            let was = before.clone();
            let event = Event::RoleDeleted { role: role.clone() };
            before.apply(Stream::Organization(organization()), &event);
            let mut update = Update::of_state(&before, organization());
            update.revision = world.revision();
            return apply(&update, &was);
        }
        let mut records = world.head();
        records.extend(self.records.iter().cloned());
        apply(&Update::of_records(&records), &before)
    }

    /// What a comparison says of each person is what they may before and after, person by person.
    fn compare<P: Permission>(
        &self,
        guard: &Guard,
        update: &Update<'_>,
        asked: &Asked<P>,
        [before, after]: [&State; 2],
        now: Timestamp,
    ) -> Result<(), String> {
        let is_erased = |it: &Record| matches!(it, Record::Membership(it) if it.user.is_none());
        if self.records.iter().any(is_erased) {
            // Of whoever is erased nobody can say who they are; they had gone before.
            return Ok(());
        }
        let scope = guard.view().scope();
        let comparison = guard.compare(update, now, usize::MAX).ok_or("everybody is there")?;
        let mut people = 0;
        for number in 0..USERS {
            let extent = |state: &State, name| {
                let who = Principal::Person(user(number));
                Standing::of(state, scope, &who, now).unwrap().decide(name).extent
            };
            let both =
                asked.catalogue.names().map(|it| (it, extent(before, it), extent(after, it)));
            let changed: Vec<_> = both.filter(|(_, before, after)| before != after).collect();
            let found = comparison.changes.iter().find(|it| it.person.user == user(number));
            let found = found.map_or(&[][..], |it| &it.permissions[..]);
            let found = found.iter().map(|it| (&it.permission, &it.before, &it.after));
            if !found.eq(changed.iter().map(|(name, before, after)| (*name, before, after))) {
                return Err(format!("{number} in {scope:?}: {changed:?}, not {comparison:?}"));
            }
            people += usize::from(!changed.is_empty());
        }
        let of_us = |it: &&PersonChange| (0..USERS).any(|number| user(number) == it.person.user);
        let found = comparison.changes.iter().filter(of_us).count();
        if found != people || comparison.people != comparison.changes.len() as u64 {
            return Err(format!("{people} in {scope:?}, not {comparison:?}"));
        }
        Ok(())
    }

    fn happen<P: Permission>(world: &mut World, rng: &mut Rng, asked: &Asked<P>) -> Self {
        let names = &asked.names;
        let kind = rng.below(16);
        let mut it = Self::default();
        match kind {
            0 | 1 => {
                it.what = "a membership has another status";
                if let Some(membership) = somebody(world, rng) {
                    let live = [StatusName::Active, StatusName::Deactivated, StatusName::SettingUp];
                    membership.status = status(*rng.pick(&live));
                    it.records.push(record(membership));
                }
            }
            2 | 3 => {
                it.what = "a membership has other permissions";
                if let Some(membership) = somebody(world, rng) {
                    membership.role = random::random_role_name(rng).parse().unwrap();
                    random::embellish(rng, membership, names);
                    it.records.push(record(membership));
                }
            }
            4 => {
                it.what = "somebody goes";
                it.records = leave(world, rng);
            }
            5 | 6 => {
                it.what = "somebody comes, or returns";
                it.records = come(world, rng, asked);
            }
            7 => {
                it.what = "somebody goes and returns";
                let gone = leave(world, rng);
                let back = come(world, rng, asked);
                it.records = gone.into_iter().chain(back).collect();
                if rng.chance(50) {
                    it.records.reverse();
                }
            }
            8 | 9 => {
                it.what = "a role is made or edited";
                let name = random::random_role_name(rng);
                let role = random::role(rng, name, names);
                world.roles.retain(|it| it.name != role.name);
                world.roles.push(role);
            }
            10 => {
                it.what = "a role is deleted";
                if !world.roles.is_empty() {
                    let gone = world.roles.remove(rng.below(world.roles.len()));
                    it.deleted = Some(gone.name);
                }
            }
            11 => {
                it.what = "a team is made, edited or deleted";
                let team = random::random_team(rng, rng.clone().below(4), names);
                world.teams.retain(|it| it.id != team.id);
                world.teams.push(team.clone());
                it.records.push(Record::Team(Box::new(team)));
            }
            12 => {
                it.what = "the organization stops, or works again";
                world.organization.status = if rng.chance(60) {
                    tenure::domain::OrganizationStatus::Active
                } else {
                    random::not_active(rng)
                };
            }
            13 => {
                it.what = "a workspace closes, or something else happens to it";
                let workspace = &mut world.workspaces[rng.below(2)];
                workspace.closed_at = rng.chance(40).then_some(at(2));
                it.records.push(Record::Workspace(Box::new(workspace.clone())));
            }
            14 => {
                it.what = "a grant is given, or support";
                if rng.chance(60) {
                    if let Some(membership) = somebody(world, rng) {
                        let number = rng.below(3) as u128;
                        random::give(rng, membership, number, names);
                        it.records.push(record(membership));
                    }
                } else {
                    let support = random::random_support(rng, names);
                    world.supports = vec![support.clone()];
                    it.records.push(Record::SupportAccess(Box::new(support)));
                }
            }
            _ => {
                it.what = "many come";
                it.records = crowd(world, rng);
            }
        }
        it
    }
}

/// So many that the table grows; every other one into the workspace as well.
fn crowd(world: &mut World, rng: &mut Rng) -> Vec<Record> {
    let before = world.memberships.len();
    for number in 0..30 {
        let (who, role) = (1_000_000 + before + number, random::random_role_name(rng));
        for scope in [whole(), inside()].into_iter().take(1 + number % 2) {
            let id = 1_000 + world.memberships.len() as u128;
            world.memberships.push(membership(id, scope, user(who), role));
        }
    }
    world.memberships[before..].iter().map(record).collect()
}

fn record(it: &Membership) -> Record {
    Record::Membership(Box::new(it.clone()))
}

/// One of the few who are asked about, with a live membership that is bound to them.
fn somebody<'w>(world: &'w mut World, rng: &mut Rng) -> Option<&'w mut Membership> {
    let number = rng.below(USERS);
    let of = |it: &Membership| it.user == Some(user(number)) && it.is_live();
    let count = world.memberships.iter().filter(|it| of(it)).count();
    let at = rng.below(count.max(1));
    world.memberships.iter_mut().filter(|it| of(it)).nth(at)
}

/// Somebody goes, out of a workspace or everywhere, and may be erased as well.
fn leave(world: &mut World, rng: &mut Rng) -> Vec<Record> {
    let number = rng.below(USERS);
    let (everywhere, erased) = (rng.chance(60), rng.chance(40));
    let mut gone = Vec::new();
    for it in &mut world.memberships {
        let going = everywhere || it.scope == inside();
        if it.user == Some(user(number)) && it.is_live() && going {
            it.status = status(StatusName::Removed);
            if erased {
                it.user = None;
            }
            gone.push(record(it));
        }
    }
    gone
}

/// Somebody comes into the organization, a workspace, or both, under new memberships.
fn come<P: Permission>(world: &mut World, rng: &mut Rng, asked: &Asked<P>) -> Vec<Record> {
    let number = rng.below(USERS);
    let mut come = Vec::new();
    let scopes = if rng.chance(50) { vec![whole()] } else { vec![whole(), inside()] };
    for scope in scopes {
        let live = |it: &Membership| it.user == Some(user(number)) && it.is_live();
        if world.memberships.iter().any(|it| live(it) && it.scope == scope) {
            continue;
        }
        let id = 1_000 + world.memberships.len() as u128;
        let mut new = random::random_membership(rng, id, scope, number, &asked.names);
        new.status = status(StatusName::Active);
        new.user = Some(user(number));
        come.push(record(&new));
        world.memberships.push(new);
    }
    if rng.chance(50) {
        come.reverse();
    }
    come
}
