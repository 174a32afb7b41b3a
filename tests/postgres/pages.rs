//! Loads and pages cost what they hold, however many people there are.

use sqlx::{PgPool, Row as _};
use tenure::adapters::postgres::PostgresOptions;
use tenure::domain::{
    ChangeSet, Claim, Key, Membership, MembershipId, Need, Profile, Record, RoleName, Scope,
    StatusGroup, Timestamp,
};
use tenure::ports::{Find, PeopleFilter, Store};
use tenure::testing::cast::Company;
use uuid::Uuid;

use crate::cluster::Cluster;

/// How many people a page holds.
const PAGE: i64 = 50;

/// Somebody like Bob.
fn like(bob: &Membership, number: u64) -> Membership {
    let mut it = bob.clone();
    it.id = MembershipId::new(Uuid::from_u64_pair(1_000 + number, number));
    it.user = None;
    it.profile = Profile::named(&format!("Person {:06}", number * 7_919 % 1_000_000)).unwrap();
    it.email = Some(format!("p{number}@crowd.example").parse().unwrap());
    it.created_at = Timestamp::from_micros(1_795_424_400_000_000);
    it
}

async fn crowd(store: &impl Store, bob: &Membership, people: std::ops::Range<u64>) {
    let people: Vec<_> = people.map(|number| like(bob, number)).collect();
    for some in people.chunks(1_000) {
        let mut changes = ChangeSet::default();
        changes.put.extend(some.iter().map(|it| Record::Membership(Box::new(it.clone()))));
        changes.claim.extend(some.iter().map(|it| {
            let email = it.email.as_ref().unwrap().canonical().clone();
            (Claim::MembershipEmail(it.scope, email), it.id.uuid())
        }));
        store.commit(changes).await.unwrap();
    }
}

/// Blocks of tables and indexes that the one connection of a pool has looked at so far.
async fn blocks(pool: &PgPool, schema: &str) -> i64 {
    sqlx::query("SELECT pg_stat_force_next_flush()").execute(pool).await.unwrap();
    let sql = "SELECT sum(coalesce(heap_blks_hit + heap_blks_read, 0)
                   + coalesce(idx_blks_hit + idx_blks_read, 0))::bigint
               FROM pg_statio_user_tables WHERE schemaname = $1";
    sqlx::query(sql).bind(schema).fetch_one(pool).await.unwrap().get(0)
}

fn questions(scope: Scope, bob: &Membership) -> Vec<(String, Find)> {
    let role: RoleName = bob.role.clone();
    let all = PeopleFilter::default();
    let active = PeopleFilter { status: Some(StatusGroup::Active), ..all.clone() };
    let filters = [
        ("everybody", all.clone()),
        ("a status", active.clone()),
        ("a role", PeopleFilter { role: Some(role.clone()), ..all.clone() }),
        ("a status and a role", PeopleFilter { role: Some(role), ..active }),
        ("a prefix", PeopleFilter { prefix: Some("person".to_owned()), ..all.clone() }),
        ("a team", PeopleFilter { team: bob.teams.iter().next().copied(), ..all }),
    ];
    let page = |(name, filter): (&str, PeopleFilter)| {
        let name = format!("a page of people by {name}");
        (name, Find::People { scope, filter, after: None, limit: 50 })
    };
    filters.into_iter().map(page).collect()
}

fn needs(bob: &Membership) -> Vec<(&'static str, Need)> {
    let somebody = like(bob, 77);
    let email = somebody.email.as_ref().unwrap().canonical().clone();
    vec![
        ("a membership", Need::Record(Key::Membership(somebody.id))),
        ("a person", Need::Person(somebody.id)),
        ("whoever has an address", Need::Holder(Claim::MembershipEmail(somebody.scope, email))),
        ("a past", Need::Past(somebody.id)),
        ("handovers", Need::Handovers(somebody.id, 10)),
        ("an issuer's invitations", Need::IssuedBy(bob.id, 10)),
        (
            "members of a team",
            Need::TeamMembers(bob.scope.organization, *bob.teams.iter().next().unwrap(), 10),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn loads_and_pages_read_as_much_among_twenty_thousand_as_among_a_thousand() {
    let (pool, schema) = (Cluster::hasty().pool(1).await, Cluster::hasty().schema().await);
    let store = PostgresOptions::new(pool.clone()).schema(&schema).open().await.unwrap();
    let company = Company::found(store.clone()).await;
    let team = tenure::commands::CreateTeam {
        organization: company.organization,
        name: "Crowd".parse().unwrap(),
        description: None,
        members: Vec::new(),
    };
    let team = company.directory.execute(company.principal("olivia"), team).await.unwrap().output;
    let key = Key::Membership(company.member("bob").membership);
    let loaded = store.load(&[Need::Record(key)]).await.unwrap();
    let mut bob = loaded
        .into_iter()
        .find_map(|it| if let Record::Membership(it) = it { Some(*it) } else { None })
        .unwrap();
    bob.teams = [team].into();
    let mut measured: Vec<Vec<(String, i64)>> = Vec::new();
    for people in [0..1_000, 1_000..20_000] {
        crowd(&store, &bob, people).await;
        sqlx::raw_sql("VACUUM ANALYZE").execute(&pool).await.unwrap();
        let mut now = Vec::new();
        // More often than it takes for a plan to be settled.
        for round in 0..8 {
            for (name, question) in questions(bob.scope, &bob) {
                let before = blocks(&pool, &schema).await;
                assert!(!store.find(&question).await.unwrap().is_empty(), "{name}");
                let read = blocks(&pool, &schema).await - before;
                if round == 7 {
                    now.push((name, read));
                }
            }
            for (name, need) in needs(&bob) {
                let before = blocks(&pool, &schema).await;
                store.load(&[need]).await.unwrap();
                let read = blocks(&pool, &schema).await - before;
                if round == 7 {
                    now.push((name.to_owned(), read));
                }
            }
        }
        measured.push(now);
    }
    for (few, many) in measured[0].iter().zip(&measured[1]) {
        println!("{}: {} blocks among 1,000, {} among 20,000", few.0, few.1, many.1);
        // Trees may have grown by a level, and where everything fitted into few blocks, each of the
        // fifty rows is now looked up by itself.
        let at_most = (few.1 * 2 + 12).max(PAGE * 5);
        assert!(many.1 <= at_most, "{}: {} and {} blocks", few.0, few.1, many.1);
    }
}
