//! A checked policy as plain data. It is read and checked elsewhere; here every value is already sound.

use std::fmt;
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
    /// What is kept of incidents, and what it is compared with.
    pub evidence: Evidence,
}

/// What is kept of incidents, and what it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Bytes over all incidents.
    pub max_bytes: u64,
    /// Incidents that are kept.
    pub max_count: usize,
    /// Bytes that stay free on the disk.
    pub min_free: u64,
    /// When a profile of the healthy service is taken, by the source of the first dump step.
    pub baseline: Option<Baseline>,
    /// A series of small profiles by the same source.
    pub series: Option<Series>,
}

/// When the healthy service is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Age of the service.
    pub after: Duration,
    /// Once more after this long.
    pub every: Duration,
}

/// A series of small profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series {
    /// How often.
    pub every: Duration,
    /// So many are kept.
    pub keep: usize,
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
    /// Bytes kept back to be lent; `None` lends what the cgroups above have left.
    pub reserve: Option<u64>,
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
    /// Take what the incident leaves behind off the machine, beside the ladder.
    Upload {
        /// Where to.
        to: Destination,
        /// Tried again for this long.
        patience: Duration,
    },
    /// Tell somebody, beside the ladder.
    Notify {
        /// Whom.
        whom: Receiver,
        /// Tried again for this long.
        patience: Duration,
    },
}

/// Where the files of an incident are taken.
#[derive(Clone, Debug, PartialEq)]
pub enum Destination {
    /// A command that finds them in `$HIGHWATER_BUNDLE`.
    Command {
        /// Program and arguments; no shell.
        run: Vec<String>,
    },
    /// PUT to this URL, the incident and the name of the file.
    HttpPut {
        /// `http://` and an IP literal or `localhost`.
        url: String,
        /// A file with the bearer token.
        token_file: Option<String>,
    },
    /// An S3-compatible store.
    S3 {
        /// `http://` and an IP literal or `localhost`.
        endpoint: String,
        /// The bucket.
        bucket: String,
        /// Put before the names of the objects.
        prefix: String,
        /// The region requests are signed for.
        region: String,
        /// A credentials file; the environment if there is none.
        credentials: Option<String>,
    },
}

/// Who is told of an incident.
#[derive(Clone, Debug, PartialEq)]
pub enum Receiver {
    /// An Alertmanager of Prometheus.
    Alertmanager {
        /// Its address, without a path.
        url: String,
    },
    /// Whoever takes a POST of JSON.
    Webhook {
        /// Its URL.
        url: String,
    },
}

impl Default for Evidence {
    /// 1 GiB in 100 files, 256 MiB free, and nothing taken of a healthy service.
    fn default() -> Self {
        Self { max_bytes: 1 << 30, max_count: 100, min_free: 256 << 20, baseline: None, series: None }
    }
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
            Self::Upload { .. } => "upload",
            Self::Notify { .. } => "notify",
        }
    }
}

/// A dump: recipes, of which the first that fits is followed.
#[derive(Clone, Debug, PartialEq)]
pub struct Dump {
    /// The one that is wanted, then cheaper ones; at least one.
    pub recipes: Vec<Recipe>,
    /// So many of the newest are kept.
    pub keep: usize,
}

/// A way to a dump, and how its end is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Where the dump comes from.
    pub source: DumpSource,
    /// Deadline.
    pub within: Duration,
    /// Memory it needs in the service, in bytes; what the last one needed counts when this is not given.
    pub needs: Option<u64>,
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
    /// Asked of a JVM by its attach protocol.
    Jvm(JvmDump),
    /// The heap profile of a Go program, read out of its memory while it is frozen.
    GoHeap,
    /// The stacks of a Python program, by `py-spy`.
    PythonStacks,
    /// A core of the main process, by `gcore`.
    Core,
}

/// What a JVM is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JvmDump {
    /// `GC.class_histogram -all`: instances and bytes by class, without a collection before it.
    Histogram,
    /// `GC.heap_dump -all`: everything, as an HPROF file.
    Heap,
    /// `Thread.print`: the stacks of all threads.
    Threads,
}

impl DumpSource {
    /// Whether it is taken from outside: the service need not do anything for it, nor have memory for it.
    pub fn is_outside(&self) -> bool {
        matches!(self, Self::GoHeap | Self::PythonStacks | Self::Core)
    }
}

impl fmt::Display for DumpSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal { signal, file } => write!(formatter, "{signal} into {file}"),
            Self::Http { url } => write!(formatter, "{url}"),
            Self::Command { run } => write!(formatter, "{}", run.join(" ")),
            Self::Jvm(JvmDump::Histogram) => formatter.write_str("class histogram of the JVM"),
            Self::Jvm(JvmDump::Heap) => formatter.write_str("heap dump of the JVM"),
            Self::Jvm(JvmDump::Threads) => formatter.write_str("threads of the JVM"),
            Self::GoHeap => formatter.write_str("heap profile of Go from outside"),
            Self::PythonStacks => formatter.write_str("stacks of Python from outside"),
            Self::Core => formatter.write_str("core by gcore"),
        }
    }
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
