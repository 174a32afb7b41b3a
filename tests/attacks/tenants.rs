//! 18, 37, 40, 54: one organization's people and another organization's things.

use std::collections::BTreeMap;

use tenure::ports::PeopleFilter;
use tenure::{Management, Reach};

use super::stage::{Around, PRINCIPALS, Stage, Target, command, stage};
use super::*;

/// Identities of nothing at all.
fn nothing(organization: OrganizationId) -> (Target, Around) {
    let id = |n: u128| uuid::Uuid::from_u128(0x0bad_0000_0000_7000_8000_0000_0000_0000 + n);
    let target = Target {
        name: "nothing",
        scope: organization.into(),
        membership: MembershipId::new(id(1)),
        invitation: InvitationId::new(id(2)),
        user: UserId::new(id(3)),
        email: "nobody@acme.example".parse().unwrap(),
        grant: GrantId::new(id(10)),
    };
    let around = Around {
        workspace: WorkspaceId::new(id(4)),
        team: TeamId::new(id(5)),
        support: SupportAccessId::new(id(6)),
        handovers: (HandoverId::new(id(11)), HandoverId::new(id(12))),
        arriving: (UserId::new(id(7)), super::stage::identity("nobody")),
        new_id: id(8),
        founder: UserId::new(id(9)),
    };
    (target, around)
}

/// The answer as a stranger can see it: its `Debug` and its `Display`.
async fn answer(stage: &Stage, who: &Principal, command: Command) -> (String, String) {
    match stage.company.directory.preview(who, command).await {
        Ok(preview) => (format!("ok {:?}", preview.events.len()), String::new()),
        Err(error) => (format!("{error:?}"), error.to_string()),
    }
}

fn is_about_an_organization(name: CommandName) -> bool {
    let (target, around) = nothing(OrganizationId::new(uuid::Uuid::nil()));
    name != CommandName::FoundOrganization
        && command(name, &target, &around).organization().is_some()
}

/// Proved: with `insider` answering `true` for people of other organizations this lists leaks.
#[tokio::test]
async fn attack_37_another_organization_is_no_organization_for_every_command_and_principal() {
    let stage = stage().await;
    let missing = OrganizationId::new(uuid::Uuid::from_u128(0x0bad));
    let (none, around_none) = nothing(missing);
    let foreigner = Principal::Provisioner {
        organization: stage.company.rival,
        connection: "acme-directory".parse().unwrap(),
    };
    let rita = stage.company.principal("rita");
    let mut tried = 0;
    for who in [stage.company.principal("sam"), rita, foreigner] {
        for name in CommandName::ALL.iter().filter(|name| is_about_an_organization(**name)) {
            let for_none = answer(&stage, &who, command(*name, &none, &around_none)).await;
            for target in &stage.targets {
                let real = command(*name, target, &stage.around());
                assert_eq!(
                    answer(&stage, &who, real).await,
                    for_none,
                    "{name:?} about {}",
                    target.name
                );
                // With the organization's id right and everything else wrong, too.
                let (mut target, around) = nothing(stage.organization);
                target.scope.workspace = None;
                let half = command(*name, &target, &around);
                assert_eq!(answer(&stage, &who, half).await, for_none, "{name:?} about nothing");
                tried += 1;
            }
        }
    }
    assert!(tried > 1_000);
}

/// Acme's own people, with the rival's ids in their hands: as if there were no such thing.
#[tokio::test]
async fn attack_18_every_id_of_another_organization_is_not_found() {
    let stage = stage().await;
    let it = &stage.company;
    let (organization, rival) = (it.organization, it.rival);
    let rita = it.principal("rita");
    let invite = Invite::new(rival, "theirs@rival.example".parse().unwrap(), name("agent"));
    let theirs = does(it, &rita, invite).await;
    let team = CreateTeam {
        organization: rival,
        name: name("Rivals"),
        description: None,
        members: vec![],
    };
    let team = does(it, &rita, team).await;
    let open = OpenWorkspace { organization: rival, name: name("South") };
    let workspace = does(it, &rita, open).await;
    let give = GiveSupport {
        organization: rival,
        person: name("vendor-17"),
        permissions: [Management::ViewPeople.into()].into(),
        reason: name("a ticket"),
        lasting: Some(Span::days(1)),
    };
    let support = does(it, &rita, give).await;
    // Somebody of theirs has gone, and a handover is about to begin; another waits.
    let adopt = Adopt {
        organization: rival,
        external_id: name("legacy-1"),
        email: "gone@rival.example".parse().unwrap(),
        role: name("agent"),
        profile: Profile::default(),
        password: None,
        status: AdoptAs::Active,
    };
    does(it, &Principal::System, adopt).await;
    let filter = PeopleFilter { prefix: Some("gone".to_owned()), ..PeopleFilter::default() };
    let page = it.directory.people(&rita, rival, filter, None, 5).await.unwrap();
    let gone = page.rows[0].membership.id;
    does(it, &rita, Deactivate::new(rival, gone, DeactivatedBecause::Left)).await;
    let runs = it.directory.handovers(&rita, rival, None, 5).await.unwrap().rows[0].id;
    let handovers = (runs, runs);
    let (none, around_none) = nothing(organization);
    let targets =
        [(theirs.membership, theirs.invitation), (it.rita().membership, theirs.invitation)];
    for (membership, invitation) in targets {
        let target = Target { membership, invitation, ..none.clone() };
        let around = Around { workspace, team, support, handovers, ..around_none.clone() };
        for who in PRINCIPALS.iter().filter(|who| **who != "rita") {
            let who = stage.principal(who);
            for name in CommandName::ALL {
                let of_nothing = answer(&stage, &who, command(*name, &none, &around_none)).await;
                let of_theirs = answer(&stage, &who, command(*name, &target, &around)).await;
                assert_eq!(of_theirs, of_nothing, "{name:?} by {who:?}");
            }
        }
    }
}

#[tokio::test]
async fn attack_40_a_workspace_of_another_organization_is_nowhere() {
    let it = acme().await;
    let here = workspace(&it).await;
    let mixed = Scope::workspace(it.rival, here.workspace.unwrap());
    let nowhere = Scope::workspace(it.rival, WorkspaceId::new(uuid::Uuid::from_u128(1)));
    let rita = it.principal("rita");
    for scope in [mixed, nowhere] {
        let invite = Invite::new(scope, "eve@acme.example".parse().unwrap(), name("agent"));
        assert_eq!(refused(&it, &rita, invite).await, Refusal::NotFound(Thing::Workspace));
        let check = it.directory.check(&rita, scope, Management::Invite).await.unwrap();
        assert!(!check.is_allowed());
        let people = it
            .directory
            .people(&rita, scope, tenure::ports::PeopleFilter::default(), None, 5)
            .await
            .unwrap_err();
        assert_eq!(people.refusal(), Some(&Refusal::NotFound(Thing::Workspace)));
        let Principal::Person(user) = rita else { unreachable!() };
        assert!(it.directory.open_session(user, scope).await.is_err());
    }
    // A membership of the organization addressed through a workspace, and the other way round.
    let (because, handover) = (DeactivatedBecause::Other, None);
    let membership = it.member("bob").membership;
    let out = Deactivate { scope: here, membership, because, handover };
    let answer = refused(&it, it.principal("olivia"), out).await;
    assert_eq!(answer, Refusal::NotFound(Thing::Membership));
}

#[tokio::test]
async fn attack_40_reading_another_organization_is_reading_none() {
    let it = acme().await;
    let missing = OrganizationId::new(uuid::Uuid::from_u128(9));
    let bob = it.member("bob").membership;
    for who in [it.principal("rita"), it.principal("sam")] {
        let mut answers = Vec::new();
        for organization in [it.organization, missing] {
            let directory = &it.directory;
            let invitations =
                directory.invitations(&who, organization, InvitationStatus::Open, None, 5);
            answers.push([
                format!(
                    "{:?}",
                    directory
                        .people(&who, organization, tenure::ports::PeopleFilter::default(), None, 5)
                        .await
                ),
                format!("{:?}", directory.person(&who, organization, bob).await),
                format!("{:?}", directory.organization(&who, organization).await),
                format!("{:?}", directory.seats(&who, organization).await),
                format!("{:?}", directory.roles(&who, organization).await),
                format!("{:?}", directory.invitable_roles(&who, organization).await),
                format!("{:?}", directory.teams(&who, organization, None, 5).await),
                format!("{:?}", directory.workspaces(&who, organization, None, 5).await),
                format!("{:?}", invitations.await),
                format!("{:?}", directory.support_accesses(&who, organization, None, 5).await),
                format!("{:?}", directory.handovers(&who, organization, None, 5).await),
                format!("{:?}", directory.audit(&who, organization, Revision::NONE, 5).await),
                format!("{:?}", directory.row_actions(&who, organization, &[bob]).await),
                format!("{:?}", directory.check(&who, organization, Management::Invite).await),
                format!("{:?}", directory.require(&who, organization, Management::Invite).await),
            ]);
        }
        assert_eq!(answers[0], answers[1]);
        assert!(answers[0].iter().all(|it| it.contains("NotFound") || it.contains("NotAMember")));
    }
}

/// Proved: with the receipt looked up for anybody the rival's connection reads Acme's answer.
#[tokio::test]
async fn attack_40_a_connection_of_the_same_name_elsewhere_gets_no_answer_of_ours() {
    let it = acme().await;
    let provision = Provision {
        organization: it.organization,
        identity: super::stage::identity("eve"),
        email: None,
        role: name("agent"),
        profile: tenure::Profile::named("Eve").unwrap(),
        external_id: None,
    };
    let key: IdempotencyKey = name("sync-1");
    let ours = it.principal("provisioner");
    let done = it
        .directory
        .execute(ours.clone().request().with_key(key.clone()), provision.clone())
        .await
        .unwrap();
    let again = it
        .directory
        .execute(ours.request().with_key(key.clone()), provision.clone())
        .await
        .unwrap();
    assert_eq!(done.output, again.output);
    let theirs =
        Principal::Provisioner { organization: it.rival, connection: name("acme-directory") };
    let answer = refused(&it, theirs.request().with_key(key), provision).await;
    assert_eq!(answer, Refusal::NotFound(Thing::Organization));
}

/// By role: who reads invitations, and what a narrow reach shows.
#[tokio::test]
async fn attack_54_invitations_are_read_by_those_who_see_everybody() {
    let peeker = Role::new("peeker", 50).unwrap().with(Management::ViewPeople, Reach::OWN);
    let it = acme_with([peeker]).await;
    let organization = it.organization;
    let (scope, membership) = (organization.into(), it.member("berta").membership);
    does(
        &it,
        Principal::System,
        ChangeRole { scope, membership, role: name("peeker"), handover: None },
    )
    .await;
    let may: BTreeMap<&str, bool> = [
        ("olivia", true),
        ("ada", true),
        ("support", true),
        ("system", true),
        ("provisioner", true),
        ("berta", false),
        ("bob", false),
        ("vera", false),
        ("carl", false),
        ("dora", false),
        ("sam", false),
        ("rita", false),
    ]
    .into();
    for (who, may) in may {
        let who = it.principal(who);
        let invitations =
            it.directory.invitations(&who, organization, InvitationStatus::Open, None, 5).await;
        let supports = it.directory.support_accesses(&who, organization, None, 5).await;
        let handovers = it.directory.handovers(&who, organization, None, 5).await;
        assert_eq!(
            (invitations.is_ok(), supports.is_ok(), handovers.is_ok()),
            (may, may, may),
            "{who:?}"
        );
    }
    let berta = it.principal("berta");
    let page = it
        .directory
        .people(&berta, organization, tenure::ports::PeopleFilter::default(), None, 50)
        .await
        .unwrap();
    assert_eq!(page.rows.iter().map(|row| row.membership.id).collect::<Vec<_>>(), [membership]);
}
