//! What people see of somebody changes.

use serde::{Deserialize, Serialize};

use crate::domain::{
    EditedBy, Event, FieldName, FieldValue, Membership, MembershipId, Need, Profile, Refusal,
    Rules, Scope, StatusGroup, Thing,
};

use super::draft::Draft;
use super::{Decide, Facts, about, answers_nothing};

use std::collections::BTreeMap;

use crate::access::Management;

/// Edits profile fields: one's own, or, as an administrator, those of people one stands above.
///
/// Which fields exist and who edits each is said by the rules (C4, C11).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditProfile {
    /// The scope of the membership.
    pub scope: Scope,
    /// The membership.
    pub membership: MembershipId,
    /// The fields to change; an empty value clears one.
    pub fields: BTreeMap<FieldName, FieldValue>,
}

answers_nothing!(EditProfile);

impl Decide for EditProfile {
    about!(scope);

    fn needs(&self, _: &Facts, needs: &mut Vec<Need>) {
        needs.push(Need::Person(self.membership));
    }

    fn decide(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let own = draft.own().is_some_and(|own| own.id == self.membership)
            || draft
                .state
                .membership(self.scope.organization, self.membership)
                .is_some_and(|it| draft.is_own(it));
        if !own {
            draft.hold(Management::EditPeople)?;
        }
        let it = draft
            .membership(self.scope, self.membership)
            .map_err(|_| draft.absent(Thing::Membership))?;
        let rules = draft.rules()?;
        let group = it.status.name().group();
        if group == StatusGroup::Removed {
            return Err(Refusal::NotFound(Thing::Membership));
        }
        if own && !it.is_active() {
            return Err(Refusal::NotFound(Thing::Organization));
        }
        if !own {
            draft.stand_above(it, Management::EditPeople)?;
            if group == StatusGroup::Pending && !rules.edit_pending {
                return Err(Refusal::RuleForbids {
                    rule: "C4",
                    because: "wait until the person has set up",
                });
            }
        }
        check_fields(rules, &self.fields)?;
        for name in self.fields.keys() {
            let who = rules.field(name).map(|field| field.edited_by);
            let may = match who {
                Some(EditedBy::Both) => true,
                Some(EditedBy::Person) => own,
                Some(EditedBy::Administrators) => !own,
                None => false,
            };
            if !may {
                return Err(Refusal::FieldNotYours(name.clone()));
            }
        }
        let fields = changed(&it.profile, &self.fields);
        if fields.is_empty() {
            return Err(Refusal::NoChange);
        }
        draft.push(Event::ProfileEdited { membership: it.id, fields });
        Ok(())
    }
}

/// Only what differs from what is there.
fn changed(
    profile: &Profile,
    fields: &BTreeMap<FieldName, FieldValue>,
) -> BTreeMap<FieldName, FieldValue> {
    fields
        .iter()
        .filter(|(name, value)| {
            profile.0.get(name).map_or("", FieldValue::as_str) != value.as_str()
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Every field is one that the rules declare.
pub(super) fn check_fields(
    rules: &Rules,
    fields: &BTreeMap<FieldName, FieldValue>,
) -> Result<(), Refusal> {
    match fields.keys().find(|name| rules.field(name).is_none()) {
        Some(unknown) => Err(Refusal::UnknownField(unknown.clone())),
        None => Ok(()),
    }
}

/// The same for what a person says of themselves: what administrators edit is not theirs (C4, C11).
pub(super) fn check_own_fields(
    rules: &Rules,
    fields: &BTreeMap<FieldName, FieldValue>,
) -> Result<(), Refusal> {
    check_fields(rules, fields)?;
    let theirs = |name: &&FieldName| {
        rules.field(name).is_some_and(|field| field.edited_by == EditedBy::Administrators)
    };
    match fields.keys().find(theirs) {
        Some(name) => Err(Refusal::FieldNotYours(name.clone())),
        None => Ok(()),
    }
}

/// What somebody says of themselves when they come in, where it differs from what is known.
pub(super) fn fill_in(draft: &mut Draft<'_>, it: &Membership, given: &Profile) {
    let fields = changed(&it.profile, &given.0);
    if !fields.is_empty() {
        draft.push(Event::ProfileEdited { membership: it.id, fields });
    }
}
