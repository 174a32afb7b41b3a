//! The host's choices for an organization change.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Event, Invalid, Joining, Need, OrganizationId, Problem, ProfileField, Provisioning, Refusal,
    Role, RoleName, Rules, Scope, Stream, Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, answers_nothing};

/// Chooses other rules. Nobody is dropped by it: a full seat count only blocks new use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRules {
    /// The organization.
    pub organization: OrganizationId,
    /// All its rules from now on.
    pub rules: Rules,
}

answers_nothing!(ChangeRules);

impl Decide for ChangeRules {
    fn stream(&self) -> Stream {
        Stream::Organization(self.organization)
    }

    fn scope(&self) -> Option<Scope> {
        Some(self.organization.into())
    }

    fn needs(&self, _: &Facts, _: &mut Vec<Need>) {}

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        if *draft.rules()? == self.rules {
            return Err(Refusal::NoChange);
        }
        let (state, organization) = (draft.state, self.organization);
        check(&self.rules, |name| state.role(organization, name))?;
        self.may_bring_in(draft)?;
        draft.push(Event::RulesChanged { rules: Box::new(self.rules.clone()) });
        Ok(())
    }
}

impl ChangeRules {
    /// I5: nobody opens a way in to a role that they may not give themselves.
    fn may_bring_in(&self, draft: &Draft<'_>) -> Result<(), Refusal> {
        let before = draft.rules()?;
        for name in roles_given(&self.rules) {
            if !roles_given(before).contains(&name) {
                draft.may_assign(draft.role(name)?)?;
            }
        }
        Ok(())
    }
}

/// The roles that rules give to people by themselves.
pub(super) fn roles_given(rules: &Rules) -> Vec<&RoleName> {
    let joining = match &rules.joining {
        Joining::InvitationOnly => None,
        Joining::Open { role } | Joining::Domains { role, .. } => Some(role),
    };
    let provisioning = match &rules.provisioning {
        Provisioning::JustInTime { role } => Some(role),
        Provisioning::MustExist | Provisioning::DirectorySync => None,
    };
    joining.into_iter().chain(provisioning).chain(&rules.workspace_guest_role).collect()
}

/// Rules that can be followed: every role they name exists, every field stands once.
pub(super) fn check<'r>(
    rules: &Rules,
    role: impl Fn(&RoleName) -> Option<&'r Role>,
) -> Result<(), Refusal> {
    const MAX_FIELDS: usize = 64;
    const MAX_DOMAINS: usize = 100;
    for name in roles_given(rules) {
        // I1: nobody becomes an owner by a rule.
        if role(name).ok_or(Refusal::NotFound(Thing::Role))?.keeps_organization {
            let because = "rules give no role that keeps the organization";
            return Err(Refusal::RuleForbids { rule: "I1", because });
        }
    }
    if rules.fields.len() > MAX_FIELDS {
        return Err(Refusal::TooMany { what: "profile fields", max: MAX_FIELDS });
    }
    let twice = |(n, field): (usize, &ProfileField)| {
        rules.fields.iter().take(n).any(|other| other.name == field.name)
    };
    if let Some((_, field)) = rules.fields.iter().enumerate().find(|it| twice(*it)) {
        let problem = Problem::Form("it is declared twice; declare it once");
        return Err(Invalid::new("profile field", field.name.as_str(), problem).into());
    }
    if let Joining::Domains { domains, .. } = &rules.joining {
        if domains.len() > MAX_DOMAINS {
            return Err(Refusal::TooMany { what: "domains", max: MAX_DOMAINS });
        }
        let wrong = domains.iter().find(|it| {
            it.len() > 253 || idna::domain_to_ascii_strict(it).map_or(true, |ascii| ascii != **it)
        });
        if let Some(domain) = wrong {
            let problem = Problem::Form("write a domain in ASCII and lower case: example.com");
            return Err(Invalid::new("domain", domain, problem).into());
        }
    }
    let words =
        [&rules.words.pending, &rules.words.active, &rules.words.deactivated, &rules.words.removed];
    for word in words {
        crate::domain::RoleTitle::new(word)?;
    }
    Ok(())
}
