//! Somebody signs on for the first time.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Claim, EmailAddress, Event, ExternalIdentity, Key, MembershipId, Need, OrganizationId, Profile,
    Provisioning, Refusal, Scope, Source, Step, Thing, UserId,
};

use super::draft::Draft;
use super::{Decide, Facts, Intent, about};

/// A person arrives by single sign-on: the announced membership becomes theirs, or, where the rules
/// bring people in just in time, a new one does (C22).
///
/// The user is found by the identity alone; an address that the issuer asserts never leads to an
/// existing user (attacks 02 and 14).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arrive {
    /// The organization.
    pub organization: OrganizationId,
    /// The user that has this identity; the host registers one first if there is none.
    pub user: UserId,
    /// The identity that the issuer vouches for.
    pub identity: ExternalIdentity,
    /// What people in the organization will see.
    #[serde(default)]
    pub profile: Profile,
    /// The address that the issuer vouches for, for whoever is brought in just in time.
    #[serde(default)]
    pub email: Option<EmailAddress>,
}

impl Intent for Arrive {
    type Output = MembershipId;

    fn output(events: &[Event]) -> Option<MembershipId> {
        let bound = |event: &Event| {
            if let Event::MembershipBound { membership, .. } = event {
                Some(*membership)
            } else {
                None
            }
        };
        super::sign_up::begun(events).or_else(|| events.iter().find_map(bound))
    }
}

impl Decide for Arrive {
    about!(organization);

    fn needs(&self, facts: &Facts, needs: &mut Vec<Need>) {
        let o = self.organization;
        needs.push(Need::Record(Key::User(self.user)));
        needs.push(Need::Holder(Claim::MembershipUser(o.into(), self.user)));
        needs.push(Need::Holder(Claim::Announced(o, self.identity.clone())));
        needs
            .extend(self.email.iter().flat_map(|it| super::provision::address_needs(facts, o, it)));
        super::needs_of_room(facts, o, needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let organization = draft.organization()?;
        let user = draft.user(self.user)?;
        if user.realm != organization.realm || !user.identities.contains(&self.identity) {
            return Err(Refusal::NotFound(Thing::User));
        }
        let scope: Scope = self.organization.into();
        super::edit_profile::check_fields(&organization.rules, &self.profile.0)?;
        if let Some(own) = draft.state.membership_of(scope, self.user) {
            return Err(Refusal::AlreadyMember(own.status.name()));
        }
        let announced = Claim::Announced(self.organization, self.identity.clone());
        if let Some(id) = draft.state.holder(&announced) {
            let it = draft.membership(scope, MembershipId::new(id))?;
            if it.user.is_some() {
                return Err(Refusal::Taken("identity"));
            }
            draft.push(Event::MembershipBound { membership: it.id, user: self.user });
            super::edit_profile::fill_in(draft, it, &self.profile);
            let rules = &organization.rules;
            let set_up = super::accept_invitation::set_up(rules, it, &self.profile, true);
            return super::accept_invitation::come_in(draft, it, Step::Arrive, set_up);
        }
        let Provisioning::JustInTime { role } = &organization.rules.provisioning else {
            return Err(Refusal::RuleForbids {
                rule: "C22",
                because: "invite or announce the person first",
            });
        };
        let mut it = super::sign_up::join(draft, self.organization, role, Source::SignOn)?;
        if let Some(email) = &self.email {
            super::invite::not_blocked(draft, self.organization, email)?;
            super::invite::not_here(draft, scope, email)?;
            it.predecessor = super::invite::former(draft, self.organization, email);
        }
        it.email.clone_from(&self.email);
        it.user = Some(self.user);
        it.announced = Some(self.identity.clone());
        it.profile = self.profile.clone();
        draft.push(Event::MembershipBegun { step: Step::Join, membership: Box::new(it) });
        Ok(())
    }
}
