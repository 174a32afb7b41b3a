//! A member is offered a role that keeps the organization.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Event, MailAbout, MembershipId, Need, OrganizationId, OwnershipOffer, Refusal, RoleName, Step,
    Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Offers a member a role that keeps the organization; it changes nothing until they accept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferOwnership {
    /// The organization.
    pub organization: OrganizationId,
    /// Who is offered it: an active member.
    pub membership: MembershipId,
    /// The role offered.
    pub role: RoleName,
    /// The role that whoever offers takes once it is accepted: a transfer. None adds an owner.
    #[serde(default)]
    pub then_become: Option<RoleName>,
}

answers_nothing!(OfferOwnership);

impl Decide for OfferOwnership {
    about!(organization);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Person(self.membership));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = draft.membership(self.organization.into(), self.membership)?;
        let own = draft.own().ok_or(Refusal::NotFound(Thing::Membership))?;
        if draft.is_own(it) {
            return Err(Refusal::Oneself);
        }
        if !it.is_active() {
            return Err(Refusal::NoTransition { from: it.status.name(), step: Step::Accept });
        }
        let role = draft.role(&self.role)?;
        if !role.keeps_organization || it.role == self.role {
            return Err(Refusal::NoChange);
        }
        draft.may_assign(role)?;
        if let Some(then) = &self.then_become {
            let then = draft.role(then)?;
            if then.rank > draft.role(&own.role)?.rank {
                return Err(Refusal::MayNotAssign(then.name.clone()));
            }
            draft.may_assign(then)?;
        }
        let offer = OwnershipOffer {
            role: self.role.clone(),
            by: own.id,
            then_become: self.then_become.clone(),
            expires_at: draft.now().plus(draft.rules()?.invitation_lifetime),
        };
        draft.push(Event::OwnershipOffered { membership: it.id, offer });
        draft.mail(MailAbout::OwnershipOffer { membership: it.id });
        Ok(())
    }
}
