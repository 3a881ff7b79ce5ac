//! A string of JSON in the making: no longer than wanted, whatever the file says.

/// Bytes and UTF-16 units one after the other.
pub struct Text {
    bytes: Vec<u8>,
    /// The first half of a character that takes two units.
    high: Option<u16>,
    most: usize,
}

impl Text {
    /// Nothing yet; of what comes, `most` characters are kept.
    pub fn new(most: usize) -> Self {
        Self { bytes: Vec::new(), high: None, most }
    }

    /// A byte of UTF-8.
    pub fn push_byte(&mut self, byte: u8) {
        self.push_lone_half();
        self.append(&[byte]);
    }

    /// A unit of UTF-16. Half a character, which V8 leaves where it cuts, becomes a question mark of Unicode.
    pub fn push_unit(&mut self, unit: u16) {
        let code = if let (Some(high), 0xdc00..0xe000) = (self.high, unit) {
            self.high = None;
            0x1_0000 + ((u32::from(high) - 0xd800) << 10) + (u32::from(unit) - 0xdc00)
        } else {
            self.push_lone_half();
            u32::from(unit)
        };
        if (0xd800..0xdc00).contains(&code) {
            self.high = Some(unit);
        } else {
            self.push_char(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
    }

    /// The text; where it was cut an ellipsis.
    pub fn end(mut self) -> String {
        self.push_lone_half();
        let text = String::from_utf8_lossy(&self.bytes);
        match text.char_indices().nth(self.most) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.into_owned(),
        }
    }

    fn push_lone_half(&mut self) {
        if self.high.take().is_some() {
            self.push_char(char::REPLACEMENT_CHARACTER);
        }
    }

    fn push_char(&mut self, char: char) {
        self.append(char.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn append(&mut self, bytes: &[u8]) {
        // A character has up to four bytes; one more than wanted shows that there is more.
        if self.bytes.len() < 4 * (self.most + 1) {
            self.bytes.extend_from_slice(bytes);
        }
    }
}
