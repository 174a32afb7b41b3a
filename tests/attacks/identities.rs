//! 01, 02, 14, 15, 31, 32, 33: who a person is taken for.

use std::collections::BTreeSet;

use icu_normalizer::ComposingNormalizerBorrowed;
use tenure::ports::PeopleFilter;

use super::stage::identity;
use super::*;

/// Proved: without `verified_email` in `proves` the first answer is a membership.
#[tokio::test]
async fn attack_01_an_unverified_address_accepts_nothing() {
    let it = acme().await;
    let invite = Invite::new(it.organization, "eve@acme.example".parse().unwrap(), name("agent"));
    let invited = does(&it, it.principal("olivia"), invite).await;
    let squatter = user(&it, "eve@acme.example", false).await;
    let accept = AcceptInvitation::new(it.organization, invited.invitation);
    assert_eq!(refused(&it, squatter, accept.clone()).await, Refusal::Unverified);
    let (organization, invitation) = (it.organization, invited.invitation);
    let decline = DeclineInvitation { organization, invitation };
    assert_eq!(refused(&it, squatter, decline).await, Refusal::Unverified);
    // The owner of the mailbox comes in all the same, and the squatter can never prove it.
    let eve = user(&it, "eve@acme.example", true).await;
    assert_eq!(does(&it, eve, accept).await.user, eve);
    let email: EmailAddress = "eve@acme.example".parse().unwrap();
    let verify = VerifyEmail { user: squatter, realm: Realm::Shared, email };
    assert_eq!(refused(&it, Principal::System, verify).await, Refusal::Taken("address"));
}

#[tokio::test]
async fn attack_01_an_unverified_address_signs_up_nowhere() {
    let domains = ["acme.example".to_owned()].into();
    let joining = Joining::Domains { domains, role: name("agent") };
    let it = acme_under(Rules { joining, ..Rules::default() }).await;
    let squatter = user(&it, "ceo@acme.example", false).await;
    let organization = it.organization;
    let email: EmailAddress = "ceo@acme.example".parse().unwrap();
    let sign_up = SignUp { organization, email, profile: tenure::Profile::default() };
    assert_eq!(refused(&it, squatter, sign_up.clone()).await, Refusal::Unverified);
    // Another's address is not one's own, and another domain opens nothing.
    let sam = it.principal("sam");
    assert_eq!(refused(&it, sam, sign_up).await, Refusal::NotFound(Thing::Organization));
}

#[tokio::test]
async fn attack_02_single_sign_on_never_ends_in_a_registered_stranger() {
    let provisioning = Provisioning::JustInTime { role: name("agent") };
    let it = acme_under(Rules { provisioning, ..Rules::default() }).await;
    let squatter = user(&it, "eve@acme.example", false).await;
    let real = register_with(&it, "eve-at-sso").await;
    let arrive = arrive(&it, real, "eve-at-sso", Some("eve@acme.example"));
    does(&it, it.principal("provisioner"), arrive).await;
    assert!(it.directory.memberships_of(squatter).await.unwrap().is_empty());
    assert_eq!(it.directory.memberships_of(real).await.unwrap().len(), 1);
    // Nor does somebody without the identity arrive as it.
    let arrive = super::identities::arrive(&it, squatter, "eve-at-sso", None);
    let answer = refused(&it, it.principal("provisioner"), arrive).await;
    assert_eq!(answer, Refusal::NotFound(Thing::User));
}

#[tokio::test]
async fn attack_14_the_same_asserted_address_with_another_subject_is_another_person() {
    let provisioning = Provisioning::JustInTime { role: name("agent") };
    let it = acme_under(Rules { provisioning, ..Rules::default() }).await;
    let first = register_with(&it, "subject-1").await;
    let second = register_with(&it, "subject-2").await;
    let provisioner = it.principal("provisioner");
    let email = Some("eve@acme.example");
    does(&it, &provisioner, arrive(&it, first, "subject-1", email)).await;
    let answer = refused(&it, &provisioner, arrive(&it, second, "subject-2", email)).await;
    assert_eq!(answer, Refusal::AlreadyMember(StatusName::Active));
    let directory = &it.directory;
    let found = async |subject: &str| {
        directory.user_by_identity(Realm::Shared, &identity(subject)).await.unwrap().map(|it| it.id)
    };
    assert_eq!((found("subject-1").await, found("subject-2").await), (Some(first), Some(second)));
    assert_eq!(found("SUBJECT-1").await, None, "subjects compare exactly");
    // An identity belongs to one user.
    let link = LinkIdentity { user: second, realm: Realm::Shared, identity: identity("subject-1") };
    assert_eq!(refused(&it, Principal::System, link).await, Refusal::Taken("identity"));
}

#[tokio::test]
async fn attack_15_an_external_id_that_spells_an_internal_one_names_nobody_else() {
    let it = acme().await;
    let organization = it.organization;
    let mut ids: Vec<String> = Vec::new();
    for who in ["olivia", "ada", "bob"] {
        let it = it.member(who);
        ids.extend([it.membership.to_string(), it.user.unwrap().to_string()]);
    }
    ids.extend([organization.to_string(), "1".to_owned(), "0".to_owned()]);
    let before =
        it.directory.person(&Principal::System, organization, it.member("olivia").membership).await;
    for (n, id) in ids.iter().enumerate() {
        let provision = Provision {
            organization,
            identity: identity(&format!("newcomer-{n}")),
            email: None,
            role: name("customer"),
            profile: tenure::Profile::default(),
            external_id: Some(name(id)),
        };
        let new = does(&it, it.principal("provisioner"), provision).await;
        assert!(!ids.contains(&new.to_string()));
    }
    let after =
        it.directory.person(&Principal::System, organization, it.member("olivia").membership).await;
    assert_eq!(before.unwrap().membership, after.unwrap().membership);
}

#[tokio::test]
async fn attack_31_an_address_is_one_address() {
    for many in [
        "a@x.example,b@y.example",
        "a@x.example;b@y.example",
        "a@x.example b@y.example",
        "a@x.example\nb@y.example",
        "a@x.example\0b@y.example",
        "a@b@y.example",
        "<a@x.example>",
        "A <a@x.example>",
        "a@x.example>",
        "\"a@x.example\"@y.example",
        "a(b)@x.example",
        "a@[127.0.0.1]",
        "a%b@x.example@y.example",
        "a@x.example?cc=b@y.example&",
        "@x.example",
        "a@",
        "a@localhost",
    ] {
        assert!(EmailAddress::new(many).is_err(), "{many:?}");
    }
    let it = acme().await;
    while it.directory.maintain().await.unwrap().more {}
    it.postbox.take();
    let invite = Invite::new(it.organization, "Eve@Acme.example".parse().unwrap(), name("agent"));
    does(&it, it.principal("olivia"), invite).await;
    it.directory.maintain().await.unwrap();
    let letters = it.postbox.take();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].to.as_str(), "Eve@Acme.example");
    let json = r#"{"command":"invite","scope":{"organization":"00000000-0000-0000-0000-000000000000"},
        "email":["a@x.example","b@y.example"],"role":"agent"}"#;
    assert!(serde_json::from_str::<Command>(json).is_err());
}

/// All characters outside ASCII that some way of folding turns into ASCII alone.
fn look_alikes() -> BTreeSet<char> {
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    let fold = icu_casemap::CaseMapper::new();
    ('\u{80}'..=char::MAX)
        .filter(|c| {
            let text = c.to_string();
            let folded = nfkc.normalize(&fold.fold_string(&nfkc.normalize(&text))).into_owned();
            folded.is_ascii()
                || nfkc.normalize(&text).is_ascii()
                || fold.fold_string(&text).is_ascii()
                || text.to_lowercase().is_ascii()
                || text.to_uppercase().is_ascii()
        })
        .collect()
}

/// Characters that the mapping of domain names drops, or turns into ASCII.
fn dropped_in_domains() -> BTreeSet<char> {
    ('\u{80}'..=char::MAX)
        .filter(|c| {
            idna::domain_to_ascii_strict(&format!("ac{c}me.example"))
                .is_ok_and(|ascii| !ascii.contains("xn--"))
        })
        .collect()
}

/// Proved: with `looks_plain` answering `false` the first of them is an address.
#[test]
fn attack_32_no_address_holds_a_character_that_folds_to_plain_letters() {
    let all = look_alikes();
    println!("{} code points fold to ASCII", all.len());
    assert!(all.len() >= 1_233, "found only {}", all.len());
    for c in ['\u{212a}', '\u{131}', '\u{17f}', '\u{ff41}', '\u{1d41a}', '\u{2100}'] {
        assert!(all.contains(&c), "{c:?}");
    }
    for c in &all {
        for text in [format!("mi{c}e@github.example"), format!("mike@git{c}ub.example")] {
            assert!(EmailAddress::new(&text).is_err(), "{c:?} (U+{:04X})", u32::from(*c));
        }
    }
}

#[test]
fn attack_32_no_domain_holds_a_character_that_its_mapping_drops_or_makes_plain() {
    let all = dropped_in_domains();
    println!("{} code points vanish from domains or become ASCII there", all.len());
    assert!(all.contains(&'\u{ad}') && all.contains(&'\u{3002}'));
    for c in all {
        let text = format!("mike@ac{c}me.example");
        assert!(EmailAddress::new(&text).is_err(), "U+{:04X}", u32::from(c));
    }
}

#[test]
fn attack_32_no_address_holds_a_character_that_nobody_sees() {
    for c in INVISIBLE {
        let text = format!("mi{c}ke@acme.example");
        assert!(EmailAddress::new(&text).is_err(), "U+{:04X}", u32::from(c));
        let text = format!("Su{c}pport");
        assert!(TeamName::new(&text).is_err(), "U+{:04X} in a name", u32::from(c));
    }
}

const INVISIBLE: [char; 12] = [
    '\u{ad}',
    '\u{34f}',
    '\u{115f}',
    '\u{1160}',
    '\u{17b4}',
    '\u{180e}',
    '\u{200b}',
    '\u{2060}',
    '\u{3164}',
    '\u{ffa0}',
    '\u{feff}',
    '\u{e0041}',
];

/// The typed address never stands in for the stored one: sign-up, invitation, acceptance, search.
#[tokio::test]
async fn attack_33_a_look_alike_finds_invites_and_accepts_nobody() {
    let joining = Joining::Open { role: name("customer") };
    let it = acme_under(Rules { joining, ..Rules::default() }).await;
    let organization = it.organization;
    let ada = it.principal("ada");
    for c in look_alikes() {
        // Where `mike` would be hit, one letter each.
        for typed in [format!("m{c}ke@acme.example"), format!("mi{c}e@acme.example")] {
            // No command can be given with it, by type or by JSON.
            let json = serde_json::json!({
                "command": "sign_up", "organization": organization, "email": typed,
            });
            assert!(serde_json::from_value::<Command>(json).is_err());
            let json = serde_json::json!({
                "command": "invite", "scope": {"organization": organization},
                "email": typed, "role": "agent",
            });
            assert!(serde_json::from_value::<Command>(json).is_err());
            assert!(it.directory.forgot_password(Realm::Shared, &typed).await.is_err());
        }
    }
    // Searching folds as names are folded; it identifies nobody, and shows only who may be seen.
    let filter = PeopleFilter {
        prefix: Some("\u{ff42}\u{ff4f}\u{ff42}".to_owned()),
        ..PeopleFilter::default()
    };
    let page = it.directory.people(&ada, organization, filter, None, 5).await.unwrap();
    assert_eq!(page.rows[0].membership.id, it.member("bob").membership);
    // Letters of other scripts are letters of their own: canonical, and not one another.
    let cyrillic: EmailAddress = "bоb@acme.example".parse().unwrap();
    assert_ne!(cyrillic.canonical(), Company::email("bob").canonical());
    let invite = Invite::new(organization, cyrillic, name("agent"));
    does(&it, it.principal("olivia"), invite).await;
}

#[tokio::test]
async fn attack_33_spellings_of_one_address_are_one_claim() {
    let it = acme().await;
    for spelling in ["BOB@ACME.EXAMPLE", "Bob@acme.Example", " bob@acme.example "] {
        let register =
            RegisterUser::verified(it.directory.new_id(), Realm::Shared, spelling.parse().unwrap());
        assert_eq!(refused(&it, Principal::System, register).await, Refusal::Taken("address"));
        let invite = Invite::new(it.organization, spelling.parse().unwrap(), name("agent"));
        let answer = refused(&it, it.principal("olivia"), invite).await;
        assert_eq!(answer, Refusal::AlreadyMember(StatusName::Active));
    }
    for (one, other) in
        [("bob+tag@acme.example", "bob@acme.example"), ("b.ob@acme.example", "bob@acme.example")]
    {
        let parse = |text: &str| EmailAddress::new(text).unwrap();
        assert_ne!(parse(one).canonical(), parse(other).canonical());
    }
    let punycode = EmailAddress::new("bob@xn--mnchen-3ya.example").unwrap();
    let unicode = EmailAddress::new("bob@münchen.example").unwrap();
    assert_eq!(punycode.canonical(), unicode.canonical());
    // Decomposed it is the same address, or none.
    let composed = EmailAddress::new("jos\u{e9}@acme.example").unwrap();
    let decomposed = EmailAddress::new("jose\u{301}@acme.example");
    assert!(decomposed.is_err() || decomposed.unwrap().canonical() == composed.canonical());
}

async fn register_with(it: &Company, subject: &str) -> UserId {
    let user: UserId = it.directory.new_id();
    let command = RegisterUser {
        user,
        realm: Realm::Shared,
        email: None,
        email_is_verified: false,
        identities: [identity(subject)].into(),
    };
    does(it, Principal::System, command).await;
    user
}

fn arrive(it: &Company, user: UserId, subject: &str, email: Option<&str>) -> Arrive {
    Arrive {
        organization: it.organization,
        user,
        identity: identity(subject),
        profile: tenure::Profile::default(),
        email: email.map(|it| it.parse().unwrap()),
    }
}

/// An issuer's word about an address opens no mailbox: whoever has that one is no member for it.
#[tokio::test]
async fn attack_02_an_invitation_to_a_workspace_alone_makes_nobody_a_member() {
    let provisioning = Provisioning::JustInTime { role: name("agent") };
    let it = acme_under(Rules { provisioning, ..Rules::default() }).await;
    let organization = it.organization;
    let here = workspace(&it).await;
    // Eve came by single sign-on; the address is only what the issuer says of her.
    let eve = register_with(&it, "eve").await;
    let asserted = Some("mallory@acme.example");
    does(&it, it.principal("provisioner"), arrive(&it, eve, "eve", asserted)).await;
    let invite = Invite::new(here, "mallory@acme.example".parse().unwrap(), name("agent"));
    let invited = does(&it, it.principal("olivia"), invite).await;
    let mallory = user(&it, "mallory@acme.example", true).await;
    let accept = AcceptInvitation::new(organization, invited.invitation);
    let answer = refused(&it, mallory, accept).await;
    assert_eq!(answer, Refusal::WrongAddress);
}
