//! Which incident it was, and how it ended.

use super::parts::{badge, bytes};
use crate::incident::Incident;
use crate::markup::{Markup, element};
use crate::summary::runtime;
use crate::text;
use crate::verdict::verdict;

/// The header of the page.
pub fn header(incident: &Incident) -> Markup {
    let verdict = verdict(incident);
    let content = [
        element("p", &[("class", "kicker")], "Memory incident"),
        element("h1", &[], incident.name.as_str()),
        element("p", &[("class", "verdict")], badge(verdict.word, verdict.tone)),
        facts(incident),
    ];
    element("header", &[], content)
}

fn facts(incident: &Incident) -> Markup {
    let lasted = incident.took_ms.map_or_else(|| "not over".into(), text::span);
    let opened = element("time", &[("datetime", &incident.opened)], text::moment(&incident.opened));
    let facts = [
        ("Opened", opened),
        ("Lasted", lasted.into()),
        ("Opened by", incident.opened_by.as_str().into()),
        ("Limit", incident.limit.map_or_else(|| "none".into(), bytes)),
        ("Program", program(incident)),
        ("Incident", incident.incident.as_str().into()),
    ];
    let fact = |(name, value)| element("div", &[], [element("dt", &[], name), element("dd", &[], value)]);
    element("dl", &[("class", "facts")], facts.into_iter().map(fact).collect::<Markup>())
}

fn program(incident: &Incident) -> Markup {
    let kind = incident.runtime.as_deref().map(|key| format!(" ({})", runtime(key))).unwrap_or_default();
    format!("{}{kind}", incident.program).into()
}
