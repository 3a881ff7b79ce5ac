//! The memory of the machine.

use std::path::Path;

use nix::fcntl::OFlag;

use crate::file::KernelFile;
use crate::text::number;
use crate::{Error, Result};

const MEMINFO: &str = "/proc/meminfo";

/// What the machine has, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// All of it.
    pub total: u64,
    /// What could be had without swapping, as the kernel estimates it.
    pub available: u64,
    /// Swap space; 0 where there is none.
    pub swap: u64,
}

/// `/proc/meminfo`, kept open: read without opening or allocating anything.
#[derive(Debug)]
pub struct MemoryReader(KernelFile);

impl MemoryReader {
    /// Opens it.
    pub fn open() -> Result<Self> {
        KernelFile::open(Path::new(MEMINFO), OFlag::O_RDONLY).map(Self)
    }

    /// The memory as of now.
    pub fn read(&self) -> Result<Memory> {
        // 1.5 kB; the lines that count are the first ones.
        let mut buffer = [0; 2048];
        let memory = Memory::parse(self.0.read(&mut buffer)?);
        memory.ok_or_else(|| Error::unexpected(MEMINFO, "a line is missing"))
    }
}

impl Memory {
    /// Reads it once.
    pub fn read() -> Result<Self> {
        MemoryReader::open()?.read()
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let bytes = |key: &[u8]| {
            let line = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(key))?;
            Some(number(line.strip_suffix(b" kB")?)? * 1024)
        };
        Some(Self { total: bytes(b"MemTotal:")?, available: bytes(b"MemAvailable:")?, swap: bytes(b"SwapTotal:")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_meminfo() {
        let text = b"MemTotal:        1005828 kB\nMemFree:          500 kB\nMemAvailable:    400 kB\n\
                     SwapTotal:             0 kB\n";
        let memory = Memory { total: 1_005_828 * 1024, available: 400 * 1024, swap: 0 };
        assert_eq!(Memory::parse(text), Some(memory));
        assert_eq!(Memory::parse(b"MemTotal: 5 kB\n"), None);
        let here = Memory::read().unwrap();
        assert!(here.available <= here.total);
    }
}
