//! What several parts of a report read off an incident.

use highwater_profile::difference::Grower;
use highwater_profile::format::Format;

use crate::incident::{Compared, Incident, Life, Reading, Step};

/// Growth is looked at over so long before the peak, milliseconds.
const BEFORE_PEAK: i64 = 60_000;
/// Less growth than this is none worth a rate, bytes.
const LITTLE: u64 = 1 << 20;

/// A share of all that grew that is worth a word.
const NOTABLE: f64 = 0.1;

/// What to blame: the site that gained most.
#[derive(Clone, Copy, Debug)]
pub struct Culprit<'a> {
    /// The comparison it was found in.
    pub compared: &'a Compared,
    /// The site.
    pub grower: &'a Grower,
    /// Its share of all that grew, 0 to 1.
    pub share: f64,
    /// Who else to name: the next that is the program's own, where it may be the real one.
    pub next: Option<&'a Grower>,
}

impl Step {
    /// Whether it did what it was for.
    pub(crate) fn is_done(&self) -> bool {
        self.outcome.as_deref() == Some("done")
    }

    /// Whether it was left out.
    pub(crate) fn is_skipped(&self) -> bool {
        self.outcome.as_deref() == Some("skipped")
    }

    /// Whether it was tried and did not do what it was for.
    pub(crate) fn went_wrong(&self) -> bool {
        matches!(self.outcome.as_deref(), Some("failed" | "timed-out"))
    }

    /// When it ended, as far as is known.
    pub(crate) fn ended_ms(&self) -> i64 {
        self.at_ms.saturating_add_unsigned(self.took_ms.unwrap_or(0))
    }
}

impl Life {
    /// Whether the kernel ended it for want of memory.
    pub(crate) fn was_killed(&self) -> bool {
        self.oom_killed || matches!(self.cause.as_deref(), Some("own-limit" | "outer-limit"))
    }

    /// Whether that was at a limit further up than its own.
    pub(crate) fn was_killed_from_above(&self) -> bool {
        self.cause.as_deref() == Some("outer-limit")
    }
}

impl Incident {
    /// The moment of highest usage.
    pub(crate) fn peak(&self) -> Option<&Reading> {
        // Of several, the first.
        self.readings.iter().rev().max_by_key(|reading| reading.current)
    }

    /// Growth up to the peak in bytes a second, where it is worth a word.
    pub(crate) fn rate(&self) -> Option<u64> {
        let peak = self.peak()?;
        let began = self.lives.iter().filter_map(|life| life.began_ms).filter(|began| *began <= peak.at_ms).max();
        let from = peak.at_ms.saturating_sub(BEFORE_PEAK).max(began.unwrap_or(i64::MIN));
        let before = self.readings.iter().filter(|reading| (from..peak.at_ms).contains(&reading.at_ms));
        let low = before.rev().min_by_key(|reading| reading.current)?;
        let (gained, took) = (peak.current.saturating_sub(low.current), peak.at_ms.saturating_sub(low.at_ms));
        (gained >= LITTLE && took >= 1_000).then(|| (gained as f64 * 1_000.0 / took as f64) as u64)
    }

    /// The first life that the kernel ended for want of memory.
    pub(crate) fn killed(&self) -> Option<&Life> {
        self.lives.iter().find(|life| life.was_killed())
    }

    /// Whether the ladder ended because there were too many restarts.
    pub(crate) fn budget_is_spent(&self) -> bool {
        let says_so = |reason: &Option<String>| reason.as_deref().is_some_and(|reason| reason.contains("budget"));
        says_so(&self.resolved) || self.steps.iter().any(|step| step.went_wrong() && says_so(&step.reason))
    }

    /// Whether a step with that action did what it was for.
    pub(crate) fn has_done(&self, action: &str) -> bool {
        self.steps.iter().any(|step| step.action == action && step.is_done())
    }

    /// Whether it is not over.
    pub(crate) fn is_open(&self) -> bool {
        self.took_ms.is_none()
    }

    /// What gained most, of all profiles that were compared.
    pub(crate) fn culprit(&self) -> Option<Culprit<'_>> {
        let first = |compared| Self::first_of(compared);
        // A comparison says more than a profile alone.
        let known = self.differences.iter().filter_map(first);
        known.rev().max_by_key(|culprit| (culprit.compared.before.is_some(), culprit.grower.gained()))
    }

    fn first_of(compared: &Compared) -> Option<Culprit<'_>> {
        let grower = compared.difference.growers.first().filter(|grower| grower.gained() > 0)?;
        Some(Culprit { compared, grower, share: compared.share(grower), next: compared.next() })
    }
}

impl Compared {
    /// Share of a site in all that grew, 0 to 1.
    pub(crate) fn share(&self, grower: &Grower) -> f64 {
        let gains = self.difference.growers.iter().map(|grower| grower.gained().max(0) as f64);
        let all = gains.sum::<f64>().max(1.0);
        (grower.gained().max(0) as f64 / all).min(1.0)
    }

    /// The second to name. Where types are counted, the first is often one that everybody uses, such as `byte[]`, and it
    /// is the second that says whose they are, however little it holds itself.
    pub(crate) fn next(&self) -> Option<&Grower> {
        let counts_types = matches!(self.difference.format, Format::JvmHistogram | Format::HeapSnapshot);
        let next = self.difference.suspects().nth(1).filter(|next| next.gained() > 0)?;
        (counts_types || self.share(next) >= NOTABLE).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(at_ms: i64, mib: u64) -> Reading {
        Reading { at_ms, current: mib << 20, ..Reading::default() }
    }

    #[test]
    fn the_rate_is_that_up_to_the_peak() {
        let readings = vec![reading(-90_000, 1), reading(0, 20), reading(10_000, 120), reading(20_000, 30)];
        assert_eq!(Incident { readings, ..Incident::default() }.rate(), Some(10 << 20));
        let calm = Incident { readings: vec![reading(0, 20), reading(10_000, 20)], ..Incident::default() };
        assert_eq!(calm.rate(), None);
    }

    #[test]
    fn the_rate_is_that_of_one_life() {
        let lives = vec![Life { began_ms: Some(5_000), ..Life::default() }];
        let readings = vec![reading(0, 0), reading(6_000, 10), reading(8_000, 30)];
        assert_eq!(Incident { readings, lives, ..Incident::default() }.rate(), Some(10 << 20));
    }

    #[test]
    fn extreme_moments_do_no_harm() {
        let readings = vec![reading(i64::MIN, 0), reading(i64::MAX, u64::MAX >> 20)];
        let _ = Incident { readings, ..Incident::default() }.rate();
        let step = Step { at_ms: i64::MAX, took_ms: Some(u64::MAX), ..Step::default() };
        assert_eq!(step.ended_ms(), i64::MAX);
    }
}
