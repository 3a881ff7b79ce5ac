//! The model of `incident.json`: all that is known of one incident. Bytes, milliseconds; moments are milliseconds since
//! it opened, so what was before is negative.

use highwater_profile::difference::Difference;
use serde::{Deserialize, Serialize};

use crate::classify::Classification;
use crate::snapshot::Snapshot;

/// All that is known of one incident.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Version of this form: 1. Fields may be added to it.
    pub version: u32,
    /// Its id, which is the name of its directory.
    pub incident: String,
    /// Name of the supervisor.
    pub name: String,
    /// Program of the service; its arguments may be secret and are left out.
    pub program: String,
    /// What runs in it: `native`, `go`, `jvm`, `node`, `python`.
    pub runtime: Option<String>,
    /// When it opened, RFC 3339 in UTC.
    pub opened: String,
    /// The trigger that opened it.
    pub opened_by: String,
    /// From opening to its end; nothing while it lasts.
    pub took_ms: Option<u64>,
    /// Why it is over.
    pub resolved: Option<String>,
    /// `memory.max` when it opened; nothing for no limit.
    pub limit: Option<u64>,
    /// Usage over time, oldest first.
    pub readings: Vec<Reading>,
    /// Triggers that fired and cleared.
    pub triggers: Vec<Trigger>,
    /// Steps of the ladder, in the order they began.
    pub steps: Vec<Step>,
    /// Lives of the service it touched.
    pub lives: Vec<Life>,
    /// The healthy service.
    pub baseline: Option<Snapshot>,
    /// The service when the incident opened.
    pub breach: Option<Snapshot>,
    /// The service when the first step that ends it began, or the incident was over.
    pub last: Option<Snapshot>,
    /// What kind of growth it was.
    pub classification: Option<Classification>,
    /// What grew, in the service's own terms.
    pub differences: Vec<Compared>,
    /// What is in the directory.
    pub files: Vec<File>,
}

/// Usage at one moment, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// When.
    pub at_ms: i64,
    /// `memory.current`.
    pub current: u64,
    /// `memory.current` less `inactive_file`; nothing for a light sample.
    pub working_set: Option<u64>,
    /// Anonymous memory; nothing for a light sample.
    pub anon: Option<u64>,
    /// `memory.high`; nothing where there is none in force.
    pub high: Option<u64>,
    /// `memory.max`; nothing for no limit.
    pub max: Option<u64>,
    /// Total stall time in microseconds (`some`), where it was read.
    pub stalled_us: Option<u64>,
}

/// A trigger that fired or cleared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// When.
    pub at_ms: i64,
    /// Its name.
    pub trigger: String,
    /// Whether it fired; it cleared otherwise.
    pub fired: bool,
    /// What it saw, as one line for people.
    pub reading: String,
}

/// A step of the ladder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// When it began, or was skipped.
    pub at_ms: i64,
    /// Its name.
    pub step: String,
    /// Key of its action: `dump`, `throttle`, `restart` and so on.
    pub action: String,
    /// `done`, `failed`, `timed-out`, `cancelled`, `skipped`; nothing while it runs.
    pub outcome: Option<String>,
    /// Why, or what came of it.
    pub reason: Option<String>,
    /// How it went about it, as one line for people.
    pub plan: Option<String>,
    /// From its beginning to its end.
    pub took_ms: Option<u64>,
    /// `memory.current` at its beginning.
    pub current: Option<u64>,
    /// Names of the files it left in the directory.
    pub evidence: Vec<String>,
}

/// One life of the service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Life {
    /// Its number.
    pub generation: u32,
    /// When it began; nothing if that was before the incident.
    pub began_ms: Option<i64>,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// `asked`, `own-limit`, `outer-limit`, `crash`, `finished`.
    pub cause: Option<String>,
    /// Whether the kernel killed it for want of memory.
    pub oom_killed: bool,
}

/// Two profiles compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// The step the later one is of.
    pub step: String,
    /// File of the healthy service's profile, or nothing if there was none: then all of the later one counts as growth.
    pub before: Option<String>,
    /// File of the later profile.
    pub after: String,
    /// What grew; also in `difference.json`.
    pub difference: Difference,
    /// Name of the flame graph (SVG) in the directory, where the format knows stacks.
    pub flame_graph: Option<String>,
}

/// A file of the directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name in the directory.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 in lower-case hexadecimal; nothing while it is not reckoned yet.
    pub sha256: Option<String>,
    /// From the request to the verified file.
    pub took_ms: u64,
    /// Whether its writer finished it.
    pub complete: bool,
    /// The step that left it.
    pub step: String,
}
