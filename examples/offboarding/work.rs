//! A help desk's work in SQL, and how it changes hands: a reference to copy from.
//!
//! Each kind of work has its own table; `tables.sql` has them. Beside its tables a host needs one
//! for batches, which keeps what each of them did, and one column in each table, `moved_by`, which
//! says which batch moved a row last. Everything that a batch does is one transaction of four
//! statements, however many items it moves.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::types::Type;
use rusqlite::{
    Connection, OptionalExtension as _, Row, ToSql, TransactionBehavior, named_params, params,
};
use serde::{Deserialize, Serialize};
use tenure::domain::{
    Batch, BatchItems, BatchName, FoundItem, ItemId, KindName, Load, MOST_COUNTS, MembershipId,
    Moved, Nature, PermissionName, Place, Reason, Scope, Skipped, SkippedBecause, WorkCount,
    WorkKind, WorkState, WorkStates,
};
use tenure::ports::{Workload, WorkloadError};

/// How a kind of work is kept. What its table has no column for is a constant.
struct Table {
    kind: &'static str,
    nature: Nature,
    holder: &'static str,
    inbox: &'static str,
    status: &'static str,
    held_back: &'static str,
}

impl Table {
    const fn new(kind: &'static str, nature: Nature, holder: &'static str) -> Self {
        Self { kind, nature, holder, inbox: "NULL", status: "'open'", held_back: "NULL" }
    }
}

/// Every kind of work; each is called what its table is called.
const TABLES: [Table; 5] = [
    Table {
        inbox: "inbox",
        status: "status",
        held_back: "held_back",
        ..Table::new("tickets", Nature::Held, "assignee")
    },
    // Who wrote a reply stays in `original_author`.
    Table::new("replies", Nature::Authored, "author"),
    Table::new("macros", Nature::Made, "maker"),
    Table::new("views", Nature::Made, "maker"),
    Table::new("automations", Nature::Automated, "runs_as"),
];

/// The fence by which people are kept to inboxes.
const INBOX: &str = "inbox";

/// The work, through a connection of its own.
///
/// A real help desk would not block its runtime's thread as this one does: it would ask its pool.
#[derive(Clone)]
pub(crate) struct Work {
    connection: Arc<Mutex<Connection>>,
    needs: BTreeMap<&'static str, PermissionName>,
}

impl Work {
    /// Opens the file and makes the tables if they are not there.
    pub(crate) fn open(file: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        // A batch that was said to be done is done, also after the power has failed.
        connection.pragma_update(None, "synchronous", "full")?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.execute_batch(include_str!("tables.sql"))?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), needs: BTreeMap::new() })
    }

    /// The same, with a permission by which somebody reaches items of a kind.
    pub(crate) fn needing(mut self, kind: &'static str, by: impl Into<PermissionName>) -> Self {
        self.needs.insert(kind, by.into());
        self
    }

    /// The connection, for what the help desk does with its tables all day.
    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a batch did, as it is kept.
#[derive(Default, Serialize, Deserialize)]
struct Answer {
    moved: Vec<i64>,
    skipped: Vec<Skipped>,
    more_after: Option<i64>,
}

impl Answer {
    fn said(self) -> Outcome<Moved> {
        Ok(Moved {
            moved: self.moved.into_iter().map(name).collect::<Outcome<_>>()?,
            skipped: self.skipped,
            more_after: self.more_after.map(name).transpose()?,
        })
    }
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What a batch is about. A workspace that is null is the whole organization.
const IN_SCOPE: &str = "t.organization = :organization
    AND (:workspace IS NULL OR t.workspace = :workspace)";

impl Work {
    /// One batch, once: the rows move and the batch is recorded together, or neither.
    fn move_once(&self, batch: &Batch) -> Outcome<Moved> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let BatchName { handover, number } = batch.name;
        let handover = handover.to_string();
        let before: Option<String> = transaction
            .prepare_cached("SELECT answer FROM batches WHERE handover = ?1 AND number = ?2")?
            .query_row(params![handover, number], |row| row.get(0))
            .optional()?;
        if let Some(answer) = before {
            return serde_json::from_str::<Answer>(&answer)?.said();
        }
        let table = table(&batch.kind);
        let which = table.map(|table| Which::of(&transaction, table, batch)).transpose()?;
        let (mut answer, mut run) = (Answer::default(), None);
        match (table.zip(which.as_ref()), &batch.items) {
            (None, _) => {}
            (Some((table, which)), BatchItems::Next { after, limit }) => {
                let after = after.as_ref().map_or(Ok(i64::MIN), |it| it.as_str().parse())?;
                answer = next(&transaction, table, which, after, *limit)?;
                // One behind the other, if none of them is passed over.
                let last = answer.moved.last().copied().filter(|_| answer.skipped.is_empty());
                run = last.map(|last| (which, after, last));
            }
            (Some((table, _)), BatchItems::Named(items)) => {
                answer = named(&transaction, table, batch, items)?;
            }
        }
        // A batch that moves nothing is recorded, too: nothing is ever moved under its name.
        transaction
            .prepare_cached("INSERT INTO batches (handover, number, answer) VALUES (?1, ?2, ?3)")?
            .execute(params![handover, number, serde_json::to_string(&answer)?])?;
        let this = transaction.last_insert_rowid();
        if let Some(table) = table.filter(|_| !answer.moved.is_empty()) {
            // Only the holder changes: what is closed stays closed, and no date is touched.
            let to = batch.to.map(|to| to.to_string());
            let set = format!("UPDATE {} SET {} = :to, moved_by = :this", table.kind, table.holder);
            if let Some((which, after, last)) = run {
                let sql = format!("{set} WHERE {} AND id > :after AND id <= :last", which.sql);
                let values: [(_, &dyn ToSql); 4] =
                    [(":to", &to), (":this", &this), (":after", &after), (":last", &last)];
                transaction.prepare_cached(&sql)?.execute(&*which.and(&values))?;
            } else {
                let sql = format!("{set} WHERE id IN (SELECT value FROM json_each(:ids))");
                let ids = serde_json::to_string(&answer.moved)?;
                let values = named_params! { ":to": to, ":this": this, ":ids": ids };
                transaction.prepare_cached(&sql)?.execute(values)?;
            }
        }
        transaction.commit()?;
        answer.said()
    }
}

/// Which rows a batch is about, in SQL and with its values.
struct Which<'b> {
    sql: String,
    values: Vec<(&'static str, Box<dyn ToSql + 'b>)>,
}

impl<'b> Which<'b> {
    fn of(connection: &Connection, table: &Table, batch: &'b Batch) -> Outcome<Self> {
        let Table { holder, inbox, status, .. } = table;
        let mut which = Self {
            sql: format!(
                "organization = :organization AND {holder} IS :from AND {inbox} IS :inbox"
            ),
            values: vec![
                (":organization", Box::new(batch.scope.organization.to_string())),
                (":from", Box::new(batch.from.map(|it| it.to_string()))),
                (":inbox", Box::new(inbox_of(&batch.place))),
            ],
        };
        if let Some(workspace) = batch.scope.workspace {
            which.sql += " AND workspace = :workspace";
            which.values.push((":workspace", Box::new(workspace.to_string())));
        }
        if batch.states == WorkStates::OpenOnly {
            which.sql = format!("{} AND {status} = 'open'", which.sql);
        }
        if batch.untouched_since.is_some() {
            which.sql += " AND moved_by = :since";
            which.values.push((":since", Box::new(row_of(connection, batch.untouched_since)?)));
        }
        Ok(which)
    }

    fn and(&self, values: &[(&'static str, &'b dyn ToSql)]) -> Vec<(&'static str, &dyn ToSql)> {
        let own = self.values.iter().map(|(name, value)| (*name, value.as_ref()));
        own.chain(values.iter().copied()).collect()
    }
}

/// The next rows that a batch is about, and one more to know whether there is one.
fn next(
    connection: &Connection,
    table: &Table,
    which: &Which<'_>,
    after: i64,
    limit: u32,
) -> Outcome<Answer> {
    // Nothing but ids: the index has them in order.
    let Table { kind, .. } = table;
    let sql = format!(
        "SELECT id FROM {kind} WHERE {} AND id > :after ORDER BY id LIMIT :limit",
        which.sql
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let one_more = i64::from(limit) + 1;
    let values = which.and(&[(":after", &after), (":limit", &one_more)]);
    let ids = statement.query_map(&*values, |row| row.get(0))?;
    let mut answer = Answer { moved: ids.collect::<Result<_, _>>()?, ..Answer::default() };
    if answer.moved.len() > limit.try_into()? {
        answer.moved.pop();
        answer.more_after = answer.moved.last().copied();
    }
    let ends = answer.moved.first().copied().zip(answer.moved.last().copied());
    if let Some((first, last)) = ends.filter(|_| table.held_back != "NULL") {
        let held_back = held_back(connection, table, which, (first, last))?;
        answer.moved.retain(|id| !held_back.contains_key(id));
        answer.skipped =
            held_back.into_iter().map(|(id, why)| refused(id, why)).collect::<Outcome<_>>()?;
    }
    Ok(answer)
}

/// The rows that may not change hands, and why: there are few, and they have an index of their own.
fn held_back(
    connection: &Connection,
    table: &Table,
    which: &Which<'_>,
    (first, last): (i64, i64),
) -> Outcome<BTreeMap<i64, String>> {
    let Table { kind, held_back, .. } = table;
    let sql = format!(
        "SELECT id, {held_back} FROM {kind} INDEXED BY {kind}_held_back
         WHERE {} AND {held_back} IS NOT NULL AND id BETWEEN :first AND :last",
        which.sql
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let values = which.and(&[(":first", &first), (":last", &last)]);
    let rows = statement.query_map(&*values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The rows that are named, and why some of them do not move.
fn named(
    connection: &Connection,
    table: &Table,
    batch: &Batch,
    items: &[ItemId],
) -> Outcome<Answer> {
    let Table { kind, holder, inbox, status, held_back, .. } = table;
    let mut answer = Answer::default();
    if items.is_empty() {
        return Ok(answer);
    }
    let sql = format!(
        "SELECT n.value, {held_back},
                coalesce({IN_SCOPE} AND t.{holder} IS :from, FALSE),
                {inbox} IS :inbox AND (NOT :open_only OR {status} = 'open'),
                NOT :untouched OR t.moved_by IS :since
         FROM (SELECT DISTINCT value FROM json_each(:named)) n LEFT JOIN {kind} t ON t.id = n.value"
    );
    let ids: Vec<i64> = items.iter().filter_map(id).collect();
    let unknown = items.iter().filter(|it| id(it).is_none());
    answer.skipped.extend(unknown.map(|it| skipped(it.clone(), SkippedBecause::NotHeld)));
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(named_params! {
        ":organization": batch.scope.organization.to_string(),
        ":workspace": batch.scope.workspace.map(|it| it.to_string()),
        ":from": batch.from.map(|it| it.to_string()),
        ":inbox": inbox_of(&batch.place),
        ":open_only": batch.states == WorkStates::OpenOnly,
        ":untouched": batch.untouched_since.is_some(),
        // No row has the number zero.
        ":since": row_of(connection, batch.untouched_since)?.unwrap_or(0),
        ":named": serde_json::to_string(&ids)?,
    })?;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let (held, there, untouched) = (row.get(2)?, row.get(3)?, row.get(4)?);
        match (held, there, untouched, row.get(1)?) {
            (false, _, _, _) => answer.skipped.push(skipped(name(id)?, SkippedBecause::NotHeld)),
            (_, false, _, _) => answer.skipped.push(skipped(name(id)?, SkippedBecause::Elsewhere)),
            (_, _, false, _) => answer.skipped.push(skipped(name(id)?, SkippedBecause::Touched)),
            (true, true, true, Some(held_back)) => answer.skipped.push(refused(id, held_back)?),
            (true, true, true, None) => answer.moved.push(id),
        }
    }
    Ok(answer)
}

impl Work {
    fn count(&self, scope: Scope, holder: MembershipId) -> Outcome<Vec<WorkCount>> {
        // In the order of the index: nothing is sorted, and no row is looked at.
        let of_table = |table: &Table| {
            let Table { kind, holder, inbox, status, .. } = table;
            format!(
                "SELECT '{kind}', {inbox} AS place, count(*) FILTER (WHERE {status} = 'open'),
                        count(*) FILTER (WHERE {status} <> 'open') FROM {kind} t
                 WHERE {IN_SCOPE} AND t.{holder} = :holder GROUP BY place"
            )
        };
        let sql = TABLES.iter().map(of_table).collect::<Vec<_>>().join(" UNION ALL ");
        let connection = self.connection();
        let mut statement = connection.prepare_cached(&format!("{sql} LIMIT {MOST_COUNTS} / 2"))?;
        let mut rows = statement.query(named_params! {
            ":organization": scope.organization.to_string(),
            ":workspace": scope.workspace.map(|it| it.to_string()),
            ":holder": holder.to_string(),
        })?;
        let mut counts = Vec::new();
        while let Some(row) = rows.next()? {
            let (kind, place) =
                (row.get::<_, String>(0)?.parse::<KindName>()?, place(row.get(1)?)?);
            for (column, state) in [(2, WorkState::Open), (3, WorkState::Closed)] {
                let items = row.get::<_, i64>(column)?.try_into()?;
                let (kind, place) = (kind.clone(), place.clone());
                counts.push(WorkCount { kind, place, state, items });
            }
        }
        counts.retain(|count| count.items > 0);
        Ok(counts)
    }

    fn find(&self, scope: Scope, kind: &KindName, items: &[ItemId]) -> Outcome<Vec<FoundItem>> {
        let Some(table) = table(kind) else { return Ok(Vec::new()) };
        let Table { kind, holder, inbox, status, .. } = table;
        let sql = format!(
            "SELECT t.id, {inbox}, {status}, t.{holder}, b.handover, b.number
             FROM {kind} t NOT INDEXED LEFT JOIN batches b ON b.id = t.moved_by AND b.number >= 0
             WHERE t.id IN (SELECT value FROM json_each(:items)) AND {IN_SCOPE}"
        );
        // By id and no other index: an organization has many more items than are named.
        let ids: Vec<i64> = items.iter().filter_map(id).collect();
        let connection = self.connection();
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(named_params! {
            ":organization": scope.organization.to_string(),
            ":workspace": scope.workspace.map(|it| it.to_string()),
            ":items": serde_json::to_string(&ids)?,
        })?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let handover: Option<String> = row.get(4)?;
            let untouched_since = match handover {
                None => None,
                Some(it) => Some(BatchName { handover: it.parse()?, number: row.get(5)? }),
            };
            found.push(FoundItem {
                id: name(row.get(0)?)?,
                place: place(row.get(1)?)?,
                state: state(row, 2)?,
                holder: row.get::<_, Option<String>>(3)?.map(|it| it.parse()).transpose()?,
                untouched_since,
            });
        }
        Ok(found)
    }

    fn weigh(&self, scope: Scope, kind: &KindName, who: &[MembershipId]) -> Outcome<Vec<Load>> {
        let Some(table) = table(kind) else { return Ok(Vec::new()) };
        let Table { kind, holder, status, .. } = table;
        let sql = format!(
            "SELECT t.{holder}, count(*) FROM {kind} t
             WHERE {IN_SCOPE} AND {status} = 'open'
               AND t.{holder} IN (SELECT value FROM json_each(:members))
             GROUP BY t.{holder}"
        );
        let connection = self.connection();
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(named_params! {
            ":organization": scope.organization.to_string(),
            ":workspace": scope.workspace.map(|it| it.to_string()),
            ":members": serde_json::to_string(who)?,
        })?;
        let mut loads = Vec::new();
        while let Some(row) = rows.next()? {
            let member = row.get::<_, String>(0)?.parse()?;
            loads.push(Load { member, items: row.get::<_, i64>(1)?.try_into()? });
        }
        Ok(loads)
    }
}

#[async_trait]
impl Workload for Work {
    fn kinds(&self) -> Vec<WorkKind> {
        let kind = |table: &Table| {
            let kind = WorkKind::new(table.kind.parse().ok()?, table.nature);
            Some(match self.needs.get(table.kind) {
                Some(permission) => kind.needing(permission.clone()),
                None => kind,
            })
        };
        TABLES.iter().filter_map(kind).collect()
    }

    async fn survey(
        &self,
        scope: Scope,
        holder: MembershipId,
    ) -> Result<Vec<WorkCount>, WorkloadError> {
        self.count(scope, holder).map_err(failed)
    }

    async fn look(
        &self,
        scope: Scope,
        kind: &KindName,
        items: &[ItemId],
    ) -> Result<Vec<FoundItem>, WorkloadError> {
        self.find(scope, kind, items).map_err(failed)
    }

    async fn loads(
        &self,
        scope: Scope,
        kind: &KindName,
        members: &[MembershipId],
    ) -> Result<Vec<Load>, WorkloadError> {
        self.weigh(scope, kind, members).map_err(failed)
    }

    async fn move_batch(&self, batch: &Batch) -> Result<Moved, WorkloadError> {
        self.move_once(batch).map_err(failed)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes the error by value")]
fn failed(error: Box<dyn std::error::Error>) -> WorkloadError {
    WorkloadError(error.to_string())
}

fn table(kind: &KindName) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.kind == kind.as_str())
}

/// The row of a batch, by which its items are marked; none if there is no such batch.
fn row_of(connection: &Connection, batch: Option<BatchName>) -> rusqlite::Result<Option<i64>> {
    let Some(BatchName { handover, number }) = batch else { return Ok(None) };
    connection
        .prepare_cached("SELECT id FROM batches WHERE handover = ?1 AND number = ?2")?
        .query_row(params![handover.to_string(), number], |row| row.get(0))
        .optional()
}

/// The inbox that a place is. No item lies in another sort of place, and no inbox is called so.
fn inbox_of(place: &Place) -> Option<&str> {
    let mut fences = place.iter();
    match (fences.next(), fences.next()) {
        (None, _) => None,
        (Some((fence, inbox)), None) if fence.as_str() == INBOX => Some(inbox.as_str()),
        (Some(_), _) => Some("\n"),
    }
}

fn place(inbox: Option<String>) -> Outcome<Place> {
    let Some(inbox) = inbox else { return Ok(Place::new()) };
    Ok(Place::from([(INBOX.parse()?, inbox.parse()?)]))
}

fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<WorkState> {
    match row.get_ref(column)?.as_str()? {
        "open" => Ok(WorkState::Open),
        "closed" => Ok(WorkState::Closed),
        _ => Err(rusqlite::Error::InvalidColumnType(column, "status".to_owned(), Type::Text)),
    }
}

fn name(id: i64) -> Outcome<ItemId> {
    Ok(id.to_string().parse()?)
}

/// The row that an item is, if its name is one that we give.
fn id(name: &ItemId) -> Option<i64> {
    let id = name.as_str().parse::<i64>().ok()?;
    (id.to_string() == name.as_str()).then_some(id)
}

fn skipped(item: ItemId, because: SkippedBecause) -> Skipped {
    Skipped { item, because }
}

fn refused(id: i64, held_back: String) -> Outcome<Skipped> {
    Ok(skipped(name(id)?, SkippedBecause::Refused(Reason::new(held_back)?)))
}
