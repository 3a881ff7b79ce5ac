//! `dump`: what is known of the service's memory is written down, by the service or from outside.

use highwater_core::policy::JvmDump;

use crate::collections::Many;
use crate::shape::shape;
use crate::text::argv::Argv;
use crate::text::count::Count;
use crate::text::duration::Lasting;
use crate::text::file::FilePattern;
use crate::text::signal::AppSignal;
use crate::text::size::Size;
use crate::text::url::Url;
use crate::text::words::words;

/// States a table that names one source of a dump, with what it needs, and further keys.
macro_rules! recipe {
    ($(#[doc = $about:expr])* $name:ident in $title:literal { $($further:tt)* }) => {
        shape! {
            $(#[doc = $about])*
            $name in $title {
                /// The signal on which the main process writes `file`. It must handle it: most runtimes die of a signal
                /// they do not expect.
                "signal" signal: AppSignal = Optional,
                /// The file it writes, an absolute path; `*` in the last part stands for anything but `/`.
                "file" file: FilePattern = Optional,
                /// GET this URL; the body is the dump. http:// with an IP literal or localhost.
                "http" http: Url = Optional,
                /// Program and arguments, no shell, run outside the service cgroup. Its standard output, and the files
                /// it leaves in `$HIGHWATER_EVIDENCE`, are the dump.
                "command" command: Argv = Optional,
                /// Ask a JVM, with nothing installed in its image. histogram: instances and bytes by class; heap:
                /// everything, as HPROF; threads: their stacks.
                "jvm" jvm: JvmDump = Optional,
                /// heap: the heap profile of a Go program, read from outside while it is frozen. Needs nothing of it.
                "go" go: GoDump = Optional,
                /// stacks: of a Python program, by `py-spy`, which must be installed on this host.
                "python" python: PythonDump = Optional,
                /// gcore: a core of the main process, by the `gcore` of gdb. As large as all it has mapped, touched or not:
                /// with a runtime that reserves, many times what is resident.
                "core" core: CoreDump = Optional,
                /// Deadline.
                "within" within: Lasting = Default("'20s'"),
                /// Memory the dump needs inside the service; when absent, what the last one needed counts.
                "needs" needs: Size = Optional,
                $($further)*
            }
            choose [
                ["signal", "file"], ["http"], ["command"], ["jvm"], ["go"], ["python"], ["core"]
            ]
        }
    };
}

recipe! {
    /// A dump from exactly one source.
    Dump in "`dump`" {
        /// So many of the newest are kept.
        "keep" keep: Count = Default("5"),
        /// Cheaper dumps, tried in this order when the one above does not fit before the limit or is not for this
        /// process.
        "fallback" fallback: Many<Fallback> = Default("[]"),
    }
}

recipe! {
    /// A cheaper dump, from exactly one source.
    Fallback in "a `fallback`" {
    }
}

/// What can be read out of a Go program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GoDump {
    /// Its memory profile.
    Heap,
}

words! {
    GoDump {
        "heap" => Heap,
    }
}

/// What can be had of a Python program without its help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PythonDump {
    /// The stacks of its threads.
    Stacks,
}

words! {
    PythonDump {
        "stacks" => Stacks,
    }
}

/// Who writes a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CoreDump {
    /// gdb's script of that name.
    Gcore,
}

words! {
    CoreDump {
        "gcore" => Gcore,
    }
}

words! {
    JvmDump {
        "histogram" => Histogram,
        "heap" => Heap,
        "threads" => Threads,
    }
}
