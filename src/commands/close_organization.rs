//! An organization ends.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, Need, OrganizationId, OrganizationStatus, Refusal};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Closes the organization: nobody passes a check from now on, and after the rules' closing period
/// it is closed for good. Until then it can be resumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseOrganization {
    /// The organization.
    pub organization: OrganizationId,
}

answers_nothing!(CloseOrganization);

impl Decide for CloseOrganization {
    about!(organization);

    fn needs(&self, _: &Facts, _: &mut Vec<Need>) {}

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let organization = draft.organization()?;
        match organization.status {
            OrganizationStatus::Active | OrganizationStatus::Suspended { .. } => {
                let until = draft.now().plus(organization.rules.closing_period);
                draft.push(Event::OrganizationClosing { until });
                Ok(())
            }
            OrganizationStatus::Closing { .. } | OrganizationStatus::Closed { .. } => {
                Err(Refusal::NoChange)
            }
        }
    }
}

/// Closes for good what has been closing for long enough; `maintain` asks for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinishClosing {
    /// The organization.
    pub organization: OrganizationId,
}

answers_nothing!(FinishClosing);

impl Decide for FinishClosing {
    about!(organization);

    fn needs(&self, _: &Facts, _: &mut Vec<Need>) {}

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let status = draft.organization()?.status;
        if matches!(status, OrganizationStatus::Closing { until } if until <= draft.now()) {
            draft.push(Event::OrganizationClosed { at: draft.now() });
            Ok(())
        } else {
            Err(Refusal::OrganizationNotActive(status))
        }
    }
}
