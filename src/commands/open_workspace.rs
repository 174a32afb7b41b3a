//! A workspace is opened.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Event, Need, OrganizationId, Refusal, Tally, Workspace, WorkspaceId, WorkspaceName,
};

use super::draft::Draft;
use super::{Decide, Facts, Intent, about};

/// Opens a workspace; it has no members yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenWorkspace {
    /// The organization.
    pub organization: OrganizationId,
    /// What it is called.
    pub name: WorkspaceName,
}

impl Intent for OpenWorkspace {
    type Output = WorkspaceId;

    fn output(events: &[Event]) -> Option<WorkspaceId> {
        events.iter().find_map(|event| {
            if let Event::WorkspaceOpened { workspace } = event { Some(workspace.id) } else { None }
        })
    }
}

impl Decide for OpenWorkspace {
    about!(organization);

    fn needs(&self, _: &Facts, _: &mut Vec<Need>) {}

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let workspace = Workspace {
            id: draft.id(),
            organization: self.organization,
            name: self.name.clone(),
            closed_at: None,
            tally: Tally::default(),
        };
        draft.push(Event::WorkspaceOpened { workspace: Box::new(workspace) });
        Ok(())
    }
}
