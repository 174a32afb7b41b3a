//! The server under a working directory dies, its standby takes over, and the host goes on there:
//! nothing that was acknowledged is lost, and nothing is done twice.
//!
//! Each round starts a primary whose commits are acknowledged once its standby has applied them, two
//! processes of the host (two directories with pools of their own), and sixteen tasks that command.
//! The primary is killed with SIGKILL at a random moment, every second time while its standby lags,
//! so that much of what happened is known to nobody; the standby is promoted; the host opens new
//! pools and new directories there, and asks everything that was not answered again under the same
//! idempotency key.
//!
//! ```text
//! TENURE_ROUNDS=20 cargo test --release --test failover -- --nocapture
//! ```
#![cfg(all(unix, feature = "postgres"))]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod check;
#[path = "../cluster/mod.rs"]
mod cluster;
mod load;

use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use tenure::adapters::postgres::PostgresOptions;
use tenure::adapters::system::SystemEntropy;
use tenure::testing::cast::{Desk, KEY};
use tenure::testing::{Postbox, SharedStore};
use tenure::{Entropy as _, KeyRing, UserDirectory};
use tokio::sync::watch;

use self::cluster::Durable;
use self::cluster::pair::Pair;
use self::load::{House, Sent};

const ROUNDS: &str = "TENURE_ROUNDS";
/// So many rounds nobody finds long.
const FEW: usize = 2;
/// After so many rounds some answers must have been lost.
const MANY: usize = 10;

const ORGANIZATIONS: usize = 4;
const TASKS: usize = 16;
const PROCESSES: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_killed_primary_loses_nothing_acknowledged_and_nothing_is_done_twice() {
    let rounds = std::env::var(ROUNDS).map_or(FEW, |it| it.parse().unwrap());
    let (mut happened, mut done_anew, mut slowest) = (0, 0, Duration::ZERO);
    for number in 1..=rounds {
        let end = if number % 2 == 0 { End::Unanswered } else { End::Sudden };
        let round = round(end).await;
        println!("round {number}: {round}");
        happened += round.happened;
        done_anew += round.done_anew;
        slowest = slowest.max(round.to_go_on);
    }
    println!("figure: failover_rounds {rounds} rounds");
    println!("figure: failover_unknown_happened {happened} commands");
    println!("figure: failover_unknown_done_anew {done_anew} commands");
    println!("figure: failover_slowest {} ms", slowest.as_millis());
    let shown = happened > 0 && done_anew > 0;
    assert!(rounds < MANY || shown, "no answer was lost, or each to the same: too little is shown");
}

/// How the primary ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Sudden,
    /// The standby has received what it has not applied, so that nobody has had an answer. Its
    /// promotion takes up to a second more: so often does it look whether it is to go on.
    Unanswered,
}

/// What became of one round.
struct Round {
    commands: usize,
    before: usize,
    /// Whether they happened was unknown, and they had.
    happened: usize,
    /// Whether they happened was unknown, and they had not.
    done_anew: usize,
    /// The first server's answer was that nothing had been done.
    failed: usize,
    promoted: Duration,
    to_go_on: Duration,
}

impl std::fmt::Display for Round {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { commands, before, happened, done_anew, failed, promoted, to_go_on } = self;
        write!(
            f,
            "{commands} commands, {before} acknowledged before the primary died; asked again: \
             {happened} of unknown outcome had happened, {done_anew} had not, {failed} had failed; \
             promoted after {} ms, the first answer after {} ms",
            promoted.as_millis(),
            to_go_on.as_millis(),
        )
    }
}

async fn round(end: End) -> Round {
    let pair = Pair::start(Durable::Yes);
    let first = Application::over(pair.primary.options(), Server::First).await;
    let mut houses = Vec::new();
    for number in 0..ORGANIZATIONS {
        let directory = &first.directories[number % PROCESSES];
        houses.push(House::found(directory, number, TASKS / ORGANIZATIONS).await);
    }

    let (tell, current) = watch::channel(first.clone());
    let (stop, stopped) = watch::channel(false);
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let house = houses[task % ORGANIZATIONS].clone();
            tokio::spawn(load::command(task, house, current.clone(), stopped.clone()))
        })
        .collect();
    tokio::time::sleep(a_while()).await;

    if let End::Unanswered = end {
        pair.hold_back().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let killed = Instant::now();
    tokio::task::block_in_place(|| pair.primary.kill());
    first.close();
    let address = pair.promote().await;
    let promoted = killed.elapsed();
    let second = Application::over(address.clone(), Server::Promoted).await;
    let mut heads = Vec::new();
    for house in &houses {
        heads.push((house.organization, house.head(&second.directories[0]).await));
    }
    tell.send(second.clone()).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.send(true).unwrap();
    let mut sent: Vec<Sent> = Vec::new();
    for task in tasks {
        sent.extend(task.await.unwrap());
    }
    second.close();

    let store = store(&address).await.1;
    for house in &houses {
        let of_house = |it: &&Sent| it.organization == house.organization;
        check::all(&store, house, &sent.iter().filter(of_house).collect::<Vec<_>>()).await;
    }
    count(&sent, &heads, killed, promoted)
}

fn count(
    sent: &[Sent],
    heads: &[(tenure::domain::OrganizationId, tenure::domain::Revision)],
    killed: Instant,
    promoted: Duration,
) -> Round {
    let happened = |it: &Sent| {
        let head = heads.iter().find(|(organization, _)| *organization == it.organization);
        head.is_some_and(|(_, head)| it.revision <= *head)
    };
    for it in sent.iter().filter(|it| it.server == Server::Promoted && it.again && !it.unknown) {
        assert!(!happened(it), "{} had happened, and every answer was that it had not", it.key);
    }
    let unknown: Vec<_> = sent.iter().filter(|it| it.unknown).collect();
    let later = sent.iter().filter(|it| it.server == Server::Promoted).map(|it| it.answered);
    let first = later.min().unwrap_or_else(|| panic!("nothing was done after the failover"));
    let round = Round {
        commands: sent.len(),
        before: sent.iter().filter(|it| it.server == Server::First).count(),
        happened: unknown.iter().filter(|it| happened(it)).count(),
        done_anew: unknown.iter().filter(|it| !happened(it)).count(),
        failed: sent
            .iter()
            .filter(|it| it.server == Server::Promoted && it.again && !it.unknown)
            .count(),
        promoted,
        to_go_on: first - killed,
    };
    assert!(round.before > 0, "the primary died before it had done anything");
    round
}

/// Between a tenth of a second and a second.
fn a_while() -> Duration {
    let [a, b, ..] = SystemEntropy.draw();
    Duration::from_micros(100_000 + u64::from(u16::from_be_bytes([a, b])) * 14)
}

/// Which server an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    First,
    Promoted,
}

/// The processes of the host, each with a pool and a directory.
#[derive(Clone)]
struct Application {
    server: Server,
    directories: Vec<UserDirectory>,
    pools: Vec<PgPool>,
}

impl Application {
    async fn over(address: PgConnectOptions, server: Server) -> Self {
        let (mut directories, mut pools) = (Vec::new(), Vec::new());
        for _ in 0..PROCESSES {
            let (pool, store) = store(&address).await;
            directories.push(directory(store));
            pools.push(pool);
        }
        Self { server, directories, pools }
    }

    /// Whoever waits for a connection is told at once that there is none any more.
    fn close(self) {
        for pool in self.pools {
            tokio::spawn(async move { pool.close().await });
        }
    }
}

fn directory(store: SharedStore) -> UserDirectory {
    let builder = UserDirectory::builder(store, Postbox::new(), KeyRing::new(KEY));
    builder.permissions::<Desk>().build()
}

async fn store(address: &PgConnectOptions) -> (PgPool, SharedStore) {
    let pool = PgPoolOptions::new()
        .max_connections(8)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .connect_with(address.clone())
        .await
        .unwrap();
    let store = PostgresOptions::new(pool.clone()).open().await.unwrap();
    (pool, SharedStore::new(store))
}
