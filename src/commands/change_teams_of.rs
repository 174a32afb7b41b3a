//! Somebody joins and leaves teams, seen from the person.

use serde::{Deserialize, Serialize};

use crate::domain::{
    HandoverPlan, Key, MembershipId, Need, OrganizationId, Refusal, TeamId, Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use super::change_team_members::{join, leave, member};

/// Puts a person into teams, and takes them out of others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeTeamsOf {
    /// The organization.
    pub organization: OrganizationId,
    /// The membership.
    pub membership: MembershipId,
    /// The teams to join.
    #[serde(default)]
    pub join: Vec<TeamId>,
    /// The teams to leave.
    #[serde(default)]
    pub leave: Vec<TeamId>,
    /// What becomes of the work that the person cannot reach without those teams; none: it
    /// stays.
    #[serde(default)]
    pub handover: Option<HandoverPlan>,
}

answers_nothing!(ChangeTeamsOf);

impl Decide for ChangeTeamsOf {
    about!(organization);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::Membership(self.membership)));
        needs.extend(self.join.iter().map(|id| Need::Record(Key::Team(*id))));
        if self.handover.is_some() {
            needs.push(Need::Person(self.membership));
        }
        super::hand_over::needs_of_plan(self.organization, self.handover.as_ref(), needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = member(draft, self.organization, self.membership)?;
        let mut any = false;
        for (n, id) in self.join.iter().enumerate() {
            let team = draft.state.team(self.organization, *id);
            let team = team.ok_or(Refusal::NotFound(Thing::Team))?.id;
            super::set_team_permissions::may_give(draft, team)?;
            if !self.join.iter().take(n).any(|earlier| earlier == id) {
                super::change_team_members::check_teams(it.teams.len() + n + 1)?;
                any |= join(draft, it, team)?;
            }
        }
        for id in self.leave.iter().filter(|id| !self.join.contains(id)) {
            any |= leave(draft, it, *id);
        }
        if !any {
            return Err(Refusal::NoChange);
        }
        draft.hand_over_what_is_lost(it, self.handover.as_ref())
    }
}
