//! Whether the machine was suspended: told by two clocks of which one stands still meanwhile, so that nobody has to wake
//! up for it.

use std::time::Duration;

use highwater_kernel::clock;

/// What is shorter may be the two clocks being read one after the other.
const SHORTEST: u64 = 1_000_000_000;

/// How far the clocks are apart, as seen last.
#[derive(Debug)]
pub struct Sleep {
    apart: u64,
}

impl Sleep {
    /// From now on.
    pub fn begin() -> Self {
        Self { apart: apart() }
    }

    /// How long the machine slept since this was asked last, if it did.
    pub fn since_last(&mut self) -> Option<Duration> {
        self.judge(apart())
    }

    fn judge(&mut self, apart: u64) -> Option<Duration> {
        let asleep = apart.saturating_sub(self.apart);
        if asleep < SHORTEST {
            return None;
        }
        self.apart = apart;
        Some(Duration::from_nanos(asleep))
    }
}

fn apart() -> u64 {
    let monotonic = clock::monotonic_ns();
    clock::boottime_ns().saturating_sub(monotonic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sleep_is_told_once() {
        let mut sleep = Sleep { apart: 5 };
        assert_eq!(sleep.judge(SHORTEST), None);
        assert_eq!(sleep.judge(5 + 3 * SHORTEST), Some(Duration::from_secs(3)));
        assert_eq!(sleep.judge(5 + 3 * SHORTEST), None);
        assert_eq!(Sleep::begin().since_last(), None);
    }
}
