//! What the core asks its caller to do, and what the caller tells it.

use std::time::Duration;

use crate::ability::Abilities;
use crate::amount::Limit;
use crate::policy::{Destination, Policy, Receiver, Recipe};
use crate::reading::{Counters, Exit, Inspection, Told, Usage};
use crate::record::{Event, Evidence, Record};
use crate::signal::Signal;

/// Names one piece of work from its start to its [`Input::Finished`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Task(pub u32);

/// One thing to do, in the order given. A [`Record`] is on disk before the next command is carried out.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Write to the journal.
    Record(Record),
    /// Start the service in a fresh cgroup; answered by [`Input::Spawned`] or [`Input::SpawnFailed`].
    Spawn {
        /// Its number.
        generation: u32,
    },
    /// Take a reading now.
    Probe(Probe),
    /// Raise `memory.high` at once: raising never reclaims.
    Raise(Limit),
    /// Lower `memory.high` from a helper thread, since it reclaims in the writer's context and may block for seconds;
    /// answered by [`Input::Lowered`].
    Lower(u64),
    /// Raise `memory.max` of the service by so many bytes; never taken back while the service lives.
    Lend(u64),
    /// Whether to be woken by `memory.events`; a new generation begins by being listened to.
    Watch(bool),
    /// Send a signal to the main process.
    Signal(Signal),
    /// Ask the service to end, by that signal to the main process.
    Stop(Signal),
    /// `cgroup.kill`; answered by [`Input::Emptied`].
    Kill,
    /// The main process ended well and left others behind: find the one that carries on; answered by
    /// [`Input::Adopted`].
    Adopt,
    /// The policy changed: arm its PSI triggers.
    Rearm,
    /// Look at the service from outside, beside everything else.
    Look(Moment),
    /// Send something off the machine, beside everything else.
    Deliver {
        /// The incident it is about.
        incident: String,
        /// Name of the step.
        step: String,
        /// What, and where to.
        delivery: Delivery,
        /// Tried again for this long.
        patience: Duration,
    },
    /// Freeze or thaw the service.
    Freeze(bool),
    /// Begin a piece of work; answered by [`Input::Finished`].
    Begin {
        /// Its name.
        task: Task,
        /// What it is.
        work: Work,
    },
    /// Give a piece of work up; it is not answered any more.
    Cancel(Task),
    /// The service is over: end with that.
    End(Ending),
}

/// A reading to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// `memory.current` and the size of the dump so far; answered by [`Input::Sample`].
    Sample,
    /// Everything; answered by [`Input::Usage`].
    Usage,
    /// The main process; answered by [`Input::Inspected`].
    Process,
}

/// When the service is looked at from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// All is well.
    Healthy,
    /// An incident has opened.
    Breach,
    /// It is about to be ended, or the incident is over.
    Last,
}

/// What is sent off the machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// The files of the incident.
    Upload(Destination),
    /// Word of it.
    Notify(Receiver),
}

/// What a profile of the healthy service is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Later ones are compared with it.
    Baseline,
    /// It is one of a series.
    Series {
        /// So many are kept.
        keep: usize,
    },
}

impl Purpose {
    /// Its name in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Series { .. } => "series",
        }
    }
}

/// Work that takes time and runs beside the core.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Have the service dump and verify what it wrote. An attempt marker is on disk before the service is asked.
    Dump {
        /// The incident it belongs to.
        incident: String,
        /// Name of the step.
        step: String,
        /// Where the dump comes from, and until when at the latest.
        recipe: Recipe,
        /// So many of the newest are kept.
        keep: usize,
    },
    /// Take a profile of the healthy service. An attempt marker is on disk before the service is asked.
    Profile {
        /// What for.
        purpose: Purpose,
        /// The dump step whose recipe it is.
        step: String,
        /// Where it comes from, and until when at the latest.
        recipe: Recipe,
    },
    /// Capture what can be had from outside the service.
    Snapshot {
        /// The incident it belongs to.
        incident: String,
        /// Name of the step.
        step: String,
    },
    /// Run a command outside the service cgroup.
    Command {
        /// Program and arguments.
        run: Vec<String>,
        /// The incident, for its environment.
        incident: String,
        /// Name of the step.
        step: String,
    },
    /// POST to a URL.
    Http {
        /// The URL.
        post: String,
        /// The incident, for its body.
        incident: String,
        /// Name of the step.
        step: String,
    },
    /// `memory.reclaim`.
    Reclaim {
        /// So many bytes.
        bytes: u64,
    },
    /// Tell the service by the protocol of `$MEMORY_PRESSURE_WATCH` to give memory back.
    Shrink,
}

/// How highwater ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As the service did.
    Service(Exit),
    /// The service could not be started: 126 or 127.
    NotStarted(i32),
    /// The restart budget is spent: 75.
    BudgetSpent,
    /// A service that is not ours was ended by a restart step, and whoever runs it is told by this status.
    Handover(i32),
}

/// What the caller tells the core.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// `memory.events` as it stands.
    Counters(Counters),
    /// The PSI trigger armed for that trigger of the policy fired.
    Stall {
        /// Index into the policy's triggers.
        trigger: usize,
    },
    /// A light sample.
    Sample {
        /// `memory.current`.
        current: u64,
        /// Bytes of the dump so far.
        dumped: u64,
    },
    /// A full reading.
    Usage(Usage),
    /// A look at the main process.
    Inspected(Inspection),
    /// The service runs.
    Spawned {
        /// Main process.
        pid: u32,
        /// Path of its cgroup.
        cgroup: Option<String>,
    },
    /// The service could not be started.
    SpawnFailed {
        /// Status to end with if it never ran: 126, 127 or 125.
        status: i32,
        /// Why.
        reason: String,
    },
    /// The main process ended.
    Exited {
        /// How.
        exit: Exit,
        /// Whether processes of the service are left.
        populated: bool,
    },
    /// The main process left a daemon behind, which is the main process now.
    Adopted {
        /// Its pid.
        pid: u32,
    },
    /// Nobody is left in the service cgroup; its last figures.
    Emptied {
        /// Counters read before the cgroup was removed.
        counters: Option<Counters>,
        /// `memory.peak`.
        peak: Option<u64>,
    },
    /// The main process of a service of others has ended; the last figures, and how it ended if somebody says so.
    Lost {
        /// Counters read at that moment.
        counters: Option<Counters>,
        /// `memory.peak`.
        peak: Option<u64>,
        /// What whoever runs it says.
        told: Option<Told>,
    },
    /// The helper thread has lowered `memory.high`, or could not.
    Lowered {
        /// The error, if any.
        error: Option<String>,
    },
    /// The dump is complete where the service wrote it, and still to be taken in.
    Closed {
        /// The work.
        task: Task,
        /// What it will be.
        evidence: Evidence,
        /// The service was ending when the file was closed: the kernel may have closed it, half written.
        in_doubt: bool,
    },
    /// A piece of work ended.
    Finished {
        /// Which.
        task: Task,
        /// How.
        result: Result<Finished, String>,
    },
    /// What can be done to a service that was only just found.
    Abilities(Abilities),
    /// The service says whether it is ready.
    Ready(bool),
    /// The service said that it needs so much longer, counted from now, to start or to stop.
    Extended(Duration),
    /// Somebody asked highwater to end.
    Stop {
        /// Who and how, for the journal.
        reason: String,
    },
    /// A signal to be passed on.
    Forward(Signal),
    /// A new policy was read and checked.
    Reload {
        /// It.
        policy: Box<Policy>,
        /// Its file.
        file: String,
    },
    /// Something to be written down.
    Note(Event),
    /// The machine was suspended for that long, which `now` does not count.
    Slept(Duration),
}

/// What came of a piece of work.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finished {
    /// Verified files.
    pub evidence: Vec<Evidence>,
    /// Something to say about it.
    pub note: Option<String>,
    /// From the request to the end, without the checks after it; 0 where it does not matter.
    pub took: Duration,
}
