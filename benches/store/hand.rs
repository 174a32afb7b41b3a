//! The same rows by hand: what a careful host writes with the driver alone.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Params, TransactionBehavior, params};
use serde::Serialize;
use tenure::domain::{
    Activity, ChangeSet, Entry, EntryDetail, Guard, Invitation, Key, Mail, Membership,
    Organization, OrganizationId, Record, Revision, Stream, User,
};

/// Which transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Invite,
    Accept,
    ChangeRole,
    Deactivate,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Invite => "invite",
            Self::Accept => "accept",
            Self::ChangeRole => "change_role",
            Self::Deactivate => "deactivate",
        }
    }
}

pub(crate) struct Hand(Connection);

impl Hand {
    /// With the settings of a `SqliteStore` with full durability.
    pub(crate) fn open(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        connection.busy_timeout(Duration::from_secs(5)).unwrap();
        connection.set_prepared_statement_cache_capacity(128);
        connection.pragma_update(None, "journal_mode", "wal").unwrap();
        connection.pragma_update(None, "synchronous", "FULL").unwrap();
        connection.pragma_update(None, "secure_delete", true).unwrap();
        connection.pragma_update(None, "cache_size", -32_768).unwrap();
        connection.pragma_update(None, "wal_autocheckpoint", 4_000).unwrap();
        Self(connection)
    }

    /// One transaction.
    pub(crate) fn commit(&mut self, kind: Kind, changes: &ChangeSet) {
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.0.transaction_with_behavior(behavior).unwrap();
        write(&transaction, kind, changes);
        transaction.commit().unwrap();
    }

    /// A page of people with when they were here.
    pub(crate) fn page(&self, organization: OrganizationId) -> Vec<(Membership, Option<Activity>)> {
        let mut statement = self
            .0
            .prepare_cached(
                "SELECT m.body, a.body
                 FROM tenure_membership m LEFT JOIN tenure_activity a ON a.membership = m.id
                 WHERE m.organization = ?1 AND m.workspace = x'' AND m.status <> 'removed'
                 ORDER BY m.sort_key, m.id LIMIT 50",
            )
            .unwrap();
        let read = |row: &rusqlite::Row<'_>| {
            let activity = row.get_ref(1)?.as_str_or_null()?;
            let activity = activity.map(|it| serde_json::from_str(it).unwrap());
            Ok((serde_json::from_str(row.get_ref(0)?.as_str()?).unwrap(), activity))
        };
        let found = statement.query_map([organization.uuid().as_bytes()], read).unwrap();
        found.map(Result::unwrap).collect()
    }
}

fn write(connection: &Connection, kind: Kind, changes: &ChangeSet) {
    for guard in &changes.guards {
        check(connection, guard);
    }
    for (claim, holder) in &changes.claim {
        let sql = "INSERT INTO tenure_claim (text, holder) VALUES (?1, ?2)";
        execute(connection, sql, params![claim.text(), holder.as_bytes()]);
    }
    for record in &changes.put {
        match (record, kind) {
            (Record::Organization(it), _) => organization(connection, it),
            (Record::User(it), Kind::Accept) => user(connection, it),
            (Record::Membership(it), Kind::Invite) => new_membership(connection, it),
            (Record::Membership(it), _) => membership(connection, it),
            (Record::Invitation(it), Kind::Invite) => new_invitation(connection, it),
            (Record::Invitation(it), _) => invitation(connection, it),
            (Record::Mail(it), _) => mail(connection, it),
            (other, kind) => panic!("{kind:?} writes {other:?}"),
        }
    }
    for (entry, detail) in &changes.append {
        append(connection, entry, detail);
    }
    assert!(changes.delete.is_empty() && changes.release.is_empty() && changes.forget.is_empty());
}

/// What is new needs no look: inserting it fails if it is there.
fn check(connection: &Connection, guard: &Guard) {
    let Key::Organization(id) = guard.key else {
        return assert_eq!(guard.version, Revision::NONE, "{guard:?}");
    };
    let mut statement =
        connection.prepare_cached("SELECT version FROM tenure_organization WHERE id = ?1").unwrap();
    let found = statement.query_row([id.uuid().as_bytes()], |row| row.get(0)).optional().unwrap();
    assert_eq!(found, Some(integer(guard.version)), "somebody else was first");
}

fn organization(connection: &Connection, it: &Organization) {
    let sql = "UPDATE tenure_organization SET version = ?2, body = ?3 WHERE id = ?1";
    execute(connection, sql, params![it.id.uuid().as_bytes(), integer(it.revision()), json(it)]);
}

fn user(connection: &Connection, it: &User) {
    let sql = "INSERT INTO tenure_user (id, version, body) VALUES (?1, ?2, ?3)";
    execute(connection, sql, params![it.id.uuid().as_bytes(), integer(it.version), json(it)]);
}

fn new_membership(connection: &Connection, it: &Membership) {
    let (id, organization) = (it.id.uuid(), it.scope.organization.uuid());
    execute(
        connection,
        "INSERT INTO tenure_membership
             (id, organization, workspace, status, role, sort_key, user, email, body)
         VALUES (?1, ?2, x'', ?3, ?4, ?5, NULL, ?6, ?7)",
        params![
            id.as_bytes(),
            organization.as_bytes(),
            it.status.name().group().as_str(),
            it.role.as_str(),
            it.sort_key(),
            it.email.as_ref().map(|email| email.canonical().as_str()),
            json(it)
        ],
    );
    let mut lower = None;
    for term in it.search_terms() {
        execute(
            connection,
            "INSERT INTO tenure_membership_term
                 (organization, workspace, live, term, membership, lower_term)
             VALUES (?1, x'', 1, ?2, ?3, ?4)",
            params![organization.as_bytes(), term, id.as_bytes(), lower],
        );
        lower = Some(term);
    }
}

/// Neither name nor address nor team changes, so it keeps its places in those lists.
fn membership(connection: &Connection, it: &Membership) {
    execute(
        connection,
        "UPDATE tenure_membership SET status = ?2, role = ?3, user = ?4, body = ?5 WHERE id = ?1",
        params![
            it.id.uuid().as_bytes(),
            it.status.name().group().as_str(),
            it.role.as_str(),
            it.user.map(|user| user.uuid().into_bytes()),
            json(it)
        ],
    );
}

fn new_invitation(connection: &Connection, it: &Invitation) {
    execute(
        connection,
        "INSERT INTO tenure_invitation
             (id, organization, status, issuer, created_at, expires_at, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            it.id.uuid().as_bytes(),
            it.organization.uuid().as_bytes(),
            it.status.as_str(),
            it.issuer.map(|issuer| issuer.uuid().into_bytes()),
            it.created_at.micros(),
            it.expires_at.micros(),
            json(it)
        ],
    );
}

fn invitation(connection: &Connection, it: &Invitation) {
    let sql = "UPDATE tenure_invitation SET status = ?2, body = ?3 WHERE id = ?1";
    execute(connection, sql, params![it.id.uuid().as_bytes(), it.status.as_str(), json(it)]);
}

fn mail(connection: &Connection, it: &Mail) {
    let sql = "INSERT INTO tenure_mail (id, version, due_at, body) VALUES (?1, ?2, ?3, ?4)";
    let id = it.id.uuid();
    let values = params![id.as_bytes(), integer(it.version), it.due_at.micros(), json(it)];
    execute(connection, sql, values);
}

fn append(connection: &Connection, entry: &Entry, detail: &EntryDetail) {
    let Stream::Organization(organization) = entry.stream else {
        panic!("{entry:?}");
    };
    let organization = organization.uuid();
    execute(
        connection,
        "INSERT INTO tenure_entry (kind, owner, position, body) VALUES (0, ?1, ?2, ?3)",
        params![organization.as_bytes(), integer(entry.position), json(entry)],
    );
    let feed = connection.last_insert_rowid();
    let sql = "INSERT INTO tenure_entry_detail (feed, body) VALUES (?1, ?2)";
    execute(connection, sql, params![feed, json(detail)]);
    for subject in &entry.subjects {
        let sql = "INSERT INTO tenure_entry_subject (organization, membership, feed)
                   VALUES (?1, ?2, ?3)";
        let subject = subject.uuid();
        let values = params![organization.as_bytes(), subject.as_bytes(), feed];
        execute(connection, sql, values);
    }
}

fn json(it: &impl Serialize) -> String {
    serde_json::to_string(it).unwrap()
}

fn integer(version: Revision) -> i64 {
    i64::try_from(version.get()).unwrap()
}

fn execute(connection: &Connection, sql: &str, values: impl Params) {
    connection.prepare_cached(sql).unwrap().execute(values).unwrap();
}
