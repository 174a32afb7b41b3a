//! 10,000 things, asked about one by one, by a condition in memory, and by the same as SQL.

#[path = "../../examples/visible.rs"]
#[allow(dead_code, reason = "only the translation is of use here")]
mod example;

use std::sync::Arc;

use rusqlite::{Connection, params_from_iter};
use tenure::access::live::Guard;
use tenure::domain::{Fence, Override, PermissionName, StatusName};
use tenure::testing::cast::Desk;
use tenure::{Catalogue, Item, Principal, Reach, Role, Scope};

use crate::oracle;
use crate::random::Rng;
use crate::world::{World, at, inside, new_team, status, support, team, user, whole};

const ITEMS: usize = 10_000;
const INBOXES: [&str; 4] = ["sales", "support", "billing", "it's; DROP TABLE tickets --"];
const BRANDS: [&str; 2] = ["acme", "rival"];

/// Who is asked: a name, and whether they see nothing, something or everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sees {
    Nothing,
    Some,
    All,
}

fn roles() -> Vec<Role> {
    let role = |name, reach| Role::new(name, 10).unwrap().with(Desk::ViewTickets, reach);
    let inbox = |reach: Reach| reach.within("inbox").unwrap();
    vec![
        Role::new("owner", 100).unwrap().all_but::<Desk>([]).keeper(),
        role("own", Reach::OWN),
        role("team", Reach::TEAM),
        role("all", Reach::ALL).everywhere(),
        role("inbox", inbox(Reach::ALL)),
        role("own-inbox", inbox(Reach::OWN)),
        role("team-inbox", inbox(Reach::TEAM)).everywhere(),
        Role::new("nothing", 0).unwrap(),
    ]
}

/// One person for each sort of reach.
fn company() -> (World, Vec<(&'static str, Sees)>) {
    let sorts = [
        ("owner", "owner", Sees::All),
        ("own", "own", Sees::Some),
        ("team", "team, in two teams", Sees::Some),
        ("all", "all", Sees::All),
        ("inbox", "all in listed inboxes", Sees::Some),
        ("inbox", "all in the inboxes of the team", Sees::Some),
        ("own-inbox", "own in listed inboxes", Sees::Some),
        ("team-inbox", "team in listed inboxes", Sees::Some),
        ("all", "capped to inboxes", Sees::Some),
        ("inbox", "capped to brands as well", Sees::Some),
        ("own", "own, and all in inboxes", Sees::Some),
        ("inbox", "no inbox is listed", Sees::Nothing),
        ("all", "denied", Sees::Nothing),
        ("all", "deactivated", Sees::Nothing),
        ("nothing", "nothing", Sees::Nothing),
        ("team", "in a team that was deleted", Sees::Some),
        ("inbox", "an inbox with a name to break out by", Sees::Some),
    ];
    let mut world = World::new(roles());
    for (number, (role, ..)) in sorts.iter().enumerate() {
        world = world.with(number, whole(), role);
    }
    let inboxes =
        |names: &[&'static str]| Fence::default().with("inbox", names.iter().copied()).unwrap();
    let view = || PermissionName::from(Desk::ViewTickets);
    for number in 0..3 {
        world.teams.push(new_team(number));
    }
    world.teams[1].fence = inboxes(&["sales", "billing"]);
    world.teams[2].deleted = true;
    world.of(2, whole()).teams = [team(0), team(1)].into();
    world.of(4, whole()).fence = inboxes(&["sales", "support"]);
    world.of(5, whole()).teams = [team(1)].into();
    world.of(6, whole()).fence = inboxes(&["sales"]);
    world.of(7, whole()).teams = [team(0)].into();
    world.of(7, whole()).fence = inboxes(&["support"]);
    world.of(8, whole()).fence = inboxes(&["support", "billing"]);
    let capped = Override::Cap(Reach::ALL.within("inbox").unwrap());
    world.of(8, whole()).overrides.insert(view(), capped);
    world.of(9, whole()).fence = inboxes(&["sales"]).with("brand", ["acme"]).unwrap();
    let capped = Override::Cap(Reach::ALL.within("brand").unwrap());
    world.of(9, whole()).overrides.insert(view(), capped);
    world.of(10, whole()).fence = inboxes(&["billing"]);
    let raised = Override::Raise(Reach::ALL.within("inbox").unwrap());
    world.of(10, whole()).overrides.insert(view(), raised);
    world.of(12, whole()).overrides.insert(view(), Override::Deny);
    world.of(13, whole()).status = status(StatusName::Deactivated);
    world.of(15, whole()).teams = [team(2)].into();
    world.of(16, whole()).fence = inboxes(&INBOXES[3..]);
    world.supports.push(support(900, vec![view()]));
    (world, sorts.iter().map(|(_, name, sees)| (*name, *sees)).collect())
}

fn items(world: &World) -> Vec<Item> {
    let mut rng = Rng(11);
    let some =
        |rng: &mut Rng, list: &[&str]| rng.chance(85).then(|| rng.pick(list).parse().unwrap());
    let item = |_| {
        let mut item = Item {
            holder: rng.chance(80).then(|| rng.pick(&world.memberships).id),
            teams: rng.chance(60).then(|| team(rng.below(4))).into_iter().collect(),
            ..Item::default()
        };
        let inbox = some(&mut rng, &INBOXES).map(|it| ("inbox".parse().unwrap(), it));
        let brand = some(&mut rng, &BRANDS).map(|it| ("brand".parse().unwrap(), it));
        item.resources = inbox.into_iter().chain(brand).collect();
        item
    };
    (0..ITEMS).map(item).collect()
}

fn table(items: &[Item]) -> Connection {
    let tickets = Connection::open_in_memory().unwrap();
    tickets
        .execute_batch("CREATE TABLE tickets (id INTEGER, holder, team, inbox, brand); BEGIN")
        .unwrap();
    let mut insert = tickets.prepare("INSERT INTO tickets VALUES (?, ?, ?, ?, ?)").unwrap();
    for (number, item) in items.iter().enumerate() {
        let in_ = |name: &str| item.resources.get(&name.parse().unwrap()).map(ToString::to_string);
        let holder = item.holder.map(|it| it.to_string());
        let team = item.teams.first().map(ToString::to_string);
        insert.execute((number as u32, holder, team, in_("inbox"), in_("brand"))).unwrap();
    }
    drop(insert);
    tickets
}

/// The same rows in each of four ways; how many they are.
fn rows(
    guard: &Guard,
    who: &Principal,
    world: &World,
    scope: Scope,
    items: &[Item],
    tickets: &Connection,
) -> usize {
    let now = at(5);
    let visible = guard.visible(who, Desk::ViewTickets, now);
    let name = Desk::ViewTickets.into();
    let mut one_by_one = Vec::new();
    for (number, item) in items.iter().enumerate() {
        let may = guard.check_on(who, Desk::ViewTickets, item, now).is_allowed();
        assert_eq!(visible.admits(item), may, "{who:?} {item:?} {visible:?}");
        assert_eq!(oracle::allowed_on(world, who, &name, item, scope, now), may, "{item:?}");
        if may {
            one_by_one.push(number as u32);
        }
    }
    let (condition, values) = example::where_clause(&visible);
    let sql = format!("SELECT id FROM tickets WHERE {condition} ORDER BY id");
    let mut query = tickets.prepare(&sql).unwrap();
    let found = query.query_map(params_from_iter(&values), |row| row.get(0)).unwrap();
    let found: Vec<u32> = found.map(Result::unwrap).collect();
    assert!(found == one_by_one, "{} rows, not {}: {sql}", found.len(), one_by_one.len());
    assert_eq!(
        visible.is_nothing(),
        !guard.check(who, Desk::ViewTickets, now).is_allowed() || found.is_empty()
    );
    assert!(!visible.is_everything() || found.len() == items.len());
    found.len()
}

#[test]
fn what_is_visible_is_what_a_check_of_each_allows_and_what_sql_finds() {
    let (world, people) = company();
    let items = items(&world);
    let tickets = table(&items);
    let guard = world.view(whole(), &Arc::new(Catalogue::new().with::<Desk>())).guard();
    for (number, (name, expected)) in people.into_iter().enumerate() {
        let who = Principal::Person(user(number));
        let found = rows(&guard, &who, &world, whole(), &items, &tickets);
        println!("{name}: {found} of {ITEMS}");
        let sees = match found {
            0 => Sees::Nothing,
            ITEMS => Sees::All,
            _ => Sees::Some,
        };
        assert_eq!(sees, expected, "{name}: {found}");
    }
    // Support sees all that it was let in for; a stranger and a machine see nothing.
    let count = |who| rows(&guard, &who, &world, whole(), &items, &tickets);
    assert_eq!(count(crate::random::vendor("vendor-17")), ITEMS);
    assert_eq!(count(crate::random::vendor("vendor-18")), 0);
    assert_eq!(count(Principal::Person(user(99))), 0);
    assert_eq!(count(Principal::System), 0);
}

/// Somebody with two memberships that count: what one gives also reaches what the other holds.
#[test]
fn what_two_memberships_reach_is_visible_in_a_workspace() {
    let (mut world, _) = company();
    world = world.with(7, inside(), "own").with(3, inside(), "own").with(1, inside(), "team");
    world.of(1, inside()).teams = [team(1)].into();
    let items = items(&world);
    let tickets = table(&items);
    let guard = world.view(inside(), &Arc::new(Catalogue::new().with::<Desk>())).guard();
    let count =
        |number| rows(&guard, &Principal::Person(user(number)), &world, inside(), &items, &tickets);
    let (both, all, here, nobody) = (count(7), count(3), count(1), count(4));
    println!("{both} by both, {all}, {here} by the workspace's alone");
    assert!(both > 0 && here > 0 && all == ITEMS && nobody == 0);
}
