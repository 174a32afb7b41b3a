//! A handover stops for a while.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, HandoverId, HandoverStep, Key, Need, OrganizationId, Refusal};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Stops a handover after the batch that is under way; what has moved stays where it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseHandover {
    /// The organization.
    pub organization: OrganizationId,
    /// The handover.
    pub handover: HandoverId,
}

answers_nothing!(PauseHandover);

impl Decide for PauseHandover {
    about!(organization);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::Handover(self.handover)));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = draft.handover(self.organization, self.handover, HandoverStep::Pause)?;
        let (handover, membership) = (it.id, it.from);
        draft.push(Event::HandoverPaused { handover, membership });
        Ok(())
    }
}
