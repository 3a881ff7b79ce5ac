//! cgroup v2: a handle per cgroup, one method per file, an `Option` per key.

mod bounds;
mod by_key;
mod ceiling;
mod control;
mod core_files;
mod events;
mod group;
mod limit;
mod memory_files;
mod reader;
mod stat;

pub use bounds::{Bounds, BoundsReader};
pub use ceiling::{Ceiling, effective_high, effective_max};
pub use events::{CgroupEvents, MemoryEvents};
pub use group::Group;
pub use limit::Limit;
pub use memory_files::Reclaimed;
pub use reader::{Counters, Current, HighWriter, MaxWriter, Populated, StatReader};
pub use stat::MemoryStat;

#[cfg(test)]
pub(crate) use group::tests;
