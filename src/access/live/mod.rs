//! The live view: what everybody in one scope may do, in memory, changed in place while it is read.
//!
//! A [`View`] is told what has changed ([`Update`]) and answers through a [`Guard`], which is taken
//! once for each request. Readers never wait: not for each other, and not for whoever writes.
//!
//! ```text
//! Guard ── can(member, permission) ──▶ Table: two people a cache line ── a bit ──▶ yes
//!   │                                      │ facts: role, teams, overrides (numbers)
//!   └── check, visible, … ─────────────────┴──▶ Pools, Definitions ──▶ MemberView::decide
//! ```
//!
//! The bits hold what does not depend on the time: grants only add to it, so a bit that is set is
//! right at any time, and where a grant may add something the clock is asked.

mod compare;
mod definitions;
mod facts;
mod guard;
mod mask;
mod put;
mod questions;
mod segments;
mod table;
mod update;
mod visible;
mod write;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;

use super::Catalogue;
use crate::domain::{OrganizationStatus, Revision, RoleName, Scope, TeamId};
use definitions::Definitions;
use facts::Pools;
use table::Table;

pub use compare::{Comparison, PermissionChange, PersonChange};
pub use guard::{Guard, Member, Who};
pub use questions::Person;
pub use update::Update;
pub use visible::{HeldBy, Visible, VisiblePart};
pub use write::{Applied, Wants};

/// Who is in a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Everybody: whoever is not in it does not belong.
    Everybody,
    /// Whoever was asked for: others have to be admitted first.
    WhoeverIsAdmitted,
}

/// What everybody in one scope may do.
pub struct View {
    scope: Scope,
    holds: Holds,
    catalogue: Arc<Catalogue>,
    table: ArcSwap<Table>,
    pools: Pools,
    definitions: ArcSwap<Definitions>,
    /// Odd while people and definitions change together.
    changes: AtomicU64,
    revision: AtomicU64,
    writer: Mutex<Writer>,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// What only whoever writes needs.
#[derive(Default)]
struct Writer {
    roles: HashMap<RoleName, u32, RandomState>,
    teams: HashMap<TeamId, u32, RandomState>,
    /// Sets of teams by their hash.
    sets: HashMap<u32, u32, RandomState>,
    /// Words that sets take.
    words: usize,
    /// The teams of whoever is shown, to be looked for among the sets.
    scratch: Vec<u32>,
    /// How many entries, cells and whole persons there are.
    entries: usize,
    cells: u32,
    wholes: usize,
    /// How many of them nobody refers to any more.
    wasted: usize,
    /// Bytes of whole persons and of sets, estimated.
    bytes: usize,
}

/// A lock is only ever held by whoever writes.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl View {
    /// An empty view with room for this many people; an [`Update`] fills it.
    pub fn new(scope: Scope, catalogue: Arc<Catalogue>, holds: Holds, members: usize) -> Self {
        let definitions = Definitions {
            organization: OrganizationStatus::Active,
            closed: false,
            roles: Vec::new(),
            teams: Vec::new(),
            supports: std::collections::BTreeMap::new(),
        };
        Self {
            scope,
            holds,
            catalogue,
            table: ArcSwap::from_pointee(Table::with_room(members)),
            pools: Pools::with_room(members),
            definitions: ArcSwap::from_pointee(definitions),
            changes: AtomicU64::new(0),
            revision: AtomicU64::new(0),
            // The set at 0 is the empty one.
            writer: Mutex::new(Writer { words: 1, ..Writer::default() }),
        }
    }

    /// The scope.
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// Who is in it.
    pub const fn holds(&self) -> Holds {
        self.holds
    }

    /// The revision of the organization that it shows.
    pub fn revision(&self) -> Revision {
        Revision::new(self.revision.load(Ordering::Acquire))
    }

    /// The teams it has heard of.
    pub(crate) fn teams(&self) -> Vec<TeamId> {
        lock(&self.writer).teams.keys().copied().collect()
    }

    /// Bytes that it takes, what it shares with nobody all told.
    pub fn bytes(&self) -> usize {
        let writer = lock(&self.writer);
        let pools = self.pools.sets.bytes() + self.pools.cells.bytes() + self.pools.wholes.bytes();
        let sets = writer.sets.capacity() * (size_of::<(u32, u32)>() + 1);
        self.table.load().bytes() + pools + sets + writer.bytes
    }

    /// Whether so much of it is refuse that it had better be made anew.
    pub fn is_worn(&self) -> bool {
        let writer = lock(&self.writer);
        writer.wasted > writer.entries + 4_096
            || writer.words > 16 * writer.entries + 65_536
            || writer.roles.len() > 1_024
    }

    /// Takes a guard: for one request, not for one check.
    pub fn guard(self: &Arc<Self>) -> Guard {
        Guard::new(Arc::clone(self), self.table.load_full())
    }

    /// Says whether it can be relied on; while it cannot, every check is refused. What is asked is
    /// asked when nobody else answers it.
    pub fn confirm(&self, can: impl FnOnce() -> bool) {
        let _writer = lock(&self.writer);
        let table = self.table.load();
        if can() {
            table.lower(table::UNCONFIRMED);
        } else {
            table.raise(table::UNCONFIRMED);
        }
    }

    /// Says that it is told of nothing more: every check is refused, for good.
    pub fn end(&self) {
        let _writer = lock(&self.writer);
        self.table.load().raise(table::GONE);
    }
}
