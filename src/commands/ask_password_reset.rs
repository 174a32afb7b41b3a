//! Somebody at the sign-in page has forgotten their password.

use serde::{Deserialize, Serialize};

use crate::domain::{Key, Need, Refusal, UserId};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

/// Has a password link sent to a user's own verified address. Ask through
/// [`forgot_password`](crate::UserDirectory::forgot_password), which tells a stranger nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskPasswordReset {
    /// The user.
    pub user: UserId,
}

answers_nothing!(AskPasswordReset);

impl Decide for AskPasswordReset {
    about!(user);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::User(self.user)));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let user = draft.user(self.user)?;
        super::send_password_reset::ask(draft, user)
    }
}
