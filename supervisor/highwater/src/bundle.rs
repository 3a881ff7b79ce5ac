//! `incident.json` while it is written: all that is known of the open incident, gathered as it happens.
//!
//! It is written anew after each step and at the end, on a helper thread, and replaced as a whole: whoever reads it finds
//! a whole one. What needs work (differences, classification, checksums) is added afterwards by [`crate::finish`].

mod readings;

use std::path::Path;

use highwater_core::command::Moment;
use highwater_core::reading::{Cause, Runtime, Usage};
use highwater_core::record::{Event, Evidence, Outcome, Reading, Record};
use highwater_core::time::Instant;
use highwater_evidence::store::Store;
use highwater_kernel::clock::{self, Rfc3339};
use highwater_report::incident::{self, Incident, Life, Step, Trigger};
use highwater_report::snapshot::Snapshot;

use crate::sentence::reading_text;
use readings::Readings;

/// Name of the file in the directory of an incident.
pub const FILE: &str = "incident.json";
/// No record of an incident is larger.
pub const LARGEST: u64 = 64 << 20;

/// Gathers what happens.
#[derive(Debug)]
pub struct Bundle {
    name: String,
    program: String,
    runtime: Option<&'static str>,
    healthy: Option<Snapshot>,
    open: Option<Open>,
    /// Looks that are under way.
    looks: u32,
    /// An incident that is over but for the last look at the service.
    over: Option<Written>,
}

/// The incident that is open.
#[derive(Debug)]
struct Open {
    at: Instant,
    incident: Incident,
    readings: Readings,
}

impl Bundle {
    /// A bundle of nothing yet.
    pub fn new(name: &str, program: &Path) -> Self {
        let program = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { name: name.into(), program, runtime: None, healthy: None, open: None, looks: 0, over: None }
    }

    /// What runs in the service.
    pub fn set_runtime(&mut self, runtime: Runtime) {
        self.runtime = Some(match runtime {
            Runtime::Go => "go",
            Runtime::Jvm => "jvm",
            Runtime::Node => "node",
            Runtime::Python => "python",
            Runtime::Native => "native",
        });
        if let Some(open) = &mut self.open {
            open.incident.runtime = self.runtime.map(Into::into);
        }
    }

    /// A record that goes into the journal. Whether there is something new to keep, and whether that was the last.
    pub fn see(&mut self, record: &Record) -> Option<Written> {
        if let Event::IncidentOpened { trigger } = &record.event {
            self.open(record, trigger);
        }
        let open = self.open.as_mut().filter(|open| record.incident.as_deref() == Some(&open.incident.incident))?;
        let is_over = matches!(record.event, Event::IncidentResolved { .. });
        let is_news = open.see(record);
        if is_over {
            let over = self.open.take().map(|open| open.written(true));
            if self.looks == 0 {
                return over;
            }
            self.over = over;
            return None;
        }
        is_news.then(|| open.written(false))
    }

    /// Usage at a moment; a light sample knows `current` alone.
    pub fn read(&mut self, at: Instant, current: u64, usage: Option<&Usage>, stalled_us: impl FnOnce() -> Option<u64>) {
        let Some(open) = &mut self.open else { return };
        let at_ms = open.at_ms(at);
        if !open.readings.wants(at_ms, usage.is_some()) {
            return;
        }
        open.readings.push(incident::Reading {
            at_ms,
            current,
            working_set: usage.map(Usage::working_set),
            anon: usage.map(|usage| usage.anon),
            high: usage.and_then(|usage| usage.high.bytes()),
            max: usage.map(|usage| usage.max),
            stalled_us: usage.and_then(|_| stalled_us()),
        });
        if open.incident.limit.is_none() {
            open.incident.limit = usage.map(|usage| usage.max);
        }
    }

    /// Goes on with an incident that a predecessor left open, from the last moment it knew of.
    pub fn resume(&mut self, evidence: &Path, incident: &str, now: Instant) {
        let kept = Store::open(evidence).and_then(|store| store.existing(incident));
        let Ok(text) = kept.and_then(|kept| kept.directory().content(FILE, LARGEST)) else { return };
        let Ok(incident) = serde_json::from_slice::<Incident>(&text) else { return };
        let moments = incident.readings.iter().map(|reading| reading.at_ms);
        let last = moments.chain(incident.steps.iter().map(|step| step.at_ms)).max().unwrap_or(0).max(0);
        let at = Instant::from_nanos(now.nanos().saturating_sub(last.cast_unsigned() * 1_000_000));
        let readings = Readings::of(&incident.readings);
        self.open = Some(Open { at, incident, readings });
    }

    /// When the open incident opened, RFC 3339.
    pub fn opened(&self) -> Option<String> {
        self.open.as_ref().map(|open| open.incident.opened.clone())
    }

    /// The service is about to be looked at from outside, for this incident.
    pub fn begin_look(&mut self) -> Option<String> {
        self.looks += 1;
        self.open.as_ref().map(|open| open.incident.incident.clone())
    }

    /// What there was of a dump that was given up.
    pub fn add_partial(&mut self, incident: &str, step: &str, evidence: &Evidence) -> Option<Written> {
        let open = self.open.as_mut().filter(|open| open.incident.incident == incident)?;
        open.keep(step, std::slice::from_ref(evidence), false);
        Some(open.written(false))
    }

    /// What is known of the incident that is open, or not kept yet, when highwater ends.
    pub fn last_words(&mut self) -> Option<Written> {
        self.over.take().or_else(|| self.open.take().map(|open| open.written(false)))
    }

    /// The service was looked at from outside. What is to be kept of the open incident.
    pub fn looked(&mut self, moment: Moment, of: Option<&str>, snapshot: Snapshot) -> Option<Written> {
        self.looks = self.looks.saturating_sub(1);
        if moment == Moment::Healthy {
            self.healthy = Some(snapshot);
            return None;
        }
        if let Some(mut over) = self.over.take_if(|over| of == Some(over.incident())) {
            over.incident.last = Some(snapshot);
            return Some(over);
        }
        let open = self.open.as_mut().filter(|open| of == Some(&open.incident.incident))?;
        let slot = if moment == Moment::Breach { &mut open.incident.breach } else { &mut open.incident.last };
        *slot = Some(snapshot);
        Some(open.written(false))
    }

    fn open(&mut self, record: &Record, trigger: &str) {
        let incident = Incident {
            version: 1,
            incident: record.incident.clone().unwrap_or_default(),
            name: self.name.clone(),
            program: self.program.clone(),
            runtime: self.runtime.map(Into::into),
            opened: Rfc3339(clock::wall()).to_string(),
            opened_by: trigger.into(),
            baseline: self.healthy.clone(),
            lives: vec![Life { generation: record.generation, ..Life::default() }],
            ..Incident::default()
        };
        self.open = Some(Open { at: record.at, incident, readings: Readings::default() });
    }
}

impl Open {
    /// Takes a record in. Whether the file is to be written anew.
    fn see(&mut self, record: &Record) -> bool {
        let at_ms = self.at_ms(record.at);
        match &record.event {
            Event::TriggerFired { trigger, reading } => self.trigger(at_ms, trigger, true, reading),
            Event::TriggerCleared { trigger, reading } => self.trigger(at_ms, trigger, false, reading),
            Event::StepStarted { step, action, reason, source, plan, memory } => {
                let reason = [source.clone(), reason.clone()].into_iter().flatten().collect::<Vec<_>>().join("; ");
                self.incident.steps.push(Step {
                    at_ms,
                    step: step.clone(),
                    action: (*action).into(),
                    reason: (!reason.is_empty()).then_some(reason),
                    plan: plan.map(|plan| plan.to_string()),
                    current: memory.map(|memory| memory.current),
                    ..Step::default()
                });
                return false;
            }
            Event::StepFinished { step, outcome, reason, took_ms, evidence, .. } => {
                self.finished(step, *outcome, reason.as_deref(), *took_ms, evidence);
            }
            Event::StepSkipped { step, action, reason, plan, memory, evidence } => {
                self.incident.steps.push(Step {
                    at_ms,
                    step: step.clone(),
                    action: (*action).into(),
                    outcome: Some("skipped".into()),
                    reason: Some(reason.clone()),
                    plan: plan.map(|plan| plan.to_string()),
                    took_ms: None,
                    current: memory.map(|memory| memory.current),
                    evidence: Vec::new(),
                });
                self.keep(step, evidence, true);
            }
            Event::ServiceStarted { .. } => {
                let life = Life { generation: record.generation, began_ms: Some(at_ms), ..Life::default() };
                self.incident.lives.push(life);
            }
            Event::ServiceExited { oom_killed, cause, .. } => self.exited(at_ms, *oom_killed, *cause),
            Event::IncidentResolved { took_ms, reason } => {
                self.incident.took_ms = Some(*took_ms);
                self.incident.resolved = Some(reason.clone());
            }
            _ => return false,
        }
        true
    }

    fn trigger(&mut self, at_ms: i64, trigger: &str, fired: bool, reading: &Reading) {
        let reading = reading_text(reading);
        self.incident.triggers.push(Trigger { at_ms, trigger: trigger.into(), fired, reading });
    }

    fn finished(&mut self, step: &str, outcome: Outcome, reason: Option<&str>, took_ms: u64, evidence: &[Evidence]) {
        let is_it = |known: &&mut Step| known.step == step && known.outcome.is_none();
        if let Some(known) = self.incident.steps.iter_mut().rev().find(is_it) {
            known.outcome = Some(outcome.name().into());
            known.took_ms = Some(took_ms);
            let reasons = [known.reason.take(), reason.map(Into::into)].into_iter().flatten();
            known.reason = Some(reasons.collect::<Vec<String>>().join("; ")).filter(|reason| !reason.is_empty());
        }
        self.keep(step, evidence, outcome == Outcome::Done);
    }

    /// Notes files that a step left.
    fn keep(&mut self, step: &str, evidence: &[Evidence], complete: bool) {
        for file in evidence {
            let path = Path::new(&file.path).file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some(known) = self.incident.steps.iter_mut().rev().find(|known| known.step == step) {
                known.evidence.push(path.clone());
            }
            let (bytes, took_ms) = (file.bytes, file.took_ms);
            let step = step.to_owned();
            self.incident.files.push(incident::File { path, bytes, sha256: None, took_ms, complete, step });
        }
    }

    fn exited(&mut self, at_ms: i64, oom_killed: bool, cause: Cause) {
        if let Some(life) = self.incident.lives.last_mut() {
            life.ended_ms = Some(at_ms);
            life.oom_killed = oom_killed;
            life.cause = Some(cause.name().into());
        }
    }

    /// Milliseconds since the incident opened.
    fn at_ms(&self, at: Instant) -> i64 {
        at.since(self.at).as_millis() as i64
    }

    fn written(&self, is_over: bool) -> Written {
        let incident = Incident { readings: self.readings.all(), ..self.incident.clone() };
        Written { incident, is_over }
    }
}

/// An incident as it is to be kept.
#[derive(Debug)]
pub struct Written {
    incident: Incident,
    /// Whether nothing will be added to it.
    pub is_over: bool,
}

impl Written {
    /// Its id.
    pub fn incident(&self) -> &str {
        &self.incident.incident
    }

    /// It as a file.
    pub fn to_file(&self) -> RecordFile {
        let content = serde_json::to_vec(&self.incident).expect("an incident is plain data with text keys");
        RecordFile { incident: self.incident().to_owned(), content }
    }
}

/// `incident.json`, to be kept.
#[derive(Debug)]
pub struct RecordFile {
    incident: String,
    content: Vec<u8>,
}

impl RecordFile {
    /// The incident it is of.
    pub fn incident(&self) -> &str {
        &self.incident
    }

    /// Keeps it below that directory of all evidence. Blocks.
    pub fn keep(&self, evidence: &Path) -> highwater_evidence::Result<()> {
        Store::open(evidence)?.incident(&self.incident)?.record(FILE, &self.content).map(drop)
    }
}
