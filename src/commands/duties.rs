//! Separation of duties: what the rules keep apart, no one person holds together.
//!
//! It is asked in one place, of what a command leaves behind, so no command can forget it. What a
//! person holds is spread over all their memberships in the organization, and a change of a role, a
//! team or the rules concerns people whom no command names; so it is asked in two steps. Where
//! duties are kept apart, and only there, the first says whom a command concerns ([`Concern`]); the
//! second decides, once [`Duties`] say what was found out about them.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{MemberView, lasting};
use crate::domain::{
    Event, Head, Membership, MembershipId, Need, OrganizationId, PermissionName, Reach, Refusal,
    Role, RoleName, Separation, State, Stream, TeamId, Timestamp,
};

use super::Facts;

/// What was found out about the people whom a command concerns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Duties {
    /// Of these, all memberships in the organization are looked up for the command.
    pub(crate) people: BTreeSet<MembershipId>,
    /// The first of all who would hold together what is kept apart, if there is one: found by
    /// going through them all while the organization was exactly this far.
    pub(crate) among_all: Option<(Head, Option<(MembershipId, Separation)>)>,
}

impl Duties {
    pub(super) fn needs(&self, needs: &mut Vec<Need>) {
        needs.extend(self.people.iter().map(|id| Need::Person(*id)));
    }
}

/// Whom a command concerns, which has to be known before it is decided.
#[derive(Debug)]
pub(crate) struct Concern {
    /// These, with all their memberships in the organization.
    pub(crate) people: BTreeSet<MembershipId>,
    /// Whether many others, too.
    pub(crate) many: Option<Many>,
    /// The organization.
    pub(crate) organization: OrganizationId,
    /// How far it was when the command was to be decided.
    pub(crate) at: Head,
    /// What the command would leave behind.
    left: State,
}

/// Many, whom the command does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Many {
    /// Everybody in the organization.
    Everybody,
    /// Whoever is in a team.
    Team(TeamId),
}

impl Concern {
    /// The first of some people who would hold together what is kept apart. Their memberships come
    /// with them; of what the state knows already it is that which counts.
    pub(crate) fn first_breach(
        &self,
        people: &[MembershipId],
        records: Vec<crate::domain::Record>,
        now: Timestamp,
    ) -> Option<(MembershipId, Separation)> {
        let mut left = self.left.clone();
        left.load(records);
        let pairs = &left.organization(self.organization)?.rules.separation;
        // Nobody finds in a store who comes in together with this very command.
        let begun = left.begun(self.organization).filter(|it| it.scope.workspace.is_none());
        people
            .iter()
            .filter_map(|id| left.membership(self.organization, *id))
            .chain(begun)
            .find_map(|it| Some((it.id, breach(&left, pairs, it, now)?)))
    }
}

/// What a command leaves behind keeps apart what the rules keep apart: it does, it does not, or
/// people have to be looked at first.
pub(super) fn weigh(
    state: &State,
    stream: Stream,
    events: &[Event],
    facts: &Facts,
) -> Result<Option<Concern>, Refusal> {
    let Stream::Organization(id) = stream else { return Ok(None) };
    let before = state.organization(id);
    let were: &[Separation] = before.map_or(&[], |it| &it.rules.separation);
    let gains: Vec<Gain<'_>> = events.iter().filter_map(Gain::of).collect();
    let rules_change = gains.iter().any(|gain| matches!(gain, Gain::Rules));
    if gains.is_empty() || (were.is_empty() && !rules_change) {
        return Ok(None);
    }
    let mut left = state.clone();
    for event in events {
        left.apply(stream, event);
    }
    let Some(organization) = left.organization(id) else { return Ok(None) };
    let pairs = &organization.rules.separation;
    let added = pairs.iter().any(|pair| !were.contains(pair));
    if pairs.is_empty() {
        return Ok(None);
    }
    by_themselves(&left, id, pairs, &gains, added)?;
    // Whoever founds holds one role, which keeps the organization.
    let Some(before) = before else { return Ok(None) };

    let mut people = BTreeSet::new();
    let mut many = None;
    for gain in &gains {
        match gain {
            Gain::Person(it) => {
                let it = left.membership(id, *it).filter(|it| it.is_live());
                people.extend(it.map(|it| named(&left, it)));
            }
            Gain::Role(role) => {
                let held = before.tally.with_role(&role.name)
                    + before.workspaces_tally.with_role(&role.name);
                let was = state.role(id, &role.name);
                let gave = |it: &PermissionName| was.is_some_and(|was| gives(was, it));
                let more = halves(pairs).any(|it| gives(role, it) && !gave(it));
                if more && (held > 0 || before.granted(&role.name, facts.now).is_some()) {
                    many = Some(Many::Everybody);
                }
            }
            Gain::Team(team, listed) => {
                let was = state.team(id, *team);
                let gave =
                    |it: &PermissionName| was.is_some_and(|team| team.permissions.contains_key(it));
                if halves(pairs).any(|it| listed.contains_key(it) && !gave(it)) {
                    // A store knows nothing yet of who joined it together with this command.
                    let alone = state.first_appended().is_none();
                    many = Some(if alone { Many::Team(*team) } else { Many::Everybody });
                }
            }
            Gain::Rules if added => many = Some(Many::Everybody),
            Gain::Rules => {}
        }
    }

    let looked = facts.duties.among_all.as_ref().filter(|(at, _)| *at == before.head);
    let known = people.is_subset(&facts.duties.people);
    if !known || (many.is_some() && looked.is_none()) {
        let (organization, at) = (id, before.head);
        return Ok(Some(Concern { people, many, organization, at, left }));
    }
    if let Some((_, Some((who, pair)))) = looked.filter(|_| many.is_some()) {
        return Err(Refusal::DutiesConflict { pair: pair.clone(), who: Some(*who) });
    }
    for it in people.iter().filter_map(|it| left.membership(id, *it)) {
        if let Some(pair) = breach(&left, pairs, it, facts.now) {
            let who = state.membership(id, it.id).map(|it| it.id);
            return Err(Refusal::DutiesConflict { pair, who });
        }
    }
    Ok(None)
}

/// The membership by which a person is named: the one in the organization itself.
pub(crate) fn named(state: &State, it: &Membership) -> MembershipId {
    let whole = || state.person(it).into_iter().find(|one| one.scope.workspace.is_none());
    if it.scope.workspace.is_none() { it.id } else { whole().map_or(it.id, |whole| whole.id) }
}

/// No role and no team holds by itself what is kept apart. Whoever keeps the organization is
/// exempt: somebody has to hold everything.
fn by_themselves(
    left: &State,
    id: OrganizationId,
    pairs: &[Separation],
    gains: &[Gain<'_>],
    added: bool,
) -> Result<(), Refusal> {
    let conflict = |gives: &dyn Fn(&PermissionName) -> bool| {
        let both = |pair: &&Separation| match pair {
            Separation::Permissions(one, other) => gives(one) && gives(other),
            Separation::Roles(..) => false,
        };
        match pairs.iter().find(both) {
            Some(pair) => Err(Refusal::DutiesConflict { pair: pair.clone(), who: None }),
            None => Ok(()),
        }
    };
    let role =
        |role: &Role| conflict(&|permission| !role.keeps_organization && gives(role, permission));
    for gain in gains {
        match gain {
            Gain::Role(it) => role(it)?,
            Gain::Team(_, listed) => conflict(&|permission| listed.contains_key(permission))?,
            Gain::Rules if added => left.roles(id).try_for_each(role)?,
            Gain::Rules | Gain::Person(_) => {}
        }
    }
    Ok(())
}

/// What a person holds together, now or later, that is kept apart.
fn breach(
    state: &State,
    pairs: &[Separation],
    it: &Membership,
    now: Timestamp,
) -> Option<Separation> {
    let organization = it.scope.organization;
    // A workspace that is closed never opens again: what was held there is void.
    let closed = |it: &Membership| {
        let workspace = it.scope.workspace.and_then(|id| state.workspace(organization, id));
        workspace.is_some_and(|it| it.closed_at.is_some())
    };
    let all = state.person(it).into_iter().filter(|one| !closed(one));
    let views: Vec<MemberView<'_>> = all.map(|one| lasting(state, one, now)).collect();
    let roles = || views.iter().flat_map(MemberView::roles);
    let keeps = roles().any(|role| role.keeps_organization);
    let has = |name: &RoleName| roles().any(|role| role.name == *name);
    let holds = |name: &PermissionName| {
        !keeps && views.iter().any(|view| !view.decide(name).extent.is_nothing())
    };
    let both = |pair: &&Separation| match pair {
        Separation::Roles(one, other) => has(one) && has(other),
        Separation::Permissions(one, other) => holds(one) && holds(other),
    };
    pairs.iter().find(both).cloned()
}

fn gives(role: &Role, permission: &PermissionName) -> bool {
    role.permissions.reach(permission).is_some()
}

/// Every permission that is kept apart from another.
fn halves(pairs: &[Separation]) -> impl Iterator<Item = &PermissionName> {
    pairs.iter().flat_map(|pair| match pair {
        Separation::Permissions(one, other) => vec![one, other],
        Separation::Roles(..) => Vec::new(),
    })
}

/// By what somebody may come to hold more.
enum Gain<'e> {
    Person(MembershipId),
    Role(&'e Role),
    Team(TeamId, &'e BTreeMap<PermissionName, Reach>),
    Rules,
}

impl<'e> Gain<'e> {
    const fn of(event: &'e Event) -> Option<Self> {
        match event {
            Event::OrganizationFounded { .. } | Event::RulesChanged { .. } => Some(Self::Rules),
            Event::RoleCreated { role } | Event::RoleEdited { role } => Some(Self::Role(role)),
            Event::TeamPermissionsSet { team, permissions, .. } => {
                Some(Self::Team(*team, permissions))
            }
            Event::MembershipBegun { membership, .. } => Some(Self::Person(membership.id)),
            Event::MembershipBound { membership, .. }
            | Event::RoleChanged { membership, .. }
            | Event::PermissionOverridden { membership, .. }
            | Event::GrantGiven { membership, .. }
            | Event::TeamJoined { membership, .. } => Some(Self::Person(*membership)),
            // These take away, or change what nobody holds anything by. Whoever is pending or
            // deactivated counts already, and so does a grant until it is over, which is not renewed.
            Event::OrganizationRenamed { .. }
            | Event::OrganizationSuspended { .. }
            | Event::OrganizationResumed {}
            | Event::OrganizationClosing { .. }
            | Event::OrganizationClosed { .. }
            | Event::SeatLimitSet { .. }
            | Event::SeatLimitGrew { .. }
            | Event::WorkspaceOpened { .. }
            | Event::WorkspaceClosed { .. }
            | Event::MembershipActivated { .. }
            | Event::SetUpBegun { .. }
            | Event::MembershipDeactivated { .. }
            | Event::MembershipRemoved { .. }
            | Event::SessionsEnded { .. }
            | Event::ProfileEdited { .. }
            | Event::GrantRenewed { .. }
            | Event::GrantRevoked { .. }
            | Event::FenceChanged { .. }
            | Event::MembershipErased { .. }
            | Event::BlockKept { .. }
            | Event::BlockLifted { .. }
            | Event::InvitationMade { .. }
            | Event::InvitationResent { .. }
            | Event::InvitationLapsed { .. }
            | Event::InvitationAccepted { .. }
            | Event::InvitationDeclined { .. }
            | Event::InvitationRevoked { .. }
            | Event::RoleDeleted { .. }
            | Event::TeamCreated { .. }
            | Event::TeamDescribed { .. }
            | Event::TeamDeleted { .. }
            | Event::TeamLeft { .. }
            | Event::HandoverPlanned { .. }
            | Event::HandoverPaused { .. }
            | Event::HandoverResumed { .. }
            | Event::HandoverCancelled { .. }
            | Event::HandoverReturned { .. }
            | Event::HandoverChosen { .. }
            | Event::SupportGiven { .. }
            | Event::SupportRenewed { .. }
            | Event::SupportRevoked { .. }
            | Event::OwnershipOffered { .. }
            | Event::OwnershipAccepted { .. }
            | Event::OwnershipDeclined { .. }
            | Event::MailDue { .. }
            | Event::UserRegistered { .. }
            | Event::EmailVerified { .. }
            | Event::IdentityLinked { .. }
            | Event::SettingsEdited { .. }
            | Event::PasswordSet { .. }
            | Event::PasswordResetAsked { .. }
            | Event::UserErased { .. } => None,
        }
    }
}
