//! Reading `memory.pressure` and `/proc/pressure/memory`.

use std::path::Path;

use nix::fcntl::OFlag;

use crate::file::KernelFile;
use crate::text::number;
use crate::{Error, Result};

/// One line of a pressure file.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Averages {
    /// Share of time stalled in the last 10 s, in percent; lags by 2 s and more.
    pub avg10: f64,
    /// The same over 60 s.
    pub avg60: f64,
    /// The same over 300 s.
    pub avg300: f64,
    /// Microseconds stalled since boot: differences of this are what rules should look at.
    pub total_us: u64,
}

/// A pressure file.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pressure {
    /// At least one task stood still.
    pub some: Option<Averages>,
    /// No task got on.
    pub full: Option<Averages>,
}

/// A pressure file, kept open: read without opening or allocating anything.
#[derive(Debug)]
pub struct PressureReader(KernelFile);

impl PressureReader {
    /// Opens a pressure file: [`Kind::NotFound`](crate::Kind::NotFound) where the kernel has it not (`psi=0`),
    /// [`Kind::Unsupported`](crate::Kind::Unsupported) where it is turned off.
    pub fn open(path: &Path) -> Result<Self> {
        KernelFile::open(path, OFlag::O_RDONLY).map(Self)
    }

    /// The stalls as of now.
    pub fn read(&self) -> Result<Pressure> {
        let mut buffer = [0; 512];
        let text = self.0.read(&mut buffer)?;
        Pressure::parse(text).ok_or_else(|| Error::unexpected(self.0.path(), "not a pressure file"))
    }
}

impl Pressure {
    /// Reads a pressure file once, see [`PressureReader`].
    pub fn read(path: &Path) -> Result<Self> {
        PressureReader::open(path)?.read()
    }

    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut pressure = Self::default();
        for line in text.lines() {
            let (name, fields) = line.split_once(' ')?;
            match name {
                "some" => pressure.some = Some(Averages::parse(fields)?),
                "full" => pressure.full = Some(Averages::parse(fields)?),
                _ => {}
            }
        }
        pressure.some.map(|_| pressure)
    }
}

impl Averages {
    fn parse(fields: &str) -> Option<Self> {
        let mut averages = Self::default();
        let mut total = None;
        for (key, value) in fields.split(' ').filter_map(|field| field.split_once('=')) {
            match key {
                "avg10" => averages.avg10 = value.parse().ok()?,
                "avg60" => averages.avg60 = value.parse().ok()?,
                "avg300" => averages.avg300 = value.parse().ok()?,
                "total" => total = number(value.as_bytes()),
                _ => {}
            }
        }
        averages.total_us = total?;
        Some(averages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_lines() {
        let text =
            b"some avg10=29.50 avg60=7.02 avg300=1.53 total=5038244\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=12\n";
        let pressure = Pressure::parse(text).unwrap();
        let some = Averages { avg10: 29.5, avg60: 7.02, avg300: 1.53, total_us: 5_038_244 };
        assert_eq!(pressure.some, Some(some));
        assert_eq!(pressure.full.unwrap().total_us, 12);
    }

    #[test]
    fn a_file_without_full_is_fine_and_nonsense_is_not() {
        let only_some = Pressure::parse(b"some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n").unwrap();
        assert_eq!(only_some.full, None);
        for bad in [&b""[..], b"\n", b"some\n", b"some avg10=x total=1\n", b"some avg10=0.00\n", b"\xff\xfe"] {
            assert_eq!(Pressure::parse(bad), None);
        }
    }

    #[test]
    fn reads_the_machine_or_says_why_not() {
        match Pressure::read(Path::new("/proc/pressure/memory")) {
            Ok(pressure) => assert!(pressure.some.is_some()),
            Err(e) => assert!(matches!(e.kind(), crate::Kind::NotFound | crate::Kind::Unsupported), "{e}"),
        }
    }
}
