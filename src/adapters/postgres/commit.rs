//! A change-set by one statement: checked and written whole, or not at all.
//!
//! The change-set travels as one JSON object of lists (`changes`); each part of the statement reads its own list,
//! and parts for which there is nothing are left out. What is guarded is locked first, so of two
//! commits with the same guard the later one waits, looks again at what the first has left, and
//! finds its guard broken; then none of its parts writes anything. A broken claim or audit position
//! violates a constraint, which takes the whole statement back. So it holds at any isolation level.

use std::sync::Arc;

use super::changes::{ABSENT, Changes, GONE, GUARDS, NEW};
use super::schema::Schema;
use super::table::{self, Table};

/// The records of the kinds that guards are for.
const GUARDED: [&Table; 5] =
    [&table::ORGANIZATIONS, &table::USERS, &table::HANDOVERS, &table::MAILS, &table::ACTIVITIES];

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
    schema.statement("commit", changes.lists(), || made(changes))
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
    for table in APPENDED {
        if changes.has(table) {
            parts.push(appended(table, goes));
        }
    }
    for (list, part) in PLACES.iter().chain(&FORGOTTEN) {
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

/// The audit: rows that are new, of these tables.
const APPENDED: [&str; 5] = [
    "organization_entries",
    "organization_entry_details",
    "organization_entry_subjects",
    "user_entries",
    "user_entry_details",
];

fn appended(table: &str, goes: &str) -> String {
    format!(
        "{table}_rows AS (
            INSERT INTO {{schema}}.{table}
            SELECT * FROM jsonb_populate_recordset(NULL::{{schema}}.{table}, $1->'{table}')
            WHERE {goes})"
    )
}

/// What is forgotten of the audit.
const FORGOTTEN: [(&str, &str); 2] = [
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
