//! The stage, and what one process does on it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tenure::commands::{Adopt, AdoptAs, CreateTeam, FoundOrganization, RegisterUser};
use tenure::domain::{
    Equals, Event, InvitationId, MembershipId, OrganizationId, Revision, TeamId, UserId,
};
use tenure::ports::{Letter, MailerError};
use tenure::testing::cast::{Desk, roles};
use tenure::{
    Batching, Command, Done, Error, KeyRing, Mailer, Principal, Profile, Realm, Rules, Token,
    UserDirectory,
};

use crate::acts::{Act, Chance};
use crate::place::{Counted, Place, wait};

const CALLERS: u64 = 16;
/// People of each organization, of whom a third may ask for most things.
const PEOPLE: [&str; 12] = [
    "owner", "owner", "owner", "admin", "admin", "agent", "agent", "agent", "agent", "viewer",
    "viewer", "customer",
];
/// People with a user and no organization: several processes invite the same.
const STRANGERS: usize = 24;

#[derive(Serialize, Deserialize)]
pub(crate) struct Stage {
    pub(crate) place: Place,
    pub(crate) commands: u64,
    pub(crate) organizations: Vec<House>,
    pub(crate) strangers: Vec<UserId>,
}

/// An organization as it was when the processes began.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct House {
    pub(crate) id: OrganizationId,
    pub(crate) people: Vec<(UserId, MembershipId)>,
    pub(crate) teams: Vec<TeamId>,
    pub(crate) head: Revision,
}

/// What one process was told.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The entry of each command that was acknowledged.
    pub(crate) done: Vec<(OrganizationId, Revision, String)>,
    pub(crate) refused: BTreeMap<String, u64>,
    pub(crate) failed: Vec<String>,
    /// Of each command, in microseconds.
    pub(crate) waits: Vec<u64>,
    pub(crate) sent: Vec<String>,
    pub(crate) tried: u64,
    pub(crate) committed: u64,
}

impl Report {
    fn path(stage: &Path, number: usize) -> PathBuf {
        stage.with_file_name(format!("report-{number}.json"))
    }

    pub(crate) fn read(stage: &Path, number: usize) -> Self {
        serde_json::from_slice(&std::fs::read(Self::path(stage, number)).unwrap()).unwrap()
    }
}

pub(crate) fn stranger(n: usize) -> String {
    format!("stranger{n}@elsewhere.example")
}

pub(crate) fn directory(store: Counted, mailer: impl Mailer + 'static) -> UserDirectory {
    UserDirectory::builder(store, mailer, KeyRing::new([9; 32])).permissions::<Desk>().build()
}

impl Stage {
    pub(crate) fn set(place: Place, organizations: usize, commands: u64) -> Self {
        wait(async {
            let directory = directory(place.open().await, Letters::default());
            let strangers: Vec<UserId> = (0..STRANGERS).map(|_| directory.new_id()).collect();
            for (n, user) in strangers.iter().enumerate() {
                let email = stranger(n).parse().unwrap();
                let register = RegisterUser::verified(*user, Realm::Shared, email);
                directory.execute(Principal::System, register).await.unwrap();
            }
            let mut houses = Vec::new();
            for n in 0..organizations {
                houses.push(found(&directory, n).await);
            }
            Self { place, commands, organizations: houses, strangers }
        })
    }
}

async fn found(directory: &UserDirectory, n: usize) -> House {
    let (id, founder) = (directory.new_id(), directory.new_id());
    let email = format!("founder@house{n}.example").parse().unwrap();
    let register = RegisterUser::verified(founder, Realm::Shared, email);
    directory.execute(Principal::System, register).await.unwrap();
    let found = FoundOrganization {
        organization: id,
        name: "Acme Help".parse().unwrap(),
        realm: Realm::Shared,
        founder,
        profile: Profile::named("Olivia").unwrap(),
        role: "owner".parse().unwrap(),
        roles: roles(),
        rules: Rules { equals: Equals::ManageEquals, ..Rules::default() },
        seat_limit: Some(24),
    };
    let mut done = vec![directory.execute(Principal::System, found).await.unwrap().events];
    let adopt = PEOPLE.iter().enumerate().map(|(m, role)| {
        Command::from(Adopt {
            organization: id,
            external_id: format!("user-{n}-{m}").parse().unwrap(),
            email: format!("person{m}@house{n}.example").parse().unwrap(),
            role: role.parse().unwrap(),
            profile: Profile::named(&format!("Person {m}")).unwrap(),
            password: None,
            status: AdoptAs::Active,
        })
    });
    let team = |name: &str| CreateTeam {
        organization: id,
        name: name.parse().unwrap(),
        description: None,
        members: Vec::new(),
    };
    let adopted = directory.execute_all(Principal::System, adopt.collect(), Batching::each());
    done.extend(adopted.await.unwrap().into_iter().map(|done| done.unwrap().events));
    let teams = vec![team("Billing").into(), team("Support").into()];
    let teams = directory.execute_all(Principal::Person(founder), teams, Batching::each());
    let teams: Vec<_> = teams.await.unwrap().into_iter().map(Result::unwrap).collect();
    let head = teams.last().unwrap().revision;
    done.extend(teams.into_iter().map(|done| done.events));
    let mut house = House { id, people: Vec::new(), teams: Vec::new(), head };
    for event in done.iter().flatten() {
        match event {
            Event::MembershipBegun { membership, .. } => {
                house.people.push((membership.user.unwrap(), membership.id));
            }
            Event::TeamCreated { team, .. } => house.teams.push(team.id),
            _ => {}
        }
    }
    house
}

/// One process, from its opening of the store to its report.
pub(crate) fn play(number: usize, path: &Path) {
    let stage: Stage = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let report = wait(Part::play(number, stage));
    std::fs::write(Report::path(path, number), serde_json::to_vec(&report).unwrap()).unwrap();
}

/// What the callers of one process share.
pub(crate) struct Part {
    pub(crate) directory: UserDirectory,
    pub(crate) stage: Stage,
    pub(crate) number: usize,
    pub(crate) letters: Letters,
    /// Who came, and the invitations that a stranger may accept.
    pub(crate) came: Mutex<Vec<(OrganizationId, UserId, MembershipId)>>,
    pub(crate) invited: Mutex<Vec<(OrganizationId, InvitationId, UserId)>>,
    asked: AtomicU64,
    report: Mutex<Report>,
}

impl Part {
    async fn play(number: usize, stage: Stage) -> Report {
        let store = stage.place.open().await;
        let letters = Letters::default();
        let part = Arc::new(Self {
            directory: directory(store.clone(), letters.clone()),
            stage,
            number,
            letters,
            came: Mutex::default(),
            invited: Mutex::default(),
            asked: AtomicU64::new(0),
            report: Mutex::default(),
        });
        let callers = (0..CALLERS).map(|caller| {
            let part = Arc::clone(&part);
            tokio::spawn(async move { part.call(caller).await })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.unwrap();
        }
        let mut report = std::mem::take(&mut *part.report.lock().unwrap());
        report.sent = std::mem::take(&mut part.letters.0.lock().unwrap().sent);
        report.tried = store.tried.load(Ordering::Relaxed);
        report.committed = store.committed.load(Ordering::Relaxed);
        report
    }

    async fn call(&self, caller: u64) {
        let mut chance = Chance::new(1 + self.number as u64 * CALLERS + caller);
        loop {
            let number = self.asked.fetch_add(1, Ordering::Relaxed);
            if number >= self.stage.commands {
                return;
            }
            if number % 40 == 17
                && let Err(error) = self.directory.maintain().await
            {
                self.report.lock().unwrap().failed.push(format!("mail: {error}"));
            }
            let Act { organization, who, command } = self.an_act(&mut chance).await;
            let key = format!("{}-{number}", self.number).parse().unwrap();
            let request = who.request().with_key(key);
            let asked = Instant::now();
            let name = command.name().as_str().to_owned();
            let done = self.directory.execute_command(request.clone(), command.clone()).await;
            let waited = u64::try_from(asked.elapsed().as_micros()).unwrap();
            self.note(organization, name, waited, &done);
            if let Ok(done) = done
                && chance.one_in(16)
            {
                let again = self.directory.execute_command(request, command).await;
                let again = again.map(|it| it.revision).map_err(|it| it.to_string());
                assert_eq!(again, Ok(done.revision), "the same is done once");
            }
        }
    }

    fn note(
        &self,
        organization: OrganizationId,
        name: String,
        waited: u64,
        done: &Result<Done<()>, Error>,
    ) {
        let mut report = self.report.lock().unwrap();
        report.waits.push(waited);
        match done {
            Ok(done) => {
                report.done.push((organization, done.revision, name));
                self.learn(organization, &done.events);
            }
            Err(Error::Refused(refusal)) => {
                let why = format!("{refusal:?}");
                let why = why.split([' ', '(']).next().unwrap_or_default();
                *report.refused.entry(format!("{name} {why}")).or_default() += 1;
            }
            Err(error) => report.failed.push(format!("{name}: {error}")),
        }
    }

    fn learn(&self, organization: OrganizationId, events: &[Event]) {
        for event in events {
            match event {
                Event::MembershipBound { membership, user, .. } => {
                    self.came.lock().unwrap().push((organization, *user, *membership));
                }
                Event::InvitationMade { invitation } => {
                    let email = invitation.email.as_ref().unwrap().canonical().as_str();
                    if let Some(n) = (0..STRANGERS).find(|n| email == stranger(*n)) {
                        let user = self.stage.strangers[n];
                        self.invited.lock().unwrap().push((organization, invitation.id, user));
                    }
                }
                _ => {}
            }
        }
    }
}

/// Keeps the links for whoever follows them, and which letters there were.
#[derive(Clone, Default)]
pub(crate) struct Letters(pub(crate) Arc<Mutex<Kept>>);

#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) links: Vec<Token>,
    pub(crate) sent: Vec<String>,
}

#[async_trait]
impl Mailer for Letters {
    async fn send(&self, letter: &Letter) -> Result<(), MailerError> {
        let mut kept = self.0.lock().unwrap();
        kept.sent.push(letter.id.to_string());
        kept.links.extend(letter.token().cloned());
        Ok(())
    }
}
