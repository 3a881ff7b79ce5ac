//! The page cache of a file that was read or written once and for all: given back, so that it stays charged to nobody.

use std::fs::File;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

/// How much is read or written before its pages are given back.
pub const STRETCH: u64 = 32 << 20;

/// Gives the pages of a stretch back; those not on disk yet stay, so sync first what was written. 0 for the length means
/// to the end. It is advice: a file system that does not take it loses nothing but memory.
pub fn forget(file: &File, from: u64, length: u64) {
    let _ = posix_fadvise(
        file,
        from.cast_signed() as _,
        length.cast_signed() as _,
        PosixFadviseAdvice::POSIX_FADV_DONTNEED,
    );
}

/// Bytes of a file that are in memory. A read that may not wait cannot tell: it brings pages in by itself.
#[cfg(test)]
pub fn cached_bytes(path: &std::path::Path) -> u64 {
    let said = std::process::Command::new("fincore").args(["-nbo", "res"]).arg(path).output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().parse().unwrap()
}
