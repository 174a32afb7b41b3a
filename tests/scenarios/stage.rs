//! A product on its stage: its roles and rules as data, its fakes, and its people.

use std::collections::BTreeMap;

use tenure::adapters::memory::MemoryStore;
use tenure::commands::{
    AcceptInvitation, ChangeRole, CreateTeam, Deactivate, FoundOrganization, Invite, Invited,
    RegisterUser, RemoveMember,
};
use tenure::directory::{InvitationView, PersonRow, RowActions};
use tenure::domain::{
    DeactivatedBecause, Disposition, EmailAddress, FieldName, FieldValue, MembershipId,
    OrganizationId, PasswordHash, RoleName, StatusGroup, TeamId, UserId,
};
use tenure::ports::{LetterKind, PeopleFilter};
use tenure::testing::cast::token_of;
use tenure::testing::{FakeClock, FakeEntropy, FakeWorkload, Postbox, Strict};
use tenure::{
    Command, Error, Intent, KeyRing, Permission, Principal, Profile, Realm, Refusal, Request, Role,
    Rules, Scope, Store, Token, UserDirectory,
};

pub(crate) use tenure::testing::cast::Desk;

/// What a host chose: all that makes it this product and no other.
#[derive(Clone)]
pub(crate) struct Product {
    pub(crate) roles: Vec<Role>,
    pub(crate) rules: Rules,
    pub(crate) seats: Option<u32>,
    /// Whether each organization has its own identities (C23).
    pub(crate) own_realm: bool,
}

impl Product {
    pub(crate) fn new(roles: Vec<Role>, rules: Rules) -> Self {
        Self { roles, rules, seats: None, own_realm: false }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(&mut self.rules);
        self
    }

    pub(crate) fn seats(mut self, seats: u32) -> Self {
        self.seats = Some(seats);
        self
    }
}

/// The cast's usual help desk under rules of one's own.
pub(crate) fn desk(change: impl FnOnce(&mut Rules)) -> Product {
    Product::new(tenure::testing::cast::roles(), Rules::default()).with(change)
}

/// Somebody who is in: the person and their membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) user: UserId,
    pub(crate) id: MembershipId,
}

impl Who {
    pub(crate) fn p(self) -> Principal {
        Principal::Person(self.user)
    }
}

impl From<Who> for Principal {
    fn from(who: Who) -> Self {
        who.p()
    }
}

/// One organization of a product, founded by Olivia.
pub(crate) struct Stage {
    pub(crate) directory: UserDirectory,
    pub(crate) postbox: Postbox,
    pub(crate) clock: FakeClock,
    pub(crate) work: FakeWorkload,
    pub(crate) org: OrganizationId,
    pub(crate) realm: Realm,
    pub(crate) olivia: Who,
}

impl Stage {
    pub(crate) async fn open(product: Product) -> Self {
        Self::open_on(MemoryStore::new(), product).await
    }

    pub(crate) async fn open_on(store: impl Store + 'static, product: Product) -> Self {
        Self::open_on_with(store, FakeWorkload::new(), product).await
    }

    /// The same with other kinds of work.
    pub(crate) async fn open_with(work: FakeWorkload, product: Product) -> Self {
        Self::open_on_with(MemoryStore::new(), work, product).await
    }

    pub(crate) async fn open_on_with(
        store: impl Store + 'static,
        work: FakeWorkload,
        product: Product,
    ) -> Self {
        let (postbox, clock) = (Postbox::new(), FakeClock::default());
        let directory = UserDirectory::builder_with(
            Strict::new(store),
            postbox.clone(),
            KeyRing::new([7; 32]),
            clock.clone(),
            FakeEntropy::new(1),
        )
        .permissions::<Desk>()
        .workload(work.clone())
        .build();
        Self::found(directory, (postbox, clock, work), "Acme", "olivia@acme.example", product).await
    }

    /// Another organization in the same directory; its founder may be there already.
    pub(crate) async fn beside(&self, name: &str, founder: &str, product: Product) -> Self {
        let ports = (self.postbox.clone(), self.clock.clone(), self.work.clone());
        Self::found(self.directory.clone(), ports, name, founder, product).await
    }

    async fn found(
        directory: UserDirectory,
        (postbox, clock, work): (Postbox, FakeClock, FakeWorkload),
        name: &str,
        founder: &str,
        product: Product,
    ) -> Self {
        let org: OrganizationId = directory.new_id();
        let realm = if product.own_realm { Realm::Organization(org) } else { Realm::Shared };
        let founder: EmailAddress = founder.parse().unwrap();
        let there = directory.user_by_email(realm, &founder).await.unwrap();
        let user = there.as_ref().map_or_else(|| directory.new_id(), |user| user.id);
        if there.is_none() {
            let register = RegisterUser::verified(user, realm, founder);
            directory.execute(Principal::System, register).await.unwrap();
        }
        let command = FoundOrganization {
            organization: org,
            name: name.parse().unwrap(),
            realm,
            founder: user,
            profile: Profile::named("Olivia").unwrap(),
            role: product.roles[0].name.clone(),
            roles: product.roles,
            rules: product.rules,
            seat_limit: product.seats,
        };
        let done = directory.execute(Principal::System, command).await.unwrap().output;
        let olivia = Who { user, id: done.membership };
        Self { directory, postbox, clock, work, org, realm, olivia }
    }

    /// Does something, or says why it was refused; the world does not break here.
    pub(crate) async fn act<I: Intent>(
        &self,
        who: impl Into<Request>,
        intent: I,
    ) -> Result<I::Output, Refusal> {
        match self.directory.execute(who, intent).await {
            Ok(done) => Ok(done.output),
            Err(Error::Refused(refusal)) => Err(refusal),
            Err(other) => panic!("the world broke: {other}"),
        }
    }

    pub(crate) async fn invite(&self, by: Who, name: &str, role: &str) -> Result<Invited, Refusal> {
        self.act(by, Invite::new(self.org, email(name), self::role(role))).await
    }

    /// Delivers what is due; answers with the newest link for somebody.
    pub(crate) async fn link(&self, name: &str) -> Token {
        self.directory.maintain().await.unwrap();
        let letters = self.postbox.take();
        letters.iter().rev().filter(|it| it.to == email(name)).find_map(token_of).unwrap()
    }

    /// What a link says.
    pub(crate) async fn open_link(&self, name: &str) -> InvitationView {
        let link = self.link(name).await;
        self.directory.inspect(&link).await.unwrap()
    }

    /// Accepts by the link in the mail, with a password and everything the profile may need.
    pub(crate) async fn accept(&self, name: &str) -> Who {
        let view = self.open_link(name).await;
        let accept = full(name, view.accept());
        let done = self.act(view.link, accept).await.unwrap();
        assert!(done.is_active, "{name} still has to set up");
        Who { user: done.user, id: done.membership }
    }

    /// Olivia invites somebody, who accepts.
    pub(crate) async fn join(&self, name: &str, role: &str) -> Who {
        self.invite(self.olivia, name, role).await.unwrap();
        self.accept(name).await
    }

    pub(crate) async fn deactivate(&self, by: Who, whom: Who) -> Result<(), Refusal> {
        self.act(by, self.deactivation(whom, None)).await
    }

    pub(crate) fn deactivation(&self, whom: Who, handover: Option<Disposition>) -> Deactivate {
        let (because, handover) = (DeactivatedBecause::Left, handover.map(Into::into));
        Deactivate { scope: self.org.into(), membership: whom.id, because, handover }
    }

    pub(crate) fn removal(&self, whom: Who, handover: Option<Disposition>) -> RemoveMember {
        let handover = handover.map(Into::into);
        RemoveMember { scope: self.org.into(), membership: whom.id, handover }
    }

    pub(crate) fn new_role(&self, whom: Who, role: &str) -> ChangeRole {
        ChangeRole {
            scope: self.org.into(),
            membership: whom.id,
            role: self::role(role),
            handover: None,
        }
    }

    pub(crate) async fn team(&self, name: &str, members: &[Who]) -> TeamId {
        let members = members.iter().map(|it| it.id).collect();
        let name = name.parse().unwrap();
        let team = CreateTeam { organization: self.org, name, description: None, members };
        self.act(self.olivia, team).await.unwrap()
    }

    pub(crate) async fn may(&self, who: Who, permission: impl Permission) -> bool {
        self.directory.check(&who.p(), self.org, permission).await.unwrap().is_allowed()
    }

    pub(crate) async fn row(&self, whom: Who) -> PersonRow {
        self.directory.person(&Principal::System, self.org, whom.id).await.unwrap()
    }

    pub(crate) async fn actions(&self, by: Who, on: MembershipId) -> RowActions {
        self.directory.row_actions(&by.p(), self.org, &[on]).await.unwrap().remove(0)
    }

    /// The names in a list, as somebody sees them.
    pub(crate) async fn names(
        &self,
        by: Who,
        scope: impl Into<Scope>,
        status: Option<StatusGroup>,
    ) -> Vec<String> {
        let filter = PeopleFilter { status, ..PeopleFilter::default() };
        let page = self.directory.people(&by.p(), scope, filter, None, 50).await.unwrap();
        page.rows.iter().map(|row| row.membership.display_name()).collect()
    }

    pub(crate) async fn seats_used(&self) -> u64 {
        self.directory.seats(&Principal::System, self.org).await.unwrap().0
    }

    /// Lets everything that is due happen.
    pub(crate) async fn settle(&self) {
        while self.directory.maintain().await.unwrap().more {}
    }

    /// The kinds of the letters that went out since the last look, each with its recipient.
    pub(crate) async fn letters(&self) -> Vec<(String, LetterKind)> {
        self.settle().await;
        self.postbox.take().into_iter().map(|it| (it.to.to_string(), it.kind)).collect()
    }

    /// Registers a person who belongs nowhere yet.
    pub(crate) async fn stranger(&self, address: &str) -> UserId {
        let user: UserId = self.directory.new_id();
        let register = RegisterUser::verified(user, self.realm, address.parse().unwrap());
        self.act(Principal::System, register).await.unwrap();
        user
    }

    /// Many commands by one person: how each went.
    pub(crate) async fn act_all(
        &self,
        by: Who,
        commands: Vec<Command>,
    ) -> Vec<Result<(), Refusal>> {
        let how = tenure::Batching::each();
        let answers = self.directory.execute_all(by, commands, how).await.unwrap();
        answers
            .into_iter()
            .map(|answer| match answer {
                Ok(_) => Ok(()),
                Err(Error::Refused(refusal)) => Err(refusal),
                Err(other) => panic!("the world broke: {other}"),
            })
            .collect()
    }
}

fn full(name: &str, accept: AcceptInvitation) -> AcceptInvitation {
    let profile = Profile::named(&capital(name)).unwrap().with("title", "Specialist").unwrap();
    accept.with_profile(profile).with_password(hash("one"))
}

pub(crate) fn email(name: &str) -> EmailAddress {
    let at = if name.contains('@') { name.to_owned() } else { format!("{name}@acme.example") };
    at.parse().unwrap()
}

pub(crate) fn role(name: &str) -> RoleName {
    name.parse().unwrap()
}

pub(crate) fn hash(text: &str) -> PasswordHash {
    PasswordHash::new(format!("$argon2id${text}")).unwrap()
}

pub(crate) fn fields(fields: &[(&str, &str)]) -> BTreeMap<FieldName, FieldValue> {
    fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn capital(name: &str) -> String {
    let name = name.split('@').next().unwrap_or_default();
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
}
