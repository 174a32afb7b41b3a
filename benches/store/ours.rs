//! The commands that are measured, and what they write.

use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_executor::block_on;
use tenure::adapters::sqlite::{Durability, SqliteOptions, SqliteStore};
use tenure::commands::{ChangeRole, Deactivate, Invite};
use tenure::domain::{ChangeSet, DeactivatedBecause, MembershipId, Need, OrganizationId, Record};
use tenure::ports::{CommitError, Find, StoreError};
use tenure::testing::cast::{Desk, token_of};
use tenure::testing::{FakeClock, FakeEntropy, Postbox};
use tenure::{Batching, Command, KeyRing, Principal, Profile, Request, Store, UserDirectory};

use crate::Files;
use crate::hand::Kind;

pub(crate) const BULK_SEED: u64 = 99;

/// Commands of one kind with what they write when they are executed in turn with this seed.
pub(crate) struct Script {
    pub(crate) kind: Kind,
    pub(crate) seed: u64,
    pub(crate) commands: Vec<(Request, Command)>,
    pub(crate) changes: Vec<ChangeSet>,
}

/// A directory on a file with full durability, that draws the same as any other with this seed.
pub(crate) fn open(path: &Path, seed: u64) -> UserDirectory {
    directory(SqliteStore::open(path).unwrap(), Postbox::new(), seed)
}

/// A file where it does not matter how long a commit takes.
pub(crate) fn hasty(path: &Path) -> Arc<dyn Store> {
    let options = SqliteOptions::new(path).durability(Durability::Process);
    Arc::new(options.open().unwrap())
}

pub(crate) fn directory(store: impl Store + 'static, postbox: Postbox, seed: u64) -> UserDirectory {
    let (clock, entropy) = (FakeClock::default(), FakeEntropy::new(seed));
    let builder =
        UserDirectory::builder_with(store, postbox, KeyRing::new([3; 32]), clock, entropy);
    builder.permissions::<Desk>().build()
}

/// Invites, accepts, changes of role and deactivations of the same people, in this order, as this
/// store takes them.
pub(crate) fn scripts(
    store: &Arc<dyn Store>,
    organization: OrganizationId,
    owner: &Principal,
    count: usize,
) -> Vec<Script> {
    let scope = organization.into();
    let invites = invites(organization, count).into_iter().map(|it| (owner.into(), it)).collect();
    let mut scripts = vec![record(store, Kind::Invite, invites)];
    scripts.push(record(store, Kind::Accept, accepts(store, count)));
    let people: Vec<MembershipId> = scripts[1].changes.iter().map(member).collect();
    let each = |command: &dyn Fn(MembershipId) -> Command| {
        people.iter().map(|id| (owner.into(), command(*id))).collect::<Vec<_>>()
    };
    let promote = each(&|membership| {
        ChangeRole { scope, membership, role: "admin".parse().unwrap(), handover: None }.into()
    });
    scripts.push(record(store, Kind::ChangeRole, promote));
    let deactivate = each(&|membership| {
        let (because, handover) = (DeactivatedBecause::Leave, None);
        Deactivate { scope, membership, because, handover }.into()
    });
    scripts.push(record(store, Kind::Deactivate, deactivate));
    scripts
}

fn invites(organization: OrganizationId, count: usize) -> Vec<Command> {
    let invite = |n| {
        let email = format!("new{n}@elsewhere.example").parse().unwrap();
        let profile = Profile::named(&format!("Newcomer {n}")).unwrap();
        let role = "agent".parse().unwrap();
        Invite::new(organization, email, role).with_profile(profile).into()
    };
    (0..count).map(invite).collect()
}

/// Everybody follows the link in their mail.
fn accepts(store: &Arc<dyn Store>, count: usize) -> Vec<(Request, Command)> {
    let postbox = Postbox::new();
    let directory = directory(Arc::clone(store), postbox.clone(), 7);
    while block_on(directory.maintain()).unwrap().more {}
    let letters = postbox.take();
    let accepts: Vec<_> = letters
        .iter()
        .filter(|letter| letter.to.canonical().as_str().starts_with("new"))
        .map(|letter| {
            let view = block_on(directory.inspect(&token_of(letter).unwrap())).unwrap();
            (Principal::from(view.link.clone()).request(), view.accept().into())
        })
        .collect();
    assert_eq!(accepts.len(), count);
    accepts
}

fn member(changes: &ChangeSet) -> MembershipId {
    let mut found = changes
        .put
        .iter()
        .filter_map(|record| if let Record::Membership(it) = record { Some(it.id) } else { None });
    found.next().unwrap()
}

fn record(store: &Arc<dyn Store>, kind: Kind, commands: Vec<(Request, Command)>) -> Script {
    let seed = kind as u64;
    let recorder = Recorder::on(Arc::clone(store));
    let directory = directory(recorder.clone(), Postbox::new(), seed);
    for (request, command) in commands.clone() {
        block_on(directory.execute_command(request, command)).unwrap();
    }
    Script { kind, seed, commands, changes: recorder.take() }
}

/// Many invitations, and what they write in how many commits.
pub(crate) fn bulk(files: &Files, count: usize) -> (Vec<Command>, Vec<ChangeSet>) {
    let recorder = Recorder::on(hasty(&files.copy(&files.base.path, "recorded")));
    let directory = directory(recorder.clone(), Postbox::new(), BULK_SEED);
    let commands = invites(files.base.organization, count);
    execute_all(&directory, &files.base.owner, commands.clone());
    (commands, recorder.take())
}

pub(crate) fn execute_all(directory: &UserDirectory, who: &Principal, commands: Vec<Command>) {
    let done = block_on(directory.execute_all(who, commands, Batching::each())).unwrap();
    assert!(done.iter().all(Result::is_ok));
}

/// A store that keeps what it is told to commit.
#[derive(Clone)]
struct Recorder {
    store: Arc<dyn Store>,
    changes: Arc<Mutex<Vec<ChangeSet>>>,
}

impl Recorder {
    fn on(store: Arc<dyn Store>) -> Self {
        Self { store, changes: Arc::default() }
    }

    fn take(&self) -> Vec<ChangeSet> {
        std::mem::take(&mut *self.changes.lock().unwrap())
    }
}

#[async_trait]
impl Store for Recorder {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        self.store.load(needs).await
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        self.changes.lock().unwrap().push(changes.clone());
        self.store.commit(changes).await
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        self.store.find(question).await
    }
}
