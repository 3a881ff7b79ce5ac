//! The actions of a step other than `dump`.

use highwater_core::amount::Amount;

use crate::shape::shape;
use crate::text::argv::Argv;
use crate::text::backoff::Backoff;
use crate::text::count::Count;
use crate::text::duration::Lasting;
use crate::text::signal::AppSignal;
use crate::text::url::Url;

shape! {
    /// Slow the service down by memory.high. A lease: given back at the end, on resolve, before a dump or stop, and
    /// however highwater ends.
    Throttle in "`throttle`" {
        /// Where to put memory.high: bytes, or a percentage of the limit. Never more than about 5% below usage.
        "high" high: Amount = Required,
        /// How long at most.
        "for" lasting: Lasting = Required,
    }
}

shape! {
    /// End the service gracefully and start the next generation.
    Restart in "`restart`" {
        /// Restarts allowed; one more ends highwater with status 75 instead of looping.
        "budget" budget: Budget = Default("{ times = 5, within = '10m' }"),
        /// Shortest and longest pause before the next generation; it doubles in between.
        "backoff" backoff: Backoff = Default("'1s..1m'"),
        /// A generation that lived this long resets the backoff.
        "stable-for" stable_for: Lasting = Default("'10m'"),
    }
}

shape! {
    /// So many restarts in so long.
    Budget in "`budget`" {
        /// How many, at least one.
        "times" times: Count = Required,
        /// In how long.
        "within" within: Lasting = Required,
    }
}

shape! {
    /// Send a signal to the main process.
    SignalStep in "`signal`" {
        /// Which one.
        "send" send: AppSignal = Required,
    }
}

shape! {
    /// Run a command outside the service cgroup.
    Command in "`command`" {
        /// Program and arguments; no shell.
        "run" run: Argv = Required,
        /// Killed after this long.
        "within" within: Lasting = Default("'10s'"),
    }
}

shape! {
    /// POST the incident to a URL.
    Http in "`http`" {
        /// http:// with an IP literal or localhost.
        "post" post: Url = Required,
        /// Given up after this long.
        "within" within: Lasting = Default("'10s'"),
    }
}

shape! {
    /// Ask the kernel to reclaim memory of the service.
    Reclaim in "`reclaim`" {
        /// How much: bytes, or a percentage of the limit.
        "amount" amount: Amount = Required,
    }
}

shape! {
    /// Say that the service is not ready, so that load goes elsewhere: /readyz says 503, with Retry-After.
    Shed in "`shed`" {
        /// How long at most; it ends with the incident, and with the generation.
        "for" lasting: Lasting = Required,
    }
}

shape! {
    /// Tell the service to give memory back, by the protocol of `$MEMORY_PRESSURE_WATCH`. An empty table: `shrink = {}`.
    Shrink in "`shrink`" {
    }
}

shape! {
    /// Kill everything in the service cgroup at once. An empty table: `kill = {}`.
    Kill in "`kill`" {
    }
}
