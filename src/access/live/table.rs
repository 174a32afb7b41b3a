//! Members by user: one cache line each, changed in place, read without waiting.
//!
//! An entry's identities are written before its tag appears and never change; everything else that
//! can change is one word of facts and three words of bits. So a reader sees a whole state of the
//! facts by one load, and a bit by another.
//!
//! Why not a hash map of a library: none can be changed in place while it is read without either a
//! lock or a guard per look-up, and both cost more than the look-up (`cargo bench --bench access`).

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use foldhash::fast::RandomState;

use super::mask::{Mask, WORDS};
use crate::domain::{MembershipId, UserId};

/// One person.
#[derive(Default)]
#[repr(align(64))]
pub(super) struct Entry {
    user: [AtomicU64; 2],
    bits: [AtomicU64; WORDS],
    facts: AtomicU64,
    membership: [AtomicU64; 2],
}

/// The table is superseded by a larger one.
pub(super) const RETIRED: u32 = 1;
/// The organization is not active, or the workspace is closed.
pub(super) const NOT_WORKING: u32 = 2;
/// The view could not be confirmed against the store for too long.
pub(super) const UNCONFIRMED: u32 = 4;

/// Entries in buckets of eight, each bucket with a word of eight tags; a tag of 0 means free.
pub(super) struct Table {
    tags: Box<[AtomicU64]>,
    entries: Box<[Entry]>,
    hasher: RandomState,
    /// Why the bits alone do not decide; 0 means that they do.
    flags: AtomicU32,
}

const EIGHT: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

const fn pair(words: &[AtomicU64; 2]) -> (&AtomicU64, &AtomicU64) {
    let [high, low] = words;
    (high, low)
}

impl Entry {
    #[inline]
    pub(super) fn is_of(&self, (high, low): (u64, u64)) -> bool {
        let (first, second) = pair(&self.user);
        first.load(Ordering::Relaxed) == high && second.load(Ordering::Relaxed) == low
    }

    pub(super) fn user(&self) -> UserId {
        read(&self.user).into()
    }

    /// The membership that the person had when the entry was made.
    pub(super) fn membership(&self) -> MembershipId {
        read(&self.membership).into()
    }

    pub(super) fn facts(&self) -> u64 {
        self.facts.load(Ordering::Acquire)
    }

    #[inline]
    pub(super) fn word(&self, word: usize) -> u64 {
        self.bits.get(word).map_or(0, |bits| bits.load(Ordering::Relaxed))
    }

    /// Facts and bits, written by one writer at a time.
    pub(super) fn write(&self, facts: u64, mask: Mask) {
        self.facts.store(facts, Ordering::Release);
        self.write_bits(mask);
    }

    pub(super) fn write_bits(&self, mask: Mask) {
        for (bits, word) in self.bits.iter().zip(mask.0) {
            bits.store(word, Ordering::Release);
        }
    }
}

fn read(words: &[AtomicU64; 2]) -> uuid::Uuid {
    let (high, low) = pair(words);
    uuid::Uuid::from_u64_pair(high.load(Ordering::Relaxed), low.load(Ordering::Relaxed))
}

fn store(words: &[AtomicU64; 2], id: uuid::Uuid) {
    let ((first, second), (high, low)) = (pair(words), id.as_u64_pair());
    first.store(high, Ordering::Relaxed);
    second.store(low, Ordering::Relaxed);
}

impl Table {
    /// With room for this many, at four fifths full.
    pub(super) fn with_room(members: usize) -> Self {
        let buckets = (members / 8 * 5 / 4 + 1).max(1);
        Self {
            tags: (0..buckets).map(|_| AtomicU64::new(0)).collect(),
            entries: (0..buckets * 8).map(|_| Entry::default()).collect(),
            hasher: RandomState::default(),
            flags: AtomicU32::new(0),
        }
    }

    /// How many it takes before it has to grow: at 17 of 20 a look-up still ends in its first or
    /// second bucket.
    pub(super) fn room(&self) -> usize {
        self.entries.len() / 20 * 17 + 1
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.tags) + size_of_val(&*self.entries)
    }

    #[inline]
    pub(super) fn flags(&self) -> u32 {
        self.flags.load(Ordering::Acquire)
    }

    pub(super) fn raise(&self, flag: u32) {
        self.flags.fetch_or(flag, Ordering::AcqRel);
    }

    pub(super) fn lower(&self, flag: u32) {
        self.flags.fetch_and(!flag, Ordering::AcqRel);
    }

    /// The bucket to begin with, and the tag.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "scaled to the number of buckets")]
    fn place(&self, (high, low): (u64, u64)) -> (usize, u64) {
        let hash = self.hasher.hash_one(u128::from(high) << 64 | u128::from(low));
        let bucket = (u128::from(hash) * self.tags.len() as u128) >> 64;
        (bucket as usize, hash & 0x7f | 0x80)
    }

    #[inline]
    pub(super) fn entry(&self, slot: u32) -> Option<&Entry> {
        self.entries.get(slot as usize)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "as many slots as fit into memory lines")]
    pub(super) fn find(&self, user: UserId) -> Option<u32> {
        let id = user.uuid().as_u64_pair();
        let (mut bucket, tag) = self.place(id);
        // A table is never full, so this ends.
        loop {
            let tags = self.tags.get(bucket)?.load(Ordering::Acquire);
            // Bytes that are equal become zero; at worst one more is looked at.
            let odd = tags ^ (EIGHT * tag);
            let mut equal = odd.wrapping_sub(EIGHT) & !odd & HIGH;
            while equal != 0 {
                let slot = bucket * 8 + equal.trailing_zeros() as usize / 8;
                if self.entries.get(slot)?.is_of(id) {
                    return Some(slot as u32);
                }
                equal &= equal - 1;
            }
            if tags & HIGH != HIGH {
                return None;
            }
            bucket = if bucket + 1 == self.tags.len() { 0 } else { bucket + 1 };
        }
    }

    /// Adds somebody who is not there yet; there is room, and nobody else writes.
    #[expect(clippy::cast_possible_truncation, reason = "as many slots as fit into memory lines")]
    pub(super) fn insert(&self, user: UserId, membership: MembershipId, facts: u64, mask: Mask) {
        let (mut bucket, tag) = self.place(user.uuid().as_u64_pair());
        while let Some(word) = self.tags.get(bucket) {
            let tags = word.load(Ordering::Relaxed);
            let free = !tags & HIGH;
            if free != 0 {
                let at = free.trailing_zeros() / 8;
                if let Some(entry) = self.entry(bucket as u32 * 8 + at) {
                    store(&entry.user, user.uuid());
                    store(&entry.membership, membership.uuid());
                    entry.write(facts, mask);
                    word.store(tags | tag << (at * 8), Ordering::Release);
                }
                return;
            }
            bucket = if bucket + 1 == self.tags.len() { 0 } else { bucket + 1 };
        }
    }

    /// Everybody, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Entry)> {
        (0_u32..).zip(&self.entries).filter(|(slot, _)| {
            let tags = self.tags.get(*slot as usize / 8).map(|tags| tags.load(Ordering::Acquire));
            tags.is_some_and(|tags| tags >> (slot % 8 * 8) & 0x80 != 0)
        })
    }
}
