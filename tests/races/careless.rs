//! A store with a planted bug.

use async_trait::async_trait;
use tenure::adapters::memory::MemoryStore;
use tenure::domain::{ChangeSet, Key, Need, Record};
use tenure::ports::{CommitError, Find, Store, StoreError};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Flaw {
    /// As an `UPDATE` without the version in its `WHERE`, and an audit table without a key.
    IgnoresGuards,
    /// As a table without a unique index.
    GivesClaimsAway,
    /// Both.
    ChecksNothing,
}

pub(crate) struct Careless {
    inner: MemoryStore,
    flaw: Flaw,
}

impl Careless {
    pub(crate) fn new(flaw: Flaw) -> Self {
        Self { inner: MemoryStore::new(), flaw }
    }
}

#[async_trait]
impl Store for Careless {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        self.inner.load(needs).await
    }

    async fn commit(&self, mut changes: ChangeSet) -> Result<(), CommitError> {
        let (guards, claims) = match self.flaw {
            Flaw::IgnoresGuards => (true, false),
            Flaw::GivesClaimsAway => (false, true),
            Flaw::ChecksNothing => (true, true),
        };
        if guards {
            changes.guards.clear();
            let mut new = Vec::new();
            for (entry, detail) in std::mem::take(&mut changes.append) {
                let key = Key::Entry(entry.stream, entry.position);
                if self.inner.load(&[Need::Record(key)]).await?.is_empty() {
                    new.push((entry, detail));
                }
            }
            changes.append = new;
        }
        loop {
            match self.inner.commit(changes.clone()).await {
                Err(CommitError::Claimed(claim)) if claims => {
                    changes.claim.retain(|(other, _)| *other != claim);
                }
                done => return done,
            }
        }
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        self.inner.find(question).await
    }
}
