//! Where the products contradict each other, the host chooses; every choice is walked.

use tenure::commands::{
    Arrive, CompleteSetUp, EditProfile, GiveSupport, Invite, Leave, OpenWorkspace, Provision,
    Reactivate, RegisterUser, RenewSupport, SetPassword, SignUp, WorkOnReturn, review_csv,
};
use tenure::directory::Reauthenticated;
use tenure::domain::{
    Activation, Authorship, BatchRoles, Disposition, EditedBy, Equals, ExternalIdentity, GreenMark,
    Joining, LastOwner, Oneself, OrganizationStatus, Passwords, ProfileField, Provisioning,
    Removal, RemovedBecause, SeatUse, SeatsFull, Span, StatusWords, SupportRule, UserId,
    WorkOnLeaving, WorkspaceRemoval,
};
use tenure::{Batching, Management, Principal, Profile, Reach, Refusal, Role, Scope};

use crate::stage::{Desk, Product, Stage, Who, desk, email, fields, hash, role};

fn forbidden<T: std::fmt::Debug>(answer: &Result<T, Refusal>, by: &str) -> bool {
    matches!(answer, Err(Refusal::RuleForbids { rule, .. }) if *rule == by)
}

async fn with_bob(product: Product) -> (Stage, Who) {
    let stage = Stage::open(product).await;
    let bob = stage.join("bob", "agent").await;
    (stage, bob)
}

// ── C1 ──────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn C01_removal_is_reversible() {
    let (stage, bob) = with_bob(desk(|it| it.removal = Removal::Reversible)).await;
    assert!(forbidden(&stage.act(stage.olivia, stage.removal(bob, None)).await, "C1"));
    stage.deactivate(stage.olivia, bob).await.unwrap();
    let back = Reactivate {
        scope: stage.org.into(),
        membership: bob.id,
        work: WorkOnReturn::StaysWhereItIs,
    };
    stage.act(stage.olivia, back).await.unwrap();
    assert!(stage.row(bob).await.membership.is_active());
}

#[tokio::test]
async fn C01_removal_is_irreversible() {
    let (stage, bob) = with_bob(desk(|it| it.removal = Removal::Irreversible)).await;
    assert!(forbidden(&stage.deactivate(stage.olivia, bob).await, "C1"));
    stage.act(stage.olivia, stage.removal(bob, None)).await.unwrap();
    let back = Reactivate {
        scope: stage.org.into(),
        membership: bob.id,
        work: WorkOnReturn::StaysWhereItIs,
    };
    assert!(stage.act(stage.olivia, back).await.is_err());
    assert_eq!(stage.names(stage.olivia, stage.org, None).await, ["Olivia"]);
}

#[tokio::test]
async fn C01_removal_is_either() {
    let (stage, bob) = with_bob(desk(|it| it.removal = Removal::Either)).await;
    stage.deactivate(stage.olivia, bob).await.unwrap();
    stage.act(stage.olivia, stage.removal(bob, None)).await.unwrap();
}

// ── C2, C5, C6, C8: said by the roles ───────────────────────────────────────────────────────────

#[tokio::test]
async fn C02_agents_manage_people_where_their_role_says_so() {
    let mut product = desk(|_| ());
    let agent = product.roles.iter_mut().find(|it| it.name == role("agent")).unwrap();
    *agent = agent.clone().with(Management::Invite, Reach::ALL).assigns(["customer"]).unwrap();
    let (stage, bob) = with_bob(product).await;
    assert!(stage.invite(bob, "carl", "customer").await.is_ok());
}

#[tokio::test]
async fn C02_agents_manage_nobody_where_their_role_does_not() {
    let (stage, bob) = with_bob(desk(|_| ())).await;
    let refused = stage.invite(bob, "carl", "customer").await;
    assert_eq!(refused, Err(Refusal::MissingPermission(Management::Invite.into())));
}

#[tokio::test]
async fn C05_a_product_has_three_roles() {
    let owner = Role::new("owner", 9).unwrap().all_but::<Desk>([]).assigns_all().keeper();
    let roles = vec![owner, Role::new("agent", 5).unwrap(), Role::new("viewer", 1).unwrap()];
    let (stage, _) = with_bob(Product::new(roles, <_>::default())).await;
    let roles = stage.directory.roles(&stage.olivia.p(), stage.org).await.unwrap();
    assert_eq!(roles.len(), 3);
}

#[tokio::test]
async fn C05_another_product_has_five() {
    let (stage, _) = with_bob(desk(|_| ())).await;
    let roles = stage.directory.roles(&stage.olivia.p(), stage.org).await.unwrap();
    assert_eq!(roles.len(), 5);
}

#[tokio::test]
async fn C06_nobody_is_invited_as_viewer() {
    let stage = Stage::open(desk(|_| ())).await;
    let refused = stage.invite(stage.olivia, "vera", "viewer").await;
    assert_eq!(refused, Err(Refusal::NotInvitable(role("viewer"))));
}

#[tokio::test]
async fn C06_viewers_are_invited_like_all() {
    let mut product = desk(|_| ());
    product.roles.iter_mut().for_each(|it| it.invitable = true);
    let stage = Stage::open(product).await;
    assert!(stage.invite(stage.olivia, "vera", "viewer").await.is_ok());
}

#[tokio::test]
async fn C08_billing_with_the_owner_only() {
    let stage = Stage::open(desk(|_| ())).await;
    let ada = stage.join("ada", "admin").await;
    assert!(!stage.may(ada, Management::Billing).await);
    assert!(stage.may(stage.olivia, Management::Billing).await);
}

#[tokio::test]
async fn C08_billing_with_admins_too() {
    let mut product = desk(|_| ());
    let admin = product.roles.iter_mut().find(|it| it.name == role("admin")).unwrap();
    *admin = admin.clone().with(Management::Billing, Reach::ALL);
    let stage = Stage::open(product).await;
    let ada = stage.join("ada", "admin").await;
    assert!(stage.may(ada, Management::Billing).await);
}

// ── C3 ──────────────────────────────────────────────────────────────────────────────────────────

/// Imports a file in which two people have two roles.
async fn imports_two_roles(batch: BatchRoles) -> Result<usize, Refusal> {
    let stage = Stage::open(desk(|it| it.batch = batch)).await;
    let roles = stage.directory.roles(&stage.olivia.p(), stage.org).await.unwrap();
    let file = b"email,role\nada@acme.example,admin\nbob@acme.example,agent\n";
    let review = review_csv(file, stage.org, &role("agent"), &roles);
    let how = Batching::each();
    match stage.directory.import(stage.olivia, &review, how).await {
        Ok(answers) => Ok(answers.iter().filter(|it| it.is_ok()).count()),
        Err(error) => Err(error.refusal().unwrap().clone()),
    }
}

#[tokio::test]
async fn C03_each_row_of_a_batch_has_its_own_role() {
    assert_eq!(imports_two_roles(BatchRoles::PerRow).await, Ok(2));
}

#[tokio::test]
async fn C03_a_batch_has_one_role() {
    assert!(forbidden(&imports_two_roles(BatchRoles::OneRole).await, "C3"));
}

// ── C4, C11 ─────────────────────────────────────────────────────────────────────────────────────

fn field_of(who: EditedBy) -> Product {
    let title = ProfileField::new("title").unwrap().edited_by(who);
    desk(|it| it.fields = vec![ProfileField::new("name").unwrap(), title])
}

/// Whether Bob, and whether Olivia, edits Bob's title.
async fn edits_title(who: EditedBy) -> (bool, bool) {
    let stage = Stage::open(field_of(who)).await;
    stage.invite(stage.olivia, "bob", "agent").await.unwrap();
    let view = stage.open_link("bob").await;
    let bob = stage.act(view.link.clone(), view.accept()).await.unwrap();
    let edit = |value| EditProfile {
        scope: stage.org.into(),
        membership: bob.membership,
        fields: fields(&[("title", value)]),
    };
    let own = stage.act(bob.user, edit("one")).await.is_ok();
    (own, stage.act(stage.olivia, edit("two")).await.is_ok())
}

#[tokio::test]
async fn C04_administrators_edit_the_fields_that_are_theirs() {
    assert_eq!(edits_title(EditedBy::Administrators).await, (false, true));
}

#[tokio::test]
async fn C04_administrators_edit_nothing_of_the_profile() {
    assert_eq!(edits_title(EditedBy::Person).await, (true, false));
}

#[tokio::test]
async fn C04_pending_people_are_edited_or_not() {
    for edit_pending in [true, false] {
        let stage = Stage::open(desk(|it| it.edit_pending = edit_pending)).await;
        let membership = stage.invite(stage.olivia, "bob", "agent").await.unwrap().membership;
        let fields = fields(&[("title", "Agent")]);
        let edit = EditProfile { scope: stage.org.into(), membership, fields };
        assert_eq!(stage.act(stage.olivia, edit).await.is_ok(), edit_pending);
    }
}

#[tokio::test]
async fn C11_a_field_belongs_to_both() {
    assert_eq!(edits_title(EditedBy::Both).await, (true, true));
}

#[tokio::test]
async fn C11_a_field_belongs_to_the_person_alone() {
    assert_eq!(edits_title(EditedBy::Person).await, (true, false));
}

// ── C7 ──────────────────────────────────────────────────────────────────────────────────────────

async fn works_after(lifetime: Span, later: Span) -> bool {
    let stage = Stage::open(desk(|it| it.invitation_lifetime = lifetime)).await;
    stage.invite(stage.olivia, "bob", "agent").await.unwrap();
    let view = stage.open_link("bob").await;
    stage.clock.advance(later);
    stage.act(view.link.clone(), view.accept()).await.is_ok()
}

#[tokio::test]
async fn C07_links_live_for_seven_days() {
    assert!(works_after(Span::days(7), Span::days(6)).await);
    assert!(!works_after(Span::days(7), Span::days(7)).await);
}

#[tokio::test]
async fn C07_links_live_for_an_hour() {
    assert!(works_after(Span::hours(1), Span::seconds(3_599)).await);
    assert!(!works_after(Span::hours(1), Span::hours(1)).await);
}

// ── C9, C13 ─────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn C09_work_becomes_unassigned() {
    let (stage, bob) = with_bob(desk(|it| it.work_on_leaving = WorkOnLeaving::Unassign)).await;
    stage.work.add(stage.org, "tickets", bob.id);
    let named = stage.deactivation(bob, Some(Disposition::To(stage.olivia.id)));
    assert!(forbidden(&stage.act(stage.olivia, named).await, "C9"));
    stage.deactivate(stage.olivia, bob).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.work.items()[0].holder, None);
}

#[tokio::test]
async fn C09_a_successor_is_mandatory() {
    let required = WorkOnLeaving::SuccessorRequired;
    let (stage, bob) = with_bob(desk(|it| it.work_on_leaving = required)).await;
    let refused = stage.deactivate(stage.olivia, bob).await;
    assert_eq!(refused, Err(Refusal::SuccessorRequired));
    let named = stage.deactivation(bob, Some(Disposition::To(stage.olivia.id)));
    stage.act(stage.olivia, named).await.unwrap();
}

#[tokio::test]
async fn C09_whoever_removes_chooses() {
    for (choice, holder) in
        [(None, 0), (Some(Disposition::Unassign), 0), (Some(Disposition::Leave), 1)]
    {
        let (stage, bob) = with_bob(desk(|it| it.work_on_leaving = WorkOnLeaving::Either)).await;
        stage.work.add(stage.org, "tickets", bob.id);
        stage.act(stage.olivia, stage.deactivation(bob, choice)).await.unwrap();
        stage.settle().await;
        assert_eq!(stage.work.held_by(bob.id).len(), holder);
    }
}

async fn author_after(authorship: Authorship) -> (bool, bool) {
    let (stage, bob) = with_bob(desk(|it| it.authorship = authorship)).await;
    stage.work.add(stage.org, "articles", bob.id);
    let to = Some(Disposition::To(stage.olivia.id));
    stage.act(stage.olivia, stage.deactivation(bob, to)).await.unwrap();
    stage.settle().await;
    let item = stage.work.items().remove(0);
    (item.holder == Some(stage.olivia.id), item.original_author == Some(bob.id))
}

#[tokio::test]
async fn C13_authorship_is_kept() {
    assert_eq!(author_after(Authorship::Kept).await, (false, true));
}

#[tokio::test]
async fn C13_authorship_moves_to_the_successor() {
    assert_eq!(author_after(Authorship::MovesToSuccessor).await, (true, true));
}

// ── C10 ─────────────────────────────────────────────────────────────────────────────────────────

/// Seats in use with an owner, an invited agent, a deactivated agent and a viewer.
async fn seats_with(use_of: SeatUse) -> u64 {
    let (stage, bob) = with_bob(desk(|it| it.seats = use_of)).await;
    stage.invite(stage.olivia, "ivan", "agent").await.unwrap();
    let vera = stage.join("vera", "agent").await;
    stage.act(stage.olivia, stage.new_role(vera, "viewer")).await.unwrap();
    stage.deactivate(stage.olivia, bob).await.unwrap();
    stage.seats_used().await
}

#[tokio::test]
async fn C10_only_active_people_use_seats_and_viewers_are_free() {
    assert_eq!(seats_with(SeatUse::Active).await, 1);
}

#[tokio::test]
async fn C10_invited_people_use_seats_too() {
    assert_eq!(seats_with(SeatUse::ActiveAndPending).await, 2);
}

#[tokio::test]
async fn C10_deactivated_people_use_seats_too() {
    assert_eq!(seats_with(SeatUse::Everyone).await, 3);
}

// ── C12, C24 ────────────────────────────────────────────────────────────────────────────────────

fn leaving(stage: &Stage, who: Who) -> Leave {
    let because = RemovedBecause::Left;
    Leave { scope: stage.org.into(), membership: who.id, because, handover: None }
}

#[tokio::test]
async fn C12_nobody_ends_their_own_membership() {
    let (stage, bob) = with_bob(desk(|it| it.oneself = Oneself::Forbidden)).await;
    assert_eq!(stage.act(bob, leaving(&stage, bob)).await, Err(Refusal::Oneself));
    let proved = Reauthenticated::just_now();
    let kept = stage.directory.delete_oneself(bob.user, proved, |_| None).await.unwrap();
    assert!(!kept.is_erased);
    assert_eq!(kept.blockers[0].1, Refusal::Oneself);
}

#[tokio::test]
async fn C12_people_leave_and_delete_themselves() {
    let (stage, bob) = with_bob(desk(|it| it.oneself = Oneself::MayLeave)).await;
    let proved = Reauthenticated::just_now();
    assert!(stage.directory.delete_oneself(bob.user, proved, |_| None).await.unwrap().is_erased);
    assert_eq!(stage.names(stage.olivia, stage.org, None).await, ["Olivia"]);
}

#[tokio::test]
async fn C24_the_last_owners_leaving_is_refused() {
    let (stage, _) = with_bob(desk(|it| it.last_owner = LastOwner::Refused)).await;
    let refused = stage.act(stage.olivia, leaving(&stage, stage.olivia)).await;
    assert_eq!(refused, Err(Refusal::LastOwner));
}

#[tokio::test]
async fn C24_the_last_owners_leaving_closes_the_organization() {
    let (stage, bob) = with_bob(desk(|it| it.last_owner = LastOwner::ClosesOrganization)).await;
    stage.act(stage.olivia, leaving(&stage, stage.olivia)).await.unwrap();
    let it = stage.directory.organization(&Principal::System, stage.org).await.unwrap();
    assert!(matches!(it.status, OrganizationStatus::Closing { .. }));
    assert!(!stage.may(bob, Desk::AnswerTickets).await);
}

// ── C14 ─────────────────────────────────────────────────────────────────────────────────────────

fn new_password(stage: &Stage, who: Who) -> SetPassword {
    SetPassword { organization: stage.org, membership: who.id, password: hash("set") }
}

#[tokio::test]
async fn C14_administrators_only_have_a_reset_mail_sent() {
    let (stage, bob) = with_bob(desk(|_| ())).await;
    assert!(forbidden(&stage.act(stage.olivia, new_password(&stage, bob)).await, "C14"));
}

#[tokio::test]
async fn C14_administrators_set_a_password_of_their_own_realm() {
    let mut product = desk(|it| it.passwords = Passwords::MaySet);
    product.own_realm = true;
    let (stage, bob) = with_bob(product).await;
    stage.act(stage.olivia, new_password(&stage, bob)).await.unwrap();
    assert_eq!(stage.directory.user(bob.user).await.unwrap().password, Some(hash("set")));
    // A shared identity is nobody's to change, whatever the rules say.
    let (shared, bob) = with_bob(desk(|it| it.passwords = Passwords::MaySet)).await;
    assert!(forbidden(&shared.act(shared.olivia, new_password(&shared, bob)).await, "C14"));
}

// ── C15 ─────────────────────────────────────────────────────────────────────────────────────────

async fn clicked(activation: Activation) -> (Stage, UserId, bool) {
    let title = ProfileField::new("title").unwrap().required();
    let stage = Stage::open(desk(|it| {
        it.activation = activation;
        it.fields.retain(|field| field.name.as_str() != "title");
        it.fields.push(title);
    }))
    .await;
    stage.invite(stage.olivia, "bob", "agent").await.unwrap();
    let view = stage.open_link("bob").await;
    let bob = stage.act(view.link.clone(), view.accept()).await.unwrap();
    (stage, bob.user, bob.is_active)
}

#[tokio::test]
async fn C15_people_are_active_on_click() {
    assert!(clicked(Activation::OnAccepting).await.2);
}

#[tokio::test]
async fn C15_people_are_active_after_choosing_a_password() {
    let (stage, bob, is_active) = clicked(Activation::AfterPassword).await;
    assert!(!is_active);
    let set_up =
        |password| CompleteSetUp { organization: stage.org, profile: Profile::default(), password };
    let refused = stage.act(bob, set_up(None)).await;
    assert_eq!(refused, Err(Refusal::SetUpNeeds("password".to_owned())));
    stage.act(bob, set_up(Some(hash("bob")))).await.unwrap();
    assert!(stage.directory.open_session(bob, stage.org).await.is_ok());
}

#[tokio::test]
async fn C15_people_are_active_after_the_required_profile() {
    let (stage, bob, is_active) = clicked(Activation::AfterProfile).await;
    assert!(!is_active);
    let profile = Profile::default().with("title", "Agent").unwrap();
    let set_up = CompleteSetUp { organization: stage.org, profile, password: None };
    stage.act(bob, set_up).await.unwrap();
    assert!(stage.directory.open_session(bob, stage.org).await.is_ok());
}

// ── C16 ─────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn C16_the_green_mark_means_staff() {
    let (stage, bob) = with_bob(desk(|it| it.green_mark = GreenMark::Staff)).await;
    let carl = stage.join("carl", "customer").await;
    stage.directory.note_seen(stage.org, carl.id).await.unwrap();
    assert_eq!((stage.row(bob).await.green_mark, stage.row(carl).await.green_mark), (true, false));
}

#[tokio::test]
async fn C16_the_green_mark_means_online() {
    let (stage, bob) = with_bob(desk(|it| it.green_mark = GreenMark::Online)).await;
    let carl = stage.join("carl", "customer").await;
    stage.directory.note_seen(stage.org, carl.id).await.unwrap();
    assert_eq!((stage.row(bob).await.green_mark, stage.row(carl).await.green_mark), (false, true));
}

// ── C17 ─────────────────────────────────────────────────────────────────────────────────────────

/// The role that somebody with this address signs up into.
async fn signs_up(joining: Joining, address: &str) -> Result<String, Refusal> {
    let stage = Stage::open(desk(|it| it.joining = joining)).await;
    let user = stage.stranger(address).await;
    let profile = Profile::default();
    let id =
        stage.act(user, SignUp { organization: stage.org, email: email(address), profile }).await?;
    Ok(stage.row(Who { user, id }).await.membership.role.to_string())
}

#[tokio::test]
async fn C17_nobody_comes_without_an_invitation() {
    let refused = signs_up(Joining::InvitationOnly, "sam@acme.example").await;
    let no_such_place = Refusal::NotFound(tenure::domain::Thing::Organization);
    assert_eq!(refused, Err(no_such_place));
}

#[tokio::test]
async fn C17_anybody_signs_up_with_the_default_role() {
    let open = Joining::Open { role: role("customer") };
    assert_eq!(signs_up(open, "sam@elsewhere.example").await.unwrap(), "customer");
}

#[tokio::test]
async fn C17_people_of_a_verified_domain_sign_up() {
    let domains =
        || Joining::Domains { domains: ["acme.example".to_owned()].into(), role: role("agent") };
    assert_eq!(signs_up(domains(), "sam@ACME.example").await.unwrap(), "agent");
    assert!(signs_up(domains(), "sam@evil.example").await.is_err());
    assert!(signs_up(domains(), "sam@sub.acme.example").await.is_err());
}

// ── C18 ─────────────────────────────────────────────────────────────────────────────────────────

/// How many memberships somebody has after losing their only workspace.
async fn left_after_last_workspace(removal: WorkspaceRemoval) -> usize {
    let stage = Stage::open(desk(|it| {
        it.workspace_removal = removal;
        it.workspace_guest_role = Some(role("agent"));
    }))
    .await;
    let open = OpenWorkspace { organization: stage.org, name: "Sales".parse().unwrap() };
    let id = stage.act(stage.olivia, open).await.unwrap();
    let scope = Scope::workspace(stage.org, id);
    stage.act(stage.olivia, Invite::new(scope, email("bob"), role("agent"))).await.unwrap();
    let bob = stage.accept("bob").await;
    let remove = tenure::commands::RemoveMember { scope, membership: bob.id, handover: None };
    stage.act(stage.olivia, remove).await.unwrap();
    stage.directory.memberships_of(bob.user).await.unwrap().len()
}

#[tokio::test]
async fn C18_removal_is_from_the_workspace_only() {
    assert_eq!(left_after_last_workspace(WorkspaceRemoval::WorkspaceOnly).await, 1);
}

#[tokio::test]
async fn C18_removal_from_the_last_workspace_is_removal_everywhere() {
    assert_eq!(left_after_last_workspace(WorkspaceRemoval::Everywhere).await, 0);
}

// ── C19 ─────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn C19_the_words_for_each_status_are_the_hosts() {
    for (pending, out) in [("Invited", "Deactivated"), ("Pending", "Inactive")] {
        let words = StatusWords {
            pending: pending.to_owned(),
            deactivated: out.to_owned(),
            ..StatusWords::default()
        };
        let (stage, bob) = with_bob(desk(|it| it.words = words)).await;
        let ivan = stage.invite(stage.olivia, "ivan", "agent").await.unwrap().membership;
        stage.deactivate(stage.olivia, bob).await.unwrap();
        let ivan = Who { user: bob.user, id: ivan };
        assert_eq!(stage.row(ivan).await.status, pending);
        assert_eq!(stage.row(bob).await.status, out);
    }
}

// ── C20 ─────────────────────────────────────────────────────────────────────────────────────────

fn let_in(stage: &Stage, lasting: Option<Span>) -> GiveSupport {
    GiveSupport {
        organization: stage.org,
        person: "vendor-17".parse().unwrap(),
        permissions: [Management::ViewPeople.into()].into(),
        reason: "a question".parse().unwrap(),
        lasting,
    }
}

async fn still_in(stage: &Stage, access: tenure::domain::SupportAccessId) -> bool {
    let vendor = Principal::Support { access, person: "vendor-17".parse().unwrap() };
    stage.directory.people(&vendor, stage.org, <_>::default(), None, 9).await.is_ok()
}

#[tokio::test]
async fn C20_support_has_standing_access() {
    let stage = Stage::open(desk(|it| it.support = SupportRule::Standing)).await;
    let access = stage.act(Principal::System, let_in(&stage, None)).await.unwrap();
    stage.clock.advance(Span::days(365));
    assert!(still_in(&stage, access).await);
}

#[tokio::test]
async fn C20_support_is_let_in_by_time_boxed_consent() {
    let consent = SupportRule::Consent { at_most: Span::days(3) };
    let stage = Stage::open(desk(|it| it.support = consent)).await;
    assert!(forbidden(&stage.act(stage.olivia, let_in(&stage, None)).await, "C20"));
    let long = let_in(&stage, Some(Span::days(4)));
    assert!(forbidden(&stage.act(stage.olivia, long).await, "C20"));
    let by_vendor = let_in(&stage, Some(Span::days(1)));
    assert!(forbidden(&stage.act(Principal::System, by_vendor.clone()).await, "C20"));
    let access = stage.act(stage.olivia, by_vendor).await.unwrap();
    assert!(still_in(&stage, access).await);
    let (organization, lasting) = (stage.org, Some(Span::days(2)));
    stage.act(stage.olivia, RenewSupport { organization, access, lasting }).await.unwrap();
    stage.clock.advance(Span::days(1));
    assert!(still_in(&stage, access).await);
    stage.clock.advance(Span::days(1));
    assert!(!still_in(&stage, access).await);
}

// ── C21 ─────────────────────────────────────────────────────────────────────────────────────────

async fn ada_against_amir(equals: Equals) -> Result<(), Refusal> {
    let stage = Stage::open(desk(|it| it.equals = equals)).await;
    let ada = stage.join("ada", "admin").await;
    let amir = stage.join("amir", "admin").await;
    stage.deactivate(ada, amir).await
}

#[tokio::test]
async fn C21_equals_manage_equals() {
    assert_eq!(ada_against_amir(Equals::ManageEquals).await, Ok(()));
}

#[tokio::test]
async fn C21_only_those_above_manage() {
    let refused = ada_against_amir(Equals::OnlyAbove).await;
    assert!(matches!(refused, Err(Refusal::Outranked { .. })));
}

// ── C22 ─────────────────────────────────────────────────────────────────────────────────────────

/// Nora comes by single sign-on; announced before, or not.
async fn nora_comes(provisioning: Provisioning, announced: bool) -> Result<(), Refusal> {
    let stage = Stage::open(desk(|it| it.provisioning = provisioning)).await;
    let identity = ExternalIdentity {
        issuer: "https://login.acme.example".parse().unwrap(),
        subject: "nora".parse().unwrap(),
    };
    let organization = stage.org;
    let connection = "acme-directory".parse().unwrap();
    let directory = Principal::Provisioner { organization, connection };
    if announced {
        let announce = Provision {
            organization,
            identity: identity.clone(),
            email: None,
            role: role("agent"),
            profile: Profile::default(),
            external_id: None,
        };
        stage.act(directory.clone(), announce).await.unwrap();
    }
    let user: UserId = stage.directory.new_id();
    let register = RegisterUser {
        user,
        realm: stage.realm,
        email: None,
        email_is_verified: false,
        identities: [identity.clone()].into(),
    };
    stage.act(Principal::System, register).await.unwrap();
    let profile = Profile::default();
    let arrive = Arrive { organization, user, identity, profile, email: None };
    stage.act(directory, arrive).await?;
    stage.directory.open_session(user, organization).await.unwrap();
    Ok(())
}

#[tokio::test]
async fn C22_people_are_created_just_in_time() {
    let rule = Provisioning::JustInTime { role: role("agent") };
    assert_eq!(nora_comes(rule, false).await, Ok(()));
}

#[tokio::test]
async fn C22_people_must_exist() {
    assert!(forbidden(&nora_comes(Provisioning::MustExist, false).await, "C22"));
    assert_eq!(nora_comes(Provisioning::MustExist, true).await, Ok(()));
}

#[tokio::test]
async fn C22_a_directory_announces_people() {
    assert_eq!(nora_comes(Provisioning::DirectorySync, true).await, Ok(()));
    assert!(forbidden(&nora_comes(Provisioning::DirectorySync, false).await, "C22"));
}

// ── C23 ─────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn C23_one_identity_across_organizations() {
    let (stage, bob) = with_bob(desk(|_| ())).await;
    let rival = stage.beside("Rival", "rita@rival.example", desk(|_| ())).await;
    rival.invite(rival.olivia, "bob", "agent").await.unwrap();
    let view = rival.open_link("bob").await;
    assert!(view.has_user);
    assert_eq!(rival.act(bob, view.accept()).await.unwrap().user, bob.user);
}

#[tokio::test]
async fn C23_one_identity_per_organization() {
    let apart = || Product { own_realm: true, ..desk(|_| ()) };
    let (stage, bob) = with_bob(apart()).await;
    let rival = stage.beside("Rival", "rita@rival.example", apart()).await;
    rival.invite(rival.olivia, "bob", "agent").await.unwrap();
    let view = rival.open_link("bob").await;
    assert!(!view.has_user, "Bob of the one is nobody in the other");
    let other = rival.act(view.link.clone(), view.accept()).await.unwrap().user;
    assert_ne!(other, bob.user);
}

// ── C25 ─────────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn C25_a_full_seat_count_refuses() {
    let stage = Stage::open(desk(|it| it.seats_full = SeatsFull::Refuse).seats(1)).await;
    stage.invite(stage.olivia, "bob", "agent").await.unwrap();
    let view = stage.open_link("bob").await;
    let refused = stage.act(view.link.clone(), view.accept()).await;
    assert_eq!(refused, Err(Refusal::SeatsFull { used: 1, limit: 1 }));
}

#[tokio::test]
async fn C25_a_full_seat_count_grows_and_reports() {
    let stage = Stage::open(desk(|it| it.seats_full = SeatsFull::Grow).seats(1)).await;
    stage.join("bob", "agent").await;
    let seats = stage.directory.seats(&stage.olivia.p(), stage.org).await.unwrap();
    assert_eq!(seats, (2, Some(2)));
    let feed = stage.directory.events_since(<_>::default(), 500).await.unwrap();
    assert!(feed.iter().any(|it| it.entry.events.contains(&"SeatLimitGrew".to_owned())));
}
