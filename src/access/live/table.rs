//! Members by user, changed in place, read without waiting.
//!
//! What a check reads is as small as can be, because beyond a few thousand people its time is that
//! of fetching memory: an identity and two words of bits, two people in a cache line; and for whoever
//! was looked up, the first of the two words again, eight people in a line. The facts behind them lie
//! apart.
//!
//! An entry's identities are written before its tag appears and never change; what can change is one
//! word of facts and the bits. So a reader sees a whole state of the facts by one load, and a bit by
//! another.
//!
//! Why not a hash map of a library: none can be changed in place while it is read without either a
//! lock or a guard per look-up, and both cost more than the look-up (`cargo bench --bench access`).

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use foldhash::fast::RandomState;

use super::mask::{Mask, WORDS};
use crate::domain::{MembershipId, UserId};

/// The high bit of the first byte that is free, and perhaps of more.
#[inline]
const fn free(tags: u64) -> u64 {
    equal(tags, 0)
}

/// What a check by identity reads.
#[derive(Default)]
#[repr(align(32))]
pub(super) struct Hot {
    user: [AtomicU64; 2],
    bits: [AtomicU64; WORDS],
}

/// What every other question reads as well.
#[derive(Default)]
struct Cold {
    facts: AtomicU64,
    membership: [AtomicU64; 2],
}

/// One person.
#[derive(Clone, Copy)]
pub(super) struct Entry<'t> {
    hot: &'t Hot,
    cold: &'t Cold,
    first: &'t AtomicU64,
}

/// The table is superseded by a larger one.
pub(super) const RETIRED: u32 = 1;
/// The organization is not active, or the workspace is closed.
pub(super) const NOT_WORKING: u32 = 2;
/// The view could not be confirmed against the store for too long.
pub(super) const UNCONFIRMED: u32 = 4;

/// Somebody has grants: what the bits do not give, the time may.
pub(super) const GRANTS: u32 = 8;

/// The view is told of nothing more.
pub(super) const GONE: u32 = 16;

/// Entries in buckets of eight, each bucket with a word of eight tags; a tag of 0 means free.
pub(super) struct Table {
    tags: Box<[AtomicU64]>,
    hot: Box<[Hot]>,
    cold: Box<[Cold]>,
    /// The first word of everybody's bits.
    first: Box<[AtomicU64]>,
    /// Two random words: nobody outside can choose users that meet in one bucket.
    seeds: [u64; 2],
    /// Why the bits alone do not decide; 0 means that they do.
    flags: AtomicU32,
    /// Told apart from other tables by it.
    number: u32,
}

/// How many tables there have been.
static TABLES: AtomicU32 = AtomicU32::new(0);

const EIGHT: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The high bit of the first byte that is the tag, and of others that may be.
#[inline]
const fn equal(tags: u64, tag: u64) -> u64 {
    // Bytes that are equal become zero.
    let odd = tags ^ (EIGHT * tag);
    odd.wrapping_sub(EIGHT) & !odd & HIGH
}

impl Hot {
    #[inline]
    fn is_of(&self, (low, high): Words) -> bool {
        let [first, second] = &self.user;
        // One branch rather than two.
        (first.load(Ordering::Relaxed) ^ low) | (second.load(Ordering::Relaxed) ^ high) == 0
    }

    /// One word of the bits; none if they have no such word.
    #[inline]
    pub(super) fn word(&self, word: usize) -> Option<u64> {
        self.bits.get(word).map(|bits| bits.load(Ordering::Relaxed))
    }
}

impl Entry<'_> {
    pub(super) fn user(self) -> UserId {
        read(&self.hot.user).into()
    }

    /// The membership that the person had when the entry was made.
    pub(super) fn membership(self) -> MembershipId {
        read(&self.cold.membership).into()
    }

    pub(super) fn facts(self) -> u64 {
        self.cold.facts.load(Ordering::Acquire)
    }

    pub(super) fn word(self, word: usize) -> Option<u64> {
        self.hot.word(word)
    }

    /// Facts and bits, written by one writer at a time.
    pub(super) fn write(self, facts: u64, mask: Mask) {
        self.cold.facts.store(facts, Ordering::Release);
        self.write_bits(mask);
    }

    pub(super) fn write_bits(self, mask: Mask) {
        let [first, _] = mask.0;
        self.first.store(first, Ordering::Release);
        for (bits, word) in self.hot.bits.iter().zip(mask.0) {
            bits.store(word, Ordering::Release);
        }
    }
}

/// An identity as two words, in the order in which its bytes lie.
type Words = (u64, u64);

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "halves")]
const fn words(id: uuid::Uuid) -> Words {
    let both = u128::from_ne_bytes(*id.as_bytes());
    (both as u64, (both >> 64) as u64)
}

fn read([first, second]: &[AtomicU64; 2]) -> uuid::Uuid {
    let (low, high) = (first.load(Ordering::Relaxed), second.load(Ordering::Relaxed));
    uuid::Uuid::from_bytes((u128::from(high) << 64 | u128::from(low)).to_ne_bytes())
}

fn store([first, second]: &[AtomicU64; 2], id: uuid::Uuid) {
    let (low, high) = words(id);
    first.store(low, Ordering::Relaxed);
    second.store(high, Ordering::Relaxed);
}

impl Table {
    /// With room for this many, at four fifths full.
    pub(super) fn with_room(members: usize) -> Self {
        let buckets = (members / 8 * 5 / 4 + 1).max(1);
        Self {
            tags: (0..buckets).map(|_| AtomicU64::new(0)).collect(),
            hot: (0..buckets * 8).map(|_| Hot::default()).collect(),
            cold: (0..buckets * 8).map(|_| Cold::default()).collect(),
            first: (0..buckets * 8).map(|_| AtomicU64::new(0)).collect(),
            seeds: [0, 1].map(|n: u64| RandomState::default().hash_one(n)),
            flags: AtomicU32::new(0),
            number: TABLES.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// How many it takes before it has to grow: at 17 of 20 a look-up still ends in its first or
    /// second bucket.
    pub(super) fn room(&self) -> usize {
        self.hot.len() / 20 * 17 + 1
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.tags)
            + size_of_val(&*self.hot)
            + size_of_val(&*self.cold)
            + size_of_val(&*self.first)
    }

    #[inline]
    pub(super) const fn number(&self) -> u32 {
        self.number
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

    /// The bucket to begin with, and the tag. Both halves of one product are mixed, as foldhash
    /// does it.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "halves, and scaled to the buckets")]
    fn place(&self, (low, high): Words) -> (usize, u64) {
        let [first, second] = self.seeds;
        let product = u128::from(low ^ first) * u128::from(high ^ second);
        let hash = product as u64 ^ (product >> 64) as u64;
        let bucket = ((hash >> 32) * self.tags.len() as u64) >> 32;
        (bucket as usize, (hash & 0xff).max(1))
    }

    #[inline]
    pub(super) fn entry(&self, slot: u32) -> Option<Entry<'_>> {
        let slot = slot as usize;
        let (hot, cold) = (self.hot.get(slot)?, self.cold.get(slot)?);
        Some(Entry { hot, cold, first: self.first.get(slot)? })
    }

    /// One word of the bits at a slot; none if there is no such slot or word.
    #[inline]
    pub(super) fn word(&self, slot: u32, word: usize) -> Option<u64> {
        if word == 0 {
            return self.first.get(slot as usize).map(|bits| bits.load(Ordering::Relaxed));
        }
        self.hot.get(slot as usize)?.word(word)
    }

    /// Where a user stands.
    pub(super) fn find(&self, user: UserId) -> Option<u32> {
        let id = words(user.uuid());
        let (bucket, tag) = self.place(id);
        self.look_further(id.0, id.1, bucket, tag).map(|(slot, _)| slot)
    }

    /// What a check reads of a user, and where it stands.
    ///
    /// Nearly everybody is the first in their bucket whose tag is equal; the rest is out of line,
    /// so that this is short enough for the next look-up to begin before it ends. Without an equal
    /// tag a stranger's entry or a free one is looked at: neither is this user's, but that the user
    /// of all zeros may meet a free one, which gives nothing.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "as many slots as fit into memory lines")]
    pub(super) fn look_up(&self, user: UserId) -> Option<(u32, &Hot)> {
        let id = words(user.uuid());
        let (bucket, tag) = self.place(id);
        let equal = equal(self.tags.get(bucket)?.load(Ordering::Acquire), tag);
        let slot = bucket * 8 + equal.trailing_zeros() as usize / 8;
        match self.hot.get(slot) {
            Some(hot) if hot.is_of(id) => Some((slot as u32, hot)),
            // In registers: an identity in memory would be copied there for every look-up.
            Some(_) | None => self.look_further(id.0, id.1, bucket, tag),
        }
    }

    #[cold]
    #[inline(never)]
    #[expect(clippy::cast_possible_truncation, reason = "as many slots as fit into memory lines")]
    fn look_further(
        &self,
        low: u64,
        high: u64,
        mut bucket: usize,
        tag: u64,
    ) -> Option<(u32, &Hot)> {
        let id = (low, high);
        // A table is never full, so this ends.
        loop {
            let tags = self.tags.get(bucket)?.load(Ordering::Acquire);
            let mut equal = equal(tags, tag);
            while equal != 0 {
                let slot = bucket * 8 + equal.trailing_zeros() as usize / 8;
                let hot = self.hot.get(slot)?;
                if hot.is_of(id) {
                    return Some((slot as u32, hot));
                }
                equal &= equal - 1;
            }
            if free(tags) != 0 {
                return None;
            }
            bucket = if bucket + 1 == self.tags.len() { 0 } else { bucket + 1 };
        }
    }

    /// Adds somebody who is not there yet; there is room, and nobody else writes.
    #[expect(clippy::cast_possible_truncation, reason = "as many slots as fit into memory lines")]
    pub(super) fn insert(&self, user: UserId, membership: MembershipId, facts: u64, mask: Mask) {
        let (mut bucket, tag) = self.place(words(user.uuid()));
        while let Some(word) = self.tags.get(bucket) {
            let tags = word.load(Ordering::Relaxed);
            let free = free(tags);
            if free != 0 {
                let at = free.trailing_zeros() / 8;
                if let Some(entry) = self.entry(bucket as u32 * 8 + at) {
                    store(&entry.hot.user, user.uuid());
                    store(&entry.cold.membership, membership.uuid());
                    entry.write(facts, mask);
                    word.store(tags | tag << (at * 8), Ordering::Release);
                }
                return;
            }
            bucket = if bucket + 1 == self.tags.len() { 0 } else { bucket + 1 };
        }
    }

    /// Everybody, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        let taken = |slot: u32| {
            let tags = self.tags.get(slot as usize / 8).map(|tags| tags.load(Ordering::Acquire));
            tags.is_some_and(|tags| tags >> (slot % 8 * 8) & 0xff != 0)
        };
        let all = (0_u32..).zip(&self.hot).zip(self.cold.iter().zip(&self.first));
        all.filter(move |((slot, _), _)| taken(*slot)).map(|((_, hot), (cold, first))| Entry {
            hot,
            cold,
            first,
        })
    }
}
