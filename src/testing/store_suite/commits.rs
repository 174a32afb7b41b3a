//! Atomicity: all of a change-set, or nothing that anybody could see.

use uuid::Uuid;

use super::samples::{
    Guarded, email, entry, handover_receipt, id, membership, one_of_each, organization, removed,
    shuffled, team, users,
};
use super::subject::{Subject, puts};
use crate::domain::{
    ChangeSet, Claim, FeedPosition, Forget, InvitationStatus, Key, Membership, MembershipId, Need,
    OrganizationId, Record, Revision, StatusGroup, Stream, Timestamp,
};
use crate::ports::{Find, PeopleFilter};

const HERE: Stream = Stream::Organization(OrganizationId::new(Uuid::from_u128(1)));
const ADA: MembershipId = MembershipId::new(Uuid::from_u128(21));

fn claim(number: u128) -> Claim {
    Claim::MembershipUser(id::<OrganizationId>(1).into(), id(number))
}

fn person(number: u128) -> Membership {
    Membership { user: Some(id(5)), ..membership(id(number), id::<OrganizationId>(1)) }
}

fn record(it: Membership) -> Record {
    Record::Membership(Box::new(it))
}

/// What stands before: something of everything.
fn before() -> ChangeSet {
    let mut put = one_of_each();
    put.extend(Guarded::ground().into_iter().skip(1).chain(users([5])));
    put.extend(Guarded::ALL.map(|kind| kind.record(3, 0)));
    put.extend([21, 22, 23].map(person).map(record));
    ChangeSet {
        claim: vec![(claim(1), ADA.uuid()), (claim(2), ADA.uuid())],
        append: vec![entry(HERE, 1, &[ADA]), entry(Stream::User(id(1)), 1, &[])],
        ..puts(put)
    }
}

/// A change of everything: each kind of record written, each deleted on which nothing rests then,
/// claims exchanged, entries appended, details forgotten.
fn change() -> ChangeSet {
    let bob = Uuid::from_u128(22);
    let mut put: Vec<_> = Guarded::ALL.iter().map(|kind| kind.record(4, 1)).collect();
    put.push(record(Membership { status: removed(), ..person(21) }));
    put.push(record(Membership { email: Some(email("new@example.com")), ..person(24) }));
    put.push(record(Membership { teams: [id(2)].into(), ..person(22) }));
    put.push(Record::HandoverReceipt(Box::new(handover_receipt(id(70), 4))));
    put.push(Record::Team(Box::new(team(shuffled(1), id(1)))));
    put.push(Record::Organization(Box::new(organization(2, 1))));
    let kept = [Key::Organization(id(1)), Key::User(id(1)), Key::Team(id(2))];
    let delete = one_of_each().iter().map(Record::key).filter(|it| !kept.contains(it)).collect();
    ChangeSet {
        guards: Guarded::ALL.map(|kind| kind.guard(3)).to_vec(),
        release: vec![(claim(1), ADA.uuid())],
        claim: vec![(claim(1), bob), (claim(3), bob)],
        put,
        delete,
        append: vec![entry(HERE, 2, &[]), entry(Stream::User(id(1)), 2, &[])],
        forget: vec![Forget::Membership(id(1), ADA), Forget::User(id(1))],
    }
}

/// The ways in which the change can fail, each at the beginning or at the end of its list.
fn failures() -> Vec<(&'static str, ChangeSet)> {
    let with = |edit: fn(&mut ChangeSet)| {
        let mut changes = change();
        edit(&mut changes);
        changes
    };
    vec![
        ("its first guard is broken", with(|it| it.guards.insert(0, Guarded::Mail.guard(9)))),
        ("its last guard is broken", with(|it| it.guards.push(Guarded::User.guard(0)))),
        ("its first claim is held", with(|it| it.claim.insert(0, (claim(2), Uuid::from_u128(22))))),
        ("its last claim is held", with(|it| it.claim.push((claim(2), Uuid::from_u128(22))))),
        ("it does not release what it claims", with(|it| it.release.clear())),
        ("its first entry stands already", with(|it| it.append.insert(0, entry(HERE, 1, &[])))),
        ("its last entry stands already", with(|it| it.append.push(entry(HERE, 1, &[])))),
        ("it appends the same entry twice", with(|it| it.append.push(entry(HERE, 2, &[])))),
    ]
}

/// Everything that can be seen of this check's records, question by question.
async fn everything(s: &Subject) -> Vec<(String, Vec<Record>)> {
    let mut needs: Vec<_> = [before(), change()]
        .into_iter()
        .flat_map(|changes| changes.put)
        .map(|record| Need::Record(record.key()))
        .collect();
    needs.extend([1, 2, 3].map(|number| Need::Holder(claim(number))));
    for position in [1, 2].map(Revision::new) {
        needs.push(Need::Record(Key::Entry(HERE, position)));
        needs.push(Need::Record(Key::Entry(Stream::User(id(1)), position)));
    }
    needs.extend([Need::Person(ADA), Need::IssuedBy(id(9), 9), Need::Expiring(id(1), 9)]);
    needs.extend([Need::Handovers(id(1), 9), Need::TeamMembers(id(1), id(2), 9)]);
    let mut seen = Vec::new();
    for need in needs {
        let found = s.load([need.clone()]).await;
        seen.push((format!("{need:?}"), found.into_values().collect()));
    }
    for question in questions() {
        seen.push((format!("{question:?}"), s.find(question).await));
    }
    seen
}

fn questions() -> Vec<Find> {
    let (organization, limit, now) = (id(1), 100, Timestamp::from_micros(i64::MAX));
    let people = |status| Find::People {
        scope: OrganizationId::new(Uuid::from_u128(1)).into(),
        filter: PeopleFilter { status, ..PeopleFilter::default() },
        after: None,
        limit,
    };
    vec![
        people(None),
        people(Some(StatusGroup::Removed)),
        Find::MembershipsOf { user: id(5), after: None, limit },
        Find::Invitations { organization, status: InvitationStatus::Open, after: None, limit },
        Find::Teams { organization, after: None, limit },
        Find::Workspaces { organization, after: None, limit },
        Find::SupportAccesses { organization, after: None, limit },
        Find::Handovers { organization, after: None, limit },
        Find::HandoverReceipts { handover: id(1), after: None, limit },
        Find::HandoverReceipts { handover: id(70), after: None, limit },
        Find::Entries { stream: HERE, after: Revision::NONE, limit },
        Find::Entries { stream: Stream::User(id(1)), after: Revision::NONE, limit },
        Find::Feed { after: FeedPosition(0), limit },
        Find::DueMail { now, limit },
        Find::DueHandovers { now, limit },
        Find::ExpiredInvitations { now, limit },
        Find::DueClosings { now, limit },
    ]
}

pub(super) async fn a_change_set_that_fails_leaves_nothing_behind(s: Subject) {
    s.commit(before()).await;
    let seen = everything(&s).await;
    for (because, changes) in failures() {
        let outcome = s.try_commit(changes).await;
        s.holds(outcome.is_err(), &format!("a change-set was committed, though {because}"));
        for (found, expected) in everything(&s).await.iter().zip(&seen) {
            s.same(found, expected, &format!("something changed, though {because}"));
        }
    }
    s.commit(change()).await;
    let changed = everything(&s).await;
    s.holds(changed != seen, "nothing changed, though nothing stood against it");
    let expected = change();
    for record in expected.put {
        s.same(&s.record(record.key()).await, &Some(record), "a record of a large change-set");
    }
    for key in expected.delete {
        s.same(&s.record(key).await, &None, "a record deleted by a large change-set");
    }
}

pub(super) async fn an_empty_change_set_changes_nothing(s: Subject) {
    s.commit(ChangeSet::default()).await;
    s.commit(before()).await;
    let seen = everything(&s).await;
    s.commit(ChangeSet::default()).await;
    s.same(&everything(&s).await, &seen, "what can be seen after an empty commit");
}
