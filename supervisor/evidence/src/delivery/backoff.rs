//! When a delivery that failed is tried again.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, UNIX_EPOCH};

use highwater_kernel::clock;

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// A server that asks for more patience than that is asked earlier.
const MOST_PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// How long to wait after so many failed attempts: 5 s and twice as long each time, up to an hour; less up to a half by
/// chance, so that those who failed together do not come back together; never less than the server asked for.
pub fn wait(attempts: u32, asked: Option<Duration>, chance: u32) -> Duration {
    let full = FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(LONGEST);
    let shortened = full.mul_f64(1.0 - 0.5 * f64::from(chance) / f64::from(u32::MAX));
    shortened.max(asked.unwrap_or_default().min(MOST_PATIENCE))
}

/// Whether its time has come. One further away than any wait was set by a clock that was wrong.
pub fn is_due(next_at: u64, now: u64) -> bool {
    next_at <= now || next_at - now > MOST_PATIENCE.as_millis() as u64
}

/// Milliseconds since 1970 by the wall clock: the only one that goes on after a restart of the machine.
pub fn now_ms() -> u64 {
    clock::wall().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// A number by chance.
pub fn chance() -> u32 {
    RandomState::new().hash_one(0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        let seconds = |attempts| wait(attempts, None, 0).as_secs();
        assert_eq!([1, 2, 3, 10, 11, 99].map(seconds), [5, 10, 20, 2560, 3600, 3600]);
        assert_eq!(wait(1, None, u32::MAX).as_millis(), 2500);
        assert_eq!(wait(1, Some(Duration::from_secs(30)), 0).as_secs(), 30);
    }

    #[test]
    fn a_clock_that_was_wrong_holds_nothing_up() {
        assert!(is_due(5, 5) && !is_due(6, 5));
        assert!(is_due(100_000_000_000, 5));
    }

    proptest! {
        #[test]
        fn every_wait_is_within_bounds(attempts in 1..u32::MAX, asked in prop::option::of(any::<u64>()), by_chance: u32) {
            let asked = asked.map(Duration::from_secs);
            let wait = wait(attempts, asked, by_chance);
            prop_assert!(wait >= FIRST / 2 && wait <= MOST_PATIENCE);
            prop_assert!(wait >= asked.unwrap_or_default().min(MOST_PATIENCE));
            prop_assert!(!is_due(10 + wait.as_millis() as u64, 10));
        }
    }
}
