//! What a JVM takes besides its heap.

use super::heap::memory;
use super::{MIB, Place};
use crate::jvm::Options;

/// Anonymous memory of a JVM 17 that runs nothing, its heap left out. Measured: 14 MiB.
const BARE: u64 = 16 * MIB;
/// The same with what an ordinary service makes of it: symbols, arenas of the allocator, buffers. Measured with `jshell`:
/// 38 MiB with no more than 13 MiB of classes.
const ORDINARY: u64 = 32 * MIB;
/// Classes of an ordinary service, some 8000 of them. An estimate.
const METASPACE: u64 = 64 * MIB;
/// Compiled code of an ordinary service, of the 240 MiB that are reserved. An estimate.
const CODE: u64 = 32 * MIB;
/// Threads of an ordinary service.
const THREADS: u64 = 50;
/// What a thread really touches of its stack, of the 1 MiB that is reserved. Measured with idle threads: 96 KiB.
const STACK: u64 = 128 << 10;
/// A JVM with less than this, or with one processor, takes the serial collector.
const SERVER: u64 = 1792 * MIB;

/// What a JVM takes besides its heap, in bytes.
///
/// Left out is what depends on the service alone: direct buffers, which may take as much as the heap again, and whatever
/// native libraries allocate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outside {
    /// Classes of an ordinary service, or `-XX:MaxMetaspaceSize` where that is less.
    pub metaspace: u64,
    /// Compiled code of an ordinary service, or `-XX:ReservedCodeCacheSize` where that is less.
    pub code: u64,
    /// What the threads touch of their stacks.
    pub stacks: u64,
    /// What the collector needs for a heap of that size.
    pub collector: u64,
    /// The most that direct buffers may take beyond all this.
    pub direct_most: u64,
    /// Stacks, if each were used up to `-Xss`.
    pub stacks_most: u64,
    share_of_heap: f64,
    threads_are_known: bool,
}

impl Outside {
    pub(super) fn of(options: &Options, place: &Place, heap: u64) -> Self {
        let threads = place.threads.unwrap_or(THREADS);
        let stack = stack(options);
        let share_of_heap = share_of_heap(options, place);
        Self {
            metaspace: options.size(&["-XX:MaxMetaspaceSize="]).map_or(METASPACE, |most| most.min(METASPACE)),
            code: options.size(&["-XX:ReservedCodeCacheSize="]).map_or(CODE, |most| most.min(CODE)),
            stacks: threads.saturating_mul(stack.min(STACK)),
            collector: (heap as f64 * share_of_heap) as u64,
            direct_most: options.size(&["-XX:MaxDirectMemorySize="]).filter(|most| *most > 0).unwrap_or(heap),
            stacks_most: threads.saturating_mul(stack),
            share_of_heap,
            threads_are_known: place.threads.is_some(),
        }
    }

    /// What even the smallest service needs.
    pub fn least(&self) -> u64 {
        let stacks = if self.threads_are_known { self.stacks } else { 0 };
        BARE.saturating_add(self.collector).saturating_add(stacks)
    }

    /// What an ordinary service needs.
    pub fn ordinary(&self) -> u64 {
        self.apart_from_the_heap().saturating_add(self.collector)
    }

    pub(super) fn apart_from_the_heap(&self) -> u64 {
        [self.metaspace, self.code, self.stacks].into_iter().fold(ORDINARY, u64::saturating_add)
    }

    pub(super) fn share_of_heap(&self) -> f64 {
        self.share_of_heap
    }
}

/// `-Xss` in bytes, or `-XX:ThreadStackSize` in KiB.
fn stack(options: &Options) -> u64 {
    const NAMES: [&str; 2] = ["-Xss", "-XX:ThreadStackSize="];
    let given = options.size(&NAMES).filter(|size| *size > 0);
    let is_in_kib = options.last(&NAMES).is_some_and(|(name, _)| name == NAMES[1]);
    given.map_or(MIB, |size| if is_in_kib { size.saturating_mul(1024) } else { size })
}

/// What the collectors of a JVM 17 hold besides the heap. Of a full heap of 400 MiB: serial 1.3 MiB, parallel 24 MiB; G1
/// commits 52 MiB and touches them as its remembered sets grow, here taken as a third.
fn share_of_heap(options: &Options, place: &Place) -> f64 {
    let has = |name: &str| options.switch(name) == Some(true);
    let is_server = place.processors >= 2 && memory(options, place) >= SERVER;
    if has("UseParallelGC") {
        0.06
    } else if has("UseSerialGC") {
        0.005
    } else if has("UseG1GC") || has("UseZGC") || has("UseShenandoahGC") || is_server {
        0.05
    } else {
        0.005
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(options: &str, threads: Option<u64>) -> Outside {
        let place = Place { limit: 4096 * MIB, machine: 4096 * MIB, processors: 2, threads };
        Outside::of(&Options::from_flags(options), &place, 1000 * MIB)
    }

    #[test]
    fn caps_count_where_they_are_lower_than_what_is_usual() {
        let capped = outside("-XX:MaxMetaspaceSize=20m -XX:ReservedCodeCacheSize=16m", Some(1));
        assert_eq!((capped.metaspace, capped.code), (20 * MIB, 16 * MIB));
        let wide = outside("-XX:MaxMetaspaceSize=2g -XX:ReservedCodeCacheSize=240m", Some(1));
        assert_eq!((wide.metaspace, wide.code), (METASPACE, CODE));
    }

    #[test]
    fn stacks_are_counted_by_thread_and_by_what_is_touched() {
        assert_eq!(outside("", Some(100)).stacks, 100 * STACK);
        assert_eq!(outside("", Some(100)).stacks_most, 100 * MIB);
        assert_eq!(outside("-Xss64k", Some(100)).stacks, 100 * (64 << 10));
        assert_eq!(outside("-XX:ThreadStackSize=512", Some(100)).stacks_most, 50 * MIB);
        assert!(outside("", None).least() < outside("", Some(100)).least());
    }

    #[test]
    fn direct_memory_may_be_as_much_as_the_heap() {
        assert_eq!(outside("", None).direct_most, 1000 * MIB);
        assert_eq!(outside("-XX:MaxDirectMemorySize=64m", None).direct_most, 64 * MIB);
        assert_eq!(outside("-XX:MaxDirectMemorySize=0", None).direct_most, 1000 * MIB);
    }

    #[test]
    fn the_collector_takes_its_share() {
        assert_eq!(outside("-XX:+UseParallelGC", None).collector, 60 * MIB);
        assert_eq!(outside("", None).collector, 50 * MIB);
        assert_eq!(outside("-XX:+UseG1GC -XX:-UseG1GC -XX:+UseSerialGC", None).collector, 5 * MIB);
    }
}
