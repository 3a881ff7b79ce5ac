//! What a JVM can be asked, and what it costs the service.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::Error;

/// The JVM cuts off whoever sends a longer command.
const LONGEST: usize = 1024;

/// A question to a JVM. Everything in it stands still while it works on the first three.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Objects and bytes by class, largest first: some 60 KiB of text.
    Histogram {
        /// Count what is unreachable, too, instead of collecting it first.
        all: bool,
    },
    /// A heap dump, written by the JVM itself: about as large as the heap in use.
    HeapDump {
        /// Where, as the JVM sees it; absolute, in a directory that its user may write to, and not there yet.
        path: PathBuf,
        /// Only what is reachable, after a full collection.
        live: bool,
        /// Compress at this level, 1 (quick) to 9; since JDK 15.
        gzip: Option<u8>,
    },
    /// What each thread does, with its stack.
    Threads,
    /// The flags in force, explicit or derived from the machine: [`Options::from_flags`](super::Options::from_flags).
    Flags,
    /// How full the generations of the heap are.
    HeapInfo,
    /// What lies outside the heap, if it was started with `-XX:NativeMemoryTracking=summary`.
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
