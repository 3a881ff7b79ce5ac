//! Strangers that became our children: processes whose parents ended before them.

use crate::pidfd::Exit;
use crate::sys::{self, Whom};
use crate::{Error, Pid, Result};

/// What one round of reaping came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    /// The strangers, and how they ended.
    pub orphans: Vec<(Pid, Exit)>,
    /// A known child has ended and was left alone. The kernel shows one ended child at a time, so strangers behind it
    /// cannot be seen: collect it by its pidfd and reap again.
    pub waiting: Option<Pid>,
}

/// Makes this process the parent of every orphan below it; children do not inherit that. PID 1 is it anyway.
pub fn become_subreaper() -> Result<()> {
    nix::sys::prctl::set_child_subreaper(true).map_err(|e| Error::new("become the subreaper of", "/proc/self", e))
}

/// Collects every ended child that is not `known`; exit statuses of known ones are never taken away. To be called after
/// SIGCHLD, when the known children have been asked through their pidfds.
pub fn reap_orphans(known: &[Pid]) -> Result<Reaped> {
    let failed = |e| Error::new("wait for children of", "/proc/self", e);
    let mut reaped = Reaped::default();
    loop {
        let ended = match sys::wait_now(Whom::Any, true) {
            Err(e) if e.raw_os_error() == Some(libc::ECHILD) => None,
            other => other.map_err(failed)?,
        };
        match ended {
            None => return Ok(reaped),
            Some(child) if known.contains(&child.pid) => {
                reaped.waiting = Some(child.pid);
                return Ok(reaped);
            }
            Some(child) => {
                let collected = sys::wait_now(Whom::Pid(child.pid), false).map_err(failed)?;
                reaped.orphans.extend(collected.map(|ended| (ended.pid, Exit::from(ended))));
            }
        }
    }
}
