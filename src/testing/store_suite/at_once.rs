//! What one change-set says in any order, more than once, or of very many records.

use uuid::Uuid;

use super::samples::{
    Guarded, at, email, entry, id, invitation, mail, membership, one_of_each, organizations,
    role_name, shuffled, team, teams, user,
};
use super::subject::{Subject, puts};
use crate::domain::{
    ChangeSet, Claim, Invitation, InvitationStatus, Key, Mail, Membership, MembershipId, Need,
    OrganizationId, Profile, Record, Scope, Stream, Team, UserId,
};
use crate::ports::{Find, PeopleFilter};

const PEOPLE: u64 = 1_000;

fn here() -> Scope {
    id::<OrganizationId>(1).into()
}

fn member(number: u64) -> MembershipId {
    shuffled(number)
}

fn address(number: u64) -> Claim {
    let email = email(&format!("person{number}@example.com"));
    Claim::MembershipEmail(here(), email.canonical().clone())
}

/// A thousand people, each before the user whom they rest on, with a claim and an entry each.
fn thousands() -> ChangeSet {
    let people = (0..PEOPLE).map(|number| {
        Record::Membership(Box::new(Membership {
            user: Some(id::<UserId>(u128::from(number) + 1)),
            email: Some(email(&format!("person{number}@example.com"))),
            teams: [id(1)].into(),
            profile: Profile::named(&format!("Person {number}")).unwrap(),
            ..membership(member(number), here())
        }))
    });
    let users = (1..=u128::from(PEOPLE)).map(|number| Record::User(Box::new(user(number, 1))));
    let stream = Stream::Organization(id(1));
    ChangeSet {
        claim: (0..PEOPLE).map(|it| (address(it), member(it).uuid())).collect(),
        append: (0..PEOPLE).map(|it| entry(stream, it + 1, &[member(it)])).collect(),
        ..puts(people.chain(users).chain(teams([1])).chain(organizations([1])))
    }
}

async fn found(s: &Subject, of: &ChangeSet) -> usize {
    s.load(of.put.iter().map(|record| Need::Record(record.key()))).await.len()
}

fn everybody() -> Find {
    Find::People { scope: here(), filter: PeopleFilter::default(), after: None, limit: 5_000 }
}

pub(super) async fn a_change_set_of_thousands_is_committed_whole(s: Subject) {
    let all = thousands();
    let mut twice = thousands();
    twice.claim.push((address(PEOPLE - 1), Uuid::from_u128(1)));
    s.is_claimed(twice, &address(PEOPLE - 1), "as two may not make it").await;
    s.same(&found(&s, &all).await, &0, "records of a large change-set that failed");

    s.commit(all.clone()).await;
    s.same(&found(&s, &all).await, &all.put.len(), "records of a large change-set");
    s.same(&s.find(everybody()).await.len(), &(PEOPLE as usize), "people of a large change-set");
    let holder = s.load([Need::Holder(address(PEOPLE - 1))]).await;
    let last = Key::Membership(member(PEOPLE - 1));
    s.holds(holder.contains_key(&last), "the last claim of a large change-set is not held");
    let (stream, after) = (Stream::Organization(id(1)), crate::domain::Revision::NONE);
    let entries = s.find(Find::Entries { stream, after, limit: 5_000 }).await;
    s.same(&entries.len(), &(PEOPLE as usize), "entries of a large change-set");

    // Users first, though people rest on them.
    let gone = |it: &&Record| matches!(it, Record::User(_) | Record::Membership(_));
    let delete = all.put.iter().rev().filter(gone).map(Record::key).collect();
    let release = all.claim.clone();
    s.commit(ChangeSet { release, delete, ..ChangeSet::default() }).await;
    s.same(&found(&s, &all).await, &2, "records that a large change-set left");
    s.same(&s.find(everybody()).await.len(), &0, "people that a large change-set deleted");
}

pub(super) async fn of_two_records_with_one_key_the_later_is_kept(s: Subject) {
    let named = |name, role, team| Membership {
        profile: Profile::named(name).unwrap(),
        role: role_name(role),
        teams: [id(team)].into(),
        ..membership(id(1), here())
    };
    let person = |it: &Membership| Record::Membership(Box::new(it.clone()));
    let invited = |status| Invitation { status, ..invitation(id(1), id(1)) };
    let due = |micros, version| Mail { due_at: at(micros), ..mail(1, version) };
    let grouped = |deleted| Team { deleted, ..team(id(3), id(1)) };
    s.put(organizations([1]).into_iter().chain(teams([1, 2]))).await;
    s.put(Guarded::ground()).await;
    for (one, other) in [("Ada", "Zoe"), ("Zoe", "Ada")] {
        let (early, late) = (named(one, "agent", 1), named(other, "admin", 2));
        let (open, revoked) = (invited(InvitationStatus::Open), invited(InvitationStatus::Revoked));
        let mut pairs = vec![
            [person(&early), person(&late)],
            [open, revoked].map(|it| Record::Invitation(Box::new(it))),
            [due(1, 1), due(9, 2)].map(|it| Record::Mail(Box::new(it))),
            [grouped(false), grouped(true)].map(|it| Record::Team(Box::new(it))),
        ];
        pairs.extend(Guarded::ALL.map(|kind| [kind.record(1, 1), kind.record(1, 2)]));
        s.put(pairs.iter().flatten().cloned()).await;
        for [_, late] in &pairs {
            s.same(&s.record(late.key()).await, &Some(late.clone()), "of two, the later");
        }
        let people = |filter| Find::People { scope: here(), filter, after: None, limit: 9 };
        for it in [&early, &late] {
            let filter = PeopleFilter {
                role: Some(it.role.clone()),
                team: it.teams.first().copied(),
                prefix: it.profile.name().map(str::to_owned),
                ..PeopleFilter::default()
            };
            let kept = filter.admits(&late).then(|| person(&late));
            let expected: Vec<_> = kept.into_iter().collect();
            s.same(&s.find(people(filter)).await, &expected, "people, when one is put twice");
        }
        let (organization, after, limit) = (id(1), None, 9);
        let status = InvitationStatus::Open;
        let open = s.find(Find::Invitations { organization, status, after, limit }).await;
        s.same(&open, &Vec::new(), "open invitations, when the later one is revoked");
        let due = s.find(Find::DueMail { now: at(1), limit: 9 }).await;
        let early = due.iter().filter(|it| it.key() == Key::Mail(id(1))).count();
        s.same(&early, &0, "mails due, when the later one is due later");
    }
}

pub(super) async fn what_is_put_and_deleted_at_once_is_gone(s: Subject) {
    let records = one_of_each();
    let delete: Vec<_> = records.iter().map(Record::key).collect();
    let come_and_gone = ChangeSet { delete, ..puts(records.clone()) };
    let nothing_is_left = async || {
        for gone in &records {
            s.same(&s.record(gone.key()).await, &None, "a record put and deleted at once");
        }
        let scope = Scope::workspace(id(1), id(1));
        let filter = PeopleFilter { status: None, ..PeopleFilter::default() };
        let people = s.find(Find::People { scope, filter, after: None, limit: 9 }).await;
        s.same(&people, &Vec::new(), "people put and deleted at once");
        let due = s.find(Find::DueMail { now: at(99), limit: 9 }).await;
        s.same(&due, &Vec::new(), "mails put and deleted at once");
    };
    s.commit(come_and_gone.clone()).await;
    nothing_is_left().await;
    s.put(records.clone()).await;
    s.commit(come_and_gone).await;
    nothing_is_left().await;
}
