//! Room on a file system.

use std::os::fd::AsFd;
use std::path::Path;

use nix::sys::statvfs::fstatvfs;

use crate::Result;
use crate::directory::Directory;
use crate::error::io_error;

/// Room on a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What an ordinary user can still write.
    pub free: u64,
    /// The whole of it; 0 where the file system does not say, and then nothing is known of `free` either.
    pub total: u64,
}

impl Space {
    /// Whether nothing more can be written.
    pub fn is_full(self) -> bool {
        self.free == 0 && self.total > 0
    }

    /// What can still be written, as far as anybody knows.
    pub fn usable(self) -> u64 {
        if self.total == 0 { u64::MAX } else { self.free }
    }
}

/// Room on the file system of a directory: where a dump is about to be written.
pub fn free_space(directory: &Path) -> Result<Space> {
    of(&Directory::open(directory)?, directory)
}

pub(super) fn of(open: impl AsFd, path: &Path) -> Result<Space> {
    let disk = fstatvfs(open).map_err(io_error("look at the disk of", path))?;
    let unit = disk.fragment_size() as u64;
    Ok(Space {
        free: (disk.blocks_available() as u64).saturating_mul(unit),
        total: (disk.blocks() as u64).saturating_mul(unit),
    })
}
