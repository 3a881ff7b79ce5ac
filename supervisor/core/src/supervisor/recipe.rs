//! Which recipe a dump follows: the first that is open to this process and fits before the limit.

use std::time::Duration;

use crate::ability::Ability;
use crate::amount::{Bytes, MIB};
use crate::plan::{Choice, DEFAULT_SPEED, Plan, plan};
use crate::policy::{Action, Dump, DumpSource, JvmDump, Recipe, Step};
use crate::reading::{Inspection, Runtime};

use super::Supervisor;

/// Expected of a dump nobody said anything about.
const UNKNOWN_DUMP: u64 = 16 * MIB;
/// A Go heap profile: sampled, some kilobytes; measured 100 to 220 ms while leaking, most of it waiting for the world
/// to stop.
const GO_PROFILE: (u64, Duration) = (MIB, Duration::from_millis(110));
/// A JVM that is asked goes on leaking until its threads stand still, and no longer: measured 100 ms, or 250 where it had
/// to be made to listen first.
const TO_A_STANDSTILL: Duration = Duration::from_millis(250);
/// Anonymous memory of a Node that does nothing.
const EMPTY_NODE: u64 = 32 * MIB;
/// A heap snapshot of V8 needs twice the heap by its documentation, up to 13 times for many small objects as measured,
/// and got on by 9 to 50 MB/s.
const HEAP_SNAPSHOT_SPEED: f64 = 20.0 * MIB as f64;

/// What is decided about the running step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Decision {
    /// Index of the recipe; 0 for a step that is no dump.
    pub(super) recipe: usize,
    /// Whether it fits; if not, what can be had for free is taken from outside instead.
    pub(super) fits: bool,
    /// How it is gone about.
    pub(super) plan: Plan,
}

impl Supervisor {
    /// Why that dump must not be tried, as far as the host and the past say: no recipe is left.
    pub(super) fn dump_refusal(&self, step: &str, dump: &Dump) -> Option<String> {
        let refused = dump.recipes.iter().map(|recipe| self.recipe_refusal(step, recipe));
        let reasons = refused.collect::<Option<Vec<_>>>()?;
        Some(reasons.join("; "))
    }

    /// The recipes of a dump that this process is open to, and why the others are not.
    pub(super) fn open_recipes(&self, step: &str, dump: &Dump, seen: &Inspection) -> (Vec<usize>, Vec<String>) {
        let mut open = Vec::new();
        let mut reasons = Vec::new();
        for (index, recipe) in dump.recipes.iter().enumerate() {
            match self.recipe_refusal(step, recipe).or_else(|| closed_to(seen, &recipe.source)) {
                Some(reason) => reasons.push(reason),
                None => open.push(index),
            }
        }
        (open, reasons)
    }

    /// What to do at that leak rate.
    pub(super) fn decide(&self, rate: f64) -> Decision {
        let Some(active) = self.active() else { return self.decided(0, rate) };
        let Action::Dump(dump) = &active.step.action else { return self.decided(0, rate) };
        let mut decisions = active.open.iter().map(|index| {
            let decision = self.decided(*index, rate);
            if dump.recipes[*index].source.is_outside() {
                return Decision { fits: true, plan: Plan { choice: Choice::Outside, ..decision.plan }, ..decision };
            }
            decision
        });
        let wanted = decisions.next().unwrap_or_else(|| self.decided(0, rate));
        if wanted.fits { wanted } else { decisions.find(|decision| decision.fits).unwrap_or(wanted) }
    }

    /// Why the recipes before the chosen one were passed over.
    pub(super) fn passed_over(&self, rate: f64, decision: &Decision) -> Vec<String> {
        let Some(active) = self.active() else { return Vec::new() };
        let Action::Dump(dump) = &active.step.action else { return Vec::new() };
        let before = active.open.iter().take_while(|index| **index != decision.recipe);
        let why = |index: &usize| {
            let plan = self.decided(*index, rate).plan;
            let (need, head) = (Bytes(plan.need.saturating_add(plan.leak)), Bytes(plan.head.saturating_add(plan.loan)));
            format!("{} does not fit: {need} needed with the leak meanwhile, {head} left", dump.recipes[*index].source)
        };
        before.map(why).collect()
    }

    /// The recipe the running step follows.
    pub(super) fn recipe(&self) -> Option<&Recipe> {
        let active = self.active()?;
        match &active.step.action {
            Action::Dump(dump) => dump.recipes.get(active.recipe),
            _ => None,
        }
    }

    /// By which the recipe the running step follows is blamed.
    pub(super) fn blame(&mut self) {
        let name = self.active().map(|active| active.step.name.clone());
        let key = name.and_then(|name| self.recipe().map(|recipe| Self::blame_key(&name, recipe)));
        self.blamed.extend(key);
    }

    /// Names a recipe across restarts: another source under the same step is another recipe.
    pub(super) fn blame_key(step: &str, recipe: &Recipe) -> String {
        format!("{step}: {}", recipe.source)
    }

    /// By which what a recipe taught is remembered.
    pub(super) fn lesson(step: &Step, recipe: usize) -> String {
        match recipe {
            0 => step.name.clone(),
            further => format!("{}+{further}", step.name),
        }
    }

    /// Size and time of the dump by that recipe: what is declared, what was learnt, or what is usual.
    pub(super) fn expected_of(&self, step: &Step, recipe: usize) -> (u64, Duration) {
        let Action::Dump(dump) = &step.action else { return (0, Duration::ZERO) };
        let Some(declared) = dump.recipes.get(recipe) else { return (0, Duration::ZERO) };
        if declared.source.is_outside() {
            return (0, Duration::ZERO);
        }
        // How long a JVM stands still teaches nothing about how long it leaks before.
        let is_jvm = matches!(declared.source, DumpSource::Jvm(_));
        let learnt = self.learnt.get(&Self::lesson(step, recipe)).filter(|known| !is_jvm && !known.slept);
        let usual = self.usual(&declared.source);
        let bytes = declared.needs.or(learnt.map(|known| known.bytes + known.bytes / 4)).unwrap_or(usual.0);
        let by_speed = Duration::from_secs_f64(bytes as f64 / DEFAULT_SPEED);
        let time = learnt.map_or(usual.1.unwrap_or(by_speed), |known| known.took.mul_f64(1.25));
        (bytes, time.min(declared.within))
    }

    fn decided(&self, recipe: usize, rate: f64) -> Decision {
        let plan = plan(&self.situation(recipe, rate));
        let is_dump = self.active().is_some_and(|active| matches!(active.step.action, Action::Dump(_)));
        Decision { recipe, fits: !is_dump || plan.choice != Choice::Outside, plan }
    }

    fn recipe_refusal(&self, step: &str, recipe: &Recipe) -> Option<String> {
        let by_file = matches!(recipe.source, DumpSource::Signal { .. });
        if by_file && !self.has(Ability::Inotify) {
            return Some(format!("this host lacks {}", Ability::Inotify));
        }
        let blamed = self.blamed.contains(&Self::blame_key(step, recipe));
        blamed.then(|| format!("{}: the service died during it, and it is not tried again until SIGHUP", recipe.source))
    }

    /// What is usual of a source, measured: bytes, and the time if it is not that of writing them.
    fn usual(&self, source: &DumpSource) -> (u64, Option<Duration>) {
        let anon = self.usage.map_or(0, |usage| usage.anon);
        let at_speed = |bytes: u64, speed: f64| Some(Duration::from_secs_f64(bytes as f64 / speed));
        match source {
            DumpSource::Signal { file, .. } if file.ends_with(".heapsnapshot") => {
                let heap = anon.saturating_sub(EMPTY_NODE).max(4 * MIB);
                (heap.saturating_mul(2), at_speed(heap, HEAP_SNAPSHOT_SPEED))
            }
            DumpSource::Jvm(JvmDump::Histogram) => (MIB, Some(TO_A_STANDSTILL)),
            DumpSource::Jvm(JvmDump::Threads) => (MIB, Some(TO_A_STANDSTILL / 4)),
            DumpSource::Jvm(JvmDump::Heap) => (4 * MIB, Some(TO_A_STANDSTILL)),
            _ if self.inspection.runtime == Runtime::Go => (GO_PROFILE.0, Some(GO_PROFILE.1)),
            _ => (UNKNOWN_DUMP, None),
        }
    }
}

/// Why that source is none of this process.
fn closed_to(seen: &Inspection, source: &DumpSource) -> Option<String> {
    let only = |runtime: Runtime, name: &str| {
        (seen.runtime != runtime).then(|| format!("{source}: as far as can be seen, the process is not {name}"))
    };
    match source {
        DumpSource::Signal { signal, .. } if !seen.handles(*signal) => {
            Some(format!("the process does not handle {signal}, which would end it"))
        }
        DumpSource::Jvm(_) => only(Runtime::Jvm, "a JVM"),
        DumpSource::GoHeap => only(Runtime::Go, "a Go program"),
        DumpSource::PythonStacks => only(Runtime::Python, "a Python program"),
        DumpSource::Signal { .. } | DumpSource::Http { .. } | DumpSource::Command { .. } | DumpSource::Core => None,
    }
}
