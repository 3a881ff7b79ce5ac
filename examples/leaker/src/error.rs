//! What can go wrong before the service runs; later it only complains on stderr and carries on.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why the service could not start.
#[derive(Debug)]
pub(crate) enum Error {
    /// The command line is wrong.
    Arguments(lexopt::Error),
    /// Options that contradict each other or miss a partner.
    Contradiction(&'static str),
    /// A file could not be used.
    File(PathBuf, io::Error),
    /// Memory could not be mapped.
    Memory(io::Error),
    /// A thread could not be started.
    Thread(io::Error),
    /// A system call about processes or signals failed: its name and the cause.
    System(&'static str, nix::Error),
}

impl Error {
    /// For `map_err`: puts the path into an error of the file system.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::File(path.to_owned(), error)
    }

    /// For `map_err`: names the system call that failed.
    pub(crate) fn system(call: &'static str) -> impl FnOnce(nix::Error) -> Self {
        move |error| Self::System(call, error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments(error) => write!(to, "{error}"),
            Self::Contradiction(text) => write!(to, "{text}"),
            Self::File(path, error) => write!(to, "{}: {error}", path.display()),
            Self::Memory(error) => write!(to, "cannot map memory: {error}"),
            Self::Thread(error) => write!(to, "cannot start a thread: {error}"),
            Self::System(call, error) => write!(to, "{call}: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<lexopt::Error> for Error {
    fn from(error: lexopt::Error) -> Self {
        Self::Arguments(error)
    }
}
