//! What happened, in the past tense. [`State::apply`](super::State::apply) is what each one means.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    DeactivatedBecause, Digest, Epoch, ExternalIdentity, Fence, FieldName, FieldValue, Generation,
    Grant, GrantId, Handover, HandoverId, Invitation, InvitationId, Mail, Membership, MembershipId,
    Organization, OrganizationId, OrganizationName, Override, OwnershipOffer, Part, PasswordHash,
    PermissionName, Reach, RemovedBecause, Role, RoleName, Rules, Step, SupportAccess,
    SupportAccessId, Team, TeamId, TeamName, Timestamp, User, UserId, Workspace, WorkspaceId,
};

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_attr:meta])* $field:ident: $type:ty,)* })+) => {
        /// Something that happened.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "event", rename_all = "snake_case")]
        pub enum Event {
            $($(#[$doc])* $name { $($(#[$field_attr])* $field: $type,)* },)+
        }

        impl Event {
            /// Its name, as it stands in the audit.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => stringify!($name),)+
                }
            }
        }
    };
}

events! {
    /// An organization came to be, with its roles.
    OrganizationFounded {
        /// The organization.
        organization: Box<Organization>,
        /// Its roles.
        roles: Vec<Role>,
    }
    /// The organization is called something else.
    OrganizationRenamed {
        /// The new name.
        name: OrganizationName,
    }
    /// The host chose other rules.
    RulesChanged {
        /// The new rules.
        rules: Box<Rules>,
    }
    /// The organization stopped working until it is resumed.
    OrganizationSuspended {
        /// When.
        at: Timestamp,
    }
    /// The organization works again.
    OrganizationResumed {}
    /// The organization will be closed.
    OrganizationClosing {
        /// When.
        until: Timestamp,
    }
    /// The organization is closed.
    OrganizationClosed {
        /// When.
        at: Timestamp,
    }
    /// The seat limit was set.
    SeatLimitSet {
        /// The limit; none means no limit.
        limit: Option<u32>,
    }
    /// The seat limit grew because somebody needed a seat (C25): for billing.
    SeatLimitGrew {
        /// The new limit.
        limit: u32,
    }
    /// A workspace was opened.
    WorkspaceOpened {
        /// The workspace.
        workspace: Box<Workspace>,
    }
    /// A workspace was closed.
    WorkspaceClosed {
        /// The workspace.
        workspace: WorkspaceId,
        /// When.
        at: Timestamp,
    }

    /// A membership came to be: invited, provisioned or joined.
    MembershipBegun {
        /// The step that began it.
        step: Step,
        /// The membership.
        membership: Box<Membership>,
    }
    /// A membership became a user's.
    MembershipBound {
        /// The membership.
        membership: MembershipId,
        /// The user.
        user: UserId,
    }
    /// A membership became active.
    MembershipActivated {
        /// The membership.
        membership: MembershipId,
        /// The step that made it active.
        step: Step,
        /// When.
        at: Timestamp,
    }
    /// Somebody accepted or arrived, and has to set up.
    SetUpBegun {
        /// The membership.
        membership: MembershipId,
        /// When.
        at: Timestamp,
    }
    /// Somebody is out, and can return.
    MembershipDeactivated {
        /// The membership.
        membership: MembershipId,
        /// Why.
        because: DeactivatedBecause,
        /// When.
        at: Timestamp,
    }
    /// Somebody is gone.
    MembershipRemoved {
        /// The membership.
        membership: MembershipId,
        /// Why.
        because: RemovedBecause,
        /// The number in `Former member 7`.
        former_number: u64,
        /// When.
        at: Timestamp,
    }
    /// All sessions of an earlier epoch are over.
    SessionsEnded {
        /// The membership.
        membership: MembershipId,
        /// The epoch that begins.
        epoch: Epoch,
    }
    /// Profile fields changed; an empty value clears a field.
    ProfileEdited {
        /// The membership.
        membership: MembershipId,
        /// The fields that changed.
        fields: BTreeMap<FieldName, FieldValue>,
    }
    /// A person has another role.
    RoleChanged {
        /// The membership.
        membership: MembershipId,
        /// The role before.
        from: RoleName,
        /// The role after.
        to: RoleName,
    }
    /// A permission was raised, capped, denied, or left to the role again.
    PermissionOverridden {
        /// The membership.
        membership: MembershipId,
        /// The permission.
        permission: PermissionName,
        /// The override; none leaves it to the role.
        to: Option<Override>,
    }
    /// A person holds more for a while.
    GrantGiven {
        /// The membership.
        membership: MembershipId,
        /// The grant; those that were over when it was given are off the record from here on.
        grant: Box<Grant>,
    }
    /// A grant ends at another time.
    GrantRenewed {
        /// The membership.
        membership: MembershipId,
        /// The grant.
        grant: GrantId,
        /// The first instant at which it no longer holds.
        until: Timestamp,
    }
    /// A grant was taken back.
    GrantRevoked {
        /// The membership.
        membership: MembershipId,
        /// The grant.
        grant: GrantId,
    }
    /// A person has other listed resources.
    FenceChanged {
        /// The membership.
        membership: MembershipId,
        /// The resources.
        fence: Fence,
    }
    /// A person's data is gone; `Former member 7` remains.
    MembershipErased {
        /// The membership.
        membership: MembershipId,
    }
    /// Whoever proves this address stays out, though nobody knows any more who that is.
    BlockKept {
        /// The organization.
        organization: OrganizationId,
        /// A digest of the address under the host's key.
        digest: Digest,
    }

    /// Whoever proves this address may come back.
    BlockLifted {
        /// The organization.
        organization: OrganizationId,
        /// A digest of the address under the host's key.
        digest: Digest,
    }

    /// An invitation was made.
    InvitationMade {
        /// The invitation.
        invitation: Box<Invitation>,
    }
    /// An invitation was sent again: older links are void.
    InvitationResent {
        /// The invitation.
        invitation: InvitationId,
        /// Who stands behind it from now on; none means the host.
        issuer: Option<MembershipId>,
        /// The only generation that works.
        generation: Generation,
        /// When its link runs out.
        expires_at: Timestamp,
        /// When.
        at: Timestamp,
    }
    /// An invitation ran out, and its seat is free.
    InvitationLapsed {
        /// The invitation.
        invitation: InvitationId,
        /// When that was noted.
        at: Timestamp,
    }
    /// An invitation was accepted.
    InvitationAccepted {
        /// The invitation.
        invitation: InvitationId,
    }
    /// An invitation was declined.
    InvitationDeclined {
        /// The invitation.
        invitation: InvitationId,
    }
    /// An invitation was taken back.
    InvitationRevoked {
        /// The invitation.
        invitation: InvitationId,
    }

    /// A role was made.
    RoleCreated {
        /// The role.
        role: Role,
    }
    /// A role changed.
    RoleEdited {
        /// The role as it is now.
        role: Role,
    }
    /// A role was deleted.
    RoleDeleted {
        /// The role.
        role: RoleName,
    }

    /// A team was made.
    TeamCreated {
        /// The team.
        team: Box<Team>,
    }
    /// A team has another name or description.
    TeamDescribed {
        /// The team.
        team: TeamId,
        /// Its name.
        name: TeamName,
        /// Its description.
        description: Option<super::Description>,
    }
    /// A team gives other permissions.
    TeamPermissionsSet {
        /// The team.
        team: TeamId,
        /// The permissions.
        permissions: BTreeMap<PermissionName, Reach>,
        /// The resources they reach.
        fence: Fence,
    }
    /// A team was deleted.
    TeamDeleted {
        /// The team.
        team: TeamId,
    }
    /// A person joined a team.
    TeamJoined {
        /// The team.
        team: TeamId,
        /// The membership.
        membership: MembershipId,
    }
    /// A person left a team.
    TeamLeft {
        /// The team.
        team: TeamId,
        /// The membership.
        membership: MembershipId,
    }

    /// A leaver's work will be handed over.
    HandoverPlanned {
        /// The handover.
        handover: Box<Handover>,
    }
    /// A handover stops until it is resumed.
    HandoverPaused {
        /// The handover.
        handover: HandoverId,
        /// Whose it is.
        membership: MembershipId,
    }
    /// A handover goes on.
    HandoverResumed {
        /// The handover.
        handover: HandoverId,
        /// Whose it is.
        membership: MembershipId,
    }
    /// A handover was given up; what has moved stays where it is.
    HandoverCancelled {
        /// The handover.
        handover: HandoverId,
        /// Whose it is.
        membership: MembershipId,
    }
    /// A handover ended because whoever left is back; they keep what has not moved.
    HandoverReturned {
        /// The handover.
        handover: HandoverId,
        /// Whose it is.
        membership: MembershipId,
    }
    /// The rest of a handover goes to others.
    HandoverChosen {
        /// The handover.
        handover: HandoverId,
        /// Whose it is.
        membership: MembershipId,
        /// Where each kind goes from here on.
        parts: Vec<Part>,
    }
    /// Support was let in.
    SupportGiven {
        /// The access.
        access: Box<SupportAccess>,
    }
    /// Support may stay longer.
    SupportRenewed {
        /// The access.
        access: SupportAccessId,
        /// Until when.
        until: Option<Timestamp>,
    }
    /// Support is out.
    SupportRevoked {
        /// The access.
        access: SupportAccessId,
        /// When.
        at: Timestamp,
    }

    /// A member was offered a role that keeps the organization.
    OwnershipOffered {
        /// The membership.
        membership: MembershipId,
        /// The offer.
        offer: OwnershipOffer,
    }
    /// The offer was accepted; a `RoleChanged` follows.
    OwnershipAccepted {
        /// The membership.
        membership: MembershipId,
    }
    /// The offer was declined.
    OwnershipDeclined {
        /// The membership.
        membership: MembershipId,
    }

    /// Mail is due.
    MailDue {
        /// The mail.
        mail: Box<Mail>,
    }

    /// A user came to be.
    UserRegistered {
        /// The user.
        user: Box<User>,
    }
    /// A user proved that the address is theirs.
    EmailVerified {
        /// The user.
        user: UserId,
        /// When.
        at: Timestamp,
    }
    /// A user can sign in through somebody who vouches for them.
    IdentityLinked {
        /// The user.
        user: UserId,
        /// The identity.
        identity: ExternalIdentity,
    }
    /// Personal settings changed; an empty value clears one.
    SettingsEdited {
        /// The user.
        user: UserId,
        /// What changed.
        fields: BTreeMap<FieldName, FieldValue>,
    }
    /// A password was chosen; older links are void.
    PasswordSet {
        /// The user.
        user: UserId,
        /// The hash: it goes to the user's record, and never into the audit.
        #[serde(skip)]
        hash: Option<PasswordHash>,
    }
    /// A password reset was asked for; older links are void.
    PasswordResetAsked {
        /// The user.
        user: UserId,
        /// The only generation that works.
        generation: Generation,
        /// When.
        at: Timestamp,
    }
    /// A user's data is gone.
    UserErased {
        /// The user.
        user: UserId,
        /// When.
        at: Timestamp,
    }
}

impl Event {
    /// The invitation that it is about.
    pub const fn invitation(&self) -> Option<InvitationId> {
        if let Self::InvitationResent { invitation, .. }
        | Self::InvitationLapsed { invitation, .. }
        | Self::InvitationAccepted { invitation }
        | Self::InvitationDeclined { invitation }
        | Self::InvitationRevoked { invitation } = self
        {
            Some(*invitation)
        } else {
            None
        }
    }

    /// The membership that it is about, whose erasure takes the event's detail along.
    pub fn subject(&self) -> Option<MembershipId> {
        match self {
            Self::MembershipBegun { membership, .. } => Some(membership.id),
            Self::MembershipBound { membership, .. }
            | Self::MembershipActivated { membership, .. }
            | Self::SetUpBegun { membership, .. }
            | Self::MembershipDeactivated { membership, .. }
            | Self::MembershipRemoved { membership, .. }
            | Self::SessionsEnded { membership, .. }
            | Self::ProfileEdited { membership, .. }
            | Self::RoleChanged { membership, .. }
            | Self::PermissionOverridden { membership, .. }
            | Self::GrantGiven { membership, .. }
            | Self::GrantRenewed { membership, .. }
            | Self::GrantRevoked { membership, .. }
            | Self::FenceChanged { membership, .. }
            | Self::MembershipErased { membership }
            | Self::TeamJoined { membership, .. }
            | Self::TeamLeft { membership, .. }
            | Self::OwnershipOffered { membership, .. }
            | Self::OwnershipAccepted { membership }
            | Self::OwnershipDeclined { membership } => Some(*membership),
            Self::InvitationMade { invitation } => invitation.memberships.first().copied(),
            Self::HandoverPlanned { handover } => Some(handover.from),
            Self::HandoverPaused { membership, .. }
            | Self::HandoverResumed { membership, .. }
            | Self::HandoverCancelled { membership, .. }
            | Self::HandoverReturned { membership, .. }
            | Self::HandoverChosen { membership, .. } => Some(*membership),
            Self::OrganizationFounded { .. }
            | Self::OrganizationRenamed { .. }
            | Self::RulesChanged { .. }
            | Self::OrganizationSuspended { .. }
            | Self::OrganizationResumed {}
            | Self::OrganizationClosing { .. }
            | Self::OrganizationClosed { .. }
            | Self::SeatLimitSet { .. }
            | Self::SeatLimitGrew { .. }
            | Self::WorkspaceOpened { .. }
            | Self::WorkspaceClosed { .. }
            | Self::BlockKept { .. }
            | Self::BlockLifted { .. }
            | Self::InvitationResent { .. }
            | Self::InvitationLapsed { .. }
            | Self::InvitationAccepted { .. }
            | Self::InvitationDeclined { .. }
            | Self::InvitationRevoked { .. }
            | Self::RoleCreated { .. }
            | Self::RoleEdited { .. }
            | Self::RoleDeleted { .. }
            | Self::TeamCreated { .. }
            | Self::TeamDescribed { .. }
            | Self::TeamPermissionsSet { .. }
            | Self::TeamDeleted { .. }
            | Self::SupportGiven { .. }
            | Self::SupportRenewed { .. }
            | Self::SupportRevoked { .. }
            | Self::MailDue { .. }
            | Self::UserRegistered { .. }
            | Self::EmailVerified { .. }
            | Self::IdentityLinked { .. }
            | Self::SettingsEdited { .. }
            | Self::PasswordSet { .. }
            | Self::PasswordResetAsked { .. }
            | Self::UserErased { .. } => None,
        }
    }
}
