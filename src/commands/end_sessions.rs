//! Somebody is signed out everywhere in an organization.

use serde::{Deserialize, Serialize};

use crate::domain::{MembershipId, Need, Refusal, Scope, Thing};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use crate::access::Management;

/// Ends all sessions of a membership: one's own, or those of people one stands above.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndSessions {
    /// The scope of the membership.
    pub scope: Scope,
    /// The membership.
    pub membership: MembershipId,
}

answers_nothing!(EndSessions);

impl Decide for EndSessions {
    about!(scope);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Person(self.membership));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = draft.membership(self.scope, self.membership);
        let own = it.as_ref().is_ok_and(|it| draft.is_own(it) && it.is_active());
        if !own {
            draft.hold(Management::Deactivate)?;
        }
        let it = it.map_err(|_| draft.absent(Thing::Membership))?;
        if !own {
            draft.stand_above(it, Management::Deactivate)?;
        }
        if !it.is_live() {
            return Err(Refusal::NotFound(Thing::Membership));
        }
        draft.end_sessions(it);
        Ok(())
    }
}
