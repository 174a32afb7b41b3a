//! I9 and I10: each mail is acknowledged once, and each item moves once.

use std::collections::BTreeSet;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::Error;
use crate::commands::{Deactivate, Reactivate, WorkOnReturn};
use crate::directory::{Maintained, Maintenance};
use crate::domain::{DeactivatedBecause, Disposition, HandoverStatus, Record};
use crate::ports::Find;

use super::arena::Arena;

type Done = Result<Maintained, Error>;

/// One worker at each directory.
async fn workers(a: &Arena, items: u32) -> Vec<Maintained> {
    let worker = |house: crate::UserDirectory| -> BoxFuture<'static, Done> {
        let most = Maintenance { items, ..Maintenance::default() };
        async move { house.maintain_up_to(most).await }.boxed()
    };
    let done = a.contend(a.houses.iter().cloned().map(worker).collect()).await;
    let said = |it: Done| it.unwrap_or_else(|error| a.fails(&format!("a worker says {error}")));
    done.into_iter().map(said).collect()
}

pub(super) async fn three_workers_drive_one_handover(a: &mut Arena, _: u32) {
    let (scope, bob, berta) = (a.organization.into(), a.membership("bob"), a.membership("berta"));
    let before = a.company.workload.held_by(berta).len();
    for _ in 0..7 {
        a.company.workload.add(a.organization, "tickets", bob);
    }
    let leaves = Deactivate {
        scope,
        membership: bob,
        because: DeactivatedBecause::Left,
        handover: Some(Disposition::To(berta).into()),
    };
    a.does(a.user("olivia"), leaves).await;
    let mut moved: u64 = workers(a, 2).await.iter().map(|it| it.items_moved).sum();
    // Whoever was faster may have left the rest to the next call.
    while !a.company.workload.held_by(bob).is_empty() {
        moved += workers(a, 2).await.iter().map(|it| it.items_moved).sum::<u64>();
    }
    a.holds(moved == 7, &format!("7 items were moved {moved} times"));
    let held = a.company.workload.held_by(berta).len();
    a.holds(held == before + 7, "an item did not arrive");
    a.company.directory.maintain().await.unwrap();
    let question = Find::Handovers { organization: a.organization, after: None, limit: 500 };
    for record in a.find(question).await {
        let Record::Handover(it) = record else { continue };
        let whole = it.status == HandoverStatus::Done
            && (!it.parts.iter().any(|it| it.to.members().contains(&berta)) || it.moved == 7);
        a.holds(whole, &format!("a handover ends {:?} with {} items", it.status, it.moved));
    }
    a.does(
        a.user("olivia"),
        Reactivate { scope, membership: bob, work: WorkOnReturn::StaysWhereItIs },
    )
    .await;
}

pub(super) async fn three_workers_deliver_one_outbox(a: &mut Arena, round: u32) {
    a.company.postbox.take();
    let mut invited = Vec::new();
    for n in 0..4 {
        invited
            .push(a.invites(a.user("olivia"), &format!("p{round}-{n}"), "agent").await.membership);
    }
    let sent: u32 = workers(a, 500).await.iter().map(|it| it.mails_sent).sum();
    a.holds(sent == 4, &format!("4 mails were acknowledged {sent} times"));
    let letters = a.company.postbox.take();
    let ids: BTreeSet<_> = letters.iter().map(|letter| letter.id).collect();
    a.holds(letters.len() == 4 && ids.len() == 4, "a letter was sent twice, or not at all");
    a.company.clock.advance(crate::domain::Span::hours(1));
    a.company.directory.maintain().await.unwrap();
    a.holds(
        a.company.postbox.take().is_empty(),
        "I9: a letter goes again after its acknowledgement",
    );
    a.clear(a.user("olivia"), &invited).await;
}
