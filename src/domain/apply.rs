//! What each event means: the only place that changes a [`State`].

use std::collections::BTreeMap;

use super::{
    Block, Event, FieldName, FieldValue, Forget, Handover, HandoverId, HandoverStep, Invitation,
    InvitationId, InvitationStatus, Membership, MembershipId, MembershipStatus, Organization,
    OrganizationId, OrganizationStatus, PendingBecause, Profile, State, Stream, SupportAccess,
    SupportAccessId, Team, TeamId, Timestamp, User, UserId,
};

impl State {
    /// Makes an event so. What it is about was loaded for the command that decided it.
    #[expect(clippy::too_many_lines, reason = "one arm for each event, and nothing else")]
    pub fn apply(&mut self, stream: Stream, event: &Event) {
        let o = match stream {
            Stream::Organization(id) => id,
            Stream::User(_) => OrganizationId::new(uuid::Uuid::nil()),
        };
        match event {
            Event::OrganizationFounded { organization, roles } => {
                self.put_organization((**organization).clone());
                for role in roles {
                    self.put_role(organization.id, role.clone());
                }
            }
            Event::OrganizationRenamed { name } => {
                self.change_organization(o, |it| it.name = name.clone());
            }
            Event::RulesChanged { rules } => {
                self.change_organization(o, |it| it.rules = (**rules).clone());
            }
            Event::OrganizationSuspended { at } => self.change_organization(o, |it| {
                it.status = OrganizationStatus::Suspended { since: *at };
            }),
            Event::OrganizationResumed {} => {
                self.change_organization(o, |it| it.status = OrganizationStatus::Active);
            }
            Event::OrganizationClosing { until } => self.change_organization(o, |it| {
                it.status = OrganizationStatus::Closing { until: *until };
            }),
            Event::OrganizationClosed { at } => self.change_organization(o, |it| {
                it.status = OrganizationStatus::Closed { since: *at };
            }),
            Event::SeatLimitSet { limit } => {
                self.change_organization(o, |it| it.seat_limit = *limit);
            }
            Event::SeatLimitGrew { limit } => {
                self.change_organization(o, |it| it.seat_limit = Some(*limit));
            }
            Event::WorkspaceOpened { workspace } => self.put_workspace((**workspace).clone()),
            Event::WorkspaceClosed { workspace, at } => {
                if let Some(mut it) = self.workspace(o, *workspace).cloned() {
                    it.closed_at = Some(*at);
                    self.put_workspace(it);
                }
            }

            Event::MembershipBegun { membership, .. } => {
                if let Some(predecessor) = membership.predecessor {
                    self.change_membership(o, predecessor, |it| {
                        it.successor = Some(membership.id);
                    });
                }
                self.put_membership((**membership).clone());
            }
            Event::MembershipBound { membership, user } => {
                self.change_membership(o, *membership, |it| it.user = Some(*user));
            }
            Event::MembershipActivated { membership, at, .. } => {
                self.change_membership(o, *membership, |it| {
                    it.status = MembershipStatus::Active { since: *at };
                    it.came_by = it.invitation.take().or(it.came_by);
                });
            }
            Event::SetUpBegun { membership, at } => {
                self.change_membership(o, *membership, |it| {
                    it.status = pending(PendingBecause::SetUp, *at);
                    it.came_by = it.invitation.take().or(it.came_by);
                });
            }
            Event::MembershipDeactivated { membership, because, at } => {
                self.change_membership(o, *membership, |it| {
                    it.status = MembershipStatus::Deactivated { because: *because, since: *at };
                    it.offer = None;
                    it.grants.clear();
                });
            }
            Event::MembershipRemoved { membership, because, former_number, at } => {
                self.change_organization(o, |it| it.former_members = *former_number);
                self.change_membership(o, *membership, |it| {
                    it.status = MembershipStatus::Removed { because: *because, since: *at };
                    it.former_number = Some(*former_number);
                    it.came_by = it.invitation.take().or(it.came_by);
                    it.offer = None;
                    it.grants.clear();
                });
            }
            Event::SessionsEnded { membership, epoch } => {
                self.change_membership(o, *membership, |it| it.epoch = *epoch);
            }
            Event::ProfileEdited { membership, fields } => {
                self.change_membership(o, *membership, |it| edit(&mut it.profile.0, fields));
            }
            Event::RoleChanged { membership, to, .. } => {
                self.change_membership(o, *membership, |it| {
                    it.role = to.clone();
                    it.offer = None;
                });
            }
            Event::PermissionOverridden { membership, permission, to } => {
                self.change_membership(o, *membership, |it| match to {
                    Some(to) => {
                        it.overrides.insert(permission.clone(), to.clone());
                    }
                    None => {
                        it.overrides.remove(permission);
                    }
                });
            }
            Event::GrantGiven { membership, grant } => {
                self.change_membership(o, *membership, |it| {
                    it.grants.retain(|_, other| !other.is_over(grant.given_at));
                    it.grants.insert(grant.id, (**grant).clone());
                });
            }
            Event::GrantRenewed { membership, grant, until } => {
                self.change_membership(o, *membership, |it| {
                    if let Some(grant) = it.grants.get_mut(grant) {
                        grant.until = *until;
                    }
                });
            }
            Event::GrantRevoked { membership, grant } => {
                self.change_membership(o, *membership, |it| {
                    it.grants.remove(grant);
                });
            }
            Event::FenceChanged { membership, fence } => {
                self.change_membership(o, *membership, |it| it.fence = fence.clone());
            }
            Event::MembershipErased { membership } => {
                let came_by = self.membership(o, *membership).and_then(|it| it.came_by);
                if let Some(invitation) = came_by {
                    self.change_invitation(o, invitation, |it| it.email = None);
                }
                self.change_membership(o, *membership, |it| {
                    it.email = None;
                    it.user = None;
                    it.profile = Profile::default();
                    it.external_id = None;
                    it.announced = None;
                });
                self.forget(Forget::Membership(o, *membership));
            }
            Event::BlockKept { organization, digest } => {
                self.put_block(&Block { organization: *organization, digest: *digest });
            }

            Event::BlockLifted { organization, digest } => {
                self.delete_block(*organization, *digest);
            }

            Event::InvitationMade { invitation } => self.put_invitation((**invitation).clone()),
            Event::InvitationResent { invitation, issuer, generation, expires_at, at } => {
                self.change_invitation(o, *invitation, |it| {
                    it.issuer = *issuer;
                    it.status = InvitationStatus::Open;
                    it.generation = *generation;
                    it.expires_at = *expires_at;
                    it.times_sent = it.times_sent.saturating_add(1);
                });
                self.change_invited(o, *invitation, |it| {
                    it.status = pending(PendingBecause::Invitation, *at);
                });
            }
            Event::InvitationLapsed { invitation, at } => {
                self.change_invitation(o, *invitation, |it| it.status = InvitationStatus::Lapsed);
                self.change_invited(o, *invitation, |it| {
                    it.status = pending(PendingBecause::LapsedInvitation, *at);
                });
            }
            Event::InvitationAccepted { invitation } => {
                self.change_invitation(o, *invitation, |it| it.status = InvitationStatus::Accepted);
            }
            Event::InvitationDeclined { invitation } => {
                self.change_invitation(o, *invitation, |it| it.status = InvitationStatus::Declined);
            }
            Event::InvitationRevoked { invitation } => {
                self.change_invitation(o, *invitation, |it| it.status = InvitationStatus::Revoked);
            }

            Event::RoleCreated { role } | Event::RoleEdited { role } => {
                self.put_role(o, role.clone());
            }
            Event::RoleDeleted { role } => self.delete_role(o, role),

            Event::TeamCreated { team } => self.put_team((**team).clone()),
            Event::TeamDescribed { team, name, description } => {
                self.change_team(o, *team, |it| {
                    it.name = name.clone();
                    it.description.clone_from(description);
                });
            }
            Event::TeamPermissionsSet { team, permissions, fence } => {
                self.change_team(o, *team, |it| {
                    it.permissions.clone_from(permissions);
                    it.fence = fence.clone();
                });
            }
            Event::TeamDeleted { team } => self.change_team(o, *team, |it| it.deleted = true),
            Event::TeamJoined { team, membership } => {
                self.change_membership(o, *membership, |it| {
                    it.teams.insert(*team);
                });
            }
            Event::TeamLeft { team, membership } => {
                self.change_membership(o, *membership, |it| {
                    it.teams.remove(team);
                });
            }

            Event::HandoverPlanned { handover } => self.put_handover((**handover).clone()),
            Event::HandoverPaused { handover, .. } => {
                self.step_handover(*handover, HandoverStep::Pause);
            }
            Event::HandoverResumed { handover, .. } => {
                self.change_handover(*handover, Handover::begin_anew);
                self.step_handover(*handover, HandoverStep::Resume);
            }
            Event::HandoverCancelled { handover, .. } => {
                self.step_handover(*handover, HandoverStep::Cancel);
            }
            Event::HandoverReturned { handover, .. } => {
                self.step_handover(*handover, HandoverStep::Return);
            }
            Event::HandoverChosen { handover, parts, .. } => {
                self.change_handover(*handover, |it| {
                    it.parts.clone_from(parts);
                    it.begin_anew();
                });
                self.step_handover(*handover, HandoverStep::Choose);
            }
            Event::SupportGiven { access } => self.put_support((**access).clone()),
            Event::SupportRenewed { access, until } => {
                self.change_support(o, *access, |it| it.until = *until);
            }
            Event::SupportRevoked { access, at } => {
                self.change_support(o, *access, |it| it.revoked_at = Some(*at));
            }
            Event::OwnershipOffered { membership, offer } => {
                self.change_membership(o, *membership, |it| it.offer = Some(offer.clone()));
            }
            Event::OwnershipAccepted { membership } | Event::OwnershipDeclined { membership } => {
                self.change_membership(o, *membership, |it| it.offer = None);
            }
            Event::MailDue { mail } => self.put_mail((**mail).clone()),

            Event::UserRegistered { user } => self.put_user((**user).clone()),
            Event::EmailVerified { user, at } => {
                self.change_user(*user, |it| it.email_verified_at = Some(*at));
            }
            Event::IdentityLinked { user, identity } => self.change_user(*user, |it| {
                it.identities.insert(identity.clone());
            }),
            Event::SettingsEdited { user, fields } => {
                self.change_user(*user, |it| edit(&mut it.settings, fields));
            }
            Event::PasswordSet { user, hash } => self.change_user(*user, |it| {
                it.password.clone_from(hash);
                it.password_generation = it.password_generation.next();
                it.reset_generation = it.reset_generation.next();
            }),
            Event::PasswordResetAsked { user, generation, at } => {
                self.change_user(*user, |it| {
                    it.reset_generation = *generation;
                    it.resets_asked_at.push(*at);
                    let older = it.resets_asked_at.len().saturating_sub(User::RESETS_PER_HOUR);
                    it.resets_asked_at.drain(..older);
                });
            }
            Event::UserErased { user, at } => {
                self.change_user(*user, |it| {
                    it.email = None;
                    it.email_verified_at = None;
                    it.identities.clear();
                    it.password = None;
                    it.password_generation = it.password_generation.next();
                    it.reset_generation = it.reset_generation.next();
                    it.settings.clear();
                    it.erased_at = Some(*at);
                });
                self.forget(Forget::User(*user));
            }
        }
    }

    fn change_organization(&mut self, id: OrganizationId, change: impl FnOnce(&mut Organization)) {
        if let Some(mut it) = self.organization(id).cloned() {
            change(&mut it);
            self.put_organization(it);
        }
    }

    fn change_membership(
        &mut self,
        organization: OrganizationId,
        id: MembershipId,
        change: impl FnOnce(&mut Membership),
    ) {
        if let Some(mut it) = self.membership(organization, id).cloned() {
            change(&mut it);
            self.put_membership(it);
        }
    }

    fn change_invitation(
        &mut self,
        organization: OrganizationId,
        id: InvitationId,
        change: impl FnOnce(&mut Invitation),
    ) {
        if let Some(mut it) = self.invitation(organization, id).cloned() {
            change(&mut it);
            self.put_invitation(it);
        }
    }

    /// Changes the memberships that an invitation lists and that still wait for it.
    fn change_invited(
        &mut self,
        organization: OrganizationId,
        id: InvitationId,
        change: impl Fn(&mut Membership),
    ) {
        let listed = self.invitation(organization, id).map(|it| it.memberships.clone());
        for membership in listed.unwrap_or_default() {
            if self.membership(organization, membership).is_some_and(|m| m.invitation == Some(id)) {
                self.change_membership(organization, membership, &change);
            }
        }
    }

    fn change_team(&mut self, o: OrganizationId, id: TeamId, change: impl FnOnce(&mut Team)) {
        if let Some(mut it) = self.team(o, id).cloned() {
            change(&mut it);
            self.put_team(it);
        }
    }

    fn change_support(
        &mut self,
        organization: OrganizationId,
        id: SupportAccessId,
        change: impl FnOnce(&mut SupportAccess),
    ) {
        if let Some(mut it) = self.support(organization, id).cloned() {
            change(&mut it);
            self.put_support(it);
        }
    }

    fn change_handover(&mut self, id: HandoverId, change: impl FnOnce(&mut Handover)) {
        if let Some(mut it) = self.handover(id).cloned() {
            change(&mut it);
            self.put_handover(it);
        }
    }

    fn step_handover(&mut self, id: HandoverId, step: HandoverStep) {
        self.change_handover(id, |it| {
            it.take(step);
        });
    }

    fn change_user(&mut self, id: UserId, change: impl FnOnce(&mut User)) {
        if let Some(mut it) = self.user(id).cloned() {
            change(&mut it);
            self.put_user(it);
        }
    }
}

const fn pending(because: PendingBecause, since: Timestamp) -> MembershipStatus {
    MembershipStatus::Pending { because, since }
}

/// Sets fields; an empty value clears one.
fn edit(fields: &mut BTreeMap<FieldName, FieldValue>, changes: &BTreeMap<FieldName, FieldValue>) {
    for (name, value) in changes {
        if value.as_str().is_empty() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
}
