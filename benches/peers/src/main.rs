//! Asks `tenure` and other crates the same permission questions in one process: how long an answer
//! takes, and whether all say the same.
//!
//! `cargo run --release` prints `figure: NAME VALUE` lines at the end. Whoever can be configured in
//! more than one way takes part in each, and its fastest counts.
//!
//! * **Timing** is by id: a random user of 100,000 by the 16 bytes of the id, and a random one of
//!   48 permissions. Each round makes new questions; in it everybody takes a turn, and whoever
//!   needs long for an answer is asked only as many of them as fit into a turn. A time is the
//!   median of the rounds; a `speedup` is the peer's time over ours.
//! * **Agreement** is with a rule that is right by its looks ([`world::World::allows`]), in many
//!   small worlds and in the big one.

mod agreement;
mod casbin;
mod cedar;
mod gatehouse;
mod peer;
mod random;
mod regorus;
mod tenure;
mod timing;
mod world;

use peer::Entry;
use random::Random;
use world::World;

/// Everybody allocates; whoever allocates most gains most from a fast allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MEMBERS: usize = 100_000;
const TEAMS: usize = 200;

const ENTRIES: &[Entry] = &[
    Entry::of::<gatehouse::EachReason>(),
    Entry::of::<gatehouse::VetoAndGrant>(),
    Entry::of::<gatehouse::CustomVetoAndGrant>(),
    Entry::of::<gatehouse::OnePolicy>(),
    Entry::of::<regorus::ByReference>(),
    Entry::of::<regorus::United>(),
    Entry::of::<regorus::MemberInInput>(),
    Entry::of::<regorus::EntryPoints>(),
    Entry::of::<regorus::Interpreted>(),
    Entry::of::<cedar::PolicyPerGroup>(),
    Entry::of::<cedar::Hierarchy>(),
    Entry::of::<cedar::Attributes>(),
    Entry::of::<cedar::United>(),
    Entry::of::<cedar::OnePolicy>(),
    Entry::of::<casbin::RbacWithDeny>(),
    Entry::of::<casbin::RoleGraph>(),
    #[cfg(feature = "cached")]
    Entry::of::<casbin::CachedRoleGraph>(),
    Entry::of::<casbin::Attributes>(),
];

const CRATES: [&str; 5] = ["tenure", "gatehouse", "regorus", "cedar", "casbin"];

fn main() {
    let random = &mut Random(7);
    let world = World::random(random, MEMBERS, TEAMS);
    println!("world: {MEMBERS} members, {} roles, {TEAMS} teams", world.roles.len());
    let mut participants: Vec<_> = ENTRIES
        .iter()
        .map(|entry| {
            let started = std::time::Instant::now();
            let participant = (entry.set_up)(&world);
            println!(
                "set up in {:>7.1?}: {}, {}",
                started.elapsed(),
                entry.name,
                entry.configuration
            );
            participant
        })
        .collect();

    let times = timing::by_id(&world, &mut participants, random);
    println!("\nns per question, {MEMBERS} members, by id");
    for (entry, nanos) in ENTRIES.iter().zip(&times) {
        println!("{nanos:>12.1}  {:<10} {}", entry.name, entry.configuration);
    }

    let agreement = agreement::compare(ENTRIES, &times, &world, &mut participants, random);
    println!(
        "\nanswers compared with the rule, {:.1} % of them allowed",
        agreement.allowed_percent
    );
    for (entry, compared) in ENTRIES.iter().zip(&agreement.compared) {
        let (pairs, different) = (compared.pairs, compared.disagreements);
        println!(
            "{pairs:>9} pairs, {different} disagreements  {:<10} {}",
            entry.name, entry.configuration
        );
        println!("{:>35} expresses {}", "", entry.expresses);
    }

    println!();
    let best = CRATES.map(|name| {
        let of_crate = (0..ENTRIES.len()).filter(|it| ENTRIES[*it].name == name);
        of_crate.min_by(|a, b| times[*a].total_cmp(&times[*b]))
    });
    for (name, best) in CRATES.iter().zip(best) {
        if let Some(best) = best {
            println!("figure: nanos/{name} {:.1} ns", times[best]);
        }
    }
    if let [Some(ours), theirs @ ..] = &best {
        for theirs in theirs.iter().flatten() {
            let speedup = times[*theirs] / times[*ours];
            println!("figure: speedup/{} {speedup:.1} x", ENTRIES[*theirs].name);
        }
    }
    let best = best.iter().flatten().map(|it| &agreement.compared[*it]);
    let pairs = best.map(|it| it.pairs).min().unwrap_or_default();
    let disagreements: usize = agreement.compared.iter().map(|it| it.disagreements).sum();
    println!("figure: pairs {pairs}");
    println!("figure: disagreements {disagreements}");
    assert_eq!(disagreements, 0, "somebody answers otherwise than the rule says");
}
