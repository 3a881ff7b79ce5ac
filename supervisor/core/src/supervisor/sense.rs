//! Readings: what they change, and when the next one is wanted.

use std::time::Duration;

use crate::command::{Command, Probe};
use crate::gauge;
use crate::hold;
use crate::reading::{Counters, Usage};
use crate::time::Instant;
use crate::timer::Timer;
use crate::trigger::{interval, is_near};

use super::Supervisor;
use super::tripwire::State;

/// While a dump runs under a hold its leak is watched this closely.
const DUMP_INTERVAL: Duration = Duration::from_millis(5);
/// A throttle follows usage this closely.
const LEASE_INTERVAL: Duration = Duration::from_millis(100);

impl Supervisor {
    /// Counters are truth, notifications are hints: only a difference counts, and what our own throttle causes does
    /// not.
    pub(super) fn on_counters(&mut self, now: Instant, counters: Counters) {
        let mut delta = counters.since(self.counters);
        self.counters = counters;
        if self.is_masked(now) {
            delta.high = 0;
        }
        if delta == Counters::default() {
            return;
        }
        self.unread.high += delta.high;
        self.unread.max += delta.max;
        self.unread.oom += delta.oom;
        self.unread.oom_kill += delta.oom_kill;
        self.out.push_back(Command::Probe(Probe::Usage));
    }

    pub(super) fn on_stall(&mut self, now: Instant, trigger: usize) {
        if !self.is_masked(now) && self.is_running() {
            let change = self.triggers.stall(now, trigger);
            self.apply(now, change.into_iter().collect());
        }
    }

    pub(super) fn on_usage(&mut self, now: Instant, usage: Usage) {
        let is_first = self.usage.is_none();
        let limit_moved = self.usage.is_some_and(|before| before.max != usage.max);
        self.usage = Some(usage);
        self.note_rate(now, usage.current);
        if is_first || (limit_moved && self.tripwire.state == State::Armed) {
            self.arm(now);
        }
        let touch = std::mem::take(&mut self.unread);
        let level = self.tripwire.level;
        let polled = matches!(self.tripwire.state, State::Polled | State::Cached);
        let mut changes = self.triggers.counters(now, touch, &usage, level);
        changes.extend(self.triggers.usage(now, &usage, level, polled));
        self.apply(now, changes);
        if touch.high > 0 && self.tripwire.state == State::Armed {
            self.judge_touch(now, &usage);
        }
        if touch.max > 0 && self.tripwire.state == State::Armed && !is_near(&usage, usage.max) {
            self.touched_by_cache(now);
        }
        self.follow(now);
    }

    pub(super) fn on_sample(&mut self, now: Instant, current: u64, dumped: u64) {
        let Some(usage) = self.usage.as_mut() else { return };
        let grown = current.cast_signed() - usage.current.cast_signed();
        usage.current = current;
        usage.head = usage.head.saturating_add_signed(-grown);
        self.note_rate(now, current);
        self.step_sample(now, current, dumped);
    }

    pub(super) fn on_lowered(&mut self, now: Instant, error: Option<String>) {
        let command = self.high.lowered();
        self.out.extend(command);
        if let Some(reason) = error {
            self.record(now, crate::record::Event::Notice { reason });
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

    fn judge_touch(&mut self, now: Instant, usage: &Usage) {
        if self.tripwire.level.is_some_and(|level| is_near(usage, level)) {
            self.touched(now);
        } else {
            self.touched_by_cache(now);
        }
    }

    fn note_rate(&mut self, now: Instant, current: u64) {
        self.rate.push(now, current);
        let is_free = self.lease.is_none() && now >= self.asleep_until && !self.is_holding();
        if let Some(rate) = self.rate.bytes_per_second().filter(|_| is_free) {
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
        let Some(head) = usage.map(|usage| usage.head) else { return Some(gauge::INTERVAL) };
        let near = match self.tripwire.state {
            State::Touched | State::Polled | State::Cached => Some(interval(head, self.rate_now(now))),
            State::Off | State::Armed => None,
        };
        let leased = self.lease.as_ref().map(|_| LEASE_INTERVAL);
        let incident = self.incident.as_ref().map(|_| interval(head, self.rate_now(now)));
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
            self.is_dumping_under_hold().then_some(DUMP_INTERVAL)
        }
    }
}
