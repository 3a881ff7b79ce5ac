//! `memory.stat`: what the memory of a cgroup is made of.

use crate::text::pairs;

/// The keys of `memory.stat` that decisions and evidence are made of, in bytes unless said otherwise; `None` where this
/// kernel does not have the key. The values lag behind `memory.current` by some kilobytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryStat {
    /// Anonymous memory, huge pages included: what a leak is made of, not reclaimable without swap.
    pub anon: Option<u64>,
    /// Page cache, tmpfs and shared memory included.
    pub file: Option<u64>,
    /// All kernel memory (since Linux 5.18).
    pub kernel: Option<u64>,
    /// Kernel stacks.
    pub kernel_stack: Option<u64>,
    /// Page tables.
    pub pagetables: Option<u64>,
    /// Socket buffers.
    pub sock: Option<u64>,
    /// tmpfs and shared anonymous memory: counted in `file`, but not reclaimable without swap.
    pub shmem: Option<u64>,
    /// Mapped page cache.
    pub file_mapped: Option<u64>,
    /// Page cache not yet written back.
    pub file_dirty: Option<u64>,
    /// Page cache being written back.
    pub file_writeback: Option<u64>,
    /// Anonymous memory in huge pages.
    pub anon_thp: Option<u64>,
    /// Anonymous and tmpfs pages that were not used lately.
    pub inactive_anon: Option<u64>,
    /// Anonymous and tmpfs pages in use.
    pub active_anon: Option<u64>,
    /// Page cache that was not used lately: what a working set does not include.
    pub inactive_file: Option<u64>,
    /// Page cache in use.
    pub active_file: Option<u64>,
    /// Locked pages.
    pub unevictable: Option<u64>,
    /// Kernel objects that can be given back.
    pub slab_reclaimable: Option<u64>,
    /// Kernel objects that cannot.
    pub slab_unreclaimable: Option<u64>,
    /// Pages scanned by reclaim, a count.
    pub pgscan: Option<u64>,
    /// Pages given back by reclaim, a count.
    pub pgsteal: Option<u64>,
    /// Page faults that read from disk, a count.
    pub pgmajfault: Option<u64>,
    /// Cache pages read again soon after they were thrown out, a count: the sign of thrash.
    pub workingset_refault_file: Option<u64>,
    /// Anonymous pages swapped in soon after they were swapped out, a count.
    pub workingset_refault_anon: Option<u64>,
}

impl MemoryStat {
    pub(crate) fn parse(text: &[u8]) -> Self {
        let mut stat = Self::default();
        for (key, value) in pairs(text) {
            if let Some(field) = stat.field(key) {
                *field = Some(value);
            }
        }
        stat
    }

    fn field(&mut self, key: &[u8]) -> Option<&mut Option<u64>> {
        Some(match key {
            b"anon" => &mut self.anon,
            b"file" => &mut self.file,
            b"kernel" => &mut self.kernel,
            b"kernel_stack" => &mut self.kernel_stack,
            b"pagetables" => &mut self.pagetables,
            b"sock" => &mut self.sock,
            b"shmem" => &mut self.shmem,
            b"file_mapped" => &mut self.file_mapped,
            b"file_dirty" => &mut self.file_dirty,
            b"file_writeback" => &mut self.file_writeback,
            b"anon_thp" => &mut self.anon_thp,
            b"inactive_anon" => &mut self.inactive_anon,
            b"active_anon" => &mut self.active_anon,
            b"inactive_file" => &mut self.inactive_file,
            b"active_file" => &mut self.active_file,
            b"unevictable" => &mut self.unevictable,
            b"slab_reclaimable" => &mut self.slab_reclaimable,
            b"slab_unreclaimable" => &mut self.slab_unreclaimable,
            b"pgscan" => &mut self.pgscan,
            b"pgsteal" => &mut self.pgsteal,
            b"pgmajfault" => &mut self.pgmajfault,
            b"workingset_refault_file" => &mut self.workingset_refault_file,
            b"workingset_refault_anon" => &mut self.workingset_refault_anon,
            _ => return None,
        })
    }

    /// What reclaim could give back without swap: page cache that is not tmpfs, and reclaimable kernel objects.
    pub fn reclaimable(&self) -> u64 {
        let cache = self.inactive_file.unwrap_or(0) + self.active_file.unwrap_or(0);
        cache + self.slab_reclaimable.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINUX_6_1: &str = include_str!("testdata/memory.stat.6.1");
    const LINUX_6_12: &str = include_str!("testdata/memory.stat.6.12");

    #[test]
    fn reads_the_stat_of_6_1() {
        let stat = MemoryStat::parse(LINUX_6_1.as_bytes());
        assert_eq!(stat.anon, Some(112_390_144));
        assert_eq!(stat.inactive_file, Some(8_880_128));
        assert_eq!(stat.reclaimable(), 8_880_128 + 1_732_608 + 453_088);
    }

    #[test]
    fn reads_the_stat_of_6_12() {
        let stat = MemoryStat::parse(LINUX_6_12.as_bytes());
        assert_eq!(stat.kernel, Some(983_040));
        assert_eq!((stat.pgscan, stat.shmem), (Some(0), Some(5_242_880)));
        assert_eq!(stat.anon_thp, Some(102_760_448));
    }

    #[test]
    fn a_missing_key_is_none_and_not_zero() {
        let stat = MemoryStat::parse(b"anon 5\n");
        assert_eq!((stat.anon, stat.kernel), (Some(5), None));
    }
}
