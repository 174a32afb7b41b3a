//! Somebody's listed resources change.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, Fence, HandoverPlan, MembershipId, Need, Refusal, Scope, Thing};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use crate::access::Management;

/// Lists the resources that somebody's fenced permissions reach: these inboxes and no others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetFence {
    /// The scope of the membership.
    pub scope: Scope,
    /// The membership.
    pub membership: MembershipId,
    /// All its listed resources from now on.
    pub fence: Fence,
    /// What becomes of the work that the person cannot reach with the new list; none: it stays.
    #[serde(default)]
    pub handover: Option<HandoverPlan>,
}

answers_nothing!(SetFence);

impl Decide for SetFence {
    about!(scope);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Person(self.membership));
        super::hand_over::needs_of_plan(self.scope.organization, self.handover.as_ref(), needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = draft.membership(self.scope, self.membership)?;
        draft.stand_above(it, Management::OverridePermissions)?;
        if !it.is_live() {
            return Err(Refusal::NotFound(Thing::Membership));
        }
        gives_no_more(draft, &self.fence)?;
        if it.fence == self.fence {
            return Err(Refusal::NoChange);
        }
        draft.push(Event::FenceChanged { membership: it.id, fence: self.fence.clone() });
        draft.hand_over_what_is_lost(it, self.handover.as_ref())
    }
}

/// I5: whoever lists resources has no narrower list.
pub(super) fn gives_no_more(draft: &Draft<'_>, fence: &Fence) -> Result<(), Refusal> {
    let exceeded = draft
        .standing
        .as_ref()
        .filter(|_| !draft.above_ranks())
        .and_then(|standing| standing.fence_exceeded_by(fence, draft.catalogue()));
    match exceeded {
        Some(permission) => Err(Refusal::ExceedsOwn(permission)),
        None => Ok(()),
    }
}
