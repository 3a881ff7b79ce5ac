//! How fast usage grows: a short rate for decisions within an incident, a long slope for the time to the limit.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Instant;

/// The short rate looks back no further than this.
const RECENT: Duration = Duration::from_millis(500);
/// A short rate is not taken from samples closer together than this: charges come in batches of 256 KiB a thread.
const APART: Duration = Duration::from_millis(8);
/// A rate seen for so long is believed whatever it is.
const SUSTAINED: Duration = Duration::from_millis(250);
/// Points kept for a long slope.
const POINTS: u32 = 32;

/// Growth of what the kernel cannot take back over the last half second.
#[derive(Clone, Debug, Default)]
pub struct Rate(VecDeque<(Instant, u64)>);

impl Rate {
    /// Adds a sample in bytes.
    pub fn push(&mut self, now: Instant, current: u64) {
        while self.0.front().is_some_and(|(at, _)| now.since(*at) > RECENT) && self.0.len() > 1 {
            self.0.pop_front();
        }
        self.0.push_back((now, current));
    }

    /// Forgets everything: what comes is not comparable with what was.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Bytes a second over the samples kept, 0 when usage shrank; `None` while too little is known.
    pub fn bytes_per_second(&self) -> Option<f64> {
        let (apart, grown) = self.span()?;
        (apart >= APART).then(|| grown as f64 / apart.as_secs_f64())
    }

    /// The same, but only a rate that was seen for a quarter of a second, or that took a quarter of `room` while it
    /// was seen: a burst of a few milliseconds is no reason to cut anything short.
    pub fn sustained(&self, room: u64) -> Option<f64> {
        let (apart, grown) = self.span()?;
        self.bytes_per_second().filter(|_| apart >= SUSTAINED || grown >= room / 4)
    }

    /// The moment of the last sample.
    pub fn last(&self) -> Option<Instant> {
        self.0.back().map(|(at, _)| *at)
    }

    fn span(&self) -> Option<(Duration, u64)> {
        let (first, last) = (self.0.front()?, self.0.back()?);
        Some((last.0.since(first.0), last.1.saturating_sub(first.1)))
    }
}

/// The slope of a measure of usage over minutes.
#[derive(Clone, Debug)]
pub struct Slope {
    over: Duration,
    points: VecDeque<(Instant, u64)>,
}

impl Slope {
    /// A slope taken over that long.
    pub fn new(over: Duration) -> Self {
        Self { over, points: VecDeque::new() }
    }

    /// The same slope without its samples.
    #[must_use]
    pub fn emptied(self) -> Self {
        Self::new(self.over)
    }

    /// How far apart samples should be for it.
    pub fn interval(&self) -> Duration {
        (self.over / POINTS).max(Duration::from_millis(100))
    }

    /// Adds a sample in bytes; those closer together than [`Self::interval`] are left out.
    pub fn push(&mut self, now: Instant, bytes: u64) {
        let half = self.interval() / 2;
        if self.points.back().is_some_and(|(at, _)| now.since(*at) < half) {
            return;
        }
        while self.points.front().is_some_and(|(at, _)| now.since(*at) > self.over + half) {
            self.points.pop_front();
        }
        self.points.push_back((now, bytes));
    }

    /// Bytes a second by least squares, once the samples span at least three quarters of the time asked for.
    pub fn bytes_per_second(&self) -> Option<f64> {
        let (first, last) = (self.points.front()?, self.points.back()?);
        if last.0.since(first.0) < self.over.mul_f64(0.75) {
            return None;
        }
        let count = self.points.len() as f64;
        let point = |(at, bytes): &(Instant, u64)| (at.since(first.0).as_secs_f64(), *bytes as f64);
        let mean_x = self.points.iter().map(|p| point(p).0).sum::<f64>() / count;
        let mean_y = self.points.iter().map(|p| point(p).1).sum::<f64>() / count;
        let covariance: f64 = self.points.iter().map(point).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
        let variance: f64 = self.points.iter().map(point).map(|(x, _)| (x - mean_x).powi(2)).sum();
        (variance > 0.0).then(|| covariance / variance)
    }
}

/// How long until `head` bytes are used up at `rate` bytes a second; `None` for never within a day.
pub fn time_to_limit(head: u64, rate: f64) -> Option<Duration> {
    const DAY: f64 = 86_400.0;
    let seconds = head as f64 / rate;
    (rate > 0.0 && seconds < DAY).then(|| Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount::MIB;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn the_short_rate_forgets_what_is_old() {
        let mut rate = Rate::default();
        rate.push(at(0), 0);
        assert_eq!(rate.bytes_per_second(), None);
        rate.push(at(10), MIB);
        assert!((rate.bytes_per_second().unwrap() - 100.0 * MIB as f64).abs() < 1.0);
        rate.push(at(2_000), MIB);
        rate.push(at(2_100), MIB);
        assert_eq!(rate.bytes_per_second(), Some(0.0));
    }

    #[test]
    fn a_burst_is_not_sustained_unless_it_takes_much_of_the_room() {
        let mut rate = Rate::default();
        rate.push(at(0), 0);
        rate.push(at(10), 4 * MIB);
        assert_eq!(rate.sustained(40 * MIB), None);
        assert!(rate.sustained(16 * MIB).is_some());
        rate.push(at(260), 4 * MIB);
        assert!(rate.sustained(40 * MIB).unwrap() < 17.0 * MIB as f64);
    }

    #[test]
    fn the_long_slope_waits_for_its_span() {
        let mut slope = Slope::new(Duration::from_secs(120));
        for second in 0..80 {
            slope.push(at(second * 1_000), 100 * MIB + second * MIB);
        }
        assert_eq!(slope.bytes_per_second(), None);
        for second in 80..130 {
            slope.push(at(second * 1_000), 100 * MIB + second * MIB);
        }
        let slope = slope.bytes_per_second().unwrap();
        assert!((slope / MIB as f64 - 1.0).abs() < 0.01, "{slope}");
    }

    #[test]
    fn the_limit_is_never_reached_without_growth() {
        assert_eq!(time_to_limit(MIB, 0.0), None);
        assert_eq!(time_to_limit(MIB, -5.0), None);
        assert_eq!(time_to_limit(10 * MIB, MIB as f64), Some(Duration::from_secs(10)));
    }
}
