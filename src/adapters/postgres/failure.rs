//! What can go wrong below the port, and how little of it is told above.

use crate::ports::StoreError;

#[derive(Debug)]
pub(super) enum Failure {
    /// The database or the way to it.
    Sql(sqlx::Error),
    /// The pool gave no connection.
    NoConnection(sqlx::Error),
    /// A record cannot be written or read.
    Body(serde_json::Error),
    /// No answer within the store's patience.
    Late,
    /// It makes no sense.
    Senseless(&'static str),
}

/// What an error says about a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing was written.
    NotWritten,
    /// Nothing was written, because somebody else was first.
    Lost,
    /// Nothing was written, because somebody holds a claim.
    Claimed,
    /// It was written whole, or not at all.
    Unknown,
}

impl Failure {
    /// What it says about a commit that was sent.
    pub(super) fn meaning(&self) -> Meaning {
        match self {
            Self::NoConnection(_) | Self::Body(_) | Self::Senseless(_) => Meaning::NotWritten,
            Self::Late => Meaning::Unknown,
            Self::Sql(error) => match error.as_database_error() {
                Some(said) => by_state(said.code().as_deref().unwrap_or_default(), said.table()),
                None if never_sent(error) => Meaning::NotWritten,
                None => Meaning::Unknown,
            },
        }
    }

    /// Whether its connection should not be used again.
    pub(super) fn spoils_the_connection(&self) -> bool {
        matches!(self, Self::Late) || self.is_of_the_connection()
    }

    /// Whether the connection is to blame, and another may do.
    pub(super) fn is_of_the_connection(&self) -> bool {
        match self {
            Self::Sql(error) => match error.as_database_error() {
                Some(said) => is_of_the_connection(said.code().as_deref().unwrap_or_default()),
                None => matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_)),
            },
            Self::NoConnection(_) | Self::Body(_) | Self::Late | Self::Senseless(_) => false,
        }
    }
}

/// By the SQLSTATE, and the table that a violated constraint belongs to.
fn by_state(state: &str, table: Option<&str>) -> Meaning {
    match state {
        // Not null, on `claims`: how the statement says that a claim is held.
        "23502" | "23505" if table == Some("claims") => Meaning::Claimed,
        // Unique; serialization failure; deadlock.
        "23505" | "40001" | "40P01" => Meaning::Lost,
        // Statement completion unknown.
        "40003" => Meaning::Unknown,
        state if is_of_the_connection(state) => Meaning::Unknown,
        _ => Meaning::NotWritten,
    }
}

/// Connection exceptions (08), and the end of the server or session (57P01 to 57P05).
fn is_of_the_connection(state: &str) -> bool {
    state.starts_with("08") || state.starts_with("57P")
}

/// Errors of the driver that come before anything is sent.
const fn never_sent(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Encode(_) | sqlx::Error::TypeNotFound { .. })
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
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
            Failure::NoConnection(sqlx::Error::PoolTimedOut) => {
                "no connection of the pool came free in time; give the pool more connections, or \
                 hold them for a shorter time"
                    .to_owned()
            }
            Failure::NoConnection(error) => format!("the database cannot be reached: {error}"),
            // The message of a violated constraint names it; the detail, which quotes values, is
            // left out.
            Failure::Sql(error) => match error.as_database_error() {
                Some(said) => {
                    let code = said.code().unwrap_or_default();

                    // The messages of data exceptions quote the data.
                    let what = if code.starts_with("22") {
                        "a value cannot be kept as it is"
                    } else {
                        said.message()
                    };
                    format!("{what} ({code})")
                }
                None => error.to_string(),
            },
            // serde's messages quote what they stumble over: only the place is told.
            Failure::Body(error) => format!(
                "a record cannot be read or written ({:?} at column {})",
                error.classify(),
                error.column()
            ),
            Failure::Late => "the database did not answer in time".to_owned(),
            Failure::Senseless(what) => what.to_owned(),
        })
    }
}
