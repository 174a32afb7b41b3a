//! An organization works again.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, Need, OrganizationId, OrganizationStatus, Refusal};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Resumes a suspended or closing organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResumeOrganization {
    /// The organization.
    pub organization: OrganizationId,
}

answers_nothing!(ResumeOrganization);

impl Decide for ResumeOrganization {
    about!(organization);

    fn needs(&self, _: &Facts, _: &mut Vec<Need>) {}

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let status = draft.organization()?.status;
        match status {
            OrganizationStatus::Active => Err(Refusal::NoChange),
            // Who suspends is the host; who closes may change their mind.
            OrganizationStatus::Suspended { .. } if !draft.above_ranks() => {
                Err(Refusal::OrganizationNotActive(status))
            }
            OrganizationStatus::Closing { .. } if draft.state.keepers(self.organization) == 0 => {
                Err(Refusal::LastOwner)
            }
            OrganizationStatus::Suspended { .. } | OrganizationStatus::Closing { .. } => {
                draft.push(Event::OrganizationResumed {});
                Ok(())
            }
            OrganizationStatus::Closed { .. } => Err(Refusal::OrganizationNotActive(status)),
        }
    }
}
