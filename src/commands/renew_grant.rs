//! A grant ends later, or sooner.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, GrantId, Lasting, MembershipId, Need, Refusal, Scope, Thing};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use crate::access::Management;

/// Lets a grant that is not over end at another time, later or sooner. Whoever renews it stands
/// behind all of it, as whoever gives one does; one that is over is given anew instead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewGrant {
    /// The scope of the membership.
    pub scope: Scope,
    /// The membership.
    pub membership: MembershipId,
    /// The grant.
    pub grant: GrantId,
    /// How long from now on, or from its beginning if that is still to come.
    pub lasting: Lasting,
}

answers_nothing!(RenewGrant);

impl Decide for RenewGrant {
    about!(scope);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Person(self.membership));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let it = draft.membership(self.scope, self.membership)?;
        draft.stand_above(it, Management::OverridePermissions)?;
        let now = draft.now();
        let grant = it.grants.get(&self.grant).filter(|grant| !grant.is_over(now));
        let grant = grant.ok_or(Refusal::NotFound(Thing::Grant))?;
        super::give_grant::may_give(draft, it, &grant.gives)?;
        let until = super::give_grant::end(draft, grant.from.max(now), self.lasting)?;
        if until == grant.until {
            return Err(Refusal::NoChange);
        }
        draft.push(Event::GrantRenewed { membership: it.id, grant: grant.id, until });
        Ok(())
    }
}
