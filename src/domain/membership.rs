//! One person's dated belonging in one scope: the thing with a life.
//!
//! ```text
//! (nothing)    --invite-->         invited
//! (nothing)    --provision-->      provisioned
//! (nothing)    --join-->           active
//! invited      --lapse-->          lapsed
//! invited      --resend-->         invited
//! invited      --accept-->         active
//! invited      --begin set-up-->   setting up
//! invited      --remove-->         removed
//! lapsed       --resend-->         invited
//! lapsed       --remove-->         removed
//! setting up   --complete-->       active
//! setting up   --remove-->         removed
//! provisioned  --arrive-->         active
//! provisioned  --begin set-up-->   setting up
//! provisioned  --remove-->         removed
//! active       --deactivate-->     deactivated
//! active       --remove-->         removed
//! deactivated  --reactivate-->     active
//! deactivated  --remove-->         removed
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    EmailAddress, ExternalId, ExternalIdentity, FenceName, FieldName, FieldValue, Grant, GrantId,
    InvitationId, MembershipId, PermissionName, Reach, ResourceId, RoleName, Scope, TeamId,
    Timestamp, UserId, text::folded,
};

/// A membership: from the moment of invitation on, one record carries a person through it all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Membership {
    /// Its identity, which never changes.
    pub id: MembershipId,
    /// Where it holds.
    pub scope: Scope,
    /// Whose it is; bound on acceptance, never before.
    pub user: Option<UserId>,
    /// The address the person is known by here: the invited one; gone after erasure.
    pub email: Option<EmailAddress>,
    /// Where in its life it is.
    pub status: MembershipStatus,
    /// As what the person belongs.
    pub role: RoleName,
    /// Permissions raised or capped for this person.
    pub overrides: BTreeMap<PermissionName, Override>,
    /// What is held for a while; those that are over may still stand here, and give nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub grants: BTreeMap<GrantId, Grant>,
    /// The resources that fenced permissions reach.
    pub fence: Fence,
    /// The teams it is in.
    pub teams: BTreeSet<TeamId>,
    /// What people in this organization see of the person.
    pub profile: Profile,
    /// Which way in it came.
    pub source: Source,
    /// Who brought it in, if a member did.
    pub brought_by: Option<MembershipId>,
    /// Sessions opened in an earlier epoch are over.
    pub epoch: Epoch,
    /// The open invitation that would activate it.
    pub invitation: Option<InvitationId>,
    /// The invitation by which the person came, or did not.
    pub came_by: Option<InvitationId>,
    /// The identity that a directory announced, or that the person came with by single sign-on; whoever
    /// arrives with it is this person.
    pub announced: Option<ExternalIdentity>,
    /// The host's own name for the person, kept as given.
    pub external_id: Option<ExternalId>,
    /// An offered role that keeps the organization, waiting for the person's answer.
    pub offer: Option<OwnershipOffer>,
    /// The removed membership that this person had here before.
    pub predecessor: Option<MembershipId>,
    /// After removal: the membership with which this person came back.
    pub successor: Option<MembershipId>,
    /// After removal: the number in `Former member 7`.
    pub former_number: Option<u64>,
    /// When it came to be.
    pub created_at: Timestamp,
}

impl Membership {
    /// A membership at the beginning of its life: what the step leads to, and nothing else.
    pub(crate) fn begin(
        id: MembershipId,
        scope: Scope,
        step: Step,
        role: &RoleName,
        source: Source,
        now: Timestamp,
    ) -> Self {
        let pending = |because| MembershipStatus::Pending { because, since: now };
        let status = match step {
            Step::Invite => pending(PendingBecause::Invitation),
            Step::Provision => pending(PendingBecause::Provisioned),
            Step::Join
            | Step::Lapse
            | Step::Resend
            | Step::Accept
            | Step::BeginSetUp
            | Step::Complete
            | Step::Arrive
            | Step::Deactivate
            | Step::Reactivate
            | Step::Remove => MembershipStatus::Active { since: now },
        };
        Self {
            id,
            scope,
            user: None,
            email: None,
            status,
            role: role.clone(),
            overrides: BTreeMap::new(),
            grants: BTreeMap::new(),
            fence: Fence::default(),
            teams: BTreeSet::new(),
            profile: Profile::default(),
            source,
            brought_by: None,
            epoch: Epoch::default(),
            invitation: None,
            came_by: None,
            announced: None,
            external_id: None,
            offer: None,
            predecessor: None,
            successor: None,
            former_number: None,
            created_at: now,
        }
    }

    /// The name people see: the profile's, or the address, or `Former member 7`.
    pub fn display_name(&self) -> String {
        if let Some(name) = self.profile.name() {
            name.to_owned()
        } else if let Some(email) = &self.email {
            email.to_string()
        } else if let Some(number) = self.former_number {
            format!("Former member {number}")
        } else {
            "Unnamed member".to_owned()
        }
    }

    /// Where it stands in a list of people: lists are in the order of this text, then of the id.
    ///
    /// At most [`MOST_LISTED`] characters, so that every store can keep it in an index.
    pub fn sort_key(&self) -> String {
        listed(&self.display_name())
    }

    /// What a prefix search finds it by: the whole name, each of its first words, the address.
    ///
    /// Folded, without duplicates, at most six, each of at most [`MOST_LISTED`] characters.
    pub fn search_terms(&self) -> BTreeSet<String> {
        let mut terms = BTreeSet::new();
        if let Some(name) = self.profile.name() {
            let name = listed(name);
            terms.extend(name.split_whitespace().take(4).map(str::to_owned));
            terms.insert(name);
        }
        terms.extend(self.email.as_ref().map(|email| listed(email.canonical().as_str())));
        terms
    }

    /// Whether it holds its address and its user: everything but a removed one does.
    pub const fn is_live(&self) -> bool {
        !matches!(self.status, MembershipStatus::Removed { .. })
    }

    /// Whether the person may pass checks, as far as this record says.
    pub const fn is_active(&self) -> bool {
        matches!(self.status, MembershipStatus::Active { .. })
    }
}

/// People are listed and found by this many characters of what they are called.
pub const MOST_LISTED: usize = 200;

/// A text as lists and searches compare it.
pub(crate) fn listed(text: &str) -> String {
    folded(text).chars().take(MOST_LISTED).collect()
}

/// Where in its life a membership is, since when and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum MembershipStatus {
    /// Not in yet.
    Pending {
        /// What is still to come.
        because: PendingBecause,
        /// Since when.
        since: Timestamp,
    },
    /// In.
    Active {
        /// Since when.
        since: Timestamp,
    },
    /// Out, and able to return.
    Deactivated {
        /// Why.
        because: DeactivatedBecause,
        /// Since when.
        since: Timestamp,
    },
    /// Gone; what remains is a tombstone for the history.
    Removed {
        /// Why.
        because: RemovedBecause,
        /// Since when.
        since: Timestamp,
    },
}

impl MembershipStatus {
    /// The status without its dates and reasons, except what a pending one waits for.
    pub const fn name(&self) -> StatusName {
        match self {
            Self::Pending { because: PendingBecause::Invitation, .. } => StatusName::Invited,
            Self::Pending { because: PendingBecause::LapsedInvitation, .. } => StatusName::Lapsed,
            Self::Pending { because: PendingBecause::SetUp, .. } => StatusName::SettingUp,
            Self::Pending { because: PendingBecause::Provisioned, .. } => StatusName::Provisioned,
            Self::Active { .. } => StatusName::Active,
            Self::Deactivated { .. } => StatusName::Deactivated,
            Self::Removed { .. } => StatusName::Removed,
        }
    }

    /// Since when.
    pub const fn since(&self) -> Timestamp {
        match *self {
            Self::Pending { since, .. }
            | Self::Active { since }
            | Self::Deactivated { since, .. }
            | Self::Removed { since, .. } => since,
        }
    }
}

/// What a pending membership waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PendingBecause {
    /// The person has not answered the invitation.
    Invitation,
    /// The invitation ran out unanswered; it can be sent again. It uses no seat.
    LapsedInvitation,
    /// The person accepted and has not finished setting up (C15).
    SetUp,
    /// Announced by a directory or an administrator; the person has not arrived (C17, C22).
    Provisioned,
}

/// Why a membership was deactivated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeactivatedBecause {
    /// The person left the organization.
    Left,
    /// The person does other work now.
    ChangedJob,
    /// The person is away for a while.
    Leave,
    /// The person is kept out.
    Blocked,
    /// The directory says so (SCIM `active: false`).
    Directory,
    /// Another reason; the audit entry's text says which.
    Other,
}

/// Why a membership was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovedBecause {
    /// The invitation was revoked before it was accepted.
    InvitationRevoked,
    /// The person declined the invitation.
    Declined,
    /// Somebody removed the person.
    Removed,
    /// The person left on their own.
    Left,
    /// The person deleted themselves.
    SelfDeleted,
}

/// The name of a status: what tallies count and transitions connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusName {
    /// Pending: the invitation is out.
    Invited,
    /// Pending: the invitation ran out.
    Lapsed,
    /// Pending: accepted, set-up to be finished.
    SettingUp,
    /// Pending: announced, not arrived.
    Provisioned,
    /// In.
    Active,
    /// Out, and able to return.
    Deactivated,
    /// Gone.
    Removed,
}

impl StatusName {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Invited,
        Self::Lapsed,
        Self::SettingUp,
        Self::Provisioned,
        Self::Active,
        Self::Deactivated,
        Self::Removed,
    ];

    /// The list of people it is shown in.
    pub const fn group(self) -> StatusGroup {
        match self {
            Self::Invited | Self::Lapsed | Self::SettingUp | Self::Provisioned => {
                StatusGroup::Pending
            }
            Self::Active => StatusGroup::Active,
            Self::Deactivated => StatusGroup::Deactivated,
            Self::Removed => StatusGroup::Removed,
        }
    }

    /// Where a move leads from here, if it is one of the [`TRANSITIONS`].
    pub fn after(self, step: Step) -> Option<Self> {
        TRANSITIONS
            .iter()
            .find(|transition| transition.from == Some(self) && transition.step == step)
            .map(|transition| transition.to)
    }
}

impl std::fmt::Display for StatusName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Invited => "invited",
            Self::Lapsed => "lapsed",
            Self::SettingUp => "setting up",
            Self::Provisioned => "provisioned",
            Self::Active => "active",
            Self::Deactivated => "deactivated",
            Self::Removed => "removed",
        })
    }
}

/// The lists that every product shows: the four words of a membership's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusGroup {
    /// Not in yet.
    Pending,
    /// In.
    Active,
    /// Out, and able to return.
    Deactivated,
    /// Gone.
    Removed,
}

impl StatusGroup {
    /// Its stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Deactivated => "deactivated",
            Self::Removed => "removed",
        }
    }
}

/// One step in a membership's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// An invitation goes out.
    Invite,
    /// A directory or an administrator announces the person.
    Provision,
    /// The person is in without an invitation: founder, sign-up, adoption, first sign-on.
    Join,
    /// The invitation runs out.
    Lapse,
    /// The invitation goes out again.
    Resend,
    /// The person accepts, and nothing else is needed.
    Accept,
    /// The person accepts or arrives, and has to set up.
    BeginSetUp,
    /// The person finishes setting up.
    Complete,
    /// The announced person signs on for the first time.
    Arrive,
    /// The person goes, and may return.
    Deactivate,
    /// The person returns.
    Reactivate,
    /// The person goes for good.
    Remove,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Invite => "invite",
            Self::Provision => "provision",
            Self::Join => "join",
            Self::Lapse => "lapse",
            Self::Resend => "resend",
            Self::Accept => "accept",
            Self::BeginSetUp => "begin set-up",
            Self::Complete => "complete",
            Self::Arrive => "arrive",
            Self::Deactivate => "deactivate",
            Self::Reactivate => "reactivate",
            Self::Remove => "remove",
        })
    }
}

/// One allowed step from one status to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The status before; none means that there was no membership.
    pub from: Option<StatusName>,
    /// The step.
    pub step: Step,
    /// The status after.
    pub to: StatusName,
}

const fn transition(from: Option<StatusName>, step: Step, to: StatusName) -> Transition {
    Transition { from, step, to }
}

/// Every step there is; what is not here cannot happen.
pub const TRANSITIONS: [Transition; 19] = {
    use StatusName::{Active, Deactivated, Invited, Lapsed, Provisioned, Removed, SettingUp};
    [
        transition(None, Step::Invite, Invited),
        transition(None, Step::Provision, Provisioned),
        transition(None, Step::Join, Active),
        transition(Some(Invited), Step::Lapse, Lapsed),
        transition(Some(Invited), Step::Resend, Invited),
        transition(Some(Invited), Step::Accept, Active),
        transition(Some(Invited), Step::BeginSetUp, SettingUp),
        transition(Some(Invited), Step::Remove, Removed),
        transition(Some(Lapsed), Step::Resend, Invited),
        transition(Some(Lapsed), Step::Remove, Removed),
        transition(Some(SettingUp), Step::Complete, Active),
        transition(Some(SettingUp), Step::Remove, Removed),
        transition(Some(Provisioned), Step::Arrive, Active),
        transition(Some(Provisioned), Step::BeginSetUp, SettingUp),
        transition(Some(Provisioned), Step::Remove, Removed),
        transition(Some(Active), Step::Deactivate, Deactivated),
        transition(Some(Active), Step::Remove, Removed),
        transition(Some(Deactivated), Step::Reactivate, Active),
        transition(Some(Deactivated), Step::Remove, Removed),
    ]
};

/// Counts how often a person's sessions in one scope were ended.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(u32);

impl Epoch {
    #[must_use]
    pub(crate) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// What people in one organization see of a person: the fields that [`Rules`](super::Rules) declare.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Profile(pub BTreeMap<FieldName, FieldValue>);

impl Profile {
    /// A profile with just a name.
    pub fn named(name: &str) -> Result<Self, super::Invalid> {
        Self::default().with("name", name)
    }

    /// The profile with one more field.
    pub fn with(mut self, field: &str, value: &str) -> Result<Self, super::Invalid> {
        self.0.insert(FieldName::new(field)?, FieldValue::new(value)?);
        Ok(self)
    }

    /// What a field holds.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(field, _)| field.as_str() == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// The field `name`: what people read beside a reply.
    pub fn name(&self) -> Option<&str> {
        self.field("name")
    }
}

/// The resources that fenced permissions reach, by the name of the fence: `inbox` → these two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fence(pub BTreeMap<FenceName, BTreeSet<ResourceId>>);

impl Fence {
    /// At most this many resources are listed on one membership or team.
    pub const MAX: usize = 1_000;

    /// The fence with these resources listed under a name.
    pub fn with<'a>(
        mut self,
        name: &str,
        resources: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, super::Invalid> {
        let listed = self.0.entry(FenceName::new(name)?).or_default();
        for resource in resources {
            listed.insert(ResourceId::new(resource)?);
        }
        Ok(self)
    }

    /// Whether a resource is listed under a name.
    pub fn lists(&self, name: &FenceName, resource: &ResourceId) -> bool {
        self.0.get(name).is_some_and(|listed| listed.contains(resource))
    }

    pub(crate) fn len(&self) -> usize {
        // A name under which nothing is listed takes room as well.
        self.0.values().map(|listed| listed.len().max(1)).sum()
    }
}

/// A permission changed for one membership.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Override {
    /// Held with this reach at least.
    Raise(Reach),
    /// Held with this reach at most; a cap wins over everything that gives.
    Cap(Reach),
    /// Not held at all.
    Deny,
}

/// Which way in a membership came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The person founded the organization.
    Founding,
    /// A member invited the person.
    Invitation,
    /// A member invited the person as a row of a file.
    Import,
    /// The person signed up (C17).
    SignUp,
    /// The person signed up with an address of a verified domain (C17).
    Domain,
    /// A directory or an administrator announced the person (C22).
    Provisioning,
    /// The person came by a first single sign-on (C22).
    SignOn,
    /// The host brought the person along from its own table.
    Adoption,
}

/// A role that keeps the organization, offered to a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OwnershipOffer {
    /// The role offered.
    pub role: RoleName,
    /// Who offers it; the offer is void when they no longer hold such a role.
    pub by: MembershipId,
    /// The role that whoever offers takes once it is accepted.
    pub then_become: Option<RoleName>,
    /// When it runs out.
    pub expires_at: Timestamp,
}
