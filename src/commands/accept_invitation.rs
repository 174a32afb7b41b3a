//! An invitation is accepted.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Activation, CanonicalEmail, Claim, Event, Invitation, InvitationId, InvitationStatus, Key,
    Membership, MembershipId, Need, OrganizationId, PasswordHash, Principal, Profile, Purpose,
    Realm, Refusal, Rules, StatusName, Step, Thing, UserId,
};

use super::draft::Draft;
use super::{Decide, Facts, Intent, about};

/// Accepts an invitation.
///
/// By whoever followed its link, who becomes a new user; or by a signed-in person whose verified
/// address is the invited one. Accepting by link never signs in to an existing user: whoever has
/// one signs in and accepts as that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    /// The organization.
    pub organization: OrganizationId,
    /// The invitation.
    pub invitation: InvitationId,
    /// What people in the organization will see.
    #[serde(default)]
    pub profile: Profile,
    /// The hash of the password that a new user chose.
    #[serde(default)]
    pub password: Option<PasswordHash>,
}

impl AcceptInvitation {
    /// Accepting without saying anything more.
    pub fn new(organization: OrganizationId, invitation: InvitationId) -> Self {
        Self { organization, invitation, profile: Profile::default(), password: None }
    }

    /// Accepting with a profile.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Accepting with a password.
    #[must_use]
    pub fn with_password(mut self, password: PasswordHash) -> Self {
        self.password = Some(password);
        self
    }
}

/// Who is in now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// The user, new or not.
    pub user: UserId,
    /// The membership in the scope that the invitation was for.
    pub membership: MembershipId,
    /// Whether it is active; if not, set-up has to be completed (C15).
    pub is_active: bool,
}

impl Intent for AcceptInvitation {
    type Output = Accepted;

    fn output(events: &[Event]) -> Option<Accepted> {
        events.iter().rev().find_map(|event| {
            if let Event::MembershipBound { membership, user } = event {
                Some(Accepted {
                    user: *user,
                    membership: *membership,
                    is_active: !events.iter().any(|e| matches!(e, Event::SetUpBegun { .. })),
                })
            } else {
                None
            }
        })
    }
}

impl Decide for AcceptInvitation {
    about!(organization);

    fn needs(&self, facts: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::Invitation(self.invitation)));
        super::needs_of_room(facts, self.organization, needs);
        needs_of_person(facts, needs);
        if let Principal::Bearer(token) = &facts.principal {
            for realm in [Realm::Shared, Realm::Organization(self.organization)] {
                needs.push(Need::Holder(Claim::Email(realm, token.address.clone())));
            }
        }
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let invitation = addressed(draft, self.organization, self.invitation)?;
        if invitation.is_expired(draft.now()) || invitation.status == InvitationStatus::Lapsed {
            return Err(Refusal::Expired);
        }
        inviter_still_may(draft, invitation)?;
        let rules = draft.rules()?;
        super::edit_profile::check_own_fields(rules, &self.profile.0)?;
        let (user, can_sign_in) = self.user(draft, invitation)?;
        draft.push(Event::InvitationAccepted { invitation: invitation.id });
        for id in &invitation.memberships {
            let it = draft.state.membership(self.organization, *id);
            let it = it.ok_or(Refusal::NotFound(Thing::Membership))?;
            if let Some(other) = draft.state.membership_of(it.scope, user) {
                return Err(Refusal::AlreadyMember(other.status.name()));
            }
            belongs_above(draft, invitation, it, user)?;
            draft.push(Event::MembershipBound { membership: it.id, user });
            let profile = self.profile_of(draft, it, user);
            super::edit_profile::fill_in(draft, it, &profile);
            // I4: what is in a workspace works once the membership in the organization does, so
            // set-up is awaited there and nowhere else.
            let whole = it.scope.workspace.is_none();
            let set_up = whole && set_up(rules, it, &self.profile, can_sign_in);
            come_in(draft, it, Step::Accept, set_up)?;
        }
        Ok(())
    }
}

impl AcceptInvitation {
    /// What the person says of themselves; in a workspace, on top of what the organization knows.
    fn profile_of(&self, draft: &Draft<'_>, it: &Membership, user: UserId) -> Profile {
        let known = it.scope.workspace.and(draft.state.membership_of(it.scope.whole(), user));
        let mut profile = known.map(|known| known.profile.clone()).unwrap_or_default();
        profile.0.extend(it.profile.0.clone());
        profile.0.extend(self.profile.0.clone());
        profile
    }

    /// The user that accepts, and whether they can sign in again without setting up.
    fn user(
        &self,
        draft: &mut Draft<'_>,
        invitation: &Invitation,
    ) -> Result<(UserId, bool), Refusal> {
        let realm = draft.organization()?.realm;
        if let Principal::Person(id) = draft.facts.principal {
            let user = draft.user(id)?;
            if user.realm != realm {
                return Err(draft.absent(Thing::Invitation));
            }
            if self.password.is_some() {
                // No organization edits the person's own credentials.
                return Err(Refusal::RuleForbids {
                    rule: "C23",
                    because: "you have a password already; leave it out",
                });
            }
            return Ok((id, user.password.is_some() || !user.identities.is_empty()));
        }
        let Some(email) = invitation.email.clone() else {
            return Err(Refusal::NotFound(Thing::Invitation));
        };
        let claim = Claim::Email(realm, email.canonical().clone());
        if draft.state.holder(&claim).is_some() {
            // Attack 23: a link never signs in to somebody's existing account.
            return Err(Refusal::Taken("address"));
        }
        let id = super::register_user::proved(draft, realm, email, self.password.as_ref());
        Ok((id, self.password.is_some()))
    }
}

/// I4: a workspace is entered by a member of the organization, or together with it.
fn belongs_above(
    draft: &Draft<'_>,
    invitation: &Invitation,
    it: &Membership,
    user: UserId,
) -> Result<(), Refusal> {
    let together = invitation.memberships.iter().any(|id| {
        let other = draft.state.membership(invitation.organization, *id);
        other.is_some_and(|other| other.scope.workspace.is_none())
    });
    let whole = draft.state.membership_of(it.scope.whole(), user);
    let belongs =
        it.scope.workspace.is_none() || together || whole.is_some_and(Membership::is_active);
    // The member has another address on record: they sign in to accept.
    if belongs { Ok(()) } else { Err(Refusal::WrongAddress) }
}

pub(super) fn needs_of_person(facts: &Facts, needs: &mut Vec<Need>) {
    if let Principal::Person(user) = facts.principal {
        needs.push(Need::Record(Key::User(user)));
    }
}

/// The open invitation, if it is addressed to whoever asks (I6).
pub(super) fn addressed<'a>(
    draft: &Draft<'a>,
    organization: OrganizationId,
    id: InvitationId,
) -> Result<&'a Invitation, Refusal> {
    let invitation =
        draft.state.invitation(organization, id).ok_or_else(|| draft.absent(Thing::Invitation))?;
    let invited = invitation.email.as_ref().map(crate::domain::EmailAddress::canonical);
    match &draft.facts.principal {
        Principal::Bearer(token) => {
            if token.purpose != Purpose::Invitation {
                return Err(Refusal::WrongPurpose);
            }
            if token.subject != id.uuid() || Some(&token.address) != invited {
                return Err(Refusal::NotFound(Thing::Invitation));
            }
            if token.generation != invitation.generation {
                return Err(Refusal::Superseded);
            }
            if draft.now() >= token.expires_at {
                return Err(Refusal::Expired);
            }
        }
        Principal::Person(user) => proves(draft, *user, invited)?,
        Principal::Support { .. } | Principal::Provisioner { .. } | Principal::System => {
            return Err(Refusal::NotFound(Thing::Invitation));
        }
    }
    match invitation.status {
        InvitationStatus::Open | InvitationStatus::Lapsed => Ok(invitation),
        closed @ (InvitationStatus::Accepted
        | InvitationStatus::Declined
        | InvitationStatus::Revoked) => Err(Refusal::InvitationClosed(closed)),
    }
}

/// Attack 01: an address proves nothing until its owner has verified it.
fn proves(
    draft: &Draft<'_>,
    user: UserId,
    invited: Option<&CanonicalEmail>,
) -> Result<(), Refusal> {
    let user = draft.user(user).map_err(|_| draft.absent(Thing::Invitation))?;
    let same = user.email.as_ref().map(crate::domain::EmailAddress::canonical) == invited;
    if same && user.verified_email().is_none() {
        return Err(Refusal::Unverified);
    }
    // Whether there is an invitation to somebody else is nobody else's business.
    if same { Ok(()) } else { Err(draft.absent(Thing::Invitation)) }
}

/// Attack 25: whoever invited must still be allowed to, when the invitation is accepted.
fn inviter_still_may(draft: &Draft<'_>, invitation: &Invitation) -> Result<(), Refusal> {
    use crate::access::{Management, Standing};
    let Some(issuer) = invitation.issuer else { return Ok(()) };
    let user = draft
        .state
        .membership(invitation.organization, issuer)
        .filter(|it| it.is_active())
        .and_then(|it| it.user)
        .ok_or(Refusal::InviterLostStanding)?;
    let who = Principal::Person(user);
    for id in &invitation.memberships {
        let Some(it) = draft.state.membership(invitation.organization, *id) else { continue };
        // What comes along with a workspace is given by the rules, not by whoever invites.
        if it.scope.workspace.is_none() && invitation.memberships.len() > 1 {
            continue;
        }
        let standing = Standing::of(draft.state, it.scope, &who, draft.now())
            .ok_or(Refusal::InviterLostStanding)?;
        let role = draft.role(&it.role)?;
        let may = standing.decide(&Management::Invite.into()).is_allowed()
            && standing.may_assign(role, draft.catalogue());
        if !may {
            return Err(Refusal::InviterLostStanding);
        }
    }
    Ok(())
}

/// Whether somebody has to set up before they are in (C15).
pub(super) fn set_up(rules: &Rules, it: &Membership, given: &Profile, can_sign_in: bool) -> bool {
    match rules.activation {
        Activation::OnAccepting => false,
        Activation::AfterPassword => !can_sign_in,
        Activation::AfterProfile => missing_fields(rules, it, given).next().is_some(),
    }
}

/// The required fields that neither the membership nor what was given fills in.
pub(super) fn missing_fields<'r>(
    rules: &'r Rules,
    it: &Membership,
    given: &Profile,
) -> impl Iterator<Item = &'r str> {
    rules
        .fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name.as_str())
        .filter(|name| it.profile.field(name).is_none() && given.field(name).is_none())
}

/// Somebody is in, or has to set up first.
pub(super) fn come_in(
    draft: &mut Draft<'_>,
    it: &Membership,
    step: Step,
    set_up: bool,
) -> Result<(), Refusal> {
    let at = draft.now();
    let step = if set_up { Step::BeginSetUp } else { step };
    let to = Draft::step(it, step)?;
    let role = draft.role(&it.role)?;
    draft.make_room(it.scope, Some((role, it.status.name())), (role, to))?;
    draft.push(match to {
        StatusName::SettingUp => Event::SetUpBegun { membership: it.id, at },
        StatusName::Invited
        | StatusName::Lapsed
        | StatusName::Provisioned
        | StatusName::Active
        | StatusName::Deactivated
        | StatusName::Removed => Event::MembershipActivated { membership: it.id, step, at },
    });
    Ok(())
}
