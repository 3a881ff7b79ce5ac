//! What is done with an incident besides the ladder: its record kept, and afterwards finished by a process of its own.

use std::ffi::OsString;
use std::time::Duration;

use highwater_core::command::{Delivery, Moment};
use highwater_core::record::{Event, Evidence, Outcome, Record};
use highwater_evidence::store::Store;
use highwater_report::snapshot::Snapshot;
use tokio::task::spawn_local;

use super::Wake;
use super::event_loop::now;
use super::hands::Hands;
use crate::bundle::Written;
use crate::finish;
use crate::work::{offload, program};

impl Hands {
    /// Keeps `incident.json` on a helper thread.
    pub(super) fn write_bundle(&mut self, written: Written) {
        let (root, wake) = (self.around.evidence.clone(), self.wake.clone());
        spawn_local(async move {
            let (incident, is_over) = (written.incident().to_owned(), written.is_over);
            let kept =
                offload(move || Store::open(&root)?.incident(written.incident()).and_then(|kept| written.keep(&kept)));
            match kept.await {
                Ok(Ok(())) => drop(wake.send(Wake::Written { incident, is_over })),
                Ok(Err(error)) => tracing::warn!("the record of incident {incident} cannot be kept: {error}"),
                Err(error) => tracing::warn!("the record of incident {incident} cannot be kept: {error}"),
            }
        });
    }

    /// What was seen of the service from outside goes into the record of its incident.
    pub(super) fn looked(&mut self, moment: Moment, incident: Option<&str>, snapshot: Snapshot) {
        if let Some(written) = self.bundle.looked(moment, incident, snapshot) {
            self.write_bundle(written);
        }
    }

    /// What there was of a dump that was given up is in the record of its incident.
    pub(super) fn kept_partial(&mut self, incident: &str, step: &str, evidence: &Evidence) {
        tracing::info!("what there was of the dump of step {step} is kept: {}", evidence.path);
        if let Some(written) = self.bundle.add_partial(incident, step, evidence) {
            self.write_bundle(written);
        }
    }

    /// An incident is over and its record kept: the rest is worked out by a process with low priority.
    pub(super) fn finish(&mut self, incident: &str) {
        let mut argv = own_command("finish");
        argv.push(self.around.evidence.join(incident).into());
        argv.push("--healthy".into());
        argv.push(self.healthy.clone().into());
        let (around, incident) = (self.around.clone(), incident.to_owned());
        argv.extend(finish::arguments(around.limits));
        spawn_local(async move {
            if let Err(reason) = program::run_own(argv, around).await {
                tracing::warn!(
                    "incident {incident} could not be finished, `highwater report` will try again: {reason}"
                );
            }
        });
    }

    /// Hands something over to be sent off the machine.
    pub(super) fn deliver(&mut self, incident: String, step: String, delivery: Delivery, patience: Duration) {
        let _ = patience;
        let event = Event::DeliveryFinished {
            step,
            action: match &delivery {
                Delivery::Upload(_) => "upload".into(),
                Delivery::Notify(_) => "notify".into(),
            },
            outcome: Outcome::Failed,
            reason: Some("this build cannot".into()),
            attempts: 0,
        };
        self.record(&Record { at: now(), generation: 0, incident: Some(incident), event });
    }
}

/// highwater itself, whatever became of its file meanwhile.
fn own_command(what: &str) -> Vec<OsString> {
    vec!["/proc/self/exe".into(), what.into()]
}
