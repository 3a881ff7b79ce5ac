//! The tables of the policy language. What is stated here is what is read, what messages list, and what the schema says.

mod action;
mod dump;
mod memory;
mod service;
mod step;
mod trigger;

pub(crate) use action::{Command, Http, Kill, Reclaim, Restart, SignalStep, Throttle};
pub(crate) use dump::Dump;
pub(crate) use memory::{Hold, Memory};
pub(crate) use service::Service;
pub(crate) use step::{Repeat, Step};
pub(crate) use trigger::{Exhaustion, MemoryEvent, Pressure, Trigger, Usage};

use crate::collections::{Many, Named};
use crate::shape::shape;
use crate::text::duration::Lasting;

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
    }
}

shape! {
    /// When an incident is over.
    Incident in "[incident]" {
        /// It resolves when every trigger has been clear for so long.
        "resolve-after" resolve_after: Lasting = Default("'60s'"),
    }
}

/// The tables with their keys, outermost first.
const TABLES: [(&str, &[&str]); 18] = [
    (Document::TITLE, Document::KEYS),
    (Service::TITLE, Service::KEYS),
    (Memory::TITLE, Memory::KEYS),
    (Incident::TITLE, Incident::KEYS),
    (Step::TITLE, Step::KEYS),
    (Trigger::TITLE, Trigger::KEYS),
    (MemoryEvent::TITLE, MemoryEvent::KEYS),
    (Pressure::TITLE, Pressure::KEYS),
    (Usage::TITLE, Usage::KEYS),
    (Exhaustion::TITLE, Exhaustion::KEYS),
    (Repeat::TITLE, Repeat::KEYS),
    (Dump::TITLE, Dump::KEYS),
    (Throttle::TITLE, Throttle::KEYS),
    (Restart::TITLE, Restart::KEYS),
    (Command::TITLE, Command::KEYS),
    (SignalStep::TITLE, SignalStep::KEYS),
    (Http::TITLE, Http::KEYS),
    (Reclaim::TITLE, Reclaim::KEYS),
];

/// The title of the table that has this key, where there is one.
pub(crate) fn home_of(key: &str) -> Option<&'static str> {
    TABLES.iter().find(|(_, keys)| keys.contains(&key)).map(|(title, _)| *title)
}
