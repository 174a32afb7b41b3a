//! An administrator has a password link sent.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Event, Generation, MailAbout, MembershipId, Need, OrganizationId, Refusal, Span, Thing,
    Timestamp, User,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use crate::access::Management;

/// Has a password link sent to somebody's own verified address (S3 97); nobody else sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendPasswordReset {
    /// The organization.
    pub organization: OrganizationId,
    /// The membership of the person.
    pub membership: MembershipId,
}

answers_nothing!(SendPasswordReset);

impl Decide for SendPasswordReset {
    about!(organization);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Person(self.membership));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = draft.membership(self.organization.into(), self.membership)?;
        draft.stand_above(it, Management::Passwords)?;
        if !it.is_live() {
            // Whoever is gone is nobody's to help here.
            return Err(Refusal::NotFound(Thing::Membership));
        }
        let user = draft.user(it.user.ok_or(Refusal::NotFound(Thing::User))?)?;
        ask(draft, user)
    }
}

/// Has a link sent to the verified address on record. Attack 60: few to one person in one hour.
pub(super) fn ask(draft: &mut Draft<'_>, user: &User) -> Result<(), Refusal> {
    if user.verified_email().is_none() {
        return Err(Refusal::Unverified);
    }
    let is_recent = |at: &&Timestamp| draft.now() < at.plus(Span::hours(1));
    if user.resets_asked_at.iter().filter(is_recent).count() >= User::RESETS_PER_HOUR {
        let max = User::RESETS_PER_HOUR;
        return Err(Refusal::TooMany { what: "reset mails in one hour", max });
    }
    let generation: Generation = user.reset_generation.next();
    draft.push(Event::PasswordResetAsked { user: user.id, generation, at: draft.now() });
    draft.mail(MailAbout::PasswordReset { user: user.id, generation });
    Ok(())
}
