//! Sets of permissions as bits: what a check tests.

use crate::access::{Catalogue, FAST};
use crate::domain::{PermissionName, RolePermissions};

/// How many 64-bit words a member has.
pub(super) const WORDS: usize = FAST / 64;

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mask(pub(super) [u64; WORDS]);

impl Mask {
    /// All that a role gives, to whatever reach.
    pub(super) fn of_role(catalogue: &Catalogue, permissions: &RolePermissions) -> Self {
        Self::of(catalogue, catalogue.names().filter(|name| permissions.reach(name).is_some()))
    }

    /// These permissions, as far as they are declared.
    pub(super) fn of<'p>(
        catalogue: &Catalogue,
        names: impl IntoIterator<Item = &'p PermissionName>,
    ) -> Self {
        let mut mask = Self::default();
        for name in names {
            for &number in catalogue.numbers(name) {
                mask.set(number);
            }
        }
        mask
    }

    pub(super) fn set(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    #[must_use]
    pub(super) fn with(self, other: Self) -> Self {
        let mut words = self.0;
        words.iter_mut().zip(other.0).for_each(|(word, more)| *word |= more);
        Self(words)
    }

    #[must_use]
    pub(super) fn without(self, other: Self) -> Self {
        let mut words = self.0;
        words.iter_mut().zip(other.0).for_each(|(word, less)| *word &= !less);
        Self(words)
    }
}
