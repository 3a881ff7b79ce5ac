//! What happened, in three sentences of plain language.

mod deeds;
mod end;

use crate::facts::Culprit;
use crate::incident::Incident;
use crate::text;

/// What happened in three sentences: how far memory got, what highwater did and how it ended, and what grew.
pub fn summary(incident: &Incident) -> [String; 3] {
    [reached(incident), sentence(&done(incident)), grew(incident)]
}

/// A runtime as people call it.
pub(crate) fn runtime(key: &str) -> &str {
    match key {
        "go" => "Go",
        "jvm" => "JVM",
        "node" => "Node.js",
        "python" => "Python",
        other => other,
    }
}

fn reached(incident: &Incident) -> String {
    let name = match incident.runtime.as_deref() {
        Some(key) => format!("{} ({})", incident.name, runtime(key)),
        None => incident.name.clone(),
    };
    let moment = text::moment(&incident.opened);
    let Some(peak) = incident.peak() else {
        let trigger = &incident.opened_by;
        return format!("On {moment}, the trigger {trigger} of {name} fired; no reading of its memory was kept.");
    };
    let level = level(peak.current, incident.limit);
    let rate = incident.rate().map(|rate| format!(", growing by {} a second", text::bytes(rate))).unwrap_or_default();
    let limit = if incident.limit.is_none() { "; it had no limit of its own" } else { "" };
    format!("On {moment}, the memory of {name} reached {level}{rate}{limit}.")
}

fn level(current: u64, limit: Option<u64>) -> String {
    match limit {
        None => text::bytes(current),
        Some(limit) if current >= limit => format!("its limit of {}", text::bytes(limit)),
        Some(limit) => format!("{} of its limit of {}", text::bytes(current), text::bytes(limit)),
    }
}

fn done(incident: &Incident) -> String {
    let end = end::end(incident);
    if incident.steps.is_empty() {
        return if incident.took_ms.is_some() && incident.lives.iter().all(|life| life.cause.is_none()) {
            format!("No step was needed: {end}")
        } else {
            format!("highwater took no step; {end}")
        };
    }
    let parts = [deeds::done(incident), deeds::under_way(incident), deeds::went_wrong(incident), Some(end)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn grew(incident: &Incident) -> String {
    let because = incident.classification.as_ref().map(|kind| sentence(&kind.because)).filter(|text| !text.is_empty());
    match (incident.culprit(), because) {
        (Some(culprit), _) => blame(&culprit),
        (None, Some(because)) => because,
        (None, None) => format!("What grew is not known: {}.", why_unknown(incident)),
    }
}

fn why_unknown(incident: &Incident) -> &'static str {
    if incident.has_done("dump") {
        "what was dumped has not been compared yet, or cannot be"
    } else if incident.baseline.is_none() {
        "there is no profile of it, and nothing is known of the healthy service"
    } else {
        "there is no profile of it"
    }
}

fn blame(culprit: &Culprit) -> String {
    let (site, share) = (&culprit.grower.site, text::percent(culprit.share));
    let gained = text::bytes(culprit.grower.gained().unsigned_abs());
    let next = culprit.next.map(|next| format!(", followed by {} ({})", next.site, text::change(next.gained())));
    let next = next.unwrap_or_default();
    match culprit.compared.before {
        Some(_) => format!(
            "{site} grew most: it holds {gained} more than when the service was healthy, {share} of all that grew{next}."
        ),
        None => format!(
            "{site} holds most: {gained}, {share} of what the dump shows{next}; there was no profile of the healthy \
             service to compare it with."
        ),
    }
}

/// Text as a sentence: with a capital letter, but for a name that has none, and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut rest = text.chars();
    let Some(first) = rest.next() else { return String::new() };
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    if text.starts_with("highwater ") {
        return format!("{text}{end}");
    }
    format!("{}{}{end}", first.to_uppercase(), rest.as_str())
}
