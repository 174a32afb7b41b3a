//! Many commands, few commits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::commands::Command;
use crate::domain::{OrganizationId, Refusal, RoleName, Stream};

use super::{Done, Error, Request, UserDirectory};

/// How many commands are committed together, and who wants to know.
#[derive(Clone, Default)]
pub struct Batching {
    all_or_nothing: bool,
    cancelled: Arc<AtomicBool>,
    progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
}

/// How far a call with many commands is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Commands decided and committed, or refused.
    pub done: usize,
    /// All commands of the call.
    pub all: usize,
}

impl std::fmt::Debug for Batching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batching")
            .field("all_or_nothing", &self.all_or_nothing)
            .finish_non_exhaustive()
    }
}

impl Batching {
    /// Commands in one commit.
    pub(super) const TOGETHER: usize = 500;
    /// Commands that can be done all or nothing: they share one commit.
    pub const MOST_AT_ONCE: usize = 10_000;

    /// Each command on its own merits; a refused one holds nobody up.
    pub fn each() -> Self {
        Self::default()
    }

    /// All of them in one commit, or none: at most [`MOST_AT_ONCE`](Self::MOST_AT_ONCE), all about
    /// one organization.
    pub fn all_or_nothing() -> Self {
        Self { all_or_nothing: true, ..Self::default() }
    }

    /// Reports after each commit.
    #[must_use]
    pub fn on_progress(mut self, report: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(report));
        self
    }

    /// Stops before the next commit once the flag is set; what was committed stays.
    #[must_use]
    pub fn cancelled_by(mut self, flag: Arc<AtomicBool>) -> Self {
        self.cancelled = flag;
        self
    }
}

impl UserDirectory {
    /// Does many things in few commits; the answers are in the order of the commands.
    ///
    /// With an idempotency key the whole call can be asked again: each command has its own number
    /// under the key, so what was done is not done twice.
    ///
    /// # Errors
    /// Mixed roles are refused as a whole where the rules say one role for all (C3); all or nothing is
    /// refused as a whole when there are too many commands or more than one
    /// organization; then nothing was done. Otherwise each command has its own answer.
    #[tracing::instrument(name = "tenure.execute_all", level = "debug", skip_all, fields(commands = commands.len()))]
    pub async fn execute_all(
        &self,
        request: impl Into<Request> + Send,
        commands: Vec<Command>,
        how: Batching,
    ) -> Result<Vec<Result<Done<()>, Error>>, Error> {
        let request = request.into();
        let all = commands.len();
        if how.all_or_nothing {
            if all > Batching::MOST_AT_ONCE {
                let max = Batching::MOST_AT_ONCE;
                return Err(Refusal::TooMany { what: "commands", max }.into());
            }
            let first = commands.first().map(Command::stream);
            if commands.iter().any(|command| Some(command.stream()) != first) {
                return Err(Refusal::TooMany { what: "organizations", max: 1 }.into());
            }
        }
        self.one_role_each(&request, &commands).await?;
        let together = if how.all_or_nothing { Batching::MOST_AT_ONCE } else { Batching::TOGETHER };
        let mut answers = Vec::with_capacity(all);
        let mut commands = commands.into_iter().peekable();
        while let Some(stream) = commands.peek().map(Command::stream) {
            if how.cancelled.load(Ordering::Relaxed) {
                answers.extend(commands.map(|_| Err(Error::Cancelled)));
                break;
            }
            let mut part = Vec::new();
            while part.len() < together && commands.peek().map(Command::stream) == Some(stream) {
                part.extend(commands.next());
            }
            answers.extend(self.part(&request, stream, part, answers.len(), &how).await);
            if let Some(report) = &how.progress {
                report(Progress { done: answers.len(), all });
            }
        }
        Ok(answers)
    }

    /// C3: people invited together may have to get one role.
    async fn one_role_each(&self, request: &Request, commands: &[Command]) -> Result<(), Error> {
        let mut roles: BTreeMap<OrganizationId, BTreeSet<&RoleName>> = BTreeMap::new();
        for command in commands {
            if let Command::Invite(it) = command {
                roles.entry(it.scope.organization).or_default().insert(&it.role);
            }
        }
        for (organization, _) in roles.into_iter().filter(|(_, roles)| roles.len() > 1) {
            let (scope, who) = (organization.into(), &request.principal);
            let state = self.inner.load(scope, who, Vec::new()).await?;
            // Whoever has no standing is told so for each command, and nothing of the rules.
            if self.inner.standing(&state, scope, who).is_ok() {
                super::import::one_role(&state, organization)?;
            }
        }
        Ok(())
    }

    async fn part(
        &self,
        request: &Request,
        stream: Stream,
        part: Vec<Command>,
        first: usize,
        how: &Batching,
    ) -> Vec<Result<Done<()>, Error>> {
        let how = (first, how.all_or_nothing);
        let answers = self.inner.queue(stream, request.clone(), part, how).await;
        answers
            .into_iter()
            .map(|answer| {
                let done = answer?;
                let events = done.events.ok_or(Error::AnswerErased)?;
                Ok(Done { output: (), revision: done.revision, events })
            })
            .collect()
    }
}
