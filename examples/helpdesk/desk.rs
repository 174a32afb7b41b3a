//! Acme Help: its permissions, its roles, its rules, and the directory it keeps.

use std::path::{Path, PathBuf};

use tenure::access::Management;
use tenure::adapters::eml::{EmlFolder, LinkBase};
use tenure::adapters::sqlite::SqliteStore;
use tenure::commands::{ChangeRules, FoundOrganization, RegisterUser};
use tenure::domain::{
    Activation, Membership, MembershipId, Organization, OrganizationId, PasswordHash, ProfileField,
    SeatUse, StatusGroup, UserId, WorkOnLeaving,
};
use tenure::ports::PeopleFilter;
use tenure::{
    EmailAddress, KeyRing, Principal, Profile, Reach, Realm, Role, Rules, Token, UserDirectory,
};

use crate::Outcome;
use crate::letters;
use crate::tickets::Tickets;

tenure::permissions! {
    /// What people may do at the help desk.
    pub(crate) enum Desk {
        /// See tickets.
        ViewTickets = "tickets.view",
        /// Answer tickets.
        AnswerTickets = "tickets.answer",
        /// Delete tickets for good.
        DeleteTickets = "tickets.delete",
        /// Download reports.
        ExportData = "data.export",
        /// Make and edit macros.
        ManageMacros = "macros.manage",
        /// Choose settings of the help desk.
        ManageSettings = "settings.manage",
    }
}

/// The founder's address.
pub(crate) const OLIVIA: &str = "olivia@acmehelp.example";

/// A help desk that runs.
pub(crate) struct HelpDesk {
    pub(crate) directory: UserDirectory,
    pub(crate) tickets: Tickets,
    pub(crate) organization: OrganizationId,
    pub(crate) olivia: Principal,
    /// Whether it was founded just now.
    pub(crate) is_new: bool,
    mails: PathBuf,
}

/// Somebody who works there.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) user: UserId,
    pub(crate) principal: Principal,
    pub(crate) membership: MembershipId,
}

impl HelpDesk {
    /// Opens the help desk in a folder, and founds it if it is not there yet.
    pub(crate) async fn open(folder: &Path) -> Outcome<Self> {
        std::fs::create_dir_all(folder)?;
        let (file, mails) = (folder.join("helpdesk.db"), folder.join("mail"));
        let store = SqliteStore::open(&file)?;
        // Our tickets and the directory's tables share one file, each through its own connection.
        let tickets = Tickets::open(&file)?;
        let page = LinkBase::new("https://desk.acmehelp.example/welcome");
        let mailer = EmlFolder::new(&mails, &"desk@acmehelp.example".parse()?, page)?;
        // DEMONSTRATION ONLY: a real key is 32 random bytes from a place for secrets.
        let keys = KeyRing::new(*b"for demonstration, never do this");
        let directory = UserDirectory::builder(store, mailer, keys)
            .permissions::<Desk>()
            .workload(tickets.work())
            .build();
        let (olivia, organization, is_new) = founded(&directory).await?;
        let desk = Self { directory, tickets, organization, olivia, is_new, mails };
        // The rules of today, whatever those of the last run were.
        let rules = rules()?;
        if desk.now().await?.rules != rules {
            desk.directory.execute(&desk.olivia, ChangeRules { organization, rules }).await?;
        }
        Ok(desk)
    }

    /// The organization as it is now.
    pub(crate) async fn now(&self) -> Outcome<Organization> {
        Ok(self.directory.organization(&self.olivia, self.organization).await?)
    }

    /// The people whom a filter admits, all pages of them.
    pub(crate) async fn people(&self, filter: PeopleFilter) -> Outcome<Vec<Membership>> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self
                .directory
                .people(&self.olivia, self.organization, filter.clone(), after, 100)
                .await?;
            all.extend(page.rows.into_iter().map(|row| row.membership));
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// The tombstones of those who were removed.
    pub(crate) async fn removed(&self) -> Outcome<Vec<MembershipId>> {
        let status = Some(StatusGroup::Removed);
        let gone = self.people(PeopleFilter { status, ..PeopleFilter::default() }).await?;
        Ok(gone.iter().map(|it| it.id).collect())
    }

    /// Somebody by address.
    pub(crate) async fn person(&self, email: &str) -> Outcome<Person> {
        let filter = PeopleFilter { prefix: Some(email.to_owned()), ..PeopleFilter::default() };
        let found = self.people(filter).await?;
        let person = found.first().and_then(Person::of);
        Ok(person.ok_or_else(|| format!("nobody with the address {email} has come in"))?)
    }

    /// Sends what is due: the mails become files.
    pub(crate) async fn deliver(&self) -> Outcome<u32> {
        let mut sent = 0;
        loop {
            let done = self.directory.maintain().await?;
            sent += done.mails_sent;
            if !done.more {
                return Ok(sent);
            }
        }
    }

    /// Every mail that has gone out, the oldest first.
    pub(crate) fn letters(&self) -> Outcome<Vec<letters::Mail>> {
        Ok(letters::read(&self.mails)?)
    }

    /// The links that somebody got by mail, the oldest first.
    pub(crate) fn links(&self, email: &str) -> Outcome<Vec<Token>> {
        let letters = self.letters()?;
        Ok(letters.iter().filter(|it| it.to == email).filter_map(letters::Mail::token).collect())
    }

    /// Somebody opens the newest link in their mail, chooses a password, and is in.
    pub(crate) async fn accept(&self, email: &str) -> Outcome<Person> {
        let token = self.links(email)?.pop().ok_or_else(|| format!("{email} got no mail"))?;
        let view = self.directory.inspect(&token).await?;
        let accept = view.accept().with_password(chosen_password()?);
        self.directory.execute(view.link, accept).await?;
        self.person(email).await
    }
}

impl Person {
    /// Whoever has come in; somebody who is only invited is nobody yet.
    pub(crate) fn of(it: &Membership) -> Option<Self> {
        let user = it.user?;
        let principal = Principal::Person(user);
        Some(Self { name: it.display_name(), user, principal, membership: it.id })
    }
}

/// DEMONSTRATION ONLY: what the host's password hashing would give, such as `$argon2id$…`.
pub(crate) fn chosen_password() -> Outcome<PasswordHash> {
    Ok(PasswordHash::new("$demo$this-is-not-a-hash")?)
}

/// Olivia and her organization, as they are or as they begin.
async fn founded(directory: &UserDirectory) -> Outcome<(Principal, OrganizationId, bool)> {
    let email: EmailAddress = OLIVIA.parse()?;
    let founder = if let Some(user) = directory.user_by_email(Realm::Shared, &email).await? {
        user.id
    } else {
        let user = directory.new_id();
        let register = RegisterUser::verified(user, Realm::Shared, email);
        directory.execute(Principal::System, register).await?;
        user
    };
    if let Some(own) = directory.memberships_of(founder).await?.first() {
        return Ok((founder.into(), own.scope.organization, false));
    }
    let command = FoundOrganization {
        organization: directory.new_id(),
        name: "Acme Help".parse()?,
        realm: Realm::Shared,
        founder,
        profile: Profile::named("Olivia Ortega")?.with("title", "Founder")?,
        role: "owner".parse()?,
        roles: roles()?,
        rules: rules()?,
        seat_limit: Some(25),
    };
    let output = directory.execute(Principal::System, command).await?.output;
    Ok((founder.into(), output.organization, true))
}

/// The roles at Acme Help, highest first.
pub(crate) fn roles() -> Outcome<Vec<Role>> {
    Ok(vec![
        Role::new("owner", 100)?.titled("Owner")?.all_but::<Desk>([]).assigns_all().keeper(),
        Role::new("admin", 80)?
            .titled("Admin")?
            .all_but([Management::Billing, Management::CloseOrganization])
            .assigns(["admin", "lead", "agent", "viewer"])?,
        Role::new("lead", 60)?
            .titled("Team lead")?
            .with(Desk::ViewTickets, Reach::ALL)
            .with(Desk::AnswerTickets, Reach::TEAM)
            .with(Desk::ManageMacros, Reach::ALL)
            .with(Management::ViewPeople, Reach::ALL),
        Role::new("agent", 40)?
            .titled("Agent")?
            .with(Desk::ViewTickets, Reach::TEAM)
            .with(Desk::AnswerTickets, Reach::OWN),
        Role::new("viewer", 20)?.titled("Viewer")?.with(Desk::ViewTickets, Reach::ALL).free(),
    ])
}

/// What Acme Help chose where products differ.
pub(crate) fn rules() -> Outcome<Rules> {
    Ok(Rules {
        // An invited person uses a seat from the invitation on.
        seats: SeatUse::ActiveAndPending,
        // Whoever leaves hands their tickets to somebody.
        work_on_leaving: WorkOnLeaving::SuccessorRequired,
        // A click is not enough: whoever comes chooses a password.
        activation: Activation::AfterPassword,
        fields: vec![
            ProfileField::new("name")?.required(),
            ProfileField::new("title")?,
            ProfileField::new("phone")?,
        ],
        ..Rules::default()
    })
}
