//! Amounts of memory: plain bytes, a share of the effective limit, or a limit that may be absent.

use std::fmt;

/// One mebibyte in bytes.
pub const MIB: u64 = 1 << 20;

/// An amount as a policy states it: bytes, or a share of the service cgroup's effective `memory.max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many bytes.
    Bytes(u64),
    /// Hundredths of a percent of the effective limit: `80%` is 8000.
    Share(u32),
}

impl Amount {
    /// The amount in bytes under an effective limit of `max` bytes.
    pub fn of(self, max: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Share(share) => share_of(max, share),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(formatter, "{}", Bytes(*bytes)),
            Self::Share(share) if share.is_multiple_of(100) => write!(formatter, "{}%", share / 100),
            Self::Share(share) => write!(formatter, "{}%", f64::from(*share) / 100.0),
        }
    }
}

/// `share` hundredths of a percent of `whole`.
fn share_of(whole: u64, share: u32) -> u64 {
    let product = u128::from(whole) * u128::from(share) / 10_000;
    u64::try_from(product).unwrap_or(u64::MAX)
}

/// A limit file of the memory controller: a number of bytes, or the word `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// So many bytes.
    Bytes(u64),
    /// No limit.
    Max,
}

impl Limit {
    /// The bytes of the limit, `None` for `max`.
    pub fn bytes(self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Max => None,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(formatter, "{}", Bytes(*bytes)),
            Self::Max => formatter.write_str("max"),
        }
    }
}

/// Bytes, shown for people: in the largest binary unit it fills, with one decimal where it is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        let unit = UNITS.iter().find(|(size, _)| self.0 >= *size);
        match unit {
            Some((size, name)) if self.0.is_multiple_of(*size) => write!(formatter, "{} {name}", self.0 / size),
            Some((size, name)) => write!(formatter, "{:.1} {name}", self.0 as f64 / *size as f64),
            None => write!(formatter, "{} B", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_the_limit() {
        assert_eq!(Amount::Share(8_000).of(256 * MIB), 214_748_364);
        assert_eq!(Amount::Bytes(7).of(256 * MIB), 7);
        assert_eq!(Amount::Share(10_000).of(u64::MAX), u64::MAX);
    }

    #[test]
    fn amounts_read_as_people_write_them() {
        assert_eq!(Amount::Share(8_000).to_string(), "80%");
        assert_eq!(Amount::Share(8_050).to_string(), "80.5%");
        assert_eq!(Bytes(512 * MIB).to_string(), "512 MiB");
        assert_eq!(Bytes(214_748_364).to_string(), "204.8 MiB");
        assert_eq!(Bytes(17).to_string(), "17 B");
    }
}
