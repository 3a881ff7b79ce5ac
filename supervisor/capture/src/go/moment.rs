//! Of which moment a profile is. The runtime counts allocations at once and frees only when a collection has swept, so
//! that it keeps the counts of the last collections apart and publishes them when both are known.
//!
//! A service that is about to run out of memory has grown a lot since then. Of what one that only leaks had in use, at 10
//! to 200 MB/s and with Go 1.19 and 1.27, the program itself showed 29 to 50 %, [`Moment::LastCollection`] showed 55 to
//! 101 % and [`Moment::Now`] 93 to 109 %: objects are sampled. Where much is allocated for a short time, only the last of
//! them names what is no leak.

use super::buckets::{Bucket, Count};

/// Of which moment a profile is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// What the program itself would say now, by `/debug/pprof/heap` or `pprof.WriteHeapProfile`: as of the collection
    /// before the last one.
    Published,
    /// As of the last collection: what the program itself would say after the next one. As long as the program
    /// has not finished sweeping, what it has not swept yet counts as in use.
    LastCollection,
    /// With all that was allocated since the last collection, of which some may not be in use any more.
    Now,
}

/// Which counts of a bucket make up a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts([bool; 4]);

impl Moment {
    /// `cycle` is the number of the collection, see [`super::variables::Variables::cycle`].
    pub(super) fn counts(self, cycle: u32) -> Counts {
        let slot = |later: u32| ((cycle >> 1) % 3 + later) as usize % 3;
        let mut counts = [true; 4];
        // The counts of a collection are cleared when they are published: they can always be added.
        counts[1 + slot(1)] = self != Self::Published;
        counts[1 + slot(2)] = self == Self::Now;
        Counts(counts)
    }
}

impl Counts {
    /// As long as nothing was collected, the runtime itself takes all there is.
    pub(super) const ALL: Self = Self([true; 4]);

    /// What a bucket counts.
    pub(super) fn of(self, bucket: &Bucket) -> Count {
        let counts = bucket.counts.iter().zip(self.0).filter(|(_, counts)| *counts);
        counts.fold(Count::default(), |sum, (count, _)| Count {
            allocated: sum.allocated.wrapping_add(count.allocated),
            freed: sum.freed.wrapping_add(count.freed),
        })
    }
}

impl Count {
    pub(super) fn is_zero(self) -> bool {
        self == Self::default()
    }

    /// Objects in use. Read while the program counts, more can have been freed than allocated.
    pub(super) fn in_use(self) -> u64 {
        self.allocated.saturating_sub(self.freed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::buckets::tests::bucket;
    use super::*;

    #[test]
    fn each_moment_has_one_more_collection() {
        let bucket = bucket(8, &[], [1000, 100, 10, 2]);
        let allocated = |moment: Moment, collections: u32| moment.counts(collections << 1 | 1).of(&bucket).allocated;
        for collections in [0, 3, 99] {
            assert_eq!(allocated(Moment::Published, collections), 1100);
            assert_eq!(allocated(Moment::LastCollection, collections), 1110);
            assert_eq!(allocated(Moment::Now, collections), 1112);
        }
        assert_eq!(allocated(Moment::Published, 1), 1010);
        assert_eq!(allocated(Moment::LastCollection, 1), 1012);
        assert_eq!(allocated(Moment::Published, 2), 1002);
        assert_eq!(allocated(Moment::LastCollection, 2), 1102);
    }

    #[test]
    fn more_freed_than_allocated_is_none_in_use() {
        assert_eq!(Count { allocated: 3, freed: 5 }.in_use(), 0);
        assert_eq!(Count { allocated: 5, freed: 3 }.in_use(), 2);
    }
}
