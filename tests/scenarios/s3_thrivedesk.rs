//! `ThriveDesk`: everybody listed is billed, work is always handed over, and going is for good.

use tenure::adapters::sqlite::SqliteStore;
use tenure::commands::{
    ChangeRules, ChoosePassword, CompleteSetUp, Deactivate, EditProfile, Invite, ResendInvitation,
    SendPasswordReset, SetPassword,
};
use tenure::directory::Reauthenticated;
use tenure::domain::{
    Activation, Authorship, DeactivatedBecause, Disposition, FeedPosition, Fence, LastOwner,
    OrganizationStatus, ProfileField, Removal, Revision, SeatUse, SeatsFull, Span, WorkOnLeaving,
};
use tenure::ports::LetterKind;
use tenure::testing::WorkItem;
use tenure::{Item, Management, Principal, Profile, Reach, Refusal, Role, Rules, Store, Token};

use crate::stage::{Desk, Product, Stage, Who, email, fields, hash, role};

fn product() -> Product {
    let new = |name, rank| Role::new(name, rank).unwrap();
    let roles = vec![
        new("owner", 100).all_but::<Desk>([]).assigns_all().keeper(),
        new("admin", 80)
            .all_but([Management::CloseOrganization, Management::OfferOwnership])
            .assigns(["admin", "agent"])
            .unwrap(),
        new("agent", 40).with(Desk::AnswerTickets, Reach::ALL.within("inbox").unwrap()),
    ];
    let field = |name| ProfileField::new(name).unwrap();
    Product::new(
        roles,
        Rules {
            removal: Removal::Irreversible,
            fields: vec![field("name").required(), field("title").required(), field("phone")],
            invitation_lifetime: Span::hours(24),
            work_on_leaving: WorkOnLeaving::SuccessorRequired,
            seats: SeatUse::ActiveAndPending,
            seats_full: SeatsFull::Grow,
            authorship: Authorship::MovesToSuccessor,
            activation: Activation::AfterProfile,
            last_owner: LastOwner::ClosesOrganization,
            ..Rules::default()
        },
    )
}

async fn stage() -> (Stage, Who, Who) {
    stage_on(tenure::adapters::memory::MemoryStore::new()).await
}

async fn stage_on(store: impl Store + 'static) -> (Stage, Who, Who) {
    let stage = Stage::open_on(store, product()).await;
    let ada = stage.join("ada", "admin").await;
    let bob = stage.join("bob", "agent").await;
    (stage, ada, bob)
}

/// An open ticket that Bob holds, and a closed one.
fn tickets(stage: &Stage, bob: Who) {
    for id in [1, 2] {
        stage.work.put(WorkItem::new(id, stage.org, "tickets", Some(bob.id)));
    }
    stage.work.close(2);
}

async fn reset_link(stage: &Stage) -> Token {
    let letters = stage.letters().await;
    let token = letters.into_iter().find_map(|(_, kind)| match kind {
        LetterKind::PasswordReset { token, .. } => Some(token),
        LetterKind::Invitation { .. } | LetterKind::OwnershipOffer { .. } | _ => None,
    });
    token.unwrap()
}

#[tokio::test]
async fn S3_81_owners_and_administrators_manage_accounts() {
    let (stage, ada, bob) = stage().await;
    for who in [stage.olivia, ada] {
        let name = if who == ada { "carl" } else { "dora" };
        stage.invite(who, name, "agent").await.unwrap();
        let member = stage.accept(name).await;
        let remove = stage.removal(member, Some(Disposition::To(bob.id)));
        stage.act(who, remove).await.unwrap();
    }
    let refused = stage.invite(bob, "emil", "agent").await;
    assert_eq!(refused, Err(Refusal::MissingPermission(Management::Invite.into())));
}

#[tokio::test]
async fn S3_82_invite_with_role_and_the_inboxes_the_user_may_reach() {
    let (stage, ada, _) = stage().await;
    let inboxes = Fence::default().with("inbox", ["sales", "support"]).unwrap();
    let invite = Invite::new(stage.org, email("carl"), role("agent")).fenced(inboxes);
    stage.act(ada, invite).await.unwrap();
    let carl = stage.accept("carl").await;
    let in_inbox = |name: &str| Item {
        resources: [("inbox".parse().unwrap(), name.parse().unwrap())].into(),
        ..Item::default()
    };
    let answers = async |item: Item| {
        stage
            .directory
            .check_on(&carl.p(), stage.org, Desk::AnswerTickets, &item)
            .await
            .unwrap()
            .is_allowed()
    };
    assert!(answers(in_inbox("sales")).await && answers(in_inbox("support")).await);
    assert!(!answers(in_inbox("billing")).await);
}

#[tokio::test]
async fn S3_83_one_list_of_active_and_invited_users() {
    let (stage, ada, _) = stage().await;
    stage.invite(ada, "ivan", "agent").await.unwrap();
    let names = stage.names(ada, stage.org, None).await;
    assert_eq!(names, ["Ada", "Bob", "ivan@acme.example", "Olivia"]);
}

#[tokio::test]
async fn S3_84_every_listed_user_is_billed() {
    let (stage, ada, bob) = stage().await;
    stage.invite(ada, "ivan", "agent").await.unwrap();
    let page = stage.directory.people(&ada.p(), stage.org, <_>::default(), None, 50).await.unwrap();
    assert_eq!(stage.directory.seats(&ada.p(), stage.org).await.unwrap().0, page.total.unwrap());
    stage.act(ada, stage.removal(bob, Some(Disposition::To(ada.id)))).await.unwrap();
    assert_eq!(stage.seats_used().await, 3);
    // For billing: each step of the seats, as it happened.
    let feed = stage.directory.events_since(FeedPosition(0), 500).await.unwrap();
    let used: Vec<u64> = feed.iter().filter_map(|it| it.entry.seats_used).collect();
    assert_eq!((used[0], used.iter().max(), used.last()), (1, Some(&4), Some(&3)));
}

#[tokio::test]
async fn S3_85_invited_people_are_billed_before_they_join() {
    let (stage, ada, _) = stage().await;
    let before = stage.seats_used().await;
    stage.invite(ada, "ivan", "agent").await.unwrap();
    assert_eq!(stage.seats_used().await, before + 1);
    stage.accept("ivan").await;
    assert_eq!(stage.seats_used().await, before + 1);
}

#[tokio::test]
async fn S3_86_administrators_manage_the_same_profile_as_the_user() {
    let (stage, ada, bob) = stage().await;
    let edit = |value: &str| EditProfile {
        scope: stage.org.into(),
        membership: bob.id,
        fields: fields(&[("name", value), ("title", value), ("phone", value)]),
    };
    stage.act(ada, edit("by Ada")).await.unwrap();
    stage.act(bob, edit("by Bob")).await.unwrap();
    let profile = stage.row(bob).await.membership.profile;
    assert!(["name", "title", "phone"].iter().all(|it| profile.field(it) == Some("by Bob")));
}

#[tokio::test]
async fn S3_87_the_role_is_picked_from_a_list() {
    let (stage, ada, bob) = stage().await;
    let roles = stage.directory.roles(&ada.p(), stage.org).await.unwrap();
    let names: Vec<&str> = roles.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["owner", "admin", "agent"]);
    assert_eq!(stage.actions(ada, bob.id).await.roles, [role("admin")], "what she may pick");
    stage.act(ada, stage.new_role(bob, "admin")).await.unwrap();
    assert_eq!(stage.row(bob).await.membership.role, role("admin"));
}

#[tokio::test]
async fn S3_88_name_and_job_title_are_required_and_phone_is_optional() {
    let (stage, ada, _) = stage().await;
    stage.invite(ada, "carl", "agent").await.unwrap();
    let view = stage.open_link("carl").await;
    let accept = view.accept().with_profile(Profile::named("Carl").unwrap());
    let carl = stage.act(view.link.clone(), accept).await.unwrap();
    assert!(!carl.is_active);
    let set_up = |profile| CompleteSetUp { organization: stage.org, profile, password: None };
    let refused = stage.act(carl.user, set_up(Profile::default())).await;
    assert_eq!(refused, Err(Refusal::SetUpNeeds("title".to_owned())));
    let titled = Profile::default().with("title", "Agent").unwrap();
    stage.act(carl.user, set_up(titled)).await.unwrap();
    let carl = Who { user: carl.user, id: carl.membership };
    assert!(stage.row(carl).await.membership.is_active());
    assert_eq!(stage.row(carl).await.membership.email, Some(email("carl")));
}

#[tokio::test]
async fn S3_89_customers_see_the_repliers_name_and_title() {
    // The host words the reply; the public identity is on the membership.
    let (stage, _, bob) = stage().await;
    let row = stage.directory.person(&Principal::System, stage.org, bob.id).await.unwrap();
    let it = row.membership;
    assert_eq!((it.profile.name(), it.profile.field("title")), (Some("Bob"), Some("Specialist")));
}

#[tokio::test]
async fn S3_90_94_removing_takes_a_successor_who_gets_the_conversations() {
    let (stage, ada, bob) = stage().await;
    tickets(&stage, bob);
    for none in [None, Some(Disposition::Unassign), Some(Disposition::Leave)] {
        let refused = stage.act(ada, stage.removal(bob, none)).await;
        assert_eq!(refused, Err(Refusal::SuccessorRequired));
    }
    assert!(stage.actions(ada, bob.id).await.needs_successor, "the form asks for one");
    let himself = stage.act(ada, stage.removal(bob, Some(Disposition::To(bob.id)))).await;
    assert_eq!(himself, Err(Refusal::SuccessorUnfit));
    stage.act(ada, stage.removal(bob, Some(Disposition::To(ada.id)))).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.work.held_by(ada.id), [1, 2]);
}

#[tokio::test]
async fn S3_91_92_replies_are_credited_to_the_chosen_user_and_the_author_stays_on_record() {
    let (stage, ada, bob) = stage().await;
    let reply = stage.work.add(stage.org, "replies", bob.id);
    stage.act(ada, stage.removal(bob, Some(Disposition::To(ada.id)))).await.unwrap();
    stage.settle().await;
    let reply = stage.work.item(reply).unwrap();
    assert_eq!((reply.holder, reply.original_author), (Some(ada.id), Some(bob.id)));
    // Reporting asks for the original author, whose name is still known.
    assert_eq!(stage.row(bob).await.membership.display_name(), "Bob");
}

#[tokio::test]
async fn S3_93_workflows_and_tags_the_user_made_are_not_affected() {
    // They are rows of the host's that name who made them; nobody surveys or moves them.
    let (stage, ada, bob) = stage().await;
    let made_by = bob.id;
    stage.act(ada, stage.removal(bob, Some(Disposition::To(ada.id)))).await.unwrap();
    stage.settle().await;
    let row = stage.directory.person(&ada.p(), stage.org, made_by).await.unwrap();
    assert_eq!((row.status.as_str(), row.membership.display_name().as_str()), ("Removed", "Bob"));
}

#[tokio::test]
async fn S3_95_statuses_of_touched_conversations_do_not_change() {
    let (stage, ada, bob) = stage().await;
    tickets(&stage, bob);
    let states = || stage.work.items().into_iter().map(|it| it.state).collect::<Vec<_>>();
    let before = states();
    stage.act(ada, stage.removal(bob, Some(Disposition::To(ada.id)))).await.unwrap();
    stage.settle().await;
    assert_eq!(states(), before);
}

#[tokio::test]
async fn S3_96_nobody_sets_anothers_password() {
    let (stage, ada, bob) = stage().await;
    let set = SetPassword { organization: stage.org, membership: bob.id, password: hash("hers") };
    for who in [ada, stage.olivia] {
        let refused = stage.act(who, set.clone()).await;
        assert!(matches!(refused, Err(Refusal::RuleForbids { rule: "C14", .. })));
    }
    let choose = ChoosePassword { user: bob.user, password: hash("hers") };
    assert!(stage.act(ada, choose).await.is_err());
}

#[tokio::test]
async fn S3_97_they_can_have_a_reset_mail_sent() {
    let (stage, ada, bob) = stage().await;
    stage.letters().await;
    let send = SendPasswordReset { organization: stage.org, membership: bob.id };
    stage.act(ada, send).await.unwrap();
    let link = stage.directory.verify(&reset_link(&stage).await).await.unwrap();
    let choose = ChoosePassword { user: bob.user, password: hash("new") };
    stage.act(link.clone(), choose.clone()).await.unwrap();
    assert_eq!(stage.directory.user(bob.user).await.unwrap().password, Some(hash("new")));
    assert_eq!(stage.act(link, choose).await, Err(Refusal::Superseded), "it works once");
}

#[tokio::test]
async fn S3_98_people_delete_their_own_account_after_proving_their_password() {
    let (stage, ada, bob) = stage().await;
    tickets(&stage, bob);
    // `Reauthenticated` is what the host says only after checking the password.
    let proved = Reauthenticated::just_now();
    let to_ada = |_: &tenure::domain::Membership| Some(Disposition::To(ada.id).into());
    let done = stage.directory.delete_oneself(bob.user, proved, to_ada).await.unwrap();
    assert!(done.is_erased && done.blockers.is_empty());
    assert_eq!(stage.names(ada, stage.org, None).await, ["Ada", "Olivia"]);
    let user = stage.directory.user(bob.user).await.unwrap();
    assert!(user.erased_at.is_some() && user.email.is_none() && user.password.is_none());
}

#[tokio::test]
async fn S3_99_100_deleting_oneself_closes_ones_own_organization() {
    let (stage, _, bob) = stage().await;
    let proved = Reauthenticated::just_now();
    let done = stage.directory.delete_oneself(stage.olivia.user, proved, |_| None).await.unwrap();
    assert!(done.is_erased, "{:?}", done.blockers);
    let closing = stage.directory.organization(&Principal::System, stage.org).await.unwrap();
    assert!(matches!(closing.status, OrganizationStatus::Closing { .. }));
    assert!(!stage.may(bob, Desk::AnswerTickets).await);
    stage.clock.advance(Span::days(31));
    assert_eq!(stage.directory.maintain().await.unwrap().organizations_closed, 1);
    // The host removes inboxes and articles when it reads this in the feed.
    let feed = stage.directory.events_since(FeedPosition(0), 500).await.unwrap();
    let last = feed.iter().rfind(|it| it.entry.command == "FinishClosing").unwrap();
    assert_eq!(last.entry.events, ["OrganizationClosed"]);
}

#[tokio::test]
async fn S3_101_and_the_account_leaves_every_other_organization() {
    let (stage, ada, _) = stage().await;
    let own = stage.beside("Bob's own", "bob@acme.example", product()).await;
    let proved = Reauthenticated::just_now();
    let work = |it: &tenure::domain::Membership| {
        (it.scope.organization == stage.org).then_some(Disposition::To(ada.id).into())
    };
    let done = stage.directory.delete_oneself(own.olivia.user, proved, work).await.unwrap();
    assert!(done.is_erased, "{:?}", done.blockers);
    assert_eq!(done.leaves.len(), 2);
    assert!(stage.directory.memberships_of(own.olivia.user).await.unwrap().is_empty());
    assert_eq!(stage.names(ada, stage.org, None).await, ["Ada", "Olivia"]);
}

#[tokio::test]
async fn S3_102_there_is_no_temporary_deactivation() {
    let (stage, ada, bob) = stage().await;
    let because = DeactivatedBecause::Leave;
    let pause = Deactivate { because, ..stage.deactivation(bob, Some(Disposition::To(ada.id))) };
    let refused = stage.act(ada, pause).await;
    assert!(matches!(refused, Err(Refusal::RuleForbids { rule: "C1", .. })));
}

#[tokio::test]
async fn S3_103_invitation_and_password_links_live_only_a_short_time() {
    let (stage, ada, bob) = stage().await;
    stage.invite(ada, "carl", "agent").await.unwrap();
    let view = stage.open_link("carl").await;
    let send = SendPasswordReset { organization: stage.org, membership: bob.id };
    stage.act(ada, send).await.unwrap();
    let reset = stage.directory.verify(&reset_link(&stage).await).await.unwrap();
    stage.clock.advance(Span::hours(1));
    let choose = ChoosePassword { user: bob.user, password: hash("late") };
    assert_eq!(stage.act(reset, choose).await, Err(Refusal::Expired));
    stage.clock.advance(Span::hours(23));
    assert_eq!(stage.act(view.link.clone(), view.accept()).await, Err(Refusal::Expired));
}

#[tokio::test]
async fn S3_104_after_that_the_invitation_is_sent_again_or_the_password_reset() {
    let (stage, ada, bob) = stage().await;
    let invitation = stage.invite(ada, "carl", "agent").await.unwrap().invitation;
    let send = SendPasswordReset { organization: stage.org, membership: bob.id };
    stage.act(ada, send.clone()).await.unwrap();
    stage.letters().await;
    stage.clock.advance(Span::days(2));
    stage.settle().await;
    stage.act(ada, ResendInvitation { scope: stage.org.into(), invitation }).await.unwrap();
    stage.accept("carl").await;
    stage.act(ada, send).await.unwrap();
    let link = stage.directory.verify(&reset_link(&stage).await).await.unwrap();
    let choose = ChoosePassword { user: bob.user, password: hash("new") };
    stage.act(link, choose).await.unwrap();
}

#[tokio::test]
async fn S3_84_94_the_same_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("people.db")).unwrap();
    let (stage, ada, bob) = stage_on(store).await;
    tickets(&stage, bob);
    stage.invite(ada, "ivan", "agent").await.unwrap();
    assert_eq!(stage.seats_used().await, 4);
    stage.act(ada, stage.removal(bob, Some(Disposition::To(ada.id)))).await.unwrap();
    stage.settle().await;
    assert_eq!(stage.work.held_by(ada.id), [1, 2]);
    assert!(stage.work.items().iter().all(|it| it.original_author == Some(bob.id)));
    let rules = Rules { authorship: Authorship::Kept, ..product().rules };
    stage.act(stage.olivia, ChangeRules { organization: stage.org, rules }).await.unwrap();
    let audit = stage.directory.audit(&ada.p(), stage.org, Revision::NONE, 500).await.unwrap();
    assert_eq!(audit.entries.last().unwrap().entry.command, "ChangeRules");
}
