//! How fresh a guard over the live view is: at once in the process that commits, within the stated
//! bound in every other, and nobody is let in on what is too old.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and its own numbers are small"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use futures_executor::block_on;
use tenure::access::live::Who;
use tenure::adapters::memory::MemoryStore;
use tenure::commands::*;
use tenure::directory::Keeping;
use tenure::domain::{
    ChangeSet, DeactivatedBecause, Fence, Given, Lasting, MembershipId, Need, OrganizationId,
    Override, Record, RoleName, Scope, Span, TeamId, UserId, WorkspaceId,
};
use tenure::ports::{CommitError, Find, StoreError};
use tenure::testing::cast::{Company, Desk, KEY, roles};
use tenure::testing::{FakeClock, FakeEntropy, Postbox};
use tenure::{
    Because, Clock as _, Command, Error, KeyRing, Management, Permission, Principal, Profile,
    Reach, Refusal, Role, Store, UserDirectory,
};

// ── A store that several directories share, and that can be out of reach ────────────────────────

#[derive(Clone, Default)]
struct Shared {
    store: Arc<MemoryStore>,
    gone: Arc<AtomicBool>,
    loads: Arc<AtomicU64>,
    /// How often others have their turn while an answer is under way.
    slow: Arc<AtomicU64>,
}

impl Shared {
    fn out_of_reach(&self) -> Result<(), StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        if self.gone.load(Ordering::SeqCst) {
            return Err(StoreError("out of reach".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl Store for Shared {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        self.out_of_reach()?;
        let answer = self.store.load(needs).await;
        // Somebody else has their turn before the answer is there.
        let mut turns = 2 + self.slow.load(Ordering::SeqCst);
        std::future::poll_fn(|context| {
            turns -= 1;
            context.waker().wake_by_ref();
            if turns == 0 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        answer
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        self.store.commit(changes).await
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        self.out_of_reach()?;
        self.store.find(question).await
    }
}

/// Acme Help in one process, and the same store seen from another.
struct Two {
    company: Company,
    here: UserDirectory,
    there: UserDirectory,
    store: Shared,
    clock: FakeClock,
}

fn two(keeping: Keeping) -> Two {
    let store = Shared::default();
    let company = block_on(Company::found(store.clone()));
    let clock = company.clock.clone();
    let directory = |seed, keeping| {
        let entropy = FakeEntropy::new(seed);
        let keys = KeyRing::new(KEY);
        UserDirectory::builder_with(store.clone(), Postbox::new(), keys, clock.clone(), entropy)
            .permissions::<Desk>()
            .keeping(keeping)
            .build()
    };
    Two { here: directory(70, keeping), there: directory(71, keeping), company, store, clock }
}

impl Two {
    fn scope(&self) -> Scope {
        self.company.organization.into()
    }

    fn user(&self, name: &str) -> UserId {
        self.company.member(name).user.unwrap()
    }

    fn deactivate(&self, name: &str) -> Deactivate {
        Deactivate {
            scope: self.scope(),
            membership: self.company.member(name).membership,
            because: DeactivatedBecause::Left,
            handover: None,
        }
    }

    fn reactivate(&self, name: &str) -> Reactivate {
        Reactivate {
            scope: self.scope(),
            membership: self.company.member(name).membership,
            work: WorkOnReturn::StaysWhereItIs,
        }
    }

    fn olivia(&self) -> Principal {
        self.company.principal("olivia")
    }
}

// ── In the process that commits ─────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_revocation_shows_at_once_in_the_process_that_revoked_also_to_a_guard_taken_before() {
    let it = two(Keeping::default());
    let access = it.here.access(it.scope()).await.unwrap();
    let bob = access.member(it.user("bob"));
    assert!(access.can(bob, Desk::ViewTickets));
    it.here.execute(it.olivia(), it.deactivate("bob")).await.unwrap();
    assert!(!access.can(bob, Desk::ViewTickets));
    let decision = access.check(bob, Desk::ViewTickets);
    assert!(matches!(decision.because[..], [Because::NotActive(_)]), "{decision:?}");
    it.here.execute(it.olivia(), it.reactivate("bob")).await.unwrap();
    assert!(access.can(bob, Desk::ViewTickets));
}

#[tokio::test]
async fn what_this_process_commits_shows_at_once_also_after_another_was_first() {
    let it = two(Keeping::default());
    let access = it.here.access(it.scope()).await.unwrap();
    let (bob, berta) = (access.member(it.user("bob")), access.member(it.user("berta")));
    it.there.execute(it.olivia(), it.deactivate("berta")).await.unwrap();
    it.here.execute(it.olivia(), it.deactivate("bob")).await.unwrap();
    assert!(!access.can(bob, Desk::ViewTickets));
    // The other's is looked up by the next to ask, however soon.
    it.here.access(it.scope()).await.unwrap();
    assert!(!access.can(berta, Desk::ViewTickets) && !access.can(bob, Desk::ViewTickets));
}

// ── In another process ──────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn another_process_shows_it_within_the_bound_and_not_a_moment_later() {
    let it = two(Keeping { follow_every: Span::seconds(5), ..Keeping::default() });
    let before = it.there.access(it.scope()).await.unwrap();
    let bob = it.user("bob");
    assert!(before.can_user(bob, Desk::ViewTickets));
    let done = it.here.execute(it.olivia(), it.deactivate("bob")).await.unwrap();
    let begun = it.clock.now();
    for micros in [0, 1, 4_999_999] {
        it.clock.set(tenure::domain::Timestamp::from_micros(begun.micros() + micros));
        let access = it.there.access(it.scope()).await.unwrap();
        // That it is not seen yet shows that the test can see the difference.
        assert!(access.can_user(bob, Desk::ViewTickets), "{micros} µs");
        assert!(access.revision() < done.revision);
    }
    it.clock.set(begun.plus(Span::seconds(5)));
    let access = it.there.access(it.scope()).await.unwrap();
    assert!(!access.can_user(bob, Desk::ViewTickets));
    assert_eq!((access.revision(), access.age()), (done.revision, Span::seconds(0)));
    // A guard that was held all the time is kept current.
    assert!(!before.can_user(bob, Desk::ViewTickets));
}

#[tokio::test]
async fn whoever_knows_of_a_commit_waits_for_it() {
    let it = two(Keeping::default());
    let access = it.there.access(it.scope()).await.unwrap();
    let done = it.here.execute(it.olivia(), it.deactivate("bob")).await.unwrap();
    assert!(access.can_user(it.user("bob"), Desk::ViewTickets));
    access.at_least(done.revision).await.unwrap();
    assert!(!access.can_user(it.user("bob"), Desk::ViewTickets));
    let never = access.at_least(tenure::domain::Revision::new(10_000)).await;
    assert!(matches!(never, Err(Error::Contended)));
}

#[tokio::test]
async fn maintenance_follows_the_store_for_guards_that_are_held() {
    let it = two(Keeping::default());
    let access = it.there.access(it.scope()).await.unwrap();
    it.here.execute(it.olivia(), it.deactivate("bob")).await.unwrap();
    it.clock.advance(Span::seconds(1));
    it.there.maintain().await.unwrap();
    assert!(!access.can_user(it.user("bob"), Desk::ViewTickets));
}

#[tokio::test]
async fn while_the_store_is_out_of_reach_nobody_is_let_in_on_what_is_too_old() {
    let keeping = Keeping { oldest: Span::seconds(30), ..Keeping::default() };
    let it = two(keeping);
    let bob = it.user("bob");
    let held = it.here.access(it.scope()).await.unwrap();
    it.store.gone.store(true, Ordering::SeqCst);
    it.clock.advance(Span::seconds(30));
    let access = it.here.access(it.scope()).await.unwrap();
    assert!(access.can_user(bob, Desk::ViewTickets));
    assert!(access.check(bob, Desk::ViewTickets).is_allowed());
    assert_eq!(access.age(), Span::seconds(30));
    it.clock.advance(Span::seconds(1));
    let decision = held.check(bob, Desk::ViewTickets);
    assert_eq!(decision.because, [Because::NotConfirmed]);
    assert!(held.visible(bob, Desk::ViewTickets).is_nothing());
    // Once anybody has noticed, the bits no longer decide either.
    assert!(!held.can_user(bob, Desk::ViewTickets) && !access.can_user(bob, Desk::ViewTickets));
    assert!(matches!(it.here.access(it.scope()).await, Err(Error::Store(_))));
    assert_eq!(held.require(bob, Desk::ViewTickets), Err(Refusal::NotConfirmed));
    it.store.gone.store(false, Ordering::SeqCst);
    let access = it.here.access(it.scope()).await.unwrap();
    assert!(access.can_user(bob, Desk::ViewTickets) && held.can_user(bob, Desk::ViewTickets));
    // A clock that goes back makes nothing younger.
    it.store.gone.store(true, Ordering::SeqCst);
    let back = it.clock.now().micros() - 3_600_000_000;
    it.clock.set(tenure::domain::Timestamp::from_micros(back));
    assert!(!held.check(bob, Desk::ViewTickets).is_allowed());
}

#[tokio::test]
async fn a_clock_that_goes_back_makes_nobody_wait_and_nothing_older_than_it_is() {
    let it = two(Keeping::default());
    let begun = it.clock.now();
    it.there.access(it.scope()).await.unwrap();
    it.clock.set(tenure::domain::Timestamp::from_micros(begun.micros() - 3_600_000_000));
    it.here.execute(it.olivia(), it.deactivate("bob")).await.unwrap();
    let access = it.there.access(it.scope()).await.unwrap();
    assert!(!access.can_user(it.user("bob"), Desk::ViewTickets));
}

// ── Whoever waits ───────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_caller_who_stops_waiting_holds_nobody_up() {
    let it = two(Keeping::default());
    let mut stopped = Box::pin(it.here.access(it.scope()));
    // Polled once, then never again, and not dropped.
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(stopped.as_mut().poll(&mut context).is_pending());
    let access = it.here.access(it.scope()).await.unwrap();
    it.here.execute(it.olivia(), it.deactivate("bob")).await.unwrap();
    assert!(!access.can_user(it.user("bob"), Desk::ViewTickets));
    drop(stopped);
}

fn poll_once<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> std::task::Poll<T> {
    future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
}

#[tokio::test]
async fn an_answer_that_was_under_way_for_long_is_not_taken_for_news() {
    let it = two(Keeping::default());
    drop(it.there.access(it.scope()).await.unwrap());
    it.clock.advance(Span::seconds(1));
    it.store.slow.store(3, Ordering::SeqCst);
    // Somebody asks, has the store's answer under way, and is not polled any more.
    let mut stopped = Box::pin(it.there.access(it.scope()));
    for _ in 0..2 {
        assert!(poll_once(stopped.as_mut()).is_pending());
    }
    it.here.execute(it.olivia(), it.deactivate("bob")).await.unwrap();
    it.clock.advance(Span::hours(1));
    let access = it.there.access(it.scope()).await.unwrap();
    assert!(!access.can_user(it.user("bob"), Desk::ViewTickets));
    assert_eq!(access.age(), Span::seconds(0));
    drop(stopped);
    // Dropped in the middle by everybody, it holds nothing up either.
    it.clock.advance(Span::seconds(1));
    let mut dropped = Box::pin(it.there.access(it.scope()));
    assert!(poll_once(dropped.as_mut()).is_pending());
    drop(dropped);
    it.here.execute(it.olivia(), it.reactivate("bob")).await.unwrap();
    let access = it.there.access(it.scope()).await.unwrap();
    assert!(access.can_user(it.user("bob"), Desk::ViewTickets));
}

#[tokio::test]
async fn what_is_committed_while_a_view_is_loaded_shows_in_the_guard_that_loaded_it() {
    // Wherever in the load the commit comes.
    for turns in 0..40 {
        let it = two(Keeping::default());
        it.store.slow.store(1, Ordering::SeqCst);
        let mut loading = Box::pin(it.here.access(it.scope()));
        let mut early = None;
        for _ in 0..turns {
            if let std::task::Poll::Ready(access) = poll_once(loading.as_mut()) {
                early = Some(access.unwrap());
                break;
            }
        }
        it.here.execute(it.olivia(), it.deactivate("bob")).await.unwrap();
        let access = match early {
            Some(access) => access,
            None => loading.await.unwrap(),
        };
        assert!(!access.can_user(it.user("bob"), Desk::ViewTickets), "after {turns} turns");
    }
}

#[tokio::test]
async fn somebody_looked_up_by_one_guard_is_somebody_else_s_in_no_other() {
    let it = two(Keeping::default());
    let organization = it.company.organization;
    let open = OpenWorkspace { organization, name: "Sales".parse().unwrap() };
    let workspace = it.here.execute(it.olivia(), open).await.unwrap().output;
    let whole = it.here.access(it.scope()).await.unwrap();
    let sales = it.here.access(Scope::workspace(organization, workspace)).await.unwrap();
    let other = it.there.access(it.scope()).await.unwrap();
    for name in ["olivia", "ada", "amir", "bob", "berta", "vera", "carl", "dora"] {
        let (user, member) = (it.user(name), whole.member(it.user(name)));
        for permission in Desk::ALL {
            let right = (sales.can_user(user, *permission), other.can_user(user, *permission));
            assert_eq!((sales.can(member, *permission), other.can(member, *permission)), right);
        }
    }
}

#[tokio::test]
async fn a_view_that_is_dropped_lets_nobody_in_any_more_whoever_holds_a_guard_of_it() {
    let it = two(Keeping { budget: 1, ..Keeping::default() });
    // Each load makes room for itself, and is told of what is committed afterwards.
    let rival = it.here.access(it.company.rival).await.unwrap();
    drop(rival);
    let acme = it.here.access(it.scope()).await.unwrap();
    it.here.execute(it.olivia(), it.deactivate("bob")).await.unwrap();
    assert!(!acme.can_user(it.user("bob"), Desk::ViewTickets));
    let again = it.here.access(it.scope()).await.unwrap();
    it.here.execute(it.olivia(), it.deactivate("berta")).await.unwrap();
    for access in [acme, again] {
        assert!(!access.can_user(it.user("berta"), Desk::ViewTickets));
        assert!(access.can_user(it.user("olivia"), Desk::ViewTickets));
    }
}

#[tokio::test]
async fn most_requests_do_not_ask_the_store() {
    let it = two(Keeping::default());
    it.here.access(it.scope()).await.unwrap();
    let before = it.store.loads.load(Ordering::SeqCst);
    for _ in 0..1_000 {
        it.here.access(it.scope()).await.unwrap();
    }
    assert_eq!(it.store.loads.load(Ordering::SeqCst), before);
    it.clock.advance(Span::seconds(1));
    it.here.access(it.scope()).await.unwrap();
    assert_eq!(it.store.loads.load(Ordering::SeqCst), before + 1);
}

#[tokio::test]
async fn an_organization_that_does_not_exist_is_not_found_and_leaves_nothing_behind() {
    let it = two(Keeping::default());
    let nowhere: OrganizationId = it.here.new_id();
    for _ in 0..3 {
        let answer = it.here.access(nowhere).await;
        let not_found = Some(&Refusal::NotFound(tenure::domain::Thing::Organization));
        assert_eq!(answer.as_ref().err().and_then(Error::refusal), not_found);
    }
    let workspace = Scope::workspace(it.company.organization, it.here.new_id());
    assert!(it.here.access(workspace).await.is_err());
}

// ── Memory ──────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn views_that_nobody_holds_are_dropped_when_memory_runs_short_and_held_ones_stay_current() {
    let it = two(Keeping { budget: 1, ..Keeping::default() });
    let acme = it.here.access(it.scope()).await.unwrap();
    it.here.access(it.company.rival).await.unwrap();
    it.here.execute(it.olivia(), it.deactivate("bob")).await.unwrap();
    assert!(!acme.can_user(it.user("bob"), Desk::ViewTickets));
    // Held, it was kept: nothing is loaded again.
    let before = it.store.loads.load(Ordering::SeqCst);
    it.here.access(it.scope()).await.unwrap();
    assert_eq!(it.store.loads.load(Ordering::SeqCst), before);
    drop(acme);
    let organization = it.company.organization;
    let open = OpenWorkspace { organization, name: "Sales".parse().unwrap() };
    let workspace = it.here.execute(it.olivia(), open).await.unwrap().output;
    it.clock.advance(Span::seconds(1));
    // A third view: the budget is looked at when one is loaded.
    it.here.access(Scope::workspace(organization, workspace)).await.unwrap();
    let before = it.store.loads.load(Ordering::SeqCst);
    it.here.access(it.scope()).await.unwrap();
    assert!(it.store.loads.load(Ordering::SeqCst) > before + 4, "it was loaded anew");
}

#[tokio::test]
async fn a_very_large_organization_loads_people_when_they_are_asked_for() {
    let it = two(Keeping { everybody_up_to: 3, ..Keeping::default() });
    let bob = it.user("bob");
    let access = it.here.access(it.scope()).await.unwrap();
    // Nobody is let in whom the view does not know, and it says why.
    assert!(!access.can_user(bob, Desk::ViewTickets));
    assert_eq!(access.check(bob, Desk::ViewTickets).because, [Because::NotLoaded]);
    assert!(access.who_may(Desk::ViewTickets).is_none());
    let access = it.here.access_with(it.scope(), &[bob]).await.unwrap();
    assert!(access.can_user(bob, Desk::ViewTickets));
    it.here.execute(it.olivia(), it.deactivate("bob")).await.unwrap();
    assert!(!access.can_user(bob, Desk::ViewTickets));
    it.there.execute(it.olivia(), it.reactivate("bob")).await.unwrap();
    it.clock.advance(Span::seconds(1));
    it.here.access(it.scope()).await.unwrap();
    assert!(access.can_user(bob, Desk::ViewTickets));
    // Somebody who came elsewhere since is found when asked for.
    let sam = it.company.principal("sam");
    let Principal::Person(sam) = sam else { panic!("Sam is a person") };
    let access = it.here.access_with(it.scope(), &[sam]).await.unwrap();
    assert!(!access.can_user(sam, Desk::ViewTickets));
}

// ── Everything that can happen ──────────────────────────────────────────────────────────────────

struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides
    }
}

/// What has come to be, for commands to be about.
struct Story {
    it: Two,
    dice: Dice,
    members: Vec<(Scope, MembershipId)>,
    users: Vec<(UserId, &'static str)>,
    teams: Vec<TeamId>,
    workspaces: Vec<WorkspaceId>,
    named: u32,
    accepted: u32,
}

impl Story {
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.dice.throw(of.len())]
    }

    fn role(&mut self) -> RoleName {
        let name = self.pick(&["owner", "admin", "agent", "viewer", "customer", "expert"]);
        name.parse().unwrap()
    }

    fn permission(&mut self) -> Desk {
        self.pick(Desk::ALL)
    }

    fn reach(&mut self) -> Reach {
        let reach = self.pick(&[0, 1, 2, 3]);
        match reach {
            0 => Reach::OWN,
            1 => Reach::TEAM,
            2 => Reach::ALL,
            _ => Reach::ALL.within("inbox").unwrap(),
        }
    }

    fn fence(&mut self) -> Fence {
        let inbox = self.pick(&["sales", "support"]);
        if self.dice.throw(3) == 0 {
            Fence::default()
        } else {
            Fence::default().with("inbox", [inbox]).unwrap()
        }
    }

    /// Some command; many are refused, and those have to show nothing.
    fn command(&mut self) -> Command {
        let organization = self.it.company.organization;
        let members = self.members.clone();
        let (scope, membership) = self.pick(&members);
        let team = if self.teams.is_empty() {
            TeamId::new(uuid::Uuid::nil())
        } else {
            self.pick(&self.teams.clone())
        };
        self.named += 1;
        match self.dice.throw(23) {
            0 => ChangeRole { scope, membership, role: self.role(), handover: None }.into(),
            1 => {
                Deactivate { scope, membership, because: DeactivatedBecause::Left, handover: None }
                    .into()
            }
            2 | 3 => Reactivate { scope, membership, work: WorkOnReturn::StaysWhereItIs }.into(),
            4 if self.dice.throw(3) == 0 => {
                RemoveMember { scope, membership, handover: None }.into()
            }
            4 | 5 => {
                let to = match self.dice.throw(4) {
                    0 => None,
                    1 => Some(Override::Raise(self.reach())),
                    2 => Some(Override::Cap(self.reach())),
                    _ => Some(Override::Deny),
                };
                let permission = self.permission().into();
                OverridePermission { scope, membership, permission, to }.into()
            }
            6 => SetFence { scope, membership, fence: self.fence(), handover: None }.into(),
            7 => CreateTeam {
                organization,
                name: format!("Team {}", self.named).parse().unwrap(),
                description: None,
                members: vec![membership],
            }
            .into(),
            way @ (8 | 9) => {
                let (joins, nobody) = (vec![membership], Vec::new());
                let (join, leave) = if way == 8 { (joins, nobody) } else { (nobody, joins) };
                ChangeTeamMembers { organization, team, join, leave, handover: None }.into()
            }
            10 => {
                let permissions = [(self.permission().into(), self.reach())].into();
                SetTeamPermissions { organization, team, permissions, fence: self.fence() }.into()
            }
            11 if self.dice.throw(3) == 0 => DeleteTeam { organization, team }.into(),
            11 | 12 => {
                let mut role =
                    Role::new("expert", 30).unwrap().with(self.permission(), self.reach());
                if self.dice.throw(4) == 0 {
                    role = role.everywhere();
                }
                if self.dice.throw(2) == 0 {
                    CreateRole { organization, role }.into()
                } else {
                    EditRole { organization, role }.into()
                }
            }
            13 => SuspendOrganization { organization }.into(),
            14 => ResumeOrganization { organization }.into(),
            15 => OpenWorkspace {
                organization,
                name: format!("Desk {}", self.named).parse().unwrap(),
            }
            .into(),
            16 if self.dice.throw(4) == 0 && !self.workspaces.is_empty() => {
                CloseWorkspace { organization, workspace: self.pick(&self.workspaces.clone()) }
                    .into()
            }
            18..=20 => {
                let gives = if self.dice.throw(2) == 0 {
                    Given::Role(self.role())
                } else {
                    Given::Permissions([(self.permission().into(), self.reach())].into())
                };
                let hours = self.dice.throw(4) as u16;
                GiveGrant {
                    scope,
                    membership,
                    gives,
                    from: Some(self.it.clock.now().plus(Span::hours(hours))),
                    lasting: Lasting::For(Span::hours(1 + hours)),
                    reason: "the busy season".parse().unwrap(),
                }
                .into()
            }
            17 => EraseMember { organization, membership }.into(),
            _ => {
                let scope = match self.workspaces.last() {
                    Some(workspace) if self.dice.throw(2) == 0 => {
                        Scope::workspace(organization, *workspace)
                    }
                    _ => organization.into(),
                };
                let (_, email) = self.pick(&self.users.clone());
                let role = self.pick(&["agent", "customer", "admin"]).parse().unwrap();
                Invite::new(scope, email.parse().unwrap(), role).fenced(self.fence()).into()
            }
        }
    }

    async fn step(&mut self) {
        let command = self.command();
        let from_elsewhere = self.dice.throw(4) == 0;
        let directory = if from_elsewhere { &self.it.there } else { &self.it.here };
        let who = if self.dice.throw(2) == 0 { Principal::System } else { self.it.olivia() };
        let Ok(done) = directory.execute_command(who, command).await else { return };
        for event in done.events {
            use tenure::domain::Event;
            match event {
                Event::MembershipBegun { membership, .. } => {
                    self.members.push((membership.scope, membership.id));
                }
                Event::InvitationMade { invitation } => {
                    let email = invitation.email.as_ref().map(ToString::to_string);
                    let invited = self.users.iter().find(|(_, it)| Some(*it) == email.as_deref());
                    let accept = AcceptInvitation {
                        organization: self.it.company.organization,
                        invitation: invitation.id,
                        profile: Profile::default(),
                        password: None,
                    };
                    let who = Principal::Person(invited.unwrap().0);
                    let accepted = self.it.here.execute(who, accept).await;
                    self.accepted += u32::from(accepted.is_ok());
                }
                Event::TeamCreated { team } => self.teams.push(team.id),
                Event::WorkspaceOpened { workspace } => self.workspaces.push(workspace.id),
                _ => {}
            }
        }
        if from_elsewhere {
            // Long enough for a grant to begin or to end.
            let seconds = self.dice.throw(3) as u32 * 3_600;
            self.it.clock.advance(Span::seconds(1 + seconds));
        }
    }

    /// What the store says of everybody is what the views say, by every way of asking.
    async fn agrees(&self) -> usize {
        let organization = self.it.company.organization;
        let scopes = self.workspaces.iter().map(|id| Scope::workspace(organization, *id));
        let mut compared = 0;
        for scope in scopes.chain([organization.into()]) {
            let users: Vec<_> = self.users.iter().map(|(user, _)| *user).collect();
            let access = self.it.here.access_with(scope, &users).await.unwrap();
            for user in &users {
                let who = Principal::Person(*user);
                let member = access.member(*user);
                for permission in Desk::ALL.iter().step_by(2) {
                    let store = self.it.there.check(&who, scope, *permission).await.unwrap();
                    let view = access.check(&who, *permission);
                    assert_eq!(view.extent, store.extent, "{scope:?} {user} {permission:?}");
                    assert_eq!(view.missing, store.missing, "{scope:?} {user} {permission:?}");
                    assert_eq!(access.can(member, *permission), store.is_allowed());
                    assert_eq!(access.can_user(*user, *permission), store.is_allowed());
                    compared += 1;
                }
            }
        }
        compared
    }
}

fn story(seed: u64, keeping: Keeping) -> Story {
    let it = two(keeping);
    let names = ["olivia", "ada", "bob", "berta", "vera", "carl", "dora"];
    let members = names.map(|name| (it.scope(), it.company.member(name).membership)).to_vec();
    let emails = [
        "olivia@acme.example",
        "ada@acme.example",
        "bob@acme.example",
        "berta@acme.example",
        "vera@acme.example",
        "carl@acme.example",
        "dora@acme.example",
    ];
    let mut users: Vec<_> = names.map(|name| it.user(name)).into_iter().zip(emails).collect();
    if let Principal::Person(sam) = it.company.principal("sam") {
        users.push((sam, "sam@elsewhere.example"));
    }
    Story {
        it,
        dice: Dice(seed),
        members,
        users,
        teams: vec![],
        workspaces: vec![],
        named: 0,
        accepted: 0,
    }
}

async fn tell(keeping: Keeping, seeds: std::ops::Range<u64>) {
    let (mut compared, mut steps, mut accepted) = (0, 0, 0);
    for seed in seeds {
        let mut story = story(seed, keeping);
        for _ in 0..60 {
            story.step().await;
            steps += 1;
            // Now and then only, so that the view is also behind by several.
            if story.dice.throw(3) == 0 {
                compared += story.agrees().await;
            }
        }
        compared += story.agrees().await;
        accepted += story.accepted;
    }
    println!("{compared} comparisons in {steps} steps, {accepted} people came");
    assert!(compared > 1_000 && accepted > 10);
}

#[tokio::test]
async fn whatever_happens_here_or_elsewhere_the_view_says_what_the_store_says() {
    tell(Keeping::default(), 0..40).await;
}

#[tokio::test]
async fn the_same_where_people_are_loaded_when_asked_for() {
    tell(Keeping { everybody_up_to: 0, ..Keeping::default() }, 100..120).await;
}

#[tokio::test]
async fn the_same_where_memory_is_short() {
    tell(Keeping { budget: 1, ..Keeping::default() }, 200..220).await;
}

#[tokio::test]
async fn support_is_asked_like_anybody_else_and_ends_in_time() {
    let it =
        two(Keeping { follow_every: Span::days(7), oldest: Span::days(9), ..Keeping::default() });
    let access = it.here.access(it.scope()).await.unwrap();
    let support = it.company.principal("support");
    assert!(access.check(&support, Management::ViewPeople).is_allowed());
    assert!(!access.check(&support, Desk::ViewTickets).is_allowed());
    assert!(access.visible(&support, Management::ViewPeople).is_everything());
    it.clock.advance(Span::days(1));
    assert!(!access.check(&support, Management::ViewPeople).is_allowed());
    assert!(!access.check(Who::Nobody, Management::ViewPeople).is_allowed());
    assert_eq!(roles().len(), 5);
}

// ── Time alone ──────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_grant_ends_to_the_microsecond_under_a_guard_that_is_held_and_nothing_has_run() {
    let week = Span::days(7);
    let it = two(Keeping { follow_every: week, oldest: week, ..Keeping::default() });
    let access = it.here.access(it.scope()).await.unwrap();
    let bob = access.member(it.user("bob"));
    assert!(!access.can(bob, Desk::ExportData));
    let (from, until) = (it.clock.now().plus(Span::hours(1)), it.clock.now().plus(Span::hours(3)));
    let give = GiveGrant {
        scope: it.scope(),
        membership: it.company.member("bob").membership,
        gives: Given::Permissions([(Desk::ExportData.into(), Reach::ALL)].into()),
        from: Some(from),
        lasting: Lasting::Until(until),
        reason: "the yearly report".parse().unwrap(),
    };
    let grant = it.here.execute(it.olivia(), give).await.unwrap().output;
    for (at, held) in [(from, true), (until, false)] {
        for (micros, held) in [(-1, !held), (0, held)] {
            it.clock.set(tenure::domain::Timestamp::from_micros(at.micros() + micros));
            assert_eq!(access.can(bob, Desk::ExportData), held, "{at} {micros} µs");
            assert_eq!(access.can_user(it.user("bob"), Desk::ExportData), held);
            let decision = access.check(bob, Desk::ExportData);
            assert_eq!(decision.is_allowed(), held);
            assert_eq!(decision.because == [Because::Grant(grant)], held);
            let who = access.who_may(Desk::ExportData).unwrap();
            assert_eq!(who.iter().any(|person| person.user == it.user("bob")), held);
            // What is held at any time is held meanwhile, and nobody else gets anything.
            assert!(access.can(bob, Desk::ViewTickets));
            assert!(!access.can_user(it.user("berta"), Desk::ExportData));
        }
    }
}

// ── Before it is done ───────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_preview_says_who_could_do_more_or_less_by_a_change_of_role_team_or_person() {
    let it = two(Keeping::default());
    let (bob, berta) = (it.company.member("bob"), it.company.member("berta"));
    let organization = it.company.organization;
    // Bob becomes a viewer: he sees all tickets instead of his own, and answers none.
    let change = ChangeRole {
        scope: it.scope(),
        membership: bob.membership,
        role: "viewer".parse().unwrap(),
        handover: None,
    };
    let access = it.here.preview(it.olivia(), change).await.unwrap().access.unwrap();
    assert_eq!((access.people, access.changes.len()), (1, 1));
    let of = |permission: Desk| {
        let name = permission.into();
        access.changes[0].permissions.iter().find(|it| it.permission == name).unwrap()
    };
    assert_eq!(access.changes[0].person.membership, bob.membership);
    assert!(of(Desk::ViewTickets).adds() && !of(Desk::ViewTickets).takes());
    assert!(of(Desk::AnswerTickets).takes() && of(Desk::AnswerTickets).after.is_nothing());
    assert!(
        access.changes[0].permissions.iter().all(|it| it.permission != Desk::SubmitTickets.into())
    );
    // A role that two people hold, one of whom is denied what it gives now.
    let expert = Role::new("expert", 30).unwrap().with(Desk::ViewTickets, Reach::ALL);
    it.here.execute(it.olivia(), CreateRole { organization, role: expert.clone() }).await.unwrap();
    for membership in [bob.membership, berta.membership] {
        let role = expert.name.clone();
        it.here
            .execute(
                it.olivia(),
                ChangeRole { scope: it.scope(), membership, role, handover: None },
            )
            .await
            .unwrap();
    }
    let deny = OverridePermission {
        scope: it.scope(),
        membership: berta.membership,
        permission: Desk::ExportData.into(),
        to: Some(Override::Deny),
    };
    it.here.execute(it.olivia(), deny).await.unwrap();
    let edit = EditRole { organization, role: expert.with(Desk::ExportData, Reach::ALL) };
    let before = it.here.access(it.scope()).await.unwrap().revision();
    let access = it.here.preview(it.olivia(), edit).await.unwrap().access.unwrap();
    let whom: Vec<_> = access.changes.iter().map(|it| it.person.membership).collect();
    assert_eq!((access.people, whom), (1, vec![bob.membership]));
    // Nothing has happened.
    let after = it.here.access(it.scope()).await.unwrap();
    assert_eq!(after.revision(), before);
    assert!(!after.can_user(it.user("bob"), Desk::ExportData));
    // A team that gives something, before and after it is deleted; nobody else is concerned.
    let create = CreateTeam {
        organization,
        name: "Exporters".parse().unwrap(),
        description: None,
        members: vec![bob.membership, berta.membership],
    };
    let team = it.here.execute(it.olivia(), create).await.unwrap().output;
    let permissions = [(Desk::ExportData.into(), Reach::OWN)].into();
    let set = SetTeamPermissions { organization, team, permissions, fence: Fence::default() };
    let access = it.here.preview(it.olivia(), set.clone()).await.unwrap().access.unwrap();
    assert_eq!(access.people, 1, "Berta is denied it");
    it.here.execute(it.olivia(), set).await.unwrap();
    let delete = DeleteTeam { organization, team };
    let access = it.here.preview(it.olivia(), delete).await.unwrap().access.unwrap();
    assert!(access.people == 1 && access.changes[0].permissions[0].takes());
    // Deactivating takes everything.
    let access = it.here.preview(it.olivia(), it.deactivate("bob")).await.unwrap().access.unwrap();
    assert!(access.changes[0].permissions.iter().all(|it| it.after.is_nothing()));
}
