use std::collections::{BTreeMap, BTreeSet};

use futures_executor::block_on;
use futures_util::future::join_all;
use tempfile::TempDir;
use uuid::Uuid;

use super::{Durability, SqliteOptions, SqliteStore};
use crate::domain::{
    Activity, Actor, Block, ChangeSet, Claim, CommandId, Digest, EmailAddress, Entry, EntryDetail,
    Epoch, Event, Fence, Forget, Generation, Guard, Handover, HandoverId, HandoverStatus, Head,
    IdempotencyKey, Invitation, InvitationId, InvitationStatus, Key, Mail, MailAbout, MailId,
    Membership, MembershipId, MembershipStatus, Need, Organization, OrganizationId,
    OrganizationName, OrganizationStatus, Profile, Realm, Reason, Receipt, ReceiptKey, Record,
    RemovedBecause, Revision, Role, RoleName, Rules, Scope, Source, StatusGroup, Stream,
    SubjectName, SupportAccess, SupportAccessId, Tally, Team, TeamId, TeamName, Timestamp, User,
    UserId, Workspace, WorkspaceId, WorkspaceName,
};
use crate::ports::{CommitError, Find, PeopleFilter, PeoplePosition, Store};

const NOW: Timestamp = Timestamp::from_micros(1_000);

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn acme() -> OrganizationId {
    OrganizationId::new(id(1))
}

fn store(folder: &TempDir) -> SqliteStore {
    let path = folder.path().join("people.db");
    SqliteOptions::new(path).durability(Durability::Process).open().unwrap()
}

fn put(record: Record) -> ChangeSet {
    ChangeSet { put: vec![record], ..ChangeSet::default() }
}

fn organization(revision: u64) -> Record {
    Record::Organization(Box::new(Organization {
        id: acme(),
        name: OrganizationName::new("Acme").unwrap(),
        realm: Realm::Shared,
        status: OrganizationStatus::Closing { until: NOW },
        rules: Rules::default(),
        seat_limit: Some(5),
        tally: Tally::default(),
        former_members: 0,
        head: Head { position: Revision::new(revision), hash: Digest::default() },
        founded_at: NOW,
    }))
}

fn member(n: u128, name: &str, email: &str) -> Membership {
    Membership {
        id: MembershipId::new(id(n)),
        scope: acme().into(),
        user: None,
        email: Some(EmailAddress::new(email).unwrap()),
        status: MembershipStatus::Active { since: NOW },
        role: RoleName::new("agent").unwrap(),
        overrides: BTreeMap::new(),
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
        predecessor: None,
        former_number: None,
        created_at: NOW,
    }
}

fn person(it: &Membership) -> Record {
    Record::Membership(Box::new(it.clone()))
}

fn invitation(n: u128, memberships: Vec<MembershipId>) -> Invitation {
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

fn team(n: u128) -> Record {
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

fn user(n: u128, version: u64) -> Record {
    Record::User(Box::new(User {
        id: UserId::new(id(n)),
        realm: Realm::Shared,
        email: Some(EmailAddress::new("ada@example.com").unwrap()),
        email_verified_at: Some(NOW),
        identities: BTreeSet::new(),
        password: None,
        password_generation: Generation::FIRST,
        resets_asked_at: vec![NOW],
        settings: BTreeMap::new(),
        memberships: 1,
        erased_at: None,
        head: Head::default(),
        version: Revision::new(version),
        created_at: NOW,
    }))
}

fn mail(n: u128, version: u64) -> Record {
    Record::Mail(Box::new(Mail {
        id: MailId::new(id(n)),
        organization: Some(acme()),
        about: MailAbout::OwnershipOffer { membership: MembershipId::new(id(7)) },
        due_at: NOW,
        attempts: 0,
        version: Revision::new(version),
    }))
}

fn entry(stream: Stream, position: u64, subjects: &[u128]) -> (Entry, EntryDetail) {
    let detail =
        EntryDetail { salt: id(3), reason: None, events: vec![Event::OrganizationResumed {}] };
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

fn one_of_each_kind() -> Vec<Record> {
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
        Record::Handover(Box::new(Handover {
            id: HandoverId::new(id(8)),
            organization: acme(),
            scope: acme().into(),
            from: MembershipId::new(id(4)),
            to: None,
            moves_authorship: false,
            status: HandoverStatus::Running,
            batches: 0,
            moved: 0,
            due_at: NOW,
            version: Revision::new(1),
        })),
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

#[test]
fn what_is_put_is_loaded_again_and_gone_when_deleted() {
    let folder = TempDir::new().unwrap();
    let store = store(&folder);
    for record in one_of_each_kind() {
        let key = record.key();
        let exists_not = Guard { key: key.clone(), version: Revision::NONE };
        let mut first = put(record.clone());
        first.guards.push(exists_not.clone());
        block_on(store.commit(first.clone())).unwrap();
        assert_eq!(block_on(store.load(&[Need::Record(key.clone())])).unwrap(), [record.clone()]);
        assert!(
            matches!(block_on(store.commit(first)), Err(CommitError::Conflict(Some(guard))) if guard == exists_not),
            "{key:?}"
        );
        block_on(store.commit(put(record))).unwrap();
        let delete = ChangeSet { delete: vec![key.clone()], ..ChangeSet::default() };
        block_on(store.commit(delete)).unwrap();
        assert_eq!(block_on(store.load(&[Need::Record(key)])).unwrap(), []);
    }
}

#[test]
fn one_conflict_among_many_disturbs_no_other() {
    let folder = TempDir::new().unwrap();
    let store = store(&folder);
    let email = |n: u32| {
        let address = EmailAddress::new(format!("p{n}@example.com")).unwrap();
        Claim::MembershipEmail(acme().into(), address.canonical().clone())
    };
    let commits = (0..100_u32).map(|n| {
        let mut changes = put(mail(u128::from(n) + 1, 1));
        // The 41st wants what the 40th has.
        changes.claim.push((email(if n == 41 { 40 } else { n }), id(u128::from(n))));
        store.commit(changes)
    });
    let answers = block_on(join_all(commits));
    for (n, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(()) => assert_ne!(n, 41),
            Err(CommitError::Claimed(claim)) => assert_eq!((n, claim), (41, email(40))),
            Err(other) => panic!("{other}"),
        }
    }
    let due = block_on(store.find(&Find::DueMail { now: NOW, limit: 1_000 })).unwrap();
    assert_eq!(due.len(), 99);
}

#[test]
fn one_that_cannot_be_written_disturbs_no_other() {
    let folder = TempDir::new().unwrap();
    let store = store(&folder);
    let (entry, detail) = entry(Stream::Organization(acme()), 1, &[]);
    let logged = crate::domain::Logged::new(crate::domain::FeedPosition(1), entry, Some(detail));
    let commits = (0..10_u32).map(|n| {
        let mut changes = put(mail(u128::from(n) + 1, 1));
        if n == 5 {
            changes.put.push(Record::Entry(Box::new(logged.clone())));
        }
        store.commit(changes)
    });
    let answers = block_on(join_all(commits));
    assert!(matches!(answers[5], Err(CommitError::Failed(_))));
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 9);
}

#[test]
fn a_dropped_caller_disturbs_nobody() {
    let folder = TempDir::new().unwrap();
    let store = store(&folder);
    let mut dropped = Box::pin(store.commit(put(mail(1, 1))));
    assert!(futures_util::FutureExt::now_or_never(dropped.as_mut()).is_none_or(|it| it.is_ok()));
    drop(dropped);
    block_on(store.commit(put(mail(2, 1)))).unwrap();
    let due = block_on(store.find(&Find::DueMail { now: NOW, limit: 9 })).unwrap();
    assert_eq!(due, [mail(1, 1), mail(2, 1)]);
}

#[test]
fn guards_compare_versions_and_hold_for_deletions_too() {
    let folder = TempDir::new().unwrap();
    let store = store(&folder);
    block_on(store.commit(put(mail(1, 2)))).unwrap();
    let delete = |version| ChangeSet {
        guards: vec![Guard { key: mail(1, 1).key(), version: Revision::new(version) }],
        delete: vec![mail(1, 1).key()],
        ..ChangeSet::default()
    };
    for version in [0, 1, 3] {
        let answer = block_on(store.commit(delete(version)));
        assert!(matches!(answer, Err(CommitError::Conflict(Some(_)))), "{version}");
    }
    block_on(store.commit(delete(2))).unwrap();
    assert!(matches!(block_on(store.commit(delete(2))), Err(CommitError::Conflict(Some(_)))));
}

#[test]
fn claims_are_released_before_any_is_made_and_only_by_their_holder() {
    let folder = TempDir::new().unwrap();
    let store = store(&folder);
    let claim = Claim::TeamName(acme(), "billing".to_owned());
    let change = |release: &[u128], make: &[u128]| ChangeSet {
        release: release.iter().map(|n| (claim.clone(), id(*n))).collect(),
        claim: make.iter().map(|n| (claim.clone(), id(*n))).collect(),
        ..ChangeSet::default()
    };
    block_on(store.commit(change(&[], &[6]))).unwrap();
    for held in [change(&[], &[6]), change(&[], &[7]), change(&[7], &[7]), change(&[6], &[7, 7])] {
        assert!(matches!(block_on(store.commit(held)), Err(CommitError::Claimed(_))));
    }
    block_on(store.commit(put(team(7)))).unwrap();
    block_on(store.commit(change(&[6], &[7]))).unwrap();
    assert_eq!(block_on(store.load(&[Need::Holder(claim.clone())])).unwrap(), [team(7)]);
    block_on(store.commit(change(&[7], &[]))).unwrap();
    assert_eq!(block_on(store.load(&[Need::Holder(claim)])).unwrap(), []);
}

#[test]
fn entries_stand_once_and_their_details_are_forgotten() {
    let folder = TempDir::new().unwrap();
    let store = store(&folder);
    let (ours, theirs) = (Stream::Organization(acme()), Stream::User(UserId::new(id(8))));
    let append = |entries| ChangeSet { append: entries, ..ChangeSet::default() };
    let first = append(vec![entry(ours, 1, &[4, 4]), entry(theirs, 1, &[]), entry(ours, 2, &[5])]);
    block_on(store.commit(first.clone())).unwrap();
    assert!(matches!(block_on(store.commit(first)), Err(CommitError::Conflict(None))));
    let mut forget = append(vec![entry(ours, 3, &[4])]);
    forget.forget = vec![Forget::Membership(acme(), MembershipId::new(id(4)))];
    block_on(store.commit(forget)).unwrap();
    let logged = |records: Vec<Record>| -> Vec<(u64, u64, bool)> {
        let entries = records.into_iter().map(|record| match record {
            Record::Entry(it) => (it.feed.0, it.entry.position.get(), it.detail.is_some()),
            other => panic!("{other:?}"),
        });
        entries.collect()
    };
    let feed = |after, limit| {
        let after = crate::domain::FeedPosition(after);
        logged(block_on(store.find(&Find::Feed { after, limit })).unwrap())
    };
    assert_eq!(feed(0, 9), [(1, 1, false), (3, 2, true), (4, 3, false)]);
    assert_eq!(feed(1, 1), [(3, 2, true)]);
    let entries = Find::Entries { stream: ours, after: Revision::new(1), limit: 9 };
    assert_eq!(logged(block_on(store.find(&entries)).unwrap()), [(3, 2, true), (4, 3, false)]);
    let one = Need::Record(Key::Entry(theirs, Revision::new(1)));
    assert_eq!(logged(block_on(store.load(std::slice::from_ref(&one))).unwrap()), [(2, 1, true)]);
    let forget = vec![Forget::User(UserId::new(id(8)))];
    block_on(store.commit(ChangeSet { forget, ..ChangeSet::default() })).unwrap();
    assert_eq!(logged(block_on(store.load(&[one])).unwrap()), [(2, 1, false)]);
}

#[test]
fn a_person_comes_with_everything_that_is_theirs() {
    let folder = TempDir::new().unwrap();
    let store = store(&folder);
    let mut ada = member(10, "Ada", "ada@example.com");
    ada.user = Some(UserId::new(id(3)));
    ada.teams = BTreeSet::from([TeamId::new(id(6))]);
    let mut north = member(11, "Ada", "other@example.com");
    north.scope = Scope::workspace(acme(), WorkspaceId::new(id(2)));
    north.user = ada.user;
    let mut south = member(12, "Ada", "ADA@example.com");
    south.scope = Scope::workspace(acme(), WorkspaceId::new(id(3)));
    let open = invitation(5, vec![south.id]);
    south.invitation = Some(open.id);
    let mut gone = member(13, "Ada", "ada@example.com");
    gone.status = MembershipStatus::Removed { because: RemovedBecause::Left, since: NOW };
    let others = [team(6), user(3, 1), Record::Invitation(Box::new(open))];
    let theirs: Vec<Record> =
        [&ada, &north, &south].map(person).into_iter().chain(others).collect();
    let mut changes = ChangeSet { put: theirs.clone(), ..ChangeSet::default() };
    changes.put.extend([person(&gone), person(&member(14, "Bob", "bob@example.com"))]);
    block_on(store.commit(changes)).unwrap();
    let mut loaded = block_on(store.load(&[Need::Person(ada.id)])).unwrap();
    let mut expected = theirs;
    loaded.sort_by_key(Record::key);
    expected.sort_by_key(Record::key);
    assert_eq!(loaded, expected);
    let issued = [Need::IssuedBy(MembershipId::new(id(99)), 9), Need::Expiring(acme(), 9)];
    for need in issued {
        assert_eq!(block_on(store.load(&[need])).unwrap().len(), 2); // with the one it lists
    }
}

#[test]
fn two_stores_share_one_file() {
    let folder = TempDir::new().unwrap();
    let (one, two) = std::thread::scope(|scope| {
        let (one, two) = (scope.spawn(|| store(&folder)), scope.spawn(|| store(&folder)));
        (one.join().unwrap(), two.join().unwrap())
    });
    let race = |store: &SqliteStore, first: u128| {
        let mut won = 0;
        for version in 0..200 {
            let mut changes = put(organization(version + 1));
            let key = Key::Organization(acme());
            changes.guards.push(Guard { key, version: Revision::new(version) });
            changes.put.push(mail(first + u128::from(version), 1));
            match block_on(store.commit(changes)) {
                Ok(()) => won += 1,
                Err(CommitError::Conflict(Some(_))) => {}
                Err(other) => panic!("{other}"),
            }
        }
        won
    };
    let (won, lost) = std::thread::scope(|scope| {
        let (a, b) = (scope.spawn(|| race(&one, 1_000)), scope.spawn(|| race(&two, 2_000)));
        (a.join().unwrap(), b.join().unwrap())
    });
    let due = block_on(two.find(&Find::DueMail { now: NOW, limit: 1_000 })).unwrap();
    assert_eq!(due.len(), won + lost);
    assert!(won + lost <= 200);
    drop(one);
    drop(two);
    assert!(!folder.path().join("people.db-wal").exists(), "the last one tidies up");
}

#[test]
fn a_file_of_another_application_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("other.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE ticket (id INTEGER PRIMARY KEY)").unwrap();
    let refused = SqliteStore::open(&path).unwrap_err();
    assert!(refused.0.contains("another application"), "{refused}");
}

mod people;
