//! Diagnostics as text for people, in the manner of rustc.

use unicode_width::UnicodeWidthChar;

use crate::position::Lines;
use crate::report::{Diagnostic, Report, Severity};

/// A source line is shown for so many columns around the caret.
const WIDTH: usize = 110;
/// Columns a tab is shown as.
const TAB: usize = 4;

/// Whether to use colours; the caller knows the terminal and `NO_COLOR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// ANSI escape sequences.
    Always,
}

impl Colour {
    /// `text` in the ANSI style `code`, or as it is.
    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Always if !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }
}

const BLUE: &str = "1;34";

/// The style of a severity.
fn style(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "1;31",
        Severity::Warning => "1;33",
    }
}

/// A whole report, one empty line between diagnostics.
pub(crate) fn report(report: &Report, lines: &Lines<'_>, colour: Colour) -> String {
    let mut parts: Vec<String> = report.diagnostics().iter().map(|one| diagnostic(one, lines, colour)).collect();
    if report.left_out() > 0 {
        parts.push(format!("... and {} more\n", report.left_out()));
    }
    parts.join("\n")
}

/// One diagnostic.
fn diagnostic(diagnostic: &Diagnostic, lines: &Lines<'_>, colour: Colour) -> String {
    let word = colour.paint(style(diagnostic.severity), diagnostic.severity.word());
    let message = colour.paint("1", &visible(&diagnostic.message));
    let arrow = colour.paint(BLUE, "-->");
    let file = visible(&diagnostic.file);
    let gutter = " ".repeat(diagnostic.at.map_or(1, |(line, _)| line.to_string().len()));
    let place = match (diagnostic.at, &diagnostic.span) {
        (Some((line, column)), Some(span)) => {
            let snippet = snippet(diagnostic, line, span.len(), lines, colour);
            format!("{gutter}{arrow} {file}:{line}:{column}\n{snippet}")
        }
        _ => format!("{gutter}{arrow} {file}\n"),
    };
    let help = diagnostic.help.as_ref().map(|help| {
        let sign = colour.paint(BLUE, "=");
        format!("{gutter} {sign} help: {}\n", visible(help))
    });
    format!("{word}: {message}\n{place}{}", help.unwrap_or_default())
}

/// The source line, and the caret with what is allowed there.
fn snippet(diagnostic: &Diagnostic, line: usize, bytes: usize, lines: &Lines<'_>, colour: Colour) -> String {
    let (text, _) = lines.line(line);
    let column = diagnostic.at.map_or(0, |(_, column)| column - 1);
    let view = View::new(text, column, bytes);
    let bar = colour.paint(BLUE, "|");
    let number = colour.paint(BLUE, &line.to_string());
    let gutter = " ".repeat(line.to_string().len());
    let carets = format!("{} {}", "^".repeat(view.carets), visible(&diagnostic.allowed));
    let carets = colour.paint(style(diagnostic.severity), carets.trim_end());
    format!("{gutter} {bar}\n{number} {bar} {}\n{gutter} {bar} {}{carets}\n", view.text, " ".repeat(view.before))
}

/// The part of a source line that is shown.
struct View {
    text: String,
    /// Columns before the caret.
    before: usize,
    /// How many carets.
    carets: usize,
}

impl View {
    /// Shows `line` around the character `column` (from 0), with carets below `bytes` bytes.
    fn new(line: &str, column: usize, bytes: usize) -> Self {
        let cells: Vec<(usize, String)> = line.chars().map(|c| (c.len_utf8(), cell(c))).collect();
        let width = |cells: &[(usize, String)]| cells.iter().map(|(_, shown)| columns(shown)).sum::<usize>();
        let column = column.min(cells.len());
        let marked = marked(&cells[column..], bytes);
        // Carets are cut where the view ends, and a long line is cut so that the caret is well inside.
        let first = if width(&cells) <= WIDTH { 0 } else { column.saturating_sub(WIDTH / 3) };
        let mut used = 0;
        let shown: Vec<&str> = cells[first..]
            .iter()
            .map(|(_, shown)| shown.as_str())
            .take_while(|shown| {
                used += columns(shown);
                used <= WIDTH
            })
            .collect();
        let cut_left = if first > 0 { "..." } else { "" };
        let cut_right = if first + shown.len() < cells.len() { "..." } else { "" };
        let before = cut_left.len() + width(&cells[first..column]);
        let carets = width(&cells[column..column + marked]).clamp(1, WIDTH);
        Self { text: format!("{cut_left}{}{cut_right}", shown.concat()), before, carets }
    }
}

/// How many of the characters make up `bytes` bytes.
fn marked(cells: &[(usize, String)], bytes: usize) -> usize {
    let mut length = 0;
    cells
        .iter()
        .take_while(|(size, _)| {
            length += size;
            length <= bytes
        })
        .count()
}

/// A character as it is shown: tabs as spaces, what would move the cursor as a mark.
fn cell(character: char) -> String {
    match character {
        '\t' => " ".repeat(TAB),
        character if character.width().is_none() => char::REPLACEMENT_CHARACTER.to_string(),
        character => character.to_string(),
    }
}

/// Columns a shown character takes.
fn columns(shown: &str) -> usize {
    shown.chars().map(|character| character.width().unwrap_or(0)).sum()
}

/// Text that came from the file, safe for a terminal, and cut where it is very long.
fn visible(text: &str) -> String {
    const MOST: usize = 400;
    let mut shown: String =
        text.chars().take(MOST).flat_map(|character| cell(character).chars().collect::<Vec<_>>()).collect();
    if text.chars().count() > MOST {
        shown += "...";
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_and_wide_characters_keep_the_caret_in_place() {
        let view = View::new("\ta = \"日本\" x", 8, 1);
        assert_eq!(view.before, 4 + 5 + 4);
        let view = View::new("a = \"日本\"", 5, 6);
        assert_eq!((view.before, view.carets), (5, 4));
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let line = "x".repeat(5_000);
        let view = View::new(&line, 3_000, 3);
        assert!(view.text.len() <= WIDTH + 6, "{}", view.text.len());
        assert!(view.before < WIDTH);
        assert_eq!(view.carets, 3);
    }

    #[test]
    fn escapes_of_the_file_do_not_reach_the_terminal() {
        assert_eq!(visible("a\x1b[31mb"), "a\u{fffd}[31mb");
    }
}
