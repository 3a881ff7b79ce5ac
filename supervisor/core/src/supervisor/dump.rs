//! Steps that ask something of the service: inspected, gauged, planned, held if need be, done.

use std::time::Duration;

use crate::ability::Ability;
use crate::amount::{Bytes, Limit, MIB};
use crate::command::{Command, Finished, Work};
use crate::gauge::Gauge;
use crate::hold::Hold;
use crate::plan::{Choice, DEFAULT_SPEED, Plan, STOP_ALLOWANCE, Situation, Worker, plan};
use crate::policy::{Action, Dump, DumpSource};
use crate::reading::{Inspection, Runtime};
use crate::record::Outcome;
use crate::signal::Signal;
use crate::time::Instant;

use super::ladder::{Active, Phase};
use super::{Learnt, Supervisor};

/// Expected of a dump nobody said anything about.
const UNKNOWN_DUMP: u64 = 16 * MIB;
/// A Go heap profile: sampled, some kilobytes; measured 100 to 220 ms while leaking, most of it waiting for the world
/// to stop.
const GO_PROFILE: (u64, Duration) = (MIB, Duration::from_millis(110));
/// The service is frozen for no longer than this to be captured from outside.
const OUTSIDE_TIME: Duration = Duration::from_secs(5);
/// After a hold stalls count again this much later.
const AFTERMATH: Duration = Duration::from_secs(2);

impl Supervisor {
    /// Why that dump must not be tried, as far as the host and the past say.
    pub(super) fn dump_refusal(&self, step: &str, dump: &Dump) -> Option<String> {
        let blamed = self.incident.as_ref().is_some_and(|incident| incident.blamed.iter().any(|name| name == step));
        if blamed {
            return Some("the service died during it earlier in this incident".into());
        }
        let by_file = matches!(dump.source, DumpSource::Signal { .. });
        (by_file && !self.has(Ability::Inotify)).then(|| format!("this host lacks {}", Ability::Inotify))
    }

    /// The main process was looked at: a signal it does not handle would kill it.
    pub(super) fn on_inspected(&mut self, now: Instant, inspection: Inspection) {
        let Some(active) = self.active().filter(|active| matches!(active.phase, Phase::Inspecting)) else { return };
        let action = active.step.action.clone();
        let refused = match &action {
            Action::Dump(Dump { source: DumpSource::Signal { signal, .. }, .. }) => refused(&inspection, *signal),
            Action::Dump(_) if inspection.stopped => Some("the process is stopped and answers nothing".into()),
            Action::Signal { send } if is_harmless(*send) => None,
            Action::Signal { send } => refused(&inspection, *send),
            _ => None,
        };
        if let Some(reason) = refused {
            self.want_high(Limit::Max);
            return self.skip_step(now, reason, Vec::new());
        }
        if let Action::Signal { send } = action {
            return self.send(now, send);
        }
        self.inspection = inspection;
        let current = self.usage.map_or(0, |usage| usage.current);
        self.set_phase(Phase::Gauging(Gauge::new(now, current)));
        if !self.policy.memory.hold || self.usage.is_none() {
            self.want_high(Limit::Max);
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
                if let Some(rate) = gauge.settled(|rate| self.plan_at(now, rate).choice) {
                    self.planned(now, rate);
                }
            }
            _ if active.hold.is_some() => self.hold_sample(now, current),
            Phase::Acting => self.watch_leak(now, current, dumped),
            _ => {}
        }
    }

    pub(super) fn is_gauging(&self) -> bool {
        self.active().is_some_and(|active| matches!(active.phase, Phase::Gauging(_)))
    }

    pub(super) fn is_holding(&self) -> bool {
        self.active().is_some_and(|active| active.hold.is_some())
    }

    pub(super) fn is_dumping_under_hold(&self) -> bool {
        let dumping = |active: &Active| matches!(active.phase, Phase::Acting) && active.lifted_at.is_some();
        self.active().is_some_and(dumping)
    }

    /// The dump ended.
    pub(super) fn dumped(&mut self, now: Instant, result: Result<Finished, String>) {
        match result {
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
        self.out.push_back(Command::Freeze(false));
        self.want_high(Limit::Max);
        let arithmetic = self.active().and_then(|active| active.plan).map_or(String::new(), |plan| plan.to_string());
        match result {
            Ok(finished) => self.skip_step(now, arithmetic, finished.evidence),
            Err(reason) => self.skip_step(now, format!("{arithmetic}; {reason}"), Vec::new()),
        }
    }

    /// The service died while the step ran. A dump is blamed for it and not repeated in this incident.
    pub(super) fn died_during_step(&mut self, now: Instant) {
        let Some(active) = self.active() else { return };
        if matches!(active.phase, Phase::Restarting) {
            return;
        }
        let (name, is_dump) = (active.step.name.clone(), matches!(active.step.action, Action::Dump(_)));
        if let Some(task) = active.task {
            self.out.push_back(Command::Cancel(task));
        }
        if let Some(incident) = self.incident.as_mut().filter(|_| is_dump) {
            incident.blamed.push(name);
        }
        self.finish_step(now, Outcome::Failed, Some("the service ended during it".into()), Vec::new());
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

    fn send(&mut self, now: Instant, signal: Signal) {
        self.want_high(Limit::Max);
        self.started_step(now, Duration::from_secs(1));
        self.out.push_back(Command::Signal(signal));
        self.finish_step(now, Outcome::Done, None, Vec::new());
    }

    /// The rate is known: decide, write it down, and go about it.
    fn planned(&mut self, now: Instant, rate: f64) {
        let braked = now < self.asleep_until;
        let rate = if braked { rate.max(self.free_rate) } else { rate };
        self.free_rate = rate;
        let decided = self.plan_at(now, rate);
        let Some(active) = self.active_mut() else { return };
        active.plan = Some(decided);
        let action = active.step.action.clone();
        let deadline = match &action {
            Action::Dump(dump) => dump.within + self.sleep_allowance(now),
            Action::Restart(restart) => self.restart_time(restart.backoff.1),
            _ => return,
        };
        self.started_step(now, deadline);
        if decided.loan > 0 {
            self.out.push_back(Command::Lend(decided.loan));
        }
        match (decided.choice, &action) {
            (Choice::Hold, _) => self.hold(now, &decided),
            (Choice::Outside, Action::Dump(_)) => self.capture_from_outside(now),
            (Choice::Lift | Choice::Loan | Choice::Outside, _) => {
                self.want_high(Limit::Max);
                self.act(now);
            }
        }
    }

    fn hold(&mut self, now: Instant, decided: &Plan) {
        let Some(usage) = self.usage else { return };
        let hold = Hold::new(now, usage.current, decided.calm_rate(), Plan::longest_hold(usage.reclaimable));
        let Some(active) = self.active_mut() else { return };
        active.hold = Some(hold);
        if matches!(active.phase, Phase::Gauging(_)) {
            active.phase = Phase::Holding;
        }
        self.masked_until = now + Duration::from_millis(decided.sleep_ms) + AFTERMATH;
        self.want_high(Limit::Bytes(decided.high & !0xFFF));
    }

    fn hold_sample(&mut self, now: Instant, current: u64) {
        let lowered = !self.high.is_lowering();
        let Some(active) = self.active_mut() else { return };
        let Some(hold) = active.hold.as_mut() else { return };
        if !hold.is_over(now, current, lowered) {
            return;
        }
        let sleep = active.plan.map_or(0, |plan| plan.sleep_ms);
        let is_prepared = matches!(active.phase, Phase::Holding);
        active.hold = None;
        active.lifted_at = Some((now, current));
        self.asleep_until = now + Duration::from_millis(sleep);
        self.want_high(Limit::Max);
        if is_prepared {
            self.act(now);
        }
    }

    /// Does what the step is for, now that the way is free.
    fn act(&mut self, now: Instant) {
        let Some(incident) = &self.incident else { return };
        let Some(active) = &incident.active else { return };
        let (id, step) = (incident.id.clone(), active.step.name.clone());
        match active.step.action.clone() {
            Action::Dump(dump) => {
                self.set_phase(Phase::Acting);
                self.begin_work(Work::Dump { incident: id, step, source: dump.source, keep: dump.keep });
            }
            Action::Restart(restart) => {
                self.set_phase(Phase::Restarting);
                self.restart(now, &restart);
            }
            _ => {}
        }
    }

    fn capture_from_outside(&mut self, now: Instant) {
        let Some(incident) = &self.incident else { return };
        let Some(active) = &incident.active else { return };
        let (incident, step) = (incident.id.clone(), active.step.name.clone());
        self.timers.set(crate::timer::Timer::StepDeadline, now + OUTSIDE_TIME);
        self.set_phase(Phase::Outside);
        if self.has(Ability::Freeze) {
            self.out.push_back(Command::Freeze(true));
        }
        self.begin_work(Work::Snapshot { incident, step });
    }

    /// While the dump runs after a hold: sleepers that woke early are put to sleep once more when half of what is to
    /// spare is gone, at most once for each sleep, since a second hold may catch the dump as well.
    fn watch_leak(&mut self, now: Instant, current: u64, dumped: u64) {
        let Some(active) = self.active() else { return };
        let (Some((at, from)), Some(plan), Some(usage)) = (active.lifted_at, active.plan, self.usage) else { return };
        let rest = plan.need.saturating_sub(dumped + 2 * STOP_ALLOWANCE);
        let leaked = current.saturating_sub(from).saturating_sub(dumped);
        let spare = usage.head.saturating_sub(rest + STOP_ALLOWANCE) / 2;
        if leaked > spare && now.since(at) >= Duration::from_millis(plan.sleep_ms) {
            let again = Plan { high: (current as f64 * 0.8) as u64, ..plan };
            self.hold(now, &again);
        }
    }

    fn plan_at(&self, now: Instant, rate: f64) -> Plan {
        plan(&self.situation(now, rate))
    }

    /// What the plan for the running step rests on.
    fn situation(&self, _now: Instant, rate: f64) -> Situation {
        let usage = self.usage.unwrap_or_else(no_reading);
        let active = self.active();
        let (dump, time) = active.map_or((0, Duration::ZERO), |active| self.expected(active));
        let slept = active.is_some_and(|active| self.learnt.get(&active.step.name).is_some_and(|known| known.slept));
        Situation {
            head: usage.head,
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

    fn learn(&mut self, finished: &Finished) {
        let Some(active) = self.active() else { return };
        let bytes = finished.evidence.iter().map(|evidence| evidence.bytes).sum();
        let sleep = active.plan.filter(|plan| plan.choice == Choice::Hold).map(|plan| plan.sleep_ms);
        let slept = sleep.is_some_and(|sleep| finished.took.as_millis() as u64 > sleep * 8 / 10);
        let name = active.step.name.clone();
        self.learnt.insert(name, Learnt { bytes, took: finished.took, slept });
    }
}

/// Signals that do nothing to a process that does not handle them.
fn is_harmless(signal: Signal) -> bool {
    matches!(signal, Signal::CONT | Signal::WINCH | Signal::URG)
}

fn refused(inspection: &Inspection, signal: Signal) -> Option<String> {
    if inspection.stopped {
        return Some("the process is stopped and answers no signal".into());
    }
    (!inspection.handles(signal)).then(|| format!("the process does not handle {signal}, which would end it"))
}

/// Stands in where nothing can be read: nothing is known to be in the way.
fn no_reading() -> crate::reading::Usage {
    crate::reading::Usage {
        current: 0,
        anon: 0,
        anon_thp: 0,
        inactive_file: 0,
        reclaimable: 0,
        swap: false,
        high: Limit::Max,
        max: u64::MAX,
        head: Bytes(u64::MAX).0,
        lendable: 0,
    }
}
