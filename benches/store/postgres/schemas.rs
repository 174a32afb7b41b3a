//! Schemas that begin alike, gone at the end.

use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Executor as _, Row as _};
use tenure::adapters::postgres::PostgresOptions;
use tokio::runtime::Runtime;

use crate::cluster::{self, Cluster, apart};

pub(crate) struct Schemas<'r> {
    runtime: &'r Runtime,
    cluster: &'static Cluster,
    /// Does not wait for the disk.
    hasty: PgPool,
    made: Vec<String>,
}

impl<'r> Schemas<'r> {
    pub(crate) fn new(runtime: &'r Runtime) -> Self {
        let cluster = Cluster::shared();
        let options = cluster.options().options([("synchronous_commit", "off")]);
        let hasty = runtime.block_on(cluster::pool(options, 2));
        Self { runtime, cluster, hasty, made: Vec::new() }
    }

    /// For what is not measured.
    pub(crate) fn hasty(&self) -> PgPool {
        self.hasty.clone()
    }

    /// For what is: with a connection for each caller, which finds tables in this schema first.
    pub(crate) fn pool(&self, callers: usize, schema: &str) -> PgPool {
        // As the store's documentation advises; it changes nothing for statements by hand, which are
        // as simple either way.
        let plans = ("plan_cache_mode", "force_generic_plan");
        let options = self.cluster.options().options([("search_path", schema), plans]);
        let pool = PgPoolOptions::new()
            .max_connections(u32::try_from(callers).unwrap())
            .test_before_acquire(false)
            .connect_with(options);
        self.runtime.block_on(pool).unwrap()
    }

    /// The name of a schema that is not there yet.
    pub(crate) fn empty(&mut self) -> String {
        let name = self.runtime.block_on(self.cluster.schema());
        self.made.push(name.clone());
        name
    }

    /// The same tables with the same rows, which the server has counted, so that it plans well.
    pub(crate) fn copy(&mut self, of: &str) -> String {
        let name = self.empty();
        let pool = self.hasty();
        self.runtime.block_on(async {
            PostgresOptions::new(pool.clone()).schema(&name).open().await.unwrap();
            let mut transaction = pool.begin().await.unwrap();
            for (table, columns) in tables(&pool, of).await {
                let rows = format!(
                    "INSERT INTO {name}.{table} ({columns}) SELECT {columns} FROM {of}.{table}
                     ON CONFLICT DO NOTHING"
                );
                transaction.execute(AssertSqlSafe(rows)).await.unwrap();
                let count = format!("ANALYZE {name}.{table}");
                transaction.execute(AssertSqlSafe(count)).await.unwrap();
            }
            transaction.commit().await.unwrap();
        });
        name
    }

    pub(crate) fn drop(&mut self, schema: &str) {
        self.made.retain(|made| made != schema);
        self.runtime.block_on(self.cluster.drop_schema(schema));
    }

    /// How many rows each table has.
    pub(crate) fn counts(&self, schema: &str) -> Vec<(String, i64)> {
        self.runtime.block_on(async {
            let mut all = Vec::new();
            for (table, _) in tables(&self.hasty, schema).await {
                let count = format!("SELECT count(*) FROM {schema}.{table}");
                let count = sqlx::query(AssertSqlSafe(count)).fetch_one(&self.hasty).await;
                all.push((table, count.unwrap().get(0)));
            }
            all
        })
    }

    /// Everything in the tables.
    pub(crate) fn rows(&self, schema: &str) -> Vec<String> {
        self.runtime.block_on(async {
            let mut all = Vec::new();
            for (table, _) in tables(&self.hasty, schema).await {
                let rows = format!("SELECT '{table} ' || t::text FROM {schema}.{table} t");
                let rows = sqlx::query(AssertSqlSafe(rows)).fetch_all(&self.hasty).await.unwrap();
                all.extend(rows.iter().map(|row| row.get::<String, _>(0)));
            }
            all.sort_unstable();
            all
        })
    }
}

impl Drop for Schemas<'_> {
    fn drop(&mut self) {
        let (cluster, made) = (self.cluster, std::mem::take(&mut self.made));
        apart(async move {
            for schema in made {
                cluster.drop_schema(&schema).await;
            }
        });
    }
}

/// The tables, those that others refer to first, with the columns that are written.
async fn tables(pool: &PgPool, schema: &str) -> Vec<(String, String)> {
    let tables = "
        SELECT c.relname::text, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = $1::text::regnamespace AND c.relkind = 'r'
          AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        GROUP BY c.oid, c.relname ORDER BY c.oid";
    let rows = sqlx::query(tables).bind(schema).fetch_all(pool).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}
