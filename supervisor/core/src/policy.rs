//! A checked policy as plain data. It is read and checked elsewhere; here every value is already sound.

use std::time::Duration;

use crate::amount::Amount;
use crate::signal::Signal;

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

/// Limits of the service cgroup.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    /// `memory.max` to set in bytes; `None` keeps the limit already in force.
    pub max: Option<u64>,
    /// Where `memory.high` waits for a touch; `None` is "off".
    pub tripwire: Option<Amount>,
    /// Whether leaking threads may be put to sleep for a moment to dump and stop.
    pub hold: bool,
}

/// A named condition over readings.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// Its name in the policy.
    pub name: String,
    /// What makes it fire.
    pub condition: Condition,
}

/// What makes a trigger fire.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// A counter of `memory.events` moved.
    MemoryEvent {
        /// Which one.
        counter: Counter,
    },
    /// Tasks of the service stalled on memory for `stall` within `window`.
    Pressure {
        /// Some tasks, or all of them at once.
        line: Line,
        /// Stall time that fires.
        stall: Duration,
        /// Window it is counted in: 500 ms to 10 s; without `CAP_SYS_RESOURCE` a multiple of 2 s.
        window: Duration,
    },
    /// Usage stayed above a level.
    Usage {
        /// Which measure of usage.
        of: Measure,
        /// The level.
        above: Amount,
        /// How long it must stay there.
        lasting: Duration,
    },
    /// At the present slope the limit is reached soon.
    Exhaustion {
        /// How soon.
        within: Duration,
        /// The slope is taken over this long.
        over: Duration,
    },
}

/// A counter of `memory.events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// `high`: usage went over `memory.high`.
    High,
    /// `max`: usage was about to go over `memory.max`.
    Max,
    /// `oom`: an allocation failed at the limit.
    Oom,
    /// `oom_kill`: the kernel killed a process of the service.
    OomKill,
}

/// A line of a pressure file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// At least one task stalled.
    Some,
    /// All tasks stalled at once.
    Full,
}

/// A measure of memory usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// `memory.current` less `inactive_file`: what the kubelet calls the working set.
    WorkingSet,
    /// Anonymous memory.
    Anon,
    /// `memory.current`, page cache included.
    Current,
}

/// One rung of the ladder.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its name in the policy.
    pub name: String,
    /// It waits until the incident is still there this long after the step before.
    pub after: Duration,
    /// Indices into [`Policy::triggers`] of those it answers.
    pub on: Vec<usize>,
    /// It waits until its triggers fired this often.
    pub repeat: Option<Times>,
    /// What it does.
    pub action: Action,
}

/// So many times in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// How often, at least 1.
    pub times: u32,
    /// In how long.
    pub within: Duration,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Have the service write down what it knows.
    Dump(Dump),
    /// Slow it down by `memory.high`, as a lease.
    Throttle {
        /// Where to put `memory.high`; never more than about 5 % below usage.
        high: Amount,
        /// How long at most.
        lasting: Duration,
    },
    /// End it gracefully and start the next generation.
    Restart(Restart),
    /// Send a signal to the main process.
    Signal {
        /// Which one.
        send: Signal,
    },
    /// Run a command outside the service cgroup.
    Command {
        /// Program and arguments; no shell.
        run: Vec<String>,
        /// Killed after this long.
        within: Duration,
    },
    /// POST to a URL.
    Http {
        /// `http://` and an IP literal or `localhost`.
        post: String,
        /// Given up after this long.
        within: Duration,
    },
    /// Ask the kernel to reclaim memory of the service.
    Reclaim {
        /// How much.
        amount: Amount,
    },
    /// `cgroup.kill` at once; `[service] restart` says what follows.
    Kill,
}

impl Action {
    /// The key of the action in a policy, and its name in the journal.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Dump(_) => "dump",
            Self::Throttle { .. } => "throttle",
            Self::Restart(_) => "restart",
            Self::Signal { .. } => "signal",
            Self::Command { .. } => "command",
            Self::Http { .. } => "http",
            Self::Reclaim { .. } => "reclaim",
            Self::Kill => "kill",
        }
    }
}

/// A dump and how its end is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Dump {
    /// Where it comes from.
    pub source: DumpSource,
    /// Deadline.
    pub within: Duration,
    /// Memory it needs in the service, in bytes; what the last one needed counts when this is not given.
    pub needs: Option<u64>,
    /// So many of the newest are kept.
    pub keep: usize,
}

/// Where a dump comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum DumpSource {
    /// The main process writes a file on a signal.
    Signal {
        /// The signal it handles.
        signal: Signal,
        /// Absolute path of the file; `*` stands for anything but `/` in the last part.
        file: String,
    },
    /// GET, and the body is the dump.
    Http {
        /// `http://` and an IP literal or `localhost`.
        url: String,
    },
    /// A command run outside the service cgroup; its standard output and the files it leaves in
    /// `$HIGHWATER_EVIDENCE` are the dump.
    Command {
        /// Program and arguments; no shell.
        run: Vec<String>,
    },
}

/// How the service is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// Restarts allowed; one more ends highwater with status 75.
    pub budget: Times,
    /// Shortest and longest pause before the next generation; it doubles in between.
    pub backoff: (Duration, Duration),
    /// A generation that lived this long resets the backoff.
    pub stable_for: Duration,
}

impl Default for Restart {
    /// 5 restarts within 10 minutes, 1 s to 1 min apart, stable after 10 minutes.
    fn default() -> Self {
        Self {
            budget: Times { times: 5, within: Duration::from_mins(10) },
            backoff: (Duration::from_secs(1), Duration::from_mins(1)),
            stable_for: Duration::from_mins(10),
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
