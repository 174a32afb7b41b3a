//! A role made at run time is deleted.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, Need, OrganizationId, Refusal, RoleName};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Deletes a role that was made at run time and that nobody holds, or may still hold by a grant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteRole {
    /// The organization.
    pub organization: OrganizationId,
    /// The role.
    pub role: RoleName,
}

answers_nothing!(DeleteRole);

impl Decide for DeleteRole {
    about!(organization);

    fn needs(&self, _: &Facts, _: &mut Vec<Need>) {}

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let role = super::edit_role::changeable(draft, &self.role)?;
        let holders = super::edit_role::holders(draft, &role.name)?;
        if holders > 0 {
            return Err(Refusal::RoleInUse(holders));
        }
        // A role of the same name made later must not be given by what is granted today.
        super::edit_role::not_granted(draft, &role.name)?;
        if super::change_rules::roles_given(draft.rules()?).contains(&&role.name) {
            return Err(Refusal::RuleForbids {
                rule: "C17",
                because: "the rules give this role to newcomers; change them first",
            });
        }
        if super::change_rules::is_kept_apart(draft.rules()?, &role.name) {
            return Err(Refusal::RuleForbids {
                rule: "separation",
                because: "the rules keep this role apart from another; change them first",
            });
        }
        draft.push(Event::RoleDeleted { role: role.name.clone() });
        Ok(())
    }
}
