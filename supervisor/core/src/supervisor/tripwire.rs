//! The tripwire: `memory.high` where a touch wakes us, out of the way as soon as it was touched.

use std::time::Duration;

use crate::ability::Ability;
use crate::amount::{Limit, MIB};
use crate::command::Command;
use crate::time::Instant;
use crate::timer::Timer;

use super::Supervisor;

/// First wait before the tripwire is armed again after page cache touched it; it doubles with every such touch.
const CACHE_WAIT: Duration = Duration::from_secs(1);
const LONGEST_CACHE_WAIT: Duration = Duration::from_mins(5);
/// In an incident the tripwire is armed again that long after a touch, further up.
const NEXT_BREACH: Duration = Duration::from_millis(250);
/// Closer to the limit than this no further tripwire is armed.
const LEAST_HEAD: u64 = 16 * MIB;

/// Where the tripwire is and what became of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tripwire {
    /// The policy's level in bytes; `None` when it is off.
    pub(super) level: Option<u64>,
    pub(super) state: State,
    cache_wait: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Not in force, and nothing is to be sampled for it.
    #[default]
    Off,
    /// In force: a touch wakes us.
    Armed,
    /// Touched and raised: usage is sampled until it falls, or a new one is armed further up.
    Touched,
    /// Page cache keeps touching it: usage is sampled until it may be armed again.
    Cached,
    /// This host cannot write `memory.high`: usage is sampled instead.
    Polled,
}

impl Supervisor {
    /// Arms the tripwire at the policy's level, once the limit is known.
    pub(super) fn arm(&mut self, now: Instant) {
        let Some(usage) = self.usage else { return };
        self.tripwire.level = self.policy.memory.tripwire.map(|amount| amount.of(usage.max));
        self.timers.clear(Timer::Rearm);
        match self.tripwire.level {
            None => self.tripwire.state = State::Off,
            Some(_) if !self.wakes() => self.tripwire.state = State::Polled,
            Some(level) if usage.unreclaimable() < level => self.arm_at(level),
            Some(_) => {
                self.tripwire.state = State::Touched;
                self.timers.set(Timer::Rearm, now + NEXT_BREACH);
            }
        }
    }

    /// The tripwire was touched by memory that cannot be taken back. It stays in force until the ladder has decided
    /// what comes next, so that nothing is lost meanwhile; without a step to decide it is raised at once.
    pub(super) fn touched(&mut self, now: Instant) {
        self.tripwire.state = State::Touched;
        self.timers.set(Timer::Rearm, now + NEXT_BREACH);
        self.advance(now);
        if !self.is_planning() && self.lease.is_none() {
            self.want_high(Limit::Max);
        }
    }

    /// The tripwire was touched by page cache: no incident, and no wake-up for every page of it.
    pub(super) fn touched_by_cache(&mut self, now: Instant) {
        self.tripwire.state = State::Cached;
        self.tripwire.cache_wait = (self.tripwire.cache_wait * 2).clamp(CACHE_WAIT, LONGEST_CACHE_WAIT);
        self.want_high(Limit::Max);
        self.out.push_back(Command::Watch(false));
        self.timers.set(Timer::Rearm, now + self.tripwire.cache_wait);
    }

    /// Arms it again if nothing speaks against it.
    pub(super) fn rearm(&mut self, now: Instant) {
        let (Some(usage), Some(level)) = (self.usage, self.tripwire.level) else { return };
        let is_busy = self.lease.is_some() || self.is_stepping() || !self.is_running() || now < self.asleep_until;
        match self.tripwire.state {
            State::Off | State::Armed | State::Polled => {}
            _ if is_busy => self.timers.set(Timer::Rearm, now + NEXT_BREACH),
            State::Cached => self.arm_at(level),
            State::Touched if usage.unreclaimable() < level / 100 * 95 => self.arm_at(level),
            State::Touched if self.incident.is_some() && usage.head > LEAST_HEAD => {
                self.arm_at(usage.current + usage.head / 4);
            }
            State::Touched => self.timers.set(Timer::Rearm, now + Duration::from_secs(1)),
        }
    }

    /// The level at which the kernel wakes us, so that nothing below it needs sampling.
    pub(super) fn waking_level(&self) -> Option<u64> {
        self.tripwire.level.filter(|_| self.tripwire.state == State::Armed)
    }

    fn arm_at(&mut self, level: u64) {
        self.tripwire.state = State::Armed;
        self.out.push_back(Command::Watch(true));
        self.want_high(Limit::Bytes(level));
    }

    fn wakes(&self) -> bool {
        self.has(Ability::Throttle) && self.has(Ability::MemoryEvents)
    }
}
