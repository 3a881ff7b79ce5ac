//! Making the guard's process.
#![allow(unsafe_code, reason = "fork and close_range have no safe form; the child never returns into the caller")]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::net::UnixStream;

use crate::Pid;
use crate::sys::Masked;

/// Where the guard's socket is moved, behind standard error.
const SOCKET: i32 = 3;

/// Forks a process that runs `keep` on the socket and ends: deaf to signals, in a session of its own, holding nothing open
/// but standard error and the socket.
pub(super) fn fork_with(socket: &UnixStream, keep: impl FnOnce(UnixStream)) -> io::Result<Pid> {
    // The child keeps the mask: a signal to the whole group must not end it before it has settled.
    let masked = Masked::all();
    // SAFETY: asked for while there is one thread; `keep` allocates nothing, so that it is right even with more.
    let pid = unsafe { libc::fork() };
    match pid {
        0 => {
            let ends_here = NeverReturn;
            settle(socket.as_raw_fd());
            // SAFETY: `settle` has put the socket there and closed every other descriptor that could own the number.
            keep(unsafe { UnixStream::from_raw_fd(SOCKET) });
            drop(ends_here);
            unreachable!("the process has ended")
        }
        pid => {
            let failed = io::Error::last_os_error();
            drop(masked);
            if pid < 0 { Err(failed) } else { Ok(pid) }
        }
    }
}

/// Ends the child wherever it gets to, a panic included: it must not run on as a second supervisor.
struct NeverReturn;

impl Drop for NeverReturn {
    fn drop(&mut self) {
        // SAFETY: ends the process without running anything of the supervisor's.
        unsafe { libc::_exit(0) }
    }
}

/// Leaves everything behind that came with the fork. Each call may fail without harm to what the guard is for.
fn settle(socket: i32) {
    // SAFETY: integers and constant strings only.
    unsafe {
        libc::setsid();
        libc::prctl(libc::PR_SET_NAME, c"highwater-guard".as_ptr());
        libc::chdir(c"/".as_ptr());
        libc::dup2(socket, SOCKET);
        libc::syscall(libc::SYS_close_range, SOCKET + 1, u32::MAX, 0);
        let nothing = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        libc::dup2(nothing, 0);
        libc::dup2(nothing, 1);
        if nothing > SOCKET {
            libc::close(nothing);
        }
    }
}
