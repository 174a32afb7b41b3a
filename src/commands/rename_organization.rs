//! An organization is called something else.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, Need, OrganizationId, OrganizationName, Refusal};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Calls the organization something else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenameOrganization {
    /// The organization.
    pub organization: OrganizationId,
    /// Its new name.
    pub name: OrganizationName,
}

answers_nothing!(RenameOrganization);

impl Decide for RenameOrganization {
    about!(organization);

    fn needs(&self, _: &Facts, _: &mut Vec<Need>) {}

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        if draft.organization()?.name == self.name {
            return Err(Refusal::NoChange);
        }
        draft.push(Event::OrganizationRenamed { name: self.name.clone() });
        Ok(())
    }
}
