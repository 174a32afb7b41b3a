//! Somebody is kept out.

use serde::{Deserialize, Serialize};

use crate::domain::{
    DeactivatedBecause, HandoverPlan, MembershipId, Need, OrganizationId, Refusal,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use crate::access::Management;

/// Blocks somebody: deactivated in the whole organization, and not to be invited again. A block
/// survives erasure. Reactivating lifts it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// The organization.
    pub organization: OrganizationId,
    /// The membership.
    pub membership: MembershipId,
    /// What becomes of the work; none leaves it to the rules.
    #[serde(default)]
    pub handover: Option<HandoverPlan>,
}

answers_nothing!(Block);

impl Decide for Block {
    about!(organization);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        super::needs_of_leaving(
            (self.organization.into(), self.membership),
            self.handover.as_ref(),
            needs,
        );
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = draft.membership(self.organization.into(), self.membership)?;
        draft.stand_above(it, Management::Deactivate)?;
        draft.deactivate_person(it, DeactivatedBecause::Blocked, self.handover.as_ref())
    }
}
