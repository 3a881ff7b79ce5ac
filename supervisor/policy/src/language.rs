//! The tables of the policy language. What is stated here is what is read, what messages list, and what the schema says.

mod action;
mod delivery;
mod dump;
mod evidence;
mod http;
mod memory;
mod service;
mod socket;
mod step;
mod trigger;

pub(crate) use action::{Command, Http, Kill, Reclaim, Restart, Shed, Shrink, SignalStep, Throttle};
pub(crate) use delivery::{Notify, S3, Upload};
pub(crate) use dump::{CoreDump, Dump, Fallback, GoDump, PythonDump};
pub(crate) use evidence::{Baseline, Evidence, Series};
pub(crate) use http::Server;
pub(crate) use memory::{Hold, Memory};
pub(crate) use service::Service;
pub(crate) use socket::Socket;
pub(crate) use step::{Repeat, Step};
pub(crate) use trigger::{Exhaustion, MemoryEvent, Pressure, Trigger, Usage};

use crate::collections::{Many, Named};
use crate::shape::shape;
use crate::text::duration::Lasting;
use crate::text::size::Size;

shape! {
    /// A policy of highwater: what is watched on a service, and what is done about it, step by step.
    Document in "the policy" {
        /// How the service is run and stopped.
        "service" service: Service = Default("{}"),
        /// Its memory limits and the tripwire.
        "memory" memory: Memory = Default("{}"),
        /// Named conditions over readings, `[trigger.NAME]`. A trigger fires and clears; the first that fires opens an
        /// incident.
        "trigger" trigger: Named<Trigger> = Default("{}"),
        /// The ladder: steps in the order of the file, one at a time, as long as the incident lasts.
        "step" step: Many<Step> = Default("[]"),
        /// When an incident is over.
        "incident" incident: Incident = Default("{}"),
        /// What is kept of incidents, and what it is compared with.
        "evidence" evidence: Evidence = Default("{}"),
        /// Sockets of the service, `[[socket]]`: highwater keeps them open, so that connections wait during a restart
        /// instead of being refused. The service gets them as systemd hands sockets over, from descriptor 3 on.
        "socket" socket: Many<Socket> = Default("[]"),
        /// What others may read over HTTP.
        "http" http: Server = Default("{}"),
        /// How much is written down.
        "journal" journal: Journal = Default("{}"),
    }
}

shape! {
    /// When an incident is over.
    Incident in "[incident]" {
        /// It resolves when every trigger has been clear for so long.
        "resolve-after" resolve_after: Lasting = Default("'60s'"),
    }
}

shape! {
    /// How much is written down.
    Journal in "[journal]" {
        /// Bytes of `journal.jsonl` and of `journal.jsonl.1`, which is the one before it. A new one is begun when half of
        /// it is full, but not within an incident as long as there is room.
        "max-bytes" max_bytes: Size = Default("'8MiB'"),
    }
}

/// The tables with their keys, outermost first.
const TABLES: &[(&str, &[&str])] = &[
    (Document::TITLE, Document::KEYS),
    (Service::TITLE, Service::KEYS),
    (Memory::TITLE, Memory::KEYS),
    (Incident::TITLE, Incident::KEYS),
    (Evidence::TITLE, Evidence::KEYS),
    (Socket::TITLE, Socket::KEYS),
    (Server::TITLE, Server::KEYS),
    (Journal::TITLE, Journal::KEYS),
    (Step::TITLE, Step::KEYS),
    (Trigger::TITLE, Trigger::KEYS),
    (MemoryEvent::TITLE, MemoryEvent::KEYS),
    (Pressure::TITLE, Pressure::KEYS),
    (Usage::TITLE, Usage::KEYS),
    (Exhaustion::TITLE, Exhaustion::KEYS),
    (Repeat::TITLE, Repeat::KEYS),
    (Dump::TITLE, Dump::KEYS),
    (Fallback::TITLE, Fallback::KEYS),
    (Baseline::TITLE, Baseline::KEYS),
    (Series::TITLE, Series::KEYS),
    (Throttle::TITLE, Throttle::KEYS),
    (Restart::TITLE, Restart::KEYS),
    (Command::TITLE, Command::KEYS),
    (SignalStep::TITLE, SignalStep::KEYS),
    (Http::TITLE, Http::KEYS),
    (Reclaim::TITLE, Reclaim::KEYS),
    (Upload::TITLE, Upload::KEYS),
    (S3::TITLE, S3::KEYS),
    (Notify::TITLE, Notify::KEYS),
];

/// The title of the table that has this key, where there is one.
pub(crate) fn home_of(key: &str) -> Option<&'static str> {
    TABLES.iter().find(|(_, keys)| keys.contains(&key)).map(|(title, _)| *title)
}
