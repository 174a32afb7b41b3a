//! Everything counted again, when all processes have ended.
//!
//! The audit of each organization is read from its beginning and applied, entry by entry, to a
//! state that knows nothing else; after each entry, and in the end, what must hold is looked for.

use std::collections::{BTreeMap, BTreeSet};

use tenure::access::Standing;
use tenure::domain::{
    Actor, Event, InvitationId, InvitationStatus, Key, Logged, MailAbout, Membership, MembershipId,
    Need, OrganizationId, Record, Revision, State, StatusGroup, Stream, TeamId, Timestamp, UserId,
};
use tenure::ports::{Find, PeopleFilter};
use tenure::testing::cast::Desk;
use tenure::{Principal, Store as _, UserDirectory};

use crate::part::{House, Letters, Report, Stage, directory};
use crate::place::Counted;

pub(crate) async fn everything_holds(stage: &Stage, reports: &[Report]) {
    let store = stage.place.open().await;
    let directory = directory(store.clone(), Letters::default());
    let mut done: BTreeMap<OrganizationId, BTreeMap<Revision, &str>> = BTreeMap::new();
    for (organization, revision, name) in reports.iter().flat_map(|it| &it.done) {
        let before = done.entry(*organization).or_default().insert(*revision, name);
        assert_eq!(before, None, "two commands are one entry: {revision}");
    }
    let mut mails = BTreeSet::new();
    for house in &stage.organizations {
        let logged = entries(&store, house.id).await;
        is_what_was_acknowledged(house, &logged, &done.remove(&house.id).unwrap_or_default());
        // I8: the chain, and that its end is on record.
        let head = directory.verify_audit(Stream::Organization(house.id)).await.unwrap();
        assert_eq!(head.position.get(), logged.len() as u64);
        let mut story = Story::default();
        for it in &logged {
            story.tell(house.id, it);
        }
        story.is_what_is_stored(&store, &directory, house.id).await;
        mails.extend(story.mails);
    }
    every_mail_was_sent_once_or_waits(&store, reports, &mails).await;
}

async fn entries(store: &Counted, organization: OrganizationId) -> Vec<Logged> {
    let stream = Stream::Organization(organization);
    let (mut all, limit) = (Vec::<Logged>::new(), 500);
    loop {
        let after = all.last().map_or(Revision::NONE, |it| it.entry.position);
        let page = store.find(&Find::Entries { stream, after, limit }).await.unwrap();
        let len = page.len();
        all.extend(page.into_iter().filter_map(|record| match record {
            Record::Entry(it) => Some(*it),
            _ => None,
        }));
        if len < 500 {
            return all;
        }
    }
}

async fn people(
    store: &Counted,
    organization: OrganizationId,
    filter: PeopleFilter,
) -> BTreeSet<MembershipId> {
    let (scope, limit) = (organization.into(), 1_000_000);
    let page = Find::People { scope, filter, after: None, limit };
    let page = store.find(&page).await.unwrap().into_iter();
    page.filter_map(|record| match record {
        Record::Membership(it) => Some(it.id),
        _ => None,
    })
    .collect()
}

/// Every command that was acknowledged has its entry, and nothing else was done.
fn is_what_was_acknowledged(house: &House, logged: &[Logged], done: &BTreeMap<Revision, &str>) {
    let new = logged.iter().filter(|it| it.entry.position > house.head);
    let new: BTreeMap<_, _> =
        new.map(|it| (it.entry.position, it.entry.command.as_str())).collect();
    assert_eq!(&new, done, "what was done, and what somebody was told is done");
}

/// An organization as its audit tells it.
#[derive(Default)]
struct Story {
    state: State,
    people: Vec<MembershipId>,
    live: BTreeSet<MembershipId>,
    accepted: BTreeSet<InvitationId>,
    mails: BTreeSet<String>,
}

impl Story {
    fn tell(&mut self, organization: OrganizationId, logged: &Logged) {
        let (entry, detail) = (&logged.entry, logged.detail.clone().unwrap());
        let events = detail.events().unwrap();
        let used = if self.people.is_empty() { 0 } else { self.state.seats_used(organization) };
        self.is_allowed(organization, logged, &events);
        for event in &events {
            self.state.apply(entry.stream, event);
            match event {
                Event::MembershipBegun { membership, .. } => self.people.push(membership.id),
                Event::InvitationAccepted { invitation } => {
                    assert!(self.accepted.insert(*invitation), "I6: accepted twice: {invitation}");
                }
                Event::MailDue { mail } => drop(self.mails.insert(mail.id.to_string())),
                _ => {}
            }
        }
        self.state.append(entry.clone(), detail);
        let at = entry.position;
        let it = self.state.organization(organization).unwrap();
        let touched = entry.subjects.iter().chain(self.people.last());
        for id in touched {
            let is_live = self.state.membership(organization, *id).is_some_and(Membership::is_live);
            if is_live {
                self.live.insert(*id)
            } else {
                self.live.remove(id)
            };
        }
        assert!(self.state.keepers(organization) > 0, "I1: nobody keeps it after {at}");
        let now = self.state.seats_used(organization);
        assert_eq!(entry.seats_used, Some(now), "I2: the entry {at} says what is used");
        let fits = now <= used || it.seat_limit.is_none_or(|limit| now <= u64::from(limit));
        assert!(fits, "I2: {now} seats are used after {at}, which fit in no limit");
        assert_eq!(it.tally.total(), self.live.len() as u64, "I2: the tally after {at}");
        let (mut emails, mut users) = (BTreeSet::new(), BTreeSet::new());
        for it in self.live.iter().map(|id| self.state.membership(organization, *id).unwrap()) {
            let email = it.email.as_ref().is_none_or(|it| emails.insert(it.canonical()));
            assert!(email, "I3: one address is here twice after {at}");
            assert!(it.user.is_none_or(|it| users.insert(it)), "I3: a user is here twice: {at}");
        }
    }

    /// I5, I7: whoever did it was in, and did not reach above themselves.
    fn is_allowed(&self, organization: OrganizationId, logged: &Logged, events: &[Event]) {
        let Actor::Person { user, .. } = logged.entry.actor else { return };
        let (entry, at) = (&logged.entry, logged.entry.position);
        if matches!(entry.command.as_str(), "AcceptInvitation" | "AcceptOwnership") {
            return;
        }
        let who = Principal::Person(user);
        let own = Standing::of(&self.state, organization.into(), &who, entry.at).unwrap();
        let member = own.membership().unwrap_or_else(|| panic!("I7: {at} was asked by nobody"));
        assert!(member.is_active(), "I7: {at} was asked by somebody who is {:?}", member.status);
        let rank = |role| self.state.role(organization, role).unwrap().rank;
        for event in events {
            let (target, given) = match event {
                Event::MembershipBegun { membership, .. } => (None, Some(&membership.role)),
                Event::RoleChanged { membership, to, .. } => (Some(membership), Some(to)),
                Event::MembershipDeactivated { membership, .. }
                | Event::MembershipRemoved { membership, .. } => (Some(membership), None),
                _ => (None, None),
            };
            let target = target.map(|id| self.state.membership(organization, *id).unwrap());
            let theirs = target.map(|it| &it.role);
            for role in theirs.into_iter().chain(given) {
                assert!(rank(role) <= own.rank(), "I5: {at} reaches above, to {role}");
            }
        }
    }

    /// The records are what the audit says that they are; and the tallies, counted one by one.
    async fn is_what_is_stored(
        &self,
        store: &Counted,
        directory: &UserDirectory,
        organization: OrganizationId,
    ) {
        let mut needs = vec![Need::Record(Key::Organization(organization))];
        needs.extend(self.people.iter().map(|id| Need::Record(Key::Membership(*id))));
        let stored = State::new(store.load(&needs).await.unwrap());
        let it = stored.organization(organization).unwrap();
        assert_eq!(self.state.organization(organization), Some(it));
        let mut counted: BTreeMap<_, u64> = BTreeMap::new();
        let (mut seats, mut teams) = (0, BTreeMap::<TeamId, BTreeSet<MembershipId>>::new());
        for id in &self.people {
            let member = stored.membership(organization, *id).unwrap();
            assert_eq!(self.state.membership(organization, *id), Some(member));
            if !member.is_live() {
                continue;
            }
            for team in &member.teams {
                assert!(self.state.team(organization, *team).is_some(), "I4: no such team");
                teams.entry(*team).or_default().insert(*id);
            }
            let (role, status) = (member.role.clone(), member.status.name());
            let takes = stored.role(organization, &role).unwrap().takes_seat;
            seats += u64::from(takes && it.rules.seats.counts(status));
            *counted.entry((role, status)).or_default() += 1;
        }
        assert_eq!(seats, stored.seats_used(organization), "I2: seats, counted again");
        for ((role, status), count) in &counted {
            assert_eq!(it.tally.count(role, *status), *count, "I2: {status} {role}");
        }
        assert_eq!(it.tally.total(), counted.values().sum::<u64>());
        for (team, members) in teams {
            // I4: whoever is gone stands in no list of a team.
            let filter = PeopleFilter { team: Some(team), ..PeopleFilter::default() };
            let listed = people(store, organization, filter).await;
            assert_eq!(listed, members, "I4: {team}");
            let size = self.state.team(organization, team).unwrap().members;
            assert_eq!(size, members.len() as u64, "I4: the size of {team}");
        }
        self.is_what_is_listed(store, organization).await;
        self.only_who_is_in_passes_a_check(directory, organization).await;
    }

    async fn is_what_is_listed(&self, store: &Counted, organization: OrganizationId) {
        let live = people(store, organization, PeopleFilter::default()).await;
        assert_eq!(live, self.live);
        let removed =
            PeopleFilter { status: Some(StatusGroup::Removed), ..PeopleFilter::default() };
        let removed = people(store, organization, removed).await;
        let gone = self.people.iter().filter(|it| !self.live.contains(it)).copied();
        assert_eq!(removed, gone.collect());
        let status = InvitationStatus::Accepted;
        let find = Find::Invitations { organization, status, after: None, limit: 1_000_000 };
        assert_eq!(store.find(&find).await.unwrap().len(), self.accepted.len());
    }

    /// I7: by the directory's own guard, whoever is active and nobody else.
    async fn only_who_is_in_passes_a_check(
        &self,
        directory: &UserDirectory,
        organization: OrganizationId,
    ) {
        let member = |id: &MembershipId| self.state.membership(organization, *id).unwrap();
        let active = self.people.iter().map(member).filter(|it| it.is_active());
        let active: BTreeSet<UserId> = active.filter_map(|it| it.user).collect();
        let users: BTreeSet<UserId> = self.people.iter().filter_map(|it| member(it).user).collect();
        let listed: Vec<UserId> = users.iter().copied().collect();
        let access = directory.access_with(organization, &listed).await.unwrap();
        for user in users {
            let passes = access.can_user(user, Desk::ViewTickets)
                || access.can_user(user, Desk::SubmitTickets);
            assert_eq!(passes, active.contains(&user), "I7: {user}");
        }
    }
}

/// I9: a mail is for what was committed, is sent once, and is lost by nobody.
async fn every_mail_was_sent_once_or_waits(
    store: &Counted,
    reports: &[Report],
    due: &BTreeSet<String>,
) {
    let mut sent = BTreeSet::new();
    for mail in reports.iter().flat_map(|it| &it.sent) {
        assert!(sent.insert(mail.clone()), "I9: {mail} was sent twice");
        assert!(due.contains(mail), "I9: {mail} was sent for nothing that was committed");
    }
    let (now, limit) = (Timestamp::from_micros(i64::MAX), 1_000_000);
    for record in store.find(&Find::DueMail { now, limit }).await.unwrap() {
        let Record::Mail(mail) = record else { continue };
        assert!(matches!(
            mail.about,
            MailAbout::Invitation { .. } | MailAbout::OwnershipOffer { .. }
        ));
        assert!(due.contains(&mail.id.to_string()), "I9: {} waits for nothing", mail.id);
        assert!(!sent.contains(&mail.id.to_string()), "I9: {} was sent and waits", mail.id);
    }
}
