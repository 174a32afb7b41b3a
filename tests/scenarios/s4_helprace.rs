//! Helprace: Owner, Admin, Agent and User, customers in the same spectrum, sign-up open.
//!
//! The page's table of who may add or block whom is lost in the text. The matrix here, Owner above
//! Admin above Agent above User, is an assumption.

use tenure::commands::{
    AcceptOwnership, Block, EditProfile, Invite, OfferOwnership, RegisterUser, SetSeatLimit,
    SignUp, review_addresses,
};
use tenure::domain::{
    BatchRoles, Equals, ExternalIdentity, Joining, MembershipStatus, ProfileField, RoleKind,
    Source, StatusGroup, StatusWords, UserId,
};
use tenure::ports::PeopleFilter;
use tenure::{Batching, Management, Principal, Profile, Reach, Refusal, Role, Rules};

use crate::stage::{Desk, Product, Stage, Who, email, fields, role};

fn product() -> Product {
    let new = |name, rank| Role::new(name, rank).unwrap();
    let adds = |role: Role, below: &[&str]| {
        [Management::ViewPeople, Management::Invite, Management::Deactivate]
            .into_iter()
            .fold(role, |role, it| role.with(it, Reach::ALL))
            .assigns(below.iter().copied())
            .unwrap()
    };
    let roles = vec![
        new("owner", 100).all_but::<Desk>([]).assigns_all().keeper(),
        new("admin", 80)
            .all_but([
                Management::Billing,
                Management::CloseOrganization,
                Management::OfferOwnership,
            ])
            .assigns(["agent", "user"])
            .unwrap(),
        adds(new("agent", 40), &["user"])
            .with(Desk::AnswerTickets, Reach::ALL)
            .with(Desk::ViewTickets, Reach::ALL)
            .with(Desk::ManageMacros, Reach::ALL),
        new("user", 0)
            .customer()
            .with(Desk::SubmitTickets, Reach::OWN)
            .with(Desk::ViewTickets, Reach::OWN),
    ];
    let field = |name| ProfileField::new(name).unwrap();
    Product::new(
        roles,
        Rules {
            batch: BatchRoles::OneRole,
            fields: vec![field("name"), field("avatar"), field("company"), field("title")],
            joining: Joining::Open { role: role("user") },
            equals: Equals::OnlyAbove,
            words: StatusWords { pending: "Invited".to_owned(), ..StatusWords::default() },
            ..Rules::default()
        },
    )
}

struct Four {
    stage: Stage,
    ada: Who,
    bob: Who,
    carl: Who,
}

async fn four() -> Four {
    let stage = Stage::open(product()).await;
    let ada = stage.join("ada", "admin").await;
    let bob = stage.join("bob", "agent").await;
    let carl = stage.join("carl", "user").await;
    Four { stage, ada, bob, carl }
}

async fn sign_up(stage: &Stage, user: UserId, name: &str) -> Result<Who, Refusal> {
    let profile = Profile::named(name).unwrap();
    let join = SignUp { organization: stage.org, email: email(name), profile };
    stage.act(user, join).await.map(|id| Who { user, id })
}

#[tokio::test]
async fn S4_105_whom_each_role_may_add() {
    let it = four().await;
    let roles = ["owner", "admin", "agent", "user"];
    for (who, may) in [
        (it.stage.olivia, [true, true, true, true]),
        (it.ada, [false, false, true, true]),
        (it.bob, [false, false, false, true]),
        (it.carl, [false, false, false, false]),
    ] {
        for (name, may) in roles.iter().zip(may) {
            let invite = Invite::new(it.stage.org, email("new"), role(name));
            let allowed = it.stage.directory.preview(who, invite).await.is_ok();
            assert_eq!(allowed, may, "{name}");
        }
    }
}

#[tokio::test]
async fn S4_105_whom_each_role_may_block() {
    let it = four().await;
    let amir = it.stage.join("amir", "admin").await;
    let block =
        |whom: Who| Block { organization: it.stage.org, membership: whom.id, handover: None };
    let whom = [it.stage.olivia, amir, it.bob, it.carl];
    for (who, may) in [
        (it.stage.olivia, [false, true, true, true]),
        (it.ada, [false, false, true, true]),
        (it.bob, [false, false, false, true]),
        (it.carl, [false, false, false, false]),
    ] {
        for (whom, may) in whom.into_iter().zip(may) {
            let allowed = it.stage.directory.preview(who, block(whom)).await.is_ok();
            assert_eq!(allowed, may);
        }
    }
    it.stage.act(it.bob, block(it.carl)).await.unwrap();
    let again = it.stage.invite(it.stage.olivia, "carl", "user").await;
    assert_eq!(again, Err(Refusal::Blocked));
}

#[tokio::test]
async fn S4_106_customers_stand_in_the_same_spectrum_of_roles() {
    let it = four().await;
    let names = it.stage.names(it.ada, it.stage.org, None).await;
    assert_eq!(names, ["Ada", "Bob", "Carl", "Olivia"]);
    let roles = it.stage.directory.roles(&it.ada.p(), it.stage.org).await.unwrap();
    let lowest = roles.last().unwrap();
    assert_eq!((lowest.name.as_str(), lowest.kind), ("user", RoleKind::Customer));
    assert_eq!(it.stage.seats_used().await, 3, "a customer uses no seat");
}

#[tokio::test]
async fn S4_107_the_owner_is_who_created_the_account() {
    let it = four().await;
    let row = it.stage.row(it.stage.olivia).await;
    assert_eq!((row.role.as_str(), row.membership.source), ("owner", Source::Founding));
}

#[tokio::test]
async fn S4_108_111_only_owners_reach_billing() {
    let it = four().await;
    assert!(it.stage.directory.seats(&it.stage.olivia.p(), it.stage.org).await.is_ok());
    assert!(it.stage.directory.seats(&it.ada.p(), it.stage.org).await.is_err());
    let limit = SetSeatLimit { organization: it.stage.org, limit: Some(9) };
    let refused = it.stage.act(it.ada, limit.clone()).await;
    assert_eq!(refused, Err(Refusal::MissingPermission(Management::Billing.into())));
    it.stage.act(it.stage.olivia, limit).await.unwrap();
}

#[tokio::test]
async fn S4_109_an_owner_adds_further_owners() {
    let it = four().await;
    // By invitation, where accepting is what makes an owner …
    it.stage.invite(it.stage.olivia, "oscar", "owner").await.unwrap();
    let oscar = it.stage.accept("oscar").await;
    assert!(it.stage.may(oscar, Management::Billing).await);
    // … or by an offer to somebody who is there.
    let organization = it.stage.org;
    let offer = OfferOwnership {
        organization,
        membership: it.ada.id,
        role: role("owner"),
        then_become: None,
    };
    it.stage.act(it.stage.olivia, offer).await.unwrap();
    assert!(!it.stage.may(it.ada, Management::Billing).await, "an offer changes nothing");
    it.stage.act(it.ada, AcceptOwnership { organization }).await.unwrap();
    assert!(it.stage.may(it.ada, Management::Billing).await);
    assert!(it.stage.may(it.stage.olivia, Management::Billing).await);
}

#[tokio::test]
async fn S4_110_an_admin_stands_just_below_the_owner() {
    let it = four().await;
    for permission in [Management::ManageTeams, Management::ManageOrganization] {
        assert!(it.stage.may(it.ada, permission).await);
    }
    assert!(it.stage.may(it.ada, Desk::ManageSettings).await);
    let against = it.stage.deactivate(it.ada, it.stage.olivia).await;
    assert!(matches!(against, Err(Refusal::Outranked { .. })));
    assert_eq!(it.stage.deactivate(it.stage.olivia, it.ada).await, Ok(()));
}

#[tokio::test]
async fn S4_112_an_agent_answers_resolves_and_writes() {
    let it = four().await;
    assert!(it.stage.may(it.bob, Desk::AnswerTickets).await);
    assert!(it.stage.may(it.bob, Desk::ManageMacros).await);
    assert!(!it.stage.may(it.bob, Desk::ManageSettings).await);
}

#[tokio::test]
async fn S4_113_a_user_tracks_their_own_tickets_and_administers_nothing() {
    let it = four().await;
    let own = tenure::Item { holder: Some(it.carl.id), ..tenure::Item::default() };
    let other = tenure::Item { holder: Some(it.bob.id), ..tenure::Item::default() };
    let sees = async |item| {
        let directory = &it.stage.directory;
        directory
            .check_on(&it.carl.p(), it.stage.org, Desk::ViewTickets, item)
            .await
            .unwrap()
            .is_allowed()
    };
    assert!(it.stage.may(it.carl, Desk::SubmitTickets).await);
    assert!(sees(&own).await && !sees(&other).await);
    for permission in <Management as tenure::Permission>::ALL {
        assert!(!it.stage.may(it.carl, *permission).await, "{permission:?}");
    }
}

#[tokio::test]
async fn S4_114_there_is_one_way_of_adding_for_every_role() {
    let it = four().await;
    for name in ["admin", "agent", "user"] {
        it.stage.invite(it.stage.olivia, &format!("new-{name}"), name).await.unwrap();
        let new = it.stage.accept(&format!("new-{name}")).await;
        assert_eq!(it.stage.row(new).await.membership.source, Source::Invitation);
    }
}

#[tokio::test]
async fn S4_115_many_are_invited_at_once_all_of_one_role() {
    let it = four().await;
    let pasted: Vec<String> = (0..40).map(|n| format!("user-{n}@acme.example")).collect();
    let review = review_addresses(&pasted.join("\n"), it.stage.org, &role("user"));
    let how = Batching::each();
    let answers = it.stage.directory.import(it.ada, &review, how).await.unwrap();
    assert!(answers.iter().all(Result::is_ok));
    let filter = PeopleFilter {
        status: Some(StatusGroup::Pending),
        role: Some(role("user")),
        ..PeopleFilter::default()
    };
    let page =
        it.stage.directory.people(&it.ada.p(), it.stage.org, filter, None, 10).await.unwrap();
    assert_eq!(page.total, Some(40));
}

#[tokio::test]
async fn S4_116_117_the_invited_badge_is_there_until_the_link_is_followed() {
    let it = four().await;
    let invited = it.stage.invite(it.ada, "emil", "user").await.unwrap();
    let row =
        it.stage.directory.person(&it.ada.p(), it.stage.org, invited.membership).await.unwrap();
    assert_eq!((row.is_invited, row.status.as_str()), (true, "Invited"));
    let emil = it.stage.accept("emil").await;
    let row = it.stage.row(emil).await;
    assert_eq!((row.is_invited, row.status.as_str()), (false, "Active"));
}

#[tokio::test]
async fn S4_118_a_green_circle_marks_staff() {
    let it = four().await;
    for who in [it.stage.olivia, it.ada, it.bob] {
        assert!(it.stage.row(who).await.green_mark);
    }
    assert!(!it.stage.row(it.carl).await.green_mark);
}

#[tokio::test]
async fn S4_119_a_new_member_edits_their_own_profile_with_declared_fields() {
    let it = four().await;
    let edit = |name: &str| EditProfile {
        scope: it.stage.org.into(),
        membership: it.bob.id,
        fields: fields(&[(name, "Acme GmbH")]),
    };
    it.stage.act(it.bob, edit("company")).await.unwrap();
    it.stage.act(it.bob, edit("avatar")).await.unwrap();
    let refused = it.stage.act(it.bob, edit("shoe-size")).await;
    assert_eq!(refused, Err(Refusal::UnknownField("shoe-size".parse().unwrap())));
    assert_eq!(it.stage.row(it.bob).await.membership.profile.field("company"), Some("Acme GmbH"));
}

#[tokio::test]
async fn S4_120_people_sign_up_or_come_by_social_login_without_an_invitation() {
    let it = four().await;
    let nora = it.stage.stranger("nora@acme.example").await;
    let nora = sign_up(&it.stage, nora, "nora").await.unwrap();
    assert_eq!(it.stage.row(nora).await.membership.source, Source::SignUp);
    // By social login: the host has the provider's word for the identity and the address.
    let user: UserId = it.stage.directory.new_id();
    let identity = ExternalIdentity {
        issuer: "https://accounts.google.com".parse().unwrap(),
        subject: "1234".parse().unwrap(),
    };
    let register = RegisterUser {
        identities: [identity.clone()].into(),
        ..RegisterUser::verified(user, it.stage.realm, email("otto"))
    };
    it.stage.act(Principal::System, register).await.unwrap();
    sign_up(&it.stage, user, "otto").await.unwrap();
    let found = it.stage.directory.user_by_identity(it.stage.realm, &identity).await.unwrap();
    assert_eq!(found.unwrap().id, user);
    assert!(it.stage.directory.open_session(user, it.stage.org).await.is_ok());
}

#[tokio::test]
async fn S4_121_self_sign_ups_start_as_user_and_admins_may_change_that() {
    let it = four().await;
    let nora = it.stage.stranger("nora@acme.example").await;
    let nora = sign_up(&it.stage, nora, "nora").await.unwrap();
    assert_eq!(it.stage.row(nora).await.membership.role, role("user"));
    it.stage.act(it.ada, it.stage.new_role(nora, "agent")).await.unwrap();
    let row = it.stage.row(nora).await;
    assert!(matches!(row.membership.status, MembershipStatus::Active { .. }));
    assert_eq!(row.membership.role, role("agent"));
}
