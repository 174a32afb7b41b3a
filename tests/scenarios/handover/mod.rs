//! What becomes of work when somebody goes, loses what it takes, or returns: planned, foreseen, run
//! in batches, and taken back.

mod corners;
mod pains;
mod plans;
mod random;
mod rules;
mod runs;
mod sees;
mod tangles;
mod turns;
mod ways;

use std::collections::{BTreeMap, BTreeSet};

use tenure::commands::{
    CancelHandover, ChooseReceivers, Deactivate, PauseHandover, Reactivate, ResumeHandover,
    SetFence, WorkOnReturn,
};
use tenure::directory::{Maintained, Maintenance, Preview, WorkPreview};
use tenure::domain::{
    DeactivatedBecause, Disposition, Fence, Handover, HandoverId, HandoverPlan, HandoverReceipt,
    HandoverStatus, ItemId, KindName, MembershipId, Nature, Place, Span, WorkKind, WorkState,
};
use tenure::testing::FakeWorkload;
use tenure::{Command, Reach, Refusal, Role, Rules};

use crate::stage::{Desk, Product, Stage, Who, desk};

/// The kinds of work at this desk: tickets are for those who answer, macros for those who use them.
fn kinds() -> Vec<WorkKind> {
    let new = |name, nature| WorkKind::new(kind(name), nature);
    vec![
        new("tickets", Nature::Held).needing(Desk::AnswerTickets),
        new("contacts", Nature::Held),
        new("replies", Nature::Authored),
        new("macros", Nature::Made).needing(Desk::UseMacros),
        new("automations", Nature::Automated),
    ]
}

fn kind(name: &str) -> KindName {
    name.parse().unwrap()
}

fn item(id: u64) -> ItemId {
    id.to_string().parse().unwrap()
}

fn items(ids: &[u64]) -> BTreeSet<ItemId> {
    ids.iter().copied().map(item).collect()
}

fn inbox(name: &str) -> Place {
    BTreeMap::from([("inbox".parse().unwrap(), name.parse().unwrap())])
}

fn split<const N: usize>(named: [(Who, &[u64]); N], rest: Disposition) -> Disposition {
    let items = named.into_iter().map(|(who, ids)| (who.id, items(ids))).collect();
    Disposition::Split { items, rest: Box::new(rest) }
}

fn to(who: Who) -> HandoverPlan {
    Disposition::To(who.id).into()
}

/// A product whose agents answer only in the inboxes listed for them.
fn inboxes() -> Product {
    let new = |name, rank| Role::new(name, rank).unwrap();
    let roles = vec![
        new("owner", 100).all_but::<Desk>([]).assigns_all().keeper(),
        new("admin", 80).all_but::<Desk>([]).assigns(["admin", "agent", "viewer"]).unwrap(),
        new("agent", 40)
            .with(Desk::AnswerTickets, Reach::ALL.within("inbox").unwrap())
            .with(Desk::UseMacros, Reach::ALL),
        new("viewer", 20).with(Desk::ViewTickets, Reach::ALL),
    ];
    Product::new(roles, Rules::default())
}

/// Acme with these kinds of work, and Ada its admin.
struct Acme {
    stage: Stage,
    work: FakeWorkload,
    ada: Who,
}

async fn acme() -> Acme {
    acme_with(desk(|_| ())).await
}

async fn acme_with(product: Product) -> Acme {
    let work = FakeWorkload::with_kinds(kinds());
    let stage = Stage::open_with(work.clone(), product).await;
    let ada = stage.join("ada", "admin").await;
    Acme { stage, work, ada }
}

impl Acme {
    async fn agent(&self, name: &str) -> Who {
        self.stage.join(name, "agent").await
    }

    /// An agent for whom these inboxes are listed.
    async fn agent_in(&self, name: &str, inboxes: &[&str]) -> Who {
        let who = self.agent(name).await;
        self.stage.act(self.stage.olivia, self.lists(who, inboxes)).await.unwrap();
        who
    }

    fn lists(&self, who: Who, inboxes: &[&str]) -> SetFence {
        let fence = Fence::default().with("inbox", inboxes.iter().copied()).unwrap();
        let scope = self.stage.org.into();
        SetFence { scope, membership: who.id, fence, handover: None }
    }

    /// This many items of one kind for somebody; says their ids.
    fn gives(&self, who: Who, kind: &str, count: usize) -> Vec<u64> {
        (0..count).map(|_| self.work.add(self.stage.org, kind, who.id)).collect()
    }

    fn gives_in(&self, who: Who, name: &str, count: usize) -> Vec<u64> {
        let add = |_| self.work.add_in(self.stage.org, "tickets", inbox(name), who.id);
        (0..count).map(add).collect()
    }

    fn holds(&self, who: Who) -> usize {
        self.work.held_by(who.id).len()
    }

    fn holder(&self, id: u64) -> Option<MembershipId> {
        self.work.item(id).unwrap().holder
    }

    fn goes(&self, who: Who, plan: impl Into<HandoverPlan>) -> Deactivate {
        Deactivate::new(self.stage.org, who.id, DeactivatedBecause::Left).handing_over(plan)
    }

    /// Olivia deactivates somebody, with a plan for their work.
    async fn leaves(&self, who: Who, plan: impl Into<HandoverPlan>) -> Result<(), Refusal> {
        self.stage.act(self.stage.olivia, self.goes(who, plan)).await
    }

    async fn left(&self, who: Who, plan: impl Into<HandoverPlan>) {
        self.leaves(who, plan).await.unwrap();
    }

    async fn returns(&self, who: Who, work: WorkOnReturn) {
        self.stage.act(self.stage.olivia, self.back(who, work)).await.unwrap();
    }

    fn back(&self, who: Who, work: WorkOnReturn) -> Reactivate {
        Reactivate { scope: self.stage.org.into(), membership: who.id, work }
    }

    async fn foresees(&self, command: impl Into<Command> + Send) -> Preview {
        self.stage.directory.preview(self.stage.olivia, command).await.unwrap()
    }

    /// Lets at most this many batches of this many items move.
    async fn moves(&self, batches: u32, items: u32) -> Maintained {
        self.stage.directory.maintain_up_to(bounds(batches, items)).await.unwrap()
    }

    /// Lets everything happen that will, however often something has to be tried again.
    async fn settles(&self) {
        for _ in 0..3 {
            self.stage.settle().await;
            self.stage.clock.advance(Span::hours(2));
        }
        self.stage.settle().await;
    }

    async fn handovers(&self) -> Vec<Handover> {
        let who = self.ada.p();
        let all = self.stage.directory.handovers(&who, self.stage.org, None, 50).await;
        all.unwrap().rows
    }

    /// The last planned handover of somebody's work.
    async fn handover(&self, from: Who) -> Handover {
        let mut all = self.handovers().await;
        all.retain(|it| it.from == from.id);
        all.sort_by_key(|it| (it.planned_at, it.id));
        all.pop().unwrap()
    }

    async fn status(&self, from: Who) -> HandoverStatus {
        self.handover(from).await.status
    }

    async fn receipts(&self, handover: HandoverId) -> Vec<HandoverReceipt> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let (who, org) = (self.ada.p(), self.stage.org);
            let page = self.stage.directory.handover_receipts(&who, org, handover, after, 20);
            let page = page.await.unwrap();
            all.extend(page.rows);
            after = page.next;
            if after.is_none() {
                return all;
            }
        }
    }

    fn pause(&self, handover: HandoverId) -> PauseHandover {
        PauseHandover { organization: self.stage.org, handover }
    }

    fn resume(&self, handover: HandoverId) -> ResumeHandover {
        ResumeHandover { organization: self.stage.org, handover }
    }

    fn cancel(&self, handover: HandoverId) -> CancelHandover {
        CancelHandover { organization: self.stage.org, handover }
    }

    fn choose(&self, handover: HandoverId, plan: impl Into<HandoverPlan>) -> ChooseReceivers {
        ChooseReceivers { organization: self.stage.org, handover, plan: plan.into() }
    }

    /// The states of all items, by id.
    fn states(&self) -> Vec<(u64, WorkState)> {
        self.work.items().into_iter().map(|it| (it.id, it.state)).collect()
    }
}

fn bounds(batches: u32, items: u32) -> Maintenance {
    let mut most = Maintenance::default();
    (most.batches, most.items) = (batches, items);
    most
}

/// Who would get how much of a kind.
fn foreseen(it: &WorkPreview, name: &str) -> Vec<(Option<MembershipId>, u64)> {
    let of_kind = it.moves.iter().filter(|it| it.kind == kind(name));
    of_kind.map(|it| (it.to, it.items)).collect()
}
