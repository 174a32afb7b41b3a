//! Somebody finishes setting up.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Activation, Event, Need, OrganizationId, PasswordHash, Principal, Profile, Refusal, Step, Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Finishes one's own set-up: what the rules still need is there now (C15).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompleteSetUp {
    /// The organization.
    pub organization: OrganizationId,
    /// What people in it will see.
    #[serde(default)]
    pub profile: Profile,
    /// The hash of the password that the person chose.
    #[serde(default)]
    pub password: Option<PasswordHash>,
}

answers_nothing!(CompleteSetUp);

impl Decide for CompleteSetUp {
    about!(organization);

    fn needs(&self, facts: &Facts, needs: &mut Vec<Need>) {
        super::accept_invitation::needs_of_person(facts, needs);
        super::needs_of_room(facts, self.organization, needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = draft.own().ok_or(Refusal::NotFound(Thing::Organization))?;
        Draft::step(it, Step::Complete)?;
        let Principal::Person(user) = draft.facts.principal else {
            return Err(Refusal::NotFound(Thing::Organization));
        };
        let user = draft.user(user)?;
        let rules = draft.rules()?;
        super::edit_profile::check_own_fields(rules, &self.profile.0)?;
        if rules.activation == Activation::AfterProfile {
            let missing = super::accept_invitation::missing_fields(rules, it, &self.profile).next();
            if let Some(field) = missing {
                return Err(Refusal::SetUpNeeds(field.to_owned()));
            }
        }
        let can_sign_in = user.password.is_some() || !user.identities.is_empty();
        if rules.activation == Activation::AfterPassword && !can_sign_in && self.password.is_none()
        {
            return Err(Refusal::SetUpNeeds("password".to_owned()));
        }
        if let Some(hash) = &self.password {
            draft.push(Event::PasswordSet { user: user.id, hash: Some(hash.clone()) });
        }
        super::edit_profile::fill_in(draft, it, &self.profile);
        super::accept_invitation::come_in(draft, it, Step::Complete, false)
    }
}
