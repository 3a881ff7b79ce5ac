//! What runs in the child between birth and `exec`: system calls on what was prepared, no allocation, no lock, no panic.
#![allow(unsafe_code, reason = "after a fork only bare system calls are sound; each takes prepared or constant memory")]

use std::os::fd::RawFd;

use super::prepared::Prepared;

/// The stages of a child before `exec`, as it reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    Cgroup = 1,
    Directory = 2,
    Stdio = 3,
    Exec = 4,
    Sockets = 5,
}

/// From birth to `exec`, or to the report why not.
pub(super) fn run(prepared: &Prepared<'_>, procs: Option<RawFd>, failure: RawFd) -> ! {
    let (stage, errno) = until_exec(prepared, procs);
    let [a, b, c, d] = errno.to_ne_bytes();
    let report = [stage as u8, a, b, c, d];
    // SAFETY: a live buffer of the length given; then the child ends without running anything of ours.
    unsafe {
        libc::write(failure, report.as_ptr().cast(), report.len());
        libc::_exit(127)
    }
}

fn until_exec(prepared: &Prepared<'_>, procs: Option<RawFd>) -> (Stage, i32) {
    // SAFETY: system calls with pointers into `prepared`, which lives in the child's copy of memory.
    unsafe {
        if let Some(procs) = procs
            && libc::write(procs, c"0".as_ptr().cast(), 1) < 0
        {
            return (Stage::Cgroup, errno());
        }
        libc::setsid();
        if prepared.ends_with_us {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        }
        if prepared.reset_oom_score {
            reset_oom_score();
        }
        for (target, source) in (0..).zip(prepared.stdio) {
            if source.is_some_and(|source| !place(source, target)) {
                return (Stage::Stdio, errno());
            }
        }
        for (target, source) in (super::passed::FIRST..).zip(prepared.passed.sources()) {
            if !place(source, target) {
                return (Stage::Sockets, errno());
            }
        }
        if let Some(directory) = &prepared.directory
            && libc::chdir(directory.as_ptr()) < 0
        {
            return (Stage::Directory, errno());
        }
        reset_signals();
        let pid = libc::syscall(libc::SYS_getpid);
        prepared.pid_variables.iter().for_each(|variable| variable.complete(pid as u32));
        (Stage::Exec, exec(prepared))
    }
}

/// Puts a descriptor where it is to be inherited.
unsafe fn place(source: RawFd, target: RawFd) -> bool {
    // SAFETY: integers only.
    unsafe {
        if source == target { libc::fcntl(source, libc::F_SETFD, 0) >= 0 } else { libc::dup2(source, target) >= 0 }
    }
}

/// Best effort: raising it is always allowed, but `/proc` may be missing.
unsafe fn reset_oom_score() {
    // SAFETY: constant strings and a descriptor of our own.
    unsafe {
        let file = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if file >= 0 {
            libc::write(file, c"0".as_ptr().cast(), 1);
            libc::close(file);
        }
    }
}

/// Every disposition to its default, then nothing blocked. By system call, as the C library keeps two real-time signals
/// for itself and would leave them as they are.
unsafe fn reset_signals() {
    const SET_BYTES: usize = 8;
    // Large enough for the kernel's structure on every architecture; all zero means the default.
    let default = [0_u64; 8];
    let nothing_blocked = [0_u64; 2];
    let no_answer = std::ptr::null_mut::<u64>();
    // SAFETY: live buffers; signals that cannot be set (KILL, STOP) are refused by the kernel.
    unsafe {
        for signal in 1..=64 {
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), no_answer, SET_BYTES);
        }
        let set = nothing_blocked.as_ptr();
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, set, no_answer, SET_BYTES);
    }
}

/// Tries each path as `execvp` does: what cannot be found is passed over, a refusal is remembered.
unsafe fn exec(prepared: &Prepared<'_>) -> i32 {
    let mut answer = libc::ENOENT;
    for path in &prepared.candidates {
        // SAFETY: null-terminated arrays and strings, owned by `prepared`.
        unsafe { libc::execve(path.as_ptr(), prepared.argv(), prepared.envp()) };
        match errno() {
            libc::EACCES => answer = libc::EACCES,
            libc::ENOENT | libc::ENOTDIR | libc::ESTALE | libc::ENODEV | libc::ETIMEDOUT => {}
            other => return other,
        }
    }
    answer
}

fn errno() -> i32 {
    // SAFETY: the address is this thread's own, always valid.
    unsafe { *libc::__errno_location() }
}
