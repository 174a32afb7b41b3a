//! Connections that are lost, late or not to be had: what was acknowledged is there once, and
//! nothing is guessed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{AssertSqlSafe, PgPool, Row as _};
use tenure::Error;
use tenure::adapters::postgres::{PostgresOptions, PostgresStore};
use tenure::commands::Invite;
use tenure::domain::Stream;
use tenure::testing::cast::Company;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use crate::cluster::Cluster;

/// When the way between host and server breaks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    /// Before the server has seen the commit.
    BeforeItArrives,
    /// After the server has committed, before the host hears of it.
    BeforeTheAnswer,
}

/// Lies between the host and the server, and cuts commits off as it is told.
struct Wire {
    options: PgConnectOptions,
    /// How many commits are still to be cut off.
    cuts: Arc<AtomicU32>,
    /// How many were.
    made: Arc<AtomicU32>,
}

/// What only a commit sends: its guards.
const COMMIT: &[u8] = b"\"guards_organizations\"";

impl Wire {
    async fn lay(cut: Cut) -> Self {
        let to = Cluster::hasty().options();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cuts, made) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let options = match to.get_socket() {
            Some(_) => PgConnectOptions::new_without_pgpass()
                .username(to.get_username())
                .database(to.get_database().unwrap()),
            None => to.clone(),
        };
        let options = options.host("127.0.0.1").port(port).ssl_mode(PgSslMode::Disable);
        let wire = Self { options, cuts: Arc::clone(&cuts), made: Arc::clone(&made) };
        tokio::spawn(async move {
            while let Ok((host, _)) = listener.accept().await {
                let (to, cuts, made) = (to.clone(), Arc::clone(&cuts), Arc::clone(&made));
                tokio::spawn(async move {
                    if let Some(folder) = to.get_socket() {
                        let path = folder.join(format!(".s.PGSQL.{}", to.get_port()));
                        let server = UnixStream::connect(path).await.unwrap();
                        carry(host, server.into_split(), cut, &cuts, &made).await;
                    } else {
                        let address = (to.get_host(), to.get_port());
                        let server = TcpStream::connect(address).await.unwrap();
                        carry(host, server.into_split(), cut, &cuts, &made).await;
                    }
                });
            }
        });
        wire
    }

    async fn pool(&self) -> PgPool {
        let pool = PgPoolOptions::new().max_connections(4).test_before_acquire(false);
        pool.connect_with(self.options.clone()).await.unwrap()
    }
}

async fn carry(
    host: TcpStream,
    (mut answers, mut server): (
        impl tokio::io::AsyncRead + Unpin + Send + 'static,
        impl tokio::io::AsyncWrite + Unpin,
    ),
    cut: Cut,
    cuts: &AtomicU32,
    made: &AtomicU32,
) {
    let (mut asked, mut told) = host.into_split();
    let silent = Arc::new(AtomicBool::new(false));
    let is_silent = Arc::clone(&silent);
    let back = tokio::spawn(async move {
        let mut bytes = vec![0; 1 << 16];
        loop {
            let Ok(count @ 1..) = answers.read(&mut bytes).await else { return };
            // The answer to the commit: it is done, and nobody hears of it.
            if is_silent.load(Ordering::SeqCst) || told.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    });
    let mut bytes = vec![0; 1 << 20];
    loop {
        let count = tokio::select! {
            count = asked.read(&mut bytes) => count.unwrap_or(0),
            () = async { while !back.is_finished() { tokio::time::sleep(Duration::from_millis(1)).await } } => 0,
        };
        if count == 0 {
            return;
        }
        let commits = bytes[..count].windows(COMMIT.len()).any(|it| it == COMMIT);
        if commits
            && cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
        {
            made.fetch_add(1, Ordering::SeqCst);
            if cut == Cut::BeforeItArrives {
                back.abort();
                return;
            }
            silent.store(true, Ordering::SeqCst);
        }
        if server.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

async fn store(pool: &PgPool) -> PostgresStore {
    let schema = Cluster::hasty().schema().await;
    PostgresOptions::new(pool.clone()).schema(schema).open().await.unwrap()
}

async fn position(company: &Company) -> u64 {
    let stream = Stream::Organization(company.organization);
    company.directory.verify_audit(stream).await.unwrap().position.get()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_connection_is_lost_is_settled_and_never_guessed() {
    for cut in [Cut::BeforeItArrives, Cut::BeforeTheAnswer] {
        let wire = Wire::lay(cut).await;
        let company = Company::found(store(&wire.pool().await).await).await;
        let mut before = position(&company).await;
        for (lost, name) in [(1, "once"), (2, "twice"), (3, "thrice")] {
            wire.cuts.store(lost, Ordering::SeqCst);
            let invited = company.invite(name, "agent").await;
            assert!(invited.is_ok(), "{cut:?} {name}: {invited:?}");
            before += 1;
            assert_eq!(position(&company).await, before, "{cut:?} {name}: entries");
        }
        let made = wire.made.load(Ordering::SeqCst);
        match cut {
            // Asked again, it arrives at last.
            Cut::BeforeItArrives => assert_eq!(made, 6, "commits cut off"),
            // Asked again, it finds itself done, without writing anything.
            Cut::BeforeTheAnswer => assert!(made >= 3, "{made} commits cut off"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_outcome_stays_unknown_is_settled_by_its_idempotency_key() {
    let wire = Wire::lay(Cut::BeforeTheAnswer).await;
    let company = Company::found(store(&wire.pool().await).await).await;
    let before = position(&company).await;
    // More often than the directory asks again.
    wire.cuts.store(1_000, Ordering::SeqCst);
    let invite =
        || Invite::new(company.organization, Company::email("nora"), "agent".parse().unwrap());
    let request = || {
        let key = tenure::domain::IdempotencyKey::new("invite-nora").unwrap();
        tenure::Request::from(company.principal("olivia")).with_key(key)
    };
    let outcome = company.directory.execute(request(), invite()).await;
    assert!(matches!(outcome, Err(Error::OutcomeUnknown)), "{outcome:?}");
    wire.cuts.store(0, Ordering::SeqCst);
    let done = company.directory.execute(request(), invite()).await.unwrap();
    assert_eq!(position(&company).await, before + 1, "entries");
    let again = company.directory.execute(request(), invite()).await.unwrap();
    assert_eq!(again.output, done.output);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_died_while_idle_are_replaced() {
    let pool = Cluster::hasty().pool(3).await;
    let company = Company::found(store(&pool).await).await;
    let before = position(&company).await;
    let mut pids = Vec::new();
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut connection = pool.acquire().await.unwrap();
        let row = sqlx::query("SELECT pg_backend_pid()").fetch_one(&mut *connection).await.unwrap();
        pids.push(row.get::<i32, _>(0));
        held.push(connection);
    }
    drop(held);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let other = Cluster::hasty().pool(1).await;
    for pid in pids {
        sqlx::query("SELECT pg_terminate_backend($1)").bind(pid).execute(&other).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    company.invite("nora", "agent").await.unwrap();
    assert_eq!(position(&company).await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_a_connection_is_told_what_to_change() {
    let options =
        PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_millis(200));
    let pool = options.connect_with(Cluster::hasty().options()).await.unwrap();
    let company = Company::found(store(&pool).await).await;
    let held = pool.acquire().await.unwrap();
    let failed = company.invite("nora", "agent").await.unwrap_err();
    assert!(
        matches!(&failed, Error::Store(said) if said.0.contains("more connections")),
        "{failed:?}"
    );
    drop(held);
    company.invite("nora", "agent").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_given_up_and_nothing_is_half_done() {
    let pool = Cluster::hasty().pool(4).await;
    let schema = Cluster::hasty().schema().await;
    let options =
        PostgresOptions::new(pool.clone()).schema(&schema).patience(Duration::from_millis(300));
    let company = Company::found(options.open().await.unwrap()).await;
    let before = position(&company).await;
    // Somebody keeps the organization's row.
    let mut transaction = pool.begin().await.unwrap();
    let lock = format!("SELECT FROM {schema}.organizations WHERE id = $1 FOR UPDATE");
    sqlx::query(AssertSqlSafe(lock))
        .bind(company.organization.uuid())
        .execute(&mut *transaction)
        .await
        .unwrap();
    let outcome = company.invite("nora", "agent").await;
    assert!(matches!(outcome, Err(Error::OutcomeUnknown | Error::Store(_))), "{outcome:?}");
    transaction.rollback().await.unwrap();
    // What the server goes on with may be committed once the row is free; twice it is not.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let now = position(&company).await;
    assert!(now <= before + 1, "{now} entries after {before}");
    match company.invite("nora", "agent").await {
        Ok(_) => assert_eq!(now, before),
        Err(Error::Refused(_)) => assert_eq!(now, before + 1),
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hosts_own_statement_time_out_fails_a_commit_and_writes_nothing() {
    let schema = Cluster::hasty().schema().await;
    let plain = Cluster::hasty().pool(2).await;
    let options = Cluster::hasty().options().options([("statement_timeout", "150")]);
    let pool = PgPoolOptions::new().max_connections(4).connect_with(options).await.unwrap();
    PostgresOptions::new(plain.clone()).schema(&schema).open().await.unwrap();
    let company =
        Company::found(PostgresOptions::new(pool).schema(&schema).open().await.unwrap()).await;
    let before = position(&company).await;
    let mut transaction = plain.begin().await.unwrap();
    let lock = format!("SELECT FROM {schema}.organizations WHERE id = $1 FOR UPDATE");
    sqlx::query(AssertSqlSafe(lock))
        .bind(company.organization.uuid())
        .execute(&mut *transaction)
        .await
        .unwrap();
    let failed = company.invite("nora", "agent").await.unwrap_err();
    assert!(matches!(&failed, Error::Store(said) if said.0.contains("57014")), "{failed:?}");
    transaction.rollback().await.unwrap();
    assert_eq!(position(&company).await, before);
    company.invite("nora", "agent").await.unwrap();
}
