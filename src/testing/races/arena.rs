//! A company with several directories over one store, and what must hold of it after every round.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::task::Poll;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all, poll_fn};

use crate::commands::{
    AcceptInvitation, AcceptOwnership, ChangeRole, Command, Invite, Invited, OfferOwnership,
    RemoveMember,
};
use crate::domain::{
    ChangeSet, Equals, Event, Key, KeyRing, Membership, MembershipId, Need, OrganizationId,
    Principal, Profile, Record, Refusal, Revision, Rules, State, StatusGroup, StatusName, Stream,
    UserId, VerifiedToken,
};
use crate::ports::{CommitError, Find, PeopleFilter, Store, StoreError};
use crate::testing::cast::{self, Company, Desk};
use crate::testing::{FakeEntropy, SharedStore};
use crate::{Error, Intent, UserDirectory};

pub(super) type Answer = Result<(), Error>;

/// A store whose calls take a while, differently each time, so that contenders come in between.
struct Unhurried {
    store: SharedStore,
    calls: AtomicU32,
}

impl Unhurried {
    async fn pause(&self) {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut pauses = (call.wrapping_mul(2_654_435_761) >> 29) % 4;
        poll_fn(|context| {
            if pauses == 0 {
                return Poll::Ready(());
            }
            pauses -= 1;
            std::thread::yield_now();
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

#[async_trait]
impl Store for Unhurried {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        self.pause().await;
        self.store.load(needs).await
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        self.pause().await;
        self.store.commit(changes).await
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        self.pause().await;
        self.store.find(question).await
    }
}

/// Acme Help, asked through several directories at once.
pub(super) struct Arena {
    pub(super) company: Company,
    pub(super) houses: Vec<UserDirectory>,
    pub(super) organization: OrganizationId,
    store: SharedStore,
    race: &'static str,
    in_threads: bool,
    people: BTreeMap<String, (UserId, MembershipId)>,
}

impl Arena {
    pub(super) async fn open(race: &'static str, store: SharedStore, in_threads: bool) -> Self {
        let rules = Rules { equals: Equals::ManageEquals, ..Rules::default() };
        let company = Company::found_with(store.clone(), cast::roles(), rules, None).await;
        let house = |n: u64| {
            UserDirectory::builder_with(
                Unhurried { store: store.clone(), calls: AtomicU32::new(0) },
                company.postbox.clone(),
                KeyRing::new(cast::KEY),
                company.clock.clone(),
                FakeEntropy::new(100 + n),
            )
            .permissions::<Desk>()
            .workload(company.workload.clone())
            .build()
        };
        let people = ["olivia", "ada", "amir", "bob", "berta"].map(|name| {
            let member = company.member(name);
            (name.to_owned(), (member.user.unwrap(), member.membership))
        });
        Self {
            houses: (0..3).map(house).collect(),
            organization: company.organization,
            people: people.into(),
            company,
            store,
            race,
            in_threads,
        }
    }

    pub(super) fn fails(&self, how: &str) -> ! {
        panic!("the race `{}`: {how}", self.race.replace('_', " "))
    }

    pub(super) fn holds(&self, condition: bool, how: &str) {
        if !condition {
            self.fails(how);
        }
    }

    pub(super) fn user(&self, name: &str) -> UserId {
        self.people[name].0
    }

    pub(super) fn membership(&self, name: &str) -> MembershipId {
        self.people[name].1
    }

    /// Something that has to happen before or after a round, without anybody in the way.
    pub(super) async fn does<I: Intent>(&self, who: impl Into<Principal>, intent: I) -> I::Output {
        match self.company.directory.execute(who.into(), intent).await {
            Ok(done) => done.output,
            Err(error) => self.fails(&format!("the stage could not be set: {error}")),
        }
    }

    /// Somebody asks one of the directories; it begins when the round does.
    pub(super) fn asks(
        &self,
        house: usize,
        who: impl Into<Principal>,
        command: impl Into<Command>,
    ) -> BoxFuture<'static, Answer> {
        let directory = self.houses[house % self.houses.len()].clone();
        let (who, command) = (who.into(), command.into());
        async move { directory.execute_command(who, command).await.map(drop) }.boxed()
    }

    /// All of them at once.
    pub(super) async fn contend<T: Send + 'static>(
        &self,
        contenders: Vec<BoxFuture<'static, T>>,
    ) -> Vec<T> {
        if !self.in_threads {
            return join_all(contenders).await;
        }
        let start = Arc::new(Barrier::new(contenders.len()));
        let threads: Vec<_> = contenders
            .into_iter()
            .map(|contender| {
                let start = Arc::clone(&start);
                std::thread::spawn(move || {
                    start.wait();
                    futures_executor::block_on(contender)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    }

    /// Commands of the organization at once: every loser is told why, nothing is lost, and nothing
    /// is done that nobody was told of.
    pub(super) async fn command(&self, contenders: Vec<BoxFuture<'static, Answer>>) -> Vec<Answer> {
        let before = self.position().await;
        let answers = self.contend(contenders).await;
        self.are_answers(&answers);
        let done = answers.iter().filter(|answer| answer.is_ok()).count() as u64;
        let committed = self.position().await - before;
        self.holds(
            committed == done,
            &format!("{done} were told that it is done, and the audit has {committed} of them"),
        );
        answers
    }

    /// Every loser has a refusal, and no other error.
    pub(super) fn are_answers(&self, answers: &[Answer]) {
        for answer in answers {
            if let Err(error) = answer
                && error.refusal().is_none()
            {
                self.fails(&format!("a loser was told `{error}` and not why"));
            }
        }
    }

    /// Exactly so many win; the refusals of the others.
    pub(super) fn winners(&self, answers: &[Answer], expected: usize) -> Vec<Refusal> {
        let won = answers.iter().filter(|answer| answer.is_ok()).count();
        self.holds(won == expected, &format!("{won} won where {expected} may: {answers:?}"));
        let refusal = |answer: &Answer| answer.as_ref().err().and_then(Error::refusal).cloned();
        answers.iter().filter_map(refusal).collect()
    }

    async fn position(&self) -> u64 {
        self.state(Vec::new()).await.organization(self.organization).unwrap().head.position.get()
    }

    pub(super) async fn state(&self, mut needs: Vec<Need>) -> State {
        needs.push(Need::Record(Key::Organization(self.organization)));
        State::new(self.store.load(&needs).await.unwrap())
    }

    pub(super) async fn member(&self, id: MembershipId) -> Membership {
        let state = self.state(vec![Need::Record(Key::Membership(id))]).await;
        state.membership(self.organization, id).unwrap().clone()
    }

    pub(super) async fn status(&self, id: MembershipId) -> StatusName {
        self.member(id).await.status.name()
    }

    pub(super) async fn find(&self, question: Find) -> Vec<Record> {
        self.store.find(&question).await.unwrap()
    }

    // ── Setting the stage ───────────────────────────────────────────────────────────────────────

    pub(super) async fn invites(&self, by: UserId, name: &str, role: &str) -> Invited {
        let profile = Profile::named(name).unwrap();
        let invite = Invite::new(self.organization, Company::email(name), role.parse().unwrap());
        self.does(by, invite.with_profile(profile)).await
    }

    /// The link in the newest letter to somebody.
    pub(super) async fn link(&self, name: &str) -> VerifiedToken {
        let token = self.company.link_for(name).await;
        self.company.directory.verify(&token).await.unwrap()
    }

    /// Somebody with a user comes back, by invitation.
    pub(super) async fn returns(&mut self, by: UserId, name: &str, role: &str) {
        let user = self.user(name);
        let invited = self.invites(by, name, role).await;
        self.does(user, AcceptInvitation::new(self.organization, invited.invitation)).await;
        self.people.insert(name.to_owned(), (user, invited.membership));
    }

    /// Whoever is still there of these is removed.
    pub(super) async fn clear(&self, by: UserId, memberships: &[MembershipId]) {
        let scope = self.organization.into();
        for membership in memberships.iter().copied() {
            if self.status(membership).await != StatusName::Removed {
                self.does(by, RemoveMember { scope, membership, handover: None }).await;
            }
        }
    }

    /// Olivia and Ada own the organization both.
    pub(super) async fn two_owners(&self) {
        for (name, other) in [("olivia", "ada"), ("ada", "olivia")] {
            let role = self.member(self.membership(name)).await.role;
            if role.as_str() != "owner" {
                let offer = OfferOwnership {
                    organization: self.organization,
                    membership: self.membership(name),
                    role: "owner".parse().unwrap(),
                    then_become: None,
                };
                self.does(self.user(other), offer).await;
                let accept = AcceptOwnership { organization: self.organization };
                self.does(self.user(name), accept).await;
            }
        }
    }

    pub(super) fn makes(&self, name: &str, role: &str) -> ChangeRole {
        ChangeRole {
            scope: self.organization.into(),
            membership: self.membership(name),
            role: role.parse().unwrap(),
            handover: None,
        }
    }

    // ── What must hold ──────────────────────────────────────────────────────────────────────────

    /// I1 to I4 and the tallies, counted again from the records.
    pub(super) async fn is_sound(&self) {
        let scope = self.organization.into();
        let filter = PeopleFilter::default();
        let all = self.find(Find::People { scope, filter, after: None, limit: 500 }).await;
        let live: Vec<Membership> = all
            .into_iter()
            .filter_map(|record| if let Record::Membership(it) = record { Some(*it) } else { None })
            .collect();
        let state = self.state(Vec::new()).await;
        let organization = state.organization(self.organization).unwrap();
        let mut counted: BTreeMap<_, u64> = BTreeMap::new();
        let (mut emails, mut users) = (BTreeSet::new(), BTreeSet::new());
        let (mut keepers, mut seats) = (0, 0);
        for it in &live {
            let Some(role) = state.role(self.organization, &it.role) else {
                self.fails(&format!("somebody has the role `{}`, which is gone", it.role));
            };
            let active = it.is_active();
            keepers += u32::from(active && role.keeps_organization);
            seats += u64::from(active && role.takes_seat);
            *counted.entry((it.role.clone(), it.status.name())).or_default() += 1;
            let email = it.email.as_ref().is_none_or(|it| emails.insert(it.canonical().clone()));
            self.holds(email, "I3: one address has two live memberships");
            self.holds(it.user.is_none_or(|it| users.insert(it)), "I3: one user is here twice");
        }
        self.holds(keepers > 0, "I1: nobody keeps the organization");
        self.holds(seats == state.seats_used(self.organization), "I2: the tally miscounts seats");
        for ((role, status), count) in &counted {
            let tally = organization.tally.count(role, *status);
            self.holds(tally == *count, &format!("{count} are {status} {role}; tally: {tally}"));
        }
        let total = organization.tally.total();
        self.holds(total == live.len() as u64, "the tally counts somebody who is not there");
        let removed =
            PeopleFilter { status: Some(StatusGroup::Removed), ..PeopleFilter::default() };
        let gone =
            self.find(Find::People { scope, filter: removed, after: None, limit: 500 }).await;
        self.holds(
            gone.len() as u64 == organization.former_members.min(500),
            "I12: a tombstone is missing",
        );
    }

    /// I8 and, step by step through the audit, I2: no entry adds a use above the limit.
    pub(super) async fn history_is_sound(&self) {
        let stream = Stream::Organization(self.organization);
        if let Err(broken) = self.company.directory.verify_audit(stream).await {
            self.fails(&format!("I8: {broken}"));
        }
        let (mut after, mut limit, mut used) = (Revision::NONE, None, 0);
        loop {
            let page = self.find(Find::Entries { stream, after, limit: 500 }).await;
            for record in &page {
                let Record::Entry(logged) = record else { continue };
                for event in logged.detail.iter().flat_map(|detail| detail.events().unwrap()) {
                    if let Event::SeatLimitSet { limit: set } = event {
                        limit = set;
                    }
                }
                let now = logged.entry.seats_used.unwrap();
                let fits = now <= used || limit.is_none_or(|limit| now <= u64::from(limit));
                self.holds(fits, &format!("I2: {now} seats in use at {:?}", logged.entry.position));
                used = now;
                after = logged.entry.position;
            }
            if page.len() < 500 {
                return;
            }
        }
    }
}
