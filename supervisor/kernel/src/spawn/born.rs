//! The birth of a child, in the parent.
#![allow(unsafe_code, reason = "clone3, fork and exec have no safe form; what then runs in the child is `child::run`")]

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::child::{self, Stage};
use super::prepared::{Prepared, failure_pipe};
use super::{Child, Entered, SpawnError};
use crate::Pid;
use crate::pidfd::Pidfd;
use crate::sys::{self, Masked};

/// From `linux/sched.h`; the constant of the libc crate is an int, which it overflows.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// `struct clone_args` of `linux/sched.h`, which the libc crate has for 64 bits only. Zero says "not used".
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// The outcome of a birth, in the parent.
struct Newborn {
    pid: Pid,
    pidfd: OwnedFd,
    entered: Entered,
}

pub(super) fn start(prepared: &Prepared<'_>) -> Result<Child, SpawnError> {
    let (read, write) = failure_pipe(&prepared.passed)?;
    match by_clone3(prepared, write.as_raw_fd()) {
        Ok(newborn) => finish(prepared, newborn, read, write),
        Err(e) if is_refused(&e) => start_by_fork(prepared),
        Err(source) => Err(birth_error(prepared, source)),
    }
}

/// What seccomp filters and old kernels answer. (EACCES, EBUSY and ENOENT are answers about the cgroup.)
fn is_refused(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM | libc::E2BIG | libc::EINVAL))
}

/// Where `clone3` is refused: the child moves itself, and the pidfd is opened while it cannot have been waited for.
pub(super) fn start_by_fork(prepared: &Prepared<'_>) -> Result<Child, SpawnError> {
    let (read, write) = failure_pipe(&prepared.passed)?;
    let procs = prepared.cgroup_procs()?;
    let procs_fd = procs.as_ref().map(|file| file.as_fd().as_raw_fd());
    let masked = Masked::all();
    // SAFETY: the child only makes system calls until it execs or exits, see there.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        child::run(prepared, procs_fd, write.as_raw_fd());
    }
    let failed = io::Error::last_os_error();
    drop(masked);
    if pid < 0 {
        return Err(birth_error(prepared, failed));
    }
    let pidfd =
        sys::pidfd_open(pid).map_err(|source| SpawnError::Other { op: format!("open process {pid}"), source })?;
    let entered = if procs.is_some() { Entered::BeforeExec } else { Entered::NotAsked };
    finish(prepared, Newborn { pid, pidfd, entered }, read, write)
}

fn by_clone3(prepared: &Prepared<'_>, failure: RawFd) -> io::Result<Newborn> {
    let cgroup = prepared.cgroup_dir();
    let mut pidfd: RawFd = -1;
    let mut wish = CloneArgs {
        flags: libc::CLONE_PIDFD as u64,
        pidfd: (&raw mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        ..CloneArgs::default()
    };
    if let Some(cgroup) = cgroup {
        wish.flags |= CLONE_INTO_CGROUP;
        wish.cgroup = cgroup.as_raw_fd() as u64;
    }
    let masked = Masked::all();
    // SAFETY: without CLONE_VM the child has its own memory, as after fork; it only makes system calls until it execs or
    // exits, see there. `wish` and `pidfd` outlive the call.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const wish, size_of::<CloneArgs>()) };
    if pid == 0 {
        child::run(prepared, None, failure);
    }
    let failed = io::Error::last_os_error();
    drop(masked);
    if pid < 0 {
        return Err(failed);
    }
    // SAFETY: the kernel has put a new descriptor there, which nobody else owns.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    let entered = if cgroup.is_some() { Entered::AtBirth } else { Entered::NotAsked };
    Ok(Newborn { pid: pid as Pid, pidfd, entered })
}

/// Waits for `exec`: the pipe then closes without a word.
fn finish(prepared: &Prepared<'_>, born: Newborn, read: OwnedFd, write: OwnedFd) -> Result<Child, SpawnError> {
    drop(write);
    let pidfd = Pidfd::from_parts(born.pidfd, born.pid);
    let mut report = Vec::new();
    let _ = File::from(read).read_to_end(&mut report);
    let Some((&stage, errno)) = report.split_first() else {
        return Ok(Child { pidfd, entered: born.entered });
    };
    collect_failed(&pidfd);
    let errno = errno.try_into().map_or(libc::EIO, i32::from_ne_bytes);
    Err(child_error(prepared, stage, io::Error::from_raw_os_error(errno)))
}

/// A child that reported a failure exits at once; it is waited for, so that nobody meets it as a stranger.
fn collect_failed(pidfd: &Pidfd) {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    while poll(&mut fds, PollTimeout::NONE) == Err(nix::Error::EINTR) {}
    let _ = pidfd.wait();
}

fn birth_error(prepared: &Prepared<'_>, source: io::Error) -> SpawnError {
    let about_cgroup = matches!(source.raw_os_error(), Some(libc::EACCES | libc::EBUSY | libc::ENOENT | libc::EBADF));
    match prepared.cgroup {
        Some(group) if about_cgroup => SpawnError::Cgroup { path: group.path().into(), source },
        _ => SpawnError::Other { op: format!("start a process for {}", prepared.program.display()), source },
    }
}

fn child_error(prepared: &Prepared<'_>, stage: u8, source: io::Error) -> SpawnError {
    let directory = || prepared.directory.as_ref().map_or_else(String::new, |d| d.to_string_lossy().into_owned());
    match (stage, prepared.cgroup) {
        (s, Some(group)) if s == Stage::Cgroup as u8 => SpawnError::Cgroup { path: group.path().into(), source },
        (s, _) if s == Stage::Directory as u8 => SpawnError::Other { op: format!("enter {}", directory()), source },
        (s, _) if s == Stage::Exec as u8 => SpawnError::exec(prepared.program.clone(), source),
        (s, _) if s == Stage::Sockets as u8 => SpawnError::Other { op: "hand sockets over".into(), source },
        _ => SpawnError::Other { op: "set up standard input and output".into(), source },
    }
}
