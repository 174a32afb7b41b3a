//! The vendor's person is let in.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Event, Need, OrganizationId, PermissionName, Principal, Reach, Reason, Refusal,
    RolePermissions, Span, SubjectName, SupportAccess, SupportAccessId, SupportRule, Timestamp,
};

use super::draft::Draft;
use super::{Decide, Facts, Intent, about};

use std::collections::BTreeSet;

/// Lets the vendor's person in: for what is listed, no more than whoever consents holds, and for as
/// long as the rules allow (C20). It uses no seat, holds no work, and stands above nobody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GiveSupport {
    /// The organization.
    pub organization: OrganizationId,
    /// The vendor's own name for its person.
    pub person: SubjectName,
    /// What they may do.
    pub permissions: BTreeSet<PermissionName>,
    /// What for.
    pub reason: Reason,
    /// For how long; none means standing access.
    pub lasting: Option<Span>,
}

impl Intent for GiveSupport {
    type Output = SupportAccessId;

    fn output(events: &[Event]) -> Option<SupportAccessId> {
        events.iter().find_map(|event| {
            if let Event::SupportGiven { access } = event { Some(access.id) } else { None }
        })
    }
}

impl Decide for GiveSupport {
    about!(organization);

    fn needs(&self, _: &Facts, _: &mut Vec<Need>) {}

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let until = until(draft, self.lasting)?;
        if let Some(name) = self.permissions.iter().find(|it| !draft.catalogue().knows(it)) {
            return Err(Refusal::UnknownPermission(name.clone()));
        }
        if let Some(standing) = draft.standing.as_ref().filter(|_| !draft.above_ranks()) {
            let all = self.permissions.iter().map(|name| (name.clone(), Reach::ALL)).collect();
            let exceeded = standing.exceeded_by(&RolePermissions::Only(all), draft.catalogue());
            if let Some(permission) = exceeded {
                return Err(Refusal::ExceedsOwn(permission));
            }
        }
        let access = SupportAccess {
            id: draft.id(),
            organization: self.organization,
            person: self.person.clone(),
            permissions: self.permissions.clone(),
            given_by: draft.own().map(|own| own.id),
            reason: self.reason.clone(),
            from: draft.now(),
            until,
            revoked_at: None,
        };
        draft.push(Event::SupportGiven { access: Box::new(access) });
        Ok(())
    }
}

/// When an access that begins now ends (C20). Support does not let support in, and under the rule
/// of consent neither does the host.
pub(super) fn until(
    draft: &Draft<'_>,
    lasting: Option<Span>,
) -> Result<Option<Timestamp>, Refusal> {
    let forbids = |because| Err(Refusal::RuleForbids { rule: "C20", because });
    match (&draft.rules()?.support, lasting, &draft.facts.principal) {
        (_, _, Principal::Support { .. }) => forbids("a member of the customer consents"),
        (SupportRule::Consent { .. }, _, Principal::System) => {
            forbids("a member of the customer consents")
        }
        (SupportRule::Consent { .. }, None, _) => forbids("say for how long"),
        (SupportRule::Consent { at_most }, Some(span), _) if span > *at_most => {
            forbids("it is longer than the rules allow")
        }
        (SupportRule::Consent { .. } | SupportRule::Standing, lasting, _) => {
            Ok(lasting.map(|span| draft.now().plus(span)))
        }
    }
}
