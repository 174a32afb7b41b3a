//! Whoever stops waiting loses nothing, and stops nobody.

use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures_executor::block_on;
use futures_util::FutureExt as _;
use futures_util::future::poll_fn;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tenure::UserDirectory;
use tenure::adapters::memory::MemoryStore;
use tenure::commands::{ChangeRole, Invite};
use tenure::domain::{ChangeSet, Need, Record, Stream};
use tenure::ports::{CommitError, Find, PeopleFilter, Store, StoreError};
use tenure::testing::cast::{Company, Desk, KEY};
use tenure::testing::{FakeEntropy, SharedStore};

/// A store whose calls need several polls, before and after they do anything.
struct Slow {
    store: SharedStore,
    polls: AtomicU32,
}

impl Slow {
    async fn pause(&self) {
        let mut left = self.polls.load(Ordering::Relaxed);
        poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(());
            }
            left -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

#[async_trait]
impl Store for Slow {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        self.pause().await;
        let found = self.store.load(needs).await;
        self.pause().await;
        found
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        self.pause().await;
        let outcome = self.store.commit(changes).await;
        self.pause().await;
        outcome
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        self.store.find(question).await
    }
}

async fn abandoned(store: SharedStore, polls: u32, drops: Vec<(usize, bool)>) {
    let company = Company::found(store.clone()).await;
    let directory = UserDirectory::builder_with(
        Slow { store: store.clone(), polls: AtomicU32::new(polls) },
        company.postbox.clone(),
        tenure::KeyRing::new(KEY),
        company.clock.clone(),
        FakeEntropy::new(99),
    )
    .permissions::<Desk>()
    .build();
    let stream = Stream::Organization(company.organization);
    let before = directory.verify_audit(stream).await.unwrap().position.get();
    let olivia = company.principal("olivia");
    let invite = |n: usize| {
        let email = Company::email(&format!("p{n}"));
        Invite::new(company.organization, email, "agent".parse().unwrap())
    };
    let mut queued = 0;
    let mut context = Context::from_waker(std::task::Waker::noop());
    for (n, (times, settles)) in drops.iter().copied().enumerate() {
        let mut asks = directory.execute(&olivia, invite(n)).boxed();
        for _ in 0..times {
            if asks.poll_unpin(&mut context).is_ready() {
                break;
            }
        }
        queued += u64::from(times > 0);
        drop(asks);
        if settles {
            directory.maintain().await.unwrap();
            let head = directory.verify_audit(stream).await.unwrap().position.get();
            assert_eq!(head - before, queued, "what was asked is settled by maintenance");
        }
    }
    // The next command of the stream finishes whatever was left.
    let change = ChangeRole {
        scope: company.organization.into(),
        membership: company.member("bob").membership,
        role: "viewer".parse().unwrap(),
        handover: None,
    };
    let done = directory.execute(&olivia, change).await.unwrap();
    let head = directory.verify_audit(stream).await.unwrap().position;
    assert_eq!(head, done.revision, "nothing comes after it that was asked before");
    assert_eq!(head.get() - before, queued + 1, "each command once, whole");
    for (n, (times, _)) in drops.iter().enumerate() {
        let filter = PeopleFilter { prefix: Some(format!("p{n}@")), ..PeopleFilter::default() };
        let found = directory.people(&olivia, company.organization, filter, None, 10).await;
        assert_eq!(found.unwrap().rows.len(), usize::from(*times > 0), "all of it, or nothing");
    }
}

#[test]
fn dropping_a_future_loses_nothing() {
    let config = Config { cases: 100, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[5; 32]);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let drops = proptest::collection::vec((0..30_usize, proptest::bool::weighted(0.2)), 1..8);
    let outcome = runner.run(&(0..5_u32, drops), |(polls, drops)| {
        block_on(abandoned(SharedStore::new(MemoryStore::new()), polls, drops));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    let files = crate::Files::new();
    for times in 1..12 {
        let drops = vec![(times, false), (times, true), (times + 3, false)];
        block_on(abandoned(SharedStore::new(files.open()), 2, drops));
    }
}
