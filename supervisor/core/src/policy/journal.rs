//! How much is written down.

/// Bounds of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journal {
    /// Bytes of the journal and the one before it, together.
    pub max_bytes: u64,
}

impl Default for Journal {
    /// 8 MiB: some tens of thousands of records.
    fn default() -> Self {
        Self { max_bytes: 8 << 20 }
    }
}
