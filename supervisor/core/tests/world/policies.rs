//! Policies for tests, built like the ones users write.

use std::time::Duration;

use highwater_core::amount::{Amount, MIB};
use highwater_core::policy::{
    Action, Condition, Counter, Dump, DumpSource, Evidence, Http, Journal, Measure, Memory, Policy, Recipe, Restart,
    Service, Step, Times, Trigger,
};
use highwater_core::signal::Signal;

pub fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The policy of the documents: tripwire at 80 %, dump, throttle after 10 s, restart after 2 min.
pub fn documented() -> Policy {
    Policy { steps: vec![dump(), after(10, throttle("90", secs(300))), after(120, restart(3, secs(3_600)))], ..bare() }
}

/// A tripwire at 80 % and the trigger on it, and no steps.
pub fn bare() -> Policy {
    Policy {
        service: Service::default(),
        memory: Memory { reserve: None, max: None, tripwire: Some(Amount::Share(8_000)), hold: true },
        triggers: vec![breach()],
        steps: Vec::new(),
        resolve_after: secs(60),
        evidence: Evidence::default(),
        sockets: Vec::new(),
        http: Http::default(),
        journal: Journal::default(),
    }
}

pub fn breach() -> Trigger {
    Trigger { name: "breach".into(), condition: Condition::MemoryEvent { counter: Counter::High } }
}

pub fn near_limit(share: u32, lasting: Duration) -> Trigger {
    let above = Amount::Share(share * 100);
    let condition = Condition::Usage { of: Measure::WorkingSet, above, lasting };
    Trigger { name: "near-limit".into(), condition }
}

pub fn step(name: &str, action: Action) -> Step {
    Step { name: name.into(), after: Duration::ZERO, on: vec![0], repeat: None, action }
}

pub fn after(seconds: u64, step: Step) -> Step {
    Step { after: secs(seconds), ..step }
}

pub fn repeated(times: u32, within: u64, step: Step) -> Step {
    Step { repeat: Some(Times { times, within: secs(within) }), ..step }
}

pub fn dump() -> Step {
    let source = DumpSource::Signal { signal: Signal::USR1, file: "/var/tmp/heap".into() };
    let recipe = Recipe { source, within: secs(20), needs: Some(16 * MIB) };
    step("dump", Action::Dump(Dump { recipes: vec![recipe], keep: 5 }))
}

pub fn throttle(share: &str, lasting: Duration) -> Step {
    let share = share.parse::<u32>().unwrap();
    step("throttle", Action::Throttle { high: Amount::Share(share * 100), lasting })
}

pub fn restart(times: u32, within: Duration) -> Step {
    let budget = Times { times, within };
    let rule = Restart { budget, backoff: (secs(1), secs(60)), stable_for: secs(600) };
    step("restart", Action::Restart(rule))
}

pub fn signal(signal: Signal) -> Step {
    step("signal", Action::Signal { send: signal })
}

pub fn command(name: &str, within: Duration) -> Step {
    step(name, Action::Command { run: vec!["/bin/true".into()], within })
}
