//! `dump`: the service writes down what it knows.

use crate::shape::shape;
use crate::text::argv::Argv;
use crate::text::count::Count;
use crate::text::duration::Lasting;
use crate::text::file::FilePattern;
use crate::text::signal::AppSignal;
use crate::text::size::Size;
use crate::text::url::Url;

shape! {
    /// A dump from exactly one source: `signal` + `file`, `http` or `command`.
    Dump in "`dump`" {
        /// The signal on which the main process writes `file`. It must handle it: most runtimes die of a signal they do
        /// not expect.
        "signal" signal: AppSignal = Optional,
        /// The file it writes, an absolute path; `*` in the last part stands for anything but `/`.
        "file" file: FilePattern = Optional,
        /// GET this URL; the body is the dump. http:// with an IP literal or localhost.
        "http" http: Url = Optional,
        /// Program and arguments, no shell, run outside the service cgroup. Its standard output, and the files it
        /// leaves in `$HIGHWATER_EVIDENCE`, are the dump.
        "command" command: Argv = Optional,
        /// Deadline.
        "within" within: Lasting = Default("'20s'"),
        /// Memory the dump needs inside the service; when absent, what the last one needed counts.
        "needs" needs: Size = Optional,
        /// So many of the newest are kept.
        "keep" keep: Count = Default("5"),
    }
    choose [["signal", "file"], ["http"], ["command"]]
}
