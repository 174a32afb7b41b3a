//! A role made at run time changes.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, Need, OrganizationId, Refusal, Role};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Changes a role that was made at run time; its holders feel it at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditRole {
    /// The organization.
    pub organization: OrganizationId,
    /// The role as it shall be; its name says which.
    pub role: Role,
}

answers_nothing!(EditRole);

impl Decide for EditRole {
    about!(organization);

    fn needs(&self, _: &Facts, _: &mut Vec<Need>) {}

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let before = changeable(draft, &self.role.name)?;
        let after = Role { custom: true, ..self.role.clone() };
        if *before == after {
            return Err(Refusal::NoChange);
        }
        super::create_role::may_make(draft, &after)?;
        let holders = holders(draft, &before.name)?;
        if before.takes_seat != after.takes_seat {
            // I2: seats are used by people, one decision each.
            if holders > 0 {
                return Err(Refusal::RoleInUse(holders));
            }
            not_granted(draft, &before.name)?;
        }
        draft.push(Event::RoleEdited { role: after });
        Ok(())
    }
}

/// A role that was made at run time and that whoever asks stands above.
pub(super) fn changeable<'a>(
    draft: &Draft<'a>,
    name: &crate::domain::RoleName,
) -> Result<&'a Role, Refusal> {
    let role = draft.role(name)?;
    if !role.custom {
        return Err(Refusal::BuiltInRole(name.clone()));
    }
    if let Some(standing) = draft.standing.as_ref().filter(|_| !draft.above_ranks())
        && role.rank >= standing.rank()
    {
        return Err(Refusal::Outranked { own: standing.rank(), theirs: role.rank });
    }
    Ok(role)
}

/// No grant gives a role, now or later.
pub(super) fn not_granted(
    draft: &Draft<'_>,
    name: &crate::domain::RoleName,
) -> Result<(), Refusal> {
    match draft.organization()?.granted(name, draft.now()) {
        Some(it) => Err(Refusal::RoleGranted { grants: it.grants, until: it.until }),
        None => Ok(()),
    }
}

/// How many live memberships have a role, in the organization and all its workspaces.
pub(super) fn holders(draft: &Draft<'_>, name: &crate::domain::RoleName) -> Result<u64, Refusal> {
    let organization = draft.organization()?;
    Ok(organization.tally.with_role(name) + organization.workspaces_tally.with_role(name))
}
