//! The rungs of the ladder.

use std::time::Duration;

use super::{Destination, Dump, Receiver};
use crate::amount::Amount;
use crate::signal::Signal;

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
    /// Say that the service is not ready, so that load goes elsewhere.
    Shed {
        /// How long at most.
        lasting: Duration,
    },
    /// Tell the service by the protocol of `$MEMORY_PRESSURE_WATCH` to give memory back.
    Shrink,
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
            Self::Shed { .. } => "shed",
            Self::Shrink => "shrink",
            Self::Upload { .. } => "upload",
            Self::Notify { .. } => "notify",
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
