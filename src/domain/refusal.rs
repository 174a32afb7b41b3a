//! The domain says no, and why.

use super::{
    FieldName, HandoverStatus, HandoverStep, Invalid, InvitationStatus, KindName, MembershipId,
    OrganizationStatus, PermissionName, Rank, RoleName, Separation, StatusName, Step, Timestamp,
};

/// Why a command was refused. Nothing has changed and nothing will be sent.
///
/// A refusal never tells anything of another organization: what is there is [`NotFound`] to
/// strangers, exactly as what does not exist.
///
/// [`NotFound`]: Refusal::NotFound
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such thing, as far as whoever asks may know.
    #[error("no such {0}; check its id and its organization")]
    NotFound(Thing),
    /// Something given to the command cannot be what it should be.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// There is more of something than the limit.
    #[error("too many {what}; give at most {max}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// It is already as asked.
    #[error("nothing to change: it is already so")]
    NoChange,

    /// The command is not for this kind of principal.
    #[error("a {principal} may not do this; it takes {needs}")]
    WrongPrincipal {
        /// Who asked.
        principal: &'static str,
        /// Who could.
        needs: &'static str,
    },
    /// Whoever asks lacks a permission.
    #[error("this takes the permission `{0}`")]
    MissingPermission(PermissionName),
    /// The permission is held, but not as far as this person.
    #[error("the permission `{0}` does not reach this person")]
    OutOfReach(PermissionName),
    /// Whoever asks does not stand above the person or role.
    #[error("rank {} does not stand above rank {}; ask somebody above both", own.0, theirs.0)]
    Outranked {
        /// The rank of whoever asks.
        own: Rank,
        /// The rank they would change.
        theirs: Rank,
    },
    /// Whoever asks may not give this role.
    #[error("you may not give the role `{0}`; choose one that yours may assign")]
    MayNotAssign(RoleName),
    /// Nobody is invited to this role directly (C6).
    #[error("nobody is invited as `{0}`; invite as another role and change it later")]
    NotInvitable(RoleName),
    /// A role or team would hold more than whoever makes it.
    #[error("it would hold `{0}`, which you do not hold as far; leave it out")]
    ExceedsOwn(PermissionName),
    /// Nobody does this to themselves (C12).
    #[error("nobody does this to themselves; ask another person who may")]
    Oneself,
    /// A host rule forbids it.
    #[error("the organization's rules forbid it ({rule}): {because}")]
    RuleForbids {
        /// Which choice, as numbered in [`Rules`](super::Rules).
        rule: &'static str,
        /// What to do instead.
        because: &'static str,
    },

    /// The organization does not work at the moment.
    #[error("the organization is not active; it has to be resumed first")]
    OrganizationNotActive(OrganizationStatus),
    /// The workspace was closed.
    #[error("the workspace is closed")]
    WorkspaceClosed,
    /// Nobody is let in on what is known of permissions, because the store could not confirm it
    /// for too long.
    #[error("permissions could not be confirmed lately; ask again when the store can be reached")]
    NotConfirmed,
    /// The step does not exist from this status.
    #[error("somebody {from} cannot {step}")]
    NoTransition {
        /// The status the membership has.
        from: StatusName,
        /// The step asked for.
        step: Step,
    },
    /// Only somebody who is active is given something for a while.
    #[error("somebody {0} is given nothing for a while; wait until they are active")]
    NotActive(StatusName),
    /// The organization would be left without anybody who keeps it (I1).
    #[error("the organization would be left without an owner; appoint another one first")]
    LastOwner,
    /// No seat is free (I2).
    #[error("all {limit} seats are in use ({used}); free one or raise the limit")]
    SeatsFull {
        /// Seats in use.
        used: u64,
        /// The limit.
        limit: u32,
    },
    /// The person or the address is a member here already (I3).
    #[error("this person is already {0} here")]
    AlreadyMember(StatusName),
    /// Another user has the address or the identity (I3).
    #[error("this {0} belongs to an existing user; sign in as that user")]
    Taken(&'static str),
    /// Another thing has the name.
    #[error("the name is taken by another {0}; choose another one")]
    NameTaken(Thing),
    /// The person is kept out.
    #[error("this person is blocked here")]
    Blocked,

    /// The link is not for this.
    #[error("this link is for something else")]
    WrongPurpose,
    /// The link has run out.
    #[error("this link has expired; ask for a new one")]
    Expired,
    /// A newer link was sent, or this one was used.
    #[error("this link no longer works; use the newest one")]
    Superseded,
    /// The invitation was answered or taken back.
    #[error("this invitation is no longer open")]
    InvitationClosed(InvitationStatus),
    /// The invitation is for another address.
    #[error("this invitation is for another address; sign in with that one")]
    WrongAddress,
    /// The person has not proved that the mailbox is theirs.
    #[error("the address is not verified; verify it first")]
    Unverified,
    /// Whoever invited may no longer do so.
    #[error("whoever invited you may no longer do so; ask for a new invitation")]
    InviterLostStanding,
    /// The offer is void or has run out.
    #[error("this offer no longer stands; ask for a new one")]
    OfferVoid,

    /// The rules keep two duties apart that somebody would hold together.
    #[error("the rules keep {pair} apart, and nobody may hold both; take one away first")]
    DutiesConflict {
        /// What is kept apart.
        pair: Separation,
        /// Who would hold both; none if it is somebody who is only coming in by this, or if a role
        /// or a team would give both by itself.
        who: Option<MembershipId>,
    },
    /// The rules keep duties apart, and what the people hold whom it concerns is not known: only
    /// deciding by oneself, without the directory, meets this.
    #[error("duties are kept apart here, which takes knowing all concerned; ask the directory")]
    DutiesUnknown,

    /// The role cannot be changed or deleted while people hold it.
    #[error("{0} people hold the role; give them another one first")]
    RoleInUse(u64),
    /// The role cannot be deleted while grants give it.
    #[error("{grants} grants give the role, the last until {until}; revoke them first, or wait")]
    RoleGranted {
        /// How many.
        grants: u64,
        /// When the last of them ends at the latest.
        until: Timestamp,
    },
    /// The host chose the role; it is not changed at run time.
    #[error("the role `{0}` is built in; make a role of your own")]
    BuiltInRole(RoleName),
    /// The host has declared no such permission.
    #[error("no permission is called `{0}`; use one that the host declares")]
    UnknownPermission(PermissionName),
    /// The rules declare no such profile field.
    #[error("no profile field is called `{0}`; use one that the rules declare")]
    UnknownField(FieldName),
    /// The field is edited by somebody else (C4, C11).
    #[error("the field `{0}` is edited by others")]
    FieldNotYours(FieldName),
    /// Set-up is not finished (C15).
    #[error("set-up needs `{0}`")]
    SetUpNeeds(String),
    /// No override changes a role that keeps the organization.
    #[error("an owner's permissions are not overridden; change the role instead")]
    OwnerNotOverridden,

    /// Somebody must take over (C9).
    #[error("somebody has to take over the work; name a successor")]
    SuccessorRequired,
    /// The one named cannot take over.
    #[error("the successor must be active here and somebody else")]
    SuccessorUnfit,
    /// The one named cannot reach work of that kind.
    #[error("receiving {kind} takes the permission `{permission}`; name somebody who holds it")]
    CannotReceive {
        /// The kind of work.
        kind: KindName,
        /// What it takes.
        permission: PermissionName,
    },
    /// Nobody in the team can receive work of that kind.
    #[error("nobody in the team can receive {kind}; name another team, or one person")]
    NobodyInTeam {
        /// The kind of work.
        kind: KindName,
    },
    /// Work would go to somebody whose own work comes to whoever leaves.
    #[error("work would go round in a circle ({}); name somebody outside it", names.join(" to "))]
    HandoverCycle {
        /// Who would hand over to whom, from whoever leaves and back to them.
        names: Vec<String>,
    },
    /// The host has no such kind of work.
    #[error("no work is called `{0}`; use a kind that the host has")]
    UnknownKind(KindName),
    /// Named items go to named people for a single kind, and what is left to somebody else.
    #[error("single items are named for one kind of work; the rest is not divided again")]
    SplitOfEverything,
    /// The step does not exist from where the handover is.
    #[error("a handover that is {from} has nothing to {step}")]
    HandoverStep {
        /// How far it is.
        from: HandoverStatus,
        /// The step asked for.
        step: HandoverStep,
    },
    /// The user still belongs somewhere.
    #[error("the user still has {0} memberships; leave them first")]
    StillMember(u32),
    /// The same idempotency key was used for something else.
    #[error("this idempotency key was used for another request; use a new one")]
    KeyReused,
}

/// What there is none of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Thing {
    /// An organization.
    Organization,
    /// A workspace.
    Workspace,
    /// A user.
    User,
    /// A membership.
    Membership,
    /// An invitation.
    Invitation,
    /// A role.
    Role,
    /// A team.
    Team,
    /// A grant.
    Grant,
    /// A support access.
    SupportAccess,
    /// A handover.
    Handover,
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Organization => "organization",
            Self::Workspace => "workspace",
            Self::User => "user",
            Self::Membership => "membership",
            Self::Invitation => "invitation",
            Self::Role => "role",
            Self::Team => "team",
            Self::Grant => "grant",
            Self::SupportAccess => "support access",
            Self::Handover => "handover",
        })
    }
}
