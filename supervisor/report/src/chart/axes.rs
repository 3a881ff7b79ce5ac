//! Axes: a grid that steps back, and labels that are round.

use super::{Layout, Markup, label, line};
use crate::text;

/// Grid and labels of both panels.
pub fn axes(layout: &Layout) -> Markup {
    [bytes(layout), stall(layout), times(layout)].into()
}

fn bytes(layout: &Layout) -> Markup {
    let ticks = layout.bytes.ticks().into_iter().map(|bytes| {
        let y = layout.y(bytes);
        let name = if bytes == 0 { "0".into() } else { text::bytes(bytes) };
        Markup::from([grid(layout, y), beside(layout, y, &name)])
    });
    let caption = [layout.left() + 6.0, layout.memory[0] + layout.canvas.letter + 2.0];
    ticks.chain([label("caption", caption, "start", "memory")]).collect()
}

fn stall(layout: &Layout) -> Markup {
    let Some([top, bottom]) = layout.stall else { return Markup::default() };
    let caption = label("caption", [layout.left() + 6.0, top - 6.0], "start", "share of time stalled on memory");
    [grid(layout, top), grid(layout, bottom), beside(layout, bottom, "0 %"), caption].into()
}

fn times(layout: &Layout) -> Markup {
    let (ticks, distance) = layout.time.ticks(layout.canvas.times);
    let ticks = ticks.into_iter().map(|at| {
        let at_ms = at as i64;
        let name = if distance < 1_000.0 { text::fine_clock(at_ms) } else { text::clock(at_ms) };
        let (x, bottom) = (layout.x(at_ms), layout.bottom());
        let class = if at_ms == 0 { "tick opened" } else { "tick" };
        let name = label("", [x, bottom + layout.canvas.letter + 8.0], "middle", &name);
        Markup::from([line(class, [x, layout.memory[0]], [x, bottom + 4.0]), name])
    });
    ticks.collect()
}

fn grid(layout: &Layout, y: f64) -> Markup {
    line("grid", [layout.left(), y], [layout.right(), y])
}

/// A label to the left of a panel.
pub fn beside(layout: &Layout, y: f64, text: &str) -> Markup {
    label("", [layout.left() - 8.0, y + layout.canvas.letter * 0.35], "end", text)
}
