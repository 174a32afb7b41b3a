//! One run of a story: steps, faults and crashes; then everything heals, and the book is checked.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::task::{Context, Waker};

use futures_executor::block_on;
use tenure::commands::{
    CancelHandover, ChangeRole, ChooseReceivers, Deactivate, Leave, PauseHandover, Reactivate,
    RemoveMember, ResumeHandover, SetFence, WorkOnReturn,
};
use tenure::directory::Maintenance;
use tenure::domain::{
    Assignment, DeactivatedBecause, Disposition, HandoverId, HandoverPlan, HandoverStatus,
    HandoverStep, ItemId, Key, MembershipId, Need, RemovedBecause, Sharing, Span, WorkState,
    WorkStates,
};
use tenure::testing::{FakeClock, FakeEntropy, Postbox, SharedStore};
use tenure::{Command, KeyRing, Principal, Scope, Store as _, UserDirectory};

use crate::book::{Book, Item};
use crate::bugs::Bug;
use crate::check;
use crate::company::{Desk, KEY, company, fence, kind, place};
use crate::ports::{Watched, Work};
use crate::story::{Act, Going, Plan, Seed, Step, Story, To, Who, Worker};
use crate::tally;

/// Somebody at work: a worker, or whoever gave a command.
struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    /// It crashes after so many polls.
    left: Option<u32>,
}

struct Run {
    book: Book,
    houses: [UserDirectory; 2],
    clock: FakeClock,
    /// Those who wait for a call that is late.
    tasks: Vec<Task>,
}

/// Runs a story in a fresh store; says what went wrong.
pub(crate) fn run(story: &Story, store: SharedStore, bug: Option<Bug>) -> Result<(), String> {
    company().begins(story.rules, &story.fences, &store);
    Run::new(story, store, bug, false).goes(story)
}

/// What happened in it, event by event.
pub(crate) fn tell(story: &Story, store: SharedStore) -> String {
    company().begins(story.rules, &story.fences, &store);
    let mut run = Run::new(story, store, None, true);
    let _ = run.goes(story);
    let told = std::mem::take(&mut run.book.open().told);
    told.unwrap_or_default().join("\n")
}

fn worker(house: &UserDirectory, worker: Worker) -> Task {
    let house = house.clone();
    let mut most = Maintenance::default();
    most.items = u32::from(worker.items);
    most.batches = u32::from(worker.batches);
    let future = Box::pin(async move {
        // What fails now is tried again.
        let _ = house.maintain_up_to(most).await;
    });
    Task { future, left: worker.dies.map(|polls| u32::from(polls) + 1) }
}

impl Run {
    fn new(story: &Story, store: SharedStore, bug: Option<Bug>, tells: bool) -> Self {
        let (book, clock) = (Book::default(), FakeClock::default());
        clock.advance(Span::hours(1));
        let needs: Vec<_> =
            company().members.iter().map(|id| Need::Record(Key::Membership(*id))).collect();
        book.open().note(&block_on(store.load(&needs)).unwrap());
        book.open().bug = bug;
        book.open().told = tells.then(Vec::new);
        let watched = Watched::new(store, book.clone());
        let house = |seed| {
            UserDirectory::builder_with(
                watched.clone(),
                Postbox::new(),
                KeyRing::new(KEY),
                clock.clone(),
                FakeEntropy::new(seed),
            )
            .permissions::<Desk>()
            .workload(Work(book.clone()))
            .build()
        };
        let houses = [house(2), house(3)];
        let run = Self { book, houses, clock, tasks: Vec::new() };
        run.arrives(&story.items);
        run
    }

    fn goes(&mut self, story: &Story) -> Result<(), String> {
        for step in &story.steps {
            self.step(step);
            self.is_right()?;
        }
        self.heals(story)?;
        self.is_right()
    }

    fn is_right(&self) -> Result<(), String> {
        match self.book.open().wrong.first() {
            None => Ok(()),
            Some(wrong) => Err(wrong.clone()),
        }
    }

    fn step(&mut self, step: &Step) {
        self.clock.advance(Span::seconds(u32::from(step.after)));
        {
            let mut book = self.book.open();
            book.began = book.now;
            book.host = step.host.clone().into();
            book.store = step.store.clone().into();
        }
        let mut tasks = std::mem::take(&mut self.tasks);
        if let Some((who, command)) = step.act.as_ref().and_then(|act| self.act(act)) {
            let (house, book) = (self.houses[0].clone(), self.book.clone());
            let future = Box::pin(async move {
                let name = command.name();
                let said = command.clone();
                let done = house.execute_command(who, command).await;
                let how = if done.is_ok() { "done" } else { "refused or failed" };
                tally::counts(format!("{} {how}", name.as_str()), 1);
                let error = done.err().map(|it| it.to_string());
                book.open().tells(|| format!("{how} {error:?}: {said:?}"));
            });
            tasks.push(Task { future, left: None });
        }
        for it in &step.workers {
            tasks.push(worker(&self.houses[usize::from(it.house) % 2], *it));
        }
        self.tasks = tasks;
        self.poll(&step.turns);
    }

    /// Everybody has their turns, until nobody is left but those who wait for a call.
    fn poll(&mut self, turns: &[u8]) {
        const NEVER: u32 = 200_000;
        let mut turns = turns.iter().copied().map(usize::from).cycle();
        let mut context = Context::from_waker(Waker::noop());
        let mut polls = 0;
        while self.tasks.len() > self.book.open().waiting {
            polls += 1;
            let next = turns.next().unwrap_or(0) + polls as usize / 16;
            let n = next % self.tasks.len();
            let task = &mut self.tasks[n];
            let done = task.future.as_mut().poll(&mut context).is_ready();
            if let Some(left) = &mut task.left {
                *left -= 1;
            }
            if done || task.left == Some(0) {
                drop(self.tasks.remove(n));
            }
            if polls > NEVER {
                self.book.open().says("it never comes to an end".to_owned());
                return;
            }
        }
    }

    // ── What happens ────────────────────────────────────────────────────────────────────────────

    fn arrives(&self, seeds: &[Seed]) {
        let mut book = self.book.open();
        book.now += 1;
        for it in seeds {
            let id: ItemId = format!("i{:03}", book.items.len()).parse().unwrap();
            let holder = Some(member(it.holder));
            let state = if it.closed { WorkState::Closed } else { WorkState::Open };
            let place = place(it.place);
            let was = (place.clone(), state, holder);
            let given_at = book.now;
            let item = Item {
                kind: kind(it.kind),
                place,
                state,
                holder,
                author: holder,
                last: None,
                held_back: false,
                given_at,
                was,
            };
            book.items.insert(id, item);
        }
    }

    fn item(&self, n: u8, change: impl FnOnce(&mut Item, u64)) {
        let mut book = self.book.open();
        book.now += 1;
        let now = book.now;
        let many = book.items.len().max(1);
        if let Some(item) = book.items.values_mut().nth(usize::from(n) % many) {
            change(item, now);
        }
    }

    /// One of the handovers from which such a step exists, the latest first.
    fn handover(&self, n: u8, step: HandoverStep) -> Option<HandoverId> {
        let book = self.book.open();
        let fits = book.handovers.values().rev().filter(|it| it.it.status.after(step).is_some());
        let fits: Vec<_> = fits.map(|it| it.it.id).collect();
        fits.get(usize::from(n) % fits.len().max(1)).copied()
    }

    /// The person, or whoever comes next of those who are active, or are not.
    fn next(&self, who: Who, active: bool, but: Option<MembershipId>) -> Option<MembershipId> {
        let (members, book) = (&company().members, self.book.open());
        let from = usize::from(who.0);
        let all = (from..from + members.len()).map(|n| members[n % members.len()]);
        let mut fits = all.filter(|id| {
            let it = &book.people[id];
            Some(*id) != but && it.live && it.active == active
        });
        fits.next()
    }

    /// The same of those who may go.
    fn goer(&self, who: Who) -> Option<MembershipId> {
        self.next(who, true, Some(company().members[0]))
    }

    fn disposition(&self, to: &To, from: Option<MembershipId>) -> Disposition {
        let one = |who: &Who| self.next(*who, true, from).unwrap_or(company().members[0]);
        match to {
            To::Leave => Disposition::Leave,
            To::Unassign => Disposition::Unassign,
            To::Somebody(who) => Disposition::To(one(who)),
            To::Team { team, least_loaded } => {
                let teams = &company().teams;
                let sharing =
                    if *least_loaded { Sharing::LeastLoaded } else { Sharing::RoundRobin };
                Disposition::Team(teams[usize::from(*team) % teams.len()], sharing)
            }
            To::Split { items, rest } => {
                let id = |n: &u8| format!("i{n:03}").parse().unwrap();
                let mut split: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
                for (who, items) in items {
                    split.entry(one(who)).or_default().extend(items.iter().map(id));
                }
                let rest = Box::new(self.disposition(rest, from));
                Disposition::Split { items: split, rest }
            }
        }
    }

    fn plan(&self, plan: &Plan, from: Option<MembershipId>) -> HandoverPlan {
        let states = if plan.open_only { WorkStates::OpenOnly } else { WorkStates::All };
        let assignment = |to: &To| Assignment { to: self.disposition(to, from), states };
        let kinds = plan.kinds.iter().map(|(n, to)| (kind(*n), assignment(to)));
        HandoverPlan { all: plan.all.as_ref().map(assignment), kinds: kinds.collect() }
    }

    /// The host's part of an act is done at once; else the command.
    fn act(&self, act: &Act) -> Option<(Principal, Command)> {
        let (organization, owner) = (company().organization, Principal::Person(company().owner));
        let scope: Scope = organization.into();
        let command: Command = match act {
            Act::Goes { who, how, plan } => {
                let membership = self.goer(*who)?;
                let handover = plan.as_ref().map(|plan| self.plan(plan, Some(membership)));
                match how {
                    Going::Deactivated => {
                        let because = DeactivatedBecause::Left;
                        Deactivate { scope, membership, because, handover }.into()
                    }
                    Going::Removed => RemoveMember { scope, membership, handover }.into(),
                    Going::Leaves => {
                        let because = RemovedBecause::Left;
                        let n = company().members.iter().position(|it| *it == membership)?;
                        let leave = Leave { scope, membership, because, handover };
                        return Some((Principal::Person(company().users[n]), leave.into()));
                    }
                }
            }
            Act::Role { who, role, plan } => {
                let membership = self.goer(*who)?;
                let role = crate::company::ROLES[usize::from(*role) % 4].parse().unwrap();
                let handover = plan.as_ref().map(|plan| self.plan(plan, Some(membership)));
                ChangeRole { scope, membership, role, handover }.into()
            }
            Act::Inboxes { who, inboxes, plan } => {
                let membership = self.goer(*who)?;
                let handover = plan.as_ref().map(|plan| self.plan(plan, Some(membership)));
                SetFence { scope, membership, fence: fence(*inboxes), handover }.into()
            }
            Act::Back { who, with_work } => {
                let membership = self.next(*who, false, None)?;
                let work =
                    if *with_work { WorkOnReturn::ComesBack } else { WorkOnReturn::StaysWhereItIs };
                Reactivate { scope, membership, work }.into()
            }
            Act::Pause(n) => {
                let handover = self.handover(*n, HandoverStep::Pause)?;
                PauseHandover { organization, handover }.into()
            }
            Act::Resume(n) => {
                let handover = self.handover(*n, HandoverStep::Resume)?;
                ResumeHandover { organization, handover }.into()
            }
            Act::Cancel(n) => {
                let handover = self.handover(*n, HandoverStep::Cancel)?;
                CancelHandover { organization, handover }.into()
            }
            Act::Choose(n, plan) => {
                let handover = self.handover(*n, HandoverStep::Choose)?;
                let from = self.book.open().handovers.get(&handover).map(|it| it.it.from);
                ChooseReceivers { organization, handover, plan: self.plan(plan, from) }.into()
            }
            Act::Arrives(seeds) => {
                self.arrives(seeds);
                return None;
            }
            Act::Touched(n) => {
                self.item(*n, |item, _| item.last = None);
                return None;
            }
            Act::Taken(n, by) => {
                let by = member(*by);
                let active = self.book.open().people.get(&by).is_some_and(|it| it.active);
                self.item(*n, |item, now| {
                    if active {
                        (item.holder, item.last, item.given_at) = (Some(by), None, now);
                    }
                });
                return None;
            }
            Act::HeldBack(n) => {
                self.item(*n, |item, _| item.held_back = true);
                return None;
            }
            Act::LetGo => {
                self.lets_go();
                return None;
            }
            Act::LateCallsArrive => {
                self.book.open().late_calls_arrive();
                return None;
            }
        };
        Some((owner, command))
    }

    fn lets_go(&self) {
        self.book.open().items.values_mut().for_each(|it| it.held_back = false);
    }

    // ── The end ─────────────────────────────────────────────────────────────────────────────────

    fn heals(&mut self, story: &Story) -> Result<(), String> {
        {
            let mut book = self.book.open();
            book.began = book.now;
            book.host.clear();
            book.store.clear();
        }
        let ending = story.ending;
        if ending.lets_go {
            self.lets_go();
        }
        if ending.late_first {
            self.book.open().late_calls_arrive();
        }
        self.poll(&[]);
        self.is_right()?;
        if ending.resumes {
            self.resume(HandoverStatus::Paused)?;
        }
        self.comes_to_rest(ending.items)?;
        if ending.retries {
            self.resume(HandoverStatus::Stuck)?;
            self.comes_to_rest(ending.items)?;
        }
        // Whatever is still under way finds that it is done, or never will be.
        let moves = self.book.open().log.len();
        self.book.open().late_calls_arrive();
        if self.book.open().log.len() > moves {
            return Err("a call that came late moved something after all was over".to_owned());
        }
        self.poll(&[]);
        self.comes_to_rest(ending.items)?;
        let book = self.book.open();
        tally::adds(&book);
        check::everything(&book, ending.retries)
    }

    fn resume(&mut self, from: HandoverStatus) -> Result<(), String> {
        let meant: Vec<_> = {
            let book = self.book.open();
            let meant = book.handovers.iter().filter(|(_, seen)| seen.it.status == from);
            meant.map(|(id, _)| *id).collect()
        };
        for handover in meant {
            let organization = company().organization;
            let resume = ResumeHandover { organization, handover };
            self.does(async |house| {
                house.execute(company().owner, resume).await.map(drop).map_err(|e| e.to_string())
            })?;
        }
        Ok(())
    }

    /// Nobody else is at work.
    fn does(
        &self,
        what: impl AsyncFnOnce(&UserDirectory) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut future = Box::pin(what(&self.houses[1]));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..1_000_000 {
            if let std::task::Poll::Ready(done) = future.as_mut().poll(&mut context) {
                return done;
            }
        }
        Err("it never comes to an end".to_owned())
    }

    fn comes_to_rest(&mut self, items: u8) -> Result<(), String> {
        const ROUNDS: u32 = 60;
        for _ in 0..ROUNDS {
            self.clock.advance(Span::hours(2));
            let mut most = Maintenance::default();
            most.items = u32::from(items);
            most.batches = 50;
            self.does(async |house| {
                house.maintain_up_to(most).await.map(drop).map_err(|e| e.to_string())
            })?;
            self.is_right()?;
            let book = self.book.open();
            if book.handovers.values().all(|seen| seen.it.waits_until().is_none()) {
                return Ok(());
            }
        }
        let book = self.book.open();
        let due = book.handovers.values().find(|seen| seen.it.waits_until().is_some());
        Err(format!("a handover never comes to rest: {due:?}"))
    }
}

pub(crate) fn member(who: Who) -> MembershipId {
    let members = &company().members;
    members[usize::from(who.0) % members.len()]
}
