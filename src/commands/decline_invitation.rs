//! An invitation is declined.

use serde::{Deserialize, Serialize};

use crate::domain::{InvitationId, Key, Need, OrganizationId, Refusal, RemovedBecause};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Declines an invitation: by its link, or signed in with the invited address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclineInvitation {
    /// The organization.
    pub organization: OrganizationId,
    /// The invitation.
    pub invitation: InvitationId,
}

answers_nothing!(DeclineInvitation);

impl Decide for DeclineInvitation {
    about!(organization);

    fn needs(&self, facts: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::Invitation(self.invitation)));
        super::accept_invitation::needs_of_person(facts, needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let invitation =
            super::accept_invitation::addressed(draft, self.organization, self.invitation)?;
        draft.revoke(invitation, RemovedBecause::Declined);
        Ok(())
    }
}
