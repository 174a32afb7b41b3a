//! A role is made at run time.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Event, MayAssign, Need, OrganizationId, PermissionName, Refusal, Role, RoleName,
    RolePermissions, Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, Intent, about};

use crate::access::Management;

/// Makes a role. It ranks below whoever makes it and holds no more than they do (I5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateRole {
    /// The organization.
    pub organization: OrganizationId,
    /// The role.
    pub role: Role,
}

impl Intent for CreateRole {
    type Output = RoleName;

    fn output(events: &[Event]) -> Option<RoleName> {
        events.iter().find_map(|event| {
            if let Event::RoleCreated { role } = event { Some(role.name.clone()) } else { None }
        })
    }
}

impl Decide for CreateRole {
    about!(organization);

    fn needs(&self, _: &Facts, _: &mut Vec<Need>) {}

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        const MAX: usize = super::limits::ROLES;
        if draft.role(&self.role.name).is_ok() {
            return Err(Refusal::NameTaken(Thing::Role));
        }
        if draft.state.roles(self.organization).count() >= MAX {
            return Err(Refusal::TooMany { what: "roles", max: MAX });
        }
        may_make(draft, &self.role)?;
        draft.push(Event::RoleCreated { role: Role { custom: true, ..self.role.clone() } });
        Ok(())
    }
}

/// Every permission that a role lists is declared.
pub(super) fn check_permissions(draft: &Draft<'_>, role: &Role) -> Result<(), Refusal> {
    let names: Vec<&PermissionName> = match &role.permissions {
        RolePermissions::AllBut(except) => except.iter().collect(),
        RolePermissions::Only(listed) => listed.keys().collect(),
    };
    match names.into_iter().find(|name| !draft.catalogue().knows(name)) {
        Some(unknown) => Err(Refusal::UnknownPermission(unknown.clone())),
        None => Ok(()),
    }
}

/// I5: whoever makes or changes a role stands above it and holds all of it.
pub(super) fn may_make(draft: &Draft<'_>, role: &Role) -> Result<(), Refusal> {
    check_permissions(draft, role)?;
    if matches!(role.permissions, RolePermissions::AllBut(_)) {
        return Err(Refusal::RuleForbids { rule: "I5", because: "list the permissions it gives" });
    }
    if role.keeps_organization {
        return Err(Refusal::RuleForbids {
            rule: "I1",
            because: "only the host's own roles keep the organization",
        });
    }
    let Some(standing) = draft.standing.as_ref().filter(|_| !draft.above_ranks()) else {
        return Ok(());
    };
    if role.rank >= standing.rank() {
        return Err(Refusal::Outranked { own: standing.rank(), theirs: role.rank });
    }
    if let Some(permission) = standing.exceeded_by(&role.permissions, draft.catalogue()) {
        return Err(Refusal::ExceedsOwn(permission));
    }
    if let MayAssign::Only(names) = &role.may_assign {
        for name in names.iter().filter(|name| **name != role.name) {
            draft.may_assign(draft.role(name)?)?;
        }
    }
    // A role without a seat is a matter of money.
    if !role.takes_seat {
        draft.hold(Management::Billing)?;
    }
    if role.reaches_workspaces && !standing.reaches_workspaces() {
        let because = "your own role does not reach into the workspaces";
        return Err(Refusal::RuleForbids { rule: "I5", because });
    }
    Ok(())
}
