//! Eight processes on one store, each with sixteen callers: whatever they ask at once, of one
//! organization or of a hundred, all invariants hold, nothing acknowledged is lost or done twice,
//! and nobody gives up.
//!
//! The test starts its own program again for each process (`a_process`, which does nothing unless
//! an environment variable says which part it has). Each opens the store by itself, and writes down
//! what was acknowledged; then everything is counted again from the audit and the records.
//!
//! `TENURE_COMMANDS=2000` has each process ask for so many commands.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

mod acts;
mod check;
#[path = "../cluster/mod.rs"]
mod cluster;
mod part;
mod place;

use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use cluster::Cluster;
use part::{Report, Stage};
use place::Place;

const PART: &str = "TENURE_PROCESSES_PART";
const COMMANDS: &str = "TENURE_COMMANDS";

const PROCESSES: usize = 8;

#[test]
fn eight_processes_on_one_organization_in_one_file() {
    in_one_file(1, 300);
}

#[test]
fn eight_processes_on_a_hundred_organizations_in_one_file() {
    in_one_file(100, 300);
}

#[test]
fn eight_processes_on_one_organization_on_postgres() {
    on_postgres(1, 200);
}

#[test]
fn eight_processes_on_a_hundred_organizations_on_postgres() {
    on_postgres(100, 200);
}

/// Not a test: one of the processes.
#[test]
fn a_process() {
    let Ok(stage) = std::env::var(PART) else { return };
    let (number, path) = stage.split_once(' ').unwrap();
    part::play(number.parse().unwrap(), Path::new(path));
}

fn in_one_file(organizations: usize, commands: u64) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    run(Place::Sqlite(folder.path().join("people.db")), organizations, commands, folder.path());
}

fn on_postgres(organizations: usize, commands: u64) {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::hasty();
    let schema = place::wait(cluster.schema());
    let place = Place::Postgres { url: cluster.url().to_owned(), schema: schema.clone() };
    run(place, organizations, commands, folder.path());
    place::wait(cluster.drop_schema(&schema));
}

fn run(place: Place, organizations: usize, commands: u64, folder: &Path) {
    let commands = std::env::var(COMMANDS).map_or(commands, |it| it.parse().unwrap());
    let stage = Stage::set(place, organizations, commands);
    let path = folder.join("stage.json");
    std::fs::write(&path, serde_json::to_vec(&stage).unwrap()).unwrap();
    let begun = Instant::now();
    let processes: Vec<Child> = (0..PROCESSES).map(|number| start(number, &path)).collect();
    for mut process in processes {
        assert!(process.wait().unwrap().success(), "a process failed; it says above why");
    }
    let took = begun.elapsed();
    let reports: Vec<Report> = (0..PROCESSES).map(|number| Report::read(&path, number)).collect();
    tell(&stage, &reports, took);
    for report in &reports {
        assert_eq!(
            report.failed,
            Vec::<String>::new(),
            "somebody was told neither yes nor why not"
        );
    }
    place::wait(check::everything_holds(&stage, &reports));
    let (committed, tried) = commits(&reports);
    assert!(tried < 4 * committed, "{tried} were tried for {committed} commits");
}

fn start(number: usize, stage: &Path) -> Child {
    Process::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_process", "--nocapture", "--test-threads", "1"])
        .env(PART, format!("{number} {}", stage.display()))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn commits(reports: &[Report]) -> (u64, u64) {
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum();
    (sum(|it| it.committed), sum(|it| it.tried))
}

fn tell(stage: &Stage, reports: &[Report], took: Duration) {
    let mut waits: Vec<u64> = reports.iter().flat_map(|it| it.waits.iter().copied()).collect();
    waits.sort_unstable();
    let wait = |permille: usize| waits[(waits.len() - 1) * permille / 1_000] / 1_000;
    let done: usize = reports.iter().map(|it| it.done.len()).sum();
    let (committed, tried) = commits(reports);
    #[allow(clippy::cast_precision_loss, reason = "two digits are read")]
    let tries = tried as f64 / committed as f64;
    println!(
        "{:?}, {} organizations, {PROCESSES} x {} commands: {:.1} s, {done} done, {} refused; {committed} commits, {tries:.2} tries each; waits p50 {} ms, p99 {} ms, longest {} ms",
        stage.place,
        stage.organizations.len(),
        stage.commands,
        took.as_secs_f64(),
        waits.len() - done,
        wait(500),
        wait(990),
        wait(1_000),
    );
}
