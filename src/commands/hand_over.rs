//! What becomes of somebody's work (C9, C13): decided when they go, or lose what the work needs.

use std::collections::BTreeSet;

use crate::access::{Item, Management};
use crate::domain::{
    Event, Handover, HandoverId, HandoverPlan, HandoverStatus, HandoverStep, HandoverWork,
    Membership, MembershipId, Nature, Need, OrganizationId, Part, Receivers, Refusal, StatusName,
    Thing, Timestamp, WorkKind,
};

use super::draft::Draft;
use super::parts::Stands;
use super::{WorkOnReturn, limits};

/// What planning depends on.
pub(super) fn needs_of_plan(
    organization: OrganizationId,
    plan: Option<&HandoverPlan>,
    needs: &mut Vec<Need>,
) {
    const ONE_TOO_MANY: usize = limits::RECEIVERS + 1;
    for it in plan.into_iter().flat_map(HandoverPlan::assignments) {
        needs.extend(it.to.members().into_iter().map(Need::Person));
        let limit = u32::try_from(ONE_TOO_MANY).unwrap_or(u32::MAX);
        needs.extend(it.to.team().map(|team| Need::TeamMembers(organization, team, limit)));
    }
}

/// What ending somebody's holding of work depends on.
pub(super) fn needs_of_holder(id: MembershipId, needs: &mut Vec<Need>) {
    needs.push(Need::Person(id));
    needs.push(handovers_of(id));
}

/// The handovers that concern somebody, the latest first. When they go, those beyond are not planned
/// anew at once: each stops when it comes to the receiver who has left.
pub(crate) const fn handovers_of(id: MembershipId) -> Need {
    const LOOKED_AT: u32 = 1_000;
    Need::Handovers(id, LOOKED_AT)
}

impl<'a> Draft<'a> {
    /// Plans what becomes of the work of somebody who goes: in the scope they leave, and, where that
    /// is the organization, in each of its workspaces. What they were due to get themselves goes
    /// where their own work goes.
    pub(crate) fn hand_over(
        &mut self,
        from: &Membership,
        plan: Option<&HandoverPlan>,
    ) -> Result<(), Refusal> {
        self.check_plan(from, plan)?;
        for one in self.state.memberships_of_same_person(from) {
            let may_hold = one.is_active() || one.status.name() == StatusName::Deactivated;
            let below = from.scope.workspace.is_none() && may_hold;
            if one.id == from.id || below {
                let stands = if one.id == from.id { Stands::Named } else { Stands::Below };
                let parts = self.parts(one.scope, one, plan, stands)?;
                self.hand_over_in(one, plan, parts)?;
            }
        }
        Ok(())
    }

    /// Plans what becomes of the work that somebody will not reach any more, if anything is said of
    /// it.
    pub(crate) fn hand_over_what_is_lost(
        &mut self,
        from: &Membership,
        plan: Option<&HandoverPlan>,
    ) -> Result<(), Refusal> {
        if plan.is_none() || !from.is_active() {
            return Ok(());
        }
        self.check_plan(from, plan)?;
        let parts = self.parts(from.scope, from, plan, Stands::Named)?;
        self.begin(from, HandoverWork::OutOfReach, parts);
        Ok(())
    }

    /// Other receivers for a handover that is not over.
    pub(crate) fn choose_again(
        &mut self,
        handover: &Handover,
        plan: &HandoverPlan,
    ) -> Result<(), Refusal> {
        let from = self.state.membership(handover.organization, handover.from);
        let from = from.ok_or(Refusal::NotFound(Thing::Handover))?;
        self.check_plan(from, Some(plan))?;
        let parts = self.parts(handover.scope, from, Some(plan), Stands::Named)?;
        self.push(Event::HandoverChosen { handover: handover.id, membership: from.id, parts });
        Ok(())
    }

    /// Somebody is back: what they have not handed over yet they keep, and what they have can come
    /// back to them. Where they still cannot work, nothing changes.
    pub(crate) fn take_work_back(&mut self, it: &Membership, work: WorkOnReturn) {
        let all = self.state.memberships_of_same_person(it);
        let above = |one: &&Membership| one.scope.workspace.is_none() && one.is_active();
        if it.scope.workspace.is_some() && !all.iter().any(above) {
            return;
        }
        let gone = it.status.since();
        for one in all {
            let below = it.scope.workspace.is_none() && one.is_active();
            if one.id == it.id || below {
                self.return_to(one, gone, work);
            }
        }
    }

    fn return_to(&mut self, it: &Membership, gone: Timestamp, work: WorkOnReturn) {
        let mut back = BTreeSet::new();
        for handover in self.state.handovers_of(it.id) {
            if handover.from != it.id {
                continue;
            }
            match handover.work {
                HandoverWork::Everything if handover.planned_at >= gone => {
                    if !handover.status.is_over() {
                        let (handover, membership) = (handover.id, it.id);
                        self.push(Event::HandoverReturned { handover, membership });
                    }
                    if handover.moved > 0 || handover.asked.is_some() {
                        back.insert(handover.id);
                    }
                }
                // They went again before everything was back.
                HandoverWork::HandedOver(earlier)
                    if handover.status == HandoverStatus::Cancelled =>
                {
                    back.insert(earlier);
                }
                HandoverWork::HandedOver(earlier) => {
                    back.remove(&earlier);
                }
                HandoverWork::Everything | HandoverWork::OutOfReach => {}
            }
        }
        for earlier in back.into_iter().filter(|_| work == WorkOnReturn::ComesBack) {
            self.begin(it, HandoverWork::HandedOver(earlier), Vec::new());
        }
    }

    /// A handover of the organization from which a step exists, for whoever's permission reaches the
    /// person whose it is; rank does not matter, because the person is gone. Nobody stops or turns
    /// what they lose themselves.
    pub(crate) fn handover(
        &self,
        organization: OrganizationId,
        id: HandoverId,
        step: HandoverStep,
    ) -> Result<&'a Handover, Refusal> {
        let it = self.state.handover(id).filter(|it| it.organization == organization);
        let it = it.ok_or(Refusal::NotFound(Thing::Handover))?;
        let whose = self.state.membership(organization, it.from);
        if whose.is_some_and(|it| self.is_own(it)) {
            return Err(Refusal::Oneself);
        }
        let permission = Management::HandOverWork.into();
        let teams = whose.map(|it| it.teams.clone()).unwrap_or_default();
        let item = Item { holder: Some(it.from), teams, ..Item::default() };
        let reaches = self
            .standing
            .as_ref()
            .is_some_and(|standing| standing.reaches(&standing.holds(&permission).extent, &item));
        if !self.above_ranks() && !reaches {
            return Err(Refusal::OutOfReach(permission));
        }
        let from = it.status;
        from.after(step).ok_or(Refusal::HandoverStep { from, step })?;
        Ok(it)
    }

    // ── Planning ────────────────────────────────────────────────────────────────────────────────

    fn begin(&mut self, from: &Membership, work: HandoverWork, parts: Vec<Part>) {
        if parts.is_empty() && !matches!(work, HandoverWork::HandedOver(_)) {
            return;
        }
        let id = self.id::<HandoverId>();
        let handover = Handover::planned(id, (from.scope, from.id), work, parts, self.now());
        self.push(Event::HandoverPlanned { handover: Box::new(handover) });
    }

    fn hand_over_in(
        &mut self,
        from: &Membership,
        plan: Option<&HandoverPlan>,
        parts: Vec<Part>,
    ) -> Result<(), Refusal> {
        let mut goes_on = false;
        for handover in self.state.handovers_of(from.id) {
            if handover.status.is_over() {
                continue;
            }
            let (id, membership) = (handover.id, handover.from);
            if handover.from != from.id {
                let parts = self.due_elsewhere(handover, from, &parts)?;
                self.push(Event::HandoverChosen { handover: id, membership, parts });
            } else if handover.work == HandoverWork::Everything {
                goes_on = true;
                if plan.is_some() {
                    let parts = parts.clone();
                    self.push(Event::HandoverChosen { handover: id, membership, parts });
                }
            } else {
                // Whatever it was about is part of everything.
                self.push(Event::HandoverCancelled { handover: id, membership });
            }
        }
        if !goes_on {
            self.begin(from, HandoverWork::Everything, parts);
        }
        Ok(())
    }

    /// The parts of somebody else's handover once a receiver goes: the other receivers get it, and
    /// where there is none, whoever gets the receiver's own work of that kind.
    fn due_elsewhere(
        &self,
        handover: &Handover,
        gone: &Membership,
        own: &[Part],
    ) -> Result<Vec<Part>, Refusal> {
        let mut parts = Vec::new();
        for part in &handover.parts {
            let to = match part.to.without(gone.id) {
                Some(others) => others,
                None => self.whoever_follows(part, handover, gone, own)?,
            };
            parts.push(Part { to, ..part.clone() });
        }
        Ok(parts)
    }

    /// Who gets what the last receiver of a part was due.
    fn whoever_follows(
        &self,
        part: &Part,
        handover: &Handover,
        gone: &Membership,
        own: &[Part],
    ) -> Result<Receivers, Refusal> {
        let Some(rest) = own.iter().find(|it| it.kind == part.kind && it.items.is_none()) else {
            let held = self.kind(part).is_none_or(|kind| kind.nature == Nature::Held);
            // What somebody made or wrote is not left to nobody: it is stuck until somebody chooses.
            return Ok(if held { Receivers::Nobody } else { part.to.clone() });
        };
        if rest.to.members().contains(&handover.from) {
            return Err(self.cycle(handover, gone));
        }
        Ok(rest.to.clone())
    }

    pub(super) fn cycle(&self, handover: &Handover, gone: &Membership) -> Refusal {
        let other = self.state.membership(handover.organization, handover.from);
        let name = |it: &Membership| it.display_name();
        let names = [Some(gone), other, Some(gone)].into_iter().flatten().map(name).collect();
        Refusal::HandoverCycle { names }
    }

    fn kind(&self, part: &Part) -> Option<&'a WorkKind> {
        self.facts.host.work.iter().find(|it| it.name == part.kind)
    }
}
