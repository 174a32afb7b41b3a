//! Somebody is brought along from the host's own table.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Claim, DeactivatedBecause, EmailAddress, Event, ExternalId, Membership, MembershipId, Need,
    OrganizationId, PasswordHash, Profile, Realm, Refusal, RoleName, Scope, Source, Step, UserId,
};

use super::draft::Draft;
use super::{Decide, Facts, Intent, about};

/// Brings one person along from the host's existing table: no mail, the host's id kept.
///
/// Doing it again for the same id is refused as taken, so an interrupted run is resumed by running
/// it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adopt {
    /// The organization.
    pub organization: OrganizationId,
    /// The host's own name for the person.
    pub external_id: ExternalId,
    /// The address; the host says that it is the person's.
    pub email: EmailAddress,
    /// As what.
    pub role: RoleName,
    /// What people in the organization see.
    #[serde(default)]
    pub profile: Profile,
    /// The hash of the password the person has.
    #[serde(default)]
    pub password: Option<PasswordHash>,
    /// In which status.
    #[serde(default)]
    pub status: AdoptAs,
}

/// In which status somebody is brought along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdoptAs {
    /// In.
    #[default]
    Active,
    /// Out, and able to return.
    Deactivated,
}

impl Intent for Adopt {
    type Output = MembershipId;

    fn output(events: &[Event]) -> Option<MembershipId> {
        super::sign_up::begun(events)
    }
}

impl Decide for Adopt {
    about!(organization);

    fn needs(&self, facts: &Facts, needs: &mut Vec<Need>) {
        let o = self.organization;
        needs.push(Need::Holder(Claim::ExternalId(o, self.external_id.clone())));
        needs.extend(super::provision::address_needs(facts, o, &self.email));
        for realm in [Realm::Shared, Realm::Organization(o)] {
            let claim = Claim::Email(realm, self.email.canonical().clone());
            needs.push(Need::Holder(claim));
        }
        super::needs_of_room(facts, o, needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let organization = draft.organization()?;
        let scope: Scope = organization.id.into();
        super::provision::not_known(draft, organization.id, Some(&self.external_id))?;
        super::invite::not_blocked(draft, organization.id, &self.email)?;
        super::invite::not_here(draft, scope, &self.email)?;
        super::edit_profile::check_fields(&organization.rules, &self.profile.0)?;
        let role = draft.role(&self.role)?;
        let mut it = match self.status {
            AdoptAs::Active => {
                super::sign_up::join(draft, organization.id, &role.name, Source::Adoption)?
            }
            AdoptAs::Deactivated => {
                let deactivated = crate::domain::StatusName::Deactivated;
                draft.make_room(scope, None, (role, deactivated))?;
                let (id, now) = (draft.id(), draft.now());
                Membership::begin(id, scope, Step::Join, &role.name, Source::Adoption, now)
            }
        };
        it.user = Some(self.user(draft, organization.realm));
        it.email = Some(self.email.clone());
        it.external_id = Some(self.external_id.clone());
        it.profile = self.profile.clone();
        it.predecessor = super::invite::former(draft, organization.id, &self.email);
        let id = it.id;
        draft.push(Event::MembershipBegun { step: Step::Join, membership: Box::new(it) });
        if self.status == AdoptAs::Deactivated {
            let because = DeactivatedBecause::Other;
            let at = draft.now();
            draft.push(Event::MembershipDeactivated { membership: id, because, at });
        }
        Ok(())
    }
}

impl Adopt {
    /// The user with this address, or a new one: the host vouches for the address.
    fn user(&self, draft: &mut Draft<'_>, realm: Realm) -> UserId {
        let claim = Claim::Email(realm, self.email.canonical().clone());
        if let Some(id) = draft.state.holder(&claim) {
            return UserId::new(id);
        }
        super::register_user::proved(draft, realm, self.email.clone(), self.password.as_ref())
    }
}
