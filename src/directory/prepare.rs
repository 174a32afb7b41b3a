//! A command as a part of the host's own transaction: decided first, written by the host's
//! transaction, and published once that is committed.

use std::fmt;
use std::sync::Arc;

use crate::commands::{Command, Intent};
use crate::domain::{State, Stream};
use crate::ports::{CommitError, Transaction};

use super::decide::{Asked, Committed, Ready};
use super::execute::{Decided, refusal_of};
use super::memory::Memory;
use super::{Done, Error, Inner, Request, UserDirectory};

/// A command that was decided, and of which nothing is written yet.
///
/// ```text
/// prepare ──▶ Prepared ──commit_in──▶ Written ──the host commits──▶ published ──▶ Done
/// ```
///
/// It holds nothing and locks nothing: dropping it is the same as never having asked. What it was
/// decided on is guarded when it is written, so it may wait, but it is as of the instant at which it
/// was asked: write it soon.
#[must_use = "nothing is written before `commit_in`"]
pub struct Prepared<T> {
    inner: Arc<Inner>,
    outcome: Done<T>,
    /// None if it was done earlier under the same idempotency key.
    decided: Option<Box<To>>,
}

/// A command that is a part of the host's transaction: it counts once that is committed.
///
/// After a rollback drop it: nothing has happened. Whoever commits and drops it all the same, or
/// crashes before [`published`](Self::published), loses nothing either: the live views of this
/// process then show it as they show what other processes commit, within
/// [`Keeping::follow_every`](super::Keeping::follow_every).
#[must_use = "the live views are told by `published`, once the host has committed"]
pub struct Written<T>(Prepared<T>);

/// Where a command leads.
struct To {
    stream: Stream,
    state: State,
}

impl UserDirectory {
    /// Decides what is asked as [`execute`](Self::execute) does, and writes nothing yet: for a host
    /// that commits rows of its own together with it, all or nothing.
    ///
    /// Prepare before the host's transaction begins, so that it does not wait while we read. It does
    /// not queue with other commands of the organization, and nothing is retried for the host: if
    /// another commit is first, [`commit_in`](Prepared::commit_in) says so, the host rolls back and
    /// prepares again.
    ///
    /// Under an idempotency key that was used before, it [was done](Prepared::was_done) already.
    ///
    /// ```
    /// # async fn shared() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("people.db");
    /// use std::sync::Arc;
    /// use tenure::{adapters::sqlite::SqliteStore, commands::Invite, testing::cast::Company};
    ///
    /// let store = Arc::new(SqliteStore::open(path)?);
    /// # let company = Company::found(Arc::clone(&store)).await;
    /// # let (directory, acme, olivia) = (&company.directory, company.organization, company.principal("olivia"));
    /// let invite = Invite::new(acme, "nora@acme.example".parse()?, "agent".parse()?);
    /// let prepared = directory.prepare(olivia, invite).await?;
    /// let invitation = prepared.outcome().output.invitation.to_string();
    ///
    /// // One transaction: the campaign's row and the invitation, or neither.
    /// let transaction = store.transaction(move |connection| {
    ///     connection.execute("CREATE TABLE IF NOT EXISTS campaign (invitation TEXT)", ())?;
    ///     connection.execute("INSERT INTO campaign VALUES (?1)", [invitation])?;
    ///     Ok(())
    /// });
    /// let written = prepared.commit_in(transaction).await?; // with SQLite, it is committed here
    /// let invited = written.published().await?.output;
    /// # let _ = invited;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(shared()).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`] says why not, at once; the host need not begin.
    pub async fn prepare<I: Intent>(
        &self,
        request: impl Into<Request>,
        intent: I,
    ) -> Result<Prepared<I::Output>, Error> {
        let (committed, decided) = self.inner.prepare_one(request.into(), intent.into()).await?;
        let Committed { revision, events } = committed;
        let events = events.ok_or(Error::AnswerErased)?;
        let output = I::output(&events).ok_or(Error::AnswerErased)?;
        let outcome = Done { output, revision, events };
        Ok(Prepared { inner: Arc::clone(&self.inner), outcome, decided })
    }
}

impl Inner {
    /// Decides one command outside its lane, on records that are loaded for it.
    #[tracing::instrument(
        name = "tenure.prepare",
        level = "debug",
        skip_all,
        fields(command = command.name().as_str(), principal = request.principal.kind()),
    )]
    async fn prepare_one(
        &self,
        request: Request,
        command: Command,
    ) -> Result<(Committed, Option<Box<To>>), Error> {
        let stream = command.stream();
        let asked = Asked {
            facts: self.facts(&request),
            key: request.key.clone(),
            command,
            concern: None,
            looks: 0,
        };
        let mut job = [Ready { asked: vec![asked], request, all_or_nothing: false }];
        let Decided { state, mut answers, .. } =
            self.decide(stream, &mut job, Memory::default()).await?;
        let decided = state.first_appended().is_some();
        if !decided {
            answers = self.replay(stream, answers).await;
        }
        // INVARIANT: one command has one answer.
        let answer = answers.into_iter().flatten().next().unwrap_or(Err(Error::OutcomeUnknown))?;
        Ok((answer, decided.then(|| Box::new(To { stream, state }))))
    }
}

impl<T> Prepared<T> {
    /// What will have been done once the host has committed. Its identities are chosen already, so
    /// the host's rows can name them; nothing of it is so yet.
    pub const fn outcome(&self) -> &Done<T> {
        &self.outcome
    }

    /// Whether it was done earlier, under the same idempotency key: then
    /// [`commit_in`](Self::commit_in) writes nothing and leaves the transaction alone, and
    /// [`published`](Written::published) answers as it was answered then. What the host committed
    /// with it then, it need not write again.
    pub const fn was_done(&self) -> bool {
        self.decided.is_none()
    }

    /// Writes it as a part of the host's transaction.
    ///
    /// Where the transaction is the host's to end, end it afterwards: with a commit, or after an
    /// error with a rollback. A transaction that ends by itself (that of
    /// `SqliteStore::transaction`) is committed when this returns, or nothing is written; dropping
    /// the future then leaves open which.
    ///
    /// # Errors
    /// [`Error::Contended`]: another commit was first; roll back, and prepare again.
    /// [`Error::Refused`]: somebody else took what it wanted, meanwhile. [`Error::Host`]: the
    /// host's own part failed, where it is a part of writing. After any error nothing of either is
    /// written once the host has rolled back, except that [`Error::OutcomeUnknown`] leaves open
    /// whether all of it was.
    pub async fn commit_in(self, transaction: impl Transaction) -> Result<Written<T>, Error> {
        let Some(To { stream, state }) = self.decided.as_deref() else { return Ok(Written(self)) };
        match transaction.write(state.changes()).await {
            Ok(()) => Ok(Written(self)),
            Err(CommitError::Conflict(_)) => Err(Error::Contended),
            Err(CommitError::Claimed(claim)) => Err(Error::Refused(refusal_of(&claim))),
            Err(CommitError::Failed(error)) => Err(Error::Store(error)),
            Err(CommitError::Host(error)) => Err(Error::Host(error)),
            Err(CommitError::Unknown(_)) => {
                self.inner.doubt(*stream);
                Err(Error::OutcomeUnknown)
            }
        }
    }
}

impl<T> Written<T> {
    /// What will have been done once the host has committed.
    pub const fn outcome(&self) -> &Done<T> {
        self.0.outcome()
    }

    /// Tells the live views of this process, once the host has committed: when it returns, they
    /// show it, as after [`execute`](UserDirectory::execute).
    ///
    /// It believes nobody: what does not stand in the store is shown nowhere.
    ///
    /// # Errors
    /// [`Error::NotCommitted`] if the transaction was rolled back, or is not committed yet;
    /// [`Error::OutcomeUnknown`] if the store cannot be asked: then the views ask it before they
    /// are next relied on.
    pub async fn published(self) -> Result<Done<T>, Error> {
        let Prepared { inner, outcome, decided } = self.0;
        // INVARIANT: what was decided has an audit entry.
        if let Some(To { stream, state }) = decided.as_deref()
            && let Some(first) = state.first_appended()
        {
            match inner.is_committed(first).await {
                Ok(true) => {}
                Ok(false) => return Err(Error::NotCommitted),
                Err(_) => {
                    inner.doubt(*stream);
                    return Err(Error::OutcomeUnknown);
                }
            }
            // The lane has not seen this commit: what it remembers is older.
            drop(inner.memories.take(*stream));
            inner.tell(state, *stream, first.position).await;
        }
        Ok(outcome)
    }
}

impl<T: fmt::Debug> fmt::Debug for Prepared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for Written<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written").field("outcome", &self.0.outcome).finish_non_exhaustive()
    }
}
