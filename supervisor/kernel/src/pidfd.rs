//! A process as an open descriptor: it can be signalled and waited for, and never mistaken for a later one of the same
//! number.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::PathBuf;

use crate::sys::{self, Ended, Whom};
use crate::{Error, Kind, Pid, Result, process};

/// A process, held open. The descriptor becomes readable (`EPOLLIN`) when its last thread has ended.
#[derive(Debug)]
pub struct Pidfd {
    fd: OwnedFd,
    pid: Pid,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// A signal ended it. An OOM kill is a SIGKILL like any other: only `oom_kill` of `memory.events` tells.
    Signal {
        /// The signal's number.
        number: i32,
        /// It left a core dump.
        core: bool,
    },
}

impl Pidfd {
    /// Opens a process, not necessarily a child.
    pub fn open(pid: Pid) -> Result<Self> {
        let fd = sys::pidfd_open(pid).map_err(|e| Error::new("open", proc_entry(pid), e))?;
        Ok(Self { fd, pid })
    }

    /// Opens a process that was seen earlier with this start time ([`process::start_time`]);
    /// [`Kind::NoProcess`] if its number belongs to another one by now.
    pub fn open_started(pid: Pid, start_time: u64) -> Result<Self> {
        let pidfd = Self::open(pid)?;
        // After the pidfd is open the number cannot change hands: what /proc says now is true of the pidfd.
        if process::start_time(pid)? == start_time {
            Ok(pidfd)
        } else {
            Err(Error::new("open", proc_entry(pid), io::Error::from_raw_os_error(libc::ESRCH)))
        }
    }

    pub(crate) fn from_parts(fd: OwnedFd, pid: Pid) -> Self {
        Self { fd, pid }
    }

    /// The number of the process.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends a signal. [`Kind::NoProcess`] once it has been waited for; a zombie takes every signal in silence.
    pub fn send_signal(&self, signal: i32) -> Result<()> {
        sys::pidfd_send_signal(self.fd.as_fd(), signal).map_err(|e| Error::new("signal", proc_entry(self.pid), e))
    }

    /// Collects a child that has ended; `None` while it runs. Never blocks. Of a process that is not a child only
    /// [`has_ended`](Self::has_ended) can tell.
    pub fn wait(&self) -> Result<Option<Exit>> {
        let ended = sys::wait_now(Whom::Pidfd(self.fd.as_fd()), false);
        let ended = ended.map_err(|e| Error::new("wait for", proc_entry(self.pid), e))?;
        Ok(ended.map(Exit::from))
    }

    /// Whether it has ended, child or not; it may still be a zombie.
    pub fn has_ended(&self) -> bool {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
        matches!(poll(&mut fds, PollTimeout::ZERO), Ok(ready) if ready > 0)
    }
}

impl AsFd for Pidfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Pidfd {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl From<Ended> for Exit {
    fn from(ended: Ended) -> Self {
        match ended.how {
            libc::CLD_EXITED => Self::Code(ended.status),
            how => Self::Signal { number: ended.status, core: how == libc::CLD_DUMPED },
        }
    }
}

impl Exit {
    /// As a shell reports it: the code, or 128 + the signal.
    pub fn shell_code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal { number, .. } => 128 + number,
        }
    }

    /// Ended by itself with code 0.
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }
}

/// Whether an error says that the process is there no more.
pub fn is_gone(error: &Error) -> bool {
    matches!(error.kind(), Kind::NoProcess | Kind::NotFound)
}

fn proc_entry(pid: Pid) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spawn::tests::{sh, wait};

    #[test]
    fn codes_and_signals_are_told_apart() {
        assert_eq!(wait(&sh("exit 7")), Exit::Code(7));
        assert_eq!(wait(&sh("kill -KILL $$")), Exit::Signal { number: libc::SIGKILL, core: false });
        assert_eq!(wait(&sh("kill -35 $$")).shell_code(), 128 + 35);
    }

    #[test]
    fn a_running_child_is_waited_for_without_blocking() {
        let child = sh("exec sleep 1000");
        assert_eq!(child.pidfd.wait().unwrap(), None);
        assert!(!child.pidfd.has_ended());
        child.pidfd.send_signal(libc::SIGTERM).unwrap();
        assert_eq!(wait(&child), Exit::Signal { number: libc::SIGTERM, core: false });
        let error = child.pidfd.send_signal(libc::SIGTERM).unwrap_err();
        assert!(is_gone(&error), "{error}");
    }

    #[test]
    fn a_number_that_changed_hands_is_not_opened() {
        let me = process::own();
        let start = process::start_time(me).unwrap();
        assert_eq!(Pidfd::open_started(me, start).unwrap().pid(), me);
        assert_eq!(Pidfd::open_started(me, start + 1).unwrap_err().kind(), Kind::NoProcess);
    }
}
