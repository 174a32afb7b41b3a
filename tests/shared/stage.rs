//! One stage for the tests that try every command: Acme Help with a person in every status, and a
//! representative command for each name. The match is exhaustive: a new command does not compile
//! before it has one.

use std::collections::{BTreeMap, BTreeSet};

use tenure::adapters::memory::MemoryStore;
use tenure::commands::{Block, *};
use tenure::domain::*;
use tenure::testing::cast::{Company, Desk, roles, token_of};
use tenure::{Principal, Store};

/// Whom a command is about.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// How the table calls it.
    pub(crate) name: &'static str,
    pub(crate) scope: Scope,
    pub(crate) membership: MembershipId,
    pub(crate) invitation: InvitationId,
    pub(crate) user: UserId,
    pub(crate) email: EmailAddress,
    /// What the person holds for a while.
    pub(crate) grant: GrantId,
}

/// Acme Help with everything that a command may be about.
pub(crate) struct Stage {
    pub(crate) company: Company,
    pub(crate) organization: OrganizationId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) team: TeamId,
    pub(crate) support: SupportAccessId,
    pub(crate) provisioned: (UserId, ExternalIdentity),
    pub(crate) link: VerifiedToken,
    pub(crate) token: Token,
    pub(crate) targets: Vec<Target>,
}

pub(crate) const PRINCIPALS: [&str; 14] = [
    "olivia",
    "ada",
    "amir",
    "bob",
    "vera",
    "carl",
    "dora",
    "stan",
    "sam",
    "rita",
    "support",
    "provisioner",
    "system",
    "bearer",
];

pub(crate) fn identity(subject: &str) -> ExternalIdentity {
    ExternalIdentity {
        issuer: "https://sso.acme.example".parse().unwrap(),
        subject: subject.parse().unwrap(),
    }
}

pub(crate) fn hash() -> PasswordHash {
    PasswordHash::new("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA").unwrap()
}

pub(crate) async fn stage() -> Stage {
    stage_in(MemoryStore::new()).await
}

pub(crate) async fn stage_in(store: impl Store + 'static) -> Stage {
    let mut company = Company::found(store).await;
    let organization = company.organization;
    let olivia = company.principal("olivia");
    let directory = company.directory.clone();
    // Ivan's invitation lapses; what is younger does not.
    company.clock.advance(Span::days(8));
    directory.maintain().await.unwrap();
    let scope: Scope = organization.into();

    // Stan accepts while a password is needed, and has not chosen one.
    let rules = Rules { activation: Activation::AfterPassword, ..Rules::default() };
    directory.execute(&olivia, ChangeRules { organization, rules }).await.unwrap();
    let stan = company.bring_in("stan", "agent").await;
    let rules = Rules::default();
    directory.execute(&olivia, ChangeRules { organization, rules }).await.unwrap();

    let remo = company.bring_in("remo", "agent").await;
    let remove = RemoveMember { scope, membership: remo.membership, handover: None };
    directory.execute(&olivia, remove).await.unwrap();
    // Blake was blocked, then erased: a digest keeps the address out.
    let blake = company.bring_in("blake", "agent").await;
    let block = Block { organization, membership: blake.membership, handover: None };
    directory.execute(&olivia, block).await.unwrap();
    let erase = EraseMember { organization, membership: blake.membership };
    directory.execute(&olivia, erase).await.unwrap();

    let paula = identity("paula");
    let provision = Provision {
        organization,
        identity: paula.clone(),
        email: Some(Company::email("paula")),
        role: "agent".parse().unwrap(),
        profile: Profile::named("Paula").unwrap(),
        external_id: None,
    };
    let provisioned =
        directory.execute(company.principal("provisioner"), provision).await.unwrap().output;
    let paula_user: UserId = directory.new_id();
    let command = RegisterUser {
        user: paula_user,
        realm: Realm::Shared,
        email: None,
        email_is_verified: false,
        identities: [paula.clone()].into(),
    };
    directory.execute(Principal::System, command).await.unwrap();

    let ines = company.invite("ines", "agent").await.unwrap();
    directory.maintain().await.unwrap();
    let token = company.postbox.take().iter().rev().find_map(token_of).unwrap();
    let link = directory.verify(&token).await.unwrap();

    let open = OpenWorkspace { organization, name: "North".parse().unwrap() };
    let workspace = directory.execute(&olivia, open).await.unwrap().output;
    let create = CreateTeam {
        organization,
        name: "Front desk".parse().unwrap(),
        description: None,
        members: Vec::new(),
    };
    let team = directory.execute(&olivia, create).await.unwrap().output;
    for name in ["trainee", "spare"] {
        let role = Role::new(name, 10).unwrap().with(Desk::ViewTickets, Reach::OWN);
        directory.execute(&olivia, CreateRole { organization, role }).await.unwrap();
    }
    let give = GiveSupport {
        organization,
        person: "vendor-17".parse().unwrap(),
        permissions: [tenure::Management::ViewPeople.into()].into(),
        reason: "help with the import".parse().unwrap(),
        lasting: Some(Span::days(1)),
    };
    let support = directory.execute(&olivia, give).await.unwrap().output;
    let offer = OfferOwnership {
        organization,
        membership: company.member("amir").membership,
        role: "owner".parse().unwrap(),
        then_become: None,
    };
    directory.execute(&olivia, offer).await.unwrap();

    let mut grants = Vec::new();
    for who in ["berta", "amir"] {
        let (membership, gives) = (company.member(who).membership, (Desk::ExportData, Reach::ALL));
        let (lasting, reason) = (Lasting::For(Span::days(2)), "the audit".parse().unwrap());
        let give = GiveGrant::permission(scope, membership, gives, lasting, reason);
        grants.push((membership, directory.execute(&olivia, give).await.unwrap().output));
    }

    let nil = uuid::Uuid::nil();
    let granted = |membership| {
        let found = grants.iter().find(|(it, _)| *it == membership);
        found.map_or(GrantId::new(nil), |(_, grant)| *grant)
    };
    let target =
        |name, who: &str, membership, invitation: Option<InvitationId>, user: Option<UserId>| {
            Target {
                name,
                scope,
                membership,
                invitation: invitation.unwrap_or(InvitationId::new(nil)),
                user: user.unwrap_or(UserId::new(nil)),
                email: Company::email(who),
                grant: granted(membership),
            }
        };
    let member = |name, who: &'static str| {
        let it = company.member(who);
        target(name, who, it.membership, it.invitation, it.user)
    };
    let targets = vec![
        member("agent", "berta"),
        member("admin", "amir"),
        member("owner", "olivia"),
        target("invited", "ines", ines.membership, Some(ines.invitation), None),
        member("lapsed", "ivan"),
        target("setting-up", "stan", stan.membership, stan.invitation, stan.user),
        target("provisioned", "paula", provisioned, None, Some(paula_user)),
        member("deactivated", "dora"),
        target("removed", "remo", remo.membership, remo.invitation, remo.user),
    ];
    Stage {
        organization,
        workspace,
        team,
        support,
        provisioned: (paula_user, paula),
        link,
        token,
        targets,
        company,
    }
}

impl Stage {
    pub(crate) fn principal(&self, name: &str) -> Principal {
        match name {
            "support" => {
                Principal::Support { access: self.support, person: "vendor-17".parse().unwrap() }
            }
            "bearer" => Principal::Bearer(self.link.clone()),
            "stan" => Principal::Person(self.company.member("stan").user.unwrap()),
            other => self.company.principal(other),
        }
    }

    fn granted(&self, membership: MembershipId) -> GrantId {
        let found = self.targets.iter().find(|it| it.membership == membership);
        found.map_or(GrantId::new(uuid::Uuid::nil()), |it| it.grant)
    }

    /// The target that is the principal itself, where there is one.
    pub(crate) fn oneself(&self, name: &str) -> Target {
        let of = |who: &str| {
            let it = self.company.member(who);
            Target {
                name: "oneself",
                scope: self.organization.into(),
                membership: it.membership,
                invitation: it.invitation.unwrap_or(InvitationId::new(uuid::Uuid::nil())),
                user: it.user.unwrap(),
                email: Company::email(who),
                grant: self.granted(it.membership),
            }
        };
        match name {
            "sam" | "rita" | "support" | "provisioner" | "system" | "bearer" => {
                let mut it = self.targets[3].clone();
                if let Principal::Person(user) = self.principal(name) {
                    it.user = user;
                }
                it.name = "oneself";
                it
            }
            other => of(other),
        }
    }
}

/// What a command is about beside its target.
#[derive(Clone, Debug)]
pub(crate) struct Around {
    pub(crate) workspace: WorkspaceId,
    pub(crate) team: TeamId,
    pub(crate) support: SupportAccessId,
    pub(crate) arriving: (UserId, ExternalIdentity),
    pub(crate) new_id: uuid::Uuid,
    pub(crate) founder: UserId,
}

impl Stage {
    pub(crate) fn around(&self) -> Around {
        let Principal::Person(sam) = self.company.principal("sam") else { unreachable!() };
        Around {
            workspace: self.workspace,
            team: self.team,
            support: self.support,
            arriving: self.provisioned.clone(),
            new_id: uuid::Uuid::from_u128(77),
            founder: sam,
        }
    }
}

/// The representative command of a name, about a target: one that somebody may give.
#[allow(clippy::too_many_lines, reason = "one arm for each command")]
pub(crate) fn command(name: CommandName, target: &Target, around: &Around) -> Command {
    use CommandName as C;
    let organization = target.scope.organization;
    let Target { scope, membership, invitation, user, ref email, grant, .. } = *target;
    let Around { workspace, team, support, .. } = *around;
    let role = |name: &str| -> RoleName { name.parse().unwrap() };
    let new_role = |name: &str| {
        Role::new(name, 10)
            .unwrap()
            .with(Desk::ViewTickets, Reach::OWN)
            .with(Desk::UseMacros, Reach::ALL)
    };
    let realm = Realm::Shared;
    let (handover, running) = (None, HandoverId::new(around.new_id));
    match name {
        C::FoundOrganization => FoundOrganization {
            organization: OrganizationId::new(around.new_id),
            name: "Another".parse().unwrap(),
            realm,
            founder: around.founder,
            profile: Profile::default(),
            role: role("owner"),
            roles: roles(),
            rules: Rules::default(),
            seat_limit: None,
        }
        .into(),
        C::RenameOrganization => {
            RenameOrganization { organization, name: "Acme Care".parse().unwrap() }.into()
        }
        C::ChangeRules => {
            let rules = Rules { edit_pending: false, ..Rules::default() };
            ChangeRules { organization, rules }.into()
        }
        C::SuspendOrganization => SuspendOrganization { organization }.into(),
        C::ResumeOrganization => ResumeOrganization { organization }.into(),
        C::CloseOrganization => CloseOrganization { organization }.into(),
        C::FinishClosing => FinishClosing { organization }.into(),
        C::SetSeatLimit => SetSeatLimit { organization, limit: Some(50) }.into(),
        C::OpenWorkspace => OpenWorkspace { organization, name: "South".parse().unwrap() }.into(),
        C::CloseWorkspace => CloseWorkspace { organization, workspace }.into(),
        C::Invite => {
            Invite::new(scope, "newcomer@acme.example".parse().unwrap(), role("agent")).into()
        }
        C::ResendInvitation => ResendInvitation { scope, invitation }.into(),
        C::RevokeInvitation => RevokeInvitation { scope, invitation }.into(),
        C::AcceptInvitation => AcceptInvitation::new(organization, invitation).into(),
        C::DeclineInvitation => DeclineInvitation { organization, invitation }.into(),
        C::LapseInvitation => LapseInvitation { organization, invitation }.into(),
        C::SignUp => {
            SignUp { organization, email: email.clone(), profile: Profile::default() }.into()
        }
        C::Provision => Provision {
            organization,
            identity: identity("newcomer"),
            email: Some("newcomer@acme.example".parse().unwrap()),
            role: role("agent"),
            profile: Profile::default(),
            external_id: Some("newcomer-1".parse().unwrap()),
        }
        .into(),
        C::Arrive => Arrive {
            organization,
            user: around.arriving.0,
            identity: around.arriving.1.clone(),
            profile: Profile::default(),
            email: None,
        }
        .into(),
        C::CompleteSetUp => {
            CompleteSetUp { organization, profile: Profile::default(), password: None }.into()
        }
        C::Adopt => Adopt {
            organization,
            external_id: "legacy-9".parse().unwrap(),
            email: "legacy@acme.example".parse().unwrap(),
            role: role("agent"),
            profile: Profile::default(),
            password: None,
            status: AdoptAs::Active,
        }
        .into(),
        C::EditProfile => {
            let fields = Profile::default().with("title", "Lead").unwrap().0;
            EditProfile { scope, membership, fields }.into()
        }
        C::ChangeRole => {
            ChangeRole { scope, membership, role: role("viewer"), handover: None }.into()
        }
        C::OverridePermission => OverridePermission {
            scope,
            membership,
            permission: Desk::ExportData.into(),
            to: Some(Override::Raise(Reach::ALL)),
        }
        .into(),
        C::GiveGrant => {
            let (lasting, reason) = (Lasting::For(Span::days(1)), "a holiday".parse().unwrap());
            GiveGrant::role(scope, membership, role("viewer"), lasting, reason).into()
        }
        C::RenewGrant => {
            let lasting = Lasting::For(Span::days(3));
            RenewGrant { scope, membership, grant, lasting }.into()
        }
        C::RevokeGrant => RevokeGrant { scope, membership, grant }.into(),
        C::SetFence => {
            let fence = Fence::default().with("inbox", ["north"]).unwrap();
            SetFence { scope, membership, fence, handover: None }.into()
        }
        C::EndSessions => EndSessions { scope, membership }.into(),
        C::SendPasswordReset => SendPasswordReset { organization, membership }.into(),
        C::SetPassword => SetPassword { organization, membership, password: hash() }.into(),
        C::Deactivate => {
            let because = DeactivatedBecause::Other;
            Deactivate { scope, membership, because, handover }.into()
        }
        C::Block => Block { organization, membership, handover }.into(),
        C::Unblock => Unblock { organization, email: Company::email("blake") }.into(),
        C::Reactivate => {
            Reactivate { scope, membership, work: WorkOnReturn::StaysWhereItIs }.into()
        }
        C::RemoveMember => RemoveMember { scope, membership, handover }.into(),
        C::Leave => Leave { scope, membership, because: RemovedBecause::Left, handover }.into(),
        C::EraseMember => EraseMember { organization, membership }.into(),
        C::PauseHandover => PauseHandover { organization, handover: running }.into(),
        C::ResumeHandover => ResumeHandover { organization, handover: running }.into(),
        C::CancelHandover => CancelHandover { organization, handover: running }.into(),
        C::ChooseReceivers => {
            let plan = HandoverPlan::from(Disposition::Unassign);
            ChooseReceivers { organization, handover: running, plan }.into()
        }
        C::CreateRole => CreateRole { organization, role: new_role("helper") }.into(),
        C::EditRole => EditRole { organization, role: new_role("trainee") }.into(),
        C::DeleteRole => DeleteRole { organization, role: role("spare") }.into(),
        C::CreateTeam => CreateTeam {
            organization,
            name: "Night shift".parse().unwrap(),
            description: None,
            members: vec![membership],
        }
        .into(),
        C::DescribeTeam => DescribeTeam {
            organization,
            team,
            name: "Day shift".parse().unwrap(),
            description: None,
        }
        .into(),
        C::SetTeamPermissions => SetTeamPermissions {
            organization,
            team,
            permissions: BTreeMap::from([(Desk::ViewTickets.into(), Reach::TEAM)]),
            fence: Fence::default(),
        }
        .into(),
        C::DeleteTeam => DeleteTeam { organization, team }.into(),
        C::ChangeTeamMembers => ChangeTeamMembers {
            organization,
            team,
            join: vec![membership],
            leave: vec![],
            handover: None,
        }
        .into(),
        C::ChangeTeamsOf => ChangeTeamsOf {
            organization,
            membership,
            join: vec![team],
            leave: vec![],
            handover: None,
        }
        .into(),
        C::GiveSupport => GiveSupport {
            organization,
            person: "vendor-18".parse().unwrap(),
            permissions: BTreeSet::from([tenure::Management::ViewPeople.into()]),
            reason: "a ticket".parse().unwrap(),
            lasting: Some(Span::hours(2)),
        }
        .into(),
        C::RenewSupport => {
            RenewSupport { organization, access: support, lasting: Some(Span::days(2)) }.into()
        }
        C::RevokeSupport => RevokeSupport { organization, access: support }.into(),
        C::OfferOwnership => {
            OfferOwnership { organization, membership, role: role("owner"), then_become: None }
                .into()
        }
        C::AcceptOwnership => AcceptOwnership { organization }.into(),
        C::DeclineOwnership => DeclineOwnership { organization }.into(),
        C::RegisterUser => RegisterUser::verified(
            UserId::new(around.new_id),
            realm,
            "new@elsewhere.example".parse().unwrap(),
        )
        .into(),
        C::VerifyEmail => VerifyEmail { user, realm, email: email.clone() }.into(),
        C::LinkIdentity => LinkIdentity { user, realm, identity: identity("linked") }.into(),
        C::EditSettings => {
            let fields = Profile::default().with("theme", "dark").unwrap().0;
            EditSettings { user, fields }.into()
        }
        C::AskPasswordReset => AskPasswordReset { user }.into(),
        C::ChoosePassword => ChoosePassword { user, password: hash() }.into(),
        C::DeleteUser => DeleteUser { user }.into(),
    }
}

/// A refusal's name; what is not found is said, because strangers must not learn it.
pub(crate) fn name_of(refusal: &Refusal) -> String {
    let text = format!("{refusal:?}");
    if matches!(refusal, Refusal::NotFound(_)) {
        return text;
    }
    text.split([' ', '(', '{']).next().unwrap().to_owned()
}
