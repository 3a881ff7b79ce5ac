//! What a profile is.

use std::fmt;

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
    /// A heap profile of gperftools' tcmalloc.
    Gperftools,
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Pprof => "pprof profile",
            Self::JvmHistogram => "JVM class histogram",
            Self::Tracemalloc => "tracemalloc snapshot",
            Self::HeapSnapshot => "V8 heap snapshot",
            Self::NodeReport => "Node report",
            Self::Jemalloc => "jemalloc heap profile",
            Self::Gperftools => "gperftools heap profile",
        })
    }
}
