//! Pages of people: the same as the filter says, at the same cost however many there are.

use super::cast::*;
use super::*;

fn crowd(count: u128) -> Vec<Membership> {
    let groups = ["active", "pending", "deactivated", "removed"];
    (0..count)
        .map(|n| {
            // Scattered, so that neither names nor identities come in the order of writing.
            let name = n.wrapping_mul(7_919) % count;
            let mut it = member(
                id_of(n),
                &format!(
                    "Person {:06} von {}",
                    name,
                    ["Ada", "Abel", "Åsa", "anna"][n as usize % 4]
                ),
                &format!("a{n}@example.com"),
            );
            it.status = match groups[(n / 3) as usize % 4] {
                "active" => MembershipStatus::Active { since: NOW },
                "pending" => MembershipStatus::Pending {
                    because: crate::domain::PendingBecause::Invitation,
                    since: NOW,
                },
                "deactivated" => MembershipStatus::Deactivated {
                    because: crate::domain::DeactivatedBecause::Leave,
                    since: NOW,
                },
                _ => MembershipStatus::Removed { because: RemovedBecause::Left, since: NOW },
            };
            it.role = RoleName::new(if n % 2 == 0 { "agent" } else { "admin" }).unwrap();
            if n % 5 < 3 {
                it.teams.insert(TeamId::new(id(500 + n % 5)));
            }
            it
        })
        .collect()
}

fn id_of(n: u128) -> u128 {
    1_000_000 + n.wrapping_mul(104_729) % 1_000_003
}

fn fill(store: &SqliteStore, crowd: &[Membership]) {
    for part in crowd.chunks(1_000) {
        let put = part.iter().map(person).collect();
        block_on(store.commit(ChangeSet { put, ..ChangeSet::default() })).unwrap();
    }
}

fn filters() -> Vec<PeopleFilter> {
    let statuses = [
        None,
        Some(StatusGroup::Active),
        Some(StatusGroup::Pending),
        Some(StatusGroup::Deactivated),
        Some(StatusGroup::Removed),
    ];
    let mut filters = Vec::new();
    for status in statuses {
        for role in [None, Some(RoleName::new("admin").unwrap())] {
            for team in [None, Some(TeamId::new(id(501)))] {
                for prefix in [None, Some("a"), Some("Person 0001"), Some("ÅS"), Some("zz")] {
                    let prefix = prefix.map(str::to_owned);
                    filters.push(PeopleFilter { status, role: role.clone(), team, prefix });
                }
            }
        }
    }
    filters
}

/// All pages of a question, one after the other.
fn listed(store: &SqliteStore, filter: &PeopleFilter, limit: u32) -> Vec<PeoplePosition> {
    let mut positions: Vec<PeoplePosition> = Vec::new();
    loop {
        let after = positions.last().cloned();
        let scope = acme().into();
        let question = Find::People { scope, filter: filter.clone(), after, limit };
        let page = block_on(store.find(&question)).unwrap();
        let full = page.len() == limit as usize;
        positions.extend(page.iter().map(|record| match record {
            Record::Membership(it) => filter.position(it).unwrap(),
            other => panic!("{other:?}"),
        }));
        if !full {
            return positions;
        }
    }
}

fn expected(crowd: &[Membership], filter: &PeopleFilter) -> Vec<PeoplePosition> {
    let admitted = crowd.iter().filter(|it| filter.admits(it));
    let mut positions: Vec<_> = admitted.filter_map(|it| filter.position(it)).collect();
    positions.sort();
    positions
}

#[test]
fn pages_agree_with_the_filter_whatever_it_asks_and_however_people_change() {
    let folder = TempDir::new().unwrap();
    let store = store(&folder);
    let mut crowd = crowd(300);
    fill(&store, &crowd);
    let mut elsewhere = member(5, "Abel", "abel@example.com");
    elsewhere.scope = Scope::workspace(acme(), WorkspaceId::new(id(2)));
    elsewhere.teams.insert(TeamId::new(id(501)));
    fill(&store, &[elsewhere]);
    for filter in filters() {
        assert_eq!(listed(&store, &filter, 7), expected(&crowd, &filter), "{filter:?}");
    }
    let shifted: Vec<Membership> = crowd.iter().skip(1).chain(crowd.first()).cloned().collect();
    for (it, other) in crowd.iter_mut().zip(shifted) {
        *it = Membership { id: it.id, ..other };
    }
    fill(&store, &crowd);
    for filter in filters() {
        assert_eq!(listed(&store, &filter, 50), expected(&crowd, &filter), "{filter:?}");
    }
    let delete = crowd.drain(..100).map(|it| Key::Membership(it.id)).collect();
    block_on(store.commit(ChangeSet { delete, ..ChangeSet::default() })).unwrap();
    for filter in filters() {
        assert_eq!(listed(&store, &filter, 50), expected(&crowd, &filter), "{filter:?}");
    }
}

#[test]
fn a_page_costs_the_same_among_a_thousand_and_twenty_thousand() {
    let costs = |count| {
        let folder = TempDir::new().unwrap();
        let store = store(&folder);
        fill(&store, &crowd(count));
        let any = PeopleFilter::default;
        let admin = Some(RoleName::new("admin").unwrap());
        let single = [
            any(),
            PeopleFilter { status: Some(StatusGroup::Active), ..any() },
            PeopleFilter { status: Some(StatusGroup::Removed), ..any() },
            PeopleFilter { role: admin.clone(), ..any() },
            PeopleFilter { team: Some(TeamId::new(id(501))), ..any() },
            PeopleFilter { prefix: Some("person".to_owned()), ..any() },
            PeopleFilter { status: Some(StatusGroup::Active), role: admin, ..any() },
        ];
        single.map(|filter| {
            // Behind somebody, so that the position matters.
            let first = listed_page(&store, &filter, None);
            let before = store.steps();
            let page = listed_page(&store, &filter, first.first().cloned());
            assert_eq!(page.len(), 50, "{filter:?}");
            store.steps() - before
        })
    };
    let (few, many) = (costs(1_000), costs(20_000));
    println!("steps for a page of 50: {few:?} {many:?}");
    assert_eq!(few, many);
}

fn listed_page(
    store: &SqliteStore,
    filter: &PeopleFilter,
    after: Option<PeoplePosition>,
) -> Vec<PeoplePosition> {
    let question = Find::People { scope: acme().into(), filter: filter.clone(), after, limit: 50 };
    let page = block_on(store.find(&question)).unwrap();
    let positions = page.iter().map(|record| match record {
        Record::Membership(it) => filter.position(it).unwrap(),
        other => panic!("{other:?}"),
    });
    positions.collect()
}

/// `cargo test --release --features testing -- --ignored --nocapture costs` prints what it costs.
#[test]
#[ignore = "a measurement"]
fn what_a_commit_costs() {
    what_it_costs(Durability::Process, 4_000);
    what_it_costs(Durability::Full, 400);
}

fn what_it_costs(durability: Durability, alone: u64) {
    println!("{durability:?}");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("people.db");
    let store = SqliteOptions::new(path).durability(durability).open().unwrap();
    fill(&store, &crowd(20_000));
    block_on(store.commit(put(organization(1)))).unwrap();
    let invite = |n: u64| {
        let mut it =
            member(9_000_000 + u128::from(n) * 31, "New Person", &format!("n{n}@example.com"));
        let open = invitation(9_000_000 + u128::from(n) * 37, vec![it.id]);
        it.invitation = Some(open.id);
        let key = Key::Organization(acme());
        let email = it.email.as_ref().unwrap().canonical().clone();
        ChangeSet {
            guards: vec![Guard { key, version: Revision::new(n) }],
            claim: vec![(Claim::MembershipEmail(acme().into(), email), it.id.uuid())],
            put: vec![
                organization(n + 1),
                person(&it),
                Record::Invitation(Box::new(open)),
                mail(9_000_000 + u128::from(n) * 41, 1),
            ],
            append: vec![entry(Stream::Organization(acme()), n + 1, &[9_000_000])],
            ..ChangeSet::default()
        }
    };
    let mut changes: Vec<ChangeSet> = (1..=alone + 4_000).map(invite).collect();
    let together = changes.split_off(usize::try_from(alone).unwrap());
    let started = std::time::Instant::now();
    for changes in changes {
        block_on(store.commit(changes)).unwrap();
    }
    println!("alone: {:?}", started.elapsed() / u32::try_from(alone).unwrap());
    let started = std::time::Instant::now();
    let answers = block_on(join_all(together.into_iter().map(|changes| store.commit(changes))));
    assert!(answers.iter().all(Result::is_ok));
    println!("together: {:?}", started.elapsed() / 4_000);
    let started = std::time::Instant::now();
    for n in 0..4_000_u128 {
        let key = Key::Membership(MembershipId::new(id(9_000_031 + n * 31)));
        assert_eq!(block_on(store.load(&[Need::Record(key)])).unwrap().len(), 2);
    }
    println!("load of a membership with its invitation: {:?}", started.elapsed() / 4_000);
}
