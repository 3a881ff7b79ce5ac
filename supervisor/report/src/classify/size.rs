//! Bytes for people.

use std::fmt;

/// Bytes to reckon with. A figure larger than any memory is made one with which sums stay sums.
pub fn signed(bytes: u64) -> i64 {
    bytes.min(1 << 56).cast_signed()
}

/// Bytes, shown in MiB, or in KiB where there are few.
pub struct Size(pub i64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kib = self.0 as f64 / 1024.0;
        if kib.abs() < 1024.0 { write!(f, "{kib:.0} KiB") } else { write!(f, "{:.1} MiB", kib / 1024.0) }
    }
}

/// A part of a whole in percent, between 0 and 100.
pub fn percent(part: i64, whole: i64) -> u32 {
    if whole <= 0 { 0 } else { (part as f64 / whole as f64 * 100.0).clamp(0.0, 100.0).round() as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        assert_eq!(Size(5 << 10).to_string(), "5 KiB");
        assert_eq!(Size(-(3 << 19)).to_string(), "-1.5 MiB");
    }

    #[test]
    fn a_share_is_never_odd() {
        assert_eq!((percent(98, 100), percent(7, 5), percent(-1, 5), percent(1, 0)), (98, 100, 0, 0));
    }
}
