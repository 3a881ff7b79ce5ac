//! One line of the screen: painted text of which the width is known.

use std::fmt::Write;

/// How text looks where colours are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    Bold,
    Faint,
    Good,
    Warning,
    Bad,
}

impl Style {
    /// Its ANSI code.
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Warning => "33",
            Self::Bad => "1;31",
        }
    }
}

/// What a terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns.
    pub width: usize,
    /// ANSI colours.
    pub colour: bool,
    /// More than ASCII.
    pub unicode: bool,
}

impl Look {
    /// One sign or, on a terminal that only knows ASCII, the other.
    pub fn sign(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.unicode { unicode } else { ascii }
    }

    /// What stands between two figures.
    pub fn between(self) -> &'static str {
        self.sign(" · ", ", ")
    }
}

/// A line in the making. What does not fit is cut off.
#[derive(Clone, Debug)]
pub struct Row {
    look: Look,
    text: String,
    width: usize,
}

impl Row {
    /// An empty line.
    pub fn new(look: Look) -> Self {
        Self { look, text: String::new(), width: 0 }
    }

    /// Adds text.
    pub fn add(mut self, style: Style, text: &str) -> Self {
        let fitting: String = text.chars().take(self.room()).collect();
        self.width += fitting.chars().count();
        if self.look.colour && style != Style::Plain && !fitting.is_empty() {
            let _ = write!(self.text, "\x1b[{}m{fitting}\x1b[0m", style.code());
        } else {
            self.text += &fitting;
        }
        self
    }

    /// Goes on in this column, or where it is if that is further.
    pub fn to(self, column: usize) -> Self {
        let blanks = " ".repeat(column.saturating_sub(self.width));
        self.add(Style::Plain, &blanks)
    }

    /// Adds text at the right margin, after a blank at least.
    pub fn right(self, style: Style, text: &str) -> Self {
        let column = self.look.width.saturating_sub(text.chars().count()).max(self.width + 1);
        self.to(column).add(style, text)
    }

    /// Columns that are left.
    pub fn room(&self) -> usize {
        self.look.width.saturating_sub(self.width)
    }

    /// The line.
    pub fn end(self) -> String {
        self.text.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_take_no_room() {
        let look = Look { width: 12, colour: true, unicode: true };
        let row = Row::new(look).add(Style::Bold, "web").right(Style::Bad, "down");
        assert_eq!(row.end(), "\x1b[1mweb\x1b[0m     \x1b[1;31mdown\x1b[0m");
        assert_eq!(Row::new(look).add(Style::Plain, "far too long a line").end(), "far too long");
    }
}
