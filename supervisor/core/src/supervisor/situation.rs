//! What the plan for the running step rests on: readings, what is declared, and what earlier dumps taught.

use std::time::Duration;

use crate::ability::Ability;
use crate::amount::{Limit, MIB};
use crate::command::Finished;
use crate::plan::{Choice, DEFAULT_SPEED, Plan, Situation, Worker, plan};
use crate::policy::{Action, Dump, DumpSource};
use crate::reading::{Runtime, Usage};

use super::step::Active;
use super::{Learnt, Supervisor};

/// Expected of a dump nobody said anything about.
const UNKNOWN_DUMP: u64 = 16 * MIB;
/// A Go heap profile: sampled, some kilobytes; measured 100 to 220 ms while leaking, most of it waiting for the world
/// to stop.
const GO_PROFILE: (u64, Duration) = (MIB, Duration::from_millis(110));

impl Supervisor {
    pub(super) fn plan_at(&self, rate: f64) -> Plan {
        plan(&self.situation(rate))
    }

    /// A dump that did not come to its end during a hold is taken for one whose thread slept too.
    pub(super) fn note_slow_dump(&mut self) {
        let Some(active) = self.active() else { return };
        let held = active.plan.is_some_and(|plan| plan.choice == Choice::Hold);
        if let (true, Action::Dump(dump)) = (held, &active.step.action) {
            let bytes = dump.needs.unwrap_or(UNKNOWN_DUMP);
            let learnt = Learnt { bytes, took: dump.within, slept: true };
            let name = active.step.name.clone();
            self.learnt.entry(name).and_modify(|known| known.slept = true).or_insert(learnt);
        }
    }

    pub(super) fn learn(&mut self, finished: &Finished) {
        let Some(active) = self.active() else { return };
        let bytes = finished.evidence.iter().map(|evidence| evidence.bytes).sum();
        let sleep = active.plan.filter(|plan| plan.choice == Choice::Hold).map(|plan| plan.sleep_ms);
        let slept = sleep.is_some_and(|sleep| finished.took.as_millis() as u64 > sleep * 8 / 10);
        let name = active.step.name.clone();
        self.learnt.insert(name, Learnt { bytes, took: finished.took, slept });
    }

    /// Half of the page cache counts as room: the kernel takes it back before it kills, but not for nothing.
    fn situation(&self, rate: f64) -> Situation {
        let usage = self.usage.unwrap_or_else(no_reading);
        let active = self.active();
        let (dump, time) = active.map_or((0, Duration::ZERO), |active| self.expected(active));
        let slept = active.is_some_and(|active| self.learnt.get(&active.step.name).is_some_and(|known| known.slept));
        Situation {
            head: usage.head.saturating_add(usage.reclaimable / 2),
            current: usage.current,
            dump,
            time,
            rate,
            threads: self.inspection.threads,
            huge_pages: usage.anon_thp > usage.anon / 2,
            swap: usage.swap,
            cache: usage.reclaimable,
            lendable: if self.has(Ability::MemoryMax) { usage.lendable } else { 0 },
            worker: self.worker(active),
            runtime: self.inspection.runtime,
            may_hold: self.policy.memory.hold && self.has(Ability::Throttle) && !slept,
        }
    }

    /// Size and time of the running step's dump: what is declared, what was learnt, or what is usual.
    fn expected(&self, active: &Active) -> (u64, Duration) {
        let Action::Dump(dump) = &active.step.action else { return (0, Duration::ZERO) };
        let learnt = self.learnt.get(&active.step.name).filter(|known| !known.slept);
        let usual = match self.inspection.runtime {
            Runtime::Go => GO_PROFILE,
            _ => (UNKNOWN_DUMP, Duration::ZERO),
        };
        let bytes = dump.needs.or(learnt.map(|known| known.bytes + known.bytes / 4)).unwrap_or(usual.0);
        let by_speed = Duration::from_secs_f64(bytes as f64 / DEFAULT_SPEED);
        let usual_time = if usual.1.is_zero() { by_speed } else { usual.1 };
        let time = learnt.map_or(usual_time, |known| known.took.mul_f64(1.25));
        (bytes, time.min(dump.within))
    }

    fn worker(&self, active: Option<&Active>) -> Worker {
        let signal = match active.map(|active| &active.step.action) {
            Some(Action::Dump(Dump { source: DumpSource::Signal { signal, .. }, .. })) => *signal,
            Some(Action::Dump(_)) => return if self.inspection.threads > 1 { Worker::Idle } else { Worker::Only },
            _ => self.policy.service.stop_signal,
        };
        match self.inspection.threads {
            0 | 1 => Worker::Only,
            _ if self.inspection.waits_for(signal) => Worker::Idle,
            _ => Worker::Any,
        }
    }
}

/// Stands in where nothing can be read: nothing is known to be in the way.
pub(super) fn no_reading() -> Usage {
    Usage {
        current: 0,
        anon: 0,
        anon_thp: 0,
        inactive_file: 0,
        reclaimable: 0,
        swap: false,
        high: Limit::Max,
        max: u64::MAX,
        head: u64::MAX,
        lendable: 0,
    }
}
