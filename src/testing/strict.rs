//! A store that lets nobody leave an orphan behind.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::domain::{ChangeSet, Key, Need, Record};
use crate::ports::{CommitError, Find, Store, StoreError};

/// A store that holds whoever commits to what stores may rely on: it panics when a change-set leaves
/// a record without one that it [rests on](Record::rests_on).
#[derive(Debug, Default)]
pub struct Strict<S> {
    inner: S,
    ledger: Mutex<Ledger>,
}

/// What this store has seen committed. Others may commit behind its back: what it does not know, it
/// looks up.
#[derive(Debug, Default)]
struct Ledger {
    standing: HashSet<Key>,
    resting: HashMap<Key, HashSet<Key>>,
}

/// A record, and one that it rests on.
type Pair = (Key, Key);

/// What a change-set says, apart from claims and guards.
struct Written {
    rests: Vec<(Key, Vec<Key>)>,
    deleted: HashSet<Key>,
}

impl Written {
    fn of(changes: &ChangeSet) -> Self {
        let put = changes.put.iter().map(|record| (record.key(), record.rests_on()));
        let said = changes
            .append
            .iter()
            .map(|(entry, _)| (Key::Entry(entry.stream, entry.position), vec![entry.stream.key()]));
        let rests = put.chain(said).collect();
        Self { rests, deleted: changes.delete.iter().cloned().collect() }
    }
}

impl Ledger {
    /// Takes a change-set down: which pairs must be looked up, as nobody here knows the latter, and
    /// which must be no pairs any more, as the latter is gone.
    fn enter(&mut self, written: Written) -> (Vec<Pair>, Vec<Pair>) {
        let Written { mut rests, deleted } = written;
        rests.retain(|(key, _)| !deleted.contains(key));
        for gone in &deleted {
            self.standing.remove(gone);
        }
        self.standing.extend(rests.iter().map(|(key, _)| key.clone()));
        let mut unknown = Vec::new();
        for (key, on) in rests {
            for on in on {
                if !self.standing.contains(&on) {
                    unknown.push((key.clone(), on.clone()));
                }
                self.resting.entry(on).or_default().insert(key.clone());
            }
        }
        let left = deleted.into_iter().flat_map(|gone| {
            let resting = self.resting.remove(&gone).unwrap_or_default();
            resting.into_iter().map(move |key| (key, gone.clone()))
        });
        (unknown, left.collect())
    }
}

impl<S: Store> Strict<S> {
    /// Holds whoever commits to this store to it.
    pub fn new(inner: S) -> Self {
        Self { inner, ledger: Mutex::default() }
    }

    fn enter(&self, written: Written) -> (Vec<Pair>, Vec<Pair>) {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner).enter(written)
    }

    async fn look_up(&self, key: &Key) -> Option<Record> {
        let found = self.inner.load(&[Need::Record(key.clone())]).await;
        found.unwrap_or_default().into_iter().find(|record| record.key() == *key)
    }

    async fn check(&self, written: Written) {
        let (unknown, left) = self.enter(written);
        for (key, on) in unknown {
            let stands = self.look_up(&on).await.is_some();
            assert!(stands, "{key:?} was put without {on:?}, on which it rests");
            let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
            ledger.standing.insert(on);
        }
        for (key, gone) in left {
            let left = self.look_up(&key).await;
            let rests = left.is_some_and(|record| record.rests_on().contains(&gone));
            assert!(!rests, "{gone:?} was deleted, though {key:?} rests on it");
        }
    }
}

#[async_trait]
impl<S: Store> Store for Strict<S> {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        self.inner.load(needs).await
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        let written = Written::of(&changes);
        self.inner.commit(changes).await?;
        self.check(written).await;
        Ok(())
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        self.inner.find(question).await
    }
}
