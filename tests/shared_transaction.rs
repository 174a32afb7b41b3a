//! A command as a part of the host's own transaction: both or neither, whatever goes wrong, and no
//! view shows what was not committed.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use tempfile::TempDir;
use tenure::access::Management;
use tenure::adapters::memory::MemoryStore;
use tenure::adapters::sqlite::SqliteStore;
use tenure::commands::*;
use tenure::directory::Keeping;
use tenure::domain::{
    ChangeSet, DeactivatedBecause, IdempotencyKey, Need, Record, Refusal, Revision, Span, Stream,
};
use tenure::ports::{CommitError, Find, HostError, StoreError, Transaction};
use tenure::testing::cast::{Company, Desk, KEY};
use tenure::testing::{FakeEntropy, Postbox};
use tenure::{Access, Error, KeyRing, Realm, Request, Store, UserDirectory};

// ── The stage ───────────────────────────────────────────────────────────────────────────────────

/// Acme Help in a file, with a table of the host in it.
struct Stage {
    company: Company,
    store: Arc<SqliteStore>,
    host: rusqlite::Connection,
    _folder: TempDir,
}

async fn stage() -> Stage {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("people.db");
    let store = Arc::new(SqliteStore::open(&path).unwrap());
    let host = rusqlite::Connection::open(&path).unwrap();
    let tables = "CREATE TABLE campaign (invitation TEXT NOT NULL UNIQUE);
                  CREATE TABLE note (campaign TEXT REFERENCES campaign (invitation)
                                     DEFERRABLE INITIALLY DEFERRED)";
    host.execute_batch(tables).unwrap();
    let company = Company::found(Arc::clone(&store)).await;
    Stage { company, store, host, _folder: folder }
}

impl Stage {
    fn rows(&self) -> u32 {
        self.host.query_row("SELECT count(*) FROM campaign", [], |row| row.get(0)).unwrap()
    }

    /// Writes the host's row, and then does something else.
    fn row_and(
        &self,
        row: impl Into<String>,
        then: impl FnOnce(&rusqlite::Connection) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
        + Send
        + 'static,
    ) -> impl Transaction + '_ {
        let row = row.into();
        self.store.transaction(move |connection| {
            connection.execute("INSERT INTO campaign VALUES (?1)", [row])?;
            then(connection)
        })
    }

    fn row(&self, row: impl Into<String>) -> impl Transaction + '_ {
        self.row_and(row, |_| Ok(()))
    }

    /// As before: no row of the host, the same audit, and the next command works.
    async fn nothing_happened_since(&self, before: (u32, Revision)) {
        assert_eq!((self.rows(), position(&self.company).await), before);
        let next = self.company.invite("next", "agent").await.unwrap();
        let after = position(&self.company).await;
        assert_eq!(after, before.1.next(), "{next:?}");
    }

    async fn now(&self) -> (u32, Revision) {
        (self.rows(), position(&self.company).await)
    }
}

/// The last position of the audit, which verifies.
async fn position(company: &Company) -> Revision {
    let stream = Stream::Organization(company.organization);
    company.directory.verify_audit(stream).await.unwrap().position
}

fn invite(company: &Company, name: &str) -> Invite {
    Invite::new(company.organization, Company::email(name), "agent".parse().unwrap())
}

fn deactivate(company: &Company, name: &str) -> Deactivate {
    let membership = company.member(name).membership;
    Deactivate::new(company.organization, membership, DeactivatedBecause::Left)
}

fn sees_tickets(company: &Company, access: &Access, name: &str) -> bool {
    access.can_user(company.member(name).user.unwrap(), Desk::ViewTickets)
}

/// A transaction of nobody: it says what it was told to say.
struct Says(Result<(), CommitError>);

impl Transaction for Says {
    async fn write(self, _: ChangeSet) -> Result<(), CommitError> {
        self.0
    }
}

/// A transaction that must not be touched.
struct Untouched;

impl Transaction for Untouched {
    async fn write(self, _: ChangeSet) -> Result<(), CommitError> {
        panic!("there is nothing to write")
    }
}

/// A host whose transaction is the store's own commit.
struct Plain<'s, S>(&'s S);

impl<S: Store> Transaction for Plain<'_, S> {
    async fn write(self, changes: ChangeSet) -> Result<(), CommitError> {
        self.0.commit(changes).await
    }
}

// ── Together ────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn the_hosts_row_and_the_invitation_are_committed_together() {
    let it = stage().await;
    let (directory, olivia) = (&it.company.directory, it.company.principal("olivia"));
    let before = it.now().await;
    let prepared = directory.prepare(&olivia, invite(&it.company, "nora")).await.unwrap();
    assert!(!prepared.was_done());
    assert_eq!(it.now().await, before, "nothing is written yet");
    let foreseen = prepared.outcome().clone();
    let written = prepared.commit_in(it.row(foreseen.output.invitation.to_string())).await.unwrap();
    assert_eq!(it.now().await, (before.0 + 1, before.1.next()));
    let done = written.published().await.unwrap();
    assert_eq!(done.revision, before.1.next());
    assert_eq!(
        (done.output.invitation, done.events),
        (foreseen.output.invitation, foreseen.events)
    );
    // It is an invitation like any other: its mail goes, and its link works.
    let token = it.company.link_for("nora").await;
    let view = directory.inspect(&token).await.unwrap();
    directory.execute(view.link.clone(), view.accept()).await.unwrap();
    assert_eq!(position(&it.company).await, before.1.next().next());
}

#[tokio::test]
async fn a_refusal_is_said_at_once_and_dropping_what_was_prepared_means_nothing() {
    let it = stage().await;
    let (directory, bob) = (&it.company.directory, it.company.principal("bob"));
    let before = it.now().await;
    let refused = directory.prepare(&bob, invite(&it.company, "nora")).await.unwrap_err();
    let invites = Refusal::MissingPermission(Management::Invite.into());
    assert_eq!(refused.refusal(), Some(&invites));
    let olivia = it.company.principal("olivia");
    drop(directory.prepare(&olivia, invite(&it.company, "nora")).await.unwrap());
    it.nothing_happened_since(before).await;
}

#[tokio::test]
async fn views_are_told_when_it_is_published_and_not_before() {
    let it = stage().await;
    let (directory, olivia) = (&it.company.directory, it.company.principal("olivia"));
    let access = directory.access(it.company.organization).await.unwrap();
    let shown = access.revision();
    let prepared = directory.prepare(&olivia, deactivate(&it.company, "bob")).await.unwrap();
    assert!(sees_tickets(&it.company, &access, "bob"));
    let written = prepared.commit_in(it.row("bob")).await.unwrap();
    assert!(sees_tickets(&it.company, &access, "bob"));
    assert_eq!(access.revision(), shown);
    let done = written.published().await.unwrap();
    assert!(!sees_tickets(&it.company, &access, "bob"));
    assert_eq!(access.revision(), done.revision);
}

#[tokio::test]
async fn it_works_for_a_users_own_stream_and_for_any_store() {
    let store = MemoryStore::new();
    let company = Company::found(store.clone()).await;
    let (directory, olivia) = (&company.directory, company.principal("olivia"));
    let access = directory.access(company.organization).await.unwrap();
    let prepared = directory.prepare(&olivia, deactivate(&company, "bob")).await.unwrap();
    let written = prepared.commit_in(Plain(&store)).await.unwrap();
    written.published().await.unwrap();
    assert!(!sees_tickets(&company, &access, "bob"));
    let user = directory.new_id();
    let email = "zoe@elsewhere.example".parse().unwrap();
    let register = RegisterUser::verified(user, Realm::Shared, email);
    let prepared = directory.prepare(company.principal("system"), register).await.unwrap();
    prepared.commit_in(Plain(&store)).await.unwrap().published().await.unwrap();
    assert_eq!(directory.verify_audit(Stream::User(user)).await.unwrap().position.get(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_beside_ordinary_commands_are_each_whole() {
    const EACH: u32 = 12;
    let it = stage().await;
    let before = it.now().await;
    let ordinary = (0..EACH).map(|n| {
        let (company, name) = (it.company.clone(), format!("ordinary{n}"));
        tokio::spawn(async move { company.invite(&name, "agent").await.unwrap() })
    });
    let ordinary: Vec<_> = ordinary.collect();
    let shared = (0..EACH).map(|n| {
        let (company, store) = (it.company.clone(), Arc::clone(&it.store));
        tokio::spawn(async move {
            let (name, olivia) = (format!("shared{n}"), company.principal("olivia"));
            loop {
                let asked = company.directory.prepare(&olivia, invite(&company, &name));
                let prepared = asked.await.unwrap();
                let row = name.clone();
                let transaction = store.transaction(move |connection| {
                    connection.execute("INSERT INTO campaign VALUES (?1)", [row])?;
                    Ok(())
                });
                match prepared.commit_in(transaction).await {
                    Ok(written) => break written.published().await.unwrap().revision,
                    Err(Error::Contended) => tokio::task::yield_now().await,
                    Err(other) => panic!("{other}"),
                }
            }
        })
    });
    for task in shared.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    for task in ordinary {
        task.await.unwrap();
    }
    let all = Revision::new(before.1.get() + 2 * u64::from(EACH));
    assert_eq!(it.now().await, (before.0 + EACH, all));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_host_writes_everybody_reads_as_before() {
    let it = stage().await;
    let (directory, olivia) = (&it.company.directory, it.company.principal("olivia"));
    let before = it.now().await;
    let prepared = directory.prepare(&olivia, deactivate(&it.company, "bob")).await.unwrap();
    let (writes, has_written) = std::sync::mpsc::channel();
    let (goes_on, may_go_on) = std::sync::mpsc::channel();
    let store = Arc::clone(&it.store);
    let task = tokio::spawn(async move {
        let transaction = store.transaction(move |connection| {
            connection.execute("INSERT INTO campaign VALUES ('bob')", ())?;
            writes.send(())?;
            Ok(may_go_on.recv()?)
        });
        prepared.commit_in(transaction).await.unwrap().published().await.unwrap()
    });
    tokio::task::block_in_place(|| has_written.recv()).unwrap();
    assert_eq!(it.now().await, before);
    let access = directory.access(it.company.organization).await.unwrap();
    assert!(sees_tickets(&it.company, &access, "bob"));
    goes_on.send(()).unwrap();
    task.await.unwrap();
    assert_eq!(it.now().await, (before.0 + 1, before.1.next()));
    assert!(!sees_tickets(&it.company, &access, "bob"));
}

#[tokio::test]
async fn whoever_stops_waiting_has_both_all_the_same() {
    let it = stage().await;
    let (directory, olivia) = (&it.company.directory, it.company.principal("olivia"));
    let before = it.now().await;
    let prepared = directory.prepare(&olivia, invite(&it.company, "nora")).await.unwrap();
    let mut writing = Box::pin(prepared.commit_in(it.row("nora")));
    let _ = writing.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    drop(writing);
    // The writer does one thing after the other.
    it.company.invite("next", "agent").await.unwrap();
    assert_eq!(it.now().await, (before.0 + 1, before.1.next().next()));
}

// ── Neither ─────────────────────────────────────────────────────────────────────────────────────

#[derive(Debug, thiserror::Error)]
#[error("the budget of the campaign is spent")]
struct Spent(u32);

#[tokio::test]
async fn an_error_of_the_host_rolls_both_back_and_comes_out_as_it_is() {
    let it = stage().await;
    let (directory, olivia) = (&it.company.directory, it.company.principal("olivia"));
    let before = it.now().await;
    let prepared = directory.prepare(&olivia, invite(&it.company, "nora")).await.unwrap();
    let transaction = it.row_and("nora", |_| Err(Spent(7).into()));
    let error = prepared.commit_in(transaction).await.unwrap_err();
    assert!(error.to_string().ends_with("the budget of the campaign is spent"), "{error}");
    let Error::Host(error) = error else { panic!("{error:?}") };
    assert_eq!(error.downcast_ref::<Spent>().unwrap().0, 7);
    it.nothing_happened_since(before).await;
}

#[tokio::test]
async fn what_the_database_says_of_the_hosts_rows_is_told() {
    let it = stage().await;
    let (directory, olivia) = (&it.company.directory, it.company.principal("olivia"));
    it.host.execute("INSERT INTO campaign VALUES ('nora')", []).unwrap();
    let before = it.now().await;
    // At once, as the host's own error …
    let prepared = directory.prepare(&olivia, invite(&it.company, "nora")).await.unwrap();
    let error = prepared.commit_in(it.row("nora")).await.unwrap_err();
    assert!(error.to_string().contains("UNIQUE constraint failed: campaign.invitation"), "{error}");
    let Error::Host(error) = error else { panic!("{error:?}") };
    assert!(error.downcast_ref::<rusqlite::Error>().is_some());
    // … and when it comes out only at the end, by the store.
    let prepared = directory.prepare(&olivia, invite(&it.company, "nora")).await.unwrap();
    let dangling = it.row_and("other", |connection| {
        connection.execute("INSERT INTO note VALUES ('nobody')", [])?;
        Ok(())
    });
    let error = prepared.commit_in(dangling).await.unwrap_err();
    assert!(matches!(&error, Error::Store(it) if it.0.contains("FOREIGN KEY")), "{error:?}");
    it.nothing_happened_since(before).await;
}

#[tokio::test]
async fn a_panic_of_the_host_rolls_both_back_and_the_writer_goes_on() {
    let it = stage().await;
    let (directory, olivia) = (&it.company.directory, it.company.principal("olivia"));
    let before = it.now().await;
    let prepared = directory.prepare(&olivia, invite(&it.company, "nora")).await.unwrap();
    let transaction = it.row_and("nora", |_| panic!("the host has a bug"));
    let error = prepared.commit_in(transaction).await.unwrap_err();
    assert!(matches!(error, Error::Host(_)), "{error:?}");
    assert!(error.to_string().contains("the host has a bug"), "{error}");
    it.nothing_happened_since(before).await;
}

#[tokio::test]
async fn whoever_ends_the_transaction_before_its_time_is_found_out() {
    for ends in ["ROLLBACK", "COMMIT", "COMMIT; BEGIN", "ROLLBACK; BEGIN IMMEDIATE"] {
        let it = stage().await;
        let (directory, olivia) = (&it.company.directory, it.company.principal("olivia"));
        let before = position(&it.company).await;
        let prepared = directory.prepare(&olivia, invite(&it.company, "nora")).await.unwrap();
        let transaction = it.row_and("nora", move |connection| {
            connection.execute_batch(ends)?;
            Ok(())
        });
        let error = prepared.commit_in(transaction).await.unwrap_err();
        assert!(matches!(error, Error::Host(_)), "{ends}: {error:?}");
        assert!(error.to_string().contains("ended the transaction itself"), "{ends}: {error}");
        assert_eq!(position(&it.company).await, before, "{ends}");
        it.company.invite("next", "agent").await.unwrap();
    }
}

#[tokio::test]
async fn of_two_prepared_at_once_one_is_contended_and_prepares_again() {
    let it = stage().await;
    let (directory, olivia) = (&it.company.directory, it.company.principal("olivia"));
    let before = it.now().await;
    let first = directory.prepare(&olivia, invite(&it.company, "nora")).await.unwrap();
    let second = directory.prepare(&olivia, invite(&it.company, "otto")).await.unwrap();
    first.commit_in(it.row("nora")).await.unwrap().published().await.unwrap();
    let ran = Arc::new(AtomicBool::new(false));
    let runs = Arc::clone(&ran);
    let transaction = it.row_and("otto", move |_| {
        runs.store(true, Ordering::SeqCst);
        Ok(())
    });
    assert!(matches!(second.commit_in(transaction).await, Err(Error::Contended)));
    assert!(!ran.load(Ordering::SeqCst), "the host is not asked for what cannot be");
    assert_eq!(it.now().await, (before.0 + 1, before.1.next()));
    let again = directory.prepare(&olivia, invite(&it.company, "otto")).await.unwrap();
    again.commit_in(it.row("otto")).await.unwrap().published().await.unwrap();
    assert_eq!(it.now().await, (before.0 + 2, before.1.next().next()));
}

#[tokio::test]
async fn whoever_finds_something_taken_meanwhile_is_refused_as_by_execute() {
    let it = stage().await;
    let (directory, system) = (&it.company.directory, it.company.principal("system"));
    let register = || {
        let email = "zoe@elsewhere.example".parse().unwrap();
        RegisterUser::verified(directory.new_id(), Realm::Shared, email)
    };
    let prepared = directory.prepare(&system, register()).await.unwrap();
    directory.execute(&system, register()).await.unwrap();
    let rows = it.rows();
    let error = prepared.commit_in(it.row("zoe")).await.unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::Taken("address")), "{error:?}");
    assert_eq!(it.rows(), rows);
    let executed = directory.execute(&system, register()).await.unwrap_err();
    assert_eq!(executed.refusal(), error.refusal());
}

#[tokio::test]
async fn what_a_transaction_says_is_passed_on_as_it_is() {
    let company = Company::found(MemoryStore::new()).await;
    let (directory, olivia) = (&company.directory, company.principal("olivia"));
    let said = |error: CommitError| async {
        let asked = directory.prepare(&olivia, invite(&company, "nora"));
        asked.await.unwrap().commit_in(Says(Err(error))).await.unwrap_err()
    };
    let failed = said(CommitError::Failed(StoreError("the disk is full".to_owned()))).await;
    assert!(matches!(&failed, Error::Store(it) if it.0 == "the disk is full"), "{failed:?}");
    let conflict = said(CommitError::Conflict(None)).await;
    assert!(matches!(conflict, Error::Contended), "{conflict:?}");
    let host = said(CommitError::Host(HostError::new("spent"))).await;
    assert!(matches!(host, Error::Host(_)), "{host:?}");
    let unknown = said(CommitError::Unknown("the line was cut".to_owned())).await;
    assert!(matches!(unknown, Error::OutcomeUnknown), "{unknown:?}");
}

// ── Published ───────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn what_was_not_committed_is_published_nowhere() {
    let company = Company::found(MemoryStore::new()).await;
    let (directory, olivia) = (&company.directory, company.principal("olivia"));
    let access = directory.access(company.organization).await.unwrap();
    let shown = access.revision();
    let prepared = directory.prepare(&olivia, deactivate(&company, "bob")).await.unwrap();
    let written = prepared.commit_in(Says(Ok(()))).await.unwrap();
    let error = written.published().await.unwrap_err();
    assert!(matches!(error, Error::NotCommitted), "{error:?}");
    assert!(error.to_string().contains("prepare again"), "{error}");
    assert_eq!(access.revision(), shown);
    assert!(sees_tickets(&company, &access, "bob"));
    // Another command has the place in the audit that it would have had: that is not taken for it.
    let prepared = directory.prepare(&olivia, deactivate(&company, "bob")).await.unwrap();
    let written = prepared.commit_in(Says(Ok(()))).await.unwrap();
    directory.execute(&olivia, deactivate(&company, "berta")).await.unwrap();
    assert!(matches!(written.published().await, Err(Error::NotCommitted)));
    assert!(sees_tickets(&company, &access, "bob"));
    directory.execute(&olivia, deactivate(&company, "bob")).await.unwrap();
    assert!(!sees_tickets(&company, &access, "bob"));
}

#[tokio::test]
async fn what_nobody_published_is_seen_like_the_commit_of_another_process() {
    let it = stage().await;
    let (directory, olivia) = (&it.company.directory, it.company.principal("olivia"));
    // The lane has a memory of how it was before.
    it.company.invite("otto", "agent").await.unwrap();
    let held = directory.access(it.company.organization).await.unwrap();
    let prepared = directory.prepare(&olivia, deactivate(&it.company, "bob")).await.unwrap();
    let revision = prepared.outcome().revision;
    drop(prepared.commit_in(it.row("bob")).await.unwrap());
    assert!(sees_tickets(&it.company, &held, "bob"));
    it.company.clock.advance(Keeping::default().follow_every);
    let access = directory.access(it.company.organization).await.unwrap();
    assert!(!sees_tickets(&it.company, &access, "bob") && !sees_tickets(&it.company, &held, "bob"));
    assert_eq!(access.revision(), revision);
    // And so it is when the lane goes on at once, on what it remembers.
    let prepared = directory.prepare(&olivia, deactivate(&it.company, "berta")).await.unwrap();
    drop(prepared.commit_in(it.row("berta")).await.unwrap());
    it.company.invite("nora", "agent").await.unwrap();
    let access = directory.access(it.company.organization).await.unwrap();
    assert!(!sees_tickets(&it.company, &access, "berta"));
    position(&it.company).await;
}

/// A store whose commits are answered late, and whose loads can fail.
#[derive(Clone, Default)]
struct Late {
    store: MemoryStore,
    waits: Arc<AtomicBool>,
    /// How many loads are still answered; none means all.
    answers: Arc<Mutex<Option<u32>>>,
}

#[async_trait]
impl Store for Late {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        if let Some(left) = self.answers.lock().unwrap().as_mut() {
            let out_of_reach = || StoreError("out of reach".to_owned());
            *left = left.checked_sub(1).ok_or_else(out_of_reach)?;
        }
        self.store.load(needs).await
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        let answer = self.store.commit(changes).await;
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            if self.waits.load(Ordering::SeqCst) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        answer
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        self.store.find(question).await
    }
}

fn change_role(company: &Company, name: &str, role: &str) -> ChangeRole {
    ChangeRole {
        scope: company.organization.into(),
        membership: company.member(name).membership,
        role: role.parse().unwrap(),
        handover: None,
    }
}

#[tokio::test]
async fn publishing_late_undoes_nothing_that_was_done_since() {
    let store = Late::default();
    let company = Company::found(store.clone()).await;
    let (directory, olivia) = (&company.directory, company.principal("olivia"));
    let access = directory.access(company.organization).await.unwrap();
    // The host makes Bob a viewer, and before it says so the directory throws him out.
    let prepared = directory.prepare(&olivia, change_role(&company, "bob", "viewer")).await;
    let written = prepared.unwrap().commit_in(Plain(&store.store)).await.unwrap();
    directory.execute(&olivia, deactivate(&company, "bob")).await.unwrap();
    assert!(!sees_tickets(&company, &access, "bob"));
    written.published().await.unwrap();
    assert!(!sees_tickets(&company, &access, "bob"));
    // The same while the store cannot be asked what is so now: nobody is let in on it.
    let prepared = directory.prepare(&olivia, change_role(&company, "berta", "viewer")).await;
    let written = prepared.unwrap().commit_in(Plain(&store.store)).await.unwrap();
    directory.execute(&olivia, deactivate(&company, "berta")).await.unwrap();
    *store.answers.lock().unwrap() = Some(0);
    assert!(matches!(written.published().await, Err(Error::OutcomeUnknown)));
    assert!(!sees_tickets(&company, &access, "berta"));
    *store.answers.lock().unwrap() = None;
    let access = directory.access(company.organization).await.unwrap();
    assert!(!sees_tickets(&company, &access, "berta") && sees_tickets(&company, &access, "vera"));
    // And when it is known to be committed, but not what came of it.
    let prepared = directory.prepare(&olivia, change_role(&company, "vera", "agent")).await;
    let written = prepared.unwrap().commit_in(Plain(&store.store)).await.unwrap();
    directory.execute(&olivia, deactivate(&company, "ada")).await.unwrap();
    *store.answers.lock().unwrap() = Some(1);
    written.published().await.unwrap();
    assert!(!sees_tickets(&company, &access, "ada") && !sees_tickets(&company, &access, "vera"));
    *store.answers.lock().unwrap() = None;
    let access = directory.access(company.organization).await.unwrap();
    assert!(!sees_tickets(&company, &access, "ada") && sees_tickets(&company, &access, "vera"));
}

#[tokio::test]
async fn a_lane_that_hears_late_of_its_commit_undoes_nothing_that_was_published_since() {
    let store = Late::default();
    let company = Company::found(store.clone()).await;
    let (directory, olivia) = (&company.directory, company.principal("olivia"));
    let access = directory.access(company.organization).await.unwrap();
    // Bob is made a viewer and Berta thrown out, and the store's answer is still under way …
    store.waits.store(true, Ordering::SeqCst);
    let commands =
        vec![change_role(&company, "bob", "viewer").into(), deactivate(&company, "berta").into()];
    let batching = tenure::Batching::all_or_nothing();
    let mut lane = Box::pin(directory.execute_all(&olivia, commands, batching));
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..20 {
        assert!(lane.as_mut().poll(&mut context).is_pending());
    }
    // … when the host throws Bob out, and says so.
    let prepared = directory.prepare(&olivia, deactivate(&company, "bob")).await.unwrap();
    let written = prepared.commit_in(Plain(&store.store)).await.unwrap();
    let done = written.published().await.unwrap();
    assert!(!sees_tickets(&company, &access, "bob"));
    store.waits.store(false, Ordering::SeqCst);
    let answers = lane.await.unwrap();
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert!(!sees_tickets(&company, &access, "bob"));
    // What the lane did shows all the same, before its caller is answered.
    assert!(!sees_tickets(&company, &access, "berta"));
    assert_eq!(access.revision(), done.revision);
}

#[tokio::test]
async fn another_process_shows_it_within_its_bound() {
    let it = stage().await;
    let there = UserDirectory::builder_with(
        Arc::clone(&it.store),
        Postbox::new(),
        KeyRing::new(KEY),
        it.company.clock.clone(),
        FakeEntropy::new(9),
    );
    let keeping = Keeping { follow_every: Span::seconds(5), ..Keeping::default() };
    let there = there.permissions::<Desk>().keeping(keeping).build();
    let access = there.access(it.company.organization).await.unwrap();
    let olivia = it.company.principal("olivia");
    let prepared = it.company.directory.prepare(&olivia, deactivate(&it.company, "bob")).await;
    let written = prepared.unwrap().commit_in(it.row("bob")).await.unwrap();
    written.published().await.unwrap();
    assert!(sees_tickets(&it.company, &access, "bob"));
    it.company.clock.advance(Span::seconds(5));
    there.access(it.company.organization).await.unwrap();
    assert!(!sees_tickets(&it.company, &access, "bob"));
}

// ── Under a key ─────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn under_a_key_it_is_done_once_and_the_transaction_is_left_alone() {
    let it = stage().await;
    let (directory, olivia) = (&it.company.directory, it.company.principal("olivia"));
    let key = IdempotencyKey::new("campaign-1").unwrap();
    let asked = || Request::from(&olivia).with_key(key.clone());
    let first = directory.prepare(asked(), invite(&it.company, "nora")).await.unwrap();
    let beside = directory.prepare(asked(), invite(&it.company, "nora")).await.unwrap();
    let done = first.commit_in(it.row("nora")).await.unwrap().published().await.unwrap();
    let before = it.now().await;
    // Whoever asked at the same time is not told that it was done, but to ask again; then they are.
    assert!(matches!(beside.commit_in(it.row("again")).await, Err(Error::Contended)));
    let again = directory.prepare(asked(), invite(&it.company, "nora")).await.unwrap();
    assert!(again.was_done());
    assert_eq!(again.outcome().output.invitation, done.output.invitation);
    let same = again.commit_in(Untouched).await.unwrap().published().await.unwrap();
    assert_eq!((same.revision, same.events), (done.revision, done.events));
    // By the other door it is the same thing, too.
    let executed = directory.execute(asked(), invite(&it.company, "nora")).await.unwrap();
    assert_eq!(executed.revision, done.revision);
    let other = directory.prepare(asked(), invite(&it.company, "otto")).await.unwrap_err();
    assert_eq!(other.refusal(), Some(&Refusal::KeyReused));
    assert_eq!(it.now().await, before);
}
