//! Where a record lies: its table, and how it is found there by its key.

use rusqlite::types::Value;
use uuid::Uuid;

use crate::domain::{Key, Stream};

/// The row of one record.
pub(super) struct Place {
    pub(super) table: &'static str,
    /// The condition that its key meets, over `values`.
    pub(super) by: &'static str,
    pub(super) values: Vec<Value>,
    /// What a guard compares: a column, or a number that no version has for kinds without one.
    pub(super) version: &'static str,
}

const VERSIONED: &str = "version";
const UNVERSIONED: &str = "-1";

impl Place {
    pub(super) fn of(key: &Key) -> Self {
        match key {
            Key::Organization(id) => Self::by_id("tenure_organization", id.uuid(), VERSIONED),
            Key::Role(organization, name) => Self {
                table: "tenure_role",
                by: "organization = ?1 AND name = ?2",
                values: vec![blob(organization.uuid()), Value::Text(name.as_str().to_owned())],
                version: UNVERSIONED,
            },
            Key::Workspace(id) => Self::by_id("tenure_workspace", id.uuid(), UNVERSIONED),
            Key::User(id) => Self::by_id("tenure_user", id.uuid(), VERSIONED),
            Key::Membership(id) => Self::by_id("tenure_membership", id.uuid(), UNVERSIONED),
            Key::Invitation(id) => Self::by_id("tenure_invitation", id.uuid(), UNVERSIONED),
            Key::Team(id) => Self::by_id("tenure_team", id.uuid(), UNVERSIONED),
            Key::SupportAccess(id) => Self::by_id("tenure_support_access", id.uuid(), UNVERSIONED),
            Key::Handover(id) => Self::by_id("tenure_handover", id.uuid(), VERSIONED),
            Key::HandoverReceipt(handover, number) => Self {
                table: "tenure_handover_receipt",
                by: "handover = ?1 AND number = ?2",
                values: vec![blob(handover.uuid()), Value::Integer(i64::from(*number))],
                version: UNVERSIONED,
            },
            Key::Mail(id) => Self::by_id("tenure_mail", id.uuid(), VERSIONED),
            Key::Activity(membership) => Self {
                table: "tenure_activity",
                by: "membership = ?1",
                values: vec![blob(membership.uuid())],
                version: VERSIONED,
            },
            Key::Block(organization, digest) => Self {
                table: "tenure_block",
                by: "organization = ?1 AND digest = ?2",
                values: vec![blob(organization.uuid()), Value::Blob(digest.bytes().to_vec())],
                version: UNVERSIONED,
            },
            Key::Receipt(key) => {
                let (kind, owner) = stream(key.stream);
                Self {
                    table: "tenure_receipt",
                    by: "kind = ?1 AND owner = ?2 AND principal = ?3 AND name = ?4",
                    values: vec![
                        Value::Integer(kind),
                        blob(owner),
                        Value::Blob(key.principal.bytes().to_vec()),
                        Value::Text(key.key.as_str().to_owned()),
                    ],
                    version: UNVERSIONED,
                }
            }
            Key::Entry(of, position) => {
                let (kind, owner) = stream(*of);
                Self {
                    table: "tenure_entry",
                    by: "kind = ?1 AND owner = ?2 AND position = ?3",
                    values: vec![
                        Value::Integer(kind),
                        blob(owner),
                        Value::Integer(integer(position.get())),
                    ],
                    version: UNVERSIONED,
                }
            }
        }
    }

    fn by_id(table: &'static str, id: Uuid, version: &'static str) -> Self {
        Self { table, by: "id = ?1", values: vec![blob(id)], version }
    }
}

fn blob(id: Uuid) -> Value {
    Value::Blob(id.as_bytes().to_vec())
}

/// A stream as the columns `kind` and `owner`.
pub(super) const fn stream(stream: Stream) -> (i64, Uuid) {
    match stream {
        Stream::Organization(id) => (0, id.uuid()),
        Stream::User(id) => (1, id.uuid()),
    }
}

/// A count as `SQLite` keeps it; what is too large is as large as can be.
pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
