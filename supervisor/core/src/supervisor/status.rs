//! The state of a supervisor as it is shown.

use std::time::Duration;

use crate::status::{Budget, Incident, Progress, Rung, State, Status, Throttle, Trigger};
use crate::time::Instant;
use crate::timer::Timer;

use super::Supervisor;
use super::life::Life;

impl Supervisor {
    /// What is worth knowing at `now`.
    pub fn status(&self, now: Instant) -> Status {
        Status {
            state: self.state(),
            generation: self.generation,
            age_ms: if self.generation == 0 { 0 } else { millis(now.since(self.started)) },
            readiness: self.readiness(now),
            memory: self.memory(),
            triggers: self.trigger_states(now),
            ladder: self.rungs(),
            incident: self.incident_status(now),
            throttle: self.throttle_status(now),
            budget: self.budget_status(now),
        }
    }

    fn state(&self) -> State {
        match self.life {
            Life::New | Life::Starting { .. } => State::Starting,
            Life::Running => State::Running,
            Life::Ending { .. } | Life::Stopping { .. } => State::Stopping,
            Life::Waiting => State::Waiting,
            Life::Ended => State::Ended,
        }
    }

    fn trigger_states(&self, now: Instant) -> Vec<Trigger> {
        let state = |(index, trigger): (usize, &crate::policy::Trigger)| Trigger {
            name: trigger.name.clone(),
            firing: self.triggers.is_firing(index),
            fired: self.triggers.count(&[index], now, Duration::MAX),
        };
        self.policy.triggers.iter().enumerate().map(state).collect()
    }

    fn rungs(&self) -> Vec<Rung> {
        let running = self.active().map(|active| active.step.name.as_str());
        let cursor = self.incident.as_ref().map(|incident| incident.cursor);
        let progress = |index: usize, name: &str| match cursor {
            _ if running == Some(name) => Progress::Running,
            Some(cursor) if index < cursor => Progress::Past,
            Some(cursor) if index == cursor => Progress::Next,
            Some(_) | None => Progress::Ahead,
        };
        let rung = |(index, step): (usize, &crate::policy::Step)| Rung {
            name: step.name.clone(),
            action: step.action.key(),
            progress: progress(index, &step.name),
        };
        self.policy.steps.iter().enumerate().map(rung).collect()
    }

    fn incident_status(&self, now: Instant) -> Option<Incident> {
        let incident = self.incident.as_ref()?;
        Some(Incident {
            id: incident.id.clone(),
            open_ms: millis(now.since(incident.opened)),
            step: self.active().map(|active| active.step.name.clone()),
            next_ms: self.left(now, Timer::Ladder).map(millis),
        })
    }

    fn throttle_status(&self, now: Instant) -> Option<Throttle> {
        let lease = self.lease.as_ref()?;
        Some(Throttle {
            step: lease.step.clone(),
            for_ms: millis(now.since(lease.since)),
            left_ms: self.left(now, Timer::Lease).map_or(0, millis),
        })
    }

    fn budget_status(&self, now: Instant) -> Budget {
        let rule = self.policy.restart();
        Budget {
            left: self.budget.left(now, &rule),
            times: rule.budget.times,
            within_ms: millis(rule.budget.within),
            backoff_ms: self.left(now, Timer::Backoff).map(millis),
        }
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis() as u64
}
