//! When members are here: operational writes that guard their own record and enter no chain.

use crate::domain::{
    Activity, Key, Membership, MembershipId, Need, OrganizationId, Refusal, Revision, State, Thing,
    Timestamp,
};
use crate::ports::CommitError;

use super::{Error, Inner, UserDirectory};

impl UserDirectory {
    /// Notes that a member is here (S2 65). Call it as often as you like: it is written at most
    /// once a minute.
    pub async fn note_seen(
        &self,
        organization: OrganizationId,
        membership: MembershipId,
    ) -> Result<(), Error> {
        const EVERY: crate::domain::Span = crate::domain::Span::seconds(60);
        self.inner
            .change_activity(membership, organization, |it, now| {
                let due = it.seen_at.is_none_or(|seen| now >= seen.plus(EVERY));
                if due {
                    it.seen_at = Some(now);
                }
                due
            })
            .await
    }
}

impl Inner {
    pub(super) async fn note_sign_in(
        &self,
        membership: MembershipId,
        organization: OrganizationId,
    ) -> Result<(), Error> {
        self.change_activity(membership, organization, |it, now| {
            it.signed_in_at = Some(now);
            it.seen_at = Some(now);
            it.sign_ins = it.sign_ins.saturating_add(1);
            true
        })
        .await
    }

    async fn change_activity(
        &self,
        membership: MembershipId,
        organization: OrganizationId,
        change: impl Fn(&mut Activity, Timestamp) -> bool,
    ) -> Result<(), Error> {
        const ATTEMPTS: u32 = 8;
        let needs =
            [Need::Record(Key::Activity(membership)), Need::Record(Key::Membership(membership))];
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                self.back_off(attempt).await;
            }
            let mut state = State::new(self.store.load(&needs).await?);
            let known =
                state.membership(organization, membership).is_some_and(Membership::is_active);
            if !known {
                return Err(Refusal::NotFound(Thing::Membership).into());
            }
            let mut it = state.activity(membership).cloned().unwrap_or(Activity {
                membership,
                organization,
                signed_in_at: None,
                sign_ins: 0,
                seen_at: None,
                version: Revision::NONE,
            });
            if !change(&mut it, self.clock.now()) {
                return Ok(());
            }
            state.put_activity(it);
            match self.store.commit(state.changes()).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Conflict(_) | CommitError::Claimed(_)) => {}
                Err(CommitError::Failed(error)) => return Err(error.into()),
                Err(CommitError::Host(error)) => return Err(error.into()),
                Err(CommitError::Unknown(_)) => return Err(Error::OutcomeUnknown),
            }
        }
        Err(Error::Contended)
    }
}
