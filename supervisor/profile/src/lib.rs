//! Heap profiles of several runtimes, read into one form; and what grew between two of them.
//!
//! Nothing here asks a process for anything: a profile is a file. It may come from a process that was killed while it
//! wrote, so every reader takes whatever bytes there are, in bounded memory.

mod blame;
mod comparison;
pub mod difference;
mod flame;
pub mod format;
pub mod heapsnapshot;
mod jvm;
mod lines;
mod names;
mod native;
pub mod node_report;
pub mod pprof;
pub mod profile;
mod quantity;
pub mod read;
pub mod series;
mod tracemalloc;
mod tree;

pub use comparison::Comparison;
pub use difference::difference;
pub use flame::flame_graph;
pub use profile::Profile;
pub use read::{ReadError, read, read_from};
