//! What happened so far, counted from the records of the journal.

use std::collections::BTreeMap;

use highwater_core::record::{Event, Evidence, Record};

/// Counts since highwater started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Incidents that opened.
    pub incidents: u64,
    /// Ends of steps, by name, action and outcome.
    pub steps: BTreeMap<(String, &'static str, &'static str), u64>,
    /// How often triggers fired, by name.
    pub fired: BTreeMap<String, u64>,
    /// Ends of the service, by cause.
    pub exits: BTreeMap<&'static str, u64>,
    /// What was sent off the machine or not, by action and outcome.
    pub deliveries: BTreeMap<(String, &'static str), u64>,
    /// Bytes of evidence that steps left behind.
    pub evidence_bytes: u64,
    /// Milliseconds under throttles that are over.
    pub throttled_ms: u64,
}

impl Tally {
    /// Counts a record.
    pub fn see(&mut self, record: &Record) {
        match &record.event {
            Event::IncidentOpened { .. } => self.incidents += 1,
            Event::StepFinished { step, action, outcome, evidence, .. } => {
                self.step(step, action, outcome.name(), evidence);
            }
            Event::StepSkipped { step, action, evidence, .. } => self.step(step, action, "skipped", evidence),
            Event::TriggerFired { trigger, .. } => *self.fired.entry(trigger.clone()).or_default() += 1,
            Event::ServiceExited { cause, .. } => *self.exits.entry(cause.name()).or_default() += 1,
            Event::DeliveryFinished { action, outcome, .. } => {
                *self.deliveries.entry((action.clone(), outcome.name())).or_default() += 1;
            }
            Event::ThrottleLifted { took_ms, .. } => self.throttled_ms += took_ms,
            _ => {}
        }
    }

    fn step(&mut self, step: &str, action: &'static str, outcome: &'static str, evidence: &[Evidence]) {
        *self.steps.entry((step.to_owned(), action, outcome)).or_default() += 1;
        self.evidence_bytes += evidence.iter().map(|file| file.bytes).sum::<u64>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_core::record::Outcome;
    use highwater_core::time::Instant;

    #[test]
    fn steps_are_counted_by_how_they_ended() {
        let mut tally = Tally::default();
        let finished = |outcome, bytes| Event::StepFinished {
            step: "dump".into(),
            action: "dump",
            outcome,
            reason: None,
            took_ms: 1,
            memory: None,
            evidence: vec![Evidence { path: "/e".into(), bytes, took_ms: 1 }],
        };
        for event in [finished(Outcome::Done, 5), finished(Outcome::Done, 7), finished(Outcome::TimedOut, 0)] {
            tally.see(&Record { at: Instant::default(), generation: 1, incident: None, event });
        }
        let count = |outcome| tally.steps[&("dump".to_owned(), "dump", outcome)];
        assert_eq!((count("done"), count("timed-out"), tally.evidence_bytes), (2, 1, 12));
    }
}
