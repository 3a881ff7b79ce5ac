//! What can go wrong with a series.

use std::path::PathBuf;
use std::{fmt, io};

use crate::read::Problem;

/// A series, or one profile of it, cannot be read or written.
#[derive(Debug)]
pub enum SeriesError {
    /// The system does not let us at this path.
    Io(PathBuf, io::Error),
    /// A profile is damaged, or too large to be kept.
    Profile(PathBuf, Problem),
    /// A profile that later ones are built upon is gone.
    Missing(PathBuf),
    /// There are fewer profiles than this index.
    NoSuchProfile(usize),
}

impl fmt::Display for SeriesError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(formatter, "{}: {error}", path.display()),
            Self::Profile(path, problem) => write!(formatter, "{}: {problem}", path.display()),
            Self::Missing(path) => write!(formatter, "{}: is gone, and the profiles after it with it", path.display()),
            Self::NoSuchProfile(index) => write!(formatter, "the series has no profile {index}"),
        }
    }
}

impl std::error::Error for SeriesError {}
