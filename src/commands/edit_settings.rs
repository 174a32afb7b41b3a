//! Somebody changes their personal settings.

use serde::{Deserialize, Serialize};

use crate::domain::{Event, FieldName, FieldValue, Key, Need, Principal, Refusal, Thing, UserId};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use std::collections::BTreeMap;

/// Changes one's own settings: theme, language, signature, notifications. They belong to the person
/// alone; the host declares and reads them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditSettings {
    /// Oneself.
    pub user: UserId,
    /// The settings to change; an empty value clears one.
    pub fields: BTreeMap<FieldName, FieldValue>,
}

answers_nothing!(EditSettings);

impl Decide for EditSettings {
    about!(user);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Record(Key::User(self.user)));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        const MAX: usize = super::limits::FIELDS;
        if draft.facts.principal != Principal::Person(self.user) {
            return Err(Refusal::NotFound(Thing::User));
        }
        let user = draft.user(self.user)?;
        let is = |name: &FieldName| user.settings.get(name).map_or("", FieldValue::as_str);
        if self.fields.iter().all(|(name, value)| is(name) == value.as_str()) {
            return Err(Refusal::NoChange);
        }
        let new = self.fields.keys().filter(|name| !user.settings.contains_key(name)).count();
        if user.settings.len() + new > MAX {
            return Err(Refusal::TooMany { what: "settings", max: MAX });
        }
        draft.push(Event::SettingsEdited { user: user.id, fields: self.fields.clone() });
        Ok(())
    }
}
