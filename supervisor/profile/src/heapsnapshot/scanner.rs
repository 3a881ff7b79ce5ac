//! Reads JSON piece by piece: nothing is kept but one buffer.

use std::io::{ErrorKind, Read};

use super::error::HeapSnapshotError;
use super::text::Text;

type Result<T> = std::result::Result<T, HeapSnapshotError>;

const BUFFER: usize = 64 * 1024;

/// A place in JSON text that only moves forward.
pub struct Scanner<R> {
    reader: R,
    buffer: Box<[u8]>,
    next: usize,
    filled: usize,
    /// Bytes of the text before the buffer.
    passed: u64,
}

impl<R: Read> Scanner<R> {
    /// Begins at the beginning.
    pub fn new(reader: R) -> Self {
        Self { reader, buffer: vec![0; BUFFER].into_boxed_slice(), next: 0, filled: 0, passed: 0 }
    }

    /// Enters an object or array, or takes any other mark.
    pub fn mark(&mut self, mark: u8, expected: &'static str) -> Result<()> {
        if self.peek()? == mark {
            self.next += 1;
            return Ok(());
        }
        Err(self.unexpected(expected))
    }

    /// The next key of an object that was entered, with its value next; nothing at the end of the object.
    pub fn key(&mut self, is_first: bool) -> Result<Option<String>> {
        if self.is_at_end(b'}', is_first)? {
            return Ok(None);
        }
        let key = self.string(64)?;
        self.mark(b':', "':'")?;
        Ok(Some(key))
    }

    /// Whether an object or array is over; if not, its next element comes.
    pub fn is_at_end(&mut self, end: u8, is_first: bool) -> Result<bool> {
        match self.peek()? {
            byte if byte == end => self.next += 1,
            _ if is_first => return Ok(false),
            b',' => {
                self.next += 1;
                return Ok(false);
            }
            _ => return Err(self.unexpected("',' or the end")),
        }
        Ok(true)
    }

    /// Hands out every number of an array of numbers.
    pub fn numbers(&mut self, mut each: impl FnMut(u64) -> Result<()>) -> Result<()> {
        self.mark(b'[', "an array of numbers")?;
        let mut is_first = true;
        while !self.is_at_end(b']', is_first)? {
            is_first = false;
            each(self.number()?)?;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<u64> {
        if !self.peek()?.is_ascii_digit() {
            return Err(self.unexpected("a number"));
        }
        let mut value = 0_u64;
        while let Some(digit) = self.digit()? {
            let longer = value.checked_mul(10).and_then(|value| value.checked_add(digit));
            value = longer.ok_or_else(|| self.unexpected("a number below 2^64"))?;
        }
        Ok(value)
    }

    #[inline]
    fn digit(&mut self) -> Result<Option<u64>> {
        if self.next == self.filled {
            self.fill()?;
        }
        let digit = u64::from(self.buffer[self.next].wrapping_sub(b'0'));
        self.next += usize::from(digit < 10);
        Ok((digit < 10).then_some(digit))
    }

    /// Passes over a string.
    pub fn skip_string(&mut self) -> Result<()> {
        self.mark(b'"', "a string")?;
        loop {
            let rest = &self.buffer[self.next..self.filled];
            let Some(found) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) else {
                self.fill()?;
                continue;
            };
            let is_end = rest[found] == b'"';
            self.next += found + 1;
            if is_end {
                return Ok(());
            }
            self.byte()?;
        }
    }

    /// A string; of a longer one the first `most` characters and an ellipsis.
    pub fn string(&mut self, most: usize) -> Result<String> {
        self.mark(b'"', "a string")?;
        let mut text = Text::new(most);
        loop {
            match self.byte()? {
                b'"' => return Ok(text.end()),
                b'\\' => match self.byte()? {
                    b'u' => text.push_unit(self.four_digits()?),
                    b'n' | b'r' | b't' | b'b' | b'f' => text.push_byte(b' '),
                    byte => text.push_byte(byte),
                },
                byte => text.push_byte(byte),
            }
        }
    }

    fn four_digits(&mut self) -> Result<u16> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = char::from(self.byte()?).to_digit(16);
            value = value * 16 + digit.ok_or_else(|| self.unexpected("a hexadecimal digit"))? as u16;
        }
        Ok(value)
    }

    /// Hands out every byte of the value that comes next, whatever it is.
    pub fn value(&mut self, mut each: impl FnMut(u8) -> Result<()>) -> Result<()> {
        self.peek()?;
        let (mut depth, mut in_string) = (0_u64, false);
        loop {
            let byte = self.byte()?;
            match byte {
                b'"' => in_string = !in_string,
                b'\\' if in_string => {
                    each(byte)?;
                    each(self.byte()?)?;
                    continue;
                }
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' if !in_string => {
                    depth = depth.checked_sub(1).ok_or_else(|| self.unexpected("a value"))?;
                }
                _ => {}
            }
            each(byte)?;
            if !in_string && depth == 0 && self.is_after_value(byte)? {
                return Ok(());
            }
        }
    }

    /// Whether the value is over with `last`: of a number only what follows says so.
    fn is_after_value(&mut self, last: u8) -> Result<bool> {
        if matches!(last, b'"' | b'}' | b']') {
            return Ok(true);
        }
        if self.next == self.filled {
            self.fill()?;
        }
        Ok(matches!(self.buffer[self.next], b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'))
    }

    /// The next byte that is no white space; it stays the next.
    fn peek(&mut self) -> Result<u8> {
        loop {
            if self.next == self.filled {
                self.fill()?;
            }
            match self.buffer[self.next] {
                b' ' | b'\t' | b'\n' | b'\r' => self.next += 1,
                byte => return Ok(byte),
            }
        }
    }

    fn byte(&mut self) -> Result<u8> {
        if self.next == self.filled {
            self.fill()?;
        }
        self.next += 1;
        Ok(self.buffer[self.next - 1])
    }

    /// Reads on; at least one byte is there afterwards.
    #[cold]
    fn fill(&mut self) -> Result<()> {
        self.passed += self.filled as u64;
        (self.next, self.filled) = (0, 0);
        while self.filled == 0 {
            match self.reader.read(&mut self.buffer) {
                Ok(0) => return Err(HeapSnapshotError::Truncated { at: self.passed }),
                Ok(read) => self.filled = read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(HeapSnapshotError::Io(error)),
            }
        }
        Ok(())
    }

    fn unexpected(&self, expected: &'static str) -> HeapSnapshotError {
        HeapSnapshotError::Syntax { at: self.passed + self.next as u64, expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanner(text: &str) -> Scanner<&[u8]> {
        Scanner::new(text.as_bytes())
    }

    #[test]
    fn numbers_are_handed_out_one_by_one() {
        let mut found = Vec::new();
        let mut all = |text| {
            found.clear();
            scanner(text).numbers(|number| {
                found.push(number);
                Ok(())
            })
        };
        all("[ 1,22 ,\n333,18446744073709551615]").unwrap();
        assert_eq!(found, [1, 22, 333, u64::MAX]);
        for bad in ["[1 2]", "[1,]", "[-1]", "[1.5]", "[18446744073709551616]", "{}", "[\"1\"]"] {
            let error = scanner(bad).numbers(|_| Ok(())).unwrap_err();
            assert!(matches!(error, HeapSnapshotError::Syntax { .. }), "{bad}: {error}");
        }
    }

    #[test]
    fn a_string_is_unescaped_and_cut() {
        let text = |text, most| scanner(text).string(most).unwrap();
        assert_eq!(text(r#""a\"b\\c\u00e9\ud83d\ude00\n""#, 20), "a\"b\\c\u{e9}\u{1f600} ");
        assert_eq!(text("\"abcdef\"", 3), "abc…");
        assert_eq!(text("\"h\u{e9}llo\"", 2), "h\u{e9}…");
        assert_eq!(text(r#""\ud83dx\u0041""#, 9), "\u{fffd}xA", "half a character");
    }

    #[test]
    fn what_is_passed_over_is_passed_over_whole() {
        let mut scanner = scanner(r#"{"a":"]}\"","b":[{}, "["]} "\\" 12,"#);
        scanner.value(|_| Ok(())).unwrap();
        scanner.skip_string().unwrap();
        let mut number = Vec::new();
        scanner
            .value(|byte| {
                number.push(byte);
                Ok(())
            })
            .unwrap();
        assert_eq!(number, b"12");
        assert!(matches!(scanner.value(|_| Ok(())), Err(HeapSnapshotError::Truncated { at: 35 })));
    }

    #[test]
    fn a_file_that_comes_byte_by_byte_reads_the_same() {
        struct Slow<'a>(&'a [u8]);
        impl Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                (&mut self.0).take(1).read(buffer)
            }
        }
        let mut scanner = Scanner::new(Slow(br#"{"key":[12,34]}"#));
        scanner.mark(b'{', "{").unwrap();
        assert_eq!(scanner.key(true).unwrap().as_deref(), Some("key"));
        let mut sum = 0;
        let add = |number| {
            sum += number;
            Ok(())
        };
        scanner.numbers(add).unwrap();
        assert_eq!(scanner.key(false).unwrap(), None);
        assert_eq!(sum, 46);
    }
}
