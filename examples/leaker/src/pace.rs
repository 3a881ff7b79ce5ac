//! Rates, and keeping to them piece by piece.

use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

/// What is leaked, dumped or streamed in one go: 64 KiB.
pub(crate) const PIECE: usize = 64 * 1024;

/// How much lateness is made up for. It covers the timer's slack; a thread that was put to sleep does not rush afterwards.
const SLACK: Duration = Duration::from_millis(1);

/// How fast something goes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Rate {
    /// Not at all.
    #[default]
    None,
    /// Bytes a second.
    Paced(f64),
    /// As fast as it can.
    Full,
}

impl Rate {
    /// The rate of each of `count` equal parts.
    pub(crate) fn split(self, count: usize) -> Self {
        match self {
            Self::Paced(rate) => Self::Paced(rate / count as f64),
            other => other,
        }
    }

    /// The time between two pieces.
    fn interval(self) -> Duration {
        match self {
            Self::Paced(rate) => Duration::from_secs_f64(PIECE as f64 / rate),
            Self::None | Self::Full => Duration::ZERO,
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    /// A number of MB/s (10^6 bytes a second), or `full`.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "full" {
            return Ok(Self::Full);
        }
        match decimal(text)? {
            rate if rate > 0.0 => Ok(Self::Paced(rate * 1e6)),
            _ => Ok(Self::None),
        }
    }
}

/// Reads a number from 0 to 10^9.
pub(crate) fn decimal(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=1e9).contains(&number) => Ok(number),
        _ => Err(format!("{text:?} is not a number from 0 to 1e9")),
    }
}

/// Holds one thread to its rate.
pub(crate) struct Pace {
    interval: Duration,
    next: Instant,
}

impl Pace {
    /// Starts now; the first piece is due at once.
    pub(crate) fn new(rate: Rate) -> Self {
        Self { interval: rate.interval(), next: Instant::now() }
    }

    /// Sleeps until the next piece is due.
    pub(crate) fn wait(&mut self) {
        if self.interval.is_zero() {
            return;
        }
        let now = Instant::now();
        if let Some(early) = self.next.checked_duration_since(now) {
            thread::sleep(early);
        }
        self.next = self.after(now);
    }

    /// When the piece after this one is due: an interval later, forgetting what is late by more than the slack.
    fn after(&self, now: Instant) -> Instant {
        let oldest = now.checked_sub(SLACK).unwrap_or(now);
        self.next.max(oldest) + self.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_shared_by_its_threads() {
        let rate: Rate = "200".parse().unwrap();
        assert_eq!(rate.split(4), Rate::Paced(50e6));
        assert_eq!(rate.interval(), Duration::from_secs_f64(65_536.0 / 200e6));
        assert_eq!("full".parse(), Ok(Rate::Full));
        assert_eq!("0".parse(), Ok(Rate::None));
    }

    #[test]
    fn a_long_sleep_is_not_made_up_for() {
        let pace = Pace::new(Rate::Paced(1e6));
        let late = pace.next + Duration::from_secs(2);
        assert_eq!(pace.after(late), late + pace.interval.saturating_sub(SLACK));
    }

    #[test]
    fn an_early_piece_keeps_the_beat() {
        let pace = Pace::new(Rate::Paced(1e6));
        assert_eq!(pace.after(pace.next), pace.next + pace.interval);
    }
}
