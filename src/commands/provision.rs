//! Somebody is announced before they arrive.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Claim, EmailAddress, Event, ExternalId, ExternalIdentity, Key, Membership, MembershipId, Need,
    OrganizationId, Profile, Refusal, RoleName, Scope, Source, StatusName, Step,
};

use super::draft::Draft;
use super::{Decide, Facts, Intent, about};

/// Announces somebody: by a directory, or by a member who may invite. No mail goes out; whoever
/// arrives with the identity is this person (C17, C22).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provision {
    /// The organization.
    pub organization: OrganizationId,
    /// The identity that they will arrive with.
    pub identity: ExternalIdentity,
    /// Their address, if the directory says.
    #[serde(default)]
    pub email: Option<EmailAddress>,
    /// As what.
    pub role: RoleName,
    /// What people in the organization will see.
    #[serde(default)]
    pub profile: Profile,
    /// The directory's own name for the person.
    #[serde(default)]
    pub external_id: Option<ExternalId>,
}

impl Intent for Provision {
    type Output = MembershipId;

    fn output(events: &[Event]) -> Option<MembershipId> {
        super::sign_up::begun(events)
    }
}

impl Decide for Provision {
    about!(organization);

    fn needs(&self, facts: &Facts, needs: &mut Vec<Need>) {
        let o = self.organization;
        needs.push(Need::Holder(Claim::Announced(o, self.identity.clone())));
        needs.extend(
            self.external_id.iter().map(|it| Need::Holder(Claim::ExternalId(o, it.clone()))),
        );
        needs.extend(self.email.iter().flat_map(|email| address_needs(facts, o, email)));
        super::needs_of_room(facts, o, needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let scope: Scope = self.organization.into();
        let role = draft.role(&self.role)?;
        draft.may_assign(role)?;
        keeper_is_not_given(draft, &self.role)?;
        super::edit_profile::check_fields(draft.rules()?, &self.profile.0)?;
        if draft.state.holder(&Claim::Announced(self.organization, self.identity.clone())).is_some()
        {
            return Err(Refusal::Taken("identity"));
        }
        not_known(draft, self.organization, self.external_id.as_ref())?;
        let mut it = Membership::begin(
            draft.id(),
            scope,
            Step::Provision,
            &self.role,
            draft.facts.source.unwrap_or(Source::Provisioning),
            draft.now(),
        );
        if let Some(email) = &self.email {
            super::invite::not_blocked(draft, self.organization, email)?;
            super::invite::not_here(draft, scope, email)?;
            it.predecessor = super::invite::former(draft, self.organization, email);
            it.email = Some(email.clone());
        }
        draft.make_room(scope, None, (role, StatusName::Provisioned))?;
        it.announced = Some(self.identity.clone());
        it.profile = self.profile.clone();
        it.external_id.clone_from(&self.external_id);
        it.brought_by = draft.own().map(|own| own.id);
        draft.push(Event::MembershipBegun { step: Step::Provision, membership: Box::new(it) });
        Ok(())
    }
}

/// I1: a role that keeps the organization is given by its keepers or by the host, to a person who
/// accepts it; a directory neither gives nor takes it.
pub(super) fn keeper_is_not_given(draft: &Draft<'_>, role: &RoleName) -> Result<(), Refusal> {
    let by_host = matches!(draft.facts.principal, crate::domain::Principal::System);
    if draft.role(role)?.keeps_organization && !by_host {
        return Err(Refusal::RuleForbids {
            rule: "I1",
            because: "ownership moves by an offer that the person accepts",
        });
    }
    Ok(())
}

/// The host's own name for a person is not in use.
pub(super) fn not_known(
    draft: &Draft<'_>,
    organization: OrganizationId,
    external_id: Option<&ExternalId>,
) -> Result<(), Refusal> {
    let held = external_id.is_some_and(|id| {
        draft.state.holder(&Claim::ExternalId(organization, id.clone())).is_some()
    });
    if held { Err(Refusal::Taken("external id")) } else { Ok(()) }
}

/// Whoever holds an address in an organization: live, gone, or kept out.
pub(super) fn address_needs(
    facts: &Facts,
    organization: OrganizationId,
    email: &EmailAddress,
) -> Vec<Need> {
    let canonical = email.canonical();
    let mut needs = vec![
        Need::Holder(Claim::MembershipEmail(organization.into(), canonical.clone())),
        Need::Holder(Claim::Former(organization, canonical.clone())),
    ];
    needs.extend(
        facts
            .block_digests(organization, canonical)
            .into_iter()
            .map(|digest| Need::Record(Key::Block(organization, digest))),
    );
    needs
}
