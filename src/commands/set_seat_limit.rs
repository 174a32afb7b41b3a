//! How many seats an organization has.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, Need, OrganizationId, Refusal};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Sets the seat limit. One below the use drops nobody: it blocks new use until enough are free.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetSeatLimit {
    /// The organization.
    pub organization: OrganizationId,
    /// At most this many seats; none means no limit.
    pub limit: Option<u32>,
}

answers_nothing!(SetSeatLimit);

impl Decide for SetSeatLimit {
    about!(organization);

    fn needs(&self, _: &Facts, _: &mut Vec<Need>) {}

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        if draft.organization()?.seat_limit == self.limit {
            return Err(Refusal::NoChange);
        }
        draft.push(Event::SeatLimitSet { limit: self.limit });
        Ok(())
    }
}
