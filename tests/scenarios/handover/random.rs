//! I10 under random comings and goings: every item moves once or is reported, keeps its state, and
//! never lands on somebody who cannot reach it.

use std::collections::{BTreeMap, BTreeSet};

use tenure::Command;
use tenure::commands::WorkOnReturn;
use tenure::domain::{
    Disposition, HandoverPlan, HandoverStatus, HandoverWork, LeftBecause, MembershipId, Place,
    Sharing, Span, TeamId, WorkState,
};
use tenure::testing::WorkItem;

use super::{Acme, acme_with, inbox, inboxes, items, kind};
use crate::stage::Who;

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn few(&mut self, sides: usize) -> u32 {
        u32::try_from(self.below(sides)).unwrap()
    }

    fn often(&mut self) -> bool {
        self.below(4) > 0
    }
}

/// One person as the test knows them.
struct Person {
    who: Who,
    active: bool,
    answers: bool,
    inboxes: Vec<&'static str>,
}

const INBOXES: [&str; 2] = ["sales", "billing"];

struct Town {
    acme: Acme,
    people: Vec<Person>,
    team: TeamId,
    dice: Dice,
    told: Vec<String>,
}

async fn town(seed: u64) -> Town {
    let acme = acme_with(inboxes()).await;
    let mut people = Vec::new();
    for name in ["bob", "berta", "carl", "dora"] {
        let who = acme.agent_in(name, &INBOXES).await;
        people.push(Person { who, active: true, answers: true, inboxes: INBOXES.to_vec() });
    }
    let members: Vec<Who> = people.iter().map(|it| it.who).collect();
    let team = acme.stage.team("Tier 1", &members).await;
    Town { acme, people, team, dice: Dice(seed), told: Vec::new() }
}

impl Town {
    fn anybody(&mut self) -> usize {
        self.dice.below(self.people.len())
    }

    fn disposition(&mut self) -> Disposition {
        let other = self.anybody();
        match self.dice.below(6) {
            0 => Disposition::Unassign,
            1 => Disposition::Team(self.team, Sharing::RoundRobin),
            2 => Disposition::Team(self.team, Sharing::LeastLoaded),
            3 => Disposition::To(self.acme.ada.id),
            _ => Disposition::To(self.people[other].who.id),
        }
    }

    fn plan(&mut self, of: usize) -> HandoverPlan {
        let mut plan = HandoverPlan::from(self.disposition());
        if self.dice.below(4) == 0 {
            plan = plan.kind(kind("contacts"), self.disposition());
        }
        if self.dice.below(4) == 0 {
            let named = self.acme.work.held_by(self.people[of].who.id);
            let other = self.anybody();
            let named: Vec<u64> = named.into_iter().take(3).collect();
            let rest = Box::new(self.disposition());
            let map = [(self.people[other].who.id, items(&named))].into();
            plan = plan.kind(kind("tickets"), Disposition::Split { items: map, rest });
        }
        if self.dice.below(5) == 0 { plan.open_only() } else { plan }
    }

    async fn tries(&mut self, what: impl Into<Command>) -> bool {
        let command = what.into();
        let told = format!("{command:?}");
        let done = self.acme.stage.act_all(self.acme.stage.olivia, vec![command]).await.remove(0);
        self.told.push(format!("{told} -> {done:?}"));
        done.is_ok()
    }

    async fn happens(&mut self) {
        let n = self.anybody();
        let who = self.people[n].who;
        match self.dice.below(12) {
            0 | 1 => {
                let plan = self.plan(n);
                let go = self.acme.goes(who, plan);
                if self.people[n].active && self.tries(go).await {
                    self.people[n].active = false;
                }
            }
            2 => {
                let work = [WorkOnReturn::ComesBack, WorkOnReturn::StaysWhereItIs];
                let back = self.acme.back(who, work[self.dice.below(2)]);
                self.acme.stage.clock.advance(Span::seconds(1));
                if !self.people[n].active && self.tries(back).await {
                    self.people[n].active = true;
                }
            }
            3 => {
                let to_role = if self.people[n].answers { "viewer" } else { "agent" };
                let mut change = self.acme.stage.new_role(who, to_role);
                change.handover = Some(self.plan(n)).filter(|_| self.people[n].answers);
                if self.tries(change).await {
                    self.people[n].answers = !self.people[n].answers;
                }
            }
            4 => {
                let inboxes: Vec<_> = INBOXES.into_iter().filter(|_| self.dice.often()).collect();
                let mut lists = self.acme.lists(who, &inboxes);
                lists.handover = Some(self.plan(n)).filter(|_| self.dice.often());
                if self.tries(lists).await {
                    self.people[n].inboxes = inboxes;
                }
            }
            5 => self.decides().await,
            6 => {
                let (loses, fails) = (self.dice.below(2) == 0, self.dice.below(2) == 0);
                self.told.push(format!("loses {loses} fails {fails}"));
                self.acme.work.lose_next_answers(u32::from(loses));
                self.acme.work.fail_next(u32::from(fails));
            }
            7 if self.people[n].active => {
                for id in self.acme.work.held_by(who.id).into_iter().take(2) {
                    self.acme.work.touch(id);
                }
            }
            8 if self.people[n].active => self.gets_work(n),
            _ => self.works().await,
        }
    }

    /// Somebody decides about a handover that is not over.
    async fn decides(&mut self) {
        let open = self.acme.handovers().await.into_iter().filter(|it| !it.status.is_over());
        let open: Vec<_> = open.collect();
        if open.is_empty() {
            return;
        }
        let id = open[self.dice.below(open.len())].id;
        let command: Command = match self.dice.below(5) {
            0 => self.acme.pause(id).into(),
            1 | 2 => self.acme.resume(id).into(),
            3 => self.acme.cancel(id).into(),
            _ => {
                let plan = HandoverPlan::from(self.disposition());
                self.acme.choose(id, plan).into()
            }
        };
        self.tries(command).await;
    }

    fn gets_work(&mut self, n: usize) {
        let who = self.people[n].who;
        self.acme.gives(who, "contacts", 1);
        for name in self.people[n].inboxes.clone() {
            let ids = self.acme.gives_in(who, name, 2);
            if self.dice.below(2) == 0 {
                self.acme.work.close(ids[0]);
            }
        }
    }

    fn may_have(&self, id: MembershipId, it: &WorkItem) -> bool {
        let Some(person) = self.people.iter().find(|person| person.who.id == id) else {
            return id == self.acme.ada.id;
        };
        let listed = |place: &Place| person.inboxes.iter().any(|name| inbox(name) == *place);
        let reaches = it.kind == kind("contacts") || (person.answers && listed(&it.place));
        person.active && reaches
    }

    fn snapshot(&self) -> BTreeMap<u64, (WorkState, Option<MembershipId>)> {
        self.acme.work.items().iter().map(|it| (it.id, (it.state, it.holder))).collect()
    }

    /// Some batches move; whoever has something new can reach it, and no state has changed.
    async fn works(&mut self) {
        let before = self.snapshot();
        let (batches, most) = (1 + self.dice.few(3), 1 + self.dice.few(3));
        let done = self.acme.moves(batches, most).await;
        self.told.push(format!("{done:?}"));
        self.acme.stage.clock.advance(Span::seconds(self.dice.few(400)));
        for it in self.acme.work.items() {
            let (state, holder) = before[&it.id];
            assert_eq!(it.state, state, "{}", self.told.join("\n"));
            if let Some(new) = it.holder.filter(|new| holder != Some(*new)) {
                assert!(self.may_have(new, &it), "{it:?}\n{}", self.told.join("\n"));
            }
        }
    }

    /// Everything that may still move moves.
    async fn ends(&mut self) {
        self.acme.work.fail_next(0);
        self.acme.work.lose_next_answers(0);
        for it in self.acme.handovers().await {
            if matches!(it.status, HandoverStatus::Paused | HandoverStatus::Stuck) {
                self.tries(self.acme.resume(it.id)).await;
            }
        }
        for _ in 0..200 {
            self.works().await;
            self.acme.stage.clock.advance(Span::hours(2));
            let all = self.acme.handovers().await;
            if all.iter().all(|it| it.waits_until().is_none()) {
                return;
            }
        }
        panic!("it never ends: {:?}\n{}", self.acme.handovers().await, self.told.join("\n"));
    }

    /// What is left with whoever is gone was to stay, or is reported.
    async fn nothing_is_dropped(&self) {
        let told = || self.told.join("\n");
        for it in self.acme.handovers().await {
            let receipts = self.acme.receipts(it.id).await;
            let own = receipts.iter().filter(|receipt| receipt.from == Some(it.from));
            let moved: Vec<_> = own.flat_map(|it| &it.moved).collect();
            let once: BTreeSet<_> = moved.iter().collect();
            assert_eq!(once.len(), moved.len(), "moved twice: {receipts:?}\n{}", told());
            let person = self.people.iter().find(|person| person.who.id == it.from).unwrap();
            let ended = matches!(it.status, HandoverStatus::Done | HandoverStatus::Stuck);
            if person.active || it.work != HandoverWork::Everything || !ended {
                continue;
            }
            let was_to_go = |item: &WorkItem| {
                it.parts.iter().any(|part| {
                    part.kind == item.kind
                        && part.states.include(item.state)
                        && part.items.is_none()
                })
            };
            let held = self.acme.work.items().into_iter();
            let held = held.filter(|item| item.holder == Some(it.from) && was_to_go(item)).count();
            let reported = it.left.iter().filter(|it| it.because == LeftBecause::OutOfReach);
            let reported: u64 = reported.map(|it| it.items).sum();
            let is_last = self.is_last(&it).await;
            assert!(!is_last || held as u64 <= reported, "{held} {it:?}\n{}", told());
        }
    }

    async fn is_last(&self, it: &tenure::domain::Handover) -> bool {
        let all = self.acme.handovers().await;
        let mut all = all.iter().filter(|one| one.from == it.from);
        all.all(|one| (one.planned_at, one.id) <= (it.planned_at, it.id))
    }
}

#[tokio::test]
async fn B_random_comings_and_goings_lose_no_work() {
    for seed in 0..SEEDS {
        let mut town = town(seed).await;
        for n in 0..town.people.len() {
            town.gets_work(n);
        }
        let known = town.acme.work.items().len();
        for _ in 0..30 {
            town.happens().await;
        }
        town.ends().await;
        assert!(town.acme.work.items().len() >= known);
        town.nothing_is_dropped().await;
    }
}

const SEEDS: u64 = 150;
