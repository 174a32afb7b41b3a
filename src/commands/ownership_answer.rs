//! An offered ownership is accepted or declined.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Event, Membership, Need, OrganizationId, OwnershipOffer, Refusal, StatusName, Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Accepts the ownership that one was offered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptOwnership {
    /// The organization.
    pub organization: OrganizationId,
}

answers_nothing!(AcceptOwnership);

impl Decide for AcceptOwnership {
    about!(organization);

    fn needs(&self, facts: &Facts, needs: &mut Vec<Need>) {
        super::needs_of_room(facts, self.organization, needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let (it, offer) = offered(draft)?;
        if draft.now() >= offer.expires_at {
            return Err(Refusal::OfferVoid);
        }
        // The offer stands only while whoever made it could make it again.
        let by = draft
            .state
            .membership(self.organization, offer.by)
            .filter(|by| by.is_active())
            .ok_or(Refusal::OfferVoid)?;
        if !draft.role(&by.role)?.keeps_organization {
            return Err(Refusal::OfferVoid);
        }
        let role = draft.role(&offer.role).map_err(|_| Refusal::OfferVoid)?;
        draft.push(Event::OwnershipAccepted { membership: it.id });
        super::change_role::become_role(draft, it, role, StatusName::Active)?;
        if let Some(then) = &offer.then_become {
            let then = draft.role(then).map_err(|_| Refusal::OfferVoid)?;
            draft.seat_is_taken_above(by, then)?;
            let before = draft.role(&by.role)?;
            let active = StatusName::Active;
            draft.make_room(by.scope, Some((before, active)), (then, active))?;
            // I1: whoever accepted keeps the organization from here on.
            draft.change_role(by, then);
        }
        Ok(())
    }
}

/// Declines the ownership that one was offered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclineOwnership {
    /// The organization.
    pub organization: OrganizationId,
}

answers_nothing!(DeclineOwnership);

impl Decide for DeclineOwnership {
    about!(organization);

    fn needs(&self, _: &Facts, _: &mut Vec<Need>) {}

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let (it, _) = offered(draft)?;
        draft.push(Event::OwnershipDeclined { membership: it.id });
        Ok(())
    }
}

/// One's own active membership with the offer it has.
fn offered<'a>(draft: &Draft<'a>) -> Result<(&'a Membership, &'a OwnershipOffer), Refusal> {
    let own = draft.own().filter(|it| it.is_active());
    let own = own.ok_or(Refusal::NotFound(Thing::Organization))?;
    Ok((own, own.offer.as_ref().ok_or(Refusal::OfferVoid)?))
}
