//! What whoever lets somebody go says about the work.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::{ItemId, KindName, MembershipId, TeamId, WorkStates};

/// What is to become of somebody's work. What it does not say is left to the rules (C9, C13,
/// [`MadeOnLeaving`](crate::domain::MadeOnLeaving)).
///
/// ```
/// # use tenure::domain::{Disposition, HandoverPlan, Sharing};
/// # fn plan(ada: tenure::domain::MembershipId, tier_1: tenure::domain::TeamId) -> Result<HandoverPlan, tenure::domain::Invalid> {
/// Ok(HandoverPlan::from(Disposition::Team(tier_1, Sharing::LeastLoaded))
///     .open_only()
///     .kind("macros".parse()?, Disposition::To(ada)))
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HandoverPlan {
    /// For every kind that is not named.
    pub all: Option<Assignment>,
    /// For single kinds.
    pub kinds: BTreeMap<KindName, Assignment>,
}

/// Where work goes, and which of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// Where it goes.
    pub to: Disposition,
    /// Which items go, by their state; the others stay where they are.
    #[serde(default)]
    pub states: WorkStates,
}

/// Where work goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// It stays where it is.
    Leave,
    /// Nobody holds it.
    Unassign,
    /// This member takes over all of it.
    To(MembershipId),
    /// The members of this team share it, as far as they can reach it: those who are in the team
    /// when it is planned.
    Team(TeamId, Sharing),
    /// These items go to these people. What is not named, and what they cannot reach, goes the way
    /// of the rest. Only for a single kind.
    Split {
        /// Who gets which.
        items: BTreeMap<MembershipId, BTreeSet<ItemId>>,
        /// What becomes of the others; not another split.
        rest: Box<Disposition>,
    },
}

/// How several people share work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// Each gets as much as the others, give or take one item.
    RoundRobin,
    /// Whoever has least gets first, until all have the same.
    LeastLoaded,
}

impl HandoverPlan {
    /// The same, with another assignment for one kind.
    #[must_use]
    pub fn kind(mut self, kind: KindName, to: impl Into<Assignment>) -> Self {
        self.kinds.insert(kind, to.into());
        self
    }

    /// The same for what is still being worked on; finished items stay with whoever finished them.
    #[must_use]
    pub fn open_only(mut self) -> Self {
        for it in self.all.iter_mut().chain(self.kinds.values_mut()) {
            it.states = WorkStates::OpenOnly;
        }
        self
    }

    /// Everything that it says.
    pub(crate) fn assignments(&self) -> impl Iterator<Item = &Assignment> {
        self.all.iter().chain(self.kinds.values())
    }
}

impl Disposition {
    /// The members that it names.
    pub(crate) fn members(&self) -> Vec<MembershipId> {
        match self {
            Self::Leave | Self::Unassign | Self::Team(..) => Vec::new(),
            Self::To(member) => vec![*member],
            Self::Split { items, rest } => items.keys().copied().chain(rest.members()).collect(),
        }
    }

    /// The team that it names.
    pub(crate) fn team(&self) -> Option<TeamId> {
        match self {
            Self::Leave | Self::Unassign | Self::To(_) => None,
            Self::Team(team, _) => Some(*team),
            Self::Split { rest, .. } => rest.team(),
        }
    }

    /// How many items it names.
    pub(crate) fn named(&self) -> usize {
        match self {
            Self::Leave | Self::Unassign | Self::To(_) | Self::Team(..) => 0,
            Self::Split { items, .. } => items.values().map(BTreeSet::len).sum(),
        }
    }
}

impl From<Disposition> for Assignment {
    fn from(to: Disposition) -> Self {
        Self { to, states: WorkStates::All }
    }
}

impl From<Disposition> for HandoverPlan {
    fn from(to: Disposition) -> Self {
        Self { all: Some(to.into()), kinds: BTreeMap::new() }
    }
}
