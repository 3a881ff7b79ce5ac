//! The throttle: a lease on `memory.high` that follows usage and is always given back.

use std::time::Duration;

use crate::amount::{Amount, Bytes};
use crate::command::{Command, Probe};
use crate::record::{Event, Outcome};
use crate::time::Instant;
use crate::timer::Timer;

use super::Supervisor;
use super::step::Phase;

/// A thread over the limit by a fifth or more sleeps this long, and lifting the limit does not wake it.
pub(super) const LONGEST_SLEEP: Duration = Duration::from_secs(2);
/// At 5 % over the limit growth falls about 400 times and no thread stops for longer than 0.45 s; further down only
/// the stops get longer.
const DEPTH: f64 = 0.95;
/// Stalls count again that long after a throttle: a window of the kernel's averages.
const AFTERMATH: Duration = Duration::from_secs(4);
/// Growth under this, with nothing to reclaim, is no leak that a throttle could slow.
const STANDSTILL: f64 = 64.0 * 1024.0;

/// A throttle in force.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    pub(super) step: String,
    high: Amount,
    pub(super) since: Instant,
    from: u64,
    growth_before: u64,
}

impl Supervisor {
    /// Why a throttle would freeze the service for nothing, if it would.
    pub(super) fn throttle_in_vain(&self, now: Instant) -> Option<String> {
        let usage = self.usage?;
        let is_known = self.rate.bytes_per_second().is_some();
        let grows = !is_known || self.rate_now(now).max(self.free_rate) > STANDSTILL;
        let reclaims = usage.swap || usage.reclaimable > usage.max / 100;
        (!grows && !reclaims)
            .then(|| format!("{} in use, nothing to reclaim and nothing growing", Bytes(usage.unreclaimable())))
    }

    pub(super) fn begin_lease(&mut self, now: Instant, step: String, high: Amount, lasting: Duration) {
        let from = self.usage.map_or(0, |usage| usage.current);
        self.lease = Some(Lease { step, high, since: now, from, growth_before: self.free_rate as u64 });
        self.timers.set(Timer::Lease, now + lasting);
        self.rate.clear();
        // The reading that answers puts the limit in force: an older one could be far off after a dump.
        self.out.push_back(Command::Probe(Probe::Usage));
    }

    /// Puts `memory.high` where the lease wants it: at the policy's level, but never deeper than 5 % below usage.
    pub(super) fn follow(&mut self, now: Instant) {
        let (Some(lease), Some(usage)) = (&self.lease, self.usage) else { return };
        let floor = (usage.current as f64 * DEPTH) as u64;
        let high = lease.high.of(usage.max).max(floor) & !0xFFF;
        let is_new = self.high.wanted().bytes().is_none_or(|wanted| wanted.abs_diff(high) > wanted / 100);
        if is_new {
            self.brake(now, high);
        }
    }

    /// `memory.high` could not be lowered: there is no throttle, and no hold.
    pub(super) fn could_not_throttle(&mut self, now: Instant, error: &str) {
        if self.is_leasing() {
            self.finish_step(now, Outcome::Failed, Some(error.into()), Vec::new());
        }
        self.end_lease(now, error);
        let dumped = self.active().and_then(|active| active.lifted).map_or(0, |lifted| lifted.dumped);
        let current = self.usage.map_or(0, |usage| usage.current);
        self.lift_hold(now, current, dumped);
        self.fall_back_to_polling();
    }

    /// Gives the lease back and lifts the limit.
    pub(super) fn end_lease(&mut self, now: Instant, reason: &str) {
        if self.drop_lease(now, reason) {
            self.lift(now);
            self.timers.set(Timer::Rearm, now + AFTERMATH);
        }
    }

    /// Ends the lease but leaves the limit as it is, for a plan to lift it.
    pub(super) fn drop_lease(&mut self, now: Instant, reason: &str) -> bool {
        let Some(lease) = self.lease.take() else { return false };
        let took = now.since(lease.since);
        let grown = self.usage.map_or(0, |usage| usage.current).saturating_sub(lease.from);
        let during = (grown as f64 / took.as_secs_f64().max(0.001)) as u64;
        let growth = [lease.growth_before, during];
        self.timers.clear(Timer::Lease);
        self.asleep_until = now + LONGEST_SLEEP;
        self.masked_until = now + AFTERMATH;
        self.rate.clear();
        let took_ms = took.as_millis() as u64;
        self.record(now, Event::ThrottleLifted { step: lease.step, reason: reason.into(), took_ms, growth });
        if self.is_leasing() {
            let effect = format!("{reason}; growth {}/s before, {}/s throttled", Bytes(growth[0]), Bytes(growth[1]));
            self.finish_step(now, Outcome::Done, Some(effect), Vec::new());
        }
        true
    }

    /// Time left to a sleeper of our own throttle, to be added to deadlines of what it should do.
    pub(super) fn sleep_allowance(&self, now: Instant) -> Duration {
        if now < self.asleep_until || self.lease.is_some() { LONGEST_SLEEP } else { Duration::ZERO }
    }

    fn is_leasing(&self) -> bool {
        self.active().is_some_and(|active| matches!(active.phase, Phase::Leasing))
    }
}
