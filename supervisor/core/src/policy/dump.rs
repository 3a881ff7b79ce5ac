//! How a dump is made.

use std::fmt;
use std::time::Duration;

use crate::signal::Signal;

/// A dump: recipes, of which the first that fits is followed.
#[derive(Clone, Debug, PartialEq)]
pub struct Dump {
    /// The one that is wanted, then cheaper ones; at least one.
    pub recipes: Vec<Recipe>,
    /// So many of the newest are kept.
    pub keep: usize,
}

/// A way to a dump, and how its end is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Where the dump comes from.
    pub source: DumpSource,
    /// Deadline.
    pub within: Duration,
    /// Memory it needs in the service, in bytes; what the last one needed counts when this is not given.
    pub needs: Option<u64>,
}

/// Where a dump comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum DumpSource {
    /// The main process writes a file on a signal.
    Signal {
        /// The signal it handles.
        signal: Signal,
        /// Absolute path of the file; `*` stands for anything but `/` in the last part.
        file: String,
    },
    /// GET, and the body is the dump.
    Http {
        /// `http://` and an IP literal or `localhost`.
        url: String,
    },
    /// A command run outside the service cgroup; its standard output and the files it leaves in
    /// `$HIGHWATER_EVIDENCE` are the dump.
    Command {
        /// Program and arguments; no shell.
        run: Vec<String>,
    },
    /// Asked of a JVM by its attach protocol.
    Jvm(JvmDump),
    /// The heap profile of a Go program, read out of its memory while it is frozen.
    GoHeap,
    /// The stacks of a Python program, by `py-spy`.
    PythonStacks,
    /// A core of the main process, by `gcore`.
    Core,
}

/// What a JVM is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JvmDump {
    /// `GC.class_histogram -all`: instances and bytes by class, without a collection before it.
    Histogram,
    /// `GC.heap_dump -all`: everything, as an HPROF file.
    Heap,
    /// `Thread.print`: the stacks of all threads.
    Threads,
}

impl DumpSource {
    /// Whether it is taken from outside: the service need not do anything for it, nor have memory for it.
    pub fn is_outside(&self) -> bool {
        matches!(self, Self::GoHeap | Self::PythonStacks | Self::Core)
    }
}

impl fmt::Display for DumpSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal { signal, file } => write!(formatter, "{signal} into {file}"),
            Self::Http { url } => write!(formatter, "{url}"),
            Self::Command { run } => write!(formatter, "{}", run.join(" ")),
            Self::Jvm(JvmDump::Histogram) => formatter.write_str("class histogram of the JVM"),
            Self::Jvm(JvmDump::Heap) => formatter.write_str("heap dump of the JVM"),
            Self::Jvm(JvmDump::Threads) => formatter.write_str("threads of the JVM"),
            Self::GoHeap => formatter.write_str("heap profile of Go from outside"),
            Self::PythonStacks => formatter.write_str("stacks of Python from outside"),
            Self::Core => formatter.write_str("core by gcore"),
        }
    }
}
