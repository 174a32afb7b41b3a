//! 19, 25, 28, 35, 46, 48, 51 and what they have for relatives here: more than one has, given to
//! oneself or to a friend.

use std::collections::BTreeMap;

use tenure::testing::cast::Desk;
use tenure::{Management, Profile, Reach};

use tenure::commands::Block;

use super::*;

fn change_role(it: &Company, who: &str, role: &str) -> ChangeRole {
    let membership = it.member(who).membership;
    ChangeRole { scope: it.organization.into(), membership, role: name(role), handover: None }
}

async fn gets_role(it: &Company, who: &str, role: &str) {
    does(it, Principal::System, change_role(it, who, role)).await;
}

/// Proved: without `stand_above` in `Deactivate` Ada deactivates Olivia.
#[tokio::test]
async fn attack_19_nobody_touches_whom_they_do_not_outrank_at_any_scope() {
    let it = acme().await;
    let scope = workspace(&it).await;
    for who in ["amir", "olivia"] {
        let membership = it.member(who).membership;
        for scope in [it.organization.into(), scope] {
            let because = DeactivatedBecause::Other;
            let answers = [
                refused(
                    &it,
                    it.principal("ada"),
                    Deactivate { scope, membership, because, handover: None },
                )
                .await,
                refused(
                    &it,
                    it.principal("ada"),
                    RemoveMember { scope, membership, handover: None },
                )
                .await,
                refused(
                    &it,
                    it.principal("ada"),
                    ChangeRole { scope, membership, role: name("agent"), handover: None },
                )
                .await,
            ];
            for answer in answers {
                let outranked = matches!(answer, Refusal::Outranked { .. });
                let elsewhere = answer == Refusal::NotFound(Thing::Membership);
                assert!(outranked || (scope.workspace.is_some() && elsewhere), "{answer:?}");
            }
        }
    }
}

/// Proved: without `inviter_still_may` the first of these is in.
#[tokio::test]
async fn attack_25_an_invitation_grants_nothing_after_its_inviter_lost_standing() {
    #[derive(Clone, Copy, Debug)]
    enum Loses {
        Role,
        Permission,
        Place,
        Membership,
    }
    for loses in [Loses::Role, Loses::Permission, Loses::Place, Loses::Membership] {
        let it = acme().await;
        let scope: Scope = it.organization.into();
        let invite = Invite::new(scope, "eve@acme.example".parse().unwrap(), name("agent"));
        let invited = does(&it, it.principal("ada"), invite).await;
        let eve = user(&it, "eve@acme.example", true).await;
        let membership = it.member("ada").membership;
        match loses {
            Loses::Role => gets_role(&it, "ada", "agent").await,
            Loses::Permission => {
                let permission = Management::Invite.into();
                let to = Some(Override::Deny);
                let deny = OverridePermission { scope, membership, permission, to };
                does(&it, it.principal("olivia"), deny).await;
            }
            Loses::Place => {
                let because = DeactivatedBecause::Other;
                let deactivate = Deactivate { scope, membership, because, handover: None };
                does(&it, it.principal("olivia"), deactivate).await;
            }
            Loses::Membership => {
                let remove = RemoveMember { scope, membership, handover: None };
                does(&it, it.principal("olivia"), remove).await;
            }
        }
        let accept = AcceptInvitation::new(it.organization, invited.invitation);
        let answer = refused(&it, eve, accept).await;
        let closed = Refusal::InvitationClosed(InvitationStatus::Revoked);
        assert!(
            answer == Refusal::InviterLostStanding || answer == closed,
            "{loses:?}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn attack_28_nobody_invites_beyond_what_they_may_give_for_all_pairs_of_roles() {
    let it = acme().await;
    let may: [(&str, &[&str]); 5] = [
        ("olivia", &["owner", "admin", "agent", "customer"]),
        ("ada", &["admin", "agent", "customer"]),
        ("bob", &[]),
        ("vera", &[]),
        ("carl", &[]),
    ];
    for (who, allowed) in may {
        for role in ["owner", "admin", "agent", "viewer", "customer"] {
            let email = format!("{who}-{role}@acme.example").parse().unwrap();
            let invite = Invite::new(it.organization, email, name(role));
            let is_allowed = it.directory.preview(it.principal(who), invite).await.is_ok();
            assert_eq!(is_allowed, allowed.contains(&role), "{who} invites as {role}");
        }
    }
}

#[tokio::test]
async fn attack_28_an_invitation_brings_no_override_team_or_fence_beyond_the_inviters() {
    let manager = Role::new("manager", 60)
        .unwrap()
        .with(Management::Invite, Reach::ALL)
        .with(Desk::ViewTickets, Reach::TEAM)
        .assigns(["agent"])
        .unwrap();
    let it = acme_with([manager]).await;
    gets_role(&it, "berta", "manager").await;
    let team = team(&it, Vec::new()).await;
    let invite =
        || Invite::new(it.organization, "eve@acme.example".parse().unwrap(), name("agent"));
    let berta = it.principal("berta");
    let fence = Fence::default().with("inbox", ["payroll"]).unwrap();
    for invite in [
        invite().overriding(Desk::ViewTickets, Override::Raise(Reach::TEAM)),
        invite().into_team(team),
        invite().fenced(fence),
    ] {
        let answer = refused(&it, &berta, invite).await;
        assert!(matches!(answer, Refusal::MissingPermission(_)), "{answer:?}");
    }
    // With the permission, still no further than their own.
    let scope = it.organization.into();
    let membership = it.member("berta").membership;
    let permission = Management::OverridePermissions.into();
    let to = Some(Override::Raise(Reach::ALL));
    does(&it, it.principal("olivia"), OverridePermission { scope, membership, permission, to })
        .await;
    for (permission, reach) in [(Desk::ViewTickets, Reach::ALL), (Desk::DeleteTickets, Reach::OWN)]
    {
        let raised = invite().overriding(permission, Override::Raise(reach));
        let answer = refused(&it, &berta, raised).await;
        assert_eq!(answer, Refusal::ExceedsOwn(permission.into()));
    }
}

/// Proved: without `gives_no_more` for fences this is how Berta reads payroll.
#[tokio::test]
async fn attack_51_whoever_is_fenced_in_hands_on_no_other_resources() {
    let lead = Role::new("lead", 60)
        .unwrap()
        .with(Management::ManageTeams, Reach::ALL)
        .with(Management::OverridePermissions, Reach::ALL)
        .with(Management::Invite, Reach::ALL)
        .with(Desk::ViewTickets, Reach::ALL.within("inbox").unwrap())
        .assigns(["agent"])
        .unwrap();
    let it = acme_with([lead]).await;
    let organization = it.organization;
    gets_role(&it, "berta", "lead").await;
    let scope: Scope = organization.into();
    let north = Fence::default().with("inbox", ["north"]).unwrap();
    let payroll = Fence::default().with("inbox", ["north", "payroll"]).unwrap();
    let own = SetFence {
        scope,
        membership: it.member("berta").membership,
        fence: north.clone(),
        handover: None,
    };
    does(&it, it.principal("olivia"), own).await;
    let team = team(&it, Vec::new()).await;
    let berta = it.principal("berta");
    let exceeded = Refusal::ExceedsOwn(Desk::ViewTickets.into());
    let permissions = BTreeMap::new();
    let wide = SetTeamPermissions {
        organization,
        team,
        permissions: permissions.clone(),
        fence: payroll.clone(),
    };
    assert_eq!(refused(&it, &berta, wide.clone()).await, exceeded);
    let bob = it.member("bob").membership;
    let set = SetFence { scope, membership: bob, fence: payroll.clone(), handover: None };
    assert_eq!(refused(&it, &berta, set).await, exceeded);
    let invite = Invite::new(scope, "eve@acme.example".parse().unwrap(), name("agent"));
    assert_eq!(refused(&it, &berta, invite.fenced(payroll)).await, exceeded);
    // Nor do they join a team that reaches further, which the owner made.
    does(&it, it.principal("olivia"), wide).await;
    let membership = it.member("berta").membership;
    let join =
        ChangeTeamsOf { organization, membership, join: vec![team], leave: vec![], handover: None };
    assert_eq!(refused(&it, &berta, join).await, exceeded);
    does(&it, &berta, SetFence { scope, membership: bob, fence: north, handover: None }).await;
}

#[tokio::test]
async fn attack_51_a_team_gives_and_holds_nothing_of_another_organization() {
    let it = acme().await;
    let organization = it.organization;
    let rita = it.principal("rita");
    let theirs = does(
        &it,
        &rita,
        CreateTeam {
            organization: it.rival,
            name: name("Rivals"),
            description: None,
            members: vec![],
        },
    )
    .await;
    let absent = |thing| Refusal::NotFound(thing);
    let olivia = it.principal("olivia");
    let own = team(&it, Vec::new()).await;
    let join = vec![it.rita().membership];
    let change = ChangeTeamMembers {
        organization,
        team: own,
        join: join.clone(),
        leave: vec![],
        handover: None,
    };
    assert_eq!(refused(&it, &olivia, change).await, absent(Thing::Membership));
    let change =
        ChangeTeamMembers { organization, team: theirs, join: vec![], leave: join, handover: None };
    assert_eq!(refused(&it, &olivia, change).await, absent(Thing::Team));
    let membership = it.member("bob").membership;
    let change = ChangeTeamsOf {
        organization,
        membership,
        join: vec![theirs],
        leave: vec![],
        handover: None,
    };
    assert_eq!(refused(&it, &olivia, change).await, absent(Thing::Team));
    let invite = Invite::new(organization, "eve@acme.example".parse().unwrap(), name("agent"));
    assert_eq!(refused(&it, &olivia, invite.into_team(theirs)).await, absent(Thing::Team));
}

#[tokio::test]
async fn attack_51_a_workspace_administrator_fills_no_team_of_the_organization() {
    let it =
        acme_under(Rules { workspace_guest_role: Some(name("agent")), ..Rules::default() }).await;
    let scope = workspace(&it).await;
    let team = team(&it, Vec::new()).await;
    let invite = Invite::new(scope, "eve@acme.example".parse().unwrap(), name("admin"));
    let invited = does(&it, it.principal("olivia"), invite).await;
    let eve = user(&it, "eve@acme.example", true).await;
    does(&it, eve, AcceptInvitation::new(it.organization, invited.invitation)).await;
    let invite = Invite::new(scope, "mallory@acme.example".parse().unwrap(), name("agent"));
    let answer = refused(&it, eve, invite.clone().into_team(team)).await;
    assert!(matches!(answer, Refusal::RuleForbids { rule: "I4", .. }), "{answer:?}");
    does(&it, eve, invite).await;
    // In the organization they are an agent, whatever they are in the workspace.
    let invite =
        Invite::new(it.organization, "oscar@acme.example".parse().unwrap(), name("customer"));
    let answer = refused(&it, eve, invite).await;
    assert_eq!(answer, Refusal::MissingPermission(Management::Invite.into()));
}

#[tokio::test]
async fn attack_28_a_custom_role_holds_ranks_and_assigns_no_more_than_its_makers() {
    let it = acme().await;
    let organization = it.organization;
    let role = |rank| Role::new("helper", rank).unwrap();
    for (bad, why) in [
        (role(80), "ranks as high"),
        (role(90), "ranks higher"),
        (role(10).with(Management::Billing, Reach::OWN), "holds more"),
        (role(10).all_but::<Desk>([]), "holds everything to come"),
        (role(10).keeper(), "keeps the organization"),
        (role(10).assigns(["owner"]).unwrap(), "assigns what its maker may not"),
        (role(10).free(), "uses no seat"),
    ] {
        let answer =
            it.directory.preview(it.principal("ada"), CreateRole { organization, role: bad }).await;
        assert!(answer.is_err(), "a role that {why}: {answer:?}");
    }
    let fine = role(10).with(Desk::ViewTickets, Reach::ALL);
    does(&it, it.principal("olivia"), CreateRole { organization, role: fine }).await;
    for bad in [role(80), role(10).with(Management::Billing, Reach::OWN), role(10).keeper()] {
        let edit = EditRole { organization, role: bad };
        assert!(it.directory.preview(it.principal("ada"), edit).await.is_err());
    }
    // The host's own roles are not edited by anybody, oneself's least of all.
    let own = Role::new("admin", 10).unwrap();
    let edit = EditRole { organization, role: own };
    assert_eq!(refused(&it, it.principal("ada"), edit).await, Refusal::BuiltInRole(name("admin")));
}

/// Proved: with only the role's name compared, a foreign domain comes in as staff.
#[tokio::test]
async fn attack_48_nobody_opens_or_widens_a_way_in_to_a_role_they_may_not_give() {
    let steward = Role::new("steward", 60)
        .unwrap()
        .with(Management::ManageOrganization, Reach::ALL)
        .assigns(["customer"])
        .unwrap();
    let it = acme_with([steward]).await;
    let organization = it.organization;
    gets_role(&it, "berta", "steward").await;
    let domains = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect();
    let staff = Rules {
        joining: Joining::Domains { domains: domains(&["acme.example"]), role: name("agent") },
        workspace_guest_role: Some(name("agent")),
        ..Rules::default()
    };
    does(&it, it.principal("olivia"), ChangeRules { organization, rules: staff.clone() }).await;
    let berta = it.principal("berta");
    let open = Joining::Open { role: name("agent") };
    let wider = Joining::Domains {
        domains: domains(&["acme.example", "evil.example"]),
        role: name("agent"),
    };
    for rules in [
        Rules { joining: open, ..staff.clone() },
        Rules { joining: wider, ..staff.clone() },
        Rules { provisioning: Provisioning::JustInTime { role: name("agent") }, ..staff.clone() },
    ] {
        let answer = refused(&it, &berta, ChangeRules { organization, rules }).await;
        assert_eq!(answer, Refusal::MayNotAssign(name("agent")));
    }
    // What uses a seat is a matter of money.
    for rules in [
        Rules { seats_full: SeatsFull::Grow, ..staff.clone() },
        Rules { seats: SeatUse::Everyone, ..staff.clone() },
    ] {
        let answer = refused(&it, &berta, ChangeRules { organization, rules }).await;
        assert_eq!(answer, Refusal::MissingPermission(Management::Billing.into()));
    }
    let closed = Rules { joining: Joining::InvitationOnly, ..staff };
    does(&it, &berta, ChangeRules { organization, rules: closed }).await;
}

#[tokio::test]
async fn attack_48_nobody_comes_in_as_an_owner_by_a_rule() {
    let it = acme().await;
    let organization = it.organization;
    for rules in [
        Rules { joining: Joining::Open { role: name("owner") }, ..Rules::default() },
        Rules {
            provisioning: Provisioning::JustInTime { role: name("owner") },
            ..Rules::default()
        },
        Rules { workspace_guest_role: Some(name("owner")), ..Rules::default() },
    ] {
        let answer =
            refused(&it, it.principal("olivia"), ChangeRules { organization, rules }).await;
        assert!(matches!(answer, Refusal::RuleForbids { rule: "I1", .. }), "{answer:?}");
    }
}

#[tokio::test]
async fn attack_48_a_newcomer_fills_in_no_field_of_the_administrators() {
    let fields = vec![
        ProfileField::new("name").unwrap(),
        ProfileField::new("clearance").unwrap().edited_by(EditedBy::Administrators),
    ];
    let joining = Joining::Open { role: name("customer") };
    let it = acme_under(Rules { fields, joining, ..Rules::default() }).await;
    let organization = it.organization;
    let profile = Profile::default().with("clearance", "secret").unwrap();
    let denied = Refusal::FieldNotYours(name("clearance"));
    let eve = user(&it, "eve@elsewhere.example", true).await;
    let email: EmailAddress = "eve@elsewhere.example".parse().unwrap();
    let sign_up = SignUp { organization, email: email.clone(), profile: profile.clone() };
    assert_eq!(refused(&it, eve, sign_up).await, denied);
    let invited =
        does(&it, it.principal("olivia"), Invite::new(organization, email, name("agent"))).await;
    let accept = AcceptInvitation::new(organization, invited.invitation).with_profile(profile);
    assert_eq!(refused(&it, eve, accept).await, denied);
}

/// Proved: a denial that only the role is asked about is taken away here.
#[tokio::test]
async fn attack_48_taking_a_denial_away_gives_nothing_that_one_lacks() {
    let it = acme().await;
    let organization = it.organization;
    let scope: Scope = organization.into();
    let bob = it.member("bob").membership;
    let team = team(&it, vec![bob]).await;
    let export = || -> PermissionName { Desk::ExportData.into() };
    let permissions = BTreeMap::from([(export(), Reach::ALL)]);
    let fence = Fence::default();
    let olivia = it.principal("olivia");
    does(&it, &olivia, SetTeamPermissions { organization, team, permissions, fence }).await;
    let set = |membership, to| OverridePermission { scope, membership, permission: export(), to };
    does(&it, &olivia, set(bob, Some(Override::Deny))).await;
    does(&it, &olivia, set(it.member("ada").membership, Some(Override::Deny))).await;
    let ada = it.principal("ada");
    for to in [None, Some(Override::Cap(Reach::ALL)), Some(Override::Raise(Reach::OWN))] {
        assert_eq!(refused(&it, &ada, set(bob, to)).await, Refusal::ExceedsOwn(export()));
    }
    assert!(
        !it.directory
            .check(&it.principal("bob"), scope, Desk::ExportData)
            .await
            .unwrap()
            .is_allowed()
    );
}

#[tokio::test]
async fn attack_48_renewing_support_takes_what_letting_it_in_takes() {
    let liaison = Role::new("liaison", 60)
        .unwrap()
        .with(Management::ManageSupport, Reach::ALL)
        .with(Management::ViewPeople, Reach::OWN);
    let it = acme_with([liaison]).await;
    gets_role(&it, "berta", "liaison").await;
    let access = it.support;
    let renew =
        RenewSupport { organization: it.organization, access, lasting: Some(Span::days(1)) };
    let answer = refused(&it, it.principal("berta"), renew).await;
    assert_eq!(answer, Refusal::ExceedsOwn(Management::ViewPeople.into()));
}

/// Proved: with the check on the workspace's membership alone, Acme is left without an owner.
#[tokio::test]
async fn attack_19_the_last_owner_stays_by_every_way_out() {
    let rules = Rules { workspace_removal: WorkspaceRemoval::Everywhere, ..Rules::default() };
    let it = acme_under(rules).await;
    let organization = it.organization;
    let here = workspace(&it).await;
    // Invited there, too, by the system.
    let invite = Invite::new(here, Company::email("olivia"), name("agent"));
    let invited = does(&it, Principal::System, invite).await;
    let olivia = it.principal("olivia");
    does(&it, &olivia, AcceptInvitation::new(organization, invited.invitation)).await;
    let because = RemovedBecause::Left;
    let leave = Leave { scope: here, membership: invited.membership, because, handover: None };
    assert_eq!(refused(&it, &olivia, leave).await, Refusal::LastOwner);
    let membership = it.member("olivia").membership;
    let scope: Scope = organization.into();
    for who in [Principal::System, it.principal("provisioner")] {
        let because = DeactivatedBecause::Directory;
        let answers = [
            refused(&it, &who, Deactivate { scope, membership, because, handover: None }).await,
            refused(&it, &who, RemoveMember { scope, membership, handover: None }).await,
            refused(
                &it,
                &who,
                ChangeRole { scope, membership, role: name("agent"), handover: None },
            )
            .await,
        ];
        assert_eq!(answers, [Refusal::LastOwner, Refusal::LastOwner, Refusal::LastOwner]);
    }
    let block = Block { organization, membership, handover: None };
    assert_eq!(refused(&it, Principal::System, block).await, Refusal::LastOwner);
    let away = RemoveMember { scope: here, membership: invited.membership, handover: None };
    assert_eq!(refused(&it, Principal::System, away).await, Refusal::LastOwner);
    let leave = Leave { scope, membership, because: RemovedBecause::SelfDeleted, handover: None };
    assert_eq!(refused(&it, &olivia, leave).await, Refusal::LastOwner);
}

#[tokio::test]
async fn attack_09_a_block_outlives_leaving_and_no_directory_lifts_it() {
    let it =
        acme_under(Rules { joining: Joining::Open { role: name("customer") }, ..Rules::default() })
            .await;
    let organization = it.organization;
    let scope: Scope = organization.into();
    let bob = it.member("bob");
    let membership = bob.membership;
    does(&it, it.principal("olivia"), Block { organization, membership, handover: None }).await;
    let back = Reactivate { scope, membership, work: WorkOnReturn::StaysWhereItIs };
    assert_eq!(refused(&it, it.principal("provisioner"), back).await, Refusal::Blocked);
    let because = RemovedBecause::Left;
    let who = bob.user.unwrap();
    does(&it, who, Leave { scope, membership, because, handover: None }).await;
    let email = Company::email("bob");
    let sign_up = SignUp { organization, email: email.clone(), profile: Profile::default() };
    assert_eq!(refused(&it, who, sign_up).await, Refusal::Blocked);
    let invite = Invite::new(scope, email, name("agent"));
    assert_eq!(refused(&it, it.principal("ada"), invite).await, Refusal::Blocked);
}

#[tokio::test]
async fn attack_35_nobody_passes_a_check_below_what_was_closed() {
    let it = acme().await;
    let organization = it.organization;
    let here = workspace(&it).await;
    let olivia = it.principal("olivia");
    let passes = async |scope: Scope| {
        it.directory.check(&olivia, scope, Desk::ViewTickets).await.unwrap().is_allowed()
    };
    assert!(passes(here).await && passes(organization.into()).await);
    let workspace = here.workspace.unwrap();
    does(&it, &olivia, CloseWorkspace { organization, workspace }).await;
    assert!(!passes(here).await && passes(organization.into()).await);
    does(&it, Principal::System, SuspendOrganization { organization }).await;
    assert!(!passes(organization.into()).await);
    let user = it.member("olivia").user.unwrap();
    assert!(it.directory.open_session(user, organization).await.is_err());
    does(&it, Principal::System, ResumeOrganization { organization }).await;
    assert!(passes(organization.into()).await);
    does(&it, &olivia, CloseOrganization { organization }).await;
    assert!(!passes(organization.into()).await);
}

#[tokio::test]
async fn attack_46_what_was_taken_away_is_denied_at_the_next_check() {
    let it = acme().await;
    let organization = it.organization;
    let ada = it.principal("ada");
    let may = async || {
        it.directory.check(&ada, organization, Management::Invite).await.unwrap().is_allowed()
    };
    assert!(may().await);
    gets_role(&it, "ada", "agent").await;
    assert!(!may().await);
    let invite = Invite::new(organization, "eve@acme.example".parse().unwrap(), name("agent"));
    let answer = refused(&it, &ada, invite).await;
    assert_eq!(answer, Refusal::MissingPermission(Management::Invite.into()));
    // Support's access, too.
    let support = it.principal("support");
    let sees = async || {
        it.directory
            .check(&support, organization, Management::ViewPeople)
            .await
            .unwrap()
            .is_allowed()
    };
    assert!(sees().await);
    does(&it, it.principal("olivia"), RevokeSupport { organization, access: it.support }).await;
    assert!(!sees().await);
}

#[tokio::test]
async fn nobody_sets_their_own_fence_role_status_or_overrides() {
    let it = acme().await;
    let scope: Scope = it.organization.into();
    for who in ["olivia", "ada"] {
        let membership = it.member(who).membership;
        let principal = it.principal(who);
        let because = DeactivatedBecause::Other;
        let to = Some(Override::Raise(Reach::ALL));
        let permission = Desk::ExportData.into();
        let answers = [
            refused(
                &it,
                &principal,
                SetFence { scope, membership, fence: Fence::default(), handover: None },
            )
            .await,
            refused(&it, &principal, change_role(&it, who, "agent")).await,
            refused(&it, &principal, OverridePermission { scope, membership, permission, to })
                .await,
            refused(&it, &principal, Deactivate { scope, membership, because, handover: None })
                .await,
            refused(&it, &principal, RemoveMember { scope, membership, handover: None }).await,
        ];
        assert!(answers.iter().all(|it| *it == Refusal::Oneself), "{answers:?}");
    }
}
