//! A list that grows while it is read: what stands in it never moves, and nobody waits.

use std::sync::OnceLock;

/// How often the room can double.
const CHUNKS: usize = 27;

/// The first chunk has room for as many as were expected, each further one for a power of two that
/// doubles.
pub(super) struct Segments<T> {
    first: usize,
    /// The room of the second chunk, as a power of two.
    second: u32,
    chunks: [OnceLock<Box<[T]>>; CHUNKS],
}

impl<T: Default> Segments<T> {
    /// With room for this many before it grows; the room is taken when it is first needed.
    pub(super) fn with_room(expected: usize) -> Self {
        let first = expected.max(16);
        let second = (first / 2).ilog2();
        Self { first, second, chunks: [const { OnceLock::new() }; _] }
    }

    /// Which chunk a thing is in, and where in it.
    const fn place(&self, index: usize) -> (usize, usize) {
        if index < self.first {
            return (0, index);
        }
        // The chunks behind the first begin at 0, 1, 3, 7, … times the room of the second.
        let behind = index - self.first;
        let doublings = ((behind >> self.second) + 1).ilog2();
        (doublings as usize + 1, behind - (((1 << doublings) - 1) << self.second))
    }

    fn room(&self, chunk: usize) -> usize {
        chunk.checked_sub(1).map_or(self.first, |doublings| 1 << (self.second as usize + doublings))
    }

    pub(super) fn get(&self, index: usize) -> Option<&T> {
        let (chunk, at) = self.place(index);
        self.chunks.get(chunk)?.get()?.get(at)
    }

    /// The thing at an index, made if there was no room for it yet; none past the last chunk.
    pub(super) fn make(&self, index: usize) -> Option<&T> {
        let (chunk, at) = self.place(index);
        let room = self.room(chunk);
        self.chunks.get(chunk)?.get_or_init(|| (0..room).map(|_| T::default()).collect()).get(at)
    }

    /// Bytes that the chunks take.
    pub(super) fn bytes(&self) -> usize {
        let things = self.chunks.iter().filter_map(OnceLock::get).map(|chunk| chunk.len());
        things.sum::<usize>() * size_of::<T>()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::Segments;

    #[test]
    fn every_index_has_a_place_of_its_own() {
        let list = Segments::<std::sync::OnceLock<usize>>::with_room(20);
        for index in 0..1_000 {
            list.make(index).unwrap().set(index).unwrap();
        }
        for index in 0..1_000 {
            assert_eq!(list.get(index).unwrap().get(), Some(&index));
        }
        assert!(list.get(3_000).is_none());
    }
}
