//! A grant is taken back.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, GrantId, MembershipId, Need, Refusal, Scope, Thing};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use crate::access::Management;

/// Takes a grant back at once, also one that has not begun. It takes rank over the person and over
/// the role that the grant gives; holding what it gives is not needed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeGrant {
    /// The scope of the membership.
    pub scope: Scope,
    /// The membership.
    pub membership: MembershipId,
    /// The grant.
    pub grant: GrantId,
}

answers_nothing!(RevokeGrant);

impl Decide for RevokeGrant {
    about!(scope);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Person(self.membership));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = draft.membership(self.scope, self.membership)?;
        draft.stand_above(it, Management::OverridePermissions)?;
        let grant = it.grants.get(&self.grant).ok_or(Refusal::NotFound(Thing::Grant))?;
        // I5: one that has not begun gives no rank yet, and is given by somebody above it.
        if let Some(role) = grant.role().and_then(|name| draft.role(name).ok()) {
            draft.outrank(role.rank)?;
        }
        draft.push(Event::GrantRevoked { membership: it.id, grant: grant.id });
        Ok(())
    }
}
