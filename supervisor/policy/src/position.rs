//! From byte offsets to the lines and columns people count in.

/// A place in a text, counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// Line, from 1.
    pub(crate) line: usize,
    /// Column in characters, from 1.
    pub(crate) column: usize,
}

/// The lines of a text.
#[derive(Clone, Debug)]
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Finds the lines of `text`.
    pub(crate) fn new(text: &'a str) -> Self {
        let after_breaks = text.match_indices('\n').map(|(index, _)| index + 1);
        Self { text, starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// Where `offset` is. The end of a text that ends with a line break counts as the end of its last line.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let offset = self.within(offset);
        let line = self.line_of(offset);
        let column = self.text[self.starts[line]..offset].chars().count() + 1;
        Position { line: line + 1, column }
    }

    /// The line with that number (from 1) without its end, and the offset it starts at.
    pub(crate) fn line(&self, number: usize) -> (&'a str, usize) {
        let start = self.starts[number - 1];
        let end = self.starts.get(number).copied().unwrap_or(self.text.len());
        (self.text[start..end].trim_end_matches(['\n', '\r']), start)
    }

    /// The nearest offset to `offset` that is a character of the text, or its end.
    fn within(&self, offset: usize) -> usize {
        let last = self.text.strip_suffix('\n').unwrap_or(self.text);
        let last = last.strip_suffix('\r').unwrap_or(last).len();
        self.text.floor_char_boundary(offset.min(last))
    }

    /// The index of the line that holds `offset`.
    fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let lines = Lines::new("ab\nä€x\r\nlast");
        assert_eq!(lines.position(0), Position { line: 1, column: 1 });
        assert_eq!(lines.position(8), Position { line: 2, column: 3 });
        assert_eq!(lines.position(11), Position { line: 3, column: 1 });
        assert_eq!(lines.position(99), Position { line: 3, column: 5 });
        assert_eq!(lines.line(2), ("ä€x", 3));
    }

    #[test]
    fn the_end_is_on_the_last_line() {
        assert_eq!(Lines::new("").position(0), Position { line: 1, column: 1 });
        assert_eq!(Lines::new("a = \n").position(5), Position { line: 1, column: 5 });
        assert_eq!(Lines::new("a = \r\n").position(6), Position { line: 1, column: 5 });
    }
}
