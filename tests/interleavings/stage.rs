//! Acme Help in PostgreSQL, two parties with connections of their own, and what must hold
//! afterwards.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgPool, Row as _};
use tenure::adapters::postgres::{PostgresOptions, PostgresStore};
use tenure::commands::{
    AcceptInvitation, AcceptOwnership, ChangeRole, Invite, Invited, OfferOwnership,
};
use tenure::domain::{
    Equals, Key, KeyRing, Membership, MembershipId, Need, OrganizationId, Profile, Provisioning,
    Record, Rules, Span, State, StatusName, UserId, VerifiedToken,
};
use tenure::ports::Find;
use tenure::testing::cast::{self, Company, Desk};
use tenure::testing::{FakeEntropy, FakeWorkload, WorkItem};
use tenure::{Error, Intent, Principal, Store as _, UserDirectory};

use crate::cluster::{Cluster, pool};
use crate::gate::{Checked, Checks, Gate, Gated, GatedWork, Late, Steps};
use crate::orders::{Answer, Order, Run, Watch, run};
use crate::rows::{Kept, Rows};
use crate::tally::{After, Kind, Tally};

pub(crate) struct Stage {
    pub(crate) company: Company,
    pub(crate) organization: OrganizationId,
    pub(crate) checks: Checks,
    pub(crate) store: PostgresStore,
    schema: String,
    rows: Rows,
    /// The pool and the store of each party.
    desks: [(PgPool, PostgresStore); 2],
    watch: tokio::sync::Mutex<Watch>,
    /// Sets the stage; a new one for each race, as rows are put back behind a directory's back.
    house: RefCell<UserDirectory>,
    races: Cell<u64>,
    /// What people hold when an order begins.
    pub(crate) work: RefCell<Vec<WorkItem>>,
    /// What they hold in the order that runs.
    pub(crate) workload: RefCell<FakeWorkload>,
}

/// Planted: as a table of claims without a unique index. Whoever comes second is told that the
/// claim is theirs, and it stays with the first.
const GIVES_CLAIMS_AWAY: &str = "
    CREATE FUNCTION {schema}.gives_away() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN NEW.holder := coalesce(NEW.holder, OLD.holder); RETURN NEW; END $$;
    CREATE TRIGGER gives_away BEFORE UPDATE ON {schema}.claims
        FOR EACH ROW EXECUTE FUNCTION {schema}.gives_away();";

/// Where a party sits: its own directory, its own connections, and its gate.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) directory: UserDirectory,
    pool: PgPool,
    store: PostgresStore,
    gate: Gate,
    checks: Checks,
}

/// What a party does, any number of times over.
pub(crate) struct Party<T> {
    pub(crate) steps: Steps,
    /// How much later than the other's its clock is.
    pub(crate) late: Span,
    pub(crate) does: Box<dyn Fn(Seat) -> BoxFuture<'static, Answer<T>>>,
}

/// A party that asks for a command as a part of a transaction of its own: it loads what the
/// command is decided on, begins, writes, and commits. A second load, where a command looks
/// again, is a step as well.
pub(crate) fn asks<I>(who: impl Into<Principal>, intent: I) -> Party<()>
where
    I: Intent + Clone + Send + Sync + 'static,
    I::Output: Send,
{
    let who = who.into();
    party(Steps::Calls, move |seat| {
        let (who, intent) = (who.clone(), intent.clone());
        async move { seat.asks(who, intent).await.map(drop) }.boxed()
    })
}

pub(crate) fn party<T>(
    steps: Steps,
    does: impl Fn(Seat) -> BoxFuture<'static, Answer<T>> + 'static,
) -> Party<T> {
    Party { steps, late: Span::seconds(0), does: Box::new(does) }
}

impl Seat {
    async fn asks<I>(self, who: Principal, intent: I) -> Answer<()>
    where
        I: Intent + Send,
        I::Output: Send,
    {
        let prepared = self.directory.prepare(who, intent).await?;
        self.gate.pass("begins").await;
        let mut transaction = self.pool.begin().await.unwrap();
        self.gate.pass("writes").await;
        let checked = Checked(self.store.transaction(&mut transaction), self.checks);
        let written = match prepared.commit_in(checked).await {
            Ok(written) => written,
            Err(error) => {
                self.gate.pass("rolls back").await;
                transaction.rollback().await.unwrap();
                return Err(error);
            }
        };
        self.gate.pass("commits").await;
        transaction.commit().await.unwrap();
        self.gate.stays_open();
        if self.checks == Checks::All {
            // It stands, or this says that it does not.
            written.published().await?;
        }
        Ok(())
    }
}

impl Stage {
    pub(crate) async fn open(checks: Checks) -> Self {
        let cluster = Cluster::hasty();
        let schema = cluster.schema().await;
        // What is written survives no crash here; that changes nothing about who sees what.
        let hasty = cluster.options().options([("synchronous_commit", "off")]);
        let hasty = hasty.disable_statement_logging();
        let main = pool(hasty.clone(), 2).await;
        let store = PostgresOptions::new(main.clone()).schema(&schema).open().await.unwrap();
        let rules = Rules {
            equals: Equals::ManageEquals,
            provisioning: Provisioning::JustInTime { role: "agent".parse().unwrap() },
            ..Rules::default()
        };
        let company = Company::found_with(store.clone(), cast::roles(), rules, None).await;
        if checks != Checks::All {
            let sql = GIVES_CLAIMS_AWAY.replace("{schema}", &schema);
            main.execute(AssertSqlSafe(sql)).await.unwrap();
        }
        let rows = Rows::of(main, &schema).await;
        rows.keep(Kept::Founded).await;
        let names = [0, 1].map(|n| format!("{schema}_{n}"));
        let mut desks = Vec::new();
        for name in &names {
            let options = hasty
                .clone()
                .application_name(name)
                .options([("default_transaction_isolation", "read committed")]);
            let pool = pool(options, 2).await;
            let level = sqlx::query("SHOW transaction_isolation").fetch_one(&pool).await.unwrap();
            assert_eq!(level.get::<String, _>(0), "read committed");
            let options = PostgresOptions::new(pool.clone()).schema(&schema);
            desks.push((pool, options.open().await.unwrap()));
        }
        let connection = cluster.options().connect().await.unwrap();
        Self {
            organization: company.organization,
            house: RefCell::new(company.directory.clone()),
            company,
            checks,
            store,
            schema,
            rows,
            desks: desks.try_into().unwrap_or_else(|_| panic!("two parties")),
            watch: tokio::sync::Mutex::new(Watch { connection, names }),
            races: Cell::new(0),
            work: RefCell::default(),
            workload: RefCell::default(),
        }
    }

    pub(crate) async fn close(self) {
        drop((self.desks, self.rows));
        Cluster::hasty().drop_schema(&self.schema).await;
    }

    /// The company as it was founded.
    pub(crate) async fn clears(&self) {
        self.rows.restore(Kept::Founded).await;
        self.races.set(self.races.get() + 1);
        self.work.borrow_mut().clear();
        *self.workload.borrow_mut() = FakeWorkload::new();
        let entropy = FakeEntropy::new(1_000 + self.races.get());
        *self.house.borrow_mut() = UserDirectory::builder_with(
            self.store.clone(),
            self.company.postbox.clone(),
            KeyRing::new(cast::KEY),
            self.company.clock.clone(),
            entropy,
        )
        .permissions::<Desk>()
        .workload(self.workload.borrow().clone())
        .build();
    }

    /// A directory that sees nobody in its way.
    pub(crate) fn house(&self) -> UserDirectory {
        self.house.borrow().clone()
    }

    fn seat<T>(&self, n: usize, party: &Party<T>, gate: Gate) -> Seat {
        let (pool, store) = self.desks[n].clone();
        let checks = self.checks;
        let steps = party.steps;
        let gated =
            Gated { pool: pool.clone(), store: store.clone(), gate: gate.clone(), steps, checks };
        let directory = UserDirectory::builder_with(
            gated,
            self.company.postbox.clone(),
            KeyRing::new(cast::KEY),
            Late(self.company.clock.clone(), party.late),
            FakeEntropy::new(100 + n as u64),
        )
        .permissions::<Desk>()
        .workload(GatedWork(self.workload.borrow().clone(), gate.clone()))
        .build();
        Seat { directory, pool, store, gate, checks }
    }

    /// Everything as it was when the parties began.
    async fn resets(&self) {
        self.rows.restore(Kept::Stage).await;
        self.company.postbox.take();
        let workload = FakeWorkload::new();
        for item in self.work.borrow().iter().cloned() {
            workload.put(item);
        }
        *self.workload.borrow_mut() = workload;
    }

    /// Commands of the organization, in every order.
    pub(crate) async fn commands(
        &self,
        parties: [Party<()>; 2],
        look: impl AsyncFn(&After<'_, ()>) -> Result<(), String>,
    ) -> Tally {
        self.every_order(Kind::Commands, parties, look).await
    }

    /// Lets two parties go in every order, each from the same stage, and looks at what is left.
    pub(crate) async fn every_order<T: Debug + Send + 'static>(
        &self,
        kind: Kind,
        parties: [Party<T>; 2],
        look: impl AsyncFn(&After<'_, T>) -> Result<(), String>,
    ) -> Tally {
        self.rows.keep(Kept::Stage).await;
        let before = self.position().await;
        let mut tally = Tally::new(kind, self.checks);
        let mut order = Some(Order::default());
        while let Some(mut this) = order {
            self.resets().await;
            let mut watch = self.watch.lock().await;
            let going = |n: usize, gate: Gate| {
                let party: &Party<T> = &parties[n];
                (party.does)(self.seat(n, party, gate))
            };
            let mut done = run(&mut this, &mut watch, going).await;
            drop(watch);
            tally.counts(&done);
            // Whoever came too late prepares again, as a host does, with nobody in the way.
            for (n, party) in parties.iter().enumerate() {
                for _ in 0..3 {
                    if matches!(done.answers[n], Err(Error::Contended)) {
                        done.answers[n] = (party.does)(self.seat(n, party, Gate::open(n))).await;
                        done.committed.extend(done.answers[n].is_ok().then_some(n));
                    }
                }
            }
            let sums = self.rows.sums().await;
            if tally.is_new(&done, &sums) {
                let Run { answers, committed, .. } = &done;
                let after = After { stage: self, answers, committed, before };
                tally.looked(after.is_sound(kind).await.and(look(&after).await));
            }
            tally.ends(done, sums);
            // Of a store that checks nothing, what is lost first is enough.
            let enough = self.checks == Checks::Nothing && !tally.lost.is_empty();
            order = this.next().filter(|_| !enough);
        }
        tally.compares();
        tally
    }

    // ── Looking ─────────────────────────────────────────────────────────────────────────────────

    pub(crate) async fn state(&self, mut needs: Vec<Need>) -> State {
        needs.push(Need::Record(Key::Organization(self.organization)));
        State::new(self.store.load(&needs).await.unwrap())
    }

    pub(crate) async fn position(&self) -> u64 {
        self.state(Vec::new()).await.organization(self.organization).unwrap().head.position.get()
    }

    pub(crate) async fn member(&self, id: MembershipId) -> Membership {
        let state = self.state(vec![Need::Record(Key::Membership(id))]).await;
        state.membership(self.organization, id).unwrap().clone()
    }

    pub(crate) async fn status(&self, id: MembershipId) -> StatusName {
        self.member(id).await.status.name()
    }

    pub(crate) async fn find(&self, question: Find) -> Vec<Record> {
        self.store.find(&question).await.unwrap()
    }

    // ── Setting the stage ───────────────────────────────────────────────────────────────────────

    pub(crate) fn user(&self, name: &str) -> UserId {
        self.company.member(name).user.unwrap()
    }

    pub(crate) fn membership(&self, name: &str) -> MembershipId {
        self.company.member(name).membership
    }

    pub(crate) async fn does<I: Intent>(&self, who: impl Into<Principal>, intent: I) -> I::Output {
        self.house().execute(who.into(), intent).await.unwrap().output
    }

    /// Somebody new is invited.
    pub(crate) async fn invites(&self, by: &str, name: &str) -> Invited {
        let role = "agent".parse().unwrap();
        let invite = Invite::new(self.organization, Company::email(name), role);
        self.does(self.user(by), invite.with_profile(Profile::named(name).unwrap())).await
    }

    /// The link in the newest letter to somebody.
    pub(crate) async fn link(&self, name: &str) -> VerifiedToken {
        let token = self.company.link_for(name).await;
        self.house().verify(&token).await.unwrap()
    }

    /// Somebody new is invited by somebody, and will accept.
    pub(crate) async fn accepts(&self, by: &str, name: &str) -> (Party<()>, Invited) {
        let invited = self.invites(by, name).await;
        let accept = AcceptInvitation::new(self.organization, invited.invitation);
        (asks(self.link(name).await, accept), invited)
    }

    /// Ada owns the organization as well as Olivia.
    pub(crate) async fn two_owners(&self) {
        self.offers("ada").await;
        self.does(self.user("ada"), AcceptOwnership { organization: self.organization }).await;
    }

    /// Olivia offers somebody the ownership.
    pub(crate) async fn offers(&self, name: &str) {
        let offer = OfferOwnership {
            organization: self.organization,
            membership: self.membership(name),
            role: "owner".parse().unwrap(),
            then_become: None,
        };
        self.does(self.user("olivia"), offer).await;
    }

    pub(crate) fn makes(&self, name: &str, role: &str) -> ChangeRole {
        ChangeRole {
            scope: self.organization.into(),
            membership: self.membership(name),
            role: role.parse().unwrap(),
            handover: None,
        }
    }
}
