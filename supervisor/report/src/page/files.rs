//! What the incident left behind.

use super::parts::{badge, bytes, file_link, note, section, unknown};
use super::table::{Column, Row, cards};
use crate::incident::{File, Incident};
use crate::markup::{Markup, element};
use crate::text;
use crate::verdict::Tone;

/// So many digits of a checksum tell files apart at a glance.
const DIGITS: usize = 12;
const COLUMNS: [Column; 6] = [
    Column::text("File").with("site"),
    Column::number("Size").with("number"),
    Column::text("State").with("outcome"),
    Column::text("Step").with("of"),
    Column::number("Took").with("number"),
    Column::text("SHA-256").with("sum"),
];

/// The section with the files.
pub fn files(incident: &Incident) -> Markup {
    if incident.files.is_empty() {
        return section("files", "Files", note("Nothing was captured."));
    }
    let bytes = incident.files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.bytes));
    let count = text::count(incident.files.len() as u64, "file");
    let caption = format!("{count}, {}, in the directory of the incident", text::bytes(bytes));
    section("files", "Files", cards(&caption, &COLUMNS, incident.files.iter().map(row)))
}

fn row(file: &File) -> Row {
    let state = if file.complete { badge("complete", Tone::Good) } else { badge("cut short", Tone::Bad) };
    let step = if file.step.is_empty() { unknown() } else { file.step.as_str().into() };
    // What was worked out afterwards was not waited for.
    let took = if file.took_ms == 0 { unknown() } else { text::span(file.took_ms).into() };
    let cells = vec![file_link(&file.path), bytes(file.bytes), state, step, took, sum(file)];
    Row { class: "row", cells, ..Row::default() }
}

fn sum(file: &File) -> Markup {
    let Some(sum) = &file.sha256 else { return unknown() };
    let short: String = sum.chars().take(DIGITS).collect();
    element("code", &[("title", sum)], format!("{short}…"))
}
