//! One person leaves with 50,000 tickets. The way offboarding should be: previewed, out at once, the
//! work in batches that survive a crash, and everything accounted for.
//!
//! ```text
//! cargo run --release --example offboarding
//! ```
//!
//! | file | holds |
//! | --- | --- |
//! | `work`, `tables.sql` | the host's tables, and how work changes hands: a `Workload` to copy from |
//! | `desk` | people, and what piles up on one of them |
//! | `hand` | the same moves by hand, to compare with |
//! | `main` | the story, and the measurements |
//!
//! The program starts itself again to be killed, and to measure memory: `drive`, `by-hand`.

mod desk;
mod hand;
mod work;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tenure::commands::{ChooseReceivers, Deactivate, Reactivate, WorkOnReturn};
use tenure::directory::{Maintenance, WorkPreview};
use tenure::domain::{
    DeactivatedBecause, Disposition, Handover, HandoverPlan, HandoverStatus, MembershipId, Span,
};

use desk::{HelpDesk, People};
use hand::Move;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Items in one batch, ours and by hand.
const BATCH: u32 = 5_000;
const NOW: Span = Span::seconds(0);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let said: Vec<String> = std::env::args().skip(1).collect();
    match said.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["drive", folder, ahead] => drive(Path::new(folder), Span::seconds(ahead.parse()?)).await,
        ["by-hand", folder] => by_hand(Path::new(folder)),
        _ => {
            let folder = tempfile::tempdir()?;
            story(&folder.path().join("story")).await?;
            measure(folder.path()).await?;
            deactivations(&folder.path().join("at-once")).await
        }
    }
}

// ── The story ───────────────────────────────────────────────────────────────────────────────────

async fn story(folder: &Path) -> Outcome {
    let (people, handover) = {
        let desk = HelpDesk::open(folder, NOW)?;
        let people = desk.found().await?;
        desk.pile_up(&people, people.bob, 50_000)?;
        let leave = goodbye(&people)?;
        println!("Bob leaves. Before anybody confirms:\n");
        let preview = desk.directory.preview(&people.olivia, leave.clone()).await?;
        preview.work.iter().for_each(|work| show(work, &people));

        let began = Instant::now();
        desk.directory.execute(&people.olivia, leave).await?;
        println!(
            "\nOlivia confirms, and Bob is out after {:.1?}. His work follows.\n",
            began.elapsed()
        );
        let page = desk.directory.handovers(&people.olivia, people.organization, None, 9).await?;
        (people, page.rows.first().ok_or("a handover was planned")?.id)
    };

    let mut worker = start(&["drive", &folder.display().to_string(), "0"])?;
    follow(&mut worker, Some(20_000))?;
    println!(
        "\nThe process was killed in the middle of a batch. Six minutes later another one comes:\n"
    );
    let mut worker = start(&["drive", &folder.display().to_string(), "360"])?;
    follow(&mut worker, None)?;

    let desk = HelpDesk::open(folder, Span::seconds(360))?;
    let (directory, organization) = (&desk.directory, people.organization);
    let find = async || -> Outcome<Handover> {
        let page = directory.handovers(&people.olivia, organization, None, 9).await?;
        let mut rows = page.rows.into_iter();
        Ok(rows.find(|it| it.id == handover).ok_or("the handover is listed")?)
    };
    let stuck = find().await?;
    println!(
        "\nIt is {}, because something is left that nobody in the team can reach:",
        stuck.status
    );
    for left in &stuck.left {
        let place: Vec<_> = left.place.values().map(ToString::to_string).collect();
        println!("  {} {} in {}: {:?}", left.items, left.kind, place.join(", "), left.because);
    }
    let plan = HandoverPlan::from(Disposition::To(people.owner));
    let choose = ChooseReceivers { organization, handover, plan };
    directory.execute(&people.olivia, choose).await?;
    while find().await?.status == HandoverStatus::Running {
        directory.maintain().await?;
    }
    let done = find().await?;
    println!(
        "Olivia takes these herself. Now it is {}: {} items have moved.\n",
        done.status, done.moved
    );

    let moved_once = account(&desk, &people, &done).await?;
    let (scope, membership) = (organization.into(), people.bob);
    let back = Reactivate { scope, membership, work: WorkOnReturn::ComesBack };
    let preview = directory.preview(&people.olivia, back).await?;
    let back: u64 = preview.work.iter().flat_map(|work| &work.moves).map(|it| it.items).sum();
    println!("If Bob came back now, {back} items would come back with him.\n");
    println!("figure: moved_once {moved_once:.4}");
    Ok(())
}

fn goodbye(people: &People) -> Outcome<Deactivate> {
    let because = DeactivatedBecause::Left;
    Ok(Deactivate::new(people.organization, people.bob, because).handing_over(desk::plan(people)?))
}

fn show(work: &WorkPreview, people: &People) {
    let name = |id: Option<MembershipId>| {
        id.and_then(|id| people.names.get(&id)).map_or("(nobody)", String::as_str)
    };
    let mut kinds: BTreeMap<_, u64> = BTreeMap::new();
    for count in &work.holds {
        *kinds.entry(&count.kind).or_default() += count.items;
    }
    let held: Vec<_> = kinds.iter().map(|(kind, items)| format!("{items} {kind}")).collect();
    println!("  holds      {}", held.join(", "));
    for it in &work.moves {
        println!("  {:<10} {:>6} {}", name(it.to), it.items, it.kind);
    }
    for it in &work.left {
        println!("  stays      {:>6} {}: {:?}", it.items, it.kind, it.because);
    }
    for (kind, items) in &work.runs_on {
        println!("  runs on    {items:>6} {kind} in their name");
    }
}

/// Checks that every item has moved exactly once, by the receipts and by the tables themselves; says
/// which part of them did.
async fn account(desk: &HelpDesk, people: &People, done: &Handover) -> Outcome<f64> {
    let mut times: BTreeMap<(String, String), u32> = BTreeMap::new();
    let mut after = None;
    loop {
        let (who, organization) = (&people.olivia, people.organization);
        let page = desk.directory.handover_receipts(who, organization, done.id, after, 20).await?;
        for receipt in page.rows {
            for item in receipt.moved {
                *times.entry((receipt.kind.to_string(), item.to_string())).or_default() += 1;
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let once = times.values().filter(|times| **times == 1).count();
    let (bob, connection) = (people.bob.to_string(), desk.work.connection());
    let count = |sql: &str| connection.query_row(sql, [&bob], |row| row.get::<_, u32>(0));
    let held = count("SELECT count(*) FROM tickets WHERE assignee = ?1")?;
    let closed = count("SELECT count(*) FROM tickets WHERE status = 'closed' AND ?1 <> ''")?;
    let wrote = count("SELECT count(*) FROM replies WHERE original_author = ?1")?;
    let credited = count("SELECT count(*) FROM replies WHERE author = ?1")?;
    let automations = count("SELECT count(*) FROM automations WHERE runs_as = ?1")?;
    println!("Of {} items {once} have moved exactly once.", times.len());
    println!("Bob holds {held} tickets; {closed} are closed, as before.");
    println!("{wrote} replies are by Bob, and {credited} are still credited to him.");
    println!("{automations} automations still run in his name, as the preview said.");
    let all = 50_000 + 40 + 12 + 5_000;
    if (held, closed, wrote, credited, times.len()) != (0, 10_000, 5_000, 0, all) {
        return Err("an item was lost, or more than its holder has changed".into());
    }
    Ok(f64::from(u32::try_from(once)?) / f64::from(u32::try_from(all)?))
}

// ── Processes of its own ────────────────────────────────────────────────────────────────────────

fn start(arguments: &[&str]) -> Outcome<Child> {
    let program = std::env::current_exe()?;
    Ok(Command::new(program).args(arguments).stdout(Stdio::piped()).spawn()?)
}

/// Prints what a worker says until it is done, or kills it once so many items have moved.
fn follow(worker: &mut Child, until: Option<u64>) -> Outcome {
    let said = BufReader::new(worker.stdout.take().ok_or("the worker says nothing")?);
    let mut next = 0;
    for line in said.lines() {
        let line = line?;
        let Some(moved) = line.strip_prefix("moved ").and_then(|it| it.split(' ').next()) else {
            continue;
        };
        let moved: u64 = moved.parse()?;
        if moved >= next {
            println!("  {line}");
            next = moved - moved % 5_000 + 5_000;
        }
        if until.is_some_and(|until| moved >= until) {
            worker.kill()?;
            break;
        }
    }
    worker.wait()?;
    Ok(())
}

/// What a worker said of itself at the end.
fn said(arguments: &[&str]) -> Outcome<BTreeMap<String, f64>> {
    let output = Command::new(std::env::current_exe()?).args(arguments).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let said = String::from_utf8(output.stdout)?;
    let words = said.lines().filter_map(|line| line.strip_prefix("result ")?.split_once(' '));
    words.map(|(name, value)| Ok((name.to_owned(), value.parse()?))).collect()
}

/// Drives what is due until nothing is.
async fn drive(folder: &Path, ahead: Span) -> Outcome {
    let desk = HelpDesk::open(folder, ahead)?;
    let mut most = Maintenance::default();
    most.items = BATCH;
    let began = Instant::now();
    let report = |it: &Handover| {
        let (done, left) = (it.moved, it.remaining());
        println!("moved {done} of {}, {:.1?} so far", done + left, began.elapsed());
    };
    loop {
        let done = desk.directory.maintain_telling(most, &report).await?;
        if done.items_moved == 0 && !done.more {
            break;
        }
    }
    println!("result seconds {}", began.elapsed().as_secs_f64());
    println!("result peak_mib {}", peak_mib());
    Ok(())
}

/// The same moves by hand, as the preview says who gets what.
fn by_hand(folder: &Path) -> Outcome {
    let (from, moves) = Move::read(&folder.join("moves"))?;
    let began = Instant::now();
    let moved = hand::move_all(&folder.join("desk.db"), &from, &moves, BATCH.into())?;
    println!("result seconds {}", began.elapsed().as_secs_f64());
    println!("result moved {moved}");
    Ok(())
}

// ── Measurements ────────────────────────────────────────────────────────────────────────────────

/// Bob has left, and nothing has moved yet.
async fn left(folder: &Path, tickets: u32) -> Outcome {
    let desk = HelpDesk::open(folder, NOW)?;
    let people = desk.found().await?;
    desk.pile_up(&people, people.bob, tickets)?;
    let leave = goodbye(&people)?;
    let preview = desk.directory.preview(&people.olivia, leave.clone()).await?;
    desk.directory.execute(&people.olivia, leave).await?;
    Move::write(&folder.join("moves"), people.bob, &preview.work)
}

fn copied(from: &Path, to: &Path) -> Outcome<String> {
    std::fs::create_dir_all(to)?;
    for file in std::fs::read_dir(from)? {
        let file = file?;
        std::fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(to.display().to_string())
}

/// Time beside the same updates by hand, and memory; each run in a process of its own.
async fn measure(folder: &Path) -> Outcome {
    const ROUNDS: usize = 9;
    let (few, many) = (folder.join("few"), folder.join("many"));
    left(&few, 5_000).await?;
    left(&many, 50_000).await?;
    let few = said(&["drive", &copied(&few, &folder.join("few-driven"))?, "0"])?;
    let (mut ours_took, mut hand_took, mut peak) = (Vec::new(), Vec::new(), f64::NAN);
    println!("50,000 tickets, in batches of {BATCH}, beside the same updates by hand:\n");
    for round in 0..ROUNDS {
        let ours = said(&["drive", &copied(&many, &folder.join(format!("ours-{round}")))?, "0"])?;
        let hand = said(&["by-hand", &copied(&many, &folder.join(format!("hand-{round}")))?])?;
        let seconds = |of: &BTreeMap<String, f64>| of.get("seconds").copied().unwrap_or(f64::NAN);
        println!("  ours {:.2} s, by hand {:.2} s", seconds(&ours), seconds(&hand));
        ours_took.push(seconds(&ours));
        hand_took.push(seconds(&hand));
        peak = ours.get("peak_mib").copied().unwrap_or(f64::NAN);
    }
    let ratio = median(&mut ours_took) / median(&mut hand_took);
    println!("\nfigure: time_ratio/50000 {ratio:.2}");
    println!("figure: peak_mib/5000 {:.1}", few.get("peak_mib").copied().unwrap_or(f64::NAN));
    println!("figure: peak_mib/50000 {peak:.1}");
    Ok(())
}

/// How long it takes until somebody is out who holds 10 tickets, and somebody who holds 100,000.
async fn deactivations(folder: &Path) -> Outcome {
    const ROUNDS: usize = 31;
    let desk = HelpDesk::open(folder, NOW)?;
    let people = desk.found().await?;
    let with_few = people.names.iter().find(|(_, name)| *name == "Ada");
    let with_few = *with_few.ok_or("Ada is there")?.0;
    desk.pile_up(&people, with_few, 10)?;
    desk.pile_up(&people, people.bob, 100_000)?;
    let (mut ratios, scope) = (Vec::new(), people.organization.into());
    for _ in 0..ROUNDS {
        let mut took = [0.0; 2];
        for (took, membership) in took.iter_mut().zip([with_few, people.bob]) {
            let because = DeactivatedBecause::Left;
            let leave = Deactivate::new(people.organization, membership, because)
                .handing_over(Disposition::To(people.owner));
            let began = Instant::now();
            desk.directory.execute(&people.olivia, leave).await?;
            *took = began.elapsed().as_secs_f64();
            let work = WorkOnReturn::StaysWhereItIs;
            desk.directory.execute(&people.olivia, Reactivate { scope, membership, work }).await?;
        }
        let [few, many] = took;
        ratios.push(many / few);
    }
    println!("figure: deactivate_ratio/100000 {:.2}", median(&mut ratios));
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The most memory that this process has had, in MiB, where the system says.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1_024.0)
}
