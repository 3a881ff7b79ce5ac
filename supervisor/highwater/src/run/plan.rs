//! The plan in force, said at the start: what is watched and what would be done.

use std::time::Duration;

use highwater_core::ability::{Abilities, Ability};
use highwater_core::policy::{Action, Condition, Counter, Destination, Line, Measure, Policy, Receiver, Step, Trigger};

/// The plan in lines for people, with what this host does not allow.
pub fn lines(policy: &Policy, abilities: Abilities, dry_run: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if dry_run {
        lines.push("dry run: steps are only said".into());
    }
    lines.push(match policy.memory.tripwire {
        Some(level) if abilities.has(Ability::Throttle) => format!("tripwire at {level} of the limit"),
        Some(level) => format!("tripwire at {level} of the limit, by sampling"),
        None => "no tripwire".into(),
    });
    lines.extend(policy.triggers.iter().map(trigger));
    lines.extend(policy.steps.iter().enumerate().map(|(number, rung)| step(number, rung, policy)));
    lines
}

fn trigger(trigger: &Trigger) -> String {
    let when = match &trigger.condition {
        Condition::MemoryEvent { counter } => {
            let counter = match counter {
                Counter::High => "high",
                Counter::Max => "max",
                Counter::Oom => "oom",
                Counter::OomKill => "oom_kill",
            };
            format!("memory.events {counter} moves")
        }
        Condition::Pressure { line, stall, window } => {
            let line = if *line == Line::Some { "some" } else { "full" };
            format!("{line} stalled {} within {}", span(*stall), span(*window))
        }
        Condition::Usage { of, above, lasting } => {
            let of = match of {
                Measure::WorkingSet => "working set",
                Measure::Anon => "anonymous memory",
                Measure::Current => "usage",
            };
            let lasting = if lasting.is_zero() { String::new() } else { format!(" for {}", span(*lasting)) };
            format!("{of} above {above}{lasting}")
        }
        Condition::Exhaustion { within, over } => {
            format!("limit reached within {} at the slope of {}", span(*within), span(*over))
        }
    };
    format!("trigger {}: {when}", trigger.name)
}

fn step(number: usize, step: &Step, policy: &Policy) -> String {
    let what = match &step.action {
        Action::Dump(dump) => {
            let sources: Vec<String> = dump.recipes.iter().map(|recipe| recipe.source.to_string()).collect();
            format!("dump by {}", sources.join(", or else by "))
        }
        Action::Throttle { high, lasting } => format!("throttle at {high} for {}", span(*lasting)),
        Action::Restart(restart) => {
            format!("restart, {} times within {}", restart.budget.times, span(restart.budget.within))
        }
        Action::Signal { send } => format!("send {send}"),
        Action::Command { run, .. } => format!("run {}", run.join(" ")),
        Action::Http { post, .. } => format!("post to {post}"),
        Action::Reclaim { amount } => format!("reclaim {amount}"),
        Action::Kill => "kill".into(),
        Action::Shed { lasting } => format!("shed load for {}", span(*lasting)),
        Action::Shrink => "tell the service to shrink".into(),
        Action::Upload { to, .. } => match to {
            Destination::Command { run } => format!("upload by {}", run.join(" ")),
            Destination::HttpPut { url, .. } => format!("upload to {url}"),
            Destination::S3 { endpoint, bucket, .. } => format!("upload to {endpoint}/{bucket}"),
        },
        Action::Notify { whom: Receiver::Alertmanager { url } | Receiver::Webhook { url }, .. } => {
            format!("notify {url}")
        }
    };
    let names: Vec<&str> = step.on.iter().map(|trigger| policy.triggers[*trigger].name.as_str()).collect();
    let wait = if step.after.is_zero() { String::new() } else { format!(" after {}", span(step.after)) };
    format!("step {} {}: {what}{wait}, on {}", number + 1, step.name, names.join(", "))
}

/// A time as policies write it, in the largest unit that leaves no rest.
fn span(time: Duration) -> String {
    let millis = time.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    match units.into_iter().find(|(_, length)| millis >= *length && millis.is_multiple_of(*length)) {
        Some((unit, length)) => format!("{}{unit}", millis / length),
        None => format!("{millis}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_policies_write_them() {
        let text = |millis| span(Duration::from_millis(millis));
        assert_eq!([text(250), text(90_000), text(3_600_000)], ["250ms", "90s", "1h"]);
        assert_eq!([text(2_592_000_000), text(60_000), text(0)], ["30d", "1m", "0ms"]);
    }

    #[test]
    fn the_built_in_policy_is_said_in_full() {
        let policy = highwater_policy::parse(&highwater_policy::Source::built_in()).unwrap().policy;
        let lines = lines(&policy, Abilities::all(), false);
        assert_eq!(lines[0], "tripwire at 80% of the limit");
        assert_eq!(lines[2], "step 1 restart: restart, 5 times within 10m after 30d, on breach");
    }
}
