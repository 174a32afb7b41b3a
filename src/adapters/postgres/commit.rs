//! A change-set by one statement: checked and written whole, or not at all.
//!
//! The change-set travels as one JSON object of lists; each part of the statement reads its own list,
//! and parts for which there is nothing are left out. What is guarded is locked first, so of two
//! commits with the same guard the later one waits, looks again at what the first has left, and
//! finds its guard broken; then none of its parts writes anything. A broken claim or audit position
//! violates a constraint, which takes the whole statement back. So it holds at any isolation level.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::failure::Failure;
use super::row::{self, Row, bytea};
use super::schema::Schema;
use super::table::{self, Table};
use crate::domain::{
    ChangeSet, EntryDetail, Forget, Guard, Key, Membership, Record, Revision, Stream,
};

/// A change-set as the statement takes it.
#[derive(Default)]
pub(super) struct Changes(Row);

/// The records of the kinds that guards are for.
const GUARDED: [&Table; 5] =
    [&table::ORGANIZATIONS, &table::USERS, &table::HANDOVERS, &table::MAILS, &table::ACTIVITIES];

/// Guards on rows that stand with a version.
const GUARDS: &str = "guards_";
/// Guards on rows that must not stand.
const ABSENT: &str = "absent_";
/// Rows that a guard says are new.
const NEW: &str = "new_";
/// Keys of rows to be deleted.
const GONE: &str = "gone_";

impl Changes {
    pub(super) fn of(changes: &ChangeSet) -> Result<Self, Failure> {
        let mut lists = Self::default();
        for (number, guard) in changes.guards.iter().enumerate() {
            let (table, row) = guarded(number, guard)?;
            let list = if guard.version == Revision::NONE { ABSENT } else { GUARDS };
            lists.add(&format!("{list}{}", table.name), row);
        }
        lists.claims(changes);
        lists.records(changes)?;
        lists.entries(changes)?;
        for whose in &changes.forget {
            match whose {
                Forget::Membership(organization, membership) => {
                    let whose = json!({ "organization": organization, "membership": membership });
                    lists.add("forget_memberships", whose);
                }
                Forget::User(user) => lists.add("forget_users", json!(user)),
            }
        }
        Ok(lists)
    }

    pub(super) fn into_json(self) -> Value {
        Value::Object(self.0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, list: &str, what: Value) {
        let list = self.0.entry(list.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(what);
        }
    }

    fn has(&self, list: &str) -> bool {
        self.0.contains_key(list)
    }

    /// A claim that is made is taken over from whoever releases it, in one step: a statement cannot
    /// delete a row and insert it again.
    fn claims(&mut self, changes: &ChangeSet) {
        let made: HashSet<_> = changes.claim.iter().map(|(claim, _)| claim).collect();
        let mut released: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (claim, holder) in &changes.release {
            if made.contains(claim) {
                released.entry(claim.text()).or_default().push(*holder);
            } else {
                self.add("release", json!({ "claim": claim.text(), "holder": holder }));
            }
        }
        for (claim, holder) in &changes.claim {
            let text = claim.text();
            let from = released.get(&text).cloned().unwrap_or_default();
            self.add("claim", json!({ "claim": text, "holder": holder, "from": from }));
        }
    }

    /// Each record once: of two that are put under one key the last, and none that is deleted.
    fn records(&mut self, changes: &ChangeSet) -> Result<(), Failure> {
        let new: HashSet<_> = changes
            .guards
            .iter()
            .filter(|guard| guard.version == Revision::NONE)
            .map(|guard| guard.key.clone())
            .collect();
        let deleted: BTreeSet<_> = changes.delete.iter().collect();
        let mut put: BTreeMap<Key, &Record> = BTreeMap::new();
        for record in &changes.put {
            let key = record.key();
            if !deleted.contains(&key) {
                put.insert(key, record);
            }
        }
        for (key, record) in put {
            let (table, row) = row::of(record)?;
            if let Record::Membership(it) = record {
                self.places(it);
            }
            if let Record::Handover(it) = record {
                let organization = it.organization;
                self.add("concerned", json!({ "organization": organization, "id": it.id }));
                for member in it.concerns() {
                    let person = json!({
                        "organization_id": organization,
                        "membership_id": member,
                        "handover_id": it.id,
                    });
                    self.add("handover_people", person);
                }
            }
            let prefix = if new.contains(&key) { NEW } else { "" };
            self.add(&format!("{prefix}{}", table.name), Value::Object(row));
        }
        for key in deleted {
            let (table, key) = deleted_by(key)?;
            self.add(&format!("{GONE}{}", table.name), key);
        }
        Ok(())
    }

    /// Where the lists have a membership.
    fn places(&mut self, it: &Membership) {
        let scope = it.scope;
        let organization = scope.organization;
        let scope_id = row::scope_id(scope);
        self.add("listed", json!({ "organization": organization, "id": it.id }));
        let sort_key = it.sort_key();
        for team in &it.teams {
            let place = json!({
                "organization_id": organization,
                "team_id": team,
                "scope_id": scope_id,
                "live": it.is_live(),
                "sort_key": sort_key,
                "membership_id": it.id,
            });
            self.add("membership_teams", place);
        }
        let mut lower: Option<String> = None;
        for term in it.search_terms() {
            let place = json!({
                "organization_id": organization,
                "scope_id": scope_id,
                "live": it.is_live(),
                "term": term,
                "membership_id": it.id,
                "lower_term": lower,
            });
            self.add("membership_terms", place);
            lower = Some(term);
        }
    }

    fn entries(&mut self, changes: &ChangeSet) -> Result<(), Failure> {
        for (entry, detail) in &changes.append {
            let position = entry.position;
            match entry.stream {
                Stream::Organization(id) => {
                    let row = Value::Object(row::entry(entry)?);
                    self.add("organization_entries", row);
                    // What the same change-set forgets is never written.
                    let forgotten = changes.forget.iter().any(|whose| {
                        matches!(whose, Forget::Membership(organization, membership)
                            if *organization == id && entry.subjects.contains(membership))
                    });
                    if !forgotten {
                        let owner = ("organization_id", json!(id));
                        self.add("organization_entry_details", beside(owner, position, detail)?);
                    }
                    for subject in entry.subjects.iter().collect::<BTreeSet<_>>() {
                        let subject = json!({
                            "organization_id": id,
                            "membership_id": subject,
                            "position": position,
                        });
                        self.add("organization_entry_subjects", subject);
                    }
                }
                Stream::User(id) => {
                    self.add("user_entries", Value::Object(row::entry(entry)?));
                    if !changes.forget.contains(&Forget::User(id)) {
                        let owner = ("user_id", json!(id));
                        self.add("user_entry_details", beside(owner, position, detail)?);
                    }
                }
            }
        }
        Ok(())
    }
}

fn beside(
    (owner, id): (&str, Value),
    position: Revision,
    detail: &EntryDetail,
) -> Result<Value, Failure> {
    let mut row = serde_json::to_value(detail)?;
    if let Value::Object(row) = &mut row {
        row.insert(owner.to_owned(), id);
        row.insert("position".to_owned(), json!(position));
    }
    Ok(row)
}

fn guarded(number: usize, guard: &Guard) -> Result<(&'static Table, Value), Failure> {
    let (table, id) = match &guard.key {
        Key::Organization(id) => (&table::ORGANIZATIONS, id.uuid()),
        Key::User(id) => (&table::USERS, id.uuid()),
        Key::Handover(id) => (&table::HANDOVERS, id.uuid()),
        Key::Mail(id) => (&table::MAILS, id.uuid()),
        Key::Activity(id) => (&table::ACTIVITIES, id.uuid()),
        Key::Role(..)
        | Key::Workspace(_)
        | Key::Membership(_)
        | Key::Invitation(_)
        | Key::Team(_)
        | Key::SupportAccess(_)
        | Key::HandoverReceipt(..)
        | Key::Block(..)
        | Key::Receipt(_)
        | Key::Entry(..) => return Err(Failure::Senseless("a guard on what has no version")),
    };
    Ok((table, json!({ "number": number, "id": id, "version": guard.version })))
}

/// How a record to be deleted is found.
fn deleted_by(key: &Key) -> Result<(&'static Table, Value), Failure> {
    let by_id = |table, id| Ok((table, json!({ "id": id })));
    match key {
        Key::Organization(id) => by_id(&table::ORGANIZATIONS, id.uuid()),
        Key::Role(organization, name) => {
            Ok((&table::ROLES, json!({ "organization_id": organization, "name": name })))
        }
        Key::Workspace(id) => by_id(&table::WORKSPACES, id.uuid()),
        Key::User(id) => by_id(&table::USERS, id.uuid()),
        Key::Membership(id) => by_id(&table::MEMBERSHIPS, id.uuid()),
        Key::Invitation(id) => by_id(&table::INVITATIONS, id.uuid()),
        Key::Team(id) => by_id(&table::TEAMS, id.uuid()),
        Key::SupportAccess(id) => by_id(&table::SUPPORT_ACCESSES, id.uuid()),
        Key::Handover(id) => by_id(&table::HANDOVERS, id.uuid()),
        Key::HandoverReceipt(id, number) => {
            Ok((&table::HANDOVER_RECEIPTS, json!({ "handover_id": id, "number": number })))
        }
        Key::Mail(id) => by_id(&table::MAILS, id.uuid()),
        Key::Activity(id) => Ok((&table::ACTIVITIES, json!({ "membership_id": id }))),
        Key::Block(organization, digest) => {
            let digest = bytea(*digest);
            Ok((&table::BLOCKS, json!({ "organization_id": organization, "digest": digest })))
        }
        Key::Receipt(key) => Ok((&table::IDEMPOTENCY_KEYS, super::load::idempotency_key(key))),
        Key::Entry(..) => Err(Failure::Senseless("an audit entry is never deleted")),
    }
}

/// The columns by which a record to be deleted is found, with their types.
fn deletion_key(table: &Table) -> &'static [(&'static str, &'static str)] {
    match table.name {
        "roles" => &[("organization_id", "uuid"), ("name", "text")],
        "handover_receipts" => &[("handover_id", "uuid"), ("number", "bigint")],
        "activities" => &[("membership_id", "uuid")],
        "blocks" => &[("organization_id", "uuid"), ("digest", "bytea")],
        "idempotency_keys" => {
            &[("stream_id", "uuid"), ("stream", "text"), ("principal", "bytea"), ("name", "text")]
        }
        _ => &[("id", "uuid")],
    }
}

/// The statement for a change-set; it answers with the numbers of the guards that are broken.
pub(super) fn statement(schema: &Schema, changes: &Changes) -> Arc<str> {
    schema.statement("commit", &changes.0, || made(changes))
}

fn made(changes: &Changes) -> String {
    let mut parts = guards(changes);
    let guarded = !parts.is_empty();
    let goes = if guarded { "(SELECT goes FROM verdict)" } else { "true" };
    if changes.has("release") {
        parts.push(RELEASE.replace("{goes}", goes));
    }
    if changes.has("claim") {
        parts.push(CLAIM.replace("{goes}", goes));
    }
    for table in table::PUT {
        if changes.has(&format!("{NEW}{}", table.name)) {
            parts.push(inserted(table, goes));
        }
        if changes.has(table.name) {
            parts.push(put(table, goes));
        }
        if changes.has(&format!("{GONE}{}", table.name)) {
            parts.push(deleted(table, goes));
        }
    }
    for (list, part) in PLACES.iter().chain(&APPENDED) {
        if changes.has(list) {
            parts.push(part.replace("{goes}", goes));
        }
    }
    let broken = if guarded {
        "ARRAY(SELECT number FROM broken ORDER BY number)"
    } else {
        "ARRAY[]::bigint[]"
    };
    let with = if parts.is_empty() { String::new() } else { format!("WITH {}", parts.join(",\n")) };
    format!("{with}\nSELECT {broken} AS broken")
}

/// Locks what is guarded, always in the same order, and says which guards are broken.
///
/// A commit that waited for another sees what the other has left: a row is locked as it is then, and
/// only if it still has the version. The lock lets others refer to the row meanwhile.
fn guards(changes: &Changes) -> Vec<String> {
    let mut parts = Vec::new();
    let mut broken = Vec::new();
    for Table { name, version, .. } in GUARDED {
        let id = if *name == table::ACTIVITIES.name { "membership_id" } else { "id" };
        let version = version.unwrap_or("0");
        let of = |list: &str| {
            format!(
                "jsonb_to_recordset($1->'{list}{name}')
                     AS g(number bigint, id uuid, version bigint)"
            )
        };
        let named = |list: &str| format!("t.{id} = ANY(ARRAY(SELECT g.id FROM {}))", of(list));
        if changes.has(&format!("{GUARDS}{name}")) {
            parts.push(format!(
                "locked_{name} AS MATERIALIZED (
                    SELECT t.{id} AS id, t.{version} AS version FROM {{schema}}.{name} t
                    WHERE {} AND (t.{id}, t.{version}) IN (SELECT g.id, g.version FROM {})
                    ORDER BY t.{id} FOR NO KEY UPDATE OF t)",
                named(GUARDS),
                of(GUARDS),
            ));
            broken.push(format!(
                "SELECT g.number FROM {}
                 WHERE (g.id, g.version) NOT IN (SELECT id, version FROM locked_{name})",
                of(GUARDS)
            ));
        }
        if changes.has(&format!("{ABSENT}{name}")) {
            broken.push(format!(
                "SELECT g.number FROM {}
                 WHERE EXISTS (SELECT FROM {{schema}}.{name} t WHERE t.{id} = g.id)",
                of(ABSENT)
            ));
        }
    }
    if broken.is_empty() {
        return parts;
    }
    parts.push(format!("broken AS MATERIALIZED ({})", broken.join(" UNION ALL ")));
    parts.push(
        "verdict AS MATERIALIZED (SELECT NOT EXISTS (SELECT FROM broken) AS goes)".to_owned(),
    );
    parts
}

const RELEASE: &str = "
released AS (
    DELETE FROM {schema}.claims c
    USING jsonb_to_recordset($1->'release') AS r(claim text, holder uuid)
    WHERE c.claim = r.claim AND c.holder = r.holder AND {goes})";

/// A claim that is held and not released in favour of this one gets no holder, which the table
/// refuses: so one that is lost takes everything back. They are made in one order, so that two who
/// want the same ones wait for each other at most once.
const CLAIM: &str = "
claimed AS (
    INSERT INTO {schema}.claims AS c (claim, holder)
    SELECT n.claim, n.holder FROM jsonb_to_recordset($1->'claim') AS n(claim text, holder uuid)
    WHERE {goes} ORDER BY n.claim COLLATE \"C\"
    ON CONFLICT (claim) DO UPDATE SET holder = (
        SELECT n.holder
        FROM jsonb_to_recordset($1->'claim') AS n(claim text, holder uuid, \"from\" uuid[])
        WHERE n.claim = c.claim AND c.holder = ANY(n.\"from\")))";

fn columns(table: &Table) -> String {
    table.columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

/// Rows that are new: one that stands already takes everything back.
fn inserted(table: &Table, goes: &str) -> String {
    let (name, columns) = (table.name, columns(table));
    format!(
        "{NEW}{name}_rows AS (
            INSERT INTO {{schema}}.{name} ({columns})
            SELECT {columns} FROM jsonb_populate_recordset(NULL::{{schema}}.{name}, $1->'{NEW}{name}')
            WHERE {goes})"
    )
}

/// Rows, new or not.
fn put(table: &Table, goes: &str) -> String {
    let (name, columns, key) = (table.name, columns(table), table.key.join(", "));
    let set: Vec<_> = table
        .columns
        .iter()
        .filter(|column| !table.key.contains(&column.name))
        .map(|column| format!("{0} = excluded.{0}", column.name))
        .collect();
    let conflict = if set.is_empty() {
        "NOTHING".to_owned()
    } else {
        format!("UPDATE SET {}", set.join(", "))
    };
    format!(
        "{name}_rows AS (
            INSERT INTO {{schema}}.{name} ({columns})
            SELECT {columns} FROM jsonb_populate_recordset(NULL::{{schema}}.{name}, $1->'{name}')
            WHERE {goes}
            ON CONFLICT ({key}) DO {conflict})"
    )
}

fn deleted(table: &Table, goes: &str) -> String {
    let name = table.name;
    let key = deletion_key(table);
    let typed: Vec<_> = key.iter().map(|(column, kind)| format!("{column} {kind}")).collect();
    let same: Vec<_> = key.iter().map(|(column, _)| format!("t.{column} = k.{column}")).collect();
    format!(
        "{GONE}{name}_rows AS (
            DELETE FROM {{schema}}.{name} t
            USING jsonb_to_recordset($1->'{GONE}{name}') AS k({})
            WHERE {} AND {goes})",
        typed.join(", "),
        same.join(" AND ")
    )
}

/// The lists: of what is written again, only what has changed of its places.
const PLACES: [(&str, &str); 6] = [
    (
        "listed",
        "left_teams AS (
            DELETE FROM {schema}.membership_teams t
            WHERE t.organization_id = ANY(ARRAY(
                SELECT DISTINCT m.organization
                FROM jsonb_to_recordset($1->'listed') AS m(organization uuid)))
              AND t.membership_id = ANY(ARRAY(
                SELECT m.id FROM jsonb_to_recordset($1->'listed') AS m(id uuid)))
              AND {goes}
              AND NOT EXISTS (
                SELECT FROM jsonb_populate_recordset(
                    NULL::{schema}.membership_teams, $1->'membership_teams') n
                WHERE n.membership_id = t.membership_id AND n.team_id = t.team_id
                  AND n.scope_id = t.scope_id AND n.live = t.live AND n.sort_key = t.sort_key))",
    ),
    (
        "membership_teams",
        "joined_teams AS (
            INSERT INTO {schema}.membership_teams
            SELECT * FROM jsonb_populate_recordset(
                NULL::{schema}.membership_teams, $1->'membership_teams')
            WHERE {goes} ON CONFLICT DO NOTHING)",
    ),
    (
        "listed",
        "left_terms AS (
            DELETE FROM {schema}.membership_terms t
            WHERE t.organization_id = ANY(ARRAY(
                SELECT DISTINCT m.organization
                FROM jsonb_to_recordset($1->'listed') AS m(organization uuid)))
              AND t.membership_id = ANY(ARRAY(
                SELECT m.id FROM jsonb_to_recordset($1->'listed') AS m(id uuid)))
              AND {goes}
              AND NOT EXISTS (
                SELECT FROM jsonb_populate_recordset(
                    NULL::{schema}.membership_terms, $1->'membership_terms') n
                WHERE n.membership_id = t.membership_id AND n.scope_id = t.scope_id
                  AND n.live = t.live AND n.term = t.term))",
    ),
    (
        "membership_terms",
        "joined_terms AS (
            INSERT INTO {schema}.membership_terms AS t
            SELECT * FROM jsonb_populate_recordset(
                NULL::{schema}.membership_terms, $1->'membership_terms')
            WHERE {goes}
            ON CONFLICT (organization_id, scope_id, live, term, membership_id)
            DO UPDATE SET lower_term = excluded.lower_term
            WHERE t.lower_term IS DISTINCT FROM excluded.lower_term)",
    ),
    (
        "concerned",
        "left_people AS (
            DELETE FROM {schema}.handover_people p
            WHERE p.organization_id = ANY(ARRAY(
                SELECT DISTINCT h.organization
                FROM jsonb_to_recordset($1->'concerned') AS h(organization uuid)))
              AND p.handover_id = ANY(ARRAY(
                SELECT h.id FROM jsonb_to_recordset($1->'concerned') AS h(id uuid)))
              AND {goes}
              AND NOT EXISTS (
                SELECT FROM jsonb_populate_recordset(
                    NULL::{schema}.handover_people, $1->'handover_people') n
                WHERE n.handover_id = p.handover_id AND n.membership_id = p.membership_id))",
    ),
    (
        "handover_people",
        "joined_people AS (
            INSERT INTO {schema}.handover_people
            SELECT * FROM jsonb_populate_recordset(
                NULL::{schema}.handover_people, $1->'handover_people')
            WHERE {goes} ON CONFLICT DO NOTHING)",
    ),
];

/// The audit, and what is forgotten of it.
const APPENDED: [(&str, &str); 7] = [
    (
        "organization_entries",
        "appended AS (
            INSERT INTO {schema}.organization_entries
            SELECT * FROM jsonb_populate_recordset(
                NULL::{schema}.organization_entries, $1->'organization_entries')
            WHERE {goes})",
    ),
    (
        "organization_entry_details",
        "detailed AS (
            INSERT INTO {schema}.organization_entry_details
            SELECT * FROM jsonb_populate_recordset(
                NULL::{schema}.organization_entry_details, $1->'organization_entry_details')
            WHERE {goes})",
    ),
    (
        "organization_entry_subjects",
        "about AS (
            INSERT INTO {schema}.organization_entry_subjects
            SELECT * FROM jsonb_populate_recordset(
                NULL::{schema}.organization_entry_subjects, $1->'organization_entry_subjects')
            WHERE {goes})",
    ),
    (
        "user_entries",
        "user_appended AS (
            INSERT INTO {schema}.user_entries
            SELECT * FROM jsonb_populate_recordset(
                NULL::{schema}.user_entries, $1->'user_entries')
            WHERE {goes})",
    ),
    (
        "user_entry_details",
        "user_detailed AS (
            INSERT INTO {schema}.user_entry_details
            SELECT * FROM jsonb_populate_recordset(
                NULL::{schema}.user_entry_details, $1->'user_entry_details')
            WHERE {goes})",
    ),
    (
        "forget_memberships",
        "forgotten AS (
            DELETE FROM {schema}.organization_entry_details d
            USING jsonb_to_recordset($1->'forget_memberships')
                AS f(organization uuid, membership uuid)
            JOIN {schema}.organization_entry_subjects s
                ON s.organization_id = f.organization AND s.membership_id = f.membership
            WHERE d.organization_id = s.organization_id AND d.position = s.position AND {goes})",
    ),
    (
        "forget_users",
        "user_forgotten AS (
            DELETE FROM {schema}.user_entry_details d
            WHERE d.user_id = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'forget_users')::uuid))
              AND {goes})",
    ),
];
