//! How each kind of step begins, or why it does not.

use std::time::Duration;

use crate::ability::Ability;
use crate::command::{Command, Delivery, Probe, Work};
use crate::plan::STOP_TIME;
use crate::policy::{Action, Step};
use crate::record::Outcome;
use crate::time::Instant;
use crate::timer::Timer;

use super::Supervisor;
use super::step::{Active, Phase};
use super::throttle::LONGEST_SLEEP;

/// A kill and the clean-up after it are over by then.
const KILL_TIME: Duration = Duration::from_secs(15);
/// `memory.reclaim` is given up after this long: with swap it may take seconds.
const RECLAIM_TIME: Duration = Duration::from_secs(10);
/// Looking at the main process and taking the rate take milliseconds; a machine that does not get there in this time
/// acts on what is known.
const PREPARATION: Duration = Duration::from_secs(2);

impl Supervisor {
    pub(super) fn begin(&mut self, now: Instant, step: Step, hurried: Option<String>) {
        let (action, name) = (step.action.clone(), step.name.clone());
        let active = Active::new(step, self.generation, hurried.into_iter().collect());
        let Some(incident) = self.incident.as_mut() else { return };
        incident.active = Some(active);
        let incident = incident.id.clone();
        if self.config.dry_run {
            return self.only_say(now, &action);
        }
        match action {
            Action::Dump(_) | Action::Restart(_) | Action::Signal { .. } => self.inspect(now),
            Action::Throttle { high, lasting } => {
                self.started_step(now, lasting + Duration::from_secs(1));
                self.set_phase(Phase::Leasing);
                self.anchor(now);
                self.begin_lease(now, name, high, lasting);
            }
            Action::Command { run, within } => {
                self.started_step(now, within);
                self.begin_work(Work::Command { run, incident, step: name });
            }
            Action::Http { post, within } => {
                self.started_step(now, within);
                self.begin_work(Work::Http { post, incident, step: name });
            }
            Action::Reclaim { amount } => {
                self.started_step(now, RECLAIM_TIME);
                let bytes = amount.of(self.usage.map_or(0, |usage| usage.max));
                self.begin_work(Work::Reclaim { bytes });
            }
            Action::Upload { to, patience } => self.deliver(now, Delivery::Upload(to), patience),
            Action::Notify { whom, patience } => self.deliver(now, Delivery::Notify(whom), patience),
            Action::Shed { lasting } => self.begin_shed(now, name, lasting),
            Action::Shrink => {
                self.started_step(now, Duration::from_secs(1));
                self.begin_work(Work::Shrink);
            }
            Action::Kill => {
                self.look_once_more();
                self.started_step(now, KILL_TIME);
                self.set_phase(Phase::Restarting);
                self.kill_service(now);
            }
        }
    }

    /// Why a step cannot help or would do harm, as far as that is known before it begins.
    pub(super) fn refusal(&self, now: Instant, step: &Step) -> Option<String> {
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
            | Action::Upload { .. }
            | Action::Notify { .. }
            | Action::Shed { .. }
            | Action::Shrink
            | Action::Kill => None,
        }
    }

    /// How long a stop may take until the next generation runs.
    pub(super) fn restart_time(&self, longest_backoff: Duration) -> Duration {
        self.policy.service.stop_timeout + LONGEST_SLEEP + KILL_TIME + longest_backoff + STOP_TIME
    }

    /// The answers a step waits for before it begins did not come.
    pub(super) fn prepared_for_too_long(&mut self, now: Instant) {
        let is_restart = self.active().is_some_and(|active| matches!(active.step.action, Action::Restart(_)));
        if is_restart {
            self.begin_unplanned(now);
        } else {
            self.skip_step(now, "the main process could not be looked at in time".into(), Vec::new());
        }
    }

    fn inspect(&mut self, now: Instant) {
        self.set_phase(Phase::Inspecting);
        self.timers.set(Timer::StepDeadline, now + PREPARATION);
        self.out.push_back(Command::Probe(Probe::Process));
    }

    /// Hands something over that is sent beside the ladder, however long it takes.
    fn deliver(&mut self, now: Instant, delivery: Delivery, patience: Duration) {
        self.started_step(now, Duration::from_secs(1));
        let Some(incident) = &self.incident else { return };
        let step = incident.active.as_ref().map_or(String::new(), |active| active.step.name.clone());
        self.out.push_back(Command::Deliver { incident: incident.id.clone(), step, delivery, patience });
        self.finish_step(now, Outcome::Done, Some("handed over, and sent in the background".into()), Vec::new());
    }

    fn only_say(&mut self, now: Instant, action: &Action) {
        self.started_step(now, Duration::from_secs(1));
        let would = match action {
            Action::Dump(dump) => {
                let sources: Vec<String> = dump.recipes.iter().map(|recipe| recipe.source.to_string()).collect();
                format!("would dump by {}", sources.join(", or else by "))
            }
            Action::Throttle { high, lasting } => format!("would throttle at {high} for {lasting:?}"),
            Action::Restart(_) => format!("would send {} and start the next", self.policy.service.stop_signal),
            Action::Signal { send } => format!("would send {send}"),
            Action::Command { run, .. } => format!("would run {}", run.join(" ")),
            Action::Http { post, .. } => format!("would post to {post}"),
            Action::Reclaim { amount } => format!("would reclaim {amount}"),
            Action::Kill => "would kill".to_owned(),
            Action::Upload { .. } => "would upload".to_owned(),
            Action::Notify { .. } => "would notify".to_owned(),
            Action::Shed { lasting } => format!("would be not ready for {lasting:?}"),
            Action::Shrink => "would tell the service to give memory back".to_owned(),
        };
        self.finish_step(now, Outcome::Done, Some(format!("dry run: {would}")), Vec::new());
    }
}
