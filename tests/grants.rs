//! More for a while: a role or permissions that begin and end by time alone.
//!
//! *Planted* says which bug was written into the crate to see the test fail, and taken out again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use tenure::adapters::memory::MemoryStore;
use tenure::commands::{
    AcceptInvitation, Block, ChangeRole, CreateRole, Deactivate, DeleteRole, EditRole, GiveGrant,
    Invite, Leave, OpenWorkspace, Reactivate, RemoveMember, RenewGrant, RevokeGrant, WorkOnReturn,
};
use tenure::domain::{
    DeactivatedBecause, Event, Given, GrantId, Lasting, MembershipId, PermissionName, Reason,
    RemovedBecause, Revision, Scope, Span, StatusName, Thing, Timestamp,
};
use tenure::testing::cast::{Company, Desk};
use tenure::{Clock as _, Command, Intent, Management, Principal, Reach, Refusal, Role, Rules};

/// Acme Help, asked in one line.
struct Acme(Company);

impl Acme {
    async fn open() -> Self {
        Self(Company::found(MemoryStore::new()).await)
    }

    async fn under(rules: Rules) -> Self {
        let roles = tenure::testing::cast::roles();
        Self(Company::found_with(MemoryStore::new(), roles, rules, None).await)
    }

    fn scope(&self) -> Scope {
        self.0.organization.into()
    }

    fn id(&self, name: &str) -> MembershipId {
        self.0.member(name).membership
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    async fn does<I: Intent>(&self, who: &str, intent: I) -> I::Output {
        self.0.directory.execute(self.0.principal(who), intent).await.unwrap().output
    }

    async fn refused(&self, who: &str, command: impl Into<Command>) -> Refusal {
        let answer = self.0.directory.execute_command(self.0.principal(who), command.into()).await;
        answer.unwrap_err().refusal().unwrap().clone()
    }

    /// Whether somebody may look at every ticket.
    async fn may(&self, who: &str, permission: Desk) -> bool {
        let who = self.0.principal(who);
        self.0.directory.check(&who, self.0.organization, permission).await.unwrap().is_allowed()
    }

    async fn grants_of(&self, name: &str) -> usize {
        let it =
            self.0.directory.person(&Principal::System, self.0.organization, self.id(name)).await;
        it.unwrap().membership.grants.len()
    }

    /// A role for so many hours from now on.
    fn lends(&self, name: &str, role: &str, hours: u16) -> GiveGrant {
        let lasting = Lasting::For(Span::hours(hours));
        let role = role.parse().unwrap();
        GiveGrant::role(self.scope(), self.id(name), role, lasting, reason())
    }

    /// A permission for so many hours from now on.
    fn gives(&self, name: &str, permission: impl Into<PermissionName>, hours: u16) -> GiveGrant {
        let lasting = Lasting::For(Span::hours(hours));
        let gives = (permission, Reach::ALL);
        GiveGrant::permission(self.scope(), self.id(name), gives, lasting, reason())
    }

    fn renews(&self, name: &str, grant: GrantId, lasting: Lasting) -> RenewGrant {
        RenewGrant { scope: self.scope(), membership: self.id(name), grant, lasting }
    }

    fn revokes(&self, name: &str, grant: GrantId) -> RevokeGrant {
        RevokeGrant { scope: self.scope(), membership: self.id(name), grant }
    }

    fn makes(&self, name: &str, role: &str) -> ChangeRole {
        let (scope, membership) = (self.scope(), self.id(name));
        ChangeRole { scope, membership, role: role.parse().unwrap(), handover: None }
    }

    fn deactivates(&self, name: &str) -> Deactivate {
        Deactivate::new(self.scope(), self.id(name), DeactivatedBecause::Leave)
    }
}

fn reason() -> Reason {
    "Ada is on holiday".parse().unwrap()
}

fn micros(at: Timestamp, more: i64) -> Timestamp {
    Timestamp::from_micros(at.micros() + more)
}

// ── Time ────────────────────────────────────────────────────────────────────────────────────────

/// Nothing runs in between: no `maintain`, no command. Planted: `now <= self.until` in `runs`.
#[tokio::test]
async fn a_grant_begins_and_ends_at_its_instants_by_time_alone() {
    let it = Acme::open().await;
    let from = it.now().plus(Span::hours(1));
    let until = from.plus(Span::hours(2));
    it.does("olivia", it.gives("bob", Desk::ExportData, 2).beginning(from)).await;
    for (at, holds) in [
        (it.now(), false),
        (micros(from, -1), false),
        (from, true),
        (micros(until, -1), true),
        (until, false),
        (micros(until, 1), false),
    ] {
        it.0.clock.set(at);
        assert_eq!(it.may("bob", Desk::ExportData).await, holds, "at {at}");
    }
}

#[tokio::test]
async fn a_granted_role_is_a_role_until_it_ends_and_its_rank_is_the_persons() {
    let it = Acme::open().await;
    let invite =
        |name: &str| Invite::new(it.scope(), Company::email(name), "agent".parse().unwrap());
    let invites = Management::Invite.into();
    assert_eq!(it.refused("bob", invite("eve")).await, Refusal::MissingPermission(invites));
    it.does("olivia", it.lends("bob", "admin", 1)).await;
    it.does("bob", invite("eve")).await;
    it.does("bob", it.deactivates("berta")).await;
    // Ada is an admin for good, and stands above no other admin, whatever they are otherwise.
    let equals = it.refused("ada", it.deactivates("bob")).await;
    assert!(matches!(equals, Refusal::Outranked { .. }), "{equals:?}");
    it.0.clock.advance(Span::hours(1));
    let invites = Management::Invite.into();
    assert_eq!(it.refused("bob", invite("eva")).await, Refusal::MissingPermission(invites));
    it.does("ada", it.deactivates("bob")).await;
}

/// What somebody did while they held more is judged again where standing is asked for again.
#[tokio::test]
async fn an_invitation_made_under_a_grant_needs_the_standing_again() {
    let it = Acme::open().await;
    it.does("olivia", it.lends("bob", "admin", 1)).await;
    let invite = Invite::new(it.scope(), Company::email("eve"), "agent".parse().unwrap());
    let invited = it.does("bob", invite).await;
    let link = it.0.link_for("eve").await;
    let link = it.0.directory.verify(&link).await.unwrap();
    it.0.clock.advance(Span::hours(1));
    let accept = AcceptInvitation::new(it.0.organization, invited.invitation);
    let answer = it.0.directory.execute(link, accept).await.unwrap_err();
    assert_eq!(answer.refusal(), Some(&Refusal::InviterLostStanding));
}

#[tokio::test]
async fn the_rules_say_how_long_and_how_far_ahead() {
    let longest_grant = Span::days(2);
    let it = Acme::under(Rules { longest_grant, ..Rules::default() }).await;
    let gives = |lasting| GiveGrant { lasting, ..it.gives("bob", Desk::ExportData, 1) };
    let too_long = |refusal: Refusal| {
        let by = matches!(refusal, Refusal::RuleForbids { rule: "longest_grant", .. });
        assert!(by, "{refusal:?}");
    };
    let end = it.now().plus(longest_grant);
    too_long(it.refused("olivia", gives(Lasting::Until(micros(end, 1)))).await);
    too_long(it.refused("olivia", gives(Lasting::For(Span::seconds(u32::MAX)))).await);
    let ahead = gives(Lasting::For(Span::hours(1)));
    too_long(it.refused("olivia", ahead.clone().beginning(micros(end, 1))).await);
    it.does("olivia", ahead.beginning(end)).await;
    let grant = it.does("olivia", gives(Lasting::Until(end))).await;
    // From each renewal on, the longest time begins anew.
    it.0.clock.advance(Span::days(1));
    too_long(it.refused("olivia", it.renews("bob", grant, Lasting::For(Span::days(3)))).await);
    it.does("olivia", it.renews("bob", grant, Lasting::For(longest_grant))).await;

    let it = Acme::under(Rules { longest_grant: Span::seconds(0), ..Rules::default() }).await;
    too_long(it.refused("olivia", it.gives("bob", Desk::ExportData, 1)).await);
}

#[tokio::test]
async fn hostile_times_are_refused_and_a_beginning_in_the_past_is_now() {
    let it = Acme::open().await;
    let gives = |lasting| GiveGrant { lasting, ..it.gives("bob", Desk::ExportData, 1) };
    let at = Timestamp::from_micros;
    for lasting in [
        Lasting::For(Span::seconds(0)),
        Lasting::Until(it.now()),
        Lasting::Until(micros(it.now(), -1)),
        Lasting::Until(at(i64::MIN)),
        Lasting::Until(at(0)),
    ] {
        let refusal = it.refused("olivia", gives(lasting)).await;
        assert!(matches!(refusal, Refusal::Invalid(_)), "{lasting:?}: {refusal:?}");
    }
    for from in [at(i64::MAX), at(i64::MAX - 1)] {
        for lasting in [Lasting::For(Span::hours(1)), Lasting::Until(at(i64::MAX))] {
            let refusal = it.refused("olivia", gives(lasting).beginning(from)).await;
            assert!(matches!(refusal, Refusal::RuleForbids { .. }), "{from}: {refusal:?}");
        }
    }
    let past = gives(Lasting::For(Span::hours(1))).beginning(at(i64::MIN));
    let done = it.0.directory.execute(it.0.principal("olivia"), past).await.unwrap();
    let Event::GrantGiven { grant, .. } = &done.events[0] else { panic!("{:?}", done.events) };
    assert_eq!((grant.from, grant.until), (it.now(), it.now().plus(Span::hours(1))));
}

#[tokio::test]
async fn a_grant_is_renewed_or_revoked_until_it_is_over() {
    let it = Acme::open().await;
    let grant = it.does("olivia", it.gives("bob", Desk::ExportData, 2)).await;
    let same = it.renews("bob", grant, Lasting::For(Span::hours(2)));
    assert_eq!(it.refused("olivia", same).await, Refusal::NoChange);
    it.does("olivia", it.renews("bob", grant, Lasting::For(Span::hours(1)))).await;
    it.0.clock.advance(Span::hours(1));
    assert!(!it.may("bob", Desk::ExportData).await, "it was cut short");
    let over = it.renews("bob", grant, Lasting::For(Span::hours(1)));
    assert_eq!(it.refused("olivia", over).await, Refusal::NotFound(Thing::Grant));

    let grant = it.does("olivia", it.gives("bob", Desk::ExportData, 2)).await;
    it.does("olivia", it.renews("bob", grant, Lasting::For(Span::hours(9)))).await;
    it.0.clock.advance(Span::hours(8));
    assert!(it.may("bob", Desk::ExportData).await, "it lasts longer");
    it.does("olivia", it.revokes("bob", grant)).await;
    assert!(!it.may("bob", Desk::ExportData).await, "it is revoked");
    for other in [grant, GrantId::new(uuid::Uuid::nil())] {
        let revoke = it.revokes("bob", other);
        assert_eq!(it.refused("olivia", revoke).await, Refusal::NotFound(Thing::Grant));
        // Nor is anybody else's found.
        let revoke = it.revokes("berta", other);
        assert_eq!(it.refused("olivia", revoke).await, Refusal::NotFound(Thing::Grant));
    }
}

/// Planted: no `retain` in the meaning of `GrantGiven`.
#[tokio::test]
async fn sixteen_grants_are_held_at_once_and_those_that_are_over_leave_the_record() {
    let it = Acme::open().await;
    for _ in 0..16 {
        it.does("olivia", it.gives("bob", Desk::ExportData, 1)).await;
    }
    let more = it.refused("olivia", it.gives("bob", Desk::ExportData, 1)).await;
    assert_eq!(more, Refusal::TooMany { what: "grants", max: 16 });
    it.0.clock.advance(Span::hours(1));
    assert_eq!(it.grants_of("bob").await, 16);
    it.does("olivia", it.gives("bob", Desk::ExportData, 1)).await;
    assert_eq!(it.grants_of("bob").await, 1);
}

// ── Who may (I5), and what is never given (I1, I2) ──────────────────────────────────────────────

/// Planted: `stand_above` not asked in `GiveGrant`; `may_give` not asked in `RenewGrant`.
#[tokio::test]
async fn nobody_gives_to_themselves_upwards_or_more_than_they_hold() {
    let it = Acme::open().await;
    for who in ["olivia", "ada"] {
        assert_eq!(it.refused(who, it.lends(who, "agent", 1)).await, Refusal::Oneself);
        let oneself = it.refused(who, it.gives(who, Desk::ExportData, 1)).await;
        assert_eq!(oneself, Refusal::Oneself);
    }
    for target in ["amir", "olivia"] {
        let refusal = it.refused("ada", it.gives(target, Desk::ExportData, 1)).await;
        assert!(matches!(refusal, Refusal::Outranked { .. }), "{target}: {refusal:?}");
    }
    // An admin holds nothing of money, and gives no role that an admin may not assign.
    let billing: PermissionName = Management::Billing.into();
    let refusal = it.refused("ada", it.gives("bob", billing.clone(), 1)).await;
    assert_eq!(refusal, Refusal::ExceedsOwn(billing.clone()));
    let refusal = it.refused("ada", it.lends("bob", "owner", 1)).await;
    assert_eq!(refusal, Refusal::MayNotAssign("owner".parse().unwrap()));
    // Nor does she renew what she could not give; she stands above Bob, and takes it back.
    let grant = it.does("olivia", it.gives("bob", billing.clone(), 1)).await;
    let renew = it.renews("bob", grant, Lasting::For(Span::hours(5)));
    assert_eq!(it.refused("ada", renew).await, Refusal::ExceedsOwn(billing));
    it.does("ada", it.revokes("bob", grant)).await;
    // Whoever may not, may not.
    for who in ["bob", "vera", "carl"] {
        let refusal = it.refused(who, it.gives("carl", Desk::ExportData, 1)).await;
        assert!(matches!(refusal, Refusal::MissingPermission(_)), "{who}: {refusal:?}");
    }
    let unknown = it.refused("olivia", it.gives("bob", name("no.such.thing"), 1)).await;
    assert_eq!(unknown, Refusal::UnknownPermission(name("no.such.thing")));
    let refusal = it.refused("olivia", it.lends("bob", "nobody", 1)).await;
    assert_eq!(refusal, Refusal::NotFound(Thing::Role));
    let nothing = Given::Permissions(std::collections::BTreeMap::new());
    let nothing = GiveGrant { gives: nothing, ..it.lends("bob", "agent", 1) };
    assert_eq!(it.refused("olivia", nothing).await, Refusal::NoChange);
    assert_eq!(it.refused("olivia", it.lends("bob", "agent", 1)).await, Refusal::NoChange);
}

fn name(text: &str) -> PermissionName {
    text.parse().unwrap()
}

/// Whoever may give permissions and not roles lends no role either.
#[tokio::test]
async fn lending_a_role_takes_what_changing_one_takes() {
    let helper = Role::new("helper", 60)
        .unwrap()
        .with(Management::OverridePermissions, Reach::ALL)
        .with(Desk::UseMacros, Reach::ALL)
        .assigns(["viewer"])
        .unwrap();
    let roles = tenure::testing::cast::roles().into_iter().chain([helper]).collect();
    let company = Company::found_with(MemoryStore::new(), roles, Rules::default(), None).await;
    let it = Acme(company);
    it.does("olivia", it.makes("berta", "helper")).await;
    it.does("berta", it.gives("bob", Desk::UseMacros, 1)).await;
    let refusal = it.refused("berta", it.lends("bob", "viewer", 1)).await;
    assert_eq!(refusal, Refusal::MissingPermission(Management::ChangeRoles.into()));
}

/// What has not begun gives no rank yet; taking it back takes rank all the same.
#[tokio::test]
async fn a_role_still_to_come_is_not_revoked_from_below() {
    let it = Acme::open().await;
    let later = it.now().plus(Span::days(1));
    let grant = it.does("olivia", it.lends("bob", "admin", 1).beginning(later)).await;
    let refusal = it.refused("ada", it.revokes("bob", grant)).await;
    assert!(matches!(refusal, Refusal::Outranked { .. }), "{refusal:?}");
    it.does("olivia", it.revokes("bob", grant)).await;
}

#[tokio::test]
async fn no_grant_keeps_the_organization() {
    let it = Acme::open().await;
    for who in ["bob", "ada"] {
        let refusal = it.refused("olivia", it.lends(who, "owner", 1)).await;
        assert!(matches!(refusal, Refusal::RuleForbids { rule: "I1", .. }), "{refusal:?}");
    }
    let system = it.lends("bob", "owner", 1);
    let refusal = it.0.directory.execute(Principal::System, system).await.unwrap_err();
    let refusal = refusal.refusal().unwrap();
    assert!(matches!(refusal, Refusal::RuleForbids { rule: "I1", .. }), "{refusal:?}");
    it.does("olivia", it.lends("ada", "agent", 1)).await;
    let leave = Leave {
        scope: it.scope(),
        membership: it.id("olivia"),
        because: RemovedBecause::Left,
        handover: None,
    };
    assert_eq!(it.refused("olivia", leave).await, Refusal::LastOwner);
}

/// Planted: the seat not asked for in `may_lend`: an agent for an hour works without a seat.
#[tokio::test]
async fn a_role_with_a_seat_is_lent_only_to_whoever_has_one() {
    let it = Acme::open().await;
    for who in ["vera", "carl"] {
        let refusal = it.refused("olivia", it.lends(who, "agent", 1)).await;
        assert!(matches!(refusal, Refusal::RuleForbids { rule: "I2", .. }), "{refusal:?}");
    }
    it.does("olivia", it.lends("carl", "viewer", 1)).await;
    // Whoever gives their seat up gives up what takes one, and keeps the rest.
    it.does("olivia", it.lends("bob", "admin", 9)).await;
    it.does("olivia", it.lends("bob", "viewer", 9)).await;
    it.does("olivia", it.gives("bob", Desk::ExportData, 9)).await;
    it.does("olivia", it.makes("bob", "customer")).await;
    assert_eq!(it.grants_of("bob").await, 2);
    let invite = Invite::new(it.scope(), Company::email("eve"), "agent".parse().unwrap());
    let refusal = it.refused("bob", invite).await;
    assert!(matches!(refusal, Refusal::MissingPermission(_)), "{refusal:?}");
    assert!(it.may("bob", Desk::ExportData).await && it.may("bob", Desk::ViewTickets).await);
    let olivia = it.0.principal("olivia");
    let seats = it.0.directory.seats(&olivia, it.0.organization).await.unwrap();
    assert_eq!(seats.0, 4, "Olivia, Ada, Amir and Berta");
}

// ── Going ───────────────────────────────────────────────────────────────────────────────────────

/// Planted: `grants` not cleared in the meaning of `MembershipDeactivated`.
#[tokio::test]
async fn whoever_goes_comes_back_to_nothing_that_was_lent() {
    let it = Acme::open().await;
    it.does("olivia", it.lends("bob", "admin", 9)).await;
    it.does("olivia", it.deactivates("bob")).await;
    assert_eq!(it.grants_of("bob").await, 0);
    let refusal = it.refused("olivia", it.lends("bob", "admin", 9)).await;
    assert_eq!(refusal, Refusal::NotActive(StatusName::Deactivated));
    let (scope, membership) = (it.scope(), it.id("bob"));
    it.does("olivia", Reactivate { scope, membership, work: WorkOnReturn::StaysWhereItIs }).await;
    let invite = Invite::new(scope, Company::email("eve"), "agent".parse().unwrap());
    let refusal = it.refused("bob", invite).await;
    assert!(matches!(refusal, Refusal::MissingPermission(_)), "{refusal:?}");

    it.does("olivia", it.gives("bob", Desk::ExportData, 9)).await;
    it.does("olivia", Block { organization: it.0.organization, membership, handover: None }).await;
    assert_eq!(it.grants_of("bob").await, 0);
    it.does("olivia", it.gives("berta", Desk::ExportData, 9)).await;
    let membership = it.id("berta");
    it.does("olivia", RemoveMember { scope, membership, handover: None }).await;
    assert_eq!(it.grants_of("berta").await, 0);
    let refusal = it.refused("olivia", it.lends("berta", "admin", 9)).await;
    assert_eq!(refusal, Refusal::NotFound(Thing::Membership));
    let refusal = it.refused("olivia", it.lends("ivan", "viewer", 9)).await;
    assert!(matches!(refusal, Refusal::NotActive(_)), "{refusal:?}");
}

/// Planted: the workspaces left out in `deactivate_person`.
#[tokio::test]
async fn a_grant_in_a_workspace_works_there_and_goes_with_the_organization() {
    let it = Acme::open().await;
    let organization = it.0.organization;
    let open = OpenWorkspace { organization, name: "West".parse().unwrap() };
    let west = Scope::workspace(organization, it.does("olivia", open).await);
    let invite = Invite::new(west, Company::email("bob"), "agent".parse().unwrap());
    let invited = it.does("olivia", invite).await;
    it.does("bob", AcceptInvitation::new(organization, invited.invitation)).await;
    let gives = GiveGrant {
        scope: west,
        membership: invited.membership,
        ..it.gives("bob", Desk::ExportData, 9)
    };
    // Nobody is reached through another scope than their own.
    let wrong = GiveGrant { scope: it.scope(), ..gives.clone() };
    assert_eq!(it.refused("olivia", wrong).await, Refusal::NotFound(Thing::Membership));
    it.does("olivia", gives.clone()).await;
    let may = async |scope: Scope| {
        let bob = it.0.principal("bob");
        it.0.directory.check(&bob, scope, Desk::ExportData).await.unwrap().is_allowed()
    };
    assert!(may(west).await && !may(it.scope()).await);
    it.does("olivia", it.deactivates("bob")).await;
    assert_eq!(
        it.refused("olivia", gives).await,
        Refusal::NotActive(StatusName::Deactivated),
        "active in the workspace, and out of the organization"
    );
    let membership = it.id("bob");
    it.does(
        "olivia",
        Reactivate { scope: it.scope(), membership, work: WorkOnReturn::StaysWhereItIs },
    )
    .await;
    assert!(!may(west).await, "nothing comes back silently");
}

// ── Roles that come and go ──────────────────────────────────────────────────────────────────────

fn night(permission: Desk) -> Role {
    Role::new("night", 10).unwrap().with(permission, Reach::ALL)
}

/// Planted: grants not asked for in `DeleteRole`; no `count_grants` in `put_membership`.
#[tokio::test]
async fn a_role_that_is_lent_is_not_deleted_and_no_later_one_takes_its_place() {
    let it = Acme::open().await;
    let organization = it.0.organization;
    let delete = || DeleteRole { organization, role: "night".parse().unwrap() };
    let create = |permission| CreateRole { organization, role: night(permission) };
    it.does("olivia", create(Desk::ViewAnalytics)).await;
    let later = it.now().plus(Span::days(1));
    let first = it.does("olivia", it.lends("bob", "night", 1).beginning(later)).await;
    let second = it.does("olivia", it.lends("berta", "night", 1)).await;
    let until = later.plus(Span::hours(1));
    let refusal = it.refused("olivia", delete()).await;
    assert_eq!(refusal, Refusal::RoleGranted { grants: 2, until });
    let free = night(Desk::ViewAnalytics).free();
    let refusal = it.refused("olivia", EditRole { organization, role: free }).await;
    assert!(matches!(refusal, Refusal::RoleGranted { .. }), "{refusal:?}");
    // Taken back, or over: it is free.
    it.does("olivia", it.revokes("bob", first)).await;
    it.does("olivia", it.revokes("berta", second)).await;
    it.does("olivia", delete()).await;
    it.does("olivia", create(Desk::ViewAnalytics)).await;
    it.does("olivia", it.lends("bob", "night", 2)).await;
    it.0.clock.advance(Span::hours(2));
    it.does("olivia", delete()).await;
    it.does("olivia", create(Desk::ExportData)).await;
    assert!(!it.may("bob", Desk::ExportData).await, "what is over gives nothing of the new one");
    // Whoever goes takes their grants along, and the role is free at once.
    it.does("olivia", it.lends("bob", "night", 9)).await;
    it.does("olivia", it.deactivates("bob")).await;
    it.does("olivia", delete()).await;
}

#[tokio::test]
async fn a_lent_role_that_is_edited_is_felt_at_once() {
    let it = Acme::open().await;
    let organization = it.0.organization;
    it.does("olivia", CreateRole { organization, role: night(Desk::ViewAnalytics) }).await;
    it.does("olivia", it.lends("bob", "night", 1)).await;
    assert!(it.may("bob", Desk::ViewAnalytics).await);
    it.does("olivia", EditRole { organization, role: night(Desk::ExportData) }).await;
    assert!(!it.may("bob", Desk::ViewAnalytics).await && it.may("bob", Desk::ExportData).await);
}

// ── What is kept of it ──────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn the_audit_says_what_for_and_by_whom() {
    let it = Acme::open().await;
    let grant = it.does("ada", it.lends("bob", "viewer", 1)).await;
    it.does("ada", it.revokes("bob", grant)).await;
    let olivia = it.0.principal("olivia");
    let audit = it.0.directory.audit(&olivia, it.0.organization, Revision::NONE, 500).await;
    let audit = audit.unwrap();
    let [.., gave, took] = &audit.entries[..] else { panic!("no audit") };
    assert_eq!(gave.entry.events, ["GrantGiven"]);
    assert_eq!(took.entry.events, ["GrantRevoked"]);
    assert_eq!(gave.entry.subjects, [it.id("bob")]);
    let events = gave.detail.as_ref().unwrap().events().unwrap();
    let Event::GrantGiven { grant, .. } = &events[0] else { panic!("{events:?}") };
    assert_eq!((&grant.reason, grant.giver), (&reason(), Some(it.id("ada"))));
}

/// Rules and memberships that were stored before there were grants are read all the same.
#[test]
fn what_was_stored_before_is_read() {
    let mut stored = serde_json::to_value(Rules::default()).unwrap();
    stored.as_object_mut().unwrap().remove("longest_grant").unwrap();
    assert_eq!(serde_json::from_value::<Rules>(stored).unwrap(), Rules::default());
    let lasting = serde_json::json!({"for": 3_600});
    assert_eq!(serde_json::from_value::<Lasting>(lasting).unwrap(), Lasting::For(Span::hours(1)));
}
