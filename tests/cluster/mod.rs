//! A PostgreSQL server for tests and benches: the one that `TENURE_POSTGRES` names, or one that is
//! thrown away, started from the binaries that are installed.
//!
//! ```ignore
//! let cluster = Cluster::shared();
//! let (schema, pool) = (cluster.schema().await, cluster.pool(8).await);
//! let store = PostgresOptions::new(pool).schema(&schema).open().await.unwrap();
//! // … and at the end:
//! cluster.drop_schema(&schema).await;
//! ```
//!
//! Nothing outlives the process that asked, also when it is killed (see `server.rs`).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test without its server ends here")]
#![allow(dead_code, reason = "tests and benches share it, and none uses all of it")]

pub(crate) mod pair;
pub(crate) mod server;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

pub(crate) use self::server::{Durable, Server};

/// Names a server where tests may make schemas: `postgres://user:password@host/database`.
pub(crate) const VARIABLE: &str = "TENURE_POSTGRES";

/// Schemas of tests that ended badly are dropped by whoever comes after so many seconds.
const STALE: u64 = 24 * 60 * 60;

/// A server, ours or the one that was named.
pub(crate) struct Cluster {
    options: PgConnectOptions,
    url: String,
    /// None where the server was named.
    server: Option<Server>,
}

impl Cluster {
    /// The one server of this process. It keeps what it acknowledged through a loss of power.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::named().unwrap_or_else(|| Self::start(Durable::Yes)))
    }

    /// As [`Cluster::shared`], and waits for no disk: for suites in which no server ever crashes.
    pub(crate) fn hasty() -> &'static Self {
        static HASTY: OnceLock<Cluster> = OnceLock::new();
        HASTY.get_or_init(|| Self::named().unwrap_or_else(|| Self::start(Durable::No)))
    }

    /// A server of one's own, that may be killed; it is gone when this is dropped.
    pub(crate) fn start(durable: Durable) -> Self {
        let server = Server::start(durable, &[]);
        Self { options: server.options(), url: server.url(), server: Some(server) }
    }

    /// The server that `TENURE_POSTGRES` names, if it names one.
    fn named() -> Option<Self> {
        let url = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty())?;
        let options: PgConnectOptions = url
            .parse()
            .unwrap_or_else(|error| panic!("{VARIABLE} holds no connection URL: {error}"));
        apart(tidy(options.clone()));
        Some(Self { options, url, server: None })
    }

    /// How another process reaches it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How this process reaches it.
    pub(crate) fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// Our own server, to be killed and started again; none where it was named.
    pub(crate) fn server(&self) -> Option<&Server> {
        self.server.as_ref()
    }

    /// A name that no other schema has. Whoever opens a store there makes the schema.
    #[allow(clippy::unused_async, reason = "callers await, whatever naming takes")]
    pub(crate) async fn schema(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (pid, n) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        format!("tenure_test_{}_{pid}_{n}", seconds())
    }

    /// Drops a schema with everything in it, so far as that can be done.
    pub(crate) async fn drop_schema(&self, schema: &str) {
        if let Ok(mut connection) = PgConnection::connect_with(&self.options).await {
            _ = drop_schema(&mut connection, schema).await;
            _ = connection.close().await;
        }
    }

    /// A pool of the runtime that awaits this. A connection is not tried before each use, as a
    /// host under load has it.
    pub(crate) async fn pool(&self, connections: u32) -> PgPool {
        pool(self.options(), connections).await
    }
}

/// A pool of so many connections; none is tried before it is used.
pub(crate) async fn pool(options: PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .unwrap_or_else(|error| panic!("the PostgreSQL server does not answer: {error}"))
}

/// Runs this on a thread and a runtime of its own, so that it can be awaited anywhere.
pub(crate) fn apart<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let thread = std::thread::spawn(move || runtime.block_on(work));
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

async fn drop_schema(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    let name = schema.replace('"', "\"\"");
    let statement = format!("DROP SCHEMA IF EXISTS \"{name}\" CASCADE");
    connection.execute(AssertSqlSafe(statement)).await.map(|_| ())
}

/// Drops what tests left on the named server a day ago or earlier.
async fn tidy(options: PgConnectOptions) {
    let mut connection = PgConnection::connect_with(&options)
        .await
        .unwrap_or_else(|error| panic!("the server that {VARIABLE} names: {error}"));
    let names = "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'tenure\\_test\\_%'";
    for row in sqlx::query(names).fetch_all(&mut connection).await.unwrap() {
        let name: String = row.get(0);
        let made = name.split('_').nth(2).and_then(|it| it.parse::<u64>().ok());
        if made.is_some_and(|made| made + STALE < seconds()) {
            // Another process may be at the same.
            _ = drop_schema(&mut connection, &name).await;
        }
    }
    _ = connection.close().await;
}
