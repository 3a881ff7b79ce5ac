//! Readings: what they change, and when the next one is wanted.

use std::time::Duration;

use crate::command::{Command, Probe};
use crate::gauge;
use crate::hold;
use crate::reading::{Counters, Usage};
use crate::record::Event;
use crate::time::Instant;
use crate::timer::Timer;
use crate::trigger::interval;

use super::Supervisor;
use super::life::Life;
use super::tripwire::State;

/// While a dump runs that a hold can help, its leak is watched this closely.
const DUMP_INTERVAL: Duration = Duration::from_millis(5);
/// A first reading that did not come is asked for again.
const NO_ANSWER: Duration = Duration::from_secs(1);
/// Stalls of that long after a suspend are those of waking up.
const AWAKE: Duration = Duration::from_secs(2);
/// A throttle follows usage this closely.
const LEASE_INTERVAL: Duration = Duration::from_millis(100);

impl Supervisor {
    /// Counters are truth, notifications are hints: only a difference counts, and what our own throttle causes does
    /// not.
    pub(super) fn on_counters(&mut self, now: Instant, counters: Counters) {
        if matches!(self.life, Life::New | Life::Starting { .. } | Life::Waiting) {
            return;
        }
        let mut delta = counters.since(self.counters);
        self.counters = counters;
        if self.is_our_touch(now) {
            delta.high = 0;
        }
        if delta == Counters::default() {
            return;
        }
        self.unread = self.unread.plus(delta);
        self.out.push_back(Command::Probe(Probe::Usage));
    }

    pub(super) fn on_stall(&mut self, now: Instant, trigger: usize) {
        if !self.is_masked(now) && self.is_running() {
            let change = self.triggers.stall(now, trigger);
            self.apply(now, change.into_iter().collect());
        }
    }

    pub(super) fn on_usage(&mut self, now: Instant, usage: Usage) {
        if !self.is_running() {
            return;
        }
        let limit_moved = self.usage.is_some_and(|before| before.max != usage.max);
        let is_first = self.usage.replace(usage).is_none();
        self.note_rate(now, &usage);
        if is_first || (limit_moved && self.tripwire.state == State::Armed) {
            self.arm(now);
        }
        let touch = std::mem::take(&mut self.unread);
        let level = self.tripwire.level;
        let polled = match self.tripwire.state {
            State::Polled => true,
            State::Raised => self.incident.is_none() || self.tripwire.deaf,
            State::Armed | State::Off => self.tripwire.deaf,
        };
        let mut changes = self.triggers.counters(now, touch, &usage, level);
        changes.extend(self.triggers.usage(now, &usage, level, polled));
        self.apply(now, changes);
        self.judge_touch(now, &usage, touch.high > 0, touch.max > 0);
        self.follow(now);
    }

    pub(super) fn on_sample(&mut self, now: Instant, current: u64, dumped: u64) {
        let Some(usage) = self.usage.as_mut().filter(|_| self.life == Life::Running) else { return };
        let grown = current.wrapping_sub(usage.current).cast_signed();
        usage.current = current;
        usage.head = usage.head.saturating_add_signed(grown.saturating_neg());
        let usage = *usage;
        self.note_rate(now, &usage);
        self.step_sample(now, current, dumped);
    }

    /// The machine was suspended: its clock stood still, and what was measured before says nothing about now.
    pub(super) fn on_slept(&mut self, now: Instant, asleep: Duration) {
        self.rate.clear();
        self.triggers.forget();
        self.masked_until = self.masked_until.max(now + AWAKE);
        let reason = format!("the machine slept for {} s: rates and windows begin anew", asleep.as_secs());
        self.record(now, Event::Notice { reason });
    }

    pub(super) fn on_lowered(&mut self, now: Instant, error: Option<String>) {
        match error {
            None => {
                let command = self.high.lowered();
                self.out.extend(command);
            }
            Some(reason) if self.high.is_lowering() => {
                let command = self.high.failed();
                self.out.extend(command);
                self.could_not_throttle(now, &reason);
                self.record(now, Event::Notice { reason });
            }
            Some(_) => {}
        }
        self.lowered_for_stop(now);
    }

    pub(super) fn quiet(&mut self, now: Instant) {
        let changes = self.triggers.quiet(now, self.tripwire.level.is_some());
        self.apply(now, changes);
    }

    /// Takes the sample that is due: a light one where only `memory.current` matters.
    pub(super) fn sample(&mut self) {
        let probe = if self.step_interval().is_some() { Probe::Sample } else { Probe::Usage };
        self.out.push_back(Command::Probe(probe));
    }

    /// Sets the timer of the next sample, or clears it: a calm service wakes nobody.
    pub(super) fn schedule_sample(&mut self, now: Instant) {
        match self.sampling(now) {
            Some(interval) => self.timers.set_sooner(Timer::Sample, now + interval),
            None => self.timers.clear(Timer::Sample),
        }
    }

    /// Whether what the kernel reports now is our own doing.
    pub(super) fn is_masked(&self, now: Instant) -> bool {
        self.lease.is_some() || now < self.masked_until
    }

    /// Whether a touch of `memory.high` is late news, or our own doing.
    fn is_our_touch(&self, now: Instant) -> bool {
        match self.tripwire.state {
            State::Armed => false,
            State::Raised => true,
            State::Off | State::Polled => self.is_masked(now),
        }
    }

    fn note_rate(&mut self, now: Instant, usage: &Usage) {
        self.rate.push(now, usage.unreclaimable());
        let is_still = now < self.asleep_until || self.frozen || self.is_holding();
        if is_still || self.lease.is_some() || self.is_dumping() {
            return;
        }
        if let Some(rate) = self.rate.bytes_per_second() {
            self.free_rate = rate;
        }
    }

    fn sampling(&self, now: Instant) -> Option<Duration> {
        if !self.is_running() {
            return None;
        }
        if let Some(interval) = self.step_interval() {
            return Some(interval);
        }
        let usage = self.usage.as_ref();
        let Some(room) = usage.map(Usage::room) else { return Some(NO_ANSWER) };
        let is_near = matches!(self.tripwire.state, State::Raised | State::Polled) || self.tripwire.deaf;
        let near = is_near.then(|| interval(room, self.rate_to_watch(now)));
        let leased = self.lease.as_ref().map(|_| LEASE_INTERVAL);
        let incident = self.incident.as_ref().map(|_| interval(room, self.rate_to_watch(now)));
        let wanted = self.triggers.sampling(usage, self.waking_level());
        [near, leased, incident, wanted].into_iter().flatten().min()
    }

    /// How often the running step wants light samples.
    fn step_interval(&self) -> Option<Duration> {
        if self.is_gauging() {
            Some(gauge::INTERVAL)
        } else if self.is_holding() {
            Some(hold::INTERVAL)
        } else {
            self.is_watching_the_leak().then_some(DUMP_INTERVAL)
        }
    }
}
