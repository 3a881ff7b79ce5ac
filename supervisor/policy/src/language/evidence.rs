//! `[evidence]`: what is kept, how much of it, and what a healthy service looks like.

use crate::shape::shape;
use crate::text::count::Count;
use crate::text::duration::Lasting;
use crate::text::size::Size;

shape! {
    /// What incidents leave behind: how much is kept, and what it is compared with.
    Evidence in "[evidence]" {
        /// Bytes over all incidents. The oldest and smallest go first; the largest of the newest incident stays.
        "max-bytes" max_bytes: Size = Default("'1GiB'"),
        /// Incidents that are kept.
        "max-count" max_count: Count = Default("100"),
        /// What stays free on the disk: no dump is begun that would take more.
        "min-free" min_free: Size = Default("'256MiB'"),
        /// A profile of the healthy service, by the source of the first `dump` step, to compare later ones with.
        "baseline" baseline: Baseline = Optional,
        /// Small profiles at intervals, by the same source, each kept as its difference to the one before.
        "series" series: Series = Optional,
    }
}

shape! {
    /// When the healthy service is looked at.
    Baseline in "`baseline`" {
        /// At this age of the service, or as soon after it as no trigger fires.
        "after" after: Lasting = Default("'5m'"),
        /// Once more after this long.
        "every" every: Lasting = Default("'1d'"),
    }
}

shape! {
    /// A series of small profiles.
    Series in "`series`" {
        /// How often.
        "every" every: Lasting = Required,
        /// So many are kept.
        "keep" keep: Count = Default("144"),
    }
}
