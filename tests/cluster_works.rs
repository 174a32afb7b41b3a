//! The PostgreSQL server of the other tests: it answers, tells schemas apart, survives being
//! killed, is followed by a standby, and is never left behind.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod cluster;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Row as _};

use self::cluster::pair::Pair;
use self::cluster::{Cluster, Durable};

const KEPT: &str = "TENURE_CLUSTER_KEPT";

#[tokio::test]
async fn each_test_has_a_schema_of_its_own_on_one_server() {
    let cluster = Cluster::hasty();
    let pool = cluster.pool(2).await;
    let (one, other) = (cluster.schema().await, cluster.schema().await);
    assert_ne!(one, other);
    for schema in [&one, &other] {
        let make = format!("CREATE SCHEMA {schema} CREATE TABLE things (id int PRIMARY KEY)");
        sqlx::raw_sql(AssertSqlSafe(make)).execute(&pool).await.unwrap();
        let one = format!("INSERT INTO {schema}.things VALUES (1)");
        sqlx::query(AssertSqlSafe(one)).execute(&pool).await.unwrap();
    }
    cluster.drop_schema(&one).await;
    let left = "SELECT nspname::text FROM pg_namespace WHERE nspname = ANY($1)";
    let left = sqlx::query(left).bind(vec![one, other.clone()]).fetch_all(&pool).await.unwrap();
    let left: Vec<String> = left.iter().map(|row| row.get(0)).collect();
    assert_eq!(left, std::slice::from_ref(&other));
    cluster.drop_schema(&other).await;
    // And another process reaches it by its URL.
    let again = cluster::pool(cluster.url().parse().unwrap(), 1).await;
    let version: String =
        sqlx::query("SHOW server_version_num").fetch_one(&again).await.unwrap().get(0);
    assert!(version.parse::<u32>().unwrap() >= 150_000, "{version}");
}

#[tokio::test]
async fn a_killed_server_starts_again_with_everything_it_acknowledged() {
    let cluster = Cluster::start(Durable::Yes);
    let server = cluster.server().unwrap();
    let pool = cluster.pool(2).await;
    sqlx::raw_sql("CREATE TABLE things (id int)").execute(&pool).await.unwrap();
    sqlx::query("INSERT INTO things VALUES (7)").execute(&pool).await.unwrap();
    let before = server.pid();
    server.kill();
    let lost = sqlx::query("INSERT INTO things VALUES (8)").execute(&pool).await;
    assert!(lost.is_err(), "{lost:?}");
    server.start_again();
    assert_ne!(server.pid(), before);
    let pool = cluster.pool(2).await;
    let found = sqlx::query("SELECT id FROM things").fetch_all(&pool).await.unwrap();
    let found: Vec<i32> = found.iter().map(|row| row.get(0)).collect();
    assert_eq!(found, [7]);
    let folder = server.folder().to_owned();
    assert!(folder.exists());
    drop(cluster);
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_standby_has_what_the_killed_primary_acknowledged() {
    let pair = Pair::start(Durable::No);
    let pool = cluster::pool(pair.primary.options(), 2).await;
    sqlx::raw_sql("CREATE TABLE things (id int)").execute(&pool).await.unwrap();
    sqlx::query("INSERT INTO things VALUES (7)").execute(&pool).await.unwrap();
    pair.primary.kill();
    let pool = cluster::pool(pair.promote().await, 2).await;
    sqlx::query("INSERT INTO things VALUES (8)").execute(&pool).await.unwrap();
    let found = sqlx::query("SELECT id FROM things ORDER BY id").fetch_all(&pool).await.unwrap();
    let found: Vec<i32> = found.iter().map(|row| row.get(0)).collect();
    assert_eq!(found, [7, 8]);
}

/// Not a test: the process that is killed while it has a server.
#[test]
fn the_keeper_of_a_server() {
    if std::env::var_os(KEPT).is_none() {
        return;
    }
    let cluster = Cluster::start(Durable::No);
    let server = cluster.server().unwrap();
    println!("\nkept {} {}", server.pid(), server.folder().display());
    loop {
        std::thread::park();
    }
}

#[test]
fn a_process_that_is_killed_leaves_no_server_behind() {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_keeper_of_a_server", "--nocapture", "--test-threads", "1"])
        .env(KEPT, "yes")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said = lines.map_while(Some).find(|line| line.starts_with("kept ")).unwrap();
    let (pid, folder) = said.strip_prefix("kept ").unwrap().split_once(' ').unwrap();
    assert!(runs(pid) && Path::new(folder).exists());
    process.kill().unwrap();
    process.wait().unwrap();
    let begun = Instant::now();
    while runs(pid) || Path::new(folder).exists() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{pid} still runs in {folder}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn runs(pid: &str) -> bool {
    let found = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
    let state = String::from_utf8_lossy(&found.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}
