//! A workspace is closed.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, Key, Need, OrganizationId, Refusal, Thing, WorkspaceId};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Closes a workspace: its memberships stay on record, and nobody passes a check in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseWorkspace {
    /// The organization.
    pub organization: OrganizationId,
    /// The workspace.
    pub workspace: WorkspaceId,
}

answers_nothing!(CloseWorkspace);

impl Decide for CloseWorkspace {
    about!(organization);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::Workspace(self.workspace)));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let workspace = draft
            .state
            .workspace(self.organization, self.workspace)
            .ok_or(Refusal::NotFound(Thing::Workspace))?;
        if workspace.closed_at.is_some() {
            return Err(Refusal::NoChange);
        }
        draft.push(Event::WorkspaceClosed { workspace: workspace.id, at: draft.now() });
        Ok(())
    }
}
