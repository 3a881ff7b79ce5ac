//! The step that runs: from its beginning to the record of its end, one at a time.

use std::time::Duration;

use crate::command::{Command, Finished, Task, Work};
use crate::gauge::Gauge;
use crate::hold::Hold;
use crate::plan::Plan;
use crate::policy::{Action, Step};
use crate::record::{Event, Evidence, Outcome};
use crate::time::Instant;
use crate::timer::Timer;

use super::Supervisor;
use super::throttle::LONGEST_SLEEP;

/// The step that runs.
#[derive(Clone, Debug)]
pub(super) struct Active {
    pub(super) step: Step,
    pub(super) phase: Phase,
    pub(super) task: Option<Task>,
    pub(super) plan: Option<Plan>,
    /// Recipes of a dump that the process is open to.
    pub(super) open: Vec<usize>,
    /// The one that is followed.
    pub(super) recipe: usize,
    /// Whether it fits; what can be had for free from outside stands in for one that does not.
    pub(super) fits: bool,
    /// A hold in force, while the step is prepared or again while it runs.
    pub(super) hold: Option<Hold>,
    /// What the dump will be once it is taken in: the service has closed it.
    pub(super) closed: Option<Evidence>,
    /// It may have been closed by the end of its writer, half written.
    pub(super) in_doubt: bool,
    /// When the limit was lifted for it, after a hold or instead of one.
    pub(super) lifted: Option<Lifted>,
    pub(super) started: Option<Instant>,
    pub(super) generation: u32,
    /// A person asked for it.
    pub(super) by_hand: bool,
    /// Why now or why so, where that is not plain from the policy.
    pub(super) remarks: Vec<String>,
}

/// Figures at the moment the limit was lifted: what was added since is dump or leak.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifted {
    pub(super) at: Instant,
    /// `memory.current`.
    pub(super) current: u64,
    /// Bytes of the dump so far.
    pub(super) dumped: u64,
}

/// How far the running step has got.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    /// The main process is looked at.
    Inspecting,
    /// The leak rate is taken.
    Gauging(Gauge),
    /// Threads are put to sleep.
    Holding,
    /// It does what it is for.
    Acting,
    /// The service is frozen and captured from outside.
    Outside,
    /// A throttle is in force.
    Leasing,
    /// The service is ended, and the next generation started.
    Restarting,
}

impl Active {
    pub(super) fn new(step: Step, generation: u32, remarks: Vec<String>) -> Self {
        Self {
            step,
            phase: Phase::Acting,
            task: None,
            plan: None,
            open: Vec::new(),
            recipe: 0,
            fits: true,
            hold: None,
            closed: None,
            in_doubt: false,
            lifted: None,
            started: None,
            generation,
            by_hand: false,
            remarks,
        }
    }

    /// Whether it is about to decide what becomes of `memory.high`.
    pub(super) fn is_planning(&self) -> bool {
        matches!(self.phase, Phase::Inspecting | Phase::Gauging(_))
    }

    /// Whether it goes on beside the service and leaves `memory.high` alone.
    pub(super) fn is_outside_the_service(&self) -> bool {
        is_outside_the_service(&self.step)
    }
}

/// Whether such a step needs no running service, and nothing of its memory.
pub(super) fn is_outside_the_service(step: &Step) -> bool {
    match step.action {
        Action::Command { .. }
        | Action::Http { .. }
        | Action::Upload { .. }
        | Action::Notify { .. }
        | Action::Shed { .. } => true,
        Action::Dump(_)
        | Action::Throttle { .. }
        | Action::Restart(_)
        | Action::Signal { .. }
        | Action::Reclaim { .. }
        | Action::Kill
        | Action::Shrink => false,
    }
}

impl Supervisor {
    pub(super) fn active(&self) -> Option<&Active> {
        self.incident.as_ref()?.active.as_ref()
    }

    pub(super) fn active_mut(&mut self) -> Option<&mut Active> {
        self.incident.as_mut()?.active.as_mut()
    }

    pub(super) fn set_phase(&mut self, phase: Phase) {
        if let Some(active) = self.active_mut() {
            active.phase = phase;
        }
    }

    pub(super) fn is_restarting(&self) -> bool {
        self.active().is_some_and(|active| matches!(active.phase, Phase::Restarting))
    }

    pub(super) fn is_holding(&self) -> bool {
        self.active().is_some_and(|active| active.hold.is_some())
    }

    /// Whether a dump is being written.
    pub(super) fn is_dumping(&self) -> bool {
        let dumping = |active: &Active| matches!((active.phase, &active.step.action), (Phase::Acting, Action::Dump(_)));
        self.active().is_some_and(|active| dumping(active) && active.closed.is_none())
    }

    /// Writes down that the running step begins to act.
    pub(super) fn started_step(&mut self, now: Instant, deadline: Duration) {
        let memory = self.memory();
        let generation = self.generation;
        let source = self.recipe().map(|recipe| recipe.source.to_string());
        let Some(active) = self.active_mut() else { return };
        active.started = Some(now);
        active.generation = generation;
        let event = Event::StepStarted {
            step: active.step.name.clone(),
            action: active.step.action.key(),
            reason: (!active.remarks.is_empty()).then(|| active.remarks.join("; ")),
            source,
            plan: active.plan,
            memory,
        };
        self.record(now, event);
        self.timers.set(Timer::StepDeadline, now + deadline);
    }

    /// Begins a piece of work for the running step.
    pub(super) fn begin_work(&mut self, work: Work) {
        let task = self.next_task();
        if let Some(active) = self.active_mut() {
            active.task = Some(task);
        }
        self.out.push_back(Command::Begin { task, work });
    }

    pub(super) fn on_finished(&mut self, now: Instant, task: Task, result: Result<Finished, String>) {
        if self.profiled(now, task, &result) {
            return;
        }
        let Some(active) = self.active_mut().filter(|active| active.task == Some(task)) else {
            if let Err(error) = result {
                let reason = format!("a dump that was complete could not be kept: {error}");
                self.record(now, Event::Notice { reason });
            }
            return;
        };
        active.task = None;
        match active.phase {
            Phase::Outside => self.captured(now, result),
            _ if matches!(active.step.action, Action::Dump(_)) => self.dumped(now, result),
            _ => match result {
                Ok(finished) => self.finish_step(now, Outcome::Done, finished.note, finished.evidence),
                Err(reason) => self.finish_step(now, Outcome::Failed, Some(reason), Vec::new()),
            },
        }
    }

    pub(super) fn step_deadline(&mut self, now: Instant) {
        let Some(active) = self.active() else { return };
        if active.started.is_none() {
            return self.prepared_for_too_long(now);
        }
        if matches!(active.phase, Phase::Leasing) {
            return self.end_lease(now, "its time is over");
        }
        if active.closed.is_some() {
            return self.finish_closed(now);
        }
        self.note_slow_dump();
        let reason =
            if self.waits_for_ready() { "the service did not say that it is ready" } else { "its deadline passed" };
        self.finish_step(now, Outcome::TimedOut, Some(reason.into()), Vec::new());
    }

    /// Ends the running step.
    pub(super) fn finish_step(
        &mut self,
        now: Instant,
        outcome: Outcome,
        reason: Option<String>,
        evidence: Vec<Evidence>,
    ) {
        let Some(active) = self.end_active(now) else { return };
        let Some(started) = active.started else {
            let reason = reason.unwrap_or_else(|| "given up before it began".into());
            return self.skipped(now, &active.step, reason, None, evidence);
        };
        let took_ms = now.since(started).as_millis() as u64;
        let memory = self.memory();
        let (step, action) = (active.step.name, active.step.action.key());
        let event = Event::StepFinished { step, action, outcome, reason, took_ms, memory, evidence };
        self.record_for(now, active.generation, event);
    }

    /// Gives the running step up.
    pub(super) fn cancel_step(&mut self, now: Instant, reason: &str) {
        self.finish_step(now, Outcome::Cancelled, Some(reason.into()), Vec::new());
    }

    /// Ends the running step as one that cannot help.
    pub(super) fn skip_step(&mut self, now: Instant, reason: String, evidence: Vec<Evidence>) {
        let Some(active) = self.end_active(now) else { return };
        self.skipped(now, &active.step, reason, active.plan, evidence);
    }

    /// Writes down that a step is left out.
    pub(super) fn skipped(
        &mut self,
        now: Instant,
        step: &Step,
        reason: String,
        plan: Option<Plan>,
        evidence: Vec<Evidence>,
    ) {
        let (name, action) = (step.name.clone(), step.action.key());
        let memory = self.memory();
        self.record(now, Event::StepSkipped { step: name, action, reason, plan, memory, evidence });
    }

    /// Takes the running step off the ladder and leaves nothing of it in force: no work, no limit that was kept only
    /// until it had decided. A frozen service is thawed when the next step has had its turn.
    fn end_active(&mut self, now: Instant) -> Option<Active> {
        let active = self.incident.as_mut()?.active.take()?;
        self.out.extend(active.task.filter(|_| active.closed.is_none()).map(Command::Cancel));
        self.timers.clear(Timer::StepDeadline);
        if !matches!(active.phase, Phase::Leasing) {
            self.anchor(now);
        }
        if active.hold.is_some() {
            self.asleep_until = self.asleep_until.max(now + LONGEST_SLEEP);
        }
        if active.hold.is_some() || active.is_planning() || matches!(active.phase, Phase::Holding | Phase::Outside) {
            self.lift(now);
        }
        if matches!(active.step.action, Action::Dump(_)) {
            self.rate.clear();
        }
        self.watch_for_the_end(now);
        Some(active)
    }
}
