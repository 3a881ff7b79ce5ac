//! When what has ended is started again: soon, but never in a tight loop.

use std::time::{Duration, Instant};

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// Waits twice as long each time, until something has run for a while.
#[derive(Debug)]
pub struct Again {
    wait: Duration,
}

impl Again {
    /// One that has not waited yet.
    pub fn new() -> Self {
        Self { wait: SHORTEST }
    }

    /// The moment of the next start, of something that ran from then until now.
    pub fn after(&mut self, started: Instant, now: Instant) -> Instant {
        if now.duration_since(started) >= LONGEST {
            self.wait = SHORTEST;
        }
        let moment = now + self.wait;
        self.wait = (self.wait * 2).min(LONGEST);
        moment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_until_something_has_run_for_a_while() {
        let mut again = Again::new();
        let start = Instant::now();
        let mut wait = |ran: u64| {
            let now = start + Duration::from_secs(ran);
            again.after(start, now).duration_since(now).as_secs()
        };
        assert_eq!([wait(0), wait(1), wait(1), wait(59)], [1, 2, 4, 8]);
        assert_eq!([wait(0), wait(0), wait(0), wait(0)], [16, 32, 60, 60]);
        assert_eq!([wait(60), wait(0)], [1, 2]);
    }
}
