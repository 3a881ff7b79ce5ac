//! What is done with an incident besides the ladder: its record kept, and afterwards finished by a process of its own.

use std::ffi::OsString;

use highwater_core::command::Moment;
use highwater_core::record::{Event, Evidence, Record};
use highwater_report::snapshot::Snapshot;
use tokio::task::spawn_local;

use super::Wake;
use super::event_loop::now;
use super::hands::Hands;
use crate::finish::{self, Analysis};
use crate::work::program;

impl Hands {
    /// A version is kept, or could not be.
    pub(super) fn written(&mut self, is_kept: bool) {
        let Some(written) = self.records.written() else { return };
        if is_kept && written.is_over {
            self.finish(written.incident());
        }
    }

    /// Keeps what is not kept yet, when highwater ends.
    pub fn last_words(&mut self) {
        let rest = self.bundle.last_words();
        self.records.end_with(rest);
    }

    /// What was seen of the service from outside goes into the record of its incident.
    pub(super) fn looked(&mut self, moment: Moment, incident: Option<&str>, snapshot: Snapshot) {
        if let Some(written) = self.bundle.looked(moment, incident, snapshot) {
            self.records.add(written);
        }
    }

    /// What there was of a dump that was given up is in the record of its incident.
    pub(super) fn kept_partial(&mut self, incident: &str, step: &str, evidence: &Evidence) {
        tracing::info!("what there was of the dump of step {step} is kept: {}", evidence.path);
        if let Some(written) = self.bundle.add_partial(incident, step, evidence) {
            self.records.add(written);
        }
    }

    /// It is known what grew: that goes into the journal, and to whoever was told of the incident.
    pub(super) fn analysed(&mut self, incident: String, analysis: Analysis) {
        let Analysis { kind, because, grew } = analysis;
        self.deliver_the_rest(&incident, &because);
        if !because.is_empty() {
            let generation = self.service.as_ref().map_or(0, |service| service.generation);
            let event = Event::IncidentAnalysed { kind, because, grew };
            self.record(&Record { at: now(), generation, incident: Some(incident), event });
        }
    }

    /// A profile for the series came in.
    pub(super) fn keep_series(&mut self, keep: usize) {
        let mut argv = own_command("keep-series");
        argv.extend([self.healthy.clone().into(), "--keep".into(), keep.to_string().into()]);
        let around = self.around.clone();
        spawn_local(async move {
            if let Err(reason) = program::run_own(argv, around, |_| ()).await {
                tracing::warn!("a profile is not in its series yet: {reason}");
            }
        });
    }

    /// An incident is over and its record kept: the rest is worked out by a process with low priority.
    pub(super) fn finish(&mut self, incident: &str) {
        let mut argv = own_command("finish");
        argv.push(self.around.evidence.join(incident).into());
        argv.push("--healthy".into());
        argv.push(self.healthy.clone().into());
        let (around, wake, incident) = (self.around.clone(), self.wake.clone(), incident.to_owned());
        argv.extend(finish::arguments(around.limits));
        spawn_local(async move {
            let mut analysis = Analysis::default();
            let told = program::run_own(argv, around, |line| analysis = serde_json::from_str(line).unwrap_or_default());
            if let Err(reason) = told.await {
                tracing::warn!("incident {incident} is not finished, `highwater report` will try again: {reason}");
            }
            let _ = wake.send(Wake::Analysed { incident, analysis });
        });
    }
}

/// highwater itself, whatever became of its file meanwhile.
pub(crate) fn own_command(what: &str) -> Vec<OsString> {
    vec!["/proc/self/exe".into(), what.into()]
}
