//! Pure answers: what each intent requires, what it has to know, and what follows from it.
//!
//! [`decide`] is all there is to it: no clock, no randomness, no I/O. Every command is plain data
//! that can be stored and sent; [`Requirement`] is the table of who may ask.

mod authorise;
mod draft;
mod duties;
mod facts;
mod hand_over;
mod limits;
mod parts;
mod requirement;

mod accept_invitation;
mod adopt;
mod arrive;
mod ask_password_reset;
mod block;
mod cancel_handover;
mod change_role;
mod change_rules;
mod change_team_members;
mod change_teams_of;
mod choose_password;
mod choose_receivers;
mod close_organization;
mod close_workspace;
mod complete_set_up;
mod create_role;
mod create_team;
mod deactivate;
mod decline_invitation;
mod delete_role;
mod delete_team;
mod delete_user;
mod describe_team;
mod edit_profile;
mod edit_role;
mod edit_settings;
mod end_sessions;
mod erase_member;
mod found_organization;
mod give_grant;
mod give_support;
mod import;
mod invite;
mod lapse_invitation;
mod leave;
mod link_identity;
mod offer_ownership;
mod open_workspace;
mod override_permission;
mod ownership_answer;
mod pause_handover;
mod provision;
mod reactivate;
mod register_user;
mod remove_member;
mod rename_organization;
mod renew_grant;
mod renew_support;
mod resend_invitation;
mod resume_handover;
mod resume_organization;
mod revoke_grant;
mod revoke_invitation;
mod revoke_support;
mod send_password_reset;
mod set_fence;
mod set_password;
mod set_seat_limit;
mod set_team_permissions;
mod sign_up;
mod suspend_organization;
mod unblock;
mod verify_email;

use serde::{Deserialize, Serialize};

use crate::domain::{
    Claim, Event, HandoverPlan, Key, MembershipId, Need, OrganizationId, Principal, Refusal, Scope,
    State, Stream,
};
use draft::Draft;
pub(crate) use duties::{Concern, Duties, Many, named};
pub(crate) use hand_over::handovers_of;

pub use accept_invitation::{AcceptInvitation, Accepted};
pub use adopt::{Adopt, AdoptAs};
pub use arrive::Arrive;
pub use ask_password_reset::AskPasswordReset;
pub use block::Block;
pub use cancel_handover::CancelHandover;
pub use change_role::ChangeRole;
pub use change_rules::ChangeRules;
pub use change_team_members::ChangeTeamMembers;
pub use change_teams_of::ChangeTeamsOf;
pub use choose_password::ChoosePassword;
pub use choose_receivers::ChooseReceivers;
pub use close_organization::{CloseOrganization, FinishClosing};
pub use close_workspace::CloseWorkspace;
pub use complete_set_up::CompleteSetUp;
pub use create_role::CreateRole;
pub use create_team::CreateTeam;
pub use deactivate::Deactivate;
pub use decline_invitation::DeclineInvitation;
pub use delete_role::DeleteRole;
pub use delete_team::DeleteTeam;
pub use delete_user::DeleteUser;
pub use describe_team::DescribeTeam;
pub use edit_profile::EditProfile;
pub use edit_role::EditRole;
pub use edit_settings::EditSettings;
pub use end_sessions::EndSessions;
pub use erase_member::EraseMember;
pub use facts::{Facts, Host};
pub use found_organization::{FoundOrganization, Founded};
pub use give_grant::GiveGrant;
pub use give_support::GiveSupport;
pub use import::{ImportProblem, Review, Row, RowProblem, review_addresses, review_csv};
pub use invite::{Invite, Invited};
pub use lapse_invitation::LapseInvitation;
pub use leave::Leave;
pub use link_identity::LinkIdentity;
pub use offer_ownership::OfferOwnership;
pub use open_workspace::OpenWorkspace;
pub use override_permission::OverridePermission;
pub use ownership_answer::{AcceptOwnership, DeclineOwnership};
pub use pause_handover::PauseHandover;
pub use provision::Provision;
pub use reactivate::{Reactivate, WorkOnReturn};
pub use register_user::RegisterUser;
pub use remove_member::RemoveMember;
pub use rename_organization::RenameOrganization;
pub use renew_grant::RenewGrant;
pub use renew_support::RenewSupport;
pub use requirement::{Requirement, Works};
pub use resend_invitation::ResendInvitation;
pub use resume_handover::ResumeHandover;
pub use resume_organization::ResumeOrganization;
pub use revoke_grant::RevokeGrant;
pub use revoke_invitation::RevokeInvitation;
pub use revoke_support::RevokeSupport;
pub use send_password_reset::SendPasswordReset;
pub use set_fence::SetFence;
pub use set_password::SetPassword;
pub use set_seat_limit::SetSeatLimit;
pub use set_team_permissions::SetTeamPermissions;
pub use sign_up::SignUp;
pub use suspend_organization::SuspendOrganization;
pub use unblock::Unblock;
pub use verify_email::VerifyEmail;

/// An intent with its answer: a command that [`execute`](crate::UserDirectory::execute) takes.
///
/// Sealed: the intents of this crate are all there are.
pub trait Intent: Into<Command> + sealed::Sealed {
    /// What whoever asked wants to know afterwards.
    type Output;

    /// The answer, from what happened. None when the events no longer say: the person they were
    /// about has been erased since.
    fn output(events: &[Event]) -> Option<Self::Output>;
}

/// An intent that answers nothing but that it happened.
macro_rules! answers_nothing {
    ($($name:ty),+) => {$(
        impl $crate::commands::Intent for $name {
            type Output = ();

            fn output(_: &[$crate::domain::Event]) -> Option<()> {
                Some(())
            }
        }
    )+};
}
use answers_nothing;

/// What a command is about, by the field that says so.
macro_rules! about {
    (organization) => {
        fn stream(&self) -> crate::domain::Stream {
            crate::domain::Stream::Organization(self.organization)
        }

        fn scope(&self) -> Option<crate::domain::Scope> {
            Some(self.organization.into())
        }
    };
    (scope) => {
        fn stream(&self) -> crate::domain::Stream {
            crate::domain::Stream::Organization(self.scope.organization)
        }

        fn scope(&self) -> Option<crate::domain::Scope> {
            Some(self.scope)
        }
    };
    (user) => {
        fn stream(&self) -> crate::domain::Stream {
            crate::domain::Stream::User(self.user)
        }

        fn scope(&self) -> Option<crate::domain::Scope> {
            None
        }
    };
}
use about;

mod sealed {
    /// Closes [`Intent`](super::Intent).
    pub trait Sealed {}
}

/// How a command is decided.
trait Decide {
    /// Which stream it writes.
    fn stream(&self) -> Stream;

    /// The scope in which whoever asks must have standing; none if it is about a user alone.
    fn scope(&self) -> Option<Scope>;

    /// What it has to know beyond the organization and whoever asks.
    fn needs(&self, facts: &Facts, needs: &mut Vec<Need>);

    /// What follows, once the requirement is met.
    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal>;
}

macro_rules! commands {
    ($($name:ident),+ $(,)?) => {
        /// Every intent as one type: plain data, to be stored, sent, or executed many at once.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "command", rename_all = "snake_case")]
        pub enum Command {
            $(#[doc = concat!("See [`", stringify!($name), "`].")] $name(Box<$name>),)+
        }

        /// The name of a command.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum CommandName {
            $(#[doc = concat!("See [`", stringify!($name), "`].")] $name,)+
        }

        impl CommandName {
            /// Every command.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name as it stands in the audit.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }
        }

        impl Command {
            /// Its name.
            pub const fn name(&self) -> CommandName {
                match self { $(Self::$name(_) => CommandName::$name,)+ }
            }

            fn inner(&self) -> &dyn Decide {
                match self { $(Self::$name(it) => it.as_ref(),)+ }
            }
        }

        $(
            impl From<$name> for Command {
                fn from(it: $name) -> Self {
                    Self::$name(Box::new(it))
                }
            }

            impl sealed::Sealed for $name {}
        )+
    };
}

commands! {
    FoundOrganization, RenameOrganization, ChangeRules, SuspendOrganization, ResumeOrganization,
    CloseOrganization, FinishClosing, SetSeatLimit, OpenWorkspace, CloseWorkspace,
    Invite, ResendInvitation, RevokeInvitation, AcceptInvitation, DeclineInvitation,
    LapseInvitation, SignUp, Provision, Arrive, CompleteSetUp, Adopt,
    EditProfile, ChangeRole, OverridePermission, GiveGrant, RenewGrant, RevokeGrant, SetFence,
    EndSessions, SendPasswordReset, SetPassword, Deactivate, Block, Unblock, Reactivate, RemoveMember, Leave, EraseMember,
    CreateRole, EditRole, DeleteRole,
    CreateTeam, DescribeTeam, SetTeamPermissions, DeleteTeam, ChangeTeamMembers, ChangeTeamsOf,
    PauseHandover, ResumeHandover, CancelHandover, ChooseReceivers,
    GiveSupport, RenewSupport, RevokeSupport, OfferOwnership, AcceptOwnership, DeclineOwnership,
    RegisterUser, VerifyEmail, LinkIdentity, EditSettings, AskPasswordReset, ChoosePassword,
    DeleteUser,
}

impl Command {
    /// Which stream it writes: commands of one stream are decided one after the other.
    pub fn stream(&self) -> Stream {
        self.inner().stream()
    }

    /// The organization it is about, if it is about one.
    pub fn organization(&self) -> Option<OrganizationId> {
        match self.stream() {
            Stream::Organization(id) => Some(id),
            Stream::User(_) => None,
        }
    }

    /// The scope it is about, if it is about one.
    pub fn scope(&self) -> Option<Scope> {
        self.inner().scope()
    }

    /// What it has to know before it can be decided.
    pub fn needs(&self, facts: &Facts) -> Vec<Need> {
        let mut needs = Vec::new();
        if self.check_size().is_err() {
            // It will be refused for its size: nothing is looked up for it.
            return needs;
        }
        if let Some(scope) = self.inner().scope() {
            needs.push(Need::Record(Key::Organization(scope.organization)));
            if let Some(id) = scope.workspace {
                needs.push(Need::Record(Key::Workspace(id)));
            }
            standing_needs(scope, &facts.principal, &mut needs);
        }
        self.inner().needs(facts, &mut needs);
        facts.duties.needs(&mut needs);
        needs
    }
}

/// What finding a seat depends on: once they are full, the invitations that run out first.
fn needs_of_room(facts: &Facts, organization: OrganizationId, needs: &mut Vec<Need>) {
    const LOOKED_AT: u32 = 16;
    if facts.seats_are_full {
        needs.push(Need::Expiring(organization, LOOKED_AT));
    }
}

/// How many issued invitations a leaver's own commit takes back. More are void all the same,
/// because accepting checks the inviter's standing, and they lapse in time.
const ISSUED: u32 = 500;

/// What somebody's leaving depends on.
fn needs_of_leaving(
    (scope, id): (Scope, MembershipId),
    handover: Option<&HandoverPlan>,
    needs: &mut Vec<Need>,
) {
    hand_over::needs_of_holder(id, needs);
    needs.push(Need::IssuedBy(id, ISSUED));
    hand_over::needs_of_plan(scope.organization, handover, needs);
}

/// What the standing of a principal depends on.
pub(crate) fn standing_needs(scope: Scope, who: &Principal, needs: &mut Vec<Need>) {
    match who {
        Principal::Person(user) => {
            needs.push(Need::Holder(Claim::MembershipUser(scope.whole(), *user)));
            if scope.workspace.is_some() {
                needs.push(Need::Holder(Claim::MembershipUser(scope, *user)));
            }
        }
        Principal::Support { access, .. } => {
            needs.push(Need::Record(Key::SupportAccess(*access)));
        }
        Principal::Bearer(_) | Principal::Provisioner { .. } | Principal::System => {}
    }
}

/// Decides a command: the events that follow from it, or why not.
///
/// Pure: the same state, command and facts give the same answer, always.
///
/// Where the rules keep duties apart, the directory finds out beforehand what the people hold whom
/// a command concerns; without that it is refused as [`DutiesUnknown`](Refusal::DutiesUnknown).
pub fn decide(state: &State, command: &Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
    match weigh(state, command, facts)? {
        Weighed::Follows(events) => Ok(events),
        Weighed::Unknown(_) => Err(Refusal::DutiesUnknown),
    }
}

/// What follows from a command, or whom it concerns of whom too little is known.
pub(crate) enum Weighed {
    Follows(Vec<Event>),
    Unknown(Box<Concern>),
}

/// Decides a command as far as what is known allows.
pub(crate) fn weigh(state: &State, command: &Command, facts: &Facts) -> Result<Weighed, Refusal> {
    command.check_size()?;
    let inner = command.inner();
    let scope = inner.scope();
    let mut draft = Draft::new(state, facts, scope.map(|scope| scope.organization));
    authorise::authorise(&mut draft, Requirement::of(command.name()), scope)?;
    inner.decide(&mut draft)?;
    let events = draft.finish();
    Ok(match duties::weigh(state, inner.stream(), &events, facts)? {
        None => Weighed::Follows(events),
        Some(concern) => Weighed::Unknown(Box::new(concern)),
    })
}
