//! What other processes have committed, by `LISTEN` and `NOTIFY`.
//!
//! A `NOTIFY` inside a transaction makes it commit alone: `PostgreSQL` holds one lock for the whole
//! server from before such a commit until after it is on disk, so that many organizations would
//! wait for each other's disk writes. So what a process commits is told right after it is
//! committed, by a transaction of its own that waits for no disk, and what gathers meanwhile is told
//! at once. A process that ends in between tells nothing: then others find out when they next poll. Only
//! what is committed with a host's transaction is told in that transaction, since nobody else knows
//! when it commits.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, BoxStream, Stream, StreamExt as _};
use futures_util::task::AtomicWaker;
use sqlx::postgres::PgListener;

use super::PostgresStore;
use super::find::Statement;
use super::schema::Schema;
use crate::domain::{ChangeSet, OrganizationId, Record, Revision};
use crate::ports::{Hint, StoreError};

/// Tells on a channel, once the transaction commits.
pub(super) const NOTIFY: &str = "SELECT pg_notify($1, told) FROM unnest($2::text[]) AS told";

/// The same, in a transaction of its own that does not wait for the disk.
const NOTIFY_AT_ONCE: &str = "
    SELECT pg_notify($1, told)
    FROM (SELECT set_config('synchronous_commit', 'off', true)) AS lightly,
        unnest($2::text[]) AS told";

/// How long to wait before listening is tried again.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// What this process has committed and not told yet.
#[derive(Clone, Default)]
pub(super) struct News(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    /// None while nobody would tell it.
    news: Mutex<Option<BTreeMap<OrganizationId, Revision>>>,
    told: AtomicWaker,
}

impl News {
    /// Something was committed.
    pub(super) fn tell(&self, changes: &ChangeSet) {
        let Some((organization, revision)) = news(changes) else { return };
        if let Some(news) = self.lock().as_mut() {
            news.insert(organization, revision);
        }
        self.0.told.wake();
    }

    fn lock(&self) -> MutexGuard<'_, Option<BTreeMap<OrganizationId, Revision>>> {
        self.0.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there is to tell, once there is something.
    async fn next(&self) -> Vec<String> {
        std::future::poll_fn(|context| {
            self.0.told.register(context.waker());
            let news = std::mem::take(self.lock().get_or_insert_default());
            if news.is_empty() {
                return Poll::Pending;
            }
            Poll::Ready(news.into_iter().map(said).collect())
        })
        .await
    }
}

/// The organization that a change-set writes, and its revision then.
fn news(changes: &ChangeSet) -> Option<(OrganizationId, Revision)> {
    changes.put.iter().find_map(|record| {
        if let Record::Organization(it) = record { Some((it.id, it.revision())) } else { None }
    })
}

/// What is told about a change-set.
pub(super) fn payload(changes: &ChangeSet) -> Option<String> {
    news(changes).map(said)
}

fn said((organization, revision): (OrganizationId, Revision)) -> String {
    format!("{organization} {}", revision.get())
}

fn heard(payload: &str) -> Hint {
    let read = || {
        let (organization, revision) = payload.split_once(' ')?;
        let organization = OrganizationId::new(organization.parse().ok()?);
        Some(Hint::Committed { organization, revision: Revision::new(revision.parse().ok()?) })
    };
    // Whatever else is told there may be from a newer version of this crate.
    read().unwrap_or(Hint::Missed)
}

/// The channel of a schema.
pub(super) fn channel(schema: &Schema) -> String {
    format!("tenure:{}", schema.name())
}

/// What other processes have committed, for [`UserDirectory::follow`](crate::UserDirectory::follow);
/// while it is followed, what this process commits is told to the others.
///
/// It keeps one connection of the pool, and listens again when that is lost.
pub struct PostgresHints(BoxStream<'static, Hint>);

impl std::fmt::Debug for PostgresHints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresHints").finish_non_exhaustive()
    }
}

impl Stream for PostgresHints {
    type Item = Hint;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Hint>> {
        self.0.poll_next_unpin(context)
    }
}

impl PostgresStore {
    /// What other processes commit; see [`PostgresHints`]. Once is enough for each process.
    pub fn hints(&self) -> PostgresHints {
        let listening = stream::unfold((self.clone(), None), |(store, listener)| async {
            let (hint, listener) = store.listen(listener).await;
            Some((hint, (store, Some(listener))))
        });
        let telling = stream::unfold(self.clone(), |store| async {
            store.tell().await;
            Some(((), store))
        });
        let telling = telling.filter_map(|()| std::future::ready(None));
        PostgresHints(stream::select(listening, telling).boxed())
    }

    /// The next hint; that some may be missed, whenever listening begins.
    async fn listen(&self, listener: Option<PgListener>) -> (Hint, PgListener) {
        if let Some(mut listener) = listener {
            match listener.try_recv().await {
                Ok(Some(told)) => return (heard(told.payload()), listener),
                // The connection was lost; it listens again.
                Ok(None) => return (Hint::Missed, listener),
                Err(error) => tracing::warn!(%error, "listening for hints failed"),
            }
        }
        loop {
            match self.listener().await {
                Ok(listener) => return (Hint::Missed, listener),
                Err(error) => tracing::warn!(%error, "cannot listen for hints yet"),
            }
            futures_timer::Delay::new(LISTEN_AGAIN).await;
        }
    }

    async fn listener(&self) -> Result<PgListener, sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(&channel(&self.schema)).await?;
        Ok(listener)
    }

    /// Tells others what this process has committed. What cannot be told, they find out themselves.
    async fn tell(&self) {
        let news = self.news.next().await;
        let statement =
            Statement::new(NOTIFY_AT_ONCE).with(channel(&self.schema)).and_then(|it| it.with(news));
        let told = match statement {
            Ok(statement) => self.ask(statement).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = told {
            let error = StoreError::from(failure);
            tracing::warn!(%error, "others could not be told of a commit");
        }
    }
}
