//! Why a heap snapshot cannot be read.

use std::fmt;
use std::io;

/// Why a heap snapshot cannot be read. Who opened the file knows its path and says it.
#[derive(Debug)]
pub enum HeapSnapshotError {
    /// The file cannot be read.
    Io(io::Error),
    /// It ends too early: whoever wrote it died meanwhile, or is not done.
    Truncated {
        /// So many bytes are there.
        at: u64,
    },
    /// It is not JSON of the expected form.
    Syntax {
        /// Offset of the byte that does not fit.
        at: u64,
        /// What belongs there.
        expected: &'static str,
    },
    /// It is JSON, but no heap snapshot, or one that contradicts itself.
    Content(&'static str),
}

impl fmt::Display for HeapSnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the heap snapshot cannot be read: {error}"),
            Self::Truncated { at: 0 } => f.write_str("the heap snapshot is empty: it was not finished"),
            Self::Truncated { at } => write!(f, "the heap snapshot ends too early, after {at} bytes"),
            Self::Syntax { at, expected } => write!(f, "not a heap snapshot: {expected} expected at byte {at}"),
            Self::Content(what) => write!(f, "not a heap snapshot: {what}"),
        }
    }
}

impl std::error::Error for HeapSnapshotError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}
