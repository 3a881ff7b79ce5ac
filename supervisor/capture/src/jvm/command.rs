//! What a JVM can be asked, and what it costs the service.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::Error;

/// The JVM cuts off whoever sends a longer command.
const LONGEST: usize = 1024;

/// A question to a JVM. Everything in it stands still while it works on the first three.
///
/// The costs were measured with JVM 17 on two busy processors. Memory is what the JVM grows by; the times of what walks the
/// heap are for objects of 32 bytes, the worst case: for arrays of 64 KiB they are a hundredth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Objects and bytes by class, largest first: some 60 KiB of text.
    Histogram {
        /// Count what is unreachable, too, instead of collecting it first.
        ///
        /// With: 0.3 MiB and 20 to 50 ns for each object (0.3 s for 256 MiB, 0.6 s for 768 MiB). What was just thrown
        /// away is counted, at most a young generation of it: 15 % of the heap (serial), 40 % (G1). A leak stays among
        /// the first three classes.
        ///
        /// Without: a full collection first, 1 to 3 s for 256 MiB, which moves the young generation into the old one
        /// and so makes the JVM touch memory it has not used yet: 36 MiB with a heap of 64 MiB, 68 with 256, 120 with
        /// 768 (serial), and up to half of the heap where `-Xms` is as large as `-Xmx`. Not to be asked near the limit.
        all: bool,
    },
    /// A heap dump, written by the JVM itself: as large as the heap in use, one and a half times with many small objects.
    ///
    /// 1 to 3 MiB and 0.3 to 3 s (large arrays) or 2.5 to 7 s (small objects) for each 256 MiB, the disk permitting. The
    /// page cache of the file is charged to the JVM's cgroup; in a tmpfs the file stays charged.
    HeapDump {
        /// Where, as the JVM sees it; absolute, in a directory that its user may write to, and not there yet.
        path: PathBuf,
        /// Only what is reachable, after a full collection, which costs what it costs a histogram.
        live: bool,
        /// Compress at this level, 1 (quick) to 9; since JDK 15. Level 1 takes twice as long and a tenth of the disk.
        gzip: Option<u8>,
    },
    /// What each thread does, with its stack: 0.1 MiB, under 10 ms, and 300 bytes to 1 KiB of text a thread.
    Threads,
    /// The flags in force, explicit or derived from the machine: [`Options::from_flags`](super::Options::from_flags). Free.
    Flags,
    /// How full the generations of the heap are. Free.
    HeapInfo,
    /// What lies outside the heap, if it was started with `-XX:NativeMemoryTracking=summary`. Free.
    NativeMemory,
}

impl Command {
    /// As the JVM wants to have it, one line.
    pub(super) fn line(&self) -> Result<Vec<u8>, Error> {
        let line = match self {
            Self::Histogram { all: true } => b"GC.class_histogram -all".to_vec(),
            Self::Histogram { all: false } => b"GC.class_histogram".to_vec(),
            Self::HeapDump { path, live, gzip } => return heap_dump(path, *live, *gzip),
            Self::Threads => b"Thread.print".to_vec(),
            Self::Flags => b"VM.flags".to_vec(),
            Self::HeapInfo => b"GC.heap_info".to_vec(),
            Self::NativeMemory => b"VM.native_memory".to_vec(),
        };
        Ok(line)
    }
}

fn heap_dump(path: &Path, only_live: bool, gzip: Option<u8>) -> Result<Vec<u8>, Error> {
    if let Some(why) = what_is_wrong_with(path) {
        return Err(Error::BadPath { path: path.into(), why });
    }
    let mut line = b"GC.heap_dump ".to_vec();
    if !only_live {
        line.extend_from_slice(b"-all ");
    }
    if let Some(level) = gzip {
        line.extend_from_slice(format!("-gz={} ", level.clamp(1, 9)).as_bytes());
    }
    line.push(b'"');
    line.extend_from_slice(path.as_os_str().as_bytes());
    line.push(b'"');
    if line.len() > LONGEST {
        return Err(Error::BadPath { path: path.into(), why: "it is longer than the protocol allows" });
    }
    Ok(line)
}

/// A new line would begin the next command, a quote end the name, and newer JVMs replace what follows a percent sign.
fn what_is_wrong_with(path: &Path) -> Option<&'static str> {
    let bytes = path.as_os_str().as_bytes();
    if !path.is_absolute() {
        Some("it is not absolute")
    } else if bytes.iter().any(|byte| byte.is_ascii_control() || matches!(byte, b'"' | b'%')) {
        Some("it contains a quote, a percent sign or a control character")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(path: impl Into<PathBuf>) -> Command {
        Command::HeapDump { path: path.into(), live: false, gzip: None }
    }

    #[test]
    fn a_name_with_a_blank_is_one_word() {
        assert_eq!(dump("/tmp/a b.hprof").line().unwrap(), b"GC.heap_dump -all \"/tmp/a b.hprof\"");
        let live = Command::HeapDump { path: "/x".into(), live: true, gzip: Some(1) };
        assert_eq!(live.line().unwrap(), b"GC.heap_dump -gz=1 \"/x\"");
    }

    #[test]
    fn a_name_cannot_be_a_second_command() {
        for path in ["relative", "/tmp/a\"b", "/tmp/x\nVM.set_flag", "/tmp/%p", "/tmp/\0"] {
            assert!(matches!(dump(path).line(), Err(Error::BadPath { .. })), "{path:?}");
        }
        assert!(dump(format!("/{}", "x".repeat(1100))).line().is_err());
        assert!(dump(format!("/{}", "x".repeat(900))).line().is_ok());
    }
}
