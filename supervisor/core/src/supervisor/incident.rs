//! Incidents: opened by the first trigger that fires, resolved when all have stayed clear.

use crate::command::{Command, Moment};
use crate::record::Event;
use crate::time::Instant;
use crate::timer::Timer;
use crate::trigger::Change;

use super::Supervisor;
use super::life::Life;
use super::step::{Active, Phase};

/// An open incident.
#[derive(Clone, Debug)]
pub(super) struct Incident {
    pub(super) id: String,
    pub(super) opened: Instant,
    /// The next step of the ladder.
    pub(super) cursor: usize,
    /// `after` counts from here.
    pub(super) anchor: Instant,
    pub(super) active: Option<Active>,
    /// Whether the service was looked at from outside since it opened.
    looked: bool,
    /// Every trigger has been clear since then.
    calm_since: Option<Instant>,
}

impl Incident {
    fn new(id: String, opened: Instant) -> Self {
        Self { id, opened, cursor: 0, anchor: opened, active: None, looked: false, calm_since: None }
    }
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
            if fired {
                self.unready_in_time(now);
            }
        }
        self.watch_for_the_end(now);
    }

    /// Takes an incident over that a predecessor left open.
    pub(super) fn resume_incident(&mut self, now: Instant) {
        let Some(id) = self.config.unfinished.take() else { return };
        self.incident = Some(Incident::new(id, now));
        self.watch_for_the_end(now);
    }

    /// A new generation climbs the ladder from the bottom, and must be seen to be calm by itself.
    pub(super) fn begin_ladder_anew(&mut self, now: Instant) {
        if let Some(incident) = self.incident.as_mut() {
            incident.cursor = 0;
            incident.anchor = now;
            incident.calm_since = None;
        }
        self.watch_for_the_end(now);
    }

    /// Ends the incident, and with it a throttle. Other steps come to their own end before.
    pub(super) fn resolve(&mut self, now: Instant, reason: &str) {
        if self.is_acting() {
            return;
        }
        self.end_lease(now, "the incident is over");
        self.end_shed(now, "the incident is over");
        self.look_once_more();
        let Some(incident) = &self.incident else { return };
        let took_ms = now.since(incident.opened).as_millis() as u64;
        self.record(now, Event::IncidentResolved { took_ms, reason: reason.into() });
        self.incident = None;
        self.postpone_healthy(now);
        self.timers.clear(Timer::Resolve);
        self.timers.clear(Timer::Ladder);
        if self.life != Life::Ended {
            self.adopt_policy(now);
            self.arm(now);
        }
    }

    /// Starts or stops the clock that resolves the incident.
    pub(super) fn watch_for_the_end(&mut self, now: Instant) {
        match self.triggers.next_quiet(self.tripwire.level.is_some()) {
            Some(next) => self.timers.set(Timer::Quiet, next),
            None => self.timers.clear(Timer::Quiet),
        }
        let is_calm = !self.triggers.any_firing();
        let Some(incident) = self.incident.as_mut() else { return self.timers.clear(Timer::Resolve) };
        incident.calm_since = is_calm.then(|| incident.calm_since.unwrap_or(now));
        match incident.calm_since.filter(|_| !self.is_acting()) {
            Some(since) => self.timers.set(Timer::Resolve, (since + self.policy.resolve_after).max(now)),
            None => self.timers.clear(Timer::Resolve),
        }
    }

    /// Whether a step runs that must come to its own end before the incident can.
    fn is_acting(&self) -> bool {
        self.active().is_some_and(|active| !matches!(active.phase, Phase::Leasing))
    }

    /// The service is looked at from outside once an incident is open: not before the first step has done what could
    /// not wait.
    pub(super) fn look_at_the_breach(&mut self) {
        let busy = self.active().is_some_and(|active| active.started.is_none() || active.hold.is_some());
        let looks = self.is_running() && !busy;
        let Some(incident) = self.incident.as_mut().filter(|incident| looks && !incident.looked) else { return };
        incident.looked = true;
        self.out.push_back(Command::Look(Moment::Breach));
    }

    /// The service is about to be ended: what it looked like is worth knowing.
    pub(super) fn look_once_more(&mut self) {
        if self.incident.is_some() && self.is_running() {
            self.out.push_back(Command::Look(Moment::Last));
        }
    }

    pub(super) fn open(&mut self, now: Instant, trigger: &str) {
        self.give_up_profile(now, "an incident opened");
        self.incidents += 1;
        let id = format!("{}-{}", self.config.incident_prefix, self.incidents);
        self.incident = Some(Incident::new(id, now));
        self.record(now, Event::IncidentOpened { trigger: trigger.into() });
    }
}
