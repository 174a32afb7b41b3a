//! Somebody chooses a password.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, Key, Need, PasswordHash, Principal, Refusal, Thing, UserId};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Chooses one's own password: signed in, or by a password link, which works once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChoosePassword {
    /// Oneself.
    pub user: UserId,
    /// The hash of the password, made by the host.
    pub password: PasswordHash,
}

answers_nothing!(ChoosePassword);

impl Decide for ChoosePassword {
    about!(user);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::User(self.user)));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let user = draft.user(self.user)?;
        match &draft.facts.principal {
            Principal::Person(id) if *id == self.user => {}
            Principal::Bearer(token) if token.subject == self.user.uuid() => {
                if token.generation != user.reset_generation {
                    return Err(Refusal::Superseded);
                }
                if draft.now() >= token.expires_at {
                    return Err(Refusal::Expired);
                }
            }
            Principal::Person(_)
            | Principal::Bearer(_)
            | Principal::Support { .. }
            | Principal::Provisioner { .. }
            | Principal::System => return Err(Refusal::NotFound(Thing::User)),
        }
        draft.push(Event::PasswordSet { user: user.id, hash: Some(self.password.clone()) });
        Ok(())
    }
}
