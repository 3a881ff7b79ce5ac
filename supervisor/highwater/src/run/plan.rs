//! The plan in force, said at the start: what is watched and what would be done.

use highwater_core::ability::{Abilities, Ability};
use highwater_core::policy::{Action, Condition, Counter, DumpSource, Line, Measure, Policy, Step, Trigger};

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
            format!("{line} stalled {stall:?} within {window:?}")
        }
        Condition::Usage { of, above, lasting } => {
            let of = match of {
                Measure::WorkingSet => "working set",
                Measure::Anon => "anonymous memory",
                Measure::Current => "usage",
            };
            format!("{of} above {above} for {lasting:?}")
        }
        Condition::Exhaustion { within, over } => format!("limit reached within {within:?} at the slope of {over:?}"),
    };
    format!("trigger {}: {when}", trigger.name)
}

fn step(number: usize, step: &Step, policy: &Policy) -> String {
    let what = match &step.action {
        Action::Dump(dump) => match &dump.source {
            DumpSource::Signal { signal, file } => format!("dump by {signal} into {file}"),
            DumpSource::Http { url } => format!("dump from {url}"),
            DumpSource::Command { run } => format!("dump by {}", run.join(" ")),
        },
        Action::Throttle { high, lasting } => format!("throttle at {high} for {lasting:?}"),
        Action::Restart(restart) => {
            format!("restart, {} times within {:?}", restart.budget.times, restart.budget.within)
        }
        Action::Signal { send } => format!("send {send}"),
        Action::Command { run, .. } => format!("run {}", run.join(" ")),
        Action::Http { post, .. } => format!("post to {post}"),
        Action::Reclaim { amount } => format!("reclaim {amount}"),
        Action::Kill => "kill".into(),
    };
    let names: Vec<&str> = step.on.iter().map(|trigger| policy.triggers[*trigger].name.as_str()).collect();
    let wait = if step.after.is_zero() { String::new() } else { format!(" after {:?}", step.after) };
    format!("step {} {}: {what}{wait}, on {}", number + 1, step.name, names.join(", "))
}
