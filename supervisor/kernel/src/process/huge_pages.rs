//! How much of its huge pages a process has really written to, by looking at some of them.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::entry;
use crate::{Error, Pid, Result, file, sys, text};

/// So many huge pages are looked at, spread over all of them,
const MOST_LOOKED_AT: usize = 32;
/// and of each so many small pages: together 8 MiB, which takes some milliseconds.
const OF_EACH: u64 = 64;
/// Until that many are found, blocks are asked for that may turn out to be none.
const MOST_ASKED_FOR: usize = 4 * MOST_LOOKED_AT;

/// Small pages within huge ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HugePages {
    /// How many were looked at.
    pub looked_at: u32,
    /// How many of these hold nothing but zeros: most likely they were never written to, and are there only because
    /// a neighbour was.
    pub empty: u32,
}

/// Looks at some of the huge pages of a process, within those ranges of addresses. Counts and keeps nothing else. The
/// process takes no notice, nor does a throttle or a freeze disturb it.
pub fn huge_pages(pid: Pid, ranges: &[Range<u64>]) -> Result<HugePages> {
    let open = |name| {
        let path = entry(pid, name);
        File::open(&path).map_err(|e| Error::new("open", &path, e))
    };
    let (memory, map) = (open("mem")?, open("pagemap")?);
    let (small, huge) = (sys::page_size(), huge_page_size());
    let mut found = HugePages::default();
    let blocks = spread(ranges, huge).into_iter().filter(|block| is_present(&map, *block, small, huge));
    for block in blocks.take(MOST_LOOKED_AT) {
        let mut page = vec![0; small as usize];
        for index in 0..OF_EACH {
            // Gone meanwhile, or not to be read: then it does not count.
            if memory.read_exact_at(&mut page, block + index * (huge / OF_EACH)).is_ok() {
                found.looked_at += 1;
                found.empty += u32::from(page.iter().all(|byte| *byte == 0));
            }
        }
    }
    Ok(found)
}

/// Addresses of whole huge pages, evenly spread over all there may be.
fn spread(ranges: &[Range<u64>], huge: u64) -> Vec<u64> {
    let blocks = |range: &Range<u64>| {
        let start = range.start.checked_next_multiple_of(huge).unwrap_or(range.end);
        (start, range.end.saturating_sub(start) / huge)
    };
    let all: u64 = ranges.iter().map(|range| blocks(range).1).sum();
    let step = all.div_ceil(MOST_ASKED_FOR as u64).max(1);
    let of_range = |range| {
        let (start, count) = blocks(range);
        (0..count).map(move |index| start + index * huge)
    };
    ranges.iter().flat_map(of_range).step_by(step as usize).collect()
}

/// Whether every small page of a block is in memory, as it is with a huge one. Reading others would make the kernel
/// provide them.
fn is_present(map: &File, block: u64, small: u64, huge: u64) -> bool {
    const PRESENT: u8 = 0x80; // bit 63 of each entry
    let mut entries = vec![0; (huge / small * 8) as usize];
    map.read_exact_at(&mut entries, block / small * 8).is_ok()
        && entries.chunks_exact(8).all(|entry| entry[7] & PRESENT != 0)
}

fn huge_page_size() -> u64 {
    let path = Path::new("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
    let size = file::read(path).ok().and_then(|size| text::number(size.as_bytes()));
    size.filter(|size| size.is_power_of_two() && (1 << 16..=1 << 30).contains(size)).unwrap_or(2 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUGE: u64 = 2 << 20;

    #[test]
    fn only_whole_huge_pages_count() {
        let odd = [HUGE - 4096..3 * HUGE + 4096, 4 * HUGE + 1..5 * HUGE];
        assert_eq!(spread(&odd, HUGE), [HUGE, 2 * HUGE]);
        let at_the_end = [4096..HUGE, u64::MAX - 5..u64::MAX - 1];
        assert!(spread(&at_the_end, HUGE).is_empty());
    }

    #[test]
    fn of_many_some_are_asked_for_all_over() {
        let found = spread(&[0..1000 * HUGE, 5000 * HUGE..6000 * HUGE], HUGE);
        assert!(found.len() <= MOST_ASKED_FOR && found.len() > MOST_LOOKED_AT);
        assert!(found.iter().filter(|block| **block >= 5000 * HUGE).count() >= found.len() / 2 - 1);
    }

    #[test]
    fn what_was_never_written_to_is_empty() {
        // All pages are there, as in a huge one; of those that are looked at every second is written to.
        let page = sys::page_size();
        let mut area = vec![0_u8; 6 << 20];
        let start = area.as_ptr() as u64;
        for offset in (0..area.len()).step_by(page as usize) {
            area[offset] = std::hint::black_box(1);
            area[offset] = u8::from(((start + offset as u64) / page).is_multiple_of(16));
        }
        let found = huge_pages(crate::process::own(), &[start..start + area.len() as u64, 0..0]).unwrap();
        assert!(found.looked_at >= 2 * 64, "{found:?}");
        assert_eq!(found.empty, found.looked_at / 2, "of each 8 pages the first is looked at: {found:?}");
        drop(area);
        let nowhere = huge_pages(crate::process::own(), &[0x10_0000..0x90_0000, 0..0]).unwrap();
        assert_eq!(nowhere, HugePages::default(), "what is not there is not provided");
    }
}
