//! Named records with what comes along with them, by one statement: so they are as of one instant,
//! and cost one round trip, whatever is asked for.
//!
//! The needs travel as one JSON object of lists, which each part of the statement reads its own list
//! from; parts for which there is nothing are left out. Since the statement does not depend on how
//! much is asked for, few statements serve, and each connection keeps them prepared.

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
        needs.iter().for_each(|need| asked.need(need));
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

/// Lists for which people have to be looked up, and all that comes with people.
const ABOUT_PEOPLE: [&str; 10] = [
    "memberships",
    "memberships_holding",
    "invitations",
    "handovers",
    "persons",
    "pasts",
    "issued",
    "concerning",
    "team_members",
    "expiring",
];

/// The statement for what is asked.
pub(super) fn statement(schema: &Schema, asked: &Asked) -> String {
    let people = ABOUT_PEOPLE.iter().any(|list| asked.has(list));
    let mut parts: Vec<&str> = Vec::new();
    if people {
        parts.push(PEOPLE);
    }
    let lists = ALONE.iter().filter(|(list, _)| asked.has(list));
    parts.extend(lists.map(|(_, part)| *part));
    if people {
        parts.push(TEAMS_AND_USERS_WITH_PEOPLE);
    } else {
        let lists = WITHOUT_PEOPLE.iter().filter(|(list, _)| asked.has(list));
        parts.extend(lists.map(|(_, part)| *part));
    }
    let with = if people { WITH_PEOPLE } else { "" };
    schema.named(&format!("{with} {}", parts.join(" UNION ALL ")))
}

/// Each person, and all that comes with them; the sets hold identities, each set made of those
/// before it.
const WITH_PEOPLE: &str = "
WITH
-- Whoever a handover is from comes as a person.
asked_handovers AS MATERIALIZED (
    SELECT h.* FROM {schema}.handovers h
    WHERE h.id = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'handovers')::uuid))),
persons AS MATERIALIZED (
    SELECT m.id, m.organization_id, m.user_id, m.email_canonical FROM {schema}.memberships m
    WHERE m.id = ANY(ARRAY(
        SELECT jsonb_array_elements_text($1->'persons')::uuid
        UNION ALL SELECT from_membership_id FROM asked_handovers
        UNION ALL SELECT t.membership_id
        FROM jsonb_to_recordset($1->'team_members') AS n(organization uuid, team uuid, most bigint)
        CROSS JOIN LATERAL (
            SELECT t.membership_id FROM {schema}.membership_teams t
            JOIN {schema}.memberships m
                ON m.organization_id = t.organization_id AND m.id = t.membership_id
            WHERE t.organization_id = n.organization AND t.team_id = n.team
              AND t.live AND t.scope_id = '00000000-0000-0000-0000-000000000000'
              AND m.status = 'active'
            ORDER BY t.membership_id LIMIT n.most) t))),
-- The same person's other memberships.
others AS MATERIALIZED (
    SELECT o.id FROM persons p JOIN {schema}.memberships o
        ON o.user_id = p.user_id AND o.organization_id = p.organization_id
    WHERE o.status <> 'removed'
    UNION ALL
    SELECT o.id FROM persons p JOIN {schema}.memberships o
        ON o.organization_id = p.organization_id AND o.email_canonical = p.email_canonical
    WHERE o.status <> 'removed'),
whole AS MATERIALIZED (
    SELECT m.* FROM {schema}.memberships m
    WHERE m.id = ANY(ARRAY(
        SELECT jsonb_array_elements_text($1->'memberships')::uuid
        UNION ALL SELECT c.holder FROM {schema}.claims c
        WHERE c.claim = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'memberships_holding')))
        UNION ALL SELECT id FROM persons
        UNION ALL SELECT id FROM others))),
invited AS MATERIALIZED (
    SELECT i.* FROM {schema}.invitations i
    WHERE i.id = ANY(ARRAY(
        SELECT jsonb_array_elements_text($1->'invitations')::uuid
        UNION ALL SELECT invitation_id FROM whole
        UNION ALL SELECT t.id
        FROM jsonb_to_recordset($1->'issued') AS n(issuer uuid, most bigint)
        CROSS JOIN LATERAL (
            SELECT i.id FROM {schema}.invitations i
            WHERE i.issuer = n.issuer AND i.status = 'open'
            ORDER BY i.created_at, i.id LIMIT n.most) t
        UNION ALL SELECT t.id
        FROM jsonb_to_recordset($1->'expiring') AS n(organization uuid, most bigint)
        CROSS JOIN LATERAL (
            SELECT i.id FROM {schema}.invitations i
            WHERE i.organization_id = n.organization AND i.status = 'open'
            ORDER BY i.expires_at, i.id LIMIT n.most) t))),
issuers AS MATERIALIZED (
    SELECT m.id, m.organization_id, m.user_id FROM {schema}.memberships m
    WHERE m.id = ANY(ARRAY(SELECT issuer FROM invited))),
-- Listed by an invitation, or its issuer's: they come with their teams, as the whole ones do.
surrounding AS MATERIALIZED (
    SELECT m.* FROM {schema}.memberships m
    WHERE m.id = ANY(ARRAY(
        SELECT unnest(memberships) FROM invited
        UNION ALL SELECT id FROM issuers
        UNION ALL SELECT o.id FROM issuers i JOIN {schema}.memberships o
            ON o.user_id = i.user_id AND o.organization_id = i.organization_id
        WHERE o.status <> 'removed'))),
placed AS MATERIALIZED (
    SELECT organization_id, workspace_id, teams FROM whole
    UNION ALL SELECT organization_id, workspace_id, teams FROM surrounding),
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

/// What is read once people are looked up.
const PEOPLE: &str = "
SELECT 'memberships' AS kind, row_to_json(m)::text AS row, NULL::text AS beside FROM whole m
UNION ALL SELECT 'memberships', row_to_json(m)::text, NULL FROM surrounding m
UNION ALL SELECT 'memberships', row_to_json(m)::text, NULL FROM past m
UNION ALL SELECT 'memberships', row_to_json(m)::text, NULL FROM tombstones m
UNION ALL SELECT 'memberships', row_to_json(m)::text, NULL FROM {schema}.memberships m
WHERE m.id = ANY(ARRAY(SELECT offer_by FROM whole))
UNION ALL SELECT 'invitations', row_to_json(i)::text, NULL FROM invited i
UNION ALL SELECT 'invitations', row_to_json(i)::text, NULL FROM {schema}.invitations i
WHERE i.id = ANY(ARRAY(
    SELECT came_by FROM past UNION ALL SELECT came_by FROM tombstones))
UNION ALL SELECT 'workspaces', row_to_json(w)::text, NULL FROM {schema}.workspaces w
WHERE w.id = ANY(ARRAY(SELECT workspace_id FROM placed))
UNION ALL SELECT 'handovers', row_to_json(h)::text, NULL FROM asked_handovers h
UNION ALL SELECT 'handovers', row_to_json(h)::text, NULL
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
        WHERE o.organization_id = m.organization_id AND o.email_canonical = m.email_canonical
          AND o.status <> 'removed'))
    ORDER BY p.handover_id DESC LIMIT n.most) c
JOIN {schema}.handovers h ON h.organization_id = m.organization_id AND h.id = c.handover_id";

/// Teams and users, those that come with people among them.
const TEAMS_AND_USERS_WITH_PEOPLE: &str = "
SELECT 'teams', row_to_json(t)::text, NULL FROM {schema}.teams t
WHERE t.id = ANY(ARRAY(
    SELECT jsonb_array_elements_text($1->'teams')::uuid
    UNION ALL SELECT c.holder FROM {schema}.claims c
    WHERE c.claim = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'teams_holding')))
    UNION ALL SELECT unnest(teams) FROM placed))
UNION ALL SELECT 'users', row_to_json(u)::text, NULL FROM {schema}.users u
WHERE u.id = ANY(ARRAY(
    SELECT jsonb_array_elements_text($1->'users')::uuid
    UNION ALL SELECT c.holder FROM {schema}.claims c
    WHERE c.claim = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'users_holding')))
    UNION ALL SELECT user_id FROM persons))";

/// What each list brings, when nobody has to be looked up.
const WITHOUT_PEOPLE: [(&str, &str); 4] = [
    (
        "teams",
        "SELECT 'teams' AS kind, row_to_json(t)::text AS row, NULL::text AS beside
         FROM {schema}.teams t
         WHERE t.id = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'teams')::uuid))",
    ),
    (
        "teams_holding",
        "SELECT 'teams' AS kind, row_to_json(t)::text AS row, NULL::text AS beside
         FROM {schema}.teams t
         WHERE t.id = ANY(ARRAY(
             SELECT c.holder FROM {schema}.claims c
             WHERE c.claim = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'teams_holding')))))",
    ),
    (
        "users",
        "SELECT 'users' AS kind, row_to_json(u)::text AS row, NULL::text AS beside
         FROM {schema}.users u
         WHERE u.id = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'users')::uuid))",
    ),
    (
        "users_holding",
        "SELECT 'users' AS kind, row_to_json(u)::text AS row, NULL::text AS beside
         FROM {schema}.users u
         WHERE u.id = ANY(ARRAY(
             SELECT c.holder FROM {schema}.claims c
             WHERE c.claim = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'users_holding')))))",
    ),
];

/// What each list brings, whether people are looked up or not.
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
        "workspaces",
        "SELECT 'workspaces' AS kind, row_to_json(w)::text AS row, NULL::text AS beside
         FROM {schema}.workspaces w
         WHERE w.id = ANY(ARRAY(SELECT jsonb_array_elements_text($1->'workspaces')::uuid))",
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
