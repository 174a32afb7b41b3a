//! A user can sign in through somebody who vouches for them.

use serde::{Deserialize, Serialize};

use crate::domain::{Claim, Event, ExternalIdentity, Key, Need, Realm, Refusal, UserId};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Links an external identity to a user: after the person has proved both, which is the host's duty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkIdentity {
    /// The user.
    pub user: UserId,
    /// The user's realm.
    pub realm: Realm,
    /// The identity.
    pub identity: ExternalIdentity,
}

answers_nothing!(LinkIdentity);

impl Decide for LinkIdentity {
    about!(user);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::User(self.user)));
        needs.push(Need::Holder(Claim::Identity(self.realm, self.identity.clone())));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        const MAX: usize = super::limits::IDENTITIES;
        let user = draft.user(self.user)?;
        if user.realm != self.realm {
            return Err(Refusal::NotFound(crate::domain::Thing::User));
        }
        if user.identities.contains(&self.identity) {
            return Err(Refusal::NoChange);
        }
        if user.identities.len() >= MAX {
            return Err(Refusal::TooMany { what: "identities", max: MAX });
        }
        let claim = Claim::Identity(self.realm, self.identity.clone());
        if draft.state.holder(&claim).is_some() {
            return Err(Refusal::Taken("identity"));
        }
        draft.push(Event::IdentityLinked { user: user.id, identity: self.identity.clone() });
        Ok(())
    }
}
