//! What a command costs beside a hand-written transaction that writes the very same rows, on `SQLite`
//! and on PostgreSQL.
//!
//! `cargo bench --bench store` prints `figure: NAME VALUE UNIT` lines at the end of each store; with
//! `-- sqlite` or `-- postgres` it measures only that store, and with `commands`, `bulk` or `pages` only
//! that part. PostgreSQL is the server that `TENURE_POSTGRES` names, or a throw-away one.
//!
//! * **Ours** is `UserDirectory::execute` on a store with full durability: it loads, authorises,
//!   decides, chains the audit, and commits.
//! * **By hand** is what a careful host would write for one command with the driver alone, in tables
//!   of the same kind with the same settings, audit and outbox included, with prepared statements and
//!   one commit each. What to write it is told: the change-sets were recorded before, so it neither
//!   decides nor hashes.
//!   * With `rusqlite`: one transaction, on one connection behind a mutex, that checks the
//!     organization's version, turns the records into JSON and writes them.
//!   * With `sqlx`: one transaction, on a connection of the same pool that ours has, that locks the
//!     organization's row, reads what the rules need, and writes column by column, one statement
//!     for each table.
//!
//! Both take turns in one run, in rounds; a figure is the median. A `ratio` is the time of ours over
//! that by hand (lower is better); a `throughput` is ours over that by hand (higher is better). When
//! there is one caller both must end with identical rows, otherwise with as many in each table, and the
//! bench checks that they do.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a measurement that cannot be made ends here"
)]

#[path = "../../tests/cluster/mod.rs"]
mod cluster;
#[path = "../../tests/crowd/mod.rs"]
mod crowd;
mod hand;
mod ours;
mod postgres;
mod rounds;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use futures_executor::block_on;
use tenure::domain::MembershipId;
use tenure::ports::PeopleFilter;

use crowd::{Closed, Crowd};
use hand::{Hand, Kind};
use ours::Script;
use rounds::Times;

/// Commands of each kind: divided evenly among rounds and callers.
const COMMANDS: usize = 640;
const ROUNDS: usize = 5;
const BULK: usize = 10_000;

fn main() {
    // `cargo test --benches` passes `--test`, and wants no measurement.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|it| it == "--test") {
        return;
    }
    let asked = Asked(arguments.into_iter().filter(|it| !it.starts_with('-')).collect());
    let mut figures = Figures::default();
    if asked.for_store("sqlite") {
        sqlite(&asked, &mut figures);
        // Before a server is looked for: there may be none.
        figures.print();
    }
    if asked.for_store("postgres") {
        postgres::measure(&asked, &mut figures);
        figures.print();
    }
}

/// What is to be measured, by name; everything if nothing is named.
struct Asked(Vec<String>);

impl Asked {
    fn for_store(&self, store: &str) -> bool {
        self.is_among(store, &["sqlite", "postgres"])
    }

    fn for_part(&self, part: &str) -> bool {
        self.is_among(part, &["commands", "bulk", "pages"])
    }

    fn is_among(&self, name: &str, all: &[&str]) -> bool {
        let named = |it: &str| self.0.iter().any(|named| named == it);
        named(name) || !all.iter().any(|it| named(it))
    }
}

fn sqlite(asked: &Asked, figures: &mut Figures) {
    let base = block_on(Crowd::gather(1_000)).close();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let files = Files { folder: folder.path().to_owned(), base };
    if asked.for_part("commands") {
        let recorded = ours::hasty(&files.copy(&files.base.path, "recorded"));
        let (organization, owner) = (files.base.organization, &files.base.owner);
        let scripts = ours::scripts(&recorded, organization, owner, COMMANDS);
        for callers in [1, 8, 32] {
            commands(&files, &scripts, callers, figures);
        }
    }
    if asked.for_part("bulk") {
        bulk(&files, figures);
    }
    if asked.for_part("pages") {
        let (few, many) = (block_on(Crowd::gather(1_000)), block_on(Crowd::gather(100_000)));
        pages(&few, &many, figures);
    }
}

/// Where copies of one and the same beginning are made.
struct Files {
    folder: PathBuf,
    base: Closed,
}

impl Files {
    /// A closed database under another name, in the place of what had that name.
    fn copy(&self, of: &Path, name: &str) -> PathBuf {
        let path = self.folder.join(format!("{name}.db"));
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(self.folder.join(format!("{name}.db{suffix}")));
        }
        std::fs::copy(of, &path).unwrap();
        path
    }

    /// The database as it is before the commands of a kind, one after the other.
    fn before(&self, script: &Script) -> PathBuf {
        self.folder.join(format!("before-{}.db", script.kind.name()))
    }
}

#[derive(Default)]
struct Figures(Vec<String>);

impl Figures {
    fn add(&mut self, name: &str, value: f64, unit: &str) {
        println!("{name}: {value:.2} {unit}");
        self.0.push(format!("figure: {name} {value:.2} {unit}"));
    }

    /// What commands of a kind took: each by itself when there is one caller, otherwise so many.
    fn command(&mut self, kind: Kind, store: &str, callers: usize, (times, many): (&Times, usize)) {
        let kind = kind.name();
        if callers == 1 {
            self.add(&format!("{kind}_micros/{store}/1"), times.ours_micros(), "µs");
            self.add(&format!("{kind}_by_hand_micros/{store}/1"), times.theirs_micros(), "µs");
            self.add(&format!("{kind}_ratio/{store}/1"), times.ratio(), "x");
        } else {
            let per_second = times.per_second(many);
            self.add(&format!("{kind}_per_second/{store}/{callers}"), per_second, "1/s");
            self.add(&format!("{kind}_throughput/{store}/{callers}"), 1.0 / times.ratio(), "x");
        }
    }

    fn print(&mut self) {
        println!();
        for figure in self.0.drain(..) {
            println!("{figure}");
        }
    }
}

fn commands(files: &Files, scripts: &[Script], callers: usize, figures: &mut Figures) {
    let base = &files.base.path;
    let (mut our_file, mut their_file) = (files.copy(base, "ours"), files.copy(base, "hand"));
    let mut by_hand = Mutex::new(Hand::open(&their_file));
    for script in scripts {
        if callers == 1 {
            files.copy(&our_file, &format!("before-{}", script.kind.name()));
        } else {
            // Many callers do their commands in any order, so each kind begins from the same.
            drop(by_hand);
            let before = files.before(script);
            (our_file, their_file) = (files.copy(&before, "ours"), files.copy(&before, "hand"));
            by_hand = Mutex::new(Hand::open(&their_file));
        }
        let directory = ours::open(&our_file, script.seed);
        // A single caller takes turns command by command, so that both meet the same disk.
        let rounds = if callers == 1 { COMMANDS } else { ROUNDS };
        let size = COMMANDS / rounds;
        let times = rounds::compare(
            rounds,
            |round| {
                let part = script.commands[round * size..][..size].to_vec();
                rounds::ours(&directory, part, callers)
            },
            |round| {
                let part = script.changes[round * size..][..size].iter();
                rounds::by_hand(&by_hand, script.kind, part, callers)
            },
        );
        figures.command(script.kind, "sqlite", callers, (&times, size));
    }
    drop(by_hand);
    if callers == 1 {
        assert!(rows(&our_file) == rows(&their_file), "ours and by hand wrote different rows");
    }
}

/// Everything in the tables.
fn rows(path: &Path) -> Vec<String> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'tenure%'";
    let mut names = connection.prepare(names).unwrap();
    let names: Vec<String> =
        names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut all = Vec::new();
    for name in names {
        let mut statement = connection.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns = statement.column_count();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let values: Vec<rusqlite::types::Value> =
                (0..columns).map(|column| row.get(column).unwrap()).collect();
            all.push(format!("{name} {values:?}"));
        }
    }
    all.sort_unstable();
    all
}

fn bulk(files: &Files, figures: &mut Figures) {
    let (commands, changes) = ours::bulk(files, BULK);
    let times = rounds::compare(
        3,
        |_| {
            let directory = ours::open(&files.copy(&files.base.path, "ours"), ours::BULK_SEED);
            let commands = commands.clone();
            let started = Instant::now();
            ours::execute_all(&directory, &files.base.owner, commands);
            vec![started.elapsed()]
        },
        |_| {
            let mut by_hand = Hand::open(&files.copy(&files.base.path, "hand"));
            let started = Instant::now();
            for changes in &changes {
                by_hand.commit(Kind::Invite, changes);
            }
            vec![started.elapsed()]
        },
    );
    figures.add("bulk_invite_micros/sqlite", times.ours_micros() / BULK as f64, "µs");
    figures.add("bulk_ratio/sqlite", times.ratio(), "x");
    figures.add("bulk_commits", changes.len() as f64, "commits");
}

fn pages(few: &Crowd, many: &Crowd, figures: &mut Figures) {
    let steps = |crowd: &Crowd| -> Vec<u64> {
        let mut all = Vec::new();
        for (name, filter) in crowd.filters() {
            let before = crowd.store.steps();
            let page = block_on(crowd.page(&filter, None));
            let listed = crowd.store.steps();
            assert_eq!(page.rows.len(), 50, "{name}");
            let ids: Vec<MembershipId> = page.rows.iter().map(|row| row.membership.id).collect();
            let actions = crowd.directory.row_actions(&crowd.owner, crowd.organization, &ids);
            block_on(actions).unwrap();
            all.extend([listed - before, crowd.store.steps() - listed]);
        }
        all
    };
    let (of_few, of_many) = (steps(few), steps(many));
    let ratios = of_few.iter().zip(&of_many).map(|(few, many)| *many as f64 / *few as f64);
    figures.add("page_steps_ratio/sqlite", ratios.fold(0.0, f64::max), "x");

    let by_hand = Mutex::new(Hand::open(&many.path()));
    let everybody = PeopleFilter::default();
    for callers in [1, 8, 32] {
        let times = rounds::compare(
            ROUNDS,
            |_| {
                rounds::reading(callers, 32, || {
                    assert_eq!(block_on(many.page(&everybody, None)).rows.len(), 50);
                })
            },
            |_| {
                rounds::reading(callers, 32, || {
                    let page = by_hand.lock().unwrap().page(many.organization);
                    assert_eq!(page.len(), 50);
                })
            },
        );
        if callers == 1 {
            figures.add("page_micros/sqlite", times.ours_micros(), "µs");
            figures.add("page_ratio/sqlite", times.ratio(), "x");
        } else {
            figures.add(&format!("page_throughput/sqlite/{callers}"), 1.0 / times.ratio(), "x");
        }
    }
}
