//! `load`: the records named, as of one instant, with what comes along.

use std::sync::atomic::Ordering;

use uuid::Uuid;

use super::samples::{
    Guarded, at, email, entry, handover_receipt, id, invitation, membership, one_of_each,
    organization, organizations, removed, role_name, shuffled, team, teams, users, workspaces,
};
use super::subject::{Subject, meanwhile, pause, puts};
use crate::domain::{
    ChangeSet, Claim, Guard, Invitation, InvitationStatus, Key, Membership, MembershipId, Need,
    Organization, OrganizationId, OwnershipOffer, Record, Revision, Role, Scope, Stream, Team,
    UserId,
};

fn person(number: u128, of: u128) -> Membership {
    membership(id(number), id::<OrganizationId>(of))
}

fn record(it: Membership) -> Record {
    Record::Membership(Box::new(it))
}

fn offer(number: u128, memberships: &[u128]) -> Invitation {
    let memberships = memberships.iter().map(|number| id(*number)).collect();
    Invitation { memberships, ..invitation(id(number), id(1)) }
}

fn invited(it: Invitation) -> Record {
    Record::Invitation(Box::new(it))
}

fn group(number: u128) -> Record {
    Record::Team(Box::new(team(id(number), id(1))))
}

pub(super) async fn what_does_not_exist_is_not_found(s: Subject) {
    let claim = Claim::MembershipEmail(
        id::<OrganizationId>(5).into(),
        email("x@example.com").canonical().clone(),
    );
    let needs = |number: u128| {
        let stream = Stream::Organization(id(number));
        let mut needs: Vec<_> = one_of_each().iter().map(|it| Need::Record(it.key())).collect();
        needs.extend([
            Need::Record(Key::Entry(stream, Revision::new(1))),
            Need::Holder(claim.clone()),
            Need::Person(id(number)),
            Need::IssuedBy(id(number), 10),
            Need::Handovers(id(number), 10),
            Need::TeamMembers(id(number), id(number), 10),
            Need::Expiring(id(number), 10),
        ]);
        needs
    };
    s.same(&s.load(needs(1)).await.len(), &0, "records in an empty store");
    let others = [record(person(7, 7)), Guarded::Organization.record(1, 0)];
    s.put(others.into_iter().chain(organizations([7]))).await;
    s.same(&s.load(needs(1)).await.len(), &0, "records that nobody put");
    s.same(&s.load([]).await.len(), &0, "records that nobody asked for");
}

pub(super) async fn every_kind_of_record_comes_back_as_it_was_put(s: Subject) {
    let records = one_of_each();
    s.put(records.clone()).await;
    for expected in records {
        s.same(&s.record(expected.key()).await, &Some(expected.clone()), "a record put and loaded");
    }
}

pub(super) async fn a_record_put_again_replaces_the_one_before(s: Subject) {
    s.put(one_of_each()).await;
    s.put(Guarded::ground().into_iter().skip(1).chain(organizations([2]))).await;
    let mut plain: Vec<_> = Guarded::ALL.iter().map(|kind| kind.record(1, 1)).collect();
    s.put(plain.clone()).await;
    plain.extend([record(person(1, 2)), invited(offer(1, &[])), group(1)]);
    plain.push(Record::HandoverReceipt(Box::new(handover_receipt(id(1), 3))));
    plain.extend(Guarded::ALL.iter().map(|kind| kind.record(2, 9)));
    let plain = plain.split_off(Guarded::ALL.len());
    s.put(plain.clone()).await;
    for expected in plain {
        let found = s.record(expected.key()).await;
        s.same(&found, &Some(expected), "a record put twice is the newer one");
    }
}

pub(super) async fn a_deleted_record_is_gone(s: Subject) {
    let records = one_of_each();
    s.put(records.clone()).await;
    let [other] = organizations([2]);
    let kept = [Record::Team(Box::new(team(id(3), id(2)))), record(person(9, 2)), other];
    s.put(kept.clone()).await;
    for gone in records.iter().rev() {
        s.commit(ChangeSet { delete: vec![gone.key()], ..ChangeSet::default() }).await;
        s.same(&s.record(gone.key()).await, &None, "a record that was deleted");
    }
    for expected in kept {
        s.same(&s.record(expected.key()).await, &Some(expected.clone()), "what was not deleted");
    }
    let again: Vec<_> = records.iter().map(Record::key).collect();
    s.commit(ChangeSet { delete: again, ..ChangeSet::default() }).await;
}

pub(super) async fn many_needs_are_met_at_once(s: Subject) {
    let records = one_of_each();
    s.put(records.clone()).await;
    s.commit(ChangeSet {
        append: vec![entry(Stream::User(id(1)), 1, &[])],
        ..ChangeSet::default()
    })
    .await;
    let mut needs: Vec<_> = records.iter().map(|record| Need::Record(record.key())).collect();
    needs.push(Need::Record(Key::Entry(Stream::User(id(1)), Revision::new(1))));
    needs.push(Need::Record(Key::Team(id(404))));
    needs.extend(needs.clone());
    let found = s.load(needs).await;
    s.same(&found.len(), &(records.len() + 1), "records, when everything is asked for twice");
    for expected in records {
        s.same(&found.get(&expected.key()), &Some(&expected), "one of many records");
    }
}

pub(super) async fn an_organization_comes_with_its_roles(s: Subject) {
    let role = |of: u128, name| Record::Role(id(of), Box::new(Role::new(name, 5).unwrap()));
    let founded = Record::Organization(Box::new(organization(1, 1)));
    let roles = [role(1, "owner"), role(1, "agent"), role(2, "agent")];
    s.put(organizations([2])).await;
    s.put(roles.iter().cloned().chain([founded.clone()])).await;
    let need = Need::Record(founded.key());
    s.loads(need.clone(), &[&founded, &roles[0], &roles[1]]).await;
    s.commit(ChangeSet { delete: vec![roles[1].key()], ..ChangeSet::default() }).await;
    s.loads(need, &[&founded, &roles[0]]).await;
    s.loads(Need::Record(roles[2].key()), &[&roles[2]]).await;
}

/// Two people with teams, on one invitation, beside others who have nothing to do with them.
struct Company {
    ada: Record,
    bob: Record,
    offer: Record,
    teams: [Record; 3],
}

async fn company(s: &Subject) -> Company {
    let ada = Membership { teams: [id(1), id(2)].into(), invitation: Some(id(1)), ..person(1, 1) };
    let bob = Membership { teams: [id(2)].into(), ..person(2, 1) };
    let company = Company {
        ada: record(ada),
        bob: record(bob),
        offer: invited(offer(1, &[1, 2])),
        teams: teams([1, 2, 3]),
    };
    s.put(organizations([1])).await;
    let Company { ada, bob, offer: offered, teams } = &company;
    s.put([ada, bob, offered].into_iter().chain(teams).cloned()).await;
    let stranger = Membership { teams: [id(3)].into(), ..person(3, 1) };
    s.put([record(stranger), invited(offer(2, &[3]))]).await;
    company
}

pub(super) async fn a_membership_comes_with_its_teams_and_its_open_invitation(s: Subject) {
    let Company { ada, bob, offer, teams } = company(&s).await;
    s.loads(Need::Record(ada.key()), &[&ada, &bob, &offer, &teams[0], &teams[1]]).await;
    s.loads(Need::Record(bob.key()), &[&bob, &teams[1]]).await;
}

pub(super) async fn an_invitation_comes_with_its_memberships_and_their_teams(s: Subject) {
    let Company { ada, bob, offer, teams } = company(&s).await;
    s.loads(Need::Record(offer.key()), &[&offer, &ada, &bob, &teams[0], &teams[1]]).await;
}

pub(super) async fn a_membership_comes_with_its_workspace(s: Subject) {
    s.put(organizations([1])).await;
    let [north, other] = workspaces([1, 2]);
    let bob = record(membership(id(1), Scope::workspace(id(1), id(1))));
    let offered = invited(offer(1, &[1]));
    s.put([&north, &other, &bob, &offered].map(Clone::clone)).await;
    s.loads(Need::Record(bob.key()), &[&bob, &north]).await;
    s.loads(Need::Person(id(1)), &[&bob, &north]).await;
    s.loads(Need::Record(offered.key()), &[&offered, &bob, &north]).await;
}

pub(super) async fn a_membership_comes_with_whoever_offers_it_ownership(s: Subject) {
    let offer = |by| OwnershipOffer {
        role: role_name("owner"),
        by: id(by),
        then_become: None,
        expires_at: at(9),
    };
    let olivia = record(Membership { teams: [id(1)].into(), ..person(1, 1) });
    let ada = record(Membership { offer: Some(offer(1)), teams: [id(2)].into(), ..person(2, 1) });
    let amir = record(Membership { offer: Some(offer(404)), ..person(3, 1) });
    let teams = teams([1, 2]);
    s.put(organizations([1])).await;
    s.put([&olivia, &ada, &amir].into_iter().chain(&teams).cloned()).await;
    let found = s.load([Need::Record(ada.key())]).await;
    for expected in [&ada, &olivia, &teams[1]] {
        s.same(&found.get(&expected.key()), &Some(expected), "what comes with an offer");
    }
    s.loads(Need::Record(amir.key()), &[&amir]).await;
}

pub(super) async fn an_invitation_comes_with_its_issuer_and_all_the_issuer_is(s: Subject) {
    let user = Some(id::<UserId>(1));
    let north = Scope::workspace(id(1), id(1));
    let issuer = record(Membership { user, teams: [id(1)].into(), ..person(2, 1) });
    let also = record(Membership { user, teams: [id(2)].into(), ..membership(id(3), north) });
    let listed = record(person(1, 1));
    let gone = Membership { status: removed(), user, ..membership(id(4), north) };
    let elsewhere = Membership { user, ..person(5, 2) };
    let stranger = Membership { user: Some(id(2)), ..person(6, 1) };
    let alone = record(Membership { teams: [id(3)].into(), ..person(7, 1) });
    let of = |number, by| invited(Invitation { issuer: Some(id(by)), ..offer(number, &[1]) });
    let (teams, [place]) = (teams([1, 2, 3]), workspaces([1]));
    s.put(organizations([1, 2]).into_iter().chain(users([1, 2])).chain([place.clone()])).await;
    s.put([gone, elsewhere, stranger, person(8, 1)].map(record)).await;
    s.put([&issuer, &also, &listed, &alone].into_iter().chain(&teams).cloned()).await;
    s.put([of(1, 2), of(2, 7), of(3, 404)]).await;

    let expected = [&of(1, 2), &listed, &issuer, &also, &place, &teams[0], &teams[1]];
    s.loads(Need::Record(Key::Invitation(id(1))), &expected).await;
    s.loads(Need::IssuedBy(id(2), 9), &expected).await;
    let expected = [&of(2, 7), &listed, &alone, &teams[2]];
    s.loads(Need::Record(Key::Invitation(id(2))), &expected).await;
    s.loads(Need::Record(Key::Invitation(id(3))), &[&of(3, 404), &listed]).await;
}

pub(super) async fn a_holder_comes_with_its_company(s: Subject) {
    let Company { ada, bob, offer, teams } = company(&s).await;
    let claim = Claim::MembershipUser(id::<OrganizationId>(1).into(), id(5));
    let claims = vec![(claim.clone(), Uuid::from_u128(1))];
    s.commit(ChangeSet { claim: claims, ..ChangeSet::default() }).await;
    s.loads(Need::Holder(claim), &[&ada, &bob, &offer, &teams[0], &teams[1]]).await;
}

pub(super) async fn a_person_comes_with_their_user_and_their_other_memberships(s: Subject) {
    let (user_id, address) = (Some(id::<UserId>(1)), Some(email("Ada@Example.com")));
    let workspace = Scope::workspace(id(1), id(1));
    let mut ada = Membership { user: user_id, email: address.clone(), ..person(1, 1) };
    let by_user = Membership {
        user: user_id,
        teams: [id(1)].into(),
        invitation: Some(id(1)),
        ..membership(id(2), workspace)
    };
    let by_address =
        Membership { email: Some(email("ada@EXAMPLE.com")), ..membership(id(3), workspace) };
    let gone = Membership { status: removed(), ..Membership { user: user_id, ..person(4, 1) } };
    let elsewhere = Membership { user: user_id, email: address, ..person(5, 2) };
    let stranger = Membership { user: Some(id(2)), email: Some(email("b@x.com")), ..person(6, 1) };
    let nobody = person(7, 1);
    let ([login, other], [place]) = (users([1, 2]), workspaces([1]));
    s.put(organizations([1, 2]).into_iter().chain([login.clone(), other, place.clone()])).await;
    let others = [gone, elsewhere, stranger.clone(), nobody.clone()];
    s.put(others.map(record)).await;
    let (by_user, by_address) = (record(by_user), record(by_address));
    let more = [by_user.clone(), by_address.clone(), invited(offer(1, &[2])), group(1)];
    s.put(more.clone().into_iter().chain([record(ada.clone())])).await;

    let found = |ada: &Membership| [record(ada.clone()), login.clone()];
    let [itself, login] = found(&ada);
    let expected = [&itself, &login, &place, &more[0], &more[1], &more[2], &more[3]];
    s.loads(Need::Person(id(1)), &expected).await;
    s.loads(Need::Person(id(7)), &[&record(nobody)]).await;

    ada.status = removed();
    let itself = record(ada);
    s.put([itself.clone()]).await;
    let expected = [&itself, &login, &place, &more[0], &more[1], &more[2], &more[3]];
    s.loads(Need::Person(id(1)), &expected).await;
}

pub(super) async fn a_past_is_tombstones_and_how_they_came(s: Subject) {
    let (user_id, address) = (Some(id::<UserId>(1)), Some(email("Ada@Example.com")));
    let workspace = Scope::workspace(id(1), id(1));
    let gone = |it: Membership| Membership { status: removed(), ..it };
    let ada = Membership { user: user_id, email: address.clone(), ..person(1, 1) };
    let by_user = gone(Membership {
        user: user_id,
        teams: [id(1)].into(),
        came_by: Some(id(1)),
        ..membership(id(2), workspace)
    });
    let by_address =
        gone(Membership { email: Some(email("ada@EXAMPLE.com")), ..membership(id(3), workspace) });
    let live = Membership { user: user_id, ..membership(id(4), workspace) };
    let elsewhere = gone(Membership { user: user_id, email: address, ..person(5, 2) });
    let stranger = gone(Membership { user: Some(id(2)), ..person(6, 1) });
    let ground = organizations([1, 2]).into_iter().chain(users([1, 2]));
    s.put(ground.chain(workspaces([1])).chain(teams([1]))).await;
    s.put([live, elsewhere, stranger].map(record)).await;
    let came_by = invited(offer(1, &[2]));
    let past = [record(ada.clone()), record(by_user), record(by_address), came_by];
    s.put(past.clone()).await;

    let [itself, by_user, by_address, came_by] = &past;
    s.loads(Need::Past(id(1)), &[itself, by_user, by_address, came_by]).await;
    let ada = record(gone(ada));
    s.put([ada.clone()]).await;
    s.loads(Need::Past(id(1)), &[&ada, by_user, by_address, came_by]).await;
    s.loads(Need::Past(id(9)), &[]).await;
}

/// Invitations whose order by identity, by age and by expiry are three different ones.
async fn invitations(s: &Subject) -> Vec<Invitation> {
    s.put(organizations([1, 2]).into_iter().chain(teams([1]))).await;
    let mut all = Vec::new();
    for number in 0..12_u64 {
        let status =
            if number % 4 == 3 { InvitationStatus::Revoked } else { InvitationStatus::Open };
        let here: MembershipId = shuffled(500 + number);
        all.push(Invitation {
            memberships: vec![here],
            issuer: Some(id(if number % 5 == 4 { 8 } else { 9 })),
            status,
            created_at: at(number as i64 * 7 % 12),
            expires_at: at(100 + number as i64 * 5 % 12),
            ..invitation(shuffled(number), id(if number % 6 == 5 { 2 } else { 1 }))
        });
        let listed =
            Membership { teams: [id(1)].into(), ..membership(here, id::<OrganizationId>(1)) };
        s.put([record(listed)]).await;
    }
    s.put(all.iter().cloned().map(invited)).await;
    all.retain(Invitation::is_open);
    all
}

async fn the_first(s: &Subject, expected: &[Invitation], need: impl Fn(u32) -> Need) {
    for limit in [1, 2, 3, 5, 100] {
        let found = s.load([need(limit)]).await;
        let page: Vec<_> = expected.iter().take(limit as usize).collect();
        for it in &page {
            let key = Key::Invitation(it.id);
            s.holds(found.contains_key(&key), &format!("{:?} lacks {key:?}", need(limit)));
            let listed = it.memberships.iter().map(|id| Key::Membership(*id));
            for key in listed.chain([Key::Team(id(1))]) {
                s.holds(found.contains_key(&key), &format!("{:?} lacks {key:?}", need(limit)));
            }
        }
        let count = page.len() * 2 + usize::from(!page.is_empty());
        s.same(&found.len(), &count, &format!("records for {:?}", need(limit)));
    }
}

pub(super) async fn the_oldest_open_invitations_of_an_issuer_come_first(s: Subject) {
    let mut expected = invitations(&s).await;
    expected.retain(|it| it.issuer == Some(id(9)));
    expected.sort_by_key(|it| it.created_at);
    the_first(&s, &expected, |limit| Need::IssuedBy(id(9), limit)).await;
}

pub(super) async fn the_open_invitations_that_run_out_first_come_first(s: Subject) {
    let mut expected = invitations(&s).await;
    expected.retain(|it| it.organization == id(1));
    expected.sort_by_key(|it| it.expires_at);
    the_first(&s, &expected, |limit| Need::Expiring(id(1), limit)).await;
}

/// An organization and a team that are always written together, with the same number.
fn pair(number: u64) -> ChangeSet {
    let one = Organization { former_members: number, ..organization(1, number) };
    let other = Team { members: number, ..team(id(1), id(1)) };
    let key = Key::Organization(id(1));
    ChangeSet {
        guards: vec![Guard { key, version: Revision::new(number - 1) }],
        ..puts([Record::Organization(Box::new(one)), Record::Team(Box::new(other))])
    }
}

pub(super) async fn a_load_sees_one_instant(s: Subject) {
    for (round, threads) in (0..).zip(s.ways()) {
        let writing = s.clone();
        let write = async move {
            for number in 1..=100 {
                writing.commit(pair(round * 100 + number)).await;
                pause().await;
            }
        };
        let (one, other) = (Key::Organization(id(1)), Key::Team(id(1)));
        let needs = [&one, &other].map(|key| Need::Record(key.clone()));
        meanwhile(&s, *threads, vec![write], async |done| {
            while !done.load(Ordering::SeqCst) {
                let found = s.load(needs.clone()).await;
                let (one, other) = (found.get(&one).map(number), found.get(&other).map(number));
                s.same(&one, &other, "the numbers of records written together");
                pause().await;
            }
        })
        .await;
    }
}

fn number(record: &Record) -> u64 {
    if let Record::Organization(it) = record {
        it.former_members
    } else if let Record::Team(it) = record {
        it.members
    } else {
        panic!("the suite writes an organization and a team here")
    }
}
