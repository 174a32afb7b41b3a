//! An organization stops working until it is resumed.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, Need, OrganizationId, Refusal};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Suspends the organization: nobody passes a check until it is resumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuspendOrganization {
    /// The organization.
    pub organization: OrganizationId,
}

answers_nothing!(SuspendOrganization);

impl Decide for SuspendOrganization {
    about!(organization);

    fn needs(&self, _: &Facts, _: &mut Vec<Need>) {}

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        draft.push(Event::OrganizationSuspended { at: draft.now() });
        Ok(())
    }
}
