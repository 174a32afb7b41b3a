//! What a check costs beside the least it could cost, and what a change costs.
//!
//! `cargo bench --bench access` prints `figure: NAME VALUE UNIT` lines at the end; with `-- check`,
//! `memory`, `apply`, `visible`, `role`, `who` or `readers` it measures only that.
//!
//! * **Ours** is a `Guard` over a `View` with everything there is: 48 permissions of the host, eight
//!   roles, two of 200 teams each, up to three overrides, where a denial wins.
//! * **The array** is one word of bits a member, by the member's index: the floor of a check by
//!   handle.
//! * **hashbrown** is a map from the sixteen bytes of an identity to such a word, hashed by
//!   `foldhash`: the floor of a check by identity. It is never changed.
//!
//! Both are asked the same list of random people and permissions, half of which are allowed, and
//! have to allow equally many. They take turns in one run; a `ratio` is the median of the turns'
//! ratios of ours over the floor (lower is better), and a time the median of the turns.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "a measurement that cannot be made ends here"
)]

mod change;
mod check;
mod rounds;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tenure::access::live::View;
use tenure::domain::Timestamp;
use tenure::testing::world::{Random, Shape, World};
use tenure::{Permission as _, permissions};

use rounds::{Figures, median};

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
const SEED: u64 = 20_261_121;
const NOW: Timestamp = Timestamp::from_micros(1_795_424_400_000_000);

permissions! {
    /// What people may do in a help desk.
    enum Desk {
        ViewTickets = "tickets.view",
        CreateTickets = "tickets.create",
        EditTickets = "tickets.edit",
        DeleteTickets = "tickets.delete",
        ViewReplies = "replies.view",
        CreateReplies = "replies.create",
        EditReplies = "replies.edit",
        DeleteReplies = "replies.delete",
        ViewNotes = "notes.view",
        CreateNotes = "notes.create",
        EditNotes = "notes.edit",
        DeleteNotes = "notes.delete",
        ViewCustomers = "customers.view",
        CreateCustomers = "customers.create",
        EditCustomers = "customers.edit",
        DeleteCustomers = "customers.delete",
        ViewCompanies = "companies.view",
        CreateCompanies = "companies.create",
        EditCompanies = "companies.edit",
        DeleteCompanies = "companies.delete",
        ViewArticles = "articles.view",
        CreateArticles = "articles.create",
        EditArticles = "articles.edit",
        DeleteArticles = "articles.delete",
        ViewMacros = "macros.view",
        CreateMacros = "macros.create",
        EditMacros = "macros.edit",
        DeleteMacros = "macros.delete",
        ViewInboxes = "inboxes.view",
        CreateInboxes = "inboxes.create",
        EditInboxes = "inboxes.edit",
        DeleteInboxes = "inboxes.delete",
        ViewReports = "reports.view",
        CreateReports = "reports.create",
        EditReports = "reports.edit",
        DeleteReports = "reports.delete",
        ViewTags = "tags.view",
        CreateTags = "tags.create",
        EditTags = "tags.edit",
        DeleteTags = "tags.delete",
        ViewWebhooks = "webhooks.view",
        CreateWebhooks = "webhooks.create",
        EditWebhooks = "webhooks.edit",
        DeleteWebhooks = "webhooks.delete",
        ViewInvoices = "invoices.view",
        CreateInvoices = "invoices.create",
        EditInvoices = "invoices.edit",
        DeleteInvoices = "invoices.delete",
    }
}

fn main() {
    // `cargo test --benches` passes `--test`, and wants no measurement.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|it| it == "--test") {
        return;
    }
    let names: Vec<&String> = arguments.iter().filter(|it| !it.starts_with('-')).collect();
    let asked = |part: &str| names.is_empty() || names.iter().any(|it| *it == part);
    let figures = &mut Figures::default();
    for members in SIZES {
        let middle = members == 100_000;
        let asked_here = ["check", "memory", "apply", "visible"].into_iter().any(asked)
            || (middle && (asked("who") || asked("readers")));
        if !asked_here {
            continue;
        }
        let world = World::<Desk>::new(SEED, Shape::of(members));
        let view = memory(&world, figures);
        if asked("check") {
            check::compare(&world, &view, figures);
        }
        if asked("visible") {
            visible(&world, &view, figures);
        }
        if middle && asked("who") {
            who_may(&view, figures);
        }
        if middle && asked("readers") {
            change::readers(&world, &view, figures);
        }
        // From here on, people are not what the world says.
        if asked("apply") {
            change::apply(&world, view, figures);
        }
    }
    if asked("role") {
        change::role(figures);
    }
    figures.print();
}

/// Fills a view, and weighs it.
fn memory(world: &World<Desk>, figures: &mut Figures) -> Arc<View> {
    let members = world.shape.members;
    // Roles and teams, which everybody shares.
    let shared = World::<Desk>::new(SEED, Shape { members: 0, ..world.shape });
    let mut view = None;
    let shared = allocation_counter::measure(|| view = Some(shared.view())).bytes_current;
    figures.add(&format!("shared_bytes/{members}"), shared as f64, "B");
    let started = Instant::now();
    drop(view.take());
    let allocated = allocation_counter::measure(|| view = Some(world.view()));
    let view = view.unwrap();
    let seconds = started.elapsed().as_secs_f64();
    let bytes = allocated.bytes_current as f64 / members as f64;
    figures.add(&format!("bytes_per_member/{members}"), bytes, "B");
    let said = view.bytes() as f64 / members as f64;
    figures.add(&format!("said_bytes_per_member/{members}"), said, "B");
    figures.add(&format!("fill_seconds/{members}"), seconds, "s");
    view
}

/// Conditions for a host's query, of random people and permissions.
fn visible(world: &World<Desk>, view: &Arc<View>, figures: &mut Figures) {
    const EACH: usize = 1_000;
    let members = world.shape.members;
    let random = &mut Random::new(SEED);
    let guard = view.guard();
    let rounds: Vec<f64> = (0..25)
        .map(|_| {
            let questions: Vec<_> = (0..EACH)
                .map(|_| {
                    let user = world.user(random.below(members));
                    (user, Desk::ALL[random.below(Desk::ALL.len())])
                })
                .collect();
            let started = Instant::now();
            for (user, permission) in questions {
                std::hint::black_box(guard.visible(user, permission, NOW));
            }
            micros(started.elapsed()) / EACH as f64
        })
        .collect();
    figures.add(&format!("visible_us/{members}"), median(&rounds), "µs");
}

fn who_may(view: &Arc<View>, figures: &mut Figures) {
    let guard = view.guard();
    let rounds: Vec<f64> = (0..48)
        .map(|number| {
            let started = Instant::now();
            std::hint::black_box(guard.who_may(Desk::ALL[number], NOW));
            micros(started.elapsed())
        })
        .collect();
    figures.add("who_may_us/100000", median(&rounds), "µs");
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
