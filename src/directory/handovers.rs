//! How far handovers are, and what their batches did.

use crate::domain::{
    Breadth, Handover, HandoverId, HandoverReceipt, Key, Need, OrganizationId, Principal, Record,
    Refusal, State, Thing,
};
use crate::ports::{Find, StoreError};

use super::people::{MAX_PAGE, Page};
use super::{Error, Inner, UserDirectory};

/// A receipt lists up to a batch of items: pages of them are short.
const MOST_RECEIPTS: u32 = 20;

impl UserDirectory {
    /// The handovers of an organization, and how far each is: what is left, and why, included.
    /// Takes [`Management::ViewPeople`](crate::Management::ViewPeople) with full reach.
    pub async fn handovers(
        &self,
        who: &Principal,
        organization: OrganizationId,
        after: Option<HandoverId>,
        limit: u32,
    ) -> Result<Page<Handover, HandoverId>, Error> {
        let limit = limit.clamp(1, MAX_PAGE);
        let question = Find::Handovers { organization, after, limit };
        self.page(who, organization, (&question, Breadth::All), limit, |record| {
            if let Record::Handover(it) = record { Some((it.id, *it)) } else { None }
        })
        .await
    }

    /// What each batch of a handover did, at most 20 of them at once: which items moved from whom to
    /// whom, which did not, and why. Takes what [`handovers`](Self::handovers) takes.
    pub async fn handover_receipts(
        &self,
        who: &Principal,
        organization: OrganizationId,
        handover: HandoverId,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Page<HandoverReceipt, u32>, Error> {
        let limit = limit.clamp(1, MOST_RECEIPTS);
        let question = Find::HandoverReceipts { handover, after, limit };
        let page = self.page(who, organization, (&question, Breadth::All), limit, |record| {
            if let Record::HandoverReceipt(it) = record {
                Some((it.batch.number, *it))
            } else {
                None
            }
        });
        let page = page.await?;
        // I11: what belongs to others is not there.
        let needs = [Need::Record(Key::Handover(handover))];
        let state = State::new(self.inner.store.load(&needs).await?);
        let own = state.handover(handover).filter(|it| it.organization == organization);
        own.ok_or(Refusal::NotFound(Thing::Handover))?;
        Ok(page)
    }
}

impl Inner {
    /// The next receipt of a handover.
    pub(super) async fn receipt(
        &self,
        handover: HandoverId,
        after: Option<u32>,
    ) -> Result<Option<HandoverReceipt>, StoreError> {
        let question = Find::HandoverReceipts { handover, after, limit: 1 };
        let found = self.store.find(&question).await?;
        Ok(found.into_iter().find_map(|record| {
            if let Record::HandoverReceipt(it) = record { Some(*it) } else { None }
        }))
    }
}
