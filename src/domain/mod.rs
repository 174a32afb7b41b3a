//! Pure nouns: what there is, what can become of it, and what makes it one and the same.
//!
//! Nothing here reads a clock, draws a random number or does I/O; nothing here knows a command.

mod activity;
mod apply;
mod audit;
mod email;
mod event;
mod grant;
mod handover;
mod id;
mod invitation;
mod mail;
mod membership;
mod organization;
mod principal;
mod record;
mod refusal;
mod role;
mod rules;
mod state;
mod support;
mod team;
mod text;
mod time;
mod token;
mod user;
mod work;

pub use activity::Activity;
pub use audit::{
    Actor, BrokenChain, Digest, Entry, EntryDetail, FeedPosition, Head, Logged, Stream,
    UnknownEvent, verify_chain,
};
pub use email::{CanonicalEmail, EmailAddress};
pub use event::Event;
pub use grant::{Given, Grant, Lasting};
pub use handover::{
    Assignment, Disposition, HANDOVER_TRANSITIONS, Handover, HandoverPlan, HandoverReceipt,
    HandoverStatus, HandoverStep, HandoverTransition, HandoverWork, Left, LeftBecause, Part,
    Progress, Receivers, Share, Sharing,
};
pub(crate) use handover::{Awaited, Next};
pub use id::{
    CommandId, GrantId, HandoverId, InvitationId, MailId, MembershipId, OrganizationId,
    SupportAccessId, TeamId, UserId, WorkspaceId,
};
pub use invitation::{Invitation, InvitationStatus};
pub use mail::{Mail, MailAbout};
pub(crate) use membership::listed;
pub use membership::{
    DeactivatedBecause, Epoch, Fence, MOST_LISTED, Membership, MembershipStatus, Override,
    OwnershipOffer, PendingBecause, Profile, RemovedBecause, Source, StatusGroup, StatusName, Step,
    TRANSITIONS, Transition,
};
pub use organization::{
    Granted, Organization, OrganizationStatus, Revision, Scope, Tally, Workspace,
};
pub use principal::Principal;
pub use record::{Block, ChangeSet, Claim, Forget, Guard, Key, Need, Receipt, ReceiptKey, Record};
pub use refusal::{Refusal, Thing};
pub use role::{Breadth, MayAssign, Rank, Reach, Role, RoleKind, RolePermissions};
pub use rules::{
    Activation, Authorship, BatchRoles, EditedBy, Equals, GreenMark, Joining, LastOwner,
    MadeOnLeaving, Oneself, Passwords, ProfileField, Provisioning, Removal, Rules, SeatUse,
    SeatsFull, Separation, StatusWords, SupportRule, WorkOnLeaving, WorkspaceRemoval,
};
pub use state::State;
pub use support::SupportAccess;
pub use team::Team;
pub use text::{
    Description, ExternalId, FenceName, FieldName, FieldValue, IdempotencyKey, Invalid, IssuerName,
    ItemId, KindName, OrganizationName, PasswordHash, PermissionName, Problem, Reason, ResourceId,
    RoleName, RoleTitle, SubjectName, TeamName, WorkspaceName,
};
pub(crate) use text::{excerpt, folded};
pub use time::{Span, Timestamp};
pub(crate) use token::TokenClaims;
pub use token::{KeyRing, Purpose, Token, VerifiedToken};
pub use user::{ExternalIdentity, Generation, Realm, User};
pub use work::{
    Batch, BatchItems, BatchName, FoundItem, Load, MOST_COUNTS, Moved, Nature, Place, Skipped,
    SkippedBecause, WorkCount, WorkKind, WorkState, WorkStates,
};
