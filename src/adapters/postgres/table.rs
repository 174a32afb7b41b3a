//! Which column holds which part of a record: each table is said once, and both writing and reading
//! go by it.

use Form::{Bytes, Instant, Instants, Plain};

/// How a part of a record stands in its column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// As it is.
    Plain,
    /// Microseconds as `timestamptz`.
    Instant,
    /// Many of them.
    Instants,
    /// A digest as `bytea`.
    Bytes,
}

/// A column, and where in the record its value lies.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    /// Fields of fields, from the record inwards; none for what only queries look at.
    pub(super) path: &'static [&'static str],
    pub(super) form: Form,
}

/// A table, for one kind of record.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The columns of its primary key.
    pub(super) key: &'static [&'static str],
    /// What a guard compares, for kinds that have it.
    pub(super) version: Option<&'static str>,
    /// Fields that are one of several variants: their columns are the variant's name (`tag`) and
    /// its fields, or `value` where it has none with a name.
    pub(super) variants: &'static [&'static [&'static str]],
    pub(super) columns: &'static [Column],
}

const fn plain(name: &'static str, path: &'static [&'static str]) -> Column {
    Column { name, path, form: Plain }
}

const fn instant(name: &'static str, path: &'static [&'static str]) -> Column {
    Column { name, path, form: Instant }
}

const fn bytes(name: &'static str, path: &'static [&'static str]) -> Column {
    Column { name, path, form: Bytes }
}

const OWNED: &[&str] = &["organization_id", "id"];

pub(super) const ORGANIZATIONS: Table = Table {
    name: "organizations",
    key: &["id"],
    version: Some("revision"),
    variants: &[&["realm"]],
    columns: &[
        plain("id", &["id"]),
        plain("name", &["name"]),
        plain("realm", &["realm", "tag"]),
        plain("realm_organization_id", &["realm", "value"]),
        plain("status", &["status", "name"]),
        instant("status_since", &["status", "since"]),
        instant("status_until", &["status", "until"]),
        plain("rules", &["rules"]),
        plain("seat_limit", &["seat_limit"]),
        plain("tally", &["tally"]),
        plain("workspaces_tally", &["workspaces_tally"]),
        plain("granted", &["granted"]),
        plain("former_members", &["former_members"]),
        plain("revision", &["head", "position"]),
        bytes("audit_hash", &["head", "hash"]),
        instant("founded_at", &["founded_at"]),
    ],
};

pub(super) const ROLES: Table = Table {
    name: "roles",
    key: &["organization_id", "name"],
    version: None,
    variants: &[],
    columns: &[
        plain("organization_id", &[]),
        plain("name", &["name"]),
        plain("title", &["title"]),
        plain("rank", &["rank"]),
        plain("kind", &["kind"]),
        plain("permissions", &["permissions"]),
        plain("may_assign", &["may_assign"]),
        plain("keeps_organization", &["keeps_organization"]),
        plain("takes_seat", &["takes_seat"]),
        plain("invitable", &["invitable"]),
        plain("reaches_workspaces", &["reaches_workspaces"]),
        plain("custom", &["custom"]),
    ],
};

pub(super) const WORKSPACES: Table = Table {
    name: "workspaces",
    key: OWNED,
    version: None,
    variants: &[],
    columns: &[
        plain("id", &["id"]),
        plain("organization_id", &["organization"]),
        plain("name", &["name"]),
        instant("closed_at", &["closed_at"]),
        plain("tally", &["tally"]),
    ],
};

pub(super) const USERS: Table = Table {
    name: "users",
    key: &["id"],
    version: Some("version"),
    variants: &[&["realm"]],
    columns: &[
        plain("id", &["id"]),
        plain("realm", &["realm", "tag"]),
        plain("realm_organization_id", &["realm", "value"]),
        plain("email", &["email"]),
        instant("email_verified_at", &["email_verified_at"]),
        plain("identities", &["identities"]),
        plain("password", &["password"]),
        plain("password_generation", &["password_generation"]),
        plain("reset_generation", &["reset_generation"]),
        Column { name: "resets_asked_at", path: &["resets_asked_at"], form: Instants },
        plain("settings", &["settings"]),
        plain("memberships", &["memberships"]),
        instant("erased_at", &["erased_at"]),
        plain("audit_position", &["head", "position"]),
        bytes("audit_hash", &["head", "hash"]),
        plain("version", &["version"]),
        instant("created_at", &["created_at"]),
    ],
};

pub(super) const TEAMS: Table = Table {
    name: "teams",
    key: OWNED,
    version: None,
    variants: &[],
    columns: &[
        plain("id", &["id"]),
        plain("organization_id", &["organization"]),
        plain("name", &["name"]),
        plain("description", &["description"]),
        plain("permissions", &["permissions"]),
        plain("fence", &["fence"]),
        plain("members", &["members"]),
        plain("deleted", &["deleted"]),
    ],
};

pub(super) const MEMBERSHIPS: Table = Table {
    name: "memberships",
    key: OWNED,
    version: None,
    variants: &[],
    columns: &[
        plain("id", &["id"]),
        plain("organization_id", &["scope", "organization"]),
        plain("workspace_id", &["scope", "workspace"]),
        plain("user_id", &["user"]),
        plain("email", &["email"]),
        plain("email_canonical", &[]),
        plain("status", &["status", "name"]),
        plain("status_because", &["status", "because"]),
        instant("status_since", &["status", "since"]),
        plain("role", &["role"]),
        plain("overrides", &["overrides"]),
        plain("grants", &["grants"]),
        plain("fence", &["fence"]),
        plain("teams", &["teams"]),
        plain("profile", &["profile"]),
        plain("source", &["source"]),
        plain("brought_by", &["brought_by"]),
        plain("epoch", &["epoch"]),
        plain("invitation_id", &["invitation"]),
        plain("came_by", &["came_by"]),
        plain("announced_issuer", &["announced", "issuer"]),
        plain("announced_subject", &["announced", "subject"]),
        plain("external_id", &["external_id"]),
        plain("offer_role", &["offer", "role"]),
        plain("offer_by", &["offer", "by"]),
        plain("offer_then_become", &["offer", "then_become"]),
        instant("offer_expires_at", &["offer", "expires_at"]),
        plain("predecessor", &["predecessor"]),
        plain("successor", &["successor"]),
        plain("former_number", &["former_number"]),
        instant("created_at", &["created_at"]),
        plain("sort_key", &[]),
    ],
};

pub(super) const INVITATIONS: Table = Table {
    name: "invitations",
    key: OWNED,
    version: None,
    variants: &[],
    columns: &[
        plain("id", &["id"]),
        plain("organization_id", &["organization"]),
        plain("email", &["email"]),
        plain("memberships", &["memberships"]),
        plain("issuer", &["issuer"]),
        plain("status", &["status"]),
        plain("generation", &["generation"]),
        instant("expires_at", &["expires_at"]),
        plain("times_sent", &["times_sent"]),
        instant("created_at", &["created_at"]),
    ],
};

pub(super) const SUPPORT_ACCESSES: Table = Table {
    name: "support_accesses",
    key: OWNED,
    version: None,
    variants: &[],
    columns: &[
        plain("id", &["id"]),
        plain("organization_id", &["organization"]),
        plain("person", &["person"]),
        plain("permissions", &["permissions"]),
        plain("given_by", &["given_by"]),
        plain("reason", &["reason"]),
        instant("starts_at", &["from"]),
        instant("ends_at", &["until"]),
        instant("revoked_at", &["revoked_at"]),
    ],
};

pub(super) const HANDOVERS: Table = Table {
    name: "handovers",
    key: OWNED,
    version: Some("version"),
    variants: &[&["work"]],
    columns: &[
        plain("id", &["id"]),
        plain("organization_id", &["organization"]),
        plain("workspace_id", &["scope", "workspace"]),
        plain("from_membership_id", &["from"]),
        plain("work", &["work", "tag"]),
        plain("work_of", &["work", "value"]),
        plain("parts", &["parts"]),
        plain("status", &["status"]),
        instant("planned_at", &["planned_at"]),
        plain("moved", &["moved"]),
        plain("skipped", &["skipped"]),
        plain("left_behind", &["left"]),
        plain("batches", &["batches"]),
        plain("failures", &["failures"]),
        plain("progress", &["progress"]),
        plain("asked", &["asked"]),
        instant("due_at", &["due_at"]),
        instant("waits_until", &[]),
        plain("version", &["version"]),
    ],
};

pub(super) const HANDOVER_RECEIPTS: Table = Table {
    name: "handover_receipts",
    key: &["organization_id", "handover_id", "number"],
    version: None,
    variants: &[],
    columns: &[
        plain("organization_id", &["organization"]),
        plain("handover_id", &["batch", "handover"]),
        plain("number", &["batch", "number"]),
        plain("kind", &["kind"]),
        plain("states", &["states"]),
        plain("place", &["place"]),
        plain("from_membership_id", &["from"]),
        plain("to_membership_id", &["to"]),
        plain("moved", &["moved"]),
        plain("skipped", &["skipped"]),
        instant("at", &["at"]),
    ],
};

pub(super) const MAILS: Table = Table {
    name: "mails",
    key: &["id"],
    version: Some("version"),
    variants: &[&["about"]],
    columns: &[
        plain("id", &["id"]),
        plain("organization_id", &["organization"]),
        plain("about", &["about", "tag"]),
        plain("about_invitation_id", &["about", "invitation"]),
        plain("about_user_id", &["about", "user"]),
        plain("about_membership_id", &["about", "membership"]),
        plain("about_generation", &["about", "generation"]),
        instant("due_at", &["due_at"]),
        plain("attempts", &["attempts"]),
        plain("version", &["version"]),
    ],
};

pub(super) const ACTIVITIES: Table = Table {
    name: "activities",
    key: &["organization_id", "membership_id"],
    version: Some("version"),
    variants: &[],
    columns: &[
        plain("organization_id", &["organization"]),
        plain("membership_id", &["membership"]),
        instant("signed_in_at", &["signed_in_at"]),
        plain("sign_ins", &["sign_ins"]),
        instant("seen_at", &["seen_at"]),
        plain("version", &["version"]),
    ],
};

pub(super) const BLOCKS: Table = Table {
    name: "blocks",
    key: &["organization_id", "digest"],
    version: None,
    variants: &[],
    columns: &[plain("organization_id", &["organization"]), bytes("digest", &["digest"])],
};

pub(super) const IDEMPOTENCY_KEYS: Table = Table {
    name: "idempotency_keys",
    key: &["stream_id", "stream", "principal", "name"],
    version: None,
    variants: &[&["key", "stream"]],
    columns: &[
        plain("stream", &["key", "stream", "tag"]),
        plain("stream_id", &["key", "stream", "value"]),
        bytes("principal", &["key", "principal"]),
        plain("name", &["key", "key"]),
        bytes("digest", &["digest"]),
        plain("position", &["position"]),
    ],
};

/// An entry's columns, after the one that says whose stream it is in.
macro_rules! entry {
    ($owner:literal, $stream:literal) => {
        &[
            plain($owner, &["stream", $stream]),
            plain("position", &["position"]),
            instant("at", &["at"]),
            plain("command_id", &["command_id"]),
            plain("command", &["command"]),
            plain("actor", &["actor", "tag"]),
            plain("actor_user_id", &["actor", "user"]),
            plain("actor_membership_id", &["actor", "membership"]),
            plain("actor_purpose", &["actor", "purpose"]),
            plain("actor_subject", &["actor", "subject"]),
            plain("actor_access_id", &["actor", "access"]),
            plain("actor_person", &["actor", "person"]),
            plain("actor_connection", &["actor", "connection"]),
            plain("source", &["source"]),
            plain("events", &["events"]),
            plain("subjects", &["subjects"]),
            plain("seats_used", &["seats_used"]),
            bytes("commitment", &["commitment"]),
            bytes("previous", &["previous"]),
            bytes("hash", &["hash"]),
        ]
    };
}

pub(super) const ORGANIZATION_ENTRIES: Table = Table {
    name: "organization_entries",
    key: &["organization_id", "position"],
    version: None,
    variants: &[&["actor"]],
    columns: entry!("organization_id", "organization"),
};

pub(super) const USER_ENTRIES: Table = Table {
    name: "user_entries",
    key: &["user_id", "position"],
    version: None,
    variants: &[&["actor"]],
    columns: entry!("user_id", "user"),
};

/// Those whose rows are put, parents before children.
pub(super) const PUT: [&Table; 14] = [
    &ORGANIZATIONS,
    &ROLES,
    &WORKSPACES,
    &USERS,
    &TEAMS,
    &MEMBERSHIPS,
    &INVITATIONS,
    &SUPPORT_ACCESSES,
    &HANDOVERS,
    &HANDOVER_RECEIPTS,
    &MAILS,
    &ACTIVITIES,
    &BLOCKS,
    &IDEMPOTENCY_KEYS,
];
