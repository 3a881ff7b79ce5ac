//! Bars: how much of a whole is taken.

use super::row::Look;

const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// A bar of `width` columns of which this share is filled; a later share is filled lightly.
pub fn bar(look: Look, width: usize, full: f64, light: f64) -> String {
    let eighths = |share: f64| (share.clamp(0.0, 1.0) * width as f64 * 8.0).round() as usize;
    let (full, light) = (eighths(full), eighths(light));
    let whole = full / 8;
    let mut bar = look.sign("█", "#").repeat(whole);
    let mut used = whole;
    if look.unicode && !full.is_multiple_of(8) {
        bar += EIGHTHS[full % 8];
        used += 1;
    }
    let until = light.div_ceil(8).max(used);
    bar += &look.sign("▒", "+").repeat(until - used);
    bar + &look.sign("·", ".").repeat(width - until)
}

/// Figures over time, the newest at the right, as many as there is room for; the scale is from 0 to `most`.
pub fn curve(look: Look, width: usize, figures: &[u64], most: u64) -> String {
    let steps: [&str; 8] = if look.unicode {
        ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
    } else {
        ["_", ".", ":", "-", "=", "+", "*", "#"]
    };
    let step = |figure: u64| steps[((figure as f64 / most.max(1) as f64 * 8.0) as usize).min(7)];
    let newest = &figures[figures.len().saturating_sub(width)..];
    newest.iter().map(|figure| step(*figure)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNICODE: Look = Look { width: 80, colour: false, unicode: true };
    const ASCII: Look = Look { unicode: false, ..UNICODE };

    #[test]
    fn a_bar_is_as_long_as_it_should_be() {
        for (full, light) in [(0.0, 0.0), (0.3, 0.31), (0.5, 0.9), (0.999, 1.0), (1.0, 1.0), (7.0, 9.0), (0.5, 0.1)] {
            assert_eq!(bar(UNICODE, 10, full, light).chars().count(), 10, "{full} {light}");
            assert_eq!(bar(ASCII, 10, full, light).chars().count(), 10, "{full} {light}");
        }
        assert_eq!(bar(UNICODE, 8, 0.5, 0.75), "████▒▒··");
        assert_eq!(bar(UNICODE, 8, 0.53, 0.53), "████▎···");
        assert_eq!(bar(ASCII, 8, 0.5, 0.75), "####++..");
    }

    #[test]
    fn the_newest_figures_are_shown() {
        assert_eq!(curve(UNICODE, 3, &[9, 0, 4, 8], 8), "▁▅█");
        assert_eq!(curve(ASCII, 8, &[0, 8], 0), "_#");
    }
}
