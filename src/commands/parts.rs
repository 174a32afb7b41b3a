//! Where each kind of somebody's work goes, by a plan and the rules (C9, C13).

use crate::access::may_hold;
use crate::domain::{
    Assignment, Authorship, Disposition, Handover, HandoverPlan, ItemId, MadeOnLeaving, Membership,
    MembershipId, Nature, Part, Receivers, Refusal, Rules, Scope, Sharing, TeamId, Thing, WorkKind,
    WorkOnLeaving, WorkStates,
};

use super::draft::Draft;
use super::limits;

impl<'a> Draft<'a> {
    /// What a plan says that cannot be, wherever it holds.
    pub(super) fn check_plan(
        &self,
        from: &Membership,
        plan: Option<&HandoverPlan>,
    ) -> Result<(), Refusal> {
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
    pub(super) fn parts(
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
pub(super) enum Stands {
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
