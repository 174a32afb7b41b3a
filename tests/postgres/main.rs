//! The store in PostgreSQL: what only it has to show. That it keeps every promise of a store is
//! shown by `store_suite`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../cluster/mod.rs"]
mod cluster;
mod following;
mod migrations;
mod outages;
mod pages;
mod transaction;

use cluster::Cluster;
use tenure::adapters::postgres::{PostgresOptions, PostgresStore};
use tenure::testing::races;

/// A store in a schema of its own.
pub(crate) async fn new_store(pool: &sqlx::PgPool) -> PostgresStore {
    let schema = Cluster::hasty().schema().await;
    PostgresOptions::new(pool.clone()).schema(schema).open().await.unwrap()
}

/// Of each race so many rounds.
const ROUNDS: u32 = 7;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_loses_a_race_on_postgresql() {
    let pool = Cluster::hasty().pool(16).await;
    for race in races::names() {
        let began = std::time::Instant::now();
        races::verify_one_on_one_runtime(race, ROUNDS, || new_store(&pool)).await;
        println!("{race}: {:?}", began.elapsed());
    }
}
