//! The vendor's person may stay longer.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Event, Key, Need, OrganizationId, Reach, Refusal, RolePermissions, Span, SupportAccessId, Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Lets support stay for this long from now on; one that was revoked is let in anew instead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewSupport {
    /// The organization.
    pub organization: OrganizationId,
    /// The access.
    pub access: SupportAccessId,
    /// For how long from now; none means standing access.
    pub lasting: Option<Span>,
}

answers_nothing!(RenewSupport);

impl Decide for RenewSupport {
    about!(organization);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::SupportAccess(self.access)));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let access = draft.state.support(self.organization, self.access);
        let access = access
            .filter(|it| it.revoked_at.is_none())
            .ok_or(Refusal::NotFound(Thing::SupportAccess))?;
        if let Some(standing) = draft.standing.as_ref().filter(|_| !draft.above_ranks()) {
            // I5: whoever renews stands behind all of it, with the full reach that support has.
            let all = access.permissions.iter().map(|name| (name.clone(), Reach::ALL)).collect();
            let exceeded = standing.exceeded_by(&RolePermissions::Only(all), draft.catalogue());
            if let Some(permission) = exceeded {
                return Err(Refusal::ExceedsOwn(permission));
            }
        }
        let until = super::give_support::until(draft, self.lasting)?;
        draft.push(Event::SupportRenewed { access: access.id, until });
        Ok(())
    }
}
