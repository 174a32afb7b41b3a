//! The records that a batch of commands works on, and what changed in them.
//!
//! Two things follow from records alone and are kept here, where nothing can forget them: the
//! claims that make things unique (I3), and the tallies (I2), which change exactly when a
//! membership's row changes from one cell to another.

mod memory;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

use uuid::Uuid;

use super::record::{membership_claims, team_claims, user_claims};
use super::{
    Activity, Block, ChangeSet, Claim, Digest, Entry, EntryDetail, Forget, Guard, Handover,
    HandoverId, Invitation, InvitationId, Key, Logged, Mail, MailId, Membership, MembershipId,
    Organization, OrganizationId, Receipt, ReceiptKey, Record, Revision, Role, RoleName, Scope,
    Stream, SupportAccess, SupportAccessId, Tally, Team, TeamId, User, UserId, Workspace,
    WorkspaceId,
};

/// Rows of one kind, remembering what the changed ones were.
#[derive(Clone, Debug)]
struct Table<K, V> {
    rows: HashMap<K, V>,
    before: BTreeMap<K, Option<V>>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: HashMap::new(), before: BTreeMap::new() }
    }
}

impl<K: Copy + Eq + Hash + Ord, V: Clone> Table<K, V> {
    fn load(&mut self, key: K, row: V) {
        self.rows.entry(key).or_insert(row);
    }

    fn get(&self, key: K) -> Option<&V> {
        self.rows.get(&key)
    }

    fn put(&mut self, key: K, row: V) {
        let before = self.rows.insert(key, row);
        self.before.entry(key).or_insert(before);
    }

    /// Changes a row in place; one that was not loaded is left alone.
    fn edit(&mut self, key: K, change: impl FnOnce(&mut V)) {
        if let Some(row) = self.rows.get_mut(&key) {
            self.before.entry(key).or_insert_with(|| Some(row.clone()));
            change(row);
        }
    }

    /// Changed rows with what they were, in the order of their keys.
    fn changed(&self) -> impl Iterator<Item = (Option<&V>, &V)> {
        self.before.iter().filter_map(|(k, before)| Some((before.as_ref(), self.rows.get(k)?)))
    }

    fn is_changed(&self, key: K) -> bool {
        self.before.contains_key(&key)
    }
}

/// What a batch of commands knows, and what it has changed so far.
///
/// It is made from what a store loaded ([`State::new`]), changed by events alone
/// ([`State::apply`]), and says what to commit ([`State::changes`]).
#[derive(Clone, Debug, Default)]
pub struct State {
    organizations: Table<OrganizationId, Organization>,
    roles: BTreeMap<(OrganizationId, RoleName), Role>,
    role_changes: BTreeSet<(OrganizationId, RoleName)>,
    workspaces: Table<WorkspaceId, Workspace>,
    users: Table<UserId, User>,
    memberships: Table<MembershipId, Membership>,
    invitations: Table<InvitationId, Invitation>,
    teams: Table<TeamId, Team>,
    supports: Table<SupportAccessId, SupportAccess>,
    handovers: Table<HandoverId, Handover>,
    mails: Table<MailId, Mail>,
    activities: Table<MembershipId, Activity>,
    /// Whether each stands, and whether that is new.
    blocks: BTreeMap<(OrganizationId, Digest), (bool, bool)>,
    receipts: BTreeMap<ReceiptKey, (Receipt, bool)>,
    entries: BTreeMap<(Stream, Revision), Logged>,
    held: HashMap<Claim, Uuid>,
    appended: Vec<(Entry, EntryDetail)>,
    forgotten: Vec<Forget>,
}

impl State {
    /// The state that loaded records describe; a record that was loaded twice counts once.
    pub fn new(records: impl IntoIterator<Item = Record>) -> Self {
        let mut state = Self::default();
        state.load(records);
        state
    }

    /// Adds records that were loaded later. What is known already stays as it is, and as it was
    /// changed.
    pub fn load(&mut self, records: impl IntoIterator<Item = Record>) {
        for record in records {
            match record {
                Record::Organization(it) => self.organizations.load(it.id, *it),
                Record::Role(organization, it) => {
                    let key = (organization, it.name.clone());
                    if !self.role_changes.contains(&key) {
                        self.roles.entry(key).or_insert(*it);
                    }
                }
                Record::Workspace(it) => self.workspaces.load(it.id, *it),
                Record::User(it) => {
                    if self.users.get(it.id).is_none() {
                        self.hold(it.id.uuid(), user_claims(&it));
                    }
                    self.users.load(it.id, *it);
                }
                Record::Membership(it) => {
                    if self.memberships.get(it.id).is_none() {
                        self.hold(it.id.uuid(), membership_claims(&it));
                    }
                    self.memberships.load(it.id, *it);
                }
                Record::Invitation(it) => self.invitations.load(it.id, *it),
                Record::Team(it) => {
                    if self.teams.get(it.id).is_none() {
                        self.hold(it.id.uuid(), team_claims(&it));
                    }
                    self.teams.load(it.id, *it);
                }
                Record::SupportAccess(it) => self.supports.load(it.id, *it),
                Record::Handover(it) => self.handovers.load(it.id, *it),
                // Nothing is decided by what batches did.
                Record::HandoverReceipt(_) => {}
                Record::Mail(it) => self.mails.load(it.id, *it),
                Record::Activity(it) => self.activities.load(it.membership, *it),
                Record::Block(it) => {
                    self.blocks.entry((it.organization, it.digest)).or_insert((true, false));
                }
                Record::Receipt(it) => {
                    self.receipts.entry(it.key.clone()).or_insert((*it, false));
                }
                Record::Entry(it) => {
                    self.entries.insert((it.entry.stream, it.entry.position), *it);
                }
            }
        }
    }

    fn hold(&mut self, holder: Uuid, claims: Vec<Claim>) {
        for claim in claims {
            self.held.entry(claim).or_insert(holder);
        }
    }

    /// An organization.
    pub fn organization(&self, id: OrganizationId) -> Option<&Organization> {
        self.organizations.get(id)
    }

    /// A role.
    pub fn role(&self, organization: OrganizationId, name: &RoleName) -> Option<&Role> {
        self.roles.get(&(organization, name.clone()))
    }

    /// The roles of an organization, in the order of their names.
    pub fn roles(&self, organization: OrganizationId) -> impl Iterator<Item = &Role> {
        self.roles.iter().filter(move |((o, _), _)| *o == organization).map(|(_, role)| role)
    }

    /// A workspace of an organization.
    pub fn workspace(&self, organization: OrganizationId, id: WorkspaceId) -> Option<&Workspace> {
        self.workspaces.get(id).filter(|it| it.organization == organization)
    }

    /// A user.
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.users.get(id)
    }

    /// A membership of an organization (I11: of no other).
    pub fn membership(
        &self,
        organization: OrganizationId,
        id: MembershipId,
    ) -> Option<&Membership> {
        self.memberships.get(id).filter(|it| it.scope.organization == organization)
    }

    /// The live memberships in one organization of the same person: the same user, or address.
    pub fn memberships_of_same_person(&self, of: &Membership) -> Vec<&Membership> {
        let same = |it: &&Membership| {
            it.scope.organization == of.scope.organization
                && it.is_live()
                && (it.id == of.id
                    || (it.user.is_some() && it.user == of.user)
                    || (it.user.is_none()
                        && it.email.is_some()
                        && it.email.as_ref().map(super::EmailAddress::canonical)
                            == of.email.as_ref().map(super::EmailAddress::canonical)))
        };
        let mut found: Vec<_> = self.memberships.rows.values().filter(same).collect();
        found.sort_by_key(|it| it.id);
        found
    }

    /// The live memberships in one organization of the same person, seen from any of them: those of
    /// the same user, and those of the same address that are not yet both bound to users.
    pub(crate) fn person(&self, of: &Membership) -> Vec<&Membership> {
        let address = |it: &Membership| it.email.as_ref().map(|email| email.canonical().clone());
        let known_as = address(of);
        let same = |it: &&Membership| {
            it.scope.organization == of.scope.organization
                && it.is_live()
                && (it.id == of.id
                    || (it.user.is_some() && it.user == of.user)
                    || ((it.user.is_none() || of.user.is_none())
                        && known_as.is_some()
                        && address(it) == known_as))
        };
        let mut found: Vec<_> = self.memberships.rows.values().filter(same).collect();
        found.sort_by_key(|it| it.id);
        found
    }

    /// The live memberships of an organization that were begun in this batch: no store has them yet.
    pub(crate) fn begun(&self, id: OrganizationId) -> impl Iterator<Item = &Membership> {
        self.memberships
            .changed()
            .filter(move |(before, it)| {
                before.is_none() && it.is_live() && it.scope.organization == id
            })
            .map(|(_, it)| it)
    }

    /// Whether a membership is active, and so is the one in the organization above it (I4).
    pub fn works(&self, it: &Membership) -> bool {
        let above = |one: &&Membership| one.scope.workspace.is_none() && one.is_active();
        it.is_active() && self.memberships_of_same_person(it).iter().any(above)
    }

    /// The loaded removed memberships in one organization of the same person, this one included.
    pub fn past_of_same_person(&self, of: &Membership) -> Vec<&Membership> {
        let address = |it: &Membership| it.email.as_ref().map(|email| email.canonical().clone());
        let same = |it: &&Membership| {
            it.scope.organization == of.scope.organization
                && !it.is_live()
                && (it.id == of.id
                    || (it.user.is_some() && it.user == of.user)
                    || (it.email.is_some() && address(it) == address(of)))
        };
        let mut found: Vec<_> = self.memberships.rows.values().filter(same).collect();
        found.sort_by_key(|it| it.id);
        found
    }

    /// The live membership of a user in a scope.
    pub fn membership_of(&self, scope: Scope, user: UserId) -> Option<&Membership> {
        self.holder(&Claim::MembershipUser(scope, user))
            .and_then(|id| self.membership(scope.organization, MembershipId::new(id)))
    }

    /// Who holds a claim.
    pub fn holder(&self, claim: &Claim) -> Option<Uuid> {
        self.held.get(claim).copied()
    }

    /// An invitation of an organization.
    pub fn invitation(
        &self,
        organization: OrganizationId,
        id: InvitationId,
    ) -> Option<&Invitation> {
        self.invitations.get(id).filter(|it| it.organization == organization)
    }

    /// The loaded open invitations of an organization, those that run out first at first.
    pub fn open_invitations(&self, organization: OrganizationId) -> Vec<&Invitation> {
        let mut open: Vec<_> = self
            .invitations
            .rows
            .values()
            .filter(|it| it.organization == organization && it.is_open())
            .collect();
        open.sort_by_key(|it| (it.expires_at, it.id));
        open
    }

    /// A team of an organization.
    pub fn team(&self, organization: OrganizationId, id: TeamId) -> Option<&Team> {
        self.teams.get(id).filter(|it| it.organization == organization && !it.deleted)
    }

    /// A support access of an organization.
    pub fn support(
        &self,
        organization: OrganizationId,
        id: SupportAccessId,
    ) -> Option<&SupportAccess> {
        self.supports.get(id).filter(|it| it.organization == organization)
    }

    /// A handover.
    pub fn handover(&self, id: HandoverId) -> Option<&Handover> {
        self.handovers.get(id)
    }

    /// The loaded handovers that concern a membership, by id.
    pub(crate) fn handovers_of(&self, id: MembershipId) -> Vec<&Handover> {
        let mut all: Vec<_> =
            self.handovers.rows.values().filter(|it| it.concerns().contains(&id)).collect();
        all.sort_by_key(|it| it.id);
        all
    }

    /// The loaded active memberships in the organization itself that are in a team, by id.
    pub(crate) fn team_members(&self, id: OrganizationId, team: TeamId) -> Vec<&Membership> {
        let whole = Scope::from(id);
        let is_in =
            |it: &&Membership| it.scope == whole && it.is_active() && it.teams.contains(&team);
        let mut all: Vec<_> = self.memberships.rows.values().filter(is_in).collect();
        all.sort_by_key(|it| it.id);
        all
    }

    /// A mail.
    pub fn mail(&self, id: MailId) -> Option<&Mail> {
        self.mails.get(id)
    }

    /// When a member was here.
    pub fn activity(&self, id: MembershipId) -> Option<&Activity> {
        self.activities.get(id)
    }

    /// Whether an erased person with this digest is kept out.
    pub fn is_blocked(&self, organization: OrganizationId, digest: Digest) -> bool {
        self.blocks.get(&(organization, digest)).is_some_and(|(stands, _)| *stands)
    }

    /// What an idempotency key stands for.
    pub fn receipt(&self, key: &ReceiptKey) -> Option<&Receipt> {
        self.receipts.get(key).map(|(receipt, _)| receipt)
    }

    /// A loaded audit entry.
    pub fn entry(&self, stream: Stream, position: Revision) -> Option<&Logged> {
        self.entries.get(&(stream, position))
    }

    /// The memberships that an event is about; an event about an invitation is about those it lists.
    pub(crate) fn subjects(&self, event: &super::Event) -> Vec<MembershipId> {
        let invitation = event.invitation().and_then(|id| self.invitations.get(id));
        let listed = invitation.map(|it| it.memberships.clone()).unwrap_or_default();
        listed.into_iter().chain(event.subject()).collect()
    }

    /// Seats in use in a loaded organization.
    pub fn seats_used(&self, id: OrganizationId) -> u64 {
        self.organization(id).map_or(0, |it| it.seats_used(self.roles(id)))
    }

    /// Active members of a loaded organization whose role keeps it (I1).
    pub fn keepers(&self, id: OrganizationId) -> u64 {
        let Some(organization) = self.organization(id) else {
            return 0;
        };
        self.roles(id)
            .filter(|role| role.keeps_organization)
            .map(|role| organization.tally.count(&role.name, super::StatusName::Active))
            .sum()
    }

    pub(super) fn put_organization(&mut self, it: Organization) {
        self.organizations.put(it.id, it);
    }

    pub(super) fn put_role(&mut self, organization: OrganizationId, it: Role) {
        self.role_changes.insert((organization, it.name.clone()));
        self.roles.insert((organization, it.name.clone()), it);
    }

    pub(super) fn delete_role(&mut self, organization: OrganizationId, name: &RoleName) {
        self.role_changes.insert((organization, name.clone()));
        self.roles.remove(&(organization, name.clone()));
    }

    pub(super) fn put_workspace(&mut self, it: Workspace) {
        self.workspaces.put(it.id, it);
    }

    pub(super) fn put_user(&mut self, mut it: User) {
        if !self.users.is_changed(it.id) {
            it.version = it.version.next();
        }
        let before = self.users.get(it.id).map(user_claims).unwrap_or_default();
        self.reclaim(it.id.uuid(), &before, &user_claims(&it));
        self.users.put(it.id, it);
    }

    pub(super) fn put_invitation(&mut self, it: Invitation) {
        self.invitations.put(it.id, it);
    }

    pub(super) fn put_team(&mut self, it: Team) {
        let before = self.teams.get(it.id).map(team_claims).unwrap_or_default();
        self.reclaim(it.id.uuid(), &before, &team_claims(&it));
        self.teams.put(it.id, it);
    }

    pub(super) fn put_support(&mut self, it: SupportAccess) {
        self.supports.put(it.id, it);
    }

    /// Writes a handover; the first write of a batch raises its version.
    pub fn put_handover(&mut self, mut it: Handover) {
        if !self.handovers.is_changed(it.id) {
            it.version = it.version.next();
        }
        self.handovers.put(it.id, it);
    }

    /// Writes a mail; the first write of a batch raises its version.
    pub fn put_mail(&mut self, mut it: Mail) {
        if !self.mails.is_changed(it.id) {
            it.version = it.version.next();
        }
        self.mails.put(it.id, it);
    }

    /// Writes an activity; the first write of a batch raises its version.
    pub fn put_activity(&mut self, mut it: Activity) {
        if !self.activities.is_changed(it.membership) {
            it.version = it.version.next();
        }
        self.activities.put(it.membership, it);
    }

    pub(super) fn put_block(&mut self, it: &Block) {
        self.blocks.insert((it.organization, it.digest), (true, true));
    }

    pub(super) fn delete_block(&mut self, organization: OrganizationId, digest: Digest) {
        self.blocks.insert((organization, digest), (false, true));
    }

    /// Keeps what an idempotency key stands for.
    pub fn put_receipt(&mut self, it: Receipt) {
        self.receipts.insert(it.key.clone(), (it, true));
    }

    pub(super) fn forget(&mut self, whose: Forget) {
        self.forgotten.push(whose);
    }

    /// Writes a membership, and moves what follows from it: claims (I3), tallies (I2), the roles that
    /// grants give, the sizes of its teams, and how many memberships its user has.
    pub(super) fn put_membership(&mut self, it: Membership) {
        let before = self.memberships.get(it.id).cloned();
        let claims = before.as_ref().map(membership_claims).unwrap_or_default();
        self.reclaim(it.id.uuid(), &claims, &membership_claims(&it));
        self.count(before.as_ref(), &it);
        self.count_grants(before.as_ref(), &it);
        self.count_teams(before.as_ref(), &it);
        let bound = |m: &Membership| m.user.filter(|_| m.is_live());
        let (was, is) = (before.as_ref().and_then(bound), bound(&it));
        if was != is {
            self.count_user(was, -1);
            self.count_user(is, 1);
        }
        self.memberships.put(it.id, it);
    }

    fn count(&mut self, before: Option<&Membership>, after: &Membership) {
        let cell = |m: &Membership| m.is_live().then(|| (m.role.clone(), m.status.name()));
        let (was, is) = (before.and_then(cell), cell(after));
        if was == is {
            return;
        }
        let step = |tally: &mut Tally| {
            if let Some((role, status)) = &was {
                tally.subtract(role, *status);
            }
            if let Some((role, status)) = &is {
                tally.add(role, *status);
            }
        };
        if let Some(id) = after.scope.workspace {
            self.workspaces.edit(id, |workspace| step(&mut workspace.tally));
            let organization = after.scope.organization;
            self.organizations.edit(organization, |it| step(&mut it.workspaces_tally));
        } else {
            self.organizations.edit(after.scope.organization, |it| step(&mut it.tally));
        }
    }

    fn count_grants(&mut self, before: Option<&Membership>, after: &Membership) {
        let none = BTreeMap::new();
        let (were, are) = (before.map_or(&none, |it| &it.grants), &after.grants);
        if were != are {
            let id = after.scope.organization;
            self.organizations.edit(id, |it| it.count_grants(were, are));
        }
    }

    fn count_teams(&mut self, before: Option<&Membership>, after: &Membership) {
        let none = BTreeSet::new();
        let was = before.filter(|m| m.is_live()).map_or(&none, |m| &m.teams).clone();
        let is = if after.is_live() { &after.teams } else { &none };
        for id in was.symmetric_difference(is) {
            let by = if is.contains(id) { 1 } else { -1 };
            self.teams.edit(*id, |team| team.members = team.members.saturating_add_signed(by));
        }
    }

    fn count_user(&mut self, user: Option<UserId>, by: i32) {
        if let Some(mut user) = user.and_then(|id| self.users.get(id)).cloned() {
            user.memberships = user.memberships.saturating_add_signed(by);
            self.put_user(user);
        }
    }

    fn reclaim(&mut self, holder: Uuid, before: &[Claim], after: &[Claim]) {
        for claim in before.iter().filter(|claim| !after.contains(claim)) {
            if self.held.get(claim) == Some(&holder) {
                self.held.remove(claim);
            }
        }
        self.held.extend(after.iter().map(|claim| (claim.clone(), holder)));
    }

    /// Ends the chain of a stream with one more entry.
    pub fn append(&mut self, entry: Entry, detail: EntryDetail) {
        let head = super::Head { position: entry.position, hash: entry.hash };
        match entry.stream {
            Stream::Organization(id) => {
                self.organizations.edit(id, |organization| organization.head = head);
            }
            Stream::User(id) => {
                if let Some(mut user) = self.users.get(id).cloned() {
                    user.head = head;
                    self.put_user(user);
                }
            }
        }
        self.appended.push((entry, detail));
    }

    /// The first entry that was appended.
    pub(crate) fn first_appended(&self) -> Option<&Entry> {
        self.appended.first().map(|(entry, _)| entry)
    }

    /// The last entry that was appended.
    pub(crate) fn last_appended(&self) -> Option<&Entry> {
        self.appended.last().map(|(entry, _)| entry)
    }

    /// What changed of what decides who may do what, in no order.
    pub(crate) fn changed(&self) -> Changed<'_> {
        let role = |key: &'_ (OrganizationId, RoleName)| self.roles.get(key);
        Changed {
            workspaces: self.workspaces.changed().map(|(_, it)| it).collect(),
            roles: self.role_changes.iter().map(|key| (&key.1, role(key))).collect(),
            teams: self.teams.changed().map(|(_, it)| it).collect(),
            supports: self.supports.changed().map(|(_, it)| it).collect(),
            memberships: self.memberships.changed().map(|(_, it)| it).collect(),
        }
    }

    /// Everything that changed, under the guards that keep it right.
    pub fn changes(&self) -> ChangeSet {
        let mut set = ChangeSet::default();
        for (before, it) in self.organizations.changed() {
            let version = before.map_or(Revision::NONE, Organization::revision);
            set.guard(Key::Organization(it.id), version);
            set.put.push(Record::Organization(Box::new(it.clone())));
        }
        for key in &self.role_changes {
            match self.roles.get(key) {
                Some(role) => set.put.push(Record::Role(key.0, Box::new(role.clone()))),
                None => set.delete.push(Key::Role(key.0, key.1.clone())),
            }
        }
        for (_, it) in self.workspaces.changed() {
            set.put.push(Record::Workspace(Box::new(it.clone())));
        }
        for (before, it) in self.users.changed() {
            set.guard(Key::User(it.id), before.map_or(Revision::NONE, |user| user.version));
            set.reclaim(it.id.uuid(), before.map(user_claims), user_claims(it));
            set.put.push(Record::User(Box::new(it.clone())));
        }
        for (before, it) in self.memberships.changed() {
            set.reclaim(it.id.uuid(), before.map(membership_claims), membership_claims(it));
            set.put.push(Record::Membership(Box::new(it.clone())));
        }
        for (_, it) in self.invitations.changed() {
            set.put.push(Record::Invitation(Box::new(it.clone())));
        }
        for (before, it) in self.teams.changed() {
            set.reclaim(it.id.uuid(), before.map(team_claims), team_claims(it));
            set.put.push(Record::Team(Box::new(it.clone())));
        }
        for (_, it) in self.supports.changed() {
            set.put.push(Record::SupportAccess(Box::new(it.clone())));
        }
        for (before, it) in self.handovers.changed() {
            set.guard(Key::Handover(it.id), before.map_or(Revision::NONE, |was| was.version));
            set.put.push(Record::Handover(Box::new(it.clone())));
        }
        for (before, it) in self.mails.changed() {
            set.guard(Key::Mail(it.id), before.map_or(Revision::NONE, |was| was.version));
            set.put.push(Record::Mail(Box::new(it.clone())));
        }
        for (before, it) in self.activities.changed() {
            let version = before.map_or(Revision::NONE, |was| was.version);
            set.guard(Key::Activity(it.membership), version);
            set.put.push(Record::Activity(Box::new(it.clone())));
        }
        for (&(organization, digest), (stands, _)) in self.blocks.iter().filter(|(_, it)| it.1) {
            if *stands {
                set.put.push(Record::Block(Block { organization, digest }));
            } else {
                set.delete.push(Key::Block(organization, digest));
            }
        }
        for (receipt, _) in self.receipts.values().filter(|(_, new)| *new) {
            set.put.push(Record::Receipt(Box::new(receipt.clone())));
        }
        set.append.clone_from(&self.appended);
        set.forget.clone_from(&self.forgotten);
        set
    }
}

/// What changed of what decides who may do what.
pub(crate) struct Changed<'s> {
    pub(crate) workspaces: Vec<&'s Workspace>,
    /// None if the role was deleted.
    pub(crate) roles: Vec<(&'s RoleName, Option<&'s Role>)>,
    pub(crate) teams: Vec<&'s Team>,
    pub(crate) supports: Vec<&'s SupportAccess>,
    pub(crate) memberships: Vec<&'s Membership>,
}

impl ChangeSet {
    fn guard(&mut self, key: Key, version: Revision) {
        self.guards.push(Guard { key, version });
    }

    fn reclaim(&mut self, holder: Uuid, before: Option<Vec<Claim>>, after: Vec<Claim>) {
        let before = before.unwrap_or_default();
        let given_up = before.iter().filter(|claim| !after.contains(claim)).cloned();
        self.release.extend(given_up.map(|claim| (claim, holder)));
        let made = after.into_iter().filter(|claim| !before.contains(claim));
        self.claim.extend(made.map(|claim| (claim, holder)));
    }
}
