//! What is sent off the machine: put into the outbox, which a process of its own works off however long it takes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use highwater_core::command::Delivery;
use highwater_core::policy::{Destination, Receiver};
use highwater_core::record::{Event, Outcome, Record};
use highwater_evidence::delivery::{self, Item, Kind, Notice, Outbox, Secret, Upload, Via};
use highwater_kernel::clock::{self, Rfc3339};
use serde::Deserialize;
use tokio::task::spawn_local;

use super::Wake;
use super::event_loop::now;
use super::finishing::own_command;
use super::hands::Hands;
use crate::work::{offload, program};

/// A command that uploads is killed after this long, and tried again.
const COMMAND_TIME: Duration = Duration::from_mins(10);

/// Something that a step has handed over and that is sent once more when its incident is over.
#[derive(Clone, Debug)]
pub struct Handed {
    incident: String,
    step: String,
    delivery: Delivery,
    patience: Duration,
    opened: String,
}

/// The last line of a process that leaves something for later.
#[derive(Debug, Deserialize)]
struct Waits {
    next_in_ms: u64,
}

impl Hands {
    /// Hands something over to be sent.
    pub(super) fn deliver(&mut self, incident: String, step: String, delivery: Delivery, patience: Duration) {
        let opened = self.bundle.opened().unwrap_or_else(|| Rfc3339(clock::wall()).to_string());
        let handed = Handed { incident, step, delivery, patience, opened };
        self.put(&handed, None);
        self.handed.push(handed);
    }

    /// An incident is over and its record complete: whoever was sent something is sent the rest.
    pub(super) fn deliver_the_rest(&mut self, incident: &str, because: &str) {
        let all = std::mem::take(&mut self.handed);
        let (rest, others): (Vec<Handed>, Vec<Handed>) =
            all.into_iter().partition(|handed| handed.incident == incident);
        self.handed = others;
        for handed in rest {
            self.put(&handed, Some(because));
        }
    }

    /// Works the outbox off, if there is anything in it.
    pub(super) fn work_off_outbox(&mut self) {
        let outbox = self.outbox.clone();
        if !outbox.is_dir() {
            return;
        }
        let mut argv = own_command("deliver");
        argv.push(outbox.into());
        // Whoever waited to do the same need not any more; a process at work takes what is new with it.
        if let Some(waiting) = self.waits_for_outbox.take() {
            waiting.abort();
        }
        let (around, wake) = (self.around.clone(), self.wake.clone());
        spawn_local(async move {
            let mut wait = None;
            let told = program::run_own(argv, around, |line| match serde_json::from_str::<Waits>(line) {
                Ok(waits) => wait = Some(Duration::from_millis(waits.next_in_ms)),
                Err(_) => drop(wake.send(Wake::Delivered(line.to_owned()))),
            });
            if let Err(reason) = told.await {
                tracing::warn!("what is to be sent off the machine waits: {reason}");
                wait = Some(Duration::from_mins(1));
            }
            if let Some(wait) = wait {
                let _ = wake.send(Wake::OutboxWaits(wait));
            }
        });
    }

    /// What is left in the outbox is tried again later.
    pub(super) fn wait_for_outbox(&mut self, wait: Duration) {
        let wake = self.wake.clone();
        let waits = spawn_local(async move {
            tokio::time::sleep(wait).await;
            let _ = wake.send(Wake::WorkOffOutbox);
        });
        if let Some(former) = self.waits_for_outbox.replace(waits.abort_handle()) {
            former.abort();
        }
    }

    /// What a predecessor handed over and did not see the end of: its incidents are over, but for the one that goes on.
    pub(super) fn conclude_outbox(&mut self, unfinished: Option<&str>) {
        // Opening it would make it, and have a process look into it at every start.
        if !self.outbox.is_dir() {
            return;
        }
        let items = Outbox::open(&self.outbox).and_then(|outbox| outbox.items()).unwrap_or_default();
        for (mut item, _) in items.into_iter().filter(|(item, _)| Some(item.incident.as_str()) != unfinished) {
            match &mut item.kind {
                Kind::Upload(upload) if !upload.last => upload.last = true,
                Kind::Notify { via: Via::Alertmanager(_), notice } if notice.resolved.is_none() => {
                    notice.resolved = Some(Rfc3339(clock::wall()).to_string());
                }
                _ => continue,
            }
            if let Err(error) = Outbox::open(&self.outbox).and_then(|outbox| outbox.put(&item)) {
                tracing::warn!("{error}");
            }
        }
    }

    /// What the process at the outbox says, one line of JSON each.
    pub(super) fn delivered(&mut self, line: &str) {
        let Ok(outcome) = serde_json::from_str::<delivery::Outcome>(line) else {
            return tracing::info!("{line}");
        };
        let (incident, action, outcome, attempts, reason) = match outcome {
            delivery::Outcome::Delivered { incident, kind, attempts, files, bytes, .. } => {
                let what = (files > 0).then(|| format!("{files} files of {}", highwater_core::amount::Bytes(bytes)));
                (incident, kind, Outcome::Done, attempts, what)
            }
            delivery::Outcome::Failed { incident, kind, attempts, reason, retry_in_ms, .. } => {
                return tracing::warn!(
                    "{kind} for incident {incident} failed for the {attempts}. time, again in {} s: {reason}",
                    retry_in_ms / 1_000
                );
            }
            delivery::Outcome::GivenUp { incident, kind, attempts, reason, .. } => {
                (incident, kind, Outcome::Failed, attempts, Some(reason))
            }
        };
        let of = |handed: &&Handed| handed.incident == incident;
        let step = self.handed.iter().find(of).map_or(String::new(), |handed| handed.step.clone());
        let event = Event::DeliveryFinished { step, action, outcome, reason, attempts };
        let generation = self.service.as_ref().map_or(0, |service| service.generation);
        self.record(&Record { at: now(), generation, incident: Some(incident), event });
    }

    /// Puts an item into the outbox and has it worked off. `because` is said when the incident is over.
    fn put(&mut self, handed: &Handed, because: Option<&str>) {
        let mut item = Item::new(&handed.incident, self.kind(handed, because));
        item.patience_ms = handed.patience.as_millis() as u64;
        let (outbox, wake) = (self.outbox.clone(), self.wake.clone());
        spawn_local(async move {
            match offload(move || Outbox::open(&outbox)?.put(&item)).await {
                Ok(Ok(())) => drop(wake.send(Wake::WorkOffOutbox)),
                Ok(Err(error)) => tracing::error!("nothing is sent off the machine: {error}"),
                Err(error) => tracing::error!("nothing is sent off the machine: {error}"),
            }
        });
    }

    fn kind(&self, handed: &Handed, because: Option<&str>) -> Kind {
        let directory = self.around.evidence.join(&handed.incident);
        match &handed.delivery {
            Delivery::Upload(to) => Kind::Upload(Upload { directory, to: destination(to), last: because.is_some() }),
            Delivery::Notify(whom) => {
                let via = match whom {
                    Receiver::Alertmanager { url } => Via::Alertmanager(url.clone()),
                    Receiver::Webhook { url } => Via::Webhook(url.clone()),
                };
                Kind::Notify { via, notice: notice(&self.around.name, &directory, handed, because) }
            }
        }
    }
}

fn notice(name: &str, directory: &Path, handed: &Handed, because: Option<&str>) -> Notice {
    let incident = &handed.incident;
    Notice {
        name: name.into(),
        severity: "warning".into(),
        instance: instance(),
        opened: handed.opened.clone(),
        resolved: because.map(|_| Rfc3339(clock::wall()).to_string()),
        summary: match because {
            None => format!("{name} is short of memory"),
            Some(_) => format!("{name} was short of memory"),
        },
        description: match because {
            None => format!("incident {incident}, step {} of its policy", handed.step),
            Some(because) => format!("incident {incident}: {because}"),
        },
        evidence: Some(directory.display().to_string()),
    }
}

fn destination(to: &Destination) -> delivery::Destination {
    match to {
        Destination::Command { run } => {
            delivery::Destination::Command { run: run.clone(), within_ms: COMMAND_TIME.as_millis() as u64 }
        }
        Destination::HttpPut { url, token_file } => {
            let token = token_file.as_ref().map(|path| Secret::File(PathBuf::from(path)));
            delivery::Destination::HttpPut { url: url.clone(), token }
        }
        Destination::S3 { endpoint, bucket, prefix, region, credentials } => delivery::Destination::S3 {
            endpoint: endpoint.clone(),
            bucket: bucket.clone(),
            prefix: prefix.clone(),
            region: region.clone(),
            credentials: credentials.as_ref().map(PathBuf::from),
        },
    }
}

/// The name of this machine.
fn instance() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").map_or("unknown".into(), |name| name.trim().to_owned())
}
