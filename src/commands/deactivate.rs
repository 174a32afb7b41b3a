//! Somebody is out, and can return.

use serde::{Deserialize, Serialize};

use crate::domain::{
    DeactivatedBecause, HandoverPlan, MembershipId, Need, Refusal, Removal, Scope,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use crate::access::Management;

/// Deactivates somebody: sessions end and issued invitations are void at once; the seat is free
/// (C10), the history stays, and the work goes where the rules and the disposition say (C9).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deactivate {
    /// The scope of the membership.
    pub scope: Scope,
    /// The membership.
    pub membership: MembershipId,
    /// Why.
    pub because: DeactivatedBecause,
    /// What becomes of the work; none leaves it to the rules.
    #[serde(default)]
    pub handover: Option<HandoverPlan>,
}

impl Deactivate {
    /// Leaves the work to the rules.
    pub fn new(
        scope: impl Into<Scope>,
        membership: MembershipId,
        because: DeactivatedBecause,
    ) -> Self {
        Self { scope: scope.into(), membership, because, handover: None }
    }

    /// Says what becomes of the work.
    #[must_use]
    pub fn handing_over(mut self, plan: impl Into<HandoverPlan>) -> Self {
        self.handover = Some(plan.into());
        self
    }
}

answers_nothing!(Deactivate);

impl Decide for Deactivate {
    about!(scope);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        super::needs_of_leaving((self.scope, self.membership), self.handover.as_ref(), needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = draft.membership(self.scope, self.membership)?;
        draft.stand_above(it, Management::Deactivate)?;
        if draft.rules()?.removal == Removal::Irreversible {
            let because = "people are removed here, not deactivated";
            return Err(Refusal::RuleForbids { rule: "C1", because });
        }
        draft.deactivate_person(it, self.because, self.handover.as_ref())
    }
}
