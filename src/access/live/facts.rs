//! What is known of one person, and how it is packed into a word.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::segments::Segments;
use crate::access::{Catalogue, FAST};
use crate::domain::{
    Breadth, Fence, Grant, MembershipId, Override, PermissionName, Reach, StatusName,
};

/// What is known of one person in a scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// The membership in the organization itself.
    pub(super) whole: Option<Part>,
    /// The membership in the workspace, in the view of one.
    pub(super) here: Option<Part>,
}

/// One membership, as far as it decides what the person may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) id: MembershipId,
    pub(super) status: StatusName,
    /// The number of the role's name.
    pub(super) role: u32,
    /// The numbers of the teams.
    pub(super) teams: Vec<u32>,
    pub(super) overrides: BTreeMap<PermissionName, Override>,
    pub(super) grants: Vec<Grant>,
    pub(super) fence: Fence,
}

impl Part {
    pub(super) fn is_active(&self) -> bool {
        self.status == StatusName::Active
    }
}

/// The word of an entry: everything about an ordinary person, or the number of what does not fit.
///
/// | bits | hold |
/// | --- | --- |
/// | 0–11 | the role |
/// | 12–14 | the status |
/// | 15 | whether anything depends on the time |
/// | 16–36 | the set of teams |
/// | 37–63 | one more than the number of the cell; 0 without one |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts(pub(super) u64);

pub(super) const MAX_ROLE: u32 = (1 << 12) - 1;
pub(super) const MAX_SET: u32 = (1 << 21) - 1;
pub(super) const MAX_CELL: u32 = (1 << 27) - 2;

impl Facts {
    pub(super) fn new(role: u32, status: StatusName, set: u32, cell: Option<u32>) -> Self {
        let cell = cell.map_or(0, |cell| u64::from(cell) + 1);
        let status = StatusName::ALL.iter().position(|it| *it == status).unwrap_or(7);
        Self(u64::from(role) | (status as u64) << 12 | u64::from(set) << 16 | cell << 37)
    }

    #[must_use]
    pub(super) const fn timed(self, timed: bool) -> Self {
        Self(self.0 | (timed as u64) << 15)
    }

    #[expect(clippy::cast_possible_truncation, reason = "12 bits")]
    pub(super) const fn role(self) -> u32 {
        self.0 as u32 & MAX_ROLE
    }

    pub(super) fn status(self) -> StatusName {
        let status = (self.0 >> 12 & 7) as usize;
        StatusName::ALL.get(status).copied().unwrap_or(StatusName::Removed)
    }

    #[inline]
    pub(super) const fn is_timed(self) -> bool {
        self.0 >> 15 & 1 == 1
    }

    pub(super) const fn set(self) -> usize {
        (self.0 >> 16) as usize & MAX_SET as usize
    }

    pub(super) const fn cell(self) -> Option<usize> {
        ((self.0 >> 37) as usize).checked_sub(1)
    }
}

/// What entries refer to by number: it is written once, before the number can be read.
pub(super) struct Pools {
    /// Sets of teams, each its length and then the numbers; the first is empty.
    pub(super) sets: Segments<AtomicU32>,
    pub(super) cells: Segments<AtomicU64>,
    pub(super) wholes: Segments<OnceLock<Arc<Held>>>,
}

impl Pools {
    pub(super) fn with_room(members: usize) -> Self {
        Self {
            sets: Segments::with_room(64),
            cells: Segments::with_room(members / 4 * 3),
            wholes: Segments::with_room(64),
        }
    }

    /// The set that begins at a place.
    pub(super) fn set(&self, number: usize) -> impl Iterator<Item = u32> {
        let word = |at: usize| self.sets.get(at).map_or(0, |it| it.load(Ordering::Relaxed));
        (0..word(number) as usize).map(move |at| word(number + 1 + at))
    }

    pub(super) fn cell(&self, facts: Facts) -> Option<Cell> {
        let word = self.cells.get(facts.cell()?)?.load(Ordering::Relaxed);
        Some(Cell::read(word))
    }

    pub(super) fn held(&self, number: usize) -> Option<&Arc<Held>> {
        self.wholes.get(number)?.get()
    }
}

/// What does not fit into the word of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// At most five plain overrides.
    Few(Few),
    /// The number of everything there is to know of the person.
    Held(usize),
}

impl Cell {
    const HELD: u64 = 1 << 63;

    pub(super) const fn word(self) -> u64 {
        match self {
            Self::Few(Few(word)) => word,
            Self::Held(number) => number as u64 | Self::HELD,
        }
    }

    const fn read(word: u64) -> Self {
        if word & Self::HELD == 0 {
            Self::Few(Few(word))
        } else {
            Self::Held((word & !Self::HELD) as usize)
        }
    }
}

/// At most five overrides without a fence, twelve bits each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Few(u64);

/// One plain override.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plain {
    /// The number of the permission.
    pub(super) permission: usize,
    pub(super) is: Kind,
    breadth: Breadth,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Raise,
    Cap,
    Deny,
}

impl Few {
    /// The overrides, if they are few and plain enough. Permissions that are not declared allow
    /// nothing, whatever is said of them.
    pub(super) fn pack(
        catalogue: &Catalogue,
        overrides: &BTreeMap<PermissionName, Override>,
    ) -> Option<Self> {
        let mut word = 0_u64;
        let mut at = 0;
        for (name, it) in overrides {
            let (kind, breadth) = match it {
                Override::Raise(Reach { breadth, within: None }) => (1, *breadth),
                Override::Cap(Reach { breadth, within: None }) => (2, *breadth),
                Override::Deny => (3, Breadth::Own),
                Override::Raise(_) | Override::Cap(_) => return None,
            };
            match catalogue.numbers(name) {
                [] => {}
                [number] if *number < FAST && at < 60 => {
                    let code = *number as u64 | kind << 8 | (breadth as u64) << 10;
                    word |= code << at;
                    at += 12;
                }
                _ => return None,
            }
        }
        Some(Self(word))
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Plain> {
        (0..5).map_while(move |at| {
            let code = self.0 >> (at * 12);
            let is = match code >> 8 & 3 {
                1 => Kind::Raise,
                2 => Kind::Cap,
                3 => Kind::Deny,
                _ => return None,
            };
            let breadth = match code >> 10 & 3 {
                0 => Breadth::Own,
                1 => Breadth::Team,
                _ => Breadth::All,
            };
            Some(Plain { permission: (code & 0xff) as usize, is, breadth })
        })
    }

    pub(super) fn unpack(self, catalogue: &Catalogue) -> BTreeMap<PermissionName, Override> {
        let named = |it: Plain| Some((catalogue.name(it.permission)?.clone(), it.to_override()));
        self.iter().filter_map(named).collect()
    }
}

impl Plain {
    const fn to_override(self) -> Override {
        let reach = Reach { breadth: self.breadth, within: None };
        match self.is {
            Kind::Raise => Override::Raise(reach),
            Kind::Cap => Override::Cap(reach),
            Kind::Deny => Override::Deny,
        }
    }
}
