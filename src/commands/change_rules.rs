//! The host's choices for an organization change.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Event, Invalid, Joining, Need, OrganizationId, Problem, ProfileField, Provisioning, Refusal,
    Role, RoleName, Rules, Separation, Span, Thing,
};

use crate::access::{Catalogue, Management};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

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
    about!(organization);

    fn needs(&self, _: &Facts, _: &mut Vec<Need>) {}

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        if *draft.rules()? == self.rules {
            return Err(Refusal::NoChange);
        }
        let (state, organization) = (draft.state, self.organization);
        check(&self.rules, draft.catalogue(), |name| state.role(organization, name))?;
        self.may_bring_in(draft)?;
        let before = draft.rules()?;
        if before.seats != self.rules.seats || before.seats_full != self.rules.seats_full {
            // What uses a seat, and whether their number grows, is a matter of money (C8).
            draft.hold(Management::Billing)?;
        }
        draft.push(Event::RulesChanged { rules: Box::new(self.rules.clone()) });
        Ok(())
    }
}

impl ChangeRules {
    /// I5: nobody opens or widens a way in to a role that they may not give themselves.
    fn may_bring_in(&self, draft: &Draft<'_>) -> Result<(), Refusal> {
        let (before, after) = (draft.rules()?, &self.rules);
        let ways = [
            (before.joining != after.joining).then(|| joined_as(after)).flatten(),
            (before.provisioning != after.provisioning).then(|| provisioned_as(after)).flatten(),
            after
                .workspace_guest_role
                .as_ref()
                .filter(|_| before.workspace_guest_role != after.workspace_guest_role),
        ];
        for name in ways.into_iter().flatten() {
            draft.may_assign(draft.role(name)?)?;
        }
        Ok(())
    }
}

/// The roles that rules give to people by themselves.
pub(super) fn roles_given(rules: &Rules) -> Vec<&RoleName> {
    joined_as(rules)
        .into_iter()
        .chain(provisioned_as(rules))
        .chain(&rules.workspace_guest_role)
        .collect()
}

const fn joined_as(rules: &Rules) -> Option<&RoleName> {
    match &rules.joining {
        Joining::InvitationOnly => None,
        Joining::Open { role } | Joining::Domains { role, .. } => Some(role),
    }
}

const fn provisioned_as(rules: &Rules) -> Option<&RoleName> {
    match &rules.provisioning {
        Provisioning::JustInTime { role } => Some(role),
        Provisioning::MustExist | Provisioning::DirectorySync => None,
    }
}

/// Rules that can be followed: every role they name exists, every field stands once.
pub(super) fn check<'r>(
    rules: &Rules,
    catalogue: &Catalogue,
    role: impl Fn(&RoleName) -> Option<&'r Role>,
) -> Result<(), Refusal> {
    for name in roles_given(rules) {
        if role(name).ok_or(Refusal::NotFound(Thing::Role))?.keeps_organization {
            return Err(Refusal::RuleForbids {
                rule: "I1",
                because: "nobody becomes an owner by coming in; offer it to them",
            });
        }
    }
    check_separation(&rules.separation, catalogue, &role)?;
    // NIST SP 800-63B §5.1.1.2 has reset links work for a day at most.
    if rules.password_reset_lifetime > Span::hours(24) {
        let because = "a password link works for at most 24 hours";
        return Err(Refusal::RuleForbids { rule: "C7", because });
    }
    let twice = |(n, field): (usize, &ProfileField)| {
        rules.fields.iter().take(n).any(|other| other.name == field.name)
    };
    if let Some((_, field)) = rules.fields.iter().enumerate().find(|it| twice(*it)) {
        let problem = Problem::Form("it is declared twice; declare it once");
        return Err(Invalid::new("profile field", field.name.as_str(), problem).into());
    }
    if let Joining::Domains { domains, .. } = &rules.joining {
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

/// Pairs of roles and permissions that there are, each pair once and of two.
fn check_separation<'r>(
    pairs: &[Separation],
    catalogue: &Catalogue,
    role: &impl Fn(&RoleName) -> Option<&'r Role>,
) -> Result<(), Refusal> {
    for (n, pair) in pairs.iter().enumerate() {
        let one_only = match pair {
            Separation::Roles(one, other) => {
                role(one).and(role(other)).ok_or(Refusal::NotFound(Thing::Role))?;
                one == other
            }
            Separation::Permissions(one, other) => {
                if let Some(unknown) = [one, other].into_iter().find(|it| !catalogue.knows(it)) {
                    return Err(Refusal::UnknownPermission(unknown.clone()));
                }
                one == other
            }
        };
        let invalid = |problem| Invalid::new("separation", &pair.to_string(), problem);
        if one_only {
            let problem = Problem::Form("nothing is kept apart from itself; name two");
            return Err(invalid(problem).into());
        }
        if pairs.iter().take(n).any(|earlier| earlier.is_same(pair)) {
            let problem = Problem::Form("it is declared twice; declare it once");
            return Err(invalid(problem).into());
        }
    }
    Ok(())
}

/// Whether the rules keep a role apart from another.
pub(super) fn is_kept_apart(rules: &Rules, role: &RoleName) -> bool {
    rules.separation.iter().any(|pair| match pair {
        Separation::Roles(one, other) => one == role || other == role,
        Separation::Permissions(..) => false,
    })
}
