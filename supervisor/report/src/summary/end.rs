//! How it ended.

use crate::incident::{Incident, Life};
use crate::text;

/// How it ended, as a clause.
pub fn end(incident: &Incident) -> String {
    let crashed = incident.lives.iter().find(|life| life.cause.as_deref() == Some("crash"));
    let death =
        incident.killed().map(killed).or_else(|| crashed.map(|life| format!("it failed by itself{}", when(life))));
    let last = match incident.took_ms {
        _ if incident.budget_is_spent() => {
            "the restart budget was spent, so highwater gave up and the service is down".into()
        }
        None => "the incident is not over".into(),
        Some(took) => format!("after {} {}", text::span(took), over(incident)),
    };
    match death {
        Some(death) => format!("{death}; {last}"),
        None => last,
    }
}

fn killed(life: &Life) -> String {
    let limit = if life.was_killed_from_above() { "a limit further up" } else { "its own limit" };
    format!("the kernel killed it at {limit}{}", when(life))
}

fn when(life: &Life) -> String {
    match life.ended_ms.and_then(|ended| u64::try_from(ended).ok()) {
        Some(ended) => format!(" after {}", text::span(ended)),
        None => String::new(),
    }
}

fn over(incident: &Incident) -> String {
    match incident.resolved.as_deref() {
        None | Some("every trigger stayed clear") if incident.steps.is_empty() => "it had calmed down by itself".into(),
        None | Some("every trigger stayed clear") => "the incident was over".into(),
        Some(reason) => format!("the incident ended ({reason})"),
    }
}
