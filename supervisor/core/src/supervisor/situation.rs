//! What the plan for the running step rests on: readings, what is declared, and what earlier dumps taught.

use std::time::Duration;

use crate::ability::Ability;
use crate::amount::Limit;
use crate::command::Finished;
use crate::plan::{Choice, Situation, Worker};
use crate::policy::{Action, DumpSource};
use crate::reading::Usage;

use super::step::Active;
use super::{Learnt, Supervisor};

impl Supervisor {
    /// What would be done at that leak rate, as far as it makes a difference.
    pub(super) fn choice_at(&self, rate: f64) -> (usize, bool, Choice) {
        let decision = self.decide(rate);
        (decision.recipe, decision.fits, decision.plan.choice)
    }

    /// A dump that did not come to its end during a hold is taken for one whose thread slept too.
    pub(super) fn note_slow_dump(&mut self) {
        let Some(active) = self.active() else { return };
        let held = active.plan.is_some_and(|plan| plan.choice == Choice::Hold);
        if let (true, Some(recipe)) = (held, self.recipe()) {
            let (bytes, _) = self.expected_of(&active.step, active.recipe);
            let learnt = Learnt { bytes, took: recipe.within, slept: true };
            let name = Self::lesson(&active.step, active.recipe);
            self.learnt.entry(name).and_modify(|known| known.slept = true).or_insert(learnt);
        }
    }

    pub(super) fn learn(&mut self, finished: &Finished) {
        let Some(active) = self.active() else { return };
        let bytes = finished.evidence.iter().map(|evidence| evidence.bytes).sum();
        let sleep = active.plan.filter(|plan| plan.choice == Choice::Hold).map(|plan| plan.sleep_ms);
        let slept = sleep.is_some_and(|sleep| finished.took.as_millis() as u64 > sleep * 8 / 10);
        let name = Self::lesson(&active.step, active.recipe);
        self.learnt.insert(name, Learnt { bytes, took: finished.took, slept });
    }

    /// Half of the page cache counts as room: the kernel takes it back before it kills, but not for nothing.
    pub(super) fn situation(&self, recipe: usize, rate: f64) -> Situation {
        let usage = self.usage.unwrap_or_else(no_reading);
        let active = self.active();
        let (dump, time) = active.map_or((0, Duration::ZERO), |active| self.expected_of(&active.step, recipe));
        let lesson = active.and_then(|active| self.learnt.get(&Self::lesson(&active.step, recipe)));
        let slept = lesson.is_some_and(|known| known.slept);
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
            worker: self.worker(active, recipe),
            runtime: self.inspection.runtime,
            may_hold: self.may_hold() && !slept,
        }
    }

    /// A hold of some 10 ms is for whoever writes the limit himself, and for a service that is his own.
    fn may_hold(&self) -> bool {
        self.policy.memory.hold && self.has(Ability::Throttle) && !self.is_attached()
    }

    fn worker(&self, active: Option<&Active>, recipe: usize) -> Worker {
        let dump = active.and_then(|active| match &active.step.action {
            Action::Dump(dump) => dump.recipes.get(recipe),
            _ => None,
        });
        let signal = match dump.map(|recipe| &recipe.source) {
            Some(DumpSource::Signal { signal, .. }) => *signal,
            Some(_) => return if self.inspection.threads > 1 { Worker::Idle } else { Worker::Only },
            None => self.policy.service.stop_signal,
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
