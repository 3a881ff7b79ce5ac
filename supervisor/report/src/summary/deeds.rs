//! What highwater did, and what it did not manage to do.

use crate::incident::{Incident, Step};
use crate::text;

/// So many things that went wrong are told; the table of steps has them all.
const MOST: usize = 2;
/// So many letters of a reason are told.
const LONGEST: usize = 140;

/// `highwater had it write a dump (24 KiB, in 2.6 s), slowed it down for 5 s and restarted it`; nothing for nothing.
pub fn done(incident: &Incident) -> Option<String> {
    let mut deeds: Vec<(&Step, u64)> = Vec::new();
    for step in incident.steps.iter().filter(|step| step.is_done()) {
        match deeds.iter_mut().find(|(known, _)| known.action == step.action) {
            Some((_, times)) => *times += 1,
            None => deeds.push((step, 1)),
        }
    }
    let deeds: Vec<String> = deeds.into_iter().map(|(step, times)| deed(incident, step, times)).collect();
    (!deeds.is_empty()).then(|| format!("highwater {}", text::listed(&deeds)))
}

fn deed(incident: &Incident, step: &Step, times: u64) -> String {
    let lasted = step.took_ms.map(text::span);
    let deed = match step.action.as_str() {
        "dump" => format!("had it write a dump{}", size(incident, step)),
        "throttle" => format!("slowed it down{}", lasted.map(|span| format!(" for {span}")).unwrap_or_default()),
        "restart" => "restarted it".into(),
        "kill" => "ended it at once".into(),
        "signal" => "sent it a signal".into(),
        "reclaim" => "had the kernel take memory back".into(),
        _ => format!("ran the step {}", step.step),
    };
    if times > 1 { format!("{deed} ({times} times)") } else { deed }
}

fn size(incident: &Incident, step: &Step) -> String {
    let files = incident.files.iter().filter(|file| step.evidence.contains(&file.path));
    let bytes = files.fold(0_u64, |sum, file| sum.saturating_add(file.bytes));
    match step.took_ms {
        Some(took) if bytes > 0 => format!(" ({}, in {})", text::bytes(bytes), text::span(took)),
        _ => String::new(),
    }
}

/// What is not finished yet.
pub fn under_way(incident: &Incident) -> Option<String> {
    let running: Vec<&Step> = incident.steps.iter().filter(|step| step.outcome.is_none()).collect();
    let step = running.last()?;
    Some(match (step.action.as_str(), incident.is_open()) {
        ("throttle", true) => "it is being slowed down".into(),
        (_, true) => format!("the step {} is under way", step.step),
        (_, false) => format!("the step {} did not come to an end", step.step),
    })
}

/// What was skipped or failed, with the reason.
pub fn went_wrong(incident: &Incident) -> Option<String> {
    let mut told: Vec<(&Step, u64)> = Vec::new();
    for step in incident.steps.iter().filter(|step| problem(step).is_some()) {
        match told.iter_mut().find(|(known, _)| (&known.step, &known.outcome) == (&step.step, &step.outcome)) {
            Some((_, times)) => *times += 1,
            None => told.push((step, 1)),
        }
    }
    let mut parts: Vec<String> = told.iter().take(MOST).map(|(step, times)| said(step, *times)).collect();
    if told.len() > MOST {
        parts.push(format!("{} failed or left out besides", text::count((told.len() - MOST) as u64, "step")));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn said(step: &Step, times: u64) -> String {
    let what = problem(step).unwrap_or_default();
    let often = if times > 1 { format!(" {times} times") } else { String::new() };
    let reason = step.reason.as_deref().map(|reason| format!(" ({})", shortened(reason)));
    format!("the step {} {what}{often}{}", step.step, reason.unwrap_or_default())
}

fn problem(step: &Step) -> Option<&'static str> {
    match step.outcome.as_deref()? {
        "failed" => Some("failed"),
        "timed-out" => Some("did not end in time"),
        "skipped" => Some("was left out"),
        "cancelled" => Some("was called off"),
        _ => None,
    }
}

fn shortened(reason: &str) -> String {
    let reason = reason.trim().trim_end_matches('.');
    match reason.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", reason[..end].trim_end()),
        None => reason.into(),
    }
}
