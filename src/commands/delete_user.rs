//! A user's data is forgotten.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, Key, Need, Principal, Refusal, Thing, UserId};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Erases a user who belongs to no organization any more. Leaving them all first is what
/// [`delete_oneself`](crate::UserDirectory::delete_oneself) does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteUser {
    /// The user.
    pub user: UserId,
}

answers_nothing!(DeleteUser);

impl Decide for DeleteUser {
    about!(user);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::User(self.user)));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let who = &draft.facts.principal;
        if *who != Principal::System && *who != Principal::Person(self.user) {
            return Err(Refusal::NotFound(Thing::User));
        }
        let user = draft.user(self.user)?;
        if user.memberships > 0 {
            return Err(Refusal::StillMember(user.memberships));
        }
        draft.push(Event::UserErased { user: user.id, at: draft.now() });
        Ok(())
    }
}
