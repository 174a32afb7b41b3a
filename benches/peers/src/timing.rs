//! How long an answer takes.

use std::time::Duration;

use crate::peer::Participant;
use crate::random::Random;
use crate::world::World;

const ROUNDS: usize = 15;

/// A turn ends after so many questions...
const QUESTIONS: usize = 400_000;

/// ... or after about so long.
const TURN: Duration = Duration::from_millis(60);

/// Nanoseconds for a question, of each participant.
pub(crate) fn by_id(
    world: &World,
    participants: &mut [Box<dyn Participant>],
    random: &mut Random,
) -> Vec<f64> {
    let mut answers = Vec::new();
    // Warms everybody up, and shows how many questions fit into a turn.
    let warm_up = world.questions(random, QUESTIONS);
    let sizes: Vec<usize> = participants
        .iter_mut()
        .map(|participant| {
            let mut size = 100;
            loop {
                let took = participant.ask(&warm_up[..size], &mut answers);
                if size == QUESTIONS || took * 2 > TURN {
                    return size;
                }
                size = (size * 2).min(QUESTIONS);
            }
        })
        .collect();
    let mut times = vec![Vec::new(); participants.len()];
    for round in 0..ROUNDS {
        let questions = world.questions(random, QUESTIONS);
        // Nobody always comes after the same other one.
        for turn in 0..participants.len() {
            let at = if round % 2 == 0 { turn } else { participants.len() - 1 - turn };
            let took = participants[at].ask(&questions[..sizes[at]], &mut answers);
            times[at].push(took.as_secs_f64() * 1e9 / sizes[at] as f64);
        }
    }
    times.into_iter().map(median).collect()
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}
