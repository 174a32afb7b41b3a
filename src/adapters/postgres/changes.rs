//! A change-set as the statement of [`super::commit`] takes it: one JSON object of lists.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Value, json};

use super::failure::Failure;
use super::row::{self, Row, bytea};
use super::table::{self, Table};
use crate::domain::{
    ChangeSet, EntryDetail, Forget, Guard, Key, Membership, Record, Revision, Stream,
};

/// The lists of a change-set, by name.
#[derive(Default)]
pub(super) struct Changes(Row);

/// Guards on rows that stand with a version.
pub(super) const GUARDS: &str = "guards_";
/// Guards on rows that must not stand.
pub(super) const ABSENT: &str = "absent_";
/// Rows that a guard says are new.
pub(super) const NEW: &str = "new_";
/// Keys of rows to be deleted.
pub(super) const GONE: &str = "gone_";

impl Changes {
    pub(super) fn of(changes: &ChangeSet) -> Result<Self, Failure> {
        let mut lists = Self::default();
        for (number, guard) in changes.guards.iter().enumerate() {
            let (table, row) = guarded(number, guard)?;
            let list = if guard.version == Revision::NONE { ABSENT } else { GUARDS };
            lists.add(&format!("{list}{}", table.name), row);
        }
        lists.claims(changes);
        lists.records(changes)?;
        lists.entries(changes)?;
        for whose in &changes.forget {
            match whose {
                Forget::Membership(organization, membership) => {
                    let whose = json!({ "organization": organization, "membership": membership });
                    lists.add("forget_memberships", whose);
                }
                Forget::User(user) => lists.add("forget_users", json!(user)),
            }
        }
        Ok(lists)
    }

    pub(super) fn into_json(self) -> Value {
        Value::Object(self.0)
    }

    pub(super) const fn lists(&self) -> &Row {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, list: &str, what: Value) {
        let list = self.0.entry(list.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(what);
        }
    }

    pub(super) fn has(&self, list: &str) -> bool {
        self.0.contains_key(list)
    }

    /// A claim that is made is taken over from whoever releases it, in one step: a statement cannot
    /// delete a row and insert it again.
    fn claims(&mut self, changes: &ChangeSet) {
        let made: HashSet<_> = changes.claim.iter().map(|(claim, _)| claim).collect();
        let mut released: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (claim, holder) in &changes.release {
            if made.contains(claim) {
                released.entry(claim.text()).or_default().push(*holder);
            } else {
                self.add("release", json!({ "claim": claim.text(), "holder": holder }));
            }
        }
        for (claim, holder) in &changes.claim {
            let text = claim.text();
            let from = released.get(&text).cloned().unwrap_or_default();
            self.add("claim", json!({ "claim": text, "holder": holder, "from": from }));
        }
    }

    /// Each record once: of two that are put under one key the last, and none that is deleted.
    fn records(&mut self, changes: &ChangeSet) -> Result<(), Failure> {
        let new: HashSet<_> = changes
            .guards
            .iter()
            .filter(|guard| guard.version == Revision::NONE)
            .map(|guard| guard.key.clone())
            .collect();
        let deleted: BTreeSet<_> = changes.delete.iter().collect();
        let mut put: BTreeMap<Key, &Record> = BTreeMap::new();
        for record in &changes.put {
            let key = record.key();
            if !deleted.contains(&key) {
                put.insert(key, record);
            }
        }
        for (key, record) in put {
            let (table, row) = row::of(record)?;
            if let Record::Membership(it) = record {
                self.places(it);
            }
            if let Record::Handover(it) = record {
                let organization = it.organization;
                self.add("concerned", json!({ "organization": organization, "id": it.id }));
                for member in it.concerns() {
                    let person = json!({
                        "organization_id": organization,
                        "membership_id": member,
                        "handover_id": it.id,
                    });
                    self.add("handover_people", person);
                }
            }
            let prefix = if new.contains(&key) { NEW } else { "" };
            self.add(&format!("{prefix}{}", table.name), Value::Object(row));
        }
        for key in deleted {
            let (table, key) = deleted_by(key)?;
            self.add(&format!("{GONE}{}", table.name), key);
        }
        Ok(())
    }

    /// Where the lists have a membership.
    fn places(&mut self, it: &Membership) {
        let scope = it.scope;
        let organization = scope.organization;
        let scope_id = row::scope_id(scope);
        self.add("listed", json!({ "organization": organization, "id": it.id }));
        let sort_key = it.sort_key();
        for team in &it.teams {
            let place = json!({
                "organization_id": organization,
                "team_id": team,
                "scope_id": scope_id,
                "live": it.is_live(),
                "sort_key": sort_key,
                "membership_id": it.id,
            });
            self.add("membership_teams", place);
        }
        let mut lower: Option<String> = None;
        for term in it.search_terms() {
            let place = json!({
                "organization_id": organization,
                "scope_id": scope_id,
                "live": it.is_live(),
                "term": term,
                "membership_id": it.id,
                "lower_term": lower,
            });
            self.add("membership_terms", place);
            lower = Some(term);
        }
    }

    fn entries(&mut self, changes: &ChangeSet) -> Result<(), Failure> {
        for (entry, detail) in &changes.append {
            let position = entry.position;
            match entry.stream {
                Stream::Organization(id) => {
                    let row = Value::Object(row::entry(entry)?);
                    self.add("organization_entries", row);
                    // What the same change-set forgets is never written.
                    let forgotten = changes.forget.iter().any(|whose| {
                        matches!(whose, Forget::Membership(organization, membership)
                            if *organization == id && entry.subjects.contains(membership))
                    });
                    if !forgotten {
                        let owner = ("organization_id", json!(id));
                        self.add("organization_entry_details", beside(owner, position, detail)?);
                    }
                    for subject in entry.subjects.iter().collect::<BTreeSet<_>>() {
                        let subject = json!({
                            "organization_id": id,
                            "membership_id": subject,
                            "position": position,
                        });
                        self.add("organization_entry_subjects", subject);
                    }
                }
                Stream::User(id) => {
                    self.add("user_entries", Value::Object(row::entry(entry)?));
                    if !changes.forget.contains(&Forget::User(id)) {
                        let owner = ("user_id", json!(id));
                        self.add("user_entry_details", beside(owner, position, detail)?);
                    }
                }
            }
        }
        Ok(())
    }
}

fn beside(
    (owner, id): (&str, Value),
    position: Revision,
    detail: &EntryDetail,
) -> Result<Value, Failure> {
    let mut row = serde_json::to_value(detail)?;
    if let Value::Object(row) = &mut row {
        row.insert(owner.to_owned(), id);
        row.insert("position".to_owned(), json!(position));
    }
    Ok(row)
}

fn guarded(number: usize, guard: &Guard) -> Result<(&'static Table, Value), Failure> {
    let (table, id) = match &guard.key {
        Key::Organization(id) => (&table::ORGANIZATIONS, id.uuid()),
        Key::User(id) => (&table::USERS, id.uuid()),
        Key::Handover(id) => (&table::HANDOVERS, id.uuid()),
        Key::Mail(id) => (&table::MAILS, id.uuid()),
        Key::Activity(id) => (&table::ACTIVITIES, id.uuid()),
        Key::Role(..)
        | Key::Workspace(_)
        | Key::Membership(_)
        | Key::Invitation(_)
        | Key::Team(_)
        | Key::SupportAccess(_)
        | Key::HandoverReceipt(..)
        | Key::Block(..)
        | Key::Receipt(_)
        | Key::Entry(..) => return Err(Failure::Senseless("a guard on what has no version")),
    };
    Ok((table, json!({ "number": number, "id": id, "version": guard.version })))
}

/// How a record to be deleted is found.
fn deleted_by(key: &Key) -> Result<(&'static Table, Value), Failure> {
    let by_id = |table, id| Ok((table, json!({ "id": id })));
    match key {
        Key::Organization(id) => by_id(&table::ORGANIZATIONS, id.uuid()),
        Key::Role(organization, name) => {
            Ok((&table::ROLES, json!({ "organization_id": organization, "name": name })))
        }
        Key::Workspace(id) => by_id(&table::WORKSPACES, id.uuid()),
        Key::User(id) => by_id(&table::USERS, id.uuid()),
        Key::Membership(id) => by_id(&table::MEMBERSHIPS, id.uuid()),
        Key::Invitation(id) => by_id(&table::INVITATIONS, id.uuid()),
        Key::Team(id) => by_id(&table::TEAMS, id.uuid()),
        Key::SupportAccess(id) => by_id(&table::SUPPORT_ACCESSES, id.uuid()),
        Key::Handover(id) => by_id(&table::HANDOVERS, id.uuid()),
        Key::HandoverReceipt(id, number) => {
            Ok((&table::HANDOVER_RECEIPTS, json!({ "handover_id": id, "number": number })))
        }
        Key::Mail(id) => by_id(&table::MAILS, id.uuid()),
        Key::Activity(id) => Ok((&table::ACTIVITIES, json!({ "membership_id": id }))),
        Key::Block(organization, digest) => {
            let digest = bytea(*digest);
            Ok((&table::BLOCKS, json!({ "organization_id": organization, "digest": digest })))
        }
        Key::Receipt(key) => Ok((&table::IDEMPOTENCY_KEYS, super::load::idempotency_key(key))),
        Key::Entry(..) => Err(Failure::Senseless("an audit entry is never deleted")),
    }
}
