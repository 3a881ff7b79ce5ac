//! Usage as area and lines, limits as stairs.

use std::fmt::Write;

use super::decimate::decimate;
use super::{Layout, Markup, label, number, path};
use crate::incident::{Incident, Reading};
use crate::markup::element;
use crate::text;

/// All curves of the upper panel, clipped to it.
pub fn curves(incident: &Incident, layout: &Layout) -> Markup {
    let high = stairs(incident, layout, |reading| reading.high);
    let max = stairs(incident, layout, |reading| reading.max);
    let current = usage(incident, layout, |reading| Some(reading.current));
    let working_set = usage(incident, layout, |reading| reading.working_set);
    let area: String = working_set.iter().map(|points| area(points, layout.memory[1])).collect();
    let drawn = [
        path("area", &area),
        path("current", &courses(&current)),
        path("working-set", &courses(&working_set)),
        path("high", &courses(&high)),
        path("max", &courses(&max)),
    ];
    let clip = format!("url(#chart-{}-clip)", layout.canvas.name);
    [element("g", &[("clip-path", &clip)], drawn), limit(incident, layout)].into()
}

/// Whether a life began or ended between two moments.
pub fn is_cut(incident: &Incident, from: i64, to: i64) -> bool {
    let ends = incident.lives.iter().flat_map(|life| [life.began_ms, life.ended_ms]).flatten();
    ends.into_iter().any(|at| from < at && at <= to)
}

/// Places of usage, one list for each life. A light sample without this figure is left out.
fn usage(incident: &Incident, layout: &Layout, of: impl Fn(&Reading) -> Option<u64>) -> Vec<Vec<[f64; 2]>> {
    let known: Vec<(i64, u64)> =
        incident.readings.iter().filter_map(|reading| of(reading).map(|bytes| (reading.at_ms, bytes))).collect();
    let place = |(at, bytes): &(i64, u64)| [layout.x(*at), layout.y(*bytes)];
    let lives = known.chunk_by(|one, other| !is_cut(incident, one.0, other.0));
    lives.map(|life| decimate(&life.iter().map(place).collect::<Vec<_>>())).collect()
}

/// Places of a limit, which stays as it is until the next reading; one list for each time it is in force.
fn stairs(incident: &Incident, layout: &Layout, of: impl Fn(&Reading) -> Option<u64>) -> Vec<Vec<[f64; 2]>> {
    let (mut all, mut seen) = (Vec::new(), 0);
    let in_force = |reading: &Reading| of(reading).filter(|bytes| layout.bytes.shows(*bytes));
    for same in incident.readings.chunk_by(|one, other| in_force(one).is_some() == in_force(other).is_some()) {
        seen += same.len();
        let mut stairs: Vec<[f64; 2]> = Vec::new();
        for (reading, bytes) in same.iter().filter_map(|reading| in_force(reading).map(|bytes| (reading, bytes))) {
            let (x, y) = (layout.x(reading.at_ms), layout.y(bytes));
            match stairs.last().copied() {
                Some([_, before]) if before.total_cmp(&y).is_eq() => {}
                Some([_, before]) => stairs.extend([[x, before], [x, y]]),
                None => stairs.push([x, y]),
            }
        }
        if let Some([_, y]) = stairs.last().copied() {
            let until = incident.readings.get(seen).or(same.last());
            stairs.extend(until.map(|reading| [layout.x(reading.at_ms), y]));
            all.push(stairs);
        }
    }
    all
}

fn courses(lines: &[Vec<[f64; 2]>]) -> String {
    lines.iter().map(|points| course(points)).collect()
}

fn course(points: &[[f64; 2]]) -> String {
    let mut course = String::new();
    for (index, [x, y]) in points.iter().enumerate() {
        let _ = write!(course, "{}{} {}", if index == 0 { 'M' } else { 'L' }, number(*x), number(*y));
    }
    course
}

fn area(points: &[[f64; 2]], bottom: f64) -> String {
    let ends = [points.last(), points.first()].map(|end| end.map_or(0.0, |[x, _]| *x));
    let [right, left] = ends.map(number);
    format!("{}L{right} {bottom}L{left} {bottom}Z", course(points), bottom = number(bottom))
}

/// The limit by name, at its line.
fn limit(incident: &Incident, layout: &Layout) -> Markup {
    let last = incident.readings.iter().rev().find_map(|reading| reading.max);
    let Some(max) = last.filter(|max| layout.bytes.shows(*max)) else { return Markup::default() };
    let place = [layout.right() - 4.0, layout.y(max) - 6.0];
    label("limit", place, "end", &format!("limit {}", text::bytes(max)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{WIDE, chart};
    use crate::incident::Life;

    fn drawn(readings: &[(i64, Option<u64>)], lives: Vec<Life>) -> String {
        let reading = |(at_ms, high): &(i64, Option<u64>)| Reading {
            at_ms: *at_ms,
            current: 100,
            high: *high,
            ..Reading::default()
        };
        let readings = readings.iter().map(reading).collect();
        chart(&Incident { readings, lives, ..Incident::default() }, WIDE).unwrap().as_str().to_owned()
    }

    fn course_of(class: &str, svg: &str) -> String {
        let start = format!("<path class=\"{class}\" d=\"");
        svg.split_once(&start).unwrap().1.split_once('"').unwrap().0.to_owned()
    }

    #[test]
    fn a_limit_is_drawn_while_it_is_in_force() {
        let svg =
            drawn(&[(0, Some(80)), (1_000, Some(60)), (2_000, None), (3_000, None), (4_000, Some(80))], Vec::new());
        let high = course_of("high", &svg);
        assert_eq!(high.matches('M').count(), 2, "{high}");
        // From the left edge down a stair at a quarter, to the half where it is lifted.
        assert!(high.starts_with("M72 ") && high.contains("L290.5 ") && high.contains("L509 "), "{high}");
    }

    #[test]
    fn lives_are_not_joined() {
        let life = Life { ended_ms: Some(1_500), ..Life::default() };
        let readings: Vec<(i64, Option<u64>)> = (0..4).map(|second| (second * 1_000, None)).collect();
        assert_eq!(course_of("current", &drawn(&readings, vec![life])).matches('M').count(), 2);
        assert_eq!(course_of("current", &drawn(&readings, Vec::new())).matches('M').count(), 1);
    }
}
