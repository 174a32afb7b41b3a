//! What a host chooses about its store.

use std::time::Duration;

use sqlx::PgPool;

use super::PostgresStore;
use super::schema::{Migration, Schema};
use crate::ports::StoreError;

/// Who runs the migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrations {
    /// [`PostgresOptions::open`] runs those that are missing; several processes may do so at once.
    RunWhenOpened,
    /// The host runs [`PostgresOptions::migrations`] with its own tool; `open` fails until it has.
    LeftToHost,
}

/// How to open a [`PostgresStore`].
#[derive(Clone, Debug)]
#[must_use]
pub struct PostgresOptions {
    pub(super) pool: PgPool,
    pub(super) schema: String,
    pub(super) migrations: Migrations,
    pub(super) patience: Duration,
}

impl PostgresOptions {
    /// The schema `tenure`, migrated when it is opened, and 30 seconds of patience.
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            schema: "tenure".to_owned(),
            migrations: Migrations::RunWhenOpened,
            patience: Duration::from_secs(30),
        }
    }

    /// The schema that the tables are in: from 1 to 48 lower-case letters, digits and underscores.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }

    /// Who runs the migrations.
    pub const fn migrate(mut self, migrations: Migrations) -> Self {
        self.migrations = migrations;
        self
    }

    /// How long to wait for an answer of the database before its connection is given up: a load or a page
    /// then fails, and of a commit it is found out whether it happened. Waiting for a free connection of
    /// the pool is bounded by the pool's own `acquire_timeout`.
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The migrations as SQL, in their order: for hosts with a tool of their own.
    pub fn migrations(&self) -> Result<Vec<Migration>, StoreError> {
        Ok(Schema::new(&self.schema)?.migrations(0).collect())
    }

    /// Brings the schema up to date, or checks that it is, and opens the store.
    pub async fn open(self) -> Result<PostgresStore, StoreError> {
        PostgresStore::start(self).await
    }
}
