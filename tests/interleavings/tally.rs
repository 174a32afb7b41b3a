//! What came of all the orders of one race.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};

use tenure::Error;
use tenure::domain::{Event, Membership, Record, Refusal, Revision, Stream};
use tenure::ports::{Find, PeopleFilter};

use crate::gate::Checks;
use crate::orders::{Answer, Run};
use crate::rows::Sums;
use crate::stage::Stage;

/// What a race is of, and so what must hold of every order whatever it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Two commands of the organization: each winner has one audit entry, and both answers and every
    /// row in the database are as after one of the two orders without overlap.
    Commands,
    /// The same, apart from the organization's audit.
    Serial,
    /// Whoever is slower leaves the rest to the other: only what is left in the end counts.
    Workers,
}

/// What is left after one order.
pub(crate) struct After<'a, T> {
    pub(crate) stage: &'a Stage,
    pub(crate) answers: &'a [Answer<T>; 2],
    /// The parties in the order in which they committed.
    pub(crate) committed: &'a [usize],
    /// The last position of the audit before.
    pub(crate) before: u64,
}

pub(crate) fn holds(condition: bool, how: impl Into<String>) -> Result<(), String> {
    if condition { Ok(()) } else { Err(how.into()) }
}

impl<T: Debug> After<'_, T> {
    pub(crate) fn won(&self, party: usize) -> bool {
        self.answers[party].is_ok()
    }

    /// Why a party was refused, if it was.
    pub(crate) fn refusal(&self, party: usize) -> Option<&Refusal> {
        self.answers[party].as_ref().err().and_then(Error::refusal)
    }

    /// Exactly one won; what the other was told.
    pub(crate) fn one_won(&self) -> Result<&Refusal, String> {
        let told = self.refusal(0).or(self.refusal(1));
        told.filter(|_| self.won(0) != self.won(1))
            .ok_or_else(|| format!("not exactly one won: {:?}", self.answers))
    }

    /// What must hold of the whole organization, if the store checks anything.
    pub(crate) async fn is_sound(&self, kind: Kind) -> Result<(), String> {
        if self.stage.checks == Checks::Nothing {
            return Ok(());
        }
        for answer in self.answers {
            if let Err(error) = answer {
                let told = error.refusal().is_some();
                holds(told, format!("a loser was told `{error}` and not why"))?;
            }
        }
        if self.stage.checks == Checks::Guards {
            return self.is_counted().await;
        }
        let stream = Stream::Organization(self.stage.organization);
        let head = self.stage.house().verify_audit(stream).await;
        let head = head.map_err(|broken| format!("I8: {broken}"))?;
        if kind == Kind::Commands {
            let winners = self.answers.iter().filter(|answer| answer.is_ok()).count() as u64;
            let entries = head.position.get() - self.before;
            holds(entries == winners, format!("{winners} won, and the audit has {entries}"))?;
        }
        self.no_seat_is_above_the_limit().await?;
        self.is_counted().await
    }

    /// I2, step by step through the audit: no entry adds a use above the limit.
    async fn no_seat_is_above_the_limit(&self) -> Result<(), String> {
        let stream = Stream::Organization(self.stage.organization);
        let question = Find::Entries { stream, after: Revision::NONE, limit: 500 };
        let (mut limit, mut used) = (None, 0);
        for record in self.stage.find(question).await {
            let Record::Entry(logged) = record else { continue };
            for event in logged.detail.iter().flat_map(|detail| detail.events().unwrap()) {
                if let Event::SeatLimitSet { limit: set } = event {
                    limit = set;
                }
            }
            let now = logged.entry.seats_used.unwrap();
            let fits = now <= used || limit.is_none_or(|limit| now <= u64::from(limit));
            holds(fits, format!("I2: {now} seats in use at {:?}", logged.entry.position))?;
            used = now;
        }
        Ok(())
    }

    /// I1, I2 and I3, counted again from the records.
    async fn is_counted(&self) -> Result<(), String> {
        let scope = self.stage.organization.into();
        let filter = PeopleFilter::default();
        let all = self.stage.find(Find::People { scope, filter, after: None, limit: 500 }).await;
        let state = self.stage.state(Vec::new()).await;
        let organization = state.organization(self.stage.organization).unwrap();
        let (mut emails, mut users) = (BTreeSet::new(), BTreeSet::new());
        let mut counted: BTreeMap<_, u64> = BTreeMap::new();
        let (mut keepers, mut seats) = (0, 0);
        for record in all {
            let Record::Membership(it) = record else { continue };
            let role = state.role(organization.id, &it.role);
            let role = role.ok_or_else(|| format!("somebody has `{}`, which is gone", it.role))?;
            keepers += u32::from(it.is_active() && role.keeps_organization);
            seats += u64::from(it.is_active() && role.takes_seat);
            *counted.entry((it.role.clone(), it.status.name())).or_default() += 1;
            let Membership { email, user, .. } = *it;
            let email = email.is_none_or(|it| emails.insert(it.canonical().clone()));
            holds(email, "I3: one address has two live memberships")?;
            holds(user.is_none_or(|it| users.insert(it)), "I3: one user is here twice")?;
        }
        holds(keepers > 0, "I1: nobody keeps the organization")?;
        holds(seats == state.seats_used(organization.id), "I2: the tally miscounts seats")?;
        let total: u64 = counted.values().sum();
        holds(organization.tally.total() == total, "the tally miscounts people")?;
        for ((role, status), count) in counted {
            let tally = organization.tally.count(&role, status);
            holds(tally == count, format!("{count} are {status} {role}; tally: {tally}"))?;
        }
        Ok(())
    }
}

/// Two parties of three or four steps each have more orders than this.
const FEWEST: u32 = 30;

/// How a party's answer and the rows look after an order: the same twice means that the same is
/// left.
type Outcome = (String, Sums);

/// The orders of one race, counted.
pub(crate) struct Tally {
    kind: Kind,
    checks: Checks,
    pub(crate) orders: u32,
    /// In which a party waited for a lock of the other.
    pub(crate) blocked: u32,
    won: u32,
    refused: u32,
    contended: u32,
    deadlocks: u32,
    outcomes: Vec<(Outcome, Vec<String>)>,
    looked_at: Vec<(Outcome, Result<(), String>)>,
    /// Each order that was lost, with how.
    pub(crate) lost: Vec<String>,
}

impl Tally {
    pub(crate) fn new(kind: Kind, checks: Checks) -> Self {
        Self {
            kind,
            checks,
            orders: 0,
            blocked: 0,
            won: 0,
            refused: 0,
            contended: 0,
            deadlocks: 0,
            outcomes: Vec::new(),
            looked_at: Vec::new(),
            lost: Vec::new(),
        }
    }

    fn loses(&mut self, how: &str, story: &[String]) {
        self.lost.push(format!("{how}\n    {}", story.join("; ")));
    }

    /// Before anybody who came too late asks again.
    pub(crate) fn counts<T: Debug>(&mut self, run: &Run<T>) {
        self.orders += 1;
        self.blocked += u32::from(run.blocked.contains(&true));
        self.deadlocks += run.deadlocks;
        let late = |answer: &&Answer<T>| matches!(answer, Err(Error::Contended));
        let contended = run.answers.iter().filter(late).count();
        self.contended += u32::try_from(contended).unwrap();
        if self.checks != Checks::Nothing && (contended > 1 || run.deadlocks > 0) {
            self.loses("both waited for, or gave way to, each other", &run.story);
        }
    }

    /// Whether nothing was looked at yet that looked like this.
    pub(crate) fn is_new<T: Debug>(&mut self, run: &Run<T>, sums: &Sums) -> bool {
        let outcome = (format!("{:?} {:?}", run.answers, run.committed), sums.clone());
        let known = self.looked_at.iter().position(|(other, _)| *other == outcome);
        if let Some(known) = known {
            let known = self.looked_at.remove(known);
            self.looked_at.push(known);
        } else {
            self.looked_at.push((outcome, Ok(())));
        }
        known.is_none()
    }

    pub(crate) fn looked(&mut self, found: Result<(), String>) {
        if let Some((_, verdict)) = self.looked_at.last_mut() {
            *verdict = found;
        }
    }

    pub(crate) fn ends<T: Debug>(&mut self, run: Run<T>, sums: Sums) {
        for answer in &run.answers {
            self.won += u32::from(answer.is_ok());
            self.refused += u32::from(answer.is_err());
        }
        if let Some((_, Err(how))) = self.looked_at.last() {
            let how = how.clone();
            self.loses(&how, &run.story);
        }
        self.outcomes.push(((format!("{:?}", run.answers), sums), run.story));
    }

    /// In the first order one party goes before the other, and in the last one after it: every other
    /// order must end as one of these, to the last byte of the database.
    pub(crate) fn compares(&mut self) {
        if self.kind == Kind::Workers || self.checks == Checks::Nothing {
            return;
        }
        // Or the parties were not stepped through.
        if self.orders < FEWEST {
            self.loses(&format!("there are {} orders only", self.orders), &[]);
        }
        if self.kind == Kind::Commands && self.blocked == 0 {
            self.loses("nobody ever waited for the other", &[]);
        }
        let outcomes = std::mem::take(&mut self.outcomes);
        let [(first, _), others @ .., (last, _)] = outcomes.as_slice() else {
            return;
        };
        for (outcome, story) in others {
            if outcome != first && outcome != last {
                let differs = |serial: &Outcome| {
                    let rows = outcome.1.iter().filter(|(name, sum)| serial.1[*name] != **sum);
                    let tables: Vec<_> = rows.map(|(name, _)| name.as_str()).collect();
                    format!("{} (rows differ in {tables:?})", serial.0)
                };
                let (one, two) = (differs(first), differs(last));
                let how = format!("{} is left neither as after {one} nor {two}", outcome.0);
                self.loses(&how, story);
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:4} orders, {:4} with a wait; {:4} won, {:4} refused, {:4} told to ask again, \
             {} deadlocks, {:3} lost",
            self.orders,
            self.blocked,
            self.won,
            self.refused,
            self.contended,
            self.deadlocks,
            self.lost.len()
        )
    }
}
