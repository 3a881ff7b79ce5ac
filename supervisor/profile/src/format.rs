//! What a profile is.

use serde::{Deserialize, Serialize};

/// What a profile is, found out by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// A gzipped pprof message, as Go and many others write it.
    Pprof,
    /// A class histogram of a JVM, as `GC.class_histogram` prints it.
    JvmHistogram,
    /// A snapshot of Python's `tracemalloc`: pickled, or its statistics as text.
    Tracemalloc,
    /// A heap snapshot of V8, by constructor.
    HeapSnapshot,
    /// A diagnostic report of Node, by heap space.
    NodeReport,
    /// A heap profile of jemalloc.
    Jemalloc,
}
