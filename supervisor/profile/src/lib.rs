//! Heap profiles of several runtimes, read into one form; and what grew between two of them.
//!
//! Nothing here asks a process for anything: a profile is a file.

pub mod difference;
pub mod format;
pub mod heapsnapshot;
pub mod node_report;
pub mod pprof;
