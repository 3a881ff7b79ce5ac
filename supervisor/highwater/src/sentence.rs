//! Records as sentences, for people at a terminal.

use highwater_core::amount::Bytes;
use highwater_core::reading::{Cause, Memory};
use highwater_core::record::{Event, Evidence, Missing, Outcome, Reading, Record};

/// The record in one line, without its time.
pub fn sentence(record: &Record) -> String {
    match &record.event {
        Event::SupervisorStarted { policy, plan, missing, .. } => {
            let hello = format!("highwater {} with policy {policy}", env!("CARGO_PKG_VERSION"));
            let lines: Vec<String> = [hello].into_iter().chain(plan.iter().cloned()).chain(lacks(missing)).collect();
            lines.join("\n    ")
        }
        Event::SupervisorStopping { reason } => format!("stopping: {reason}"),
        Event::Notice { reason } => reason.clone(),
        Event::PolicyReloaded { policy } => format!("policy {policy} is in force"),
        Event::PolicyRejected { policy, reason } => format!("policy {policy} is refused, the old one stays: {reason}"),
        Event::ServiceStarted { pid, .. } => format!("service started, generation {}, pid {pid}", record.generation),
        Event::ServiceExited { code, signal, cause, .. } => exited(*code, *signal, *cause),
        Event::ServiceBackoff { wait_ms, left } => {
            format!("next generation in {} s, {left} restarts left", seconds(*wait_ms))
        }
        Event::TriggerFired { trigger, reading } => format!("trigger {trigger} fired: {}", reading_text(reading)),
        Event::TriggerCleared { trigger, reading } => format!("trigger {trigger} cleared: {}", reading_text(reading)),
        Event::IncidentOpened { trigger } => {
            format!("incident {} opened by {trigger}", record.incident.as_deref().unwrap_or("?"))
        }
        Event::IncidentResolved { took_ms, reason } => {
            format!("incident resolved after {} s: {reason}", seconds(*took_ms))
        }
        Event::StepStarted { step, reason, source, plan, memory, .. } => {
            let plan = plan.map(|plan| plan.to_string());
            let why = [source.clone(), reason.clone(), plan, memory.as_ref().map(memory_text)];
            format!("step {step} started{}", appended(why))
        }
        Event::StepFinished { step, outcome, reason, took_ms, evidence, .. } => {
            let why = [reason.clone(), evidence_text(evidence)];
            format!("step {step} {} in {} s{}", outcome_text(*outcome), seconds(*took_ms), appended(why))
        }
        Event::StepSkipped { step, reason, evidence, .. } => {
            format!("step {step} skipped{}", appended([Some(reason.clone()), evidence_text(evidence)]))
        }
        Event::ProfileTaken { purpose, evidence, took_ms, .. } => {
            format!("{purpose} profile taken in {} s{}", seconds(*took_ms), appended([evidence_text(evidence)]))
        }
        Event::ProfileSkipped { purpose, source, reason } => {
            format!("{purpose} profile not taken{}", appended([source.clone(), Some(reason.clone())]))
        }
        Event::IncidentAnalysed { because, grew, .. } => {
            let grew = (!grew.is_empty()).then(|| grew.join(", "));
            format!("incident {}{}", record.incident.as_deref().unwrap_or("?"), appended([Some(because.clone()), grew]))
        }
        Event::DeliveryFinished { step, action, outcome, reason, attempts } => {
            let times = if *attempts == 1 { String::new() } else { format!(" after {attempts} attempts") };
            format!("{action} of step {step} {}{times}{}", outcome_text(*outcome), appended([reason.clone()]))
        }
        Event::CommandReceived { command, by, step, reason } => match step {
            Some(step) => format!("{command} asked for by {by}: step {step}"),
            None => format!("{command} asked for by {by}, refused{}", appended([reason.clone()])),
        },
        Event::ShedEnded { reason, took_ms, .. } => {
            format!("ready for load again after {} s: {reason}", seconds(*took_ms))
        }
        Event::ThrottleLifted { reason, took_ms, growth, .. } => {
            let [before, during] = growth.map(Bytes);
            let took = seconds(*took_ms);
            format!("throttle lifted after {took} s: {reason}; growth {before}/s before, {during}/s throttled")
        }
    }
}

/// Whether a record is bad news.
pub fn is_warning(event: &Event) -> bool {
    match event {
        Event::PolicyRejected { .. } | Event::ServiceExited { oom_killed: true, .. } => true,
        Event::ServiceExited { cause, .. } => matches!(cause, Cause::Crash),
        Event::StepFinished { outcome, .. } | Event::DeliveryFinished { outcome, .. } => {
            matches!(outcome, Outcome::Failed | Outcome::TimedOut)
        }
        _ => false,
    }
}

/// One cause often takes several abilities away: it is said once.
fn lacks(missing: &[Missing]) -> Vec<String> {
    let mut causes: Vec<(&str, Vec<&str>)> = Vec::new();
    for lack in missing {
        match causes.iter_mut().find(|(reason, _)| *reason == lack.reason) {
            Some((_, abilities)) => abilities.push(lack.ability),
            None => causes.push((&lack.reason, vec![lack.ability])),
        }
    }
    causes.into_iter().map(|(reason, abilities)| format!("without {}: {reason}", abilities.join(", "))).collect()
}

fn exited(code: Option<i32>, signal: Option<i32>, cause: Cause) -> String {
    let how = match (code, signal) {
        (_, Some(signal)) => {
            let name = highwater_core::signal::Signal::new(signal).map_or("a signal", |signal| signal.name());
            format!("ended by {name}")
        }
        (Some(code), None) => format!("ended with status {code}"),
        (None, None) => "ended".into(),
    };
    let why = match cause {
        Cause::Asked => "as asked",
        Cause::OwnLimit => "killed by the kernel at its own memory limit",
        Cause::OuterLimit => "killed by the kernel at a limit further up",
        Cause::Crash => "by itself",
        Cause::Finished => "of its own accord",
        Cause::Unknown => "nobody but its parent is told how",
    };
    format!("service {how}, {why}")
}

/// What a trigger saw, in words.
pub fn reading_text(reading: &Reading) -> String {
    match reading {
        Reading::Counter { counter, delta, current, unreclaimable } => {
            let (current, hard) = (Bytes(*current), Bytes(*unreclaimable));
            format!("memory.events {counter} +{delta} at {current}, {hard} of it not reclaimable")
        }
        Reading::Stall { line, stall_ms, window_ms } => format!("{line} stalled {stall_ms} ms within {window_ms} ms"),
        Reading::Level { of, bytes, above } => format!("{of} is {}, level {}", Bytes(*bytes), Bytes(*above)),
        Reading::Time { seconds_left: Some(left), slope } => {
            format!("{left} s to the limit at {}/s", Bytes(slope.unsigned_abs()))
        }
        Reading::Time { seconds_left: None, .. } => "usage no longer grows towards the limit".into(),
        Reading::Why { reason } => (*reason).into(),
    }
}

fn memory_text(memory: &Memory) -> String {
    match memory.max {
        Some(max) => format!("{} of {} in use", Bytes(memory.current), Bytes(max)),
        None => format!("{} in use", Bytes(memory.current)),
    }
}

fn evidence_text(evidence: &[Evidence]) -> Option<String> {
    let text = |file: &Evidence| format!("{} ({})", file.path, Bytes(file.bytes));
    (!evidence.is_empty()).then(|| evidence.iter().map(text).collect::<Vec<_>>().join(", "))
}

fn outcome_text(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Failed => "failed",
        Outcome::TimedOut => "timed out",
        Outcome::Cancelled => "cancelled",
    }
}

fn appended(parts: impl IntoIterator<Item = Option<String>>) -> String {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join("; ")) }
}

fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_core::time::Instant;

    #[test]
    fn a_finished_dump_says_where_it_is() {
        let event = Event::StepFinished {
            step: "dump".into(),
            action: "dump",
            outcome: Outcome::Done,
            reason: None,
            took_ms: 84,
            memory: None,
            evidence: vec![Evidence { path: "/e/heap".into(), bytes: 16 << 20, took_ms: 80 }],
        };
        let record = Record { at: Instant::default(), generation: 1, incident: None, event };
        assert_eq!(sentence(&record), "step dump done in 0.084 s: /e/heap (16 MiB)");
    }

    #[test]
    fn a_cause_is_said_once_for_all_it_takes_away() {
        let missing = |ability, reason: &str| Missing { ability, reason: reason.into() };
        let all = [missing("cgroup", "v1"), missing("inotify", "no instance"), missing("throttle", "v1")];
        assert_eq!(lacks(&all), ["without cgroup, throttle: v1", "without inotify: no instance"]);
    }

    #[test]
    fn an_oom_kill_is_named_for_what_it_is() {
        assert_eq!(
            exited(None, Some(9), Cause::OwnLimit),
            "service ended by SIGKILL, killed by the kernel at its own memory limit"
        );
    }
}
