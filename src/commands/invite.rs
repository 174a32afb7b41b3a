//! Somebody is invited.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Claim, DeactivatedBecause, EmailAddress, Event, Fence, Generation, Invitation, InvitationId,
    InvitationStatus, Key, MailAbout, Membership, MembershipId, MembershipStatus, Need,
    OrganizationId, Override, PermissionName, Profile, Refusal, Role, RoleName, Scope, Source,
    StatusName, Step, TeamId, Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, Intent, about};

/// Invites one person to an organization, or to a workspace of it.
///
/// Inviting to a workspace invites to the organization too if the person is not there yet, in the
/// role that the rules name for guests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// Where to.
    pub scope: Scope,
    /// The address to invite.
    pub email: EmailAddress,
    /// As what.
    pub role: RoleName,
    /// What is known of the person already.
    #[serde(default)]
    pub profile: Profile,
    /// The teams they will be in.
    #[serde(default)]
    pub teams: Vec<TeamId>,
    /// The resources that their fenced permissions will reach.
    #[serde(default)]
    pub fence: Fence,
    /// Permissions raised or capped for them from the beginning.
    #[serde(default)]
    pub overrides: Vec<(PermissionName, Override)>,
}

impl Invite {
    /// An invitation without anything special.
    pub fn new(scope: impl Into<Scope>, email: EmailAddress, role: RoleName) -> Self {
        Self {
            scope: scope.into(),
            email,
            role,
            profile: Profile::default(),
            teams: Vec::new(),
            fence: Fence::default(),
            overrides: Vec::new(),
        }
    }

    /// The invitation with what is known of the person.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// The invitation into a team.
    #[must_use]
    pub fn into_team(mut self, team: TeamId) -> Self {
        self.teams.push(team);
        self
    }

    /// The invitation with listed resources.
    #[must_use]
    pub fn fenced(mut self, fence: Fence) -> Self {
        self.fence = fence;
        self
    }

    /// The invitation with a permission raised or capped.
    #[must_use]
    pub fn overriding(mut self, permission: impl Into<PermissionName>, to: Override) -> Self {
        self.overrides.push((permission.into(), to));
        self
    }
}

/// What came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invited {
    /// The membership in the scope asked for.
    pub membership: MembershipId,
    /// The invitation.
    pub invitation: InvitationId,
}

impl Intent for Invite {
    type Output = Invited;

    fn output(events: &[Event]) -> Option<Invited> {
        events.iter().find_map(|event| {
            if let Event::InvitationMade { invitation } = event {
                Some(Invited {
                    membership: *invitation.memberships.last()?,
                    invitation: invitation.id,
                })
            } else {
                None
            }
        })
    }
}

impl Decide for Invite {
    about!(scope);

    fn needs(&self, facts: &Facts, needs: &mut Vec<Need>) {
        let organization = self.scope.organization;
        let email = self.email.canonical();
        needs.push(Need::Holder(Claim::MembershipEmail(self.scope.whole(), email.clone())));
        if self.scope.workspace.is_some() {
            needs.push(Need::Holder(Claim::MembershipEmail(self.scope, email.clone())));
        }
        needs.push(Need::Holder(Claim::Former(organization, email.clone())));
        needs.extend(
            facts
                .block_digests(organization, email)
                .into_iter()
                .map(|digest| Need::Record(Key::Block(organization, digest))),
        );
        needs.extend(self.teams.iter().map(|team| Need::Record(Key::Team(*team))));
        super::needs_of_room(facts, organization, needs);
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let organization = draft.organization()?;
        let role = draft.role(&self.role)?;
        if !role.invitable {
            return Err(Refusal::NotInvitable(role.name.clone()));
        }
        draft.may_assign(role)?;
        not_blocked(draft, organization.id, &self.email)?;
        not_here(draft, self.scope, &self.email)?;

        let invitation: InvitationId = draft.id();
        let mut memberships = Vec::new();
        if self.scope.workspace.is_some() {
            memberships.extend(self.invite_to_organization(draft, invitation)?);
        }
        let mut it = self.membership(draft, self.scope, &self.role, invitation)?;
        self.furnish(draft, &mut it)?;
        draft.make_room(self.scope, None, (role, StatusName::Invited))?;
        memberships.push(it.id);
        draft.push(Event::MembershipBegun { step: Step::Invite, membership: Box::new(it) });
        self.send(draft, invitation, memberships, organization.id)
    }
}

impl Invite {
    /// Whoever is invited to a workspace belongs to the organization (I4): a new membership there,
    /// unless there is one.
    fn invite_to_organization(
        &self,
        draft: &mut Draft<'_>,
        invitation: InvitationId,
    ) -> Result<Option<MembershipId>, Refusal> {
        let whole = self.scope.whole();
        let claim = Claim::MembershipEmail(whole, self.email.canonical().clone());
        if let Some(id) = draft.state.holder(&claim) {
            let there = draft.membership(whole, MembershipId::new(id))?;
            if there.is_active() {
                return self.seat_above(draft, draft.role(&there.role)?).map(|()| None);
            }
            // One invitation at a time: answer that one first.
            return Err(Refusal::AlreadyMember(there.status.name()));
        }
        let rules = draft.rules()?;
        let guest = rules.workspace_guest_role.as_ref().ok_or(Refusal::RuleForbids {
            rule: "workspace_guest_role",
            because: "invite to the organization first, or name a role for guests",
        })?;
        let role = draft.role(guest)?;
        self.seat_above(draft, role)?;
        draft.make_room(whole, None, (role, StatusName::Invited))?;
        let mut it = self.membership(draft, whole, guest, invitation)?;
        it.profile = self.profile.clone();
        let id = it.id;
        draft.push(Event::MembershipBegun { step: Step::Invite, membership: Box::new(it) });
        Ok(Some(id))
    }

    /// I2: a seat taken in a workspace is counted in the organization.
    fn seat_above(&self, draft: &Draft<'_>, above: &Role) -> Result<(), Refusal> {
        let covered = above.takes_seat || !draft.role(&self.role)?.takes_seat;
        if covered { Ok(()) } else { Err(Draft::needs_a_seat_above()) }
    }

    fn membership(
        &self,
        draft: &mut Draft<'_>,
        scope: Scope,
        role: &RoleName,
        invitation: InvitationId,
    ) -> Result<Membership, Refusal> {
        super::edit_profile::check_fields(draft.rules()?, &self.profile.0)?;
        let source = draft.facts.source.unwrap_or(Source::Invitation);
        let mut it = Membership::begin(draft.id(), scope, Step::Invite, role, source, draft.now());
        it.email = Some(self.email.clone());
        it.invitation = Some(invitation);
        it.brought_by = draft.own().map(|own| own.id);
        if scope.workspace.is_none() {
            it.predecessor = former(draft, scope.organization, &self.email);
        }
        Ok(it)
    }

    fn furnish(&self, draft: &Draft<'_>, it: &mut Membership) -> Result<(), Refusal> {
        it.profile = self.profile.clone();
        if self.scope.workspace.is_some() && !self.teams.is_empty() {
            // I4: teams are the organization's, and whoever is in one is a member of that.
            let because = "teams belong to the organization; add the person there";
            return Err(Refusal::RuleForbids { rule: "I4", because });
        }
        for team in &self.teams {
            let team = draft.state.team(self.scope.organization, *team);
            it.teams.insert(team.ok_or(Refusal::NotFound(Thing::Team))?.id);
        }
        super::change_team_members::check_teams(it.teams.len())?;
        if self.teams.len() + self.fence.len() + self.overrides.len() > 0 {
            self.may_furnish(draft)?;
        }
        it.fence = self.fence.clone();
        for (permission, to) in &self.overrides {
            super::override_permission::check(draft, &self.role, permission, Some(to))?;
            it.overrides.insert(permission.clone(), to.clone());
        }
        Ok(())
    }

    /// I5: what an invitation brings along takes the same permission as giving it later.
    fn may_furnish(&self, draft: &Draft<'_>) -> Result<(), Refusal> {
        use crate::access::Management;
        if !self.teams.is_empty() {
            draft.hold(Management::ManageTeams)?;
            for team in &self.teams {
                super::set_team_permissions::may_give(draft, *team)?;
            }
        }
        if self.fence.len() + self.overrides.len() > 0 {
            draft.hold(Management::OverridePermissions)?;
            super::set_fence::gives_no_more(draft, &self.fence)?;
        }
        Ok(())
    }

    fn send(
        &self,
        draft: &mut Draft<'_>,
        id: InvitationId,
        memberships: Vec<MembershipId>,
        organization: OrganizationId,
    ) -> Result<(), Refusal> {
        let invitation = Invitation {
            id,
            organization,
            email: Some(self.email.clone()),
            memberships,
            issuer: draft.own().map(|own| own.id),
            status: InvitationStatus::Open,
            generation: Generation::FIRST,
            expires_at: draft.now().plus(draft.rules()?.invitation_lifetime),
            times_sent: 1,
            created_at: draft.now(),
        };
        draft.push(Event::InvitationMade { invitation: Box::new(invitation) });
        draft.mail(MailAbout::Invitation { invitation: id, generation: Generation::FIRST });
        Ok(())
    }
}

/// Nobody comes in who was erased and is kept out.
pub(super) fn not_blocked(
    draft: &Draft<'_>,
    organization: OrganizationId,
    email: &EmailAddress,
) -> Result<(), Refusal> {
    let digests = draft.facts.block_digests(organization, email.canonical());
    if digests.into_iter().any(|digest| draft.state.is_blocked(organization, digest)) {
        return Err(Refusal::Blocked);
    }
    Ok(())
}

/// I3: the address has no live membership in the scope.
pub(super) fn not_here(
    draft: &Draft<'_>,
    scope: Scope,
    email: &EmailAddress,
) -> Result<(), Refusal> {
    let claim = Claim::MembershipEmail(scope, email.canonical().clone());
    let Some(id) = draft.state.holder(&claim) else { return Ok(()) };
    let it = draft.membership(scope, MembershipId::new(id))?;
    let blocked = matches!(
        it.status,
        MembershipStatus::Deactivated { because: DeactivatedBecause::Blocked, .. }
    );
    if blocked {
        return Err(Refusal::Blocked);
    }
    Err(Refusal::AlreadyMember(it.status.name()))
}

/// The tombstone that this address left in the organization.
pub(super) fn former(
    draft: &Draft<'_>,
    organization: OrganizationId,
    email: &EmailAddress,
) -> Option<MembershipId> {
    let claim = Claim::Former(organization, email.canonical().clone());
    draft.state.holder(&claim).map(MembershipId::new)
}
