//! The vendor's person is out.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, Key, Need, OrganizationId, Refusal, SupportAccessId, Thing};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Takes support's access back at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeSupport {
    /// The organization.
    pub organization: OrganizationId,
    /// The access.
    pub access: SupportAccessId,
}

answers_nothing!(RevokeSupport);

impl Decide for RevokeSupport {
    about!(organization);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::SupportAccess(self.access)));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let access = draft.state.support(self.organization, self.access);
        let access = access.ok_or(Refusal::NotFound(Thing::SupportAccess))?;
        if access.revoked_at.is_some() {
            return Err(Refusal::NoChange);
        }
        draft.push(Event::SupportRevoked { access: access.id, at: draft.now() });
        Ok(())
    }
}
