//! The drawing.

use std::fmt::{self, Display, Formatter};

use crate::comparison::{Change, Comparison};
use crate::flame::colour;
use crate::flame::label;
use crate::flame::layout::{Bar, Layout, NARROWEST};
use crate::flame::xml::Text;
use crate::quantity;

/// Height of a row, in pixels.
const ROW: usize = 22;

/// Where the first row begins.
const TOP: usize = 84;

/// On a screen of 360 pixels, a bar narrower than this share has no room for five letters, and so gets none.
const LEGIBLE_ON_A_PHONE: f64 = 0.12;

/// The whole file.
pub(super) fn draw(comparison: &Comparison, layout: &Layout, title: &str) -> String {
    Drawing { comparison, layout, title, compared: comparison.total.before.bytes > 0 }.to_string()
}

struct Drawing<'a> {
    comparison: &'a Comparison,
    layout: &'a Layout,
    title: &'a str,
    /// Whether there is anything to compare with.
    compared: bool,
}

impl Display for Drawing<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let height = TOP + self.layout.rows * ROW + 8;
        let title = Text(self.title);
        write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"hw-flame\" role=\"img\" aria-label=\"{title}\" "
        )?;
        writeln!(out, "width=\"100%\" height=\"{height}\">")?;
        writeln!(out, "<title>{title}</title>")?;
        writeln!(out, "<desc>{}</desc>", Text(&self.description()))?;
        writeln!(out, "<style>{}{STYLE}</style>", colour::style())?;
        writeln!(out, "<rect class=\"page\" width=\"100%\" height=\"100%\"/>")?;
        writeln!(out, "<text class=\"head\" x=\"5\" y=\"24\">{title}</text>")?;
        writeln!(out, "<text class=\"soft\" x=\"5\" y=\"45\">{}</text>", Text(&self.summary()))?;
        self.legend(out)?;
        self.layout.bars.iter().try_for_each(|bar| self.bar(out, bar))?;
        writeln!(out, "</svg>")
    }
}

const STYLE: &str = "\
.hw-flame{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}\
.hw-flame text{fill:var(--hf-letters)}\
.hw-flame .page{fill:var(--hf-page)}\
.hw-flame .head{fill:var(--hf-ink);font:600 16px system-ui,sans-serif}\
.hw-flame .soft{fill:var(--hf-soft);font:13px system-ui,sans-serif}\
.hw-flame .more{opacity:.75}\
.hw-flame rect{stroke:var(--hf-page)}\
@media (max-width:600px){.hw-flame .wide{display:none}}\
.hw-flame svg:hover>rect{stroke:var(--hf-ink);stroke-width:3}";

impl Drawing<'_> {
    fn summary(&self) -> String {
        let Change { before, after } = self.comparison.total;
        let held = quantity::bytes(after.bytes);
        if !self.compared {
            return format!("{held} held");
        }
        let gained = quantity::gained(self.comparison.total.gained());
        format!("{} → {held} ({gained})", quantity::bytes(before.bytes))
    }

    /// What cannot be seen must be told, and so must what was left out.
    fn description(&self) -> String {
        let mut text = format!(
            "{}. Each bar is a call and hangs below its caller; its width is what it and all that it called hold.",
            self.summary()
        );
        if self.compared {
            text += " Red bars have grown, blue ones shrunk, grey ones are as before.";
        }
        let growers = self.comparison.difference().growers;
        let growers: Vec<String> = growers
            .iter()
            .take(3)
            .map(|grower| format!("{} ({})", grower.site, quantity::gained(i128::from(grower.gained()))))
            .collect();
        if self.compared && !growers.is_empty() {
            text += " Grew most: ";
            text += &growers.join(", ");
            text += ".";
        }
        match self.layout.left_out {
            0 => text,
            1 => format!(
                "{text} One bar is left out: it is narrower than {}, or deeper than fits.",
                quantity::share(NARROWEST)
            ),
            many => format!(
                "{text} {many} bars are left out: they are narrower than {}, or deeper than fits.",
                quantity::share(NARROWEST)
            ),
        }
    }

    fn legend(&self, out: &mut Formatter<'_>) -> fmt::Result {
        if !self.compared {
            return writeln!(out, "<text class=\"soft\" x=\"5\" y=\"68\">the wider, the more bytes</text>");
        }
        write!(out, "<text class=\"soft\" x=\"5\" y=\"68\">shrank</text>")?;
        for (place, class) in ["s4", "s3", "s2", "s1", "e", "g1", "g2", "g3", "g4"].into_iter().enumerate() {
            write!(out, "<rect class=\"{class}\" x=\"{}\" y=\"57\" width=\"15\" height=\"14\"/>", 58 + place * 15)?;
        }
        writeln!(out, "<text class=\"soft\" x=\"202\" y=\"68\">grew · the wider, the more bytes</text>")
    }

    fn bar(&self, out: &mut Formatter<'_>, bar: &Bar) -> fmt::Result {
        let name = self.comparison.tree.name(bar.call);
        let name = name.map_or("everything", |name| self.comparison.names.text(name));
        let gained = quantity::gained(i128::from(bar.after) - i128::from(bar.before));
        let class = if self.compared { colour::class(bar.before, bar.after) } else { "e" };
        let (begin, width) = (Percent(bar.begin), Percent(bar.width));
        write!(out, "<svg x=\"{begin}\" y=\"{}\" width=\"{width}\" height=\"{ROW}\">", TOP + bar.row * ROW)?;
        write!(out, "<title>{}\n{}", Text(name), quantity::bytes(bar.after))?;
        if self.compared {
            write!(out, ", {gained}")?;
        }
        write!(out, ", {}</title>", quantity::share(bar.width))?;
        write!(out, "<rect class=\"{class}\" width=\"100%\" height=\"100%\"/>")?;
        if let Some((label, room)) = label::fit(name, &gained, bar.width) {
            let class = if bar.width < LEGIBLE_ON_A_PHONE { " class=\"wide\"" } else { "" };
            write!(out, "<text{class} x=\"5\" y=\"15\">{}", Text(&label))?;
            if room && self.compared {
                write!(out, "<tspan class=\"more\" dx=\"10\">{gained}</tspan>")?;
            }
            write!(out, "</text>")?;
        }
        writeln!(out, "</svg>")
    }
}

/// A share in as few letters as show it to the pixel.
struct Percent(f64);

impl Display for Percent {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let text = format!("{:.3}", self.0 * 100.0);
        write!(out, "{}%", text.trim_end_matches('0').trim_end_matches('.'))
    }
}
