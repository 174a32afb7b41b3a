//! A command and the host's own rows in one transaction of the host, on one pool.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, PgPool, Row as _};
use tenure::adapters::postgres::{PostgresOptions, PostgresStore};
use tenure::commands::{Deactivate, Invite};
use tenure::domain::{DeactivatedBecause, Refusal, StatusGroup, Stream};
use tenure::ports::PeopleFilter;
use tenure::testing::cast::{Company, Desk};
use tenure::{Error, Intent, Prepared};

use crate::cluster::Cluster;

/// A host with a table of its own beside ours.
struct Host {
    pool: PgPool,
    schema: String,
    store: PostgresStore,
    company: Company,
}

type Invited = <Invite as Intent>::Output;

impl Host {
    async fn open() -> Self {
        let (pool, schema) = (Cluster::hasty().pool(8).await, Cluster::hasty().schema().await);
        let store = PostgresOptions::new(pool.clone()).schema(&schema).open().await.unwrap();
        let company = Company::found(store.clone()).await;
        let sql = format!("CREATE TABLE {schema}.welcome (invitation_id uuid NOT NULL)");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.unwrap();
        Self { pool, schema, store, company }
    }

    async fn prepare(&self, name: &str) -> Prepared<Invited> {
        let organization = self.company.organization;
        let invite = Invite::new(organization, Company::email(name), "agent".parse().unwrap());
        self.company.directory.prepare(self.company.principal("olivia"), invite).await.unwrap()
    }

    fn welcome(&self) -> AssertSqlSafe<String> {
        AssertSqlSafe(format!("INSERT INTO {}.welcome VALUES ($1)", self.schema))
    }

    /// Rows of the host, people invited, and where the audit ends.
    async fn counts(&self) -> (i64, usize, u64) {
        let sql = format!("SELECT count(*) FROM {}.welcome", self.schema);
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&self.pool).await.unwrap();
        let Company { directory, organization, .. } = &self.company;
        let filter = PeopleFilter { status: Some(StatusGroup::Pending), ..PeopleFilter::default() };
        let olivia = self.company.principal("olivia");
        let people = directory.people(&olivia, *organization, filter, None, 50).await.unwrap();
        let stream = Stream::Organization(*organization);
        let head = directory.verify_audit(stream).await.unwrap();
        (row.get(0), people.rows.len(), head.position.get())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_are_committed_or_neither() {
    let host = Host::open().await;
    let (rows, people, entries) = host.counts().await;
    for (name, commits) in [("nora", true), ("otto", false), ("pia", true)] {
        let before = host.counts().await;
        let prepared = host.prepare(name).await;
        let invitation = prepared.outcome().output.invitation.uuid();
        let mut transaction = host.pool.begin().await.unwrap();
        sqlx::query(host.welcome()).bind(invitation).execute(&mut *transaction).await.unwrap();
        let written = prepared.commit_in(host.store.transaction(&mut transaction)).await.unwrap();
        assert_eq!(host.counts().await, before, "seen before it is committed");
        if commits {
            transaction.commit().await.unwrap();
            written.published().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
            let told = written.published().await;
            assert!(matches!(told, Err(Error::NotCommitted)), "{told:?}");
        }
    }
    assert_eq!(host.counts().await, (rows + 2, people + 2, entries + 2));
    host.company.invite("otto", "agent").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_prepared_on_what_has_changed_prepares_again() {
    let host = Host::open().await;
    let before = host.counts().await;
    let (first, second) = (host.prepare("nora").await, host.prepare("otto").await);
    for (prepared, fits) in [(first, true), (second, false)] {
        let mut transaction = host.pool.begin().await.unwrap();
        let invitation = prepared.outcome().output.invitation.uuid();
        sqlx::query(host.welcome()).bind(invitation).execute(&mut *transaction).await.unwrap();
        match prepared.commit_in(host.store.transaction(&mut transaction)).await {
            Ok(written) => {
                assert!(fits);
                transaction.commit().await.unwrap();
                written.published().await.unwrap();
            }
            Err(Error::Contended) => {
                assert!(!fits);
                transaction.rollback().await.unwrap();
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(host.counts().await, (before.0 + 1, before.1 + 1, before.2 + 1));
    let _ = host.prepare("otto").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_somebody_holds_is_refused_and_the_rest_rolls_back() {
    let host = Host::open().await;
    let twice = [host.prepare("nora").await, host.prepare("nora").await];
    let mut refused = 0;
    for prepared in twice {
        let mut transaction = host.pool.begin().await.unwrap();
        match prepared.commit_in(host.store.transaction(&mut transaction)).await {
            Ok(written) => {
                transaction.commit().await.unwrap();
                written.published().await.unwrap();
            }
            Err(error) => {
                refused += 1;
                let known =
                    matches!(&error, Error::Contended | Error::Refused(Refusal::AlreadyMember(_)));
                assert!(known, "{error:?}");
                transaction.rollback().await.unwrap();
            }
        }
    }
    assert_eq!(refused, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_published_shows_within_the_poll_bound() {
    let host = Host::open().await;
    let Company { directory, organization, clock, .. } = &host.company;
    let bob = host.company.member("bob");
    let user = bob.user.unwrap();
    let may =
        async || directory.access(*organization).await.unwrap().can_user(user, Desk::ViewTickets);
    assert!(may().await);
    let out = Deactivate {
        scope: (*organization).into(),
        membership: bob.membership,
        because: DeactivatedBecause::Leave,
        handover: None,
    };
    let prepared = directory.prepare(host.company.principal("olivia"), out).await.unwrap();
    let mut transaction = host.pool.begin().await.unwrap();
    let written = prepared.commit_in(host.store.transaction(&mut transaction)).await.unwrap();
    transaction.commit().await.unwrap();
    drop(written);
    clock.advance(tenure::domain::Span::seconds(1));
    assert!(!may().await, "caught up by revision");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_processes_are_told_when_the_host_commits_and_not_before() {
    let host = Host::open().await;
    let Company { organization, .. } = &host.company;
    let organization = *organization;
    let mut hints = host.store.hints();
    let next = async |hints: &mut tenure::adapters::postgres::PostgresHints, limit: u64| {
        let next = futures_util::StreamExt::next(hints);
        tokio::time::timeout(Duration::from_millis(limit), next).await.ok().flatten()
    };
    assert_eq!(next(&mut hints, 5_000).await, Some(tenure::ports::Hint::Missed));
    let prepared = host.prepare("nora").await;
    let revision = prepared.outcome().revision;
    let mut transaction = host.pool.begin().await.unwrap();
    let written = prepared.commit_in(host.store.transaction(&mut transaction)).await.unwrap();
    assert_eq!(next(&mut hints, 150).await, None, "told too early");
    let began = Instant::now();
    transaction.commit().await.unwrap();
    let told = next(&mut hints, 5_000).await;
    assert_eq!(told, Some(tenure::ports::Hint::Committed { organization, revision }));
    println!("told after {:?}", began.elapsed());
    written.published().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_end_with_the_pool() {
    let host = Host::open().await;
    let hints = host.store.hints();
    let all = tokio::spawn(futures_util::StreamExt::collect::<Vec<_>>(hints));
    tokio::time::sleep(Duration::from_millis(100)).await;
    host.pool.close().await;
    let all = tokio::time::timeout(Duration::from_secs(5), all).await.unwrap().unwrap();
    assert_eq!(all.first(), Some(&tenure::ports::Hint::Missed));
}
