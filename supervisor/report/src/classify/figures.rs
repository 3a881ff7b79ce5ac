//! Figures of one look at a service.

use super::size::signed;
use crate::snapshot::Snapshot;

/// Kernel memory by its keys in `memory.stat`.
pub const KERNEL: [(&str, &str); 7] = [
    ("slab_unreclaimable", "objects that cannot be given back, such as messages in sockets"),
    ("slab_reclaimable", "names and inodes of files, which can be given back"),
    ("sock", "socket buffers"),
    ("pagetables", "page tables"),
    ("kernel_stack", "stacks of threads"),
    ("percpu", "data for each processor"),
    ("vmalloc", "large areas"),
];

/// A key of `memory.stat`; where there is no memory controller, what the main process says comes nearest.
pub fn stat(look: &Snapshot, key: &str) -> i64 {
    let rollup = |key: &str| look.rollup.get(key).copied().unwrap_or(0);
    let value = match key {
        _ if !look.memory_stat.is_empty() => look.memory_stat.get(key).copied().unwrap_or(0),
        "anon" => rollup("Anonymous"),
        "anon_thp" => rollup("AnonHugePages"),
        "file" | "file_mapped" => rollup("Rss").saturating_sub(rollup("Anonymous")),
        _ => 0,
    };
    signed(value)
}

/// Bytes in use.
pub fn used(look: &Snapshot) -> i64 {
    signed(look.current.or(look.rollup.get("Rss").copied()).unwrap_or(0))
}
