//! The value of a limit file: bytes or `max`.

use std::fmt;

use crate::text::number;

/// What `memory.high`, `memory.max` and `memory.swap.max` hold. The kernel rounds bytes down to whole pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// So many bytes.
    Bytes(u64),
    /// No limit here; an ancestor may have one.
    Max,
}

impl Limit {
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        match text.trim_ascii() {
            b"max" => Some(Self::Max),
            digits => number(digits).map(Self::Bytes),
        }
    }

    /// The bytes, `None` for no limit.
    pub fn bytes(self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Max => None,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{bytes}"),
            Self::Max => f.write_str("max"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for limit in [Limit::Max, Limit::Bytes(0), Limit::Bytes(214_748_364_800)] {
            assert_eq!(Limit::parse(format!("{limit}\n").as_bytes()), Some(limit));
        }
        assert_eq!(Limit::parse(b"12M\n"), None);
        assert_eq!(Limit::parse(b""), None);
    }
}
