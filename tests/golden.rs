//! Golden tables: who may do what to whom, as files that a reviewer reads as a diff.
//!
//! Run with `TENURE_BLESS=1` to write them anew, then read what changed: every new `ok` is a
//! permission that somebody gained.
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

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use stage::{PRINCIPALS, Stage, command, name_of};
use tenure::commands::{CommandName, Requirement, Works};
use tenure::domain::{HANDOVER_TRANSITIONS, StatusName, Step, TRANSITIONS};
use tenure::{Error, Management};

/// Compares with a file beside this test, or writes it.
fn golden(file: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    if std::env::var_os("TENURE_BLESS").is_some() {
        std::fs::write(&path, found).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if expected != found {
        let differs = expected.lines().zip(found.lines()).position(|(a, b)| a != b);
        let line = differs.unwrap_or(expected.lines().count().min(found.lines().count()));
        panic!(
            "{file} differs from line {}:\n  stands: {}\n  found:  {}\n\
             If that is meant, run again with TENURE_BLESS=1 and review the diff.",
            line + 1,
            expected.lines().nth(line).unwrap_or("(nothing)"),
            found.lines().nth(line).unwrap_or("(nothing)"),
        );
    }
}

/// What is answered about each target.
type Row = Vec<(&'static str, String)>;

async fn outcome(stage: &Stage, name: CommandName, who: &str, target: &stage::Target) -> String {
    let principal = stage.principal(who);
    let command = command(name, target, &stage.around());
    match stage.company.directory.preview(&principal, command).await {
        Ok(_) => "ok".to_owned(),
        Err(Error::Refused(refusal)) => name_of(&refusal),
        Err(other) => panic!("{name:?} by {who}: {other}"),
    }
}

#[tokio::test]
async fn every_command_by_everybody_to_everybody() {
    let stage = stage::stage().await;
    let mut text = HEAD.to_owned();
    for name in CommandName::ALL {
        writeln!(text, "\n{}", name.as_str()).unwrap();
        let mut rows: Vec<(Vec<&str>, Row)> = Vec::new();
        for who in PRINCIPALS {
            let mut row = Vec::new();
            for target in stage.targets.iter().chain([&stage.oneself(who)]) {
                row.push((target.name, outcome(&stage, *name, who, target).await));
            }
            match rows.iter_mut().find(|(_, other)| *other == row) {
                Some((people, _)) => people.push(who),
                None => rows.push((vec![who], row)),
            }
        }
        for (people, row) in rows {
            writeln!(text, "  {:<40} {}", people.join(" "), summary(&row)).unwrap();
        }
    }
    golden("commands.txt", &text);
}

/// `ok agent invited · Outranked admin owner`, or one word if it is the same for all.
fn summary(row: &[(&str, String)]) -> String {
    let mut by_outcome: BTreeMap<(bool, &str), Vec<&str>> = BTreeMap::new();
    for (target, outcome) in row {
        by_outcome.entry((outcome != "ok", outcome)).or_default().push(target);
    }
    if let [(_, outcome)] = by_outcome.keys().collect::<Vec<_>>()[..] {
        return (*outcome).to_owned();
    }
    let parts = by_outcome
        .iter()
        .map(|((_, outcome), targets)| format!("{outcome}: {}", targets.join(" ")));
    parts.collect::<Vec<_>>().join(" · ")
}

const HEAD: &str = "\
Who may do what to whom: for each command, what each of the cast is answered when it is about a
person in each status. Decided, not done; one word alone: the same for every target.

  targets     agent (Berta), admin (Amir, who was offered ownership), owner (Olivia, the only one),
              invited, lapsed, setting-up (Stan), provisioned, deactivated (Dora), removed, oneself
              (for those without a membership here: the invited one)
  principals  dora is deactivated, stan has not set up, sam belongs nowhere, rita owns another
              organization, bearer holds the link of the invited one

What may surprise, and why it is so:
  * A provisioner and the system stand outside all ranks (a directory withdraws whom it brought);
    neither takes the last owner, and no directory makes one.
  * Admins put themselves into teams: a team gives nobody more than the one who puts them in holds.
  * Resending takes the right to give the role, not rank over the person: it repeats an offer.
  * Whoever is deactivated or has not set up may still leave; a block outlives it.
  * Erasing takes no rank: it is about people who are gone.
  * OfferOwnership by the system is refused: it changes the role itself, with a reason.
";

#[test]
fn every_command_has_its_requirement() {
    let mut text =
        String::from("What each command requires of whoever asks, before rank and records.\n\n");
    writeln!(
        text,
        "{:<20} {:<22} {:<8} {:<15} {:<12} {:<7} organization",
        "command", "permission", "oneself", "link", "provisioner", "system"
    )
    .unwrap();
    for name in CommandName::ALL {
        let Requirement { permission, oneself, link, provisioner, system, organization, .. } =
            Requirement::of(*name);
        let yes = |it: bool| if it { "yes" } else { "-" };
        let permission = permission.map_or("-", tenure::Permission::name);
        let link = link.map_or("-".to_owned(), |purpose| format!("{purpose:?}"));
        let works = match organization {
            Works::WhileActive => "while active",
            Works::UntilClosed => "until closed",
            Works::Always => "always",
        };
        writeln!(
            text,
            "{:<20} {permission:<22} {:<8} {link:<15} {:<12} {:<7} {works}",
            name.as_str(),
            yes(oneself),
            yes(provisioner),
            yes(system),
        )
        .unwrap();
        assert!(
            system || oneself || link.len() > 1 || permission.len() > 1 || provisioner,
            "{name:?} is for nobody"
        );
    }
    golden("requirements.txt", &text);
}

#[test]
fn every_management_permission_is_required_by_something() {
    let required: Vec<Management> =
        CommandName::ALL.iter().filter_map(|name| Requirement::of(*name).permission).collect();
    for permission in <Management as tenure::Permission>::ALL {
        // These two are for reading.
        let reads = matches!(permission, Management::ViewPeople | Management::ViewAudit);
        assert!(reads || required.contains(permission), "{permission:?} guards nothing");
    }
}

/// A diagram's line: `invited --lapse--> lapsed`.
fn lines(source: &str) -> Vec<(Option<String>, String, String)> {
    let fenced = source.split("//! ```").nth(1).unwrap();
    let arrow = |line: &str| {
        let line = line.trim().strip_prefix("//!")?.trim();
        let (from, rest) = line.split_once("--")?;
        let (step, to) = rest.split_once("-->")?;
        let from = Some(from.trim()).filter(|from| *from != "(nothing)");
        Some((from.map(str::to_owned), step.trim().to_owned(), to.trim().to_owned()))
    };
    fenced.lines().filter_map(arrow).collect()
}

#[test]
fn the_diagram_of_a_memberships_life_is_the_table() {
    let drawn = lines(include_str!("../src/domain/membership.rs"));
    let table: Vec<_> = TRANSITIONS
        .iter()
        .map(|it| (it.from.map(|from| from.to_string()), it.step.to_string(), it.to.to_string()))
        .collect();
    assert_eq!(drawn, table);
}

#[test]
fn the_diagram_of_a_handover_is_the_table_here_and_in_the_readme() {
    let drawn = lines(include_str!("../src/domain/handover/mod.rs"));
    let table: Vec<_> = HANDOVER_TRANSITIONS
        .iter()
        .map(|it| (it.from.map(|from| from.to_string()), it.step.to_string(), it.to.to_string()))
        .collect();
    assert_eq!(drawn, table);
    let readme = include_str!("../README.md");
    let drawn = readme.lines().skip_while(|line| !line.contains("--plan-->"));
    let mut text = String::from("//! ```\n");
    for line in drawn.take_while(|line| line.contains("-->")) {
        writeln!(text, "//! {line}").unwrap();
    }
    assert_eq!(lines(&text), table);
}

#[test]
fn a_diagram_that_lacks_a_line_differs() {
    let source = include_str!("../src/domain/membership.rs").replacen("lapse-->", "elapse-->", 1);
    assert_ne!(lines(&source), lines(include_str!("../src/domain/membership.rs")));
}

#[test]
fn a_status_has_one_way_by_each_step_and_removed_has_none() {
    for status in StatusName::ALL {
        for it in TRANSITIONS.iter().filter(|it| it.from == Some(status)) {
            assert_ne!(it.from, Some(StatusName::Removed), "{it:?} leads out of the grave");
            assert_eq!(status.after(it.step), Some(it.to));
        }
        assert_eq!(status.after(Step::Invite), None);
    }
}
