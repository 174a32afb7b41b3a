//! Somebody has another role.

use serde::{Deserialize, Serialize};

use crate::domain::{
    HandoverPlan, MembershipId, Need, Principal, Refusal, RoleName, Scope, StatusGroup, StatusName,
    Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use crate::access::Management;

/// Gives somebody another role; it takes effect at once. What they were granted for a while stays,
/// except a role that takes a seat where the new one takes none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRole {
    /// The scope of the membership.
    pub scope: Scope,
    /// The membership.
    pub membership: MembershipId,
    /// The role.
    pub role: RoleName,
    /// What becomes of the work that the person cannot reach in the new role; none: it stays.
    #[serde(default)]
    pub handover: Option<HandoverPlan>,
}

answers_nothing!(ChangeRole);

impl Decide for ChangeRole {
    about!(scope);

    fn needs(&self, facts: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Person(self.membership));
        super::needs_of_room(facts, self.scope.organization, needs);
        super::hand_over::needs_of_plan(self.scope.organization, self.handover.as_ref(), needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = draft.membership(self.scope, self.membership)?;
        draft.stand_above(it, Management::ChangeRoles)?;
        let status = it.status.name();
        match status.group() {
            StatusGroup::Removed => return Err(Refusal::NotFound(Thing::Membership)),
            StatusGroup::Pending if !draft.rules()?.edit_pending => {
                return Err(Refusal::RuleForbids {
                    rule: "C4",
                    because: "wait until the person has set up",
                });
            }
            StatusGroup::Pending | StatusGroup::Active | StatusGroup::Deactivated => {}
        }
        if it.role == self.role {
            return Err(Refusal::NoChange);
        }
        let role = draft.role(&self.role)?;
        draft.may_assign(role)?;
        if role.keeps_organization && !matches!(draft.facts.principal, Principal::System) {
            return Err(Refusal::RuleForbids {
                rule: "I1",
                because: "ownership moves by an offer that the person accepts",
            });
        }
        become_role(draft, it, role, status)?;
        draft.hand_over_what_is_lost(it, self.handover.as_ref())
    }
}

/// The change itself: somebody still keeps the organization (I1), and there is a seat (I2).
pub(super) fn become_role(
    draft: &mut Draft<'_>,
    it: &crate::domain::Membership,
    role: &crate::domain::Role,
    status: StatusName,
) -> Result<(), Refusal> {
    if !role.keeps_organization {
        draft.stays_kept_without(it)?;
    }
    draft.seat_is_taken_above(it, role)?;
    let before = draft.role(&it.role)?;
    draft.make_room(it.scope, Some((before, status)), (role, status))?;
    draft.change_role(it, role);
    Ok(())
}
