//! Reading the record of every change, and the feed of events.

use crate::access::Management;
use crate::domain::{
    BrokenChain, FeedPosition, Head, Key, Logged, Need, OrganizationId, Principal, Record, Refusal,
    Revision, State, Stream, Thing, UserId, verify_chain,
};
use crate::ports::Find;

use super::{Error, Inner, UserDirectory};

/// One page of audit entries.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuditPage {
    /// The entries, in their order.
    pub entries: Vec<Logged>,
    /// The position behind which the next page begins, if there is one.
    pub next: Option<Revision>,
}

const PAGE: u32 = 500;

impl UserDirectory {
    /// One page of an organization's audit, oldest first; takes [`Management::ViewAudit`].
    pub async fn audit(
        &self,
        who: &Principal,
        organization: OrganizationId,
        after: Revision,
        limit: u32,
    ) -> Result<AuditPage, Error> {
        let scope = organization.into();
        let state = self.inner.load(scope, who, Vec::new()).await?;
        let standing = self.inner.standing(&state, scope, who)?;
        Inner::may_ask(&standing, who, Management::ViewAudit)?;
        self.entries(Stream::Organization(organization), after, limit).await
    }

    /// One page of a user's own audit, oldest first: for the person and the host.
    pub async fn user_audit(
        &self,
        who: &Principal,
        user: UserId,
        after: Revision,
        limit: u32,
    ) -> Result<AuditPage, Error> {
        if *who != Principal::System && *who != Principal::Person(user) {
            return Err(Refusal::NotFound(Thing::User).into());
        }
        self.entries(Stream::User(user), after, limit).await
    }

    async fn entries(
        &self,
        stream: Stream,
        after: Revision,
        limit: u32,
    ) -> Result<AuditPage, Error> {
        let limit = limit.clamp(1, PAGE);
        let found = self.inner.store.find(&Find::Entries { stream, after, limit }).await?;
        let entries = logged(found);
        let full = entries.len() >= limit as usize;
        let next = entries.last().filter(|_| full).map(|last| last.entry.position);
        Ok(AuditPage { entries, next })
    }

    /// Checks a stream's whole chain, page by page, against the head that is on record; answers
    /// with that head. Keep it elsewhere, and nobody can rewrite what came before unseen.
    ///
    /// # Errors
    /// [`Error::Audit`] says where the chain is broken.
    pub async fn verify_audit(&self, stream: Stream) -> Result<Head, Error> {
        let recorded = self.recorded_head(stream).await?;
        let mut head = Head::default();
        loop {
            let page = self.entries(stream, head.position, PAGE).await?;
            let behind = verify_chain(head, &page.entries)?;
            let (from, to) = (head.position, behind.position);
            if from < recorded.position && recorded.position <= to {
                let there = |it: &&Logged| it.entry.position == recorded.position;
                let there = page.entries.iter().find(there).map(|it| it.entry.hash);
                if there != Some(recorded.hash) {
                    let what = "the head on record says otherwise";
                    return Err(BrokenChain { position: recorded.position, what }.into());
                }
            }
            head = behind;
            if page.next.is_none() {
                break;
            }
        }
        if head.position < recorded.position {
            let what = "the entries from here to the head on record are missing";
            return Err(BrokenChain { position: head.position.next(), what }.into());
        }
        Ok(head)
    }

    /// The head as it stands in the stream's own record.
    async fn recorded_head(&self, stream: Stream) -> Result<Head, Error> {
        let key = match stream {
            Stream::Organization(id) => Key::Organization(id),
            Stream::User(id) => Key::User(id),
        };
        let state = State::new(self.inner.store.load(&[Need::Record(key)]).await?);
        Ok(match stream {
            Stream::Organization(id) => state.organization(id).map(|it| it.head),
            Stream::User(id) => state.user(id).map(|it| it.head),
        }
        .unwrap_or_default())
    }

    /// What happened in all organizations behind a position, in one order: for billing, webhooks
    /// and search.
    ///
    /// At least once: keep the position of the last entry you are done with, and ask again behind
    /// it. [`Entry::seats_used`](crate::domain::Entry::seats_used) says how many seats were in use
    /// from that moment on, so seat-days are the steps between entries. For the host itself.
    pub async fn events_since(
        &self,
        after: FeedPosition,
        limit: u32,
    ) -> Result<Vec<Logged>, Error> {
        let limit = limit.clamp(1, PAGE);
        Ok(logged(self.inner.store.find(&Find::Feed { after, limit }).await?))
    }
}

fn logged(records: Vec<Record>) -> Vec<Logged> {
    let pick = |record| if let Record::Entry(it) = record { Some(*it) } else { None };
    records.into_iter().filter_map(pick).collect()
}
