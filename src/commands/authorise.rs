//! Whether whoever asks meets a command's requirement.

use crate::access::Standing;
use crate::domain::{Membership, OrganizationStatus, Principal, Refusal, Scope, Thing};

use super::draft::Draft;
use super::{Requirement, Works};

/// Finds the standing of whoever asks, and holds it against the requirement. Where a command is
/// open to people themselves too, it asks for the permission once it knows whom it is about.
///
/// I11: strangers get the answer that an organization which does not exist would give.
pub(super) fn authorise(
    draft: &mut Draft<'_>,
    requirement: Requirement,
    scope: Option<Scope>,
) -> Result<(), Refusal> {
    let who = &draft.facts.principal;
    let Some(scope) = scope else {
        return principal_may(who, requirement);
    };
    let absent = Refusal::NotFound(Thing::Organization);
    let whole = Standing::of(draft.state, scope.whole(), who, draft.now()).ok_or(absent.clone())?;
    let insider = match who {
        Principal::Person(_) => whole.membership().is_some_and(Membership::is_active),
        Principal::Support { .. } => whole.support().is_some(),
        Principal::Bearer(token) => token.organization == Some(scope.organization),
        Principal::Provisioner { organization, .. } => *organization == scope.organization,
        Principal::System => true,
    };
    // A person who is none of ours may still answer an invitation or sign up.
    let comes_in = matches!(who, Principal::Person(_)) && requirement.oneself;
    if !insider && !comes_in {
        return Err(absent);
    }
    principal_may(who, requirement)?;
    if let Err(refusal) = works(draft, requirement, scope) {
        return Err(if insider { refusal } else { absent });
    }
    let standing = match scope.workspace {
        None => whole,
        Some(_) => Standing::of(draft.state, scope, who, draft.now()).ok_or(if insider {
            Refusal::NotFound(Thing::Workspace)
        } else {
            absent
        })?,
    };
    if let (Some(permission), false) = (requirement.permission, requirement.oneself)
        && matches!(who, Principal::Person(_) | Principal::Support { .. })
        && !standing.holds(&permission.into()).is_allowed()
    {
        return Err(Refusal::MissingPermission(permission.into()));
    }
    draft.standing = Some(standing);
    Ok(())
}

/// Whether this kind of principal may ask at all.
fn principal_may(who: &Principal, requirement: Requirement) -> Result<(), Refusal> {
    let may = match who {
        Principal::Person(_) => requirement.permission.is_some() || requirement.oneself,
        Principal::Support { .. } => requirement.permission.is_some(),
        Principal::Bearer(token) => {
            if requirement.link.is_some_and(|purpose| purpose != token.purpose) {
                return Err(Refusal::WrongPurpose);
            }
            requirement.link.is_some()
        }
        Principal::Provisioner { .. } => requirement.provisioner,
        Principal::System => requirement.system,
    };
    let needs = if requirement.permission.is_some() {
        "a member who holds the permission"
    } else if requirement.oneself {
        "the person themselves"
    } else {
        "the host itself"
    };
    if may { Ok(()) } else { Err(Refusal::WrongPrincipal { principal: who.kind(), needs }) }
}

fn works(draft: &Draft<'_>, requirement: Requirement, scope: Scope) -> Result<(), Refusal> {
    let status = draft.organization()?.status;
    let fits = match requirement.organization {
        Works::WhileActive => status == OrganizationStatus::Active,
        Works::UntilClosed => !matches!(status, OrganizationStatus::Closed { .. }),
        Works::Always => true,
    };
    if !fits {
        return Err(Refusal::OrganizationNotActive(status));
    }
    let workspace = scope.workspace.and_then(|id| draft.state.workspace(scope.organization, id));
    if workspace.is_some_and(|it| it.closed_at.is_some())
        && requirement.organization == Works::WhileActive
    {
        return Err(Refusal::WorkspaceClosed);
    }
    Ok(())
}
