//! A process that writes in a loop is killed, again and again, and nothing acknowledged is missing
//! and nothing is half done.
//!
//! This shows that the death of a process loses nothing. It does not show what a loss of power
//! does: the operating system lives on, and keeps what the process had written.
//!
//! The test starts its own program again as the writer (`the_writer`, which does nothing unless an
//! environment variable names a database). The writer prints a line for each command that the
//! directory acknowledged, and for each letter before it counts as sent; then it is killed with
//! SIGKILL after a random time.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_executor::block_on;
use tenure::adapters::sqlite::SqliteStore;
use tenure::adapters::system::SystemEntropy;
use tenure::commands::{
    ChangeRole, ChangeTeamMembers, CreateTeam, Deactivate, EditProfile, FoundOrganization, Invite,
    Reactivate, RegisterUser, RemoveMember, RevokeInvitation, WorkOnReturn,
};
use tenure::domain::{
    DeactivatedBecause, Event, InvitationStatus, Key, Logged, Mail, Need, Organization,
    OrganizationId, Record, Revision, RoleName, State, StatusGroup, StatusName, Stream, TeamId,
    UserId,
};
use tenure::ports::{Find, Letter, LetterKind, MailerError, PeopleFilter};
use tenure::testing::cast::{Desk, roles};
use tenure::{
    Done, Entropy, Intent, KeyRing, Mailer, Principal, Profile, Realm, Rules, Store, Token,
    UserDirectory,
};

const DATABASE: &str = "TENURE_CRASH_DATABASE";
const ORGANIZATION: &str = "TENURE_CRASH_ORGANIZATION";
const OWNER: &str = "TENURE_CRASH_OWNER";

const KILLS: u32 = 50;
/// So often one database is used, so that checking it does not become slow.
const KILLS_EACH: u32 = 10;

#[test]
fn whatever_was_acknowledged_survives_kill_9_and_nothing_is_half_done() {
    let folder = tempfile::tempdir().unwrap();
    let (mut acknowledged, mut kills) = (0, 0);
    while kills < KILLS {
        let path = folder.path().join(format!("{kills}.db"));
        let (organization, owner) = found(&path);
        let mut told = Told::default();
        for _ in 0..KILLS_EACH {
            write_until_killed(&path, organization, owner, &mut told);
            kills += 1;
            check(&path, organization, &told);
        }
        acknowledged += told.done.len();
    }
    println!("{kills} kills, {acknowledged} commands acknowledged");
    assert!(acknowledged > 200, "the writers had no time to write: {acknowledged}");
}

// ── The writer ──────────────────────────────────────────────────────────────────────────────────

/// Not a test: the program that is killed.
#[test]
fn the_writer() {
    let Ok(path) = std::env::var(DATABASE) else { return };
    let id = |name| std::env::var(name).unwrap().parse::<uuid::Uuid>().unwrap();
    let (organization, owner) = (id(ORGANIZATION).into(), UserId::from(id(OWNER)));
    let letters = Letters::default();
    let directory = directory(Path::new(&path), letters.clone());
    let writer = Writer { directory, letters, organization, owner: Principal::Person(owner) };
    block_on(async {
        let team = writer.team().await;
        loop {
            writer.a_life(team).await;
        }
    });
}

struct Writer {
    directory: UserDirectory,
    letters: Letters,
    organization: OrganizationId,
    owner: Principal,
}

impl Writer {
    /// Executes, and says so once it is acknowledged.
    async fn done<I: Intent>(&self, who: impl Into<tenure::Request>, intent: I) -> I::Output {
        let Done { revision, events, output, .. } =
            self.directory.execute(who, intent).await.unwrap();
        say(&format!("done {revision} {}", serde_json::to_string(&events).unwrap()));
        output
    }

    async fn team(&self) -> TeamId {
        let id: uuid::Uuid = self.directory.new_id();
        let name = format!("Team {id}").parse().unwrap();
        let team = CreateTeam {
            organization: self.organization,
            name,
            description: None,
            members: Vec::new(),
        };
        self.done(&self.owner, team).await
    }

    /// Somebody is invited, comes in, changes, leaves, perhaps returns, and is perhaps removed.
    async fn a_life(&self, team: TeamId) {
        let (owner, organization) = (&self.owner, self.organization);
        let (scope, number) = (organization.into(), SystemEntropy.draw());
        let name = uuid::Uuid::from_bytes(number).simple().to_string();
        let email = format!("{name}@acme.example").parse().unwrap();
        let invite = Invite::new(organization, email, "agent".parse().unwrap())
            .with_profile(Profile::named(&format!("Person {name}")).unwrap())
            .into_team(team);
        let invited = self.done(owner, invite).await;
        let (membership, invitation) = (invited.membership, invited.invitation);
        match number[0] % 5 {
            0 => return,
            1 => {
                return self
                    .done(owner, RevokeInvitation { scope: organization.into(), invitation })
                    .await;
            }
            _ => self.directory.maintain().await.unwrap(),
        };
        let token = self.letters.0.lock().unwrap().remove(&name).unwrap();
        let view = self.directory.inspect(&token).await.unwrap();
        self.done(view.link.clone(), view.accept()).await;
        let role = "admin".parse().unwrap();
        self.done(owner, ChangeRole { scope, membership, role, handover: None }).await;
        let (join, leave) = (Vec::new(), vec![membership]);
        self.done(owner, ChangeTeamMembers { organization, team, join, leave, handover: None })
            .await;
        let because = DeactivatedBecause::Leave;
        self.done(owner, Deactivate { scope, membership, because, handover: None }).await;
        if number[1] % 2 == 0 {
            self.done(owner, Reactivate { scope, membership, work: WorkOnReturn::StaysWhereItIs })
                .await;
            let fields = Profile::named("Somebody Else").unwrap().0;
            self.done(owner, EditProfile { scope, membership, fields }).await;
        }
        if number[2] % 2 == 0 {
            self.done(owner, RemoveMember { scope, membership, handover: None }).await;
        }
    }
}

/// Says that a letter was sent before it is acknowledged, and keeps the link for whoever got it.
#[derive(Clone, Default)]
struct Letters(Arc<Mutex<HashMap<String, Token>>>);

#[async_trait]
impl Mailer for Letters {
    async fn send(&self, letter: &Letter) -> Result<(), MailerError> {
        let to = letter.to.canonical().as_str();
        let name = to.split('@').next().unwrap_or_default().to_owned();
        if let LetterKind::Invitation { token, .. } = &letter.kind {
            self.0.lock().unwrap().insert(name, token.clone());
        }
        say(&format!("sent {}", letter.id));
        Ok(())
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{line} .\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

// ── The killer ──────────────────────────────────────────────────────────────────────────────────

/// What writers have said.
#[derive(Default)]
struct Told {
    done: BTreeMap<Revision, Vec<Event>>,
    sent: BTreeSet<String>,
}

impl Told {
    fn hear(&mut self, line: &str) {
        // A line that was cut off says nothing.
        let Some(line) = line.strip_suffix(" .") else { return };
        if let Some(mail) = line.strip_prefix("sent ") {
            self.sent.insert(mail.to_owned());
        } else if let Some((revision, events)) =
            line.strip_prefix("done ").and_then(|it| it.split_once(' '))
        {
            let revision = Revision::new(revision.parse().unwrap());
            let before = self.done.insert(revision, serde_json::from_str(events).unwrap());
            assert_eq!(before, None, "two commands were acknowledged as {revision}");
        }
    }
}

fn directory(path: &Path, mailer: impl Mailer + 'static) -> UserDirectory {
    let store = SqliteStore::open(path).unwrap();
    UserDirectory::builder(store, mailer, KeyRing::new([9; 32])).permissions::<Desk>().build()
}

fn found(path: &Path) -> (OrganizationId, UserId) {
    let directory = directory(path, Letters::default());
    let (organization, founder) = (directory.new_id(), directory.new_id());
    let email = "olivia@acme.example".parse().unwrap();
    let command = FoundOrganization {
        organization,
        name: "Acme Help".parse().unwrap(),
        realm: Realm::Shared,
        founder,
        profile: Profile::named("Olivia").unwrap(),
        role: "owner".parse().unwrap(),
        roles: roles(),
        rules: Rules::default(),
        seat_limit: None,
    };
    block_on(async {
        let olivia = RegisterUser::verified(founder, Realm::Shared, email);
        directory.execute(Principal::System, olivia).await.unwrap();
        directory.execute(Principal::System, command).await.unwrap();
    });
    (organization, founder)
}

fn write_until_killed(path: &Path, organization: OrganizationId, owner: UserId, told: &mut Told) {
    let mut writer = Process::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_writer", "--nocapture", "--test-threads", "1"])
        .env(DATABASE, path)
        .env(ORGANIZATION, organization.to_string())
        .env(OWNER, owner.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines().map(Result::unwrap);
    // From its first words on it has between 0 and 200 ms to live.
    let first = lines.find(|line| line.starts_with("done ")).unwrap();
    let [a, b, ..] = SystemEntropy.draw();
    let killer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_micros(u64::from(u16::from_be_bytes([a, b])) * 3));
        writer.kill().unwrap();
        writer.wait().unwrap()
    });
    told.hear(&first);
    for line in lines {
        told.hear(&line);
    }
    assert!(!killer.join().unwrap().success(), "the writer was killed, and did not end by itself");
}

// ── The inspector ───────────────────────────────────────────────────────────────────────────────

fn check(path: &Path, organization: OrganizationId, told: &Told) {
    let stream = Stream::Organization(organization);
    let directory = directory(path, Letters::default());
    let head = block_on(directory.verify_audit(stream)).unwrap();
    let stored = block_on(directory.organization(&Principal::System, organization)).unwrap();
    assert_eq!(stored.head, head, "the organization knows the end of its chain");
    let entries = entries(&directory, organization);
    assert_eq!(entries.len() as u64, head.position.get());

    for (revision, events) in &told.done {
        let at = usize::try_from(revision.get()).unwrap() - 1;
        let entry = entries.get(at).unwrap_or_else(|| panic!("{revision} is missing"));
        assert_eq!(entry.detail.as_ref().map(|it| it.events().unwrap()).as_ref(), Some(events));
    }
    tallies_equal_a_recount(&directory, &stored);
    let store = SqliteStore::open(path).unwrap();
    every_event_is_reflected(&store, &stored, &entries);
    every_mail_is_there_or_was_sent(&store, &entries, told);
}

fn entries(directory: &UserDirectory, organization: OrganizationId) -> Vec<Logged> {
    let (mut all, mut after) = (Vec::new(), Some(Revision::NONE));
    while let Some(behind) = after {
        let page = directory.audit(&Principal::System, organization, behind, 500);
        let page = block_on(page).unwrap();
        all.extend(page.entries);
        after = page.next;
    }
    all
}

/// I2: counted again from the rows, page by page.
fn tallies_equal_a_recount(directory: &UserDirectory, stored: &Organization) {
    let mut counts: BTreeMap<(RoleName, StatusName), u64> = BTreeMap::new();
    let mut removed = 0;
    for group in
        [StatusGroup::Pending, StatusGroup::Active, StatusGroup::Deactivated, StatusGroup::Removed]
    {
        let filter = PeopleFilter { status: Some(group), ..PeopleFilter::default() };
        let mut after = None;
        loop {
            let system = &Principal::System;
            let page = directory.people(system, stored.id, filter.clone(), after, 100);
            let page = block_on(page).unwrap();
            for row in &page.rows {
                let (role, status) = (row.membership.role.clone(), row.membership.status.name());
                assert_eq!(status.group(), group);
                if group == StatusGroup::Removed {
                    removed += 1;
                } else {
                    *counts.entry((role, status)).or_default() += 1;
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    let roles = block_on(directory.roles(&Principal::System, stored.id)).unwrap();
    let mut seats = 0;
    for role in &roles {
        for status in StatusName::ALL {
            let count = counts.get(&(role.name.clone(), status)).copied().unwrap_or(0);
            assert_eq!(stored.tally.count(&role.name, status), count, "{} {status:?}", role.name);
            if role.takes_seat && stored.rules.seats.counts(status) {
                seats += count;
            }
        }
    }
    assert_eq!(stored.tally.total(), counts.values().sum::<u64>());
    assert_eq!(stored.former_members, removed);
    let (used, _) = block_on(directory.seats(&Principal::System, stored.id)).unwrap();
    assert_eq!(used, seats);
}

/// The audit, applied from the beginning, gives the very records that are stored.
fn every_event_is_reflected(store: &SqliteStore, stored: &Organization, entries: &[Logged]) {
    let stream = Stream::Organization(stored.id);
    let (mut state, mut people, mut offers) = (State::default(), Vec::new(), Vec::new());
    for Logged { entry, detail, .. } in entries {
        let detail = detail.clone().unwrap();
        for event in &detail.events().unwrap() {
            state.apply(stream, event);
            if let Event::MembershipBegun { membership, .. } = event {
                people.push(membership.id);
            } else if let Event::InvitationMade { invitation } = event {
                offers.push(invitation.id);
            }
        }
        state.append(entry.clone(), detail);
    }
    assert_eq!(state.organization(stored.id), Some(stored));
    for id in &people {
        let found = load(store, Key::Membership(*id));
        let found = found.membership(stored.id, *id);
        assert!(found.is_some(), "{id} is missing");
        assert_eq!(found, state.membership(stored.id, *id));
    }
    for id in &offers {
        let found = load(store, Key::Invitation(*id));
        let found = found.invitation(stored.id, *id);
        assert!(found.is_some(), "{id} is missing");
        assert_eq!(found, state.invitation(stored.id, *id));
    }
    // And nothing that no entry speaks of.
    let filters = [None, Some(StatusGroup::Removed)];
    let listed = filters.map(|status| {
        let filter = PeopleFilter { status, ..PeopleFilter::default() };
        let (scope, limit) = (stored.id.into(), u32::MAX);
        find(store, &Find::People { scope, filter, after: None, limit }).len()
    });
    assert_eq!(listed.iter().sum::<usize>(), people.len());
    let all = [
        InvitationStatus::Open,
        InvitationStatus::Lapsed,
        InvitationStatus::Accepted,
        InvitationStatus::Declined,
        InvitationStatus::Revoked,
    ];
    let listed = all.map(|status| {
        let (organization, limit) = (stored.id, u32::MAX);
        find(store, &Find::Invitations { organization, status, after: None, limit }).len()
    });
    assert_eq!(listed.iter().sum::<usize>(), offers.len());
}

/// I9: mail is due in the same commit, and goes only once it was sent or is no longer true.
fn every_mail_is_there_or_was_sent(store: &SqliteStore, entries: &[Logged], told: &Told) {
    let (now, limit) = (tenure::domain::Timestamp::from_micros(i64::MAX), u32::MAX);
    let outbox = find(store, &Find::DueMail { now, limit });
    let waiting: BTreeSet<_> = outbox.iter().map(Record::key).collect();
    let details = entries.iter().filter_map(|it| it.detail.as_ref());
    let due: Vec<Mail> = details
        .flat_map(|it| it.events().unwrap())
        .filter_map(|event| if let Event::MailDue { mail } = event { Some(*mail) } else { None })
        .collect();
    let revoked: BTreeSet<_> = entries
        .iter()
        .filter_map(|it| it.detail.as_ref())
        .flat_map(|it| it.events().unwrap())
        .filter_map(|event| {
            if let Event::InvitationRevoked { invitation } = event {
                Some(invitation)
            } else {
                None
            }
        })
        .collect();
    for mail in &due {
        let untrue = matches!(mail.about, tenure::domain::MailAbout::Invitation { invitation, .. }
            if revoked.contains(&invitation));
        assert!(
            waiting.contains(&Key::Mail(mail.id))
                || told.sent.contains(&mail.id.to_string())
                || untrue,
            "the mail {} is lost",
            mail.id
        );
    }
    let due: BTreeSet<_> = due.iter().map(|mail| Key::Mail(mail.id)).collect();
    assert!(waiting.is_subset(&due), "mail is due that no entry speaks of");
}

fn load(store: &SqliteStore, key: Key) -> State {
    State::new(block_on(store.load(&[Need::Record(key)])).unwrap())
}

fn find(store: &SqliteStore, question: &Find) -> Vec<Record> {
    block_on(store.find(question)).unwrap()
}
