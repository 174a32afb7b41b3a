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
