//! Triggers over readings: when they fire, how often they did, and when they are clear again.

use std::collections::VecDeque;
use std::time::Duration;

use crate::policy::{Condition, Counter, Line, Measure, Policy, Trigger};
use crate::rate::{Slope, time_to_limit};
use crate::reading::{Counters, Usage};
use crate::record::Reading;
use crate::time::Instant;

/// An event trigger that nothing fed for so long is clear.
const QUIET: Duration = Duration::from_secs(10);
/// A trigger that goes on firing is noted once in so long: the kernel counts one touch up to 52 times.
const AGAIN: Duration = Duration::from_secs(1);
/// Firings remembered for `repeat`.
const REMEMBERED: usize = 64;

/// A trigger fired or cleared.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Index into the policy's triggers.
    pub trigger: usize,
    /// Fired, or else cleared.
    pub fired: bool,
    /// What made it so.
    pub reading: Reading,
}

/// The state of every trigger of a policy.
#[derive(Clone, Debug)]
pub struct Triggers(Vec<State>);

#[derive(Clone, Debug)]
struct State {
    condition: Condition,
    firing: bool,
    last: Instant,
    above_since: Option<Instant>,
    fires: VecDeque<Instant>,
    slope: Option<Slope>,
}

impl Triggers {
    /// All clear.
    pub fn new(policy: &Policy) -> Self {
        Self(policy.triggers.iter().map(State::new).collect())
    }

    /// Whether that trigger is firing.
    pub fn is_firing(&self, trigger: usize) -> bool {
        self.0[trigger].firing
    }

    /// Whether any trigger is firing.
    pub fn any_firing(&self) -> bool {
        self.0.iter().any(|state| state.firing)
    }

    /// How often those triggers fired within the time up to `now`.
    pub fn count(&self, triggers: &[usize], now: Instant, within: Duration) -> usize {
        let recent = |trigger: &usize| self.0[*trigger].fires.iter().filter(|at| now.since(**at) <= within).count();
        triggers.iter().map(recent).sum()
    }

    /// How often usage must be read for levels and slopes while nothing else asks for it; `tripwire` is the level at
    /// which the kernel wakes us, below which no level at or above it needs watching.
    pub fn sampling(&self, usage: Option<&Usage>, tripwire: Option<u64>) -> Option<Duration> {
        self.0.iter().filter_map(|state| state.sampling(usage, tripwire)).min()
    }

    /// The counters of `memory.events` moved by `delta`. Those of page cache that was only taken back do not count:
    /// nine tenths of the level they are about must be memory that the kernel cannot take back.
    pub fn counters(&mut self, now: Instant, delta: Counters, usage: &Usage, tripwire: Option<u64>) -> Vec<Change> {
        let feed = |(trigger, state): (usize, &mut State)| {
            let Condition::MemoryEvent { counter } = state.condition else { return None };
            let (name, moved, level) = match counter {
                Counter::High => ("high", delta.high, tripwire),
                Counter::Max => ("max", delta.max, Some(usage.max)),
                Counter::Oom => ("oom", delta.oom, None),
                Counter::OomKill => ("oom_kill", delta.oom_kill, None),
            };
            let is_real = level.is_none_or(|level| is_near(usage, level));
            let reading = || Reading::Counter {
                counter: name,
                delta: moved,
                current: usage.current,
                unreclaimable: usage.unreclaimable(),
            };
            (moved > 0 && is_real).then(|| state.fire(now, trigger, reading())).flatten()
        };
        self.0.iter_mut().enumerate().filter_map(feed).collect()
    }

    /// The kernel says that tasks stalled as long as that trigger asks.
    pub fn stall(&mut self, now: Instant, trigger: usize) -> Option<Change> {
        let state = self.0.get_mut(trigger)?;
        let Condition::Pressure { line, stall, window } = state.condition else { return None };
        let reading = Reading::Stall {
            line: match line {
                Line::Some => "some",
                Line::Full => "full",
            },
            stall_ms: stall.as_millis() as u64,
            window_ms: window.as_millis() as u64,
        };
        state.fire(now, trigger, reading)
    }

    /// Takes a full reading. Where the tripwire cannot wake us (`polled`), usage at its level fires the triggers on
    /// `high` instead.
    pub fn usage(&mut self, now: Instant, usage: &Usage, tripwire: Option<u64>, polled: bool) -> Vec<Change> {
        let feed = |(trigger, state): (usize, &mut State)| match state.condition {
            Condition::MemoryEvent { counter: Counter::High } => state.touch(now, trigger, usage, tripwire, polled),
            Condition::Usage { of, above, lasting } => {
                state.level(now, trigger, (of, measured(usage, of)), above.of(usage.max), lasting)
            }
            Condition::Exhaustion { within, .. } => state.exhaustion(now, trigger, usage, within),
            Condition::MemoryEvent { .. } | Condition::Pressure { .. } => None,
        };
        self.0.iter_mut().enumerate().filter_map(feed).collect()
    }

    /// Clears the event triggers that nothing has fed for a while.
    pub fn quiet(&mut self, now: Instant, tripwire: bool) -> Vec<Change> {
        let reading = Reading::Why { reason: "nothing more happened" };
        let clear = |(trigger, state): (usize, &mut State)| {
            let is_over = state.quiet_at(tripwire).is_some_and(|at| at <= now);
            is_over.then(|| state.clear(trigger, reading.clone())).flatten()
        };
        self.0.iter_mut().enumerate().filter_map(clear).collect()
    }

    /// When [`Self::quiet`] could clear the next trigger.
    pub fn next_quiet(&self, tripwire: bool) -> Option<Instant> {
        self.0.iter().filter_map(|state| state.quiet_at(tripwire)).min()
    }

    /// Forgets what was seen over time; what fires goes on firing.
    pub fn forget(&mut self) {
        self.0.iter_mut().for_each(State::forget);
    }

    /// Clears everything: the service they were about is gone.
    pub fn reset(&mut self, reason: &'static str) -> Vec<Change> {
        let clear = |(trigger, state): (usize, &mut State)| {
            state.forget();
            state.clear(trigger, Reading::Why { reason })
        };
        self.0.iter_mut().enumerate().filter_map(clear).collect()
    }
}

/// Whether what the kernel cannot take back makes up nine tenths of that level.
pub fn is_near(usage: &Usage, level: u64) -> bool {
    usage.unreclaimable() >= level / 10 * 9
}

fn measured(usage: &Usage, of: Measure) -> u64 {
    match of {
        Measure::WorkingSet => usage.working_set(),
        Measure::Anon => usage.anon,
        Measure::Current => usage.current,
    }
}

impl State {
    fn new(trigger: &Trigger) -> Self {
        let slope = match trigger.condition {
            Condition::Exhaustion { over, .. } => Some(Slope::new(over)),
            _ => None,
        };
        let last = Instant::default();
        let condition = trigger.condition.clone();
        Self { condition, firing: false, last, above_since: None, fires: VecDeque::new(), slope }
    }

    fn forget(&mut self) {
        self.above_since = None;
        self.fires.clear();
        self.slope = self.slope.take().map(Slope::emptied);
    }

    fn fire(&mut self, now: Instant, trigger: usize, reading: Reading) -> Option<Change> {
        let repeated = self.firing && now.since(self.last) < AGAIN && !self.is_touch();
        if repeated {
            return None;
        }
        self.firing = true;
        self.last = now;
        self.fires.push_back(now);
        if self.fires.len() > REMEMBERED {
            self.fires.pop_front();
        }
        Some(Change { trigger, fired: true, reading })
    }

    fn clear(&mut self, trigger: usize, reading: Reading) -> Option<Change> {
        std::mem::take(&mut self.firing).then_some(Change { trigger, fired: false, reading })
    }

    /// A touch of the tripwire raises it, so that each one is a breach of its own.
    fn is_touch(&self) -> bool {
        matches!(self.condition, Condition::MemoryEvent { counter: Counter::High })
    }

    /// When it counts as over unless something feeds it; levels clear by their reading instead.
    fn quiet_at(&self, tripwire: bool) -> Option<Instant> {
        let patience = match self.condition {
            Condition::MemoryEvent { counter: Counter::High } if tripwire => None,
            Condition::MemoryEvent { .. } => Some(QUIET),
            Condition::Pressure { window, .. } => Some(window * 2 + Duration::from_secs(2)),
            Condition::Usage { .. } | Condition::Exhaustion { .. } => None,
        };
        patience.filter(|_| self.firing).map(|patience| self.last + patience)
    }

    fn sampling(&self, usage: Option<&Usage>, tripwire: Option<u64>) -> Option<Duration> {
        match (&self.condition, usage) {
            (Condition::Usage { .. }, None) => Some(Duration::from_millis(100)),
            (Condition::Usage { of, above, lasting }, Some(usage)) => {
                let level = above.of(usage.max);
                let woken = *of != Measure::Anon && tripwire.is_some_and(|tripwire| tripwire <= level);
                let bytes = measured(usage, *of);
                let wanted = match level.checked_sub(bytes).filter(|below| *below > 0 && !self.firing) {
                    Some(below) => interval(below, 0.0),
                    None => (*lasting / 8).clamp(Duration::from_millis(100), Duration::from_secs(1)),
                };
                (self.firing || self.above_since.is_some() || !woken).then_some(wanted)
            }
            (Condition::Exhaustion { .. }, _) => self.slope.as_ref().map(Slope::interval),
            _ => None,
        }
    }

    fn touch(&mut self, now: Instant, trigger: usize, usage: &Usage, at: Option<u64>, polled: bool) -> Option<Change> {
        let level = at?;
        let reading = |above| Reading::Level { of: "unreclaimable", bytes: usage.unreclaimable(), above };
        if polled && !self.firing && is_near(usage, level) {
            return self.fire(now, trigger, reading(level / 10 * 9));
        }
        let below = level / 100 * 85;
        (usage.unreclaimable() < below).then(|| self.clear(trigger, reading(below))).flatten()
    }

    fn level(
        &mut self,
        now: Instant,
        trigger: usize,
        (of, bytes): (Measure, u64),
        above: u64,
        lasting: Duration,
    ) -> Option<Change> {
        let name = match of {
            Measure::WorkingSet => "working-set",
            Measure::Anon => "anon",
            Measure::Current => "current",
        };
        let reading = Reading::Level { of: name, bytes, above };
        if bytes < above {
            self.above_since = None;
            let is_below = bytes < above / 100 * 95;
            return is_below.then(|| self.clear(trigger, reading)).flatten();
        }
        let since = *self.above_since.get_or_insert(now);
        (!self.firing && now.since(since) >= lasting).then(|| self.fire(now, trigger, reading)).flatten()
    }

    fn exhaustion(&mut self, now: Instant, trigger: usize, usage: &Usage, within: Duration) -> Option<Change> {
        let slope = self.slope.as_mut()?;
        slope.push(now, usage.working_set());
        let rate = slope.bytes_per_second()?;
        let left = time_to_limit(usage.max.saturating_sub(usage.working_set()), rate);
        let reading = Reading::Time { seconds_left: left.map(|left| left.as_secs()), slope: rate as i64 };
        match left {
            Some(left) if left <= within && !self.firing => self.fire(now, trigger, reading),
            Some(left) if left <= within + within / 4 => None,
            _ => self.clear(trigger, reading),
        }
    }
}

/// Time until the next reading: a twentieth of the time to the limit at the rate known, or what a leak of 64 MiB/s
/// that begins now would need to get there; from 10 ms to 1 s.
pub fn interval(distance: u64, rate: f64) -> Duration {
    let feared = distance as f64 / (64.0 * 1_048_576.0);
    let known = if rate > 0.0 { distance as f64 / rate / 20.0 } else { f64::MAX };
    Duration::from_secs_f64(feared.min(known).clamp(0.01, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount::{Amount, Limit, MIB};
    use crate::policy::{Memory, Service};

    fn triggers(condition: Condition) -> Triggers {
        Triggers::new(&Policy {
            service: Service::default(),
            memory: Memory { max: None, reserve: None, tripwire: None, hold: true },
            triggers: vec![Trigger { name: "t".into(), condition }],
            steps: Vec::new(),
            resolve_after: Duration::from_secs(60),
            evidence: crate::policy::Evidence::default(),
            sockets: Vec::new(),
            http: crate::policy::Http::default(),
            journal: crate::policy::Journal::default(),
        })
    }

    fn usage(anon: u64, file: u64) -> Usage {
        Usage {
            current: (anon + file) * MIB,
            anon: anon * MIB,
            anon_thp: 0,
            inactive_file: file * MIB,
            reclaimable: file * MIB,
            swap: false,
            high: Limit::Max,
            max: 256 * MIB,
            head: (256 - anon - file) * MIB,
            lendable: 0,
        }
    }

    fn at(second: u64) -> Instant {
        Instant::from_nanos(second * 1_000_000_000)
    }

    const TOUCHED: Counters = Counters { high: 17, max: 0, oom: 0, oom_kill: 0 };

    #[test]
    fn page_cache_at_the_tripwire_is_no_breach() {
        let mut triggers = triggers(Condition::MemoryEvent { counter: Counter::High });
        assert!(triggers.counters(at(1), TOUCHED, &usage(60, 145), Some(205 * MIB)).is_empty());
        assert!(!triggers.any_firing());
        assert_eq!(triggers.counters(at(2), TOUCHED, &usage(200, 5), Some(205 * MIB)).len(), 1);
        assert!(triggers.is_firing(0));
    }

    #[test]
    fn every_touch_counts_and_a_fall_clears() {
        let mut triggers = triggers(Condition::MemoryEvent { counter: Counter::High });
        for _ in 0..3 {
            assert_eq!(triggers.counters(at(2), TOUCHED, &usage(200, 5), Some(205 * MIB)).len(), 1);
        }
        assert_eq!(triggers.count(&[0], at(60), Duration::from_secs(60)), 3);
        assert_eq!(triggers.count(&[0], at(63), Duration::from_secs(60)), 0);
        assert!(triggers.usage(at(3), &usage(180, 0), Some(205 * MIB), false).is_empty());
        let cleared = triggers.usage(at(4), &usage(100, 0), Some(205 * MIB), false);
        assert!(!cleared[0].fired);
    }

    #[test]
    fn a_level_must_last() {
        let mut triggers = triggers(Condition::Usage {
            of: Measure::WorkingSet,
            above: Amount::Share(8_000),
            lasting: Duration::from_secs(30),
        });
        assert!(triggers.usage(at(0), &usage(210, 0), None, false).is_empty());
        assert!(triggers.usage(at(20), &usage(100, 0), None, false).is_empty());
        assert!(triggers.usage(at(21), &usage(210, 0), None, false).is_empty());
        assert!(triggers.usage(at(50), &usage(210, 0), None, false).is_empty());
        assert!(triggers.usage(at(51), &usage(210, 0), None, false)[0].fired);
    }

    #[test]
    fn exhaustion_sees_a_slope_to_the_limit() {
        let condition = Condition::Exhaustion { within: Duration::from_secs(60), over: Duration::from_secs(20) };
        let mut triggers = triggers(condition);
        let fired = (0..40).find(|second| {
            let usage = usage(100 + second * 3, 0);
            triggers.usage(at(*second), &usage, None, false).iter().any(|change| change.fired)
        });
        assert_eq!(fired, Some(15));
    }

    #[test]
    fn an_event_that_stays_away_is_over() {
        let mut triggers = triggers(Condition::MemoryEvent { counter: Counter::Oom });
        let oom = Counters { oom: 1, ..Counters::default() };
        assert_eq!(triggers.counters(at(1), oom, &usage(200, 0), None).len(), 1);
        assert_eq!(triggers.quiet(at(5), true), Vec::new());
        assert_eq!(triggers.next_quiet(true), Some(at(11)));
        assert_eq!(triggers.quiet(at(11), true).len(), 1);
        assert_eq!(triggers.next_quiet(true), None);
    }
}
