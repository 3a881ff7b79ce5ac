//! What is kept of incidents, and what it is compared with.

use std::time::Duration;

/// What is kept of incidents, and what it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Bytes over all incidents.
    pub max_bytes: u64,
    /// Incidents that are kept.
    pub max_count: usize,
    /// Bytes that stay free on the disk.
    pub min_free: u64,
    /// When a profile of the healthy service is taken, by the source of the first dump step.
    pub baseline: Option<Baseline>,
    /// A series of small profiles by the same source.
    pub series: Option<Series>,
}

/// When the healthy service is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Age of the service.
    pub after: Duration,
    /// Once more after this long.
    pub every: Duration,
}

/// A series of small profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series {
    /// How often.
    pub every: Duration,
    /// So many are kept.
    pub keep: usize,
}

impl Default for Evidence {
    /// 1 GiB in 100 files, 256 MiB free, and nothing taken of a healthy service.
    fn default() -> Self {
        Self { max_bytes: 1 << 30, max_count: 100, min_free: 256 << 20, baseline: None, series: None }
    }
}
