//! Why a process could not be started.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a process could not be started.
#[derive(Debug)]
pub enum SpawnError {
    /// There is no such command (exit status 127).
    NotFound {
        /// As it was given.
        program: PathBuf,
    },
    /// It is there, but cannot be executed (exit status 126).
    NotExecutable {
        /// As it was given.
        program: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// It could not be put into its cgroup (exit status 125).
    Cgroup {
        /// The cgroup.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// Anything else on the way (exit status 125).
    Other {
        /// What was tried.
        op: String,
        /// The kernel's answer.
        source: io::Error,
    },
}

impl SpawnError {
    /// The exit status by which `env` and shells report this.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::NotFound { .. } => 127,
            Self::NotExecutable { .. } => 126,
            Self::Cgroup { .. } | Self::Other { .. } => 125,
        }
    }

    pub(super) fn exec(program: PathBuf, source: io::Error) -> Self {
        match source.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => Self::NotFound { program },
            _ => Self::NotExecutable { program, source },
        }
    }
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { program } => write!(f, "{}: command not found", program.display()),
            Self::NotExecutable { program, source } => write!(f, "{} cannot be executed: {source}", program.display()),
            Self::Cgroup { path, source } => write!(f, "cannot start a process in {}: {source}", path.display()),
            Self::Other { op, source } => write!(f, "cannot {op}: {source}"),
        }
    }
}

impl std::error::Error for SpawnError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotFound { .. } => None,
            Self::NotExecutable { source, .. } | Self::Cgroup { source, .. } | Self::Other { source, .. } => {
                Some(source)
            }
        }
    }
}
