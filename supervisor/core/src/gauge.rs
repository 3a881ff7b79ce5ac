//! How fast the leak is, decided from as few samples as the question needs.

use std::time::Duration;

use crate::amount::MIB;
use crate::time::Instant;

/// Time between samples: a leak at 1 GB/s takes 1 MB of the headroom meanwhile.
pub const INTERVAL: Duration = Duration::from_millis(1);
/// The answer is given after this long whatever it is: at 50 MB/s a service of 200 MiB is then still within the
/// 1.25 % over `memory.high` in which nobody sleeps.
const LONGEST: Duration = Duration::from_millis(25);
/// The same while the tripwire is in force and holds the leak back, so that looking longer costs nothing: on a busy
/// machine a leaking thread may not get a processor for a while.
const LONGEST_BRAKED: Duration = Duration::from_millis(60);
/// A burst that fits in the sleep-free band is told from a leak by what happens after it, so a choice for a leak is
/// not made earlier than this.
const SURE: Duration = Duration::from_millis(12);
/// Usage is charged in batches of 256 KiB a thread, so that a sample may be off by one or two.
const BATCH: u64 = 512 << 10;
/// Growth beyond which the tripwire itself puts threads to sleep, so that it cannot be told any more whether they
/// would have gone on: 1.25 % over the limit, and no less than this.
const LEAST_BAND: u64 = 2 * MIB;

/// A reading older than this does not count as the first sample: readings that do not compare are forgotten, so that an
/// older one only makes the rate a little blunt.
const FRESH: Duration = Duration::from_millis(100);

/// Samples taken since the question was asked.
#[derive(Clone, Copy, Debug)]
pub struct Gauge {
    first: (Instant, u64),
    last: (Instant, u64),
    is_empty: bool,
    /// The tripwire is in force meanwhile.
    is_braked: bool,
    /// The first sample after the beginning.
    seen: Option<(Instant, u64)>,
    /// The latest samples at least half of [`SURE`] apart: what is between them and now is recent.
    marks: [(Instant, u64); 2],
}

impl Gauge {
    /// Begins with a reading of `memory.current` taken at that moment.
    pub fn new(now: Instant, current: u64) -> Self {
        let first = (now, current);
        Self { first, last: first, is_empty: false, is_braked: false, seen: None, marks: [first; 2] }
    }

    /// Begins with a touch of the tripwire, at that moment and level, which stays in force: usage passed the level then
    /// or shortly before.
    pub fn from_touch(now: Instant, level: u64) -> Self {
        Self { is_braked: true, ..Self::new(now, level) }
    }

    /// Begins with the last reading if that is fresh.
    pub fn after(last: Option<Instant>, now: Instant, current: u64) -> Self {
        last.filter(|at| now.since(*at) <= FRESH).map_or_else(Self::empty, |at| Self::new(at, current))
    }

    /// Begins with the first sample that comes.
    fn empty() -> Self {
        Self { is_empty: true, ..Self::new(Instant::default(), 0) }
    }

    /// Adds a sample.
    pub fn push(&mut self, now: Instant, current: u64) {
        if self.is_empty {
            *self = Self::new(now, current);
        }
        self.last = (now, current);
        self.seen.get_or_insert(self.last);
        if now.since(self.marks[1].0) >= SURE / 2 {
            self.marks = [self.marks[1], self.last];
        }
    }

    /// The rate in bytes a second, as soon as the lowest and the highest rate the samples allow lead to the same
    /// choice, or when no more time should be spent on it.
    pub fn settled<C: PartialEq>(&self, choose: impl Fn(f64) -> C) -> Option<f64> {
        let elapsed = self.last.0.since(self.first.0);
        if elapsed < INTERVAL || self.is_to_be_told_from_a_sleeper() {
            return None;
        }
        let rate = self.rate();
        let error = BATCH as f64 / elapsed.as_secs_f64();
        let most = choose(rate + error);
        let is_plain = most == choose(0.0);
        let is_leak = self.is_beyond_a_burst() || elapsed >= SURE;
        let agrees = choose((rate - error).max(0.0)) == most && (is_plain || is_leak);
        let longest = if self.is_braked { LONGEST_BRAKED } else { LONGEST };
        (agrees || elapsed >= longest).then_some(rate)
    }

    /// Growth that stopped again was a burst and no leak, unless the tripwire may have stopped it. On a busy machine the
    /// first sample comes long after that: what grew then grew in a short time, if it does not go on.
    fn rate(&self) -> f64 {
        let whole = growth(self.first, self.last);
        let grown = self.last.1.saturating_sub(self.first.1) as f64;
        match (self.is_beyond_a_burst(), self.is_braked) {
            (true, true) if self.grown_since_seen() > 0 && self.is_late() => whole,
            (true, true) => whole.max(grown / SURE.as_secs_f64()),
            (true, false) => whole,
            (false, _) => whole.min(growth(self.marks[0], self.last)),
        }
    }

    /// A slow leak that is seen late has grown as much by then as a fast one that sleeps since: the one goes on, which
    /// takes a while to show, and the other lies still meanwhile.
    fn is_to_be_told_from_a_sleeper(&self) -> bool {
        let Some(seen) = self.seen else { return false };
        let is_decided = self.grown_since_seen() > 0 || self.last.0.since(seen.0) >= LONGEST_BRAKED;
        self.is_braked && self.is_late() && self.is_beyond_a_burst() && !is_decided
    }

    fn is_late(&self) -> bool {
        self.seen.is_some_and(|seen| seen.0.since(self.first.0) > 2 * SURE)
    }

    fn grown_since_seen(&self) -> u64 {
        self.seen.map_or(0, |seen| self.last.1.saturating_sub(seen.1))
    }

    fn is_beyond_a_burst(&self) -> bool {
        self.last.1.saturating_sub(self.first.1) >= LEAST_BAND.max(self.first.1 / 80)
    }
}

fn growth(from: (Instant, u64), to: (Instant, u64)) -> f64 {
    to.1.saturating_sub(from.1) as f64 / to.0.since(from.0).as_secs_f64().max(0.000_1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount::MIB;
    use crate::plan::Choice;

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
    fn a_leak_that_the_tripwire_has_put_to_sleep_is_not_taken_for_calm() {
        let mut gauge = Gauge::from_touch(Instant::default(), 205 * MIB);
        gauge.push(Instant::from_nanos(110_000_000), 208 * MIB);
        assert_eq!(gauge.settled(hold_from_100_mib), None);
        gauge.push(Instant::from_nanos(170_000_000), 208 * MIB);
        let rate = gauge.settled(hold_from_100_mib).unwrap();
        assert!(rate > 200.0 * MIB as f64, "{rate}");
    }

    #[test]
    fn a_slow_leak_that_is_seen_late_is_not_taken_for_a_fast_one() {
        let mut gauge = Gauge::from_touch(Instant::default(), 205 * MIB);
        gauge.push(Instant::from_nanos(280_000_000), 208 * MIB);
        assert_eq!(gauge.settled(hold_from_100_mib), None);
        gauge.push(Instant::from_nanos(310_000_000), 208 * MIB + MIB / 4);
        let rate = gauge.settled(hold_from_100_mib).unwrap();
        assert!(rate < 11.0 * MIB as f64, "{rate}");
    }

    #[test]
    fn a_fast_leak_is_known_at_once_and_a_slow_one_soon() {
        assert!(after(1_000).0 <= 3);
        assert!(after(200).0 <= 12);
        assert_eq!(after(100).0, 25);
        assert!(after(0).0 <= 6);
    }

    #[test]
    fn a_burst_is_no_leak() {
        let mut gauge = Gauge::new(Instant::default(), 200 * MIB);
        for millis in 1..100 {
            gauge.push(Instant::from_nanos(millis * 1_000_000), 200 * MIB + MIB);
            if let Some(rate) = gauge.settled(hold_from_100_mib) {
                assert!(rate < MIB as f64, "{rate}");
                return;
            }
        }
        panic!("never settled");
    }

    #[test]
    fn the_rate_is_what_was_seen() {
        let rate = after(400).1.unwrap();
        assert!((rate / MIB as f64 - 400.0).abs() < 1.0, "{rate}");
    }
}
