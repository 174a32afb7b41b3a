//! What becomes of somebody's work (C9, C13): decided when they go, or lose what the work needs.

use std::collections::BTreeSet;

use crate::access::{Item, Management, may_hold};
use crate::domain::{
    Assignment, Authorship, Disposition, Event, Handover, HandoverId, HandoverPlan, HandoverStatus,
    HandoverStep, HandoverWork, ItemId, MadeOnLeaving, Membership, MembershipId, Nature, Need,
    OrganizationId, Part, Receivers, Refusal, Rules, Scope, Sharing, StatusName, TeamId, Thing,
    Timestamp, WorkKind, WorkOnLeaving, WorkStates,
};

use super::draft::Draft;
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

    fn cycle(&self, handover: &Handover, gone: &Membership) -> Refusal {
        let other = self.state.membership(handover.organization, handover.from);
        let name = |it: &Membership| it.display_name();
        let names = [Some(gone), other, Some(gone)].into_iter().flatten().map(name).collect();
        Refusal::HandoverCycle { names }
    }

    fn kind(&self, part: &Part) -> Option<&'a WorkKind> {
        self.facts.host.work.iter().find(|it| it.name == part.kind)
    }

    /// What a plan says that cannot be, wherever it holds.
    fn check_plan(&self, from: &Membership, plan: Option<&HandoverPlan>) -> Result<(), Refusal> {
        let Some(plan) = plan else { return Ok(()) };
        let kinds = &self.facts.host.work;
        if let Some(name) = plan.kinds.keys().find(|name| !kinds.iter().any(|it| it.name == **name))
        {
            return Err(Refusal::UnknownKind(name.clone()));
        }
        if plan.all.as_ref().is_some_and(|it| matches!(it.to, Disposition::Split { .. })) {
            return Err(Refusal::SplitOfEverything);
        }
        // Also where there is no work: a wrong name is wrong.
        for it in plan.assignments() {
            if let Disposition::Split { rest, .. } = &it.to
                && matches!(**rest, Disposition::Split { .. })
            {
                return Err(Refusal::SplitOfEverything);
            }
            self.check_named(from, &it.to)?;
        }
        Ok(())
    }

    fn check_named(&self, from: &Membership, to: &Disposition) -> Result<(), Refusal> {
        let rules = self.rules()?;
        let names_somebody = !to.members().is_empty() || to.team().is_some();
        if rules.work_on_leaving == WorkOnLeaving::Unassign && names_somebody {
            let because = "work becomes unassigned; name no successor";
            return Err(Refusal::RuleForbids { rule: "C9", because });
        }
        for id in to.members() {
            self.successor(from, id)?;
        }
        if let Some(team) = to.team() {
            let organization = from.scope.organization;
            self.state.team(organization, team).ok_or(Refusal::NotFound(Thing::Team))?;
            let members = self.state.team_members(organization, team).len();
            limits::at_most("members of a team that share work", limits::RECEIVERS, members)?;
        }
        Ok(())
    }

    /// Where each kind of work goes. Where it is not the scope that was named, a successor who is
    /// not there gets nothing, and the work becomes unassigned, unless somebody must take over.
    fn parts(
        &self,
        scope: Scope,
        from: &Membership,
        plan: Option<&HandoverPlan>,
        stands: Stands,
    ) -> Result<Vec<Part>, Refusal> {
        let rules = self.rules()?;
        let mut parts = Vec::new();
        for kind in &self.facts.host.work {
            let Some(assignment) = assignment(kind, plan, rules)? else { continue };
            let receiving = Receiving { scope, from, kind };
            match self.parts_of(&receiving, &assignment) {
                Ok(those) => parts.extend(those),
                Err(refusal) => {
                    let required = rules.work_on_leaving == WorkOnLeaving::SuccessorRequired;
                    if stands == Stands::Named || required {
                        return Err(refusal);
                    }
                    if kind.nature == Nature::Held {
                        parts.push(receiving.part(assignment.states, None, Receivers::Nobody));
                    }
                }
            }
        }
        Ok(parts)
    }

    fn parts_of(&self, it: &Receiving<'_>, to: &Assignment) -> Result<Vec<Part>, Refusal> {
        let states = to.states;
        Ok(match &to.to {
            Disposition::Leave => Vec::new(),
            Disposition::Unassign => vec![it.part(states, None, Receivers::Nobody)],
            Disposition::To(id) => {
                vec![it.part(states, None, Receivers::one(self.receiver(it, *id)?))]
            }
            Disposition::Team(team, sharing) => {
                vec![it.part(states, None, self.receivers(it, *team, *sharing)?)]
            }
            Disposition::Split { items, rest } => {
                let mut parts = Vec::new();
                for (member, items) in items {
                    let to = Receivers::one(self.receiver(it, *member)?);
                    parts.push(it.part(states, Some(items.iter().cloned().collect()), to));
                }
                let rest = Assignment { to: (**rest).clone(), states };
                parts.extend(self.parts_of(it, &rest)?);
                parts
            }
        })
    }

    /// A successor is somebody else who is active in the same scope; any of their memberships in
    /// the organization names them.
    fn successor(&self, from: &Membership, id: MembershipId) -> Result<&'a Membership, Refusal> {
        let named = self.state.membership(from.scope.organization, id);
        let named = named.filter(|to| is_other(from, to)).ok_or(Refusal::SuccessorUnfit)?;
        if self.membership_in(from.scope, named).is_some() {
            return Ok(named);
        }
        let their = |it: &&&Handover| it.from == named.id && !it.status.is_over();
        match self.state.handovers_of(from.id).iter().find(their) {
            Some(handover) => Err(self.cycle(handover, from)),
            None => Err(Refusal::SuccessorUnfit),
        }
    }

    fn receiver(&self, it: &Receiving<'_>, id: MembershipId) -> Result<MembershipId, Refusal> {
        let named = self.state.membership(it.scope.organization, id);
        let there = named.and_then(|named| self.membership_in(it.scope, named));
        let there = there.ok_or(Refusal::SuccessorUnfit)?;
        if self.can_receive(it.kind, there) {
            return Ok(there.id);
        }
        let kind = it.kind.name.clone();
        match &it.kind.needs {
            Some(permission) => {
                Err(Refusal::CannotReceive { kind, permission: permission.clone() })
            }
            None => Err(Refusal::SuccessorUnfit),
        }
    }

    fn receivers(
        &self,
        it: &Receiving<'_>,
        team: TeamId,
        sharing: Sharing,
    ) -> Result<Receivers, Refusal> {
        let members = self.state.team_members(it.scope.organization, team);
        // Whoever leaves it by this very command does not share.
        let stays = |member: &&Membership| !self.leaves_team(team, member.id);
        let there = members.into_iter().filter(stays).filter(|member| is_other(it.from, member));
        let there = there.filter_map(|member| self.membership_in(it.scope, member));
        let fit = there.filter(|member| self.can_receive(it.kind, member));
        let fit: Vec<_> = fit.map(|member| member.id).collect();
        if fit.is_empty() {
            return Err(Refusal::NobodyInTeam { kind: it.kind.name.clone() });
        }
        Ok(match sharing {
            Sharing::RoundRobin => Receivers::RoundRobin(fit),
            Sharing::LeastLoaded => Receivers::LeastLoaded(fit),
        })
    }

    fn can_receive(&self, kind: &WorkKind, it: &Membership) -> bool {
        may_hold(self.state, it, kind.needs.as_ref(), None, self.now())
    }

    /// The active membership of a person in a scope.
    fn membership_in(&self, scope: Scope, of: &Membership) -> Option<&'a Membership> {
        let all = self.state.memberships_of_same_person(of);
        all.into_iter().find(|it| it.scope == scope && self.state.works(it))
    }
}

/// How a scope stands to the one that was named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// It is that one.
    Named,
    /// It is a workspace below it.
    Below,
}

/// One kind of work of one person, in one scope.
struct Receiving<'r> {
    scope: Scope,
    from: &'r Membership,
    kind: &'r WorkKind,
}

impl Receiving<'_> {
    fn part(&self, states: WorkStates, items: Option<Vec<ItemId>>, to: Receivers) -> Part {
        Part::new(self.kind.name.clone(), states, items, to)
    }
}

/// Whoever was removed and came again is somebody else: their old work is not theirs any more.
fn is_other(from: &Membership, to: &Membership) -> bool {
    to.id != from.id && (to.user.is_none() || to.user != from.user || !from.is_live())
}

/// Where one kind of work goes by the plan and the rules; none: it stays where it is.
fn assignment(
    kind: &WorkKind,
    plan: Option<&HandoverPlan>,
    rules: &Rules,
) -> Result<Option<Assignment>, Refusal> {
    let own = plan.and_then(|plan| plan.kinds.get(&kind.name));
    let all = plan.and_then(|plan| plan.all.as_ref());
    if kind.nature == Nature::Held {
        return held(own.or(all), rules).map(Some);
    }
    // What is written or made has no state in which it would not move.
    let with_the_work = || {
        let all = all.filter(|it| gives(&it.to));
        all.map(|it| Assignment { to: it.to.clone(), states: WorkStates::All })
    };
    let forbids = |rule, because| Err(Refusal::RuleForbids { rule, because });
    let own = match own {
        Some(own) if own.to == Disposition::Leave => return Ok(None),
        other => other.cloned(),
    };
    if kind.nature == Nature::Authored {
        return match (&rules.authorship, own) {
            (Authorship::Kept, Some(_)) => forbids("C13", "what was written stays with its author"),
            (Authorship::MovesToSuccessor, Some(own)) if !gives(&own.to) => {
                forbids("C13", "somebody has to be credited; name them, or leave it")
            }
            (Authorship::Kept, None) => Ok(None),
            (Authorship::MovesToSuccessor, Some(own)) => Ok(Some(own)),
            // By itself, credit goes to one chosen person.
            (Authorship::MovesToSuccessor, None) => {
                Ok(with_the_work().filter(|it| matches!(it.to, Disposition::To(_))))
            }
        };
    }
    match (&rules.made_on_leaving, own) {
        (MadeOnLeaving::Untouched, Some(_)) => {
            forbids("made_on_leaving", "what somebody made for others stays as it is")
        }
        (MadeOnLeaving::Untouched | MadeOnLeaving::Either, None) => Ok(None),
        (MadeOnLeaving::Either | MadeOnLeaving::WithTheWork, Some(own)) => Ok(Some(own)),
        (MadeOnLeaving::WithTheWork, None) => Ok(with_the_work()),
    }
}

/// C9.
fn held(said: Option<&Assignment>, rules: &Rules) -> Result<Assignment, Refusal> {
    match (&rules.work_on_leaving, said) {
        (WorkOnLeaving::SuccessorRequired, Some(it)) if gives(&it.to) => Ok(it.clone()),
        (WorkOnLeaving::SuccessorRequired, _) => Err(Refusal::SuccessorRequired),
        (WorkOnLeaving::Unassign | WorkOnLeaving::Either, Some(it)) => Ok(it.clone()),
        (WorkOnLeaving::Unassign | WorkOnLeaving::Either, None) => Ok(Disposition::Unassign.into()),
    }
}

/// Whether somebody gets all of it.
fn gives(to: &Disposition) -> bool {
    match to {
        Disposition::Leave | Disposition::Unassign => false,
        Disposition::To(_) | Disposition::Team(..) => true,
        Disposition::Split { rest, .. } => gives(rest),
    }
}
