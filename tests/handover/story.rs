//! What happens in one run: a world, and what befalls it, step by step. It is printed when it fails,
//! and shrinks to what matters.

use std::fmt;

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

use crate::company::NAMES;

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    /// C9, C13, and what becomes of what somebody made.
    pub(crate) rules: [u8; 3],
    /// The inboxes of each person, as bits.
    pub(crate) fences: Vec<u8>,
    pub(crate) items: Vec<Seed>,
    pub(crate) steps: Vec<Step>,
    pub(crate) ending: Ending,
}

/// One line for each step.
impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "rules {:?}, inboxes {:?}", self.rules, self.fences)?;
        for (n, it) in self.items.iter().enumerate() {
            writeln!(f, "  i{n:03} {it:?}")?;
        }
        for it in &self.steps {
            write!(f, "+{} s: {:?}, workers {:?}", it.after, it.act, it.workers)?;
            write!(f, ", turns {:?}, host {:?}", it.turns, it.host)?;
            writeln!(f, ", store {:?}", it.store)?;
        }
        write!(f, "{:?}", self.ending)
    }
}

/// Somebody of the company, or whoever comes next of those whom it can befall.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who(pub(crate) u8);

impl fmt::Debug for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES[usize::from(self.0) % NAMES.len()])
    }
}

/// An item before the story, or one that arrives in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed {
    pub(crate) kind: u8,
    pub(crate) place: u8,
    pub(crate) closed: bool,
    pub(crate) holder: Who,
}

/// Something is done while workers work.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Seconds since the step before.
    pub(crate) after: u16,
    pub(crate) act: Option<Act>,
    pub(crate) workers: Vec<Worker>,
    /// Who has the next turn, round and round.
    pub(crate) turns: Vec<u8>,
    /// What becomes of the next calls of the host's work, and of the store.
    pub(crate) host: Vec<HostFault>,
    pub(crate) store: Vec<StoreFault>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Worker {
    pub(crate) house: u8,
    pub(crate) items: u8,
    pub(crate) batches: u8,
    /// It crashes at this await.
    pub(crate) dies: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostFault {
    Fine,
    /// A question fails.
    Question,
    /// A batch is not done, and it says so.
    Before,
    /// Done, and the answer is lost.
    After,
    /// It reaches the host only when a late call arrives.
    Late,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreFault {
    Fine,
    Failed,
    Conflict,
    UnknownDone,
    UnknownNotDone,
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Goes { who: Who, how: Going, plan: Option<Plan> },
    Role { who: Who, role: u8, plan: Option<Plan> },
    Inboxes { who: Who, inboxes: u8, plan: Option<Plan> },
    Back { who: Who, with_work: bool },
    Pause(u8),
    Resume(u8),
    Cancel(u8),
    Choose(u8, Plan),
    Arrives(Vec<Seed>),
    Touched(u8),
    Taken(u8, Who),
    HeldBack(u8),
    LetGo,
    LateCallsArrive,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Going {
    Deactivated,
    Removed,
    Leaves,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) all: Option<To>,
    pub(crate) kinds: Vec<(u8, To)>,
    pub(crate) open_only: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum To {
    Leave,
    Unassign,
    Somebody(Who),
    Team { team: u8, least_loaded: bool },
    Split { items: Vec<(Who, Vec<u8>)>, rest: Box<To> },
}

/// How it ends, once nothing fails any more.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four choices that have nothing to do with each other"
)]
pub(crate) struct Ending {
    /// The host lets go what it held back.
    pub(crate) lets_go: bool,
    /// Calls under way arrive before the others go on; else after everything.
    pub(crate) late_first: bool,
    /// What is paused goes on.
    pub(crate) resumes: bool,
    /// What is stuck is tried once more.
    pub(crate) retries: bool,
    pub(crate) items: u8,
}

// ── Strategies ──────────────────────────────────────────────────────────────────────────────────

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![1 => Just(0_u8), 9 => 1..7_u8].prop_map(Who)
}

/// Most stories are about two or three people.
fn leaver() -> impl Strategy<Value = Who> {
    prop_oneof![4 => Just(2_u8), 3 => Just(3_u8), 2 => 1..7_u8].prop_map(Who)
}

fn seed() -> impl Strategy<Value = Seed> {
    let kind = prop_oneof![3 => Just(0_u8), 2 => Just(1_u8), 2 => 2..6_u8];
    (kind, 0..4_u8, any::<bool>(), leaver()).prop_map(|(kind, place, closed, holder)| Seed {
        kind,
        place,
        closed,
        holder,
    })
}

fn simple() -> impl Strategy<Value = To> {
    prop_oneof![
        1 => Just(To::Leave),
        2 => Just(To::Unassign),
        5 => leaver().prop_map(To::Somebody),
        2 => who().prop_map(To::Somebody),
        5 => (0..3_u8, any::<bool>())
            .prop_map(|(team, least_loaded)| To::Team { team, least_loaded }),
    ]
}

fn to() -> impl Strategy<Value = To> {
    let split = (vec((who(), vec(0..30_u8, 1..6)), 1..3), simple())
        .prop_map(|(items, rest)| To::Split { items, rest: Box::new(rest) });
    prop_oneof![3 => simple(), 2 => split]
}

fn plan() -> impl Strategy<Value = Plan> {
    let kinds = prop_oneof![2 => Just(Vec::new()).boxed(), 1 => vec((0..6_u8, to()), 1..3).boxed()];
    (weighted(0.85, simple()), kinds, proptest::bool::weighted(0.25))
        .prop_map(|(all, kinds, open_only)| Plan { all, kinds, open_only })
}

fn act() -> impl Strategy<Value = Act> {
    let going = prop_oneof![
        4 => Just(Going::Deactivated),
        1 => Just(Going::Removed),
        1 => Just(Going::Leaves),
    ];
    let maybe = || weighted(0.8, plan());
    prop_oneof![
        9 => (leaver(), going, maybe()).prop_map(|(who, how, plan)| Act::Goes { who, how, plan }),
        2 => (leaver(), 0..4_u8, maybe())
            .prop_map(|(who, role, plan)| Act::Role { who, role, plan }),
        2 => (leaver(), 0..8_u8, maybe())
            .prop_map(|(who, inboxes, plan)| Act::Inboxes { who, inboxes, plan }),
        4 => (leaver(), proptest::bool::weighted(0.7)).prop_map(|(who, with_work)| Act::Back { who, with_work }),
        1 => (0..4_u8).prop_map(Act::Pause),
        2 => (0..4_u8).prop_map(Act::Resume),
        1 => (0..4_u8).prop_map(Act::Cancel),
        3 => (0..4_u8, plan()).prop_map(|(n, plan)| Act::Choose(n, plan)),
        2 => vec(seed(), 1..4).prop_map(Act::Arrives),
        2 => (0..40_u8).prop_map(Act::Touched),
        2 => (0..40_u8, who()).prop_map(|(item, by)| Act::Taken(item, by)),
        2 => (0..40_u8).prop_map(Act::HeldBack),
        1 => Just(Act::LetGo),
        3 => Just(Act::LateCallsArrive),
    ]
}

fn worker() -> impl Strategy<Value = Worker> {
    let dies = prop_oneof![2 => Just(None), 1 => (0..60_u8).prop_map(Some)];
    (0..2_u8, 1..8_u8, 1..5_u8, dies).prop_map(|(house, items, batches, dies)| Worker {
        house,
        items,
        batches,
        dies,
    })
}

fn host_fault() -> impl Strategy<Value = HostFault> {
    prop_oneof![
        6 => Just(HostFault::Fine),
        1 => Just(HostFault::Question),
        1 => Just(HostFault::Before),
        2 => Just(HostFault::After),
        3 => Just(HostFault::Late),
    ]
}

fn store_fault() -> impl Strategy<Value = StoreFault> {
    prop_oneof![
        14 => Just(StoreFault::Fine),
        1 => Just(StoreFault::Failed),
        1 => Just(StoreFault::Conflict),
        1 => Just(StoreFault::UnknownDone),
        1 => Just(StoreFault::UnknownNotDone),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let after = prop_oneof![4 => 1..20_u16, 3 => Just(301_u16), 1 => Just(4_000_u16)];
    let faults = || {
        let host = prop_oneof![1 => Just(Vec::new()).boxed(), 2 => vec(host_fault(), 1..8).boxed()];
        let store =
            prop_oneof![2 => Just(Vec::new()).boxed(), 1 => vec(store_fault(), 1..24).boxed()];
        (host, store)
    };
    let workers = prop_oneof![
        1 => Just(Vec::new()).boxed(),
        3 => vec(worker(), 1..2).boxed(),
        2 => vec(worker(), 2..3).boxed(),
    ];
    (after, weighted(0.8, act()), workers, vec(0..4_u8, 0..24), faults()).prop_map(
        |(after, act, workers, turns, (host, store))| Step {
            after,
            act,
            workers,
            turns,
            host,
            store,
        },
    )
}

/// Stories about calls that are late, and what is decided meanwhile.
fn about_late_calls() -> impl Strategy<Value = Story> {
    let few = || prop_oneof![4 => Just(2_u8), 4 => Just(3_u8), 1 => Just(5_u8)].prop_map(Who);
    let to = move || {
        prop_oneof![
            4 => few().prop_map(To::Somebody),
            1 => Just(To::Team { team: 0, least_loaded: false }),
            1 => Just(To::Unassign),
        ]
    };
    let plan = move || {
        let split = (vec((few(), vec(0..8_u8, 1..4)), 1..2), to())
            .prop_map(|(items, rest)| To::Split { items, rest: Box::new(rest) });
        let kinds = vec((0..6_u8, prop_oneof![2 => to().boxed(), 1 => split.boxed()]), 0..2);
        (weighted(0.9, to()), kinds, Just(false)).prop_map(|(all, kinds, open_only)| Plan {
            all,
            kinds,
            open_only,
        })
    };
    let act = prop_oneof![
        6 => (few(), Just(Going::Deactivated), weighted(0.7, plan()))
            .prop_map(|(who, how, plan)| Act::Goes { who, how, plan }),
        4 => few().prop_map(|who| Act::Back { who, with_work: true }),
        1 => (few(), 0..8_u8, weighted(0.9, plan()))
            .prop_map(|(who, inboxes, plan)| Act::Inboxes { who, inboxes, plan }),
        1 => (few(), 0..4_u8, weighted(0.9, plan()))
            .prop_map(|(who, role, plan)| Act::Role { who, role, plan }),
        2 => (0..2_u8).prop_map(Act::Cancel),
        4 => (0..2_u8, plan()).prop_map(|(n, plan)| Act::Choose(n, plan)),
        1 => (0..2_u8).prop_map(Act::Pause),
        1 => (0..2_u8).prop_map(Act::Resume),
        1 => (0..8_u8).prop_map(Act::Touched),
        4 => Just(Act::LateCallsArrive),
    ];
    let host = vec(
        prop_oneof![
            3 => Just(HostFault::Fine),
            1 => Just(HostFault::Before),
            1 => Just(HostFault::After),
            4 => Just(HostFault::Late),
        ],
        0..3,
    );
    let after = prop_oneof![4 => Just(1_u16), 2 => Just(11_u16), 1 => Just(301_u16)];
    let dies = prop_oneof![3 => Just(None), 1 => (8..40_u8).prop_map(Some)];
    let worker = (0..2_u8, 1..4_u8, 1..4_u8, dies)
        .prop_map(|(house, items, batches, dies)| Worker { house, items, batches, dies });
    let step = (after, weighted(0.8, act), vec(worker, 1..3), vec(0..4_u8, 0..12), host).prop_map(
        |(after, act, workers, turns, host)| Step {
            after,
            act,
            workers,
            turns,
            host,
            store: Vec::new(),
        },
    );
    let seed = (0..6_u8, 0..4_u8, any::<bool>(), Just(Who(2)))
        .prop_map(|(kind, place, closed, holder)| Seed { kind, place, closed, holder });
    let rules = prop_oneof![3 => Just([2, 0, 0]), 1 => Just([2, 1, 1])];
    let fences = prop_oneof![2 => Just(vec![7; 7]), 1 => vec(0..8_u8, 7)];
    (rules, fences, vec(seed, 1..6), vec(step, 4..12), endings()).prop_map(
        |(rules, fences, items, steps, ending)| Story { rules, fences, items, steps, ending },
    )
}

fn endings() -> impl Strategy<Value = Ending> {
    (any::<[bool; 4]>(), 1..8_u8).prop_map(|(it, items)| Ending {
        lets_go: it[0],
        late_first: it[1],
        resumes: it[2],
        retries: it[3] || it[1],
        items,
    })
}

/// Half of them about anything, half about calls that are late.
pub(crate) fn stories() -> impl Strategy<Value = Story> {
    prop_oneof![about_anything(), about_late_calls()]
}

fn about_anything() -> impl Strategy<Value = Story> {
    let work = prop_oneof![5 => Just(2_u8), 1 => 0..2_u8];
    let rules = (work, 0..2_u8, 0..3_u8).prop_map(|(work, authors, made)| [work, authors, made]);
    let fences = vec(prop_oneof![1 => 0..8_u8, 1 => Just(0b111_u8)], 7);
    let items = prop_oneof![3 => vec(seed(), 2..20).boxed(), 1 => vec(seed(), 20..60).boxed()];
    (rules, fences, items, vec(step(), 3..13), endings()).prop_map(
        |(rules, fences, items, steps, ending)| Story { rules, fences, items, steps, ending },
    )
}
