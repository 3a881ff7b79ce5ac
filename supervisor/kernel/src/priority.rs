//! The priority of this process: for work that nobody waits for.
#![allow(unsafe_code, reason = "none of these calls is in nix; they take integers and one structure that lives across")]

use std::io;

use crate::{Error, Result};

const LEAST_NICE: i32 = 19;

/// `IOPRIO_CLASS_IDLE` in the bits of the class: the disk is ours when nobody else wants it.
const IDLE_DISK: i32 = 3 << 13;
const IOPRIO_WHO_PROCESS: i32 = 1;

/// Gives this process the lowest priority there is: processor and disk are its own only when nobody else wants them.
/// It needs no privilege, is inherited by children, and an ordinary user cannot take all of it back. Call it before
/// threads are started: those that run keep theirs.
pub fn lower_to_idle() -> Result<()> {
    let failed = |error: io::Error| Error::new("lower the priority of", "/proc/self", error);
    // SAFETY: takes integers only; 0 stands for this process.
    check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, LEAST_NICE) }).map_err(failed)?;
    // SAFETY: an all-zero structure is valid; its one field on Linux is the priority, 0 for this class.
    let none: libc::sched_param = unsafe { std::mem::zeroed() };
    // SAFETY: `none` lives across the call; 0 stands for this process.
    check(unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const none) }).map_err(failed)?;
    // SAFETY: takes integers only; 0 stands for this process.
    check(unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IDLE_DISK) }).map_err(failed)
}

/// What a call returns is as wide as the machine's words.
fn check(result: impl Into<i64>) -> io::Result<()> {
    if result.into() < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a thread of its own, which ends with it: all three are properties of a thread for the kernel.
    #[test]
    fn nobody_is_in_the_way() {
        let stat = std::thread::spawn(|| {
            lower_to_idle().unwrap();
            // SAFETY: takes integers only.
            assert_eq!(unsafe { libc::syscall(libc::SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0) }, IDLE_DISK.into());
            std::fs::read_to_string("/proc/thread-self/stat").unwrap()
        });
        let stat = stat.join().unwrap();
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        // Fields 19 and 41 of the whole line: nice and policy.
        assert_eq!((fields[16], fields[38]), ("19", "5"));
    }
}
