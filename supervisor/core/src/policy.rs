//! A checked policy as plain data. It is read and checked elsewhere; here every value is already sound.

mod delivery;
mod dump;
mod evidence;
mod http;
mod journal;
mod socket;
mod step;
mod trigger;

use std::time::Duration;

use crate::amount::Amount;
use crate::signal::Signal;

pub use delivery::{Destination, Receiver};
pub use dump::{Dump, DumpSource, JvmDump, Recipe};
pub use evidence::{Baseline, Evidence, Series};
pub use http::Http;
pub use journal::Journal;
pub use socket::{Listen, Socket};
pub use step::{Action, Restart, Step, Times};
pub use trigger::{Condition, Counter, Line, Measure, Trigger};

/// A whole policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How the service is run and stopped.
    pub service: Service,
    /// Its memory limits and the tripwire.
    pub memory: Memory,
    /// What is watched for, in the order of the file.
    pub triggers: Vec<Trigger>,
    /// The ladder, in order.
    pub steps: Vec<Step>,
    /// An incident resolves when every trigger has been clear for so long.
    pub resolve_after: Duration,
    /// What is kept of incidents, and what it is compared with.
    pub evidence: Evidence,
    /// Sockets that are kept open over all generations.
    pub sockets: Vec<Socket>,
    /// What is served over HTTP.
    pub http: Http,
    /// How much is written down.
    pub journal: Journal,
}

/// How the service is run and stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Sent to the main process to end it.
    pub stop_signal: Signal,
    /// Grace period before `cgroup.kill`.
    pub stop_timeout: Duration,
    /// Whether it is started again when it ends by itself.
    pub restart: RestartOn,
    /// Variables added to its environment.
    pub env: Vec<(String, String)>,
    /// Whether what it tells systemd goes through highwater.
    pub notify: NotifyMode,
}

/// When a service that ends by itself is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartOn {
    /// Not at all: its end is ours.
    Never,
    /// After a status other than 0 or a signal.
    Failure,
    /// However it ends.
    Always,
}

/// Whether what the service tells systemd goes through highwater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotifyMode {
    /// Where systemd listens to highwater; the service is ready when it is started.
    Auto,
    /// Always, and the service is ready when it says so.
    Relay,
    /// Never: the service has nobody to tell.
    Off,
}

/// Limits of the service cgroup.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    /// `memory.max` to set in bytes; `None` keeps the limit already in force.
    pub max: Option<u64>,
    /// Bytes kept back to be lent; `None` lends what the cgroups above have left.
    pub reserve: Option<u64>,
    /// Where `memory.high` waits for a touch; `None` is "off".
    pub tripwire: Option<Amount>,
    /// Whether leaking threads may be put to sleep for a moment to dump and stop.
    pub hold: bool,
}

impl Default for Service {
    /// SIGTERM and 20 s to end, and started again after a failure.
    fn default() -> Self {
        Self {
            stop_signal: Signal::TERM,
            stop_timeout: Duration::from_secs(20),
            restart: RestartOn::Failure,
            env: Vec::new(),
            notify: NotifyMode::Auto,
        }
    }
}

impl Policy {
    /// The restart rule for a service that ends by itself: that of the first restart step, or the default.
    pub fn restart(&self) -> Restart {
        let of_step = |step: &Step| match step.action {
            Action::Restart(restart) => Some(restart),
            _ => None,
        };
        self.steps.iter().find_map(of_step).unwrap_or_default()
    }
}
