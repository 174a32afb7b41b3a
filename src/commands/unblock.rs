//! An erased person may come back.

use serde::{Deserialize, Serialize};

use crate::domain::{EmailAddress, Event, Key, Need, OrganizationId, Refusal, Thing};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Lifts the block of somebody who was erased; whoever proves the address may come back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unblock {
    /// The organization.
    pub organization: OrganizationId,
    /// The address, which nobody but the person knows any more.
    pub email: EmailAddress,
}

answers_nothing!(Unblock);

impl Decide for Unblock {
    about!(organization);

    fn needs(&self, facts: &Facts, needs: &mut Vec<Need>) {
        let organization = self.organization;
        let digests = facts.block_digests(organization, self.email.canonical());
        needs.extend(digests.into_iter().map(|it| Need::Record(Key::Block(organization, it))));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let organization = self.organization;
        let digests = draft.facts.block_digests(organization, self.email.canonical());
        let mut any = false;
        for digest in digests {
            if draft.state.is_blocked(organization, digest) {
                any = true;
                draft.push(Event::BlockLifted { organization, digest });
            }
        }
        if any { Ok(()) } else { Err(Refusal::NotFound(Thing::Membership)) }
    }
}
