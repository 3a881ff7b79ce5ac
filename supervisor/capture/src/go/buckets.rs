//! The buckets of the memory profile: one for each size of object and stack of calls that was ever sampled.
//!
//! The runtime only ever puts new buckets before the others and changes nothing but their counts, so that the list can
//! be followed while the program runs.

use super::bytes::{Blocks, u64_in};

/// Before Go 1.23 a stack had 32 calls at most; since then `GODEBUG=profstackdepth` can raise 128 to this.
const DEEPEST: usize = 1024;

/// So many buckets are read, with so many calls together, the newest first. Large services have some ten thousand.
const MOST: u64 = 1 << 18;
const MOST_CALLS: u64 = 1 << 24;

/// `next`, `allnext`, `typ`, `hash`, `size` and `nstk`, each a word.
const HEADER: usize = 48;
const NEXT: usize = 8;
const KIND: usize = 16;
const HASH: usize = 24;
const SIZE: usize = 32;
const DEPTH: usize = 40;

/// The kind of a bucket of the memory profile.
const MEMORY: u64 = 1;

/// Objects of one size that one stack allocated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    next: u64,
    /// Bytes of each object.
    pub(super) size: u64,
    /// Where the calls return to, the innermost first.
    pub(super) stack: Vec<u64>,
    /// Sampled objects: published, and of three collections that are not yet.
    pub(super) counts: [Count; 4],
}

/// Objects since the program began, or during one collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) allocated: u64,
    pub(super) freed: u64,
}

impl Bucket {
    /// Reads a bucket, with `words` numbers in each of its counts; `None` if there is none. Its hash is that of its
    /// stack and size, so that nothing else is taken for one.
    pub(super) fn read(memory: &Blocks, at: u64, words: usize) -> Option<Self> {
        let mut header = [0; HEADER];
        memory.read(at, &mut header).ok()?;
        let depth = u64_in(&header, DEPTH);
        if u64_in(&header, KIND) != MEMORY || depth > DEEPEST as u64 {
            return None;
        }
        let mut rest = vec![0; 8 * (depth as usize + 4 * words)];
        memory.read(at + HEADER as u64, &mut rest).ok()?;
        let word = |index: usize| u64_in(&rest, 8 * index);
        let stack: Vec<u64> = (0..depth as usize).map(word).collect();
        let size = u64_in(&header, SIZE);
        let mut counts = [Count::default(); 4];
        for (index, count) in counts.iter_mut().enumerate().filter(|_| words > 0) {
            let at = stack.len() + words * index;
            *count = Count { allocated: word(at), freed: word(at + 1) };
        }
        let is_whole = u64_in(&header, HASH) == hash(&stack, size);
        is_whole.then_some(Self { next: u64_in(&header, NEXT), size, stack, counts })
    }
}

/// As `runtime.stkbucket` computes it.
fn hash(stack: &[u64], size: u64) -> u64 {
    let mixed = |hash: u64, word: u64| {
        let sum = hash.wrapping_add(word);
        let sum = sum.wrapping_add(sum << 10);
        sum ^ sum >> 6
    };
    let hash = mixed(stack.iter().copied().fold(0, mixed), size);
    let hash = hash.wrapping_add(hash << 3);
    hash ^ hash >> 11
}

/// The buckets of a list. It ends with the list, or earlier with what is no bucket, a bucket seen before or too many;
/// [`is_whole`](Self::is_whole) tells.
pub(super) struct Buckets<'a> {
    memory: &'a Blocks,
    words: usize,
    next: u64,
    read: u64,
    calls: u64,
    /// A bucket seen earlier, another one each time that their number is a power of two: a circle comes back to it.
    seen: u64,
}

impl<'a> Buckets<'a> {
    pub(super) fn new(memory: &'a Blocks, first: u64, words: usize) -> Self {
        Self { memory, words, next: first, read: 0, calls: 0, seen: 0 }
    }

    /// Whether all of the list was read.
    pub(super) fn is_whole(&self) -> bool {
        self.next == 0
    }
}

impl Iterator for Buckets<'_> {
    type Item = Bucket;

    fn next(&mut self) -> Option<Bucket> {
        if self.next == 0 || self.next == self.seen || self.read == MOST || self.calls >= MOST_CALLS {
            return None;
        }
        let bucket = Bucket::read(self.memory, self.next, self.words)?;
        self.read += 1;
        self.calls += bucket.stack.len() as u64;
        if self.read.is_power_of_two() {
            self.seen = self.next;
        }
        self.next = bucket.next;
        Some(bucket)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::bytes::tests::blocks;
    use super::*;

    /// Memory in which buckets lie one after the other from address 8; each leads to the one after, the last to `end`.
    pub(in crate::go) fn image(buckets: &[Bucket], words: usize, end: u64) -> Vec<u8> {
        let mut memory = vec![0_u8; 8];
        for (index, bucket) in buckets.iter().enumerate() {
            let length = HEADER + 8 * (bucket.stack.len() + 4 * words);
            let is_last = index + 1 == buckets.len();
            let next = if is_last { end } else { (memory.len() + length) as u64 };
            let depth = bucket.stack.len() as u64;
            let mut all = vec![0, next, MEMORY, hash(&bucket.stack, bucket.size), bucket.size, depth];
            all.extend(&bucket.stack);
            for count in bucket.counts {
                all.extend([count.allocated, count.freed]);
                all.resize(all.len() + words - 2, 77);
            }
            memory.extend(all.iter().flat_map(|word| word.to_le_bytes()));
        }
        memory
    }

    pub(in crate::go) fn bucket(size: u64, stack: &[u64], allocated: [u64; 4]) -> Bucket {
        let counts = allocated.map(|allocated| Count { allocated, freed: allocated / 2 });
        Bucket { size, stack: stack.to_vec(), counts, next: 0 }
    }

    fn three() -> [Bucket; 3] {
        let deep: Vec<u64> = (1..1000).collect();
        [bucket(16, &[1, 2], [9, 8, 7, 6]), bucket(32, &deep, [0; 4]), bucket(1 << 40, &[], [1; 4])]
    }

    #[test]
    fn a_list_is_followed_to_its_end() {
        for words in [2, 4] {
            let memory = blocks(&image(&three(), words, 0));
            let mut list = Buckets::new(&memory, 8, words);
            let read: Vec<Bucket> = list.by_ref().map(|bucket| Bucket { next: 0, ..bucket }).collect();
            assert_eq!(read, three());
            assert!(list.is_whole());
        }
    }

    #[test]
    fn a_circle_ends() {
        let memory = blocks(&image(&three(), 4, 8));
        let mut list = Buckets::new(&memory, 8, 4);
        assert!(list.by_ref().count() < 10);
        assert!(!list.is_whole());
    }

    #[test]
    fn a_list_that_leads_astray_ends_there() {
        for astray in [4, 16, 1 << 20, u64::MAX, u64::MAX - 7] {
            let memory = blocks(&image(&three(), 4, astray));
            let mut list = Buckets::new(&memory, 8, 4);
            assert_eq!(list.by_ref().count(), 3, "{astray}");
            assert!(!list.is_whole());
        }
    }

    #[test]
    fn nothing_but_a_bucket_is_taken_for_one() {
        let whole = image(&three()[..1], 4, 0);
        for at in 16 + 8..8 + HEADER + 16 {
            let mut spoilt = whole.clone();
            spoilt[at] ^= 1;
            assert_eq!(Bucket::read(&blocks(&spoilt), 8, 4), None, "{at}");
        }
        for length in 0..whole.len() {
            assert_eq!(Bucket::read(&blocks(&whole[..length]), 8, 4), None);
        }
    }
}
