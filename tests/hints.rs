//! Hints of a store that can push: a view catches up at once, nothing rests on a hint, and none
//! costs more than it brings.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use futures_channel::mpsc::{UnboundedSender, unbounded};
use futures_executor::block_on;
use futures_util::{Stream, stream};
use tenure::adapters::memory::MemoryStore;
use tenure::commands::*;
use tenure::directory::Keeping;
use tenure::domain::{
    ChangeSet, DeactivatedBecause, Key, Need, OrganizationId, Record, Revision, Span,
};
use tenure::ports::{CommitError, Find, Hint, StoreError};
use tenure::testing::cast::{Company, Desk, KEY};
use tenure::testing::{FakeEntropy, Postbox};
use tenure::{Access, KeyRing, Principal, Store, UserDirectory};

// ── A store that counts, waits and fails as it is told ──────────────────────────────────────────

#[derive(Clone, Default)]
struct Told {
    store: MemoryStore,
    asked: Arc<AtomicU64>,
    gone: Arc<AtomicBool>,
    /// Organizations whose records are not answered yet.
    slow: Arc<Mutex<BTreeSet<OrganizationId>>>,
    /// Whether others have their turn before anything is answered.
    in_turns: Arc<AtomicBool>,
}

impl Told {
    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    fn is_slow(&self, needs: &[Need]) -> bool {
        let slow = self.slow.lock().unwrap();
        slow.iter().any(|id| needs.contains(&Need::Record(Key::Organization(*id))))
    }
}

#[async_trait]
impl Store for Told {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.gone.load(Ordering::SeqCst) {
            return Err(StoreError("out of reach".to_owned()));
        }
        let answer = self.store.load(needs).await;
        let mut turns = u32::from(self.in_turns.load(Ordering::SeqCst));
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            if turns > 0 || self.is_slow(needs) {
                turns = turns.saturating_sub(1);
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        answer
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        self.store.commit(changes).await
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.store.find(question).await
    }
}

/// Acme Help in one process, and another that is never told by its clock.
struct Two {
    company: Company,
    there: UserDirectory,
    store: Told,
}

fn two() -> Two {
    let store = Told::default();
    let company = block_on(Company::found(store.clone()));
    let (keys, entropy) = (KeyRing::new(KEY), FakeEntropy::new(71));
    let there = UserDirectory::builder_with(
        store.clone(),
        Postbox::new(),
        keys,
        company.clock.clone(),
        entropy,
    );
    let there = there.permissions::<Desk>().build();
    Two { company, there, store }
}

impl Two {
    fn acme(&self) -> OrganizationId {
        self.company.organization
    }

    fn access(&self) -> Access {
        block_on(self.there.access(self.acme())).unwrap()
    }

    fn lets_in(&self, access: &Access, name: &str) -> bool {
        access.can_user(self.company.member(name).user.unwrap(), Desk::ViewTickets)
    }

    fn deactivate(&self, name: &str) -> Deactivate {
        let membership = self.company.member(name).membership;
        Deactivate::new(self.acme(), membership, DeactivatedBecause::Left)
    }

    fn olivia(&self) -> Principal {
        self.company.principal("olivia")
    }

    /// Something happens in the first process; what the store says of it to the other.
    fn elsewhere(&self, name: &str) -> Hint {
        let done = self.company.directory.execute(self.olivia(), self.deactivate(name));
        committed(self.acme(), block_on(done).unwrap().revision)
    }
}

fn committed(organization: OrganizationId, revision: Revision) -> Hint {
    Hint::Committed { organization, revision }
}

type Following<'d> = Pin<Box<dyn Future<Output = ()> + Send + 'd>>;

fn follow(there: &UserDirectory) -> (UnboundedSender<Hint>, Following<'_>) {
    let (sender, hints) = unbounded();
    (sender, Box::pin(there.follow(hints)))
}

/// As far as it goes now.
fn drive(following: &mut Following<'_>) -> Poll<()> {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..100 {
        if following.as_mut().poll(&mut context).is_ready() {
            return Poll::Ready(());
        }
    }
    Poll::Pending
}

// ── At once ─────────────────────────────────────────────────────────────────────────────────────

#[test]
fn what_another_process_commits_shows_as_soon_as_it_is_hinted() {
    let it = two();
    let held = it.access();
    let (hints, mut following) = follow(&it.there);
    let hint = it.elsewhere("bob");
    assert!(drive(&mut following).is_pending());
    assert!(it.lets_in(&held, "bob") && it.lets_in(&it.access(), "bob"), "it is not due");
    hints.unbounded_send(hint).unwrap();
    assert!(drive(&mut following).is_pending());
    assert!(!it.lets_in(&held, "bob"));
    let Hint::Committed { revision, .. } = hint else { panic!() };
    assert_eq!(held.revision(), revision);
}

#[test]
fn what_one_commits_oneself_and_what_was_seen_already_costs_nothing() {
    let it = two();
    let held = it.access();
    let (hints, mut following) = follow(&it.there);
    let earlier = it.elsewhere("berta");
    hints.unbounded_send(earlier).unwrap();
    assert!(drive(&mut following).is_pending());
    let own = block_on(it.there.execute(it.olivia(), it.deactivate("bob"))).unwrap().revision;
    assert!(!it.lets_in(&held, "bob") && !it.lets_in(&held, "berta"));
    let asked = it.store.asked();
    // Late, twice, and out of order.
    for hint in [committed(it.acme(), own), earlier, committed(it.acme(), own), earlier] {
        hints.unbounded_send(hint).unwrap();
    }
    assert!(drive(&mut following).is_pending());
    it.access();
    assert_eq!(it.store.asked(), asked);
}

#[test]
fn a_view_that_is_not_there_is_not_loaded() {
    let it = two();
    let (hints, mut following) = follow(&it.there);
    let hint = it.elsewhere("bob");
    let asked = it.store.asked();
    hints.unbounded_send(hint).unwrap();
    hints.unbounded_send(committed(it.company.rival, Revision::new(1_000))).unwrap();
    hints.unbounded_send(Hint::Missed).unwrap();
    assert!(drive(&mut following).is_pending());
    assert_eq!(it.store.asked(), asked);
    assert!(!it.lets_in(&it.access(), "bob"));
}

#[test]
fn a_hint_of_what_is_not_there_is_looked_for_once() {
    let it = two();
    let held = it.access();
    let (hints, mut following) = follow(&it.there);
    let asked = it.store.asked();
    hints.unbounded_send(committed(it.acme(), Revision::new(1_000_000))).unwrap();
    assert!(drive(&mut following).is_pending());
    assert_eq!(it.store.asked(), asked + 1);
    assert!(it.lets_in(&held, "bob"));
}

#[test]
fn a_view_of_a_workspace_is_caught_up_too() {
    let it = two();
    let open = OpenWorkspace { organization: it.acme(), name: "Sales".parse().unwrap() };
    let sales = block_on(it.there.execute(it.olivia(), open)).unwrap().output;
    let scope = tenure::Scope::workspace(it.acme(), sales);
    let (whole, inside) = (it.access(), block_on(it.there.access(scope)).unwrap());
    let (hints, mut following) = follow(&it.there);
    hints.unbounded_send(it.elsewhere("ada")).unwrap();
    assert!(it.lets_in(&whole, "ada") && it.lets_in(&inside, "ada"));
    assert!(drive(&mut following).is_pending());
    assert!(!it.lets_in(&whole, "ada") && !it.lets_in(&inside, "ada"));
}

#[test]
fn a_hint_that_comes_while_a_view_is_loaded_is_not_lost() {
    for turns in 0..12 {
        let it = two();
        it.store.in_turns.store(true, Ordering::SeqCst);
        let (hints, mut following) = follow(&it.there);
        let mut loading = Box::pin(it.there.access(it.acme()));
        let mut context = Context::from_waker(Waker::noop());
        let mut early = None;
        for _ in 0..turns {
            if let Poll::Ready(access) = loading.as_mut().poll(&mut context) {
                early = Some(access.unwrap());
                break;
            }
        }
        hints.unbounded_send(it.elsewhere("bob")).unwrap();
        assert!(drive(&mut following).is_pending());
        let access = match early {
            Some(access) => access,
            None => block_on(loading).unwrap(),
        };
        assert!(!it.lets_in(&access, "bob"), "after {turns} turns");
    }
}

// ── While the store is slow, or gone ────────────────────────────────────────────────────────────

#[test]
fn hints_that_wait_together_cost_one_catch_up() {
    let it = two();
    let held = it.access();
    let (hints, mut following) = follow(&it.there);
    // What one catch-up costs.
    let before = it.store.asked();
    hints.unbounded_send(it.elsewhere("carl")).unwrap();
    let mine = it.store.asked() - before;
    assert!(drive(&mut following).is_pending());
    let one = it.store.asked() - before - mine;
    // The first is under way, and all that come meanwhile are one.
    it.store.slow.lock().unwrap().insert(it.acme());
    let first = it.elsewhere_unhurried("bob");
    hints.unbounded_send(first).unwrap();
    assert!(drive(&mut following).is_pending());
    let last = it.elsewhere_unhurried("berta");
    for _ in 0..1_000 {
        hints.unbounded_send(first).unwrap();
        hints.unbounded_send(last).unwrap();
    }
    for _ in 0..30 {
        assert!(drive(&mut following).is_pending());
    }
    let before = it.store.asked();
    it.store.slow.lock().unwrap().clear();
    assert!(drive(&mut following).is_pending());
    assert!(!it.lets_in(&held, "bob") && !it.lets_in(&held, "berta"));
    assert!(it.store.asked() - before <= 2 * one, "{} for {one}", it.store.asked() - before);
}

impl Two {
    /// As `elsewhere`, past what is slow.
    fn elsewhere_unhurried(&self, name: &str) -> Hint {
        let slow = std::mem::take(&mut *self.store.slow.lock().unwrap());
        let hint = self.elsewhere(name);
        *self.store.slow.lock().unwrap() = slow;
        hint
    }
}

#[test]
fn an_organization_that_is_slow_holds_up_no_other() {
    let it = two();
    let held = it.access();
    let rival = block_on(it.there.access(it.company.rival)).unwrap();
    let (hints, mut following) = follow(&it.there);
    it.store.slow.lock().unwrap().insert(it.company.rival);
    for revision in 1_000..1_020 {
        hints.unbounded_send(committed(it.company.rival, Revision::new(revision))).unwrap();
        assert!(drive(&mut following).is_pending());
    }
    hints.unbounded_send(it.elsewhere("bob")).unwrap();
    assert!(drive(&mut following).is_pending());
    assert!(!it.lets_in(&held, "bob"));
    drop(rival);
}

#[test]
fn a_store_that_fails_is_not_asked_for_ever_and_later_hints_are_not_lost() {
    let it = two();
    let held = it.access();
    let (hints, mut following) = follow(&it.there);
    let (bob, asked) = (it.elsewhere("bob"), it.store.asked());
    it.store.gone.store(true, Ordering::SeqCst);
    hints.unbounded_send(bob).unwrap();
    for _ in 0..10 {
        assert!(drive(&mut following).is_pending());
    }
    assert!(it.store.asked() - asked <= 2, "{}", it.store.asked() - asked);
    assert!(it.lets_in(&held, "bob"));
    it.store.gone.store(false, Ordering::SeqCst);
    // Whoever asks next has the store asked, however young the view is …
    let access = it.access();
    assert!(!it.lets_in(&access, "bob") && !it.lets_in(&held, "bob"));
    // … and the next hint is followed.
    hints.unbounded_send(it.elsewhere("berta")).unwrap();
    assert!(drive(&mut following).is_pending());
    assert!(!it.lets_in(&held, "berta"));
}

#[test]
fn more_hints_than_can_be_taken_at_once_keep_nothing_from_being_done() {
    let it = two();
    let held = it.access();
    let hint = it.elsewhere("bob");
    // It never has to wait for the next one.
    let mut taken = 0_u64;
    let endless = stream::poll_fn(|context| {
        taken += 1;
        context.waker().wake_by_ref();
        assert!(taken < 1_000_000);
        if it.lets_in(&held, "bob") { Poll::Ready(Some(hint)) } else { Poll::Ready(None) }
    });
    assert_ends(it.there.follow(endless));
    assert!(!it.lets_in(&held, "bob"));
}

fn assert_ends(following: impl Future<Output = ()> + Send) {
    assert!(drive(&mut (Box::pin(following) as Following<'_>)).is_ready());
}

// ── What was missed, and the end ────────────────────────────────────────────────────────────────

#[test]
fn when_hints_were_missed_every_view_is_due() {
    let it = two();
    let held = it.access();
    drop(block_on(it.there.access(it.company.rival)).unwrap());
    it.elsewhere("bob");
    let support = block_on(it.company.directory.execute(
        it.company.principal("rita"),
        Invite::new(it.company.rival, Company::email("nora"), "agent".parse().unwrap()),
    ));
    let (hints, mut following) = follow(&it.there);
    assert!(drive(&mut following).is_pending());
    assert!(it.lets_in(&held, "bob"));
    hints.unbounded_send(Hint::Missed).unwrap();
    assert!(drive(&mut following).is_pending());
    // One that is held is caught up, one that is not is so before it is relied on.
    assert!(!it.lets_in(&held, "bob"));
    let rival = block_on(it.there.access(it.company.rival)).unwrap();
    assert_eq!(rival.revision(), support.unwrap().revision);
}

#[test]
fn at_the_end_of_the_hints_what_was_hinted_is_done() {
    let it = two();
    let held = it.access();
    let hints = [it.elsewhere("bob"), it.elsewhere("berta"), Hint::Missed];
    it.store.slow.lock().unwrap().insert(it.acme());
    let mut following: Following<'_> = Box::pin(it.there.follow(stream::iter(hints)));
    assert!(drive(&mut following).is_pending());
    it.store.slow.lock().unwrap().clear();
    assert!(drive(&mut following).is_ready());
    assert!(!it.lets_in(&held, "bob") && !it.lets_in(&held, "berta"));
    assert_ends(it.there.follow(stream::empty()));
}

#[test]
fn dropping_it_in_the_middle_is_harmless_and_polling_goes_on() {
    let it = two();
    let held = it.access();
    it.store.in_turns.store(true, Ordering::SeqCst);
    for turns in 0..12 {
        let (name, back) = if turns % 2 == 0 { ("bob", true) } else { ("bob", false) };
        let hint = if back { it.elsewhere(name) } else { it.returns(name) };
        let (hints, mut following) = follow(&it.there);
        hints.unbounded_send(hint).unwrap();
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..turns {
            assert!(following.as_mut().poll(&mut context).is_pending());
        }
        drop(following);
        it.company.clock.advance(Keeping::default().follow_every);
        let access = it.access();
        assert_eq!(it.lets_in(&access, name), !back, "after {turns} turns");
        assert_eq!(it.lets_in(&held, name), !back, "after {turns} turns");
    }
}

impl Two {
    fn returns(&self, name: &str) -> Hint {
        let membership = self.company.member(name).membership;
        let (scope, work) = (self.acme().into(), WorkOnReturn::StaysWhereItIs);
        let back = Reactivate { scope, membership, work };
        let done = self.company.directory.execute(self.olivia(), back);
        committed(self.acme(), block_on(done).unwrap().revision)
    }
}

#[test]
fn without_hints_the_bound_holds_as_before() {
    let it = two();
    let held = it.access();
    let (_hints, mut following) = follow(&it.there);
    it.elsewhere("bob");
    it.company.clock.advance(Span::seconds(1));
    assert!(drive(&mut following).is_pending());
    assert!(it.lets_in(&held, "bob"), "nobody has asked");
    assert!(!it.lets_in(&it.access(), "bob"));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_as_a_task_of_its_own() {
    let it = tokio::task::spawn_blocking(two).await.unwrap();
    let held = it.there.access(it.acme()).await.unwrap();
    let (sender, hints) = unbounded();
    let there = it.there.clone();
    let task = tokio::spawn(async move { there.follow(both(hints, stream::empty())).await });
    let done = it.company.directory.execute(it.olivia(), it.deactivate("bob")).await.unwrap();
    sender.unbounded_send(committed(it.acme(), done.revision)).unwrap();
    drop(sender);
    task.await.unwrap();
    assert!(!it.lets_in(&held, "bob"));
}

/// Hints of two stores are hints.
fn both(
    one: impl Stream<Item = Hint> + Send,
    other: impl Stream<Item = Hint> + Send,
) -> impl Stream<Item = Hint> + Send {
    stream::select(Box::pin(one), Box::pin(other))
}
