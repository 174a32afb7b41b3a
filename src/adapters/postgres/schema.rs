//! Where the tables are, and how they come to be.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Row as _};

use super::failure::{Failure, Meaning};
use super::row::Row;

/// What brings a schema from one version of the tables to the next. A released one is never changed.
const MIGRATIONS: [(&str, &str); 1] = [("tables", include_str!("migrations/0001_tables.sql"))];

/// Which migrations a schema has had. Row 0 is there to be locked.
const HISTORY: &str = "
CREATE SCHEMA IF NOT EXISTS {schema};
CREATE TABLE IF NOT EXISTS {schema}.migrations (
    version integer NOT NULL PRIMARY KEY,
    name text NOT NULL
);
INSERT INTO {schema}.migrations (version, name) VALUES (0, 'nothing') ON CONFLICT DO NOTHING;
";

/// The schema that the tables are in.
#[derive(Debug)]
pub(super) struct Schema {
    name: String,
    quoted: String,
    /// Statements made of parts, by what they are made of.
    made: Mutex<HashMap<String, Arc<str>>>,
}

/// There are fewer than this.
const STATEMENTS: usize = 4_096;

impl Schema {
    pub(super) fn new(name: &str) -> Result<Self, Failure> {
        const SENSELESS: Failure = Failure::Senseless(
            "the name of a schema has from 1 to 48 lower-case letters, digits and underscores, and \
             begins with none of the digits",
        );
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let begins = name.chars().next().is_some_and(|c| !c.is_ascii_digit());
        if begins && name.len() <= 48 && name.chars().all(fits) {
            let quoted = format!("\"{name}\"");
            Ok(Self { name: name.to_owned(), quoted, made: Mutex::default() })
        } else {
            Err(SENSELESS)
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A statement with the schema in its place.
    pub(super) fn named(&self, sql: &str) -> String {
        sql.replace("{schema}", &self.quoted)
    }

    /// The statement for this that serves these lists, made at most once.
    pub(super) fn statement(
        &self,
        what: &'static str,
        lists: &Row,
        make: impl FnOnce() -> String,
    ) -> Arc<str> {
        let lists = lists.keys().map(String::as_str);
        let lists: Vec<_> = std::iter::once(what).chain(lists).collect();
        let lists = lists.join(" ");
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() >= STATEMENTS {
            made.clear();
        }
        Arc::clone(made.entry(lists).or_insert_with(|| self.named(&make()).into()))
    }

    /// All migrations after this version, each with what records it.
    pub(super) fn migrations(&self, after: usize) -> impl Iterator<Item = Migration> + '_ {
        MIGRATIONS.iter().enumerate().skip(after).map(|(at, (name, sql))| {
            let version = at + 1;
            let begin = if at == 0 { HISTORY } else { "" };
            let end = format!(
                "INSERT INTO {{schema}}.migrations (version, name) VALUES ({version}, '{name}');\n"
            );
            Migration { version, name, sql: self.named(&format!("{begin}{sql}{end}")) }
        })
    }

    /// Runs what is missing. Of several processes that open a schema at once, one does it.
    pub(super) async fn migrate(&self, pool: &PgPool) -> Result<(), Failure> {
        const ASKED_AGAIN: u32 = 20;
        let mut connection = pool.acquire().await?;
        if self.version(&mut connection).await? == MIGRATIONS.len() {
            return Ok(());
        }
        let mut attempt = 0;
        loop {
            match self.run(&mut connection).await {
                // Two who make the same schema or table at once: PostgreSQL lets one of them fail.
                Err(failure) if attempt < ASKED_AGAIN && is_of_others(&failure) => attempt += 1,
                other => return other,
            }
        }
    }

    async fn run(&self, connection: &mut PgConnection) -> Result<(), Failure> {
        sqlx::raw_sql(AssertSqlSafe(self.named(HISTORY))).execute(&mut *connection).await?;
        let mut transaction = connection.begin().await?;
        // Whoever comes second waits here, and then finds everything done.
        let lock = self.named("SELECT FROM {schema}.migrations WHERE version = 0 FOR UPDATE");
        sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *transaction).await?;
        let from = self.version(&mut transaction).await?;
        for migration in self.migrations(from) {
            sqlx::raw_sql(AssertSqlSafe(migration.sql)).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// That a schema somebody else migrates is as this version of the crate needs it.
    pub(super) async fn verify(&self, pool: &PgPool) -> Result<(), Failure> {
        let mut connection = pool.acquire().await?;
        if self.version(&mut connection).await? == MIGRATIONS.len() {
            Ok(())
        } else {
            Err(Failure::Senseless(
                "the schema has not had all migrations; run the SQL of \
                 `PostgresOptions::migrations`, or let `open` run them",
            ))
        }
    }

    /// How many migrations the schema has had, unless it is from the future.
    async fn version(&self, connection: &mut PgConnection) -> Result<usize, Failure> {
        let exists = "SELECT to_regclass($1) IS NOT NULL AS there";
        let table = self.named("{schema}.migrations");
        let row = sqlx::query(exists).bind(table).fetch_one(&mut *connection).await?;
        if !row.try_get::<bool, _>("there")? {
            return Ok(0);
        }
        let sql =
            self.named("SELECT coalesce(max(version), 0) AS version FROM {schema}.migrations");
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut *connection).await?;
        match usize::try_from(row.try_get::<i32, _>("version")?) {
            Ok(version) if version <= MIGRATIONS.len() => Ok(version),
            Ok(_) | Err(_) => Err(Failure::Senseless(
                "the schema was migrated by a newer version of this crate; use that one",
            )),
        }
    }
}

/// Whether others did the same at the same moment.
fn is_of_others(failure: &Failure) -> bool {
    // Schema, table or type exists.
    const EXISTS: [&str; 3] = ["42P06", "42P07", "42710"];
    let Failure::Sql(error) = failure else { return false };
    let Some(said) = error.as_database_error() else { return false };
    failure.meaning() == Meaning::Lost
        || said.code().is_some_and(|code| EXISTS.contains(&code.as_ref()))
}

/// One step from a version of the tables to the next: for hosts who run migrations with a tool of their own.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Migration {
    /// The version it leads to; the first is 1.
    pub version: usize,
    /// What it is about.
    pub name: &'static str,
    /// Its statements, which also record that it was run. Run them in one transaction.
    pub sql: String,
}
