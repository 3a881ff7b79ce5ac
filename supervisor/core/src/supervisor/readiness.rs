//! Whether load should come to the service now, and why not.

use std::time::Duration;

use crate::policy::Action;
use crate::record::Outcome;
use crate::status::Readiness;
use crate::time::Instant;
use crate::timer::Timer;

use super::Supervisor;
use super::life::{Goal, Life};

/// A generation that says when it is ready has this long for it; systemd's default for a start.
const READY_TIME: Duration = Duration::from_secs(90);

/// Load is sent away.
#[derive(Clone, Debug)]
pub(super) struct Shed {
    step: String,
    since: Instant,
    until: Instant,
}

impl Supervisor {
    /// Whether load should come to the service now.
    pub fn readiness(&self, now: Instant) -> Readiness {
        let (reason, wait) = match self.life {
            Life::New | Life::Starting { .. } => ("the service is starting".to_owned(), None),
            Life::Ending { .. } | Life::Ended => ("the service has ended".to_owned(), None),
            Life::Stopping { goal: Goal::Restart(_) | Goal::ByHand, .. } => {
                ("the service is restarted".to_owned(), None)
            }
            Life::Stopping { .. } => ("the service is being stopped".to_owned(), None),
            Life::Waiting => ("the service waits to be started again".to_owned(), self.left(now, Timer::Backoff)),
            Life::Running => match self.unready(now) {
                Some(unready) => unready,
                None => return Readiness { ready: true, reason: None, retry_after: None },
            },
        };
        Readiness { ready: false, reason: Some(reason), retry_after: wait }
    }

    pub(super) fn on_ready(&mut self, now: Instant, ready: bool) {
        self.said_ready = ready;
        if ready && self.waits_for_ready() {
            self.finish_step(now, Outcome::Done, None, Vec::new());
        }
    }

    /// As with systemd, more time is counted from the moment it is asked for, and never takes any away.
    pub(super) fn on_extended(&mut self, now: Instant, time: Duration) {
        let deadline = self.timers.get(Timer::StepDeadline);
        if self.waits_for_ready() && deadline.is_some_and(|deadline| deadline < now + time) {
            self.timers.set(Timer::StepDeadline, now + time);
        }
    }

    /// A new generation is ready at once, unless it says when it is. A restart is only over then.
    pub(super) fn expect_ready(&mut self, now: Instant) {
        self.end_shed(now, "a new generation began");
        self.said_ready = !self.config.says_ready;
        if self.is_restarting() && self.said_ready {
            self.finish_step(now, Outcome::Done, None, Vec::new());
        } else if self.is_restarting() {
            self.timers.set(Timer::StepDeadline, now + READY_TIME);
        }
    }

    /// Whether a restart has come as far as the new generation, which has not said that it is ready.
    pub(super) fn waits_for_ready(&self) -> bool {
        self.is_running() && self.is_restarting()
    }

    /// The limit is near again before the new generation was ready: the ladder must not wait for it.
    pub(super) fn unready_in_time(&mut self, now: Instant) {
        if self.waits_for_ready() {
            let reason = "memory was tight again before the service was ready".to_owned();
            self.finish_step(now, Outcome::Failed, Some(reason), Vec::new());
        }
    }

    pub(super) fn begin_shed(&mut self, now: Instant, step: String, lasting: Duration) {
        self.started_step(now, Duration::from_secs(1));
        let until = now + lasting;
        self.shed = Some(Shed { step, since: now, until });
        self.timers.set(Timer::Shed, until);
        let effect = format!("not ready for {lasting:?}, or until the incident is over");
        self.finish_step(now, Outcome::Done, Some(effect), Vec::new());
    }

    pub(super) fn end_shed(&mut self, now: Instant, reason: &str) {
        self.timers.clear(Timer::Shed);
        let Some(shed) = self.shed.take() else { return };
        let took_ms = now.since(shed.since).as_millis() as u64;
        self.record(now, crate::record::Event::ShedEnded { step: shed.step, reason: reason.into(), took_ms });
    }

    /// Why a service that runs is not ready, and for how long yet if that is known.
    fn unready(&self, now: Instant) -> Option<(String, Option<Duration>)> {
        if !self.said_ready {
            return Some(("the service has not said that it is ready".into(), None));
        }
        if let Some(active) = self.active().filter(|active| !active.is_outside_the_service()) {
            let name = &active.step.name;
            match active.step.action {
                Action::Dump(_) => return Some((format!("step {name} takes a dump"), None)),
                Action::Restart(_) | Action::Kill => return Some((format!("step {name} ends the service"), None)),
                _ => {}
            }
        }
        let shed = self.shed.as_ref()?;
        Some((format!("step {} sends load away", shed.step), Some(shed.until.since(now))))
    }

    pub(super) fn left(&self, now: Instant, timer: Timer) -> Option<Duration> {
        self.timers.get(timer).map(|at| at.since(now))
    }
}
