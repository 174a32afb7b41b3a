//! An administrator sets somebody's password.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Event, MembershipId, Need, OrganizationId, PasswordHash, Passwords, Realm, Refusal, Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use crate::access::Management;

/// Sets somebody's password, where the rules allow it (C14) and the identity is the organization's
/// own (C23): no organization edits a person's shared identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetPassword {
    /// The organization.
    pub organization: OrganizationId,
    /// The membership of the person.
    pub membership: MembershipId,
    /// The hash of the password, made by the host.
    pub password: PasswordHash,
}

answers_nothing!(SetPassword);

impl Decide for SetPassword {
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
        let organization = draft.organization()?;
        let own_realm = organization.realm == Realm::Organization(organization.id);
        if organization.rules.passwords != Passwords::MaySet || !own_realm {
            return Err(Refusal::RuleForbids { rule: "C14", because: "have a reset mail sent" });
        }
        let user = draft.user(it.user.ok_or(Refusal::NotFound(Thing::User))?)?;
        draft.push(Event::PasswordSet { user: user.id, hash: Some(self.password.clone()) });
        draft.end_sessions(it);
        Ok(())
    }
}
