//! People join and leave a team, seen from the team.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Event, HandoverPlan, Key, Membership, MembershipId, Need, OrganizationId, Refusal, TeamId,
    Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use crate::access::Management;

/// Adds people to a team, and takes people out of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeTeamMembers {
    /// The organization.
    pub organization: OrganizationId,
    /// The team.
    pub team: TeamId,
    /// Who joins.
    #[serde(default)]
    pub join: Vec<MembershipId>,
    /// Who leaves.
    #[serde(default)]
    pub leave: Vec<MembershipId>,
    /// What becomes of the work that those who leave cannot reach without the team; none: it
    /// stays.
    #[serde(default)]
    pub handover: Option<HandoverPlan>,
}

answers_nothing!(ChangeTeamMembers);

impl Decide for ChangeTeamMembers {
    about!(organization);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::Team(self.team)));
        needs_of(&self.join, needs);
        needs_of(&self.leave, needs);
        if self.handover.is_some() {
            needs.extend(self.leave.iter().copied().map(Need::Person));
        }
        super::hand_over::needs_of_plan(self.organization, self.handover.as_ref(), needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let team = draft.state.team(self.organization, self.team);
        let team = team.ok_or(Refusal::NotFound(Thing::Team))?.id;
        if !self.join.is_empty() {
            super::set_team_permissions::may_give(draft, team)?;
        }
        let (mut any, mut gone) = (false, Vec::new());
        for id in &self.join {
            any |= join(draft, member(draft, self.organization, *id)?, team)?;
        }
        for id in self.leave.iter().filter(|id| !self.join.contains(id)) {
            let it = member(draft, self.organization, *id)?;
            if leave(draft, it, team) {
                gone.push(it);
            }
        }
        any |= !gone.is_empty();
        for it in gone {
            draft.hand_over_what_is_lost(it, self.handover.as_ref())?;
        }
        if any { Ok(()) } else { Err(Refusal::NoChange) }
    }
}

pub(super) fn needs_of(members: &[MembershipId], needs: &mut Vec<Need>) {
    needs.extend(members.iter().map(|id| Need::Record(Key::Membership(*id))));
}

/// At most this many teams for one person.
pub(super) fn check_teams(teams: usize) -> Result<(), Refusal> {
    super::limits::at_most("teams", super::limits::TEAMS, teams)
}

/// I4: whoever is in a team is a member, of the organization itself; and I5: oneself, or somebody
/// whom whoever asks stands above.
pub(super) fn member<'a>(
    draft: &Draft<'a>,
    organization: OrganizationId,
    id: MembershipId,
) -> Result<&'a Membership, Refusal> {
    let it = draft.membership(organization.into(), id)?;
    if !it.is_live() {
        return Err(Refusal::NotFound(Thing::Membership));
    }
    if !draft.is_own(it) {
        draft.stand_above(it, Management::ManageTeams)?;
    }
    Ok(it)
}

/// Somebody joins a team, unless they are in it.
pub(super) fn join(draft: &mut Draft<'_>, it: &Membership, team: TeamId) -> Result<bool, Refusal> {
    if it.teams.contains(&team) {
        return Ok(false);
    }
    let live = it
        .teams
        .iter()
        .filter(|id| draft.state.team(it.scope.organization, **id).is_some())
        .count();
    check_teams(live + 1)?;
    draft.push(Event::TeamJoined { team, membership: it.id });
    Ok(true)
}

/// Somebody leaves a team, if they are in it.
pub(super) fn leave(draft: &mut Draft<'_>, it: &Membership, team: TeamId) -> bool {
    let is_in = it.teams.contains(&team);
    if is_in {
        draft.push(Event::TeamLeft { team, membership: it.id });
    }
    is_in
}
