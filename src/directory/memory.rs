//! What the lanes of organizations remember from one batch to the next.
//!
//! Whatever changes an organization's own records (itself, its roles, memberships and teams) raises
//! its revision, and every commit is guarded by the revision that it was decided on. So what was
//! remembered is proved current by a commit, and by nothing else: an answer without a commit is
//! looked up afresh. Whoever recalls a memory takes it away, and only a commit brings it back;
//! whatever goes wrong in between forgets it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::domain::{
    Claim, Key, Need, OrganizationId, Principal, Record, Scope, State, Stream, UserId,
};

/// At most this many organizations are remembered.
const ORGANIZATIONS: usize = 64;

/// At most this many acting persons of each.
const ACTORS: usize = 16;

/// An organization with its roles, and who acted there lately.
#[derive(Default)]
pub(super) struct Memory {
    /// Empty when nothing is remembered.
    organization: Vec<Record>,
    /// Each with their membership and its teams; whoever acted last is last.
    actors: VecDeque<(UserId, Vec<Record>)>,
}

impl Memory {
    pub(super) const fn is_empty(&self) -> bool {
        self.organization.is_empty()
    }

    /// Takes out what answers some of the needs; those that it does not answer are left.
    pub(super) fn recall(&mut self, needs: &mut Vec<Need>) -> Vec<Record> {
        let mut records = std::mem::take(&mut self.organization);
        let Some(Record::Organization(it)) = records.first() else { return records };
        let id = it.id;
        needs.retain(|need| {
            if let Need::Holder(Claim::MembershipUser(scope, user)) = need
                && *scope == Scope::from(id)
                && let Some(found) = self.take(*user)
            {
                records.extend(found);
                return false;
            }
            *need != Need::Record(Key::Organization(id))
        });
        records
    }

    fn take(&mut self, user: UserId) -> Option<Vec<Record>> {
        let place = self.actors.iter().position(|(actor, _)| *actor == user)?;
        self.actors.remove(place).map(|(_, records)| records)
    }

    /// Remembers what a batch knew in the end, once it is committed.
    fn renew<'p>(
        &mut self,
        id: OrganizationId,
        mut state: State,
        who: impl Iterator<Item = &'p Principal>,
    ) {
        self.actors.retain(|(_, records)| !records.iter().any(|it| state.has_changed(it)));
        let users: BTreeSet<UserId> = who
            .filter_map(|it| if let Principal::Person(user) = it { Some(*user) } else { None })
            .collect();
        for user in users {
            self.take(user);
            self.actors.extend(state.member(id, user).map(|records| (user, records)));
        }
        self.actors.drain(..self.actors.len().saturating_sub(ACTORS));
        self.organization = state.take_organization(id);
    }
}

/// The memories of all lanes; the one that was brought back last is last.
#[derive(Default)]
pub(super) struct Memories(Mutex<VecDeque<(OrganizationId, Memory)>>);

impl Memories {
    /// What is remembered of a stream, and from here on is not.
    pub(super) fn take(&self, stream: Stream) -> Memory {
        let Stream::Organization(id) = stream else { return Memory::default() };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = all.iter().position(|(organization, _)| *organization == id);
        place.and_then(|place| all.remove(place)).map(|(_, memory)| memory).unwrap_or_default()
    }

    /// Remembers what has been committed: the last state of a batch, and who acted in it.
    pub(super) fn keep<'p>(
        &self,
        stream: Stream,
        mut memory: Memory,
        (state, who): (State, impl Iterator<Item = &'p Principal>),
    ) {
        let Stream::Organization(id) = stream else { return };
        memory.renew(id, state, who);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_back((id, memory));
        let too_many = all.len().saturating_sub(ORGANIZATIONS);
        all.drain(..too_many);
    }
}
