//! Asks `tenure` and other crates the same permission questions in one process: how long an answer
//! takes, and whether all say the same.
//!
//! `cargo run --release` prints `figure: NAME VALUE` lines at the end; with `-- tenure cedar` only
//! these take part. Whoever can be configured in
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
mod hand;
mod ours;
mod peer;
mod random;
mod regorus;
mod timing;
mod world;

use peer::{Entry, Part};
use random::Random;
use world::World;

/// Everybody allocates; whoever allocates most gains most from a fast allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MEMBERS: usize = 100_000;
const TEAMS: usize = 200;

const ENTRIES: &[Entry] = &[
    Entry::of::<ours::Kept>(),
    Entry::of::<ours::Taken>(),
    Entry::of::<hand::Finished>(),
    Entry::of::<gatehouse::EachReason>(),
    Entry::of::<gatehouse::VetoAndGrant>(),
    Entry::of::<gatehouse::CustomVetoAndGrant>(),
    Entry::of::<gatehouse::OnePolicy>(),
    Entry::of::<regorus::WholeInData>(),
    Entry::of::<regorus::WholeInInput>(),
    Entry::of::<regorus::Interpreted>(),
    Entry::of::<regorus::UnitedInData>(),
    Entry::of::<regorus::UnitedInInput>(),
    Entry::of::<cedar::PolicyPerGroup>(),
    Entry::of::<cedar::Hierarchy>(),
    Entry::of::<cedar::OneHierarchy>(),
    Entry::of::<cedar::Attributes>(),
    Entry::of::<cedar::United>(),
    Entry::of::<cedar::OnePolicy>(),
    Entry::of::<casbin::RbacWithDeny>(),
    Entry::of::<casbin::RoleGraph>(),
    #[cfg(feature = "cached")]
    Entry::of::<casbin::CachedRoleGraph>(),
    Entry::of::<casbin::Attributes>(),
    Entry::of::<casbin::United>(),
];

const OURS: &str = "tenure";
const THEIRS: [&str; 4] = ["gatehouse", "regorus", "cedar", "casbin"];

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let takes_part = |it: &&Entry| asked.is_empty() || asked.iter().any(|name| name == it.name);
    let entries: Vec<&Entry> = ENTRIES.iter().filter(takes_part).collect();
    let random = &mut Random(7);
    let world = World::random(random, MEMBERS, TEAMS);
    println!("world: {MEMBERS} members, {} roles, {TEAMS} teams", world.roles.len());
    let mut participants: Vec<_> = entries.iter().map(|it| (it.set_up)(&world)).collect();

    let times = timing::by_id(&world, &mut participants, random);
    println!("\nns per question by id, and which part of the rule is decided");
    for (entry, nanos) in entries.iter().zip(&times) {
        let part = match entry.part {
            Part::Whole => "whole",
            Part::Rest => "rest",
        };
        println!("{nanos:>10.1}  {part:<5}  {}: {}", entry.name, entry.configuration);
    }

    let agreement = agreement::compare(&entries, &times, &world, &mut participants, random);
    println!("\nanswers compared with the rule; {:.1} % are allowed", agreement.allowed_percent);
    for (entry, compared) in entries.iter().zip(&agreement.compared) {
        let (pairs, different) = (compared.pairs, compared.disagreements);
        println!(
            "{pairs:>10} pairs, {different} different: {}: {}",
            entry.name, entry.configuration
        );
    }

    println!();
    let fastest = |name: &str, part: Option<Part>| {
        let counts = |it: &Entry| it.name == name && part.is_none_or(|part| it.part == part);
        let counted = (0..entries.len()).filter(|it| counts(entries[*it]));
        counted.min_by(|a, b| times[*a].total_cmp(&times[*b]))
    };
    let ours = fastest(OURS, None);
    if let Some(ours) = ours {
        println!("figure: nanos/{OURS} {:.1} ns", times[ours]);
    }
    let mut pairs = usize::MAX;
    for name in THEIRS {
        for (kind, part) in [("", Some(Part::Whole)), ("_of_rest", Some(Part::Rest))] {
            let Some(theirs) = fastest(name, part) else { continue };
            pairs = pairs.min(agreement.compared[theirs].pairs);
            println!("figure: nanos{kind}/{name} {:.1} ns", times[theirs]);
            if let Some(ours) = ours {
                println!("figure: speedup{kind}/{name} {:.1} x", times[theirs] / times[ours]);
            }
        }
    }
    let disagreements: usize = agreement.compared.iter().map(|it| it.disagreements).sum();
    println!("figure: pairs {pairs}");
    println!("figure: disagreements {disagreements}");
    assert_eq!(disagreements, 0, "somebody answers otherwise than the rule says");
}
