//! The readings behind the chart.

use super::parts::{bytes, known_bytes, unknown};
use super::table::{Column, Row, scrolled};
use crate::chart::{description, stalls};
use crate::incident::{Incident, Reading};
use crate::markup::{Markup, element};
use crate::text;

/// So many readings are shown, about.
const MOST: usize = 40;
const COLUMNS: [Column; 6] = [
    Column::number("Time"),
    Column::number("Usage"),
    Column::number("Working set"),
    Column::number("memory.high"),
    Column::number("memory.max"),
    Column::number("Stalled"),
];

/// What the chart shows, in a sentence and a table.
pub fn readings(incident: &Incident) -> Markup {
    let shown = some(incident);
    let stalls = stalls(&shown, incident);
    let row = |reading: &Reading| {
        let stall = stalls.iter().find(|stall| stall.to == reading.at_ms);
        let share = stall.map_or_else(unknown, |stall| text::percent(stall.share).into());
        let limits = [reading.working_set, reading.high, reading.max].map(known_bytes);
        let [working_set, high, max] = limits;
        Row::from([text::fine_clock(reading.at_ms).into(), bytes(reading.current), working_set, high, max, share])
    };
    let caption = if shown.len() == incident.readings.len() {
        "All readings".to_owned()
    } else {
        format!("{} of {} readings", shown.len(), text::grouped(incident.readings.len() as u64))
    };
    let table = scrolled(&caption, &COLUMNS, shown.iter().map(row));
    [element("p", &[], description(incident)), table].into()
}

/// Readings at even distances, always with the highest and the last.
fn some(incident: &Incident) -> Vec<Reading> {
    let all = &incident.readings;
    let distance = all.len().div_ceil(MOST).max(1);
    let peak = incident.peak();
    let is_shown = |(index, reading): &(usize, &Reading)| {
        index.is_multiple_of(distance)
            || index + 1 == all.len()
            || peak.is_some_and(|peak| std::ptr::eq(peak, *reading))
    };
    all.iter().enumerate().filter(is_shown).map(|(_, reading)| *reading).collect()
}
