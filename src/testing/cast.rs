//! A fixed cast at a fixed company, so that tests are sentences: "Ada cannot deactivate Olivia".
//!
//! | who | is at Acme Help |
//! | --- | --- |
//! | Olivia | the owner |
//! | Ada, Amir | admins |
//! | Bob, Berta | agents; Bob holds work where a test gives him some |
//! | Vera | a viewer |
//! | Carl | a customer |
//! | Dora | an agent, deactivated |
//! | Ivan | invited as an agent, has not answered |
//! | Sam | nobody: a signed-in person who belongs nowhere |
//! | Rita | the owner of another organization, Rival Desk |

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "the cast is fixed text; a test that cannot set its stage ends here"
)]

use std::collections::BTreeMap;

use crate::access::Management;
use crate::commands::{Deactivate, FoundOrganization, GiveSupport, Invite, Invited, RegisterUser};
use crate::domain::{
    DeactivatedBecause, EmailAddress, InvitationId, KeyRing, MembershipId, OrganizationId,
    Principal, Profile, Reach, Realm, Role, Rules, Span, SubjectName, SupportAccessId, Token,
    UserId,
};
use crate::ports::{Letter, Store};
use crate::{Error, UserDirectory};

use super::{FakeClock, FakeEntropy, FakeWorkload, Postbox, Strict};

crate::permissions! {
    /// What people may do in the cast's help desk.
    pub enum Desk {
        /// See tickets.
        ViewTickets = "tickets.view",
        /// Answer tickets.
        AnswerTickets = "tickets.answer",
        /// Delete tickets for good.
        DeleteTickets = "tickets.delete",
        /// Download reports.
        ExportData = "data.export",
        /// Use macros.
        UseMacros = "macros.use",
        /// Make and edit macros.
        ManageMacros = "macros.manage",
        /// See analytics.
        ViewAnalytics = "analytics.view",
        /// Choose settings of the help desk.
        ManageSettings = "settings.manage",
        /// Submit one's own tickets and follow them.
        SubmitTickets = "tickets.submit",
    }
}

/// The roles at Acme Help, highest first.
pub fn roles() -> Vec<Role> {
    let role = |name, rank| Role::new(name, rank).unwrap();
    vec![
        role("owner", 100).titled("Owner").unwrap().all_but::<Desk>([]).assigns_all().keeper(),
        role("admin", 80)
            .titled("Admin")
            .unwrap()
            .all_but([
                Management::Billing,
                Management::CloseOrganization,
                Management::OfferOwnership,
            ])
            .assigns(["admin", "agent", "viewer", "customer"])
            .unwrap()
            .everywhere(),
        role("agent", 40)
            .titled("Agent")
            .unwrap()
            .with(Desk::ViewTickets, Reach::OWN)
            .with(Desk::AnswerTickets, Reach::OWN)
            .with(Desk::UseMacros, Reach::ALL),
        role("viewer", 20)
            .titled("Viewer")
            .unwrap()
            .with(Desk::ViewTickets, Reach::ALL)
            .free()
            .not_invitable(),
        role("customer", 0)
            .titled("Customer")
            .unwrap()
            .customer()
            .with(Desk::SubmitTickets, Reach::OWN),
    ]
}

/// Somebody of the cast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user; none for somebody who was only invited.
    pub user: Option<UserId>,
    /// The membership at Acme Help.
    pub membership: MembershipId,
    /// The invitation by which they came, or were invited.
    pub invitation: Option<InvitationId>,
}

/// Acme Help: a directory with its fakes, and the cast in it.
#[derive(Clone, Debug)]
pub struct Company {
    /// The directory.
    pub directory: UserDirectory,
    /// Where mails arrive.
    pub postbox: Postbox,
    /// What time it is.
    pub clock: FakeClock,
    /// What people hold.
    pub workload: FakeWorkload,
    /// Acme Help.
    pub organization: OrganizationId,
    /// Rival Desk, another organization in the same store.
    pub rival: OrganizationId,
    /// The vendor's person let into Acme Help for a day, for looking at people.
    pub support: SupportAccessId,
    members: BTreeMap<&'static str, Member>,
    sam: UserId,
    rita: Member,
}

/// The key under which the cast's links are made.
pub const KEY: [u8; 32] = [42; 32];

impl Company {
    /// Acme Help with the usual roles and cautious rules, and no seat limit.
    pub async fn found(store: impl Store + 'static) -> Self {
        Self::found_with(store, roles(), Rules::default(), None).await
    }

    /// Acme Help under other rules, with the usual cast: `roles` has the usual names.
    ///
    /// The cast comes in before the rules apply; then they do.
    pub async fn found_with(
        store: impl Store + 'static,
        roles: Vec<Role>,
        rules: Rules,
        seat_limit: Option<u32>,
    ) -> Self {
        let (postbox, clock) = (Postbox::new(), FakeClock::default());
        let workload = FakeWorkload::new();
        let entropy = FakeEntropy::new(7);
        let directory = UserDirectory::builder_with(
            Strict::new(store),
            postbox.clone(),
            KeyRing::new(KEY),
            clock.clone(),
            entropy,
        )
        .permissions::<Desk>()
        .workload(workload.clone())
        .build();
        let (organization, olivia) =
            found(&directory, "Acme Help", "olivia@acme.example", &roles).await;
        let (rival, rita) = found(&directory, "Rival Desk", "rita@rival.example", &roles).await;
        let sam = register(&directory, "sam@elsewhere.example").await;
        let mut company = Self {
            directory,
            postbox,
            clock,
            workload,
            organization,
            rival,
            support: SupportAccessId::new(uuid::Uuid::nil()),
            members: BTreeMap::from([("olivia", olivia)]),
            sam,
            rita,
        };
        for (name, role) in [
            ("ada", "admin"),
            ("amir", "admin"),
            ("bob", "agent"),
            ("berta", "agent"),
            ("vera", "viewer"),
            ("carl", "customer"),
            ("dora", "agent"),
        ] {
            company.bring_in(name, role).await;
        }
        let ivan = company.invite("ivan", "agent").await.unwrap();
        let invitation = Some(ivan.invitation);
        let ivan = Member { user: None, membership: ivan.membership, invitation };
        company.members.insert("ivan", ivan);
        company.directory.maintain().await.unwrap();
        company.leave(rules, seat_limit).await;
        company
    }

    /// Dora goes, support comes, and the rules apply.
    async fn leave(&mut self, rules: Rules, seat_limit: Option<u32>) {
        let scope = self.organization.into();
        let because = DeactivatedBecause::Leave;
        let membership = self.member("dora").membership;
        let dora = Deactivate { scope, membership, because, handover: None };
        self.directory.execute(self.principal("olivia"), dora).await.unwrap();
        while self.directory.maintain().await.unwrap().more {}
        let support = GiveSupport {
            organization: self.organization,
            person: "vendor-17".parse().unwrap(),
            permissions: [Management::ViewPeople.into()].into(),
            reason: "help with the import".parse().unwrap(),
            lasting: Some(Span::days(1)),
        };
        self.support =
            self.directory.execute(self.principal("olivia"), support).await.unwrap().output;
        let organization = self.organization;
        if rules != Rules::default() {
            let rules = crate::commands::ChangeRules { organization, rules };
            self.directory.execute(self.principal("olivia"), rules).await.unwrap();
        }
        if seat_limit.is_some() {
            let limit = crate::commands::SetSeatLimit { organization, limit: seat_limit };
            self.directory.execute(self.principal("olivia"), limit).await.unwrap();
        }
    }

    /// Somebody of the cast at Acme Help, by first name.
    pub fn member(&self, name: &str) -> Member {
        *self.members.get(name).unwrap()
    }

    /// Rita, who owns Rival Desk: her membership is there.
    pub fn rita(&self) -> Member {
        self.rita
    }

    /// Somebody of the cast as who asks: also `sam`, `rita`, `support`, `provisioner` and `system`.
    pub fn principal(&self, name: &str) -> Principal {
        match name {
            "sam" => Principal::Person(self.sam),
            "rita" => Principal::Person(self.rita.user.unwrap()),
            "support" => Principal::Support { access: self.support, person: vendor() },
            "provisioner" => Principal::Provisioner {
                organization: self.organization,
                connection: "acme-directory".parse().unwrap(),
            },
            "system" => Principal::System,
            other => Principal::Person(self.member(other).user.unwrap()),
        }
    }

    /// The address of somebody at Acme Help.
    pub fn email(name: &str) -> EmailAddress {
        format!("{name}@acme.example").parse().unwrap()
    }

    /// Olivia invites somebody by first name.
    pub async fn invite(&self, name: &str, role: &str) -> Result<Invited, Error> {
        let role = role.parse()?;
        let invite = Invite::new(self.organization, Self::email(name), role)
            .with_profile(Profile::named(&capitalised(name))?);
        Ok(self.directory.execute(self.principal("olivia"), invite).await?.output)
    }

    /// Somebody is invited and accepts by the link in the mail; a role to which nobody is invited
    /// is given afterwards.
    pub async fn bring_in(&mut self, name: &'static str, role: &str) -> Member {
        let invitable = if role == "viewer" { "customer" } else { role };
        let invited = self.invite(name, invitable).await.unwrap();
        let token = self.link_for(name).await;
        let view = self.directory.inspect(&token).await.unwrap();
        let accept = view.accept();
        let accepted = self.directory.execute(view.link, accept).await.unwrap().output;
        let member = Member {
            user: Some(accepted.user),
            membership: accepted.membership,
            invitation: Some(invited.invitation),
        };
        if role != invitable {
            let change = crate::commands::ChangeRole {
                scope: self.organization.into(),
                membership: accepted.membership,
                role: role.parse().unwrap(),
                handover: None,
            };
            self.directory.execute(self.principal("olivia"), change).await.unwrap();
        }
        self.members.insert(name, member);
        member
    }

    /// Delivers what is due, and takes the link out of the newest invitation mail for somebody.
    pub async fn link_for(&self, name: &str) -> Token {
        self.directory.maintain().await.unwrap();
        let to = Self::email(name);
        let letters = self.postbox.take();
        letters.iter().rev().filter(|letter| letter.to == to).find_map(token_of).unwrap()
    }
}

/// The link in a letter, if it has one.
pub fn token_of(letter: &Letter) -> Option<Token> {
    letter.token().cloned()
}

/// Registers a user with a verified address in the shared realm.
pub async fn register(directory: &UserDirectory, email: &str) -> UserId {
    let user: UserId = directory.new_id();
    let command = RegisterUser::verified(user, Realm::Shared, email.parse().unwrap());
    directory.execute(Principal::System, command).await.unwrap();
    user
}

async fn found(
    directory: &UserDirectory,
    name: &str,
    email: &str,
    roles: &[Role],
) -> (OrganizationId, Member) {
    let founder = register(directory, email).await;
    let first_name = email.split('@').next().unwrap_or_default();
    let command = FoundOrganization {
        organization: directory.new_id(),
        name: name.parse().unwrap(),
        realm: Realm::Shared,
        founder,
        profile: Profile::named(&capitalised(first_name)).unwrap(),
        role: "owner".parse().unwrap(),
        roles: roles.to_vec(),
        rules: Rules::default(),
        seat_limit: None,
    };
    let founded = directory.execute(Principal::System, command).await.unwrap().output;
    let membership = founded.membership;
    (founded.organization, Member { user: Some(founder), membership, invitation: None })
}

fn vendor() -> SubjectName {
    "vendor-17".parse().unwrap()
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
}
