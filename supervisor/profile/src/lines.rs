//! Lines of a text, in bounded memory.

use std::io::{BufRead, Read};

use crate::read::{MOST_BYTES, Problem};

/// A line longer than this comes in pieces: no profile has one.
const LONGEST: u64 = 1 << 16;

/// Lines of a text. What is no UTF-8 is replaced.
pub(crate) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    text: String,
    bytes: u64,
}

impl<R: BufRead> Lines<R> {
    /// The lines of what is read.
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, line: Vec::new(), text: String::new(), bytes: 0 }
    }

    /// The next line, without its end.
    pub(crate) fn next(&mut self) -> Result<Option<&str>, Problem> {
        self.line.clear();
        self.bytes += self.reader.by_ref().take(LONGEST).read_until(b'\n', &mut self.line)? as u64;
        if self.line.is_empty() {
            return Ok(None);
        }
        if self.bytes > MOST_BYTES {
            return Err(Problem::TooLarge { limit: MOST_BYTES });
        }
        self.text.clear();
        self.text.push_str(&String::from_utf8_lossy(&self.line));
        Ok(Some(self.text.trim_end()))
    }

    /// Whether the line that came last had an end: without, the text may have been cut off in it.
    pub(crate) fn ended(&self) -> bool {
        self.line.ends_with(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_without_their_ends() {
        let mut lines = Lines::new(&b"one\r\n\n\xff two"[..]);
        assert_eq!(lines.next().unwrap(), Some("one"));
        assert_eq!(lines.next().unwrap(), Some(""));
        assert!(lines.ended());
        assert_eq!(lines.next().unwrap(), Some("\u{fffd} two"));
        assert!(!lines.ended());
        assert_eq!(lines.next().unwrap(), None);
    }

    #[test]
    fn a_line_that_never_ends_comes_in_pieces() {
        let mut lines = Lines::new(std::io::BufReader::new(std::io::repeat(b'x')));
        assert_eq!(lines.next().unwrap().map(str::len), Some(1 << 16));
        while lines.bytes < MOST_BYTES {
            lines.bytes += MOST_BYTES / 4;
        }
        assert!(matches!(lines.next(), Err(Problem::TooLarge { .. })));
    }
}
