//! Beyond the five: what is asked for again and again elsewhere.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tenure::adapters::sqlite::SqliteStore;
use tenure::commands::{
    AcceptOwnership, Adopt, AdoptAs, Block, CreateRole, EndSessions, EraseMember, Invite, Leave,
    OfferOwnership, OverridePermission, Reactivate, RemoveMember, SetSeatLimit, SignUp, Unblock,
    WorkOnReturn,
};
use tenure::directory::{Reauthenticated, RowAction};
use tenure::domain::{
    Actor, Disposition, FeedPosition, Head, Joining, Override, RemovedBecause, Revision, Source,
    Span, StatusGroup, Stream, verify_chain,
};
use tenure::ports::PeopleFilter;
use tenure::testing::cast::Company;
use tenure::{
    Batching, Because, Command, EmailAddress, Error, Management, Principal, Profile, Reach,
    Refusal, Role, Token,
};

use crate::stage::{Desk, Stage, Who, desk, email, role};

async fn stage() -> (Stage, Who, Who) {
    let stage = Stage::open(desk(|_| ())).await;
    let ada = stage.join("ada", "admin").await;
    let bob = stage.join("bob", "agent").await;
    (stage, ada, bob)
}

// ── Every way out ───────────────────────────────────────────────────────────────────────────────

/// Ada has a session and has invited Ivan; she goes by `way`; both are over.
async fn everything_ends(way: impl AsyncFnOnce(&Stage, Who)) {
    let (stage, ada, _) = stage().await;
    let session = stage.directory.open_session(ada.user, stage.org).await.unwrap();
    stage.invite(ada, "ivan", "agent").await.unwrap();
    let view = stage.open_link("ivan").await;
    assert!(view.is_open);
    way(&stage, ada).await;
    assert!(!stage.directory.session_holds(&session).await.unwrap());
    assert!(stage.act(view.link.clone(), view.accept()).await.is_err());
    assert!(!stage.may(ada, Desk::ViewTickets).await);
}

#[tokio::test]
async fn B_deactivating_ends_sessions_and_issued_invitations() {
    everything_ends(async |stage, ada| stage.deactivate(stage.olivia, ada).await.unwrap()).await;
}

#[tokio::test]
async fn B_removing_ends_sessions_and_issued_invitations() {
    everything_ends(async |stage, ada| {
        stage.act(stage.olivia, stage.removal(ada, None)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn B_blocking_ends_sessions_and_issued_invitations() {
    everything_ends(async |stage, ada| {
        let (organization, membership) = (stage.org, ada.id);
        let block = Block { organization, membership, handover: None };
        stage.act(stage.olivia, block).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn B_a_directorys_withdrawal_ends_sessions_and_issued_invitations() {
    everything_ends(async |stage, ada| {
        let connection = "acme-directory".parse().unwrap();
        let directory = Principal::Provisioner { organization: stage.org, connection };
        stage.act(directory, stage.deactivation(ada, None)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn B_leaving_and_deleting_oneself_end_sessions_and_issued_invitations() {
    everything_ends(async |stage, ada| {
        let because = RemovedBecause::Left;
        let (scope, membership) = (stage.org.into(), ada.id);
        let leave = Leave { scope, membership, because, handover: None };
        stage.act(ada, leave).await.unwrap();
    })
    .await;
    everything_ends(async |stage, ada| {
        let proved = Reauthenticated::just_now();
        let done = stage.directory.delete_oneself(ada.user, proved, |_| None).await.unwrap();
        assert!(done.is_erased);
    })
    .await;
}

#[tokio::test]
async fn B_a_session_that_was_ended_stays_ended_and_the_person_stays_in() {
    let (stage, ada, bob) = stage().await;
    let session = stage.directory.open_session(bob.user, stage.org).await.unwrap();
    let end = EndSessions { scope: stage.org.into(), membership: bob.id };
    stage.act(ada, end).await.unwrap();
    assert!(!stage.directory.session_holds(&session).await.unwrap());
    assert!(stage.directory.open_session(bob.user, stage.org).await.is_ok());
}

// ── The last owner ──────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_the_last_owner_cannot_vanish_on_any_path() {
    let (stage, ..) = stage().await;
    let olivia = stage.olivia;
    let because = RemovedBecause::Left;
    let leave = Leave { scope: stage.org.into(), membership: olivia.id, because, handover: None };
    assert_eq!(stage.act(olivia, leave).await, Err(Refusal::LastOwner));
    let by_host = Principal::System;
    let change = stage.act(by_host, stage.new_role(olivia, "agent")).await;
    assert!(change.is_err());
    let connection = "acme-directory".parse().unwrap();
    let directory = Principal::Provisioner { organization: stage.org, connection };
    let withdrawn = stage.act(directory.clone(), stage.deactivation(olivia, None)).await;
    assert_eq!(withdrawn, Err(Refusal::LastOwner));
    let demoted = stage.act(directory, stage.new_role(olivia, "agent")).await;
    assert_eq!(demoted, Err(Refusal::LastOwner));
}

#[tokio::test]
async fn B_ownership_moves_by_an_accepted_offer() {
    let (stage, ada, _) = stage().await;
    let organization = stage.org;
    let then_become = Some(role("admin"));
    let offer =
        OfferOwnership { organization, membership: ada.id, role: role("owner"), then_become };
    stage.act(stage.olivia, offer).await.unwrap();
    stage.act(ada, AcceptOwnership { organization }).await.unwrap();
    assert_eq!(stage.row(ada).await.role, "Owner");
    assert_eq!(stage.row(stage.olivia).await.role, "Admin");
}

#[tokio::test]
async fn B_two_owners_who_demote_each_other_at_once_leave_one() {
    let (stage, ada, _) = stage().await;
    let organization = stage.org;
    let offer =
        OfferOwnership { organization, membership: ada.id, role: role("owner"), then_become: None };
    stage.act(stage.olivia, offer).await.unwrap();
    stage.act(ada, AcceptOwnership { organization }).await.unwrap();
    let because = RemovedBecause::Left;
    let leave =
        |it: Who| Leave { scope: organization.into(), membership: it.id, because, handover: None };
    let (one, two) =
        tokio::join!(stage.act(ada, leave(ada)), stage.act(stage.olivia, leave(stage.olivia)));
    assert!(one.is_ok() != two.is_ok());
    assert!(one == Err(Refusal::LastOwner) || two == Err(Refusal::LastOwner));
}

// ── Seats ───────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_the_seat_cap_holds_on_every_path() {
    let product = desk(|it| it.joining = Joining::Open { role: role("agent") }).seats(2);
    let stage = Stage::open(product).await;
    let bob = stage.join("bob", "agent").await;
    let carl = stage.join("carl", "customer").await;
    let full = Refusal::SeatsFull { used: 2, limit: 2 };
    // By accepting, by a role that takes a seat, by signing up, by adoption, by returning.
    stage.invite(stage.olivia, "ivan", "agent").await.unwrap();
    let view = stage.open_link("ivan").await;
    assert_eq!(stage.act(view.link.clone(), view.accept()).await, Err(full.clone()));
    let promoted = stage.act(stage.olivia, stage.new_role(carl, "agent")).await;
    assert_eq!(promoted, Err(full.clone()));
    let sam = stage.stranger("sam@acme.example").await;
    let join = SignUp { organization: stage.org, email: email("sam"), profile: Profile::default() };
    assert_eq!(stage.act(sam, join.clone()).await, Err(full.clone()));
    let adopted = stage.act(Principal::System, adopt(&stage, 1)).await;
    assert_eq!(adopted, Err(full.clone()));
    stage.deactivate(stage.olivia, bob).await.unwrap();
    stage.act(sam, join).await.unwrap();
    let back = Reactivate {
        scope: stage.org.into(),
        membership: bob.id,
        work: WorkOnReturn::StaysWhereItIs,
    };
    assert_eq!(stage.act(stage.olivia, back).await, Err(full));
}

#[tokio::test]
async fn B_the_last_seat_goes_to_one_of_two_who_accept_at_once() {
    let stage = Stage::open(desk(|_| ()).seats(2)).await;
    let mut links = Vec::new();
    for name in ["bob", "berta"] {
        stage.invite(stage.olivia, name, "agent").await.unwrap();
        links.push(stage.open_link(name).await);
    }
    let (one, two) = tokio::join!(
        stage.act(links[0].link.clone(), links[0].accept()),
        stage.act(links[1].link.clone(), links[1].accept()),
    );
    assert!(one.is_ok() != two.is_ok());
    let full = Some(Refusal::SeatsFull { used: 2, limit: 2 });
    assert!(one.err().or(two.err()) == full);
    assert_eq!(stage.seats_used().await, 2);
}

#[tokio::test]
async fn B_lowering_the_seat_limit_drops_nobody_and_blocks_new_use() {
    let (stage, _, bob) = stage().await;
    let limit = SetSeatLimit { organization: stage.org, limit: Some(1) };
    stage.act(stage.olivia, limit).await.unwrap();
    assert!(stage.may(bob, Desk::AnswerTickets).await);
    assert_eq!(stage.seats_used().await, 3);
    stage.invite(stage.olivia, "ivan", "agent").await.unwrap();
    let view = stage.open_link("ivan").await;
    let refused = stage.act(view.link.clone(), view.accept()).await;
    assert_eq!(refused, Err(Refusal::SeatsFull { used: 3, limit: 1 }));
}

#[tokio::test]
async fn B_a_lapsed_invitation_gives_its_seat_to_whoever_needs_it() {
    let product = desk(|it| it.seats = tenure::domain::SeatUse::ActiveAndPending).seats(2);
    let stage = Stage::open(product).await;
    stage.invite(stage.olivia, "ivan", "agent").await.unwrap();
    let full = stage.invite(stage.olivia, "bob", "agent").await;
    assert_eq!(full, Err(Refusal::SeatsFull { used: 2, limit: 2 }));
    stage.clock.advance(Span::days(8));
    assert!(stage.invite(stage.olivia, "bob", "agent").await.is_ok(), "nobody ran `maintain`");
}

// ── Links and addresses ─────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_a_link_scanner_burns_nothing() {
    let (stage, ..) = stage().await;
    stage.invite(stage.olivia, "ivan", "agent").await.unwrap();
    let link = stage.link("ivan").await;
    for _ in 0..5 {
        assert!(stage.directory.inspect(&link).await.unwrap().is_open);
    }
    let view = stage.directory.inspect(&link).await.unwrap();
    stage.act(view.link.clone(), view.accept()).await.unwrap();
    let again = stage.act(view.link.clone(), view.accept()).await;
    assert!(matches!(again, Err(Refusal::InvitationClosed(_))));
}

#[tokio::test]
async fn B_a_damaged_link_tells_nothing() {
    let (stage, ..) = stage().await;
    for text in ["", "not a link", &"A".repeat(200_000)] {
        let error = stage.directory.inspect(&Token::new(text)).await.unwrap_err();
        assert!(matches!(error, Error::Refused(Refusal::Invalid(_))));
    }
}

#[tokio::test]
async fn B_spellings_of_one_address_are_one_person() {
    let (stage, ..) = stage().await;
    stage.invite(stage.olivia, "Ivan@Acme.example", "agent").await.unwrap();
    for again in ["ivan@acme.example", "IVAN@ACME.EXAMPLE"] {
        let refused = stage.invite(stage.olivia, again, "agent").await;
        assert!(matches!(refused, Err(Refusal::AlreadyMember(_))));
    }
    // Only the provider knows what a tag means.
    assert!(stage.invite(stage.olivia, "ivan+desk@acme.example", "agent").await.is_ok());
    // The Kelvin sign looks like K, and is somebody else's mailbox.
    assert!("\u{212a}im@acme.example".parse::<EmailAddress>().is_err());
}

// ── Roles ───────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_a_custom_role_holds_no_more_than_its_maker() {
    let (stage, ada, _) = stage().await;
    let make = |role| CreateRole { organization: stage.org, role };
    let lead = || Role::new("lead", 50).unwrap();
    let more = lead().with(Management::Billing, Reach::ALL);
    let refused = stage.act(ada, make(more)).await;
    assert_eq!(refused, Err(Refusal::ExceedsOwn(Management::Billing.into())));
    let as_high = Role::new("lead", 80).unwrap();
    assert!(matches!(stage.act(ada, make(as_high)).await, Err(Refusal::Outranked { .. })));
    assert!(stage.act(ada, make(lead().keeper())).await.is_err());
    let fine = lead().with(Desk::ExportData, Reach::ALL);
    assert_eq!(stage.act(ada, make(fine)).await, Ok(role("lead")));
    let bob = stage.join("carl", "lead").await;
    assert!(stage.may(bob, Desk::ExportData).await);
}

#[tokio::test]
async fn B_a_decision_says_why() {
    let (stage, ada, bob) = stage().await;
    let why = async |who: Who, it: Desk| {
        stage.directory.check(&who.p(), stage.org, it).await.unwrap().because
    };
    assert_eq!(why(bob, Desk::UseMacros).await, [Because::Role(role("agent"))]);
    assert_eq!(why(bob, Desk::ExportData).await, [Because::NotGiven]);
    let deny = OverridePermission {
        scope: stage.org.into(),
        membership: bob.id,
        permission: Desk::UseMacros.into(),
        to: Some(Override::Deny),
    };
    stage.act(ada, deny).await.unwrap();
    assert!(why(bob, Desk::UseMacros).await.contains(&Because::Denied));
    stage.deactivate(ada, bob).await.unwrap();
    assert!(matches!(why(bob, Desk::UseMacros).await[..], [Because::NotActive(_)]));
}

#[tokio::test]
async fn B_row_actions_for_a_whole_page_say_why_not() {
    let cast = Company::found(tenure::adapters::memory::MemoryStore::new()).await;
    let ada = cast.principal("ada");
    let names = ["olivia", "ada", "bob", "dora", "ivan"];
    let page: Vec<_> = names.map(|name| cast.member(name).membership).into();
    let rows = cast.directory.row_actions(&ada, cast.organization, &page).await.unwrap();
    let [olivia, own, bob, dora, ivan] = &rows[..] else { panic!("five rows") };
    assert!(matches!(olivia.why_not(RowAction::Deactivate), Some(Refusal::Outranked { .. })));
    assert_eq!(own.why_not(RowAction::Remove), Some(&Refusal::Oneself));
    assert!(bob.may(RowAction::Deactivate) && !bob.may(RowAction::Resend));
    assert!(dora.may(RowAction::Reactivate) && !dora.may(RowAction::Deactivate));
    assert!(ivan.may(RowAction::Resend) && ivan.may(RowAction::Revoke));
    assert!(bob.roles.contains(&role("admin")) && !bob.roles.contains(&role("owner")));
}

// ── Support ─────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_support_uses_no_seat_holds_no_rank_and_stands_in_the_audit() {
    let cast = Company::found(tenure::adapters::memory::MemoryStore::new()).await;
    let (vendor, olivia) = (cast.principal("support"), cast.principal("olivia"));
    let seats = cast.directory.seats(&olivia, cast.organization).await.unwrap().0;
    assert_eq!(seats, 5, "Olivia, Ada, Amir, Bob and Berta");
    let scope = cast.organization.into();
    let membership = cast.member("bob").membership;
    let remove = RemoveMember { scope, membership, handover: None };
    assert!(cast.directory.execute(vendor.clone(), remove).await.is_err());
    assert!(cast.directory.people(&vendor, scope, <_>::default(), None, 9).await.is_ok());
    cast.clock.advance(Span::days(1));
    assert!(cast.directory.people(&vendor, scope, <_>::default(), None, 9).await.is_err());
    let page = cast.directory.audit(&olivia, cast.organization, Revision::NONE, 500).await.unwrap();
    assert!(page.entries.iter().any(|it| it.entry.command == "GiveSupport"));
}

// ── Adoption ────────────────────────────────────────────────────────────────────────────────────

fn adopt(stage: &Stage, row: u32) -> Adopt {
    Adopt {
        organization: stage.org,
        external_id: row.to_string().parse().unwrap(),
        email: email(&format!("old-{row}")),
        role: role("agent"),
        profile: Profile::named(&format!("Old {row}")).unwrap(),
        password: None,
        status: if row.is_multiple_of(5) { AdoptAs::Deactivated } else { AdoptAs::Active },
    }
}

#[tokio::test]
async fn B_an_existing_table_is_adopted_without_mails_after_a_dry_run() {
    let stage = Stage::open(desk(|_| ())).await;
    let preview = stage.directory.preview(Principal::System, adopt(&stage, 1)).await.unwrap();
    assert!(preview.mails.is_empty());
    assert_eq!(preview.seats.map(|it| it.after), Some(2));
    assert_eq!(stage.names(stage.olivia, stage.org, None).await, ["Olivia"], "a dry run");
    // Interrupted after seven rows, and run again from the first: what is there is only refused.
    let rows = |to| (1..=to).map(|row| adopt(&stage, row).into()).collect::<Vec<Command>>();
    let first = stage.directory.execute_all(Principal::System, rows(7), Batching::each()).await;
    assert!(first.unwrap().iter().all(Result::is_ok));
    let again = stage.directory.execute_all(Principal::System, rows(10), Batching::each()).await;
    let taken =
        |it: &Result<_, Error>| matches!(it, Err(Error::Refused(Refusal::Taken("external id"))));
    let again = again.unwrap();
    assert!(again[..7].iter().all(taken) && again[7..].iter().all(Result::is_ok));
    let list = async |it| stage.names(stage.olivia, stage.org, Some(it)).await.len();
    assert_eq!((list(StatusGroup::Active).await, list(StatusGroup::Deactivated).await), (9, 2));
    assert!(stage.letters().await.is_empty());
    let filter = PeopleFilter { prefix: Some("old-3@".to_owned()), ..PeopleFilter::default() };
    let found =
        stage.directory.people(&stage.olivia.p(), stage.org, filter, None, 9).await.unwrap();
    let it = &found.rows[0].membership;
    assert_eq!(it.external_id.as_ref().unwrap().as_str(), "3");
    assert_eq!(it.source, Source::Adoption);
}

// ── Feed and audit ──────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_the_feed_goes_on_behind_a_position_and_counts_seats() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("people.db")).unwrap();
    let stage = Stage::open_on(store, desk(|_| ())).await;
    let bob = stage.join("bob", "agent").await;
    let mut position = FeedPosition(0);
    let mut seen = Vec::new();
    loop {
        let page = stage.directory.events_since(position, 1).await.unwrap();
        let Some(last) = page.last() else { break };
        position = last.feed;
        seen.extend(page.iter().map(|it| it.entry.command.clone()));
    }
    assert_eq!(seen, ["FoundOrganization", "Invite", "AcceptInvitation"]);
    stage.deactivate(stage.olivia, bob).await.unwrap();
    let new = stage.directory.events_since(position, 500).await.unwrap();
    assert_eq!(new.len(), 1);
    assert_eq!(new[0].entry.seats_used, Some(1));
}

#[tokio::test]
async fn B_every_change_is_on_record_by_whom_why_and_through_which_way() {
    let (stage, ada, bob) = stage().await;
    let why = "moved to sales".parse().unwrap();
    let request = ada.p().request().because(why);
    stage.act(request, stage.new_role(bob, "customer")).await.unwrap();
    let imported = stage.olivia.p().request().through(Source::Import);
    let invite = Invite::new(stage.org, email("ivan"), role("agent"));
    stage.act(imported, invite).await.unwrap();
    let audit = stage.directory.audit(&ada.p(), stage.org, Revision::NONE, 500).await.unwrap();
    let [.., change, invite] = &audit.entries[..] else { panic!("two at least") };
    let by = Actor::Person { user: ada.user, membership: Some(ada.id) };
    assert_eq!((&change.entry.actor, change.entry.events[0].as_str()), (&by, "RoleChanged"));
    let detail = change.detail.as_ref().unwrap();
    assert_eq!(detail.reason().unwrap().unwrap().as_str(), "moved to sales");
    assert_eq!(invite.entry.source, Some(Source::Import));
    assert!(stage.directory.audit(&bob.p(), stage.org, Revision::NONE, 9).await.is_err());
}

#[tokio::test]
async fn B_an_exported_audit_shows_when_it_was_changed() {
    let (stage, ada, bob) = stage().await;
    stage.deactivate(ada, bob).await.unwrap();
    let head = stage.directory.verify_audit(Stream::Organization(stage.org)).await.unwrap();
    let page = stage.directory.audit(&ada.p(), stage.org, Revision::NONE, 500).await.unwrap();
    let exported = serde_json::to_string(&page.entries).unwrap();
    let read: Vec<tenure::domain::Logged> = serde_json::from_str(&exported).unwrap();
    assert_eq!(verify_chain(Head::default(), &read).unwrap(), head);
    let mut changed = read.clone();
    changed[1].entry.command = "Nothing".to_owned();
    assert!(verify_chain(Head::default(), &changed).is_err());
    let mut detail = read.clone();
    let mut told = serde_json::to_value(detail[1].detail.as_ref().unwrap()).unwrap();
    told["text"] = r#"{"reason":"another","events":[]}"#.into();
    detail[1].detail = Some(serde_json::from_value(told).unwrap());
    assert!(verify_chain(Head::default(), &detail).is_err());
    let mut shorter = read;
    shorter.remove(1);
    assert!(verify_chain(Head::default(), &shorter).is_err());
}

// ── Erasure and return ──────────────────────────────────────────────────────────────────────────

async fn erase(stage: &Stage, whom: Who) {
    let erase = EraseMember { organization: stage.org, membership: whom.id };
    stage.act(stage.olivia, erase).await.unwrap();
}

#[tokio::test]
async fn B_erasure_keeps_history_countable() {
    let (stage, ada, bob) = stage().await;
    let berta = stage.join("berta", "agent").await;
    for who in [bob, berta] {
        stage.act(stage.olivia, stage.removal(who, None)).await.unwrap();
    }
    erase(&stage, berta).await;
    let row = stage.row(berta).await.membership;
    assert_eq!(row.display_name(), "Former member 2");
    assert!(row.email.is_none() && row.profile.0.is_empty());
    let audit = stage.directory.audit(&ada.p(), stage.org, Revision::NONE, 500).await.unwrap();
    let text = serde_json::to_string(&audit.entries).unwrap().to_lowercase();
    assert!(!text.contains("berta") && text.contains("bob"));
    let hers = audit.entries.iter().filter(|it| it.entry.subjects.contains(&berta.id)).count();
    assert_eq!(hers, 4, "invited, accepted, removed, erased: countable still");
    stage.directory.verify_audit(Stream::Organization(stage.org)).await.unwrap();
}

#[tokio::test]
async fn B_who_returns_is_linked_to_the_tombstone_and_nothing_is_restored() {
    let (stage, ada, bob) = stage().await;
    stage.act(ada, stage.new_role(bob, "admin")).await.unwrap();
    stage.act(stage.olivia, stage.removal(bob, None)).await.unwrap();
    stage.invite(stage.olivia, "bob", "agent").await.unwrap();
    let view = stage.open_link("bob").await;
    let id = stage.act(bob, view.accept()).await.unwrap().membership;
    let back = stage.row(Who { user: bob.user, id }).await.membership;
    assert_eq!((back.predecessor, back.role), (Some(bob.id), role("agent")));
    assert_eq!(stage.row(bob).await.membership.successor, Some(id));
}

#[tokio::test]
async fn B_after_erasure_whoever_returns_is_an_unrelated_person() {
    let (stage, _, bob) = stage().await;
    stage.act(stage.olivia, stage.removal(bob, None)).await.unwrap();
    erase(&stage, bob).await;
    stage.invite(stage.olivia, "bob", "agent").await.unwrap();
    let view = stage.open_link("bob").await;
    let id = stage.act(bob, view.accept()).await.unwrap().membership;
    assert_eq!(stage.row(Who { user: bob.user, id }).await.membership.predecessor, None);
}

#[tokio::test]
async fn B_a_block_survives_erasure_until_it_is_lifted() {
    let (stage, _, bob) = stage().await;
    let block = Block { organization: stage.org, membership: bob.id, handover: None };
    stage.act(stage.olivia, block).await.unwrap();
    erase(&stage, bob).await;
    assert_eq!(stage.row(bob).await.membership.display_name(), "Former member 1");
    let again = stage.invite(stage.olivia, "BOB@acme.example", "agent").await;
    assert_eq!(again, Err(Refusal::Blocked));
    let lift = Unblock { organization: stage.org, email: email("bob") };
    stage.act(stage.olivia, lift).await.unwrap();
    assert!(stage.invite(stage.olivia, "bob", "agent").await.is_ok());
}

// ── Asking twice, asking for much ───────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_an_idempotency_key_does_it_once() {
    let (stage, ada, _) = stage().await;
    let request = || ada.p().request().with_key("form-1".parse().unwrap());
    let invite = |name| Invite::new(stage.org, email(name), role("agent"));
    let first = stage.act(request(), invite("ivan")).await.unwrap();
    assert_eq!(stage.act(request(), invite("ivan")).await.unwrap(), first);
    assert_eq!(stage.act(request(), invite("nora")).await, Err(Refusal::KeyReused));
    assert_eq!(stage.letters().await.iter().filter(|(to, _)| to.starts_with("ivan")).count(), 1);
}

#[tokio::test]
async fn B_many_at_once_under_one_key_are_done_once() {
    let stage = Stage::open(desk(|_| ())).await;
    let all = async || {
        let request = stage.olivia.p().request().with_key("upload-1".parse().unwrap());
        let commands = invitations(&stage, 5);
        let how = Batching::each();
        stage.directory.execute_all(request, commands, how).await.unwrap()
    };
    let first: Vec<_> = all().await.into_iter().map(|it| it.unwrap().revision).collect();
    let again: Vec<_> = all().await.into_iter().map(|it| it.unwrap().revision).collect();
    assert_eq!(first, again);
    assert_eq!(pending(&stage).await, 5);
}

fn invitations(stage: &Stage, many: usize) -> Vec<Command> {
    let invite = |n| Invite::new(stage.org, email(&format!("new-{n}")), role("agent")).into();
    (0..many).map(invite).collect()
}

async fn pending(stage: &Stage) -> u64 {
    let filter = PeopleFilter { status: Some(StatusGroup::Pending), ..PeopleFilter::default() };
    let page = stage.directory.people(&stage.olivia.p(), stage.org, filter, None, 1).await.unwrap();
    page.total.unwrap()
}

#[tokio::test]
async fn B_many_at_once_report_progress() {
    let stage = Stage::open(desk(|_| ())).await;
    let reports = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&reports);
    let how = Batching::each().on_progress(move |it| heard.lock().unwrap().push((it.done, it.all)));
    let commands = invitations(&stage, 1_100);
    let answers = stage.directory.execute_all(stage.olivia, commands, how).await.unwrap();
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(*reports.lock().unwrap(), [(500, 1_100), (1_000, 1_100), (1_100, 1_100)]);
}

#[tokio::test]
async fn B_many_at_once_are_cancelled_between_commits() {
    let stage = Stage::open(desk(|_| ())).await;
    let flag = Arc::new(AtomicBool::new(false));
    let (set, commits) = (Arc::clone(&flag), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&commits);
    let how = Batching::each().cancelled_by(flag).on_progress(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        set.store(true, Ordering::Relaxed);
    });
    let commands = invitations(&stage, 1_100);
    let answers = stage.directory.execute_all(stage.olivia, commands, how).await.unwrap();
    assert_eq!(commits.load(Ordering::Relaxed), 1);
    assert!(answers[..500].iter().all(Result::is_ok));
    assert!(answers[500..].iter().all(|it| matches!(it, Err(Error::Cancelled))));
    assert_eq!(pending(&stage).await, 500, "what was committed stays");
}

#[tokio::test]
async fn B_many_at_once_happen_all_or_not_at_all() {
    let stage = Stage::open(desk(|_| ())).await;
    let mut commands = invitations(&stage, 3);
    commands.push(Invite::new(stage.org, email("vera"), role("viewer")).into());
    let how = Batching::all_or_nothing();
    let answers = stage.directory.execute_all(stage.olivia, commands, how).await.unwrap();
    assert!(answers[..3].iter().all(|it| matches!(it, Err(Error::RolledBack))));
    assert!(matches!(answers[3], Err(Error::Refused(Refusal::NotInvitable(_)))));
    assert_eq!(pending(&stage).await, 0);
    assert!(stage.letters().await.is_empty());
}

#[tokio::test]
async fn B_people_are_exported_as_csv_that_no_spreadsheet_runs() {
    let (stage, ada, bob) = stage().await;
    let fields = crate::stage::fields(&[("name", "=HYPERLINK(\"x\"),\"Bob\"")]);
    let (scope, membership) = (stage.org.into(), bob.id);
    stage.act(bob, tenure::commands::EditProfile { scope, membership, fields }).await.unwrap();
    let mut csv = Vec::new();
    let filter = PeopleFilter { role: Some(role("agent")), ..PeopleFilter::default() };
    stage.directory.export_people(&ada.p(), stage.org, filter, &mut csv).await.unwrap();
    let text = String::from_utf8(csv).unwrap();
    assert_eq!(
        text,
        "name,email,role,status\n\
        \"'=HYPERLINK(\"\"x\"\"),\"\"Bob\"\"\",bob@acme.example,Agent,Active\n"
    );
}

// ── Handover ────────────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn B_a_handover_is_counted_before_and_moves_in_batches_that_resume() {
    let (stage, ada, bob) = stage().await;
    for _ in 0..1_200 {
        stage.work.add(stage.org, "tickets", bob.id);
    }
    let go = stage.deactivation(bob, Some(Disposition::To(ada.id)));
    let preview = stage.directory.preview(stage.olivia, go.clone()).await.unwrap();
    assert_eq!(preview.work[0].holds[0].items, 1_200);
    stage.act(stage.olivia, go).await.unwrap();
    stage.work.fail_next(1);
    stage.settle().await;
    stage.clock.advance(Span::seconds(600));
    stage.settle().await;
    assert_eq!(stage.work.held_by(ada.id).len(), 1_200);
    let handovers = stage.directory.handovers(&ada.p(), stage.org, None, 9).await.unwrap();
    assert_eq!(handovers.rows[0].moved, 1_200);
}

#[tokio::test]
async fn B_strangers_are_told_of_no_organization() {
    let (stage, ada, bob) = stage().await;
    let rival = stage.beside("Rival", "rita@rival.example", desk(|_| ())).await;
    let rita = rival.olivia;
    let against = stage.act(rita, stage.deactivation(bob, None)).await;
    let nowhere = Refusal::NotFound(tenure::domain::Thing::Organization);
    assert_eq!(against, Err(nowhere.clone()));
    let people = stage.directory.people(&rita.p(), stage.org, <_>::default(), None, 9).await;
    assert_eq!(people.unwrap_err().refusal(), Some(&nowhere));
    assert!(stage.directory.row_actions(&ada.p(), stage.org, &[rita.id]).await.is_err());
}
