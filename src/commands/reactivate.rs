//! Somebody returns.

use serde::{Deserialize, Serialize};

use crate::domain::{
    DeactivatedBecause, Event, MembershipId, MembershipStatus, Need, Principal, Refusal, Scope,
    StatusName, Step,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use crate::access::Management;

/// Reactivates somebody: role, teams, permissions and resources are as they were; a seat must be
/// free (I2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reactivate {
    /// The scope of the membership.
    pub scope: Scope,
    /// The membership.
    pub membership: MembershipId,
    /// What becomes of the work that was handed over when they went.
    #[serde(default)]
    pub work: WorkOnReturn,
}

/// What becomes of handed-over work when somebody returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkOnReturn {
    /// It stays with whoever has it now; what has not moved yet stays with the person.
    #[default]
    StaysWhereItIs,
    /// What nobody has touched since comes back.
    ComesBack,
}

answers_nothing!(Reactivate);

impl Decide for Reactivate {
    about!(scope);

    fn needs(&self, facts: &Facts, needs: &mut Vec<Need>) {
        super::hand_over::needs_of_holder(self.membership, needs);
        super::needs_of_room(facts, self.scope.organization, needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = draft.membership(self.scope, self.membership)?;
        draft.stand_above(it, Management::Deactivate)?;
        Draft::step(it, Step::Reactivate)?;
        // A directory brings back whom it withdrew, not whom somebody here keeps out.
        let blocked = matches!(
            it.status,
            MembershipStatus::Deactivated { because: DeactivatedBecause::Blocked, .. }
        );
        if blocked && matches!(draft.facts.principal, Principal::Provisioner { .. }) {
            return Err(Refusal::Blocked);
        }
        // I5: whoever brings somebody back stands behind the role, as whoever gave it did.
        let role = draft.role(&it.role)?;
        draft.may_assign(role)?;
        draft.make_room(it.scope, Some((role, it.status.name())), (role, StatusName::Active))?;
        draft.push(Event::MembershipActivated {
            membership: it.id,
            step: Step::Reactivate,
            at: draft.now(),
        });
        draft.take_work_back(it, self.work);
        Ok(())
    }
}
