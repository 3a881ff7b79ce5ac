//! The ladder: which step comes next and when, one at a time, and why one is left out.

use std::time::Duration;

use crate::ability::Ability;
use crate::amount::Bytes;
use crate::command::{Command, Finished, Probe, Task, Work};
use crate::gauge::Gauge;
use crate::hold::Hold;
use crate::plan::{Plan, STOP_TIME};
use crate::policy::{Action, DumpSource, Step};
use crate::rate::time_to_limit;
use crate::record::{Event, Evidence, Outcome};
use crate::time::Instant;
use crate::timer::Timer;

use super::Supervisor;
use super::incident::Incident;
use super::throttle::LONGEST_SLEEP;

/// Time a stop is given before the limit when its turn is hurried: planning, a hold, the stop itself, and as much
/// again for a machine under pressure.
const STOP_RESERVE: Duration = Duration::from_millis(500);
/// The same for a throttle.
const THROTTLE_RESERVE: Duration = Duration::from_millis(300);
/// A kill and the clean-up after it are over by then.
const KILL_TIME: Duration = Duration::from_secs(15);

/// The step that runs.
#[derive(Clone, Debug)]
pub(super) struct Active {
    pub(super) step: Step,
    pub(super) phase: Phase,
    pub(super) task: Option<Task>,
    pub(super) plan: Option<Plan>,
    /// A hold in force, while the step is prepared or again while it runs.
    pub(super) hold: Option<Hold>,
    /// `memory.current` when the hold was lifted: what was added since is dump or leak.
    pub(super) lifted_at: Option<(Instant, u64)>,
    started: Option<Instant>,
    generation: u32,
    hurried: Option<String>,
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

/// A step that may come next.
struct Candidate {
    index: usize,
    due: Instant,
    hurried: Option<String>,
}

impl Supervisor {
    /// Begins the next step if it is due, or sets the timer for it.
    pub(super) fn advance(&mut self, now: Instant) {
        while let Some(candidate) = self.candidate(now) {
            if candidate.due > now {
                return self.timers.set(Timer::Ladder, candidate.due);
            }
            self.take(now, candidate);
        }
        self.timers.clear(Timer::Ladder);
    }

    pub(super) fn active(&self) -> Option<&Active> {
        self.incident.as_ref()?.active.as_ref()
    }

    pub(super) fn active_mut(&mut self) -> Option<&mut Active> {
        self.incident.as_mut()?.active.as_mut()
    }

    /// Whether a step runs that has not left the service to itself: a lease goes on beside other things.
    pub(super) fn is_stepping(&self) -> bool {
        self.active().is_some()
    }

    /// Whether the running step is about to decide what becomes of `memory.high`.
    pub(super) fn is_planning(&self) -> bool {
        let planning = |active: &Active| matches!(active.phase, Phase::Inspecting | Phase::Gauging(_));
        self.active().is_some_and(planning)
    }

    /// Growth in bytes a second to be reckoned with: what is seen, or what is to be expected when sleepers wake.
    pub(super) fn rate_now(&self, now: Instant) -> f64 {
        let seen = self.rate.bytes_per_second().unwrap_or(0.0);
        if self.lease.is_none() && now < self.asleep_until { seen.max(self.free_rate) } else { seen }
    }

    /// Writes down that the running step begins to act.
    pub(super) fn started_step(&mut self, now: Instant, deadline: Duration) {
        let memory = self.memory();
        let generation = self.generation;
        let Some(active) = self.active_mut() else { return };
        active.started = Some(now);
        active.generation = generation;
        let event = Event::StepStarted {
            step: active.step.name.clone(),
            action: active.step.action.key(),
            reason: active.hurried.clone(),
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

    /// Ends the running step.
    pub(super) fn finish_step(
        &mut self,
        now: Instant,
        outcome: Outcome,
        reason: Option<String>,
        evidence: Vec<Evidence>,
    ) {
        let Some((active, started)) = self.end_active(now) else { return };
        let Some(started) = started else {
            let reason = reason.unwrap_or_else(|| "given up before it began".into());
            return self.skipped(now, &active.step, reason, None, evidence);
        };
        let took_ms = now.since(started).as_millis() as u64;
        let memory = self.memory();
        let (step, action) = (active.step.name, active.step.action.key());
        let event = Event::StepFinished { step, action, outcome, reason, took_ms, memory, evidence };
        self.record_for(now, active.generation, event);
    }

    /// Ends the running step as one that cannot help.
    pub(super) fn skip_step(&mut self, now: Instant, reason: String, evidence: Vec<Evidence>) {
        let Some((active, _)) = self.end_active(now) else { return };
        self.skipped(now, &active.step, reason, active.plan, evidence);
    }

    pub(super) fn on_finished(&mut self, now: Instant, task: Task, result: Result<Finished, String>) {
        let Some(active) = self.active().filter(|active| active.task == Some(task)) else { return };
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
        let Some((phase, task)) = self.active().map(|active| (active.phase, active.task)) else { return };
        self.out.extend(task.map(Command::Cancel));
        match phase {
            Phase::Leasing => return self.end_lease(now, "its time is over"),
            Phase::Outside => self.out.push_back(Command::Freeze(false)),
            _ => {}
        }
        self.note_slow_dump();
        self.finish_step(now, Outcome::TimedOut, Some("its deadline passed".into()), Vec::new());
    }

    fn candidate(&self, now: Instant) -> Option<Candidate> {
        let incident = self.incident.as_ref()?;
        let leasing = incident.active.as_ref().map(|active| matches!(active.phase, Phase::Leasing));
        if leasing == Some(false) || !(self.is_running() || self.is_waiting()) {
            return None;
        }
        let mut rest = self.policy.steps.iter().enumerate().skip(incident.cursor);
        let ready = |(index, step): (usize, &Step)| self.is_called_for(now, step).then_some(index);
        let index = rest.find_map(ready)?;
        let step = &self.policy.steps[index];
        let due = incident.anchor + step.after;
        Some(match self.hurry(now, step, due) {
            Some((due, reason)) => Candidate { index, due, hurried: Some(reason) },
            None => Candidate { index, due, hurried: None },
        })
    }

    fn is_called_for(&self, now: Instant, step: &Step) -> bool {
        let fires = step.on.iter().any(|trigger| self.triggers.is_firing(*trigger));
        let often =
            |repeat: crate::policy::Times| self.triggers.count(&step.on, now, repeat.within) >= repeat.times as usize;
        let outside = matches!(step.action, Action::Command { .. } | Action::Http { .. });
        fires && step.repeat.is_none_or(often) && (self.is_running() || outside)
    }

    /// A wait that would outlast the service is cut short: `after` is a wish, the limit is not.
    fn hurry(&self, now: Instant, step: &Step, due: Instant) -> Option<(Instant, String)> {
        let reserve = match step.action {
            Action::Restart(_) => STOP_RESERVE,
            Action::Throttle { .. } => THROTTLE_RESERVE,
            _ => return None,
        };
        let rate = self.rate_now(now);
        let head = self.usage?.head.saturating_sub(crate::plan::STOP_ALLOWANCE);
        let left = time_to_limit(head, rate)?;
        let awake = if self.lease.is_none() { self.asleep_until.max(now) } else { now };
        let latest = awake + left.saturating_sub(reserve);
        let latest = if left < reserve { now } else { latest };
        (latest < due).then(|| {
            let reason = format!(
                "its wait of {} s is cut short: {} left, growing {}/s",
                step.after.as_secs_f32(),
                Bytes(head),
                Bytes(rate as u64)
            );
            (latest.max(now), reason)
        })
    }

    fn take(&mut self, now: Instant, candidate: Candidate) {
        let step = self.policy.steps[candidate.index].clone();
        self.make_way(now, &step);
        let Some(incident) = self.incident.as_mut() else { return };
        let passed = incident.cursor..candidate.index;
        incident.cursor = candidate.index + 1;
        for index in passed {
            let reason = "its triggers did not fire, or not often enough, before a later step was due".into();
            let step = self.policy.steps[index].clone();
            self.skipped(now, &step, reason, None, Vec::new());
        }
        if let Some(reason) = self.refusal(now, &step) {
            self.anchor(now);
            return self.skipped(now, &step, reason, None, Vec::new());
        }
        self.begin(now, step, candidate.hurried);
    }

    /// Ends a throttle's step for the next one. The lease itself stays in force beside a step that does not need the
    /// service, and where a plan decides it leaves the limit for the plan to lift.
    fn make_way(&mut self, now: Instant, step: &Step) {
        let reason = format!("given back for step {}", step.name);
        match step.action {
            Action::Command { .. } | Action::Http { .. } => {
                let outcome = "in force, and stays so beside the next step".to_owned();
                self.finish_step(now, Outcome::Done, Some(outcome), Vec::new());
            }
            Action::Dump(_) | Action::Restart(_) => {
                self.drop_lease(now, &reason);
            }
            _ => self.end_lease(now, &reason),
        }
    }

    fn begin(&mut self, now: Instant, step: Step, hurried: Option<String>) {
        let action = step.action.clone();
        let name = step.name.clone();
        let active = Active {
            step,
            phase: Phase::Acting,
            task: None,
            plan: None,
            hold: None,
            lifted_at: None,
            started: None,
            generation: self.generation,
            hurried,
        };
        let Some(incident) = self.incident.as_mut() else { return };
        incident.active = Some(active);
        let incident = incident.id.clone();
        if self.config.dry_run {
            return self.only_say(now, &action);
        }
        match action {
            Action::Dump(_) | Action::Restart(_) | Action::Signal { .. } => self.inspect(),
            Action::Throttle { high, lasting } => self.begin_throttle(now, name, high, lasting),
            Action::Command { run, within } => {
                self.started_step(now, within);
                self.begin_work(Work::Command { run, incident, step: name });
            }
            Action::Http { post, within } => {
                self.started_step(now, within);
                self.begin_work(Work::Http { post, incident, step: name });
            }
            Action::Reclaim { amount } => {
                self.started_step(now, Duration::from_secs(10));
                let bytes = amount.of(self.usage.map_or(0, |usage| usage.max));
                self.begin_work(Work::Reclaim { bytes });
            }
            Action::Kill => {
                self.started_step(now, KILL_TIME);
                self.set_phase(Phase::Restarting);
                self.kill_service(now);
            }
        }
    }

    fn begin_throttle(&mut self, now: Instant, name: String, high: crate::amount::Amount, lasting: Duration) {
        self.started_step(now, lasting + Duration::from_secs(1));
        self.set_phase(Phase::Leasing);
        self.anchor(now);
        self.begin_lease(now, name, high, lasting);
    }

    fn inspect(&mut self) {
        self.set_phase(Phase::Inspecting);
        self.out.push_back(Command::Probe(Probe::Process));
    }

    fn only_say(&mut self, now: Instant, action: &Action) {
        self.started_step(now, Duration::from_secs(1));
        let would = match action {
            Action::Dump(dump) => match &dump.source {
                DumpSource::Signal { signal, file } => format!("would send {signal} and wait for {file}"),
                DumpSource::Http { url } => format!("would fetch {url}"),
                DumpSource::Command { run } => format!("would run {}", run.join(" ")),
            },
            Action::Throttle { high, lasting } => format!("would throttle at {high} for {lasting:?}"),
            Action::Restart(_) => format!("would send {} and start the next", self.policy.service.stop_signal),
            Action::Signal { send } => format!("would send {send}"),
            Action::Command { run, .. } => format!("would run {}", run.join(" ")),
            Action::Http { post, .. } => format!("would post to {post}"),
            Action::Reclaim { amount } => format!("would reclaim {amount}"),
            Action::Kill => "would kill".to_owned(),
        };
        self.finish_step(now, Outcome::Done, Some(format!("dry run: {would}")), Vec::new());
    }

    /// Why a step cannot help or would do harm, as far as that is known before it begins.
    fn refusal(&self, now: Instant, step: &Step) -> Option<String> {
        let lacks = |ability: Ability| (!self.has(ability)).then(|| format!("this host lacks {ability}"));
        match &step.action {
            Action::Dump(dump) => self.dump_refusal(&step.name, dump),
            Action::Throttle { .. } => lacks(Ability::Throttle).or_else(|| self.throttle_in_vain(now)),
            Action::Reclaim { .. } => lacks(Ability::Reclaim).or_else(|| {
                let nothing = self.usage.is_some_and(|usage| usage.reclaimable == 0 && !usage.swap);
                nothing.then(|| "there is nothing to reclaim".to_owned())
            }),
            Action::Restart(_)
            | Action::Signal { .. }
            | Action::Command { .. }
            | Action::Http { .. }
            | Action::Kill => None,
        }
    }

    pub(super) fn set_phase(&mut self, phase: Phase) {
        if let Some(active) = self.active_mut() {
            active.phase = phase;
        }
    }

    /// Time left to a sleeper of our own throttle, to be added to deadlines of what it should do.
    pub(super) fn sleep_allowance(&self, now: Instant) -> Duration {
        if now < self.asleep_until || self.lease.is_some() { LONGEST_SLEEP } else { Duration::ZERO }
    }

    /// How long a stop may take until the next generation runs.
    pub(super) fn restart_time(&self, longest_backoff: Duration) -> Duration {
        self.policy.service.stop_timeout + LONGEST_SLEEP + KILL_TIME + longest_backoff + STOP_TIME
    }

    /// `after` of the next step counts from now.
    fn anchor(&mut self, now: Instant) {
        if let Some(incident) = self.incident.as_mut() {
            incident.anchor = now;
        }
    }

    fn end_active(&mut self, now: Instant) -> Option<(Active, Option<Instant>)> {
        let incident: &mut Incident = self.incident.as_mut()?;
        let active = incident.active.take()?;
        if !matches!(active.phase, Phase::Leasing) {
            incident.anchor = now;
        }
        self.timers.clear(Timer::StepDeadline);
        self.timers.clear(Timer::Resolve);
        self.watch_for_the_end(now);
        let started = active.started;
        Some((active, started))
    }

    fn skipped(&mut self, now: Instant, step: &Step, reason: String, plan: Option<Plan>, evidence: Vec<Evidence>) {
        let (name, action) = (step.name.clone(), step.action.key());
        let memory = self.memory();
        self.record(now, Event::StepSkipped { step: name, action, reason, plan, memory, evidence });
    }
}
