//! What the child is handed over beside its standard descriptors: sockets, and its own pid in words.

use std::cell::Cell;
use std::ffi::{OsStr, c_char};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

use super::SpawnError;
use crate::sys;

/// The number of the first descriptor that is handed over.
pub(super) const FIRST: RawFd = 3;

/// What a service manager tells the process it started, and no other.
pub(super) const MEANT_FOR_US: [&str; 7] =
    ["LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"];

/// Descriptors to be handed over, moved behind the numbers they will get: placing one never covers another.
pub(super) struct Passed(Vec<OwnedFd>);

impl Passed {
    pub(super) fn new(descriptors: &[BorrowedFd<'_>]) -> Result<Self, SpawnError> {
        let behind = FIRST + count(descriptors.len());
        let moved = descriptors.iter().map(|fd| sys::duplicate_from(*fd, behind)).collect::<io::Result<_>>();
        Ok(Self(moved.map_err(|source| SpawnError::Other { op: "hand sockets over".into(), source })?))
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = RawFd> {
        self.0.iter().map(AsRawFd::as_raw_fd)
    }

    /// The descriptor, or a copy of it where one of these will not take its place.
    pub(super) fn out_of_the_way(&self, fd: OwnedFd) -> io::Result<OwnedFd> {
        let behind = FIRST + count(self.0.len());
        if fd.as_raw_fd() >= behind { Ok(fd) } else { sys::duplicate_from(std::os::fd::AsFd::as_fd(&fd), behind) }
    }
}

/// As descriptors are counted; there are never so many that it would not fit.
fn count(descriptors: usize) -> RawFd {
    RawFd::try_from(descriptors).unwrap_or(RawFd::MAX - FIRST)
}

/// `NAME=` and room for the pid, which the child writes into its own copy of memory.
pub(super) struct PidVariable {
    text: Box<[Cell<u8>]>,
    digits_at: usize,
}

impl PidVariable {
    pub(super) fn new(name: &OsStr) -> Self {
        /// Digits of the largest number there is, and the end of the string.
        const ROOM: [u8; 11] = [0; 11];
        let text = [name.as_bytes(), b"=", &ROOM].concat();
        Self { digits_at: name.len() + 1, text: text.into_iter().map(Cell::new).collect() }
    }

    pub(super) fn as_ptr(&self) -> *const c_char {
        self.text.as_ptr().cast()
    }

    /// Writes the number, without a zero before it: it could be read as octal. Called in the child.
    pub(super) fn complete(&self, pid: u32) {
        let mut power = 1;
        while pid / power >= 10 {
            power *= 10;
        }
        let powers = std::iter::successors(Some(power), |power| (*power > 1).then_some(*power / 10));
        for (cell, power) in self.text.iter().skip(self.digits_at).zip(powers) {
            cell.set(b'0' + (pid / power % 10) as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(pid: u32) -> String {
        let variable = PidVariable::new(OsStr::new("P"));
        variable.complete(pid);
        let bytes: Vec<u8> = variable.text.iter().map(Cell::get).take_while(|byte| *byte != 0).collect();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_pid_is_written_without_leading_zeros_and_ends() {
        assert_eq!(completed(7), "P=7");
        assert_eq!(completed(10), "P=10");
        assert_eq!(completed(4_194_304), "P=4194304");
        assert_eq!(completed(u32::MAX), "P=4294967295");
    }
}
