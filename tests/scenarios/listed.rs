//! The table in `tests/README.md` tells the truth: every promise has a line, every test exists.

use std::collections::BTreeSet;

const TABLE: &str = include_str!("../README.md");
const SOURCES: [&str; 17] = [
    include_str!("s0_freshsuccess.rs"),
    include_str!("s1_help_desk.rs"),
    include_str!("s2_workspaces.rs"),
    include_str!("s3_thrivedesk.rs"),
    include_str!("s4_helprace.rs"),
    include_str!("beyond.rs"),
    include_str!("contradictions.rs"),
    include_str!("handover/corners.rs"),
    include_str!("handover/pains.rs"),
    include_str!("handover/plans.rs"),
    include_str!("handover/random.rs"),
    include_str!("handover/rules.rs"),
    include_str!("handover/runs.rs"),
    include_str!("handover/sees.rs"),
    include_str!("handover/tangles.rs"),
    include_str!("handover/turns.rs"),
    include_str!("handover/ways.rs"),
];

/// The cells of every line of every table.
fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    TABLE
        .lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

/// The tests named in a cell, each in backticks.
fn named(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn tests() -> BTreeSet<&'static str> {
    SOURCES
        .iter()
        .flat_map(|source| source.split("#[tokio::test]").skip(1))
        .filter_map(|after| after.split_once("async fn ")?.1.split_once('('))
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn every_promise_has_a_line_and_every_line_a_test_or_a_reason() {
    let lines = |prefix: &str, last: u32| {
        for number in 1..=last {
            let number = format!("{prefix}{number}");
            let row = rows().find(|cells| cells.first() == Some(&number.as_str()));
            let row = row.unwrap_or_else(|| panic!("{number} is missing"));
            let cell = row.last().copied().unwrap_or_default();
            let has_test = named(cell).next().is_some();
            assert!(has_test || cell.starts_with("not yet: "), "{number} says neither: {cell}");
        }
    };
    lines("", 121);
    lines("C", 25);
}

#[test]
fn every_test_that_the_table_names_exists() {
    let tests = tests();
    for row in rows() {
        for name in row.last().into_iter().flat_map(|cell| named(cell)) {
            assert!(tests.contains(name), "no test is called {name}");
        }
    }
}

#[test]
fn every_scenario_stands_in_the_table() {
    let listed: BTreeSet<&str> = rows()
        .flat_map(|row| row.last().into_iter().flat_map(|cell| named(cell)).collect::<Vec<_>>())
        .collect();
    for name in tests() {
        assert!(listed.contains(name), "{name} is not in tests/README.md");
    }
}
