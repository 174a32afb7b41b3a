-- The names begin with `tenure_`, so that a host keeps its own tables in the same file and joins on
-- these. Each kind of record has a table. `body` is the record as JSON and alone is read back; the other
-- columns repeat what some question asks for. Identities are their sixteen bytes, instants are
-- microseconds. Tables with a body keep a rowid, because an index-organised table would spread
-- bodies over its inner pages; those that are all key are WITHOUT ROWID.

CREATE TABLE tenure_organization (
    id BLOB NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    closes_at INTEGER, -- only while it is closing
    body TEXT NOT NULL
) STRICT;
-- Find::DueClosings.
CREATE INDEX tenure_organization_closing
    ON tenure_organization (closes_at, id) WHERE closes_at IS NOT NULL;

CREATE TABLE tenure_role (
    organization BLOB NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (organization, name) -- also: all roles of an organization
) STRICT;

CREATE TABLE tenure_workspace (
    id BLOB NOT NULL PRIMARY KEY,
    organization BLOB NOT NULL,
    body TEXT NOT NULL
) STRICT;
-- Find::Workspaces.
CREATE INDEX tenure_workspace_of_organization ON tenure_workspace (organization, id);

CREATE TABLE tenure_user (
    id BLOB NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE tenure_membership (
    id BLOB NOT NULL PRIMARY KEY,
    organization BLOB NOT NULL,
    workspace BLOB NOT NULL, -- empty for the organization itself
    status TEXT NOT NULL, -- the group: pending, active, deactivated, removed
    role TEXT NOT NULL,
    sort_key TEXT NOT NULL,
    user BLOB,
    email TEXT, -- canonical
    body TEXT NOT NULL
) STRICT;
-- Find::People without a filter, by role, by status, and by both: each page is one range.
CREATE INDEX tenure_membership_live
    ON tenure_membership (organization, workspace, sort_key, id) WHERE status <> 'removed';
CREATE INDEX tenure_membership_live_by_role
    ON tenure_membership (organization, workspace, role, sort_key, id) WHERE status <> 'removed';
CREATE INDEX tenure_membership_by_status
    ON tenure_membership (organization, workspace, status, sort_key, id);
CREATE INDEX tenure_membership_by_status_and_role
    ON tenure_membership (organization, workspace, status, role, sort_key, id);
-- Find::MembershipsOf; Need::Person, whose organization is then checked in the index.
CREATE INDEX tenure_membership_of_user
    ON tenure_membership (user, id, organization) WHERE user IS NOT NULL AND status <> 'removed';
-- Need::Person.
CREATE INDEX tenure_membership_of_email
    ON tenure_membership (organization, email) WHERE email IS NOT NULL AND status <> 'removed';
-- Need::Past: tombstones alone, so that nobody else pays for it.
CREATE INDEX tenure_membership_past_of_user
    ON tenure_membership (user, organization) WHERE user IS NOT NULL AND status = 'removed';
CREATE INDEX tenure_membership_past_of_email
    ON tenure_membership (organization, email) WHERE email IS NOT NULL AND status = 'removed';

-- Find::People by team. `live` is 0 for removed memberships, which are listed apart.
CREATE TABLE tenure_membership_team (
    team BLOB NOT NULL,
    organization BLOB NOT NULL,
    workspace BLOB NOT NULL,
    live INTEGER NOT NULL,
    sort_key TEXT NOT NULL,
    membership BLOB NOT NULL,
    PRIMARY KEY (team, organization, workspace, live, sort_key, membership)
) STRICT, WITHOUT ROWID;

-- Find::People by prefix. `lower_term` is the next lower one of the same membership: unless that begins with
-- the prefix too, this row is where the membership is listed.
CREATE TABLE tenure_membership_term (
    organization BLOB NOT NULL,
    workspace BLOB NOT NULL,
    live INTEGER NOT NULL,
    term TEXT NOT NULL,
    membership BLOB NOT NULL,
    lower_term TEXT,
    PRIMARY KEY (organization, workspace, live, term, membership)
) STRICT, WITHOUT ROWID;

CREATE TABLE tenure_invitation (
    id BLOB NOT NULL PRIMARY KEY,
    organization BLOB NOT NULL,
    status TEXT NOT NULL,
    issuer BLOB,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
-- Find::Invitations.
CREATE INDEX tenure_invitation_by_status ON tenure_invitation (organization, status, id);
-- Need::IssuedBy.
CREATE INDEX tenure_invitation_of_issuer
    ON tenure_invitation (issuer, created_at, id) WHERE status = 'open';
-- Need::Expiring.
CREATE INDEX tenure_invitation_expiring
    ON tenure_invitation (organization, expires_at, id) WHERE status = 'open';
-- Find::ExpiredInvitations.
CREATE INDEX tenure_invitation_expired
    ON tenure_invitation (expires_at, id) WHERE status = 'open';

CREATE TABLE tenure_team (
    id BLOB NOT NULL PRIMARY KEY,
    organization BLOB NOT NULL,
    deleted INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
-- Find::Teams.
CREATE INDEX tenure_team_of_organization ON tenure_team (organization, id) WHERE deleted = 0;

CREATE TABLE tenure_support_access (
    id BLOB NOT NULL PRIMARY KEY,
    organization BLOB NOT NULL,
    body TEXT NOT NULL
) STRICT;
-- Find::SupportAccesses.
CREATE INDEX tenure_support_access_of_organization ON tenure_support_access (organization, id);

CREATE TABLE tenure_handover (
    id BLOB NOT NULL PRIMARY KEY,
    organization BLOB NOT NULL,
    version INTEGER NOT NULL,
    due_at INTEGER, -- only while somebody has to see to it
    body TEXT NOT NULL
) STRICT;
-- Find::Handovers.
CREATE INDEX tenure_handover_of_organization ON tenure_handover (organization, id);
-- Find::DueHandovers.
CREATE INDEX tenure_handover_due ON tenure_handover (due_at, id) WHERE due_at IS NOT NULL;

CREATE TABLE tenure_mail (
    id BLOB NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID; -- short bodies, few rows, short lives
-- Find::DueMail.
CREATE INDEX tenure_mail_due ON tenure_mail (due_at, id);

CREATE TABLE tenure_activity (
    membership BLOB NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID; -- short bodies

CREATE TABLE tenure_block (
    organization BLOB NOT NULL,
    digest BLOB NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (organization, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE tenure_receipt (
    kind INTEGER NOT NULL, -- of the stream, as in `tenure_entry`
    owner BLOB NOT NULL,
    principal BLOB NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, owner, principal, name)
) STRICT, WITHOUT ROWID;

-- What is unique: its text, and who holds it.
CREATE TABLE tenure_claim (
    text TEXT NOT NULL PRIMARY KEY,
    holder BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The audit. Entries are never deleted, so SQLite gives each a higher `feed` than any before, and
-- one writer at a time commits them in that order.
CREATE TABLE tenure_entry (
    feed INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL, -- 0: an organization's stream, 1: a user's
    owner BLOB NOT NULL,
    position INTEGER NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (kind, owner, position) -- Find::Entries, too
) STRICT;
-- Find::Feed skips the users' streams.
CREATE INDEX tenure_entry_of_organizations ON tenure_entry (feed) WHERE kind = 0;

-- The erasable side of an entry.
CREATE TABLE tenure_entry_detail (
    feed INTEGER PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

-- Forget::Membership: the entries of organizations that are about a membership.
CREATE TABLE tenure_entry_subject (
    organization BLOB NOT NULL,
    membership BLOB NOT NULL,
    feed INTEGER NOT NULL,
    PRIMARY KEY (organization, membership, feed)
) STRICT, WITHOUT ROWID;
