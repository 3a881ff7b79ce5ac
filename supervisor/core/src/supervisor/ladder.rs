//! The ladder: which step comes next and when, and why one is passed over.

use std::time::Duration;

use crate::amount::Bytes;
use crate::plan::STOP_NEED;
use crate::policy::{Action, DumpSource, Step, Times};
use crate::rate::time_to_limit;
use crate::record::Outcome;
use crate::time::Instant;
use crate::timer::Timer;

use super::Supervisor;
use super::step::{Active, Phase, is_outside_the_service};

/// Time a stop is given before the limit when its turn is hurried: planning, a hold, the stop itself, and as much
/// again for a machine under pressure.
const STOP_RESERVE: Duration = Duration::from_millis(500);
/// The same for a throttle.
const THROTTLE_RESERVE: Duration = Duration::from_millis(300);

/// A step that may come next.
struct Candidate {
    index: usize,
    due: Instant,
    hurried: Option<String>,
}

impl Supervisor {
    /// Begins the next step if it is due, or sets the timer for it.
    pub(super) fn advance(&mut self, now: Instant) {
        while let Some(candidate) = self.candidate(now) {
            if candidate.due > now {
                return self.timers.set(Timer::Ladder, candidate.due);
            }
            self.take(now, candidate);
        }
        self.timers.clear(Timer::Ladder);
    }

    /// Growth in bytes a second to be reckoned with: what is seen, or what is to be expected when sleepers wake.
    pub(super) fn rate_now(&self, now: Instant) -> f64 {
        self.or_expected(now, self.rate.bytes_per_second())
    }

    /// Growth to look out for: what was seen before, as long as too little was seen since. It hurries no step.
    pub(super) fn rate_to_watch(&self, now: Instant) -> f64 {
        let is_unknown = self.lease.is_none() && self.rate.bytes_per_second().is_none();
        if is_unknown { self.free_rate } else { self.rate_now(now) }
    }

    /// `after` of the next step counts from now.
    pub(super) fn anchor(&mut self, now: Instant) {
        if let Some(incident) = self.incident.as_mut() {
            incident.anchor = now;
        }
    }

    fn or_expected(&self, now: Instant, seen: Option<f64>) -> f64 {
        let is_kept_still = self.lease.is_none() && (now < self.asleep_until || self.frozen);
        let expected = if is_kept_still { self.free_rate } else { 0.0 };
        seen.unwrap_or(0.0).max(expected)
    }

    /// The first step called for, or one further up that cannot wait for it.
    fn candidate(&self, now: Instant) -> Option<Candidate> {
        let incident = self.incident.as_ref()?;
        if !(self.is_running() || self.is_waiting()) {
            return None;
        }
        let must_hurry = match &incident.active {
            None => false,
            Some(active) if matches!(active.phase, Phase::Leasing) => false,
            Some(active) if active.closed.is_some() || self.is_overdue(now, active) => true,
            Some(_) => return None,
        };
        let all = self.policy.steps.iter().enumerate().skip(incident.cursor);
        let mut rest = all.filter(|(_, step)| self.is_called_for(now, step));
        let first = if must_hurry { None } else { rest.next() };
        let first = first.map(|(index, step)| self.in_turn(now, index, step, incident.anchor + step.after));
        let before = first.as_ref().map(|first| first.due);
        if first.as_ref().is_some_and(|first| can_hurry(&self.policy.steps[first.index])) {
            return first;
        }
        let rescue = rest.find_map(|(index, step)| {
            let (due, reason) = self.latest(now, step)?;
            let is_sooner = before.map_or(due <= now, |before| due < before);
            is_sooner.then_some(Candidate { index, due, hurried: Some(reason) })
        });
        rescue.or(first)
    }

    fn in_turn(&self, now: Instant, index: usize, step: &Step, due: Instant) -> Candidate {
        match self.latest(now, step).filter(|(latest, _)| *latest < due) {
            Some((due, reason)) => Candidate { index, due, hurried: Some(reason) },
            None => Candidate { index, due, hurried: None },
        }
    }

    fn is_called_for(&self, now: Instant, step: &Step) -> bool {
        let fires = step.on.iter().any(|trigger| self.triggers.is_firing(*trigger));
        let often = |repeat: Times| self.triggers.count(&step.on, now, repeat.within) >= repeat.times as usize;
        fires && step.repeat.is_none_or(often) && (self.is_running() || is_outside_the_service(step))
    }

    /// A dump that takes much longer than expected may be given up for a step that cannot wait. Under a hold it has the
    /// time of two sleeps, since its leak is watched and put to sleep once more.
    fn is_overdue(&self, now: Instant, active: &Active) -> bool {
        // A JVM stands still until it has answered, and takes its stop signal after that: it is only waited for.
        if self.recipe().is_some_and(|recipe| matches!(recipe.source, DumpSource::Jvm(_))) {
            return false;
        }
        let (expected, sleep) = active.plan.map_or((0, 0), |plan| (plan.busy_ms, plan.sleep_ms));
        let overdue = Duration::from_millis((expected + expected / 2).max(sleep * 2));
        self.is_dumping() && active.hold.is_none() && active.started.is_some_and(|at| now.since(at) > overdue)
    }

    /// When a step is to begin at the latest if the service is not to reach its limit before: `after` is a wish, the
    /// limit is not.
    fn latest(&self, now: Instant, step: &Step) -> Option<(Instant, String)> {
        let reserve = match step.action {
            Action::Restart(_) => STOP_RESERVE,
            Action::Throttle { .. } if self.lease.is_none() => THROTTLE_RESERVE,
            _ => return None,
        };
        let room = self.usage?.room().saturating_sub(STOP_NEED);
        let rate = self.or_expected(now, self.rate.sustained(room));
        let left = time_to_limit(room, rate)?;
        let awake = if self.lease.is_none() { self.asleep_until.max(now) } else { now };
        let latest = left.checked_sub(reserve).map_or(now, |spare| awake + spare);
        let wait = step.after.as_secs_f32();
        let (room, rate) = (Bytes(room), Bytes(rate as u64));
        Some((latest, format!("its wait of {wait} s is cut short: {room} left, growing {rate}/s")))
    }

    fn take(&mut self, now: Instant, candidate: Candidate) {
        let step = self.policy.steps[candidate.index].clone();
        let Some(incident) = self.incident.as_mut() else { return };
        let passed = incident.cursor..candidate.index;
        incident.cursor = candidate.index + 1;
        self.pass_over(now, passed, candidate.hurried.is_some());
        if let Some(reason) = self.refusal(now, &step) {
            if self.active().is_none() {
                self.anchor(now);
            }
            return self.skipped(now, &step, reason, None, Vec::new());
        }
        self.make_way(now, &step);
        self.begin(now, step, candidate.hurried);
    }

    fn pass_over(&mut self, now: Instant, passed: std::ops::Range<usize>, hurried: bool) {
        let reason = if self.is_waiting() {
            "the service does not run"
        } else if hurried {
            "a later step cannot wait for it: the limit is too near"
        } else {
            "its triggers did not fire, or not often enough, before a later step was due"
        };
        for index in passed {
            let step = self.policy.steps[index].clone();
            // Somebody asked for it out of its turn, and it runs.
            if self.active().is_some_and(|active| active.by_hand && active.step.name == step.name) {
                continue;
            }
            self.skipped(now, &step, reason.into(), None, Vec::new());
        }
    }

    /// Ends a throttle's step for the next one. The lease itself stays in force beside a step that does not need the
    /// service, and where a plan decides it leaves the limit for the plan to lift.
    pub(super) fn make_way(&mut self, now: Instant, step: &Step) {
        let reason = format!("given back for step {}", step.name);
        match step.action {
            _ if self.active().is_some_and(|active| active.closed.is_some()) => self.finish_closed(now),
            _ if self.is_dumping() => {
                let reason = format!("given up for step {}: the limit would be reached before its end", step.name);
                self.note_slow_dump();
                self.finish_step(now, Outcome::TimedOut, Some(reason), Vec::new());
            }
            _ if is_outside_the_service(step) => {
                let effect = "in force, and stays so beside the next step".to_owned();
                self.finish_step(now, Outcome::Done, Some(effect), Vec::new());
            }
            Action::Dump(_) | Action::Restart(_) => {
                self.drop_lease(now, &reason);
            }
            _ => self.end_lease(now, &reason),
        }
    }
}

/// Whether such a step is begun before its time when the limit is near.
fn can_hurry(step: &Step) -> bool {
    matches!(step.action, Action::Restart(_) | Action::Throttle { .. })
}
