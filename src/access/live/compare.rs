//! What a change would add to, and take away from, whom: before it is made.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts::{Facts, Held};
use super::guard::Guard;
use super::questions::{Person, Subject};
use super::{Holds, Update, lock};
use crate::access::Extent;
use crate::domain::{MembershipId, PermissionName, Timestamp, UserId};

/// What a change does to what people may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// How many people may more or less after it.
    pub people: u64,
    /// The first of them, in no order.
    pub changes: Vec<PersonChange>,
}

/// What a change does to what one person may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonChange {
    /// Who.
    pub person: Person,
    /// Each permission that is held further, less far, or otherwise.
    pub permissions: Vec<PermissionChange>,
}

/// What a change does to one permission of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionChange {
    /// The permission.
    pub permission: PermissionName,
    /// How far it is held before; nothing means not at all.
    pub before: Extent,
    /// How far it is held after.
    pub after: Extent,
}

impl PermissionChange {
    /// Whether anything is added.
    pub fn adds(&self) -> bool {
        !self.before.covers(&self.after)
    }

    /// Whether anything is taken away.
    pub fn takes(&self) -> bool {
        !self.after.covers(&self.before)
    }
}

impl Guard {
    /// What an update would change, for whom: everybody whose number is counted, and the first
    /// `at_most` of them in full. None where not everybody is in memory and a role or a team
    /// changes: then nobody can say whom that concerns.
    ///
    /// The update is of a later state than the view shows; the view stays as it is.
    pub fn compare(
        &self,
        update: &Update<'_>,
        now: Timestamp,
        at_most: usize,
    ) -> Option<Comparison> {
        let view = self.view();
        let (before, after, sweep, mut new) = {
            let writer = &mut *lock(&view.writer);
            let before = view.definitions.load_full();
            let (after, sweep) = view.redefined(writer, update);
            // Whatever the update says of people, by user.
            let mut new: BTreeMap<UserId, Vec<(bool, Option<super::facts::Part>, MembershipId)>> =
                BTreeMap::new();
            for it in &update.memberships {
                let whole = it.scope == view.scope().whole();
                if let Some(user) = it.user.filter(|_| whole || it.scope == view.scope()) {
                    let part = it.is_live().then(|| writer.part(it));
                    new.entry(user).or_default().push((whole, part, it.id));
                }
            }
            (before, after, sweep, new)
        };
        let everybody = !sweep.is_empty() || before.works() != after.works();
        if everybody && view.holds() != Holds::Everybody {
            return None;
        }
        let mut comparison = Comparison::default();
        let mut compare = |user: UserId, was: &Held, is: &Held| {
            let Some(part) = is.here.as_ref().or(is.whole.as_ref()).or(was.whole.as_ref()) else {
                return;
            };
            let person = Person { user, membership: part.id };
            let extents = |definitions, held| {
                Subject::person(view, definitions, held, now, |subject| {
                    view.catalogue.names().map(|name| subject.decide(name).extent).collect()
                })
            };
            let (was, is): (Vec<Extent>, Vec<Extent>) =
                (extents(&before, was), extents(&after, is));
            let names = view.catalogue.names().cloned();
            let pairs = names.zip(was.into_iter().zip(is)).filter(|(_, (was, is))| was != is);
            let permissions: Vec<_> = pairs
                .map(|(permission, (before, after))| PermissionChange { permission, before, after })
                .collect();
            if !permissions.is_empty() {
                comparison.people += 1;
                if comparison.changes.len() < at_most {
                    comparison.changes.push(PersonChange { person, permissions });
                }
            }
        };
        for (_, entry) in self.current().iter() {
            let user = entry.user();
            let changed = new.remove(&user);
            let facts = Facts(entry.facts());
            let concerned = before.works() != after.works() || sweep.concerns(view, facts);
            if changed.is_none() && !concerned {
                continue;
            }
            let was = view.held(entry);
            let is = changed.map_or_else(|| Arc::clone(&was), |new| Arc::new(with(&was, new)));
            compare(user, &was, &is);
        }
        for (user, parts) in new {
            compare(user, &Held::default(), &with(&Held::default(), parts));
        }
        Some(comparison)
    }
}

/// What is known of somebody after an update.
fn with(was: &Held, parts: Vec<(bool, Option<super::facts::Part>, MembershipId)>) -> Held {
    let mut held = was.clone();
    for (whole, part, id) in parts {
        let place = if whole { &mut held.whole } else { &mut held.here };
        // A tombstone says nothing of the membership that came after it.
        if part.is_some() || place.as_ref().is_some_and(|now| now.id == id) {
            *place = part;
        }
    }
    held
}
