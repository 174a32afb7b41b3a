//! 08, 09, 12, 17, 21, 22, 23, 27, 42, 43, 56, 60, 63: what a link opens, for whom, how often, until
//! when; and who has a session.

use tenure::ports::{Letter, LetterKind};
use tenure::testing::cast::{Desk, token_of};
use tenure::{Management, SessionStamp};

use super::stage::{hash, stage};
use tenure::commands::Block;

use super::*;

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/.";

async fn invited(it: &Company, email: &str) -> (Invited, Token) {
    let invite = Invite::new(it.organization, email.parse().unwrap(), name("agent"));
    let invited = does(it, it.principal("olivia"), invite).await;
    (invited, newest(it, email).await)
}

async fn letters(it: &Company) -> Vec<Letter> {
    while it.directory.maintain().await.unwrap().more {}
    it.postbox.take()
}

async fn newest(it: &Company, email: &str) -> Token {
    let letters = letters(it).await;
    letters.iter().rev().filter(|it| it.to.as_str() == email).find_map(token_of).unwrap()
}

async fn reset(it: &Company, who: &str) -> Token {
    let email = Company::email(who);
    it.directory.forgot_password(Realm::Shared, email.as_str()).await.unwrap();
    newest(it, email.as_str()).await
}

fn choose(user: UserId) -> ChoosePassword {
    ChoosePassword { user, password: hash() }
}

/// Proved: with `open` answering `true` every one of these passes.
#[tokio::test]
async fn attack_08_a_token_with_any_byte_changed_is_refused() {
    let it = acme().await;
    let (_, invitation) = invited(&it, "eve@acme.example").await;
    let password = reset(&it, "bob").await;
    for token in [invitation, password] {
        it.directory.verify(&token).await.unwrap();
        let text = token.expose().as_bytes();
        let mut answers = std::collections::BTreeSet::new();
        let mut tried = 0;
        for at in 0..text.len() {
            for other in ALPHABET.iter().filter(|it| **it != text[at]) {
                let mut changed = text.to_vec();
                changed[at] = *other;
                let changed = Token::new(String::from_utf8(changed).unwrap());
                answers.insert(it.directory.verify(&changed).await.unwrap_err().to_string());
                tried += 1;
            }
        }
        assert!(tried > 5_000);
        for at in 0..=text.len() {
            let (left, right) = (&token.expose()[..at], &token.expose()[at..]);
            for changed in [format!("{left}A{right}"), format!("{left} {right}"), left.to_owned()] {
                if changed != token.expose() {
                    let answer = it.directory.verify(&Token::new(changed)).await.unwrap_err();
                    answers.insert(answer.to_string());
                }
            }
        }
        // The answer does not say what was wrong.
        assert_eq!(answers.len(), 1, "{answers:?}");
    }
}

#[tokio::test]
async fn attack_08_a_link_made_under_another_key_or_for_another_address_is_refused() {
    let it = acme().await;
    let other = Company::found(MemoryStore::new()).await;
    let (_, theirs) = invited(&other, "eve@acme.example").await;
    // The same fakes make the same identities; only what was invited differs.
    let (_, ours) = invited(&it, "mallory@acme.example").await;
    assert!(it.directory.verify(&theirs).await.is_err());
    assert!(it.directory.verify(&ours).await.is_ok());
    assert!(other.directory.verify(&ours).await.is_err());
}

#[tokio::test]
async fn attack_08_a_verified_link_is_checked_again_by_the_command() {
    let it = acme().await;
    let (eve, token) = invited(&it, "eve@acme.example").await;
    let (mallory, _) = invited(&it, "mallory@acme.example").await;
    let link = it.directory.verify(&token).await.unwrap();
    let accept = |to: &Invited| AcceptInvitation::new(it.organization, to.invitation);
    // Another invitation than the link's.
    let answer = refused(&it, link.clone(), accept(&mallory)).await;
    assert_eq!(answer, Refusal::NotFound(Thing::Invitation));
    // Even a host that edits what was verified does not get further.
    let mut edited = link.clone();
    edited.subject = mallory.invitation.uuid();
    assert_eq!(refused(&it, edited, accept(&mallory)).await, Refusal::NotFound(Thing::Invitation));
    let mut edited = link.clone();
    edited.generation =
        it.directory.password_generation(it.member("bob").user.unwrap()).await.unwrap();
    assert_eq!(refused(&it, edited, accept(&eve)).await, Refusal::Superseded);
    let mut edited = link.clone();
    edited.organization = Some(it.rival);
    assert_eq!(refused(&it, edited, accept(&eve)).await, Refusal::NotFound(Thing::Organization));
    assert!(does(&it, link, accept(&eve)).await.is_active);
}

/// Every status at every door: only who is active gets in.
#[tokio::test]
async fn attack_09_only_who_is_active_gets_in_by_any_door() {
    let stage = stage().await;
    let it = &stage.company;
    let organization = it.organization;
    let mut stamps: Vec<SessionStamp> = Vec::new();
    for who in ["ada", "bob"] {
        let user = it.member(who).user.unwrap();
        stamps.push(it.directory.open_session(user, organization).await.unwrap());
    }
    for stamp in &stamps {
        assert!(it.directory.session_holds(stamp).await.unwrap());
    }
    // Ada is blocked, Bob goes for good, and their sessions end in the same moment.
    let olivia = it.principal("olivia");
    let membership = it.member("ada").membership;
    does(it, &olivia, Block { organization, membership, handover: None }).await;
    let (scope, membership) = (organization.into(), it.member("bob").membership);
    does(it, &olivia, RemoveMember { scope, membership, handover: None }).await;
    for stamp in &stamps {
        assert!(!it.directory.session_holds(stamp).await.unwrap());
    }
    let absent = Refusal::NotFound(Thing::Organization);
    for who in ["ada", "bob", "dora", "stan", "sam", "rita"] {
        let principal = stage.principal(who);
        let Principal::Person(user) = principal else { unreachable!() };
        let opened = it.directory.open_session(user, organization).await.unwrap_err();
        assert_eq!(opened.refusal(), Some(&absent), "{who} opens a session");
        let checked =
            it.directory.check(&principal, organization, Desk::ViewTickets).await.unwrap();
        assert!(!checked.is_allowed(), "{who} passes a check");
        let answers = [
            it.directory.require(&principal, organization, Desk::ViewTickets).await.unwrap_err(),
            it.directory.organization(&principal, organization).await.map(drop).unwrap_err(),
            it.directory
                .people(&principal, organization, tenure::ports::PeopleFilter::default(), None, 5)
                .await
                .map(drop)
                .unwrap_err(),
            it.directory.roles(&principal, organization).await.map(drop).unwrap_err(),
            it.directory
                .audit(&principal, organization, Revision::NONE, 5)
                .await
                .map(drop)
                .unwrap_err(),
            it.directory.row_actions(&principal, organization, &[]).await.map(drop).unwrap_err(),
            it.directory.seats(&principal, organization).await.map(drop).unwrap_err(),
            it.directory.teams(&principal, organization, None, 5).await.map(drop).unwrap_err(),
        ];
        for answer in answers {
            assert_eq!(answer.refusal(), Some(&absent), "{who}");
        }
    }
}

/// Proved: without ending the workspace's sessions, the old one holds again at the end.
#[tokio::test]
async fn attack_56_a_session_that_was_ended_never_holds_again() {
    let it = acme_under(Rules { workspace_guest_role: Some(name("customer")), ..Rules::default() })
        .await;
    let organization = it.organization;
    let scope: Scope = organization.into();
    let here = workspace(&it).await;
    let bob = it.member("bob");
    let invited =
        does(&it, it.principal("olivia"), Invite::new(here, Company::email("bob"), name("agent")))
            .await;
    let user = bob.user.unwrap();
    does(&it, user, AcceptInvitation::new(organization, invited.invitation)).await;
    let open = async |scope: Scope| it.directory.open_session(user, scope).await.unwrap();
    let holds = async |stamp: &SessionStamp| it.directory.session_holds(stamp).await.unwrap();
    let membership = bob.membership;
    for by_leaving in [true, false] {
        let stamps = [open(scope).await, open(here).await];
        if by_leaving {
            let (because, handover) = (DeactivatedBecause::Leave, None);
            let out = Deactivate { scope, membership, because, handover };
            does(&it, it.principal("olivia"), out).await;
            assert!(!holds(&stamps[0]).await && !holds(&stamps[1]).await);
            does(
                &it,
                it.principal("olivia"),
                Reactivate { scope, membership, work: WorkOnReturn::StaysWhereItIs },
            )
            .await;
        } else {
            does(&it, user, EndSessions { scope, membership }).await;
        }
        assert!(!holds(&stamps[0]).await, "in the organization");
        assert!(!holds(&stamps[1]).await, "in the workspace");
    }
}

#[tokio::test]
async fn attack_56_a_session_in_a_workspace_ends_with_the_role_that_reached_there() {
    let it = acme().await;
    let here = workspace(&it).await;
    let stamp = it.directory.open_session(it.member("ada").user.unwrap(), here).await.unwrap();
    assert!(it.directory.session_holds(&stamp).await.unwrap());
    let (scope, membership) = (it.organization.into(), it.member("ada").membership);
    does(
        &it,
        Principal::System,
        ChangeRole { scope, membership, role: name("agent"), handover: None },
    )
    .await;
    assert!(!it.directory.session_holds(&stamp).await.unwrap());
}

#[tokio::test]
async fn attack_12_a_reset_goes_to_the_one_stored_verified_address() {
    let it = acme().await;
    letters(&it).await;
    // However it is typed, the mail goes to what is on record.
    it.directory.forgot_password(Realm::Shared, "BOB@Acme.EXAMPLE").await.unwrap();
    let sent = letters(&it).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].to.as_str(), "bob@acme.example");
    for many in [
        "bob@acme.example,eve@evil.example",
        "bob@acme.example;eve@evil.example",
        "bob@acme.example eve@evil.example",
        "bob@acme.example\r\nBcc: eve@evil.example",
        "[\"bob@acme.example\",\"eve@evil.example\"]",
        "<bob@acme.example>",
    ] {
        assert!(it.directory.forgot_password(Realm::Shared, many).await.is_err(), "{many:?}");
    }
    // Nobody sends one to an address that nobody proved.
    user(&it, "squatter@acme.example", false).await;
    it.directory.forgot_password(Realm::Shared, "squatter@acme.example").await.unwrap();
    assert!(letters(&it).await.is_empty());
}

/// The reply says nothing, byte for byte. How long it takes is the host's duty, as the method says:
/// an existing user costs a commit more, so answer before awaiting it, or after a fixed time.
#[tokio::test]
async fn attack_17_a_forgotten_password_reveals_no_user() {
    let it = acme().await;
    let erased = user(&it, "gone@acme.example", true).await;
    does(&it, erased, DeleteUser { user: erased }).await;
    user(&it, "unproven@acme.example", false).await;
    let mut replies = std::collections::BTreeSet::new();
    for email in ["bob", "nobody", "dora", "gone", "unproven", "ivan"] {
        for _ in 0..5 {
            let email = format!("{email}@acme.example");
            let reply = it.directory.forgot_password(Realm::Shared, &email).await;
            replies.insert(format!("{reply:?}"));
        }
    }
    assert_eq!(replies.into_iter().collect::<Vec<_>>(), ["Ok(())"]);
}

/// Two walls stand behind each other here (the purpose, then the subject): one alone holds, too.
#[tokio::test]
async fn attack_21_a_link_for_one_purpose_opens_nothing_else() {
    let stage = stage().await;
    let it = &stage.company;
    let invitation = stage.link.clone();
    let password = it.directory.verify(&reset(it, "bob").await).await.unwrap();
    assert_eq!(
        (invitation.purpose, password.purpose),
        (Purpose::Invitation, Purpose::PasswordReset)
    );
    for name in CommandName::ALL {
        let purpose = Requirement::of(*name).link;
        for (link, target) in [(&invitation, &stage.targets[3]), (&password, &stage.targets[0])] {
            // The link's own subject, so that nothing but the purpose stands in the way.
            let mut target = target.clone();
            target.user = UserId::new(link.subject);
            target.invitation = InvitationId::new(link.subject);
            let command = super::stage::command(*name, &target, &stage.around());
            let answer = it.directory.preview(link.clone(), command).await;
            if purpose == Some(link.purpose) {
                assert!(answer.is_ok(), "{name:?} by its own link: {answer:?}");
            } else {
                assert!(answer.is_err(), "{name:?} by a link for {:?}", link.purpose);
            }
        }
    }
    let answer = it.directory.inspect(&reset(it, "ada").await).await.unwrap_err();
    assert_eq!(answer.refusal(), Some(&Refusal::WrongPurpose));
}

/// Two walls again: an invitation that stays open meets a membership that is active already.
#[tokio::test]
async fn attack_22_an_invitation_accepted_many_times_at_once_lets_one_in() {
    let it = acme().await;
    let (invitation, token) = invited(&it, "eve@acme.example").await;
    let link = it.directory.verify(&token).await.unwrap();
    let eve = user(&it, "eve@acme.example", false).await;
    let people = || async {
        let page = it.directory.people(
            &Principal::System,
            it.organization,
            tenure::ports::PeopleFilter::default(),
            None,
            100,
        );
        page.await.unwrap().total
    };
    let before = people().await;
    let mut tries = Vec::new();
    for n in 0..16 {
        let directory = it.directory.clone();
        let who = if n % 4 == 3 { Principal::Person(eve) } else { Principal::Bearer(link.clone()) };
        let accept = AcceptInvitation::new(it.organization, invitation.invitation);
        tries.push(tokio::spawn(async move { directory.execute(who, accept).await.is_ok() }));
    }
    let mut in_now = 0;
    for one in tries {
        in_now += u32::from(one.await.unwrap());
    }
    assert_eq!(in_now, 1);
    assert_eq!(people().await, before);
}

/// Proved: without the look at who holds the address the link becomes Sam.
#[tokio::test]
async fn attack_23_a_link_never_becomes_an_existing_account() {
    let it = acme().await;
    let (invitation, token) = invited(&it, "sam@elsewhere.example").await;
    let link = it.directory.verify(&token).await.unwrap();
    let accept = AcceptInvitation::new(it.organization, invitation.invitation);
    let answer = refused(&it, link, accept.clone().with_password(hash())).await;
    assert_eq!(answer, Refusal::Taken("address"));
    let Principal::Person(sam) = it.principal("sam") else { unreachable!() };
    // Sam's own password is nobody's to choose through an invitation.
    let answer = refused(&it, sam, accept.clone().with_password(hash())).await;
    assert!(matches!(answer, Refusal::RuleForbids { rule: "C23", .. }), "{answer:?}");
    assert_eq!(does(&it, sam, accept).await.user, sam);
    assert!(it.directory.user(sam).await.unwrap().password.is_none());
}

fn just(at: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(at.micros() + micros)
}

/// Proved: with `>` for `>=` in `ChoosePassword` the link works at its last instant.
#[tokio::test]
async fn attack_27_every_link_offer_and_access_ends_at_its_instant() {
    for (micros, works) in [(-1, true), (0, false), (1, false)] {
        // An invitation, by its link and signed in.
        let it = acme().await;
        let (invitation, token) = invited(&it, "eve@acme.example").await;
        let view = it.directory.inspect(&token).await.unwrap();
        it.clock.set(just(view.expires_at, micros));
        assert_eq!(it.directory.inspect(&token).await.unwrap().is_open, works);
        let accept = AcceptInvitation::new(it.organization, invitation.invitation);
        let by_link = it.directory.preview(view.link, accept.clone()).await;
        let eve = user(&it, "eve@acme.example", true).await;
        let signed_in = it.directory.execute(eve, accept).await;
        assert_eq!((by_link.is_ok(), signed_in.is_ok()), (works, works), "an invitation {micros}");
        if !works {
            assert_eq!(by_link.unwrap_err().refusal(), Some(&Refusal::Expired));
            assert_eq!(signed_in.unwrap_err().refusal(), Some(&Refusal::Expired));
        }

        // A password link.
        let it = acme().await;
        let bob = it.member("bob").user.unwrap();
        let link = it.directory.verify(&reset(&it, "bob").await).await.unwrap();
        it.clock.set(just(link.expires_at, micros));
        let chosen = it.directory.execute(link, choose(bob)).await;
        assert_eq!(chosen.is_ok(), works, "a password link {micros}");

        // An offered ownership.
        let it = acme().await;
        let organization = it.organization;
        let membership = it.member("ada").membership;
        let offer =
            OfferOwnership { organization, membership, role: name("owner"), then_become: None };
        does(&it, it.principal("olivia"), offer).await;
        let row =
            it.directory.person(&it.principal("ada"), organization, membership).await.unwrap();
        it.clock.set(just(row.membership.offer.unwrap().expires_at, micros));
        let accepted =
            it.directory.execute(it.principal("ada"), AcceptOwnership { organization }).await;
        assert_eq!(accepted.is_ok(), works, "an offer {micros}");

        // Support's access.
        let it = acme().await;
        let page = it
            .directory
            .support_accesses(&Principal::System, it.organization, None, 5)
            .await
            .unwrap();
        it.clock.set(just(page.rows[0].until.unwrap(), micros));
        let check = it
            .directory
            .check(&it.principal("support"), it.organization, Management::ViewPeople)
            .await;
        assert_eq!(check.unwrap().is_allowed(), works, "support {micros}");
    }
}

/// Proved: with a generation that choosing a password leaves alone the second use passes.
#[tokio::test]
async fn attack_42_a_link_works_once() {
    let it = acme().await;
    let bob = it.member("bob").user.unwrap();
    let link = it.directory.verify(&reset(&it, "bob").await).await.unwrap();
    does(&it, link.clone(), choose(bob)).await;
    assert_eq!(refused(&it, link, choose(bob)).await, Refusal::Superseded);
    let (invitation, token) = invited(&it, "eve@acme.example").await;
    let link = it.directory.verify(&token).await.unwrap();
    let accept = AcceptInvitation::new(it.organization, invitation.invitation);
    does(&it, link.clone(), accept.clone()).await;
    let closed = Refusal::InvitationClosed(InvitationStatus::Accepted);
    assert_eq!(refused(&it, link.clone(), accept).await, closed);
    let decline =
        DeclineInvitation { organization: it.organization, invitation: invitation.invitation };
    assert_eq!(refused(&it, link, decline).await, closed);
}

#[tokio::test]
async fn attack_43_only_the_newest_link_works() {
    let it = acme().await;
    let bob = it.member("bob").user.unwrap();
    let first = it.directory.verify(&reset(&it, "bob").await).await.unwrap();
    let second = it.directory.verify(&reset(&it, "bob").await).await.unwrap();
    assert_eq!(refused(&it, first, choose(bob)).await, Refusal::Superseded);
    // Nor one asked for before the password was changed otherwise.
    does(&it, bob, choose(bob)).await;
    assert_eq!(refused(&it, second, choose(bob)).await, Refusal::Superseded);
    let (eve, token) = invited(&it, "eve@acme.example").await;
    let old = it.directory.verify(&token).await.unwrap();
    let (organization, invitation) = (it.organization, eve.invitation);
    does(&it, it.principal("ada"), ResendInvitation { scope: organization.into(), invitation })
        .await;
    let new = it.directory.verify(&newest(&it, "eve@acme.example").await).await.unwrap();
    let accept = AcceptInvitation::new(organization, invitation);
    assert_eq!(refused(&it, old, accept.clone()).await, Refusal::Superseded);
    does(&it, new, accept).await;
}

/// Proved: without `may_be_sent` the postbox is full.
#[tokio::test]
async fn attack_60_a_thousand_forgotten_passwords_send_three_mails() {
    let it = acme().await;
    letters(&it).await;
    let mut sent = 0;
    for _ in 0..1_000 {
        it.directory.forgot_password(Realm::Shared, "bob@acme.example").await.unwrap();
        it.directory.maintain().await.unwrap();
        sent += it.postbox.take().len();
    }
    assert_eq!(sent, User::RESETS_PER_HOUR);
    // Administrators share the limit.
    let membership = it.member("bob").membership;
    let send = SendPasswordReset { organization: it.organization, membership };
    assert!(matches!(refused(&it, it.principal("ada"), send).await, Refusal::TooMany { .. }));
}

/// There is one place that compares secrets, and it takes the same time wherever they differ.
#[test]
fn attack_63_secrets_are_compared_in_constant_time() {
    let token = include_str!("../../src/domain/token.rs");
    assert!(token.contains("mac.verify_slice(&sealed.mac)"));
    assert_eq!(token.matches("sealed.mac").count(), 1, "the mac is looked at elsewhere, too");
    assert!(!token.contains("mac ==") && !token.contains("== sealed"));
}

#[tokio::test]
async fn attack_38_no_mail_carries_an_address_that_a_request_could_choose() {
    // A letter holds the secret; the address before it is the host's configuration.
    let it = acme().await;
    let (_, token) = invited(&it, "eve@acme.example").await;
    assert!(!token.expose().contains(['/', ':', '.']));
    let source = include_str!("../../src/ports/mailer.rs");
    assert!(!source.contains("Url") && !source.contains("host:"));
    assert!(
        letters(&it).await.iter().all(|it| !matches!(it.kind, LetterKind::PasswordReset { .. }))
    );
}
