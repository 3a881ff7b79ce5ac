//! Why a profile cannot be read.

use std::borrow::Cow;
use std::path::PathBuf;
use std::{fmt, io};

use crate::heapsnapshot::HeapSnapshotError;
use crate::node_report::NodeReportError;

/// A profile that cannot be read.
#[derive(Debug)]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a profile.
#[derive(Debug)]
pub enum Problem {
    /// It has no byte: a dump that never got anywhere.
    Empty,
    /// It is a directory, a device or a pipe.
    NotAFile,
    /// It is none of the formats known.
    Unknown,
    /// It ends in the middle.
    Truncated,
    /// It is larger than what is read.
    TooLarge {
        /// Bytes at most, unpacked.
        limit: u64,
    },
    /// It contradicts its format.
    Malformed(Cow<'static, str>),
    /// The system does not give it.
    Io(io::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path.display(), self.problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("is empty: the dump did not get anywhere"),
            Self::NotAFile => formatter.write_str("is not a regular file"),
            Self::Unknown => formatter.write_str(
                "is no profile known here: not pprof, a JVM class histogram, a tracemalloc snapshot, a V8 heap \
                 snapshot, nor a heap profile of jemalloc or gperftools",
            ),
            Self::Truncated => formatter.write_str("ends in the middle: the dump was cut off"),
            Self::TooLarge { limit } => write!(formatter, "is larger than {} MiB unpacked", limit >> 20),
            Self::Malformed(what) => write!(formatter, "is damaged: {what}"),
            Self::Io(error) => write!(formatter, "cannot be read: {error}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl std::error::Error for Problem {}

impl From<io::Error> for Problem {
    /// Errors of the gzip decoder come as errors of reading too.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated,
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                Self::Malformed("it does not unpack: not all of it was written, or it was written over".into())
            }
            _ => Self::Io(error),
        }
    }
}

impl Problem {
    /// It contradicts its format.
    pub(crate) fn malformed(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed(what.into())
    }
}

impl From<HeapSnapshotError> for Problem {
    fn from(error: HeapSnapshotError) -> Self {
        match error {
            HeapSnapshotError::Io(error) => Self::from(error),
            HeapSnapshotError::Truncated { .. } => Self::Truncated,
            other => Self::Malformed(other.to_string().into()),
        }
    }
}

impl From<NodeReportError> for Problem {
    fn from(error: NodeReportError) -> Self {
        match error {
            NodeReportError::Io(error) => Self::from(error),
            NodeReportError::Json(error) if error.is_eof() => Self::Truncated,
            other => Self::Malformed(other.to_string().into()),
        }
    }
}
