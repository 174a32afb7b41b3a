//! A change-set as a part of the host's transaction.

use sqlx::PgConnection;

use super::{PostgresStore, Written, hints};
use crate::domain::ChangeSet;
use crate::ports::{CommitError, Transaction};

/// A transaction of the host on this store's database: made by
/// [`PostgresStore::transaction`].
#[derive(Debug)]
pub struct PostgresTransaction<'t> {
    store: PostgresStore,
    connection: &'t mut PgConnection,
}

impl PostgresStore {
    /// The host's transaction, for a command that is to be committed with it: pass a `sqlx`
    /// transaction as `&mut *transaction`.
    ///
    /// It should be short: from here until it ends, it keeps others from changing the same
    /// organization.
    pub fn transaction<'t>(&self, connection: &'t mut PgConnection) -> PostgresTransaction<'t> {
        PostgresTransaction { store: self.clone(), connection }
    }
}

impl Transaction for PostgresTransaction<'_> {
    async fn write(self, changes: ChangeSet) -> Result<(), CommitError> {
        let Self { store, connection } = self;
        match store.write(&mut *connection, &changes).await {
            Written::Whole => {}
            Written::Refused(error) => return Err(error),
            // Whatever it was, the host's transaction cannot be committed any more.
            Written::Failed(failure) => {
                return Err(match store.verdict(failure, &changes).await {
                    CommitError::Unknown(error) => {
                        CommitError::Failed(crate::ports::StoreError(error))
                    }
                    other => other,
                });
            }
        }
        // Told by PostgreSQL when, and only if, the host commits.
        let news = hints::payload(&changes);
        if let Some(news) = news {
            let told = sqlx::query(hints::NOTIFY)
                .bind(hints::channel(&store.schema))
                .bind(vec![news])
                .execute(connection)
                .await;
            told.map_err(|error| CommitError::Failed(super::failure::Failure::from(error).into()))?;
        }
        Ok(())
    }
}
