//! System calls that have no safe wrapper elsewhere.
#![allow(
    unsafe_code,
    reason = "pidfd, waitid on a pidfd and getxattr are not in nix; each call below passes only live buffers"
)]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::Pid;

/// Whom to wait for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Whom<'a> {
    /// The process behind a pidfd.
    Pidfd(BorrowedFd<'a>),
    /// A child by its id.
    Pid(Pid),
    /// Any child.
    Any,
}

/// What `waitid` tells of an ended child.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) pid: Pid,
    /// `CLD_EXITED`, `CLD_KILLED` or `CLD_DUMPED`.
    pub(crate) how: i32,
    /// Exit code or signal number.
    pub(crate) status: i32,
}

/// A descriptor for a process; close-on-exec.
pub(crate) fn pidfd_open(pid: Pid) -> io::Result<OwnedFd> {
    // SAFETY: takes two integers; the returned descriptor is new and owned by nobody else.
    let fd = check(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: as above; descriptors fit an int.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

pub(crate) fn pidfd_send_signal(pidfd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a null siginfo is what kill(2) would send; the descriptor is borrowed, hence open.
    check(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, no_info, 0) }).map(|_| ())
}

/// `waitid` that never blocks; `None` while nobody has ended.
pub(crate) fn wait_now(whom: Whom<'_>, leave_zombie: bool) -> io::Result<Option<Ended>> {
    let (kind, id) = match whom {
        Whom::Pidfd(fd) => (libc::P_PIDFD, fd.as_raw_fd() as libc::id_t),
        Whom::Pid(pid) => (libc::P_PID, pid as libc::id_t),
        Whom::Any => (libc::P_ALL, 0),
    };
    let keep = if leave_zombie { libc::WNOWAIT } else { 0 };
    // SAFETY: an all-zero siginfo_t is a valid one; the kernel fills it or leaves si_pid zero.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: `info` lives across the call.
    check(unsafe { libc::waitid(kind, id, &raw mut info, libc::WEXITED | libc::WNOHANG | keep) })?;
    // SAFETY: waitid fills the SIGCHLD members, or leaves the zeros of above.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    Ok((pid != 0).then_some(Ended { pid, how: info.si_code, status }))
}

/// The value of an extended attribute of at most 64 bytes.
pub(crate) fn extended_attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    let name = CString::new(name).ok()?;
    let mut value = vec![0_u8; 64];
    // SAFETY: both strings end with a NUL, and the buffer has the length given.
    let length = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    value.truncate(usize::try_from(length).ok()?);
    Some(value)
}

/// A copy of a descriptor with the lowest free number from there on; close-on-exec.
pub(crate) fn duplicate_from(fd: BorrowedFd<'_>, lowest: i32) -> io::Result<OwnedFd> {
    // SAFETY: integers only; the new descriptor is owned by nobody else.
    let copy = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest) })?;
    // SAFETY: as above; descriptors fit an int.
    Ok(unsafe { OwnedFd::from_raw_fd(copy as i32) })
}

/// Takes a descriptor that this process was started with; close-on-exec from now on.
///
/// # Safety
/// Nobody else in this process owns that number.
pub(crate) unsafe fn take_descriptor(number: i32) -> io::Result<OwnedFd> {
    // SAFETY: integers only; what is not open is refused.
    check(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: it is open, and the caller says that nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Closes descriptors that came with a message.
pub(crate) fn close_all(received: &[i32]) {
    for number in received {
        // SAFETY: the kernel has just made it for this process, and nobody else knows its number.
        drop(unsafe { OwnedFd::from_raw_fd(*number) });
    }
}

/// Has a bound socket accept connections, that many waiting at most; again after somebody shut it down.
pub(crate) fn listen(socket: BorrowedFd<'_>, backlog: u32) -> io::Result<()> {
    let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
    // SAFETY: integers only.
    check(unsafe { libc::listen(socket.as_raw_fd(), backlog) }).map(|_| ())
}

/// Whether the kernel (and whatever filters system calls) lets `clone3` through: with a size of 0 it answers EINVAL.
pub(crate) fn clone3_answers() -> io::Result<()> {
    // SAFETY: a null structure of size 0 is refused before anything is read or made.
    match check(unsafe { libc::syscall(libc::SYS_clone3, std::ptr::null::<u8>(), 0_usize) }) {
        Err(e) if e.raw_os_error() == Some(libc::EINVAL) => Ok(()),
        other => other.map(|_| ()),
    }
}

/// Size of a page in bytes.
pub(crate) fn page_size() -> u64 {
    // SAFETY: asks for a constant.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(size).unwrap_or(4096)
}

/// Locks pages in memory, see mlockall(2).
pub(crate) fn mlockall(flags: i32) -> io::Result<()> {
    // SAFETY: takes flags only, and changes no contents.
    check(unsafe { libc::mlockall(flags) }).map(|_| ())
}

/// Has every thread take memory from one heap, which keeps what it was given: blocks below that size are never mapped one by
/// one, and less than that is not given back. Only the GNU C library lets itself be told.
pub(crate) fn one_heap(keep: usize) {
    #[cfg(target_env = "gnu")]
    for (option, value) in [(libc::M_ARENA_MAX, 1), (libc::M_MMAP_THRESHOLD, keep), (libc::M_TRIM_THRESHOLD, keep)] {
        // SAFETY: numbers only; what it does not take, it leaves as it was.
        unsafe { libc::mallopt(option, i32::try_from(value).unwrap_or(i32::MAX)) };
    }
    #[cfg(not(target_env = "gnu"))]
    let _ = keep;
}

/// All signals blocked in this thread until dropped: so that no handler of ours runs in a child, and no
/// signal ends it, before it is ready for one.
pub(crate) struct Masked(libc::sigset_t);

impl Masked {
    pub(crate) fn all() -> Self {
        // SAFETY: sigset_t is plain data, filled by the calls; these cannot fail with valid pointers.
        unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            let mut before: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
            Self(before)
        }
    }
}

impl Drop for Masked {
    fn drop(&mut self) {
        // SAFETY: the set was filled by `all`.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut()) };
    }
}

/// What a call returns is as wide as the machine's words.
fn check(result: impl Into<i64>) -> io::Result<i64> {
    let result = result.into();
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
