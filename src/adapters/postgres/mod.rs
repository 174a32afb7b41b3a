//! The store for many processes: the host's own `PostgreSQL`, through the `sqlx` pool it already has.
//!
//! ```no_run
//! # async fn open() -> Result<(), Box<dyn std::error::Error>> {
//! use tenure::adapters::postgres::PostgresStore;
//!
//! let pool = sqlx::PgPool::connect("postgres://localhost/app").await?;
//! let store = PostgresStore::open(pool).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The tables are in a schema of their own (`tenure`, or as [`PostgresOptions::schema`] says), where
//! a host may read and join on them; writing them is the directory's. One load is one statement,
//! and so is one commit: each a single round trip, as of one instant, whole or not at all, at any isolation
//! level. `PostgreSQL` 15 or later.
//!
//! | file | holds |
//! | --- | --- |
//! | `migrations/` | the tables, and what each index is for |
//! | `schema` | where they are; running and exporting migrations |
//! | `table`, `row` | which column holds which part of a record, and records as rows |
//! | `load` | named records; `find`, `people`: pages |
//! | `commit` | a change-set as one statement; `changes`: what it is given |
//! | `transaction` | the same as a part of the host's transaction |
//! | `hints` | `LISTEN` and `NOTIFY`: what other processes have committed |
//! | `failure` | what an error says about a commit |
//!
//! # The pool
//! It is the host's: its size, its time-outs and its TLS. With sqlx's `test_before_acquire` (its default)
//! each call costs one round trip more; without it a connection that died while idle is found out by the call,
//! which a load repeats on another one. A commit that loses its connection is
//! [`Unknown`](CommitError::Unknown), and the directory finds out.
//!
//! There are some dozens of statements, each prepared once on each connection. They are planned the same
//! whatever is asked, so a pool whose connections say
//! `PgConnectOptions::options([("plan_cache_mode", "force_generic_plan")])` saves the first five
//! plannings of each, some milliseconds of every new connection; and `statement_cache_capacity` should
//! leave room for about 100 of ours beside the host's own. Behind a pooler that gives each transaction another
//! connection, it has to be 0.
//!
//! # Relatives
//! Run: `PostgreSQL` 15. Only reasoned: there are no advisory locks, sequences or serial columns
//! anywhere, no stored procedures, and nothing that an isolation level decides, so managed and
//! distributed relatives that have data-modifying `WITH`, `FOR NO KEY UPDATE`,
//! `jsonb_populate_recordset` and generated columns should do. `CockroachDB` refuses to change one
//! table twice in one statement unless `sql.multiple_modifications_of_table.enabled` is on, and
//! has no `LISTEN`: views are polled there.

mod changes;
mod commit;
mod failure;
mod find;
mod hints;
mod load;
mod options;
mod people;
mod row;
mod schema;
mod table;
mod transaction;

use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{Either, select};
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool, Postgres, Row as _};
use uuid::Uuid;

pub use hints::PostgresHints;
pub use options::{Migrations, PostgresOptions};
pub use schema::Migration;
pub use transaction::PostgresTransaction;

use self::changes::Changes;
use self::failure::{Failure, Meaning};
use self::find::Statement;
use self::load::Asked;
use self::schema::Schema;
use crate::domain::{ChangeSet, Claim, Need, Record};
use crate::ports::{CommitError, Find, Store, StoreError};

/// A [`Store`] in a schema of the host's `PostgreSQL`. Cheap to clone: every clone is the same store.
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    schema: Arc<Schema>,
    patience: Duration,
    news: hints::News,
}

impl PostgresStore {
    /// Opens the schema `tenure`, as [`PostgresOptions::new`] has it.
    pub async fn open(pool: PgPool) -> Result<Self, StoreError> {
        PostgresOptions::new(pool).open().await
    }

    async fn start(options: PostgresOptions) -> Result<Self, StoreError> {
        let PostgresOptions { pool, schema, migrations, patience } = options;
        let schema = Schema::new(&schema)?;
        match migrations {
            Migrations::RunWhenOpened => schema.migrate(&pool).await?,
            Migrations::LeftToHost => schema.verify(&pool).await?,
        }
        Ok(Self { pool, schema: Arc::new(schema), patience, news: hints::News::default() })
    }

    /// The answer to a statement on a connection of the pool, within the store's patience; a
    /// connection that does not answer is not used again.
    async fn ask(&self, statement: Statement) -> Result<Vec<PgRow>, Failure> {
        let mut connection: PoolConnection<Postgres> =
            self.pool.acquire().await.map_err(Failure::NoConnection)?;
        let answer = self.in_time(statement.ask(&mut connection)).await;
        if matches!(&answer, Err(failure) if failure.spoils_the_connection()) {
            connection.close_on_drop();
        }
        answer
    }

    async fn in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, Failure>> + Send,
    ) -> Result<T, Failure> {
        let late = futures_timer::Delay::new(self.patience);
        match select(std::pin::pin!(answer), late).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(Failure::Late),
        }
    }

    /// Reads, on another connection if the first one turns out to be gone.
    async fn read(&self, statement: Statement) -> Result<Vec<Record>, Failure> {
        // As many as may have died together while they were idle.
        const CONNECTIONS: u32 = 4;
        let mut attempt = 1;
        loop {
            match self.ask(statement.clone()).await {
                Err(failure) if failure.is_of_the_connection() && attempt < CONNECTIONS => {
                    attempt += 1;
                }
                answer => return records(&answer?),
            }
        }
    }

    fn question(&self, question: &Find) -> Result<Statement, Failure> {
        let Statement { sql, values } = find::statement(question)?;
        Ok(Statement { sql: self.schema.named(&sql).into(), values })
    }

    /// A page of the feed. What is not numbered yet is numbered first, when the page has room for it.
    async fn feed(&self, question: &Find, limit: u32) -> Result<Vec<Record>, Failure> {
        loop {
            let page = self.read(self.question(question)?).await?;
            if page.len() >= limit as usize {
                return Ok(page);
            }
            if self.ask(Statement::new(self.schema.named(find::NUMBER_FEED))).await?.is_empty() {
                return self.read(self.question(question)?).await;
            }
        }
    }

    /// Writes a change-set on a connection, or says why not.
    async fn write(&self, connection: &mut PgConnection, changes: &ChangeSet) -> Written {
        let mut made = HashSet::new();
        if let Some((twice, _)) = changes.claim.iter().find(|(claim, _)| !made.insert(claim)) {
            return Written::Refused(CommitError::Claimed(twice.clone()));
        }
        let lists = match Changes::of(changes) {
            Ok(lists) => lists,
            Err(failure) => return Written::Failed(failure),
        };
        if lists.is_empty() {
            return Written::Whole;
        }
        let sql = commit::statement(&self.schema, &lists);
        let statement = Statement::new(sql).with(Json(lists.into_json()));
        let answer = match statement {
            Ok(statement) => self.in_time(statement.ask(connection)).await,
            Err(failure) => Err(failure),
        };
        let broken = answer.and_then(|rows| {
            let row = rows.first().ok_or(Failure::Senseless("a commit without an answer"))?;
            Ok(row.try_get::<Vec<i64>, _>("broken")?)
        });
        match broken {
            Err(failure) => Written::Failed(failure),
            Ok(broken) => match broken.first() {
                None => Written::Whole,
                Some(number) => {
                    let guard = usize::try_from(*number).ok();
                    let guard = guard.and_then(|number| changes.guards.get(number)).cloned();
                    Written::Refused(CommitError::Conflict(guard))
                }
            },
        }
    }

    /// Which of a change-set's claims somebody else holds.
    async fn held(&self, changes: &ChangeSet) -> Option<Claim> {
        let texts: Vec<_> = changes.claim.iter().map(|(claim, _)| claim.text()).collect();
        let sql = "SELECT claim, holder FROM {schema}.claims WHERE claim = ANY($1)";
        let statement = Statement::new(self.schema.named(sql)).with(texts).ok()?;
        let rows = self.ask(statement).await.ok()?;
        let held: Result<BTreeMap<String, Uuid>, sqlx::Error> =
            rows.iter().map(|row| Ok((row.try_get("claim")?, row.try_get("holder")?))).collect();
        let held = held.ok()?;
        let lost = changes.claim.iter().find(|(claim, _)| {
            let holder = held.get(&claim.text());
            holder.is_some_and(|holder| !changes.release.contains(&(claim.clone(), *holder)))
        });
        lost.map(|(claim, _)| claim.clone())
    }

    /// What a failure means to whoever committed.
    async fn verdict(&self, failure: Failure, changes: &ChangeSet) -> CommitError {
        match failure.meaning() {
            Meaning::NotWritten => CommitError::Failed(failure.into()),
            Meaning::Lost => CommitError::Conflict(None),
            Meaning::Unknown => CommitError::Unknown(StoreError::from(failure).0),
            Meaning::Claimed => match self.held(changes).await {
                Some(claim) => CommitError::Claimed(claim),
                // Released since.
                None => CommitError::Conflict(None),
            },
        }
    }
}

/// How writing a change-set ended.
enum Written {
    Whole,
    Refused(CommitError),
    Failed(Failure),
}

#[async_trait]
impl Store for PostgresStore {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        if needs.is_empty() {
            return Ok(Vec::new());
        }
        let asked = Asked::of(needs);
        let sql = load::statement(&self.schema, &asked);
        Ok(self.read(Statement::new(sql).with(Json(asked.into_json()))?).await?)
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        let mut connection = match self.pool.acquire().await {
            Ok(connection) => connection,
            Err(error) => return Err(CommitError::Failed(Failure::NoConnection(error).into())),
        };
        let written = self.write(&mut connection, &changes).await;
        if matches!(&written, Written::Failed(failure) if failure.spoils_the_connection()) {
            connection.close_on_drop();
        } else {
            drop(connection);
        }
        match written {
            Written::Whole => {
                self.news.tell(&changes);
                Ok(())
            }
            Written::Refused(error) => Err(error),
            Written::Failed(failure) => Err(self.verdict(failure, &changes).await),
        }
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        if let Find::Feed { limit, .. } = question {
            return Ok(self.feed(question, *limit).await?);
        }
        Ok(self.read(self.question(question)?).await?)
    }
}

fn records(rows: &[PgRow]) -> Result<Vec<Record>, Failure> {
    rows.iter()
        .map(|row| row::record(row.try_get("kind")?, row.try_get("row")?, row.try_get("beside")?))
        .collect()
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").field("schema", &self.schema.name()).finish_non_exhaustive()
    }
}
