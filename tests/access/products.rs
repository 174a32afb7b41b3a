//! The role sets of five products, asked through the live view: one table each.
//!
//! A cell is how far somebody reaches: `all`, `team`, `own`, inside a list `all@inbox`, or `-`.
//! The numbers are those of `tests/README.md`, where the same is walked through the directory.

use std::sync::Arc;

use tenure::access::live::View;
use tenure::domain::{Fence, Override, PermissionName, Scope};
use tenure::testing::cast::Desk;
use tenure::{Catalogue, Item, Management, Permission, Reach, Role};

use crate::table::cell;
use crate::world::{World, at, inside, new_team, team, user, whole};

fn role(name: &str, rank: u16) -> Role {
    Role::new(name, rank).unwrap()
}

fn with_all<P: Permission>(role: Role, permissions: &[P]) -> Role {
    permissions.iter().fold(role, |role, it| role.with(*it, Reach::ALL))
}

/// Whoever is asked is known by the place of their role in the product's list.
fn staffed(roles: Vec<Role>) -> World {
    let names: Vec<String> = roles.iter().map(|it| it.name.to_string()).collect();
    let each = names.iter().enumerate();
    each.fold(World::new(roles), |world, (number, name)| world.with(number, whole(), name))
}

fn view(world: &World, scope: Scope) -> Arc<View> {
    world.view(scope, &Arc::new(Catalogue::new().with::<Desk>()))
}

/// What each person may: `permission  cell cell cell`.
fn holds(world: &World, scope: Scope, people: usize, table: &str) {
    let view = view(world, scope);
    let guard = view.guard();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut cells = line.split_whitespace();
        let name = cells.next().unwrap();
        let expected: Vec<&str> = cells.collect();
        assert_eq!(expected.len(), people, "{line}");
        for (number, expected) in expected.into_iter().enumerate() {
            let found = permission(name, &mut |it| match it {
                Either::Desk(it) => (
                    guard.can_user(user(number), it, || at(5)),
                    cell(&guard.check(user(number), it, at(5))),
                ),
                Either::Management(it) => (
                    guard.can_user(user(number), it, || at(5)),
                    cell(&guard.check(user(number), it, at(5))),
                ),
            });
            assert_eq!(found, (expected != "-", expected.to_owned()), "{name} of person {number}");
        }
    }
}

enum Either {
    Desk(Desk),
    Management(Management),
}

fn permission<R>(name: &str, ask: &mut dyn FnMut(Either) -> R) -> R {
    let desk = Desk::ALL.iter().find(|it| it.name() == name);
    let management = Management::ALL.iter().find(|it| it.name() == name);
    match (desk, management) {
        (Some(it), _) => ask(Either::Desk(*it)),
        (None, Some(it)) => ask(Either::Management(*it)),
        (None, None) => panic!("nothing is called {name}"),
    }
}

fn reaches(world: &World, scope: Scope, number: usize, permission: Desk, item: &Item) -> bool {
    let guard = view(world, scope).guard();
    let on = guard.check_on(user(number), permission, item, at(5)).is_allowed();
    assert_eq!(guard.visible(user(number), permission, at(5)).admits(item), on);
    on
}

fn held_by(world: &mut World, number: usize) -> Item {
    Item { holder: Some(world.of(number, whole()).id), ..Item::default() }
}

fn lying_in(fence: &str, resource: &str) -> Item {
    let resources = [(fence.parse().unwrap(), resource.parse().unwrap())].into();
    Item { resources, ..Item::default() }
}

// ── S0: administrators who "Configure Users", success managers, observers ────────────────────────

fn s0_roles() -> Vec<Role> {
    let configure_users = [
        Management::ViewPeople,
        Management::Invite,
        Management::EditPeople,
        Management::ChangeRoles,
        Management::Deactivate,
        Management::Passwords,
        Management::ManageSupport,
    ];
    vec![
        role("account-owner", 100).all_but::<Desk>([]).assigns_all().keeper(),
        with_all(role("administrator", 80), &configure_users).with(Desk::ViewTickets, Reach::ALL),
        role("success-manager", 40)
            .with(Desk::ViewTickets, Reach::OWN)
            .with(Management::ViewPeople, Reach::ALL),
        role("observer", 10),
    ]
}

#[test]
fn S0_08_09_11_the_role_decides_and_support_is_let_in_and_out() {
    let mut world = staffed(s0_roles());
    holds(
        &world,
        whole(),
        4,
        "people.invite   all all -   -
         people.edit     all all -   -
         people.view     all all all -
         support.manage  all all -   -
         tickets.view    all all own -
         billing.manage  all -   -   -",
    );
    let vendor = crate::random::vendor("vendor-17");
    world.supports.push(crate::world::support(900, vec![Management::ViewPeople.into()]));
    let sees = |world: &World, permission| {
        view(world, whole()).guard().check(&vendor, permission, at(5)).is_allowed()
    };
    assert!(sees(&world, Management::ViewPeople) && !sees(&world, Management::Invite));
    world.supports[0].revoked_at = Some(at(4));
    assert!(!sees(&world, Management::ViewPeople));
}

// ── S1: Admin, Agent, Viewer, and custom permissions ─────────────────────────────────────────────

fn s1_roles() -> Vec<Role> {
    vec![
        role("account-holder", 100).all_but::<Desk>([]).assigns_all().keeper(),
        role("admin", 80).all_but::<Desk>([]).assigns_all().everywhere(),
        role("agent", 40)
            .with(Desk::ViewTickets, Reach::OWN)
            .with(Desk::AnswerTickets, Reach::OWN)
            .with(Desk::UseMacros, Reach::ALL),
        role("viewer", 20).with(Desk::ViewTickets, Reach::ALL).free().not_invitable(),
    ]
}

const AGENT: usize = 2;

#[test]
fn S1_19_29_30_31_admin_agent_and_viewer() {
    let mut world = staffed(s1_roles());
    holds(
        &world,
        whole(),
        4,
        "tickets.view     all all own all
         tickets.answer   all all own -
         tickets.delete   all all -   -
         data.export      all all -   -
         macros.use       all all all -
         macros.manage    all all -   -
         analytics.view   all all -   -
         settings.manage  all all -   -
         people.invite    all all -   -
         people.edit      all all -   -
         teams.manage     all all -   -
         billing.manage   all all -   -",
    );
    let (his, other) = (held_by(&mut world, AGENT), held_by(&mut world, 1));
    assert!(reaches(&world, whole(), AGENT, Desk::ViewTickets, &his));
    assert!(!reaches(&world, whole(), AGENT, Desk::ViewTickets, &other));
    // … or all, when configured.
    let raise = Override::Raise(Reach::ALL);
    world.of(AGENT, whole()).overrides.insert(Desk::ViewTickets.into(), raise);
    assert!(reaches(&world, whole(), AGENT, Desk::ViewTickets, &other));
    holds(&world, whole(), 4, "tickets.view all all all all");
}

#[test]
fn S1_32_five_custom_permissions_for_one_agent() {
    let mut world = staffed(s1_roles()).with(4, whole(), "agent");
    let five = [
        Desk::ViewTickets,
        Desk::DeleteTickets,
        Desk::ExportData,
        Desk::ManageMacros,
        Desk::ViewAnalytics,
    ];
    for (many, permission) in five.into_iter().enumerate() {
        let overrides = &mut world.of(AGENT, whole()).overrides;
        overrides.insert(permission.into(), Override::Raise(Reach::ALL));
        let guard = view(&world, whole()).guard();
        let his = guard.permissions_of(user(AGENT), at(5));
        let raised = his.iter().filter(|(_, it)| it.because.contains(&tenure::Because::Raised));
        assert_eq!(raised.count(), many + 1);
    }
    holds(
        &world,
        whole(),
        5,
        "tickets.view     all all all all own
         tickets.delete   all all all -   -
         data.export      all all all -   -
         macros.manage    all all all -   -
         analytics.view   all all all -   -
         settings.manage  all all -   -   -",
    );
}

#[test]
fn S1_33_a_team_gives_permissions_and_what_is_routed_to_it_is_reached() {
    let mut world = staffed(s1_roles());
    let mut billing = new_team(0);
    billing.permissions = [(PermissionName::from(Desk::ViewTickets), Reach::TEAM)].into();
    world.teams.push(billing);
    let routed = Item { teams: [team(0)].into(), ..Item::default() };
    assert!(!reaches(&world, whole(), AGENT, Desk::ViewTickets, &routed));
    world.of(AGENT, whole()).teams.insert(team(0));
    assert!(reaches(&world, whole(), AGENT, Desk::ViewTickets, &routed));
    holds(&world, whole(), 4, "tickets.view all all team all");
    world.teams[0].deleted = true;
    holds(&world, whole(), 4, "tickets.view all all own all");
}

// ── S2: Owner, Manager, Agent in a workspace, with restrictions ──────────────────────────────────

fn s2_roles() -> Vec<Role> {
    let manages = [
        Management::ViewPeople,
        Management::Invite,
        Management::ChangeRoles,
        Management::OverridePermissions,
        Management::Remove,
        Management::EditPeople,
    ];
    let desk = [Desk::ViewTickets, Desk::DeleteTickets, Desk::ExportData];
    vec![
        role("owner", 100).all_but::<Desk>([]).assigns_all().keeper(),
        with_all(with_all(role("manager", 60), &manages), &desk),
        role("agent", 40).with(Desk::ViewTickets, Reach::ALL.within("channel").unwrap()),
        role("member", 10),
    ]
}

#[test]
fn S2_61_62_70_owners_managers_and_agents_with_restrictions() {
    // Maria manages and Anton is an agent of the workspace; in the organization both are members.
    let mut world = World::new(s2_roles())
        .with(0, whole(), "owner")
        .with(1, whole(), "member")
        .with(2, whole(), "member")
        .with(3, whole(), "member")
        .with(1, inside(), "manager")
        .with(2, inside(), "agent");
    let in_the_workspace = "people.invite  all all -           -
         people.remove  all all -           -
         tickets.view   all all all@channel -
         data.export    all all -           -
         billing.manage all -   -           -";
    holds(&world, inside(), 4, in_the_workspace);
    holds(&world, whole(), 4, "people.invite all - - -\ntickets.view all - - -");
    // Restrictions: what a manager may not, and what an agent reaches.
    world.of(1, inside()).overrides.insert(Desk::ExportData.into(), Override::Deny);
    world.of(2, inside()).fence = Fence::default().with("channel", ["email"]).unwrap();
    holds(&world, inside(), 4, "data.export all - - -\ntickets.view all all all@channel -");
    let sees = |world: &World, channel| {
        reaches(world, inside(), 2, Desk::ViewTickets, &lying_in("channel", channel))
    };
    assert!(sees(&world, "email") && !sees(&world, "chat"));
    // Whoever is out of the organization is out of its workspaces.
    world.of(1, whole()).status = crate::world::status(tenure::domain::StatusName::Deactivated);
    holds(&world, inside(), 4, "people.invite all - - -\ntickets.view all - all@channel -");
}

// ── S3: Owner, Administrator, and agents of inboxes ──────────────────────────────────────────────

fn s3_roles() -> Vec<Role> {
    vec![
        role("owner", 100).all_but::<Desk>([]).assigns_all().keeper(),
        role("admin", 80).all_but([Management::CloseOrganization, Management::OfferOwnership]),
        role("agent", 40).with(Desk::AnswerTickets, Reach::ALL.within("inbox").unwrap()),
    ]
}

#[test]
fn S3_81_82_owners_and_administrators_manage_and_agents_reach_their_inboxes() {
    let mut world = staffed(s3_roles());
    holds(
        &world,
        whole(),
        3,
        "people.invite      all all -
         people.edit        all all -
         people.remove      all all -
         billing.manage     all all -
         organization.close all -   -
         tickets.answer     all all all@inbox
         tickets.view       all all -",
    );
    let answers = |world: &World, inbox| {
        reaches(world, whole(), 2, Desk::AnswerTickets, &lying_in("inbox", inbox))
    };
    assert!(!answers(&world, "sales"), "no inbox is listed yet");
    world.of(2, whole()).fence = Fence::default().with("inbox", ["sales", "support"]).unwrap();
    assert!(answers(&world, "sales") && answers(&world, "support") && !answers(&world, "billing"));
    assert!(!reaches(&world, whole(), 2, Desk::AnswerTickets, &Item::default()), "in no inbox");
    // An inbox of their team is theirs as well, as long as there is the team.
    let mut accounts = new_team(0);
    accounts.fence = Fence::default().with("inbox", ["billing"]).unwrap();
    world.teams.push(accounts);
    world.of(2, whole()).teams.insert(team(0));
    assert!(answers(&world, "billing") && answers(&world, "sales"));
    world.teams[0].deleted = true;
    assert!(!answers(&world, "billing"));
}

// ── S4: Owner, Admin, Agent, User ────────────────────────────────────────────────────────────────

fn s4_roles() -> Vec<Role> {
    let adds = [Management::ViewPeople, Management::Invite, Management::Deactivate];
    let desk = [Desk::AnswerTickets, Desk::ViewTickets, Desk::ManageMacros];
    let money = [Management::Billing, Management::CloseOrganization, Management::OfferOwnership];
    vec![
        role("owner", 100).all_but::<Desk>([]).assigns_all().keeper(),
        role("admin", 80).all_but(money).assigns(["agent", "user"]).unwrap(),
        with_all(with_all(role("agent", 40), &adds), &desk).assigns(["user"]).unwrap(),
        role("user", 0)
            .customer()
            .with(Desk::SubmitTickets, Reach::OWN)
            .with(Desk::ViewTickets, Reach::OWN),
    ]
}

#[test]
fn S4_105_to_113_owner_admin_agent_and_user() {
    let mut world = staffed(s4_roles());
    holds(
        &world,
        whole(),
        4,
        "billing.manage      all -   -   -
         organization.close  all -   -   -
         ownership.offer     all -   -   -
         settings.manage     all all -   -
         organization.manage all all -   -
         teams.manage        all all -   -
         people.change_role  all all -   -
         people.invite       all all all -
         people.deactivate   all all all -
         people.view         all all all -
         tickets.answer      all all all -
         macros.manage       all all all -
         tickets.view        all all all own
         tickets.submit      all all -   own",
    );
    let (own, other) = (held_by(&mut world, 3), held_by(&mut world, 2));
    assert!(reaches(&world, whole(), 3, Desk::ViewTickets, &own));
    assert!(!reaches(&world, whole(), 3, Desk::ViewTickets, &other));
    // 113: no administration of any sort.
    let guard = view(&world, whole()).guard();
    for permission in Management::ALL {
        assert!(!guard.can_user(user(3), *permission, || at(5)), "{permission:?}");
    }
    // 106, 108, 109: customers stand in the same spectrum; billing is the owner's alone.
    let who = |permission| {
        let mut users: Vec<_> =
            guard.who_may(permission, at(5)).into_iter().map(|it| it.user).collect();
        users.sort_unstable();
        users
    };
    assert_eq!(who(Management::Billing), [user(0)]);
    assert_eq!(who(Management::Invite), [user(0), user(1), user(2)]);
}
