//! A user has proved that the address is theirs.

use serde::{Deserialize, Serialize};

use crate::domain::{Claim, EmailAddress, Event, Key, Need, Realm, Refusal, UserId};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Notes that a user has proved that the address is theirs: from now on it is nobody else's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyEmail {
    /// The user.
    pub user: UserId,
    /// The user's realm.
    pub realm: Realm,
    /// The address that was proved: the one on record.
    pub email: EmailAddress,
}

answers_nothing!(VerifyEmail);

impl Decide for VerifyEmail {
    about!(user);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::User(self.user)));
        let claim = Claim::Email(self.realm, self.email.canonical().clone());
        needs.push(Need::Holder(claim));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let user = draft.user(self.user)?;
        if user.realm != self.realm
            || user.email.as_ref().map(EmailAddress::canonical) != Some(self.email.canonical())
        {
            return Err(Refusal::WrongAddress);
        }
        if user.email_verified_at.is_some() {
            return Err(Refusal::NoChange);
        }
        let claim = Claim::Email(self.realm, self.email.canonical().clone());
        if draft.state.holder(&claim).is_some() {
            return Err(Refusal::Taken("address"));
        }
        draft.push(Event::EmailVerified { user: user.id, at: draft.now() });
        Ok(())
    }
}
