//! What a supervisor can say about itself at any moment, as plain data for people and machines.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::reading::Memory;

/// Everything that is worth knowing now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// What the service is doing.
    pub state: State,
    /// Its generation, counted from 1; 0 before the first.
    pub generation: u32,
    /// How long this generation has been there, in milliseconds.
    pub age_ms: u64,
    /// Whether load should come.
    pub readiness: Readiness,
    /// The last figures read; older the calmer the service is.
    pub memory: Option<Memory>,
    /// Every trigger of the policy, in its order.
    pub triggers: Vec<Trigger>,
    /// Every step of the ladder, in its order.
    pub ladder: Vec<Rung>,
    /// The incident that is open.
    pub incident: Option<Incident>,
    /// The throttle in force.
    pub throttle: Option<Throttle>,
    /// Restarts, and how many are left.
    pub budget: Budget,
}

/// What the service is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is being started, or looked for.
    Starting,
    /// It runs.
    Running,
    /// It was asked to end.
    Stopping,
    /// It has ended, and the next generation waits for its turn.
    Waiting,
    /// It is over.
    Ended,
}

impl State {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Waiting => "waiting",
            Self::Ended => "ended",
        }
    }
}

/// Whether load should come to the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// It should.
    pub ready: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long not yet, if that is known; in milliseconds when serialised.
    #[serde(rename = "retry_after_ms", skip_serializing_if = "Option::is_none", serialize_with = "millis")]
    pub retry_after: Option<Duration>,
}

/// A trigger of the policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// Whether it is firing.
    pub firing: bool,
    /// How often it fired in this generation; the last 64 are remembered.
    pub fired: usize,
}

/// A step of the ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rung {
    /// Its name.
    pub name: String,
    /// Key of its action.
    pub action: &'static str,
    /// How far it is.
    pub progress: Progress,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    /// There is no incident, or its turn has not come.
    Ahead,
    /// It would be next.
    Next,
    /// It runs.
    Running,
    /// It has had its turn in this incident.
    Past,
}

/// The incident that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Incident {
    /// Its id.
    pub id: String,
    /// How long it has been open, in milliseconds.
    pub open_ms: u64,
    /// The step that runs.
    pub step: Option<String>,
    /// When the next step is due at the latest by the clock, in milliseconds.
    pub next_ms: Option<u64>,
}

/// The throttle in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Throttle {
    /// The step that took the lease.
    pub step: String,
    /// How long it has been in force, in milliseconds.
    pub for_ms: u64,
    /// How long it lasts at most from now, in milliseconds.
    pub left_ms: u64,
}

/// Restarts, and how many are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// Left now.
    pub left: u32,
    /// Allowed.
    pub times: u32,
    /// In so long, in milliseconds.
    pub within_ms: u64,
    /// The next generation begins then, in milliseconds.
    pub backoff_ms: Option<u64>,
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn millis<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_millis() as u64).serialize(serializer)
}
