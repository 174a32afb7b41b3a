//! A list that grows while it is read: what stands in it never moves, and nobody waits.

use std::sync::OnceLock;

/// How often the room can double.
const CHUNKS: usize = 27;

/// The first chunk has room for `first` things (a power of two), each further one for as many as
/// all before it.
pub(super) struct Segments<T> {
    first: usize,
    chunks: [OnceLock<Box<[T]>>; CHUNKS],
}

impl<T: Default> Segments<T> {
    /// With room for this many before it grows; the room is taken when it is first needed.
    pub(super) fn with_room(expected: usize) -> Self {
        Self { first: expected.max(1).next_power_of_two(), chunks: [const { OnceLock::new() }; _] }
    }

    /// Which chunk a thing is in, and where in it.
    const fn place(&self, index: usize) -> (usize, usize) {
        let times = index / self.first;
        if times == 0 {
            return (0, index);
        }
        let doublings = times.ilog2();
        (doublings as usize + 1, index - (self.first << doublings))
    }

    pub(super) fn get(&self, index: usize) -> Option<&T> {
        let (chunk, at) = self.place(index);
        self.chunks.get(chunk)?.get()?.get(at)
    }

    /// The thing at an index, made if there was no room for it yet; none past the last chunk.
    pub(super) fn make(&self, index: usize) -> Option<&T> {
        let (chunk, at) = self.place(index);
        let room = self.first << chunk.saturating_sub(1);
        self.chunks.get(chunk)?.get_or_init(|| (0..room).map(|_| T::default()).collect()).get(at)
    }

    /// Bytes that the chunks take.
    pub(super) fn bytes(&self) -> usize {
        let things = self.chunks.iter().filter_map(OnceLock::get).map(|chunk| chunk.len());
        things.sum::<usize>() * size_of::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::Segments;

    #[test]
    fn every_index_has_a_place_of_its_own() {
        let list = Segments::<std::sync::OnceLock<usize>>::with_room(3);
        for index in 0..1_000 {
            list.make(index).unwrap().set(index).unwrap();
        }
        for index in 0..1_000 {
            assert_eq!(list.get(index).unwrap().get(), Some(&index));
        }
        assert!(list.get(2_000).is_none());
    }
}
