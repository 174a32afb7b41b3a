//! A help desk that has grown: its directory, its people, and far too much work on one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::params;
use tenure::adapters::sqlite::SqliteStore;
use tenure::adapters::system::{SystemClock, SystemEntropy};
use tenure::commands::{Adopt, AdoptAs, CreateTeam, FoundOrganization, RegisterUser, SetFence};
use tenure::domain::{
    Authorship, Disposition, Fence, HandoverPlan, MembershipId, OrganizationId, Sharing, Span,
    TeamId, Timestamp, UserId,
};
use tenure::testing::Postbox;
use tenure::{Clock, KeyRing, Principal, Profile, Reach, Realm, Role, Rules, UserDirectory};

use crate::Outcome;
use crate::work::Work;

tenure::permissions! {
    /// What people may do at the help desk.
    pub(crate) enum Desk {
        /// Answer tickets.
        AnswerTickets = "tickets.answer",
        /// Make and edit macros.
        ManageMacros = "macros.manage",
    }
}

/// A help desk, opened.
pub(crate) struct HelpDesk {
    pub(crate) directory: UserDirectory,
    pub(crate) work: Work,
}

/// Who is there.
pub(crate) struct People {
    pub(crate) organization: OrganizationId,
    pub(crate) olivia: Principal,
    pub(crate) owner: MembershipId,
    pub(crate) bob: MembershipId,
    pub(crate) tier_1: TeamId,
    pub(crate) names: BTreeMap<MembershipId, String>,
}

/// The system's clock, or one that is ahead of it: for whoever comes later.
struct Later(Span);

#[async_trait]
impl Clock for Later {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(self.0)
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }
}

impl HelpDesk {
    /// Opens the help desk in a folder: the directory in one file, the work in another.
    pub(crate) fn open(folder: &Path, ahead: Span) -> Outcome<Self> {
        std::fs::create_dir_all(folder)?;
        let store = SqliteStore::open(folder.join("directory.db"))?;
        let work = Work::open(&folder.join("desk.db"))?
            .needing("tickets", Desk::AnswerTickets)
            .needing("macros", Desk::ManageMacros);
        // DEMONSTRATION ONLY: a real key is 32 random bytes from a place for secrets.
        let keys = KeyRing::new(*b"for demonstration, never do this");
        let (clock, mailer) = (Later(ahead), Postbox::new());
        let directory = UserDirectory::builder_with(store, mailer, keys, clock, SystemEntropy)
            .permissions::<Desk>()
            .workload(work.clone())
            .build();
        Ok(Self { directory, work })
    }

    /// Founds it: an owner, Bob, and a team of eight, one of whom is away and one new.
    pub(crate) async fn found(&self) -> Outcome<People> {
        let directory = &self.directory;
        let (organization, user): (OrganizationId, UserId) =
            (directory.new_id(), directory.new_id());
        let register = RegisterUser::verified(user, Realm::Shared, "olivia@acme.example".parse()?);
        directory.execute(Principal::System, register).await?;
        let roles = vec![
            Role::new("owner", 100)?.all_but::<Desk>([]).assigns_all().keeper(),
            Role::new("agent", 40)?
                .with(Desk::AnswerTickets, Reach::ALL.within("inbox")?)
                .with(Desk::ManageMacros, Reach::ALL),
            Role::new("trainee", 20)?,
        ];
        let rules = Rules { authorship: Authorship::MovesToSuccessor, ..Rules::default() };
        let found = FoundOrganization {
            rules,
            ..FoundOrganization::new(
                organization,
                "Acme Help".parse()?,
                user,
                "owner".parse()?,
                roles,
            )
        };
        let owner = directory.execute(Principal::System, found).await?.output.membership;
        let mut names = BTreeMap::from([(owner, "Olivia".to_owned())]);
        let mut team = Vec::new();
        let mut bob = owner;
        for (name, role, inboxes) in [
            ("Bob", "agent", "support billing vip legal"),
            ("Ada", "agent", "support billing vip"),
            ("Berta", "agent", "support billing"),
            ("Chen", "agent", "support billing"),
            ("Dora", "agent", "support"),
            ("Emil", "agent", "support"),
            ("Fatima", "agent", "support billing vip"),
            ("Away", "agent", "support billing"),
            ("New", "trainee", "support"),
        ] {
            let member = self.adopt(organization, name, role).await?;
            names.insert(member, name.to_owned());
            let inboxes: Result<BTreeSet<_>, _> = inboxes.split(' ').map(str::parse).collect();
            let fence = Fence(BTreeMap::from([("inbox".parse()?, inboxes?)]));
            let (scope, membership) = (organization.into(), member);
            let fence = SetFence { scope, membership, fence, handover: None };
            directory.execute(Principal::System, fence).await?;
            if name == "Bob" {
                bob = member;
            } else {
                team.push(member);
            }
        }
        let create =
            CreateTeam { organization, name: "Tier 1".parse()?, description: None, members: team };
        let tier_1 = directory.execute(Principal::System, create).await?.output;
        Ok(People { organization, olivia: user.into(), owner, bob, tier_1, names })
    }

    async fn adopt(
        &self,
        organization: OrganizationId,
        name: &str,
        role: &str,
    ) -> Outcome<MembershipId> {
        let status = if name == "Away" { AdoptAs::Deactivated } else { AdoptAs::Active };
        let adopt = Adopt {
            organization,
            external_id: name.parse()?,
            email: format!("{name}@acme.example").parse()?,
            role: role.parse()?,
            profile: Profile::named(name)?,
            password: None,
            status,
        };
        Ok(self.directory.execute(Principal::System, adopt).await?.output)
    }

    /// Gives somebody work: this many tickets, a fifth of them closed, and of everything else some.
    pub(crate) fn pile_up(&self, people: &People, person: MembershipId, tickets: u32) -> Outcome {
        let mut connection = self.work.connection();
        let transaction = connection.transaction()?;
        let (organization, on) = (people.organization.to_string(), person.to_string());
        {
            let sql = "INSERT INTO tickets (organization, inbox, subject, status, assignee)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            let mut insert = transaction.prepare(sql)?;
            for n in 0..tickets {
                let inbox = match n % 1_000 {
                    0 => "legal",
                    1..=50 => "vip",
                    51..=350 => "billing",
                    _ => "support",
                };
                let status = if n % 5 == 0 { "closed" } else { "open" };
                let subject = format!("The printer is on fire ({n})");
                insert.execute(params![organization, inbox, subject, status, on])?;
            }
        }
        for (sql, many) in [
            ("INSERT INTO macros (organization, title, maker) VALUES (?1, ?2, ?3)", 40),
            ("INSERT INTO views (organization, title, maker) VALUES (?1, ?2, ?3)", 12),
            ("INSERT INTO automations (organization, title, runs_as) VALUES (?1, ?2, ?3)", 3),
            (
                "INSERT INTO replies (organization, body, author, original_author)
                 VALUES (?1, ?2, ?3, ?3)",
                tickets / 10,
            ),
        ] {
            let mut insert = transaction.prepare(sql)?;
            for n in 0..many {
                insert.execute(params![organization, format!("number {n}"), on])?;
            }
        }
        // Some of the others have work already.
        let sql = "INSERT INTO tickets (organization, inbox, subject, status, assignee)
                   VALUES (?1, 'support', 'Where is my parcel', 'open', ?2)";
        let mut insert = transaction.prepare(sql)?;
        for (n, member) in people.names.keys().filter(|it| **it != person).enumerate() {
            for _ in 0..n * 20 {
                insert.execute(params![organization, member.to_string()])?;
            }
        }
        drop(insert);
        transaction.commit()?;
        Ok(())
    }
}

/// What becomes of Bob's work: tickets to the team, whoever has least first; what he made and wrote
/// to the owner; his automations go on as they are.
pub(crate) fn plan(people: &People) -> Outcome<HandoverPlan> {
    let to_olivia = || Disposition::To(people.owner);
    Ok(HandoverPlan::from(Disposition::Team(people.tier_1, Sharing::LeastLoaded))
        .kind("macros".parse()?, to_olivia())
        .kind("views".parse()?, to_olivia())
        .kind("replies".parse()?, to_olivia()))
}
