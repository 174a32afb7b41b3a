//! What only this store promises, and what it promises as every store does.

mod cast;
mod handovers;
mod people;

use std::collections::BTreeSet;
use std::time::Duration;

use futures_executor::block_on;
use futures_util::future::join_all;
use tempfile::TempDir;

use super::{Durability, Journal, SqliteOptions, SqliteStore};
use crate::domain::{
    ChangeSet, Claim, EmailAddress, Forget, Guard, Key, Membership, MembershipId, MembershipStatus,
    Need, Record, RemovedBecause, Revision, RoleName, Scope, StatusGroup, Stream, TeamId, UserId,
    WorkspaceId,
};
use crate::ports::{CommitError, Find, PeopleFilter, PeoplePosition, Store};

use self::cast::*;

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
        let need = [Need::Record(key.clone())];
        assert_eq!(block_on(store.load(&need)).unwrap(), std::slice::from_ref(&record));
        assert!(
            matches!(block_on(store.commit(first)), Err(CommitError::Conflict(Some(guard))) if guard == exists_not),
            "{key:?}"
        );
        block_on(store.commit(put(record))).unwrap();
        let delete = ChangeSet { delete: vec![key.clone()], ..ChangeSet::default() };
        block_on(store.commit(delete)).unwrap();
        assert_eq!(block_on(store.load(&need)).unwrap(), []);
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
fn an_organization_comes_with_all_its_roles() {
    let folder = TempDir::new().unwrap();
    let store = store(&folder);
    let everything = one_of_each_kind();
    block_on(store.commit(ChangeSet { put: everything.clone(), ..ChangeSet::default() })).unwrap();
    let need = [Need::Record(Key::Organization(acme())), Need::Record(everything[1].key())];
    let mut loaded = block_on(store.load(&need)).unwrap();
    loaded.sort_by_key(Record::key);
    assert_eq!(loaded, everything[..2]);
}

#[test]
fn with_a_rollback_journal_readers_and_the_writer_take_turns() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("people.db");
    let options = SqliteOptions::new(path).durability(Durability::Process);
    let store = options.journal(Journal::Delete).readers(1).open().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..=50 {
                block_on(store.commit(put(mail(n, 1)))).unwrap();
            }
        });
        let mut seen = 0;
        while seen < 50 {
            let due = block_on(store.find(&Find::DueMail { now: NOW, limit: 99 })).unwrap().len();
            assert!(due >= seen);
            seen = due;
        }
    });
}

#[test]
fn a_file_that_somebody_else_is_writing_is_waited_for_and_then_given_up() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("people.db");
    let options = SqliteOptions::new(&path).busy_timeout(Duration::from_millis(20));
    let store = options.open().unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let commits = (1..9).map(|n| store.commit(put(mail(n, 1))));
    let answers = block_on(join_all(commits));
    assert!(answers.iter().all(|answer| matches!(answer, Err(CommitError::Failed(_)))));
    other.execute_batch("ROLLBACK").unwrap();
    block_on(store.commit(put(mail(1, 1)))).unwrap();
    let due = block_on(store.find(&Find::DueMail { now: NOW, limit: 9 })).unwrap();
    assert_eq!(due, [mail(1, 1)]);
}

#[test]
fn a_host_keeps_its_own_tables_in_the_same_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("people.db");
    let host = rusqlite::Connection::open(&path).unwrap();
    host.execute_batch(
        "PRAGMA user_version = 77; PRAGMA application_id = 88;
         CREATE TABLE membership (id INTEGER PRIMARY KEY); -- a name that we might have taken
         CREATE TABLE ticket (id INTEGER PRIMARY KEY, assignee BLOB, title TEXT);",
    )
    .unwrap();
    let number = |sql: &str| host.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    for _ in 0..2 {
        let store = SqliteStore::open(&path).unwrap();
        let ada = member(10, "Ada", "ada@example.com");
        block_on(store.commit(put(person(&ada)))).unwrap();
        let assigned = "INSERT INTO ticket (assignee, title) VALUES (?1, 'Help')";
        host.execute(assigned, [ada.id.uuid().as_bytes()]).unwrap();
        drop(store);
    }
    let joined = "SELECT count(*) FROM ticket t JOIN tenure_membership m ON m.id = t.assignee
                  WHERE m.sort_key = 'ada' AND m.status = 'active'";
    assert_eq!(number(joined), 2);
    assert_eq!(number("SELECT user_version FROM pragma_user_version"), 77);
    assert_eq!(number("SELECT application_id FROM pragma_application_id"), 88);
    let others = "SELECT count(*) FROM sqlite_schema
                  WHERE name NOT LIKE 'tenure~_%' ESCAPE '~' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'";
    assert_eq!(number(others), 2);
}

#[test]
fn many_open_a_new_file_at_once() {
    for _ in 0..10 {
        let folder = TempDir::new().unwrap();
        let stores: Vec<SqliteStore> = std::thread::scope(|scope| {
            let opening: Vec<_> = (0..8).map(|_| scope.spawn(|| store(&folder))).collect();
            opening.into_iter().map(|opened| opened.join().unwrap()).collect()
        });
        for (n, store) in (1..).zip(&stores) {
            block_on(store.commit(put(mail(n, 1)))).unwrap();
        }
    }
}

#[test]
fn a_file_of_the_first_version_is_brought_up_to_date() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("people.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("migrations/0001_records.sql")).unwrap();
    old.execute_batch(
        "CREATE TABLE tenure_schema (
             only INTEGER NOT NULL PRIMARY KEY CHECK (only = 1), version INTEGER NOT NULL) STRICT;
         INSERT INTO tenure_schema VALUES (1, 1)",
    )
    .unwrap();
    let mut ada = member(10, "Ada", "ada@example.com");
    ada.teams = BTreeSet::from([TeamId::new(id(6))]);
    super::write::all(&old, &put(person(&ada))).unwrap();
    drop(old);
    for _ in 0..2 {
        let store = SqliteStore::open(&path).unwrap();
        let handover = Record::Handover(Box::new(handover(8, 10, &[])));
        block_on(store.commit(put(handover.clone()))).unwrap();
        let members = Need::TeamMembers(acme(), TeamId::new(id(6)), 9);
        assert_eq!(block_on(store.load(&[members])).unwrap(), [person(&ada)]);
        assert_eq!(block_on(store.load(&[Need::Handovers(ada.id, 9)])).unwrap(), [handover]);
    }
    let new = rusqlite::Connection::open(&path).unwrap();
    let fresh = SqliteStore::open(folder.path().join("new.db")).unwrap();
    let other = rusqlite::Connection::open(folder.path().join("new.db")).unwrap();
    assert_eq!(tables(&new), tables(&other), "a new file has the same tables");
    drop(fresh);
}

/// Every table and index of a file, as it was made.
fn tables(file: &rusqlite::Connection) -> BTreeSet<(String, Option<String>)> {
    let mut all = file.prepare("SELECT name, sql FROM sqlite_schema").unwrap();
    let all = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    all.map(|row| row.unwrap()).filter(|(name, _)| name != "tenure_schema").collect()
}

#[test]
fn a_file_from_the_future_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("people.db");
    drop(SqliteStore::open(&path).unwrap());
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute("UPDATE tenure_schema SET version = 999", []).unwrap();
    let refused = SqliteStore::open(&path).unwrap_err();
    assert!(refused.0.contains("newer version"), "{refused}");
}
