//! What a reviewer of the one door tried: ports that panic, lose answers, are slow or are busy.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_executor::block_on;
use tenure::adapters::memory::MemoryStore;
use tenure::commands::{
    Adopt, AdoptAs, Arrive, ChangeRules, Deactivate, EditProfile, Invite, LinkIdentity, Reactivate,
    WorkOnReturn,
};
use tenure::domain::{
    ChangeSet, Claim, DeactivatedBecause, Disposition, Event, ExternalIdentity, HandoverStatus,
    Key, Mail, Need, Provisioning, Record, RemovedBecause, Span, State, Stream, Timestamp,
};
use tenure::ports::{CommitError, Find, Letter, MailerError, StoreError};
use tenure::testing::cast::{Company, Desk, KEY, register};
use tenure::testing::{FakeClock, FakeEntropy};
use tenure::{
    Batching, Clock as _, Command, Error, KeyRing, Mailer, Principal, Profile, Realm, Refusal,
    Rules, Store, UserDirectory,
};

// ── A store that does what a test tells it ──────────────────────────────────────────────────────

type OnLoad = Box<dyn FnMut(&[Need]) -> Option<StoreError> + Send>;
type OnCommit = Box<dyn FnMut(&ChangeSet) -> Option<CommitError> + Send>;
type OnFind = Box<dyn FnMut(&Find, Vec<Record>) -> Vec<Record> + Send>;

#[derive(Default)]
struct Told {
    load: Option<OnLoad>,
    commit: Option<OnCommit>,
    find: Option<OnFind>,
    yields: u32,
}

/// A store in memory; clones share what they hold and what they are told.
#[derive(Clone, Default)]
struct ToldStore(MemoryStore, Arc<Mutex<Told>>);

impl ToldStore {
    fn told<T>(&self, tell: impl FnOnce(&mut Told) -> T) -> T {
        tell(&mut self.1.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn mails(&self) -> Vec<Mail> {
        let now = Timestamp::from_micros(i64::MAX);
        let found = apart(self.0.find(&Find::DueMail { now, limit: 500 })).unwrap();
        found
            .into_iter()
            .filter_map(|it| if let Record::Mail(m) = it { Some(*m) } else { None })
            .collect()
    }
}

/// Waits on a thread of its own: also from within something that is waited for.
fn apart<T: Send>(future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| scope.spawn(|| block_on(future)).join().unwrap())
}

#[async_trait]
impl Store for ToldStore {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        for _ in 0..self.told(|it| it.yields) {
            tokio::task::yield_now().await;
        }
        match self.told(|it| it.load.as_mut().and_then(|load| load(needs))) {
            Some(error) => Err(error),
            None => self.0.load(needs).await,
        }
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        match self.told(|it| it.commit.as_mut().and_then(|commit| commit(&changes))) {
            Some(error) => Err(error),
            None => self.0.commit(changes).await,
        }
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        let found = self.0.find(question).await?;
        Ok(self.told(|it| match it.find.as_mut() {
            Some(find) => find(question, found),
            None => found,
        }))
    }
}

fn company() -> (ToldStore, Company) {
    let store = ToldStore::default();
    let company = block_on(Company::found(store.clone()));
    company.postbox.take();
    (store, company)
}

fn rename(company: &Company, name: &str, to: &str) -> EditProfile {
    let scope = company.organization.into();
    let fields = Profile::named(to).unwrap().0;
    EditProfile { scope, membership: company.member(name).membership, fields }
}

// ── The lane ────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_port_that_panics_takes_nobody_else_along() {
    let (store, company) = company();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    store.told(|it| {
        it.yields = 16;
        it.commit = Some(Box::new(|_| panic!("the driver has a bug")));
    });
    let directory = company.directory.clone();
    let (one, two) = (rename(&company, "bob", "Robert"), rename(&company, "berta", "B."));
    let olivia = company.principal("olivia");
    let (first, second) = runtime.block_on(async move {
        let ask = |it| {
            tokio::spawn({
                let (directory, olivia) = (directory.clone(), olivia.clone());
                async move { directory.execute(olivia, it).await }
            })
        };
        let wait = std::time::Duration::from_secs(5);
        let (first, second) = (ask(one), ask(two));
        (tokio::time::timeout(wait, first).await, tokio::time::timeout(wait, second).await)
    });
    assert!(matches!(first.unwrap().unwrap(), Err(Error::OutcomeUnknown)));
    assert!(matches!(second.unwrap().unwrap(), Err(Error::OutcomeUnknown)));
    store.told(|it| it.commit = None);
    let directory = &company.directory;
    runtime.block_on(async {
        directory
            .execute(company.principal("olivia"), rename(&company, "bob", "Rob"))
            .await
            .unwrap();
        directory.maintain().await.unwrap();
    });
}

#[test]
fn a_batch_whose_port_panics_answers_each_of_its_commands() {
    let (store, company) = company();
    store.told(|it| it.commit = Some(Box::new(|_| panic!("the driver has a bug"))));
    let commands: Vec<Command> =
        ["bob", "berta"].map(|name| rename(&company, name, "Somebody").into()).into();
    let all =
        company.directory.execute_all(company.principal("olivia"), commands, Batching::each());
    assert_eq!(block_on(all).unwrap().len(), 2);
}

#[test]
fn what_was_committed_is_not_said_to_have_failed_because_another_answer_cannot_be_read() {
    let (store, company) = company();
    store.told(|it| {
        it.yields = 16;
        it.load = Some(Box::new(|needs| {
            let entry = needs.iter().any(|need| matches!(need, Need::Record(Key::Entry(..))));
            entry.then(|| StoreError("gone for a moment".to_owned()))
        }));
    });
    let directory = &company.directory;
    let olivia = company.principal("olivia");
    let keyed = || olivia.clone().request().with_key("once".parse().unwrap());
    let (first, same, again) = block_on(async {
        // While the first is under way the other two wait, and are committed together.
        tokio::join!(
            directory.execute(olivia.clone(), rename(&company, "carl", "Karl")),
            directory.execute(keyed(), rename(&company, "bob", "Robert")),
            directory.execute(keyed(), rename(&company, "bob", "Robert")),
        )
    });
    first.unwrap();
    same.unwrap();
    assert!(matches!(again, Err(Error::OutcomeUnknown)), "{again:?}");
}

#[test]
fn maintenance_ends_while_an_organization_is_busy() {
    let (store, company) = company();
    store.told(|it| it.yields = 16);
    block_on(async {
        let busy = |who: &'static str| {
            let company = &company;
            async move {
                for n in 0..500 {
                    let command = rename(company, who, &format!("Number {n}"));
                    company.directory.execute(company.principal("olivia"), command).await.unwrap();
                }
            }
        };
        tokio::select! {
            biased;
            () = async { tokio::join!(busy("bob"), busy("berta"), busy("carl")); } => {
                panic!("maintenance waited until nobody asked for anything any more");
            }
            done = company.directory.maintain() => {
                done.unwrap();
            }
        }
    });
}

#[test]
fn a_claim_that_somebody_else_holds_is_lost_by_one_command_of_many() {
    let (_, company) = company();
    let directory = &company.directory;
    let organization = company.organization;
    let identity = ExternalIdentity {
        issuer: "https://id.example".parse().unwrap(),
        subject: "nina".parse().unwrap(),
    };
    let rules = Rules {
        provisioning: Provisioning::JustInTime { role: "agent".parse().unwrap() },
        ..Rules::default()
    };
    let answers = block_on(async {
        let olivia = company.principal("olivia");
        directory.execute(olivia, ChangeRules { organization, rules }).await.unwrap();
        let user = register(directory, "nina@acme.example").await;
        let link = LinkIdentity { user, realm: Realm::Shared, identity: identity.clone() };
        directory.execute(Principal::System, link).await.unwrap();
        let profile = Profile::default();
        let arrive = Arrive { organization, user, identity, profile, email: None };
        directory.execute(Principal::System, arrive).await.unwrap();
        let adopt = |name: &str| Adopt {
            organization,
            external_id: name.parse().unwrap(),
            email: Company::email(name),
            role: "agent".parse().unwrap(),
            profile: Profile::default(),
            password: None,
            status: AdoptAs::Active,
        };
        let commands = ["mona", "nina", "oskar"].map(|name| adopt(name).into()).into();
        directory.execute_all(Principal::System, commands, Batching::each()).await.unwrap()
    });
    let done: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(done, [true, false, true], "{answers:?}");
    assert!(matches!(answers.get(1), Some(Err(Error::Refused(Refusal::AlreadyMember(_))))));
}

// ── Mail ────────────────────────────────────────────────────────────────────────────────────────

type OnSend = Box<dyn FnMut(usize) + Send>;

/// A mailer that takes its time.
#[derive(Clone)]
struct SlowMailer {
    clock: FakeClock,
    takes: Span,
    sent: Arc<Mutex<Vec<Letter>>>,
    then: Arc<Mutex<Option<OnSend>>>,
}

#[async_trait]
impl Mailer for SlowMailer {
    async fn send(&self, letter: &Letter) -> Result<(), MailerError> {
        self.clock.advance(self.takes);
        self.sent.lock().unwrap().push(letter.clone());
        let count = self.sent.lock().unwrap().len();
        // Taken out, so that what it does may send.
        let then = self.then.lock().unwrap().take();
        if let Some(mut then) = then {
            then(count);
            self.then.lock().unwrap().get_or_insert(then);
        }
        Ok(())
    }
}

fn slow(store: &ToldStore, company: &Company, takes: Span) -> (SlowMailer, UserDirectory) {
    let (sent, then) = (Arc::default(), Arc::default());
    let mailer = SlowMailer { clock: company.clock.clone(), takes, sent, then };
    let directory = UserDirectory::builder_with(
        store.clone(),
        mailer.clone(),
        KeyRing::new(KEY),
        company.clock.clone(),
        FakeEntropy::new(9),
    )
    .permissions::<Desk>()
    .build();
    (mailer, directory)
}

#[test]
fn a_slow_mailer_sends_each_letter_once_however_many_processes_try() {
    let (store, company) = company();
    for name in ["nina", "oskar", "paula", "quinn", "rosa"] {
        block_on(company.invite(name, "agent")).unwrap();
    }
    let (mailer, directory) = slow(&store, &company, Span::seconds(50));
    let other = directory.clone();
    *mailer.then.lock().unwrap() = Some(Box::new(move |_| {
        apart(other.maintain()).unwrap();
    }));
    block_on(directory.maintain()).unwrap();
    let mut to: Vec<_> = mailer.sent.lock().unwrap().iter().map(|it| it.to.to_string()).collect();
    to.sort();
    let names = ["nina", "oskar", "paula", "quinn", "rosa"];
    assert_eq!(to, names.map(|name| Company::email(name).to_string()));
    assert!(store.mails().is_empty());
}

#[test]
fn one_letter_that_somebody_else_took_leaves_the_others_acknowledged() {
    let (store, company) = company();
    for name in ["nina", "oskar", "paula"] {
        block_on(company.invite(name, "agent")).unwrap();
    }
    let (mailer, directory) = slow(&store, &company, Span::seconds(1));
    let taken = store.clone();
    *mailer.then.lock().unwrap() = Some(Box::new(move |count| {
        if count == 1 {
            let mut changes = ChangeSet::default();
            changes.delete.extend(taken.mails().last().map(|mail| Key::Mail(mail.id)));
            apart(taken.commit(changes)).unwrap();
        }
    }));
    block_on(directory.maintain()).unwrap();
    assert!(store.mails().is_empty(), "sent, and not acknowledged: {:?}", store.mails());
}

#[test]
fn a_letter_that_fails_is_tried_again_after_longer_and_longer_until_six_hours() {
    let (store, company) = company();
    let lasting = Rules { invitation_lifetime: Span::days(30), ..Rules::default() };
    let organization = company.organization;
    let change = ChangeRules { organization, rules: lasting };
    block_on(company.directory.execute(company.principal("olivia"), change)).ok();
    block_on(company.invite("nina", "agent")).unwrap();
    let mut minutes = Vec::new();
    for _ in 0..11 {
        company.postbox.fail_next(1);
        let now = company.clock.now();
        block_on(company.directory.maintain()).unwrap();
        let due = store.mails().first().unwrap().due_at;
        minutes.push((due.micros() - now.micros()) / 60_000_000);
        company.clock.set(due);
    }
    assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]);
}

// ── Maintenance ─────────────────────────────────────────────────────────────────────────────────

#[test]
fn an_organization_that_others_keep_changing_holds_up_nobody_elses_mail() {
    let (store, company) = company();
    let rival = company.rival;
    let email = "nina@rival.example".parse().unwrap();
    let invite = Invite::new(rival, email, "agent".parse().unwrap());
    block_on(company.directory.execute(company.principal("rita"), invite)).unwrap();
    company.clock.advance(Span::days(60));
    block_on(company.invite("oskar", "agent")).unwrap();
    store.told(|it| {
        it.commit = Some(Box::new(move |changes| {
            let rivals = changes.guards.iter().any(|it| it.key == Key::Organization(rival));
            rivals.then_some(CommitError::Conflict(None))
        }));
    });
    let done = block_on(company.directory.maintain()).unwrap();
    assert!(done.more, "the rival's invitation is still to lapse");
    assert_eq!(company.postbox.take().len(), 1);
}

#[test]
fn whoever_is_back_keeps_the_work_they_are_given_from_then_on() {
    let (_, company) = company();
    let scope = company.organization.into();
    let (bob, berta) = (company.member("bob").membership, company.member("berta").membership);
    company.workload.add(company.organization, "tickets", bob);
    let leave = Deactivate {
        scope,
        membership: bob,
        because: DeactivatedBecause::Leave,
        handover: Some(Disposition::To(berta).into()),
    };
    let olivia = || company.principal("olivia");
    block_on(company.directory.execute(olivia(), leave)).unwrap();
    company.workload.fail_next(1);
    block_on(company.directory.maintain()).unwrap();
    let back = Reactivate { scope, membership: bob, work: WorkOnReturn::StaysWhereItIs };
    block_on(company.directory.execute(olivia(), back)).unwrap();
    let new = company.workload.add(company.organization, "tickets", bob);
    company.clock.advance(Span::hours(1));
    block_on(company.directory.maintain()).unwrap();
    assert!(company.workload.held_by(bob).contains(&new));
    let who = olivia();
    let all = company.directory.handovers(&who, company.organization, None, 50);
    let all = block_on(all).unwrap().rows;
    let status = all.iter().find(|it| it.from == bob).map(|it| it.status);
    assert_eq!(status, Some(HandoverStatus::Returned));
}

// ── The audit ───────────────────────────────────────────────────────────────────────────────────

#[test]
fn an_audit_without_its_last_entries_does_not_verify() {
    let (store, company) = company();
    let stream = Stream::Organization(company.organization);
    block_on(company.directory.verify_audit(stream)).unwrap();
    let last = block_on(
        company.directory.organization(&company.principal("olivia"), company.organization),
    );
    let last = last.unwrap().head.position;
    store.told(|it| {
        it.find = Some(Box::new(move |_, mut found| {
            found.retain(|it| !matches!(it, Record::Entry(it) if it.entry.position == last));
            found
        }));
    });
    let verified = block_on(company.directory.verify_audit(stream));
    assert!(matches!(verified, Err(Error::Audit(_))), "{verified:?}");
}

// ── The working state ───────────────────────────────────────────────────────────────────────────

#[test]
fn what_is_loaded_again_brings_back_no_claim_that_was_given_up() {
    let (store, company) = company();
    let (organization, bob) = (company.organization, company.member("bob"));
    let needs = [
        Need::Record(Key::Organization(organization)),
        Need::Record(Key::Membership(bob.membership)),
    ];
    let records = block_on(store.load(&needs)).unwrap();
    let mut state = State::new(records.clone());
    let claim = Claim::MembershipUser(organization.into(), bob.user.unwrap());
    assert!(state.holder(&claim).is_some());
    let removed = Event::MembershipRemoved {
        membership: bob.membership,
        because: RemovedBecause::Removed,
        former_number: 1,
        at: Timestamp::default(),
    };
    state.apply(Stream::Organization(organization), &removed);
    state.load(records);
    assert_eq!(state.holder(&claim), None);
}
