//! The healthy service: looked at from outside, and profiled where the policy says so, to compare later ones with.
//! Nothing of it happens during an incident, and an incident that opens ends it: there is one capture at a time.

use std::time::Duration;

use crate::command::{Command, Finished, Moment, Probe, Purpose, Task, Work};
use crate::policy::{Action, Dump, Recipe, Step};
use crate::reading::Inspection;
use crate::record::Event;
use crate::time::Instant;
use crate::timer::Timer;

use super::Supervisor;
use super::life::Life;

/// A service of this age counts as healthy, if no trigger fires, when the policy does not say otherwise.
const SETTLED: Duration = Duration::from_mins(1);
/// A baseline that could not be taken is tried again so often in a generation.
const MOST_VAIN: u32 = 5;
/// A process that starts may block every signal for some milliseconds, which looks as if it waited for them.
const SECOND_LOOK: Duration = Duration::from_millis(500);
/// It is looked at again after this long.
const LOOK_AGAIN: Duration = Duration::from_hours(24);

/// What is planned for the healthy service, and what is under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Healthy {
    look: Option<Instant>,
    baseline: Option<Instant>,
    series: Option<Instant>,
    profiling: Option<Profiling>,
    /// Baselines in vain since the generation began.
    vain: u32,
}

/// A profile under way.
#[derive(Clone, Debug)]
struct Profiling {
    purpose: Purpose,
    /// `None` while the main process is looked at.
    task: Option<Task>,
    recipe: Option<Recipe>,
    deadline: Instant,
    /// Looked at a second time then: what a process blocks while it starts, it does not handle yet.
    again: Option<Instant>,
}

impl Healthy {
    /// Notes a recipe that the process was seen to be open to, and has it looked at once more.
    fn is_first_look(&mut self, now: Instant, recipe: &Recipe) -> bool {
        let Some(profiling) = self.profiling.as_mut().filter(|profiling| profiling.recipe.as_ref() != Some(recipe))
        else {
            return false;
        };
        profiling.recipe = Some(recipe.clone());
        profiling.again = Some(now + SECOND_LOOK);
        true
    }
}

impl Supervisor {
    /// A generation began, or a new policy is in force.
    pub(super) fn plan_healthy(&mut self, now: Instant) {
        let rules = &self.policy.evidence;
        let after = rules.baseline.map(|baseline| baseline.after);
        let age = |after: Duration| (self.started + after).max(now);
        self.healthy.look = Some(age(after.unwrap_or(SETTLED)));
        self.healthy.baseline = after.map(age);
        self.healthy.series = rules.series.map(|series| age(series.every));
        self.healthy.vain = 0;
    }

    /// An incident is over: what was due during it waits until the service counts as healthy again.
    pub(super) fn postpone_healthy(&mut self, now: Instant) {
        let after = self.policy.evidence.baseline.map_or(SETTLED, |baseline| baseline.after);
        let later = |at: &mut Instant| *at = (*at).max(now + after);
        self.healthy.look.iter_mut().for_each(later);
        self.healthy.baseline.iter_mut().for_each(later);
    }

    /// Sets the timer for what is due next. During an incident nothing is.
    pub(super) fn schedule_healthy(&mut self) {
        let healthy = &self.healthy;
        let next = match &healthy.profiling {
            Some(profiling) => Some(profiling.again.map_or(profiling.deadline, |again| again.min(profiling.deadline))),
            None => [healthy.look, healthy.baseline, healthy.series].into_iter().flatten().min(),
        };
        match next.filter(|_| self.is_calm()) {
            Some(at) => self.timers.set(Timer::Healthy, at),
            None => self.timers.clear(Timer::Healthy),
        }
    }

    pub(super) fn healthy_due(&mut self, now: Instant) {
        if self.healthy.profiling.as_ref().is_some_and(|profiling| profiling.deadline <= now) {
            self.end_profile(now, Err("its deadline passed".into()));
        }
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.healthy.look) {
            self.healthy.look = Some(now + LOOK_AGAIN);
            self.out.push_back(Command::Look(Moment::Healthy));
        }
        if let Some(profiling) = self.healthy.profiling.as_mut() {
            if profiling.again.is_some_and(|again| again <= now) {
                profiling.again = None;
                self.out.push_back(Command::Probe(Probe::Process));
            }
            return;
        }
        let rules = &self.policy.evidence;
        if let (true, Some(baseline)) = (due(self.healthy.baseline), rules.baseline) {
            self.healthy.baseline = Some(now + baseline.every);
            self.begin_profile(now, Purpose::Baseline);
        } else if let (true, Some(series)) = (due(self.healthy.series), rules.series) {
            self.healthy.series = Some(now + series.every);
            self.begin_profile(now, Purpose::Series { keep: series.keep });
        }
    }

    /// The main process was looked at for a profile.
    pub(super) fn inspected_for_profile(&mut self, now: Instant, inspection: &Inspection) {
        let waits = self.healthy.profiling.as_ref().is_some_and(|profiling| profiling.task.is_none());
        if !waits {
            return;
        }
        self.inspection = *inspection;
        match self.healthy_recipe(inspection) {
            Ok((_, recipe)) if self.healthy.is_first_look(now, &recipe) => {}
            Ok((step, recipe)) => self.take_profile(now, step, recipe),
            Err(reason) => self.end_profile(now, Err(reason)),
        }
    }

    /// A piece of work ended; whether it was a profile.
    pub(super) fn profiled(&mut self, now: Instant, task: Task, result: &Result<Finished, String>) -> bool {
        let is_profile = self.healthy.profiling.as_ref().is_some_and(|profiling| profiling.task == Some(task));
        if is_profile {
            self.healthy.profiling.iter_mut().for_each(|profiling| profiling.task = None);
            self.end_profile(now, result.clone());
        }
        is_profile
    }

    /// Something else comes first, or nobody is left to profile.
    pub(super) fn give_up_profile(&mut self, now: Instant, reason: &str) {
        if self.healthy.profiling.is_some() {
            self.end_profile(now, Err(reason.into()));
        }
    }

    /// The service died while it was profiled: that recipe is blamed.
    pub(super) fn died_during_profile(&mut self, now: Instant) {
        let Some(profiling) = &self.healthy.profiling else { return };
        let was_asked = profiling.task.is_some();
        let step = self.first_dump().map(|(step, _)| step.name.clone());
        if let (Some(step), Some(recipe)) =
            (step, profiling.recipe.as_ref().filter(|r| was_asked && !r.source.is_outside()))
        {
            let key = Self::blame_key(&step, recipe);
            self.blamed.insert(key);
        }
        self.end_profile(now, Err("the service ended during it".into()));
    }

    /// Whether nothing is going on but the service itself.
    fn is_calm(&self) -> bool {
        self.life == Life::Running && self.incident.is_none() && !self.config.dry_run
    }

    fn begin_profile(&mut self, now: Instant, purpose: Purpose) {
        let within = self.first_dump().and_then(|(_, dump)| dump.recipes.iter().map(|recipe| recipe.within).max());
        let Some(within) = within else { return };
        let deadline = now + within + SECOND_LOOK;
        self.healthy.profiling = Some(Profiling { purpose, task: None, recipe: None, deadline, again: None });
        self.out.push_back(Command::Probe(Probe::Usage));
        self.out.push_back(Command::Probe(Probe::Process));
    }

    fn take_profile(&mut self, now: Instant, step: String, recipe: Recipe) {
        let task = self.next_task();
        let Some(profiling) = self.healthy.profiling.as_mut() else { return };
        profiling.task = Some(task);
        profiling.recipe = Some(recipe.clone());
        profiling.deadline = now + recipe.within;
        let work = Work::Profile { purpose: profiling.purpose, step, recipe };
        self.out.push_back(Command::Begin { task, work });
    }

    fn end_profile(&mut self, now: Instant, result: Result<Finished, String>) {
        let Some(profiling) = self.healthy.profiling.take() else { return };
        self.out.extend(profiling.task.map(Command::Cancel));
        let source = profiling.recipe.map(|recipe| recipe.source.to_string());
        let purpose = profiling.purpose.name();
        if profiling.purpose == Purpose::Baseline && result.is_err() {
            self.try_baseline_again(now);
        }
        let event = match result {
            Ok(finished) => Event::ProfileTaken {
                purpose,
                source,
                took_ms: finished.took.as_millis() as u64,
                evidence: finished.evidence,
            },
            Err(reason) => Event::ProfileSkipped { purpose, source, reason },
        };
        self.record(now, event);
    }

    /// A service may need longer than was thought until it can be profiled.
    fn try_baseline_again(&mut self, now: Instant) {
        let Some(rule) = self.policy.evidence.baseline.filter(|_| self.healthy.vain < MOST_VAIN) else { return };
        let wait = rule.after.max(Duration::from_secs(1)) * 2_u32.pow(self.healthy.vain);
        self.healthy.vain += 1;
        self.healthy.baseline = Some(now + wait.min(rule.every));
    }

    /// The recipe for a profile of the healthy service: the first that the process is open to and that leaves half of
    /// the room there is.
    fn healthy_recipe(&self, inspection: &Inspection) -> Result<(String, Recipe), String> {
        let (step, dump) = self.first_dump().ok_or("there is no step that dumps")?;
        let (open, reasons) = self.open_recipes(&step.name, dump, inspection);
        let head = self.usage.map_or(u64::MAX, |usage| usage.head.saturating_add(usage.reclaimable / 2));
        let fits = |index: &usize| self.expected_of(step, *index).0 <= head / 2;
        match open.iter().copied().find(fits) {
            Some(index) => Ok((step.name.clone(), dump.recipes[index].clone())),
            None if open.is_empty() => Err(reasons.join("; ")),
            None => Err("it needs more than half of the room there is".into()),
        }
    }

    fn first_dump(&self) -> Option<(&Step, &Dump)> {
        self.policy.steps.iter().find_map(|step| match &step.action {
            Action::Dump(dump) => Some((step, dump)),
            _ => None,
        })
    }
}
