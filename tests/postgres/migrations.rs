//! The tables come to be once, whoever makes them and however many try.

use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, PgPool};
use tenure::adapters::postgres::{Migrations, PostgresOptions};
use tenure::testing::cast::Company;

use crate::cluster::Cluster;

async fn pool() -> PgPool {
    Cluster::hasty().pool(16).await
}

async fn new_options(pool: &PgPool) -> PostgresOptions {
    PostgresOptions::new(pool.clone()).schema(Cluster::hasty().schema().await)
}

async fn run(pool: &PgPool, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_may_open_a_new_schema_at_once() {
    let pool = pool().await;
    for _ in 0..5 {
        let options = new_options(&pool).await;
        let opened = join_all((0..12).map(|_| tokio::spawn(options.clone().open()))).await;
        for store in opened {
            store.unwrap().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_may_run_the_exported_sql_with_a_tool_of_its_own() {
    let pool = pool().await;
    let options = new_options(&pool).await.migrate(Migrations::LeftToHost);
    let refused = options.clone().open().await.unwrap_err().to_string();
    assert!(refused.contains("PostgresOptions::migrations"), "{refused}");
    for migration in options.migrations().unwrap() {
        run(&pool, format!("BEGIN; {} COMMIT;", migration.sql)).await;
    }
    Company::found(options.clone().open().await.unwrap()).await;
    // Then there is nothing left for the crate to run.
    options.migrate(Migrations::RunWhenOpened).open().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_from_the_future_is_left_alone() {
    let pool = pool().await;
    let schema = Cluster::hasty().schema().await;
    let options = PostgresOptions::new(pool.clone()).schema(&schema);
    options.clone().open().await.unwrap();
    run(&pool, format!("INSERT INTO {schema}.migrations VALUES (99, 'later')")).await;
    for migrations in [Migrations::RunWhenOpened, Migrations::LeftToHost] {
        let refused = options.clone().migrate(migrations).open().await.unwrap_err().to_string();
        assert!(refused.contains("newer version"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_a_schema_is_checked() {
    let pool = pool().await;
    for name in ["", "1st", "My", "a-b", "a\"; DROP TABLE users; --", &"x".repeat(49)] {
        let refused = PostgresOptions::new(pool.clone()).schema(name).open().await.unwrap_err();
        assert!(refused.to_string().contains("name of a schema"), "{refused}");
    }
}
