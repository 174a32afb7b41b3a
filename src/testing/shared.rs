//! One store, several directories: as several processes would have it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::{ChangeSet, Need, Record};
use crate::ports::{CommitError, Find, Store, StoreError};

/// A store that several directories use; clones share it.
#[derive(Clone)]
pub struct SharedStore(Arc<dyn Store>);

impl SharedStore {
    /// Shares a store.
    pub fn new(store: impl Store + 'static) -> Self {
        Self(Arc::new(store))
    }
}

impl std::fmt::Debug for SharedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for SharedStore {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        self.0.load(needs).await
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        self.0.commit(changes).await
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        self.0.find(question).await
    }
}
