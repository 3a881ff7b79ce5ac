//! `[[step]]`: one rung of the ladder.

use std::time::Duration;

use super::{Command, Dump, Http, Kill, Notify, Reclaim, Restart, Shed, Shrink, SignalStep, Throttle, Upload};
use crate::shape::shape;
use crate::text::count::Count;
use crate::text::duration::Lasting;
use crate::text::name::{Name, TriggerNames};

shape! {
    /// One rung of the ladder: a name, when, and exactly one action.
    Step in "a [[step]]" {
        /// Its name in the journal and in the file names of its evidence.
        "name" name: Name = Required,
        /// It waits until the incident is still there this long after the step before.
        "after" after: Duration = Default("'0s'"),
        /// The triggers it answers; all of them when absent.
        "on" on: TriggerNames = Optional,
        /// It waits until its triggers fired this often.
        "repeat" repeat: Repeat = Optional,
        /// Have the service write down what it knows.
        "dump" dump: Dump = Optional,
        /// Slow it down by memory.high, as a lease that is always given back.
        "throttle" throttle: Throttle = Optional,
        /// End it gracefully and start the next generation.
        "restart" restart: Restart = Optional,
        /// Send a signal to the main process.
        "signal" signal: SignalStep = Optional,
        /// Run a command outside the service cgroup.
        "command" command: Command = Optional,
        /// POST the incident to a URL.
        "http" http: Http = Optional,
        /// Ask the kernel to reclaim memory of the service.
        "reclaim" reclaim: Reclaim = Optional,
        /// Kill it at once; `[service] restart` says what follows.
        "kill" kill: Kill = Optional,
        /// Send load away for a while.
        "shed" shed: Shed = Optional,
        /// Tell the service to give memory back.
        "shrink" shrink: Shrink = Optional,
        /// Take what the incident leaves behind off the machine.
        "upload" upload: Upload = Optional,
        /// Tell somebody.
        "notify" notify: Notify = Optional,
    }
    choose [
        ["dump"], ["throttle"], ["restart"], ["signal"], ["command"], ["http"], ["reclaim"], ["kill"], ["shed"],
        ["shrink"], ["upload"], ["notify"]
    ]
}

shape! {
    /// So many times in so long.
    Repeat in "`repeat`" {
        /// How often, at least once.
        "times" times: Count = Required,
        /// In how long.
        "within" within: Lasting = Required,
    }
}
