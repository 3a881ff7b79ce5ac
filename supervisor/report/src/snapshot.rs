//! What can be had of a service from outside and for free, at one moment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What can be had of a service from outside at one moment, without its help. What this host does not give is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Wall clock, RFC 3339 in UTC.
    pub time: String,
    /// The generation it is of.
    pub generation: u32,
    /// `memory.current`, bytes.
    pub current: Option<u64>,
    /// `memory.max`, bytes; nothing for no limit.
    pub max: Option<u64>,
    /// `memory.stat` as it is: bytes or counts by key.
    pub memory_stat: BTreeMap<String, u64>,
    /// `memory.events` as it is.
    pub memory_events: BTreeMap<String, u64>,
    /// `memory.swap.current`, bytes.
    pub swap: Option<u64>,
    /// Total stall time of the service's `memory.pressure` in microseconds, `some` and `full`.
    pub pressure_total_us: Option<[u64; 2]>,
    /// The mappings of the main process together: bytes by key of `smaps_rollup`, such as `Rss`, `Pss`, `Anonymous`,
    /// `AnonHugePages`. Of a very large process only `Rss`, `Anonymous` and `Swap`.
    pub rollup: BTreeMap<String, u64>,
    /// Its largest mappings, the largest first, at most 10; none of a process so large that a look would hold it up.
    pub mappings: Vec<Mapping>,
    /// A look into some of its huge pages; nothing where it has none.
    #[serde(default)]
    pub huge_pages: Option<HugePages>,
    /// Its threads.
    pub threads: u32,
    /// Its open files, by kind: `file`, `socket`, `pipe`, `anon`, `other`.
    pub open_files: BTreeMap<String, u32>,
    /// Processes of the service, the largest first, at most 50.
    pub processes: Vec<Process>,
    /// How many there are.
    pub process_count: u32,
}

/// A mapping of the main process, or all of one name together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// File, `[heap]`, `[stack]`, or `[anon]`.
    pub name: String,
    /// Resident bytes.
    pub rss: u64,
    /// Of these, anonymous.
    pub anonymous: u64,
}

/// A process of the service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its pid.
    pub pid: u32,
    /// Its name; arguments may be secret and are left out.
    pub name: String,
    /// Resident bytes; pages that processes share are in each.
    pub rss: u64,
    /// Of these, neither of files nor shared: `rss` less what `statm` calls shared.
    #[serde(default)]
    pub own: u64,
}

/// Small pages within huge ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HugePages {
    /// How many were looked at.
    pub looked_at: u32,
    /// How many of these hold nothing but zeros.
    pub empty: u32,
}
