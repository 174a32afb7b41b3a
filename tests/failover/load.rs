//! Organizations, and tasks that command there until they are told to end.

use std::time::{Duration, Instant};

use tenure::commands::{
    Adopt, AdoptAs, ChangeRole, FoundOrganization, Invite, RegisterUser, RevokeInvitation,
};
use tenure::domain::{Event, InvitationId, MembershipId, OrganizationId, Revision};
use tenure::testing::cast::roles;
use tenure::{Command, Error, Principal, Profile, Realm, Rules, UserDirectory};
use tokio::sync::watch;

use super::{Application, Server};

/// Nobody waits longer for an answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// An organization with somebody in it for each task.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) organization: OrganizationId,
    pub(crate) owner: Principal,
    people: Vec<MembershipId>,
    /// Entries in the audit before anybody commands.
    pub(crate) before: Revision,
}

/// A command, and what became of it.
pub(crate) struct Sent {
    pub(crate) organization: OrganizationId,
    /// Its idempotency key; it stands in the audit as the reason.
    pub(crate) key: String,
    /// Where the answer says that it stands in the audit.
    pub(crate) revision: Revision,
    /// What the answer says that has happened.
    pub(crate) events: Vec<Event>,
    /// It was sent more than once.
    pub(crate) again: bool,
    /// An answer was that nobody knows whether it happened.
    pub(crate) unknown: bool,
    /// Which server the answer comes from.
    pub(crate) server: Server,
    pub(crate) answered: Instant,
}

impl House {
    pub(crate) async fn found(directory: &UserDirectory, number: usize, people: usize) -> Self {
        let (organization, founder) = (directory.new_id(), directory.new_id());
        let email = format!("olivia@house{number}.example").parse().unwrap();
        let olivia = RegisterUser::verified(founder, Realm::Shared, email);
        directory.execute(Principal::System, olivia).await.unwrap();
        let found = FoundOrganization {
            organization,
            name: format!("House {number}").parse().unwrap(),
            realm: Realm::Shared,
            founder,
            profile: Profile::named("Olivia").unwrap(),
            role: "owner".parse().unwrap(),
            roles: roles(),
            rules: Rules::default(),
            seat_limit: None,
        };
        directory.execute(Principal::System, found).await.unwrap();
        let mut house = Self {
            organization,
            owner: Principal::Person(founder),
            people: Vec::new(),
            before: Revision::NONE,
        };
        for person in 0..people {
            house.people.push(house.adopt(directory, number, person).await);
        }
        house.before = house.head(directory).await;
        house
    }

    async fn adopt(&self, directory: &UserDirectory, number: usize, person: usize) -> MembershipId {
        let adopt = Adopt {
            organization: self.organization,
            external_id: format!("user-{person}").parse().unwrap(),
            email: format!("bob{person}@house{number}.example").parse().unwrap(),
            role: "agent".parse().unwrap(),
            profile: Profile::named(&format!("Bob {person}")).unwrap(),
            password: None,
            status: AdoptAs::Active,
        };
        let done = directory.execute(Principal::System, adopt).await.unwrap();
        let begun = done.events.iter().find_map(|event| {
            if let Event::MembershipBegun { membership, .. } = event {
                Some(membership.id)
            } else {
                None
            }
        });
        begun.unwrap()
    }

    /// How many entries the audit has.
    pub(crate) async fn head(&self, directory: &UserDirectory) -> Revision {
        let stored = directory.organization(&Principal::System, self.organization).await;
        stored.unwrap().head.position
    }
}

/// Commands one after the other, each until it is answered, and remembers the answers.
pub(crate) async fn command(
    task: usize,
    house: House,
    mut current: watch::Receiver<Application>,
    ended: watch::Receiver<bool>,
) -> Vec<Sent> {
    let (mut sent, mut invitation) = (Vec::new(), None);
    for number in 0.. {
        if *ended.borrow() {
            break;
        }
        let key = format!("{task}-{number}");
        let command = next(&house, task, number, invitation);
        let done = until_answered(task, &house, key, command, &mut current).await;
        invitation = done.events.iter().find_map(|event| {
            if let Event::InvitationMade { invitation } = event {
                Some(invitation.id)
            } else {
                None
            }
        });
        sent.push(done);
    }
    sent
}

/// Somebody is invited, the invitation is revoked, and a role changes to and fro.
fn next(house: &House, task: usize, number: usize, invitation: Option<InvitationId>) -> Command {
    let (organization, scope) = (house.organization, house.organization.into());
    match (number % 4, invitation) {
        (1, Some(invitation)) => RevokeInvitation { scope, invitation }.into(),
        (3, _) => {
            let membership = house.people[task / super::ORGANIZATIONS];
            let role = if number % 8 == 3 { "admin" } else { "agent" }.parse().unwrap();
            ChangeRole { scope, membership, role, handover: None }.into()
        }
        _ => {
            let email = format!("p{task}-{number}@elsewhere.example").parse().unwrap();
            Invite::new(organization, email, "agent".parse().unwrap()).into()
        }
    }
}

/// As a host does it: what failed, or may have happened, is asked again under the same key where
/// the directory is now.
async fn until_answered(
    task: usize,
    house: &House,
    key: String,
    command: Command,
    current: &mut watch::Receiver<Application>,
) -> Sent {
    let request = house.owner.clone().request().because(key.parse().unwrap());
    let request = request.with_key(key.parse().unwrap());
    let (begun, mut tries, mut unknown) = (Instant::now(), 0, false);
    loop {
        assert!(begun.elapsed() < PATIENCE, "{key} is not answered");
        let Application { server, directories, .. } = current.borrow_and_update().clone();
        // Each organization is commanded through every process.
        let directory = &directories[task / super::ORGANIZATIONS % super::PROCESSES];
        let answer = directory.execute_command(request.clone(), command.clone()).await;
        tries += 1;
        match answer {
            Ok(done) => {
                let (organization, again) = (house.organization, tries > 1);
                let (revision, events, answered) = (done.revision, done.events, Instant::now());
                return Sent {
                    organization,
                    key,
                    revision,
                    events,
                    again,
                    unknown,
                    server,
                    answered,
                };
            }
            Err(Error::OutcomeUnknown) => unknown = true,
            Err(Error::Store(_) | Error::Contended) => {}
            Err(error) => panic!("{key}: {error}"),
        }
        // Somewhere else, or here again a little later.
        _ = tokio::time::timeout(Duration::from_millis(50), current.changed()).await;
    }
}
