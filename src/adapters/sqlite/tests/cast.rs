//! A fixed cast at a fixed company, one record of each kind.

use std::collections::{BTreeMap, BTreeSet};

use tempfile::TempDir;
use uuid::Uuid;

use super::super::{Durability, SqliteOptions, SqliteStore};
use crate::domain::{
    Activity, Actor, BatchName, Block, ChangeSet, CommandId, Digest, EmailAddress, Entry,
    EntryDetail, Epoch, Event, Fence, Generation, Handover, HandoverId, HandoverReceipt,
    HandoverStatus, HandoverWork, Head, IdempotencyKey, Invitation, InvitationId, InvitationStatus,
    ItemId, KindName, Mail, MailAbout, MailId, Membership, MembershipId, MembershipStatus,
    Organization, OrganizationId, OrganizationName, OrganizationStatus, Part, Place, Profile,
    Progress, Realm, Reason, Receipt, ReceiptKey, Receivers, Record, Revision, Role, RoleName,
    Rules, Source, Stream, SubjectName, SupportAccess, SupportAccessId, Tally, Team, TeamId,
    TeamName, Timestamp, User, UserId, WorkStates, Workspace, WorkspaceId, WorkspaceName,
};

pub(super) const NOW: Timestamp = Timestamp::from_micros(1_000);

pub(super) fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

pub(super) fn acme() -> OrganizationId {
    OrganizationId::new(id(1))
}

pub(super) fn store(folder: &TempDir) -> SqliteStore {
    let path = folder.path().join("people.db");
    SqliteOptions::new(path).durability(Durability::Process).open().unwrap()
}

pub(super) fn put(record: Record) -> ChangeSet {
    ChangeSet { put: vec![record], ..ChangeSet::default() }
}

pub(super) fn organization(revision: u64) -> Record {
    Record::Organization(Box::new(Organization {
        id: acme(),
        name: OrganizationName::new("Acme").unwrap(),
        realm: Realm::Shared,
        status: OrganizationStatus::Closing { until: NOW },
        rules: Rules::default(),
        seat_limit: Some(5),
        tally: Tally::default(),
        workspaces_tally: Tally::default(),
        granted: BTreeMap::new(),
        former_members: 0,
        head: Head { position: Revision::new(revision), hash: Digest::default() },
        founded_at: NOW,
    }))
}

pub(super) fn member(n: u128, name: &str, email: &str) -> Membership {
    Membership {
        id: MembershipId::new(id(n)),
        scope: acme().into(),
        user: None,
        email: Some(EmailAddress::new(email).unwrap()),
        status: MembershipStatus::Active { since: NOW },
        role: RoleName::new("agent").unwrap(),
        overrides: BTreeMap::new(),
        grants: BTreeMap::new(),
        fence: Fence::default(),
        teams: BTreeSet::new(),
        profile: Profile::named(name).unwrap(),
        source: Source::Invitation,
        brought_by: None,
        epoch: Epoch::default(),
        invitation: None,
        announced: None,
        external_id: None,
        offer: None,
        came_by: None,
        predecessor: None,
        successor: None,
        former_number: None,
        created_at: NOW,
    }
}

pub(super) fn person(it: &Membership) -> Record {
    Record::Membership(Box::new(it.clone()))
}

pub(super) fn invitation(n: u128, memberships: Vec<MembershipId>) -> Invitation {
    Invitation {
        id: InvitationId::new(id(n)),
        organization: acme(),
        email: Some(EmailAddress::new("ada@example.com").unwrap()),
        memberships,
        issuer: Some(MembershipId::new(id(99))),
        status: InvitationStatus::Open,
        generation: Generation::FIRST,
        expires_at: NOW,
        times_sent: 1,
        created_at: NOW,
    }
}

pub(super) fn team(n: u128) -> Record {
    Record::Team(Box::new(Team {
        id: TeamId::new(id(n)),
        organization: acme(),
        name: TeamName::new("Billing").unwrap(),
        description: None,
        permissions: BTreeMap::new(),
        fence: Fence::default(),
        members: 1,
        deleted: false,
    }))
}

pub(super) fn user(n: u128, version: u64) -> Record {
    Record::User(Box::new(User {
        id: UserId::new(id(n)),
        realm: Realm::Shared,
        email: Some(EmailAddress::new("ada@example.com").unwrap()),
        email_verified_at: Some(NOW),
        identities: BTreeSet::new(),
        password: None,
        password_generation: Generation::FIRST,
        reset_generation: Generation::FIRST,
        resets_asked_at: vec![NOW],
        settings: BTreeMap::new(),
        memberships: 1,
        erased_at: None,
        head: Head::default(),
        version: Revision::new(version),
        created_at: NOW,
    }))
}

pub(super) fn mail(n: u128, version: u64) -> Record {
    Record::Mail(Box::new(Mail {
        id: MailId::new(id(n)),
        organization: Some(acme()),
        about: MailAbout::OwnershipOffer { membership: MembershipId::new(id(7)) },
        due_at: NOW,
        attempts: 0,
        version: Revision::new(version),
    }))
}

pub(super) fn handover(n: u128, from: u128, to: &[u128]) -> Handover {
    let to = Receivers::RoundRobin(to.iter().map(|n| MembershipId::new(id(*n))).collect());
    let tickets = KindName::new("tickets").unwrap();
    Handover {
        id: HandoverId::new(id(n)),
        organization: acme(),
        scope: acme().into(),
        from: MembershipId::new(id(from)),
        work: HandoverWork::Everything,
        parts: vec![Part::new(tickets, WorkStates::All, None, to)],
        status: HandoverStatus::Running,
        planned_at: NOW,
        moved: 0,
        skipped: 0,
        left: Vec::new(),
        batches: 0,
        failures: 0,
        progress: Progress::default(),
        asked: None,
        due_at: NOW,
        version: Revision::new(1),
    }
}

pub(super) fn handover_receipt(n: u128, number: u32, items: u32) -> HandoverReceipt {
    HandoverReceipt {
        batch: BatchName { handover: HandoverId::new(id(n)), number },
        organization: acme(),
        kind: KindName::new("tickets").unwrap(),
        states: WorkStates::All,
        place: Place::new(),
        from: Some(MembershipId::new(id(4))),
        to: None,
        moved: (0..items).map(|n| ItemId::new(id(u128::from(n)).to_string()).unwrap()).collect(),
        skipped: Vec::new(),
        at: NOW,
    }
}

pub(super) fn entry(stream: Stream, position: u64, subjects: &[u128]) -> (Entry, EntryDetail) {
    let detail = EntryDetail::new(uuid::Uuid::from_u128(3), None, &[Event::OrganizationResumed {}]);
    let entry = Entry {
        stream,
        position: Revision::new(position),
        at: NOW,
        command_id: CommandId::new(id(u128::from(position))),
        command: "Resume".to_owned(),
        actor: Actor::System,
        source: None,
        events: vec!["OrganizationResumed".to_owned()],
        subjects: subjects.iter().map(|n| MembershipId::new(id(*n))).collect(),
        seats_used: Some(3),
        commitment: detail.commitment(),
        previous: Digest::default(),
        hash: Digest::default(),
    };
    (entry, detail)
}

pub(super) fn one_of_each_kind() -> Vec<Record> {
    let subject = SubjectName::new("sam").unwrap();
    let key = ReceiptKey::new(
        Stream::Organization(acme()),
        &Actor::System,
        IdempotencyKey::new("once").unwrap(),
    );
    vec![
        organization(1),
        Record::Role(acme(), Box::new(Role::new("agent", 10).unwrap())),
        Record::Workspace(Box::new(Workspace {
            id: WorkspaceId::new(id(2)),
            organization: acme(),
            name: WorkspaceName::new("North").unwrap(),
            closed_at: None,
            tally: Tally::default(),
        })),
        user(3, 1),
        person(&member(4, "Ada Lovelace", "ada@example.com")),
        Record::Invitation(Box::new(invitation(5, vec![]))),
        team(6),
        Record::SupportAccess(Box::new(SupportAccess {
            id: SupportAccessId::new(id(7)),
            organization: acme(),
            person: subject,
            permissions: BTreeSet::new(),
            given_by: None,
            reason: Reason::new("help").unwrap(),
            from: NOW,
            until: None,
            revoked_at: None,
        })),
        Record::Handover(Box::new(handover(8, 404, &[4]))),
        Record::HandoverReceipt(Box::new(handover_receipt(8, 0, 2))),
        mail(9, 1),
        Record::Activity(Box::new(Activity {
            membership: MembershipId::new(id(4)),
            organization: acme(),
            signed_in_at: Some(NOW),
            sign_ins: 1,
            seen_at: None,
            version: Revision::new(1),
        })),
        Record::Block(Block { organization: acme(), digest: Digest::of(&[b"x"]) }),
        Record::Receipt(Box::new(Receipt {
            key,
            digest: Digest::default(),
            position: Revision::new(1),
        })),
    ]
}
