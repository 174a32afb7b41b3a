//! A help desk with Admin, Agent and Viewer.
//!
//! Its page knows no owner. Somebody has to keep the organization all the same, so the account
//! holder is an Admin under a role of its own.

use tenure::adapters::sqlite::SqliteStore;
use tenure::commands::{
    Arrive, ChangeTeamMembers, ChangeTeamsOf, CreateTeam, EditProfile, EditSettings, Invite,
    LinkIdentity, OverridePermission, Provision, Reactivate, RegisterUser, ResendInvitation,
    Review, SetTeamPermissions, WorkOnReturn, review_csv,
};
use tenure::directory::RowAction;
use tenure::domain::{
    Actor, DeactivatedBecause, Disposition, Equals, Event, ExternalIdentity, FeedPosition,
    InvitationStatus, MembershipStatus, Override, Provisioning, Revision, Span, StatusGroup,
    StatusWords, Stream, TeamId, UserId,
};
use tenure::ports::{LetterKind, PeopleFilter};
use tenure::{Batching, Because, Item, Management, Principal, Reach, Realm, Refusal, Role, Rules};

use crate::stage::{Desk, Product, Stage, Who, email, fields, hash, role};

fn product() -> Product {
    let new = |name, rank, title| Role::new(name, rank).unwrap().titled(title).unwrap();
    let roles = vec![
        new("account-holder", 100, "Admin").all_but::<Desk>([]).assigns_all().keeper(),
        new("admin", 80, "Admin").all_but::<Desk>([]).assigns_all().everywhere(),
        new("agent", 40, "Agent")
            .with(Desk::ViewTickets, Reach::OWN)
            .with(Desk::AnswerTickets, Reach::OWN)
            .with(Desk::UseMacros, Reach::ALL),
        new("viewer", 20, "Viewer").with(Desk::ViewTickets, Reach::ALL).free().not_invitable(),
    ];
    let words = StatusWords { pending: "Invited".to_owned(), ..StatusWords::default() };
    Product::new(roles, Rules { words, equals: Equals::ManageEquals, ..Rules::default() })
}

async fn stage() -> (Stage, Who, Who) {
    let stage = Stage::open(product()).await;
    let ada = stage.join("ada", "admin").await;
    let bob = stage.join("bob", "agent").await;
    (stage, ada, bob)
}

async fn raise(stage: &Stage, by: Who, whom: Who, permission: Desk, reach: Reach) {
    let raise = OverridePermission {
        scope: stage.org.into(),
        membership: whom.id,
        permission: permission.into(),
        to: Some(Override::Raise(reach)),
    };
    stage.act(by, raise).await.unwrap();
}

fn identity(subject: &str) -> ExternalIdentity {
    ExternalIdentity {
        issuer: "https://login.acme.example".parse().unwrap(),
        subject: subject.parse().unwrap(),
    }
}

async fn register(stage: &Stage, subject: &str) -> UserId {
    let user = stage.directory.new_id();
    let command = RegisterUser {
        user,
        realm: Realm::Shared,
        email: None,
        email_is_verified: false,
        identities: [identity(subject)].into(),
    };
    stage.act(Principal::System, command).await.unwrap();
    user
}

fn arrive(stage: &Stage, user: UserId, subject: &str) -> Arrive {
    let (organization, identity) = (stage.org, identity(subject));
    Arrive { organization, user, identity, profile: <_>::default(), email: None }
}

fn connection(stage: &Stage) -> Principal {
    let connection = "acme-directory".parse().unwrap();
    Principal::Provisioner { organization: stage.org, connection }
}

#[tokio::test]
async fn S1_18_members_are_added_with_roles_and_permissions() {
    let (stage, ada, bob) = stage().await;
    assert!(!stage.may(bob, Desk::ExportData).await);
    raise(&stage, ada, bob, Desk::ExportData, Reach::ALL).await;
    assert!(stage.may(bob, Desk::ExportData).await);
    stage.act(ada, stage.new_role(bob, "viewer")).await.unwrap();
    assert!(!stage.may(bob, Desk::AnswerTickets).await);
}

#[tokio::test]
async fn S1_19_admin_has_all_settings_agent_some_and_viewer_reads() {
    let (stage, ada, bob) = stage().await;
    let vera = stage.join("vera", "agent").await;
    stage.act(ada, stage.new_role(vera, "viewer")).await.unwrap();
    for permission in [Desk::ManageSettings, Desk::ViewTickets, Desk::AnswerTickets] {
        assert!(stage.may(ada, permission).await, "{permission:?}");
    }
    assert!(stage.may(bob, Desk::AnswerTickets).await);
    assert!(!stage.may(bob, Desk::ManageSettings).await);
    assert!(stage.may(vera, Desk::ViewTickets).await);
    assert!(!stage.may(vera, Desk::AnswerTickets).await);
}

#[tokio::test]
async fn S1_20_active_invited_and_deactivated_with_the_history_preserved() {
    let (stage, ada, bob) = stage().await;
    let ivan = stage.invite(ada, "ivan", "agent").await.unwrap();
    stage.deactivate(ada, bob).await.unwrap();
    let word = async |id| stage.directory.person(&ada.p(), stage.org, id).await.unwrap().status;
    assert_eq!(word(ada.id).await, "Active");
    assert_eq!(word(ivan.membership).await, "Invited");
    assert_eq!(word(bob.id).await, "Deactivated");
    assert!(stage.directory.open_session(bob.user, stage.org).await.is_err());
    let audit = stage.directory.audit(&ada.p(), stage.org, Revision::NONE, 500).await.unwrap();
    let his = audit.entries.iter().filter(|it| it.entry.subjects.contains(&bob.id)).count();
    assert_eq!(his, 3, "invited, accepted, deactivated");
}

#[tokio::test]
async fn S1_21_invite_with_email_role_and_a_team_where_viewer_is_not_offered() {
    let (stage, ada, _) = stage().await;
    let offered = stage.directory.invitable_roles(&ada.p(), stage.org).await.unwrap();
    let offered: Vec<&str> = offered.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(offered, ["admin", "agent"]);
    let refused = stage.invite(ada, "vera", "viewer").await;
    assert_eq!(refused, Err(Refusal::NotInvitable(role("viewer"))));
    let team = stage.team("Support Tier 1", &[]).await;
    let invite = Invite::new(stage.org, email("ivan"), role("agent")).into_team(team);
    stage.act(ada, invite).await.unwrap();
    let ivan = stage.accept("ivan").await;
    assert!(stage.row(ivan).await.membership.teams.contains(&team));
}

#[tokio::test]
async fn S1_22_email_link_set_up_password_work() {
    let stage = Stage::open(product().with(|it| {
        it.activation = tenure::domain::Activation::AfterPassword;
    }))
    .await;
    stage.invite(stage.olivia, "bob", "agent").await.unwrap();
    let view = stage.open_link("bob").await;
    assert_eq!(view.organization_name.as_str(), "Acme");
    assert_eq!(view.role.as_str(), "Agent");
    let bob = stage.act(view.link.clone(), view.accept()).await.unwrap();
    assert!(!bob.is_active);
    let password = Some(hash("bob"));
    let set_up = tenure::commands::CompleteSetUp {
        organization: stage.org,
        profile: <_>::default(),
        password,
    };
    stage.act(bob.user, set_up).await.unwrap();
    let bob = Who { user: bob.user, id: bob.membership };
    assert!(stage.may(bob, Desk::AnswerTickets).await);
    assert!(stage.directory.user(bob.user).await.unwrap().password.is_some());
}

#[tokio::test]
async fn S1_23_invitations_expire_after_seven_days() {
    let (stage, ada, _) = stage().await;
    stage.invite(ada, "ivan", "agent").await.unwrap();
    let link = stage.link("ivan").await;
    stage.clock.advance(Span::seconds(7 * 86_400 - 1));
    assert!(stage.directory.inspect(&link).await.unwrap().is_open);
    stage.clock.advance(Span::seconds(1));
    let view = stage.directory.inspect(&link).await.unwrap();
    assert!(!view.is_open);
    assert_eq!(stage.act(view.link.clone(), view.accept()).await, Err(Refusal::Expired));
}

#[tokio::test]
async fn S1_24_an_invitation_is_sent_again_and_only_the_newest_link_works() {
    let (stage, ada, _) = stage().await;
    let invitation = stage.invite(ada, "ivan", "agent").await.unwrap().invitation;
    let old = stage.open_link("ivan").await;
    stage.clock.advance(Span::days(8));
    let resend = ResendInvitation { scope: stage.org.into(), invitation };
    stage.act(ada, resend).await.unwrap();
    let new = stage.open_link("ivan").await;
    assert!(stage.act(old.link.clone(), old.accept()).await.is_err());
    assert!(stage.act(new.link.clone(), new.accept()).await.is_ok());
}

#[tokio::test]
async fn S1_25_a_profile_shows_name_avatar_role_teams_and_status() {
    let (stage, ada, bob) = stage().await;
    let team = stage.team("Billing", &[bob]).await;
    let fields = fields(&[("avatar", "https://cdn.acme.example/bob.png")]);
    let edit = EditProfile { scope: stage.org.into(), membership: bob.id, fields };
    stage.act(bob, edit).await.unwrap();
    let row = stage.directory.person(&ada.p(), stage.org, bob.id).await.unwrap();
    assert_eq!(row.membership.profile.name(), Some("Bob"));
    assert_eq!(row.membership.profile.field("avatar"), Some("https://cdn.acme.example/bob.png"));
    assert_eq!((row.role.as_str(), row.status.as_str()), ("Agent", "Active"));
    assert_eq!(row.membership.teams, [team].into());
}

#[tokio::test]
async fn S1_26_an_admin_edits_a_users_details() {
    let (stage, ada, bob) = stage().await;
    let fields = fields(&[("name", "Robert"), ("title", "Senior agent")]);
    let edit = EditProfile { scope: stage.org.into(), membership: bob.id, fields };
    stage.act(ada, edit).await.unwrap();
    assert_eq!(stage.row(bob).await.membership.display_name(), "Robert");
}

#[tokio::test]
async fn S1_27_a_change_of_role_is_previewed_then_applied() {
    let (stage, ada, bob) = stage().await;
    let change = stage.new_role(bob, "viewer");
    let preview = stage.directory.preview(ada, change.clone()).await.unwrap();
    assert!(matches!(&preview.events[..], [Event::RoleChanged { from, to, .. }]
        if from.as_str() == "agent" && to.as_str() == "viewer"));
    let seats = preview.seats.unwrap();
    assert_eq!((seats.before, seats.after), (3, 2));
    assert_eq!(stage.row(bob).await.role, "Agent", "nothing has changed yet");
    stage.act(ada, change).await.unwrap();
    assert_eq!(stage.row(bob).await.role, "Viewer");
}

#[tokio::test]
async fn S1_28_becoming_admin_takes_effect_immediately() {
    let (stage, ada, bob) = stage().await;
    let session = stage.directory.open_session(bob.user, stage.org).await.unwrap();
    stage.act(ada, stage.new_role(bob, "admin")).await.unwrap();
    assert!(stage.may(bob, Desk::ManageSettings).await);
    assert!(stage.directory.session_holds(&session).await.unwrap(), "without signing in again");
}

#[tokio::test]
async fn S1_29_an_admin_reaches_tickets_settings_users_and_billing() {
    let (stage, ada, _) = stage().await;
    for permission in [Desk::ManageSettings, Desk::ManageMacros, Desk::DeleteTickets] {
        assert!(stage.may(ada, permission).await);
    }
    for permission in [Management::Invite, Management::Billing, Management::ManageTeams] {
        assert!(stage.may(ada, permission).await);
    }
    assert!(stage.directory.seats(&ada.p(), stage.org).await.is_ok());
}

#[tokio::test]
async fn S1_30_an_agent_reaches_assigned_tickets_or_all_when_configured() {
    let (stage, ada, bob) = stage().await;
    let his = Item { holder: Some(bob.id), ..Item::default() };
    let other = Item { holder: Some(ada.id), ..Item::default() };
    let sees = async |item| {
        stage
            .directory
            .check_on(&bob.p(), stage.org, Desk::ViewTickets, item)
            .await
            .unwrap()
            .is_allowed()
    };
    assert!(sees(&his).await && !sees(&other).await);
    // What the host's query says: `where holder = …`, or no condition at all.
    let decision = stage.directory.check(&bob.p(), stage.org, Desk::ViewTickets).await.unwrap();
    let breadth = decision.extent.alternatives().next().unwrap().breadth;
    assert_eq!(breadth, tenure::domain::Breadth::Own);
    raise(&stage, ada, bob, Desk::ViewTickets, Reach::ALL).await;
    assert!(sees(&other).await);
}

#[tokio::test]
async fn S1_31_an_agent_uses_macros_and_edits_only_their_own_profile() {
    let (stage, ada, bob) = stage().await;
    assert!(stage.may(bob, Desk::UseMacros).await);
    assert!(!stage.may(bob, Desk::ManageMacros).await);
    assert!(!stage.may(bob, Desk::ManageSettings).await);
    let edit = |id| EditProfile {
        scope: stage.org.into(),
        membership: id,
        fields: fields(&[("title", "Agent of the month")]),
    };
    stage.act(bob, edit(bob.id)).await.unwrap();
    let refused = stage.act(bob, edit(ada.id)).await;
    assert_eq!(refused, Err(Refusal::MissingPermission(Management::EditPeople.into())));
}

#[tokio::test]
async fn S1_32_five_custom_permissions_for_one_agent() {
    let (stage, ada, bob) = stage().await;
    let berta = stage.join("berta", "agent").await;
    for permission in [
        Desk::ViewTickets,
        Desk::DeleteTickets,
        Desk::ExportData,
        Desk::ManageMacros,
        Desk::ViewAnalytics,
    ] {
        raise(&stage, ada, bob, permission, Reach::ALL).await;
        let decision = stage.directory.check(&bob.p(), stage.org, permission).await.unwrap();
        assert!(decision.because.contains(&Because::Raised));
        assert_eq!(decision.extent, Reach::ALL.into());
    }
    assert!(!stage.may(berta, Desk::DeleteTickets).await, "only Bob has them");
}

#[tokio::test]
async fn S1_33_a_team_gives_permissions_and_can_be_routed_and_reported_to() {
    let (stage, ada, bob) = stage().await;
    let team = stage.team("Billing", &[bob]).await;
    let permissions = [(Desk::ViewTickets.into(), Reach::TEAM)].into();
    let organization = stage.org;
    let set = SetTeamPermissions { organization, team, permissions, fence: <_>::default() };
    stage.act(ada, set).await.unwrap();
    let routed = Item { teams: [team].into(), ..Item::default() };
    let reaches = stage.directory.check_on(&bob.p(), stage.org, Desk::ViewTickets, &routed).await;
    assert!(reaches.unwrap().is_allowed());
    // Routing and reporting: the host asks who is in the team.
    let filter = PeopleFilter { team: Some(team), ..PeopleFilter::default() };
    let page = stage.directory.people(&ada.p(), stage.org, filter, None, 50).await.unwrap();
    assert_eq!((page.rows[0].membership.id, page.total), (bob.id, Some(1)));
}

#[tokio::test]
async fn S1_34_a_team_has_a_name_a_description_and_members() {
    let (stage, ada, bob) = stage().await;
    let create = CreateTeam {
        organization: stage.org,
        name: "VIP Support".parse().unwrap(),
        description: Some("Answers within the hour".parse().unwrap()),
        members: vec![bob.id, ada.id],
    };
    stage.act(ada, create).await.unwrap();
    let teams = stage.directory.teams(&ada.p(), stage.org, None, 50).await.unwrap();
    let team = &teams.rows[0];
    assert_eq!((team.name.as_str(), team.members), ("VIP Support", 2));
    assert_eq!(team.description.as_ref().unwrap().as_str(), "Answers within the hour");
}

#[tokio::test]
async fn S1_35_teams_are_called_what_the_host_likes() {
    let (stage, ada, _) = stage().await;
    for name in ["Support Tier 1", "Support Tier 2", "Billing Team", "Technical", "VIP Support"] {
        stage.team(name, &[]).await;
    }
    let teams = stage.directory.teams(&ada.p(), stage.org, None, 50).await.unwrap();
    assert_eq!(teams.rows.len(), 5);
}

#[tokio::test]
async fn S1_36_team_membership_is_edited_from_the_user_and_from_the_team() {
    let (stage, ada, bob) = stage().await;
    let (first, second) = (stage.team("First", &[]).await, stage.team("Second", &[]).await);
    let organization = stage.org;
    let from_user = |join: Vec<TeamId>, leave| ChangeTeamsOf {
        organization,
        membership: bob.id,
        join,
        leave,
        handover: None,
    };
    stage.act(ada, from_user(vec![first, second], vec![])).await.unwrap();
    assert_eq!(stage.row(bob).await.membership.teams, [first, second].into(), "several at once");
    stage.act(ada, from_user(vec![], vec![first])).await.unwrap();
    let (join, leave) = (vec![ada.id], vec![bob.id]);
    let from_team = ChangeTeamMembers { organization, team: second, join, leave, handover: None };
    stage.act(ada, from_team).await.unwrap();
    assert!(stage.row(bob).await.membership.teams.is_empty());
    assert_eq!(stage.row(ada).await.membership.teams, [second].into());
}

#[tokio::test]
async fn S1_37_deactivation_says_why_left_changed_job_or_leave() {
    let (stage, ada, bob) = stage().await;
    for because in
        [DeactivatedBecause::Left, DeactivatedBecause::ChangedJob, DeactivatedBecause::Leave]
    {
        let deactivate = tenure::commands::Deactivate { because, ..stage.deactivation(bob, None) };
        stage.act(ada, deactivate).await.unwrap();
        let status = stage.row(bob).await.membership.status;
        assert!(
            matches!(status, MembershipStatus::Deactivated { because: it, .. } if it == because)
        );
        let back = Reactivate {
            scope: stage.org.into(),
            membership: bob.id,
            work: WorkOnReturn::StaysWhereItIs,
        };
        stage.act(ada, back).await.unwrap();
    }
}

#[tokio::test]
async fn S1_38_before_deactivating_people_see_what_it_does() {
    let (stage, ada, bob) = stage().await;
    stage.work.add(stage.org, "tickets", bob.id);
    let preview = stage.directory.preview(ada, stage.deactivation(bob, None)).await.unwrap();
    assert_eq!(preview.seats.map(|it| (it.before, it.after)), Some((3, 2)));
    let work = &preview.work[0];
    assert_eq!((work.holder, work.holds[0].items), (bob.id, 1));
    assert!(stage.row(bob).await.membership.is_active(), "looking changes nothing");
}

#[tokio::test]
async fn S1_39_a_deactivated_user_cannot_sign_in() {
    let (stage, ada, bob) = stage().await;
    let session = stage.directory.open_session(bob.user, stage.org).await.unwrap();
    stage.deactivate(ada, bob).await.unwrap();
    assert!(!stage.directory.session_holds(&session).await.unwrap());
    assert!(stage.directory.open_session(bob.user, stage.org).await.is_err());
    assert!(!stage.may(bob, Desk::UseMacros).await);
}

#[tokio::test]
async fn S1_40_assigned_tickets_are_unassigned_or_reassigned() {
    let (stage, ada, bob) = stage().await;
    let berta = stage.join("berta", "agent").await;
    let (his, hers) = (
        stage.work.add(stage.org, "tickets", bob.id),
        stage.work.add(stage.org, "tickets", berta.id),
    );
    let unassign = stage.deactivation(bob, Some(Disposition::Unassign));
    stage.act(ada, unassign).await.unwrap();
    let reassign = stage.deactivation(berta, Some(Disposition::To(ada.id)));
    stage.act(ada, reassign).await.unwrap();
    stage.settle().await;
    let holder = |id| stage.work.items().into_iter().find(|it| it.id == id).unwrap().holder;
    assert_eq!(holder(his), None);
    assert_eq!(holder(hers), Some(ada.id));
}

#[tokio::test]
async fn S1_41_the_history_of_a_deactivated_user_is_preserved() {
    let (stage, ada, bob) = stage().await;
    let ticket = stage.work.add(stage.org, "tickets", bob.id);
    stage.deactivate(ada, bob).await.unwrap();
    stage.settle().await;
    let item = stage.work.items().into_iter().find(|it| it.id == ticket).unwrap();
    assert_eq!((item.original_author, item.holder), (Some(bob.id), None));
    assert_eq!(stage.row(bob).await.membership.display_name(), "Bob");
}

#[tokio::test]
async fn S1_42_deactivation_frees_the_licence_seat() {
    let stage = Stage::open(product().seats(2)).await;
    let bob = stage.join("bob", "agent").await;
    stage.invite(stage.olivia, "ivan", "agent").await.unwrap();
    let view = stage.open_link("ivan").await;
    let full = stage.act(view.link.clone(), view.accept()).await;
    assert_eq!(full, Err(Refusal::SeatsFull { used: 2, limit: 2 }));
    stage.deactivate(stage.olivia, bob).await.unwrap();
    assert_eq!(stage.seats_used().await, 1);
    assert!(stage.act(view.link.clone(), view.accept()).await.is_ok());
}

#[tokio::test]
async fn S1_43_deactivated_people_are_filtered_and_reactivated() {
    let (stage, ada, bob) = stage().await;
    stage.deactivate(ada, bob).await.unwrap();
    assert_eq!(stage.names(ada, stage.org, Some(StatusGroup::Deactivated)).await, ["Bob"]);
    assert!(stage.actions(ada, bob.id).await.may(RowAction::Reactivate));
    let back = Reactivate {
        scope: stage.org.into(),
        membership: bob.id,
        work: WorkOnReturn::StaysWhereItIs,
    };
    stage.act(ada, back).await.unwrap();
    assert!(stage.directory.open_session(bob.user, stage.org).await.is_ok());
    assert!(stage.may(bob, Desk::AnswerTickets).await);
}

#[tokio::test]
async fn S1_44_people_choose_their_own_settings() {
    let (stage, ada, bob) = stage().await;
    let edit = EditSettings {
        user: bob.user,
        fields: fields(&[
            ("theme", "dark"),
            ("language", "de"),
            ("signature", "Best,\nBob"),
            ("notifications", "mentions"),
        ]),
    };
    assert!(stage.act(ada, edit.clone()).await.is_err(), "they belong to Bob alone");
    stage.act(bob, edit).await.unwrap();
    let own = fields(&[("name", "Bobby"), ("avatar", "b.png")]);
    let profile = EditProfile { scope: stage.org.into(), membership: bob.id, fields: own };
    stage.act(bob, profile).await.unwrap();
    let settings = stage.directory.user(bob.user).await.unwrap().settings;
    assert_eq!(
        settings,
        fields(&[
            ("theme", "dark"),
            ("language", "de"),
            ("signature", "Best,\nBob"),
            ("notifications", "mentions"),
        ])
    );
}

#[tokio::test]
async fn S1_45_only_admins_set_role_teams_permissions_and_status() {
    let (stage, _, bob) = stage().await;
    let berta = stage.join("berta", "agent").await;
    let team = stage.team("Billing", &[]).await;
    let missing = |it: Management| Err(Refusal::MissingPermission(it.into()));
    let change = stage.new_role(berta, "viewer");
    assert_eq!(stage.act(bob, change).await, missing(Management::ChangeRoles));
    let (organization, membership) = (stage.org, berta.id);
    let join =
        ChangeTeamsOf { organization, membership, join: vec![team], leave: vec![], handover: None };
    assert_eq!(stage.act(bob, join).await, missing(Management::ManageTeams));
    let raise = OverridePermission {
        scope: stage.org.into(),
        membership: berta.id,
        permission: Desk::UseMacros.into(),
        to: Some(Override::Deny),
    };
    assert_eq!(stage.act(bob, raise).await, missing(Management::OverridePermissions));
    assert_eq!(stage.deactivate(bob, berta).await, missing(Management::Deactivate));
}

#[tokio::test]
async fn S1_46_an_identity_of_any_provider_signs_a_person_in() {
    // The host speaks to the provider; the directory binds (issuer, subject) to the person.
    let (stage, _, bob) = stage().await;
    let (user, realm, identity) = (bob.user, Realm::Shared, identity("bob-17"));
    let link = LinkIdentity { user, realm, identity: identity.clone() };
    stage.act(Principal::System, link).await.unwrap();
    let found = stage.directory.user_by_identity(realm, &identity).await.unwrap().unwrap();
    assert_eq!(found.id, bob.user);
    assert!(stage.directory.open_session(found.id, stage.org).await.is_ok());
}

#[tokio::test]
async fn S1_48_just_in_time_people_are_created_on_first_sign_on() {
    let just_in_time = Provisioning::JustInTime { role: role("agent") };
    let stage = Stage::open(product().with(|it| it.provisioning = just_in_time)).await;
    let user = register(&stage, "new-1").await;
    let id = stage.act(Principal::System, arrive(&stage, user, "new-1")).await.unwrap();
    assert!(stage.may(Who { user, id }, Desk::AnswerTickets).await);
}

#[tokio::test]
async fn S1_49_pre_provisioned_people_must_exist_first() {
    let (stage, ada, _) = stage().await;
    let user = register(&stage, "new-1").await;
    let refused = stage.act(Principal::System, arrive(&stage, user, "new-1")).await;
    assert!(matches!(refused, Err(Refusal::RuleForbids { rule: "C22", .. })));
    let announce = Provision {
        organization: stage.org,
        identity: identity("new-1"),
        email: Some(email("nora")),
        role: role("agent"),
        profile: <_>::default(),
        external_id: None,
    };
    let announced = stage.act(ada, announce).await.unwrap();
    assert_eq!(stage.act(Principal::System, arrive(&stage, user, "new-1")).await, Ok(announced));
    assert!(stage.directory.open_session(user, stage.org).await.is_ok());
}

#[tokio::test]
async fn S1_50_a_directory_announces_changes_and_withdraws_people() {
    let stage =
        Stage::open(product().with(|it| it.provisioning = Provisioning::DirectorySync)).await;
    let announce = Provision {
        organization: stage.org,
        identity: identity("nora"),
        email: Some(email("nora")),
        role: role("agent"),
        profile: tenure::Profile::named("Nora").unwrap(),
        external_id: Some("00u1".parse().unwrap()),
    };
    let id = stage.act(connection(&stage), announce).await.unwrap();
    let user = register(&stage, "nora").await;
    stage.act(connection(&stage), arrive(&stage, user, "nora")).await.unwrap();
    let nora = Who { user, id };
    let fields = fields(&[("title", "Engineer")]);
    let edit = EditProfile { scope: stage.org.into(), membership: id, fields };
    stage.act(connection(&stage), edit).await.unwrap();
    assert!(stage.may(nora, Desk::AnswerTickets).await);
    stage.act(connection(&stage), stage.deactivation(nora, None)).await.unwrap();
    assert!(!stage.may(nora, Desk::AnswerTickets).await);
    let last = stage.act(connection(&stage), stage.deactivation(stage.olivia, None)).await;
    assert_eq!(last, Err(Refusal::LastOwner));
}

#[tokio::test]
async fn S1_51_a_file_of_addresses_and_roles_is_reviewed_then_sent() {
    let (stage, ada, _) = stage().await;
    let file = "\u{feff}Email;Role\ncarl@acme.example;agent\ndora@acme.example;admin\n\
        bob@acme.example;agent\nvera@acme.example;viewer\nemil@acme.example;boss\n";
    let roles = stage.directory.roles(&ada.p(), stage.org).await.unwrap();
    let review = review_csv(file.as_bytes(), stage.org, &role("agent"), &roles);
    let reviewed = stage.directory.review(&ada.p(), stage.org, review).await.unwrap();
    let lines = |it: &Review| it.problems.iter().map(|it| it.line).collect::<Vec<_>>();
    assert_eq!(lines(&reviewed.review), [4, 5, 6], "here already, not invitable, no such role");
    assert_eq!((reviewed.seats.needed, reviewed.seats.free), (2, None));
    stage.letters().await;
    assert!(stage.letters().await.is_empty(), "a review sends nothing");
    let how = Batching::all_or_nothing();
    stage.directory.import(ada, &reviewed.review, how).await.unwrap();
    let mut to: Vec<String> = stage.letters().await.into_iter().map(|(to, _)| to).collect();
    to.sort_unstable();
    assert_eq!(to, ["carl@acme.example", "dora@acme.example"]);
}

#[tokio::test]
async fn S1_52_many_people_get_a_role_or_a_team_at_once() {
    let (stage, ada, bob) = stage().await;
    let berta = stage.join("berta", "agent").await;
    let team = stage.team("Billing", &[]).await;
    let organization = stage.org;
    let into_team = |who: Who| {
        ChangeTeamsOf {
            organization,
            membership: who.id,
            join: vec![team],
            leave: vec![],
            handover: None,
        }
        .into()
    };
    let answers = stage.act_all(ada, vec![into_team(bob), into_team(berta)]).await;
    assert_eq!(answers, [Ok(()), Ok(())]);
    let change = |who| stage.new_role(who, "viewer").into();
    let answers = stage.act_all(ada, vec![change(bob), change(berta)]).await;
    assert_eq!(answers, [Ok(()), Ok(())]);
    for who in [bob, berta] {
        let it = stage.row(who).await.membership;
        assert_eq!((it.role, it.teams), (role("viewer"), [team].into()));
    }
}

#[tokio::test]
async fn S1_53_many_people_are_deactivated_each_with_a_successor() {
    let (stage, ada, bob) = stage().await;
    let berta = stage.join("berta", "agent").await;
    let his = stage.work.add(stage.org, "tickets", bob.id);
    let commands = vec![
        stage.deactivation(bob, Some(Disposition::To(ada.id))).into(),
        stage.deactivation(berta, Some(Disposition::To(stage.olivia.id))).into(),
        stage.deactivation(ada, None).into(),
    ];
    let answers = stage.act_all(ada, commands).await;
    assert_eq!(answers, [Ok(()), Ok(()), Err(Refusal::Oneself)]);
    stage.settle().await;
    assert_eq!(stage.work.held_by(ada.id), [his]);
}

#[tokio::test]
async fn S1_54_the_last_sign_in_and_how_often() {
    let (stage, ada, bob) = stage().await;
    for _ in 0..3 {
        stage.clock.advance(Span::hours(1));
        stage.directory.open_session(bob.user, stage.org).await.unwrap();
    }
    let row = stage.directory.person(&ada.p(), stage.org, bob.id).await.unwrap();
    let activity = row.activity.unwrap();
    assert_eq!(activity.sign_ins, 3);
    assert_eq!(activity.signed_in_at, Some(tenure::Clock::now(&stage.clock)));
}

#[tokio::test]
async fn S1_55_the_activity_log_says_which_settings_somebody_changed() {
    // Tickets and replies are the host's own rows; they name the same membership.
    let (stage, ada, bob) = stage().await;
    stage.act(ada, stage.new_role(bob, "viewer")).await.unwrap();
    let audit = stage.directory.audit(&ada.p(), stage.org, Revision::NONE, 500).await.unwrap();
    let by_ada = |actor: &Actor| matches!(actor, Actor::Person { membership: Some(id), .. } if *id == ada.id);
    let hers: Vec<&str> = audit
        .entries
        .iter()
        .filter(|it| by_ada(&it.entry.actor))
        .map(|it| it.entry.command.as_str())
        .collect();
    assert_eq!(hers, ["ChangeRole"]);
}

#[tokio::test]
async fn S1_57_a_new_member_starts_with_the_roles_minimum() {
    let (stage, ada, bob) = stage().await;
    let allowed = async || {
        let mut allowed = Vec::new();
        for permission in <Desk as tenure::Permission>::ALL {
            if stage.may(bob, *permission).await {
                allowed.push(*permission);
            }
        }
        allowed
    };
    let minimum = [Desk::ViewTickets, Desk::AnswerTickets, Desk::UseMacros];
    assert_eq!(allowed().await, minimum);
    raise(&stage, ada, bob, Desk::ExportData, Reach::ALL).await;
    assert_eq!(allowed().await.len(), 4);
    // The access review: what was added to the role stands on the membership.
    let review = stage.row(bob).await.membership.overrides;
    assert_eq!(review.into_keys().collect::<Vec<_>>(), [Desk::ExportData.into()]);
}

#[tokio::test]
async fn S1_18_to_42_the_same_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("people.db")).unwrap();
    let stage = Stage::open_on(store, product().seats(3)).await;
    let ada = stage.join("ada", "admin").await;
    let bob = stage.join("bob", "agent").await;
    let team = stage.team("Billing", &[bob]).await;
    stage.work.add(stage.org, "tickets", bob.id);
    raise(&stage, ada, bob, Desk::ExportData, Reach::ALL).await;
    assert!(stage.may(bob, Desk::ExportData).await);
    stage.act(ada, stage.deactivation(bob, Some(Disposition::To(ada.id)))).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.work.held_by(ada.id).len(), 1);
    assert_eq!((stage.seats_used().await, stage.may(bob, Desk::ExportData).await), (2, false));
    let row = stage.row(bob).await;
    assert_eq!((row.status.as_str(), row.membership.teams), ("Deactivated", [team].into()));
    let open = InvitationStatus::Open;
    let invitations =
        stage.directory.invitations(&ada.p(), stage.org, open, None, 50).await.unwrap();
    assert!(invitations.rows.is_empty());
    let head = stage.directory.verify_audit(Stream::Organization(stage.org)).await.unwrap();
    let feed = stage.directory.events_since(FeedPosition(0), 500).await.unwrap();
    assert_eq!(feed.last().unwrap().entry.position, head.position);
    assert!(
        stage.letters().await.iter().all(|(_, it)| matches!(it, LetterKind::Invitation { .. }))
    );
}
