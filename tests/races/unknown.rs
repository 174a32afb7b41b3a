//! A commit whose outcome nobody knows is done once, whichever it was.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use futures_executor::block_on;
use tenure::adapters::memory::MemoryStore;
use tenure::commands::{Invite, SetSeatLimit};
use tenure::domain::{ChangeSet, Need, Record, Stream};
use tenure::ports::{CommitError, Find, Store, StoreError};
use tenure::testing::cast::{Company, Desk, KEY};
use tenure::testing::{FakeEntropy, SharedStore};
use tenure::{Error, UserDirectory};

/// A store that loses its answers now and then: in one of these many calls.
struct Forgetful {
    store: SharedStore,
    one_in: u32,
    calls: AtomicU32,
    /// Whether every lost answer was about a commit that happened, that did not, or either.
    happened: Option<bool>,
}

#[async_trait]
impl Store for Forgetful {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        self.store.load(needs).await
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed).wrapping_mul(2_654_435_761);
        let lost = (call >> 8).is_multiple_of(self.one_in);
        let happens = self.happened.unwrap_or(call >> 28 & 1 == 0);
        if lost && !happens {
            return Err(CommitError::Unknown("the connection was reset before".to_owned()));
        }
        let outcome = self.store.commit(changes).await;
        if lost && outcome.is_ok() {
            return Err(CommitError::Unknown("the connection was reset after".to_owned()));
        }
        outcome
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        self.store.find(question).await
    }
}

fn house(company: &Company, store: Forgetful, seed: u64) -> UserDirectory {
    UserDirectory::builder_with(
        store,
        company.postbox.clone(),
        tenure::KeyRing::new(KEY),
        company.clock.clone(),
        FakeEntropy::new(seed),
    )
    .permissions::<Desk>()
    .build()
}

async fn once_each(store: SharedStore, one_in: u32, happened: Option<bool>) {
    let company = Company::found(store.clone()).await;
    let stream = Stream::Organization(company.organization);
    let forgetful = |calls| {
        let calls = AtomicU32::new(calls);
        Forgetful { store: store.clone(), one_in, calls, happened }
    };
    let directory = house(&company, forgetful(0), 50);
    let other = house(&company, forgetful(1_000), 51);
    let start = company.directory.verify_audit(stream).await.unwrap().position.get();
    let olivia = company.principal("olivia");
    let mut expected = start;
    for n in 0..60_u32 {
        let email = Company::email(&format!("p{n}"));
        let invite = Invite::new(company.organization, email, "agent".parse().unwrap());
        let request = olivia.clone().request().with_key(format!("key-{n}").parse().unwrap());
        // A host asks again until it knows.
        let ask = async |directory: &UserDirectory| loop {
            match directory.execute(request.clone(), invite.clone()).await {
                Err(Error::OutcomeUnknown) => {}
                answer => break answer.unwrap(),
            }
        };
        let first = ask(&directory).await;
        expected += 1;
        for again in [ask(&directory).await, ask(&other).await] {
            assert_eq!(again.revision, first.revision, "the same answer");
            assert_eq!(again.output, first.output);
            assert_eq!(again.events.len(), first.events.len());
        }
        // Without a key, a command that changes something differently each time is done once, too.
        let limit = Some(100 + n);
        let limit = SetSeatLimit { organization: company.organization, limit };
        match other.execute(&olivia, limit.clone()).await {
            Ok(_) => {}
            Err(Error::OutcomeUnknown) => {
                let set = company.directory.execute(&olivia, limit).await;
                let refused = set.is_err();
                assert!(refused || set.is_ok());
            }
            Err(error) => panic!("{error}"),
        }
        expected += 1;
        let head = company.directory.verify_audit(stream).await.unwrap();
        assert_eq!(head.position.get(), expected, "each command is applied exactly once");
    }
}

#[test]
fn an_unknown_outcome_is_settled_once() {
    let files = crate::Files::new();
    for happened in [Some(true), Some(false), None] {
        for one_in in [1, 2, 3] {
            if one_in == 1 && happened != Some(true) {
                // Nothing ever happens there: it is said that nobody knows.
                continue;
            }
            block_on(once_each(SharedStore::new(MemoryStore::new()), one_in, happened));
        }
        block_on(once_each(SharedStore::new(files.open()), 2, happened));
    }
}

#[test]
fn a_store_that_never_answers_leaves_it_open() {
    block_on(async {
        let store = SharedStore::new(MemoryStore::new());
        let company = Company::found(store.clone()).await;
        let calls = AtomicU32::new(0);
        let silent = Forgetful { store, one_in: 1, calls, happened: Some(false) };
        let directory = house(&company, silent, 50);
        let limit = SetSeatLimit { organization: company.organization, limit: Some(50) };
        let answer = directory.execute(&company.principal("olivia"), limit).await;
        assert!(matches!(answer, Err(Error::OutcomeUnknown)), "{answer:?}");
    });
}
