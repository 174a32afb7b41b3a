//! What somebody may see, as a condition that a host puts into its own query.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{Extent, Item, MemberView};
use crate::domain::{Breadth, FenceName, MembershipId, ResourceId, TeamId};

/// What a permission reaches, for one person: whatever any of its parts reaches; nothing without
/// one.
///
/// Put into SQL, it is `part OR part OR …`, each part `holder AND list AND …`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visible {
    /// The parts, none of them twice.
    pub parts: Vec<VisiblePart>,
}

/// One part: what meets all of its conditions. Without any, everything does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisiblePart {
    /// Only what these hold; none means whoever holds it.
    pub held_by: Option<HeldBy>,
    /// Only what lies, for each of these names, in one of the listed resources.
    pub within: BTreeMap<FenceName, BTreeSet<ResourceId>>,
}

/// Who has to hold a thing: the person, or one of these teams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBy {
    /// The person.
    pub member: MembershipId,
    /// Teams; often none.
    pub teams: BTreeSet<TeamId>,
}

impl Visible {
    /// Whether nothing is visible.
    pub fn is_nothing(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether everything is visible.
    pub fn is_everything(&self) -> bool {
        self.parts.iter().any(|part| part.held_by.is_none() && part.within.is_empty())
    }

    /// Whether a thing is visible.
    pub fn admits(&self, item: &Item) -> bool {
        self.parts.iter().any(|part| part.admits(item))
    }

    pub(super) fn everything() -> Self {
        Self { parts: vec![VisiblePart { held_by: None, within: BTreeMap::new() }] }
    }

    /// What an extent reaches through one membership.
    pub(super) fn add(&mut self, extent: &Extent, view: &MemberView<'_>) {
        for alternative in extent.alternatives() {
            let teams = || view.teams.iter().map(|team| team.id).collect();
            let held_by = match alternative.breadth {
                Breadth::All => None,
                Breadth::Team => Some(HeldBy { member: view.id, teams: teams() }),
                Breadth::Own => Some(HeldBy { member: view.id, teams: BTreeSet::new() }),
            };
            let listed = |name: &FenceName| {
                let fences = view.teams.iter().map(|team| &team.fence).chain([view.fence]);
                fences.filter_map(|fence| fence.0.get(name)).flatten().cloned().collect()
            };
            let within: BTreeMap<_, BTreeSet<_>> =
                alternative.within.iter().map(|name| (name.clone(), listed(name))).collect();
            let part = VisiblePart { held_by, within };
            if part.within.values().all(|listed| !listed.is_empty()) && !self.parts.contains(&part)
            {
                self.parts.push(part);
            }
        }
    }
}

impl VisiblePart {
    fn admits(&self, item: &Item) -> bool {
        let held = self.held_by.as_ref().is_none_or(|by| {
            item.holder == Some(by.member) || by.teams.iter().any(|team| item.teams.contains(team))
        });
        held && self.within.iter().all(|(name, listed)| {
            item.resources.get(name).is_some_and(|resource| listed.contains(resource))
        })
    }
}
