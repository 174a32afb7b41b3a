//! An invitation has run out, and its seat becomes free.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, InvitationId, Key, Need, OrganizationId, Refusal, Thing};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Notes that an invitation has run out; `maintain` asks for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LapseInvitation {
    /// The organization.
    pub organization: OrganizationId,
    /// The invitation.
    pub invitation: InvitationId,
}

answers_nothing!(LapseInvitation);

impl Decide for LapseInvitation {
    about!(organization);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::Invitation(self.invitation)));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let invitation = draft
            .state
            .invitation(self.organization, self.invitation)
            .ok_or(Refusal::NotFound(Thing::Invitation))?;
        if !invitation.is_open() {
            return Err(Refusal::InvitationClosed(invitation.status));
        }
        if !invitation.is_expired(draft.now()) {
            return Err(Refusal::NoChange);
        }
        draft.push(Event::InvitationLapsed { invitation: invitation.id, at: draft.now() });
        Ok(())
    }
}
