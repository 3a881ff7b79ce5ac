//! What kind of growth it was, with the figures that say so.

use serde::{Deserialize, Serialize};

/// What kind of growth it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// The kind that explains most.
    pub kind: Kind,
    /// One sentence for people, with the figures that say so.
    pub because: String,
    /// What grew between the healthy service and the last look, by kind, the largest first: bytes, also negative.
    pub growth: Vec<(Kind, i64)>,
}

/// A kind of growth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Anonymous memory: heaps and stacks of the processes.
    Anon,
    /// Page cache of files read and written, which the kernel can take back.
    PageCache,
    /// tmpfs and shared memory, which it cannot.
    Shmem,
    /// Memory of the kernel: slab, sockets, page tables, stacks.
    Kernel,
    /// Huge pages that hold little: `AnonHugePages` grew and the programs did not ask for as much.
    HugePages,
    /// Many processes, none of them large.
    ManyProcesses,
    /// Files mapped into memory.
    MappedFiles,
    /// The service did not grow: a limit further up was reached.
    OuterLimit,
    /// It rose and fell again by itself.
    Burst,
    /// Nothing was known of the healthy service, or nothing grew.
    Unknown,
}
