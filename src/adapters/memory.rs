//! A store in memory: for tests, demonstrations and directories that may be thrown away.
//!
//! It is written to be obviously right. It keeps nothing when the process ends, and it looks
//! through everything it holds to answer most questions, so it suits thousands of records, not
//! millions.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::{
    ChangeSet, Claim, FeedPosition, Forget, Guard, Handover, Invitation, InvitationId, Key, Logged,
    Membership, MembershipId, Need, Organization, OrganizationId, OrganizationStatus, Record,
    Revision, Scope, Stream, TeamId, Timestamp,
};
use crate::ports::{CommitError, Find, PeopleFilter, PeoplePosition, Store, StoreError};

/// A [`Store`] in memory. Clones share what they hold.
#[derive(Clone, Default)]
pub struct MemoryStore {
    tables: Arc<Mutex<Tables>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whoever panicked while holding the lock had changed nothing yet, or everything.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MemoryStore({} records)", self.tables().records.len())
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        let tables = self.tables();
        let mut found = Found::new(&tables);
        for need in needs {
            found.meet(need);
        }
        Ok(found.records())
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        let mut tables = self.tables();
        tables.check_guards(&changes.guards)?;
        tables.check_claims(&changes)?;
        tables.check_entries(&changes)?;
        tables.write(changes);
        Ok(())
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        Ok(self.tables().answer(question))
    }
}

/// Everything there is; audit entries stand among the records.
#[derive(Default)]
struct Tables {
    records: BTreeMap<Key, Record>,
    claims: BTreeMap<Claim, Uuid>,
    entries: u64,
}

/// Commits: first everything that can be in the way, then everything that is written.
impl Tables {
    fn check_guards(&self, guards: &[Guard]) -> Result<(), CommitError> {
        let holds = |guard: &Guard| match self.records.get(&guard.key) {
            None => guard.version == Revision::NONE,
            Some(record) => {
                guard.version != Revision::NONE && record.version() == Some(guard.version)
            }
        };
        match guards.iter().find(|guard| !holds(guard)) {
            Some(guard) => Err(CommitError::Conflict(Some(guard.clone()))),
            None => Ok(()),
        }
    }

    fn check_claims(&self, changes: &ChangeSet) -> Result<(), CommitError> {
        let mut made = BTreeSet::new();
        for (claim, _) in &changes.claim {
            let held = self.claims.get(claim).is_some_and(|holder| {
                !changes.release.iter().any(|(freed, by)| freed == claim && by == holder)
            });
            if held || !made.insert(claim) {
                return Err(CommitError::Claimed(claim.clone()));
            }
        }
        Ok(())
    }

    fn check_entries(&self, changes: &ChangeSet) -> Result<(), CommitError> {
        if changes.put.iter().any(|record| matches!(record, Record::Entry(_))) {
            let what = "an audit entry is appended, not put".to_owned();
            return Err(CommitError::Failed(StoreError(what)));
        }
        let mut new = BTreeSet::new();
        for (entry, _) in &changes.append {
            let key = Key::Entry(entry.stream, entry.position);
            if self.records.contains_key(&key) || !new.insert(key) {
                return Err(CommitError::Conflict(None));
            }
        }
        Ok(())
    }

    fn write(&mut self, changes: ChangeSet) {
        for (claim, holder) in changes.release {
            if self.claims.get(&claim) == Some(&holder) {
                self.claims.remove(&claim);
            }
        }
        self.claims.extend(changes.claim);
        self.records.extend(changes.put.into_iter().map(|record| (record.key(), record)));
        for key in &changes.delete {
            self.records.remove(key);
        }
        for (entry, detail) in changes.append {
            self.entries += 1;
            let logged = Logged::new(FeedPosition(self.entries), entry, Some(detail));
            let record = Record::Entry(Box::new(logged));
            self.records.insert(record.key(), record);
        }
        // Last: what this very change-set says about a person who is forgotten goes, too.
        for whose in changes.forget {
            self.forget(whose);
        }
    }

    fn forget(&mut self, whose: Forget) {
        for record in self.records.values_mut() {
            let Record::Entry(logged) = record else { continue };
            let meant = match whose {
                Forget::Membership(organization, id) => {
                    logged.entry.stream == Stream::Organization(organization)
                        && logged.entry.subjects.contains(&id)
                }
                Forget::User(id) => logged.entry.stream == Stream::User(id),
            };
            if meant {
                logged.detail = None;
            }
        }
    }
}

/// What a load has found so far, each record once.
struct Found<'t> {
    tables: &'t Tables,
    records: BTreeMap<Key, &'t Record>,
}

impl<'t> Found<'t> {
    const fn new(tables: &'t Tables) -> Self {
        Self { tables, records: BTreeMap::new() }
    }

    fn records(self) -> Vec<Record> {
        self.records.into_values().cloned().collect()
    }

    fn meet(&mut self, need: &Need) {
        match need {
            Need::Record(key) => self.with_company(key),
            Need::Holder(claim) => {
                if let Some(holder) = self.tables.claims.get(claim) {
                    self.with_company(&claim.holder(*holder));
                }
            }
            Need::Person(id) => self.person(*id),
            Need::Past(id) => self.past(*id),
            Need::IssuedBy(id, limit) => self.open_invitations(
                *limit,
                |it| it.issuer == Some(*id),
                |it| (it.created_at, it.id),
            ),
            Need::Handovers(id, limit) => self.handovers(*id, *limit),
            Need::TeamMembers(organization, team, limit) => {
                self.team_members(*organization, *team, *limit);
            }
            Need::Expiring(id, limit) => self.open_invitations(
                *limit,
                |it| it.organization == *id,
                |it| (it.expires_at, it.id),
            ),
        }
    }

    fn alone(&mut self, key: &Key) -> Option<&'t Record> {
        let record = self.tables.records.get(key)?;
        self.records.insert(key.clone(), record);
        Some(record)
    }

    /// A record with what comes along, as [`Need::Record`] says.
    fn with_company(&mut self, key: &Key) {
        match self.alone(key) {
            Some(Record::Organization(it)) => {
                let role = |key: &Key| matches!(key, Key::Role(id, _) if *id == it.id);
                let roles = self.tables.records.iter().filter(|(key, _)| role(key));
                self.records.extend(roles.map(|(key, role)| (key.clone(), role)));
            }
            Some(Record::Membership(it)) => {
                self.surroundings(it);
                if let Some(invitation) = it.invitation {
                    self.invitation(invitation);
                }
                if let Some(offer) = &it.offer {
                    self.alone(&Key::Membership(offer.by));
                }
            }
            Some(Record::Invitation(it)) => self.invitation(it.id),
            Some(Record::Handover(it)) => self.person(it.from),
            // Nothing comes along with the others; an entry has its detail in it.
            Some(
                Record::Role(..)
                | Record::Workspace(_)
                | Record::User(_)
                | Record::Team(_)
                | Record::SupportAccess(_)
                | Record::HandoverReceipt(_)
                | Record::Mail(_)
                | Record::Activity(_)
                | Record::Block(_)
                | Record::Receipt(_)
                | Record::Entry(_),
            )
            | None => {}
        }
    }

    /// A membership's workspace and its teams.
    fn surroundings(&mut self, of: &Membership) {
        if let Some(workspace) = of.scope.workspace {
            self.alone(&Key::Workspace(workspace));
        }
        for team in &of.teams {
            self.alone(&Key::Team(*team));
        }
    }

    fn invitation(&mut self, id: InvitationId) {
        let Some(Record::Invitation(invitation)) = self.alone(&Key::Invitation(id)) else { return };
        for id in &invitation.memberships {
            if let Some(Record::Membership(listed)) = self.alone(&Key::Membership(*id)) {
                self.surroundings(listed);
            }
        }
        let Some(issuer) = invitation.issuer.map(Key::Membership) else { return };
        let Some(Record::Membership(issuer)) = self.alone(&issuer) else { return };
        self.surroundings(issuer);
        let tables = self.tables;
        let same = |it: &&Membership| {
            it.is_live()
                && it.scope.organization == invitation.organization
                && it.user.is_some()
                && it.user == issuer.user
        };
        for own in tables.memberships().filter(same) {
            self.alone(&Key::Membership(own.id));
            self.surroundings(own);
        }
    }

    fn person(&mut self, id: MembershipId) {
        let Some(Record::Membership(person)) = self.tables.records.get(&Key::Membership(id)) else {
            return;
        };
        self.with_company(&Key::Membership(id));
        if let Some(user) = person.user {
            self.alone(&Key::User(user));
        }
        for id in self.tables.live_memberships_of(person) {
            self.with_company(&Key::Membership(id));
        }
    }

    fn handovers(&mut self, id: MembershipId, limit: u32) {
        let Some(Record::Membership(person)) = self.tables.records.get(&Key::Membership(id)) else {
            return;
        };
        let mut own = self.tables.live_memberships_of(person);
        own.insert(id);
        let meant = self.tables.handovers().filter(|it| !it.concerns().is_disjoint(&own));
        for it in first(limit, meant, |it| Reverse(it.id)) {
            self.alone(&Key::Handover(it.id));
        }
    }

    fn team_members(&mut self, organization: OrganizationId, team: TeamId, limit: u32) {
        let meant = self.tables.memberships().filter(|it| {
            it.scope == organization.into() && it.teams.contains(&team) && it.is_active()
        });
        for it in first(limit, meant, |it| it.id) {
            self.person(it.id);
        }
    }

    fn past(&mut self, id: MembershipId) {
        let Some(Record::Membership(person)) = self.tables.records.get(&Key::Membership(id)) else {
            return;
        };
        let address = |it: &Membership| it.email.as_ref().map(|email| email.canonical().clone());
        let same = |it: &&Membership| {
            !it.is_live()
                && it.scope.organization == person.scope.organization
                && ((it.user.is_some() && it.user == person.user)
                    || (it.email.is_some() && address(it) == address(person)))
        };
        let past: Vec<_> = self.tables.memberships().filter(same).collect();
        for it in past.into_iter().chain([person.as_ref()]) {
            self.alone(&Key::Membership(it.id));
            if let Some(invitation) = it.came_by {
                self.alone(&Key::Invitation(invitation));
            }
        }
    }

    fn open_invitations<K: Ord>(
        &mut self,
        limit: u32,
        meant: impl Fn(&Invitation) -> bool,
        order: impl Fn(&Invitation) -> K,
    ) {
        let open = self.tables.invitations().filter(|it| it.is_open() && meant(it));
        let page = first(limit, open, |it| order(it));
        for id in page.into_iter().map(|it| it.id) {
            self.invitation(id);
        }
    }
}

/// Questions: look through everything, put it in order, keep a page.
impl Tables {
    fn answer(&self, question: &Find) -> Vec<Record> {
        match question {
            Find::People { scope, filter, after, limit } => {
                self.people(*scope, filter, after.as_ref(), *limit)
            }
            Find::MembershipsOf { user, after, limit } => {
                self.by_key(after.map(Key::Membership), *limit, |record| {
                    matches!(record, Record::Membership(it)
                        if it.is_live() && it.user == Some(*user))
                })
            }
            Find::Invitations { organization, status, after, limit } => {
                self.by_key(after.map(Key::Invitation), *limit, |record| {
                    matches!(record, Record::Invitation(it)
                        if it.organization == *organization && it.status == *status)
                })
            }
            Find::Teams { organization, after, limit } => {
                self.by_key(after.map(Key::Team), *limit, |record| {
                    matches!(record, Record::Team(it)
                        if it.organization == *organization && !it.deleted)
                })
            }
            Find::Workspaces { organization, after, limit } => {
                self.by_key(after.map(Key::Workspace), *limit, |record| {
                    matches!(record, Record::Workspace(it) if it.organization == *organization)
                })
            }
            Find::SupportAccesses { organization, after, limit } => {
                self.by_key(after.map(Key::SupportAccess), *limit, |record| {
                    matches!(record, Record::SupportAccess(it) if it.organization == *organization)
                })
            }
            Find::Handovers { organization, after, limit } => {
                self.by_key(after.map(Key::Handover), *limit, |record| {
                    matches!(record, Record::Handover(it) if it.organization == *organization)
                })
            }
            Find::HandoverReceipts { handover, after, limit } => {
                let after = after.map(|number| Key::HandoverReceipt(*handover, number));
                self.by_key(after, *limit, |record| {
                    matches!(record, Record::HandoverReceipt(it) if it.batch.handover == *handover)
                })
            }
            Find::Entries { stream, after, limit } => {
                self.by_key(Some(Key::Entry(*stream, *after)), *limit, |record| {
                    matches!(record, Record::Entry(it) if it.entry.stream == *stream)
                })
            }
            Find::Feed { after, limit } => self.feed(*after, *limit),
            Find::DueMail { now, limit } => self.due(*now, *limit, |record| {
                if let Record::Mail(it) = record { Some(it.due_at) } else { None }
            }),
            Find::DueHandovers { now, limit } => self.due(*now, *limit, |record| {
                if let Record::Handover(it) = record { it.waits_until() } else { None }
            }),
            Find::ExpiredInvitations { now, limit } => self.due(*now, *limit, |record| {
                let Record::Invitation(it) = record else { return None };
                it.is_open().then_some(it.expires_at)
            }),
            Find::DueClosings { now, limit } => self.due(*now, *limit, |record| {
                if let Record::Organization(it) = record { closes_at(it) } else { None }
            }),
        }
    }

    fn people(
        &self,
        scope: Scope,
        filter: &PeopleFilter,
        after: Option<&PeoplePosition>,
        limit: u32,
    ) -> Vec<Record> {
        let placed = self
            .memberships()
            .filter(|it| it.scope == scope && filter.admits(it))
            .filter_map(|it| Some((filter.position(it)?, it)))
            .filter(|(position, _)| after.is_none_or(|after| position > after));
        let page = first(limit, placed, |(position, _)| position.clone());
        page.into_iter().map(|(_, it)| Record::Membership(Box::new(it.clone()))).collect()
    }

    /// Records of one kind by key, which is by identity (or position, for entries; or number, for
    /// receipts).
    fn by_key(
        &self,
        after: Option<Key>,
        limit: u32,
        meant: impl Fn(&Record) -> bool,
    ) -> Vec<Record> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = self.records.range((from, Bound::Unbounded)).map(|(_, record)| record);
        behind.filter(|record| meant(record)).take(size(limit)).cloned().collect()
    }

    fn feed(&self, after: FeedPosition, limit: u32) -> Vec<Record> {
        let entries = self.records.values().filter_map(|record| {
            let Record::Entry(it) = record else { return None };
            let organizations = matches!(it.entry.stream, Stream::Organization(_));
            (organizations && it.feed > after).then_some((it.feed, record))
        });
        first(limit, entries, |(feed, _)| *feed).into_iter().map(|(_, it)| it.clone()).collect()
    }

    /// What is due at an instant, in the order in which it fell due.
    fn due(
        &self,
        now: Timestamp,
        limit: u32,
        at: impl Fn(&Record) -> Option<Timestamp>,
    ) -> Vec<Record> {
        let dated =
            self.records.iter().filter_map(|(key, record)| Some((at(record)?, key, record)));
        let due = dated.filter(|(at, _, _)| *at <= now);
        let page = first(limit, due, |(at, key, _)| (*at, (*key).clone()));
        page.into_iter().map(|(_, _, record)| record.clone()).collect()
    }

    fn memberships(&self) -> impl Iterator<Item = &Membership> {
        self.records.values().filter_map(|record| {
            if let Record::Membership(it) = record { Some(&**it) } else { None }
        })
    }

    /// The live memberships of the same user or the same address in the organization.
    fn live_memberships_of(&self, person: &Membership) -> BTreeSet<MembershipId> {
        let address = |it: &Membership| it.email.as_ref().map(|email| email.canonical().clone());
        let same = |it: &&Membership| {
            it.is_live()
                && it.scope.organization == person.scope.organization
                && ((it.user.is_some() && it.user == person.user)
                    || (it.email.is_some() && address(it) == address(person)))
        };
        self.memberships().filter(same).map(|it| it.id).collect()
    }

    fn handovers(&self) -> impl Iterator<Item = &Handover> {
        self.records
            .values()
            .filter_map(|record| if let Record::Handover(it) = record { Some(&**it) } else { None })
    }

    fn invitations(&self) -> impl Iterator<Item = &Invitation> {
        self.records.values().filter_map(|record| {
            if let Record::Invitation(it) = record { Some(&**it) } else { None }
        })
    }
}

const fn closes_at(it: &Organization) -> Option<Timestamp> {
    match it.status {
        OrganizationStatus::Closing { until } => Some(until),
        OrganizationStatus::Active
        | OrganizationStatus::Suspended { .. }
        | OrganizationStatus::Closed { .. } => None,
    }
}

/// The first few in an order.
fn first<T, K: Ord>(limit: u32, items: impl Iterator<Item = T>, order: impl Fn(&T) -> K) -> Vec<T> {
    let mut items: Vec<_> = items.collect();
    items.sort_by_key(order);
    items.truncate(size(limit));
    items
}

fn size(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
