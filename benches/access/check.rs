//! A check by identity and by handle, each beside its floor.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use tenure::Permission;
use tenure::access::live::{Guard, Member, View};
use tenure::domain::UserId;
use tenure::testing::world::{Random, World};

use crate::rounds::{Figures, median};
use crate::{Desk, NOW, SEED};

const ROUNDS: usize = 17;
/// Checks in a round, for each of the two.
const CHECKS: usize = 1 << 21;
/// Checks until it is the other's turn: few enough that most turns are not interrupted.
const TURN: usize = 1 << 16;

type Map = HashMap<u128, u64, RandomState>;

/// A question by identity: ours and hashbrown read the same list.
struct ById {
    user: UserId,
    permission: Desk,
}

/// A question by handle or index: ours and the array read the same list.
struct ByHandle {
    member: Member,
    index: u32,
    permission: Desk,
}

pub(crate) fn compare(world: &World<Desk>, view: &Arc<View>, figures: &mut Figures) {
    let members = world.shape.members;
    let guard = view.guard();
    let users: Vec<UserId> = (0..members).map(|number| world.user(number)).collect();
    let array: Vec<u64> = (0..members).map(|it| world.allows(&world.person(it))).collect();
    // Little by little, as ours is filled; with room from the start.
    let mut map = Map::with_capacity_and_hasher(members, RandomState::default());
    map.extend(users.iter().zip(&array).map(|(user, mask)| (key(*user), *mask)));

    // Long enough that nobody can learn it by heart.
    let many = (2 * members).next_power_of_two().clamp(1 << 16, CHECKS);
    let random = &mut Random::new(SEED + 1);
    let (mut by_id, mut by_handle) = (Vec::with_capacity(many), Vec::with_capacity(many));
    for _ in 0..many {
        let index = random.below(members);
        let permission = Desk::ALL[random.below(Desk::ALL.len())];
        by_id.push(ById { user: users[index], permission });
        let member = guard.member(users[index]);
        by_handle.push(ByHandle { member, index: index as u32, permission });
    }
    drop(users);

    let allowed = ours_by_id(&guard, &by_id);
    let share = allowed as f64 / many as f64;
    assert!((0.4..0.6).contains(&share), "about half of the questions are allowed, not {share}");

    let floor = "hashbrown";
    let times = turns(&by_id, |list| ours_by_id(&guard, list), |list| hashbrown(&map, list));
    times.print("check_by_id", floor, members, figures);
    let times = turns(&by_handle, |list| ours_by_handle(&guard, list), |list| plain(&array, list));
    times.print("check_by_handle", "array", members, figures);

    let allocated = allocation_counter::measure(|| {
        black_box(ours_by_id(&guard, &by_id) + ours_by_handle(&guard, &by_handle));
    });
    let each = allocated.count_total as f64 / (2 * many) as f64;
    figures.add(&format!("allocations_per_check/{members}"), each, "allocations");
    assert_eq!(allocated.count_total, 0, "a check allocates");
}

fn key(user: UserId) -> u128 {
    u128::from_ne_bytes(*user.uuid().as_bytes())
}

#[inline(never)]
fn ours_by_id(guard: &Guard, list: &[ById]) -> u64 {
    list.iter().map(|it| u64::from(guard.can_user(it.user, it.permission, || NOW))).sum()
}

#[inline(never)]
fn hashbrown(map: &Map, list: &[ById]) -> u64 {
    let bit = |it: &ById| {
        let mask = map.get(&key(it.user)).copied().unwrap_or_default();
        mask >> it.permission.index() & 1
    };
    list.iter().map(bit).sum()
}

#[inline(never)]
fn ours_by_handle(guard: &Guard, list: &[ByHandle]) -> u64 {
    list.iter().map(|it| u64::from(guard.can(it.member, it.permission, || NOW))).sum()
}

#[inline(never)]
fn plain(array: &[u64], list: &[ByHandle]) -> u64 {
    let bit = |it: &ByHandle| array[it.index as usize] >> it.permission.index() & 1;
    list.iter().map(bit).sum()
}

struct Times {
    ours: Vec<f64>,
    floor: Vec<f64>,
}

impl Times {
    fn print(&self, name: &str, floor: &str, members: usize, figures: &mut Figures) {
        let ratios: Vec<f64> = self.ours.iter().zip(&self.floor).map(|(it, by)| it / by).collect();
        figures.add(&format!("{name}_ns/{members}"), median(&self.ours), "ns");
        figures.add(&format!("{floor}_ns/{members}"), median(&self.floor), "ns");
        figures.add(&format!("{name}_ratio/{members}"), median(&ratios), "x");
    }
}

/// In every other turn the other goes first; a list is gone through again and again.
fn turns<Q>(list: &[Q], ours: impl Fn(&[Q]) -> u64, floor: impl Fn(&[Q]) -> u64) -> Times {
    let time = |ask: &dyn Fn(&[Q]) -> u64, part: &[Q]| {
        let started = Instant::now();
        let allowed = ask(black_box(part));
        (started.elapsed().as_secs_f64() * 1e9 / part.len() as f64, allowed)
    };
    let mut times = Times { ours: Vec::new(), floor: Vec::new() };
    let parts = list.chunks_exact(TURN).cycle();
    // The first round warms up.
    for (turn, part) in parts.take((1 + ROUNDS) * CHECKS / TURN).enumerate() {
        let (ours, floor) = if turn % 2 == 0 {
            let ours = time(&ours, part);
            (ours, time(&floor, part))
        } else {
            let floor = time(&floor, part);
            (time(&ours, part), floor)
        };
        assert_eq!(ours.1, floor.1, "ours and the floor allow equally many");
        if turn >= CHECKS / TURN {
            times.ours.push(ours.0);
            times.floor.push(floor.0);
        }
    }
    times
}
