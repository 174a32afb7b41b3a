//! An invitation goes out again.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Event, Generation, InvitationId, InvitationStatus, Key, MailAbout, Need, OrganizationId,
    Refusal, Scope, StatusName, Step, Stream, Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, answers_nothing};

/// Sends an invitation again, also one that has run out. Links sent before no longer work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResendInvitation {
    /// The organization.
    pub organization: OrganizationId,
    /// The invitation.
    pub invitation: InvitationId,
}

answers_nothing!(ResendInvitation);

impl Decide for ResendInvitation {
    fn stream(&self) -> Stream {
        Stream::Organization(self.organization)
    }

    fn scope(&self) -> Option<Scope> {
        Some(self.organization.into())
    }

    fn needs(&self, facts: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::Invitation(self.invitation)));
        super::needs_of_room(facts, self.organization, needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let invitation = draft
            .state
            .invitation(self.organization, self.invitation)
            .ok_or(Refusal::NotFound(Thing::Invitation))?;
        match invitation.status {
            InvitationStatus::Open | InvitationStatus::Lapsed => {}
            closed @ (InvitationStatus::Accepted
            | InvitationStatus::Declined
            | InvitationStatus::Revoked) => return Err(Refusal::InvitationClosed(closed)),
        }
        for id in &invitation.memberships {
            let it = draft.state.membership(self.organization, *id);
            let it = it.ok_or(Refusal::NotFound(Thing::Membership))?;
            draft.step(it, Step::Resend)?;
            // I5: whoever sends it again stands behind it, as whoever made it did.
            let role = draft.role(&it.role)?;
            draft.may_assign(role)?;
            draft.make_room(
                it.scope,
                Some((role, it.status.name())),
                (role, StatusName::Invited),
            )?;
        }
        let generation: Generation = invitation.generation.next();
        draft.push(Event::InvitationResent {
            invitation: invitation.id,
            generation,
            expires_at: draft.now().plus(draft.rules()?.invitation_lifetime),
            at: draft.now(),
        });
        draft.mail(MailAbout::Invitation { invitation: invitation.id, generation });
        Ok(())
    }
}
