//! A handover goes on.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, HandoverId, HandoverStep, Key, Need, OrganizationId, Refusal};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Lets a handover go on that was paused, or that is stuck and shall be tried again, because its
/// receivers can reach the work now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResumeHandover {
    /// The organization.
    pub organization: OrganizationId,
    /// The handover.
    pub handover: HandoverId,
}

answers_nothing!(ResumeHandover);

impl Decide for ResumeHandover {
    about!(organization);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::Handover(self.handover)));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = draft.handover(self.organization, self.handover, HandoverStep::Resume)?;
        let (handover, membership) = (it.id, it.from);
        draft.push(Event::HandoverResumed { handover, membership });
        Ok(())
    }
}
