//! Two directories in two processes: what one revokes, the other stops allowing at once.

use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::PgPool;
use tenure::adapters::postgres::{PostgresOptions, PostgresStore};
use tenure::commands::{Deactivate, Reactivate, WorkOnReturn};
use tenure::directory::Keeping;
use tenure::domain::{DeactivatedBecause, OrganizationId, Span, UserId};
use tenure::testing::Postbox;
use tenure::testing::cast::{Company, Desk, KEY};
use tenure::{KeyRing, UserDirectory};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::cluster::Cluster;

/// Tells the other process what to do.
const OTHER: &str = "TENURE_OTHER_PROCESS";

/// How often a view asks the store when it hears nothing.
const POLL: Span = Span::seconds(1);

async fn open(pool: &PgPool, schema: &str) -> PostgresStore {
    PostgresOptions::new(pool.clone()).schema(schema).open().await.unwrap()
}

fn directory(store: PostgresStore) -> UserDirectory {
    UserDirectory::builder(store, Postbox::new(), KeyRing::new(KEY))
        .permissions::<Desk>()
        .keeping(Keeping { follow_every: POLL, ..Keeping::default() })
        .build()
}

fn micros() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()
}

/// The other process: says when somebody may no longer, and when they may again.
#[tokio::test(flavor = "multi_thread")]
async fn the_other_process() {
    let Ok(told) = std::env::var(OTHER) else { return };
    let [url, schema, organization, user, hints] =
        told.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let organization: OrganizationId = organization.parse::<uuid::Uuid>().unwrap().into();
    let user: UserId = user.parse::<uuid::Uuid>().unwrap().into();
    let pool = cluster_pool(url).await;
    let store = open(&pool, schema).await;
    let directory = directory(store.clone());
    if hints == "hears" {
        let directory = directory.clone();
        tokio::spawn(async move { directory.follow(store.hints()).await });
    }
    let mut before = None;
    loop {
        // As a request does: a guard, and a check.
        let guard = directory.access(organization).await.unwrap();
        let may = guard.can_user(user, Desk::ViewTickets);
        if before.replace(may) != Some(may) {
            println!("\nsaw {may} {}", micros());
        }
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
}

async fn cluster_pool(url: &str) -> PgPool {
    crate::cluster::pool(url.parse().unwrap(), 4).await
}

struct Other {
    _process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    fn start(schema: &str, company: &Company, hints: &str) -> Self {
        let bob = company.member("bob").user.unwrap();
        let (url, organization) = (Cluster::hasty().url(), company.organization);
        let told = format!("{url} {schema} {organization} {bob} {hints}");
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "following::the_other_process", "--nocapture"])
            .env(OTHER, told)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { _process: process, lines }
    }

    /// When it next sees that somebody may, or may not.
    async fn sees(&mut self, may: bool) -> u128 {
        let seen = async {
            loop {
                let line = self.lines.next_line().await.unwrap().unwrap();
                let mut words = line.split(' ');
                if words.next() != Some("saw") {
                    continue;
                }
                if words.next() == Some(if may { "true" } else { "false" }) {
                    return words.next().unwrap().parse().unwrap();
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(1), seen).await.expect("it never sees it")
    }
}

/// Microseconds from each revocation being acknowledged to the other process refusing.
async fn revoke(times: usize, hints: &str) -> Vec<u128> {
    let schema = Cluster::hasty().schema().await;
    let pool = Cluster::hasty().pool(8).await;
    let store = open(&pool, &schema).await;
    let company = Company::found(store.clone()).await;
    let (scope, olivia) = (company.organization.into(), company.principal("olivia"));
    let membership = company.member("bob").membership;
    let here = directory(store.clone());
    let following = here.clone();
    tokio::spawn(async move { following.follow(store.hints()).await });
    let mut other = Other::start(&schema, &company, hints);
    other.sees(true).await;
    let mut took = Vec::new();
    for _ in 0..times {
        let because = DeactivatedBecause::Leave;
        let out = Deactivate { scope, membership, because, handover: None };
        here.execute(olivia.clone(), out).await.unwrap();
        let revoked = micros();
        took.push(other.sees(false).await.saturating_sub(revoked));
        let back = Reactivate { scope, membership, work: WorkOnReturn::default() };
        here.execute(olivia.clone(), back).await.unwrap();
        other.sees(true).await;
    }
    took.sort_unstable();
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_is_seen_by_another_process_within_100_ms() {
    let took = revoke(1_000, "hears").await;
    let (p50, p99) = (took[500], took[990]);
    println!("seen elsewhere after {p50} µs (median), {p99} µs (p99), {} µs (most)", took[999]);
    assert!(p99 <= 100_000, "p99 is {p99} µs");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_notifications_it_is_seen_within_the_poll_bound() {
    let took = revoke(5, "deaf").await;
    println!("seen elsewhere by polling after {took:?} µs");
    // The bound, and what a shared machine takes to wake up and ask.
    let bound = 1_000_000 + 500_000;
    assert!(took.iter().all(|it| *it <= bound), "{took:?}");
    assert!(took.iter().any(|it| *it > 100_000), "nothing was cut off: {took:?}");
}
