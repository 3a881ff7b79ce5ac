//! `[trigger.NAME]`: conditions over readings.

use std::time::Duration;

use highwater_core::amount::Amount;
use highwater_core::policy::{Counter, Line, Measure};

use crate::shape::shape;
use crate::text::duration::Lasting;
use crate::text::words::words;

shape! {
    /// A named condition over readings: exactly one of the keys.
    Trigger in "a [trigger]" {
        /// A counter of memory.events moved.
        "memory-event" memory_event: MemoryEvent = Optional,
        /// Tasks of the service stalled on memory (PSI).
        "pressure" pressure: Pressure = Optional,
        /// Usage stayed above a level.
        "usage" usage: Usage = Optional,
        /// At the present slope the limit is reached soon.
        "exhaustion" exhaustion: Exhaustion = Optional,
    }
    choose [["memory-event"], ["pressure"], ["usage"], ["exhaustion"]]
}

shape! {
    /// A counter of memory.events moved.
    MemoryEvent in "`memory-event`" {
        /// high: usage touched the tripwire; max: it was about to exceed the limit; oom: an allocation failed there;
        /// oom-kill: the kernel killed a process of the service.
        "counter" counter: Counter = Required,
    }
}

words! {
    Counter {
        "high" => High,
        "max" => Max,
        "oom" => Oom,
        "oom-kill" => OomKill,
    }
}

shape! {
    /// Tasks of the service stalled on memory for `stall` within `window`. Not counted while highwater's own throttle
    /// is on.
    Pressure in "`pressure`" {
        /// some: at least one task stalled; full: all of them at once.
        "line" line: Line = Default("'some'"),
        /// Stall time that fires, at most the window.
        "stall" stall: Lasting = Required,
        /// Window it is counted in, 500ms to 10s. Without `CAP_SYS_RESOURCE` the kernel takes only multiples of 2s.
        "window" window: Lasting = Required,
    }
}

words! {
    Line {
        "some" => Some,
        "full" => Full,
    }
}

shape! {
    /// Usage stayed above a level.
    Usage in "`usage`" {
        /// working-set: memory.current less `inactive_file`; anon: anonymous memory; current: page cache included.
        "of" of: Measure = Default("'working-set'"),
        /// The level: bytes, or a percentage of the limit.
        "above" above: Amount = Required,
        /// How long it must stay there.
        "for" lasting: Duration = Default("'0s'"),
    }
}

words! {
    Measure {
        "working-set" => WorkingSet,
        "anon" => Anon,
        "current" => Current,
    }
}

shape! {
    /// At the present slope the limit is reached soon.
    Exhaustion in "`exhaustion`" {
        /// How soon.
        "within" within: Lasting = Required,
        /// The slope is taken over this long.
        "over" over: Lasting = Default("'2m'"),
    }
}
