//! Where profiles of the healthy service are kept, to compare later ones with.

/// In the state directory, apart from the evidence of incidents.
pub const DIRECTORY: &str = "healthy";
/// The newest profile of the healthy service.
pub const BASELINE: &str = "baseline";
/// Profiles of a series that are not in it yet.
pub const INCOMING: &str = "incoming";
/// The series.
pub const SERIES: &str = "series";
