//! A team has another name or description.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Claim, Description, Event, Key, Need, OrganizationId, Refusal, TeamId, TeamName, Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Gives a team another name or description.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescribeTeam {
    /// The organization.
    pub organization: OrganizationId,
    /// The team.
    pub team: TeamId,
    /// What it is called from now on.
    pub name: TeamName,
    /// What it is for.
    #[serde(default)]
    pub description: Option<Description>,
}

answers_nothing!(DescribeTeam);

impl Decide for DescribeTeam {
    about!(organization);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::Team(self.team)));
        needs.push(Need::Holder(Claim::team_name(self.organization, &self.name)));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let team =
            draft.state.team(self.organization, self.team).ok_or(Refusal::NotFound(Thing::Team))?;
        if team.name == self.name && team.description == self.description {
            return Err(Refusal::NoChange);
        }
        let claim = Claim::team_name(self.organization, &self.name);
        if draft.state.holder(&claim).is_some_and(|holder| holder != team.id.uuid()) {
            return Err(Refusal::NameTaken(Thing::Team));
        }
        draft.push(Event::TeamDescribed {
            team: team.id,
            name: self.name.clone(),
            description: self.description.clone(),
        });
        Ok(())
    }
}
