//! What must hold after a failover.

use std::collections::BTreeMap;

use tenure::domain::{
    Event, Key, Logged, Membership, Need, Organization, Record, Revision, RoleName, State,
    StatusGroup, StatusName, Stream,
};
use tenure::ports::PeopleFilter;
use tenure::testing::SharedStore;
use tenure::{Principal, Store as _, UserDirectory};

use super::load::{House, Sent};

/// Everything that was acknowledged stands where the answer said, once; nothing else stands there;
/// the chains verify; and the records are what the audit says.
pub(crate) async fn all(store: &SharedStore, house: &House, sent: &[&Sent]) {
    let directory = super::directory(store.clone());
    let stream = Stream::Organization(house.organization);
    let head = directory.verify_audit(stream).await.unwrap();
    if let Principal::Person(owner) = house.owner {
        directory.verify_audit(Stream::User(owner)).await.unwrap();
    }
    let stored = directory.organization(&Principal::System, house.organization).await.unwrap();
    assert_eq!(stored.head, head, "the organization knows the end of its chain");
    let entries = entries(&directory, house).await;
    assert_eq!(entries.len() as u64, head.position.get());
    each_once(&entries, house, sent);
    let people = people(&directory, &stored).await;
    tallies_equal_a_recount(&stored, &people);
    every_event_is_reflected(store, &stored, &entries, people.len()).await;
}

async fn entries(directory: &UserDirectory, house: &House) -> Vec<Logged> {
    let (mut all, mut after) = (Vec::new(), Some(Revision::NONE));
    while let Some(behind) = after {
        let page = directory.audit(&Principal::System, house.organization, behind, 500);
        let page = page.await.unwrap();
        all.extend(page.entries);
        after = page.next;
    }
    all
}

/// I8: whatever was lost on the way, each command is done once, where its answer says.
fn each_once(entries: &[Logged], house: &House, sent: &[&Sent]) {
    let mut found: BTreeMap<String, (Revision, Vec<Event>)> = BTreeMap::new();
    for Logged { entry, detail, .. } in entries.iter().filter(|it| it.entry.position > house.before)
    {
        let detail = detail.as_ref().unwrap();
        let key = detail.reason().unwrap().unwrap().as_str().to_owned();
        let at = entry.position;
        let before = found.insert(key.clone(), (at, detail.events().unwrap()));
        assert_eq!(before, None, "{key} was done twice, the second time at {at}");
    }
    for it in sent {
        let (at, events) = found.remove(&it.key).unwrap_or_else(|| panic!("{} is lost", it.key));
        assert_eq!((at, &events), (it.revision, &it.events), "{} was answered otherwise", it.key);
    }
    assert!(found.is_empty(), "done, but never acknowledged: {:?}", found.keys());
}

async fn people(directory: &UserDirectory, stored: &Organization) -> Vec<Membership> {
    let mut people = Vec::new();
    for status in
        [StatusGroup::Pending, StatusGroup::Active, StatusGroup::Deactivated, StatusGroup::Removed]
    {
        let filter = PeopleFilter { status: Some(status), ..PeopleFilter::default() };
        let mut after = None;
        loop {
            let system = &Principal::System;
            let page = directory.people(system, stored.id, filter.clone(), after, 500);
            let page = page.await.unwrap();
            people.extend(page.rows.into_iter().map(|row| row.membership));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    people
}

/// I2: counted again from the rows.
fn tallies_equal_a_recount(stored: &Organization, people: &[Membership]) {
    let mut counts: BTreeMap<(RoleName, StatusName), u64> = BTreeMap::new();
    let mut removed = 0;
    for person in people {
        let status = person.status.name();
        if status.group() == StatusGroup::Removed {
            removed += 1;
        } else {
            *counts.entry((person.role.clone(), status)).or_default() += 1;
        }
    }
    assert_eq!(stored.tally.total(), counts.values().sum::<u64>());
    for ((role, status), count) in &counts {
        assert_eq!(stored.tally.count(role, *status), *count, "{role} {status:?}");
    }
    assert_eq!(stored.former_members, removed);
}

/// The audit, applied from the beginning, gives the very records that are stored.
async fn every_event_is_reflected(
    store: &SharedStore,
    stored: &Organization,
    entries: &[Logged],
    listed: usize,
) {
    let stream = Stream::Organization(stored.id);
    let (mut state, mut people, mut offers) = (State::default(), Vec::new(), Vec::new());
    for Logged { entry, detail, .. } in entries {
        let detail = detail.clone().unwrap();
        for event in &detail.events().unwrap() {
            state.apply(stream, event);
            if let Event::MembershipBegun { membership, .. } = event {
                people.push(membership.id);
            } else if let Event::InvitationMade { invitation } = event {
                offers.push(invitation.id);
            }
        }
        state.append(entry.clone(), detail);
    }
    assert_eq!(state.organization(stored.id), Some(stored));
    assert_eq!(people.len(), listed, "somebody is there of whom no entry speaks, or is not there");
    let keys = people.iter().map(|id| Key::Membership(*id));
    let keys: Vec<_> = keys.chain(offers.iter().map(|id| Key::Invitation(*id))).collect();
    let mut records: Vec<Record> = Vec::new();
    for some in keys.chunks(500) {
        let needs: Vec<_> = some.iter().map(|key| Need::Record(key.clone())).collect();
        records.extend(store.load(&needs).await.unwrap());
    }
    let found = State::new(records);
    for id in people {
        let there = found.membership(stored.id, id);
        assert!(there.is_some(), "{id} is missing");
        assert_eq!(there, state.membership(stored.id, id));
    }
    for id in offers {
        let there = found.invitation(stored.id, id);
        assert!(there.is_some(), "{id} is missing");
        assert_eq!(there, state.invitation(stored.id, id));
    }
}
