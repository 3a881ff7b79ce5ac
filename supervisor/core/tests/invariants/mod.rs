//! What must hold for every sequence of commands.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use highwater_core::amount::Limit;
use highwater_core::command::{Command, Input, Task, Work};
use highwater_core::policy::{Action, Policy, Step, Times};
use highwater_core::record::Event;
use highwater_core::signal::Signal;
use highwater_core::supervisor::Supervisor;
use highwater_core::time::Instant;

/// Follows commands and complains.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is one thing that must be given back")]
pub struct Watch {
    deadlines: BTreeMap<String, Duration>,
    budgets: Vec<Times>,
    stop_signal: Signal,
    high: Limit,
    lowering: bool,
    running: Option<(String, Instant)>,
    incidents: BTreeSet<String>,
    incident: Option<String>,
    spawns: Vec<Instant>,
    backoffs: Vec<Instant>,
    stopping: bool,
    lease: bool,
    frozen: bool,
    profiling: Option<Task>,
    ended: bool,
    last: Vec<Command>,
}

impl Watch {
    pub fn new(policy: &Policy) -> Self {
        let of_step = |step: &Step| (step.name.clone(), longest(policy, &step.action));
        let by_hand = ("restart".to_owned(), longest(policy, &Action::Restart(policy.restart())));
        let deadlines = std::iter::once(by_hand).chain(policy.steps.iter().map(of_step)).collect();
        let budget = |action: &Action| match action {
            Action::Restart(restart) => Some(restart.budget),
            _ => None,
        };
        let mut budgets: Vec<Times> = policy.steps.iter().filter_map(|step| budget(&step.action)).collect();
        if budgets.is_empty() {
            budgets.push(policy.restart().budget);
        }
        Self {
            deadlines,
            budgets,
            stop_signal: policy.service.stop_signal,
            high: Limit::Max,
            lowering: false,
            running: None,
            incidents: BTreeSet::new(),
            incident: None,
            spawns: Vec::new(),
            backoffs: Vec::new(),
            stopping: false,
            lease: false,
            frozen: false,
            profiling: None,
            ended: false,
            last: Vec::new(),
        }
    }

    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// An input that changes what is under way.
    pub fn told(&mut self, input: &Input) {
        if matches!(input, Input::Lowered { .. }) {
            self.lowering = false;
        }
    }

    /// There is one capture at a time, and the healthy service is not profiled during an incident.
    fn begun(&mut self, task: Task, work: &Work) {
        assert_eq!(self.profiling, None, "{work:?} beside a profile: {self:?}");
        if matches!(work, Work::Profile { .. }) {
            assert_eq!(self.incident, None, "a profile during an incident: {self:?}");
            self.profiling = Some(task);
        }
    }

    pub fn see(&mut self, now: Instant, command: &Command) {
        self.last.push(command.clone());
        assert!(!self.ended, "after the end: {self:?}");
        match command {
            Command::Record(record) => {
                assert_eq!(record.at, now);
                self.record(now, record.incident.as_deref(), &record.event);
            }
            Command::Spawn { .. } => self.spawned(now),
            Command::Raise(limit) => self.high = *limit,
            Command::Lower(bytes) => {
                assert!(!self.stopping, "lowered while it is being stopped: {self:?}");
                assert!(!self.lowering, "two lowering writes at once: {self:?}");
                self.lowering = true;
                self.high = Limit::Bytes(*bytes);
            }
            Command::Stop(signal) if *signal == self.stop_signal && self.stopping => {
                assert!(self.high == Limit::Max, "throttled and asked to stop: {self:?}");
                assert!(!self.lowering, "asked to stop with a lowering write under way: {self:?}");
                assert!(!self.frozen, "frozen and asked to stop: {self:?}");
            }
            Command::Kill => {
                assert_eq!(self.high, Limit::Max, "killed while throttled: {self:?}");
                self.stopping = true;
            }
            Command::Freeze(on) => self.frozen = *on,
            Command::Begin { task, work } => self.begun(*task, work),
            Command::Cancel(task) => _ = self.profiling.take_if(|profiling| profiling == task),
            Command::End(_) => self.end(),
            _ => {}
        }
    }

    /// What must hold whenever the core is at rest.
    pub fn check(&mut self, now: Instant, core: &Supervisor) {
        if let Some((step, deadline)) = &self.running {
            assert!(now <= *deadline, "{step} is past its deadline: {self:?}");
        }
        if let Some((at, timer)) = core.poll_timeout() {
            assert!(!self.ended, "{timer:?} at {at:?} after the end");
        }
        assert_eq!(core.incident(), self.incident.as_deref());
        let len = self.last.len();
        self.last.drain(..len.saturating_sub(40));
    }

    fn spawned(&mut self, now: Instant) {
        (self.high, self.lowering, self.stopping, self.lease, self.frozen) = (Limit::Max, false, false, false, false);
        self.spawns.push(now);
    }

    fn end(&mut self) {
        self.ended = true;
        assert!(self.running.is_none(), "a step is left: {self:?}");
        assert!(self.incident.is_none(), "an incident is left: {self:?}");
        assert!(!self.lease && !self.frozen && self.high == Limit::Max, "not given back: {self:?}");
    }

    fn record(&mut self, now: Instant, incident: Option<&str>, event: &Event) {
        match event {
            Event::IncidentOpened { .. } => {
                let id = incident.expect("an incident has a name").to_owned();
                assert!(self.incident.is_none(), "two incidents at once: {self:?}");
                assert!(self.incidents.insert(id.clone()), "{id} came twice");
                self.incident = Some(id);
            }
            Event::IncidentResolved { .. } => {
                assert!(self.running.is_none(), "resolved while a step runs: {self:?}");
                assert!(self.incident.take().is_some(), "resolved twice: {self:?}");
            }
            Event::StepStarted { step, action, .. } => self.started(now, step, action),
            Event::StepFinished { step, reason, .. } => {
                self.finished(step);
                self.lease &= !reason.as_deref().is_some_and(|reason| reason.starts_with("dry run"));
            }
            Event::StepSkipped { step, .. } => {
                assert!(self.incident.is_some(), "{step} skipped without an incident: {self:?}");
                if self.running.as_ref().is_some_and(|(running, _)| running == step) {
                    self.running = None;
                }
            }
            Event::ThrottleLifted { .. } => {
                assert!(std::mem::take(&mut self.lease), "lifted twice: {self:?}");
            }
            Event::ServiceBackoff { .. } => self.backed_off(now),
            Event::SupervisorStopping { .. } | Event::ServiceExited { .. } => self.stopping = true,
            Event::ProfileTaken { .. } | Event::ProfileSkipped { .. } => self.profiling = None,
            _ => {}
        }
        assert!(self.ended || incident == self.incident.as_deref() || matches!(event, Event::IncidentResolved { .. }));
    }

    fn started(&mut self, now: Instant, step: &str, action: &str) {
        assert!(self.incident.is_some(), "{step} started without an incident: {self:?}");
        assert!(self.running.is_none(), "two steps at once: {self:?}");
        self.running = Some((step.to_owned(), now + self.deadlines[step]));
        match action {
            "restart" | "kill" => {}
            "throttle" => self.lease = true,
            _ => assert!(
                !self.stopping || matches!(action, "command" | "http" | "upload" | "notify" | "shed"),
                "{step} while stopping: {self:?}"
            ),
        }
    }

    fn finished(&mut self, step: &str) {
        let running = self.running.take();
        assert_eq!(running.as_ref().map(|(name, _)| name.as_str()), Some(step), "{self:?}");
    }

    fn backed_off(&mut self, now: Instant) {
        self.backoffs.push(now);
        let fits = |budget: &Times| {
            let recent = self.backoffs.iter().filter(|at| now.since(**at) < budget.within).count();
            recent <= budget.times as usize
        };
        assert!(self.budgets.iter().any(fits), "more restarts than any budget allows: {self:?}");
    }
}

/// How long a step may take from `step.started` to its end.
fn longest(policy: &Policy, action: &Action) -> Duration {
    let second = Duration::from_secs(1);
    match action {
        Action::Dump(dump) => {
            let within = dump.recipes.iter().map(|recipe| recipe.within).max();
            (within.unwrap_or_default() + 2 * second).max(5 * second)
        }
        Action::Throttle { lasting, .. } => *lasting + second,
        Action::Restart(restart) => policy.service.stop_timeout + 18 * second + restart.backoff.1,
        Action::Signal { .. }
        | Action::Upload { .. }
        | Action::Notify { .. }
        | Action::Shed { .. }
        | Action::Shrink => second,
        Action::Command { within, .. } | Action::Http { within, .. } => *within,
        Action::Reclaim { .. } => 10 * second,
        Action::Kill => 15 * second,
    }
}
