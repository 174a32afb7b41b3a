//! Stories that once went wrong, each as short as it was found.

use crate::story::{Act, Ending, Going, HostFault, Plan, Seed, Step, Story, To, Who, Worker};
use crate::{in_memory, run};

const BOB: Who = Who(2);
const CEM: Who = Who(3);
const EMIL: Who = Who(5);
const TICKETS: u8 = 0;
const CONTACTS: u8 = 1;
const NOTES: u8 = 3;

const ENDING: Ending =
    Ending { lets_go: false, late_first: true, resumes: false, retries: true, items: 3 };
const EVERYTHING: [u8; 7] = [0b111; 7];

/// Whoever removes chooses; what was written and made goes with the work.
fn story(fences: [u8; 7], items: &[(u8, u8, Who)], steps: Vec<Step>) -> Story {
    let seed = |(kind, place, holder): &(u8, u8, Who)| Seed {
        kind: *kind,
        place: *place,
        closed: false,
        holder: *holder,
    };
    let items = items.iter().map(seed).collect();
    Story { rules: [2, 0, 0], fences: fences.into(), items, steps, ending: ENDING }
}

fn step(act: impl Into<Option<Act>>) -> Step {
    let (workers, turns, host, store) = Default::default();
    Step { after: 1, act: act.into(), workers, turns, host, store }
}

impl Step {
    fn with_a_worker(self) -> Self {
        self.with_a_worker_for(1)
    }

    fn with_a_worker_for(mut self, batches: u8) -> Self {
        self.workers.push(Worker { house: 0, items: 1, batches, dies: None });
        self
    }

    fn turns(mut self, turns: &[u8]) -> Self {
        self.turns = turns.to_vec();
        self
    }

    fn later(mut self, seconds: u16) -> Self {
        self.after = seconds;
        self
    }

    fn host(mut self, faults: &[HostFault]) -> Self {
        self.host = faults.to_vec();
        self
    }
}

fn all(to: To) -> Plan {
    Plan { all: Some(to), kinds: Vec::new(), open_only: false }
}

fn goes(who: Who, plan: impl Into<Option<Plan>>) -> Act {
    Act::Goes { who, how: Going::Deactivated, plan: plan.into() }
}

fn ends_well(story: &Story) {
    if let Err(why) = run::run(story, in_memory(), None) {
        panic!("{why}\n{story}\n{}", run::tell(story, in_memory()));
    }
}

#[test]
fn an_item_that_nobody_reaches_is_reported_once_also_when_it_was_named() {
    let to = To::Split { items: vec![(BOB, vec![0])], rest: Box::new(To::Somebody(BOB)) };
    let plan = Plan { all: None, kinds: vec![(TICKETS, to)], open_only: false };
    ends_well(&story([0; 7], &[(TICKETS, 0, CEM)], vec![step(goes(CEM, plan))]));
}

#[test]
fn what_moves_on_goes_where_its_own_kind_goes_also_after_others_are_chosen() {
    let steps = vec![
        step(goes(BOB, all(To::Somebody(CEM)))).with_a_worker().host(&[HostFault::Late]),
        step(Act::LateCallsArrive),
        step(goes(CEM, all(To::Somebody(EMIL)))).turns(&[1]),
        // What is written now stays with whoever has it, and parts are fewer.
        step(goes(EMIL, None)),
    ];
    ends_well(&story(EVERYTHING, &[(NOTES, 1, BOB), (TICKETS, 0, CEM)], steps));
}

#[test]
fn a_late_batch_of_a_hand_back_leaves_nothing_with_somebody_who_has_left_again() {
    let steps = vec![
        step(goes(BOB, None)).with_a_worker(),
        step(None).with_a_worker(),
        step(Act::Back { who: BOB, with_work: true }),
        step(None).with_a_worker().host(&[HostFault::Late]),
        step(goes(BOB, None)),
        step(None).with_a_worker(),
        step(Act::LateCallsArrive),
    ];
    ends_well(&story(EVERYTHING, &[(CONTACTS, 0, BOB)], steps));
}

#[test]
fn a_late_batch_of_a_cancelled_handover_leaves_nothing_with_a_receiver_who_has_left() {
    let steps = vec![
        step(goes(BOB, all(To::Somebody(CEM)))).with_a_worker().host(&[HostFault::Late]),
        step(Act::Cancel(0)),
        step(goes(CEM, None)),
        step(None).with_a_worker(),
        step(Act::LateCallsArrive),
    ];
    ends_well(&story(EVERYTHING, &[(CONTACTS, 0, BOB)], steps));
}

#[test]
fn what_has_moved_on_is_not_moved_on_again_by_the_group_it_was_in() {
    let steps = vec![
        step(goes(BOB, all(To::Somebody(CEM)))).with_a_worker().host(&[HostFault::Before]),
        step(Act::Choose(0, all(To::Somebody(EMIL)))),
        step(None).later(11).with_a_worker_for(2).host(&[HostFault::Fine, HostFault::Before]),
        step(Act::Choose(0, all(To::Somebody(CEM)))),
    ];
    ends_well(&story(EVERYTHING, &[(CONTACTS, 0, BOB)], steps));
}

#[test]
fn what_came_during_a_round_that_moved_nothing_moves_too() {
    let came = Seed { kind: TICKETS, place: 1, closed: false, holder: BOB };
    let steps = vec![
        step(goes(BOB, None)).with_a_worker().host(&[HostFault::Before]),
        step(Act::Taken(0, CEM)),
        step(Act::Arrives(vec![came])),
    ];
    ends_well(&story(EVERYTHING, &[(TICKETS, 0, BOB)], steps));
}

#[test]
fn a_late_batch_of_a_kind_that_stays_by_now_leaves_nothing_with_a_receiver_who_has_left() {
    let nothing = Plan { all: None, kinds: Vec::new(), open_only: false };
    let steps = vec![
        step(goes(BOB, all(To::Somebody(CEM)))).with_a_worker().host(&[HostFault::Late]),
        step(goes(CEM, all(To::Somebody(EMIL)))),
        step(None).with_a_worker(),
        // What is written stays with its author now.
        step(Act::Choose(1, nothing)),
        step(Act::LateCallsArrive),
    ];
    ends_well(&story(EVERYTHING, &[(NOTES, 1, BOB)], steps));
}

#[test]
fn what_is_stuck_on_its_way_on_is_still_there_when_it_is_tried_again() {
    let nowhere = [0b111, 0, 0, 0b001, 0, 0, 0];
    let steps = vec![
        step(goes(BOB, all(To::Somebody(CEM)))).with_a_worker().host(&[HostFault::Late]),
        step(goes(CEM, all(To::Somebody(EMIL)))),
        step(None).with_a_worker(),
        step(Act::LateCallsArrive),
    ];
    ends_well(&story(nowhere, &[(TICKETS, 1, BOB)], steps));
}

#[test]
fn a_handover_given_up_leaves_nothing_with_a_receiver_who_has_left() {
    let steps = vec![
        step(goes(BOB, all(To::Somebody(CEM)))).with_a_worker().host(&[HostFault::Late]),
        step(goes(CEM, None)),
        step(None).with_a_worker(),
        step(Act::LateCallsArrive),
        step(Act::Cancel(0)),
    ];
    ends_well(&story(EVERYTHING, &[(TICKETS, 1, BOB)], steps));
}
