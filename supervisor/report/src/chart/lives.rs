//! Ends and beginnings of lives on the chart.

use super::{Layout, Markup, line, number};
use crate::incident::{Incident, Life};
use crate::markup::{element, empty};
use crate::text;

/// Half the size of a mark.
const HALF: f64 = 5.0;

/// A mark at each end and each beginning that is within the incident.
pub fn marks(incident: &Incident, layout: &Layout) -> Markup {
    let ends = incident.lives.iter().filter_map(|life| Some(ended(life, life.ended_ms?, layout)));
    let beginnings = incident.lives.iter().filter_map(|life| Some(began(life, life.began_ms?, layout)));
    ends.chain(beginnings).flatten().collect()
}

fn ended(life: &Life, at: i64, layout: &Layout) -> Option<Markup> {
    let (class, word) = match life.cause.as_deref() {
        _ if life.was_killed() => ("death", "killed by the kernel"),
        Some("crash") => ("death", "failed"),
        _ => ("stop", "ended"),
    };
    let x = within(at, layout)?;
    let shape = if class == "death" { cross(x, layout.memory[1]) } else { square(x, layout.memory[1]) };
    Some(mark(class, &format!("life {} {word} at {}", life.generation, text::fine_clock(at)), x, &shape, layout))
}

fn began(life: &Life, at: i64, layout: &Layout) -> Option<Markup> {
    let x = within(at, layout)?;
    let shape = triangle(x, layout.memory[1]);
    Some(mark("start", &format!("life {} began at {}", life.generation, text::fine_clock(at)), x, &shape, layout))
}

fn within(at: i64, layout: &Layout) -> Option<f64> {
    let x = layout.x(at);
    (layout.left()..=layout.right()).contains(&x).then_some(x)
}

fn mark(class: &str, title: &str, x: f64, shape: &str, layout: &Layout) -> Markup {
    let [top, bottom] = layout.memory;
    let content = [element("title", &[], title), line("", [x, top], [x, bottom]), empty("path", &[("d", shape)])];
    element("g", &[("class", &format!("life {class}"))], content)
}

fn cross(x: f64, y: f64) -> String {
    let [left, right, top, bottom] = around(x, y);
    format!("M{left} {top}L{right} {bottom}M{left} {bottom}L{right} {top}")
}

fn square(x: f64, y: f64) -> String {
    let [left, right, top, bottom] = around(x, y);
    format!("M{left} {top}H{right}V{bottom}H{left}Z")
}

fn triangle(x: f64, y: f64) -> String {
    let [left, right, top, bottom] = around(x, y);
    format!("M{left} {top}L{right} {}L{left} {bottom}Z", number(y))
}

fn around(x: f64, y: f64) -> [String; 4] {
    [x - HALF, x + HALF, y - HALF, y + HALF].map(number)
}
