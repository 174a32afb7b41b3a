//! What is personal of somebody is forgotten.

use serde::{Deserialize, Serialize};

use crate::domain::{
    DeactivatedBecause, Event, MembershipId, MembershipStatus, Need, OrganizationId, Refusal,
    RemovedBecause, Step,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Erases what is personal of somebody who was removed: address, profile, and the details of the
/// audit entries about them. `Former member 7` remains, and counts stay right (I12).
///
/// Somebody who is blocked is removed first, and a digest of the address under the host's key keeps
/// them out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EraseMember {
    /// The organization.
    pub organization: OrganizationId,
    /// The membership.
    pub membership: MembershipId,
}

answers_nothing!(EraseMember);

impl Decide for EraseMember {
    about!(organization);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        super::needs_of_leaving((self.organization.into(), self.membership), None, needs);
        needs.push(Need::Past(self.membership));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = draft.membership(self.organization.into(), self.membership)?;
        match it.status {
            MembershipStatus::Removed { .. } => {}
            MembershipStatus::Deactivated { because: DeactivatedBecause::Blocked, .. } => {
                draft.stand_above(it, crate::access::Management::Erase)?;
                draft.remove_person(it, RemovedBecause::Removed, None)?;
            }
            MembershipStatus::Pending { .. }
            | MembershipStatus::Active { .. }
            | MembershipStatus::Deactivated { .. } => {
                return Err(Refusal::NoTransition { from: it.status.name(), step: Step::Remove });
            }
        }
        if it.email.is_none() && it.user.is_none() && it.profile.0.is_empty() {
            return Err(Refusal::NoChange);
        }
        // What is left of the same person from earlier times and in workspaces goes, too.
        for one in draft.state.past_of_same_person(it) {
            if one.id != it.id {
                draft.push(Event::MembershipErased { membership: one.id });
            }
        }
        for one in draft.state.memberships_of_same_person(it) {
            // Live until this very command: whoever is blocked is removed by it.
            if one.id != it.id && it.is_live() {
                draft.push(Event::MembershipErased { membership: one.id });
            }
        }
        draft.push(Event::MembershipErased { membership: it.id });
        Ok(())
    }
}
