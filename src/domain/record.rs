//! What a store keeps and hands back: records, the claims that make things unique, and the
//! change-set of one commit.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Activity, Actor, CanonicalEmail, Digest, Entry, EntryDetail, ExternalId, ExternalIdentity,
    Handover, HandoverId, HandoverReceipt, IdempotencyKey, Invitation, InvitationId, Logged, Mail,
    MailId, Membership, MembershipId, Organization, OrganizationId, Realm, Revision, Role,
    RoleName, Scope, Stream, SupportAccess, SupportAccessId, Team, TeamId, User, UserId, Workspace,
    WorkspaceId, text::folded,
};

/// One thing that a store keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// An organization.
    Organization(Box<Organization>),
    /// A role of an organization.
    Role(OrganizationId, Box<Role>),
    /// A workspace.
    Workspace(Box<Workspace>),
    /// A user.
    User(Box<User>),
    /// A membership.
    Membership(Box<Membership>),
    /// An invitation.
    Invitation(Box<Invitation>),
    /// A team.
    Team(Box<Team>),
    /// A support access.
    SupportAccess(Box<SupportAccess>),
    /// A handover.
    Handover(Box<Handover>),
    /// What one batch of a handover did.
    HandoverReceipt(Box<HandoverReceipt>),
    /// A mail that is due; deleted once it is acknowledged.
    Mail(Box<Mail>),
    /// When a member was here.
    Activity(Box<Activity>),
    /// Somebody is kept out who was erased.
    Block(Block),
    /// What an idempotency key stands for.
    Receipt(Box<Receipt>),
    /// An audit entry; only ever read as a record, and written through
    /// [`ChangeSet::append`].
    Entry(Box<Logged>),
}

/// Names one record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// An organization.
    Organization(OrganizationId),
    /// A role of an organization.
    Role(OrganizationId, RoleName),
    /// A workspace.
    Workspace(WorkspaceId),
    /// A user.
    User(UserId),
    /// A membership.
    Membership(MembershipId),
    /// An invitation.
    Invitation(InvitationId),
    /// A team.
    Team(TeamId),
    /// A support access.
    SupportAccess(SupportAccessId),
    /// A handover.
    Handover(HandoverId),
    /// What one batch of a handover did.
    HandoverReceipt(HandoverId, u32),
    /// A mail.
    Mail(MailId),
    /// When a member was here.
    Activity(MembershipId),
    /// A block.
    Block(OrganizationId, Digest),
    /// A receipt.
    Receipt(ReceiptKey),
    /// An audit entry.
    Entry(Stream, Revision),
}

impl Record {
    /// What it is named by.
    pub fn key(&self) -> Key {
        match self {
            Self::Organization(it) => Key::Organization(it.id),
            Self::Role(organization, it) => Key::Role(*organization, it.name.clone()),
            Self::Workspace(it) => Key::Workspace(it.id),
            Self::User(it) => Key::User(it.id),
            Self::Membership(it) => Key::Membership(it.id),
            Self::Invitation(it) => Key::Invitation(it.id),
            Self::Team(it) => Key::Team(it.id),
            Self::SupportAccess(it) => Key::SupportAccess(it.id),
            Self::Handover(it) => Key::Handover(it.id),
            Self::HandoverReceipt(it) => Key::HandoverReceipt(it.batch.handover, it.batch.number),
            Self::Mail(it) => Key::Mail(it.id),
            Self::Activity(it) => Key::Activity(it.membership),
            Self::Block(it) => Key::Block(it.organization, it.digest),
            Self::Receipt(it) => Key::Receipt(it.key.clone()),
            Self::Entry(it) => Key::Entry(it.entry.stream, it.entry.position),
        }
    }

    /// The version that a [`Guard`] compares, for the kinds that have one.
    pub fn version(&self) -> Option<Revision> {
        match self {
            Self::Organization(it) => Some(it.revision()),
            Self::User(it) => Some(it.version),
            Self::Handover(it) => Some(it.version),
            Self::Mail(it) => Some(it.version),
            Self::Activity(it) => Some(it.version),
            Self::Role(..)
            | Self::Workspace(_)
            | Self::Membership(_)
            | Self::Invitation(_)
            | Self::Team(_)
            | Self::SupportAccess(_)
            | Self::HandoverReceipt(_)
            | Self::Block(_)
            | Self::Receipt(_)
            | Self::Entry(_) => None,
        }
    }

    /// The records that exist as long as this one does: after each commit, and in no order.
    ///
    /// A store may rely on these, for example with foreign keys, and on no others.
    pub fn rests_on(&self) -> Vec<Key> {
        match self {
            Self::Organization(_) | Self::User(_) | Self::Receipt(_) => Vec::new(),
            Self::Role(organization, _) => vec![Key::Organization(*organization)],
            Self::Workspace(it) => vec![Key::Organization(it.organization)],
            Self::Membership(it) => {
                let workspace = it.scope.workspace.map(Key::Workspace);
                let teams = it.teams.iter().map(|team| Key::Team(*team));
                let above = [Key::Organization(it.scope.organization)].into_iter();
                above.chain(workspace).chain(it.user.map(Key::User)).chain(teams).collect()
            }
            Self::Invitation(it) => vec![Key::Organization(it.organization)],
            Self::Team(it) => vec![Key::Organization(it.organization)],
            Self::SupportAccess(it) => vec![Key::Organization(it.organization)],
            Self::Handover(it) => vec![Key::Organization(it.organization)],
            Self::HandoverReceipt(it) => vec![Key::Handover(it.batch.handover)],
            Self::Mail(it) => it.organization.map(Key::Organization).into_iter().collect(),
            Self::Activity(it) => {
                vec![Key::Membership(it.membership), Key::Organization(it.organization)]
            }
            Self::Block(it) => vec![Key::Organization(it.organization)],
            Self::Entry(it) => vec![it.entry.stream.key()],
        }
    }
}

/// An erased person who is kept out: only whoever proves the address can be recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Block {
    /// Who keeps the person out.
    pub organization: OrganizationId,
    /// A digest of the canonical address under the host's key.
    pub digest: Digest,
}

/// What an idempotency key is looked up by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReceiptKey {
    /// The stream of the command.
    pub stream: Stream,
    /// Who asked: two principals never share a key.
    pub principal: Digest,
    /// The host's key.
    pub key: IdempotencyKey,
}

impl ReceiptKey {
    pub(crate) fn new(stream: Stream, actor: &Actor, key: IdempotencyKey) -> Self {
        // INVARIANT: an actor has only string keys, so it always serialises.
        let principal = Digest::of(&[&serde_json::to_vec(actor).unwrap_or_default()]);
        Self { stream, principal, key }
    }
}

/// What an idempotency key stands for: only successes are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Receipt {
    /// What it is looked up by.
    pub key: ReceiptKey,
    /// A digest of the command; another command under the same key is refused.
    pub digest: Digest,
    /// The audit entry of the command.
    pub position: Revision,
}

/// A value that at most one thing holds at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// A canonical address in a realm: held by a user.
    Email(Realm, CanonicalEmail),
    /// An external identity in a realm: held by a user.
    Identity(Realm, ExternalIdentity),
    /// A canonical address in a scope: held by a live membership.
    MembershipEmail(Scope, CanonicalEmail),
    /// A user in a scope: held by a live membership.
    MembershipUser(Scope, UserId),
    /// An identity in an organization: held by the live membership that a directory announced under
    /// it, or that came with it.
    Announced(OrganizationId, ExternalIdentity),
    /// The host's own name for a person in an organization: held by a live membership.
    ExternalId(OrganizationId, ExternalId),
    /// A canonical address in an organization: held by the newest tombstone of that person.
    Former(OrganizationId, CanonicalEmail),
    /// A folded team name in an organization: held by a team.
    TeamName(OrganizationId, String),
}

impl Claim {
    /// The claim as one text, different for different claims: what a store may keep unique.
    pub fn text(&self) -> String {
        fn realm(realm: Realm) -> String {
            match realm {
                Realm::Shared => "shared".to_owned(),
                Realm::Organization(id) => id.to_string(),
            }
        }
        fn scope(scope: Scope) -> String {
            match scope.workspace {
                None => scope.organization.to_string(),
                Some(workspace) => format!("{}/{workspace}", scope.organization),
            }
        }
        fn identity(identity: &ExternalIdentity) -> String {
            let issuer = identity.issuer.as_str();
            format!("{}:{issuer}{}", issuer.len(), identity.subject)
        }
        match self {
            Self::Email(r, email) => format!("email/{}/{}", realm(*r), email.as_str()),
            Self::Identity(r, id) => format!("identity/{}/{}", realm(*r), identity(id)),
            Self::MembershipEmail(s, email) => {
                format!("membership-email/{}/{}", scope(*s), email.as_str())
            }
            Self::MembershipUser(s, user) => format!("membership-user/{}/{user}", scope(*s)),
            Self::Announced(o, id) => format!("announced/{o}/{}", identity(id)),
            Self::ExternalId(o, id) => format!("external-id/{o}/{id}"),
            Self::Former(o, email) => format!("former/{o}/{}", email.as_str()),
            Self::TeamName(o, name) => format!("team-name/{o}/{name}"),
        }
    }

    /// Which record holds it, when this is the holder's identity.
    pub const fn holder(&self, id: Uuid) -> Key {
        match self {
            Self::Email(..) | Self::Identity(..) => Key::User(UserId::new(id)),
            Self::MembershipEmail(..)
            | Self::MembershipUser(..)
            | Self::Announced(..)
            | Self::ExternalId(..)
            | Self::Former(..) => Key::Membership(MembershipId::new(id)),
            Self::TeamName(..) => Key::Team(TeamId::new(id)),
        }
    }

    pub(crate) fn team_name(organization: OrganizationId, name: &super::TeamName) -> Self {
        Self::TeamName(organization, folded(name.as_str()))
    }
}

/// What a user holds: an address only once it is verified, so that nobody can keep another person
/// from proving theirs (I3, attack 02).
pub(crate) fn user_claims(user: &User) -> Vec<Claim> {
    let email = user.verified_email().map(|e| Claim::Email(user.realm, e.canonical().clone()));
    let identities = user.identities.iter().map(|i| Claim::Identity(user.realm, i.clone()));
    email.into_iter().chain(identities).collect()
}

/// What a membership holds: once it is removed, only that it was the person's last one here (I3).
pub(crate) fn membership_claims(it: &Membership) -> Vec<Claim> {
    let organization = it.scope.organization;
    let whole = it.scope.workspace.is_none();
    if !it.is_live() {
        let last = it.email.iter().filter(|_| whole && it.successor.is_none());
        return last.map(|e| Claim::Former(organization, e.canonical().clone())).collect();
    }
    let email = it.email.iter().map(|e| Claim::MembershipEmail(it.scope, e.canonical().clone()));
    let user = it.user.iter().map(|u| Claim::MembershipUser(it.scope, *u));
    // After they have arrived, too: so nobody announces them a second time.
    let announced = it.announced.iter().map(|i| Claim::Announced(organization, i.clone()));
    let external =
        it.external_id.iter().filter(|_| whole).map(|e| Claim::ExternalId(organization, e.clone()));
    email.chain(user).chain(announced).chain(external).collect()
}

/// What a team holds: nothing once it is deleted.
pub(crate) fn team_claims(team: &Team) -> Vec<Claim> {
    if team.deleted { Vec::new() } else { vec![Claim::team_name(team.organization, &team.name)] }
}

/// What must still be so for a change-set to be committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Guard {
    /// Which record: an organization, a user, a handover, a mail or an activity.
    pub key: Key,
    /// The version it must still have; [`Revision::NONE`] means that it must not exist.
    pub version: Revision,
}

/// Everything that one commit changes: all of it, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChangeSet {
    /// What must still be so.
    pub guards: Vec<Guard>,
    /// Claims given up, with the identity of the holder. They are given up before any is made.
    pub release: Vec<(Claim, Uuid)>,
    /// Claims made, with the identity of the holder; one that is held already is a conflict.
    pub claim: Vec<(Claim, Uuid)>,
    /// Records written, new or not.
    pub put: Vec<Record>,
    /// Records deleted.
    pub delete: Vec<Key>,
    /// Audit entries added; one that stands already is a conflict.
    pub append: Vec<(Entry, EntryDetail)>,
    /// Details of audit entries to be forgotten; the entries stay.
    pub forget: Vec<Forget>,
}

impl ChangeSet {
    /// Deletes a mail that is acknowledged or no longer true, if nobody else has taken it.
    pub(crate) fn drop_mail(&mut self, mail: &Mail) {
        let key = Key::Mail(mail.id);
        self.guards.push(Guard { key: key.clone(), version: mail.version });
        self.delete.push(key);
    }
}

/// Whose details of audit entries are to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forget {
    /// Those of the organization's entries that have this membership among their subjects.
    Membership(OrganizationId, MembershipId),
    /// All of this user's stream.
    User(UserId),
}

/// One thing that a command has to know before it can be decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// The record with this key, if there is one; and with it, for
    ///
    /// * an organization: all its roles;
    /// * a membership: its workspace, its teams, the invitation it names with what comes with that, and the
    ///   membership that offers it ownership;
    /// * an invitation: the memberships it lists, the membership that issued it, and every live
    ///   membership of the issuer's user in the organization, each with its workspace and teams;
    /// * a handover: whoever it is from, with what [`Need::Person`] brings;
    /// * an entry: its detail.
    Record(Key),
    /// The record that holds this claim, with what comes with it.
    Holder(Claim),
    /// The membership, with what comes with it, its user, and every live membership in the same
    /// organization of the same user or the same address, with what comes with those.
    Person(MembershipId),
    /// The membership, the removed memberships in the same organization of the same user or the
    /// same address, and the invitations by which they came; nothing else comes with them.
    Past(MembershipId),
    /// The open invitations that this membership issued, oldest first, at most this many, with
    /// what comes with them.
    IssuedBy(MembershipId, u32),
    /// The handovers that [concern](super::Handover::concerns) this membership or another live one
    /// in the same organization of the same user or the same address, those planned last first
    /// (identities are in the order of time), at most this many; nothing else comes with them.
    Handovers(MembershipId, u32),
    /// The active memberships in the organization itself that are in this team, by id, at most this
    /// many, each with what [`Need::Person`] brings.
    TeamMembers(OrganizationId, TeamId, u32),
    /// The open invitations of this organization that run out first, at most this many, with
    /// what comes with them.
    Expiring(OrganizationId, u32),
}
