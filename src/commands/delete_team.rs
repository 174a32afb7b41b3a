//! A team is deleted.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, Key, Need, OrganizationId, Refusal, TeamId, Thing};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Deletes a team: it gives nothing any more, and its name is free. Its members stay who they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteTeam {
    /// The organization.
    pub organization: OrganizationId,
    /// The team.
    pub team: TeamId,
}

answers_nothing!(DeleteTeam);

impl Decide for DeleteTeam {
    about!(organization);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::Team(self.team)));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let team =
            draft.state.team(self.organization, self.team).ok_or(Refusal::NotFound(Thing::Team))?;
        draft.push(Event::TeamDeleted { team: team.id });
        Ok(())
    }
}
