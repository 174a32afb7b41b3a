//! Named records with what comes along with them, by one statement: so they are as of one instant,
//! and cost one round trip, whatever is asked for.
//!
//! The needs travel as one JSON object of lists, which each part of the statement reads its own list
//! from; parts for which there is nothing are left out. Since the statement does not depend on how
//! much is asked for, few statements serve, and each connection keeps them prepared.

use std::sync::Arc;

use serde_json::{Value, json};

use super::row::{Row, bytea, entries};
use super::schema::Schema;
use crate::domain::{Claim, Key, Need, Stream};

/// What is asked for, by list.
#[derive(Default)]
pub(super) struct Asked(Row);

impl Asked {
    pub(super) fn of(needs: &[Need]) -> Self {
        let mut asked = Self::default();
        for need in needs {
            asked.need(need);
        }
        asked
    }

    pub(super) fn into_json(self) -> Value {
        Value::Object(self.0)
    }

    fn add(&mut self, list: &str, what: Value) {
        let list = self.0.entry(list.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(what);
        }
    }

    fn need(&mut self, need: &Need) {
        match need {
            Need::Record(key) => self.record(key),
            Need::Holder(claim) => {
                let list = match claim {
                    Claim::Email(..) | Claim::Identity(..) => "users_holding",
                    Claim::MembershipEmail(..)
                    | Claim::MembershipUser(..)
                    | Claim::Announced(..)
                    | Claim::ExternalId(..)
                    | Claim::Former(..) => "memberships_holding",
                    Claim::TeamName(..) => "teams_holding",
                };
                self.add(list, json!(claim.text()));
            }
            Need::Person(id) => self.add("persons", json!(id)),
            Need::Past(id) => self.add("pasts", json!(id)),
            Need::IssuedBy(issuer, most) => {
                self.add("issued", json!({ "issuer": issuer, "most": most }));
            }
            Need::Handovers(id, most) => {
                self.add("concerning", json!({ "membership": id, "most": most }));
            }
            Need::TeamMembers(organization, team, most) => {
                let team = json!({ "organization": organization, "team": team, "most": most });
                self.add("team_members", team);
            }
            Need::Expiring(organization, most) => {
                self.add("expiring", json!({ "organization": organization, "most": most }));
            }
        }
    }

    fn record(&mut self, key: &Key) {
        match key {
            Key::Organization(id) => self.add("organizations", json!(id)),
            Key::Role(organization, name) => {
                self.add("roles", json!({ "organization_id": organization, "name": name }));
            }
            Key::Workspace(id) => self.add("workspaces", json!(id)),
            Key::User(id) => self.add("users", json!(id)),
            Key::Membership(id) => self.add("memberships", json!(id)),
            Key::Invitation(id) => self.add("invitations", json!(id)),
            Key::Team(id) => self.add("teams", json!(id)),
            Key::SupportAccess(id) => self.add("support_accesses", json!(id)),
            Key::Handover(id) => self.add("handovers", json!(id)),
            Key::HandoverReceipt(id, number) => {
                self.add("handover_receipts", json!({ "handover_id": id, "number": number }));
            }
            Key::Mail(id) => self.add("mails", json!(id)),
            Key::Activity(id) => self.add("activities", json!(id)),
            Key::Block(organization, digest) => {
                let digest = bytea(*digest);
                self.add("blocks", json!({ "organization_id": organization, "digest": digest }));
            }
            Key::Receipt(key) => self.add("idempotency_keys", idempotency_key(key)),
            Key::Entry(stream, position) => {
                let owner = match stream {
                    Stream::Organization(id) => id.uuid(),
                    Stream::User(id) => id.uuid(),
                };
                let entry = json!({ "owner": owner, "position": position });
                self.add(entries(*stream).name, entry);
            }
        }
    }

    fn has(&self, list: &str) -> bool {
        self.0.contains_key(list)
    }
}

/// The primary key of an idempotency key's row.
pub(super) fn idempotency_key(key: &crate::domain::ReceiptKey) -> Value {
    let (stream, id) = match key.stream {
        Stream::Organization(id) => ("organization", id.uuid()),
        Stream::User(id) => ("user", id.uuid()),
    };
    json!({
        "stream": stream,
        "stream_id": id,
        "principal": bytea(key.principal),
        "name": key.key,
    })
}

/// The statement for what is asked.
pub(super) fn statement(schema: &Schema, asked: &Asked) -> Arc<str> {
    schema.statement("load", &asked.0, || Parts::of(asked).into_sql())
}

/// A statement in the making: sets of identities and records, each made of those before it, and
/// what is selected of them.
#[derive(Default)]
struct Parts {
    sets: Vec<String>,
    selected: Vec<String>,
}

/// Identities, by whatever brings them.
fn any(sources: &[&str]) -> String {
    format!("ANY(ARRAY({}))", sources.join(" UNION ALL "))
}

/// Those sources whose list is asked for.
fn present(asked: &Asked, sources: &[(&str, &'static str)]) -> Vec<&'static str> {
    sources.iter().filter(|(list, _)| asked.has(list)).map(|(_, source)| *source).collect()
}

impl Parts {
    fn of(asked: &Asked) -> Self {
        let mut parts = Self::default();
        let persons = parts.persons(asked);
        let whole = parts.whole(asked, persons);
        let invited = parts.invited(asked, whole);
        if asked.has("pasts") {
            parts.sets.push(PASTS.to_owned());
            parts.select("memberships", "past r");
            parts.select("memberships", "tombstones r");
            let came_by = ["SELECT came_by FROM past", "SELECT came_by FROM tombstones"];
            parts.select(
                "invitations",
                &format!("{{schema}}.invitations r WHERE r.id = {}", any(&came_by)),
            );
        }
        let mut teams = present(asked, &TEAMS);
        let mut workspaces = present(asked, &WORKSPACES);
        if whole {
            parts.select("memberships", "whole r");
            teams.push("SELECT unnest(teams) FROM whole");
            workspaces.push("SELECT workspace_id FROM whole");
        }
        if invited {
            parts.select("memberships", "surrounding r");
            teams.push("SELECT unnest(teams) FROM surrounding");
            workspaces.push("SELECT workspace_id FROM surrounding");
        }
        let mut users = present(asked, &USERS);
        if persons {
            users.push("SELECT user_id FROM persons");
        }
        for (table, sources) in [("teams", teams), ("workspaces", workspaces), ("users", users)] {
            if !sources.is_empty() {
                let from = format!("{{schema}}.{table} r WHERE r.id = {}", any(&sources));
                parts.select(table, &from);
            }
        }
        parts.selected.extend(present(asked, &ALONE).into_iter().map(str::to_owned));
        parts
    }

    fn select(&mut self, table: &str, from: &str) {
        self.selected.push(format!(
            "SELECT '{table}' AS kind, row_to_json(r)::text AS row, NULL::text AS beside FROM {from}"
        ));
    }

    /// Those who come with their user and their other memberships; whether there are any.
    fn persons(&mut self, asked: &Asked) -> bool {
        if asked.has("handovers") {
            self.sets.push(HANDOVERS.to_owned());
            self.select("handovers", "asked_handovers r");
        }
        let persons = present(asked, &PERSONS);
        if persons.is_empty() {
            return false;
        }
        self.sets.push(format!(
            "persons AS MATERIALIZED (
                SELECT m.id, m.organization_id, m.user_id, m.email_canonical
                FROM {{schema}}.memberships m WHERE m.id = {})",
            any(&persons)
        ));
        self.sets.push(OTHERS.to_owned());
        true
    }

    /// Memberships with all that comes with them; whether there are any.
    fn whole(&mut self, asked: &Asked, persons: bool) -> bool {
        let mut whole = present(asked, &MEMBERSHIPS);
        if persons {
            whole.extend(["SELECT id FROM persons", "SELECT id FROM others"]);
        }
        if whole.is_empty() {
            return false;
        }
        self.sets.push(format!(
            "whole AS MATERIALIZED (
                SELECT m.* FROM {{schema}}.memberships m WHERE m.id = {})",
            any(&whole)
        ));
        let offering = any(&["SELECT offer_by FROM whole"]);
        self.select("memberships", &format!("{{schema}}.memberships r WHERE r.id = {offering}"));
        true
    }

    /// Invitations with all that comes with them; whether there are any.
    fn invited(&mut self, asked: &Asked, whole: bool) -> bool {
        let mut invited = present(asked, &INVITATIONS);
        if whole {
            invited.push("SELECT invitation_id FROM whole");
        }
        if invited.is_empty() {
            return false;
        }
        self.sets.push(format!(
            "invited AS MATERIALIZED (
                SELECT i.* FROM {{schema}}.invitations i WHERE i.id = {})",
            any(&invited)
        ));
        self.sets.push(SURROUNDING.to_owned());
        self.select("invitations", "invited r");
        true
    }

    fn into_sql(self) -> String {
        let Self { sets, selected } = self;
        let with =
            if sets.is_empty() { String::new() } else { format!("WITH {} ", sets.join(",\n")) };
        format!("{with}{}", selected.join("\nUNION ALL "))
    }
}

/// What brings persons.
const PERSONS: [(&str, &str); 3] = [
    ("persons", "SELECT jsonb_array_elements_text($1->'persons')::uuid"),
    ("handovers", "SELECT from_membership_id FROM asked_handovers"),
    (
        "team_members",
        "SELECT t.membership_id
         FROM jsonb_to_recordset($1->'team_members')
             AS n(organization uuid, team uuid, most bigint)
         CROSS JOIN LATERAL (
             SELECT t.membership_id FROM {schema}.membership_teams t
             JOIN {schema}.memberships m
                 ON m.organization_id = t.organization_id AND m.id = t.membership_id
             WHERE t.organization_id = n.organization AND t.team_id = n.team AND t.live
               AND t.scope_id = '00000000-0000-0000-0000-000000000000' AND m.status = 'active'
             ORDER BY t.membership_id LIMIT n.most) t",
    ),
];

/// Whoever a handover is from comes as a person.
const HANDOVERS: &str = "
asked_handovers AS MATERIALIZED (
    SELECT h.* FROM {schema}.handovers h
    WHERE h.id = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'handovers')::uuid)))";

/// The same person's other memberships.
const OTHERS: &str = "
others AS MATERIALIZED (
    SELECT o.id FROM persons p JOIN {schema}.memberships o
        ON o.user_id = p.user_id AND o.organization_id = p.organization_id
    WHERE o.status <> 'removed'
    UNION ALL
    SELECT o.id FROM persons p JOIN {schema}.memberships o
        ON o.organization_id = p.organization_id AND o.email_canonical = p.email_canonical
    WHERE o.status <> 'removed')";

/// What brings memberships with all that comes with them.
const MEMBERSHIPS: [(&str, &str); 2] = [
    ("memberships", "SELECT jsonb_array_elements_text($1->'memberships')::uuid"),
    (
        "memberships_holding",
        "SELECT c.holder FROM {schema}.claims c WHERE c.claim =
             ANY(ARRAY(SELECT jsonb_array_elements_text($1->'memberships_holding')))",
    ),
];

/// What brings invitations with all that comes with them.
const INVITATIONS: [(&str, &str); 3] = [
    ("invitations", "SELECT jsonb_array_elements_text($1->'invitations')::uuid"),
    (
        "issued",
        "SELECT t.id FROM jsonb_to_recordset($1->'issued') AS n(issuer uuid, most bigint)
         CROSS JOIN LATERAL (
             SELECT i.id FROM {schema}.invitations i
             WHERE i.issuer = n.issuer AND i.status = 'open'
             ORDER BY i.created_at, i.id LIMIT n.most) t",
    ),
    (
        "expiring",
        "SELECT t.id FROM jsonb_to_recordset($1->'expiring') AS n(organization uuid, most bigint)
         CROSS JOIN LATERAL (
             SELECT i.id FROM {schema}.invitations i
             WHERE i.organization_id = n.organization AND i.status = 'open'
             ORDER BY i.expires_at, i.id LIMIT n.most) t",
    ),
];

/// Listed by an invitation, or its issuer's: they come with their teams, as the whole ones do.
const SURROUNDING: &str = "
issuers AS MATERIALIZED (
    SELECT m.id, m.organization_id, m.user_id FROM {schema}.memberships m
    WHERE m.id = ANY(ARRAY(SELECT issuer FROM invited))),
surrounding AS MATERIALIZED (
    SELECT m.* FROM {schema}.memberships m
    WHERE m.id = ANY(ARRAY(
        SELECT unnest(memberships) FROM invited
        UNION ALL SELECT id FROM issuers
        UNION ALL SELECT o.id FROM issuers i JOIN {schema}.memberships o
            ON o.user_id = i.user_id AND o.organization_id = i.organization_id
        WHERE o.status <> 'removed')))";

/// Tombstones of the same person.
const PASTS: &str = "
past AS MATERIALIZED (
    SELECT m.* FROM {schema}.memberships m
    WHERE m.id = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'pasts')::uuid))),
tombstones AS MATERIALIZED (
    SELECT o.* FROM past p JOIN {schema}.memberships o
        ON o.user_id = p.user_id AND o.organization_id = p.organization_id
    WHERE o.status = 'removed'
    UNION ALL
    SELECT o.* FROM past p JOIN {schema}.memberships o
        ON o.organization_id = p.organization_id AND o.email_canonical = p.email_canonical
    WHERE o.status = 'removed')";

/// What brings teams.
const TEAMS: [(&str, &str); 2] = [
    ("teams", "SELECT jsonb_array_elements_text($1->'teams')::uuid"),
    (
        "teams_holding",
        "SELECT c.holder FROM {schema}.claims c
         WHERE c.claim = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'teams_holding')))",
    ),
];

/// What brings workspaces.
const WORKSPACES: [(&str, &str); 1] =
    [("workspaces", "SELECT jsonb_array_elements_text($1->'workspaces')::uuid")];

/// What brings users.
const USERS: [(&str, &str); 2] = [
    ("users", "SELECT jsonb_array_elements_text($1->'users')::uuid"),
    (
        "users_holding",
        "SELECT c.holder FROM {schema}.claims c
         WHERE c.claim = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'users_holding')))",
    ),
];

/// What each of the other lists brings.
const ALONE: [(&str, &str); 11] = [
    (
        "organizations",
        "SELECT 'organizations' AS kind, row_to_json(o)::text AS row, NULL::text AS beside
         FROM {schema}.organizations o
         WHERE o.id = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'organizations')::uuid))
         UNION ALL SELECT 'roles', row_to_json(r)::text, NULL FROM {schema}.roles r
         WHERE r.organization_id =
             ANY(ARRAY(SELECT jsonb_array_elements_text($1->'organizations')::uuid))",
    ),
    (
        "roles",
        "SELECT 'roles' AS kind, row_to_json(r)::text AS row, NULL::text AS beside
         FROM jsonb_to_recordset($1->'roles') AS n(organization_id uuid, name text)
         JOIN {schema}.roles r USING (organization_id, name)",
    ),
    (
        "concerning",
        "SELECT 'handovers' AS kind, row_to_json(h)::text AS row, NULL::text AS beside
         FROM jsonb_to_recordset($1->'concerning') AS n(membership uuid, most bigint)
         JOIN {schema}.memberships m ON m.id = n.membership
         CROSS JOIN LATERAL (
             SELECT DISTINCT p.handover_id FROM {schema}.handover_people p
             WHERE p.organization_id = m.organization_id AND p.membership_id = ANY(ARRAY(
                 SELECT m.id
                 UNION ALL SELECT o.id FROM {schema}.memberships o
                 WHERE o.user_id = m.user_id AND o.organization_id = m.organization_id
                   AND o.status <> 'removed'
                 UNION ALL SELECT o.id FROM {schema}.memberships o
                 WHERE o.organization_id = m.organization_id
                   AND o.email_canonical = m.email_canonical AND o.status <> 'removed'))
             ORDER BY p.handover_id DESC LIMIT n.most) c
         JOIN {schema}.handovers h
             ON h.organization_id = m.organization_id AND h.id = c.handover_id",
    ),
    (
        "support_accesses",
        "SELECT 'support_accesses' AS kind, row_to_json(s)::text AS row, NULL::text AS beside
         FROM {schema}.support_accesses s
         WHERE s.id = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'support_accesses')::uuid))",
    ),
    (
        "handover_receipts",
        "SELECT 'handover_receipts' AS kind, row_to_json(r)::text AS row, NULL::text AS beside
         FROM jsonb_to_recordset($1->'handover_receipts') AS n(handover_id uuid, number bigint)
         JOIN {schema}.handover_receipts r USING (handover_id, number)",
    ),
    (
        "mails",
        "SELECT 'mails' AS kind, row_to_json(m)::text AS row, NULL::text AS beside
         FROM {schema}.mails m
         WHERE m.id = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'mails')::uuid))",
    ),
    (
        "activities",
        "SELECT 'activities' AS kind, row_to_json(a)::text AS row, NULL::text AS beside
         FROM {schema}.activities a
         WHERE a.membership_id = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'activities')::uuid))",
    ),
    (
        "blocks",
        "SELECT 'blocks' AS kind, row_to_json(b)::text AS row, NULL::text AS beside
         FROM jsonb_to_recordset($1->'blocks') AS n(organization_id uuid, digest bytea)
         JOIN {schema}.blocks b USING (organization_id, digest)",
    ),
    (
        "idempotency_keys",
        "SELECT 'idempotency_keys' AS kind, row_to_json(k)::text AS row, NULL::text AS beside
         FROM jsonb_to_recordset($1->'idempotency_keys')
             AS n(stream text, stream_id uuid, principal bytea, name text)
         JOIN {schema}.idempotency_keys k USING (stream_id, stream, principal, name)",
    ),
    (
        "organization_entries",
        "SELECT 'organization_entries' AS kind, row_to_json(e)::text AS row,
             CASE WHEN d.salt IS NOT NULL
                 THEN json_build_object('salt', d.salt, 'text', d.text)::text END AS beside
         FROM jsonb_to_recordset($1->'organization_entries') AS n(owner uuid, position bigint)
         JOIN {schema}.organization_entries e
             ON e.organization_id = n.owner AND e.position = n.position
         LEFT JOIN {schema}.organization_entry_details d
             ON d.organization_id = e.organization_id AND d.position = e.position",
    ),
    (
        "user_entries",
        "SELECT 'user_entries' AS kind, row_to_json(e)::text AS row,
             CASE WHEN d.salt IS NOT NULL
                 THEN json_build_object('salt', d.salt, 'text', d.text)::text END AS beside
         FROM jsonb_to_recordset($1->'user_entries') AS n(owner uuid, position bigint)
         JOIN {schema}.user_entries e ON e.user_id = n.owner AND e.position = n.position
         LEFT JOIN {schema}.user_entry_details d
             ON d.user_id = e.user_id AND d.position = e.position",
    ),
];
