//! I9 and I10: each mail is acknowledged once, each item moves once, and to nobody who is out.

use std::collections::BTreeSet;

use futures_util::FutureExt as _;
use tenure::commands::Deactivate;
use tenure::directory::{Maintained, Maintenance};
use tenure::domain::{
    DeactivatedBecause, Disposition, HandoverStatus, MembershipId, Record, Refusal, Span,
};
use tenure::ports::Find;

use crate::gate::Steps;
use crate::stage::{Party, Stage, asks, party};
use crate::tally::{After, Kind, Tally, holds};
use tenure::testing::WorkItem;

/// How many tickets bob holds.
const TICKETS: u64 = 2;

fn deactivates(stage: &Stage, name: &str) -> Deactivate {
    Deactivate::new(stage.organization, stage.membership(name), DeactivatedBecause::Left)
}

fn bob_holds_tickets(stage: &Stage) {
    let bob = Some(stage.membership("bob"));
    let items = (1..=TICKETS).map(|id| WorkItem::new(id, stage.organization, "tickets", bob));
    stage.work.borrow_mut().extend(items);
}

fn worker(steps: Steps, late: Span) -> Party<Maintained> {
    let mut most = Maintenance::default();
    // As much as there is, so that nobody comes back for more.
    most.mails = 2;
    let does = move |seat: crate::stage::Seat| {
        async move { seat.directory.maintain_up_to(most).await }.boxed()
    };
    Party { late, ..party(steps, does) }
}

async fn handovers(stage: &Stage) -> Vec<tenure::domain::Handover> {
    let question = Find::Handovers { organization: stage.organization, after: None, limit: 100 };
    let found = stage.find(question).await;
    found
        .into_iter()
        .filter_map(|record| if let Record::Handover(it) = record { Some(*it) } else { None })
        .collect()
}

pub(super) async fn a_receiver_is_deactivated_while_work_is_left_to_them(stage: &Stage) -> Tally {
    let berta = stage.membership("berta");
    let leaves = deactivates(stage, "bob").handing_over(Disposition::To(berta));
    let parties =
        [asks(stage.user("ada"), leaves), asks(stage.user("amir"), deactivates(stage, "berta"))];
    let look = async |after: &After<'_, ()>| {
        holds(after.won(1), "nothing stood against deactivating the receiver")?;
        if let Some(told) = after.refusal(0) {
            return holds(*told == Refusal::SuccessorUnfit, format!("ada is told {told}"));
        }
        holds(after.committed == [0, 1], "work is left to somebody who is out")?;
        for it in handovers(after.stage).await {
            let waits = it.status.is_over() || !receives(&it, berta);
            holds(waits, "a handover goes on to somebody who is out")?;
        }
        Ok(())
    };
    stage.commands(parties, look).await
}

fn receives(it: &tenure::domain::Handover, who: MembershipId) -> bool {
    it.parts.iter().any(|part| part.to.members().contains(&who))
}

/// Bob has left his tickets to Berta; two workers see to it, one of them perhaps later.
async fn is_driven(stage: &Stage, late: Span) -> Tally {
    bob_holds_tickets(stage);
    let (bob, berta) = (stage.membership("bob"), stage.membership("berta"));
    let leaves = deactivates(stage, "bob").handing_over(Disposition::To(berta));
    stage.does(stage.user("ada"), leaves).await;
    let parties = [Span::seconds(0), late].map(|late| worker(Steps::HandingOver, late));
    let look = async |after: &After<'_, Maintained>| {
        let stage = after.stage;
        let moved: u64 = after.answers.iter().flatten().map(|done| done.items_moved).sum();
        holds(after.won(0) && after.won(1), "a worker failed")?;
        holds(moved == TICKETS, format!("{TICKETS} tickets were moved {moved} times"))?;
        let work = stage.workload.borrow().clone();
        let (left, came) = (work.held_by(bob).len() as u64, work.held_by(berta).len() as u64);
        holds((left, came) == (0, TICKETS), format!("{left} are left, and {came} came"))?;
        let counts = |after: &[tenure::domain::Handover]| -> Vec<_> {
            after.iter().filter(|it| it.from == bob).map(|it| (it.status, it.moved)).collect()
        };
        let mut found = counts(&handovers(stage).await);
        if found != [(HandoverStatus::Done, TICKETS)] {
            // Whoever was faster has left the end to the next call.
            stage.house().maintain().await.unwrap();
            found = counts(&handovers(stage).await);
        }
        let whole = found == [(HandoverStatus::Done, TICKETS)];
        holds(whole, format!("the handover ends as {found:?}"))
    };
    stage.every_order(Kind::Workers, parties, look).await
}

pub(super) async fn two_workers_drive_one_handover(stage: &Stage) -> Tally {
    is_driven(stage, Span::seconds(0)).await
}

/// The other worker comes when the lease of the first has run out, wherever the first is by then.
pub(super) async fn a_worker_takes_over_from_one_that_is_slow(stage: &Stage) -> Tally {
    is_driven(stage, Span::seconds(600)).await
}

pub(super) async fn two_workers_deliver_one_outbox(stage: &Stage) -> Tally {
    for name in ["nora", "nils"] {
        stage.invites("olivia", name).await;
    }
    let parties = [(); 2].map(|()| worker(Steps::Delivery, Span::seconds(0)));
    let look = async |after: &After<'_, Maintained>| {
        holds(after.won(0) && after.won(1), "a worker failed")?;
        let sent: u32 = after.answers.iter().flatten().map(|done| done.mails_sent).sum();
        holds(sent == 2, format!("2 mails were acknowledged {sent} times"))?;
        let letters = after.stage.company.postbox.take();
        let ids: BTreeSet<_> = letters.iter().map(|letter| letter.id).collect();
        holds(letters.len() == 2 && ids.len() == 2, "a letter was sent twice, or not at all")
    };
    stage.every_order(Kind::Workers, parties, look).await
}
