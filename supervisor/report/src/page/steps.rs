//! The steps of the ladder, numbered as on the chart.

use super::parts::{badge, details, file_link, known_bytes, note, section, unknown};
use super::table::{Column, Row, cards};
use crate::incident::{Incident, Step, Trigger};
use crate::markup::{Markup, element};
use crate::text;
use crate::verdict::tone_of;

const COLUMNS: [Column; 7] = [
    Column::text("No.").with("index"),
    Column::number("When").with("number when"),
    Column::text("Step").with("step"),
    Column::text("Outcome").with("outcome"),
    Column::number("Took").with("number took"),
    Column::number("In use").with("number use"),
    Column::text("How and why").with("why"),
];

const TRIGGERS: [Column; 4] =
    [Column::text("Trigger").with("site"), Column::text("Change"), Column::number("When"), Column::text("What it saw")];

/// The section with the table of steps.
pub fn steps(incident: &Incident) -> Markup {
    let rows = incident.steps.iter().enumerate().map(|(index, step)| row(index + 1, step));
    let steps = if incident.steps.is_empty() {
        note("No step was taken.")
    } else {
        cards("What highwater did, in order", &COLUMNS, rows)
    };
    section("steps", "Steps", [steps, triggers(incident)])
}

fn triggers(incident: &Incident) -> Markup {
    if incident.triggers.is_empty() {
        return Markup::default();
    }
    let row = |trigger: &Trigger| {
        let change = if trigger.fired { "fired" } else { "cleared" };
        Row::from([
            trigger.trigger.as_str().into(),
            change.into(),
            text::fine_clock(trigger.at_ms).into(),
            trigger.reading.as_str().into(),
        ])
    };
    let caption = "Triggers that fired and cleared, in order";
    details("Triggers that fired and cleared", cards(caption, &TRIGGERS, incident.triggers.iter().map(row)))
}

fn row(number: usize, step: &Step) -> Row {
    let outcome = step.outcome.as_deref();
    let took = match (outcome, step.took_ms) {
        (Some("skipped"), _) | (_, None) => unknown(),
        (_, Some(took)) => text::span(took).into(),
    };
    let cells = vec![
        element("span", &[("class", "index")], number.to_string()),
        text::fine_clock(step.at_ms).into(),
        name(step),
        badge(&outcome.unwrap_or("under way").replace('-', " "), tone_of(outcome)),
        took,
        known_bytes(step.current),
        why(step),
    ];
    Row { id: format!("step-{number}"), class: if step.is_skipped() { "row skipped" } else { "row" }, cells }
}

fn name(step: &Step) -> Markup {
    let name = element("strong", &[], step.step.as_str());
    if step.step == step.action {
        name
    } else {
        [name, element("span", &[("class", "action")], step.action.as_str())].into()
    }
}

fn why(step: &Step) -> Markup {
    let text = |class: &str, text: &Option<String>| {
        let text = text.as_deref().filter(|text| !text.is_empty());
        text.map(|text| element("p", &[("class", class)], text)).unwrap_or_default()
    };
    let links = step.evidence.iter().map(|path| element("li", &[], file_link(path)));
    let evidence = if step.evidence.is_empty() {
        Markup::default()
    } else {
        element("ul", &[("class", "evidence")], links.collect::<Markup>())
    };
    let all = [text("plan", &step.plan), text("reason", &step.reason), evidence];
    if all.iter().all(Markup::is_empty) { unknown() } else { all.into() }
}
