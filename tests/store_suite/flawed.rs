//! A store with a planted bug.

use std::task::Poll;

use async_trait::async_trait;
use futures_util::future::poll_fn;
use tenure::adapters::memory::MemoryStore;
use tenure::domain::{
    ChangeSet, FeedPosition, Handover, HandoverStatus, Key, MembershipId, Need, OrganizationId,
    Record, Revision, Stream, TeamId, Timestamp,
};
use tenure::ports::{CommitError, Find, PeopleFilter, Store, StoreError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    IgnoresGuards,
    ChecksGuardsTooEarly,
    GivesClaimsAway,
    DropsReleases,
    ReleasesForAnybody,
    ClaimsBeforeReleasing,
    AppliesHalfOnConflict,
    AppliesHalfWhenClaimed,
    OverlooksStandingEntries,
    ForgetsToForget,
    ForgetsToDelete,
    SkipsOneAtPageBoundaries,
    RepeatsOneAtPageBoundaries,
    ReadsNeedsOneByOne,
    KeepsTheFirstVersion,
    ListsByAStaleIndex,
    FallsDueTooLate,
    FeedsPeopleToo,
    ForgetsReceivers,
    ForgetsOtherMemberships,
    FirstHandoversFirst,
    HandsOverAlone,
    OverlooksAskedBatches,
    CountsReceiptsAsText,
    TakesWholeTeams,
    KeepsTheEarlierOfTwo,
    PutsAfterDeleting,
    TakesTheFirstThousand,
    MislaysBackslashes,
    CountsInMilliseconds,
    FailsWhenAnotherIsFirst,
    ComparesOnlyBeginnings,
    GuessesFeedPositions,
}

pub(crate) struct Flawed {
    inner: MemoryStore,
    /// Each record as it was put first.
    stale: MemoryStore,
    flaw: Flaw,
}

impl Flawed {
    pub(crate) fn new(flaw: Flaw) -> Self {
        Self { inner: MemoryStore::new(), stale: MemoryStore::new(), flaw }
    }

    async fn one(&self, need: Need) -> Option<Record> {
        self.inner.load(&[need]).await.ok()?.pop()
    }

    async fn handovers(&self, id: MembershipId, limit: u32) -> Result<Vec<Record>, StoreError> {
        let mut found = self.inner.load(&[Need::Handovers(id, u32::MAX)]).await?;
        let person = self.inner.load(&[Need::Person(id)]).await?;
        let meant = |it: &Handover| match self.flaw {
            Flaw::ForgetsReceivers => {
                person.iter().any(|known| known.key() == Key::Membership(it.from))
            }
            Flaw::ForgetsOtherMemberships => it.concerns().contains(&id),
            _ => true,
        };
        found.retain(|it| matches!(it, Record::Handover(it) if meant(it)));
        found.sort_by_key(Record::key);
        if self.flaw != Flaw::FirstHandoversFirst {
            found.reverse();
        }
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn whole_team(
        &self,
        organization: OrganizationId,
        team: TeamId,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let filter = PeopleFilter { team: Some(team), ..PeopleFilter::default() };
        let scope = organization.into();
        let everybody = Find::People { scope, filter, after: None, limit: u32::MAX };
        let mut keys: Vec<_> = self.inner.find(&everybody).await?.iter().map(Record::key).collect();
        keys.sort();
        let needs = keys.into_iter().take(limit as usize).filter_map(|key| match key {
            Key::Membership(id) => Some(Need::Person(id)),
            _ => None,
        });
        self.inner.load(&needs.collect::<Vec<_>>()).await
    }

    async fn check_guards(&self, changes: &mut ChangeSet) -> Result<(), CommitError> {
        for guard in std::mem::take(&mut changes.guards) {
            let found = self.inner.load(&[Need::Record(guard.key.clone())]).await?;
            let found = found.iter().find(|record| record.key() == guard.key);
            if found.and_then(Record::version).unwrap_or_default() != guard.version {
                return Err(CommitError::Conflict(Some(guard)));
            }
        }
        Ok(())
    }

    async fn holder(&self, claim: &tenure::domain::Claim) -> Option<uuid::Uuid> {
        let found = self.inner.load(&[Need::Holder(claim.clone())]).await.ok()?;
        found.iter().find_map(|record| {
            let id = match record.key() {
                Key::User(id) => id.uuid(),
                Key::Membership(id) => id.uuid(),
                Key::Team(id) => id.uuid(),
                _ => return None,
            };
            (claim.holder(id) == record.key()).then_some(id)
        })
    }
}

fn puts(put: Vec<Record>) -> ChangeSet {
    let mut changes = ChangeSet::default();
    changes.put = put;
    changes
}

fn mislay_backslashes(record: &mut Record) {
    if let Record::User(it) = record {
        for value in it.settings.values_mut() {
            let text = value.as_str().replace('\\', "");
            *value = text.parse().expect("a field value may hold anything");
        }
    }
}

/// Lets others run before going on.
async fn later() {
    std::thread::yield_now();
    let mut waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[async_trait]
impl Store for Flawed {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        match (self.flaw, needs) {
            (Flaw::ReadsNeedsOneByOne, _) => {
                let mut all = Vec::new();
                for need in needs {
                    all.extend(self.inner.load(std::slice::from_ref(need)).await?);
                    later().await;
                }
                Ok(all)
            }
            (
                Flaw::ForgetsReceivers | Flaw::ForgetsOtherMemberships | Flaw::FirstHandoversFirst,
                [Need::Handovers(id, limit)],
            ) => self.handovers(*id, *limit).await,
            (Flaw::HandsOverAlone, [Need::Record(key @ Key::Handover(_))]) => {
                let found = self.inner.load(needs).await?;
                Ok(found.into_iter().filter(|it| it.key() == *key).collect())
            }
            (Flaw::TakesWholeTeams, [Need::TeamMembers(organization, team, limit)]) => {
                self.whole_team(*organization, *team, *limit).await
            }
            (Flaw::GuessesFeedPositions, [Need::Record(Key::Entry(..))]) => {
                let mut found = self.inner.load(needs).await?;
                for record in &mut found {
                    if let Record::Entry(it) = record {
                        it.feed.0 += 1;
                    }
                }
                Ok(found)
            }
            _ => self.inner.load(needs).await,
        }
    }

    async fn commit(&self, mut changes: ChangeSet) -> Result<(), CommitError> {
        let original = changes.clone();
        match self.flaw {
            Flaw::IgnoresGuards => changes.guards.clear(),
            Flaw::ChecksGuardsTooEarly => {
                self.check_guards(&mut changes).await?;
                later().await;
            }
            Flaw::FailsWhenAnotherIsFirst => {
                self.check_guards(&mut original.clone()).await?;
                later().await;
            }
            Flaw::DropsReleases => changes.release.clear(),
            Flaw::ForgetsToForget => changes.forget.clear(),
            Flaw::ForgetsToDelete => changes.delete.clear(),
            Flaw::ClaimsBeforeReleasing => {
                for (claim, _) in &changes.claim {
                    if self.holder(claim).await.is_some() {
                        return Err(CommitError::Claimed(claim.clone()));
                    }
                }
            }
            Flaw::ReleasesForAnybody => {
                for (claim, holder) in &mut changes.release {
                    *holder = self.holder(claim).await.unwrap_or(*holder);
                }
            }
            Flaw::KeepsTheFirstVersion => {
                let mut new = Vec::new();
                for record in changes.put {
                    if self.one(Need::Record(record.key())).await.is_none() {
                        new.push(record);
                    }
                }
                changes.put = new;
            }
            Flaw::KeepsTheEarlierOfTwo => changes.put.reverse(),
            Flaw::PutsAfterDeleting => {
                changes.delete.retain(|key| !original.put.iter().any(|it| it.key() == *key));
            }
            Flaw::TakesTheFirstThousand => changes.put.truncate(1_000),
            Flaw::MislaysBackslashes => changes.put.iter_mut().for_each(mislay_backslashes),
            Flaw::CountsInMilliseconds => {
                for record in &mut changes.put {
                    if let Record::User(it) = record {
                        let micros = it.created_at.micros();
                        it.created_at = Timestamp::from_micros(micros / 1_000 * 1_000);
                    }
                }
            }
            _ => {}
        }
        let outcome = self.inner.commit(changes).await;
        if outcome.is_ok() && self.flaw == Flaw::ListsByAStaleIndex {
            for record in original.put.iter().cloned() {
                if self.stale.load(&[Need::Record(record.key())]).await?.is_empty() {
                    self.stale.commit(puts(vec![record])).await?;
                }
            }
        }
        match (self.flaw, &outcome) {
            (Flaw::AppliesHalfOnConflict, Err(CommitError::Conflict(_)))
            | (Flaw::AppliesHalfWhenClaimed, Err(CommitError::Claimed(_))) => {
                self.inner.commit(puts(original.put)).await?;
                outcome
            }
            (Flaw::GivesClaimsAway, Err(CommitError::Claimed(claim))) => {
                let mut again = original;
                again.release.extend(self.holder(claim).await.map(|it| (claim.clone(), it)));
                self.inner.commit(again).await
            }
            (Flaw::OverlooksStandingEntries, Err(CommitError::Conflict(None))) => {
                let mut again = original;
                again.append.clear();
                self.inner.commit(again).await
            }
            (Flaw::FailsWhenAnotherIsFirst, Err(CommitError::Conflict(Some(guard))))
                if guard.version == Revision::NONE =>
            {
                Err(CommitError::Failed(StoreError("a key stands already".to_owned())))
            }
            _ => outcome,
        }
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        let mut asked = question.clone();
        match (self.flaw, &mut asked) {
            (Flaw::SkipsOneAtPageBoundaries, Find::People { after: Some(_), limit, .. }) => {
                *limit += 1;
                Ok(self.inner.find(&asked).await?.into_iter().skip(1).collect())
            }
            (Flaw::RepeatsOneAtPageBoundaries, Find::People { after, limit, .. }) => {
                let (behind, size) = (after.take(), *limit as usize);
                let Find::People { filter, .. } = question else { return Ok(Vec::new()) };
                let position = |record: &Record| match record {
                    Record::Membership(it) => filter.position(it),
                    _ => None,
                };
                *limit = u32::MAX;
                let all = self.inner.find(&asked).await?;
                let meant = all.into_iter().filter(|it| position(it) >= behind);
                Ok(meant.take(size).collect())
            }
            (Flaw::ListsByAStaleIndex, Find::People { .. }) => {
                let mut found = Vec::new();
                for record in self.stale.find(question).await? {
                    let current = self.inner.load(&[Need::Record(record.key())]).await?;
                    found.extend(current.into_iter().filter(|it| it.key() == record.key()));
                }
                Ok(found)
            }
            (Flaw::ComparesOnlyBeginnings, Find::People { filter, after, limit, .. })
                if filter.prefix.is_none() && filter.role.is_none() =>
            {
                let (behind, size) = (after.take(), *limit as usize);
                let begin = |key: &str| key.chars().take(128).collect::<String>();
                let place = |it: &Record| match it {
                    Record::Membership(it) => (begin(&it.sort_key()), it.id),
                    _ => (String::new(), MembershipId::new(uuid::Uuid::nil())),
                };
                *limit = u32::MAX;
                let mut found = self.inner.find(&asked).await?;
                let behind = behind.map(|it| (begin(&it.key), it.id));
                found.retain(|it| behind.as_ref().is_none_or(|behind| place(it) > *behind));
                found.sort_by_key(place);
                found.truncate(size);
                Ok(found)
            }
            (Flaw::FallsDueTooLate, Find::DueMail { now, .. }) => {
                *now = Timestamp::from_micros(now.micros() - 1);
                self.inner.find(&asked).await
            }
            (Flaw::OverlooksAskedBatches, Find::DueHandovers { .. }) => {
                let mut found = self.inner.find(question).await?;
                found.retain(
                    |it| matches!(it, Record::Handover(it) if it.status == HandoverStatus::Running),
                );
                Ok(found)
            }
            (Flaw::CountsReceiptsAsText, Find::HandoverReceipts { handover, after, limit }) => {
                let (after, limit) = (after.map(|it| it.to_string()), *limit as usize);
                let all =
                    Find::HandoverReceipts { handover: *handover, after: None, limit: u32::MAX };
                let number = |it: &Record| match it {
                    Record::HandoverReceipt(it) => it.batch.number.to_string(),
                    _ => String::new(),
                };
                let mut found = self.inner.find(&all).await?;
                found.retain(|it| after.as_ref().is_none_or(|after| number(it) > *after));
                found.sort_by_key(number);
                found.truncate(limit);
                Ok(found)
            }
            (Flaw::FeedsPeopleToo, Find::Feed { after: FeedPosition(0), .. }) => {
                let person = Stream::User(tenure::domain::UserId::new(uuid::Uuid::from_u128(1)));
                let mut found = self.inner.find(question).await?;
                found.extend(self.one(Need::Record(Key::Entry(person, Revision::new(1)))).await);
                Ok(found)
            }
            _ => self.inner.find(question).await,
        }
    }
}
