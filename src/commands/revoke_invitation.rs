//! An invitation is taken back.

use serde::{Deserialize, Serialize};

use crate::domain::{
    InvitationId, InvitationStatus, Key, Need, OrganizationId, Refusal, RemovedBecause, Scope,
    Stream, Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, answers_nothing};

/// Takes an invitation back: its links no longer work, and whoever was invited leaves a tombstone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeInvitation {
    /// The organization.
    pub organization: OrganizationId,
    /// The invitation.
    pub invitation: InvitationId,
}

answers_nothing!(RevokeInvitation);

impl Decide for RevokeInvitation {
    fn stream(&self) -> Stream {
        Stream::Organization(self.organization)
    }

    fn scope(&self) -> Option<Scope> {
        Some(self.organization.into())
    }

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::Invitation(self.invitation)));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let invitation = draft
            .state
            .invitation(self.organization, self.invitation)
            .ok_or(Refusal::NotFound(Thing::Invitation))?;
        if !matches!(invitation.status, InvitationStatus::Open | InvitationStatus::Lapsed) {
            return Err(Refusal::InvitationClosed(invitation.status));
        }
        for id in &invitation.memberships {
            if let Some(it) = draft.state.membership(self.organization, *id) {
                draft.stand_above(it, crate::access::Management::Invite)?;
            }
        }
        draft.revoke(invitation, RemovedBecause::InvitationRevoked);
        Ok(())
    }
}
