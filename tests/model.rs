//! Random stories on real stores come out as the reference model says: every answer, and everything
//! that can be seen after every step.
//!
//! Planted, one at a time, each found with a story of a few steps: a superseded link that works
//! (attack 43), one seat too many (`used <= limit`), a block that ends with the membership, a
//! leaver's invitations that stay open (attack 25), a tally that forgets customers.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking, and its own numbers are small"
)]

use std::collections::{BTreeMap, BTreeSet};

use futures_executor::block_on;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tenure::adapters::memory::MemoryStore;
use tenure::adapters::sqlite::{Durability, SqliteOptions};
use tenure::commands::{
    AcceptInvitation, AcceptOwnership, Block, ChangeRole, ChangeTeamMembers, CreateTeam,
    Deactivate, DeclineInvitation, DeclineOwnership, DeleteTeam, EndSessions, FoundOrganization,
    GiveGrant, Invite, Leave, OfferOwnership, Reactivate, RegisterUser, RemoveMember, RenewGrant,
    ResendInvitation, RevokeGrant, RevokeInvitation, SetSeatLimit, Unblock, WorkOnReturn,
};
use tenure::domain::{
    DeactivatedBecause, Generation, GrantId, InvitationId, Key, Lasting, MembershipId,
    MembershipStatus, Need, OrganizationId, RemovedBecause, Span, State, StatusName, Stream,
    TeamId, Timestamp, UserId,
};
use tenure::ports::{LetterKind, Store};
use tenure::testing::model::{
    Action, Choices, Crew, LENT, Letter, Loan, Model, NAMES, Outcome, Step, TEAMS, Who, Why,
};
use tenure::testing::{FakeClock, FakeEntropy, Postbox, SharedStore, Strict, cast, strategies};
use tenure::{Error, KeyRing, Principal, Profile, Realm, Token, UserDirectory};

/// The model and the directory side by side.
struct Stage {
    model: Model,
    directory: UserDirectory,
    store: SharedStore,
    clock: FakeClock,
    beginning: Timestamp,
    postbox: Postbox,
    organization: OrganizationId,
    users: Vec<UserId>,
    members: Vec<MembershipId>,
    invitations: Vec<InvitationId>,
    teams: [Option<TeamId>; TEAMS.len()],
    links: BTreeMap<(usize, u32), Token>,
    letters: Vec<Letter>,
    loans: Vec<GrantId>,
}

type Answer = Result<(), Error>;

impl Stage {
    async fn set(store: SharedStore, choices: Choices, early: BTreeSet<Who>) -> Self {
        let (clock, postbox) = (FakeClock::default(), Postbox::new());
        let directory = UserDirectory::builder_with(
            store.clone(),
            postbox.clone(),
            KeyRing::new(cast::KEY),
            clock.clone(),
            FakeEntropy::new(1),
        )
        .permissions::<cast::Desk>()
        .build();
        let users: Vec<UserId> = NAMES.iter().map(|_| directory.new_id()).collect();
        for who in [Who(0)].into_iter().chain(early.iter().copied()) {
            let email = who.address().parse().unwrap();
            let register = RegisterUser::verified(users[who.0], Realm::Shared, email);
            directory.execute(Principal::System, register).await.unwrap();
        }
        let found = FoundOrganization {
            organization: directory.new_id(),
            name: "Acme Help".parse().unwrap(),
            realm: Realm::Shared,
            founder: users[0],
            profile: Profile::named(NAMES[0]).unwrap(),
            role: "owner".parse().unwrap(),
            roles: cast::roles(),
            rules: choices.rules(),
            seat_limit: choices.limit,
        };
        let founded = directory.execute(Principal::System, found).await.unwrap().output;
        let beginning = tenure::Clock::now(&clock);
        Self {
            model: Model::found(choices, early),
            directory,
            store,
            clock,
            beginning,
            postbox,
            organization: founded.organization,
            users,
            members: vec![founded.membership],
            invitations: Vec::new(),
            teams: [None; TEAMS.len()],
            links: BTreeMap::new(),
            letters: Vec::new(),
            loans: Vec::new(),
        }
    }

    /// Both take a step; then both are looked at.
    async fn take(&mut self, step: Step) {
        let link = matches!(
            step.action,
            Action::AcceptsByNewestLink | Action::AcceptsByFirstLink | Action::DeclinesByNewestLink
        );
        let link =
            link.then(|| self.model.link(step.who, step.action == Action::AcceptsByFirstLink));
        let member = self.target(step.action);
        let loan = match step.action {
            Action::LendsLonger(it) | Action::TakesBackWhatIsLentTo(it) => {
                self.model.newest_loan(it).map(|loan| self.loans[loan.number])
            }
            _ => None,
        };
        let loan = loan.unwrap_or_else(|| self.directory.new_id());
        let expected = self.model.take(step);
        self.clock
            .set(Timestamp::from_micros(self.beginning.micros() + self.model.now * 1_000_000));
        if expected == Outcome::NoLink {
            return;
        }
        let answer = match link.flatten() {
            Some((invitation, generation, _)) => self.follow(step, invitation, generation).await,
            None => self.ask(step, member, loan).await,
        };
        let outcome = match answer {
            Ok(()) => Outcome::Done,
            Err(Error::Refused(refusal)) => Outcome::Refused(Why::from(&refusal)),
            Err(other) => panic!("{step:?}: {other}"),
        };
        assert_eq!(outcome, expected, "what comes of: {step:?}");
        self.compare(step).await;
    }

    /// The newest membership of whom a step is about, before it is taken.
    fn target(&self, action: Action) -> MembershipId {
        use Action as A;
        let it = match action {
            A::Invites(it, _)
            | A::SendsAgain(it)
            | A::TakesBack(it)
            | A::AcceptsTheInvitationOf(it)
            | A::DeclinesTheInvitationOf(it)
            | A::Makes(it, _)
            | A::Deactivates(it)
            | A::Blocks(it)
            | A::Unblocks(it)
            | A::Reactivates(it)
            | A::Removes(it)
            | A::SignsOut(it)
            | A::Lends(it, _)
            | A::LendsLonger(it)
            | A::TakesBackWhatIsLentTo(it)
            | A::PutsInto(it, _)
            | A::TakesOutOf(it, _)
            | A::OffersOwnership(it)
            | A::HandsOwnershipTo(it) => Some(it),
            _ => None,
        };
        let found = it.and_then(|it| self.model.newest(it)).map(|n| self.members[n]);
        found.unwrap_or_else(|| self.directory.new_id())
    }

    async fn follow(&mut self, step: Step, invitation: usize, generation: u32) -> Answer {
        let link = self.directory.verify(&self.links[&(invitation, generation)]).await?;
        let (organization, invitation) = (self.organization, self.invitations[invitation]);
        if step.action == Action::DeclinesByNewestLink {
            let decline = DeclineInvitation { organization, invitation };
            return self.directory.execute(link, decline).await.map(drop);
        }
        let accept = AcceptInvitation::new(organization, invitation);
        let accepted = self.directory.execute(link, accept).await?.output;
        self.users[step.who.0] = accepted.user;
        Ok(())
    }

    fn invitation(&self, it: Who) -> InvitationId {
        // The model has taken the step already; a step that answers makes no invitation.
        let found = self.model.newest_invitation(it).map(|n| self.invitations[n]);
        found.unwrap_or_else(|| self.directory.new_id())
    }

    fn team(&self, crew: Crew) -> TeamId {
        self.teams[crew.0].unwrap_or_else(|| self.directory.new_id())
    }

    async fn ask(
        &mut self,
        Step { who, action, .. }: Step,
        membership: MembershipId,
        grant: GrantId,
    ) -> Answer {
        use Action as A;
        let (organization, scope) = (self.organization, self.organization.into());
        let asks = Principal::Person(self.users[who.0]);
        let directory = self.directory.clone();
        let handover = None;
        let command: tenure::Command = match action {
            A::Invites(it, job) => {
                let role = job.name().parse().unwrap();
                let invite = Invite::new(organization, it.address().parse().unwrap(), role);
                let invited = directory.execute(asks, invite).await?.output;
                self.members.push(invited.membership);
                self.invitations.push(invited.invitation);
                return Ok(());
            }
            A::FoundsTeam(crew) => {
                let name = TEAMS[crew.0].parse().unwrap();
                let team =
                    CreateTeam { organization, name, description: None, members: Vec::new() };
                self.teams[crew.0] = Some(directory.execute(asks, team).await?.output);
                return Ok(());
            }
            A::Lends(_, job) => {
                let (lasting, reason) = (lasting(LENT[0]), "a story".parse().unwrap());
                let role = job.name().parse().unwrap();
                let lends = GiveGrant::role(scope, membership, role, lasting, reason);
                self.loans.push(directory.execute(asks, lends).await?.output);
                return Ok(());
            }
            A::LendsLonger(_) => {
                RenewGrant { scope, membership, grant, lasting: lasting(LENT[1]) }.into()
            }
            A::TakesBackWhatIsLentTo(_) => RevokeGrant { scope, membership, grant }.into(),
            A::SeesThePostmanCome => return self.postman().await,
            A::SendsAgain(it) => {
                ResendInvitation { scope: organization.into(), invitation: self.invitation(it) }
                    .into()
            }
            A::TakesBack(it) => {
                RevokeInvitation { scope: organization.into(), invitation: self.invitation(it) }
                    .into()
            }
            A::AcceptsTheInvitationOf(it) => {
                AcceptInvitation::new(organization, self.invitation(it)).into()
            }
            A::DeclinesTheInvitationOf(it) => {
                DeclineInvitation { organization, invitation: self.invitation(it) }.into()
            }
            A::Makes(_, job) => {
                let role = job.name().parse().unwrap();
                ChangeRole { scope, membership, role, handover }.into()
            }
            A::Deactivates(_) => {
                let because = DeactivatedBecause::Other;
                Deactivate { scope, membership, because, handover }.into()
            }
            A::Blocks(_) => Block { organization, membership, handover }.into(),
            A::Unblocks(it) => {
                Unblock { organization, email: it.address().parse().unwrap() }.into()
            }
            A::Reactivates(_) => {
                Reactivate { scope, membership, work: WorkOnReturn::StaysWhereItIs }.into()
            }
            A::Removes(_) => RemoveMember { scope, membership, handover }.into(),
            A::SignsOut(_) => EndSessions { scope, membership }.into(),
            A::Leaves => {
                let own = self.model.newest(who).map(|n| self.members[n]);
                let membership = own.unwrap_or_else(|| directory.new_id());
                let because = RemovedBecause::Left;
                Leave { scope, membership, because, handover }.into()
            }
            A::DeletesTeam(crew) => DeleteTeam { organization, team: self.team(crew) }.into(),
            A::PutsInto(_, crew) => {
                let (join, leave) = (vec![membership], Vec::new());
                let team = self.team(crew);
                ChangeTeamMembers { organization, team, join, leave, handover }.into()
            }
            A::TakesOutOf(_, crew) => {
                let (join, leave) = (Vec::new(), vec![membership]);
                let team = self.team(crew);
                ChangeTeamMembers { organization, team, join, leave, handover }.into()
            }
            A::OffersOwnership(_) | A::HandsOwnershipTo(_) => {
                let exchange = matches!(action, A::HandsOwnershipTo(_));
                let then_become = exchange.then(|| "admin".parse().unwrap());
                let role = "owner".parse().unwrap();
                OfferOwnership { organization, membership, role, then_become }.into()
            }
            A::AcceptsOwnership => AcceptOwnership { organization }.into(),
            A::DeclinesOwnership => DeclineOwnership { organization }.into(),
            A::LimitsSeatsTo(limit) => SetSeatLimit { organization, limit: Some(limit) }.into(),
            A::LiftsTheSeatLimit => SetSeatLimit { organization, limit: None }.into(),
            A::AcceptsByNewestLink | A::AcceptsByFirstLink | A::DeclinesByNewestLink => {
                panic!("links are followed elsewhere")
            }
        };
        directory.execute_command(asks, command).await.map(drop)
    }

    /// I9: exactly the letters that the model says, in their order, each once.
    async fn postman(&mut self) -> Answer {
        self.directory.maintain().await?;
        for letter in self.postbox.take() {
            let to = (0..NAMES.len()).map(Who).find(|it| it.address() == letter.to.as_str());
            let to = to.unwrap();
            self.letters.push(match letter.kind {
                LetterKind::Invitation { token, .. } => {
                    let link = self.directory.verify(&token).await?;
                    let invitation = InvitationId::new(link.subject);
                    let invitation =
                        self.invitations.iter().position(|it| *it == invitation).unwrap();
                    let generation = Generation::get(link.generation);
                    let until = (link.expires_at.micros() - self.beginning.micros()) / 1_000_000;
                    self.links.insert((invitation, generation), token);
                    Letter::Link { to, invitation, generation, until }
                }
                LetterKind::OwnershipOffer { .. } => Letter::Offer { to },
                _ => panic!("nobody asked for that"),
            });
        }
        assert_eq!(self.letters, self.model.letters, "the letters brought");
        Ok(())
    }

    async fn compare(&self, step: Step) {
        let needs: Vec<Need> = [Need::Record(Key::Organization(self.organization))]
            .into_iter()
            .chain(self.members.iter().map(|id| Need::Record(Key::Membership(*id))))
            .chain(self.invitations.iter().map(|id| Need::Record(Key::Invitation(*id))))
            .collect();
        let state = State::new(self.store.load(&needs).await.unwrap());
        let organization = state.organization(self.organization).unwrap();
        let model = &self.model;
        assert_eq!(organization.head.position.get(), model.commits, "commits after: {step:?}");
        assert_eq!(organization.former_members, model.former, "tombstones after: {step:?}");
        assert_eq!(organization.seat_limit, model.limit, "the seat limit after: {step:?}");
        let seats = state.seats_used(self.organization);
        assert_eq!(seats, u64::from(model.seats_used()), "seats after: {step:?}");

        let mut recount: BTreeMap<(String, StatusName), u64> = BTreeMap::new();
        for (n, (id, expected)) in self.members.iter().zip(&model.members).enumerate() {
            let it = state.membership(self.organization, *id).unwrap();
            let named = |team: &TeamId| {
                let live = state.team(self.organization, *team).is_some();
                let n = self.teams.iter().position(|it| *it == Some(*team));
                n.filter(|_| live).map(Crew)
            };
            let blocked = matches!(
                it.status,
                MembershipStatus::Deactivated { because: DeactivatedBecause::Blocked, .. }
            );
            let epoch = serde_json::to_value(it.epoch).unwrap().as_u64();
            let seen = (it.status.name(), it.role.as_str(), it.user.is_some(), blocked, epoch);
            let due = (
                expected.status,
                expected.job.name(),
                expected.bound,
                expected.blocked,
                Some(u64::from(expected.epoch)),
            );
            let who = (n, expected.who);
            assert_eq!(seen, due, "{who:?} after: {step:?}");
            let end = |loan: &Loan| self.beginning.micros() + loan.until * 1_000_000;
            let due =
                expected.loans.iter().map(|it| (self.loans[it.number], it.job.name(), end(it)));
            let seen = it.grants.values().map(|it| {
                (it.id, it.role().map_or("", tenure::domain::RoleName::as_str), it.until.micros())
            });
            let (seen, due): (BTreeSet<_>, BTreeSet<_>) = (seen.collect(), due.collect());
            assert_eq!(seen, due, "what is lent to {who:?} after: {step:?}");
            assert_eq!(it.offer.is_some(), expected.offer.is_some(), "the offer of {who:?}");
            if it.is_live() {
                let teams: BTreeSet<Crew> = it.teams.iter().filter_map(named).collect();
                assert_eq!(teams, expected.teams, "the teams of {who:?} after: {step:?}");
                *recount.entry((it.role.to_string(), it.status.name())).or_default() += 1;
            }
        }
        assert_eq!(self.members.len(), model.members.len(), "memberships after: {step:?}");
        for role in state.roles(self.organization) {
            for status in StatusName::ALL {
                let counted = recount.remove(&(role.name.to_string(), status)).unwrap_or(0);
                let tally = organization.tally.count(&role.name, status);
                assert_eq!(tally, counted, "the tally of {} {status} after: {step:?}", role.name);
            }
        }
        for (n, (id, expected)) in self.invitations.iter().zip(&model.invitations).enumerate() {
            let it = state.invitation(self.organization, *id).unwrap();
            let seen = (it.status, it.generation.get());
            assert_eq!(seen, (expected.status, expected.generation), "invitation {n}: {step:?}");
        }
    }
}

fn lasting(hours: u16) -> Lasting {
    Lasting::For(Span::hours(hours))
}

async fn play(store: SharedStore, choices: Choices, early: BTreeSet<Who>, story: Vec<Step>) {
    let mut stage = Stage::set(store, choices, early).await;
    for step in strategies::beginning().into_iter().chain(story) {
        stage.take(step).await;
    }
    // Everything that is still due comes in the end.
    let hours = i16::try_from(Span::days(8).as_seconds() / 3_600).unwrap();
    stage.take(Step { who: Who(0), action: Action::SeesThePostmanCome, hours }).await;
    let head = stage.directory.verify_audit(Stream::Organization(stage.organization)).await;
    assert_eq!(head.unwrap().position.get(), stage.model.commits, "one entry for each commit");
}

fn agrees(cases: u32, seed: u8, store: impl Fn() -> SharedStore) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let strategy = (strategies::choices(), strategies::users(), strategies::stories(23..27));
    let outcome = runner.run(&strategy, |(choices, early, story)| {
        block_on(play(store(), choices, early, story));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn stories_in_memory_come_out_as_the_model_says() {
    agrees(1_700, 1, || SharedStore::new(Strict::new(MemoryStore::new())));
}

#[test]
fn stories_on_sqlite_come_out_as_the_model_says() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.db");
    drop(SqliteOptions::new(&empty).open().unwrap());
    let number = std::sync::atomic::AtomicU32::new(0);
    agrees(300, 2, || {
        let n = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = folder.path().join(format!("{n}.db"));
        std::fs::copy(&empty, &path).unwrap();
        let options = SqliteOptions::new(&path).durability(Durability::Process).readers(1);
        SharedStore::new(options.open().unwrap())
    });
}

/// The stories are worth telling: each action succeeds in some, and each refusal is met.
#[test]
fn stories_meet_every_kind_of_answer() {
    use proptest::strategy::{Strategy as _, ValueTree as _};
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[3; 32]));
    let strategy = (strategies::choices(), strategies::users(), strategies::stories(23..27));
    let (mut done, mut met) = (BTreeMap::<String, u32>::new(), BTreeMap::<Why, u32>::new());
    for _ in 0..3_000 {
        let (choices, early, story) = strategy.new_tree(&mut runner).unwrap().current();
        let mut model = Model::found(choices, early);
        for step in strategies::beginning().into_iter().chain(story) {
            match model.take(step) {
                Outcome::Done => {
                    let action = format!("{:?}", step.action);
                    let name = action.split('(').next().unwrap_or_default().to_owned();
                    *done.entry(name).or_default() += 1;
                }
                Outcome::Refused(why) => *met.entry(why).or_default() += 1,
                Outcome::NoLink => {}
            }
        }
    }
    println!("{done:#?}\n{met:#?}");
    assert_eq!(done.len(), 30, "every action is done in some story: {done:?}");
    assert_eq!(met.len(), 21, "every refusal is met in some story: {met:?}");
    assert!(!met.contains_key(&Why::Unexpected));
    assert!(done.values().chain(met.values()).all(|times| *times >= 3), "{done:?} {met:?}");
}
