//! What colour a bar has: how much of it is new, or gone.

use std::fmt::Write;

/// Colours of one appearance of the page. Those of bars go from the least to the most.
pub(super) struct Palette {
    /// Behind everything, and between bars.
    pub page: &'static str,
    /// Letters on the page.
    pub ink: &'static str,
    /// Letters on the page that matter less.
    pub soft: &'static str,
    /// Letters on bars.
    pub letters: &'static str,
    /// Bars that are as they were.
    pub same: &'static str,
    /// Bars that grew.
    pub grew: [&'static str; STEPS],
    /// Bars that shrank.
    pub shrank: [&'static str; STEPS],
}

/// Shades in each direction.
pub(super) const STEPS: usize = 4;

/// On a light page.
pub(super) const LIGHT: Palette = Palette {
    page: "#ffffff",
    ink: "#1c1b19",
    soft: "#5f5c56",
    letters: "#1c1b19",
    same: "#e9e7e2",
    grew: ["#fbdccb", "#f8bd9f", "#f19a78", "#e97c5b"],
    shrank: ["#d6e5f5", "#b3d0ee", "#8ab6e3", "#659bd5"],
};

/// On a dark page.
pub(super) const DARK: Palette = Palette {
    page: "#15171b",
    ink: "#eceae6",
    soft: "#a5a29b",
    letters: "#f7f4f0",
    same: "#3b3e45",
    grew: ["#58403a", "#7a4433", "#9a4730", "#b54a2c"],
    shrank: ["#36465a", "#345476", "#2f6193", "#2a6cad"],
};

/// The class of a bar: `e` for equal, `g1` to `g4` for grown, `s1` to `s4` for shrunk. A twentieth is no change: so much
/// comes from sampling.
pub(super) fn class(before: u64, after: u64) -> &'static str {
    let most = before.max(after);
    if most == 0 {
        return "e";
    }
    let changed = before.abs_diff(after) as f64 / most as f64;
    let step = if changed < 0.05 { return "e" } else { ((changed * STEPS as f64) as usize).min(STEPS - 1) };
    let classes = if after > before { ["g1", "g2", "g3", "g4"] } else { ["s1", "s2", "s3", "s4"] };
    classes[step]
}

/// The colours as a style sheet for everything in `.hw-flame`, and for nothing else of a page it stands in.
pub(super) fn style() -> String {
    let mut style = format!(".hw-flame{{{}}}", variables(&LIGHT));
    let _ = write!(style, "@media (prefers-color-scheme:dark){{.hw-flame{{{}}}}}", variables(&DARK));
    for class in ["e", "g1", "g2", "g3", "g4", "s1", "s2", "s3", "s4"] {
        let _ = write!(style, ".hw-flame .{class}{{fill:var(--hf-{class})}}");
    }
    style
}

fn variables(palette: &Palette) -> String {
    let Palette { page, ink, soft, letters, same, grew, shrank } = palette;
    let mut text = format!("--hf-page:{page};--hf-ink:{ink};--hf-soft:{soft};--hf-letters:{letters};--hf-e:{same}");
    for (number, (grew, shrank)) in (1..).zip(grew.iter().zip(shrank)) {
        let _ = write!(text, ";--hf-g{number}:{grew};--hf-s{number}:{shrank}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shade_says_how_much_of_a_bar_is_new_or_gone() {
        for (before, after, wanted) in [
            (0, 0, "e"),
            (100, 104, "e"),
            (100, 110, "g1"),
            (100, 170, "g2"),
            (100, 250, "g3"),
            (0, 5, "g4"),
            (100, 90, "s1"),
            (100, 10, "s4"),
            (u64::MAX, 0, "s4"),
        ] {
            assert_eq!(class(before, after), wanted, "{before} {after}");
        }
    }

    /// Contrast as the accessibility guidelines of the web define it; 4.5 is what they ask for text.
    #[test]
    fn letters_can_be_read_on_every_shade() {
        for palette in [LIGHT, DARK] {
            for bar in palette.grew.iter().chain(&palette.shrank).chain([&palette.same]) {
                assert!(contrast(palette.letters, bar) >= 4.5, "{bar}: {}", contrast(palette.letters, bar));
            }
            for text in [palette.ink, palette.soft] {
                assert!(contrast(text, palette.page) >= 4.5, "{text}");
            }
        }
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }
}
