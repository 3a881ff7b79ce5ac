//! The tripwire: `memory.high` where a touch wakes us, out of the way as soon as it was touched.

use std::time::Duration;

use crate::ability::Ability;
use crate::amount::{Limit, MIB};
use crate::command::Command;
use crate::reading::Usage;
use crate::time::Instant;
use crate::timer::Timer;
use crate::trigger::is_near;

use super::Supervisor;
use super::step::Active;

/// First wait before we listen again after page cache woke us; it doubles every time.
const CACHE_WAIT: Duration = Duration::from_secs(1);
const LONGEST_CACHE_WAIT: Duration = Duration::from_mins(5);
/// The tripwire is armed again that long after it was raised, further up in an incident.
const NEXT_BREACH: Duration = Duration::from_millis(250);
/// The same when nothing can be gained by arming it now.
const LATER: Duration = Duration::from_secs(1);
/// Closer to the limit than this no further tripwire is armed.
const LEAST_HEAD: u64 = 16 * MIB;

/// Where the tripwire is and what became of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tripwire {
    /// The policy's level in bytes; `None` when it is off.
    pub(super) level: Option<u64>,
    pub(super) state: State,
    /// Page cache woke us for nothing: nobody listens to `memory.events`, usage is sampled instead.
    pub(super) deaf: bool,
    /// When it was last touched by memory that cannot be taken back, and where it was then.
    touch: Option<(Instant, u64)>,
    cache_wait: Duration,
    listening_since: Instant,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Not in force, and nothing is to be sampled for it.
    #[default]
    Off,
    /// In force: a touch wakes us.
    Armed,
    /// Out of the way, touched or for a step: usage is sampled until it may be armed again, perhaps further up.
    Raised,
    /// This host cannot write `memory.high`: usage is sampled instead.
    Polled,
}

impl Supervisor {
    /// Arms the tripwire at the policy's level, once the limit is known.
    pub(super) fn arm(&mut self, now: Instant) {
        let Some(usage) = self.usage.filter(|_| self.is_running()) else { return };
        self.tripwire.level = self.policy.memory.tripwire.map(|amount| amount.of(usage.max));
        let is_free = self.lease.is_none() && self.active().is_none();
        if is_free && self.tripwire.state == State::Armed {
            self.lift(now);
        }
        self.timers.clear(Timer::Rearm);
        match self.tripwire.level {
            None => self.tripwire.state = State::Off,
            Some(_) if !self.wakes() => self.tripwire.state = State::Polled,
            Some(level) if is_free && usage.unreclaimable() < level => self.arm_at(now, level),
            Some(_) => {
                self.tripwire.state = State::Raised;
                self.timers.set(Timer::Rearm, now + NEXT_BREACH);
            }
        }
    }

    /// The touch that is being decided on, while the tripwire still is where it was: usage passed that level at that
    /// moment or shortly before, so growth counts from there. Later samples alone would miss a leak that the tripwire
    /// itself has put to sleep by then.
    pub(super) fn undecided_touch(&self) -> Option<(Instant, u64)> {
        self.tripwire.touch.filter(|(_, level)| self.high.wanted() == Limit::Bytes(*level))
    }

    /// Looks at what woke us: memory that cannot be taken back, or page cache.
    pub(super) fn judge_touch(&mut self, now: Instant, usage: &Usage, high: bool, max: bool) {
        let level = self.tripwire.level.filter(|_| self.tripwire.state == State::Armed);
        let is_touched = level.is_some_and(|level| is_near(usage, level));
        if is_touched && (high || max) {
            self.touched(now);
        } else if (level.is_some() && high) || (max && !is_near(usage, usage.max)) {
            self.woken_by_cache(now);
        } else if self.tripwire.deaf && is_near(usage, usage.max) {
            self.listen(now);
        } else if self.tripwire.deaf && self.tripwire.level.is_some_and(|level| is_near(usage, level)) {
            self.timers.set_sooner(Timer::Rearm, now + NEXT_BREACH);
        }
    }

    /// Lifts `memory.high`, whatever it was for. A tripwire that was in force is armed again later.
    pub(super) fn lift(&mut self, now: Instant) {
        self.out_of_the_way(now);
        self.want_high(Limit::Max);
    }

    /// Puts `memory.high` where it slows the service down, which is no tripwire any more.
    pub(super) fn brake(&mut self, now: Instant, bytes: u64) {
        self.out_of_the_way(now);
        self.want_high(Limit::Bytes(bytes));
    }

    /// Arms it again if nothing speaks against it.
    pub(super) fn rearm(&mut self, now: Instant) {
        let (Some(usage), Some(level), State::Raised) = (self.usage, self.tripwire.level, self.tripwire.state) else {
            return;
        };
        let is_stepping = self.active().is_some_and(|active| !active.is_outside_the_service());
        if !self.is_running() {
            return;
        }
        if self.lease.is_some() || is_stepping || now < self.asleep_until {
            self.timers.set(Timer::Rearm, now + NEXT_BREACH);
        } else if usage.unreclaimable() < level / 100 * 85 || usage.current < level / 100 * 98 {
            self.arm_at(now, level);
        } else if self.incident.is_some() && usage.head > LEAST_HEAD {
            self.arm_at(now, usage.current + usage.head / 4);
        } else {
            self.timers.set(Timer::Rearm, now + LATER);
        }
    }

    /// The level at which the kernel wakes us, so that nothing below it needs sampling.
    pub(super) fn waking_level(&self) -> Option<u64> {
        self.tripwire.level.filter(|_| self.tripwire.state == State::Armed && !self.tripwire.deaf)
    }

    /// Is woken by `memory.events` again.
    pub(super) fn listen(&mut self, now: Instant) {
        self.timers.clear(Timer::Listen);
        if std::mem::take(&mut self.tripwire.deaf) {
            self.tripwire.listening_since = now;
            self.out.push_back(Command::Watch(true));
        }
    }

    /// The tripwire cannot be written after all.
    pub(super) fn fall_back_to_polling(&mut self) {
        if self.tripwire.state == State::Armed {
            self.tripwire.state = State::Polled;
        }
    }

    /// The tripwire was touched by memory that cannot be taken back. It stays in force until the ladder has decided
    /// what comes next, so that nothing is lost meanwhile; without a step to decide it is raised at once.
    fn touched(&mut self, now: Instant) {
        self.tripwire.touch = self.high.wanted().bytes().map(|level| (now, level));
        self.out_of_the_way(now);
        self.advance(now);
        let is_planning = self.active().is_some_and(Active::is_planning);
        if !is_planning && self.lease.is_none() {
            self.want_high(Limit::Max);
        }
    }

    /// Page cache woke us: no incident, and no wake-up for every page of it.
    fn woken_by_cache(&mut self, now: Instant) {
        let wire = &mut self.tripwire;
        if now.since(wire.listening_since) > LONGEST_CACHE_WAIT {
            wire.cache_wait = Duration::ZERO;
        }
        wire.cache_wait = (wire.cache_wait * 2).clamp(CACHE_WAIT, LONGEST_CACHE_WAIT);
        let again = now + wire.cache_wait;
        if wire.state == State::Armed {
            self.lift(now);
            self.timers.set(Timer::Rearm, again);
        }
        if !std::mem::replace(&mut self.tripwire.deaf, true) {
            self.out.push_back(Command::Watch(false));
        }
        self.timers.set(Timer::Listen, again);
    }

    fn out_of_the_way(&mut self, now: Instant) {
        if self.tripwire.state == State::Armed {
            self.tripwire.state = State::Raised;
            self.timers.set(Timer::Rearm, now + NEXT_BREACH);
        }
    }

    fn arm_at(&mut self, now: Instant, level: u64) {
        self.tripwire.state = State::Armed;
        self.listen(now);
        self.want_high(Limit::Bytes(level));
    }

    fn wakes(&self) -> bool {
        self.has(Ability::Throttle) && self.has(Ability::MemoryEvents)
    }
}
