//! Why there is no profile.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why the profile of a Go program cannot be had from outside.
#[derive(Debug)]
pub enum GoError {
    /// A file could not be read.
    Io {
        /// What was tried: `"open"`, `"read"`.
        op: &'static str,
        /// On which file.
        path: PathBuf,
        /// The kernel's answer. `EACCES` and `EPERM` mean that this needs the same user or `CAP_SYS_PTRACE`.
        source: io::Error,
    },
    /// The executable has no Go build information.
    NotGo {
        /// The executable, as the process sees it.
        path: PathBuf,
    },
    /// A Go program, but not one whose memory this knows.
    Unsupported {
        /// What it is, in Go's words where it has some: `go1.16.15`.
        found: String,
        /// What is supported.
        supported: &'static str,
    },
    /// The program samples no allocations: it was linked without a use of the memory profile, or turned sampling off.
    NotSampled,
    /// What the profile is made of was not found, or is not what it should be.
    Missing {
        /// What, and where it was looked for.
        what: &'static str,
    },
}

impl GoError {
    pub(super) fn missing(what: &'static str) -> Self {
        Self::Missing { what }
    }
}

impl fmt::Display for GoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { op, path, source } => {
                write!(f, "cannot {op} {}: {source}", path.display())?;
                let denied = source.kind() == io::ErrorKind::PermissionDenied;
                f.write_str(if denied { " (it takes the same user or CAP_SYS_PTRACE)" } else { "" })
            }
            Self::NotGo { path } => write!(f, "{} is not a Go program: it has no Go build information", path.display()),
            Self::Unsupported { found, supported } => {
                write!(f, "{found} is not supported; supported is {supported}")
            }
            Self::NotSampled => f.write_str(
                "the program samples no allocations: Go leaves that out of a program that never asks for its \
                 memory profile; import net/http/pprof, or leave runtime.MemProfileRate above 0",
            ),
            Self::Missing { what } => write!(f, "cannot find {what} in this program"),
        }
    }
}

impl std::error::Error for GoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
