//! Freshsuccess: people Active, Inactive and Pending, and super users of the vendor beside them.

use tenure::commands::{
    CompleteSetUp, EditProfile, GiveSupport, Invite, Reactivate, RevokeSupport, SendPasswordReset,
    WorkOnReturn, review_addresses,
};
use tenure::directory::RowAction;
use tenure::domain::{
    Activation, BatchRoles, ProfileField, Removal, StatusGroup, StatusWords, SupportRule,
};
use tenure::ports::LetterKind;
use tenure::{Batching, Management, Principal, Profile, Reach, Refusal, Role, Rules};

use crate::stage::{Desk, Product, Stage, Who, email, fields, role};

/// "Configure Users", as this product calls it.
const CONFIGURE_USERS: [Management; 7] = [
    Management::ViewPeople,
    Management::Invite,
    Management::EditPeople,
    Management::ChangeRoles,
    Management::Deactivate,
    Management::Passwords,
    Management::ManageSupport,
];

fn product() -> Product {
    let new = |name, rank| Role::new(name, rank).unwrap();
    let manager = CONFIGURE_USERS
        .into_iter()
        .fold(new("administrator", 80), |role, it| role.with(it, Reach::ALL))
        .with(Desk::ViewTickets, Reach::ALL)
        .assigns(["administrator", "success-manager", "observer"])
        .unwrap();
    let roles = vec![
        new("account-owner", 100).all_but::<Desk>([]).assigns_all().keeper(),
        manager,
        new("success-manager", 40)
            .with(Desk::ViewTickets, Reach::OWN)
            .with(Management::ViewPeople, Reach::ALL),
        new("observer", 10),
    ];
    let field = |name| ProfileField::new(name).unwrap();
    Product::new(
        roles,
        Rules {
            removal: Removal::Reversible,
            batch: BatchRoles::OneRole,
            fields: vec![field("name").required(), field("title").required(), field("phone")],
            edit_pending: false,
            activation: Activation::AfterProfile,
            support: SupportRule::Standing,
            words: StatusWords { deactivated: "Inactive".to_owned(), ..StatusWords::default() },
            ..Rules::default()
        },
    )
}

async fn stage() -> (Stage, Who) {
    let stage = Stage::open(product()).await;
    let ada = stage.join("ada", "administrator").await;
    (stage, ada)
}

fn profile() -> Profile {
    Profile::named("Bob").unwrap().with("title", "Success manager").unwrap()
}

fn support(stage: &Stage) -> GiveSupport {
    GiveSupport {
        organization: stage.org,
        person: "vendor-17".parse().unwrap(),
        permissions: [Management::ViewPeople.into()].into(),
        reason: "help with the import".parse().unwrap(),
        lasting: None,
    }
}

#[tokio::test]
async fn S0_01_users_are_the_people_of_an_organization_with_access() {
    let (stage, ada) = stage().await;
    let rival = stage.beside("Rival", "rita@rival.example", product()).await;
    assert_eq!(stage.names(ada, stage.org, None).await, ["Ada", "Olivia"]);
    assert!(stage.may(ada, Desk::ViewTickets).await);
    let elsewhere = stage.directory.check(&ada.p(), rival.org, Desk::ViewTickets).await.unwrap();
    assert!(!elsewhere.is_allowed());
}

#[tokio::test]
async fn S0_02_an_administrator_adds_edits_changes_roles_and_helps_with_passwords() {
    let (stage, ada) = stage().await;
    stage.invite(ada, "bob", "success-manager").await.unwrap();
    let bob = stage.accept("bob").await;
    let fields = fields(&[("phone", "+49 30 1234")]);
    let edit = EditProfile { scope: stage.org.into(), membership: bob.id, fields };
    stage.act(ada, edit).await.unwrap();
    stage.act(ada, stage.new_role(bob, "observer")).await.unwrap();
    let reset = SendPasswordReset { organization: stage.org, membership: bob.id };
    stage.act(ada, reset).await.unwrap();
    let row = stage.row(bob).await;
    assert_eq!(row.membership.profile.field("phone"), Some("+49 30 1234"));
    assert_eq!(row.membership.role, role("observer"));
    let letters = stage.letters().await;
    assert!(
        matches!(&letters[..], [(to, LetterKind::PasswordReset { .. })] if to == "bob@acme.example")
    );
}

#[tokio::test]
async fn S0_03_four_lists_active_inactive_pending_and_super_users() {
    let (stage, ada) = stage().await;
    let bob = stage.join("bob", "success-manager").await;
    stage.deactivate(ada, bob).await.unwrap();
    stage.invite(ada, "ivan", "observer").await.unwrap();
    stage.act(stage.olivia, support(&stage)).await.unwrap();
    let list = async |status| stage.names(ada, stage.org, Some(status)).await;
    assert_eq!(list(StatusGroup::Active).await, ["Ada", "Olivia"]);
    assert_eq!(list(StatusGroup::Deactivated).await, ["Bob"]);
    assert_eq!(list(StatusGroup::Pending).await, ["ivan@acme.example"]);
    let super_users =
        stage.directory.support_accesses(&ada.p(), stage.org, None, 50).await.unwrap();
    assert_eq!(super_users.rows.len(), 1);
    assert_eq!(stage.row(bob).await.status, "Inactive");
}

#[tokio::test]
async fn S0_04_active_people_have_set_up_and_may_sign_in() {
    let (stage, ada) = stage().await;
    assert!(stage.row(ada).await.membership.is_active());
    let session = stage.directory.open_session(ada.user, stage.org).await.unwrap();
    assert!(stage.directory.session_holds(&session).await.unwrap());
}

#[tokio::test]
async fn S0_05_inactive_people_can_be_reactivated() {
    let (stage, ada) = stage().await;
    let bob = stage.join("bob", "success-manager").await;
    stage.deactivate(ada, bob).await.unwrap();
    assert!(stage.directory.open_session(bob.user, stage.org).await.is_err());
    let back = Reactivate {
        scope: stage.org.into(),
        membership: bob.id,
        work: WorkOnReturn::StaysWhereItIs,
    };
    stage.act(ada, back).await.unwrap();
    assert!(stage.directory.open_session(bob.user, stage.org).await.is_ok());
}

#[tokio::test]
async fn S0_06_pending_people_may_not_sign_in() {
    let (stage, ada) = stage().await;
    stage.invite(ada, "bob", "success-manager").await.unwrap();
    let view = stage.open_link("bob").await;
    let accepted = stage.act(view.link.clone(), view.accept()).await.unwrap();
    assert!(!accepted.is_active, "the profile is still to be filled in");
    assert!(stage.directory.open_session(accepted.user, stage.org).await.is_err());
    assert_eq!(stage.names(ada, stage.org, Some(StatusGroup::Pending)).await, ["bob@acme.example"]);
}

#[tokio::test]
async fn S0_07_super_users_have_access_and_are_listed_apart() {
    let (stage, ada) = stage().await;
    let access = stage.act(stage.olivia, support(&stage)).await.unwrap();
    let vendor = Principal::Support { access, person: "vendor-17".parse().unwrap() };
    let page = stage.directory.people(&vendor, stage.org, <_>::default(), None, 50).await.unwrap();
    assert_eq!(page.rows.len(), 2, "they see the people");
    assert_eq!(page.total, Some(2), "and are none of them");
    let listed = stage.directory.support_accesses(&ada.p(), stage.org, None, 50).await.unwrap();
    assert_eq!(listed.rows[0].person.as_str(), "vendor-17");
}

#[tokio::test]
async fn S0_08_the_customer_revokes_a_super_users_access() {
    let (stage, ada) = stage().await;
    let access = stage.act(stage.olivia, support(&stage)).await.unwrap();
    let vendor = Principal::Support { access, person: "vendor-17".parse().unwrap() };
    stage.act(ada, RevokeSupport { organization: stage.org, access }).await.unwrap();
    let seen = stage.directory.people(&vendor, stage.org, <_>::default(), None, 50).await;
    assert!(seen.is_err());
}

#[tokio::test]
async fn S0_09_adding_takes_the_configure_users_permission() {
    let (stage, ada) = stage().await;
    let bob = stage.join("bob", "success-manager").await;
    let refused = stage.invite(bob, "carl", "observer").await;
    assert_eq!(refused, Err(Refusal::MissingPermission(Management::Invite.into())));
    assert!(stage.invite(ada, "carl", "observer").await.is_ok());
}

#[tokio::test]
async fn S0_10_all_users_are_listed_page_by_page() {
    let (stage, ada) = stage().await;
    for name in ["bob", "carl", "dora"] {
        stage.invite(ada, name, "observer").await.unwrap();
    }
    let (who, mut names, mut after) = (ada.p(), Vec::new(), None);
    loop {
        let page = stage.directory.people(&who, stage.org, <_>::default(), after, 2);
        let page = page.await.unwrap();
        assert_eq!(page.total, Some(5));
        names.extend(page.rows.iter().map(|row| row.membership.display_name()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected = ["Ada", "bob@acme.example", "carl@acme.example", "dora@acme.example", "Olivia"];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn S0_11_the_role_chosen_when_adding_decides_the_features_reached() {
    let (stage, ada) = stage().await;
    stage.invite(ada, "bob", "success-manager").await.unwrap();
    let bob = stage.accept("bob").await;
    stage.invite(ada, "carl", "observer").await.unwrap();
    let carl = stage.accept("carl").await;
    assert!(stage.may(bob, Desk::ViewTickets).await);
    assert!(!stage.may(carl, Desk::ViewTickets).await);
}

#[tokio::test]
async fn S0_12_several_comma_separated_addresses_at_once_with_one_role() {
    let (stage, ada) = stage().await;
    let typed = "bob@acme.example, carl@acme.example,dora@acme.example, nobody";
    let review = review_addresses(typed, stage.org, &role("observer"));
    let reviewed = stage.directory.review(&ada.p(), stage.org, review).await.unwrap().review;
    let wrong: Vec<&str> = reviewed.problems.iter().map(|it| it.excerpt.as_str()).collect();
    assert_eq!(wrong, ["nobody"]);
    let how = Batching::each();
    let answers = stage.directory.import(ada, &reviewed, how).await.unwrap();
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(stage.names(ada, stage.org, Some(StatusGroup::Pending)).await.len(), 3);
}

#[tokio::test]
async fn S0_13_each_receives_an_email_to_complete_registration() {
    let (stage, ada) = stage().await;
    let invite = |it| Invite::new(stage.org, email(it), role("observer")).into();
    stage.act_all(ada, ["bob", "carl"].map(invite).to_vec()).await;
    let letters = stage.letters().await;
    let mut to: Vec<&str> = letters.iter().map(|(to, _)| to.as_str()).collect();
    to.sort_unstable();
    assert_eq!(to, ["bob@acme.example", "carl@acme.example"]);
    assert!(letters.iter().all(|(_, kind)| matches!(kind, LetterKind::Invitation { .. })));
}

#[tokio::test]
async fn S0_14_submitting_the_required_information_makes_a_person_active() {
    let (stage, ada) = stage().await;
    stage.invite(ada, "bob", "observer").await.unwrap();
    let view = stage.open_link("bob").await;
    let bob = stage.act(view.link.clone(), view.accept()).await.unwrap();
    let set_up = |profile| CompleteSetUp { organization: stage.org, profile, password: None };
    let half = Profile::named("Bob").unwrap();
    let refused = stage.act(bob.user, set_up(half)).await;
    assert_eq!(refused, Err(Refusal::SetUpNeeds("title".to_owned())));
    stage.act(bob.user, set_up(profile())).await.unwrap();
    let who = Who { user: bob.user, id: bob.membership };
    assert!(stage.row(who).await.membership.is_active());
}

#[tokio::test]
async fn S0_15_added_but_unregistered_people_are_pending() {
    let (stage, ada) = stage().await;
    let invited = stage.invite(ada, "bob", "observer").await.unwrap();
    let row = stage.directory.person(&ada.p(), stage.org, invited.membership).await.unwrap();
    assert_eq!((row.status.as_str(), row.is_invited), ("Pending", true));
}

#[tokio::test]
async fn S0_16_a_person_is_edited_only_after_they_have_registered() {
    let (stage, ada) = stage().await;
    let invited = stage.invite(ada, "bob", "observer").await.unwrap();
    let (scope, membership) = (stage.org.into(), invited.membership);
    let fields = fields(&[("name", "Robert"), ("title", "Lead"), ("phone", "1")]);
    let edit = EditProfile { scope, membership, fields };
    let early =
        Err(Refusal::RuleForbids { rule: "C4", because: "wait until the person has set up" });
    assert_eq!(stage.act(ada, edit.clone()).await, early);
    let pending = Who { user: ada.user, id: membership };
    assert_eq!(stage.act(ada, stage.new_role(pending, "success-manager")).await, early);
    let bob = stage.accept("bob").await;
    stage.act(ada, edit).await.unwrap();
    stage.act(ada, stage.new_role(bob, "success-manager")).await.unwrap();
    let row = stage.row(bob).await;
    assert_eq!(row.membership.profile.field("title"), Some("Lead"));
    assert_eq!(row.membership.display_name(), "Robert");
}

#[tokio::test]
async fn S0_17_deactivate_is_an_action_on_the_row() {
    let (stage, ada) = stage().await;
    let bob = stage.join("bob", "observer").await;
    assert!(stage.actions(ada, bob.id).await.may(RowAction::Deactivate));
    let mine = stage.actions(ada, ada.id).await;
    assert_eq!(mine.why_not(RowAction::Deactivate), Some(&Refusal::Oneself));
    stage.deactivate(ada, bob).await.unwrap();
    let after = stage.actions(ada, bob.id).await;
    assert!(!after.may(RowAction::Deactivate) && after.may(RowAction::Reactivate));
}
