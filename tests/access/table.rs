//! Role × permission × reach × status, as a file to be read: every new word in it is something that
//! somebody may do now. Run with `TENURE_BLESS=1` to write it anew, then read what changed.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use tenure::access::{Alternative, Decision};
use tenure::domain::{Breadth, Fence, FenceName, Override, PermissionName, StatusName};
use tenure::testing::cast::{self, Desk};
use tenure::{Catalogue, Management, Permission as _, Reach, Role, Scope};

use crate::world::{World, at, inside, new_team, status, team, user, whole};

/// How far somebody reaches, in a word.
pub(crate) fn cell(decision: &Decision) -> String {
    let alternative = |it: &Alternative| {
        let breadth = match it.breadth {
            Breadth::All => "all",
            Breadth::Team => "team",
            Breadth::Own => "own",
        };
        let within = it.within.iter().map(FenceName::as_str);
        [breadth].into_iter().chain(within).collect::<Vec<_>>().join("@")
    };
    let cells: Vec<String> = decision.extent.alternatives().map(alternative).collect();
    assert_eq!(cells.is_empty(), !decision.is_allowed());
    if cells.is_empty() { "-".to_owned() } else { cells.join("|") }
}

/// The cast's roles, and two with a reach that none of those has.
fn roles() -> Vec<Role> {
    let lead = Role::new("lead", 50)
        .unwrap()
        .with(Desk::ViewTickets, Reach::TEAM)
        .with(Desk::AnswerTickets, Reach::TEAM)
        .with(Desk::UseMacros, Reach::ALL)
        .with(Management::ViewPeople, Reach::ALL);
    let desk = Role::new("inbox", 40)
        .unwrap()
        .with(Desk::ViewTickets, Reach::ALL.within("inbox").unwrap())
        .with(Desk::AnswerTickets, Reach::OWN.within("inbox").unwrap())
        .with(Desk::UseMacros, Reach::ALL);
    let mut roles = cast::roles();
    roles.splice(2..2, [lead, desk]);
    roles
}

fn names() -> Vec<String> {
    roles().iter().map(|it| it.name.to_string()).collect()
}

/// One block: a row for each permission, a column for each of these people.
fn block(text: &mut String, title: &str, world: &World, scope: Scope, columns: &[String]) {
    let catalogue = Arc::new(Catalogue::new().with::<Desk>());
    let guard = world.view(scope, &catalogue).guard();
    let permissions = Desk::ALL.iter().map(|it| PermissionName::from(*it));
    let permissions = permissions.chain(Management::ALL.iter().map(|it| PermissionName::from(*it)));
    writeln!(text, "\n{title}\n").unwrap();
    let line = |text: &mut String, first: &str, cells: &[String]| {
        let mut line = format!("  {first:<22}");
        for (cell, column) in cells.iter().zip(columns) {
            let width = column.len().max(9) + 2;
            write!(line, "{cell:<width$}").unwrap();
        }
        writeln!(text, "{}", line.trim_end()).unwrap();
    };
    line(text, "", columns);
    for name in permissions {
        let cells = (0..columns.len()).map(|number| {
            let all = guard.permissions_of(user(number), at(5));
            all.iter().find(|(it, _)| *it == name).map_or("-".to_owned(), |(_, it)| cell(it))
        });
        let cells: Vec<String> = cells.collect();
        line(text, name.as_str(), &cells);
    }
}

fn each(scope: Scope, beside: Option<&str>) -> World {
    let mut world = World::new(roles());
    for (number, name) in names().iter().enumerate() {
        if let Some(beside) = beside {
            world = world.with(number, whole(), beside);
        }
        world = world.with(number, scope, name);
    }
    world
}

/// How many permissions each role gives in each status: none but in one.
fn statuses(text: &mut String, title: &str, scope: Scope) {
    writeln!(text, "\n{title}\n").unwrap();
    let mut head = format!("  {:<14}", "");
    for name in StatusName::ALL {
        write!(head, "{:<14}", name.to_string()).unwrap();
    }
    writeln!(text, "{}", head.trim_end()).unwrap();
    for (number, role) in names().iter().enumerate() {
        let mut line = format!("  {role:<14}");
        for name in StatusName::ALL {
            let mut world =
                if scope == whole() { each(scope, None) } else { each(scope, Some("customer")) };
            world.of(number, scope).status = status(name);
            let catalogue = Arc::new(Catalogue::new().with::<Desk>());
            let guard = world.view(scope, &catalogue).guard();
            let held = guard.permissions_of(user(number), at(5)).len();
            let cell = if held == 0 { "-".to_owned() } else { held.to_string() };
            write!(line, "{cell:<14}").unwrap();
        }
        writeln!(text, "{}", line.trim_end()).unwrap();
    }
}

/// An agent, changed in every way there is.
fn changed() -> (World, Vec<String>) {
    let columns = [
        "plain",
        "raised",
        "capped",
        "denied",
        "in a team",
        "fenced",
        "granted",
        "over",
        "owner, denied",
    ];
    let mut world = World::new(roles());
    for (number, _) in columns.iter().enumerate() {
        let role = ["agent", "viewer", "inbox", "owner"][match number {
            2 => 1,
            5 => 2,
            8 => 3,
            _ => 0,
        }];
        world = world.with(number, whole(), role);
    }
    let view = || PermissionName::from(Desk::ViewTickets);
    let set = |world: &mut World, number, to| {
        world.of(number, whole()).overrides.insert(view(), to);
    };
    set(&mut world, 1, Override::Raise(Reach::ALL));
    set(&mut world, 2, Override::Cap(Reach::TEAM.within("inbox").unwrap()));
    set(&mut world, 3, Override::Deny);
    set(&mut world, 8, Override::Deny);
    let mut tier = new_team(0);
    tier.permissions =
        [(view(), Reach::TEAM), (Desk::ExportData.into(), Reach::ALL.within("inbox").unwrap())]
            .into();
    world.teams.push(tier);
    world.of(4, whole()).teams.insert(team(0));
    world.of(5, whole()).fence = Fence::default().with("inbox", ["sales"]).unwrap();
    for (number, until) in [(6, 6), (7, 5)] {
        let gives = tenure::domain::Given::Role("admin".parse().unwrap());
        let grant = crate::world::grant(7, gives, 5, until);
        world.of(number, whole()).grants.insert(grant.id, grant);
    }
    (world, columns.map(str::to_owned).to_vec())
}

#[test]
fn role_by_permission_by_reach_by_status() {
    let mut text = HEAD.to_owned();
    let columns = names();
    block(&mut text, "In the organization, by role", &each(whole(), None), whole(), &columns);
    let title = "In a workspace, by the role in the organization: it counts if it reaches in";
    block(&mut text, title, &each(whole(), None), inside(), &columns);
    let title = "In a workspace, by the role in it; in the organization they are customers";
    block(&mut text, title, &each(inside(), Some("customer")), inside(), &columns);
    let title = "In a workspace, by the role in it; in the organization they are admins";
    block(&mut text, title, &each(inside(), Some("admin")), inside(), &columns);
    let title =
        "In the organization, an agent (capped: a viewer; fenced: of an inbox) who was changed";
    let (world, changes) = changed();
    block(&mut text, title, &world, whole(), &changes);
    statuses(&mut text, "How many permissions are held, by status in the organization", whole());
    let title = "How many permissions are held in a workspace, by status in it";
    statuses(&mut text, title, inside());
    golden(&text);
}

fn golden(found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/access.txt");
    if std::env::var_os("TENURE_BLESS").is_some() {
        std::fs::write(&path, found).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let both = expected.lines().zip(found.lines()).enumerate();
    if let Some((at, (stands, found))) = both.clone().find(|(_, (a, b))| a != b) {
        panic!(
            "access.txt differs from line {}:\n  stands: {stands}\n  found:  {found}\n\
             If that is meant, run again with TENURE_BLESS=1 and review the diff.",
            at + 1
        );
    }
    assert_eq!(expected.lines().count(), found.lines().count(), "access.txt has another length");
}

const HEAD: &str = "\
Who may do what, how far: role by permission by reach by status, asked of the live view.

  all, team, own  of whose things
  all@inbox       only in the inboxes that are listed for the person or a team of theirs
  one|other       either reach
  -               not at all

The roles are the cast's, and a lead and an agent of an inbox. Granted: an admin until later; over:
an admin until now.
";
