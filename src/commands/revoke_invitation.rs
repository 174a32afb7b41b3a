//! An invitation is taken back.

use serde::{Deserialize, Serialize};

use crate::domain::{InvitationId, InvitationStatus, Key, Need, Refusal, RemovedBecause, Scope};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Takes an invitation back: its links no longer work, and whoever was invited leaves a tombstone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeInvitation {
    /// The scope that it invites to.
    pub scope: Scope,
    /// The invitation.
    pub invitation: InvitationId,
}

answers_nothing!(RevokeInvitation);

impl Decide for RevokeInvitation {
    about!(scope);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::Invitation(self.invitation)));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let invitation =
            super::resend_invitation::invitation_to(draft, self.scope, self.invitation)?;
        if !matches!(invitation.status, InvitationStatus::Open | InvitationStatus::Lapsed) {
            return Err(Refusal::InvitationClosed(invitation.status));
        }
        for id in &invitation.memberships {
            let it = draft.state.membership(self.scope.organization, *id);
            if let Some(it) = it.filter(|it| it.scope == self.scope) {
                draft.stand_above(it, crate::access::Management::Invite)?;
            }
        }
        draft.revoke(invitation, RemovedBecause::InvitationRevoked);
        Ok(())
    }
}
