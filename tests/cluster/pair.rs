//! A primary and the standby that has everything which the primary acknowledged.

use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection, Row as _};

use super::{Durable, Server, apart};

const PATIENCE: Duration = Duration::from_secs(30);

/// Two servers. A commit at the primary is acknowledged once the standby has applied it.
pub(crate) struct Pair {
    pub(crate) primary: Server,
    pub(crate) standby: Server,
}

impl Pair {
    pub(crate) fn start(durable: Durable) -> Self {
        // Whatever `durable` says of disks, a commit waits for the standby.
        let waits = [
            ("synchronous_standby_names", "FIRST 1 (standby)"),
            ("synchronous_commit", "remote_apply"),
        ];
        let primary = Server::start(durable, &waits);
        let standby = primary.follow(durable, &[("cluster_name", "standby")]);
        let (begun, options) = (Instant::now(), primary.options());
        while !apart(in_step(options.clone())) {
            assert!(begun.elapsed() < PATIENCE, "no standby; its log:\n{}", standby.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { primary, standby }
    }

    /// Makes the standby the server that is written to, and says how to reach it.
    pub(crate) async fn promote(&self) -> PgConnectOptions {
        let options = self.standby.options();
        let mut connection = PgConnection::connect_with(&options).await.unwrap();
        let promoted = sqlx::query("SELECT pg_promote(true, 30)").fetch_one(&mut connection);
        assert!(promoted.await.unwrap().get::<bool, _>(0), "{}", self.standby.log());
        connection.close().await.unwrap();
        options
    }
}

async fn in_step(options: PgConnectOptions) -> bool {
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    let state = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
    let count: i64 = sqlx::query(state).fetch_one(&mut connection).await.unwrap().get(0);
    connection.close().await.unwrap();
    count == 1
}
