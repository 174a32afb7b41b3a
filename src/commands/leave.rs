//! Somebody leaves on their own.

use serde::{Deserialize, Serialize};

use crate::domain::{
    DeactivatedBecause, Event, HandoverPlan, LastOwner, MembershipId, MembershipStatus, Need,
    Oneself, OrganizationStatus, Refusal, RemovedBecause, Scope, Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Ends one's own membership, where the rules allow it (C12). The last owner's leaving is refused,
/// or closes the organization (C24).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// The scope of the membership.
    pub scope: Scope,
    /// One's own membership.
    pub membership: MembershipId,
    /// Whether the person leaves, or deletes themselves everywhere.
    pub because: RemovedBecause,
    /// What becomes of the work; none leaves it to the rules.
    #[serde(default)]
    pub handover: Option<HandoverPlan>,
}

answers_nothing!(Leave);

impl Decide for Leave {
    about!(scope);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        super::needs_of_leaving((self.scope, self.membership), self.handover.as_ref(), needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let own = draft.state.membership(self.scope.organization, self.membership);
        let own = own.filter(|it| it.scope == self.scope && draft.is_own(it));
        let it = own.ok_or_else(|| draft.absent(Thing::Membership))?;
        let because = match self.because {
            RemovedBecause::Left | RemovedBecause::SelfDeleted => self.because,
            RemovedBecause::InvitationRevoked
            | RemovedBecause::Declined
            | RemovedBecause::Removed => RemovedBecause::Left,
        };
        let organization = draft.organization()?;
        if organization.rules.oneself == Oneself::Forbidden {
            return Err(Refusal::Oneself);
        }
        let over = match organization.status {
            OrganizationStatus::Active | OrganizationStatus::Suspended { .. } => false,
            OrganizationStatus::Closing { .. } | OrganizationStatus::Closed { .. } => true,
        };
        let whole = super::remove_member::last_workspace_takes_along(draft, it)?;
        // I1: the last workspace may take the last owner's membership along (C18).
        if draft.is_last_keeper(whole.unwrap_or(it)) && !over {
            match organization.rules.last_owner {
                LastOwner::Refused => return Err(Refusal::LastOwner),
                LastOwner::ClosesOrganization => {
                    let until = draft.now().plus(organization.rules.closing_period);
                    draft.push(Event::OrganizationClosing { until });
                }
            }
        }
        // A block outlives the membership; without an address nothing would recognise the person.
        let blocked = matches!(
            it.status,
            MembershipStatus::Deactivated { because: DeactivatedBecause::Blocked, .. }
        );
        if blocked && it.email.is_none() {
            return Err(Refusal::Blocked);
        }
        draft.go(whole.unwrap_or(it), because, self.handover.as_ref())
    }
}
