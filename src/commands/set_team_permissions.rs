//! A team gives its members other permissions.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Event, Fence, Key, Need, OrganizationId, PermissionName, Reach, Refusal, RolePermissions,
    TeamId, Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use std::collections::BTreeMap;

/// Says what a team gives its members, no more than whoever says it holds (I5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetTeamPermissions {
    /// The organization.
    pub organization: OrganizationId,
    /// The team.
    pub team: TeamId,
    /// All its permissions from now on, each with its reach.
    pub permissions: BTreeMap<PermissionName, Reach>,
    /// The resources that fenced permissions of its members reach.
    #[serde(default)]
    pub fence: Fence,
}

answers_nothing!(SetTeamPermissions);

impl Decide for SetTeamPermissions {
    about!(organization);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::Team(self.team)));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let team =
            draft.state.team(self.organization, self.team).ok_or(Refusal::NotFound(Thing::Team))?;
        if team.permissions == self.permissions && team.fence == self.fence {
            return Err(Refusal::NoChange);
        }
        if let Some(name) = self.permissions.keys().find(|it| !draft.catalogue().knows(it)) {
            return Err(Refusal::UnknownPermission(name.clone()));
        }
        gives_no_more(draft, &self.permissions)?;
        super::set_fence::gives_no_more(draft, &self.fence)?;
        draft.push(Event::TeamPermissionsSet {
            team: team.id,
            permissions: self.permissions.clone(),
            fence: self.fence.clone(),
        });
        Ok(())
    }
}

fn gives_no_more(
    draft: &Draft<'_>,
    permissions: &BTreeMap<PermissionName, Reach>,
) -> Result<(), Refusal> {
    let Some(standing) = draft.standing.as_ref().filter(|_| !draft.above_ranks()) else {
        return Ok(());
    };
    let permissions = RolePermissions::Only(permissions.clone());
    match standing.exceeded_by(&permissions, draft.catalogue()) {
        Some(permission) => Err(Refusal::ExceedsOwn(permission)),
        None => Ok(()),
    }
}

/// I5: putting somebody into a team gives them what the team gives.
pub(super) fn may_give(draft: &Draft<'_>, team: TeamId) -> Result<(), Refusal> {
    let organization = draft.organization()?.id;
    let team = draft.state.team(organization, team).ok_or(Refusal::NotFound(Thing::Team))?;
    gives_no_more(draft, &team.permissions)?;
    super::set_fence::gives_no_more(draft, &team.fence)
}
