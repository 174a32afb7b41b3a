//! A help desk that runs: a story in the output, with a real file, real mails and real tickets.
//!
//! ```text
//! cargo run --example helpdesk              # keeps its state in target/helpdesk
//! cargo run --example helpdesk -- FOLDER    # or anywhere else
//! ```
//!
//! The first run founds Acme Help; every further run is another day there.
//!
//! | file | holds |
//! | --- | --- |
//! | `desk` | what a host sets up: permissions, roles, rules, the directory |
//! | `tickets` | the host's own tickets |
//! | `offboarding/work` | how tickets change hands |
//! | `first_day`, `leaving`, `refusals` | the first day, chapter by chapter |
//! | `next_day` | every further day |
//! | `pages` | lists of people and the audit, as pages of a host show them |
//! | `letters`, `print` | reading mails, printing tables |
//! | `people.csv` | a list with the blemishes that real files have |

mod desk;
mod first_day;
mod leaving;
mod letters;
mod next_day;
mod pages;
mod print;
mod refusals;
mod tickets;
#[path = "../offboarding/work.rs"]
#[allow(dead_code, reason = "this help desk has tickets alone, and any agent may have them")]
mod work;

use std::path::PathBuf;
use std::time::Instant;

use desk::HelpDesk;

/// What a chapter comes to.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let began = Instant::now();
    let folder = std::env::args_os().nth(1).map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/helpdesk")),
        PathBuf::from,
    );
    let desk = HelpDesk::open(&folder).await?;
    if desk.is_new {
        first_day::tell(&desk).await?;
    } else {
        next_day::tell(&desk).await?;
    }
    let head = pages::audit(&desk).await?;
    desk.tickets.end_day()?;

    print::chapter("Where to look");
    println!("  {}", folder.join("helpdesk.db").display());
    println!("  {}", folder.join("mail").display());
    println!("\n  Run it again for another day at Acme Help.\n");
    println!("figure: helpdesk/people {} people", desk.now().await?.tally.total());
    println!("figure: helpdesk/audit {head} entries");
    println!("figure: helpdesk/seconds {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}
