//! The supervisor of one service: inputs with a moment go in, commands come out, and it says when it wants to be
//! called again. It reads no clock, touches no file and never waits.
//!
//! Kinds of methods: [`Supervisor::handle`] and [`Supervisor::handle_timeout`] change the state;
//! [`Supervisor::poll_command`] and [`Supervisor::poll_timeout`] must be drained and asked after each of them.

mod attached;
mod begin;
mod by_hand;
mod dump;
mod ending;
mod healthy;
mod incident;
mod knockout;
mod ladder;
mod life;
mod readiness;
mod recipe;
mod sense;
mod situation;
mod status;
mod step;
mod throttle;
mod tripwire;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::ability::{Abilities, Ability};
use crate::amount::Limit;
use crate::budget::Budget;
use crate::command::{Command, Input, Task};
use crate::high::High;
use crate::policy::Policy;
use crate::rate::Rate;
use crate::reading::{Counters, Inspection, Usage};
use crate::record::{Event, Record};
use crate::time::Instant;
use crate::timer::{Timer, Timers};
use crate::trigger::Triggers;

pub use attached::Attached;
pub use by_hand::Wish;

use healthy::Healthy;
use incident::Incident;
use life::Life;
use readiness::Shed;
use throttle::Lease;
use tripwire::Tripwire;

/// What a supervisor is told about its surroundings, once.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the host allows.
    pub abilities: Abilities,
    /// Only say what would be done; the service is started and watched all the same.
    pub dry_run: bool,
    /// Feeds the jitter of the backoff.
    pub seed: u64,
    /// Incidents are named by this and a number.
    pub incident_prefix: String,
    /// What earlier dumps taught, by the name of their step.
    pub learnt: BTreeMap<String, Learnt>,
    /// Recipes during which the service died, by step and source: they are not tried again.
    pub blamed: BTreeSet<String>,
    /// An incident that a predecessor left open.
    pub unfinished: Option<String>,
    /// Whether the service says when it is ready; it is not before.
    pub says_ready: bool,
    /// The service is somebody else's: it is looked after, but not ours to start or to take along.
    pub attached: Option<Attached>,
}

/// What a dump taught.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Learnt {
    /// Its size.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
    /// It did not get ahead during a hold: its thread was put to sleep as well.
    pub slept: bool,
}

/// The state of everything known and decided about one service.
#[derive(Clone, Debug)]
pub struct Supervisor {
    policy: Policy,
    next_policy: Option<(Box<Policy>, String)>,
    config: Config,
    timers: Timers,
    out: VecDeque<Command>,
    life: Life,
    generation: u32,
    started: Instant,
    budget: Budget,
    usage: Option<Usage>,
    rate: Rate,
    /// Leak rate in bytes a second when nothing held the service back.
    free_rate: f64,
    /// Throttled threads may sleep until then.
    asleep_until: Instant,
    /// `high` events and stalls are our own doing until then.
    masked_until: Instant,
    counters: Counters,
    unread: Counters,
    inspection: Inspection,
    triggers: Triggers,
    high: High,
    frozen: bool,
    tripwire: Tripwire,
    lease: Option<Lease>,
    shed: Option<Shed>,
    /// Whether the service said that it is ready, or never says.
    said_ready: bool,
    incident: Option<Incident>,
    healthy: Healthy,
    /// Somebody asked highwater to end, which waits for the capture under way.
    stop_waits: bool,
    incidents: u32,
    tasks: u32,
    learnt: BTreeMap<String, Learnt>,
    /// Recipes during which the service died, by step and source.
    blamed: BTreeSet<String>,
}

impl Supervisor {
    /// A supervisor of a service that does not run yet.
    pub fn new(policy: Policy, config: Config) -> Self {
        Self {
            triggers: Triggers::new(&policy),
            tripwire: Tripwire::default(),
            next_policy: None,
            timers: Timers::default(),
            out: VecDeque::new(),
            life: Life::New,
            generation: 0,
            started: Instant::default(),
            budget: Budget::new(config.seed),
            usage: None,
            rate: Rate::default(),
            free_rate: 0.0,
            asleep_until: Instant::default(),
            masked_until: Instant::default(),
            counters: Counters::default(),
            unread: Counters::default(),
            inspection: Inspection::default(),
            high: High::default(),
            frozen: false,
            lease: None,
            shed: None,
            said_ready: false,
            incident: None,
            healthy: Healthy::default(),
            stop_waits: false,
            incidents: 0,
            tasks: 0,
            learnt: config.learnt.clone(),
            blamed: config.blamed.clone(),
            policy,
            config,
        }
    }

    /// Starts the first generation.
    pub fn start(&mut self, now: Instant) {
        if self.life == Life::New {
            self.resume_incident(now);
            self.spawn(now);
        }
    }

    /// Takes one input. Whatever comes after the end is ignored.
    pub fn handle(&mut self, now: Instant, input: Input) {
        if self.life == Life::Ended {
            return;
        }
        match input {
            Input::Counters(counters) => self.on_counters(now, counters),
            Input::Stall { trigger } => self.on_stall(now, trigger),
            Input::Sample { current, dumped } => self.on_sample(now, current, dumped),
            Input::Usage(usage) => self.on_usage(now, usage),
            Input::Inspected(inspection) => self.on_inspected(now, inspection),
            Input::Spawned { pid, cgroup } => self.spawned(now, pid, cgroup),
            Input::SpawnFailed { status, reason } => self.spawn_failed(now, status, reason),
            Input::Exited { exit, populated } => self.exited(now, exit, populated),
            Input::Adopted { pid } => self.adopted(now, pid),
            Input::Emptied { counters, peak } => self.emptied(now, counters, peak, None),
            Input::Lost { counters, peak, told } => self.emptied(now, counters, peak, told),
            Input::Lowered { error } => self.on_lowered(now, error),
            Input::Closed { task, evidence, in_doubt } => self.on_closed(task, evidence, in_doubt),
            Input::Finished { task, result } => self.on_finished(now, task, result),
            Input::Abilities(abilities) => self.config.abilities = abilities,
            Input::Ready(ready) => self.on_ready(now, ready),
            Input::Extended(time) => self.on_extended(now, time),
            Input::Stop { reason } => self.stop(now, reason),
            Input::Forward(signal) => self.forward(signal),
            Input::Reload { policy, file } => self.reload(now, policy, file),
            Input::Note(event) => self.record(now, event),
            Input::Slept(asleep) => self.on_slept(now, asleep),
        }
        self.settle(now);
    }

    /// Lets everything happen that is due by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.take_due(now) {
            match timer {
                Timer::Sample => self.sample(),
                Timer::StepDeadline => self.step_deadline(now),
                Timer::Lease => self.end_lease(now, "its time is over"),
                Timer::Grace => self.grace_over(now),
                Timer::Killed => self.still_alive(now),
                Timer::Backoff => self.spawn(now),
                Timer::Ladder => {}
                Timer::Rearm => self.rearm(now),
                Timer::Listen => self.listen(now),
                Timer::Quiet => self.quiet(now),
                Timer::Resolve => self.resolve(now, "every trigger stayed clear"),
                Timer::Healthy => self.healthy_due(now),
                Timer::Shed => self.end_shed(now, "its time is over"),
            }
            self.settle(now);
        }
    }

    /// The next command to carry out.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.out.pop_front()
    }

    /// When [`Self::handle_timeout`] wants to be called, and what for. `None` while only readings matter.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.timers.next()
    }

    /// The number of the generation that runs or ran last.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// The incident that is open, if one is.
    pub fn incident(&self) -> Option<&str> {
        self.incident.as_ref().map(|incident| incident.id.as_str())
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What dumps taught so far, to be kept for the next supervisor.
    pub fn learnt(&self) -> &BTreeMap<String, Learnt> {
        &self.learnt
    }

    /// Recipes during which the service died, to be kept for the next supervisor.
    pub fn blamed(&self) -> &BTreeSet<String> {
        &self.blamed
    }

    /// What follows from any change: the next step of the ladder, the next sample.
    fn settle(&mut self, now: Instant) {
        if self.life == Life::Ended {
            return;
        }
        self.stop_after_capture(now);
        self.advance(now);
        if !self.is_captured() {
            self.thaw();
        }
        self.look_at_the_breach();
        self.schedule_healthy();
        self.schedule_sample(now);
    }

    /// Whoever reloads the policy has looked at it: what was blamed is forgiven.
    fn reload(&mut self, now: Instant, policy: Box<Policy>, file: String) {
        self.blamed.clear();
        self.next_policy = Some((policy, file));
        if self.incident.is_some() {
            let reason = "the new policy will be in force when the incident is over".into();
            return self.record(now, Event::Notice { reason });
        }
        self.adopt_policy(now);
    }

    /// Puts a policy that waits in force.
    fn adopt_policy(&mut self, now: Instant) {
        let Some((policy, file)) = self.next_policy.take() else { return };
        self.policy = *policy;
        self.triggers = Triggers::new(&self.policy);
        self.record(now, Event::PolicyReloaded { policy: file });
        self.give_up_profile(now, "a new policy is in force");
        self.plan_healthy(now);
        if self.is_running() {
            self.arm(now);
            self.out.push_back(Command::Rearm);
        }
    }

    fn record(&mut self, now: Instant, event: Event) {
        self.record_for(now, self.generation, event);
    }

    /// Writes a record about an earlier generation.
    fn record_for(&mut self, now: Instant, generation: u32, event: Event) {
        let incident = self.incident.as_ref().map(|incident| incident.id.clone());
        self.out.push_back(Command::Record(Record { at: now, generation, incident, event }));
    }

    fn has(&self, ability: Ability) -> bool {
        self.config.abilities.has(ability)
    }

    fn want_high(&mut self, limit: Limit) {
        if self.has(Ability::Throttle) {
            let command = self.high.want(limit);
            self.out.extend(command);
        }
    }

    fn next_task(&mut self) -> Task {
        self.tasks += 1;
        Task(self.tasks)
    }

    fn memory(&self) -> Option<crate::reading::Memory> {
        self.usage.map(|usage| usage.memory())
    }
}
