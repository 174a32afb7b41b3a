//! Somebody comes in without an invitation.

use serde::{Deserialize, Serialize};

use crate::domain::{
    EmailAddress, Event, Joining, Membership, MembershipId, Need, OrganizationId, Principal,
    Profile, Refusal, RoleName, Scope, Source, StatusName, Step, Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, Intent, about};

/// Joins an organization that is open to sign-up (C17), as the person who is signed in.
///
/// To everybody whom it is not open to, there is no such organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// The organization.
    pub organization: OrganizationId,
    /// One's own verified address.
    pub email: EmailAddress,
    /// What people in it will see.
    #[serde(default)]
    pub profile: Profile,
}

impl Intent for SignUp {
    type Output = MembershipId;

    fn output(events: &[Event]) -> Option<MembershipId> {
        begun(events)
    }
}

impl Decide for SignUp {
    about!(organization);

    fn needs(&self, facts: &Facts, needs: &mut Vec<Need>) {
        super::accept_invitation::needs_of_person(facts, needs);
        super::needs_of_room(facts, self.organization, needs);
        needs.extend(super::provision::address_needs(facts, self.organization, &self.email));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let closed = Refusal::NotFound(Thing::Organization);
        let organization = draft.organization()?;
        let Principal::Person(user) = draft.facts.principal else { return Err(closed) };
        let user = draft.user(user).map_err(|_| closed.clone())?;
        if user.realm != organization.realm {
            return Err(closed);
        }
        if let Some(own) = draft.own() {
            return Err(Refusal::AlreadyMember(own.status.name()));
        }
        let (role, source) = match &organization.rules.joining {
            Joining::InvitationOnly => return Err(closed),
            Joining::Open { role } => (role, Source::SignUp),
            Joining::Domains { domains, role } => {
                let domain = user.email.as_ref().map(|email| email.canonical().domain());
                if !domain.is_some_and(|domain| domains.contains(domain)) {
                    return Err(closed);
                }
                (role, Source::Domain)
            }
        };
        // Attack 02: an unproven address opens nothing.
        let email = user.verified_email().ok_or(Refusal::Unverified)?;
        if email.canonical() != self.email.canonical() {
            return Err(Refusal::WrongAddress);
        }
        super::invite::not_blocked(draft, organization.id, email)?;
        super::invite::not_here(draft, organization.id.into(), email)?;
        super::edit_profile::check_own_fields(&organization.rules, &self.profile.0)?;
        let mut it = join(draft, organization.id, role, source)?;
        it.predecessor = super::invite::former(draft, organization.id, email);
        it.user = Some(user.id);
        it.email = Some(email.clone());
        it.profile = self.profile.clone();
        draft.push(Event::MembershipBegun { step: Step::Join, membership: Box::new(it) });
        Ok(())
    }
}

/// A new membership that is active at once, with room made for it.
pub(super) fn join(
    draft: &mut Draft<'_>,
    organization: OrganizationId,
    role: &RoleName,
    source: Source,
) -> Result<Membership, Refusal> {
    let scope: Scope = organization.into();
    let role = draft.role(role)?;
    draft.make_room(scope, None, (role, StatusName::Active))?;
    Ok(Membership::begin(draft.id(), scope, Step::Join, &role.name, source, draft.now()))
}

/// The membership that came to be.
pub(super) fn begun(events: &[Event]) -> Option<MembershipId> {
    events.iter().find_map(|event| {
        if let Event::MembershipBegun { membership, .. } = event {
            Some(membership.id)
        } else {
            None
        }
    })
}
