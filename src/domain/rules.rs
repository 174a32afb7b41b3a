//! What the host chose where real products contradict each other (C1–C25).
//!
//! Four of the contradictions are data rather than rules: who manages people (C2), the set of
//! roles (C5), which roles may be invited (C6) and who sees billing (C8) are said by the
//! [`Role`](super::Role)s of the organization; where identities are unique (C23) is its
//! [`Realm`](super::Realm).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{FieldName, PermissionName, RoleName, Span, StatusGroup, StatusName};

/// The host's choices for one organization.
///
/// `Default` is the cautious choice everywhere; each field says which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// C1: whether going is for a while, for good, or either. Default: either.
    pub removal: Removal,
    /// C3: whether one batch of invitations may mix roles. Default: it may.
    pub batch: BatchRoles,
    /// C4, C11, C15: the profile fields there are, who edits each, which are required.
    pub fields: Vec<ProfileField>,
    /// C4: whether administrators edit a person before the person has set up (S0 16). Default: yes.
    pub edit_pending: bool,
    /// C7: how long an invitation's link works. Default: 7 days.
    pub invitation_lifetime: Span,
    /// C7: how long a password link works. Default: 1 hour (NIST SP 800-63B allows at most 24).
    pub password_reset_lifetime: Span,
    /// C9: what becomes of a leaver's work. Default: the one who removes chooses.
    pub work_on_leaving: WorkOnLeaving,
    /// C10: which statuses use a seat. Default: only Active.
    pub seats: SeatUse,
    /// C12: whether people may leave and delete themselves. Default: yes.
    pub oneself: Oneself,
    /// C13: whether authorship moves with the work. Default: it stays.
    pub authorship: Authorship,
    /// What becomes of macros, views, tags and automations that a leaver made (S1 60, S3 93).
    /// Default: what the handover says, and otherwise nothing.
    pub made_on_leaving: MadeOnLeaving,
    /// C14: how an administrator helps with a password. Default: by reset mail only.
    pub passwords: Passwords,
    /// C15: what makes an invited person Active. Default: accepting.
    pub activation: Activation,
    /// C16: what the green mark beside a person means. Default: staff.
    pub green_mark: GreenMark,
    /// C17: who may come without an invitation. Default: nobody.
    pub joining: Joining,
    /// C18: what removal from a workspace does to the organization. Default: nothing.
    pub workspace_removal: WorkspaceRemoval,
    /// The role in the organization of somebody invited to one of its workspaces only.
    pub workspace_guest_role: Option<RoleName>,
    /// C19: the words people read for the statuses.
    pub words: StatusWords,
    /// C20: how long support may be let in. Default: at most 3 days, by consent.
    pub support: SupportRule,
    /// The longest time for which anybody is given more than they have: from its beginning, and
    /// from each renewal on. Default: 90 days. None at all forbids it.
    pub longest_grant: Span,
    /// What no one person may hold together. Default: nothing.
    pub separation: Vec<Separation>,
    /// C21: whether equals manage equals. Default: only those above.
    pub equals: Equals,
    /// C22: how single sign-on and directories bring people. Default: they must exist.
    pub provisioning: Provisioning,
    /// C24: what the last owner's leaving does. Default: it is refused.
    pub last_owner: LastOwner,
    /// C25: what a full seat count does. Default: it refuses.
    pub seats_full: SeatsFull,
    /// How long an organization can be resumed after closing. Default: 30 days.
    pub closing_period: Span,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            removal: Removal::Either,
            batch: BatchRoles::PerRow,
            fields: ProfileField::usual(),
            edit_pending: true,
            invitation_lifetime: Span::days(7),
            password_reset_lifetime: Span::hours(1),
            work_on_leaving: WorkOnLeaving::Either,
            seats: SeatUse::Active,
            oneself: Oneself::MayLeave,
            authorship: Authorship::Kept,
            made_on_leaving: MadeOnLeaving::Either,
            passwords: Passwords::ResetMailOnly,
            activation: Activation::OnAccepting,
            green_mark: GreenMark::Staff,
            joining: Joining::InvitationOnly,
            workspace_removal: WorkspaceRemoval::WorkspaceOnly,
            workspace_guest_role: None,
            words: StatusWords::default(),
            support: SupportRule::Consent { at_most: Span::days(3) },
            longest_grant: Span::days(90),
            separation: Vec::new(),
            equals: Equals::OnlyAbove,
            provisioning: Provisioning::MustExist,
            last_owner: LastOwner::Refused,
            seats_full: SeatsFull::Refuse,
            closing_period: Span::days(30),
        }
    }
}

impl Rules {
    /// What the rules say of one profile field; none means that it does not exist.
    pub fn field(&self, name: &FieldName) -> Option<&ProfileField> {
        self.fields.iter().find(|field| field.name == *name)
    }
}

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($body:tt)* })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($body)* }
    )+};
}

choices! {
    /// C1.
    Removal {
        /// People are deactivated and can return; nobody is removed.
        Reversible,
        /// People are removed for good; nobody is deactivated.
        Irreversible,
        /// Both exist.
        Either,
    }
    /// C3.
    BatchRoles {
        /// All people invited together get one role.
        OneRole,
        /// Each row has its own.
        PerRow,
    }
    /// C9.
    WorkOnLeaving {
        /// Work becomes unassigned; nobody takes over.
        Unassign,
        /// Somebody must be named who takes over.
        SuccessorRequired,
        /// The one who removes chooses.
        Either,
    }
    /// C10.
    SeatUse {
        /// Active people use seats.
        Active,
        /// Pending ones too, from the invitation on.
        ActiveAndPending,
        /// Deactivated ones too.
        Everyone,
    }
    /// C12.
    Oneself {
        /// Nobody ends their own membership; somebody else must.
        Forbidden,
        /// People may leave, and delete themselves.
        MayLeave,
    }
    /// C13.
    Authorship {
        /// What was written stays credited to its author.
        Kept,
        /// It is credited to the successor; the author stays on record.
        MovesToSuccessor,
    }
    /// What becomes of what a leaver made and others use.
    MadeOnLeaving {
        /// It is never touched.
        Untouched,
        /// It goes where the handover says for its kind; otherwise it is not touched.
        Either,
        /// It goes where the other work goes, unless the handover says something else for its kind.
        WithTheWork,
    }
    /// C14.
    Passwords {
        /// Administrators can only have a reset mail sent.
        ResetMailOnly,
        /// Administrators may set a password.
        MaySet,
    }
    /// C15.
    Activation {
        /// Accepting is enough.
        OnAccepting,
        /// A password must be chosen.
        AfterPassword,
        /// The required profile fields must be filled in.
        AfterProfile,
    }
    /// C16.
    GreenMark {
        /// The person works for the organization.
        Staff,
        /// The person is here now.
        Online,
    }
    /// C17.
    Joining {
        /// Only who is invited or announced.
        InvitationOnly,
        /// Anybody with a verified address, in this role.
        Open {
            /// The role they start with.
            role: RoleName,
        },
        /// Anybody with a verified address of these domains, in this role.
        Domains {
            /// The domains the organization has verified, in ASCII and lower case.
            domains: BTreeSet<String>,
            /// The role they start with.
            role: RoleName,
        },
    }
    /// C18.
    WorkspaceRemoval {
        /// Access to the organization remains.
        WorkspaceOnly,
        /// Removal from the last workspace removes from the organization too.
        Everywhere,
    }
    /// C20.
    SupportRule {
        /// Support may be let in without an end.
        Standing,
        /// Support is let in for at most this long.
        Consent {
            /// The longest time.
            at_most: Span,
        },
    }
    /// C21.
    Equals {
        /// People manage those of their own rank too.
        ManageEquals,
        /// People manage those below them only.
        OnlyAbove,
    }
    /// C22.
    Provisioning {
        /// A first single sign-on brings the person in, in this role.
        JustInTime {
            /// The role they start with.
            role: RoleName,
        },
        /// The person must have been invited or announced before.
        MustExist,
        /// A directory announces and withdraws people; sign-on brings nobody in.
        DirectorySync,
    }
    /// C24.
    LastOwner {
        /// The last owner cannot leave.
        Refused,
        /// The last owner's leaving closes the organization.
        ClosesOrganization,
    }
    /// C25.
    SeatsFull {
        /// Nobody more gets in.
        Refuse,
        /// The limit grows, and an event says so for billing.
        Grow,
    }
}

impl SeatUse {
    /// Whether a membership with this status uses a seat. A lapsed invitation never does.
    pub const fn counts(&self, status: StatusName) -> bool {
        match status {
            StatusName::Active => true,
            StatusName::Invited | StatusName::SettingUp | StatusName::Provisioned => {
                matches!(self, Self::ActiveAndPending | Self::Everyone)
            }
            StatusName::Deactivated => matches!(self, Self::Everyone),
            StatusName::Lapsed | StatusName::Removed => false,
        }
    }
}

/// Two duties that no one person may hold together, at any time: static separation of duty as in
/// ANSI INCITS 359-2012 (§6.3, SSD), for pairs; every SSD set with cardinality two is a list of them.
///
/// A person is all their memberships in the organization and its workspaces that are not removed:
/// whoever is invited or deactivated counts as what they would be, and a grant counts from the
/// moment it is given until it is over, whether it runs or not. A permission counts however far it
/// is held, and not where it is denied. A role that keeps the organization is exempt from pairs of
/// permissions, because somebody has to hold everything, and so is whoever holds it; any other role,
/// and any team, is refused that gives both by itself.
///
/// A pair that somebody holds already is refused: take one from them first. Whoever may change the
/// rules (`organization.manage`) may lift a pair; give that to nobody whom it shall bind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Separation {
    /// Whoever has one of these roles, anywhere, has not the other.
    Roles(RoleName, RoleName),
    /// Whoever holds one of these permissions, by whatever gives it, does not hold the other.
    Permissions(PermissionName, PermissionName),
}

impl Separation {
    /// Whether it keeps the same apart as another.
    pub fn is_same(&self, other: &Self) -> bool {
        let turned = match self {
            Self::Roles(one, two) => Self::Roles(two.clone(), one.clone()),
            Self::Permissions(one, two) => Self::Permissions(two.clone(), one.clone()),
        };
        *self == *other || turned == *other
    }
}

impl std::fmt::Display for Separation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Roles(one, other) => write!(f, "the roles `{one}` and `{other}`"),
            Self::Permissions(one, other) => write!(f, "the permissions `{one}` and `{other}`"),
        }
    }
}

/// A profile field that the host declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileField {
    /// Its name.
    pub name: FieldName,
    /// Who edits it (C4, C11).
    pub edited_by: EditedBy,
    /// Whether set-up must fill it in (C15).
    pub required: bool,
}

impl ProfileField {
    /// A field that both edit and nobody must fill in.
    pub fn new(name: &str) -> Result<Self, super::Invalid> {
        Ok(Self { name: FieldName::new(name)?, edited_by: EditedBy::Both, required: false })
    }

    /// The field as one that set-up must fill in.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The field edited by these only.
    #[must_use]
    pub fn edited_by(mut self, who: EditedBy) -> Self {
        self.edited_by = who;
        self
    }

    /// Name, title, phone and avatar, edited by both, none required.
    pub fn usual() -> Vec<Self> {
        ["name", "title", "phone", "avatar"]
            .iter()
            .filter_map(|name| Self::new(name).ok())
            .collect()
    }
}

/// Who edits a profile field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditedBy {
    /// The person alone.
    Person,
    /// Administrators alone.
    Administrators,
    /// Both.
    Both,
}

/// C19: the words people read for the statuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StatusWords {
    /// For somebody not in yet.
    pub pending: String,
    /// For somebody in.
    pub active: String,
    /// For somebody out who can return.
    pub deactivated: String,
    /// For somebody gone.
    pub removed: String,
}

impl Default for StatusWords {
    fn default() -> Self {
        Self {
            pending: "Pending".to_owned(),
            active: "Active".to_owned(),
            deactivated: "Deactivated".to_owned(),
            removed: "Removed".to_owned(),
        }
    }
}

impl StatusWords {
    /// The word for a status.
    pub fn word(&self, status: StatusGroup) -> &str {
        match status {
            StatusGroup::Pending => &self.pending,
            StatusGroup::Active => &self.active,
            StatusGroup::Deactivated => &self.deactivated,
            StatusGroup::Removed => &self.removed,
        }
    }
}
