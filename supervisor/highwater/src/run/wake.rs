//! What the loop is woken by.

use std::time::Duration;

use highwater_core::command::{Input, Moment, Task};
use highwater_core::record::Evidence;
use highwater_core::signal::Signal;
use highwater_kernel::notify::Message;
use highwater_report::snapshot::Snapshot;

use super::attached;
use crate::finish::Analysis;
use crate::serve::Question;
use crate::work::Outcome;

/// What wakes the loop.
#[derive(Debug)]
pub(crate) enum Wake {
    /// An input about that generation.
    Input(u32, Input),
    /// The main process of that generation ended.
    MainExited(u32),
    /// The service of others, that generation, has ended, and its runner was asked how.
    Lost(u32, Input),
    /// Nobody is left in the cgroup of that generation.
    Empty(u32),
    /// Somebody wrote to a limit that generation is under.
    LimitsChanged(u32),
    /// A service that others run was found, for that generation.
    Found(u32, Box<attached::target::Found>),
    /// A piece of work ended.
    Finished(Task, Outcome),
    /// What there was of a dump that was given up is kept.
    Partial {
        /// The incident it belongs to.
        incident: String,
        /// Name of the step.
        step: String,
        /// The file.
        evidence: Evidence,
    },
    /// The service was looked at from outside.
    Looked {
        /// Why.
        moment: Moment,
        /// The incident that was open when it began.
        incident: Option<String>,
        /// What was seen.
        snapshot: Box<Snapshot>,
    },
    /// Whether a version of `incident.json` could be kept.
    Written(bool),
    /// It is known what grew.
    Analysed {
        /// The incident.
        incident: String,
        /// What was found.
        analysis: Analysis,
    },
    /// Something was sent off the machine or not, as one line of JSON.
    Delivered(String),
    /// There may be something in the outbox.
    WorkOffOutbox,
    /// There is something in the outbox for later.
    OutboxWaits(Duration),
    /// Some process sent a notification.
    Told(Message),
    /// systemd wants a sign of life before long.
    Beat,
    /// systemd did not take what it was told.
    TellAgain,
    /// Somebody asks over HTTP.
    Asked(Question),
    /// Something a person should know.
    Note(String),
    /// Some child ended.
    Child,
    /// Somebody asked highwater to end.
    Stop(String),
    /// A signal for the service.
    Forward(Signal),
    /// Read the policy again.
    Reload,
}
