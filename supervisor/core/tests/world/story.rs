//! The journal as lines of text.

use highwater_core::record::{Event, Outcome, Record};
use highwater_core::time::Instant;

/// One record in one line.
pub fn tell(record: &Record) -> String {
    let seconds = record.at.since(Instant::from_nanos(1_000_000_000)).as_secs_f64();
    let what = match &record.event {
        Event::StepStarted { step, reason, plan, .. } => {
            let plan = plan.map_or(String::new(), |plan| plan.to_string());
            format!("{step} started {} [{plan}]", reason.as_deref().unwrap_or(""))
        }
        Event::StepFinished { step, outcome, reason, took_ms, .. } => {
            let outcome = match outcome {
                Outcome::Done => "done",
                Outcome::Failed => "failed",
                Outcome::TimedOut => "timed out",
                Outcome::Cancelled => "cancelled",
            };
            format!("{step} {outcome} after {took_ms} ms: {}", reason.as_deref().unwrap_or(""))
        }
        Event::StepSkipped { step, reason, .. } => format!("{step} skipped: {reason}"),
        Event::TriggerFired { trigger, .. } => format!("{trigger} fired"),
        Event::TriggerCleared { trigger, .. } => format!("{trigger} cleared"),
        Event::IncidentOpened { .. } => "incident opened".into(),
        Event::IncidentResolved { reason, .. } => format!("incident resolved: {reason}"),
        Event::ServiceStarted { .. } => "service started".into(),
        Event::ServiceExited { code, signal, oom_killed, cause, .. } => {
            format!("service exited {code:?} {signal:?} oom={oom_killed} {cause:?}")
        }
        Event::ServiceBackoff { wait_ms, left } => format!("backoff {wait_ms} ms, {left} left"),
        Event::ThrottleLifted { reason, .. } => format!("throttle lifted: {reason}"),
        Event::Notice { reason } => format!("notice: {reason}"),
        Event::SupervisorStopping { reason } => format!("stopping: {reason}"),
        Event::CommandReceived { command, by, step, reason } => {
            format!("{command} asked for by {by}: {}", step.as_ref().or(reason.as_ref()).map_or("", String::as_str))
        }
        Event::ShedEnded { reason, .. } => format!("shed ended: {reason}"),
        Event::PolicyReloaded { policy } => format!("policy {policy} in force"),
        other => format!("{other:?}"),
    };
    let incident = record.incident.as_deref().unwrap_or("-");
    format!("{seconds:10.3} g{} {incident} {what}", record.generation)
}
