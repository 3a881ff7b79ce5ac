//! The answer of a supervisor, as far as it is shown. What an older or newer one does not say is left out.

use std::path::PathBuf;

use serde::Deserialize;

/// How everything stands.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    pub name: String,
    pub pid: u32,
    pub state_dir: PathBuf,
    pub policy: String,
    pub service: Option<Process>,
    pub state: String,
    pub generation: u32,
    pub age_ms: u64,
    pub readiness: Readiness,
    pub triggers: Vec<Trigger>,
    pub ladder: Vec<Rung>,
    pub incident: Option<Incident>,
    pub throttle: Option<Throttle>,
    pub budget: Budget,
    pub figures: Option<Figures>,
    pub incidents: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Process {
    pub pid: i32,
    pub program: String,
    pub cgroup: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Readiness {
    pub ready: bool,
    pub reason: Option<String>,
    pub retry_after_ms: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Trigger {
    pub name: String,
    pub firing: bool,
    pub fired: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rung {
    pub name: String,
    pub action: String,
    pub progress: Progress,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    #[default]
    Ahead,
    Next,
    Running,
    Past,
    #[serde(other)]
    Unknown,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Incident {
    pub id: String,
    pub open_ms: u64,
    pub next_ms: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Throttle {
    pub left_ms: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Budget {
    pub left: u32,
    pub times: u32,
    pub within_ms: u64,
    pub backoff_ms: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Figures {
    pub current: u64,
    pub working_set: u64,
    pub anon: u64,
    pub peak: Option<u64>,
    pub high: Option<u64>,
    pub max: u64,
    pub events: Option<Events>,
    pub pressure: Option<Pressure>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Events {
    pub high: u64,
    pub max: u64,
    pub oom: u64,
    pub oom_kill: u64,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pressure {
    pub some: Line,
    pub full: Line,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Line {
    pub avg10: f64,
    pub avg60: f64,
    pub avg300: f64,
}

/// One of `/incidents`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Listed {
    pub incident: String,
    pub opened: String,
    pub took_ms: Option<u64>,
    pub opened_by: String,
    pub outcome: String,
    pub top_grower: Option<String>,
}
