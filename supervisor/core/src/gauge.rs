//! How fast the leak is, decided from as few samples as the question needs.

use std::time::Duration;

use crate::plan::Choice;
use crate::time::Instant;

/// Time between samples: a leak at 1 GB/s takes 1 MB of the headroom meanwhile.
pub const INTERVAL: Duration = Duration::from_millis(1);
/// The answer is given after this long whatever it is: at 50 MB/s a service of 200 MiB is then still within the
/// 1.25 % over `memory.high` in which nobody sleeps.
const LONGEST: Duration = Duration::from_millis(25);
/// Usage is charged in batches of 256 KiB a thread, so that a sample may be off by one or two.
const BATCH: u64 = 512 << 10;

/// Samples taken since the question was asked.
#[derive(Clone, Copy, Debug)]
pub struct Gauge {
    since: Instant,
    first: u64,
    now: Instant,
    current: u64,
}

impl Gauge {
    /// Begins with a first reading of `memory.current`.
    pub fn new(now: Instant, current: u64) -> Self {
        Self { since: now, first: current, now, current }
    }

    /// Adds a sample.
    pub fn push(&mut self, now: Instant, current: u64) {
        self.now = now;
        self.current = current;
    }

    /// The rate in bytes a second, as soon as the lowest and the highest rate the samples allow lead to the same
    /// choice, or when no more time should be spent on it.
    pub fn settled(&self, choose: impl Fn(f64) -> Choice) -> Option<f64> {
        let elapsed = self.now.since(self.since);
        if elapsed < INTERVAL {
            return None;
        }
        let grown = self.current.saturating_sub(self.first);
        let rate = |bytes: u64| bytes as f64 / elapsed.as_secs_f64();
        let bounds_agree = || choose(rate(grown.saturating_sub(BATCH))) == choose(rate(grown + BATCH));
        (elapsed >= LONGEST || bounds_agree()).then(|| rate(grown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount::MIB;

    fn hold_from_100_mib(rate: f64) -> Choice {
        if rate > 100.0 * MIB as f64 { Choice::Hold } else { Choice::Lift }
    }

    fn after(rate_mib: u64) -> (u64, Option<f64>) {
        let mut gauge = Gauge::new(Instant::default(), 0);
        for millis in 1..100 {
            gauge.push(Instant::from_nanos(millis * 1_000_000), millis * rate_mib * MIB / 1_000);
            if let Some(rate) = gauge.settled(hold_from_100_mib) {
                return (millis, Some(rate));
            }
        }
        (100, None)
    }

    #[test]
    fn a_fast_leak_is_known_at_once_and_a_slow_one_soon() {
        assert_eq!(after(1_000).0, 1);
        assert!(after(200).0 <= 6);
        assert_eq!(after(100).0, 25);
        assert!(after(0).0 <= 6);
    }

    #[test]
    fn the_rate_is_what_was_seen() {
        let rate = after(400).1.unwrap();
        assert!((rate / MIB as f64 - 400.0).abs() < 1.0, "{rate}");
    }
}
