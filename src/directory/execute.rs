//! load → authorise → decide → apply → commit → publish.

use std::sync::Arc;
use std::time::Duration;

use crate::commands::{Command, Facts, Intent};
use crate::domain::{Claim, Entry, Event, Key, Need, Refusal, Revision, State, StatusName, Stream};
use crate::ports::{CommitError, StoreError};

use super::decide::{Asked, Committed, Ready, decide_job, needs, numbered};
use super::lane::Job;
use super::memory::Memory;
use super::{Error, Inner, Request, UserDirectory};

/// What was done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Done<T> {
    /// The answer.
    pub output: T,
    /// The revision of the stream after it: whoever knows it can wait for a view that has it.
    pub revision: Revision,
    /// What happened, in order.
    pub events: Vec<Event>,
}

impl UserDirectory {
    /// Does what is asked, or says why not: all of it or nothing, in one commit, with one audit
    /// entry.
    ///
    /// Dropping the future loses nothing: what was queued is still done, or not, as a whole.
    ///
    /// # Errors
    /// [`Error::Refused`] says why; nothing has changed. [`Error::OutcomeUnknown`] alone leaves
    /// open whether it happened.
    pub async fn execute<I: Intent>(
        &self,
        request: impl Into<Request>,
        intent: I,
    ) -> Result<Done<I::Output>, Error> {
        let Committed { revision, events } =
            self.inner.execute_one(request.into(), intent.into()).await?;
        let events = events.ok_or(Error::AnswerErased)?;
        let output = I::output(&events).ok_or(Error::AnswerErased)?;
        Ok(Done { output, revision, events })
    }

    /// The same for a command that is only known at run time, for example one that was stored.
    pub async fn execute_command(
        &self,
        request: impl Into<Request>,
        command: Command,
    ) -> Result<Done<()>, Error> {
        let Committed { revision, events } =
            self.inner.execute_one(request.into(), command).await?;
        Ok(Done { output: (), revision, events: events.ok_or(Error::AnswerErased)? })
    }
}

impl Inner {
    #[tracing::instrument(
        name = "tenure.execute",
        level = "debug",
        skip_all,
        fields(command = command.name().as_str(), principal = request.principal.kind()),
    )]
    pub(super) async fn execute_one(
        self: &Arc<Self>,
        request: Request,
        command: Command,
    ) -> Result<Committed, Error> {
        let stream = command.stream();
        let mut answers = self.queue(stream, request, vec![command], (0, false)).await;
        let answer = answers.pop().unwrap_or(Err(Error::OutcomeUnknown));
        match &answer {
            Ok(done) => tracing::debug!(revision = done.revision.get(), "done"),
            Err(Error::Refused(_)) => tracing::debug!("refused"),
            Err(_) => tracing::warn!("failed"),
        }
        answer
    }

    /// The facts of one execution, taken once.
    pub(super) fn facts(&self, request: &Request) -> Facts {
        let (now, seed) = (self.clock.now(), self.entropy.draw());
        let mut facts = Facts::new(now, seed, request.principal.clone(), Arc::clone(&self.host));
        facts.source = request.source;
        facts
    }

    /// Commits a batch of jobs together, and answers each.
    pub(super) async fn commit_jobs(self: &Arc<Self>, stream: Stream, jobs: Vec<Job>) {
        let (jobs, callers): (Vec<_>, Vec<_>) = jobs.into_iter().map(|job| self.ready(job)).unzip();
        let answers = self.commit_ready(stream, jobs).await;
        for (caller, answers) in callers.into_iter().zip(answers) {
            // Nobody may be waiting any more; it is done all the same.
            let _ = caller.send(answers);
        }
    }

    fn ready(&self, job: Job) -> (Ready, Caller) {
        let many = job.commands.len() > 1 || job.first > 0;
        let key = |n| numbered(job.request.key.as_ref(), many.then_some(job.first + n));
        let asked = job.commands.into_iter().enumerate().map(|(n, command)| Asked {
            facts: self.facts(&job.request),
            key: key(n),
            command,
            concern: None,
            looks: 0,
        });
        let asked = asked.collect();
        let Job { request, all_or_nothing, answer, .. } = job;
        (Ready { asked, request, all_or_nothing }, answer)
    }

    async fn commit_ready(self: &Arc<Self>, stream: Stream, mut jobs: Vec<Ready>) -> Answers {
        let together = match jobs.as_mut_slice() {
            [_] | [] => Err(Attempt::Divide),
            several => self.attempt(stream, several).await,
        };
        match together {
            Ok(answers) => answers,
            Err(Attempt::Divide) => {
                // A claim was lost to another process: each on its own, so that one loses alone.
                let mut answers = Vec::new();
                for job in jobs {
                    answers.push(self.commit_alone(stream, job).await);
                }
                answers
            }
            Err(failed) => jobs.iter().map(|job| failed.answers(job)).collect(),
        }
    }

    async fn commit_alone(
        self: &Arc<Self>,
        stream: Stream,
        mut job: Ready,
    ) -> Vec<Result<Committed, Error>> {
        match self.attempt(stream, std::slice::from_mut(&mut job)).await {
            Ok(answers) => answers.into_iter().flatten().collect(),
            Err(Attempt::Divide) => {
                // The same within a job: a command that is refused holds no other up.
                let mut answers = Vec::new();
                for mut one in job.divided() {
                    answers.extend(
                        match self.attempt(stream, std::slice::from_mut(&mut one)).await {
                            Ok(answers) => answers.into_iter().flatten().collect(),
                            Err(failed) => failed.answers(&one),
                        },
                    );
                }
                answers
            }
            Err(failed) => failed.answers(&job),
        }
    }

    /// Decides and commits, again while others are first, a bounded number of times.
    async fn attempt(
        self: &Arc<Self>,
        stream: Stream,
        jobs: &mut [Ready],
    ) -> Result<Answers, Attempt> {
        const ATTEMPTS: u32 = 24;
        let memory = self.memories.take(stream);
        // While others commit, too, what is remembered is nearly always out of date.
        if !self.pace(stream).await && !memory.is_empty() {
            match self.attempt_once(stream, jobs, memory).await {
                // It may be owed to what was remembered.
                Err(CommitError::Conflict(_) | CommitError::Claimed(_)) => {}
                Err(CommitError::Failed(error)) => return Err(Attempt::Failed(error)),
                Err(CommitError::Host(error)) => return Err(Attempt::Failed(error.into())),
                Err(CommitError::Unknown(_)) => return Err(Attempt::Unknown),
                Ok(answers) => return Ok(answers),
            }
        }
        let mut last = Attempt::Contended;
        for attempt in 0..ATTEMPTS {
            if !self.pace(stream).await && attempt > 0 {
                self.back_off(attempt).await;
            }
            match self.attempt_once(stream, jobs, Memory::default()).await {
                Ok(answers) => return Ok(answers),
                Err(CommitError::Conflict(_)) => last = Attempt::Contended,
                Err(CommitError::Claimed(_)) if jobs.len() > 1 => return Err(Attempt::Divide),
                // Loaded again, whoever lost is refused; when they are not, each has its own commit.
                Err(CommitError::Claimed(_))
                    if attempt > 0 && jobs.iter().any(Ready::is_divisible) =>
                {
                    return Err(Attempt::Divide);
                }
                Err(CommitError::Claimed(claim)) => last = Attempt::Claimed(claim),
                Err(CommitError::Failed(error)) => return Err(Attempt::Failed(error)),
                Err(CommitError::Host(error)) => return Err(Attempt::Failed(error.into())),
                Err(CommitError::Unknown(_)) => return Err(Attempt::Unknown),
            }
        }
        tracing::warn!(attempts = ATTEMPTS, "gave up: others were first every time");
        Err(last)
    }

    /// Decides, and commits what follows. A conflict is also what was decided on memory without
    /// anything to commit: then nothing proves that the memory was current.
    async fn attempt_once(
        self: &Arc<Self>,
        stream: Stream,
        jobs: &mut [Ready],
        memory: Memory,
    ) -> Result<Answers, CommitError> {
        let Decided { state, answers, memory, proved } = self.decide(stream, jobs, memory).await?;
        if let Some(first) = state.first_appended() {
            let committed = self.commit(&state, first).await;
            if matches!(committed, Err(CommitError::Unknown(_))) {
                self.doubt(stream);
            }
            self.note(stream, &state, &committed);
            committed?;
            self.tell(&state, stream, first.position).await;
            let who = jobs.iter().map(|job| &job.request.principal);
            self.memories.keep(stream, memory, (state, who));
        } else if !proved {
            return Err(CommitError::Conflict(None));
        }
        Ok(self.replay(stream, answers).await)
    }

    /// Decides jobs, and again with what turns out to be needed for it.
    pub(super) async fn decide(
        &self,
        stream: Stream,
        jobs: &mut [Ready],
        mut memory: Memory,
    ) -> Result<Decided, StoreError> {
        let mut proved = memory.is_empty();
        let (mut state, mut answers) = self.decide_jobs(stream, jobs, &mut memory).await?;
        while find_seats(jobs, &answers) || self.look_at_people(jobs).await? {
            memory = Memory::default();
            proved = true;
            (state, answers) = self.decide_jobs(stream, jobs, &mut memory).await?;
        }
        Ok(Decided { state, answers, memory, proved })
    }

    async fn decide_jobs(
        &self,
        stream: Stream,
        jobs: &mut [Ready],
        memory: &mut Memory,
    ) -> Result<(State, Answers), StoreError> {
        let mut needs = needs(stream, jobs);
        let mut state = State::new(memory.recall(&mut needs));
        state.load(self.store.load(&needs).await?);
        let answers = jobs.iter_mut().map(|job| decide_job(&mut state, stream, job)).collect();
        Ok((state, answers))
    }

    /// Commits, and settles an unknown outcome: the same is committed again under the same guards.
    /// Success means that it had not happened; a conflict, that the audit says whether it had.
    async fn commit(&self, state: &State, first: &Entry) -> Result<(), CommitError> {
        const ASKED_AGAIN: u32 = 8;
        let mut outcome = self.store.commit(state.changes()).await;
        for attempt in 1..=ASKED_AGAIN {
            if !matches!(outcome, Err(CommitError::Unknown(_))) {
                return outcome;
            }
            tracing::warn!(attempt, "the outcome of a commit is unknown; asking again");
            self.back_off(attempt).await;
            outcome = match self.store.commit(state.changes()).await {
                Err(refused @ (CommitError::Conflict(_) | CommitError::Claimed(_))) => {
                    match self.is_committed(first).await {
                        Ok(true) => Ok(()),
                        Ok(false) => Err(refused),
                        Err(unknown) => Err(CommitError::Unknown(unknown.0)),
                    }
                }
                // Not written this time says nothing of the time before.
                Err(CommitError::Failed(error)) => Err(CommitError::Unknown(error.0)),
                other => other,
            };
        }
        outcome
    }

    /// Whether the store holds this very entry.
    pub(super) async fn is_committed(&self, first: &Entry) -> Result<bool, StoreError> {
        let key = Key::Entry(first.stream, first.position);
        let state = State::new(self.store.load(&[Need::Record(key)]).await?);
        let there = state.entry(first.stream, first.position);
        Ok(there.is_some_and(|it| it.entry.command_id == first.command_id))
    }

    /// Waits a little, longer each time, and never in step with others.
    pub(super) async fn back_off(&self, attempt: u32) {
        let [byte, ..] = self.entropy.draw();
        let longest = 500_u64 << attempt.min(7);
        let micros = longest * (u64::from(byte) + 1) / 256;
        self.clock.sleep(Duration::from_micros(micros)).await;
    }

    /// Fills in what commands answered that were done earlier under the same key.
    ///
    /// An answer that cannot be read is nobody else's loss: the others are committed.
    pub(super) async fn replay(&self, stream: Stream, mut answers: Answers) -> Answers {
        for answer in answers.iter_mut().flatten() {
            let Ok(Committed { revision, events: None }) = *answer else { continue };
            let need = Need::Record(Key::Entry(stream, revision));
            let Ok(records) = self.store.load(&[need]).await else {
                *answer = Err(Error::OutcomeUnknown);
                continue;
            };
            let state = State::new(records);
            let detail = state.entry(stream, revision).and_then(|it| it.detail.as_ref());
            let events = detail.and_then(|detail| detail.events().ok());
            *answer = Ok(Committed { revision, events });
        }
        answers
    }
}

/// Whether a seat was missing that an invitation which has run out may free: then that is looked at.
fn find_seats(jobs: &mut [Ready], answers: &Answers) -> bool {
    let full = |answer: &Result<Committed, Error>| {
        matches!(answer, Err(Error::Refused(Refusal::SeatsFull { .. })))
    };
    let looked = jobs.iter().flat_map(|job| &job.asked).any(|asked| asked.facts.seats_are_full);
    if looked || !answers.iter().flatten().any(full) {
        return false;
    }
    for asked in jobs.iter_mut().flat_map(|job| &mut job.asked) {
        asked.facts.seats_are_full = true;
    }
    true
}

/// What jobs lead to, before any of it is committed.
pub(super) struct Decided {
    pub(super) state: State,
    pub(super) answers: Answers,
    /// What was remembered and is not used up.
    memory: Memory,
    /// Whether all of it was loaded afresh.
    proved: bool,
}

/// One answer for each command of each job.
pub(super) type Answers = Vec<Vec<Result<Committed, Error>>>;

/// Whoever waits for the answers to a job.
type Caller = futures_channel::oneshot::Sender<Vec<Result<Committed, Error>>>;

/// Why nothing was committed.
enum Attempt {
    Divide,
    Contended,
    Claimed(Claim),
    Failed(StoreError),
    Unknown,
}

impl Attempt {
    fn error(&self) -> Error {
        match self {
            Self::Divide | Self::Contended => Error::Contended,
            Self::Claimed(claim) => Error::Refused(refusal_of(claim)),
            Self::Failed(error) => Error::Store(error.clone()),
            Self::Unknown => Error::OutcomeUnknown,
        }
    }

    fn answers(&self, job: &Ready) -> Vec<Result<Committed, Error>> {
        job.asked.iter().map(|_| Err(self.error())).collect()
    }
}

/// What a claim that somebody else holds means to whoever wanted it.
pub(super) fn refusal_of(claim: &Claim) -> Refusal {
    match claim {
        Claim::Email(..) => Refusal::Taken("address"),
        Claim::Identity(..) | Claim::Announced(..) => Refusal::Taken("identity"),
        Claim::ExternalId(..) => Refusal::Taken("external id"),
        Claim::MembershipEmail(..) | Claim::MembershipUser(..) | Claim::Former(..) => {
            Refusal::AlreadyMember(StatusName::Active)
        }
        Claim::TeamName(..) => Refusal::NameTaken(crate::domain::Thing::Team),
    }
}
