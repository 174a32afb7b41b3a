//! Records to keep: plain ones, and one of each kind with every field filled.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::domain::{
    Activity, Actor, Batch, BatchItems, BatchName, Block, CommandId, DeactivatedBecause, Digest,
    EmailAddress, Entry, EntryDetail, Epoch, Event, ExternalId, ExternalIdentity, Fence, FenceName,
    FieldName, FieldValue, Generation, Given, Grant, Guard, Handover, HandoverId, HandoverReceipt,
    HandoverStatus, HandoverWork, Head, IdempotencyKey, Invitation, InvitationId, InvitationStatus,
    IssuerName, ItemId, Key, KindName, Left, LeftBecause, Mail, MailAbout, Membership,
    MembershipId, MembershipStatus, Organization, OrganizationId, OrganizationName,
    OrganizationStatus, Override, OwnershipOffer, Part, PasswordHash, PermissionName, Place,
    Profile, Progress, Reach, Realm, Reason, Receipt, ReceiptKey, Receivers, Record,
    RemovedBecause, ResourceId, Revision, Role, RoleName, Rules, Scope, Skipped, SkippedBecause,
    Source, Stream, SubjectName, SupportAccess, Tally, Team, TeamId, TeamName, Timestamp, User,
    WorkCount, WorkState, WorkStates, Workspace, WorkspaceName,
};

/// The identity with a number.
pub(super) fn id<I: From<Uuid>>(number: u128) -> I {
    Uuid::from_u128(number).into()
}

/// An identity whose place in the order of identities says nothing about its number.
pub(super) fn shuffled<I: From<Uuid>>(number: u64) -> I {
    let digest = Digest::of(&[&number.to_be_bytes()]);
    Uuid::from_slice(&digest.bytes()[..16]).unwrap().into()
}

pub(super) const fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_795_424_400_000_000 + micros)
}

pub(super) fn email(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

pub(super) fn role_name(name: &str) -> RoleName {
    name.parse().unwrap()
}

pub(super) fn identity(issuer: &str, subject: &str) -> ExternalIdentity {
    let issuer = IssuerName::new(issuer).unwrap();
    ExternalIdentity { issuer, subject: SubjectName::new(subject).unwrap() }
}

pub(super) fn organization(number: u128, revision: u64) -> Organization {
    let position = Revision::new(revision);
    Organization {
        id: id(number),
        name: OrganizationName::new("Northwind").unwrap(),
        realm: Realm::Shared,
        status: OrganizationStatus::Active,
        rules: Rules::default(),
        seat_limit: None,
        tally: Tally::default(),
        workspaces_tally: Tally::default(),
        granted: BTreeMap::new(),
        former_members: 0,
        head: Head { position, hash: Digest::of(&[b"head"]) },
        founded_at: at(0),
    }
}

/// Plain organizations, on which nearly everything rests.
pub(super) fn organizations<const N: usize>(numbers: [u128; N]) -> [Record; N] {
    numbers.map(|number| Record::Organization(Box::new(organization(number, 1))))
}

/// Plain workspaces of the first organization.
pub(super) fn workspaces<const N: usize>(numbers: [u128; N]) -> [Record; N] {
    numbers.map(|number| Record::Workspace(Box::new(workspace(number, 1))))
}

/// Plain users.
pub(super) fn users<const N: usize>(numbers: [u128; N]) -> [Record; N] {
    numbers.map(|number| Record::User(Box::new(user(number, 1))))
}

/// Plain teams of the first organization.
pub(super) fn teams<const N: usize>(numbers: [u128; N]) -> [Record; N] {
    numbers.map(|number| Record::Team(Box::new(team(id(number), id(1)))))
}

pub(super) fn workspace(number: u128, organization: u128) -> Workspace {
    Workspace {
        id: id(number),
        organization: id(organization),
        name: WorkspaceName::new("Support").unwrap(),
        closed_at: None,
        tally: Tally::default(),
    }
}

pub(super) fn user(number: u128, version: u64) -> User {
    User {
        id: id(number),
        realm: Realm::Shared,
        email: None,
        email_verified_at: None,
        identities: BTreeSet::new(),
        password: None,
        password_generation: Generation::default(),
        reset_generation: Generation::default(),
        resets_asked_at: Vec::new(),
        settings: BTreeMap::new(),
        memberships: 0,
        erased_at: None,
        head: Head::default(),
        version: Revision::new(version),
        created_at: at(0),
    }
}

pub(super) fn membership(id: MembershipId, scope: impl Into<Scope>) -> Membership {
    Membership {
        id,
        scope: scope.into(),
        user: None,
        email: None,
        status: MembershipStatus::Active { since: at(0) },
        role: role_name("agent"),
        overrides: BTreeMap::new(),
        grants: BTreeMap::new(),
        fence: Fence::default(),
        teams: BTreeSet::new(),
        profile: Profile::default(),
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
        created_at: at(0),
    }
}

fn grant(number: u128, gives: Given) -> Grant {
    Grant {
        id: id(number),
        gives,
        from: at(1),
        until: at(2),
        reason: Reason::new("a “holiday”; --").unwrap(),
        giver: Some(id(9)),
        given_at: at(0),
    }
}

pub(super) const fn removed() -> MembershipStatus {
    MembershipStatus::Removed { because: RemovedBecause::Removed, since: at(1) }
}

pub(super) fn invitation(id: InvitationId, organization: OrganizationId) -> Invitation {
    Invitation {
        id,
        organization,
        email: Some(email("bob@example.org")),
        memberships: Vec::new(),
        issuer: None,
        status: InvitationStatus::Open,
        generation: Generation::FIRST,
        expires_at: at(100),
        times_sent: 1,
        created_at: at(0),
    }
}

pub(super) fn team(id: TeamId, organization: OrganizationId) -> Team {
    Team {
        id,
        organization,
        name: TeamName::new("Billing").unwrap(),
        description: None,
        permissions: BTreeMap::new(),
        fence: Fence::default(),
        members: 0,
        deleted: false,
    }
}

pub(super) fn support(number: u128, organization: u128) -> SupportAccess {
    SupportAccess {
        id: id(number),
        organization: id(organization),
        person: SubjectName::new("vendor-7").unwrap(),
        permissions: BTreeSet::from([PermissionName::new("tickets.read").unwrap()]),
        given_by: Some(id(3)),
        reason: Reason::new("Ticket 7 is stuck").unwrap(),
        from: at(0),
        until: Some(at(9)),
        revoked_at: None,
    }
}

pub(super) fn handover(number: u128, organization: u128, version: u64) -> Handover {
    Handover {
        id: id(number),
        organization: id(organization),
        scope: Scope::from(id::<OrganizationId>(organization)),
        from: id(1),
        work: HandoverWork::Everything,
        parts: vec![part(Receivers::one(id(2)))],
        status: HandoverStatus::Running,
        planned_at: at(-9),
        moved: 150,
        skipped: 0,
        left: Vec::new(),
        batches: 3,
        failures: 0,
        progress: Progress::default(),
        asked: None,
        due_at: at(0),
        version: Revision::new(version),
    }
}

/// All tickets go there.
pub(super) fn part(to: Receivers) -> Part {
    Part::new(kind("tickets"), WorkStates::All, None, to)
}

fn kind(name: &str) -> KindName {
    KindName::new(name).unwrap()
}

fn item(name: &str) -> ItemId {
    ItemId::new(name).unwrap()
}

fn inbox(name: &str) -> Place {
    let inbox = FenceName::new("inbox").unwrap();
    BTreeMap::from([(inbox, ResourceId::new(name).unwrap())])
}

/// A batch for somebody, or for nobody.
pub(super) fn batch(handover: HandoverId, to: Option<MembershipId>) -> Batch {
    Batch {
        name: BatchName { handover, number: 3 },
        scope: id::<OrganizationId>(1).into(),
        kind: kind("tickets"),
        states: WorkStates::OpenOnly,
        place: inbox("Ä \"sales\""),
        from: Some(id(1)),
        to,
        items: BatchItems::Next { after: Some(item("Ticket 41; '--")), limit: u32::MAX },
        untouched_since: Some(BatchName { handover: id(6), number: u32::MAX }),
    }
}

/// A handover in the middle of a round, with everything in it that can be in it.
fn handover_under_way() -> Handover {
    let left = Left {
        kind: kind("macros"),
        place: inbox("sales"),
        holder: Some(id(1)),
        items: 7,
        because: LeftBecause::HeldBack,
    };
    let named = Some(vec![item("Ticket 41; '--"), item("北風 😀")]);
    let to = Receivers::LeastLoaded(vec![id(2), id(3)]);
    let parts = vec![
        part(Receivers::RoundRobin(vec![id(3), id(2)])),
        Part::new(kind("tickets"), WorkStates::OpenOnly, named, to),
        Part::new(kind("macros"), WorkStates::All, None, Receivers::Nobody),
    ];
    let survey = ["tickets", "macros"].map(|name| WorkCount {
        kind: kind(name),
        place: inbox("sales"),
        state: WorkState::Open,
        items: 1_001,
    });
    let mut it = Handover {
        parts,
        skipped: 3,
        left: vec![left],
        failures: 2,
        asked: Some(batch(id(1), None)),
        ..handover(1, 1, 1)
    };
    it.begin_round(&survey, |_, _| false);
    it.share_out(&[id(2), id(3)], &[]);
    it
}

/// What a batch did that moved one item.
pub(super) fn handover_receipt(handover: HandoverId, number: u32) -> HandoverReceipt {
    HandoverReceipt {
        batch: BatchName { handover, number },
        organization: id(1),
        kind: kind("tickets"),
        states: WorkStates::All,
        place: Place::new(),
        from: Some(id(1)),
        to: Some(id(2)),
        moved: vec![item(&format!("Ticket {number}"))],
        skipped: Vec::new(),
        at: at(i64::from(number)),
    }
}

/// The receipt of a large batch, with everything in it that can be in it.
fn large_receipt() -> HandoverReceipt {
    let held_back = SkippedBecause::Refused(Reason::new("a “holiday”; --").unwrap());
    let because = [SkippedBecause::NotHeld, SkippedBecause::Elsewhere, SkippedBecause::Touched];
    let skipped = because.into_iter().chain([held_back]);
    HandoverReceipt {
        states: WorkStates::OpenOnly,
        place: inbox("Ä \"sales\""),
        from: None,
        moved: (0..500).map(|n| item(&format!("Ticket {n} '; -- 北"))).collect(),
        skipped: skipped.map(|because| Skipped { item: item("Ticket 7"), because }).collect(),
        ..handover_receipt(id(1), 3)
    }
}

pub(super) fn mail(number: u128, version: u64) -> Mail {
    Mail {
        id: id(number),
        organization: Some(id(1)),
        about: MailAbout::Invitation { invitation: id(1), generation: Generation::FIRST },
        due_at: at(0),
        attempts: 0,
        version: Revision::new(version),
    }
}

pub(super) fn activity(number: u128, version: u64) -> Activity {
    Activity {
        membership: id(number),
        organization: id(1),
        signed_in_at: Some(at(0)),
        sign_ins: 3,
        seen_at: Some(at(1)),
        version: Revision::new(version),
    }
}

pub(super) fn receipt(organization: u128, key: &str) -> Receipt {
    let stream = Stream::Organization(id(organization));
    let key = IdempotencyKey::new(key).unwrap();
    Receipt {
        key: ReceiptKey::new(stream, &Actor::System, key),
        digest: Digest::of(&[b"command"]),
        position: Revision::new(4),
    }
}

/// An entry of a stream about some memberships, with a detail that says so.
pub(super) fn entry(
    stream: Stream,
    position: u64,
    subjects: &[MembershipId],
) -> (Entry, EntryDetail) {
    let said =
        subjects.iter().map(|membership| Event::OwnershipAccepted { membership: *membership });
    let said: Vec<Event> = said.collect();
    let reason = Reason::new("Ada asked for it").unwrap();
    let detail = EntryDetail::new(Uuid::from_u128(u128::from(position)), Some(&reason), &said);
    let entry = Entry {
        stream,
        position: Revision::new(position),
        at: at(0),
        command_id: CommandId::new(Uuid::from_u128(u128::from(position))),
        command: "Deactivate".to_owned(),
        actor: Actor::Person { user: id(1), membership: Some(id(2)) },
        source: Some(Source::Import),
        events: said.iter().map(|event| event.name().to_owned()).collect(),
        subjects: subjects.to_vec(),
        seats_used: Some(7),
        commitment: detail.commitment(),
        previous: Digest::default(),
        hash: Digest::of(&[b"entry"]),
    };
    (entry, detail)
}

/// One record of each kind, with everything in it that can be in it, and whatever they rest on: each
/// behind what it rests on itself.
pub(super) fn one_of_each() -> Vec<Record> {
    let permission = PermissionName::new("tickets.delete").unwrap();
    let reach = Reach::TEAM.within("inbox").unwrap();
    let fence = Fence::default().with("inbox", ["sales", "Ä \"quoted\" '; -- 北"]).unwrap();
    let mut organization = organization(1, 7);
    let grants = BTreeMap::from([
        (id(1), grant(1, Given::Role(role_name("agent")))),
        (id(2), grant(2, Given::Permissions([(permission.clone(), reach.clone())].into()))),
    ]);
    organization.count_grants(&BTreeMap::new(), &grants);
    organization.tally.add(&role_name("agent"), crate::domain::StatusName::Active);
    organization.status = OrganizationStatus::Closing { until: at(5) };
    organization.seat_limit = Some(u32::MAX);
    let role = Role::new("agent", 30).unwrap().with(permission.clone(), reach.clone());
    let person = User {
        email: Some(email("Ada.Lovelace+desk@Example.com")),
        email_verified_at: Some(at(2)),
        identities: BTreeSet::from([identity("https://login.example.com", "Ünal|7")]),
        password: Some(PasswordHash::new("$argon2id$v=19$abc").unwrap()),
        resets_asked_at: vec![at(-1), at(1)],
        settings: BTreeMap::from([(
            FieldName::new("signature").unwrap(),
            FieldValue::new("Ada\n\tNorthwind").unwrap(),
        )]),
        ..user(1, 4)
    };
    let whole = Membership {
        user: Some(id(1)),
        email: Some(email("ada@example.com")),
        status: MembershipStatus::Deactivated { because: DeactivatedBecause::Leave, since: at(3) },
        overrides: BTreeMap::from([
            (permission.clone(), Override::Raise(reach.clone())),
            (PermissionName::new("tickets.read").unwrap(), Override::Deny),
        ]),
        grants: grants.clone(),
        fence: fence.clone(),
        teams: BTreeSet::from([id(1), id(2)]),
        profile: Profile::named("Ada “Countess” Lovelace 北風 😀").unwrap(),
        brought_by: Some(id(9)),
        epoch: Epoch::default().next().next(),
        invitation: Some(id(1)),
        announced: Some(identity("https://login.example.com", "ada")),
        external_id: Some(ExternalId::new("0017").unwrap()),
        offer: Some(OwnershipOffer {
            role: role_name("owner"),
            by: id(9),
            then_become: None,
            expires_at: at(8),
        }),
        predecessor: Some(id(8)),
        former_number: Some(u64::from(u32::MAX)),
        ..membership(id(1), Scope::workspace(id(1), id(1)))
    };
    let invitation = Invitation {
        memberships: vec![id(2), id(1)],
        issuer: Some(id(9)),
        ..invitation(id(1), id(1))
    };
    let permissions = BTreeMap::from([(permission, reach)]);
    let another = team(id(2), id(1));
    let team = Team { permissions, fence, members: 2, ..team(id(1), id(1)) };
    vec![
        Record::Organization(Box::new(organization)),
        Record::Role(id(1), Box::new(role)),
        Record::Workspace(Box::new(Workspace { closed_at: Some(at(4)), ..workspace(1, 1) })),
        Record::User(Box::new(person)),
        Record::Team(Box::new(team)),
        Record::Team(Box::new(another)),
        Record::Membership(Box::new(whole)),
        Record::Invitation(Box::new(invitation)),
        Record::SupportAccess(Box::new(support(1, 1))),
        Record::Handover(Box::new(handover_under_way())),
        Record::HandoverReceipt(Box::new(large_receipt())),
        Record::Mail(Box::new(mail(1, 1))),
        Record::Activity(Box::new(activity(1, 1))),
        Record::Block(Block { organization: id(1), digest: Digest::of(&[b"address"]) }),
        Record::Receipt(Box::new(receipt(1, "request 7"))),
    ]
}

/// The kinds of records that have a version.
#[derive(Clone, Copy, Debug)]
pub(super) enum Guarded {
    Organization,
    User,
    Handover,
    Mail,
    Activity,
}

impl Guarded {
    pub(super) const ALL: [Self; 5] =
        [Self::Organization, Self::User, Self::Handover, Self::Mail, Self::Activity];

    /// What these records rest on.
    pub(super) fn ground() -> Vec<Record> {
        let member = Record::Membership(Box::new(membership(id(70), id::<OrganizationId>(1))));
        organizations([1]).into_iter().chain([member]).collect()
    }

    /// Such a record at a version, with a mark by which it is told from others like it.
    pub(super) fn record(self, version: u64, mark: u32) -> Record {
        match self {
            Self::Organization => {
                let former_members = u64::from(mark);
                let it = Organization { former_members, ..organization(70, version) };
                Record::Organization(Box::new(it))
            }
            Self::User => Record::User(Box::new(User { memberships: mark, ..user(70, version) })),
            Self::Handover => {
                let it = Handover { moved: u64::from(mark), ..handover(70, 1, version) };
                Record::Handover(Box::new(it))
            }
            Self::Mail => Record::Mail(Box::new(Mail { attempts: mark, ..mail(70, version) })),
            Self::Activity => {
                let it = Activity { sign_ins: u64::from(mark), ..activity(70, version) };
                Record::Activity(Box::new(it))
            }
        }
    }

    pub(super) fn key(self) -> Key {
        self.record(1, 0).key()
    }

    pub(super) fn guard(self, version: u64) -> Guard {
        Guard { key: self.key(), version: Revision::new(version) }
    }
}
