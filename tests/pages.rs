//! A page of fifty people, and what may be done to each, cost the same however many there are:
//! counted in steps of `SQLite`'s virtual machine, which depend on no clock and no cache.
//!
//! A debug build compares 1,000 people with 20,000, to keep the test short; a release build, and
//! `cargo bench --bench store`, compare with 100,000.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a test fails by panicking")]

mod crowd;

use std::time::Instant;

use crowd::Crowd;
use tenure::domain::MembershipId;

const FEW: usize = 1_000;
const MANY: usize = if cfg!(debug_assertions) { 20_000 } else { 100_000 };

#[tokio::test]
async fn a_page_and_its_row_actions_cost_the_same_among_few_and_among_many() {
    let (few, many) = (steps(FEW).await, steps(MANY).await);
    for ((name, few), (_, many)) in few.iter().zip(&many) {
        println!("{name}: {few} steps among {FEW}, {many} among {MANY}");
        assert!(*many as f64 <= *few as f64 * 1.05, "{name}: {few} steps, then {many}");
    }
}

async fn steps(people: usize) -> Vec<(String, u64)> {
    let started = Instant::now();
    let crowd = Crowd::gather(people).await;
    println!("{people} people in {:?}", started.elapsed());
    let mut all = Vec::new();
    for (name, filter) in crowd.filters() {
        // Behind the first page, so that the position matters.
        let first = crowd.page(&filter, None).await;
        let before = crowd.store.steps();
        let page = crowd.page(&filter, first.next).await;
        let listed = crowd.store.steps();
        assert_eq!(page.rows.len(), 50, "{name}");
        let ids: Vec<MembershipId> = page.rows.iter().map(|row| row.membership.id).collect();
        let actions = crowd.directory.row_actions(&crowd.owner, crowd.organization, &ids).await;
        assert_eq!(actions.unwrap().len(), 50);
        all.push((format!("{name}, the page"), listed - before));
        all.push((format!("{name}, its row actions"), crowd.store.steps() - listed));
    }
    all
}
