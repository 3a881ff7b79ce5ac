//! A hold from the lowering write to the lift: when every leaking thread is asleep.

use std::time::Duration;

use crate::time::Instant;

/// Time between samples while threads are put to sleep.
pub const INTERVAL: Duration = Duration::from_millis(3);
/// Quiet samples in a row that mean everybody sleeps: 12 ms, which also catches slow threads.
const QUIET_SAMPLES: u32 = 4;

/// A hold in force.
#[derive(Clone, Copy, Debug)]
pub struct Hold {
    since: Instant,
    longest: Duration,
    calm_rate: f64,
    last: (Instant, u64),
    quiet: u32,
}

impl Hold {
    /// Begins with the lowering write. Growth under `calm_rate` bytes a second counts as quiet; after `longest` the
    /// limit is lifted in any case.
    pub fn new(now: Instant, current: u64, calm_rate: f64, longest: Duration) -> Self {
        Self { since: now, longest, calm_rate, last: (now, current), quiet: 0 }
    }

    /// Takes a sample of `memory.current`; true when it is time to lift. Never before the lowering write came back,
    /// unless time is up: a lift during the kernel's reclaim retries cancels the sleep.
    pub fn is_over(&mut self, now: Instant, current: u64, lowered: bool) -> bool {
        let apart = now.since(self.last.0);
        if apart >= INTERVAL / 2 {
            let moved = current.abs_diff(self.last.1) as f64 / apart.as_secs_f64();
            self.quiet = if moved < self.calm_rate { self.quiet + 1 } else { 0 };
            self.last = (now, current);
        }
        (lowered && self.quiet >= QUIET_SAMPLES) || now.since(self.since) >= self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount::MIB;

    const CALM: f64 = 30.0 * MIB as f64;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn it_waits_for_four_quiet_samples_and_the_write() {
        let mut hold = Hold::new(at(0), 100 * MIB, CALM, Duration::from_millis(60));
        assert!(!hold.is_over(at(3), 102 * MIB, true));
        for millis in [6, 9, 12] {
            assert!(!hold.is_over(at(millis), 102 * MIB, true));
        }
        assert!(!hold.is_over(at(15), 102 * MIB, false));
        assert!(hold.is_over(at(18), 102 * MIB, true));
    }

    #[test]
    fn it_never_lasts_longer_than_allowed() {
        let mut hold = Hold::new(at(0), 0, CALM, Duration::from_millis(60));
        let over = (1..100).find(|step| hold.is_over(at(step * 3), step * MIB, false));
        assert_eq!(over, Some(20));
    }
}
