//! Readers ask while a writer changes everything: whoever was shut out before a moment that a reader
//! knows of is let in by no answer that the reader gets after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tenure::access::live::{Applied, Guard, Update, View, Wants};
use tenure::domain::{OrganizationStatus, Record, Revision, RolePermissions, StatusName};
use tenure::testing::cast::Desk;
use tenure::{Reach, Role, Scope};

use crate::world::{World, at, inside, status, user, whole};
use crate::worlds::desk;

/// Bob is the one who goes and returns; Vera is never touched.
const BOB: usize = 0;
const VERA: usize = 1;
const ROUNDS: u64 = 400;

fn roles() -> Vec<Role> {
    let agent = Role::new("agent", 10).unwrap().with(Desk::ViewTickets, Reach::ALL);
    let viewer = Role::new("viewer", 5).unwrap().with(Desk::ViewAnalytics, Reach::ALL);
    vec![agent, viewer.everywhere()]
}

/// What is said between the threads: odd while Bob may view tickets or that is changing, even
/// while he certainly may not.
struct Told {
    epoch: AtomicU64,
    done: AtomicBool,
    refused: AtomicUsize,
    let_in: AtomicUsize,
}

/// Ways to shut Bob out, and what lets him in again.
fn shut(world: &mut World, scope: Scope, way: u64, out: bool) -> Vec<Record> {
    match way {
        0 => {
            let name = if out { StatusName::Deactivated } else { StatusName::Active };
            let it = world.of(BOB, scope);
            it.status = status(name);
            vec![Record::Membership(Box::new(it.clone()))]
        }
        1 => {
            let it = &mut world.roles[0];
            *it = if out {
                Role { permissions: RolePermissions::Only([].into()), ..it.clone() }
            } else {
                it.clone().with(Desk::ViewTickets, Reach::ALL)
            };
            Vec::new()
        }
        2 => {
            world.organization.status = if out {
                OrganizationStatus::Suspended { since: at(0) }
            } else {
                OrganizationStatus::Active
            };
            Vec::new()
        }
        3 => {
            let it = world.of(BOB, scope);
            let denied = tenure::domain::Override::Deny;
            it.overrides = out.then(|| (Desk::ViewTickets.into(), denied)).into_iter().collect();
            vec![Record::Membership(Box::new(it.clone()))]
        }
        _ => {
            // Out of the organization: what stands in the workspace no longer counts.
            let name = if out { StatusName::Deactivated } else { StatusName::Active };
            let it = world.of(BOB, whole());
            it.status = status(name);
            vec![Record::Membership(Box::new(it.clone()))]
        }
    }
}

fn tell(view: &View, world: &mut World, records: Vec<Record>) {
    let position = &mut world.organization.head.position;
    *position = Revision::new(position.get() + 1);
    let mut all = world.head();
    all.extend(records);
    assert_eq!(view.apply(&Update::of_records(&all), |_| Wants::Everything), Applied::Shown);
}

fn read(guard: &Guard, told: &Told, fresh: bool) {
    let member = guard.member(user(BOB));
    let mut seen = (0, 0);
    while !told.done.load(Ordering::Acquire) {
        let taken = if fresh { guard.view().guard() } else { guard.clone() };
        let before = told.epoch.load(Ordering::Acquire);
        let by_member = guard.can(member, Desk::ViewTickets, || at(5));
        let by_user = taken.can_user(user(BOB), Desk::ViewTickets, || at(5));
        let checked = taken.check(user(BOB), Desk::ViewTickets, at(5)).is_allowed();
        let visible = !taken.visible(user(BOB), Desk::ViewTickets, at(5)).is_nothing();
        let listed = taken.who_may(Desk::ViewTickets, at(5)).iter().any(|it| it.user == user(BOB));
        // Only if nothing was published meanwhile is it certain what had to be answered.
        let after = told.epoch.load(Ordering::Acquire);
        if before == after && before.is_multiple_of(2) {
            let any = by_member || by_user || checked || visible || listed;
            assert!(!any, "let in at {before}: {by_member} {by_user} {checked} {visible} {listed}");
            seen.0 += 1;
        } else if before == after && before % 4 == 1 {
            let all = by_member && by_user && checked && visible && listed;
            assert!(all, "refused at {before}: {by_member} {by_user} {checked} {visible} {listed}");
            seen.1 += 1;
        }
    }
    told.refused.fetch_add(seen.0, Ordering::Relaxed);
    told.let_in.fetch_add(seen.1, Ordering::Relaxed);
}

fn race(scope: Scope) {
    let mut world = World::new(roles()).with(BOB, whole(), "agent").with(VERA, whole(), "viewer");
    if scope == inside() {
        world = world.with(BOB, inside(), "agent");
    }
    let view = world.view(scope, &desk().catalogue);
    let told = Told {
        epoch: AtomicU64::new(1),
        done: AtomicBool::new(false),
        refused: AtomicUsize::new(0),
        let_in: AtomicUsize::new(0),
    };
    let first = view.guard();
    std::thread::scope(|threads| {
        for fresh in [false, true] {
            let (guard, told) = (first.clone(), &told);
            threads.spawn(move || read(&guard, told, fresh));
        }
        threads.spawn(|| vera(&view, &told));
        write(&view, &mut world, scope, &told);
        told.done.store(true, Ordering::Release);
    });
    let (refused, let_in) = (told.refused.into_inner(), told.let_in.into_inner());
    println!("{ROUNDS} rounds, certainly out {refused} times, certainly in {let_in} times");
    assert!(refused > 10 && let_in > 10, "the readers hardly came to ask");
}

/// Epochs go 1 (in), 3 (changing), 4 (out), 7 (changing), 9 = 1 modulo 4 (in again), …
fn write(view: &View, world: &mut World, scope: Scope, told: &Told) {
    let mut epoch = 1;
    for round in 0..ROUNDS {
        let way = round % if scope == whole() { 4 } else { 5 };
        // Growth, now and then, in either state.
        let newcomers = |world: &mut World| {
            let from = world.memberships.len();
            for number in 0..if round % 50 == 7 { 40 } else { 0 } {
                let grown = std::mem::replace(world, World::new(Vec::new()));
                *world = grown.with(10_000 + from + number, whole(), "viewer");
            }
            let new = world.memberships[from..].iter();
            new.map(|it| Record::Membership(Box::new(it.clone()))).collect::<Vec<_>>()
        };
        told.epoch.store(epoch + 2, Ordering::Release);
        let mut records = shut(world, scope, way, true);
        records.extend(newcomers(world));
        tell(view, world, records);
        told.epoch.store(epoch + 3, Ordering::Release);
        std::thread::yield_now();
        // While he is out, others come: what was moved meanwhile keeps him out.
        let more = newcomers(world);
        tell(view, world, more);
        for _ in 0..2 {
            std::thread::yield_now();
        }
        told.epoch.store(epoch + 6, Ordering::Release);
        let records = shut(world, scope, way, false);
        tell(view, world, records);
        epoch += 8;
        told.epoch.store(epoch, Ordering::Release);
        for _ in 0..2 {
            std::thread::yield_now();
        }
    }
}

/// Nobody ever changes Vera or her role: while the organization works she is let in, whatever
/// happens to others, and never by a right that she does not have.
fn vera(view: &Arc<View>, told: &Told) {
    let guard = view.guard();
    let member = guard.member(user(VERA));
    while !told.done.load(Ordering::Acquire) {
        assert!(!guard.can(member, Desk::DeleteTickets, || at(5)));
        let decision = guard.check(user(VERA), Desk::ViewAnalytics, at(5));
        let suspended = matches!(
            decision.because[..],
            [tenure::Because::OrganizationNotActive(OrganizationStatus::Suspended { .. })]
        );
        assert!(decision.is_allowed() || suspended, "{decision:?}");
    }
}

#[test]
fn nobody_is_let_in_who_was_shut_out_of_the_organization() {
    race(whole());
}

#[test]
fn nobody_is_let_in_who_was_shut_out_of_a_workspace() {
    race(inside());
}

/// Somebody asks who may, while the table grows: those who may all the time are always listed.
#[test]
fn whoever_may_all_the_time_is_listed_all_the_time() {
    let mut world = World::new(roles()).with(VERA, whole(), "viewer");
    let view = world.view(whole(), &desk().catalogue);
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                let guard = view.guard();
                while !done.load(Ordering::Acquire) {
                    let listed = guard.who_may(Desk::ViewAnalytics, at(5));
                    assert!(listed.iter().any(|it| it.user == user(VERA)), "{}", listed.len());
                }
            });
        }
        for number in 0..1_000 {
            let at = world.memberships.len();
            world = world.with(20_000 + number, whole(), "agent");
            let new = Record::Membership(Box::new(world.memberships[at].clone()));
            tell(&view, &mut world, vec![new]);
        }
        done.store(true, Ordering::Release);
    });
}

/// Bob is an agent while agents export nothing, and a viewer while they do: one update changes both,
/// and in no state does he export.
#[test]
fn nobody_is_let_in_by_a_role_they_leave_in_the_same_update() {
    let mut world = World::new(roles()).with(BOB, whole(), "agent");
    for number in 1..2_000 {
        world = world.with(number, whole(), "agent");
    }
    let view = world.view(whole(), &desk().catalogue);
    let (done, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let guard = view.guard();
            let member = guard.member(user(BOB));
            while !done.load(Ordering::Acquire) {
                assert!(!guard.can(member, Desk::ExportData, || at(5)));
                assert!(!guard.can_user(user(BOB), Desk::ExportData, || at(5)));
                let decision = guard.check(user(BOB), Desk::ExportData, at(5));
                assert!(!decision.is_allowed(), "{decision:?}");
                asked.fetch_add(1, Ordering::Relaxed);
            }
        });
        for round in 0..2 * ROUNDS {
            let exports = round % 2 == 0;
            let [agent, _] = &mut world.roles[..] else { panic!("there are two roles") };
            *agent = Role { permissions: roles()[0].permissions.clone(), ..agent.clone() };
            if exports {
                *agent = agent.clone().with(Desk::ExportData, Reach::ALL);
            }
            let bob = world.of(BOB, whole());
            bob.role = if exports { "viewer" } else { "agent" }.parse().unwrap();
            let record = Record::Membership(Box::new(bob.clone()));
            tell(&view, &mut world, vec![record]);
        }
        done.store(true, Ordering::Release);
    });
    assert!(asked.into_inner() > 1_000, "the reader hardly came to ask");
}
