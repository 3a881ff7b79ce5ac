//! Memory that rose and fell again, without anybody's doing.

use std::fmt;

use super::size::{Size, signed};
use crate::incident::Incident;

/// What ends or lowers by our doing.
const OUR_DOING: [&str; 4] = ["restart", "kill", "reclaim", "throttle"];
/// It has fallen when so much of the rise at most is left.
const LEFT: f64 = 0.25;

/// Bytes before, at the highest, and after.
pub struct Burst {
    start: i64,
    peak: i64,
    end: i64,
}

impl Burst {
    /// Nothing if it did not fall, or not by itself.
    pub fn of(incident: &Incident) -> Option<Self> {
        let goes_on = incident.lives.iter().all(|life| life.ended_ms.is_none());
        let ours = |action: &str| OUR_DOING.contains(&action);
        let did_nothing =
            !incident.steps.iter().any(|step| step.outcome.as_deref() == Some("done") && ours(&step.action));
        if incident.resolved.is_none() || !goes_on || !did_nothing {
            return None;
        }
        let read: Vec<u64> = incident.readings.iter().map(|reading| reading.current).collect();
        let looked = [&incident.breach, &incident.last].map(|look| look.as_ref().and_then(|look| look.current));
        let healthy = incident.baseline.as_ref().and_then(|look| look.current);
        let start = healthy.or(read.first().copied())?;
        let peak = read.iter().copied().chain(looked.into_iter().flatten()).max()?;
        let end = looked[1].or(read.last().copied())?;
        let burst = Self { start: signed(start), peak: signed(peak), end: signed(end) };
        burst.has_fallen().then_some(burst)
    }

    fn has_fallen(&self) -> bool {
        let rise = self.peak - self.start;
        let left = self.end - self.start;
        rise >= super::growth::least(self.peak) && left as f64 <= rise as f64 * LEFT
    }
}

impl fmt::Display for Burst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rise, peak, end) = (Size(self.peak - self.start), Size(self.peak), Size(self.end));
        write!(f, "memory rose by {rise} to {peak} and fell back to {end} by itself")
    }
}
