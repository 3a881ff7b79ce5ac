//! What is watched for.

use std::time::Duration;

use crate::amount::Amount;

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
