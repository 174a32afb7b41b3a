//! Which actions somebody may use on each person of a page, and why not the others.

use crate::access::Management;
use crate::commands::{
    Block, ChangeRole, Command, Deactivate, EditProfile, Facts, Reactivate, RemoveMember,
    ResendInvitation, RevokeInvitation, WorkOnReturn, decide, named,
};
use crate::domain::{
    DeactivatedBecause, Membership, MembershipId, Need, Principal, Refusal, RoleName, Scope, State,
    Step, Thing,
};

use super::people::sees;
use super::{Error, Inner, UserDirectory};

/// What can be done to a person in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowAction {
    /// Edit the profile.
    Edit,
    /// Send the invitation again.
    Resend,
    /// Take the invitation back.
    Revoke,
    /// Deactivate.
    Deactivate,
    /// Block.
    Block,
    /// Reactivate.
    Reactivate,
    /// Remove.
    Remove,
}

impl RowAction {
    /// Every action that is not a change of role.
    pub const ALL: [Self; 7] = [
        Self::Edit,
        Self::Resend,
        Self::Revoke,
        Self::Deactivate,
        Self::Block,
        Self::Reactivate,
        Self::Remove,
    ];
}

/// What somebody may do to one person.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RowActions {
    /// The person.
    pub membership: MembershipId,
    /// Each action, and why not if it may not be used.
    pub actions: Vec<(RowAction, Option<Refusal>)>,
    /// The roles that somebody may give this person.
    pub roles: Vec<RoleName>,
    /// Whether leaving takes a successor (C9): a form asks for one.
    pub needs_successor: bool,
}

impl RowActions {
    /// Whether an action may be used.
    pub fn may(&self, action: RowAction) -> bool {
        self.actions.iter().any(|(it, refusal)| *it == action && refusal.is_none())
    }

    /// Why an action may not be used.
    pub fn why_not(&self, action: RowAction) -> Option<&Refusal> {
        self.actions.iter().find(|(it, _)| *it == action).and_then(|(_, why)| why.as_ref())
    }
}

impl UserDirectory {
    /// What somebody may do to each of these people (at most 500, one load): decided by the very
    /// rules that will decide the command.
    #[tracing::instrument(name = "tenure.row_actions", level = "debug", skip_all)]
    pub async fn row_actions(
        &self,
        who: &Principal,
        scope: impl Into<Scope>,
        people: &[MembershipId],
    ) -> Result<Vec<RowActions>, Error> {
        const MAX: usize = 500;
        let scope = scope.into();
        if people.len() > MAX {
            return Err(Refusal::TooMany { what: "people", max: MAX }.into());
        }
        let mut needs: Vec<Need> = people.iter().map(|id| Need::Person(*id)).collect();
        needs.push(Need::Expiring(scope.organization, 16));
        let state = self.inner.load(scope, who, needs).await?;
        let standing = self.inner.standing(&state, scope, who)?;
        Inner::may_ask(&standing, who, Management::ViewPeople)?;
        let mut facts = self.inner.facts(&who.into());
        facts.seats_are_full = true;
        let loaded = people.iter().filter_map(|id| state.membership(scope.organization, *id));
        facts.duties.people = loaded.map(|it| named(&state, it)).collect();
        people
            .iter()
            .map(|id| {
                let it = state.membership(scope.organization, *id);
                let it = it.filter(|it| it.scope == scope && sees(&standing, who, it));
                Ok(actions(&state, &facts, it.ok_or(Refusal::NotFound(Thing::Membership))?))
            })
            .collect()
    }
}

fn actions(state: &State, facts: &Facts, it: &Membership) -> RowActions {
    let mut needs_successor = false;
    let actions = RowAction::ALL.map(|action| {
        let refusal = match command(action, it).map(|command| decide(state, &command, facts)) {
            Ok(Ok(_) | Err(Refusal::NoChange)) => None,
            Ok(Err(Refusal::SuccessorRequired)) => {
                needs_successor = true;
                None
            }
            Ok(Err(refusal)) | Err(refusal) => Some(refusal),
        };
        (action, refusal)
    });
    let (scope, membership) = (it.scope, it.id);
    let roles = state
        .roles(scope.organization)
        .map(|role| role.name.clone())
        .filter(|role| {
            let command = ChangeRole { scope, membership, role: role.clone(), handover: None };
            decide(state, &command.into(), facts).is_ok()
        })
        .collect();
    RowActions { membership, actions: actions.to_vec(), roles, needs_successor }
}

fn command(action: RowAction, it: &Membership) -> Result<Command, Refusal> {
    let (scope, membership, handover) = (it.scope, it.id, None);
    let organization = scope.organization;
    let from = it.status.name();
    let invitation = |step| it.invitation.ok_or(Refusal::NoTransition { from, step });
    Ok(match action {
        RowAction::Edit => {
            EditProfile { scope, membership, fields: std::collections::BTreeMap::new() }.into()
        }
        RowAction::Resend => {
            ResendInvitation { scope, invitation: invitation(Step::Resend)? }.into()
        }
        RowAction::Revoke => {
            RevokeInvitation { scope, invitation: invitation(Step::Remove)? }.into()
        }
        RowAction::Deactivate => {
            let because = DeactivatedBecause::Other;
            Deactivate { scope, membership, because, handover }.into()
        }
        RowAction::Block => Block { organization, membership, handover }.into(),
        RowAction::Reactivate => {
            Reactivate { scope, membership, work: WorkOnReturn::StaysWhereItIs }.into()
        }
        RowAction::Remove => RemoveMember { scope, membership, handover }.into(),
    })
}
