//! Links that come back: verified here, once, into typed facts.

use crate::commands::{AcceptInvitation, AskPasswordReset, DeclineInvitation};
use crate::domain::{
    CanonicalEmail, Claim, EmailAddress, Generation, InvitationId, InvitationStatus, Key, KeyRing,
    Need, OrganizationId, OrganizationName, Principal, Purpose, Realm, Refusal, RoleTitle, State,
    Thing, Timestamp, Token, UserId, VerifiedToken,
};

use super::{Error, UserDirectory};

/// What an invitation says to whoever holds its link. Looking accepts nothing: a link scanner that
/// opens it burns nothing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InvitationView {
    /// Proof that the link is genuine: use it as the principal to accept or decline.
    pub link: VerifiedToken,
    /// The organization.
    pub organization: OrganizationId,
    /// The invitation.
    pub invitation: InvitationId,
    /// What the organization is called.
    pub organization_name: OrganizationName,
    /// As what the person is invited.
    pub role: RoleTitle,
    /// The invited address.
    pub email: EmailAddress,
    /// When the link runs out.
    pub expires_at: Timestamp,
    /// Whether accepting would work as far as the link goes: newest, unanswered, not run out.
    pub is_open: bool,
    /// Whether a user with the address exists: then the person signs in to accept.
    pub has_user: bool,
}

impl InvitationView {
    /// The command that accepts.
    pub fn accept(&self) -> AcceptInvitation {
        AcceptInvitation::new(self.organization, self.invitation)
    }

    /// The command that declines.
    pub const fn decline(&self) -> DeclineInvitation {
        DeclineInvitation { organization: self.organization, invitation: self.invitation }
    }
}

impl UserDirectory {
    /// Verifies that a link is genuine. Whether it still works is decided by the command.
    ///
    /// # Errors
    /// A damaged, forged or foreign link is invalid; it is not said which.
    pub async fn verify(&self, token: &Token) -> Result<VerifiedToken, Error> {
        let sealed = KeyRing::read(token)?;
        let subject = sealed.claims.subject;
        let key = match sealed.claims.purpose {
            Purpose::Invitation => Key::Invitation(InvitationId::new(subject)),
            Purpose::PasswordReset => Key::User(UserId::new(subject)),
        };
        let records = self.inner.store.load(&[Need::Record(key.clone())]).await?;
        let found = records.into_iter().find(|record| record.key() == key);
        let (organization, address) = match found {
            Some(crate::domain::Record::Invitation(it)) => (Some(it.organization), it.email),
            Some(crate::domain::Record::User(it)) => (None, it.email),
            _ => (None, None),
        };
        // An address that is not there is checked against all the same: the answer takes as long.
        let nobody = CanonicalEmail::nobody();
        let canonical = address.as_ref().map_or(&nobody, EmailAddress::canonical);
        if !self.inner.host.keys.open(&sealed, canonical) || address.is_none() {
            return Err(KeyRing::damaged().into());
        }
        Ok(VerifiedToken::new(sealed.claims, organization, canonical.clone()))
    }

    /// What an invitation's link says; nothing changes.
    pub async fn inspect(&self, token: &Token) -> Result<InvitationView, Error> {
        let link = self.verify(token).await?;
        let (Purpose::Invitation, Some(organization)) = (link.purpose, link.organization) else {
            return Err(Refusal::WrongPurpose.into());
        };
        let invitation = InvitationId::new(link.subject);
        let needs = [
            Need::Record(Key::Organization(organization)),
            Need::Record(Key::Invitation(invitation)),
            Need::Holder(Claim::Email(Realm::Shared, link.address.clone())),
            Need::Holder(Claim::Email(Realm::Organization(organization), link.address.clone())),
        ];
        let state = State::new(self.inner.store.load(&needs).await?);
        let absent = Refusal::NotFound(Thing::Invitation);
        let it = state.invitation(organization, invitation).ok_or(absent.clone())?;
        let named = state.organization(organization).ok_or(absent.clone())?;
        let membership = it.memberships.last().and_then(|id| state.membership(organization, *id));
        let role = membership.and_then(|it| state.role(organization, &it.role));
        let has_user = state.holder(&Claim::Email(named.realm, link.address.clone())).is_some();
        let is_open = it.status == InvitationStatus::Open
            && it.generation == link.generation
            && !it.is_expired(self.inner.clock.now());
        Ok(InvitationView {
            organization,
            invitation,
            organization_name: named.name.clone(),
            role: role.ok_or(absent.clone())?.title.clone(),
            email: it.email.clone().ok_or(absent)?,
            expires_at: link.expires_at,
            is_open,
            has_user,
            link,
        })
    }

    /// Somebody at the sign-in page has forgotten their password.
    ///
    /// The answer is the same whether or not there is such a user, and so is what is done until
    /// then: one look-up. The mail, if one is due, goes only to the address on record, and to one
    /// person at most three times an hour. What follows for an existing user takes a commit longer;
    /// answer your visitor before you await it, or after a fixed time (OWASP ASVS 6.3.8).
    pub async fn forgot_password(&self, realm: Realm, typed: &str) -> Result<(), Error> {
        let email = EmailAddress::new(typed)?;
        let claim = Claim::Email(realm, email.canonical().clone());
        let state = State::new(self.inner.store.load(&[Need::Holder(claim.clone())]).await?);
        let Some(user) = state.holder(&claim).map(UserId::new) else { return Ok(()) };
        match self.execute(Principal::System, AskPasswordReset { user }).await {
            // Too many mails, or a user who has gone meanwhile: nobody's business.
            Ok(_) | Err(Error::Refused(_)) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// The generation of a user's password: keep it in the session, and a session opened before
    /// the password was changed can be told.
    pub async fn password_generation(&self, user: UserId) -> Result<Generation, Error> {
        let state = State::new(self.inner.store.load(&[Need::Record(Key::User(user))]).await?);
        let user = state.user(user).filter(|it| it.erased_at.is_none());
        Ok(user.ok_or(Refusal::NotFound(Thing::User))?.password_generation)
    }

    /// A user, for the host's sign-in: by identity.
    pub async fn user(&self, user: UserId) -> Result<crate::domain::User, Error> {
        let state = State::new(self.inner.store.load(&[Need::Record(Key::User(user))]).await?);
        Ok(state.user(user).cloned().ok_or(Refusal::NotFound(Thing::User))?)
    }

    /// The user with this verified address, for the host's sign-in.
    pub async fn user_by_email(
        &self,
        realm: Realm,
        email: &EmailAddress,
    ) -> Result<Option<crate::domain::User>, Error> {
        self.holder(Claim::Email(realm, email.canonical().clone())).await
    }

    /// The user with this external identity, for the host's sign-in: never by an asserted address.
    pub async fn user_by_identity(
        &self,
        realm: Realm,
        identity: &crate::domain::ExternalIdentity,
    ) -> Result<Option<crate::domain::User>, Error> {
        self.holder(Claim::Identity(realm, identity.clone())).await
    }

    async fn holder(&self, claim: Claim) -> Result<Option<crate::domain::User>, Error> {
        let state = State::new(self.inner.store.load(&[Need::Holder(claim.clone())]).await?);
        Ok(state.holder(&claim).and_then(|id| state.user(UserId::new(id))).cloned())
    }
}
