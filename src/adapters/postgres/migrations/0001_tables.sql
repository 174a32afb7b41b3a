-- One table for each kind of record, one column for each thing that a person would ask about.
--
-- * Everything an organization owns has its identity first in the primary key and in every foreign key, so each
--   of these tables can be partitioned, or placed, by organization_id. Identities are unique by
--   themselves; the index on (id) is how a record is found by its identity alone.
-- * jsonb holds what is made of the host's own names: its roles, permissions, resources, profile
--   fields, kinds of work, and its choice of rules.
-- * Text that is compared or listed has COLLATE "C": lists are in the order of code points everywhere.
-- * What names somebody of the past (an issuer, an inviter, a predecessor) is not a foreign key.

CREATE TABLE {schema}.organizations (
    id uuid NOT NULL PRIMARY KEY,
    name text NOT NULL,
    realm text NOT NULL, -- shared, or organization with its identity in realm_organization_id
    realm_organization_id uuid,
    status text NOT NULL,
    status_since timestamptz,
    status_until timestamptz, -- only while it is closing
    rules jsonb NOT NULL,
    seat_limit bigint,
    tally jsonb NOT NULL,
    workspaces_tally jsonb NOT NULL,
    granted jsonb NOT NULL,
    former_members bigint NOT NULL,
    revision bigint NOT NULL, -- the position of its last audit entry: what a guard compares
    audit_hash bytea NOT NULL,
    founded_at timestamptz NOT NULL
);
-- Find::DueClosings.
CREATE INDEX organizations_closing ON {schema}.organizations (status_until, id)
    WHERE status = 'closing';

CREATE TABLE {schema}.roles (
    organization_id uuid NOT NULL REFERENCES {schema}.organizations (id),
    name text COLLATE "C" NOT NULL,
    title text NOT NULL,
    rank integer NOT NULL,
    kind text NOT NULL,
    permissions jsonb NOT NULL,
    may_assign jsonb NOT NULL,
    keeps_organization boolean NOT NULL,
    takes_seat boolean NOT NULL,
    invitable boolean NOT NULL,
    reaches_workspaces boolean NOT NULL,
    custom boolean NOT NULL,
    PRIMARY KEY (organization_id, name) -- also: all roles of an organization
);

CREATE TABLE {schema}.workspaces (
    id uuid NOT NULL,
    organization_id uuid NOT NULL REFERENCES {schema}.organizations (id),
    name text NOT NULL,
    closed_at timestamptz,
    tally jsonb NOT NULL,
    PRIMARY KEY (organization_id, id) -- also: Find::Workspaces
);
CREATE INDEX workspaces_id ON {schema}.workspaces (id);

CREATE TABLE {schema}.users (
    id uuid NOT NULL PRIMARY KEY,
    realm text NOT NULL,
    realm_organization_id uuid,
    email text,
    email_verified_at timestamptz,
    identities jsonb NOT NULL, -- pairs of issuer and subject, as others name them
    password text, -- a hash
    password_generation bigint NOT NULL,
    reset_generation bigint NOT NULL,
    resets_asked_at timestamptz[] NOT NULL,
    settings jsonb NOT NULL,
    memberships bigint NOT NULL,
    erased_at timestamptz,
    audit_position bigint NOT NULL,
    audit_hash bytea NOT NULL,
    version bigint NOT NULL, -- what a guard compares
    created_at timestamptz NOT NULL
);

CREATE TABLE {schema}.teams (
    id uuid NOT NULL,
    organization_id uuid NOT NULL REFERENCES {schema}.organizations (id),
    name text NOT NULL,
    description text,
    permissions jsonb NOT NULL,
    fence jsonb NOT NULL,
    members bigint NOT NULL,
    deleted boolean NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX teams_id ON {schema}.teams (id);
-- Find::Teams.
CREATE INDEX teams_not_deleted ON {schema}.teams (organization_id, id) WHERE NOT deleted;

CREATE TABLE {schema}.memberships (
    id uuid NOT NULL,
    organization_id uuid NOT NULL REFERENCES {schema}.organizations (id),
    workspace_id uuid, -- none: in the organization itself
    scope_id uuid NOT NULL -- the workspace, or zeros for the organization itself
        GENERATED ALWAYS AS (coalesce(workspace_id, '00000000-0000-0000-0000-000000000000'::uuid)) STORED,
    user_id uuid REFERENCES {schema}.users (id),
    email text, -- as it was written
    email_canonical text COLLATE "C",
    status text NOT NULL, -- pending, active, deactivated, removed
    status_because text,
    status_since timestamptz NOT NULL,
    role text COLLATE "C" NOT NULL,
    overrides jsonb NOT NULL,
    grants jsonb NOT NULL,
    fence jsonb NOT NULL,
    teams uuid[] NOT NULL,
    profile jsonb NOT NULL,
    source text NOT NULL,
    brought_by uuid,
    epoch bigint NOT NULL,
    invitation_id uuid, -- the open one
    came_by uuid, -- the invitation by which the person came
    announced_issuer text,
    announced_subject text,
    external_id text,
    offer_role text,
    offer_by uuid,
    offer_then_become text,
    offer_expires_at timestamptz,
    predecessor uuid,
    successor uuid,
    former_number bigint,
    created_at timestamptz NOT NULL,
    sort_key text COLLATE "C" NOT NULL, -- the folded name
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, workspace_id) REFERENCES {schema}.workspaces (organization_id, id)
);
CREATE INDEX memberships_id ON {schema}.memberships (id);
-- Find::People without a filter, by role, by status, and by both: each page is one range.
CREATE INDEX memberships_live ON {schema}.memberships (organization_id, scope_id, sort_key, id)
    WHERE status <> 'removed';
CREATE INDEX memberships_live_by_role
    ON {schema}.memberships (organization_id, scope_id, role, sort_key, id)
    WHERE status <> 'removed';
CREATE INDEX memberships_by_status
    ON {schema}.memberships (organization_id, scope_id, status, sort_key, id);
CREATE INDEX memberships_by_status_and_role
    ON {schema}.memberships (organization_id, scope_id, status, role, sort_key, id);
-- Find::MembershipsOf; Need::Person and Need::Handovers: the same user in one organization.
CREATE INDEX memberships_of_user ON {schema}.memberships (user_id, id, organization_id)
    WHERE status <> 'removed';
-- Need::Person and Need::Handovers: the same address in one organization.
CREATE INDEX memberships_of_email ON {schema}.memberships (organization_id, email_canonical)
    WHERE status <> 'removed';
-- Need::Past: tombstones alone, so that nobody else pays for them.
CREATE INDEX memberships_past_of_user ON {schema}.memberships (user_id, organization_id)
    WHERE status = 'removed';
CREATE INDEX memberships_past_of_email ON {schema}.memberships (organization_id, email_canonical)
    WHERE status = 'removed';

-- Find::People by team. Removed memberships are listed apart.
CREATE TABLE {schema}.membership_teams (
    organization_id uuid NOT NULL,
    team_id uuid NOT NULL,
    scope_id uuid NOT NULL,
    live boolean NOT NULL,
    sort_key text COLLATE "C" NOT NULL,
    membership_id uuid NOT NULL,
    PRIMARY KEY (organization_id, team_id, scope_id, live, sort_key, membership_id),
    FOREIGN KEY (organization_id, team_id) REFERENCES {schema}.teams (organization_id, id),
    FOREIGN KEY (organization_id, membership_id)
        REFERENCES {schema}.memberships (organization_id, id) ON DELETE CASCADE
);
-- Writing a membership again: where it stood before.
CREATE INDEX membership_teams_of_membership
    ON {schema}.membership_teams (organization_id, membership_id);
-- Need::TeamMembers: those in the organization itself by identity, whose status is then looked up.
CREATE INDEX membership_teams_by_id
    ON {schema}.membership_teams (organization_id, team_id, membership_id)
    WHERE live AND scope_id = '00000000-0000-0000-0000-000000000000';

-- Find::People by prefix. lower_term is the next lower one of the same membership: unless that
-- begins with the prefix too, this row is where the membership is listed.
CREATE TABLE {schema}.membership_terms (
    organization_id uuid NOT NULL,
    scope_id uuid NOT NULL,
    live boolean NOT NULL,
    term text COLLATE "C" NOT NULL,
    membership_id uuid NOT NULL,
    lower_term text COLLATE "C",
    PRIMARY KEY (organization_id, scope_id, live, term, membership_id),
    FOREIGN KEY (organization_id, membership_id)
        REFERENCES {schema}.memberships (organization_id, id) ON DELETE CASCADE
);
-- Writing a membership again: where it stood before.
CREATE INDEX membership_terms_of_membership
    ON {schema}.membership_terms (organization_id, membership_id);

CREATE TABLE {schema}.invitations (
    id uuid NOT NULL,
    organization_id uuid NOT NULL REFERENCES {schema}.organizations (id),
    email text,
    memberships uuid[] NOT NULL,
    issuer uuid,
    status text NOT NULL,
    generation bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    times_sent bigint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX invitations_id ON {schema}.invitations (id);
-- Find::Invitations.
CREATE INDEX invitations_by_status ON {schema}.invitations (organization_id, status, id);
-- Need::IssuedBy.
CREATE INDEX invitations_of_issuer ON {schema}.invitations (issuer, created_at, id)
    WHERE status = 'open';
-- Need::Expiring.
CREATE INDEX invitations_expiring ON {schema}.invitations (organization_id, expires_at, id)
    WHERE status = 'open';
-- Find::ExpiredInvitations.
CREATE INDEX invitations_expired ON {schema}.invitations (expires_at, id) WHERE status = 'open';

CREATE TABLE {schema}.support_accesses (
    id uuid NOT NULL,
    organization_id uuid NOT NULL REFERENCES {schema}.organizations (id),
    person text NOT NULL,
    permissions jsonb NOT NULL,
    given_by uuid,
    reason text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (organization_id, id) -- also: Find::SupportAccesses
);
CREATE INDEX support_accesses_id ON {schema}.support_accesses (id);

CREATE TABLE {schema}.handovers (
    id uuid NOT NULL,
    organization_id uuid NOT NULL REFERENCES {schema}.organizations (id),
    workspace_id uuid,
    from_membership_id uuid NOT NULL,
    work text NOT NULL, -- everything, out_of_reach, or handed_over by the handover in work_of
    work_of uuid,
    parts jsonb NOT NULL,
    status text NOT NULL,
    planned_at timestamptz NOT NULL,
    moved bigint NOT NULL,
    skipped bigint NOT NULL,
    left_behind jsonb NOT NULL,
    batches bigint NOT NULL,
    failures bigint NOT NULL,
    progress jsonb NOT NULL,
    asked jsonb,
    due_at timestamptz NOT NULL,
    waits_until timestamptz, -- only while somebody has to see to it
    version bigint NOT NULL, -- what a guard compares
    PRIMARY KEY (organization_id, id) -- also: Find::Handovers
);
CREATE INDEX handovers_id ON {schema}.handovers (id);
-- Find::DueHandovers.
CREATE INDEX handovers_due ON {schema}.handovers (waits_until, id) WHERE waits_until IS NOT NULL;

-- Need::Handovers: those that concern a membership, the last ones first.
CREATE TABLE {schema}.handover_people (
    organization_id uuid NOT NULL,
    membership_id uuid NOT NULL,
    handover_id uuid NOT NULL,
    PRIMARY KEY (organization_id, membership_id, handover_id),
    FOREIGN KEY (organization_id, handover_id)
        REFERENCES {schema}.handovers (organization_id, id) ON DELETE CASCADE
);
-- Writing a handover again: whom it concerned before.
CREATE INDEX handover_people_of_handover
    ON {schema}.handover_people (organization_id, handover_id);

-- Written once and then read in their order.
CREATE TABLE {schema}.handover_receipts (
    organization_id uuid NOT NULL,
    handover_id uuid NOT NULL,
    number bigint NOT NULL,
    kind text NOT NULL,
    states text NOT NULL,
    place jsonb NOT NULL,
    from_membership_id uuid,
    to_membership_id uuid,
    moved text[] NOT NULL,
    skipped jsonb NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, handover_id, number),
    FOREIGN KEY (organization_id, handover_id)
        REFERENCES {schema}.handovers (organization_id, id)
);
-- Find::HandoverReceipts.
CREATE INDEX handover_receipts_of_handover ON {schema}.handover_receipts (handover_id, number);

-- The outbox.
CREATE TABLE {schema}.mails (
    id uuid NOT NULL PRIMARY KEY,
    organization_id uuid REFERENCES {schema}.organizations (id),
    about text NOT NULL,
    about_invitation_id uuid,
    about_user_id uuid,
    about_membership_id uuid,
    about_generation bigint,
    due_at timestamptz NOT NULL,
    attempts bigint NOT NULL,
    version bigint NOT NULL -- what a guard compares
);
-- Find::DueMail.
CREATE INDEX mails_due ON {schema}.mails (due_at, id);

CREATE TABLE {schema}.activities (
    organization_id uuid NOT NULL,
    membership_id uuid NOT NULL,
    signed_in_at timestamptz,
    sign_ins bigint NOT NULL,
    seen_at timestamptz,
    version bigint NOT NULL, -- what a guard compares
    PRIMARY KEY (organization_id, membership_id),
    FOREIGN KEY (organization_id, membership_id)
        REFERENCES {schema}.memberships (organization_id, id)
);
CREATE INDEX activities_membership ON {schema}.activities (membership_id);

CREATE TABLE {schema}.blocks (
    organization_id uuid NOT NULL REFERENCES {schema}.organizations (id),
    digest bytea NOT NULL,
    PRIMARY KEY (organization_id, digest)
);

-- What idempotency keys stand for. The stream is an organization's or a user's.
CREATE TABLE {schema}.idempotency_keys (
    stream text NOT NULL,
    stream_id uuid NOT NULL,
    principal bytea NOT NULL,
    name text COLLATE "C" NOT NULL,
    digest bytea NOT NULL, -- of the command
    position bigint NOT NULL, -- of its audit entry
    PRIMARY KEY (stream_id, stream, principal, name)
);

-- What is unique: its text, and who holds it.
CREATE TABLE {schema}.claims (
    claim text COLLATE "C" NOT NULL PRIMARY KEY,
    holder uuid NOT NULL
);

-- The audit, one hash chain for each organization. `feed` numbers the entries of all
-- organizations; it is given when the feed is read (feed_head), never while an entry is written, so that
-- writers of different organizations do not wait for each other.
CREATE TABLE {schema}.organization_entries (
    organization_id uuid NOT NULL REFERENCES {schema}.organizations (id),
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    command_id uuid NOT NULL,
    command text NOT NULL,
    actor text NOT NULL,
    actor_user_id uuid,
    actor_membership_id uuid,
    actor_purpose text,
    actor_subject uuid,
    actor_access_id uuid,
    actor_person text,
    actor_connection text,
    source text,
    events text[] NOT NULL,
    subjects uuid[] NOT NULL,
    seats_used bigint,
    commitment bytea NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    feed bigint,
    PRIMARY KEY (organization_id, position) -- also: Find::Entries
);
-- Find::Feed.
CREATE INDEX organization_entries_feed ON {schema}.organization_entries (feed)
    WHERE feed IS NOT NULL;
CREATE INDEX organization_entries_unnumbered
    ON {schema}.organization_entries (organization_id, position) WHERE feed IS NULL;

-- The last number given; one row.
CREATE TABLE {schema}.feed_head (
    only_one boolean NOT NULL PRIMARY KEY CHECK (only_one),
    last bigint NOT NULL
);
INSERT INTO {schema}.feed_head (only_one, last) VALUES (true, 0);

-- The erasable side of an entry.
CREATE TABLE {schema}.organization_entry_details (
    organization_id uuid NOT NULL,
    position bigint NOT NULL,
    salt uuid NOT NULL,
    text text NOT NULL, -- exactly as it was committed to
    PRIMARY KEY (organization_id, position),
    FOREIGN KEY (organization_id, position)
        REFERENCES {schema}.organization_entries (organization_id, position)
);

-- Forget::Membership: the entries that are about a membership.
CREATE TABLE {schema}.organization_entry_subjects (
    organization_id uuid NOT NULL,
    membership_id uuid NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (organization_id, membership_id, position),
    FOREIGN KEY (organization_id, position)
        REFERENCES {schema}.organization_entries (organization_id, position)
);

-- The same for the streams of users.
CREATE TABLE {schema}.user_entries (
    user_id uuid NOT NULL REFERENCES {schema}.users (id),
    position bigint NOT NULL,
    at timestamptz NOT NULL,
    command_id uuid NOT NULL,
    command text NOT NULL,
    actor text NOT NULL,
    actor_user_id uuid,
    actor_membership_id uuid,
    actor_purpose text,
    actor_subject uuid,
    actor_access_id uuid,
    actor_person text,
    actor_connection text,
    source text,
    events text[] NOT NULL,
    subjects uuid[] NOT NULL,
    seats_used bigint,
    commitment bytea NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (user_id, position)
);

CREATE TABLE {schema}.user_entry_details (
    user_id uuid NOT NULL,
    position bigint NOT NULL,
    salt uuid NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (user_id, position),
    FOREIGN KEY (user_id, position) REFERENCES {schema}.user_entries (user_id, position)
);
