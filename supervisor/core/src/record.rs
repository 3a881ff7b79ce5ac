//! What the journal says: every record as plain data, serialised the same way for files and logs.

use serde::Serialize;

use crate::plan::Plan;
use crate::reading::{Cause, Memory};
use crate::time::Instant;

/// One line of the journal but for the names and the wall clock, which the caller adds.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// When it happened.
    pub at: Instant,
    /// The generation it is about; 0 before the first.
    pub generation: u32,
    /// The incident it belongs to.
    pub incident: Option<String>,
    /// What happened.
    pub event: Event,
}

/// What happened. The serialised `event` is the name people search for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event")]
pub enum Event {
    /// highwater runs and says what it can do here.
    #[serde(rename = "supervisor.started")]
    SupervisorStarted {
        /// Abilities this host gives.
        abilities: Vec<&'static str>,
        /// Abilities it lacks, each with the reason.
        missing: Vec<Missing>,
        /// File of the policy, or `default`.
        policy: String,
        /// The plan in force: what is watched and what would be done.
        plan: Vec<String>,
    },
    /// highwater was asked to end, or gives up.
    #[serde(rename = "supervisor.stopping")]
    SupervisorStopping {
        /// Why.
        reason: String,
    },
    /// Something a person should know that changes nothing by itself.
    #[serde(rename = "supervisor.notice")]
    Notice {
        /// What.
        reason: String,
    },
    /// A new policy is in force.
    #[serde(rename = "policy.reloaded")]
    PolicyReloaded {
        /// Its file.
        policy: String,
    },
    /// A new policy was refused; the old one is in force.
    #[serde(rename = "policy.rejected")]
    PolicyRejected {
        /// Its file.
        policy: String,
        /// Every error.
        reason: String,
    },
    /// A generation began.
    #[serde(rename = "service.started")]
    ServiceStarted {
        /// Main process.
        pid: u32,
        /// Path of its cgroup, or nothing where there is none.
        cgroup: Option<String>,
    },
    /// A generation ended.
    #[serde(rename = "service.exited")]
    ServiceExited {
        /// Exit status of the main process.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<i32>,
        /// The signal that ended it.
        #[serde(skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
        /// Whether the kernel killed it for want of memory.
        oom_killed: bool,
        /// What ended it.
        cause: Cause,
        /// The last figures known.
        memory: Option<Memory>,
        /// Highest `memory.current` of the generation, where the kernel keeps it.
        peak: Option<u64>,
    },
    /// The next generation waits.
    #[serde(rename = "service.backoff")]
    ServiceBackoff {
        /// How long.
        wait_ms: u64,
        /// Restarts left in the budget.
        left: u32,
    },
    /// A trigger fired.
    #[serde(rename = "trigger.fired")]
    TriggerFired {
        /// Its name.
        trigger: String,
        /// What made it fire.
        reading: Reading,
    },
    /// A trigger is clear again.
    #[serde(rename = "trigger.cleared")]
    TriggerCleared {
        /// Its name.
        trigger: String,
        /// What cleared it.
        reading: Reading,
    },
    /// The first trigger fired.
    #[serde(rename = "incident.opened")]
    IncidentOpened {
        /// The trigger.
        trigger: String,
    },
    /// Every trigger stayed clear, or the service is over.
    #[serde(rename = "incident.resolved")]
    IncidentResolved {
        /// From opening to now.
        took_ms: u64,
        /// Why.
        reason: String,
    },
    /// A step began to act.
    #[serde(rename = "step.started")]
    StepStarted {
        /// Name of the step.
        step: String,
        /// Key of its action.
        action: &'static str,
        /// Why now, where that is not plain from the policy.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Where a dump comes from.
        #[serde(skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        /// How it goes about it, with the arithmetic.
        #[serde(skip_serializing_if = "Option::is_none")]
        plan: Option<Plan>,
        /// Figures at that moment.
        memory: Option<Memory>,
    },
    /// A step ended.
    #[serde(rename = "step.finished")]
    StepFinished {
        /// Name of the step.
        step: String,
        /// Key of its action.
        action: &'static str,
        /// How.
        outcome: Outcome,
        /// Why, or what came of it.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// From `step.started`.
        took_ms: u64,
        /// Figures at that moment.
        memory: Option<Memory>,
        /// What it left behind.
        evidence: Vec<Evidence>,
    },
    /// A step was left out, because it could not help or would do harm.
    #[serde(rename = "step.skipped")]
    StepSkipped {
        /// Name of the step.
        step: String,
        /// Key of its action.
        action: &'static str,
        /// Why.
        reason: String,
        /// How it would have gone about it.
        #[serde(skip_serializing_if = "Option::is_none")]
        plan: Option<Plan>,
        /// Figures at that moment.
        memory: Option<Memory>,
        /// What was captured from outside instead.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        evidence: Vec<Evidence>,
    },
    /// A profile of the healthy service was taken.
    #[serde(rename = "profile.taken")]
    ProfileTaken {
        /// `baseline` or `series`.
        purpose: &'static str,
        /// Where it comes from.
        source: Option<String>,
        /// How long it took.
        took_ms: u64,
        /// The file.
        evidence: Vec<Evidence>,
    },
    /// A profile of the healthy service was not taken.
    #[serde(rename = "profile.skipped")]
    ProfileSkipped {
        /// `baseline` or `series`.
        purpose: &'static str,
        /// Where it was to come from.
        source: Option<String>,
        /// Why.
        reason: String,
    },
    /// What grew was worked out after an incident.
    #[serde(rename = "incident.analysed")]
    IncidentAnalysed {
        /// The kind of growth that explains most.
        kind: String,
        /// Why, in one sentence.
        because: String,
        /// What grew most in the profiles, each with its bytes.
        grew: Vec<String>,
    },
    /// Something was sent off the machine, or will not be.
    #[serde(rename = "delivery.finished")]
    DeliveryFinished {
        /// Name of the step.
        step: String,
        /// `upload` or `notify`.
        action: String,
        /// How: `done` or `failed`.
        outcome: Outcome,
        /// Why, or what came of it.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// How often it was tried.
        attempts: u32,
    },
    /// Somebody asked for a step by hand.
    #[serde(rename = "command.received")]
    CommandReceived {
        /// `dump`, `throttle` or `restart`.
        command: &'static str,
        /// Who asked.
        by: String,
        /// The step that does it, if it is done.
        #[serde(skip_serializing_if = "Option::is_none")]
        step: Option<String>,
        /// Why it is refused, if it is.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Load may come again.
    #[serde(rename = "shed.ended")]
    ShedEnded {
        /// The step that sent it away.
        step: String,
        /// Why it ended.
        reason: String,
        /// How long it lasted.
        took_ms: u64,
    },
    /// A throttle was given back.
    #[serde(rename = "throttle.lifted")]
    ThrottleLifted {
        /// The step that took the lease.
        step: String,
        /// Why it ended.
        reason: String,
        /// How long it was in force.
        took_ms: u64,
        /// Growth in bytes a second before and during the lease.
        growth: [u64; 2],
    },
}

/// An ability this host lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Its name.
    pub ability: &'static str,
    /// Why it is missing.
    pub reason: String,
}

/// The observation behind a trigger.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Reading {
    /// A counter moved.
    Counter {
        /// Its name in `memory.events`.
        counter: &'static str,
        /// How far since the trigger last fired.
        delta: u64,
        /// `memory.current` in bytes.
        current: u64,
        /// What of it the kernel cannot take back, in bytes.
        unreclaimable: u64,
    },
    /// Tasks stalled.
    Stall {
        /// `some` or `full`.
        line: &'static str,
        /// Stall time asked for, in milliseconds.
        stall_ms: u64,
        /// Within so many milliseconds.
        window_ms: u64,
    },
    /// A level of usage.
    Level {
        /// Which measure.
        of: &'static str,
        /// What it was, in bytes.
        bytes: u64,
        /// The level, in bytes.
        above: u64,
    },
    /// Time to the limit.
    Time {
        /// Seconds left at this slope; nothing if it does not rise.
        seconds_left: Option<u64>,
        /// Slope in bytes a second.
        slope: i64,
    },
    /// Why it cleared, where no figure says so.
    Why {
        /// The reason.
        reason: &'static str,
    },
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It did what it was for.
    Done,
    /// It could not.
    Failed,
    /// Its deadline passed.
    TimedOut,
    /// Something else came first.
    Cancelled,
}

impl Outcome {
    /// Its name in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A verified file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Where it is kept.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// From the request to the verified file.
    pub took_ms: u64,
}
