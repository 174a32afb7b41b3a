//! An organization of any size, gathered quickly: for what is measured over its people.
#![allow(clippy::unwrap_used, reason = "a stage that cannot be set ends the test")]
#![allow(dead_code, reason = "a test and a bench share it, and neither uses all of it")]

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::TempDir;
use tenure::adapters::sqlite::{Durability, SqliteOptions, SqliteStore};
use tenure::commands::{
    Adopt, AdoptAs, ChangeTeamMembers, CreateTeam, FoundOrganization, Invite, RegisterUser,
};
use tenure::domain::{
    ChangeSet, Event, MembershipId, Need, OrganizationId, Record, StatusGroup, TeamId,
};
use tenure::ports::{CommitError, Find, PeopleFilter, StoreError};
use tenure::testing::Postbox;
use tenure::testing::cast::{Desk, roles};
use tenure::{Batching, Command, KeyRing, Principal, Profile, Realm, Rules, Store, UserDirectory};

/// A store that several hold.
#[derive(Clone)]
pub(crate) struct Shared(pub(crate) Arc<SqliteStore>);

#[async_trait]
impl Store for Shared {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        self.0.load(needs).await
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        self.0.commit(changes).await
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        self.0.find(question).await
    }
}

/// Many people: of twenty, one is invited, two are deactivated and four are admins; every third is
/// in the team, and names come in no order.
pub(crate) struct Crowd {
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) directory: UserDirectory,
    pub(crate) organization: OrganizationId,
    pub(crate) owner: Principal,
    team: TeamId,
    folder: TempDir,
}

/// A file that nobody has open, to be copied.
pub(crate) struct Closed {
    pub(crate) path: PathBuf,
    pub(crate) organization: OrganizationId,
    pub(crate) owner: Principal,
    _folder: TempDir,
}

impl Crowd {
    pub(crate) async fn gather(people: usize) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = folder.path().join("people.db");
        let options = SqliteOptions::new(path).durability(Durability::Process);
        let store = Arc::new(options.open().unwrap());
        let keys = KeyRing::new([3; 32]);
        let directory = UserDirectory::builder(Shared(Arc::clone(&store)), Postbox::new(), keys);
        let directory = directory.permissions::<Desk>().build();
        let Gathered { organization, owner, team } = Gathered::of(&directory, people).await;
        Self { store, directory, organization, owner, team, folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("people.db")
    }

    pub(crate) fn close(self) -> Closed {
        let Self { organization, owner, folder, .. } = self;
        Closed { path: folder.path().join("people.db"), organization, owner, _folder: folder }
    }

    /// Every filter that an index answers.
    pub(crate) fn filters(&self) -> Vec<(&'static str, PeopleFilter)> {
        let any = PeopleFilter::default;
        let admin = Some("admin".parse().unwrap());
        let active = Some(StatusGroup::Active);
        vec![
            ("everybody", any()),
            ("by status", PeopleFilter { status: active, ..any() }),
            ("by role", PeopleFilter { role: admin.clone(), ..any() }),
            ("by team", PeopleFilter { team: Some(self.team), ..any() }),
            ("by prefix", PeopleFilter { prefix: Some("person".to_owned()), ..any() }),
            ("by status and role", PeopleFilter { status: active, role: admin, ..any() }),
        ]
    }

    /// A page of fifty.
    pub(crate) async fn page(
        &self,
        filter: &PeopleFilter,
        after: Option<tenure::directory::PeopleCursor>,
    ) -> tenure::directory::PeoplePage {
        let filter = filter.clone();
        self.directory.people(&self.owner, self.organization, filter, after, 50).await.unwrap()
    }
}

/// What is known of an organization that was just gathered, in any store.
pub(crate) struct Gathered {
    pub(crate) organization: OrganizationId,
    pub(crate) owner: Principal,
    team: TeamId,
}

impl Gathered {
    pub(crate) async fn of(by: &UserDirectory, people: usize) -> Self {
        let (organization, owner) = found(by).await;
        let name = "Billing".parse().unwrap();
        let team = CreateTeam { organization, name, description: None, members: Vec::new() };
        let team = by.execute(&owner, team).await.unwrap().output;
        let gathered = Self { organization, owner, team };
        for first in (0..people).step_by(10_000) {
            gathered.bring(by, first..people.min(first + 10_000), people).await;
        }
        gathered
    }

    async fn bring(&self, by: &UserDirectory, numbers: std::ops::Range<usize>, of: usize) {
        let organization = self.organization;
        let (mut adopt, mut invite) = (Vec::new(), Vec::new());
        for number in numbers {
            let name = format!("Person {:06}", number * 7_919 % of);
            let profile = Profile::named(&name).unwrap();
            let email = format!("p{number}@acme.example").parse().unwrap();
            let role = if number % 5 == 0 { "admin" } else { "agent" }.parse().unwrap();
            if number % 20 == 7 {
                invite.push(Invite::new(organization, email, role).with_profile(profile).into());
                continue;
            }
            let status = if number % 10 == 4 { AdoptAs::Deactivated } else { AdoptAs::Active };
            let external_id = format!("user-{number}").parse().unwrap();
            let password = None;
            adopt.push(
                Adopt { organization, external_id, email, role, profile, password, status }.into(),
            );
        }
        let mut come = all(by, Principal::System, adopt).await;
        come.extend(all(by, self.owner.clone(), invite).await);
        let third: Vec<MembershipId> = come.into_iter().step_by(3).collect();
        let join = third.chunks(500).map(|join| {
            let (team, leave) = (self.team, Vec::new());
            ChangeTeamMembers { organization, team, join: join.to_vec(), leave, handover: None }
                .into()
        });
        all(by, self.owner.clone(), join.collect()).await;
    }
}

/// The memberships that began.
async fn all(by: &UserDirectory, who: Principal, commands: Vec<Command>) -> Vec<MembershipId> {
    let done = by.execute_all(who, commands, Batching::each()).await.unwrap();
    let events = done.into_iter().flat_map(|done| done.unwrap().events);
    let begun = events.filter_map(|event| {
        if let Event::MembershipBegun { membership, .. } = event {
            Some(membership.id)
        } else {
            None
        }
    });
    begun.collect()
}

async fn found(directory: &UserDirectory) -> (OrganizationId, Principal) {
    let (organization, founder) = (directory.new_id(), directory.new_id());
    let email = "olivia@acme.example".parse().unwrap();
    let olivia = RegisterUser::verified(founder, Realm::Shared, email);
    directory.execute(Principal::System, olivia).await.unwrap();
    let found = FoundOrganization {
        organization,
        name: "Acme Help".parse().unwrap(),
        realm: Realm::Shared,
        founder,
        profile: Profile::named("Olivia").unwrap(),
        role: "owner".parse().unwrap(),
        roles: roles(),
        rules: Rules::default(),
        seat_limit: None,
    };
    directory.execute(Principal::System, found).await.unwrap();
    (organization, Principal::Person(founder))
}
