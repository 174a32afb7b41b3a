//! The host's work, as far as we have to know it: kinds, counts, and one batch that changes hands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    FenceName, HandoverId, ItemId, KindName, MembershipId, PermissionName, Reason, ResourceId,
    Scope,
};

/// One kind of work that the host has: tickets, contacts, macros, automations, authored replies.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkKind {
    /// What it is called.
    pub name: KindName,
    /// What it is to whoever holds it.
    pub nature: Nature,
    /// The permission by which somebody reaches such items; none means that any active member does.
    pub needs: Option<PermissionName>,
}

impl WorkKind {
    /// A kind that any active member may receive.
    pub const fn new(name: KindName, nature: Nature) -> Self {
        Self { name, nature, needs: None }
    }

    /// The same, for those only who hold a permission that reaches the item.
    #[must_use]
    pub fn needing(mut self, permission: impl Into<PermissionName>) -> Self {
        self.needs = Some(permission.into());
        self
    }
}

/// What work is to whoever holds it, and so what becomes of it when they go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nature {
    /// Somebody has to see to it: tickets, contacts, conversations. It follows C9.
    Held,
    /// Somebody wrote it, and is credited: replies, notes, articles. It follows C13. Whatever
    /// credit moves, the host keeps the original author on record.
    Authored,
    /// Somebody made it, and it works without them: macros, views, tags. It follows
    /// [`MadeOnLeaving`](super::MadeOnLeaving).
    Made,
    /// Somebody made it, and it runs in their name: automations, workflows, scheduled exports. It
    /// follows the same rule, and a preview says what would go on running in the name of whoever
    /// leaves.
    Automated,
}

/// Whether an item is still being worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkState {
    /// It is.
    Open,
    /// It is finished, and stays so: moving it changes who has it and nothing else.
    Closed,
}

/// Which items move, by their state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkStates {
    /// Those still being worked on; what is finished stays with whoever finished it.
    OpenOnly,
    /// All.
    #[default]
    All,
}

impl WorkStates {
    /// Whether an item in this state moves.
    pub const fn include(self, state: WorkState) -> bool {
        match (self, state) {
            (Self::All, _) | (Self::OpenOnly, WorkState::Open) => true,
            (Self::OpenOnly, WorkState::Closed) => false,
        }
    }
}

/// The listed resources in which an item lies, by the name of the fence: its inbox. Empty for items
/// that lie in none.
pub type Place = BTreeMap<FenceName, ResourceId>;

/// How many items of one kind and state somebody holds in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkCount {
    /// The kind.
    pub kind: KindName,
    /// Where they lie.
    pub place: Place,
    /// Their state.
    pub state: WorkState,
    /// How many.
    pub items: u64,
}

/// The most rows that a survey has. One that has as many may have been cut short, and a handover that
/// goes by it says so.
pub const MOST_COUNTS: usize = 1_000;

/// What is to be known of one item by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundItem {
    /// Its name.
    pub id: ItemId,
    /// Where it lies.
    pub place: Place,
    /// Its state.
    pub state: WorkState,
    /// Who holds it, if anybody does.
    pub holder: Option<MembershipId>,
    /// The batch that moved it to its holder, if nothing has been done to it since.
    pub untouched_since: Option<BatchName>,
}

/// Names one batch of one handover, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BatchName {
    /// The handover.
    pub handover: HandoverId,
    /// The number of the batch in it.
    pub number: u32,
}

impl std::fmt::Display for BatchName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.handover, self.number)
    }
}

/// Some items of one kind that are to change hands together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Its name.
    pub name: BatchName,
    /// Where the work lies: an organization with everything in it, or one workspace.
    pub scope: Scope,
    /// The kind.
    pub kind: KindName,
    /// Only items in these states.
    pub states: WorkStates,
    /// Only items that lie exactly there.
    pub place: Place,
    /// Only items that this member holds; none: that nobody holds.
    pub from: Option<MembershipId>,
    /// Who gets them; none: nobody.
    pub to: Option<MembershipId>,
    /// Which of these items.
    pub items: BatchItems,
    /// Only items to which nothing has been done since that batch moved them.
    pub untouched_since: Option<BatchName>,
}

impl Batch {
    /// The same batch with nothing in it: it finds out what was done under the name, and if that is
    /// nothing, sees to it that nothing ever is.
    #[must_use]
    pub(crate) fn emptied(mut self) -> Self {
        self.items = BatchItems::Named(Vec::new());
        self
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.items {
            BatchItems::Next { limit, .. } => *limit == 0,
            BatchItems::Named(items) => items.is_empty(),
        }
    }
}

/// Which items a batch is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchItems {
    /// The next ones in the host's order.
    Next {
        /// Behind this item; none: from the beginning.
        after: Option<ItemId>,
        /// At most this many are looked at.
        limit: u32,
    },
    /// These. An empty list moves nothing.
    Named(Vec<ItemId>),
}

/// What a batch did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Which items moved.
    pub moved: Vec<ItemId>,
    /// Which were looked at and did not move, and why.
    pub skipped: Vec<Skipped>,
    /// For the next items: the last one that was looked at, if there are more behind it.
    pub more_after: Option<ItemId>,
}

/// An item that did not move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The item.
    pub item: ItemId,
    /// Why.
    pub because: SkippedBecause,
}

/// Why an item did not move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkippedBecause {
    /// Somebody else has it by now, or there is no such item (any more).
    NotHeld,
    /// It is of another kind or state, or lies elsewhere, by now.
    Elsewhere,
    /// Something was done to it since.
    Touched,
    /// The host does not let it go, in its own words.
    Refused(Reason),
}

/// How much of a kind of work somebody has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Who.
    pub member: MembershipId,
    /// How many open items.
    pub items: u64,
}
