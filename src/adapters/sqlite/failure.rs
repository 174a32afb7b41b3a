//! What can go wrong below the port, and how little of it is told above.

use crate::ports::StoreError;

#[derive(Debug)]
pub(super) enum Failure {
    /// The database says no.
    Sql(rusqlite::Error),
    /// A body cannot be written or read.
    Body(serde_json::Error),
    /// It makes no sense.
    Senseless(&'static str),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Body(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self(match failure {
            // SQLite's messages name tables and columns, never what they hold.
            Failure::Sql(error) => error.to_string(),
            // serde's messages quote what they stumble over: only the place is told.
            Failure::Body(error) => format!(
                "the body of a record cannot be read or written ({:?} at column {})",
                error.classify(),
                error.column()
            ),
            Failure::Senseless(what) => what.to_owned(),
        })
    }
}
