//! What there is to be seen of a supervisor at one moment.

use std::path::PathBuf;

use highwater_core::ability::Abilities;
use highwater_core::status::Status;
use highwater_kernel::psi::{self, Averages};
use serde::Serialize;

use super::tally::Tally;

/// Everything, as `/status` has it.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// There is an answer, so it does.
    pub running: bool,
    /// Name of the supervisor.
    pub name: String,
    /// Version of highwater.
    pub version: &'static str,
    /// Its own process.
    pub pid: u32,
    /// Where journal and evidence are.
    pub state_dir: PathBuf,
    /// File of the policy, or `default`.
    pub policy: String,
    /// The service, while there is one.
    pub service: Option<Process>,
    /// What the core knows and decided.
    #[serde(flatten)]
    pub status: Status,
    /// Figures read for this view.
    pub figures: Option<Figures>,
    /// Incidents since highwater started.
    pub incidents: u64,
    /// What this host allows.
    #[serde(skip)]
    pub abilities: Abilities,
    /// What happened so far.
    #[serde(skip)]
    pub tally: Tally,
}

/// The service as the kernel knows it.
#[derive(Clone, Debug, Serialize)]
pub struct Process {
    /// Its main process.
    pub pid: i32,
    /// Its program; the arguments may be secret.
    pub program: String,
    /// Its cgroup.
    pub cgroup: Option<PathBuf>,
}

/// Figures of the service, in bytes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// `memory.current`.
    pub current: u64,
    /// Usage less inactive page cache.
    pub working_set: u64,
    /// Anonymous memory.
    pub anon: u64,
    /// Highest `memory.current` of this generation.
    pub peak: Option<u64>,
    /// `memory.high`; nothing where there is none.
    pub high: Option<u64>,
    /// The effective `memory.max`.
    pub max: u64,
    /// `memory.events` of this generation.
    pub events: Option<Events>,
    /// Stall times of the service cgroup.
    pub pressure: Option<Pressure>,
}

/// The counters of `memory.events`.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Events {
    /// Usage went over `memory.high`.
    pub high: u64,
    /// Usage was about to go over `memory.max`.
    pub max: u64,
    /// An allocation failed at the limit.
    pub oom: u64,
    /// Processes the kernel killed.
    pub oom_kill: u64,
}

/// `memory.pressure`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Pressure {
    /// At least one task stood still.
    pub some: Line,
    /// No task got on.
    pub full: Line,
}

/// One line of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Line {
    /// Share of the last 10 s, in percent.
    pub avg10: f64,
    /// Of the last minute.
    pub avg60: f64,
    /// Of the last five minutes.
    pub avg300: f64,
    /// Microseconds since the cgroup was made.
    pub total_us: u64,
}

impl Pressure {
    /// From what the kernel layer read.
    pub fn of(read: &psi::Pressure) -> Option<Self> {
        Some(Self { some: read.some?.into(), full: read.full.unwrap_or_default().into() })
    }
}

impl From<Averages> for Line {
    fn from(Averages { avg10, avg60, avg300, total_us }: Averages) -> Self {
        Self { avg10, avg60, avg300, total_us }
    }
}
