//! How far a permission goes in the end: a union of intersections.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Breadth, FenceName, MembershipId, Reach, ResourceId, TeamId};

/// One way in which a permission reaches something: by breadth, and inside all of these fences.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alternative {
    /// Of whose things.
    pub breadth: Breadth,
    /// Only inside the resources listed under each of these names.
    pub within: BTreeSet<FenceName>,
}

/// How far a permission goes: it reaches what any of its alternatives reaches. None: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extent(BTreeSet<Alternative>);

/// One thing that a permission may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Who holds it.
    pub holder: Option<MembershipId>,
    /// Which teams hold it.
    pub teams: BTreeSet<TeamId>,
    /// Which listed resource it lies in, by the name of the fence: its inbox.
    pub resources: BTreeMap<FenceName, ResourceId>,
}

impl Extent {
    /// Whether it reaches nothing at all.
    pub fn is_nothing(&self) -> bool {
        self.0.is_empty()
    }

    /// The alternatives, none of which contains another.
    pub fn alternatives(&self) -> impl Iterator<Item = &Alternative> {
        self.0.iter()
    }

    /// Adds what a reach reaches.
    pub(crate) fn give(&mut self, reach: Reach) {
        self.0.insert(Alternative {
            breadth: reach.breadth,
            within: reach.within.into_iter().collect(),
        });
        self.simplify();
    }

    /// Adds what another extent reaches.
    pub(crate) fn unite(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
        self.simplify();
    }

    /// Takes away what lies beyond a reach.
    pub(crate) fn cap(&mut self, reach: &Reach) {
        self.0 = std::mem::take(&mut self.0)
            .into_iter()
            .map(|mut alternative| {
                alternative.breadth = alternative.breadth.min(reach.breadth);
                alternative.within.extend(reach.within.clone());
                alternative
            })
            .collect();
        self.simplify();
    }

    /// Takes everything away.
    pub(crate) fn deny(&mut self) {
        self.0.clear();
    }

    /// Whether it reaches at least as far as another, whoever holds it.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|theirs| self.0.iter().any(|ours| contains(ours, theirs)))
    }

    /// Drops alternatives that lie within another one.
    fn simplify(&mut self) {
        let all = std::mem::take(&mut self.0);
        self.0 = all
            .iter()
            .filter(|it| !all.iter().any(|other| *it != other && contains(other, it)))
            .cloned()
            .collect();
    }
}

fn contains(wide: &Alternative, narrow: &Alternative) -> bool {
    wide.breadth >= narrow.breadth && wide.within.is_subset(&narrow.within)
}

impl From<Reach> for Extent {
    fn from(reach: Reach) -> Self {
        let mut extent = Self::default();
        extent.give(reach);
        extent
    }
}
