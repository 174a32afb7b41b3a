//! What is due: mail, invitations that have run out, handovers, closings.

use std::collections::BTreeMap;

use crate::commands::{Command, FinishClosing, LapseInvitation};
use crate::domain::{Handover, OrganizationId, Principal, Record};
use crate::ports::Find;

use super::many::Batching;
use super::{Error, UserDirectory};

/// How much one call of [`maintain`](UserDirectory::maintain) does at most.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Maintenance {
    /// Mails tried.
    pub mails: u32,
    /// Invitations lapsed.
    pub invitations: u32,
    /// Handover batches moved.
    pub batches: u32,
    /// Items in one handover batch: 1 to 10,000.
    pub items: u32,
    /// Organizations closed.
    pub closings: u32,
}

impl Default for Maintenance {
    fn default() -> Self {
        Self { mails: 100, invitations: 500, batches: 20, items: 500, closings: 20 }
    }
}

/// What one call did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Maintained {
    /// Mails that the mailer acknowledged.
    pub mails_sent: u32,
    /// Mails that the mailer refused; they are tried again later.
    pub mails_failed: u32,
    /// Mails that were no longer true and were dropped unsent.
    pub mails_dropped: u32,
    /// Invitations whose seats are free now.
    pub invitations_lapsed: u32,
    /// Items of work that changed hands.
    pub items_moved: u64,
    /// Handovers that are done.
    pub handovers_done: u32,
    /// Handovers that came to an end with something left that nobody may receive.
    pub handovers_stuck: u32,
    /// Organizations that are closed now.
    pub organizations_closed: u32,
    /// Whether more was due than one call does: call again soon.
    pub more: bool,
}

impl UserDirectory {
    /// Does what is due, a bounded step at a time. Call it every few seconds from anywhere, also
    /// from several processes at once; each thing is done by one of them.
    ///
    /// When it is not called: no mail goes out, work stays with whoever left, invitations that ran
    /// out keep their seat until somebody needs it, and closing organizations stay closing. No
    /// access lasts longer for it, and no link works longer.
    #[tracing::instrument(name = "tenure.maintain", level = "debug", skip_all)]
    pub async fn maintain(&self) -> Result<Maintained, Error> {
        self.maintain_up_to(Maintenance::default()).await
    }

    /// The same with other bounds.
    pub async fn maintain_up_to(&self, most: Maintenance) -> Result<Maintained, Error> {
        self.maintain_telling(most, &|_| ()).await
    }

    /// The same, telling after each batch how far its handover is: what has moved, what
    /// [remains](crate::domain::Handover::remaining), and
    /// [how long that may take](crate::domain::Handover::estimate).
    ///
    /// To stop at once, drop the future: nothing is lost, and after a lease of five minutes
    /// another call goes on. To stop between two batches, ask for few of them at a time.
    pub async fn maintain_telling(
        &self,
        most: Maintenance,
        report: &(dyn Fn(&Handover) + Sync),
    ) -> Result<Maintained, Error> {
        self.inner.settle().await;
        self.inner.follow_held().await;
        let mut done = Maintained::default();
        // Each kind has its turn, also when another fails.
        let lapsed = self.lapse(most, &mut done).await;
        let closed = self.close(most, &mut done).await;
        let delivered = self.deliver(most, &mut done).await;
        let handed_over = self.hand_over(most, report, &mut done).await;
        lapsed.and(closed).and(delivered).and(handed_over).map(|()| done)
    }

    async fn lapse(&self, most: Maintenance, done: &mut Maintained) -> Result<(), Error> {
        let now = self.inner.clock.now();
        let question = Find::ExpiredInvitations { now, limit: most.invitations };
        let found = self.inner.store.find(&question).await?;
        done.more |= found.len() >= most.invitations as usize;
        let mut by_organization: BTreeMap<OrganizationId, Vec<Command>> = BTreeMap::new();
        for record in found {
            if let Record::Invitation(it) = record {
                let command = LapseInvitation { organization: it.organization, invitation: it.id };
                by_organization.entry(it.organization).or_default().push(command.into());
            }
        }
        for commands in by_organization.into_values() {
            let answers = self.execute_all(Principal::System, commands, Batching::each()).await?;
            for answer in answers {
                match answer {
                    Ok(_) => done.invitations_lapsed += 1,
                    // Answered, sent again or taken back meanwhile.
                    Err(Error::Refused(_)) => {}
                    // One busy organization holds up no other.
                    Err(Error::Contended | Error::OutcomeUnknown) => done.more = true,
                    Err(other) => return Err(other),
                }
            }
        }
        Ok(())
    }

    async fn close(&self, most: Maintenance, done: &mut Maintained) -> Result<(), Error> {
        let now = self.inner.clock.now();
        let question = Find::DueClosings { now, limit: most.closings };
        let found = self.inner.store.find(&question).await?;
        done.more |= found.len() >= most.closings as usize;
        for record in found {
            let Record::Organization(it) = record else { continue };
            let command = FinishClosing { organization: it.id };
            match self.execute(Principal::System, command).await {
                Ok(_) => done.organizations_closed += 1,
                // Resumed meanwhile.
                Err(Error::Refused(_)) => {}
                Err(Error::Contended | Error::OutcomeUnknown) => done.more = true,
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }
}
