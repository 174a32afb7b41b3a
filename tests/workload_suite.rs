//! The conformance suite of the workload: the two that there are keep every promise, and each of
//! these planted faults breaks the promise that it should.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::single_match_else,
    clippy::format_push_string,
    clippy::wildcard_imports,
    reason = "a test fails by panicking, and most faults leave most of it as it is"
)]

#[path = "../examples/offboarding/work.rs"]
#[allow(dead_code, reason = "the example uses the rest")]
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use futures_executor::block_on;
use rusqlite::{Connection, params};
use tempfile::TempDir;
use tenure::domain::{
    Batch, BatchItems, BatchName, FoundItem, ItemId, KindName, Load, MembershipId, Moved, Nature,
    Place, Reason, Scope, Skipped, SkippedBecause, WorkCount, WorkKind, WorkState,
};
use tenure::ports::{Workload, WorkloadError};
use tenure::testing::workload_suite::{Ability, Host, NewItem, OnRecord, verify};
use tenure::testing::{FakeWorkload, WorkItem};

use work::Work;

#[test]
fn the_workload_in_memory_keeps_every_promise() {
    block_on(verify(|| async { Box::new(InMemory::new(None)) as Box<dyn Host> }));
}

#[test]
fn the_workload_in_sql_keeps_every_promise() {
    block_on(verify(|| async { Box::new(InSql::new()) as Box<dyn Host> }));
}

/// That the suite finds a fault, and says what it is.
fn breaks(fault: Fault, finding: &str) {
    let verified = std::panic::catch_unwind(|| {
        block_on(verify(|| async { Box::new(InMemory::new(Some(fault))) as Box<dyn Host> }));
    });
    let said = verified.expect_err("the suite is content");
    let said = said.downcast_ref::<String>().expect("a message");
    assert!(said.contains(finding), "{said}");
}

macro_rules! faults {
    ($($fault:ident => $test:ident, $finding:literal;)+) => {
        /// What may be wrong with a workload: one sentence of the contract each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum Fault { $($fault,)+ }
        $(
            #[test]
            fn $test() {
                breaks(Fault::$fault, $finding);
            }
        )+
    };
}

faults! {
    NeverRemembers => one_that_does_every_batch_anew_is_found,
        "a batch is done once under its name";
    ComparesContent => one_that_does_a_batch_anew_when_it_says_something_else_is_found,
        "whatever the rest of a batch says the first answer stands";
    ForgetsEmpty => one_that_does_not_remember_empty_batches_is_found,
        "nothing is ever moved under the name of an empty batch";
    AnswersEmptyWithNothing => one_that_answers_an_emptied_batch_with_nothing_is_found,
        "an emptied batch says what was done";
    LooksThenMoves => one_that_looks_for_the_name_and_then_moves_is_found,
        "one batch asked for by many at once is done once";
    NamesByNumberAlone => one_that_forgets_whose_number_it_is_is_found,
        "batches are told apart by handover and number";
    IgnoresKind => one_that_moves_every_kind_is_found,
        "a batch moves items of the kind";
    IgnoresScope => one_that_moves_items_of_other_organizations_is_found,
        "a batch moves items in the scope";
    IgnoresPlace => one_that_moves_from_every_place_is_found,
        "a batch moves items in exactly that place";
    IgnoresStates => one_that_moves_closed_items_where_open_ones_are_meant_is_found,
        "a batch moves items in those states";
    IgnoresHolder => one_that_moves_from_anybody_is_found,
        "a batch moves items held by that person";
    Closes => one_that_closes_what_it_moves_is_found,
        "a batch changes who holds an item and nothing else";
    Reopens => one_that_opens_what_it_moves_is_found,
        "a batch changes who holds an item and nothing else";
    RewritesAuthors => one_that_rewrites_who_wrote_something_is_found,
        "the original author stays on record";
    IgnoresTouches => one_that_moves_back_what_was_touched_is_found,
        "what was touched since stays";
    IgnoresUntouchedSince => one_that_moves_back_whatever_it_finds_is_found,
        "only those that the batch moved move back";
    KeepsMarks => one_that_marks_items_for_ever_is_found,
        "a look says which batch was the last to touch an item";
    LooksTouch => one_for_which_being_read_is_something_is_found,
        "a look says which batch was the last to touch an item";
    MoreAtTheLimit => one_that_says_there_is_more_when_it_has_moved_as_many_as_it_may_is_found,
        "there is more if there are more such items behind";
    NeverMore => one_that_never_says_there_is_more_is_found,
        "there is more if there are more such items behind";
    IgnoresAfter => one_that_begins_anew_with_every_batch_is_found,
        "the next items come in an order that does not change";
    SilentOnSkipped => one_that_does_not_say_what_it_skips_is_found,
        "what is named and does not move is skipped with the reason";
    WrongReason => one_that_gives_another_reason_is_found,
        "what is named and does not move is skipped with the reason";
    CountsZero => one_that_counts_rows_without_items_is_found,
        "a row has no items";
    CountsOthers => one_that_counts_other_organizations_is_found,
        "a survey is of one scope";
    CountsStatesTogether => one_that_counts_without_regard_to_state_is_found,
        "a survey counts by kind and place and state";
    LoadsClosed => one_that_takes_closed_items_for_a_load_is_found,
        "loads are of open items of one kind";
    FindsOthers => one_that_finds_items_of_other_organizations_is_found,
        "a look leaves out what is not there";
}

/// The workload in memory, with a fault or without.
struct InMemory {
    fake: FakeWorkload,
    fault: Option<Fault>,
    asked: Mutex<BTreeMap<BatchName, (Batch, Moved)>>,
    begun: Mutex<BTreeSet<BatchName>>,
    touched: Mutex<BTreeSet<u64>>,
    anew: Mutex<u32>,
}

impl InMemory {
    fn new(fault: Option<Fault>) -> Self {
        Self {
            fake: FakeWorkload::new(),
            fault,
            asked: Mutex::default(),
            begun: Mutex::default(),
            touched: Mutex::default(),
            anew: Mutex::new(1_000_000),
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// The same batch under a name that nobody has used.
    fn renamed(&self, batch: &Batch) -> Batch {
        let mut anew = self.anew.lock().unwrap();
        *anew += 1;
        Batch { name: BatchName { number: *anew, ..batch.name }, ..batch.clone() }
    }

    /// Does a batch as if every item were so as `disguise` makes it.
    async fn disguised(
        &self,
        batch: &Batch,
        disguise: impl Fn(&mut WorkItem),
    ) -> Result<Moved, WorkloadError> {
        let before = self.fake.items();
        for item in &before {
            self.fake.change(item.id, &disguise);
        }
        let done = self.fake.move_batch(batch).await;
        for (was, is) in before.into_iter().zip(self.fake.items()) {
            let moved = is.last_batch != was.last_batch;
            let holder = if moved { is.holder } else { was.holder };
            self.fake.put(WorkItem { holder, last_batch: is.last_batch, ..was });
        }
        done
    }

    async fn moves(&self, batch: &Batch) -> Result<Moved, WorkloadError> {
        use Fault as F;
        let known = self.asked.lock().unwrap().get(&batch.name).cloned();
        let empty = match &batch.items {
            BatchItems::Next { limit, .. } => *limit == 0,
            BatchItems::Named(named) => named.is_empty(),
        };
        match self.fault {
            Some(F::NeverRemembers) if known.is_some() => {
                self.fake.move_batch(&self.renamed(batch)).await
            }
            Some(F::ComparesContent) if known.as_ref().is_some_and(|it| it.0 != *batch) => {
                self.fake.move_batch(&self.renamed(batch)).await
            }
            Some(F::ForgetsEmpty) if empty && known.is_none() => Ok(Moved::default()),
            Some(F::AnswersEmptyWithNothing) if empty => Ok(Moved::default()),
            Some(F::LooksThenMoves) => match known {
                Some((_, answer)) => Ok(answer),
                None => {
                    std::thread::sleep(Duration::from_millis(2));
                    let first = self.begun.lock().unwrap().insert(batch.name);
                    let anew = self.renamed(batch);
                    self.fake.move_batch(if first { batch } else { &anew }).await
                }
            },
            Some(F::NamesByNumberAlone) => {
                let same = |(name, _): &(&BatchName, _)| name.number == batch.name.number;
                let known =
                    self.asked.lock().unwrap().iter().find(same).map(|(_, it)| it.1.clone());
                match known {
                    Some(answer) => Ok(answer),
                    None => self.fake.move_batch(batch).await,
                }
            }
            Some(F::IgnoresKind) => self.disguised(batch, |it| it.kind = batch.kind.clone()).await,
            Some(F::IgnoresScope) => self.disguised(batch, |it| it.scope = batch.scope).await,
            Some(F::IgnoresPlace) => {
                self.disguised(batch, |it| it.place = batch.place.clone()).await
            }
            Some(F::IgnoresStates) => self.disguised(batch, |it| it.state = WorkState::Open).await,
            Some(F::IgnoresHolder) => self.disguised(batch, |it| it.holder = batch.from).await,
            Some(F::IgnoresUntouchedSince) => {
                self.fake.move_batch(&Batch { untouched_since: None, ..batch.clone() }).await
            }
            Some(F::IgnoresAfter) => {
                let mut batch = batch.clone();
                if let BatchItems::Next { after, .. } = &mut batch.items {
                    *after = None;
                }
                self.fake.move_batch(&batch).await
            }
            _ => self.fake.move_batch(batch).await,
        }
    }

    /// What is wrong with the answer, or with what was done.
    fn spoil(&self, batch: &Batch, done: &mut Moved) {
        use Fault as F;
        let last = done.moved.last().cloned();
        self.touched.lock().unwrap().retain(|id| !done.moved.iter().any(|it| number(it) == *id));
        match self.fault {
            Some(F::Closes) => self.each(done, |it| it.state = WorkState::Closed),
            Some(F::Reopens) => self.each(done, |it| it.state = WorkState::Open),
            Some(F::RewritesAuthors) => self.each(done, |it| it.original_author = it.holder),
            Some(F::NeverMore) => done.more_after = None,
            Some(F::MoreAtTheLimit) => match batch.items {
                BatchItems::Next { limit, .. } if done.moved.len() == limit as usize => {
                    done.more_after = last;
                }
                _ => {}
            },
            Some(F::SilentOnSkipped) => done.skipped.clear(),
            Some(F::WrongReason) => {
                for Skipped { because, .. } in &mut done.skipped {
                    *because = SkippedBecause::NotHeld;
                }
            }
            _ => {}
        }
    }

    fn each(&self, done: &Moved, change: impl Fn(&mut WorkItem)) {
        for item in &done.moved {
            self.fake.change(number(item), &change);
        }
    }
}

fn number(item: &ItemId) -> u64 {
    item.as_str().parse().unwrap()
}

#[async_trait]
impl Workload for InMemory {
    fn kinds(&self) -> Vec<WorkKind> {
        self.fake.kinds()
    }

    async fn survey(
        &self,
        scope: Scope,
        holder: MembershipId,
    ) -> Result<Vec<WorkCount>, WorkloadError> {
        let mut counts = self.fake.survey(scope, holder).await?;
        if self.has(Fault::CountsZero) {
            let (kind, place) = ("tickets".parse().unwrap(), Place::new());
            counts.push(WorkCount { kind, place, state: WorkState::Closed, items: 0 });
        }
        if self.has(Fault::CountsOthers) {
            let others: BTreeSet<_> = self.fake.items().iter().map(|it| it.scope.whole()).collect();
            for other in others.into_iter().filter(|it| *it != scope.whole()) {
                counts.extend(self.fake.survey(other, holder).await?);
            }
        }
        if self.has(Fault::CountsStatesTogether) {
            for count in &mut counts {
                count.state = WorkState::Open;
            }
        }
        Ok(counts)
    }

    async fn look(
        &self,
        scope: Scope,
        kind: &KindName,
        items: &[ItemId],
    ) -> Result<Vec<FoundItem>, WorkloadError> {
        let mut found = self.fake.look(scope, kind, items).await?;
        for it in &mut found {
            if self.touched.lock().unwrap().contains(&number(&it.id)) {
                it.untouched_since = None;
            }
        }
        if self.has(Fault::LooksTouch) {
            for it in items {
                self.fake.touch(number(it));
            }
        }
        if self.has(Fault::FindsOthers) {
            for item in self.fake.items().iter().filter(|it| it.scope.whole() != scope) {
                found.extend(self.fake.look(item.scope, kind, items).await?);
            }
        }
        Ok(found)
    }

    async fn loads(
        &self,
        scope: Scope,
        kind: &KindName,
        members: &[MembershipId],
    ) -> Result<Vec<Load>, WorkloadError> {
        let mut loads = self.fake.loads(scope, kind, members).await?;
        if self.has(Fault::LoadsClosed) {
            for load in &mut loads {
                load.items = self.fake.held_by(load.member).len() as u64;
            }
        }
        Ok(loads)
    }

    async fn move_batch(&self, batch: &Batch) -> Result<Moved, WorkloadError> {
        let first = !self.asked.lock().unwrap().contains_key(&batch.name);
        let mut done = self.moves(batch).await?;
        if first {
            self.spoil(batch, &mut done);
            let asked = (batch.clone(), done.clone());
            self.asked.lock().unwrap().insert(batch.name, asked);
        }
        Ok(done)
    }
}

#[async_trait]
impl Host for InMemory {
    fn workload(&self) -> &dyn Workload {
        self
    }

    fn knows(&self, _: &KindName, _: Ability) -> bool {
        true
    }

    fn place(&self, _: &KindName, number: u32) -> Place {
        place(number)
    }

    async fn put(&self, item: NewItem) -> ItemId {
        let NewItem { scope, kind, place, state, holder } = item;
        let author = holder.unwrap_or(MembershipId::new(uuid::Uuid::nil()));
        let id = self.fake.add_in(scope, kind.as_str(), place, author);
        self.fake.change(id, |it| (it.state, it.holder) = (state, holder));
        id.to_string().parse().unwrap()
    }

    async fn touch(&self, _: &KindName, item: &ItemId) {
        if self.has(Fault::IgnoresTouches) {
            self.touched.lock().unwrap().insert(number(item));
        } else if !self.has(Fault::KeepsMarks) {
            self.fake.touch(number(item));
        }
    }

    async fn give(&self, _: &KindName, item: &ItemId, to: MembershipId) {
        let mark = !self.has(Fault::KeepsMarks);
        self.fake.change(number(item), |it| {
            it.holder = Some(to);
            it.last_batch = it.last_batch.filter(|_| !mark);
        });
    }

    async fn hold_back(&self, _: &KindName, item: &ItemId, because: &Reason) {
        self.fake.hold_back(number(item), because.clone());
    }

    async fn read(&self, kind: &KindName, item: &ItemId) -> OnRecord {
        let it = self.fake.item(number(item)).unwrap();
        let authored =
            self.fake.kinds().iter().any(|it| it.name == *kind && it.nature == Nature::Authored);
        let original_author = it.original_author.filter(|_| authored);
        let rest = format!("{:?} {:?} {:?}", it.scope, it.place, it.state);
        OnRecord { holder: it.holder, original_author, rest }
    }
}

fn place(number: u32) -> Place {
    Place::from([("inbox".parse().unwrap(), format!("inbox-{number}").parse().unwrap())])
}

/// The workload in SQL, and a connection of the host's own.
struct InSql {
    work: Work,
    desk: Mutex<Connection>,
    _folder: TempDir,
}

impl InSql {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("desk.db");
        let work = Work::open(&file).unwrap();
        // What only the suite looks at need not be on the disk.
        work.connection().pragma_update(None, "synchronous", "off").unwrap();
        let desk = Connection::open(file).unwrap();
        desk.busy_timeout(Duration::from_secs(5)).unwrap();
        desk.pragma_update(None, "synchronous", "off").unwrap();
        Self { work, desk: Mutex::new(desk), _folder: folder }
    }
}

/// The column of whoever holds items of a kind, and one that the host's people change.
fn columns(kind: &KindName) -> (&'static str, &'static str) {
    match kind.as_str() {
        "tickets" => ("assignee", "subject"),
        "replies" => ("author", "body"),
        "macros" | "views" => ("maker", "title"),
        "automations" => ("runs_as", "title"),
        other => panic!("there are no {other}"),
    }
}

#[async_trait]
impl Host for InSql {
    fn workload(&self) -> &dyn Workload {
        &self.work
    }

    fn knows(&self, kind: &KindName, ability: Ability) -> bool {
        match ability {
            Ability::Closed | Ability::Places | Ability::HeldBack => kind.as_str() == "tickets",
            Ability::Unheld | Ability::InWorkspaces => true,
        }
    }

    fn place(&self, _: &KindName, number: u32) -> Place {
        place(number)
    }

    async fn put(&self, item: NewItem) -> ItemId {
        let desk = self.desk.lock().unwrap();
        let (holder, text) = columns(&item.kind);
        let sql = format!(
            "INSERT INTO {} (organization, workspace, {holder}, {text}) VALUES (?1, ?2, ?3, 'x')",
            item.kind
        );
        let sql = match item.kind.as_str() {
            "tickets" => {
                "INSERT INTO tickets (organization, workspace, assignee, subject, inbox, status)
                          VALUES (?1, ?2, ?3, 'x', ?4, ?5)"
            }
            "replies" => {
                "INSERT INTO replies (organization, workspace, author, body, original_author)
                          VALUES (?1, ?2, ?3, 'x', ?3)"
            }
            _ => &sql,
        };
        let state = match item.state {
            WorkState::Open => "open",
            WorkState::Closed => "closed",
        };
        let inbox = item.place.values().next().map(|it| it.as_str().to_owned());
        let organization = item.scope.organization.to_string();
        let workspace = item.scope.workspace.map(|it| it.to_string());
        let holder = item.holder.map(|it| it.to_string());
        match item.kind.as_str() {
            "tickets" => desk.execute(sql, params![organization, workspace, holder, inbox, state]),
            _ => desk.execute(sql, params![organization, workspace, holder]),
        }
        .unwrap();
        desk.last_insert_rowid().to_string().parse().unwrap()
    }

    async fn touch(&self, kind: &KindName, item: &ItemId) {
        let (_, text) = columns(kind);
        let sql = format!("UPDATE {kind} SET {text} = {text} || '!' WHERE id = ?1");
        self.desk.lock().unwrap().execute(&sql, [row(item)]).unwrap();
    }

    async fn give(&self, kind: &KindName, item: &ItemId, to: MembershipId) {
        let (holder, _) = columns(kind);
        let sql = format!("UPDATE {kind} SET {holder} = ?2, moved_by = 16777216 WHERE id = ?1");
        let values = params![row(item), to.to_string()];
        self.desk.lock().unwrap().execute(&sql, values).unwrap();
    }

    async fn hold_back(&self, _: &KindName, item: &ItemId, because: &Reason) {
        let sql = "UPDATE tickets SET held_back = ?2 WHERE id = ?1";
        let values = params![row(item), because.as_str()];
        self.desk.lock().unwrap().execute(sql, values).unwrap();
    }

    async fn read(&self, kind: &KindName, item: &ItemId) -> OnRecord {
        let (holder, _) = columns(kind);
        let desk = self.desk.lock().unwrap();
        let mut statement = desk.prepare(&format!("SELECT * FROM {kind} WHERE id = ?1")).unwrap();
        let names: Vec<_> = statement.column_names().into_iter().map(str::to_owned).collect();
        statement
            .query_row([row(item)], |row| {
                let mut it = OnRecord { holder: None, original_author: None, rest: String::new() };
                for (at, name) in names.iter().enumerate() {
                    match name.as_str() {
                        "moved_by" => {}
                        "original_author" => it.original_author = member(row.get(at)?),
                        name if name == holder => it.holder = member(row.get(at)?),
                        name => it.rest += &format!("{name} {:?}; ", row.get_ref(at)?),
                    }
                }
                Ok(it)
            })
            .unwrap()
    }
}

fn member(text: Option<String>) -> Option<MembershipId> {
    text.map(|it| it.parse().unwrap())
}

fn row(item: &ItemId) -> i64 {
    item.as_str().parse().unwrap()
}
