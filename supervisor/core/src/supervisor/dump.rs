//! Steps that ask something of the service: looked at, gauged, planned, held if need be, done.

use std::time::Duration;

use crate::ability::Ability;
use crate::command::{Command, Finished, Task, Work};
use crate::gauge::Gauge;
use crate::plan::{Choice, Plan};
use crate::policy::{Action, DumpSource, Restart};
use crate::reading::Inspection;
use crate::record::{Evidence, Outcome};
use crate::signal::Signal;
use crate::time::Instant;
use crate::timer::Timer;

use super::Supervisor;
use super::step::{Active, Phase};
use super::throttle::LONGEST_SLEEP;

/// The service is frozen for no longer than this to be captured from outside.
const OUTSIDE_TIME: Duration = Duration::from_secs(5);
/// Said of a file whose writer was ending.
const CUT_SHORT: &str = "the service was ending when the file was closed: it may be cut short";

impl Supervisor {
    /// The main process was looked at: a signal it does not handle would kill it.
    pub(super) fn on_inspected(&mut self, now: Instant, inspection: Inspection) {
        let Some(active) = self.active().filter(|active| matches!(active.phase, Phase::Inspecting)) else {
            return self.inspected_for_profile(now, &inspection);
        };
        let action = active.step.action.clone();
        if let Err(reason) = self.open_to(&inspection, &action) {
            return self.skip_step(now, reason, Vec::new());
        }
        if let Action::Signal { send } = action {
            return self.send(now, send);
        }
        self.inspection = inspection;
        let current = self.usage.map_or(0, |usage| usage.current);
        let gauge = match self.undecided_touch() {
            Some((at, level)) => Gauge::from_touch(at, level.min(current)),
            None => Gauge::after(self.rate.last(), now, current),
        };
        self.set_phase(Phase::Gauging(gauge));
        if !self.policy.memory.hold {
            self.lift(now);
        }
        if self.usage.is_none() {
            self.planned(now, 0.0);
        }
    }

    /// A light sample for whatever the running step is waiting for.
    pub(super) fn step_sample(&mut self, now: Instant, current: u64, dumped: u64) {
        let Some(active) = self.active() else { return };
        match active.phase {
            Phase::Gauging(mut gauge) => {
                gauge.push(now, current);
                self.set_phase(Phase::Gauging(gauge));
                if let Some(rate) = gauge.settled(|rate| self.choice_at(rate)) {
                    self.planned(now, rate);
                }
            }
            _ if active.hold.is_some() => self.hold_sample(now, current, dumped),
            Phase::Acting => self.watch_leak(now, current, dumped),
            _ => {}
        }
    }

    pub(super) fn is_gauging(&self) -> bool {
        self.active().is_some_and(|active| matches!(active.phase, Phase::Gauging(_)))
    }

    /// Whether the service is being captured from outside.
    pub(super) fn is_captured(&self) -> bool {
        self.active().is_some_and(|active| matches!(active.phase, Phase::Outside))
    }

    /// Lets a frozen service go on.
    pub(super) fn thaw(&mut self) {
        if std::mem::take(&mut self.frozen) {
            self.out.push_back(Command::Freeze(false));
        }
    }

    /// Whether the leak is watched closely while the dump runs.
    pub(super) fn is_watching_the_leak(&self) -> bool {
        let dumping = |active: &Active| matches!(active.phase, Phase::Acting) && active.lifted.is_some();
        self.active().is_some_and(dumping)
    }

    /// The dump is complete; what is left to do needs nothing of the service. What it wrote may count as usage, on a
    /// tmpfs until the file is gone, but it was no leak: growth is measured anew.
    pub(super) fn on_closed(&mut self, task: Task, evidence: Evidence, in_doubt: bool) {
        let Some(active) = self.active_mut().filter(|active| active.task == Some(task)) else { return };
        active.closed = Some(evidence);
        active.in_doubt = in_doubt;
        self.rate.clear();
    }

    /// Ends a step whose dump is complete but still being taken in, which goes on.
    pub(super) fn finish_closed(&mut self, now: Instant) {
        let Some(active) = self.active() else { return };
        let Some(evidence) = active.closed.clone() else { return };
        let (outcome, reason) = if active.in_doubt {
            (Outcome::Failed, CUT_SHORT)
        } else {
            (Outcome::Done, "complete, and still being copied to where it is kept")
        };
        self.finish_step(now, outcome, Some(reason.into()), vec![evidence]);
    }

    /// The dump ended.
    pub(super) fn dumped(&mut self, now: Instant, result: Result<Finished, String>) {
        match result {
            Ok(finished) if self.active().is_some_and(|active| active.in_doubt) => {
                self.finish_step(now, Outcome::Failed, Some(CUT_SHORT.into()), finished.evidence);
            }
            Ok(finished) => {
                self.learn(&finished);
                self.finish_step(now, Outcome::Done, finished.note, finished.evidence);
            }
            Err(reason) => {
                self.note_slow_dump();
                self.finish_step(now, Outcome::Failed, Some(reason), Vec::new());
            }
        }
    }

    /// The capture from outside ended: the service goes on, and the ladder with it.
    pub(super) fn captured(&mut self, now: Instant, result: Result<Finished, String>) {
        if self.active().is_some_and(|active| active.fits) {
            return self.dumped(now, result);
        }
        let arithmetic = self.active().and_then(|active| active.plan).map_or(String::new(), |plan| plan.to_string());
        match result {
            Ok(finished) => self.skip_step(now, arithmetic, finished.evidence),
            Err(reason) => self.skip_step(now, format!("{arithmetic}; {reason}"), Vec::new()),
        }
    }

    /// The service died while the step ran. The recipe of a dump it was asked for is blamed.
    pub(super) fn died_during_step(&mut self, now: Instant) {
        let Some(active) = self.active() else { return };
        let is_complete = active.closed.is_some() && !active.in_doubt;
        if matches!(active.phase, Phase::Restarting) || active.is_outside_the_service() || is_complete {
            return;
        }
        let is_cut_short = active.in_doubt;
        let is_dumping = self.is_dumping() || is_cut_short;
        if is_dumping {
            self.blame();
        }
        if is_cut_short {
            return self.finish_closed(now);
        }
        self.finish_step(now, Outcome::Failed, Some("the service ended during it".into()), Vec::new());
    }

    /// Does what the step is for, now that the way is free.
    pub(super) fn act(&mut self, now: Instant) {
        let Some(incident) = &self.incident else { return };
        let Some(active) = &incident.active else { return };
        let (id, step) = (incident.id.clone(), active.step.name.clone());
        match active.step.action.clone() {
            Action::Dump(dump) => {
                let Some(recipe) = self.recipe().cloned() else { return };
                self.set_phase(Phase::Acting);
                self.begin_work(Work::Dump { incident: id, step, recipe, keep: dump.keep });
            }
            Action::Restart(restart) => {
                self.look_once_more();
                self.set_phase(Phase::Restarting);
                self.restart(now, &restart);
            }
            _ => {}
        }
    }

    /// Begins a restart of which nothing could be found out.
    pub(super) fn begin_unplanned(&mut self, now: Instant) {
        let Some(Action::Restart(restart)) = self.active().map(|active| active.step.action.clone()) else { return };
        self.started_step(now, self.restart_time(restart.backoff.1));
        self.lift(now);
        self.act(now);
    }

    /// The rate is known: decide, write it down, and go about it.
    fn planned(&mut self, now: Instant, rate: f64) {
        let braked = now < self.asleep_until;
        let rate = if braked { rate.max(self.free_rate) } else { rate };
        self.free_rate = rate;
        let decision = self.decide(rate);
        let passed = self.passed_over(rate, &decision);
        let decided = decision.plan;
        let Some(active) = self.active_mut() else { return };
        (active.plan, active.recipe, active.fits) = (Some(decided), decision.recipe, decision.fits);
        active.remarks.extend(passed);
        let action = active.step.action.clone();
        self.started_step(now, self.time_for(now, &action, &decided));
        self.lend(decided.loan);
        match (decided.choice, &action) {
            (Choice::Hold, _) => self.hold(now, &decided),
            (Choice::Outside, Action::Dump(_)) => self.capture_from_outside(now),
            (Choice::Lift | Choice::Loan | Choice::Outside, _) => {
                self.lift(now);
                self.watch_from(now, &decided);
                self.act(now);
            }
        }
    }

    /// Raises `memory.max`, and reckons with it until the next reading.
    fn lend(&mut self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        self.out.push_back(Command::Lend(bytes));
        if let Some(usage) = self.usage.as_mut() {
            usage.head = usage.head.saturating_add(bytes);
            usage.max = usage.max.saturating_add(bytes);
        }
    }

    /// Deadline of a planned step: a thread that sleeps in the throttle answers up to 2 s late.
    fn time_for(&self, now: Instant, action: &Action, decided: &Plan) -> Duration {
        let sleep = if decided.choice == Choice::Hold { LONGEST_SLEEP } else { self.sleep_allowance(now) };
        match action {
            Action::Dump(_) => self.recipe().map_or(sleep, |recipe| recipe.within + sleep),
            Action::Restart(Restart { backoff: (_, longest), .. }) => self.restart_time(*longest),
            _ => sleep,
        }
    }

    /// Whether the process is open to that step, and by which recipes; or why not.
    fn open_to(&mut self, inspection: &Inspection, action: &Action) -> Result<(), String> {
        let is_harmless = matches!(action, Action::Signal { send } if is_harmless(*send));
        if inspection.stopped && !is_harmless && !matches!(action, Action::Restart(_)) {
            return Err("the process is stopped and answers nothing".into());
        }
        match action {
            Action::Signal { send } if !is_harmless && !inspection.handles(*send) => {
                Err(format!("the process does not handle {send}, which would end it"))
            }
            Action::Dump(dump) => {
                let name = self.active().map_or(String::new(), |active| active.step.name.clone());
                let (open, reasons) = self.open_recipes(&name, dump, inspection);
                if open.is_empty() {
                    return Err(reasons.join("; "));
                }
                if let Some(active) = self.active_mut() {
                    active.recipe = open[0];
                    active.open = open;
                    active.remarks.extend(reasons);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn send(&mut self, now: Instant, signal: Signal) {
        self.lift(now);
        self.started_step(now, Duration::from_secs(1));
        self.out.push_back(Command::Signal(signal));
        self.set_phase(Phase::Acting);
        self.finish_step(now, Outcome::Done, None, Vec::new());
    }

    fn capture_from_outside(&mut self, now: Instant) {
        let Some(incident) = &self.incident else { return };
        let Some(active) = &incident.active else { return };
        let (incident, step) = (incident.id.clone(), active.step.name.clone());
        let wanted = self.recipe().filter(|_| active.fits).cloned();
        let keep = if let Action::Dump(dump) = &active.step.action { dump.keep } else { 1 };
        self.set_phase(Phase::Outside);
        let Some(recipe) = wanted else {
            self.timers.set(Timer::StepDeadline, now + OUTSIDE_TIME);
            self.freeze();
            return self.begin_work(Work::Snapshot { incident, step });
        };
        // A debugger stops its target itself, and waits for it to stop.
        if recipe.source == DumpSource::GoHeap {
            self.freeze();
        }
        self.begin_work(Work::Dump { incident, step, recipe, keep });
    }

    fn freeze(&mut self) {
        self.frozen = self.has(Ability::Freeze);
        self.out.extend(self.frozen.then_some(Command::Freeze(true)));
    }
}

/// Signals that do nothing to a process that does not handle them.
fn is_harmless(signal: Signal) -> bool {
    matches!(signal, Signal::CONT | Signal::WINCH | Signal::URG)
}
