//! What a handover would do: driven like a real one, and nothing moves.

use std::collections::BTreeMap;

use crate::domain::{
    Handover, HandoverStatus, HandoverWork, KindName, Left, Load, MembershipId, Nature, Next,
    Place, Receivers, Scope, State, WorkCount, WorkKind, WorkState,
};
use crate::ports::Workload;

use super::super::drive::Known;
use super::super::{Error, Inner};

/// What would become of one person's work in one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkPreview {
    /// Whose work it is; for work that comes back, to whom.
    pub holder: MembershipId,
    /// Where it lies.
    pub scope: Scope,
    /// What the person holds now, by kind, place and state.
    pub holds: Vec<WorkCount>,
    /// Who would get how much of each kind.
    pub moves: Vec<WorkMove>,
    /// What would stay where it is although it was to move, and why.
    pub left: Vec<Left>,
    /// What would go on running in the person's name, by kind: automations that go nowhere.
    pub runs_on: Vec<(KindName, u64)>,
}

/// How much of one kind somebody would get.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkMove {
    /// The kind.
    pub kind: KindName,
    /// Who has it now; none: nobody.
    pub from: Option<MembershipId>,
    /// Who would get it; none: nobody.
    pub to: Option<MembershipId>,
    /// How many items.
    pub items: u64,
}

impl Inner {
    /// What a planned handover would do, in the state that its command would leave behind.
    pub(super) async fn foresee_work(
        &self,
        workload: &dyn Workload,
        mut it: Handover,
        after: &State,
    ) -> Result<WorkPreview, Error> {
        // Whatever is under way, and also if it is paused.
        it.asked = None;
        if !it.status.is_over() {
            it.status = HandoverStatus::Running;
        }
        let mut known = Known::of(self, after.clone(), &it);
        known.learn_keeper(&it).await?;
        let holds = workload.survey(it.scope, it.from).await?;
        let (mut moves, mut surveyed): (Vec<WorkMove>, _) = (Vec::new(), false);
        let mut given: BTreeMap<(KindName, MembershipId), u64> = BTreeMap::new();
        loop {
            match it.next(u32::MAX) {
                Next::Rest | Next::End(_) => break,
                // What would arrive meanwhile is not known.
                Next::Survey if surveyed => break,
                Next::Survey => {
                    surveyed = true;
                    it.begin_round(&holds, |kind, place| known.keeps(kind, place));
                }
                Next::Receipt(handover, after) => {
                    let receipt = self.receipt(handover, after).await?;
                    if it.take_receipt(receipt.as_ref()).is_some() {
                        break;
                    }
                }
                Next::Look(kind, items) => {
                    let found = workload.look(it.scope, &kind, &items).await?;
                    it.take_found(found, |kind, place| known.keeps(kind, place));
                }
                Next::Share(kind, place, to) => {
                    let fit = known.fit(&to, &kind, &place).await?;
                    let mut loads = match &to {
                        Receivers::LeastLoaded(_) => workload.loads(it.scope, &kind, &fit).await?,
                        Receivers::RoundRobin(_) | Receivers::Nobody => Vec::new(),
                    };
                    for ((_, member), items) in given.iter().filter(|((of, _), _)| *of == kind) {
                        match loads.iter_mut().find(|load| load.member == *member) {
                            Some(load) => load.items += items,
                            None => loads.push(Load { member: *member, items: *items }),
                        }
                    }
                    it.share_out(&fit, &loads);
                }
                Next::Move(batch) => {
                    let place = batch.place;
                    let Some((kind, from, share)) = it.pretend() else { break };
                    if let Some(to) = share.to {
                        let open = of_them_open(&holds, &kind, &place, share.items);
                        *given.entry((kind.clone(), to)).or_default() += open;
                    }
                    let same = |one: &&mut WorkMove| {
                        one.kind == kind && one.from == from && one.to == share.to
                    };
                    if let Some(one) = moves.iter_mut().find(same) {
                        one.items += share.items;
                    } else {
                        let (to, items) = (share.to, share.items);
                        moves.push(WorkMove { kind, from, to, items });
                    }
                }
            }
        }
        let runs_on = self.runs_on(&it, &holds);
        let (holder, scope) = (it.from, it.scope);
        Ok(WorkPreview { holder, scope, holds, moves, left: it.left, runs_on })
    }

    /// What nobody receives of what runs in somebody's name.
    fn runs_on(&self, it: &Handover, holds: &[WorkCount]) -> Vec<(KindName, u64)> {
        if it.work != HandoverWork::Everything {
            return Vec::new();
        }
        let runs = |kind: &&WorkKind| kind.nature == Nature::Automated;
        let goes = |kind: &KindName| it.parts.iter().any(|part| part.kind == *kind);
        let count = |kind: &WorkKind| {
            let items = holds.iter().filter(|one| one.kind == kind.name).map(|one| one.items).sum();
            (kind.name.clone(), items)
        };
        let kinds = self.host.work.iter().filter(runs).filter(|kind| !goes(&kind.name));
        kinds.map(count).filter(|(_, items)| *items > 0).collect()
    }
}

/// About how many of so many items are open, by what was surveyed there: only those count as load.
fn of_them_open(holds: &[WorkCount], kind: &KindName, place: &Place, items: u64) -> u64 {
    let there = holds.iter().filter(|it| it.kind == *kind && it.place == *place);
    let open = there.clone().filter(|it| it.state == WorkState::Open).map(|it| it.items);
    let (open, all) = (open.sum::<u64>(), there.map(|it| it.items).sum::<u64>());
    (items * open).checked_div(all).unwrap_or(items)
}
