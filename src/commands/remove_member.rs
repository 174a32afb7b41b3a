//! Somebody is gone from a workspace or from the organization.

use serde::{Deserialize, Serialize};

use crate::domain::{
    HandoverPlan, Membership, MembershipId, Need, Refusal, Removal, RemovedBecause, Scope,
    WorkspaceRemoval,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use crate::access::Management;

/// Removes somebody for good. From a workspace: the organization stays theirs, unless the rules say
/// that the last workspace takes it along (C18). From the organization: every workspace too.
///
/// A tombstone keeps the history; whoever is invited again begins anew, linked to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveMember {
    /// The scope of the membership.
    pub scope: Scope,
    /// The membership.
    pub membership: MembershipId,
    /// What becomes of the work; none leaves it to the rules.
    #[serde(default)]
    pub handover: Option<HandoverPlan>,
}

answers_nothing!(RemoveMember);

impl Decide for RemoveMember {
    about!(scope);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        super::needs_of_leaving((self.scope, self.membership), self.handover.as_ref(), needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = draft.membership(self.scope, self.membership)?;
        draft.stand_above(it, Management::Remove)?;
        if draft.rules()?.removal == Removal::Reversible {
            let because = "people are deactivated here, not removed";
            return Err(Refusal::RuleForbids { rule: "C1", because });
        }
        let because = RemovedBecause::Removed;
        match last_workspace_takes_along(draft, it)? {
            Some(whole) => {
                draft.stand_above(whole, Management::Remove)?;
                draft.remove_person(whole, because, self.handover.as_ref())
            }
            None => draft.remove_person(it, because, self.handover.as_ref()),
        }
    }
}

/// C18: the membership in the organization that goes with the last one in a workspace.
pub(super) fn last_workspace_takes_along<'a>(
    draft: &Draft<'a>,
    it: &Membership,
) -> Result<Option<&'a Membership>, Refusal> {
    if it.scope.workspace.is_none()
        || draft.rules()?.workspace_removal == WorkspaceRemoval::WorkspaceOnly
    {
        return Ok(None);
    }
    let all = draft.state.memberships_of_same_person(it);
    let elsewhere = all.iter().any(|one| one.scope.workspace.is_some() && one.id != it.id);
    let whole = all.into_iter().find(|one| one.scope.workspace.is_none());
    Ok(whole.filter(|_| !elsewhere))
}
