//! A hold while a step is prepared, and again while its dump runs: threads that charge memory are put to sleep.

use std::time::Duration;

use crate::hold::Hold;
use crate::plan::{Choice, Plan, STOP_ALLOWANCE, plan};
use crate::record::Event;
use crate::time::Instant;

use super::Supervisor;
use super::step::{Lifted, Phase};

/// After a hold stalls count again this much later.
const AFTERMATH: Duration = Duration::from_secs(2);
/// Depth of a second hold: 20 % over the limit is a sleep of the full 2 s.
const AGAIN_AT: f64 = 0.8;

impl Supervisor {
    /// Puts `memory.high` far below usage until everybody sleeps.
    pub(super) fn hold(&mut self, now: Instant, decided: &Plan) {
        let Some(usage) = self.usage else { return };
        let hold = Hold::new(now, usage.current, decided.calm_rate(), Plan::longest_hold(usage.reclaimable));
        let Some(active) = self.active_mut() else { return };
        active.hold = Some(hold);
        if active.is_planning() {
            active.phase = Phase::Holding;
        }
        self.masked_until = now + Duration::from_millis(decided.sleep_ms) + AFTERMATH;
        self.brake(now, decided.high & !0xFFF);
    }

    pub(super) fn hold_sample(&mut self, now: Instant, current: u64, dumped: u64) {
        let lowered = !self.high.is_lowering();
        let Some(active) = self.active_mut() else { return };
        let Some(hold) = active.hold.as_mut() else { return };
        if hold.is_over(now, current, lowered) {
            self.lift_hold(now, current, dumped);
        }
    }

    /// Everybody who charges memory sleeps now, or time is up: the way is free for the others.
    pub(super) fn lift_hold(&mut self, now: Instant, current: u64, dumped: u64) {
        let Some(active) = self.active_mut().filter(|active| active.hold.is_some()) else { return };
        let sleep = active.plan.map_or(0, |plan| plan.sleep_ms);
        let is_prepared = matches!(active.phase, Phase::Holding);
        active.hold = None;
        active.lifted = Some(Lifted { at: now, current, dumped });
        self.asleep_until = now + Duration::from_millis(sleep);
        self.lift(now);
        if is_prepared {
            self.act(now);
        }
    }

    /// A leak that reclaim kept still at the tripwire was not seen in its time: where a hold is possible, a dump begun
    /// without one is watched, too.
    pub(super) fn watch_from(&mut self, now: Instant, decided: &Plan) {
        let current = self.usage.map_or(0, |usage| usage.current);
        if decided.choice == Choice::Lift
            && decided.no_hold.is_none()
            && let Some(active) = self.active_mut()
        {
            active.lifted = Some(Lifted { at: now, current, dumped: 0 });
        }
    }

    /// While the dump runs: those who leak are put to sleep, or once more if they woke early, when half of what is to
    /// spare is gone. At most once for each sleep, since a second hold may catch the dump as well. A dump that got no
    /// further meanwhile is not helped by another one.
    pub(super) fn watch_leak(&mut self, now: Instant, current: u64, dumped: u64) {
        let Some(active) = self.active() else { return };
        let (Some(lifted), Some(plan), Some(usage)) = (active.lifted, active.plan, self.usage) else { return };
        let rest = plan.need.saturating_sub(dumped + 2 * STOP_ALLOWANCE);
        let leaked = current.saturating_sub(lifted.current).saturating_sub(dumped.saturating_sub(lifted.dumped));
        let spare = usage.head.saturating_sub(rest + STOP_ALLOWANCE) / 2;
        let has_slept_out = now.since(lifted.at) >= Duration::from_millis(plan.sleep_ms);
        if leaked <= spare || !has_slept_out || dumped <= lifted.dumped {
            return;
        }
        if plan.choice == Choice::Hold {
            return self.hold(now, &Plan { high: (current as f64 * AGAIN_AT) as u64, ..plan });
        }
        let rate = leaked as f64 / now.since(lifted.at).as_secs_f64();
        self.hold_after_all(now, rate, dumped);
    }

    fn hold_after_all(&mut self, now: Instant, rate: f64, dumped: u64) {
        let Some(active) = self.active() else { return };
        let mut situation = self.situation(active.recipe, rate);
        situation.dump = situation.dump.saturating_sub(dumped);
        let decided = plan(&situation);
        let Some(active) = self.active_mut().filter(|_| decided.choice == Choice::Hold) else { return };
        active.plan = Some(decided);
        self.free_rate = rate;
        self.record(now, Event::Notice { reason: format!("the leak is faster than it looked: {decided}") });
        self.hold(now, &decided);
    }
}
