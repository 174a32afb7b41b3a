-- Whom a handover concerns, and what each of its batches did. No released version of the crate wrote
-- a handover before this, so there is nothing to carry over.

-- Need::Handovers: those that concern a membership, the last ones first.
CREATE TABLE tenure_handover_person (
    membership BLOB NOT NULL,
    handover BLOB NOT NULL,
    PRIMARY KEY (membership, handover)
) STRICT, WITHOUT ROWID;
-- Writing a handover again: whom it concerned before, so that nothing else is written.
CREATE INDEX tenure_handover_person_of_handover ON tenure_handover_person (handover, membership);

-- Written once and then read in their order. The bodies name every item (5 to 40 kB), so it keeps
-- its rowid.
CREATE TABLE tenure_handover_receipt (
    handover BLOB NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (handover, number) -- also: Find::HandoverReceipts
) STRICT;

-- Need::TeamMembers: those in the organization itself by id, whose status is then looked up.
CREATE INDEX tenure_membership_team_by_id
    ON tenure_membership_team (team, organization, membership) WHERE workspace = x'' AND live = 1;
