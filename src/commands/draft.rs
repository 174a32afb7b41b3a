//! What a command decides with: the state, the facts, who asks, and the events so far.

use crate::access::{Catalogue, Item, Management, Standing, view};
use crate::domain::{
    DeactivatedBecause, Event, Grant, HandoverPlan, Invitation, Mail, MailAbout, MailId,
    Membership, MembershipId, MembershipStatus, Organization, OrganizationId, OrganizationStatus,
    Principal, Rank, Refusal, RemovedBecause, Revision, Role, RoleName, Rules, Scope, SeatsFull,
    State, StatusName, Step, TeamId, Thing, Timestamp, User, UserId,
};

use super::Facts;

/// One decision in the making.
pub(crate) struct Draft<'a> {
    pub(crate) state: &'a State,
    pub(crate) facts: &'a Facts,
    pub(crate) standing: Option<Standing<'a>>,
    organization: Option<&'a Organization>,
    events: Vec<Event>,
    identities: u32,
    former_members: u64,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        state: &'a State,
        facts: &'a Facts,
        organization: Option<OrganizationId>,
    ) -> Self {
        let organization = organization.and_then(|id| state.organization(id));
        Self {
            state,
            facts,
            standing: None,
            organization,
            events: Vec::new(),
            identities: 0,
            former_members: organization.map_or(0, |it| it.former_members),
        }
    }

    pub(super) fn finish(self) -> Vec<Event> {
        self.events
    }

    pub(crate) fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    pub(crate) const fn now(&self) -> Timestamp {
        self.facts.now
    }

    pub(crate) fn catalogue(&self) -> &'a Catalogue {
        &self.facts.host.catalogue
    }

    /// The next new identity.
    pub(crate) fn id<T: From<uuid::Uuid>>(&mut self) -> T {
        self.identities += 1;
        self.facts.identity(self.identities).into()
    }

    // ── Looking up ──────────────────────────────────────────────────────────────────────────────

    pub(crate) fn organization(&self) -> Result<&'a Organization, Refusal> {
        self.organization.ok_or(Refusal::NotFound(Thing::Organization))
    }

    pub(crate) fn rules(&self) -> Result<&'a Rules, Refusal> {
        Ok(&self.organization()?.rules)
    }

    pub(crate) fn role(&self, name: &RoleName) -> Result<&'a Role, Refusal> {
        let id = self.organization()?.id;
        self.state.role(id, name).ok_or(Refusal::NotFound(Thing::Role))
    }

    /// A membership of exactly this scope.
    pub(crate) fn membership(&self, s: Scope, id: MembershipId) -> Result<&'a Membership, Refusal> {
        self.state
            .membership(s.organization, id)
            .filter(|it| it.scope == s)
            .ok_or(Refusal::NotFound(Thing::Membership))
    }

    pub(crate) fn user(&self, id: UserId) -> Result<&'a User, Refusal> {
        self.state
            .user(id)
            .filter(|it| it.erased_at.is_none())
            .ok_or(Refusal::NotFound(Thing::User))
    }

    /// The membership in the organization of whoever asks, if they are a person who has one.
    pub(crate) fn own(&self) -> Option<&'a Membership> {
        self.standing.as_ref().and_then(Standing::membership)
    }

    /// Whoever asks holds a permission here: for commands that are open to oneself too.
    pub(crate) fn hold(&self, permission: Management) -> Result<(), Refusal> {
        let Some(standing) = self.standing.as_ref().filter(|_| !self.above_ranks()) else {
            return Ok(());
        };
        let permission = permission.into();
        if standing.holds(&permission).is_allowed() {
            Ok(())
        } else if standing.is_in() {
            Err(Refusal::MissingPermission(permission))
        } else {
            Err(Refusal::NotFound(Thing::Organization))
        }
    }

    /// There is no such thing; to somebody who is not in, there is no such organization either.
    pub(crate) fn absent(&self, thing: Thing) -> Refusal {
        let known = self.above_ranks()
            || matches!(self.facts.principal, Principal::Bearer(_))
            || self.standing.as_ref().is_some_and(Standing::is_in);
        Refusal::NotFound(if known { thing } else { Thing::Organization })
    }

    /// Whether whoever asks stands outside all ranks: the host itself, or a directory.
    pub(crate) fn above_ranks(&self) -> bool {
        matches!(self.facts.principal, Principal::System | Principal::Provisioner { .. })
    }

    // ── I5: rank ────────────────────────────────────────────────────────────────────────────────

    /// I5: whoever asks stands above this membership, it is not their own, and the permission
    /// reaches it.
    pub(crate) fn stand_above(&self, it: &Membership, by: Management) -> Result<(), Refusal> {
        if self.above_ranks() {
            return Ok(());
        }
        let standing = self.standing.as_ref().ok_or(Refusal::NotFound(Thing::Organization))?;
        if self.is_own(it) {
            return Err(Refusal::Oneself);
        }
        let item = Item { holder: Some(it.id), teams: it.teams.clone(), ..Item::default() };
        let permission = by.into();
        if !standing.reaches(&standing.holds(&permission).extent, &item) {
            return Err(Refusal::OutOfReach(permission));
        }
        // A role held for a while ranks as one's own does.
        let roles = view(self.state, it, self.now());
        self.outrank(roles.roles().map(|role| role.rank).max().unwrap_or_default())
    }

    /// I5: whoever asks stands above a rank, or beside it where equals manage equals (C21).
    pub(crate) fn outrank(&self, theirs: Rank) -> Result<(), Refusal> {
        let (Some(standing), false) = (self.standing.as_ref(), self.above_ranks()) else {
            return Ok(());
        };
        let own = standing.rank();
        let equals = self.rules()?.equals == crate::domain::Equals::ManageEquals;
        let in_place = standing.support().is_none();
        if in_place && (own > theirs || (equals && own == theirs)) {
            Ok(())
        } else {
            Err(Refusal::Outranked { own, theirs })
        }
    }

    pub(crate) fn is_own(&self, it: &Membership) -> bool {
        let Principal::Person(user) = self.facts.principal else { return false };
        it.user == Some(user)
    }

    /// I5: whoever asks may give this role.
    pub(crate) fn may_assign(&self, role: &Role) -> Result<(), Refusal> {
        let may = self.above_ranks()
            || self
                .standing
                .as_ref()
                .is_some_and(|standing| standing.may_assign(role, self.catalogue()));
        if may { Ok(()) } else { Err(Refusal::MayNotAssign(role.name.clone())) }
    }

    // ── I1 and I2 ───────────────────────────────────────────────────────────────────────────────

    /// I1: somebody else keeps the organization when this membership no longer does.
    pub(crate) fn stays_kept_without(&self, it: &Membership) -> Result<(), Refusal> {
        if self.is_last_keeper(it) { Err(Refusal::LastOwner) } else { Ok(()) }
    }

    pub(crate) fn is_last_keeper(&self, it: &Membership) -> bool {
        let id = it.scope.organization;
        it.scope.workspace.is_none()
            && it.is_active()
            && self.state.role(id, &it.role).is_some_and(|role| role.keeps_organization)
            && self.state.keepers(id) <= 1
    }

    /// I2: makes room for a membership that changes from one role and status to another.
    ///
    /// Invitations that have run out lapse first and free their seats; then the rules say whether a
    /// full count refuses or grows (C25).
    pub(crate) fn make_room(
        &mut self,
        scope: Scope,
        from: Option<(&Role, StatusName)>,
        to: (&Role, StatusName),
    ) -> Result<(), Refusal> {
        let organization = self.organization()?;
        let uses = |(role, status): (&Role, StatusName)| {
            role.takes_seat && organization.rules.seats.counts(status)
        };
        // A person counts once: the membership in the organization carries the seat.
        if scope.workspace.is_some() || !uses(to) || from.is_some_and(uses) {
            return Ok(());
        }
        let Some(limit) = organization.seat_limit else { return Ok(()) };
        let mut used = self.state.seats_used(organization.id);
        if used < u64::from(limit) {
            return Ok(());
        }
        if !self.facts.seats_are_full {
            return Err(Refusal::SeatsFull { used, limit });
        }
        for invitation in self.state.open_invitations(organization.id) {
            if used < u64::from(limit) {
                break;
            }
            if invitation.is_expired(self.now()) {
                let freed = self.seats_of(invitation, uses);
                if freed > 0 {
                    used = used.saturating_sub(freed);
                    self.push(Event::InvitationLapsed {
                        invitation: invitation.id,
                        at: self.now(),
                    });
                }
            }
        }
        if used < u64::from(limit) {
            return Ok(());
        }
        match organization.rules.seats_full {
            SeatsFull::Refuse => Err(Refusal::SeatsFull { used, limit }),
            SeatsFull::Grow => {
                let limit = u32::try_from(used + 1).unwrap_or(u32::MAX);
                self.push(Event::SeatLimitGrew { limit });
                Ok(())
            }
        }
    }

    /// I2: whoever takes a seat in a workspace takes one in the organization, where it is counted.
    pub(crate) fn seat_is_taken_above(&self, it: &Membership, role: &Role) -> Result<(), Refusal> {
        let takes = |name: &RoleName| self.role(name).is_ok_and(|role| role.takes_seat);
        let mut all = self.state.memberships_of_same_person(it).into_iter();
        let fits = if it.scope.workspace.is_some() {
            let above = all.find(|one| one.scope.workspace.is_none());
            !role.takes_seat || above.is_none_or(|one| takes(&one.role))
        } else {
            role.takes_seat || !all.any(|one| one.scope.workspace.is_some() && takes(&one.role))
        };
        if fits { Ok(()) } else { Err(Self::needs_a_seat_above()) }
    }

    pub(crate) const fn needs_a_seat_above() -> Refusal {
        let because = "a role in the organization that takes a seat comes first";
        Refusal::RuleForbids { rule: "I2", because }
    }

    fn seats_of(&self, invitation: &Invitation, uses: impl Fn((&Role, StatusName)) -> bool) -> u64 {
        let mut seats = 0;
        for id in &invitation.memberships {
            let it = self.state.membership(invitation.organization, *id);
            if let Some(it) = it.filter(|it| it.scope.workspace.is_none()) {
                let role = self.state.role(invitation.organization, &it.role);
                seats += u64::from(role.is_some_and(|role| uses((role, it.status.name()))));
            }
        }
        seats
    }

    // ── Steps that several commands share ───────────────────────────────────────────────────────

    /// The step must exist from the membership's status.
    pub(crate) fn step(it: &Membership, step: Step) -> Result<StatusName, Refusal> {
        let from = it.status.name();
        from.after(step).ok_or(Refusal::NoTransition { from, step })
    }

    /// Mail becomes due with this commit.
    pub(crate) fn mail(&mut self, about: MailAbout) {
        let mail = Mail {
            id: self.id::<MailId>(),
            organization: self.organization.map(|it| it.id),
            about,
            due_at: self.now(),
            attempts: 0,
            version: Revision::NONE,
        };
        self.push(Event::MailDue { mail: Box::new(mail) });
    }

    /// I7: the sessions of somebody are over; in an organization, those in its workspaces too.
    pub(crate) fn end_sessions(&mut self, it: &Membership) {
        for one in self.state.memberships_of_same_person(it) {
            if one.id == it.id || it.scope.workspace.is_none() {
                self.push(Event::SessionsEnded { membership: one.id, epoch: one.epoch.next() });
            }
        }
    }

    /// I7: whoever goes has no session and no open invitation of theirs works.
    pub(crate) fn end_access(&mut self, it: &Membership) {
        self.end_sessions(it);
        for invitation in self.state.open_invitations(it.scope.organization) {
            if invitation.issuer == Some(it.id) {
                self.revoke(invitation, RemovedBecause::InvitationRevoked);
            }
        }
    }

    /// Takes an invitation back, with the memberships that still wait for it.
    pub(crate) fn revoke(&mut self, invitation: &Invitation, because: RemovedBecause) {
        self.push(match because {
            RemovedBecause::Declined => Event::InvitationDeclined { invitation: invitation.id },
            RemovedBecause::InvitationRevoked
            | RemovedBecause::Removed
            | RemovedBecause::Left
            | RemovedBecause::SelfDeleted => Event::InvitationRevoked { invitation: invitation.id },
        });
        for id in &invitation.memberships {
            let waiting = self
                .state
                .membership(invitation.organization, *id)
                .filter(|it| it.invitation == Some(invitation.id));
            if let Some(it) = waiting {
                self.remove(it, because);
            }
        }
    }

    /// Leaves a tombstone; whoever was kept out stays out.
    pub(crate) fn remove(&mut self, it: &Membership, because: RemovedBecause) {
        self.keep_block(it);
        self.former_members += 1;
        self.push(Event::MembershipRemoved {
            membership: it.id,
            because,
            former_number: self.former_members,
            at: self.now(),
        });
    }

    /// A block outlives the membership: nobody evades it by leaving and coming again.
    fn keep_block(&mut self, it: &Membership) {
        let blocked = matches!(
            it.status,
            MembershipStatus::Deactivated { because: DeactivatedBecause::Blocked, .. }
        );
        let organization = it.scope.organization;
        let email = it.email.as_ref().filter(|_| blocked && it.scope.workspace.is_none());
        let digests = email.map(|email| self.facts.block_digests(organization, email.canonical()));
        if let Some(digest) = digests.unwrap_or_default().pop() {
            self.push(Event::BlockKept { organization, digest });
        }
    }

    /// Somebody goes for good: sessions, invitations, work, every membership in the scope.
    pub(crate) fn remove_person(
        &mut self,
        it: &'a Membership,
        because: RemovedBecause,
        handover: Option<&HandoverPlan>,
    ) -> Result<(), Refusal> {
        self.stays_kept_without(it)?;
        self.go(it, because, handover)
    }

    /// The same, once it is settled who keeps the organization.
    pub(crate) fn go(
        &mut self,
        it: &'a Membership,
        because: RemovedBecause,
        handover: Option<&HandoverPlan>,
    ) -> Result<(), Refusal> {
        Self::step(it, Step::Remove)?;
        let holds_work = it.is_active() || matches!(it.status.name(), StatusName::Deactivated);
        // Where the organization ends, nobody takes over.
        if holds_work && !self.is_closing()? {
            self.hand_over(it, handover)?;
        }
        self.end_access(it);
        for one in self.leaving_with(it) {
            if self.is_removed_already(one.id) {
                continue;
            }
            let invitation =
                one.invitation.and_then(|id| self.state.invitation(it.scope.organization, id));
            match invitation {
                // An invitation that waits for an answer goes with whoever it invites.
                Some(invitation) => self.revoke(invitation, because),
                None => self.remove(one, because),
            }
        }
        Ok(())
    }

    /// Whether the organization is closing or closed, or will be by these events.
    fn is_closing(&self) -> Result<bool, Refusal> {
        let ends = |event: &Event| matches!(event, Event::OrganizationClosing { .. });
        Ok(match self.organization()?.status {
            OrganizationStatus::Active | OrganizationStatus::Suspended { .. } => {
                self.events.iter().any(ends)
            }
            OrganizationStatus::Closing { .. } | OrganizationStatus::Closed { .. } => true,
        })
    }

    /// Leaving the organization leaves its workspaces too; leaving a workspace leaves only that.
    fn leaving_with(&self, it: &'a Membership) -> Vec<&'a Membership> {
        if it.scope.workspace.is_some() {
            return vec![it];
        }
        let mut all = self.state.memberships_of_same_person(it);
        // The membership itself first: an open invitation takes the others along.
        all.sort_by_key(|one| (one.id != it.id, one.id));
        all
    }

    /// Whether somebody leaves a team by what is decided so far.
    pub(crate) fn leaves_team(&self, left: TeamId, id: MembershipId) -> bool {
        self.events.iter().any(|event| {
            matches!(event, Event::TeamLeft { team, membership } if *team == left && *membership == id)
        })
    }

    fn is_removed_already(&self, id: MembershipId) -> bool {
        self.events.iter().any(
            |event| matches!(event, Event::MembershipRemoved { membership, .. } if *membership == id),
        )
    }

    /// Somebody goes and can return.
    pub(crate) fn deactivate_person(
        &mut self,
        it: &Membership,
        because: DeactivatedBecause,
        handover: Option<&HandoverPlan>,
    ) -> Result<(), Refusal> {
        Self::step(it, Step::Deactivate)?;
        self.stays_kept_without(it)?;
        self.push(Event::MembershipDeactivated { membership: it.id, because, at: self.now() });
        // Nobody returns to more than their own role: not in the workspaces below either.
        for one in self.state.memberships_of_same_person(it) {
            if one.id != it.id && it.scope.workspace.is_none() {
                self.revoke_grants(one, |_| true);
            }
        }
        self.end_access(it);
        self.hand_over(it, handover)
    }

    /// Somebody has another role from here on. What is granted stays, unless it takes a seat that
    /// the new role does not (I2).
    pub(crate) fn change_role(&mut self, it: &Membership, to: &Role) {
        self.push(Event::RoleChanged {
            membership: it.id,
            from: it.role.clone(),
            to: to.name.clone(),
        });
        if !to.takes_seat {
            let takes_seat = |name: &RoleName| self.role(name).is_ok_and(|role| role.takes_seat);
            let seated: Vec<_> =
                it.grants.values().filter(|it| it.role().is_some_and(takes_seat)).collect();
            self.revoke_grants(it, |grant| seated.contains(&grant));
        }
    }

    fn revoke_grants(&mut self, it: &Membership, which: impl Fn(&Grant) -> bool) {
        for grant in it.grants.values().filter(|grant| which(grant)) {
            self.push(Event::GrantRevoked { membership: it.id, grant: grant.id });
        }
    }
}
