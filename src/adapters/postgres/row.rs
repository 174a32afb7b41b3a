//! Records as rows and back: through JSON, whose objects PostgreSQL takes and gives as rows.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use uuid::Uuid;

use super::failure::Failure;
use super::table::{self, Form, Table};
use crate::domain::{
    Digest, Entry, EntryDetail, FeedPosition, Handover, Logged, Membership, OrganizationId, Record,
    Scope, Stream,
};

pub(super) type Row = Map<String, Value>;

/// The row of a record, and the table it belongs to.
pub(super) fn of(record: &Record) -> Result<(&'static Table, Row), Failure> {
    Ok(match record {
        Record::Organization(it) => (&table::ORGANIZATIONS, row(&table::ORGANIZATIONS, it)?),
        Record::Role(organization, it) => {
            let mut row = row(&table::ROLES, it)?;
            row.insert("organization_id".to_owned(), json!(organization));
            (&table::ROLES, row)
        }
        Record::Workspace(it) => (&table::WORKSPACES, row(&table::WORKSPACES, it)?),
        Record::User(it) => (&table::USERS, row(&table::USERS, it)?),
        Record::Membership(it) => (&table::MEMBERSHIPS, membership(it)?),
        Record::Invitation(it) => (&table::INVITATIONS, row(&table::INVITATIONS, it)?),
        Record::Team(it) => (&table::TEAMS, row(&table::TEAMS, it)?),
        Record::SupportAccess(it) => (&table::SUPPORT_ACCESSES, row(&table::SUPPORT_ACCESSES, it)?),
        Record::Handover(it) => (&table::HANDOVERS, handover(it)?),
        Record::HandoverReceipt(it) => {
            (&table::HANDOVER_RECEIPTS, row(&table::HANDOVER_RECEIPTS, it)?)
        }
        Record::Mail(it) => (&table::MAILS, row(&table::MAILS, it)?),
        Record::Activity(it) => (&table::ACTIVITIES, row(&table::ACTIVITIES, it)?),
        Record::Block(it) => (&table::BLOCKS, row(&table::BLOCKS, it)?),
        Record::Receipt(it) => (&table::IDEMPOTENCY_KEYS, row(&table::IDEMPOTENCY_KEYS, it)?),
        Record::Entry(_) => {
            return Err(Failure::Senseless("an audit entry is appended, never put"));
        }
    })
}

fn membership(it: &Membership) -> Result<Row, Failure> {
    let mut row = row(&table::MEMBERSHIPS, it)?;
    let canonical = it.email.as_ref().map(|email| email.canonical().as_str().to_owned());
    row.insert("email_canonical".to_owned(), json!(canonical));
    row.insert("sort_key".to_owned(), json!(it.sort_key()));
    if it.grants.is_empty() {
        row.insert("grants".to_owned(), json!({}));
    }
    Ok(row)
}

fn handover(it: &Handover) -> Result<Row, Failure> {
    let mut row = row(&table::HANDOVERS, it)?;
    let waits = match it.waits_until() {
        Some(until) => instant(until.micros())?,
        None => Value::Null,
    };
    row.insert("waits_until".to_owned(), waits);
    Ok(row)
}

/// The row of an audit entry, in the table of its stream.
pub(super) fn entry(it: &Entry) -> Result<Row, Failure> {
    row(entries(it.stream), it)
}

/// The table of a stream's entries.
pub(super) const fn entries(stream: Stream) -> &'static Table {
    match stream {
        Stream::Organization(_) => &table::ORGANIZATION_ENTRIES,
        Stream::User(_) => &table::USER_ENTRIES,
    }
}

fn row(table: &Table, record: &impl Serialize) -> Result<Row, Failure> {
    let mut value = serde_json::to_value(record)?;
    for path in table.variants {
        if let Some(variant) = at_mut(&mut value, path) {
            *variant = opened(variant.take());
        }
    }
    let mut row = Row::new();
    for column in table.columns.iter().filter(|column| !column.path.is_empty()) {
        let Some(found) = at_mut(&mut value, column.path).map(Value::take) else { continue };
        row.insert(column.name.to_owned(), written(column.form, found)?);
    }
    if table.name == table::ORGANIZATIONS.name {
        row.entry("granted").or_insert_with(|| json!({}));
    }
    Ok(row)
}

/// The record of a row of a table, with what stands beside an audit entry.
pub(super) fn record(name: &str, row: &str, beside: Option<&str>) -> Result<Record, Failure> {
    let mut row: Row = serde_json::from_str(row)?;
    Ok(match name {
        "organizations" => Record::Organization(read(&table::ORGANIZATIONS, row)?),
        "roles" => {
            let organization: OrganizationId =
                serde_json::from_value(row.remove("organization_id").unwrap_or_default())?;
            Record::Role(organization, read(&table::ROLES, row)?)
        }
        "workspaces" => Record::Workspace(read(&table::WORKSPACES, row)?),
        "users" => Record::User(read(&table::USERS, row)?),
        "memberships" => Record::Membership(read(&table::MEMBERSHIPS, row)?),
        "invitations" => Record::Invitation(read(&table::INVITATIONS, row)?),
        "teams" => Record::Team(read(&table::TEAMS, row)?),
        "support_accesses" => Record::SupportAccess(read(&table::SUPPORT_ACCESSES, row)?),
        "handovers" => Record::Handover(read_handover(row)?),
        "handover_receipts" => Record::HandoverReceipt(read(&table::HANDOVER_RECEIPTS, row)?),
        "mails" => Record::Mail(read(&table::MAILS, row)?),
        "activities" => Record::Activity(read(&table::ACTIVITIES, row)?),
        "blocks" => Record::Block(read(&table::BLOCKS, row)?),
        "idempotency_keys" => Record::Receipt(read(&table::IDEMPOTENCY_KEYS, row)?),
        "organization_entries" => logged(&table::ORGANIZATION_ENTRIES, row, beside)?,
        "user_entries" => logged(&table::USER_ENTRIES, row, beside)?,
        _ => return Err(Failure::Senseless("a row of an unknown table")),
    })
}

fn read_handover(row: Row) -> Result<Box<Handover>, Failure> {
    let organization = row.get("organization_id").cloned().unwrap_or_default();
    let mut value = nested(&table::HANDOVERS, row)?;
    put(&mut value, &["scope", "organization"], organization);
    Ok(serde_json::from_value(value)?)
}

fn logged(table: &Table, row: Row, beside: Option<&str>) -> Result<Record, Failure> {
    let feed = FeedPosition(row.get("feed").and_then(Value::as_u64).unwrap_or(0));
    let detail: Option<EntryDetail> = beside.map(serde_json::from_str).transpose()?;
    Ok(Record::Entry(Box::new(Logged::new(feed, read(table, row)?, detail))))
}

fn read<T: DeserializeOwned>(table: &Table, row: Row) -> Result<T, Failure> {
    Ok(serde_json::from_value(nested(table, row)?)?)
}

/// The record's own JSON; what is NULL is left out.
fn nested(table: &Table, mut row: Row) -> Result<Value, Failure> {
    let mut value = Value::Object(Map::new());
    for column in table.columns.iter().filter(|column| !column.path.is_empty()) {
        match row.remove(column.name) {
            None | Some(Value::Null) => {}
            Some(found) => put(&mut value, column.path, read_form(column.form, found)?),
        }
    }
    for path in table.variants {
        if let Some(variant) = at_mut(&mut value, path) {
            *variant = closed(variant.take());
        }
    }
    Ok(value)
}

fn at_mut<'v>(value: &'v mut Value, path: &[&str]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, field| value.get_mut(*field))
}

fn put(value: &mut Value, path: &[&str], found: Value) {
    let Some((field, rest)) = path.split_first() else {
        *value = found;
        return;
    };
    if let Value::Object(fields) = value {
        let inner = fields.entry((*field).to_owned()).or_insert_with(|| Value::Object(Map::new()));
        put(inner, rest, found);
    }
}

const TAG: &str = "tag";
const VALUE: &str = "value";

/// A variant as its name beside its fields.
fn opened(variant: Value) -> Value {
    let Value::Object(variant) = variant else { return json!({ TAG: variant }) };
    let Some((name, content)) = variant.into_iter().next() else { return Value::Null };
    let mut open = match content {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::from_iter([(VALUE.to_owned(), content)])
        }
    };
    open.insert(TAG.to_owned(), Value::String(name));
    Value::Object(open)
}

/// The variant as it is serialised.
fn closed(open: Value) -> Value {
    let Value::Object(mut fields) = open else { return open };
    let Some(Value::String(name)) = fields.remove(TAG) else { return Value::Object(fields) };
    if let Some(value) = fields.remove(VALUE) {
        return Value::Object(Map::from_iter([(name, value)]));
    }
    if fields.is_empty() {
        return Value::String(name);
    }
    Value::Object(Map::from_iter([(name, Value::Object(fields))]))
}

fn written(form: Form, value: Value) -> Result<Value, Failure> {
    match (form, value) {
        (Form::Instant, Value::Number(micros)) => instant(micros.as_i64().unwrap_or_default()),
        (Form::Instants, Value::Array(all)) => {
            let all = all.into_iter().map(|it| written(Form::Instant, it));
            Ok(Value::Array(all.collect::<Result<_, _>>()?))
        }
        (Form::Bytes, value @ Value::String(_)) => Ok(bytea(serde_json::from_value(value)?)),
        (Form::Plain | Form::Instant | Form::Instants | Form::Bytes, value) => Ok(value),
    }
}

fn read_form(form: Form, value: Value) -> Result<Value, Failure> {
    match (form, value) {
        (Form::Instant, Value::String(text)) => Ok(json!(micros(&text)?)),
        (Form::Instants, Value::Array(all)) => {
            let all = all.into_iter().map(|it| read_form(Form::Instant, it));
            Ok(Value::Array(all.collect::<Result<_, _>>()?))
        }
        (Form::Bytes, Value::String(text)) => digest(&text),
        (Form::Plain | Form::Instant | Form::Instants | Form::Bytes, value) => Ok(value),
    }
}

/// The column `scope_id`: the workspace, or zeros for the organization itself.
pub(super) fn scope_id(scope: Scope) -> Uuid {
    scope.workspace.map_or(Uuid::nil(), |workspace| workspace.uuid())
}

/// A digest as PostgreSQL takes `bytea` from JSON, and gives it.
pub(super) fn bytea(digest: Digest) -> Value {
    let digits: Vec<_> = digest.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Value::String(format!("\\x{}", digits.concat()))
}

fn digest(text: &str) -> Result<Value, Failure> {
    const NO_DIGEST: Failure = Failure::Senseless("a digest cannot be read");
    let digits = text.strip_prefix("\\x").filter(|digits| digits.len() == 64).ok_or(NO_DIGEST)?;
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        let two = digits.get(2 * at..2 * at + 2).ok_or(NO_DIGEST)?;
        *byte = u8::from_str_radix(two, 16).map_err(|_| NO_DIGEST)?;
    }
    Ok(json!(Digest::from_bytes(bytes)))
}

/// The first and the last instant there is, which no calendar has.
const FOR_EVER: &str = "infinity";
const SINCE_EVER: &str = "-infinity";

/// An instant as PostgreSQL reads it.
pub(super) fn instant(micros: i64) -> Result<Value, Failure> {
    const NO_DATE: Failure = Failure::Senseless("an instant is not between the years 1 and 9999");
    match micros {
        i64::MAX => return Ok(json!(FOR_EVER)),
        i64::MIN => return Ok(json!(SINCE_EVER)),
        _ => {}
    }
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000);
    let at = at.ok().filter(|at| at.year() > 0).ok_or(NO_DATE)?;
    Ok(Value::String(at.format(&Rfc3339).map_err(|_| NO_DATE)?))
}

/// Microseconds of an instant as PostgreSQL writes it into JSON: ISO 8601, in the zone of the
/// session, whose offset of long ago may have seconds.
fn micros(text: &str) -> Result<i64, Failure> {
    const NO_INSTANT: Failure = Failure::Senseless("an instant cannot be read");
    match text {
        FOR_EVER => return Ok(i64::MAX),
        SINCE_EVER => return Ok(i64::MIN),
        _ => {}
    }
    let colons = text.bytes().filter(|byte| *byte == b':').count();
    let (text, seconds) = match text.rsplit_once(':') {
        Some((head, seconds)) if colons == 4 => (head, seconds.parse().map_err(|_| NO_INSTANT)?),
        Some(_) | None => (text, 0),
    };
    let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NO_INSTANT)?;
    let seconds = if at.offset().is_negative() { seconds } else { -seconds };
    let nanos = (at + Duration::seconds(seconds)).unix_timestamp_nanos();
    i64::try_from(nanos / 1_000).map_err(|_| NO_INSTANT)
}
