//! A company with seven people, three inboxes and three teams, as it is before any story begins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use futures_executor::block_on;
use tenure::adapters::memory::MemoryStore;
use tenure::commands::{AcceptInvitation, CreateTeam, FoundOrganization, Invite, RegisterUser};
use tenure::domain::{
    Authorship, ChangeSet, Claim, Entry, EntryDetail, Fence, Key, KindName, MadeOnLeaving,
    MembershipId, Nature, Need, OrganizationId, Place, Record, TeamId, UserId, WorkKind,
    WorkOnLeaving,
};
use tenure::ports::{CommitError, Find, StoreError};
use tenure::testing::{FakeClock, FakeEntropy, Postbox};
use tenure::{KeyRing, Principal, Profile, Reach, Realm, Role, Rules, Store, UserDirectory};

tenure::permissions! {
    /// What people may do at the desk.
    pub(crate) enum Desk {
        /// See tickets and what hangs on them.
        Tickets = "tickets.view",
        /// Edit macros.
        Macros = "macros.manage",
    }
}

pub(crate) const KEY: [u8; 32] = [7; 32];
/// The people of a story; the first founded the organization and stays.
pub(crate) const NAMES: [&str; 7] = ["Olivia", "Ada", "Bob", "Cem", "Dora", "Emil", "Fay"];
const ROLES_OF: [&str; 7] = ["owner", "lead", "agent", "agent", "junior", "agent", "junior"];
/// Who is in which team.
const TEAMS: [(&str, &[usize]); 3] =
    [("East", &[1, 2, 3]), ("West", &[3, 4, 5, 6]), ("South", &[6])];
/// Roles that somebody is given.
pub(crate) const ROLES: [&str; 4] = ["lead", "agent", "junior", "clerk"];
const INBOXES: [&str; 3] = ["sales", "support", "press"];

/// The kinds of work: name, nature, and what it needs.
const KINDS: [(&str, Nature, Option<Desk>); 6] = [
    ("tickets", Nature::Held, Some(Desk::Tickets)),
    ("contacts", Nature::Held, None),
    ("replies", Nature::Authored, None),
    ("notes", Nature::Authored, Some(Desk::Tickets)),
    ("macros", Nature::Made, Some(Desk::Macros)),
    ("automations", Nature::Automated, None),
];

pub(crate) fn kinds() -> Vec<WorkKind> {
    KINDS
        .iter()
        .map(|(name, nature, needs)| {
            let kind = WorkKind::new(name.parse().unwrap(), *nature);
            match needs {
                Some(permission) => kind.needing(*permission),
                None => kind,
            }
        })
        .collect()
}

pub(crate) fn kind(n: u8) -> KindName {
    KINDS[usize::from(n) % KINDS.len()].0.parse().unwrap()
}

/// No inbox, or one of three.
pub(crate) fn place(n: u8) -> Place {
    match usize::from(n) % (INBOXES.len() + 1) {
        0 => Place::new(),
        n => [("inbox".parse().unwrap(), INBOXES[n - 1].parse().unwrap())].into(),
    }
}

/// The inboxes of a bit mask.
pub(crate) fn fence(mask: u8) -> Fence {
    let listed = INBOXES.iter().enumerate().filter(|(n, _)| mask >> n & 1 == 1);
    Fence::default().with("inbox", listed.map(|(_, name)| *name)).unwrap()
}

/// By our own bookkeeping: whether somebody with this role and these inboxes reaches such work.
pub(crate) fn reaches(role: &str, fence: &Fence, kind: &KindName, place: &Place) -> bool {
    let needs = KINDS.iter().find(|(name, ..)| *name == kind.as_str()).and_then(|it| it.2);
    let listed = || {
        let inbox = "inbox".parse().unwrap();
        place.get(&inbox).is_some_and(|it| fence.lists(&inbox, it))
    };
    match (needs, role) {
        (None, _) | (Some(_), "owner" | "lead") => true,
        (Some(Desk::Macros), role) => role == "agent",
        (Some(Desk::Tickets), "agent" | "junior") => listed(),
        (Some(Desk::Tickets), _) => false,
    }
}

fn roles() -> Vec<Role> {
    let role = |name: &str, rank| Role::new(name, rank).unwrap();
    vec![
        role("owner", 100).all_but::<Desk>([]).assigns_all().keeper(),
        role("lead", 60).with(Desk::Tickets, Reach::ALL).with(Desk::Macros, Reach::ALL),
        role("agent", 40)
            .with(Desk::Tickets, Reach::ALL.within("inbox").unwrap())
            .with(Desk::Macros, Reach::ALL),
        role("junior", 30).with(Desk::Tickets, Reach::OWN.within("inbox").unwrap()),
        role("clerk", 20),
    ]
}

/// Everything that there is before a story.
pub(crate) struct Company {
    pub(crate) organization: OrganizationId,
    pub(crate) owner: UserId,
    pub(crate) users: Vec<UserId>,
    pub(crate) members: Vec<MembershipId>,
    pub(crate) teams: Vec<TeamId>,
    records: BTreeMap<Key, Record>,
    claims: BTreeMap<Claim, uuid::Uuid>,
    entries: Vec<(Entry, EntryDetail)>,
}

impl Company {
    pub(crate) fn name(&self, id: MembershipId) -> &'static str {
        self.members.iter().position(|it| *it == id).map_or("somebody else", |n| NAMES[n])
    }

    /// Writes it into a store, with these rules and these inboxes for each.
    pub(crate) fn begins(&self, rules: [u8; 3], fences: &[u8], store: &dyn Store) {
        let mut changes = ChangeSet::default();
        for record in self.records.values() {
            let mut record = record.clone();
            match &mut record {
                Record::Organization(it) => it.rules = self::rules(rules),
                Record::Membership(it) => {
                    let n = self.members.iter().position(|id| *id == it.id).unwrap_or(0);
                    it.fence = fence(fences.get(n).copied().unwrap_or(0b111));
                }
                _ => {}
            }
            changes.put.push(record);
        }
        changes.claim = self.claims.clone().into_iter().collect();
        changes.append.clone_from(&self.entries);
        block_on(store.commit(changes)).unwrap();
    }
}

fn rules([work, authors, made]: [u8; 3]) -> Rules {
    Rules {
        work_on_leaving: match work % 4 {
            0 => WorkOnLeaving::Unassign,
            1 => WorkOnLeaving::SuccessorRequired,
            _ => WorkOnLeaving::Either,
        },
        authorship: match authors % 2 {
            0 => Authorship::MovesToSuccessor,
            _ => Authorship::Kept,
        },
        made_on_leaving: match made % 3 {
            0 => MadeOnLeaving::WithTheWork,
            1 => MadeOnLeaving::Either,
            _ => MadeOnLeaving::Untouched,
        },
        ..Rules::default()
    }
}

/// The company, set up once; each story gets a copy.
pub(crate) fn company() -> &'static Company {
    static COMPANY: OnceLock<Company> = OnceLock::new();
    COMPANY.get_or_init(|| block_on(found()))
}

async fn found() -> Company {
    let store = Recorder::default();
    let directory = UserDirectory::builder_with(
        store.clone(),
        Postbox::new(),
        KeyRing::new(KEY),
        FakeClock::default(),
        FakeEntropy::new(1),
    )
    .permissions::<Desk>()
    .build();
    let email = |n: usize| format!("{}@acme.example", NAMES[n].to_lowercase()).parse().unwrap();
    let mut users = Vec::new();
    for n in 0..NAMES.len() {
        let user: UserId = directory.new_id();
        let register = RegisterUser::verified(user, Realm::Shared, email(n));
        directory.execute(Principal::System, register).await.unwrap();
        users.push(user);
    }
    let found = FoundOrganization {
        organization: directory.new_id(),
        name: "Acme Help".parse().unwrap(),
        realm: Realm::Shared,
        founder: users[0],
        profile: Profile::named(NAMES[0]).unwrap(),
        role: "owner".parse().unwrap(),
        roles: roles(),
        rules: Rules::default(),
        seat_limit: None,
    };
    let founded = directory.execute(Principal::System, found).await.unwrap().output;
    let (organization, mut members) = (founded.organization, vec![founded.membership]);
    let owner = users[0];
    for n in 1..NAMES.len() {
        let invite = Invite::new(organization, email(n), ROLES_OF[n].parse().unwrap())
            .with_profile(Profile::named(NAMES[n]).unwrap());
        let invited = directory.execute(owner, invite).await.unwrap().output;
        let accept = AcceptInvitation::new(organization, invited.invitation);
        members.push(directory.execute(users[n], accept).await.unwrap().output.membership);
    }
    let mut teams = Vec::new();
    for (name, who) in TEAMS {
        let team = CreateTeam {
            organization,
            name: name.parse().unwrap(),
            description: None,
            members: who.iter().map(|n| members[*n]).collect(),
        };
        teams.push(directory.execute(owner, team).await.unwrap().output);
    }
    let recorded = std::mem::take(&mut *store.recorded.lock().unwrap());
    let (mut records, mut claims, mut entries) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    let mut deleted = BTreeSet::new();
    for changes in recorded {
        for (claim, _) in &changes.release {
            claims.remove(claim);
        }
        claims.extend(changes.claim);
        records.extend(changes.put.into_iter().map(|it| (it.key(), it)));
        deleted.extend(changes.delete);
        entries.extend(changes.append);
    }
    // Nobody waits for the letters.
    records.retain(|key, _| !deleted.contains(key) && !matches!(key, Key::Mail(_)));
    Company { organization, owner, users, members, teams, records, claims, entries }
}

#[derive(Clone, Default)]
struct Recorder {
    store: MemoryStore,
    recorded: Arc<Mutex<Vec<ChangeSet>>>,
}

#[async_trait]
impl Store for Recorder {
    async fn load(&self, needs: &[Need]) -> Result<Vec<Record>, StoreError> {
        self.store.load(needs).await
    }

    async fn commit(&self, changes: ChangeSet) -> Result<(), CommitError> {
        self.store.commit(changes.clone()).await?;
        self.recorded.lock().unwrap().push(changes);
        Ok(())
    }

    async fn find(&self, question: &Find) -> Result<Vec<Record>, StoreError> {
        self.store.find(question).await
    }
}
