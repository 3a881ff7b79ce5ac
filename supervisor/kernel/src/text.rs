//! Reading numbers out of kernel text, and writing them, without an allocation.

use std::io::Write;

/// A decimal number with nothing around it but white space.
pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.trim().parse().ok()
}

/// The lines of `key value` files such as `memory.events`; lines of any other form are passed over.
pub(crate) fn pairs(bytes: &[u8]) -> impl Iterator<Item = (&[u8], u64)> {
    bytes.split(|&b| b == b'\n').filter_map(|line| {
        let space = line.iter().position(|&b| b == b' ')?;
        Some((&line[..space], number(&line[space + 1..])?))
    })
}

/// Text that is formatted in place, for paths on which nothing may be allocated. What does not fit is cut off.
pub(crate) struct Fixed<const N: usize> {
    bytes: [u8; N],
    used: usize,
}

impl<const N: usize> Fixed<N> {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], used: 0 }
    }

    pub(crate) fn of(arguments: std::fmt::Arguments<'_>) -> Self {
        let mut text = Self::new();
        text.push(arguments);
        text
    }

    /// Appends formatted text.
    pub(crate) fn push(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing into a slice fails only when it is full, and being cut off is what this type promises.
        let mut rest = &mut self.bytes[self.used..];
        let before = rest.len();
        let _ = rest.write_fmt(arguments);
        let after = rest.len();
        self.used += before - after;
    }

    /// Appends bytes as they are.
    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) {
        let room = N - self.used;
        let taken = bytes.len().min(room);
        self.bytes[self.used..self.used + taken].copy_from_slice(&bytes[..taken]);
        self.used += taken;
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.used]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_pass_over_what_they_do_not_know() {
        let found: Vec<_> = pairs(b"low 0\nbroken\nhigh 12\nbad x\n\noom 3").collect();
        assert_eq!(found, [(&b"low"[..], 0), (&b"high"[..], 12), (&b"oom"[..], 3)]);
    }

    #[test]
    fn fixed_text_is_cut_off_rather_than_grown() {
        let mut text = Fixed::<6>::of(format_args!("{}", 1234));
        text.push(format_args!("{}", 5678));
        assert_eq!(text.as_bytes(), b"123456");
        text.push_bytes(b"x");
        assert_eq!(text.as_bytes(), b"123456");
    }
}
