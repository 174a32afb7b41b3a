//! What each command requires of whoever asks: one row a command.

use crate::access::Management;
use crate::access::Management as M;
use crate::domain::Purpose;

use super::CommandName;

/// What a command requires of whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requirement {
    /// A member (or support) who holds this may.
    pub permission: Option<Management>,
    /// A signed-in person may, for themselves.
    pub oneself: bool,
    /// Whoever followed a link for this purpose may.
    pub link: Option<Purpose>,
    /// A directory or sign-on connection of the organization may.
    pub provisioner: bool,
    /// The host itself may.
    pub system: bool,
    /// Which organizations it works in.
    pub organization: Works,
}

/// In which status of the organization a command works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Works {
    /// Only while it is active.
    WhileActive,
    /// Until it is closed.
    UntilClosed,
    /// Always: ways out, and what is not about an organization.
    Always,
}

impl Requirement {
    const SYSTEM: Self = Self {
        permission: None,
        oneself: false,
        link: None,
        provisioner: false,
        system: true,
        organization: Works::WhileActive,
    };
    const ONESELF: Self = Self { oneself: true, system: false, ..Self::SYSTEM };

    const fn permission(permission: Management) -> Self {
        Self { permission: Some(permission), ..Self::SYSTEM }
    }

    const fn or_provisioner(self) -> Self {
        Self { provisioner: true, ..self }
    }

    const fn or_oneself(self) -> Self {
        Self { oneself: true, ..self }
    }

    const fn or_link(self, purpose: Purpose) -> Self {
        Self { link: Some(purpose), ..self }
    }

    const fn works(self, organization: Works) -> Self {
        Self { organization, ..self }
    }

    /// The row of a command. Rank, escalation and everything that depends on the records are
    /// decided by the command itself, on top of this.
    pub const fn of(command: CommandName) -> Self {
        use CommandName as C;
        match command {
            C::FoundOrganization => Self::SYSTEM.works(Works::Always),
            C::RenameOrganization | C::ChangeRules => Self::permission(M::ManageOrganization),
            C::SuspendOrganization => Self::SYSTEM,
            C::ResumeOrganization | C::CloseOrganization => {
                Self::permission(M::CloseOrganization).works(Works::UntilClosed)
            }
            C::FinishClosing => Self::SYSTEM.works(Works::UntilClosed),
            C::SetSeatLimit => Self::permission(M::Billing),
            C::OpenWorkspace | C::CloseWorkspace => Self::permission(M::ManageWorkspaces),

            C::Invite | C::ResendInvitation | C::RevokeInvitation => Self::permission(M::Invite),
            C::AcceptInvitation => Self::ONESELF.or_link(Purpose::Invitation),
            C::DeclineInvitation => Self::ONESELF.or_link(Purpose::Invitation).works(Works::Always),
            C::LapseInvitation => Self::SYSTEM.works(Works::Always),
            C::SignUp => Self::ONESELF,
            C::Provision => Self::permission(M::Invite).or_provisioner(),
            C::Arrive => Self::SYSTEM.or_provisioner(),
            C::CompleteSetUp => Self::ONESELF,
            C::Adopt => Self::SYSTEM,

            C::EditProfile => Self::permission(M::EditPeople).or_oneself().or_provisioner(),
            C::ChangeRole => Self::permission(M::ChangeRoles).or_provisioner(),
            C::OverridePermission | C::GiveGrant | C::RenewGrant | C::RevokeGrant | C::SetFence => {
                Self::permission(M::OverridePermissions)
            }
            C::EndSessions => Self::permission(M::Deactivate).or_oneself(),
            C::SendPasswordReset | C::SetPassword => Self::permission(M::Passwords),
            C::Deactivate => Self::permission(M::Deactivate).or_provisioner(),
            C::Block => Self::permission(M::Deactivate),
            C::Unblock => Self::permission(M::Deactivate),
            C::Reactivate => Self::permission(M::Deactivate).or_provisioner(),
            C::RemoveMember => Self::permission(M::Remove).or_provisioner(),
            C::Leave => Self::ONESELF.works(Works::Always),
            C::EraseMember => Self::permission(M::Erase).works(Works::Always),

            C::CreateRole | C::EditRole | C::DeleteRole => Self::permission(M::ManageRoles),
            C::CreateTeam
            | C::DescribeTeam
            | C::SetTeamPermissions
            | C::DeleteTeam
            | C::ChangeTeamMembers
            | C::ChangeTeamsOf => Self::permission(M::ManageTeams),

            C::ResumeHandover | C::ChooseReceivers => Self::permission(M::HandOverWork),
            C::PauseHandover | C::CancelHandover => {
                Self::permission(M::HandOverWork).works(Works::UntilClosed)
            }

            C::GiveSupport | C::RenewSupport | C::RevokeSupport => {
                Self::permission(M::ManageSupport)
            }
            C::OfferOwnership => Self::permission(M::OfferOwnership),
            C::AcceptOwnership | C::DeclineOwnership => Self::ONESELF,

            C::RegisterUser | C::VerifyEmail | C::LinkIdentity | C::AskPasswordReset => {
                Self::SYSTEM.works(Works::Always)
            }
            C::EditSettings => Self::ONESELF.works(Works::Always),
            C::ChoosePassword => Self::ONESELF.or_link(Purpose::PasswordReset).works(Works::Always),
            C::DeleteUser => Self::SYSTEM.or_oneself().works(Works::Always),
        }
    }
}
