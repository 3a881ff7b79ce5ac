//! The buckets of a process, made into a profile.

use super::buckets::Buckets;
use super::moment::Counts;
use super::process::Process;
use super::variables::Variables;
use super::version::Version;
use super::write::{Objects, Writer};
use super::{GoError, HeapProfile, Moment};

/// The buckets of a process, and how to read them.
pub(super) struct List<'a> {
    process: &'a Process,
    first: u64,
    pub(super) version: String,
    words: usize,
    /// Bytes allocated between two samples.
    pub(super) rate: u64,
    counts: Counts,
}

impl<'a> List<'a> {
    pub(super) fn find(
        process: &'a Process,
        variables: &Variables,
        version: &Version,
        moment: Moment,
    ) -> Result<Self, GoError> {
        let [first, rate] = [process.word(variables.buckets)?, process.word(variables.rate)?];
        let counts = moment.counts(process.word(variables.cycle)? as u32);
        if rate == 0 {
            return Err(GoError::NotSampled);
        }
        let (version, words) = (version.text.clone(), version.cycle_words);
        let mut list = Self { process, first, version, words, rate, counts };
        let has_any = list.buckets().any(|bucket| !list.counts.of(&bucket).is_zero());
        list.counts = if has_any { list.counts } else { Counts::ALL };
        Ok(list)
    }

    fn buckets(&self) -> Buckets<'a> {
        Buckets::new(&self.process.memory, self.first, self.words)
    }

    /// Writes the profile.
    pub(super) fn write(self, mut writer: Writer) -> HeapProfile {
        let mut buckets = self.buckets();
        let (mut read, mut samples, mut in_use) = (0, 0, [0_u64; 2]);
        while !writer.is_full()
            && let Some(bucket) = buckets.next()
        {
            read += 1;
            let count = self.counts.of(&bucket);
            if count.is_zero() {
                continue;
            }
            let (allocated, still) = (count.allocated, count.in_use());
            let objects = Objects { size: bucket.size, stack: &bucket.stack, allocated, in_use: still };
            let values = writer.sample(&objects);
            samples += 1;
            in_use = [0, 1].map(|i| in_use[i].saturating_add(values[i].unsigned_abs()));
        }
        let (is_whole, [objects, bytes_in_use]) = (buckets.is_whole(), in_use);
        let pprof = writer.finish();
        HeapProfile { bytes_in_use, objects, samples, buckets: read, is_whole, version: self.version, pprof }
    }
}
