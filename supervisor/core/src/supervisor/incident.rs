//! Incidents: opened by the first trigger that fires, resolved when all have stayed clear.

use crate::record::{Event, Outcome};
use crate::time::Instant;
use crate::timer::Timer;
use crate::trigger::Change;

use super::Supervisor;
use super::ladder::{Active, Phase};

/// An open incident.
#[derive(Clone, Debug)]
pub(super) struct Incident {
    pub(super) id: String,
    opened: Instant,
    /// The next step of the ladder.
    pub(super) cursor: usize,
    /// `after` counts from here.
    pub(super) anchor: Instant,
    /// Names of the dump steps during which the service died: they are not repeated.
    pub(super) blamed: Vec<String>,
    pub(super) active: Option<Active>,
}

impl Supervisor {
    /// Writes the changes down and lets them open an incident or begin its end.
    pub(super) fn apply(&mut self, now: Instant, changes: Vec<Change>) {
        for Change { trigger, fired, reading } in changes {
            let name = self.policy.triggers[trigger].name.clone();
            if fired && self.incident.is_none() {
                self.open(now, &name);
            }
            let event = if fired {
                Event::TriggerFired { trigger: name, reading }
            } else {
                Event::TriggerCleared { trigger: name, reading }
            };
            self.record(now, event);
        }
        self.watch_for_the_end(now);
    }

    /// Takes an incident over that a predecessor left open.
    pub(super) fn resume_incident(&mut self, now: Instant) {
        let Some((id, blamed)) = self.config.unfinished.take() else { return };
        self.incident = Some(Incident { id, opened: now, cursor: 0, anchor: now, blamed, active: None });
        self.watch_for_the_end(now);
    }

    /// Ends the incident, and with it whatever step still runs.
    pub(super) fn resolve(&mut self, now: Instant, reason: &str) {
        if self.is_acting() {
            return;
        }
        self.end_lease(now, "the incident is over");
        self.cancel_step(now, reason);
        let Some(incident) = &self.incident else { return };
        let took_ms = now.since(incident.opened).as_millis() as u64;
        self.record(now, Event::IncidentResolved { took_ms, reason: reason.into() });
        self.incident = None;
        self.timers.clear(Timer::Resolve);
        self.timers.clear(Timer::Ladder);
        if self.is_running() {
            self.adopt_policy(now);
            self.rearm(now);
        }
    }

    /// Starts or stops the clock that resolves the incident.
    pub(super) fn watch_for_the_end(&mut self, now: Instant) {
        if self.incident.is_none() || self.triggers.any_firing() {
            self.timers.clear(Timer::Resolve);
        } else if self.timers.get(Timer::Resolve).is_none() {
            self.timers.set(Timer::Resolve, now + self.policy.resolve_after);
        }
        if let Some(next) = self.triggers.next_quiet(self.tripwire.level.is_some()) {
            self.timers.set(Timer::Quiet, next);
        }
    }

    /// Whether a step runs that must come to its own end before the incident can.
    fn is_acting(&self) -> bool {
        self.active().is_some_and(|active| !matches!(active.phase, Phase::Leasing))
    }

    fn open(&mut self, now: Instant, trigger: &str) {
        self.incidents += 1;
        let id = format!("{}-{}", self.config.incident_prefix, self.incidents);
        self.incident = Some(Incident { id, opened: now, cursor: 0, anchor: now, blamed: Vec::new(), active: None });
        self.record(now, Event::IncidentOpened { trigger: trigger.into() });
    }

    /// Gives the running step up.
    pub(super) fn cancel_step(&mut self, now: Instant, reason: &str) {
        if let Some(task) = self.active().and_then(|active| active.task) {
            self.out.push_back(crate::command::Command::Cancel(task));
        }
        self.finish_step(now, Outcome::Cancelled, Some(reason.into()), Vec::new());
    }
}
