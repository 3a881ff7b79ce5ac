//! One error for everything that is done with evidence: on which file, and why not.

use std::path::{Path, PathBuf};
use std::{fmt, io};

/// What went wrong.
#[derive(Debug)]
pub enum Error {
    /// The system refused.
    Io {
        /// What was tried, as a verb: `"open"`, `"write"`.
        tried: &'static str,
        /// The file it was tried on.
        path: PathBuf,
        /// The answer.
        source: io::Error,
    },
    /// The file is not what may be taken.
    Refused {
        /// The file.
        path: PathBuf,
        /// What is the matter with it, to follow its name: `"is empty"`.
        why: String,
    },
    /// There is no room, even if everything went that may go.
    NoRoom {
        /// For what there is none, and what stands against it.
        why: String,
    },
}

/// The result of something done with evidence.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn refused(path: &Path, why: impl Into<String>) -> Self {
        Self::Refused { path: path.to_path_buf(), why: why.into() }
    }

    /// The kind of the system's answer, if it was the system that refused.
    pub fn kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io { source, .. } => Some(source.kind()),
            _ => None,
        }
    }
}

/// Makes an [`Error`] of whatever the system answers: `.map_err(io_error("open", path))`.
pub(crate) fn io_error<E: Into<io::Error>>(tried: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(E) -> Error {
    let path = path.into();
    move |error| Error::Io { tried, path, source: error.into() }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { tried, path, source } => write!(f, "cannot {tried} {}: {source}", path.display()),
            Self::Refused { path, why } => write!(f, "{} {why}", path.display()),
            Self::NoRoom { why } => f.write_str(why),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
