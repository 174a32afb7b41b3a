//! What a change costs, when it is seen, and what readers lose by it.

use std::collections::HashMap;
use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tenure::Permission;
use tenure::access::live::{Applied, Guard, Update, View, Wants};
use tenure::domain::{Record, RoleName, UserId};
use tenure::testing::world::{Person, Random, Shape, World};

use crate::rounds::{Figures, median, percentile};
use crate::{Desk, NOW, SEED, micros};

/// What becomes of people one after the other: each change builds on the ones before.
struct Story<'w> {
    world: &'w World<Desk>,
    random: Random,
    people: HashMap<usize, Person>,
}

struct Step {
    number: usize,
    before: Person,
    after: Person,
    record: [Record; 1],
}

impl<'w> Story<'w> {
    fn new(world: &'w World<Desk>) -> Self {
        Self { world, random: Random::new(SEED + 2), people: HashMap::new() }
    }

    /// A change of role, team, override or status of anybody.
    fn step(&mut self) -> Step {
        let number = self.random.below(self.world.shape.members);
        let before = self.people.remove(&number).unwrap_or_else(|| self.world.person(number));
        let after = self.world.changed(&before, &mut self.random);
        self.people.insert(number, after.clone());
        let membership = Box::new(self.world.membership_of(number, &after));
        Step { number, before, after, record: [Record::Membership(membership)] }
    }

    /// Everybody who was changed may do what the world says.
    fn verify(&self, guard: &Guard) {
        for (number, person) in &self.people {
            let found = allowed(guard, self.world.user(*number));
            assert_eq!(found, self.world.allows(person), "{person:?}");
        }
    }
}

fn allowed(guard: &Guard, user: UserId) -> u64 {
    let held = Desk::ALL.iter().filter(|it| guard.can_user(user, **it, || NOW));
    held.fold(0, |set, it| set | 1 << it.index())
}

fn show(view: &View, record: &[Record; 1]) {
    assert_eq!(
        view.apply(black_box(&Update::of_records(record)), |_| Wants::Everything),
        Applied::Shown
    );
}

/// Changes of one person each, applied, and seen by another thread.
pub(crate) fn apply(world: &World<Desk>, view: Arc<View>, figures: &mut Figures) {
    const CHANGES: usize = 20_000;
    let members = world.shape.members;
    let mut story = Story::new(world);
    let steps: Vec<Step> = (0..CHANGES).map(|_| story.step()).collect();
    let mut times = Vec::with_capacity(CHANGES);
    let mut heap = 0;
    for step in &steps {
        // What has just been decided is at hand.
        let record = step.record.clone();
        let started = Instant::now();
        show(&view, &record);
        times.push(micros(started.elapsed()));
    }
    for step in steps.iter().take(1_000) {
        heap += allocation_counter::measure(|| show(&view, &step.record)).count_total;
    }
    figures.add(&format!("apply_us/{members}"), median(&times), "µs");
    figures.add(&format!("apply_p99_us/{members}"), percentile(&times, 99), "µs");
    figures.add(&format!("apply_allocations/{members}"), heap as f64 / 1_000.0, "allocations");
    // The first thousand were shown again: bring everybody up to date.
    for (number, person) in &story.people {
        let membership = Box::new(world.membership_of(*number, person));
        show(&view, &[Record::Membership(membership)]);
    }
    story.verify(&view.guard());
    let times = seen(&mut story, &view);
    figures.add(&format!("seen_us/{members}"), median(&times), "µs");
    figures.add(&format!("seen_p99_us/{members}"), percentile(&times, 99), "µs");
    story.verify(&view.guard());
    drop(view);
}

/// From just before a change is applied until another thread, which asks again and again, is given
/// the other answer.
fn seen(story: &mut Story<'_>, view: &Arc<View>) -> Vec<f64> {
    const CHANGES: usize = 5_000;
    let steps: Vec<Step> = (0..CHANGES).map(|_| story.step()).collect();
    let world = story.world;
    let begun = Instant::now();
    let nanos = || u64::try_from(begun.elapsed().as_nanos()).unwrap();
    // Which step the reader waits for, and when it saw it.
    let (ready, seen_at) = (AtomicU64::new(0), AtomicU64::new(0));
    let mut times = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let guard = view.guard();
            for (number, step) in (1..).zip(&steps) {
                let changes = world.allows(&step.before) ^ world.allows(&step.after);
                let member = guard.member(world.user(step.number));
                ready.store(number, Ordering::Release);
                if changes != 0 {
                    let permission = Desk::ALL[changes.trailing_zeros() as usize];
                    let was = guard.can(member, permission, || NOW);
                    while guard.can(member, permission, || NOW) == was {}
                }
                seen_at.store(nanos().max(1), Ordering::Release);
                while seen_at.load(Ordering::Acquire) != 0 {
                    spin_loop();
                }
            }
        });
        for (number, step) in (1..).zip(&steps) {
            while ready.load(Ordering::Acquire) != number {
                spin_loop();
            }
            // What has just been decided is at hand; and until it has asked for the first time.
            let record = step.record.clone();
            let waited = Instant::now();
            while waited.elapsed() < Duration::from_micros(5) {
                spin_loop();
            }
            let applied_at = nanos();
            show(view, &record);
            let seen = loop {
                match seen_at.load(Ordering::Acquire) {
                    0 => spin_loop(),
                    at => break at,
                }
            };
            if world.allows(&step.before) != world.allows(&step.after) {
                times.push(seen.saturating_sub(applied_at) as f64 / 1e3);
            }
            seen_at.store(0, Ordering::Release);
        }
    });
    times
}

/// A role is edited that everybody holds.
pub(crate) fn role(figures: &mut Figures) {
    let shape = Shape { roles: 2, keepers: 0, ..Shape::of(100_000) };
    let world = World::<Desk>::new(SEED, shape);
    let view = world.view();
    let random = &mut Random::new(SEED + 3);
    let guard = view.guard();
    let times: Vec<f64> = (0..25)
        .map(|_| {
            let role = world.edited(1, random);
            let record = [Record::Role(world.organization.id, Box::new(role))];
            let started = Instant::now();
            show(&view, &record);
            micros(started.elapsed()) / 1e3
        })
        .collect();
    let back = [Record::Role(world.organization.id, Box::new(world.roles[1].clone()))];
    show(&view, &back);
    for number in 0..shape.members {
        let person = world.person(number);
        assert_eq!(allowed(&guard, world.user(number)), world.allows(&person), "{person:?}");
    }
    let holders = (0..shape.members).filter(|it| world.person(*it).role == 1).count();
    let name: &RoleName = &world.roles[1].name;
    println!("{name} is held by {holders} of {} people", shape.members);
    figures.add("role_edit_ms/100000", median(&times), "ms");
}

/// Checks by identity on all cores but one, while a writer makes 1,000 changes a second and while it
/// makes none.
pub(crate) fn readers(world: &World<Desk>, view: &Arc<View>, figures: &mut Figures) {
    const ROUNDS: usize = 21;
    const LASTING: Duration = Duration::from_millis(150);
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let readers = cores.saturating_sub(1).max(1);
    let mut story = Story::new(world);
    let random = &mut Random::new(SEED + 4);
    let mut question = || {
        let user = world.user(random.below(world.shape.members));
        (user, Desk::ALL[random.below(Desk::ALL.len())])
    };
    let questions: Vec<_> = (0..1 << 18).map(|_| question()).collect();
    let steps: Vec<Step> = (0..4_000).map(|_| story.step()).collect();
    let mut next = steps.iter().cycle();
    let mut round = |writes: bool| {
        let over = AtomicBool::new(false);
        let checks = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for reader in 0..readers {
                let (questions, over, checks) = (&questions, &over, &checks);
                scope.spawn(move || {
                    let guard = view.guard();
                    let (mut count, mut allowed) = (0, 0_u64);
                    let chunks = questions.chunks(1_024).cycle().skip(reader * 7);
                    let begun = Instant::now();
                    for chunk in chunks {
                        for (user, permission) in chunk {
                            allowed += u64::from(guard.can_user(*user, *permission, || NOW));
                        }
                        count += chunk.len() as u64;
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                    black_box(allowed);
                    let each = count as f64 / begun.elapsed().as_secs_f64();
                    checks.fetch_add(each as u64, Ordering::Relaxed);
                });
            }
            let begun = Instant::now();
            let mut made = 0;
            while begun.elapsed() < LASTING {
                std::thread::sleep(Duration::from_micros(200));
                while writes && made < begun.elapsed().as_millis() {
                    show(view, &next.next().unwrap().record);
                    made += 1;
                }
            }
            over.store(true, Ordering::Relaxed);
        });
        checks.into_inner() as f64
    };
    round(true);
    let ratios: Vec<f64> = (0..ROUNDS)
        .map(|number| {
            if number % 2 == 0 {
                let with = round(true);
                with / round(false)
            } else {
                let without = round(false);
                round(true) / without
            }
        })
        .collect();
    println!("{readers} readers beside one writer");
    figures.add("readers_lose_percent", (1.0 - median(&ratios)) * 100.0, "%");
    // As they were.
    for number in story.people.keys() {
        show(view, &[Record::Membership(Box::new(world.membership(*number)))]);
    }
}
