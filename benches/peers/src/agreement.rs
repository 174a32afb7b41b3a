//! Whether all say the same.

use crate::peer::{Entry, Participant};
use crate::random::Random;
use crate::world::{Question, World};

const SMALL_WORLDS: usize = 32;
const QUESTIONS_IN_SMALL: usize = 2_000;
const QUESTIONS_IN_BIG: usize = 48_000;

/// Whoever is slower than that is asked the first of the questions only, unless it is its crate's
/// fastest.
const PATIENCE_NANOS: f64 = 50_000.0;
const FIRST: usize = 200;

#[derive(Clone, Default)]
pub(crate) struct Compared {
    pub(crate) pairs: usize,
    pub(crate) disagreements: usize,
}

pub(crate) struct Agreement {
    pub(crate) compared: Vec<Compared>,
    pub(crate) allowed_percent: f64,
}

pub(crate) fn compare(
    entries: &[&Entry],
    times: &[f64],
    big: &World,
    participants: &mut [Box<dyn Participant>],
    random: &mut Random,
) -> Agreement {
    let patient = |at: usize| {
        let same = (0..entries.len()).filter(|it| entries[*it].name == entries[at].name);
        let fastest = same.map(|it| times[it]).fold(f64::INFINITY, f64::min);
        times[at] <= fastest.max(PATIENCE_NANOS)
    };
    let mut compared = vec![Compared::default(); entries.len()];
    let (mut asked, mut allowed) = (0, 0);
    let mut ask_all = |world: &World, all: &mut [Box<dyn Participant>], questions: &[Question]| {
        let right: Vec<bool> = questions.iter().map(|it| world.allows(it)).collect();
        asked += right.len();
        allowed += right.iter().filter(|it| **it).count();
        let mut answers = Vec::new();
        for (at, participant) in all.iter_mut().enumerate() {
            let many = if patient(at) { questions.len() } else { FIRST };
            participant.ask(&questions[..many], &mut answers);
            let different = answers.iter().zip(&right).filter(|(answer, right)| answer != right);
            compared[at].pairs += answers.len();
            compared[at].disagreements += different.count();
        }
    };
    ask_all(big, participants, &big.questions(random, QUESTIONS_IN_BIG));
    for _ in 0..SMALL_WORLDS {
        let (members, teams) = (20 + random.below(80), 2 + random.below(15));
        let world = World::random(random, members, teams);
        let mut participants: Vec<_> = entries.iter().map(|it| (it.set_up)(&world)).collect();
        ask_all(&world, &mut participants, &world.questions(random, QUESTIONS_IN_SMALL));
    }
    Agreement { compared, allowed_percent: allowed as f64 * 100.0 / asked as f64 }
}
