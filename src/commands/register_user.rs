//! A user comes to be.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Claim, EmailAddress, Event, ExternalIdentity, Key, Need, PasswordHash, Realm, Refusal, User,
    UserId,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use std::collections::BTreeSet;

/// Registers a user in a realm. An address that is not verified yet belongs to nobody: it binds
/// nothing, and keeps nobody else from proving that it is theirs (attack 02).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterUser {
    /// Its identity, chosen by the host.
    pub user: UserId,
    /// Where it is unique.
    pub realm: Realm,
    /// The address, if there is one.
    #[serde(default)]
    pub email: Option<EmailAddress>,
    /// Whether the host has seen proof that the mailbox is the person's.
    #[serde(default)]
    pub email_is_verified: bool,
    /// Identities that others vouch for.
    #[serde(default)]
    pub identities: BTreeSet<ExternalIdentity>,
}

impl RegisterUser {
    /// A user who has proved that the address is theirs.
    pub fn verified(user: UserId, realm: Realm, email: EmailAddress) -> Self {
        let identities = BTreeSet::new();
        Self { user, realm, email: Some(email), email_is_verified: true, identities }
    }
}

answers_nothing!(RegisterUser);

impl Decide for RegisterUser {
    about!(user);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::User(self.user)));
        needs.extend(
            self.email
                .iter()
                .map(|it| Need::Holder(Claim::Email(self.realm, it.canonical().clone()))),
        );
        needs.extend(
            self.identities.iter().map(|it| Need::Holder(Claim::Identity(self.realm, it.clone()))),
        );
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        if draft.state.user(self.user).is_some() {
            return Err(Refusal::Taken("user id"));
        }
        let taken = |claim: Claim| draft.state.holder(&claim).is_some();
        if let Some(email) = self.email.as_ref().filter(|_| self.email_is_verified)
            && taken(Claim::Email(self.realm, email.canonical().clone()))
        {
            return Err(Refusal::Taken("address"));
        }
        if self.identities.iter().any(|it| taken(Claim::Identity(self.realm, it.clone()))) {
            return Err(Refusal::Taken("identity"));
        }
        let mut user = User::begin(self.user, self.realm, self.email.clone(), draft.now());
        user.email_verified_at =
            self.email.as_ref().filter(|_| self.email_is_verified).map(|_| draft.now());
        user.identities.clone_from(&self.identities);
        draft.push(Event::UserRegistered { user: Box::new(user) });
        Ok(())
    }
}

/// A new user whose address is proved, with the password they have or chose.
pub(super) fn proved(
    draft: &mut Draft<'_>,
    realm: Realm,
    email: EmailAddress,
    password: Option<&PasswordHash>,
) -> UserId {
    let mut user = User::begin(draft.id(), realm, Some(email), draft.now());
    user.email_verified_at = Some(draft.now());
    let id = user.id;
    draft.push(Event::UserRegistered { user: Box::new(user) });
    if let Some(hash) = password {
        draft.push(Event::PasswordSet { user: id, hash: Some(hash.clone()) });
    }
    id
}
