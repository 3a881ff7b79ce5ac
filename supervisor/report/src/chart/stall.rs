//! The lower panel: the share of time in which some task waited for memory.

use std::fmt::Write;

use super::axes::beside;
use super::curve::is_cut;
use super::{Layout, Markup, number, path};
use crate::incident::{Incident, Reading};
use crate::text;

/// Upper ends of the scale.
const TOPS: [f64; 5] = [0.05, 0.1, 0.25, 0.5, 1.0];

/// Stalling between two readings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stall {
    /// From here, milliseconds since the incident opened.
    pub from: i64,
    /// To here.
    pub to: i64,
    /// Share of this time, 0 to 1.
    pub share: f64,
}

/// Stalling between readings that have it. The counter begins anew with each life.
pub(crate) fn stalls(readings: &[Reading], incident: &Incident) -> Vec<Stall> {
    let known: Vec<(i64, u64)> =
        readings.iter().filter_map(|reading| Some((reading.at_ms, reading.stalled_us?))).collect();
    let pairs = known.iter().zip(known.iter().skip(1));
    let between = |((from, before), (to, after)): (&(i64, u64), &(i64, u64))| {
        let took_us = (*to as f64 - *from as f64) * 1_000.0;
        let stalled = after.checked_sub(*before)?;
        let counts = took_us > 0.0 && !is_cut(incident, *from, *to);
        counts.then(|| Stall { from: *from, to: *to, share: (stalled as f64 / took_us).min(1.0) })
    };
    pairs.filter_map(between).collect()
}

/// The panel; nothing where stalls are not known.
pub fn panel(stalls: &[Stall], layout: &Layout) -> Markup {
    let Some([top, bottom]) = layout.stall else { return Markup::default() };
    let highest = stalls.iter().fold(0.0, |most: f64, stall| most.max(stall.share));
    let scale = TOPS.into_iter().find(|top| *top >= highest).unwrap_or(1.0);
    let mut course = String::new();
    for column in columns(stalls, layout) {
        let [left, right] = [column.from, column.to].map(number);
        let y = bottom - column.share / scale * (bottom - top);
        let _ = write!(course, "M{left} {bottom}V{}H{right}V{bottom}Z", number(y), bottom = number(bottom));
    }
    [path("stall", &course), beside(layout, top, &text::percent(scale))].into()
}

/// A column of the panel.
#[derive(Clone, Copy, Debug)]
struct Column {
    from: f64,
    to: f64,
    share: f64,
}

/// Stalls as columns, each at least as wide as can be seen; of those in one column the highest counts.
fn columns(stalls: &[Stall], layout: &Layout) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for stall in stalls.iter().filter(|stall| stall.share > 0.0) {
        let (from, to) = (layout.x(stall.from).max(layout.left()), layout.x(stall.to));
        match columns.last_mut() {
            _ if to <= layout.left() => {}
            Some(last) if from < last.from + 1.0 && to - last.from < 2.0 => {
                (last.to, last.share) = (to.max(last.to), last.share.max(stall.share));
            }
            _ => columns.push(Column { from, to, share: stall.share }),
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::Life;

    fn reading(at_ms: i64, stalled_us: Option<u64>) -> Reading {
        Reading { at_ms, stalled_us, ..Reading::default() }
    }

    #[test]
    fn a_stall_is_the_share_of_the_time_between_two_readings() {
        let readings =
            [reading(0, Some(0)), reading(500, None), reading(1_000, Some(250_000)), reading(1_000, Some(9))];
        let found = stalls(&readings, &Incident::default());
        assert_eq!(found, [Stall { from: 0, to: 1_000, share: 0.25 }]);
    }

    #[test]
    fn a_new_life_begins_anew() {
        let incident = Incident { lives: vec![Life { began_ms: Some(600), ..Life::default() }], ..Incident::default() };
        let readings = [reading(0, Some(100)), reading(1_000, Some(5_000_000)), reading(2_000, Some(6_500_000))];
        assert_eq!(stalls(&readings, &incident), [Stall { from: 1_000, to: 2_000, share: 1.0 }]);
    }
}
