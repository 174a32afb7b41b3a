//! What is too big, malformed or hostile gets a typed refusal: never a panic, never a partial write.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    clippy::wildcard_imports,
    missing_docs,
    dead_code,
    reason = "a test fails by panicking; the stage is shared with other tests"
)]

#[path = "shared/stage.rs"]
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use stage::{Around, PRINCIPALS, Stage, Target, command, hash, stage};
use tenure::adapters::memory::MemoryStore;
use tenure::commands::{Block, *};
use tenure::domain::*;
use tenure::ports::PeopleFilter;
use tenure::testing::cast::{Company, Desk};
use tenure::{Batching, Error, Principal};

/// How far the audits of Acme and of the rival are, how many people there are, and what is due.
async fn fingerprint(it: &Company) -> String {
    let mut all = String::new();
    for organization in [it.organization, it.rival] {
        let head = it.directory.verify_audit(Stream::Organization(organization)).await.unwrap();
        let people = it.directory.people(
            &Principal::System,
            organization,
            PeopleFilter::default(),
            None,
            500,
        );
        let people = people.await.unwrap();
        let kept = it.directory.organization(&Principal::System, organization).await.unwrap();
        let (total, shown) = (people.total, people.rows.len());
        write!(all, "{head:?} {total:?} {shown} {:?}", kept.tally).unwrap();
    }
    let feed = it.directory.events_since(FeedPosition(0), 500).await.unwrap();
    format!("{all} {:?}", feed.last().map(|last| last.feed))
}

/// Everybody is refused, soon, and nothing has changed.
async fn is_refused_for_size(stage: &Stage, huge: Command) {
    let it = &stage.company;
    let before = fingerprint(it).await;
    for who in ["olivia", "sam"] {
        let command = huge.clone();
        let began = Instant::now();
        let answer = it.directory.execute_command(stage.principal(who), command).await;
        let took = began.elapsed();
        let refusal = answer.unwrap_err();
        assert!(
            matches!(refusal.refusal(), Some(Refusal::TooMany { .. })),
            "{:?} by {who}: {refusal:?}",
            huge.name()
        );
        // Letting go of it takes some time; looking so many things up would take far longer.
        assert!(took < Duration::from_secs(10), "{:?} by {who} took {took:?}", huge.name());
    }
    assert!(it.directory.preview(stage.principal("ada"), huge).await.is_err());
    assert_eq!(fingerprint(it).await, before);
}

const MANY: u128 = 100_000;

fn ids<T: From<uuid::Uuid>>(count: u128) -> Vec<T> {
    (1..=count).map(|n| uuid::Uuid::from_u128(n).into()).collect()
}

fn names<T: std::str::FromStr<Err = Invalid> + Ord>(count: u128) -> BTreeSet<T> {
    (1..=count).map(|n| format!("n{n}").parse().unwrap()).collect()
}

fn permissions(count: u128) -> BTreeMap<PermissionName, Reach> {
    names(count).into_iter().map(|name| (name, Reach::ALL)).collect()
}

fn fields(count: u128) -> BTreeMap<FieldName, FieldValue> {
    names(count).into_iter().map(|name| (name, FieldValue::new("x").unwrap())).collect()
}

/// Commands whose lists hold this many, each with the limit of its list.
fn with_lists(stage: &Stage, count: u128) -> Vec<(usize, Command)> {
    let Stage { organization, team, .. } = *stage;
    let scope: Scope = organization.into();
    let membership = stage.targets[0].membership;
    let profile = || Profile(fields(count));
    let resources = || Fence(BTreeMap::from([("inbox".parse().unwrap(), names(count))]));
    let empty_lists =
        || Fence(names(count).into_iter().map(|name| (name, BTreeSet::new())).collect());
    let invite =
        || Invite::new(scope, "eve@acme.example".parse().unwrap(), "agent".parse().unwrap());
    let role = |permissions| Role { permissions, ..Role::new("helper", 10).unwrap() };
    let rules = Rules {
        fields: names(count)
            .into_iter()
            .map(|name: FieldName| ProfileField::new(name.as_str()).unwrap())
            .collect(),
        ..Rules::default()
    };
    let separation = (1..=count)
        .map(|n| Separation::Permissions(format!("p{n}").parse().unwrap(), "q".parse().unwrap()))
        .collect();
    let separated = Rules { separation, ..Rules::default() };
    let domains = (1..=count).map(|n| format!("d{n}.example")).collect();
    let joining = Joining::Domains { domains, role: "customer".parse().unwrap() };
    let identities = (1..=count).map(|n| stage::identity(&format!("s{n}"))).collect();
    let found = FoundOrganization {
        organization: OrganizationId::new(uuid::Uuid::from_u128(5)),
        name: "Another".parse().unwrap(),
        realm: Realm::Shared,
        founder: stage.around().founder,
        profile: Profile::default(),
        role: "owner".parse().unwrap(),
        roles: (1..=count).map(|n| Role::new(&format!("r{n}"), 1).unwrap()).collect(),
        rules: Rules::default(),
        seat_limit: None,
    };
    let (join, leave) = (ids(count), Vec::new());
    vec![
        (100, Invite { teams: ids(count), ..invite() }.into()),
        (
            256,
            Invite {
                overrides: names(count).into_iter().map(|name| (name, Override::Deny)).collect(),
                ..invite()
            }
            .into(),
        ),
        (Fence::MAX, invite().fenced(resources()).into()),
        (Fence::MAX, invite().fenced(empty_lists()).into()),
        (64, invite().with_profile(profile()).into()),
        (Fence::MAX, SetFence { scope, membership, fence: resources(), handover: None }.into()),
        (Fence::MAX, SetFence { scope, membership, fence: empty_lists(), handover: None }.into()),
        (
            500,
            CreateTeam {
                organization,
                name: "Night shift".parse().unwrap(),
                description: None,
                members: ids(count),
            }
            .into(),
        ),
        (
            500,
            ChangeTeamMembers {
                organization,
                team,
                join: ids(count),
                leave: vec![],
                handover: None,
            }
            .into(),
        ),
        (
            500,
            ChangeTeamMembers {
                organization,
                team,
                join: vec![],
                leave: ids(count),
                handover: None,
            }
            .into(),
        ),
        (500, ChangeTeamsOf { organization, membership, join, leave, handover: None }.into()),
        (
            1_000,
            SetTeamPermissions {
                organization,
                team,
                permissions: permissions(count),
                fence: Fence::default(),
            }
            .into(),
        ),
        (
            1_000,
            GiveSupport {
                organization,
                person: "vendor-18".parse().unwrap(),
                permissions: names(count),
                reason: "a ticket".parse().unwrap(),
                lasting: Some(Span::hours(1)),
            }
            .into(),
        ),
        (
            256,
            GiveGrant {
                scope,
                membership,
                gives: Given::Permissions(permissions(count)),
                from: None,
                lasting: Lasting::For(Span::days(1)),
                reason: "a holiday".parse().unwrap(),
            }
            .into(),
        ),
        (
            1_000,
            CreateRole { organization, role: role(RolePermissions::Only(permissions(count))) }
                .into(),
        ),
        (
            1_000,
            EditRole { organization, role: role(RolePermissions::AllBut(names(count))) }.into(),
        ),
        (
            64,
            CreateRole {
                organization,
                role: Role {
                    may_assign: MayAssign::Only(names(count)),
                    ..Role::new("helper", 10).unwrap()
                },
            }
            .into(),
        ),
        (64, EditProfile { scope, membership, fields: fields(count) }.into()),
        (64, EditSettings { user: stage.targets[0].user, fields: fields(count) }.into()),
        (
            16,
            RegisterUser {
                user: UserId::new(uuid::Uuid::from_u128(6)),
                realm: Realm::Shared,
                email: None,
                email_is_verified: false,
                identities,
            }
            .into(),
        ),
        (64, found.into()),
        (64, ChangeRules { organization, rules }.into()),
        (64, ChangeRules { organization, rules: separated }.into()),
        (100, ChangeRules { organization, rules: Rules { joining, ..Rules::default() } }.into()),
    ]
}

#[tokio::test]
async fn huge_lists_are_refused_before_anything_is_looked_up() {
    let stage = stage().await;
    let facts = |who: &str| {
        let host = Host::new(tenure::Catalogue::new(), KeyRing::new([1; 32]), Vec::new());
        Facts::new(
            Timestamp::from_micros(1),
            [1; 16],
            stage.principal(who),
            std::sync::Arc::new(host),
        )
    };
    for (_, huge) in with_lists(&stage, MANY) {
        assert!(huge.needs(&facts("olivia")).is_empty(), "{:?} is looked up", huge.name());
        is_refused_for_size(&stage, huge).await;
    }
}

/// One more than the limit is too many; the limit itself is not.
#[tokio::test]
async fn lists_are_refused_beyond_exactly_their_limits() {
    let stage = stage().await;
    let limits: Vec<usize> = with_lists(&stage, 1).into_iter().map(|(limit, _)| limit).collect();
    for (n, limit) in limits.into_iter().enumerate() {
        let limit_as_count = limit as u128;
        let (_, full) = with_lists(&stage, limit_as_count).swap_remove(n);
        full.check_size().unwrap();
        let (_, over) = with_lists(&stage, limit_as_count + 1).swap_remove(n);
        let refusal = over.check_size().unwrap_err();
        assert!(
            matches!(refusal, Refusal::TooMany { max, .. } if max == limit),
            "{:?}: {refusal:?}",
            over.name()
        );
    }
}

#[tokio::test]
async fn a_million_listed_resources_are_refused() {
    let stage = stage().await;
    let fence = Fence(BTreeMap::from([("inbox".parse().unwrap(), names(1_000_000))]));
    let (scope, membership) = (stage.organization.into(), stage.targets[0].membership);
    is_refused_for_size(&stage, SetFence { scope, membership, fence, handover: None }.into()).await;
}

/// A huge one among others is refused alone, or takes the batch along when all are one.
#[tokio::test]
async fn a_huge_command_among_others_is_refused_alone() {
    let stage = stage().await;
    let it = &stage.company;
    let small = |n: u32| -> Command {
        let email = format!("eve{n}@acme.example").parse().unwrap();
        Invite::new(stage.organization, email, "agent".parse().unwrap()).into()
    };
    let huge = with_lists(&stage, MANY).swap_remove(0).1;
    let olivia = it.principal("olivia");
    let all = vec![small(1), huge.clone(), small(2)];
    let answers = it.directory.execute_all(&olivia, all, Batching::each()).await.unwrap();
    assert!(answers[0].is_ok() && answers[1].is_err() && answers[2].is_ok());
    let before = fingerprint(it).await;
    let all = vec![small(3), huge, small(4)];
    let answers = it.directory.execute_all(&olivia, all, Batching::all_or_nothing()).await.unwrap();
    assert!(answers.iter().all(Result::is_err));
    assert_eq!(fingerprint(it).await, before);
}

/// Ids of nothing, ids of others, and everybody: no panic, and whoever is refused changed nothing.
#[tokio::test]
async fn unknown_and_foreign_ids_change_nothing() {
    let stage = stage().await;
    let it = &stage.company;
    let before = fingerprint(it).await;
    let nil = uuid::Uuid::nil();
    let max = uuid::Uuid::max();
    for (organization, id) in [
        (it.organization, nil),
        (it.organization, max),
        (OrganizationId::new(max), nil),
        (it.rival, max),
    ] {
        let target = Target {
            name: "nothing",
            scope: organization.into(),
            membership: MembershipId::new(id),
            invitation: InvitationId::new(id),
            user: UserId::new(id),
            email: "nobody@nowhere.example".parse().unwrap(),
            grant: GrantId::new(id),
        };
        let around = Around {
            workspace: WorkspaceId::new(id),
            team: TeamId::new(id),
            support: SupportAccessId::new(id),
            arriving: (UserId::new(id), stage::identity("nobody")),
            new_id: id,
            founder: UserId::new(id),
        };
        // The ids name nothing, so whatever is about a person or a thing must be refused.
        for name in CommandName::ALL.iter().filter(|name| names_something(**name)) {
            for who in PRINCIPALS.iter().filter(|who| **who != "rita") {
                let command = command(*name, &target, &around);
                let answer = it.directory.execute_command(stage.principal(who), command).await;
                assert!(matches!(answer, Err(Error::Refused(_))), "{name:?} by {who}: {answer:?}");
            }
        }
    }
    assert_eq!(fingerprint(it).await, before);
}

/// Whether the representative command is about something that exists already.
fn names_something(name: CommandName) -> bool {
    use CommandName as C;
    match name {
        C::ResendInvitation
        | C::RevokeInvitation
        | C::AcceptInvitation
        | C::DeclineInvitation
        | C::LapseInvitation
        | C::SignUp
        | C::Arrive
        | C::EditProfile
        | C::ChangeRole
        | C::OverridePermission
        | C::GiveGrant
        | C::RenewGrant
        | C::RevokeGrant
        | C::SetFence
        | C::EndSessions
        | C::SendPasswordReset
        | C::SetPassword
        | C::Deactivate
        | C::Block
        | C::Reactivate
        | C::RemoveMember
        | C::Leave
        | C::EraseMember
        | C::CreateTeam
        | C::DescribeTeam
        | C::SetTeamPermissions
        | C::DeleteTeam
        | C::ChangeTeamMembers
        | C::ChangeTeamsOf
        | C::RenewSupport
        | C::RevokeSupport
        | C::OfferOwnership
        | C::CloseWorkspace
        | C::VerifyEmail
        | C::LinkIdentity
        | C::EditSettings
        | C::AskPasswordReset
        | C::ChoosePassword
        | C::DeleteUser
        | C::PauseHandover
        | C::ResumeHandover
        | C::CancelHandover
        | C::ChooseReceivers
        | C::FoundOrganization => true,
        C::RenameOrganization
        | C::ChangeRules
        | C::SuspendOrganization
        | C::ResumeOrganization
        | C::CloseOrganization
        | C::FinishClosing
        | C::SetSeatLimit
        | C::OpenWorkspace
        | C::Invite
        | C::Provision
        | C::CompleteSetUp
        | C::Adopt
        | C::Unblock
        | C::CreateRole
        | C::EditRole
        | C::DeleteRole
        | C::GiveSupport
        | C::AcceptOwnership
        | C::DeclineOwnership
        | C::RegisterUser => false,
    }
}

// ── Texts ───────────────────────────────────────────────────────────────────────────────────────

macro_rules! limits {
    ($($name:ident: $max:literal, $lines:literal, $c:literal;)+) => {
        /// The table at the head of `src/domain/text.rs`, exactly.
        #[test]
        fn every_text_holds_what_its_documentation_says_and_no_more() {
            $({
                let full: String = $c.repeat($max);
                assert_eq!($name::new(&full).unwrap().as_str(), full, stringify!($name));
                let over = $name::new(format!("{full}{}", $c)).unwrap_err();
                assert_eq!(over.problem, Problem::TooLong { max: $max }, stringify!($name));
                let began = Instant::now();
                let huge = $c.repeat(10_000_000);
                assert_eq!($name::new(&huge).unwrap_err().problem, Problem::TooLong { max: $max });
                assert!(began.elapsed() < Duration::from_secs(2));
                assert!(over.input.chars().count() <= 64);
                for bad in ['\0', '\u{1b}', '\u{7f}', '\u{85}', '\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}'] {
                    assert!($name::new(format!("a{bad}b")).is_err(), "{} holds {bad:?}", stringify!($name));
                }
                assert_eq!($name::new("a\nb").is_ok(), $lines, stringify!($name));
                assert_eq!($name::new("").is_ok(), $lines, stringify!($name));
                assert_eq!($name::new(" \t ").is_ok(), $lines, stringify!($name));
            })+
        }

        proptest! {
            #[test]
            fn any_text_is_taken_whole_or_refused_in_words(text in any_text()) {
                $({
                    match $name::new(&text) {
                        Ok(it) => {
                            prop_assert!(it.as_str().chars().count() <= $max);
                            // What is taken is taken again as the same.
                            prop_assert_eq!($name::new(it.as_str()).unwrap(), it.clone());
                            let json = serde_json::to_string(&it).unwrap();
                            prop_assert_eq!(serde_json::from_str::<$name>(&json).unwrap(), it);
                        }
                        Err(invalid) => {
                            let said = invalid.to_string();
                            prop_assert!(said.len() < 800);
                            prop_assert!(!invalid.input.chars().any(char::is_control));
                        }
                    }
                })+
            }
        }
    };
}

limits! {
    OrganizationName: 120, false, "ü";
    WorkspaceName: 120, false, "東";
    TeamName: 120, false, "a";
    RoleTitle: 120, false, "é";
    Description: 1_000, false, "ж";
    Reason: 1_000, false, "a";
    FieldValue: 2_000, true, "한";
    FieldName: 64, false, "a";
    FenceName: 64, false, "_";
    RoleName: 64, false, "z";
    PermissionName: 64, false, ".";
    ResourceId: 255, false, "é";
    ExternalId: 255, false, "a";
    IdempotencyKey: 255, false, "a";
    IssuerName: 255, false, "a";
    SubjectName: 255, false, "東";
}

/// Text with everything that has ever broken something.
fn any_text() -> impl Strategy<Value = String> {
    let nasty = prop_oneof![
        Just("\u{202e}".to_owned()),
        Just("\0".to_owned()),
        Just("\r\nBcc: x@y.example".to_owned()),
        Just("'; DROP TABLE tenure_users; --".to_owned()),
        Just("=HYPERLINK(1)".to_owned()),
        Just("\u{1d173}\u{e0041}".to_owned()),
        Just("Z\u{300}".repeat(200)),
        Just("\u{fdfa}".repeat(60)),
        Just("İıſK".to_owned()),
        Just("👨‍👩‍👧".to_owned()),
        Just("@".to_owned()),
        Just(".example".to_owned()),
        any::<String>(),
        "[a-z0-9._-]{0,70}",
        "[a-z]{1,8}@[a-z]{1,8}\\.[a-z]{2,6}",
    ];
    proptest::collection::vec(nasty, 0..5).prop_map(|parts| parts.concat())
}

#[test]
fn a_password_hash_holds_512_characters_and_is_never_repeated() {
    let full = format!("${}", "a".repeat(511));
    assert_eq!(PasswordHash::new(&full).unwrap().expose(), full);
    let over = PasswordHash::new(format!("{full}a")).unwrap_err();
    assert_eq!(over.problem, Problem::TooLong { max: 512 });
    let plain = PasswordHash::new("correct horse battery staple").unwrap_err();
    assert!(!format!("{plain} {plain:?}").contains("horse"));
    assert!(!format!("{over} {over:?}").contains("aaa"));
    let json = serde_json::from_str::<PasswordHash>("\"hunter2\"").unwrap_err();
    assert!(!json.to_string().contains("hunter2"));
}

#[test]
fn an_address_holds_254_characters() {
    let host = format!("{}.{}.example", "b".repeat(60), "c".repeat(60));
    let local = "a".repeat(64);
    let most = format!("{local}@{host}");
    EmailAddress::new(&most).unwrap();
    // With labels of 63 the whole is 254 long.
    let host = format!("{}.{}.{}", "b".repeat(63), "c".repeat(63), "d".repeat(61));
    let full = format!("{local}@{host}");
    assert_eq!(full.len(), 254);
    EmailAddress::new(&full).unwrap();
    let over = EmailAddress::new(format!("{full}d")).unwrap_err();
    assert_eq!(over.problem, Problem::TooLong { max: 254 });
    let began = Instant::now();
    assert!(EmailAddress::new("a@".repeat(5_000_000)).is_err());
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn ten_megabytes_where_a_word_was_asked_for_are_refused() {
    let it = Company::found(MemoryStore::new()).await;
    let huge = "a".repeat(10_000_000);
    let began = Instant::now();
    assert!(it.directory.forgot_password(Realm::Shared, &huge).await.is_err());
    assert!(it.directory.verify(&Token::new(huge.clone())).await.is_err());
    assert!(it.directory.inspect(&Token::new(huge.clone())).await.is_err());
    assert!(huge.parse::<tenure::directory::PeopleCursor>().is_err());
    let filter = PeopleFilter { prefix: Some(huge), ..PeopleFilter::default() };
    let page = it.directory.people(&it.principal("olivia"), it.organization, filter, None, 5).await;
    assert!(matches!(page.unwrap_err().refusal(), Some(Refusal::Invalid(_))));
    let people = ids(501);
    let rows = it.directory.row_actions(&it.principal("olivia"), it.organization, &people).await;
    assert!(matches!(rows.unwrap_err().refusal(), Some(Refusal::TooMany { .. })));
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn deep_json_is_refused_and_not_followed() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        for json in [
            deep.clone(),
            format!("{{\"command\":\"invite\",\"scope\":{deep}}}"),
            format!("{{\"command\":\"change_rules\",\"rules\":{deep}}}"),
        ] {
            assert!(serde_json::from_str::<Command>(&json).is_err());
        }
    }
}

#[tokio::test]
async fn hostile_unicode_where_it_is_allowed_breaks_no_list_and_no_chain() {
    let it = Company::found(MemoryStore::new()).await;
    let names = [
        "Zo\u{308}e\u{301}".to_owned(),
        "👨‍👩‍👧‍👦".repeat(20),
        "\u{fdfa}".repeat(100),
        "Z\u{300}\u{301}\u{302}".repeat(60),
        "=1+1".to_owned(),
        "Robert'); DROP TABLE tenure_memberships;--".to_owned(),
        "%_\\".to_owned(),
        "ÅÅ ﬁ ẞ ǅ".to_owned(),
    ];
    for (n, name) in names.iter().enumerate() {
        let invite = Invite::new(
            it.organization,
            format!("eve{n}@acme.example").parse().unwrap(),
            "agent".parse().unwrap(),
        );
        let invite = invite.with_profile(Profile::named(name).unwrap());
        it.directory.execute(it.principal("olivia"), invite).await.unwrap();
        let filter = PeopleFilter { prefix: Some(name.clone()), ..PeopleFilter::default() };
        let page = it
            .directory
            .people(&it.principal("olivia"), it.organization, filter, None, 50)
            .await
            .unwrap();
        assert!(!page.rows.is_empty(), "{name} is not found by its name");
    }
    let mut seen = BTreeSet::new();
    let mut after = None;
    loop {
        let olivia = it.principal("olivia");
        let page = it
            .directory
            .people(&olivia, it.organization, PeopleFilter::default(), after, 3)
            .await
            .unwrap();
        for row in &page.rows {
            assert!(seen.insert(row.membership.id), "somebody stands on two pages");
        }
        let Some(next) = page.next else { break };
        // The cursor survives the browser.
        after = Some(next.to_string().parse().unwrap());
    }
    assert_eq!(seen.len(), 9 + names.len());
    it.directory.verify_audit(Stream::Organization(it.organization)).await.unwrap();
    let mut csv = Vec::new();
    let olivia = it.principal("olivia");
    it.directory
        .export_people(&olivia, it.organization, PeopleFilter::default(), &mut csv)
        .await
        .unwrap();
    assert!(String::from_utf8(csv).unwrap().contains("'=1+1"));
}

proptest! {
    #[test]
    fn any_address_is_one_canonical_address_or_none(text in any_text()) {
        if let Ok(email) = EmailAddress::new(&text) {
            prop_assert!(email.as_str().len() <= 254);
            prop_assert!(!email.as_str().contains([',', ';', ' ', '\n', '\r', '\0', '<', '>']));
            prop_assert_eq!(email.as_str().matches('@').count(), 1);
            prop_assert!(email.canonical().domain().is_ascii());
            let again = EmailAddress::new(email.as_str()).unwrap();
            prop_assert_eq!(again.canonical(), email.canonical());
            let upper = EmailAddress::new(email.as_str().to_uppercase());
            if let Ok(upper) = upper.as_ref().filter(|_| email.as_str().is_ascii()) {
                prop_assert_eq!(upper.canonical(), email.canonical());
            }
        }
    }

    #[test]
    fn any_cursor_is_refused_or_comes_back_the_same(text in any_text()) {
        if let Ok(cursor) = text.parse::<tenure::directory::PeopleCursor>() {
            prop_assert_eq!(cursor.to_string().parse::<tenure::directory::PeopleCursor>().unwrap(), cursor);
        }
    }

    #[test]
    fn any_json_is_a_command_or_an_error(json in any_json()) {
        if let Ok(command) = serde_json::from_value::<Command>(json) {
            let _ = command.check_size();
            prop_assert_eq!(
                serde_json::from_str::<Command>(&serde_json::to_string(&command).unwrap()).unwrap(),
                command
            );
        }
    }

    #[test]
    fn any_bytes_are_no_command(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(serde_json::from_slice::<Command>(&bytes).is_err());
    }
}

trait Filter<T> {
    fn filter(self, keep: impl FnOnce(&T) -> bool) -> Result<T, ()>;
}

impl<T, E> Filter<T> for Result<T, E> {
    fn filter(self, keep: impl FnOnce(&T) -> bool) -> Result<T, ()> {
        self.map_err(drop).and_then(|it| if keep(&it) { Ok(it) } else { Err(()) })
    }
}

/// JSON that looks like a command: a real name, some of the real fields, anything in them.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let id = "00000000-0000-0000-0000-000000000001";
    let value = prop_oneof![
        any_text().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
        Just(serde_json::Value::from(id)),
        Just(serde_json::json!({"organization": id})),
        Just(serde_json::json!({"organization": id, "workspace": id})),
        Just(serde_json::json!([id, id])),
        Just(serde_json::json!({})),
        Just(serde_json::json!("agent")),
        Just(serde_json::json!({"role": "agent"})),
        Just(serde_json::json!({"permissions": {"tickets.view": {"breadth": "all"}}})),
        Just(serde_json::json!({"for": 3_600})),
        Just(serde_json::json!({"until": i64::MAX})),
        Just(serde_json::json!("left")),
        Just(serde_json::json!("eve@acme.example")),
    ];
    let field = prop_oneof![
        Just("organization"),
        Just("scope"),
        Just("membership"),
        Just("role"),
        Just("email"),
        Just("teams"),
        Just("fence"),
        Just("overrides"),
        Just("profile"),
        Just("invitation"),
        Just("user"),
        Just("name"),
        Just("limit"),
        Just("because"),
        Just("handover"),
        Just("fields"),
        Just("lasting"),
        Just("gives"),
        Just("grant"),
        Just("reason"),
        Just("team"),
        Just("join"),
        Just("leave"),
        Just("to"),
    ];
    let name = proptest::sample::select(vec![
        "invite",
        "deactivate",
        "change_role",
        "give_grant",
        "renew_grant",
        "revoke_grant",
        "edit_profile",
        "set_fence",
        "create_team",
        "leave",
        "set_seat_limit",
        "delete_user",
        "accept_invitation",
        "change_team_members",
        "revoke_invitation",
        "rename_organization",
        "no_such_thing",
    ]);
    (name, proptest::collection::btree_map(field, value, 0..7)).prop_map(|(name, fields)| {
        let mut map: serde_json::Map<String, serde_json::Value> =
            fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        map.insert("command".to_owned(), name.into());
        map.into()
    })
}

/// Tokens made of any bytes, through the door.
#[test]
fn any_token_is_damaged() {
    let it = futures_executor::block_on(Company::found(MemoryStore::new()));
    proptest!(|(text in any_text(), bytes in proptest::collection::vec(any::<u8>(), 0..100))| {
        use base64::Engine as _;
        let packed = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&bytes);
        for text in [text, packed] {
            let answer = futures_executor::block_on(it.directory.verify(&Token::new(text)));
            let answer = answer.unwrap_err();
            prop_assert!(matches!(answer.refusal(), Some(Refusal::Invalid(_))));
        }
    });
}

/// What a valid command of every name says about people and things that do not fit it.
#[test]
fn any_command_by_anybody_never_panics_and_a_refused_one_changes_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stage = runtime.block_on(stage());
    let config = ProptestConfig { cases: 128, ..ProptestConfig::default() };
    proptest!(config, |(
        name in proptest::sample::select(CommandName::ALL),
        who in proptest::sample::select(&PRINCIPALS[..]),
        target in 0..stage.targets.len(),
        mixed in 0..stage.targets.len(),
        in_workspace in any::<bool>(),
    )| {
        let mut target = stage.targets[target].clone();
        let other = &stage.targets[mixed];
        (target.invitation, target.user) = (other.invitation, other.user);
        if in_workspace {
            target.scope = Scope::workspace(stage.organization, stage.workspace);
        }
        let command = command(name, &target, &stage.around());
        let principal = stage.principal(who);
        runtime.block_on(async {
            let before = fingerprint(&stage.company).await;
            let preview = stage.company.directory.preview(&principal, command).await;
            assert!(matches!(preview, Ok(_) | Err(Error::Refused(_))), "{preview:?}");
            assert_eq!(fingerprint(&stage.company).await, before);
        });
    });
}

#[test]
fn the_hash_of_the_stage_is_one() {
    assert!(hash().expose().starts_with('$'));
    let _ = Desk::ViewTickets;
    let _: Option<Block> = None;
}
