//! How big a command may be: checked before anything is looked up, so that a huge one costs nothing.
//!
//! | in a command | at most |
//! | --- | --- |
//! | profile fields, settings | 64 |
//! | identities | 16 |
//! | teams of one person | 100 |
//! | people, or teams, that one command changes | 500 |
//! | overrides of one person, permissions of one grant | 256 |
//! | grants of one person that are not over | 16 |
//! | permissions of a role, a team or a support access | 1,000 |
//! | listed resources | [`Fence::MAX`] |
//! | roles of an organization, roles that one may assign | 64 |
//! | domains | 100 |
//! | pairs of duties kept apart | 64 |
//! | kinds of work that a handover names | 64 |
//! | items that a handover names, over all kinds | 1,000 |
//! | people among whom items are split, members of a team that share work | 100 |

use crate::domain::{
    Fence, Given, HandoverPlan, Joining, MayAssign, Profile, Refusal, Role, RolePermissions, Rules,
};

use super::Command;

pub(super) const FIELDS: usize = 64;
pub(super) const IDENTITIES: usize = 16;
pub(super) const TEAMS: usize = 100;
pub(super) const PEOPLE: usize = 500;
pub(super) const OVERRIDES: usize = 256;
pub(super) const GRANTS: usize = 16;
pub(super) const PERMISSIONS: usize = 1_000;
pub(super) const ROLES: usize = 64;
pub(super) const DOMAINS: usize = 100;
pub(super) const SEPARATIONS: usize = 64;
pub(super) const KINDS: usize = 64;
pub(super) const ITEMS: usize = 1_000;
pub(super) const RECEIVERS: usize = 100;

impl Command {
    /// Whether it is of a sensible size; it says nothing else of it.
    ///
    /// One that is not is refused for that before anything else, whoever asks: the answer depends
    /// on the command alone.
    pub fn check_size(&self) -> Result<(), Refusal> {
        match self {
            Self::FoundOrganization(it) => {
                at_most("roles", ROLES, it.roles.len())?;
                it.roles.iter().try_for_each(role)?;
                rules(&it.rules)?;
                profile(&it.profile)
            }
            Self::ChangeRules(it) => rules(&it.rules),
            Self::Invite(it) => {
                at_most("teams", TEAMS, it.teams.len())?;
                at_most("overrides", OVERRIDES, it.overrides.len())?;
                at_most("listed resources", Fence::MAX, it.fence.len())?;
                profile(&it.profile)
            }
            Self::AcceptInvitation(it) => profile(&it.profile),
            Self::SignUp(it) => profile(&it.profile),
            Self::Provision(it) => profile(&it.profile),
            Self::Arrive(it) => profile(&it.profile),
            Self::CompleteSetUp(it) => profile(&it.profile),
            Self::Adopt(it) => profile(&it.profile),
            Self::EditProfile(it) => at_most("profile fields", FIELDS, it.fields.len()),
            Self::EditSettings(it) => at_most("settings", FIELDS, it.fields.len()),
            Self::SetFence(it) => {
                at_most("listed resources", Fence::MAX, it.fence.len())?;
                handover(it.handover.as_ref())
            }
            Self::GiveGrant(it) => match &it.gives {
                Given::Role(_) => Ok(()),
                Given::Permissions(listed) => at_most("permissions", OVERRIDES, listed.len()),
            },
            Self::CreateRole(it) => role(&it.role),
            Self::EditRole(it) => role(&it.role),
            Self::CreateTeam(it) => at_most("people", PEOPLE, it.members.len()),
            Self::SetTeamPermissions(it) => {
                at_most("permissions", PERMISSIONS, it.permissions.len())?;
                at_most("listed resources", Fence::MAX, it.fence.len())
            }
            Self::ChangeTeamMembers(it) => {
                at_most("people", PEOPLE, it.join.len() + it.leave.len())?;
                handover(it.handover.as_ref())
            }
            Self::ChangeTeamsOf(it) => {
                at_most("teams", PEOPLE, it.join.len() + it.leave.len())?;
                handover(it.handover.as_ref())
            }
            Self::ChangeRole(it) => handover(it.handover.as_ref()),
            Self::Deactivate(it) => handover(it.handover.as_ref()),
            Self::Block(it) => handover(it.handover.as_ref()),
            Self::RemoveMember(it) => handover(it.handover.as_ref()),
            Self::Leave(it) => handover(it.handover.as_ref()),
            Self::ChooseReceivers(it) => handover(Some(&it.plan)),
            Self::GiveSupport(it) => at_most("permissions", PERMISSIONS, it.permissions.len()),
            Self::RegisterUser(it) => at_most("identities", IDENTITIES, it.identities.len()),
            // These hold a few texts, each with a limit of its own, and nothing that can be many.
            Self::RenameOrganization(_)
            | Self::SuspendOrganization(_)
            | Self::ResumeOrganization(_)
            | Self::CloseOrganization(_)
            | Self::FinishClosing(_)
            | Self::SetSeatLimit(_)
            | Self::OpenWorkspace(_)
            | Self::CloseWorkspace(_)
            | Self::ResendInvitation(_)
            | Self::RevokeInvitation(_)
            | Self::DeclineInvitation(_)
            | Self::LapseInvitation(_)
            | Self::OverridePermission(_)
            | Self::RenewGrant(_)
            | Self::RevokeGrant(_)
            | Self::EndSessions(_)
            | Self::SendPasswordReset(_)
            | Self::SetPassword(_)
            | Self::Unblock(_)
            | Self::Reactivate(_)
            | Self::PauseHandover(_)
            | Self::ResumeHandover(_)
            | Self::CancelHandover(_)
            | Self::EraseMember(_)
            | Self::DeleteRole(_)
            | Self::DescribeTeam(_)
            | Self::DeleteTeam(_)
            | Self::RenewSupport(_)
            | Self::RevokeSupport(_)
            | Self::OfferOwnership(_)
            | Self::AcceptOwnership(_)
            | Self::DeclineOwnership(_)
            | Self::VerifyEmail(_)
            | Self::LinkIdentity(_)
            | Self::AskPasswordReset(_)
            | Self::ChoosePassword(_)
            | Self::DeleteUser(_) => Ok(()),
        }
    }
}

/// At most this many.
pub(super) fn at_most(what: &'static str, max: usize, count: usize) -> Result<(), Refusal> {
    if count > max { Err(Refusal::TooMany { what, max }) } else { Ok(()) }
}

fn profile(profile: &Profile) -> Result<(), Refusal> {
    at_most("profile fields", FIELDS, profile.0.len())
}

fn handover(plan: Option<&HandoverPlan>) -> Result<(), Refusal> {
    let Some(plan) = plan else { return Ok(()) };
    at_most("kinds of work", KINDS, plan.kinds.len())?;
    at_most("named items", ITEMS, plan.assignments().map(|it| it.to.named()).sum())?;
    plan.assignments().try_for_each(|it| {
        at_most("people among whom items are split", RECEIVERS, it.to.members().len())
    })
}

fn role(role: &Role) -> Result<(), Refusal> {
    at_most(
        "permissions",
        PERMISSIONS,
        match &role.permissions {
            RolePermissions::AllBut(except) => except.len(),
            RolePermissions::Only(listed) => listed.len(),
        },
    )?;
    match &role.may_assign {
        MayAssign::NoMoreThanOwn => Ok(()),
        MayAssign::Only(names) => at_most("roles", ROLES, names.len()),
    }
}

fn rules(rules: &Rules) -> Result<(), Refusal> {
    at_most("profile fields", FIELDS, rules.fields.len())?;
    at_most("pairs of duties", SEPARATIONS, rules.separation.len())?;
    match &rules.joining {
        Joining::InvitationOnly | Joining::Open { .. } => Ok(()),
        Joining::Domains { domains, .. } => at_most("domains", DOMAINS, domains.len()),
    }
}
