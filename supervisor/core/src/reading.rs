//! What is observed of the service: counters, usage, its process, its end.

use serde::Serialize;

use crate::amount::Limit;
use crate::signal::Signal;

/// The counters of `memory.events`, as they stand. A new cgroup starts at zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counters {
    /// Usage went over `memory.high`.
    pub high: u64,
    /// Usage was about to go over `memory.max`.
    pub max: u64,
    /// An allocation failed at the limit.
    pub oom: u64,
    /// Processes the kernel killed.
    pub oom_kill: u64,
}

impl Counters {
    /// The sum of two differences.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            high: self.high.saturating_add(other.high),
            max: self.max.saturating_add(other.max),
            oom: self.oom.saturating_add(other.oom),
            oom_kill: self.oom_kill.saturating_add(other.oom_kill),
        }
    }

    /// How far each counter moved since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            high: self.high.saturating_sub(earlier.high),
            max: self.max.saturating_sub(earlier.max),
            oom: self.oom.saturating_sub(earlier.oom),
            oom_kill: self.oom_kill.saturating_sub(earlier.oom_kill),
        }
    }
}

/// A full reading of the service's memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// `memory.current`.
    pub current: u64,
    /// Anonymous memory.
    pub anon: u64,
    /// Anonymous memory in huge pages.
    pub anon_thp: u64,
    /// Page cache on the inactive list.
    pub inactive_file: u64,
    /// What the kernel could take back without swapping: page cache but tmpfs, and reclaimable slab.
    pub reclaimable: u64,
    /// Whether the service has pages in swap or may put some there.
    pub swap: bool,
    /// `memory.high` as read.
    pub high: Limit,
    /// The effective `memory.max`: the smallest of the service cgroup and everything above it.
    pub max: u64,
    /// What can still be charged before the nearest of those limits.
    pub head: u64,
    /// What `memory.max` of the service could be raised by and still be within everything above it; 0 when that limit
    /// is not ours.
    pub lendable: u64,
}

impl Usage {
    /// Usage less inactive page cache, as the kubelet counts it.
    pub fn working_set(&self) -> u64 {
        self.current.saturating_sub(self.inactive_file)
    }

    /// Usage the kernel cannot take back.
    pub fn unreclaimable(&self) -> u64 {
        self.current.saturating_sub(self.reclaimable)
    }

    /// What can still be charged before the limit once everything is taken back that can be.
    pub fn room(&self) -> u64 {
        self.head.saturating_add(self.reclaimable)
    }

    /// The four figures the journal keeps.
    pub fn memory(&self) -> Memory {
        Memory { current: self.current, anon: self.anon, high: self.high.bytes(), max: Some(self.max) }
    }
}

/// Memory figures in a journal record, in bytes; `null` stands for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// `memory.current`.
    pub current: u64,
    /// Anonymous memory.
    pub anon: u64,
    /// `memory.high`.
    pub high: Option<u64>,
    /// Effective `memory.max`.
    pub max: Option<u64>,
}

/// What runs in the main process, as far as it matters for stopping and dumping it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// Go: writing a profile stops the world.
    Go,
    /// A Java virtual machine: safepoints.
    Jvm,
    /// Node.js: one thread runs everything.
    Node,
    /// `CPython`: one lock is held by whoever runs.
    Python,
    /// Anything else: its threads go on independently.
    #[default]
    Native,
}

/// A look at the main process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Mask of signals with a handler.
    pub caught: u64,
    /// Mask of signals the main thread blocks: somebody waits for them by `sigwait` or `signalfd`.
    pub blocked: u64,
    /// Number of threads.
    pub threads: u32,
    /// The process is stopped (`SIGSTOP`) and runs no handler.
    pub stopped: bool,
    /// What runs in it.
    pub runtime: Runtime,
}

impl Inspection {
    /// Whether the process does something of its own on that signal.
    pub fn handles(&self, signal: Signal) -> bool {
        (self.caught | self.blocked) & signal.bit() != 0
    }

    /// Whether a thread of its own waits for that signal, so that a leaking thread is not needed to handle it.
    pub fn waits_for(&self, signal: Signal) -> bool {
        self.blocked & signal.bit() != 0
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It returned that status.
    Code(i32),
    /// A signal of that number ended it.
    Signal(i32),
}

impl Exit {
    /// Whether it is a failure: a status other than 0, or a signal.
    pub fn failed(self) -> bool {
        self != Self::Code(0)
    }
}

/// What whoever runs a service of others says of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// How its main process ended.
    pub exit: Exit,
    /// What they make of it.
    pub verdict: Verdict,
}

/// What whoever runs a service of others makes of its end: they know which statuses and signals are right for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It ended as it should.
    Right,
    /// It failed.
    Failed,
    /// It ended because the kernel killed something of it for want of memory.
    OomKilled,
}

/// What ended a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// We asked it to end, or killed it.
    Asked,
    /// The kernel killed it at its own `memory.max`.
    OwnLimit,
    /// The kernel killed it at a limit further up, or for the whole machine.
    OuterLimit,
    /// It failed by itself.
    Crash,
    /// It ended by itself with status 0.
    Finished,
    /// It ended, and nobody can tell how: it was not our child.
    Unknown,
}

impl Cause {
    /// Its name in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::OwnLimit => "own-limit",
            Self::OuterLimit => "outer-limit",
            Self::Crash => "crash",
            Self::Finished => "finished",
            Self::Unknown => "unknown",
        }
    }
}
