//! A team is made.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Claim, Description, Event, Fence, Membership, MembershipId, Need, OrganizationId, Refusal,
    Team, TeamId, TeamName, Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, Intent, about};

/// Makes a team, perhaps with its first members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateTeam {
    /// The organization.
    pub organization: OrganizationId,
    /// What it is called: no other team of the organization is, however it is written.
    pub name: TeamName,
    /// What it is for.
    #[serde(default)]
    pub description: Option<Description>,
    /// Its first members.
    #[serde(default)]
    pub members: Vec<MembershipId>,
}

impl Intent for CreateTeam {
    type Output = TeamId;

    fn output(events: &[Event]) -> Option<TeamId> {
        events.iter().find_map(|event| {
            if let Event::TeamCreated { team } = event { Some(team.id) } else { None }
        })
    }
}

impl Decide for CreateTeam {
    about!(organization);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Holder(Claim::team_name(self.organization, &self.name)));
        super::change_team_members::needs_of(&self.members, needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        free_name(draft, self.organization, &self.name)?;
        let team = Team {
            id: draft.id(),
            organization: self.organization,
            name: self.name.clone(),
            description: self.description.clone(),
            permissions: std::collections::BTreeMap::new(),
            fence: Fence::default(),
            members: 0,
            deleted: false,
        };
        let id = team.id;
        draft.push(Event::TeamCreated { team: Box::new(team) });
        for member in &self.members {
            let it: &Membership =
                super::change_team_members::member(draft, self.organization, *member)?;
            super::change_team_members::check_teams(it.teams.len() + 1)?;
            draft.push(Event::TeamJoined { team: id, membership: it.id });
        }
        Ok(())
    }
}

/// No other team has the name, however it is written.
pub(super) fn free_name(
    draft: &Draft<'_>,
    organization: OrganizationId,
    name: &TeamName,
) -> Result<(), Refusal> {
    match draft.state.holder(&Claim::team_name(organization, name)) {
        Some(_) => Err(Refusal::NameTaken(Thing::Team)),
        None => Ok(()),
    }
}
