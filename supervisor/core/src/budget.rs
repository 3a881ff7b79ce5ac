//! How often the service may be restarted, and how long each restart waits.

use std::collections::VecDeque;
use std::time::Duration;

use crate::policy::Restart;
use crate::time::Instant;

/// Restarts so far, and the backoff they have led to.
#[derive(Clone, Debug)]
pub struct Budget {
    restarts: VecDeque<Instant>,
    in_a_row: u32,
    random: u64,
}

impl Budget {
    /// An unused budget; `seed` feeds the jitter.
    pub fn new(seed: u64) -> Self {
        Self { restarts: VecDeque::new(), in_a_row: 0, random: seed }
    }

    /// Restarts left at `now`.
    pub fn left(&self, now: Instant, rule: &Restart) -> u32 {
        let within = |at: &&Instant| now.since(**at) < rule.budget.within;
        let used = self.restarts.iter().filter(within).count();
        rule.budget.times.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX))
    }

    /// Takes one restart out of the budget and says how long to wait for it, or `None` when none is left.
    ///
    /// The wait doubles with every restart in a row, between the bounds of the rule, and up to a quarter is taken off
    /// at random so that many services that failed together do not come back together. A generation that lived for
    /// `stable-for` starts the row anew.
    pub fn take(&mut self, now: Instant, lived: Duration, rule: &Restart) -> Option<Duration> {
        if self.left(now, rule) == 0 {
            return None;
        }
        if lived >= rule.stable_for {
            self.in_a_row = 0;
        }
        let (shortest, longest) = rule.backoff;
        let wait = shortest.saturating_mul(1 << self.in_a_row.min(20)).min(longest);
        let wait = wait.mul_f64(1.0 - 0.25 * self.fraction()).max(shortest);
        self.in_a_row += 1;
        self.restarts.push_back(now);
        if self.restarts.len() > 1_024 {
            self.restarts.pop_front();
        }
        Some(wait)
    }

    /// The next number in 0..1, by splitmix64.
    fn fraction(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) as f64 / u64::MAX as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Times;

    fn rule() -> Restart {
        Restart {
            budget: Times { times: 3, within: Duration::from_secs(60) },
            backoff: (Duration::from_secs(1), Duration::from_secs(3)),
            stable_for: Duration::from_secs(20),
        }
    }

    fn at(second: u64) -> Instant {
        Instant::from_nanos(second * 1_000_000_000)
    }

    #[test]
    fn the_wait_doubles_within_its_bounds() {
        let mut budget = Budget::new(7);
        let first = budget.take(at(0), Duration::ZERO, &rule()).unwrap();
        let second = budget.take(at(1), Duration::ZERO, &rule()).unwrap();
        let third = budget.take(at(2), Duration::ZERO, &rule()).unwrap();
        assert_eq!(first, Duration::from_secs(1));
        assert!(second >= Duration::from_millis(1_500) && second <= Duration::from_secs(2));
        assert!(third >= Duration::from_millis(2_250) && third <= Duration::from_secs(3));
    }

    #[test]
    fn the_budget_is_for_a_window() {
        let mut budget = Budget::new(7);
        for second in [0, 10, 20] {
            assert!(budget.take(at(second), Duration::ZERO, &rule()).is_some());
        }
        assert_eq!(budget.take(at(59), Duration::ZERO, &rule()), None);
        assert!(budget.take(at(60), Duration::ZERO, &rule()).is_some());
        assert_eq!(budget.take(at(61), Duration::ZERO, &rule()), None);
    }

    #[test]
    fn a_stable_generation_resets_the_backoff_but_not_the_budget() {
        let mut budget = Budget::new(7);
        budget.take(at(0), Duration::ZERO, &rule());
        budget.take(at(1), Duration::ZERO, &rule());
        assert_eq!(budget.take(at(30), Duration::from_secs(20), &rule()), Some(Duration::from_secs(1)));
        assert_eq!(budget.left(at(31), &rule()), 0);
    }
}
