//! Where the organizations are.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tenure::Store;
use tenure::adapters::postgres::PostgresOptions;
use tenure::adapters::sqlite::{Durability, SqliteOptions};
use tenure::domain::{ChangeSet, Need, Record, Stream};
use tenure::ports::{CommitError, Find, StoreError};
use tenure::testing::SharedStore;

use crate::cluster;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Place {
    Sqlite(PathBuf),
    Postgres { url: String, schema: String },
}

impl Place {
    /// Opens the store, as each process does by itself.
    pub(crate) async fn open(&self) -> Counted {
        let store = match self {
            Self::Sqlite(path) => {
                let options = SqliteOptions::new(path).durability(Durability::Process);
                SharedStore::new(options.open().unwrap())
            }
            Self::Postgres { url, schema } => {
                let pool = cluster::pool(url.parse().unwrap(), 6).await;
                SharedStore::new(PostgresOptions::new(pool).schema(schema).open().await.unwrap())
            }
        };
        Counted { store, tried: Arc::default(), committed: Arc::default() }
    }
}

/// A store that counts the commits of organizations.
#[derive(Clone)]
pub(crate) struct Counted {
    store: SharedStore,
    pub(crate) tried: Arc<AtomicU64>,
    pub(crate) committed: Arc<AtomicU64>,
}

#[async_trait]
impl Store for Counted {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        self.store.load(needs).await
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        let first = changes.append.first().map(|(entry, _)| entry.stream);
        let counts = matches!(first, Some(Stream::Organization(_)));
        let outcome = self.store.commit(changes).await;
        if counts {
            self.tried.fetch_add(1, Ordering::Relaxed);
            self.committed.fetch_add(u64::from(outcome.is_ok()), Ordering::Relaxed);
        }
        outcome
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        self.store.find(question).await
    }
}

/// Waits on a runtime of its own.
pub(crate) fn wait<T>(of: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(of)
}
