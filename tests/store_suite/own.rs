//! A store that a stranger might write, from nothing but what is public: lines of JSON in a drawer,
//! read from top to bottom, and a copy of the drawer for each commit.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use tenure::domain::{
    ChangeSet, FeedPosition, Forget, Handover, Invitation, Key, Logged, Membership, MembershipId,
    Need, OrganizationId, OrganizationStatus, Record, Revision, Stream, TeamId, Timestamp,
};
use tenure::ports::{CommitError, Find, Store, StoreError};
use uuid::Uuid;

#[derive(Default)]
pub(crate) struct Drawer(Mutex<Sheets>);

/// A line begins with its key, so that looking for one reads no more than it must.
#[derive(Clone, Default)]
struct Sheets {
    lines: Vec<(String, String)>,
    claims: Vec<(String, Uuid)>,
    log: Vec<Logged>,
}

fn text(it: &impl serde::Serialize) -> String {
    serde_json::to_string(it).expect("records and keys are serialisable")
}

fn read(line: &str) -> Record {
    serde_json::from_str(line).expect("what was written can be read")
}

impl Sheets {
    fn record(&self, key: &Key) -> Option<Record> {
        if let Key::Entry(stream, position) = key {
            let here = |it: &&Logged| it.entry.stream == *stream && it.entry.position == *position;
            return self.log.iter().find(here).map(entry);
        }
        let key = text(key);
        self.lines.iter().find(|(k, _)| *k == key).map(|(_, line)| read(line))
    }

    /// All records of one kind, by the beginning of their keys.
    fn all(&self, kind: &str) -> impl Iterator<Item = Record> {
        let kind = format!("{{\"{kind}\":");
        self.lines.iter().filter(move |(key, _)| key.starts_with(&kind)).map(|(_, it)| read(it))
    }

    fn memberships(&self) -> impl Iterator<Item = Membership> {
        self.all("membership").filter_map(membership)
    }

    fn with_surroundings(&self, it: Membership) -> Vec<Record> {
        let around = self.surroundings(&it);
        [vec![Record::Membership(Box::new(it))], around].concat()
    }

    fn surroundings(&self, it: &Membership) -> Vec<Record> {
        let workspace = it.scope.workspace.map(Key::Workspace);
        let keys = it.teams.iter().map(|id| Key::Team(*id)).chain(workspace);
        keys.filter_map(|key| self.record(&key)).collect()
    }

    fn open(&self) -> Vec<Invitation> {
        let open = self.all("invitation").filter_map(|record| match record {
            Record::Invitation(it) if it.is_open() => Some(*it),
            _ => None,
        });
        open.collect()
    }

    fn write(&mut self, changes: ChangeSet) -> Result<(), CommitError> {
        for guard in changes.guards {
            let found = self.record(&guard.key).map(|record| record.version());
            let expected = (guard.version != Revision::NONE).then_some(Some(guard.version));
            if found != expected {
                return Err(CommitError::Conflict(Some(guard)));
            }
        }
        for (claim, holder) in changes.release {
            let freed = (claim.text(), holder);
            self.claims.retain(|held| *held != freed);
        }
        for (claim, holder) in changes.claim {
            if self.claims.iter().any(|(held, _)| *held == claim.text()) {
                return Err(CommitError::Claimed(claim));
            }
            self.claims.push((claim.text(), holder));
        }
        for record in &changes.put {
            let key = text(&record.key());
            self.lines.retain(|(k, _)| *k != key);
            self.lines.push((key, text(record)));
        }
        for key in changes.delete.iter().map(text) {
            self.lines.retain(|(k, _)| *k != key);
        }
        for (entry, detail) in changes.append {
            if self.record(&Key::Entry(entry.stream, entry.position)).is_some() {
                return Err(CommitError::Conflict(None));
            }
            let feed = FeedPosition(self.log.len() as u64 + 1);
            self.log.push(Logged::new(feed, entry, Some(detail)));
        }
        for logged in &mut self.log {
            let meant = |whose: &Forget| match *whose {
                Forget::Membership(organization, id) => {
                    logged.entry.stream == Stream::Organization(organization)
                        && logged.entry.subjects.contains(&id)
                }
                Forget::User(id) => logged.entry.stream == Stream::User(id),
            };
            if changes.forget.iter().any(meant) {
                logged.detail = None;
            }
        }
        Ok(())
    }

    fn need(&self, need: &Need) -> Vec<Record> {
        match need {
            Need::Record(key) => self.company(key),
            Need::Holder(claim) => {
                let held = self.claims.iter().find(|(held, _)| *held == claim.text());
                held.map(|(_, id)| self.company(&claim.holder(*id))).unwrap_or_default()
            }
            Need::Person(id) => self.person(*id),
            Need::Past(id) => self.past(*id),
            Need::IssuedBy(id, limit) => {
                let mut open = self.open();
                open.retain(|it| it.issuer == Some(*id));
                open.sort_by_key(|it| (it.created_at, it.id));
                self.offers(&open, *limit)
            }
            Need::Handovers(id, limit) => {
                let mut own = self.live(*id);
                own.insert(*id);
                let known = self.record(&Key::Membership(*id)).is_some();
                let mut found: Vec<_> = self.all("handover").filter_map(handover).collect();
                found.retain(|it| known && !it.concerns().is_disjoint(&own));
                found.sort_by_key(|it| Reverse(it.id));
                found.truncate(*limit as usize);
                found.into_iter().map(|it| Record::Handover(Box::new(it))).collect()
            }
            Need::TeamMembers(organization, team, limit) => {
                self.team_members(*organization, *team, *limit)
            }
            Need::Expiring(id, limit) => {
                let mut open = self.open();
                open.retain(|it| it.organization == *id);
                open.sort_by_key(|it| (it.expires_at, it.id));
                self.offers(&open, *limit)
            }
        }
    }

    fn offers(&self, open: &[Invitation], limit: u32) -> Vec<Record> {
        let page = open.iter().take(limit as usize);
        page.flat_map(|it| self.company(&Key::Invitation(it.id))).collect()
    }

    fn company(&self, key: &Key) -> Vec<Record> {
        let Some(record) = self.record(key) else { return Vec::new() };
        let also: Vec<Record> = match &record {
            Record::Organization(it) => {
                let own = |role: &Record| matches!(role, Record::Role(of, _) if *of == it.id);
                self.all("role").filter(own).collect()
            }
            Record::Membership(it) => {
                let invited = it.invitation.map(|id| self.company(&Key::Invitation(id)));
                let offered = it.offer.as_ref().map(|it| Key::Membership(it.by));
                let offered = offered.and_then(|key| self.record(&key));
                let around = self.surroundings(it).into_iter();
                around.chain(invited.unwrap_or_default()).chain(offered).collect()
            }
            Record::Invitation(it) => {
                let issuer = it.issuer.and_then(|id| self.record(&Key::Membership(id)));
                let issuer = issuer.and_then(membership);
                let user = issuer.as_ref().and_then(|it| it.user);
                let own = self.memberships().filter(|own| {
                    own.scope.organization == it.organization
                        && own.is_live()
                        && user.is_some()
                        && own.user == user
                });
                let listed = it.memberships.iter();
                let listed =
                    listed.filter_map(|id| membership(self.record(&Key::Membership(*id))?));
                listed
                    .chain(issuer.clone())
                    .chain(own)
                    .flat_map(|it| self.with_surroundings(it))
                    .collect()
            }
            Record::Handover(it) => self.person(it.from),
            _ => Vec::new(),
        };
        [vec![record], also].concat()
    }

    fn person(&self, id: MembershipId) -> Vec<Record> {
        let mut found = self.company(&Key::Membership(id));
        let Some(Record::Membership(person)) = found.first().cloned() else { return found };
        found.extend(person.user.and_then(|id| self.record(&Key::User(id))));
        let live = self.live(id).into_iter();
        found.extend(live.flat_map(|id| self.company(&Key::Membership(id))));
        found
    }

    /// The live memberships of the same user or the same address.
    fn live(&self, id: MembershipId) -> BTreeSet<MembershipId> {
        let Some(person) = self.memberships().find(|it| it.id == id) else {
            return BTreeSet::new();
        };
        let address = |it: &Membership| Some(it.email.as_ref()?.canonical().clone());
        let live = self.memberships().filter(|it| {
            let same_user = it.user.is_some() && it.user == person.user;
            let same_address = it.email.is_some() && address(it) == address(&person);
            let here = it.scope.organization == person.scope.organization;
            here && it.is_live() && (same_user || same_address)
        });
        live.map(|it| it.id).collect()
    }

    fn team_members(&self, of: OrganizationId, team: TeamId, limit: u32) -> Vec<Record> {
        let members = self
            .memberships()
            .filter(|it| it.scope == of.into() && it.is_active() && it.teams.contains(&team));
        let ids: BTreeSet<_> = members.map(|it| it.id).collect();
        ids.into_iter().take(limit as usize).flat_map(|id| self.person(id)).collect()
    }

    fn past(&self, id: MembershipId) -> Vec<Record> {
        let Some(person) = self.memberships().find(|it| it.id == id) else { return Vec::new() };
        let address = |it: &Membership| Some(it.email.as_ref()?.canonical().clone());
        let past = self.memberships().filter(|it| {
            let same_user = it.user.is_some() && it.user == person.user;
            let same_address = it.email.is_some() && address(it) == address(&person);
            let gone = it.scope.organization == person.scope.organization && !it.is_live();
            it.id == id || (gone && (same_user || same_address))
        });
        past.flat_map(|it| {
            let came_by = it.came_by.and_then(|id| self.record(&Key::Invitation(id)));
            [Some(Record::Membership(Box::new(it))), came_by].into_iter().flatten()
        })
        .collect()
    }

    fn answer(&self, question: &Find) -> Vec<Record> {
        match question {
            Find::People { scope, filter, after, limit } => {
                let mut found: Vec<_> = self
                    .memberships()
                    .filter(|it| it.scope == *scope && filter.admits(it))
                    .filter_map(|it| Some((filter.position(&it)?, it)))
                    .filter(|(place, _)| after.as_ref().is_none_or(|after| place > after))
                    .collect();
                found.sort_by(|one, other| one.0.cmp(&other.0));
                found.truncate(*limit as usize);
                found.into_iter().map(|(_, it)| Record::Membership(Box::new(it))).collect()
            }
            Find::MembershipsOf { user, after, limit } => {
                self.by_id("membership", after.map(Key::Membership).as_ref(), *limit, |it| {
                    matches!(it, Record::Membership(it) if it.user == Some(*user) && it.is_live())
                })
            }
            Find::Invitations { organization, status, after, limit } => {
                self.by_id("invitation", after.map(Key::Invitation).as_ref(), *limit, |it| {
                    matches!(it, Record::Invitation(it)
                        if it.organization == *organization && it.status == *status)
                })
            }
            Find::Teams { organization, after, limit } => {
                self.by_id("team", after.map(Key::Team).as_ref(), *limit, |it| {
                    matches!(it, Record::Team(it) if it.organization == *organization && !it.deleted)
                })
            }
            Find::Workspaces { organization, after, limit } => {
                self.by_id("workspace", after.map(Key::Workspace).as_ref(), *limit, |it| {
                    matches!(it, Record::Workspace(it) if it.organization == *organization)
                })
            }
            Find::SupportAccesses { organization, after, limit } => {
                self.by_id("support_access", after.map(Key::SupportAccess).as_ref(), *limit, |it| {
                    matches!(it, Record::SupportAccess(it) if it.organization == *organization)
                })
            }
            Find::Handovers { organization, after, limit } => {
                self.by_id("handover", after.map(Key::Handover).as_ref(), *limit, |it| {
                    matches!(it, Record::Handover(it) if it.organization == *organization)
                })
            }
            Find::HandoverReceipts { handover, after, limit } => {
                let after = after.map(|number| Key::HandoverReceipt(*handover, number));
                self.by_id("handover_receipt", after.as_ref(), *limit, |it| {
                    matches!(it, Record::HandoverReceipt(it) if it.batch.handover == *handover)
                })
            }
            Find::Entries { stream, after, limit } => {
                let mut found: Vec<_> = self.log.iter().collect();
                found.retain(|it| it.entry.stream == *stream && it.entry.position > *after);
                found.sort_by_key(|it| it.entry.position);
                found.into_iter().take(*limit as usize).map(entry).collect()
            }
            Find::Feed { after, limit } => {
                let organizations =
                    |it: &&Logged| matches!(it.entry.stream, Stream::Organization(_));
                let behind = self.log.iter().filter(|it| it.feed > *after);
                behind.filter(organizations).take(*limit as usize).map(entry).collect()
            }
            Find::DueMail { now, limit } => self.due("mail", *now, *limit, |it| match it {
                Record::Mail(it) => Some(it.due_at),
                _ => None,
            }),
            Find::DueHandovers { now, limit } => self.due("handover", *now, *limit, |it| match it {
                Record::Handover(it) => it.waits_until(),
                _ => None,
            }),
            Find::ExpiredInvitations { now, limit } => {
                self.due("invitation", *now, *limit, |it| match it {
                    Record::Invitation(it) if it.is_open() => Some(it.expires_at),
                    _ => None,
                })
            }
            Find::DueClosings { now, limit } => {
                self.due("organization", *now, *limit, |it| match it {
                    Record::Organization(it) => match it.status {
                        OrganizationStatus::Closing { until } => Some(until),
                        _ => None,
                    },
                    _ => None,
                })
            }
        }
    }

    fn by_id(
        &self,
        kind: &str,
        after: Option<&Key>,
        limit: u32,
        meant: impl Fn(&Record) -> bool,
    ) -> Vec<Record> {
        let mut found: Vec<_> = self.all(kind).filter(meant).collect();
        found.retain(|it| after.is_none_or(|after| it.key() > *after));
        found.sort_by_key(Record::key);
        found.truncate(limit as usize);
        found
    }

    fn due(
        &self,
        kind: &str,
        now: Timestamp,
        limit: u32,
        at: impl Fn(&Record) -> Option<Timestamp>,
    ) -> Vec<Record> {
        let dated = self.all(kind).filter_map(|it| Some((at(&it)?, it)));
        let mut due: Vec<_> = dated.filter(|(at, _)| *at <= now).collect();
        due.sort_by_key(|(at, _)| *at);
        due.into_iter().map(|(_, it)| it).take(limit as usize).collect()
    }
}

fn membership(record: Record) -> Option<Membership> {
    match record {
        Record::Membership(it) => Some(*it),
        _ => None,
    }
}

fn handover(record: Record) -> Option<Handover> {
    match record {
        Record::Handover(it) => Some(*it),
        _ => None,
    }
}

fn entry(logged: &Logged) -> Record {
    Record::Entry(Box::new(logged.clone()))
}

#[async_trait]
impl Store for Drawer {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        let sheets = self.0.lock().expect("nobody panics here");
        let needs: BTreeSet<_> = needs.iter().collect();
        Ok(needs.into_iter().flat_map(|need| sheets.need(need)).collect())
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        let mut sheets = self.0.lock().expect("nobody panics here");
        let mut copy = sheets.clone();
        copy.write(changes)?;
        *sheets = copy;
        Ok(())
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        Ok(self.0.lock().expect("nobody panics here").answer(question))
    }
}
