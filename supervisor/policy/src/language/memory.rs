//! `[memory]`.

use crate::shape::shape;
use crate::text::amount::{Max, Tripwire};
use crate::text::size::Size;
use crate::text::words::words;

shape! {
    /// Limits of the service cgroup.
    Memory in "[memory]" {
        /// The limit of the service (memory.max), as bytes with a unit. When absent, the limit already in force stays;
        /// "none" says that there is none, so that a percentage would be of nothing.
        "max" max: Max = Optional,
        /// Kept back below the limit, to be lent for a dump that would not fit otherwise. Without `max` the service's limit
        /// is so much below the one already in force; with it, so much may be lent on top. When absent, what the cgroups
        /// above have left is lent.
        "reserve" reserve: Size = Optional,
        /// Where memory.high waits for a touch: it wakes highwater without polling, and holds the service back if
        /// highwater were slow. Bytes or a percentage of the limit; "off" to poll instead.
        "tripwire" tripwire: Tripwire = Default("'80%'"),
        /// Whether leaking threads may be put to sleep for a moment, so that a dump and a clean stop get through:
        /// "auto" where it helps, or "off".
        "hold" hold: Hold = Default("'auto'"),
    }
}

/// Whether leaking threads may be put to sleep for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Where it helps.
    Auto,
    /// Never.
    Off,
}

words! {
    Hold {
        "auto" => Auto,
        "off" => Off,
    }
}
