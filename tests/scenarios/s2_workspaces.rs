//! Workspaces inside an organization: access levels, contacts, and nobody edits their own access.

use tenure::adapters::sqlite::SqliteStore;
use tenure::commands::{
    ChangeRole, CompleteSetUp, Deactivate, EditProfile, Invite, OpenWorkspace, RemoveMember,
    ResendInvitation, RevokeInvitation,
};
use tenure::directory::RowAction;
use tenure::domain::{
    DeactivatedBecause, Disposition, EditedBy, Fence, GreenMark, MembershipId, Oneself, Override,
    ProfileField, Removal, Span, StatusGroup, StatusName, StatusWords,
};
use tenure::ports::PeopleFilter;
use tenure::{Item, Management, Reach, Refusal, Role, Rules, Scope, Store};

use crate::stage::{Desk, Product, Stage, Who, email, fields, role};

fn product() -> Product {
    let new = |name, rank| Role::new(name, rank).unwrap();
    let manager = [
        Management::ViewPeople,
        Management::Invite,
        Management::ChangeRoles,
        Management::OverridePermissions,
        Management::Remove,
        Management::EditPeople,
    ]
    .into_iter()
    .fold(new("manager", 60), |role, it| role.with(it, Reach::ALL))
    .with(Desk::ViewTickets, Reach::ALL)
    .with(Desk::DeleteTickets, Reach::ALL)
    .with(Desk::ExportData, Reach::ALL)
    .assigns(["manager", "agent"])
    .unwrap();
    let roles = vec![
        new("owner", 100).all_but::<Desk>([]).assigns_all().keeper(),
        manager,
        new("agent", 40).with(Desk::ViewTickets, Reach::ALL.within("channel").unwrap()),
        new("member", 10),
    ];
    let field = |name| ProfileField::new(name).unwrap().edited_by(EditedBy::Person);
    let words = StatusWords { pending: "pending".to_owned(), ..StatusWords::default() };
    Product::new(
        roles,
        Rules {
            removal: Removal::Irreversible,
            fields: vec![field("name"), field("avatar"), field("title")],
            oneself: Oneself::Forbidden,
            green_mark: GreenMark::Online,
            workspace_guest_role: Some(role("member")),
            words,
            ..Rules::default()
        },
    )
}

/// One workspace, with Maria its manager and Anton its agent.
struct Desks {
    stage: Stage,
    workspace: Scope,
    maria: Who,
    anton: Who,
}

async fn desks() -> Desks {
    desks_on(tenure::adapters::memory::MemoryStore::new()).await
}

async fn desks_on(store: impl Store + 'static) -> Desks {
    let stage = Stage::open_on(store, product()).await;
    let open = OpenWorkspace { organization: stage.org, name: "Sales".parse().unwrap() };
    let id = stage.act(stage.olivia, open).await.unwrap();
    let workspace = Scope::workspace(stage.org, id);
    let maria = enter(&stage, stage.olivia, workspace, "maria", "manager").await;
    let anton = enter(&stage, maria, workspace, "anton", "agent").await;
    Desks { stage, workspace, maria, anton }
}

/// Somebody is invited to a workspace and accepts.
async fn enter(stage: &Stage, by: Who, to: Scope, name: &str, level: &str) -> Who {
    stage.act(by, Invite::new(to, email(name), role(level))).await.unwrap();
    stage.accept(name).await
}

impl Desks {
    fn revoke(&self, whom: Who, handover: Option<Disposition>) -> RemoveMember {
        let handover = handover.map(Into::into);
        RemoveMember { scope: self.workspace, membership: whom.id, handover }
    }

    async fn whole(&self, who: Who) -> MembershipId {
        let all = self.stage.directory.memberships_of(who.user).await.unwrap();
        all.into_iter().find(|it| it.scope.workspace.is_none()).unwrap().id
    }

    async fn enters(&self, who: Who, scope: Scope) -> bool {
        self.stage.directory.open_session(who.user, scope).await.is_ok()
    }
}

#[tokio::test]
async fn S2_61_who_reaches_a_workspace_is_managed() {
    let it = desks().await;
    assert!(it.enters(it.anton, it.workspace).await);
    let open = OpenWorkspace { organization: it.stage.org, name: "Support".parse().unwrap() };
    let other = it.stage.act(it.stage.olivia, open).await.unwrap();
    assert!(!it.enters(it.anton, Scope::workspace(it.stage.org, other)).await);
    let listed = it.stage.directory.workspaces(&it.stage.olivia.p(), it.stage.org, None, 50).await;
    let mut names: Vec<String> =
        listed.unwrap().rows.iter().map(|it| it.name.to_string()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Sales", "Support"]);
}

#[tokio::test]
async fn S2_62_only_owners_and_managers() {
    let it = desks().await;
    let invite = |name| Invite::new(it.workspace, email(name), role("agent"));
    let refused = it.stage.act(it.anton, invite("nina")).await;
    assert_eq!(refused, Err(Refusal::MissingPermission(Management::Invite.into())));
    assert!(it.stage.act(it.maria, invite("nina")).await.is_ok());
    assert!(it.stage.act(it.stage.olivia, invite("otto")).await.is_ok());
    let page =
        it.stage.directory.people(&it.anton.p(), it.workspace, <_>::default(), None, 9).await;
    assert!(page.is_err());
}

#[tokio::test]
async fn S2_63_an_unaccepted_invitation_shows_the_email_marked_pending() {
    let it = desks().await;
    it.stage.act(it.maria, Invite::new(it.workspace, email("nina"), role("agent"))).await.unwrap();
    let filter = PeopleFilter { status: Some(StatusGroup::Pending), ..PeopleFilter::default() };
    let page =
        it.stage.directory.people(&it.maria.p(), it.workspace, filter, None, 9).await.unwrap();
    let row = &page.rows[0];
    assert_eq!(row.membership.display_name(), "nina@acme.example");
    assert_eq!((row.status.as_str(), row.is_invited), ("pending", true));
}

#[tokio::test]
async fn S2_64_a_profile_shows_avatar_name_access_level_and_email() {
    let it = desks().await;
    let fields = fields(&[("avatar", "a.png")]);
    let edit = EditProfile { scope: it.workspace, membership: it.anton.id, fields };
    it.stage.act(it.anton, edit).await.unwrap();
    let row = it.stage.directory.person(&it.maria.p(), it.workspace, it.anton.id).await.unwrap();
    assert_eq!(row.membership.profile.field("avatar"), Some("a.png"));
    assert_eq!(row.membership.display_name(), "Anton");
    assert_eq!(row.role, "agent");
    assert_eq!(row.membership.email, Some(email("anton")));
}

#[tokio::test]
async fn S2_65_the_online_indicator_follows_presence() {
    let it = desks().await;
    let green = async || {
        let row = it.stage.directory.person(&it.maria.p(), it.workspace, it.anton.id).await;
        row.unwrap().green_mark
    };
    assert!(!green().await);
    it.stage.directory.note_seen(it.stage.org, it.anton.id).await.unwrap();
    assert!(green().await);
    it.stage.clock.advance(Span::seconds(300));
    assert!(!green().await);
}

#[tokio::test]
async fn S2_66_when_somebody_was_last_seen() {
    let it = desks().await;
    let seen_at = tenure::Clock::now(&it.stage.clock);
    it.stage.directory.note_seen(it.stage.org, it.anton.id).await.unwrap();
    it.stage.clock.advance(Span::hours(5));
    let row = it.stage.directory.person(&it.maria.p(), it.workspace, it.anton.id).await.unwrap();
    assert_eq!(row.activity.unwrap().seen_at, Some(seen_at));
}

#[tokio::test]
async fn S2_67_two_row_actions_edit_and_revoke() {
    let it = desks().await;
    let rows = it.stage.directory.row_actions(&it.maria.p(), it.workspace, &[it.anton.id]).await;
    let row = rows.unwrap().remove(0);
    assert_eq!(row.roles, [role("manager")], "editing changes the access level");
    assert!(row.may(RowAction::Remove));
    assert!(!row.may(RowAction::Deactivate) && !row.may(RowAction::Resend));
}

#[tokio::test]
async fn S2_68_quick_search_by_name_and_address() {
    let it = desks().await;
    let found = async |prefix: &str| {
        let filter = PeopleFilter { prefix: Some(prefix.to_owned()), ..PeopleFilter::default() };
        let page = it.stage.directory.people(&it.maria.p(), it.workspace, filter, None, 9).await;
        page.unwrap().rows.iter().map(|row| row.membership.display_name()).collect::<Vec<_>>()
    };
    assert_eq!(found("ANT").await, ["Anton"]);
    assert_eq!(found("maria@").await, ["Maria"]);
    assert!(found("zoe").await.is_empty());
}

#[tokio::test]
async fn S2_69_add_with_an_email_and_an_access_level() {
    let it = desks().await;
    let nina = enter(&it.stage, it.maria, it.workspace, "nina", "manager").await;
    let row = it.stage.directory.person(&it.maria.p(), it.workspace, nina.id).await.unwrap();
    assert_eq!((row.role.as_str(), row.membership.scope), ("manager", it.workspace));
}

#[tokio::test]
async fn S2_70_restrictions_for_managers_and_agents_while_adding() {
    let it = desks().await;
    let manager = Invite::new(it.workspace, email("nina"), role("manager"))
        .overriding(Desk::ExportData, Override::Deny);
    it.stage.act(it.maria, manager).await.unwrap();
    let nina = it.stage.accept("nina").await;
    let agent = Invite::new(it.workspace, email("otto"), role("agent"))
        .fenced(Fence::default().with("channel", ["email"]).unwrap());
    it.stage.act(it.maria, agent).await.unwrap();
    let otto = it.stage.accept("otto").await;
    let check = it.stage.directory.check(&nina.p(), it.workspace, Desk::ExportData).await.unwrap();
    assert!(!check.is_allowed());
    let in_channel = |name: &str| Item {
        resources: [("channel".parse().unwrap(), name.parse().unwrap())].into(),
        ..Item::default()
    };
    let sees = async |item: Item| {
        it.stage
            .directory
            .check_on(&otto.p(), it.workspace, Desk::ViewTickets, &item)
            .await
            .unwrap()
            .is_allowed()
    };
    assert!(sees(in_channel("email")).await && !sees(in_channel("chat")).await);
}

#[tokio::test]
async fn S2_71_access_only_after_the_link() {
    let it = desks().await;
    let sam = it.stage.stranger("sam@acme.example").await;
    let invited = it.stage.act(it.maria, Invite::new(it.workspace, email("sam"), role("agent")));
    let invited = invited.await.unwrap();
    assert!(it.stage.directory.open_session(sam, it.workspace).await.is_err());
    let view = it.stage.open_link("sam").await;
    assert!(view.has_user, "who has a user signs in to accept");
    let accepted = it.stage.act(sam, view.accept()).await.unwrap();
    assert_eq!(accepted.membership, invited.membership);
    assert!(it.stage.directory.open_session(sam, it.workspace).await.is_ok());
}

#[tokio::test]
async fn S2_72_adding_to_a_workspace_adds_to_the_organization() {
    let it = desks().await;
    let all = it.stage.directory.memberships_of(it.anton.user).await.unwrap();
    assert_eq!(all.len(), 2);
    let whole = all.iter().find(|it| it.scope.workspace.is_none()).unwrap();
    assert_eq!((whole.role.as_str(), whole.is_active()), ("member", true));
    // Whoever is there already is only added to the workspace.
    let open = OpenWorkspace { organization: it.stage.org, name: "Support".parse().unwrap() };
    let other = it.stage.act(it.stage.olivia, open).await.unwrap();
    let other = Scope::workspace(it.stage.org, other);
    it.stage.act(it.stage.olivia, Invite::new(other, email("anton"), role("agent"))).await.unwrap();
    let view = it.stage.open_link("anton").await;
    it.stage.act(it.anton, view.accept()).await.unwrap();
    assert_eq!(it.stage.directory.memberships_of(it.anton.user).await.unwrap().len(), 3);
}

#[tokio::test]
async fn S2_73_the_users_of_a_workspace_as_csv() {
    let it = desks().await;
    let mut csv = Vec::new();
    let rows = it
        .stage
        .directory
        .export_people(&it.maria.p(), it.workspace, <_>::default(), &mut csv)
        .await;
    assert_eq!(rows.unwrap(), 2);
    let expected = "name,email,role,status\n\
        Anton,anton@acme.example,agent,Active\n\
        Maria,maria@acme.example,manager,Active\n";
    assert_eq!(String::from_utf8(csv).unwrap(), expected);
}

#[tokio::test]
async fn S2_74_nobody_revokes_or_edits_their_own_access() {
    let it = desks().await;
    let own = ChangeRole {
        scope: it.workspace,
        membership: it.maria.id,
        role: role("agent"),
        handover: None,
    };
    assert_eq!(it.stage.act(it.maria, own.clone()).await, Err(Refusal::Oneself));
    assert_eq!(it.stage.act(it.maria, it.revoke(it.maria, None)).await, Err(Refusal::Oneself));
    // Another privileged user must.
    it.stage.act(it.stage.olivia, own).await.unwrap();
    it.stage.act(it.stage.olivia, it.revoke(it.maria, None)).await.unwrap();
}

#[tokio::test]
async fn S2_75_revoking_removes_the_user_from_the_workspace() {
    let it = desks().await;
    it.stage.act(it.maria, it.revoke(it.anton, None)).await.unwrap();
    assert_eq!(it.stage.names(it.maria, it.workspace, None).await, ["Maria"]);
    assert!(!it.enters(it.anton, it.workspace).await);
}

#[tokio::test]
async fn S2_76_by_default_contacts_become_unassigned() {
    let it = desks().await;
    let contact = it.stage.work.add(it.workspace, "contacts", it.anton.id);
    it.stage.act(it.maria, it.revoke(it.anton, None)).await.unwrap();
    it.stage.settle().await;
    let item = it.stage.work.items().into_iter().find(|it| it.id == contact).unwrap();
    assert_eq!(item.holder, None);
}

#[tokio::test]
async fn S2_77_or_contacts_go_to_a_chosen_user() {
    let it = desks().await;
    let contact = it.stage.work.add(it.workspace, "contacts", it.anton.id);
    let to = Some(Disposition::To(it.maria.id));
    it.stage.act(it.maria, it.revoke(it.anton, to)).await.unwrap();
    it.stage.settle().await;
    assert_eq!(it.stage.work.held_by(it.maria.id), [contact]);
}

#[tokio::test]
async fn S2_78_access_to_the_organization_remains() {
    let it = desks().await;
    it.stage.act(it.maria, it.revoke(it.anton, None)).await.unwrap();
    assert!(it.enters(it.anton, it.stage.org.into()).await);
    let whole = it.whole(it.anton).await;
    let row = it.stage.directory.person(&it.stage.olivia.p(), it.stage.org, whole).await.unwrap();
    assert_eq!(row.status, "Active");
}

#[tokio::test]
async fn S2_79_a_revoke_cannot_be_undone() {
    let it = desks().await;
    it.stage.act(it.maria, it.revoke(it.anton, None)).await.unwrap();
    let (scope, membership) = (it.workspace, it.anton.id);
    let back = tenure::commands::Reactivate {
        scope,
        membership,
        work: tenure::commands::WorkOnReturn::StaysWhereItIs,
    };
    let undone = it.stage.act(it.stage.olivia, back).await;
    let step = tenure::domain::Step::Reactivate;
    assert_eq!(undone, Err(Refusal::NoTransition { from: StatusName::Removed, step }));
    let again = enter_existing(&it).await;
    assert_ne!(again, it.anton.id, "whoever comes back begins anew");
    let because = DeactivatedBecause::Left;
    let pause = Deactivate { scope, membership: again, because, handover: None };
    let refused = it.stage.act(it.stage.olivia, pause).await;
    assert!(matches!(refused, Err(Refusal::RuleForbids { rule: "C1", .. })));
}

async fn enter_existing(it: &Desks) -> MembershipId {
    it.stage.act(it.maria, Invite::new(it.workspace, email("anton"), role("agent"))).await.unwrap();
    let view = it.stage.open_link("anton").await;
    it.stage.act(it.anton, view.accept()).await.unwrap().membership
}

#[tokio::test]
async fn S2_80_edit_changes_the_access_level_only() {
    let it = desks().await;
    let level = ChangeRole {
        scope: it.workspace,
        membership: it.anton.id,
        role: role("manager"),
        handover: None,
    };
    it.stage.act(it.maria, level).await.unwrap();
    for field in ["name", "avatar", "title"] {
        let fields = fields(&[(field, "x")]);
        let edit = EditProfile { scope: it.workspace, membership: it.anton.id, fields };
        let refused = it.stage.act(it.stage.olivia, edit).await;
        assert_eq!(refused, Err(Refusal::FieldNotYours(field.parse().unwrap())));
    }
}

#[tokio::test]
async fn S2_63_67_a_manager_sends_again_and_takes_back_what_is_pending() {
    let it = desks().await;
    let invite = Invite::new(it.workspace, email("nina"), role("agent"));
    let invited = it.stage.act(it.maria, invite).await.unwrap();
    let directory = &it.stage.directory;
    let rows = directory.row_actions(&it.maria.p(), it.workspace, &[invited.membership]).await;
    let row = rows.unwrap().remove(0);
    assert!(row.may(RowAction::Resend), "{:?}", row.why_not(RowAction::Resend));
    assert!(row.may(RowAction::Revoke), "{:?}", row.why_not(RowAction::Revoke));
    let (scope, invitation) = (it.workspace, invited.invitation);
    it.stage.act(it.maria, ResendInvitation { scope, invitation }).await.unwrap();
    it.stage.act(it.maria, RevokeInvitation { scope, invitation }).await.unwrap();
    assert_eq!(it.stage.names(it.maria, it.workspace, None).await, ["Anton", "Maria"]);
}

#[tokio::test]
async fn S2_64_whoever_is_added_to_a_second_workspace_keeps_their_name() {
    let it = desks().await;
    let open = OpenWorkspace { organization: it.stage.org, name: "Support".parse().unwrap() };
    let support = it.stage.act(it.stage.olivia, open).await.unwrap();
    let support = Scope::workspace(it.stage.org, support);
    let invite = Invite::new(support, email("anton"), role("agent"));
    it.stage.act(it.stage.olivia, invite).await.unwrap();
    let view = it.stage.open_link("anton").await;
    it.stage.act(it.anton, view.accept()).await.unwrap();
    assert_eq!(it.stage.names(it.stage.olivia, support, None).await, ["Anton"]);
}

#[tokio::test]
async fn S2_71_finishing_set_up_opens_the_workspace_too() {
    let mut product = product();
    product.rules.activation = tenure::domain::Activation::AfterPassword;
    let stage = Stage::open(product).await;
    let open = OpenWorkspace { organization: stage.org, name: "Sales".parse().unwrap() };
    let sales = Scope::workspace(stage.org, stage.act(stage.olivia, open).await.unwrap());
    let invite = Invite::new(sales, email("anton"), role("manager"));
    stage.act(stage.olivia, invite).await.unwrap();
    let view = stage.open_link("anton").await;
    let anton = stage.act(view.link.clone(), view.accept()).await.unwrap();
    assert!(!anton.is_active);
    let enters = async || stage.directory.open_session(anton.user, sales).await.is_ok();
    assert!(!enters().await);
    let password = Some(crate::stage::hash("anton"));
    let profile = tenure::Profile::default();
    let set_up = CompleteSetUp { organization: stage.org, profile, password };
    stage.act(anton.user, set_up).await.unwrap();
    assert!(enters().await);
}

#[tokio::test]
async fn S2_75_the_counts_of_a_workspace_agree_when_people_come_and_go() {
    let it = desks().await;
    let counts = async || {
        let who = it.stage.olivia.p();
        let page = it.stage.directory.people(&who, it.workspace, <_>::default(), None, 50).await;
        let page = page.unwrap();
        (page.rows.len() as u64, page.total.unwrap())
    };
    assert_eq!(counts().await, (2, 2));
    let invite = Invite::new(it.workspace, email("nina"), role("agent"));
    it.stage.act(it.maria, invite).await.unwrap();
    assert_eq!(counts().await, (3, 3));
    it.stage.clock.advance(Span::days(8));
    it.stage.settle().await;
    assert_eq!(counts().await, (3, 3), "a lapsed invitation is pending still");
    // Gone from the organization is gone from the workspace.
    let membership = it.whole(it.anton).await;
    let scope = it.stage.org.into();
    let remove = RemoveMember { scope, membership, handover: None };
    it.stage.act(it.stage.olivia, remove).await.unwrap();
    assert_eq!(counts().await, (2, 2));
}

#[tokio::test]
async fn S2_72_78_the_same_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let it = desks_on(SqliteStore::open(folder.path().join("people.db")).unwrap()).await;
    let contact = it.stage.work.add(it.workspace, "contacts", it.anton.id);
    let to = Some(Disposition::To(it.maria.id));
    it.stage.act(it.maria, it.revoke(it.anton, to)).await.unwrap();
    it.stage.settle().await;
    assert_eq!(it.stage.work.held_by(it.maria.id), [contact]);
    assert!(!it.enters(it.anton, it.workspace).await);
    assert!(it.enters(it.anton, it.stage.org.into()).await);
    assert_eq!(it.stage.names(it.maria, it.workspace, None).await, ["Maria"]);
}

#[tokio::test]
async fn S2_76_77_leaving_the_organization_hands_over_the_work_in_its_workspaces() {
    let it = desks().await;
    let contact = it.stage.work.add(it.workspace, "contacts", it.anton.id);
    let whole = it.whole(it.anton).await;
    let to = Some(Disposition::To(it.whole(it.maria).await).into());
    let remove = tenure::commands::RemoveMember {
        scope: it.stage.org.into(),
        membership: whole,
        handover: to,
    };
    it.stage.act(it.stage.olivia, remove).await.unwrap();
    it.stage.settle().await;
    assert_eq!(it.stage.work.held_by(it.maria.id), [contact]);
    assert!(it.stage.work.held_by(it.anton.id).is_empty());
}
