//! Steps on the chart: a numbered flag where each began, and a shade for as long as it took.

use super::{Canvas, FLAG, Layout, Markup, RIGHT, label, line, number, rect};
use crate::incident::{Incident, Step};
use crate::markup::{element, empty};
use crate::text;
use crate::verdict::tone_of;

/// Flags stand in so many rows at most; what finds no place shares a flag.
const LANES: usize = 3;

/// A flag for one step, or for several that are too close.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flag {
    /// The first step it is for, counted from 1.
    first: usize,
    /// The last step it is for.
    last: usize,
    /// Where the step began.
    x: f64,
    /// Row, the topmost is 0.
    lane: usize,
}

impl Flag {
    fn text(&self) -> String {
        if self.first == self.last { self.first.to_string() } else { format!("{}–{}", self.first, self.last) }
    }

    fn width(&self, canvas: &Canvas) -> f64 {
        12.0 + self.text().chars().count() as f64 * canvas.letter * 0.6
    }

    /// The middle of the flag: at its step, but never beyond the edges.
    fn middle(&self, canvas: &Canvas) -> f64 {
        let half = self.width(canvas) / 2.0;
        self.x.max(canvas.left + half).min(canvas.width - RIGHT - half)
    }

    fn ends(&self, canvas: &Canvas) -> [f64; 2] {
        let (middle, half) = (self.middle(canvas), self.width(canvas) / 2.0);
        [middle - half, middle + half]
    }
}

/// Finds a place for every flag.
pub fn place(incident: &Incident, canvas: &Canvas, x: impl Fn(i64) -> f64) -> Vec<Flag> {
    let mut flags: Vec<Flag> = Vec::new();
    for (index, step) in incident.steps.iter().enumerate() {
        let flag = Flag { first: index + 1, last: index + 1, x: x(step.at_ms), lane: 0 };
        let is_free = |lane: &usize| {
            let last = flags.iter().rev().find(|other| other.lane == *lane);
            last.is_none_or(|last| last.ends(canvas)[1] + 2.0 <= flag.ends(canvas)[0])
        };
        match ((0..LANES).find(is_free), flags.last_mut()) {
            (Some(lane), _) => flags.push(Flag { lane, ..flag }),
            (None, Some(last)) => last.last = index + 1,
            (None, None) => {}
        }
    }
    flags
}

/// How many rows there are.
pub fn lanes(flags: &[Flag]) -> usize {
    flags.iter().map(|flag| flag.lane + 1).max().unwrap_or(0)
}

/// The flags with their poles.
pub fn flags(incident: &Incident, flags: &[Flag], layout: &Layout) -> Markup {
    // From above to below: a flag covers the poles that come from the rows above it.
    flags.iter().filter_map(|flag| Some(drawn(flag, incident.steps.get(flag.first - 1)?, layout))).collect()
}

fn drawn(flag: &Flag, step: &Step, layout: &Layout) -> Markup {
    let canvas = &layout.canvas;
    let [left, right] = flag.ends(canvas);
    let top = 2.0 + FLAG * flag.lane as f64;
    let middle = flag.middle(canvas);
    let skipped = if step.is_skipped() { " skipped" } else { "" };
    let class = format!("flag {}{skipped}", tone_of(step.outcome.as_deref()).class());
    let content = [
        element("title", &[], title(flag, step)),
        line("pole", [middle, top + FLAG - 4.0], [middle, layout.memory[1]]),
        rounded([left, top], [right, top + FLAG - 4.0]),
        label("", [middle, top + 10.0 + canvas.letter * 0.35], "middle", &flag.text()),
    ];
    element("g", &[("class", &class)], content)
}

fn title(flag: &Flag, step: &Step) -> String {
    let outcome = step.outcome.as_deref().unwrap_or("under way");
    let first = format!("{} {}: {outcome} at {}", flag.first, step.step, text::fine_clock(step.at_ms));
    if flag.first == flag.last { first } else { format!("{first}, and {} more", flag.last - flag.first) }
}

fn rounded([left, top]: [f64; 2], [right, bottom]: [f64; 2]) -> Markup {
    let sides = [left, top, right - left, bottom - top].map(number);
    let [x, y, width, height] = sides.each_ref().map(String::as_str);
    empty("rect", &[("rx", "4"), ("x", x), ("y", y), ("width", width), ("height", height)])
}

/// A shade from the beginning to the end of each step that did something.
pub fn spans(incident: &Incident, layout: &Layout) -> Markup {
    let shade = |step: &Step| {
        let end = match step.outcome {
            None => layout.right(),
            Some(_) => layout.x(step.ended_ms()),
        };
        let left = layout.x(step.at_ms).max(layout.left());
        let right = end.max(left + 1.0).min(layout.right());
        rect("span", [left, layout.memory[0]], [right, layout.memory[1]])
    };
    incident.steps.iter().filter(|step| !step.is_skipped()).map(shade).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::WIDE;

    fn placed(moments: &[i64]) -> Vec<Flag> {
        let step = |at_ms: &i64| Step { at_ms: *at_ms, ..Step::default() };
        let incident = Incident { steps: moments.iter().map(step).collect(), ..Incident::default() };
        place(&incident, &WIDE, |at| at as f64)
    }

    #[test]
    fn flags_that_would_cover_each_other_stand_below_each_other() {
        let lanes: Vec<usize> = placed(&[200, 205, 300, 302]).iter().map(|flag| flag.lane).collect();
        assert_eq!(lanes, [0, 1, 0, 1]);
    }

    #[test]
    fn what_finds_no_place_shares_a_flag() {
        let flags = placed(&[200, 201, 202, 203, 204, 500]);
        let texts: Vec<String> = flags.iter().map(Flag::text).collect();
        assert_eq!(texts, ["1", "2", "3–5", "6"]);
        assert_eq!(lanes(&flags), LANES);
    }

    #[test]
    fn no_flag_leaves_the_chart() {
        for flag in placed(&[i64::MIN, 0, 20_000, i64::MAX]) {
            let [left, right] = flag.ends(&WIDE);
            assert!(left >= WIDE.left && right <= WIDE.width - RIGHT, "{flag:?}");
        }
    }
}
