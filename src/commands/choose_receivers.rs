//! The rest of a handover goes to others.

use serde::{Deserialize, Serialize};

use crate::domain::{
    HandoverId, HandoverPlan, HandoverStep, HandoverWork, Key, Need, OrganizationId, Refusal,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Chooses again where the rest of a handover goes: one that is stuck goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChooseReceivers {
    /// The organization.
    pub organization: OrganizationId,
    /// The handover.
    pub handover: HandoverId,
    /// What is to become of what has not moved.
    pub plan: HandoverPlan,
}

answers_nothing!(ChooseReceivers);

impl Decide for ChooseReceivers {
    about!(organization);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::Handover(self.handover)));
        super::hand_over::needs_of_plan(self.organization, Some(&self.plan), needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = draft.handover(self.organization, self.handover, HandoverStep::Choose)?;
        if let HandoverWork::HandedOver(_) = it.work {
            let because = "work that comes back goes to whoever had it; give the handover up";
            return Err(Refusal::RuleForbids { rule: "I10", because });
        }
        draft.choose_again(it, &self.plan)
    }
}
