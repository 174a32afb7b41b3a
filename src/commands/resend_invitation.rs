//! An invitation goes out again.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Event, Generation, Invitation, InvitationId, InvitationStatus, Key, MailAbout, Need, Refusal,
    Scope, StatusName, Step, Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Sends an invitation again, also one that has run out. Links sent before no longer work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResendInvitation {
    /// The scope that it invites to.
    pub scope: Scope,
    /// The invitation.
    pub invitation: InvitationId,
}

answers_nothing!(ResendInvitation);

impl Decide for ResendInvitation {
    about!(scope);

    fn needs(&self, facts: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::Invitation(self.invitation)));
        super::needs_of_room(facts, self.scope.organization, needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let invitation = invitation_to(draft, self.scope, self.invitation)?;
        match invitation.status {
            InvitationStatus::Open | InvitationStatus::Lapsed => {}
            closed @ (InvitationStatus::Accepted
            | InvitationStatus::Declined
            | InvitationStatus::Revoked) => return Err(Refusal::InvitationClosed(closed)),
        }
        for id in &invitation.memberships {
            let it = draft.state.membership(self.scope.organization, *id);
            let it = it.ok_or(Refusal::NotFound(Thing::Membership))?;
            Draft::step(it, Step::Resend)?;
            let role = draft.role(&it.role)?;
            // I5: whoever sends it again stands behind it, as whoever made it did. What comes along
            // with a workspace is given by the rules.
            if it.scope == self.scope {
                draft.may_assign(role)?;
            }
            draft.make_room(
                it.scope,
                Some((role, it.status.name())),
                (role, StatusName::Invited),
            )?;
        }
        let generation: Generation = invitation.generation.next();
        draft.push(Event::InvitationResent {
            invitation: invitation.id,
            // Whoever sends it again may be asked for, when whoever made it has gone.
            issuer: draft.own().map(|own| own.id),
            generation,
            expires_at: draft.now().plus(draft.rules()?.invitation_lifetime),
            at: draft.now(),
        });
        draft.mail(MailAbout::Invitation { invitation: invitation.id, generation });
        Ok(())
    }
}

/// An invitation to exactly this scope.
pub(super) fn invitation_to<'a>(
    draft: &Draft<'a>,
    scope: Scope,
    id: InvitationId,
) -> Result<&'a Invitation, Refusal> {
    let invites_to = |it: &&Invitation| {
        let last = it.memberships.last();
        let last = last.and_then(|id| draft.state.membership(scope.organization, *id));
        last.is_some_and(|last| last.scope == scope)
    };
    let invitation = draft.state.invitation(scope.organization, id).filter(invites_to);
    invitation.ok_or(Refusal::NotFound(Thing::Invitation))
}
