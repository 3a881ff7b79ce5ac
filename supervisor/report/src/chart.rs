//! The chart of an incident: memory and its limits over time with every step marked, and below it the time stalled.

mod axes;
mod curve;
mod decimate;
mod flags;
mod lives;
mod scale;
mod stall;

pub(crate) use stall::stalls;

use crate::incident::Incident;
use crate::markup::{Markup, element};
use crate::text;
use scale::{Bytes, Time};

/// How large a chart is drawn: one for screens and paper, one for phones, where the large one could not be read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Canvas {
    /// Part of the ids in it, and its class.
    pub name: &'static str,
    /// All of its width, in units that are about pixels.
    pub width: f64,
    /// Room for the labels of the axes.
    pub left: f64,
    /// Height of the upper panel.
    pub memory: f64,
    /// Height of the lower panel.
    pub stall: f64,
    /// Height of a letter, about.
    pub letter: f64,
    /// The most labels along the time axis.
    pub times: usize,
}

/// For screens and paper.
pub(crate) const WIDE: Canvas =
    Canvas { name: "wide", width: 960.0, left: 72.0, memory: 300.0, stall: 64.0, letter: 13.0, times: 10 };
/// For phones.
pub(crate) const NARROW: Canvas =
    Canvas { name: "narrow", width: 400.0, left: 62.0, memory: 240.0, stall: 52.0, letter: 12.0, times: 5 };

const RIGHT: f64 = 14.0;
const FLAG: f64 = 24.0;
const GAP: f64 = 30.0;
const FOOT: f64 = 30.0;

/// Where everything is on a canvas.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    canvas: Canvas,
    time: Time,
    bytes: Bytes,
    /// Upper and lower edge of the upper panel.
    memory: [f64; 2],
    /// Upper and lower edge of the lower panel; nothing where stalls are not known.
    stall: Option<[f64; 2]>,
}

impl Layout {
    fn left(&self) -> f64 {
        self.canvas.left
    }

    fn right(&self) -> f64 {
        self.canvas.width - RIGHT
    }

    fn bottom(&self) -> f64 {
        self.stall.map_or(self.memory[1], |[_, bottom]| bottom)
    }

    fn x(&self, at_ms: i64) -> f64 {
        self.time.place(at_ms as f64, self.left(), self.right())
    }

    fn y(&self, bytes: u64) -> f64 {
        self.bytes.place(bytes as f64, self.memory)
    }
}

/// The chart as SVG; nothing if there are no readings.
pub(crate) fn chart(incident: &Incident, canvas: Canvas) -> Option<Markup> {
    let bytes = Bytes::of(incident)?;
    let time = Time::of(incident);
    let stalls = stall::stalls(&incident.readings, incident);
    let flags = flags::place(incident, &canvas, |at| time.place(at as f64, canvas.left, canvas.width - RIGHT));
    let top = 6.0 + FLAG * flags::lanes(&flags) as f64;
    let memory = [top, top + canvas.memory];
    let stall = (!stalls.is_empty()).then(|| [memory[1] + GAP, memory[1] + GAP + canvas.stall]);
    let layout = Layout { canvas, time, bytes, memory, stall };
    let parts = [
        clip(&layout),
        axes::axes(&layout),
        flags::spans(incident, &layout),
        curve::curves(incident, &layout),
        stall::panel(&stalls, &layout),
        lives::marks(incident, &layout),
        flags::flags(incident, &flags, &layout),
    ];
    Some(svg(incident, &layout, parts.into_iter().collect()))
}

fn svg(incident: &Incident, layout: &Layout, drawn: Markup) -> Markup {
    let name = layout.canvas.name;
    let (title, desc) = (format!("chart-{name}-title"), format!("chart-{name}-desc"));
    let size = format!("0 0 {} {:.0}", layout.canvas.width, layout.bottom() + FOOT);
    let content = [
        element("title", &[("id", &title)], format!("Memory of {} over the incident", incident.name)),
        element("desc", &[("id", &desc)], description(incident)),
        drawn,
    ];
    let attributes = [
        ("class", format!("chart {name}")),
        ("viewBox", size),
        ("role", "img".into()),
        ("aria-labelledby", title),
        ("aria-describedby", desc),
    ];
    element("svg", &attributes.each_ref().map(|(key, value)| (*key, value.as_str())), content)
}

fn clip(layout: &Layout) -> Markup {
    let id = format!("chart-{}-clip", layout.canvas.name);
    let rect = rect("", [layout.left(), layout.memory[0]], [layout.right(), layout.bottom()]);
    element("defs", &[], element("clipPath", &[("id", &id)], rect))
}

/// What the chart shows, for those who do not see it.
pub(crate) fn description(incident: &Incident) -> String {
    let Some((first, peak)) = incident.readings.first().zip(incident.peak()) else { return String::new() };
    let last = incident.readings.last().unwrap_or(first);
    let of = incident.limit.map(|limit| format!(" of a limit of {}", text::bytes(limit))).unwrap_or_default();
    format!(
        "Usage was {} at {}, {}{of} at its highest at {}, and {} at {}. {} on it; the tables below give the figures.",
        text::bytes(first.current),
        text::clock(first.at_ms),
        text::bytes(peak.current),
        text::clock(peak.at_ms),
        text::bytes(last.current),
        text::clock(last.at_ms),
        text::count(incident.steps.len() as u64, "step"),
    )
}

/// A rectangle from its upper left to its lower right corner.
fn rect(class: &str, [left, top]: [f64; 2], [right, bottom]: [f64; 2]) -> Markup {
    let sides = [left, top, (right - left).max(0.0), (bottom - top).max(0.0)].map(number);
    let [x, y, width, height] = sides.each_ref().map(String::as_str);
    crate::markup::empty("rect", &[("class", class), ("x", x), ("y", y), ("width", width), ("height", height)])
}

fn line(class: &str, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) -> Markup {
    let ends = [x1, y1, x2, y2].map(number);
    let [x1, y1, x2, y2] = ends.each_ref().map(String::as_str);
    crate::markup::empty("line", &[("class", class), ("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2)])
}

fn label(class: &str, [x, y]: [f64; 2], anchor: &str, text: &str) -> Markup {
    element("text", &[("class", class), ("x", &number(x)), ("y", &number(y)), ("text-anchor", anchor)], text)
}

fn path(class: &str, course: &str) -> Markup {
    crate::markup::empty("path", &[("class", class), ("d", course)])
}

/// A coordinate, to a tenth.
fn number(coordinate: f64) -> String {
    let tenths = format!("{coordinate:.1}");
    tenths.strip_suffix(".0").map(str::to_owned).unwrap_or(tenths)
}
