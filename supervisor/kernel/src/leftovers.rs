//! Service cgroups that a dead predecessor left behind.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::cgroup::{Group, Limit, Populated};
use crate::{Kind, Pid, Result};

/// What was found in a service cgroup of a predecessor, and what became of it.
#[derive(Debug)]
pub struct Leftover {
    /// The name of the cgroup.
    pub name: String,
    /// The processes that were still in it.
    pub pids: Vec<Pid>,
    /// Its `memory.high` was not `max`: the predecessor died with the throttle or the tripwire on.
    pub throttled: bool,
    /// The cgroup is empty and gone; otherwise processes did not end in time (in uninterruptible sleep).
    pub removed: bool,
}

/// The children of a base whose names begin with `prefix`.
pub fn find(base: &Group, prefix: &str) -> Result<Vec<Group>> {
    let mut groups = Vec::new();
    for name in base.children()?.iter().filter(|name| name.starts_with(prefix)) {
        match base.open_child(name) {
            Ok(group) => groups.push(group),
            Err(e) if e.kind() == Kind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Ok(groups)
}

/// Lifts the throttle, thaws, kills, waits until the cgroup is empty (no longer than `patience`) and removes it.
/// Blocks; meant for the start.
pub fn clear(base: &Group, group: &Group, patience: Duration) -> Result<Leftover> {
    let pids = group.procs_below()?;
    let throttled = unthrottle(group)?;
    if !pids.is_empty() {
        group.kill()?;
    }
    let empty = wait_empty(group, patience)?;
    if empty {
        group.remove()?;
        base.remove_child(group.name())?;
    }
    let name = group.name().to_owned();
    Ok(Leftover { name, pids, throttled, removed: empty })
}

/// Gives back whatever holds the processes of a cgroup: `memory.high` and the freezer. Says whether the throttle was on.
pub fn unthrottle(group: &Group) -> Result<bool> {
    let throttled = match group.high() {
        Ok(limit) => limit != Limit::Max,
        Err(e) if e.kind() == Kind::NotFound => false,
        Err(e) => return Err(e),
    };
    if throttled {
        group.set_high(Limit::Max)?;
    }
    match group.freeze(false) {
        Err(e) if e.kind() != Kind::NotFound => Err(e),
        _ => Ok(throttled),
    }
}

/// Waits until a cgroup is empty; false if `patience` ends before.
pub fn wait_empty(group: &Group, patience: Duration) -> Result<bool> {
    let deadline = Instant::now() + patience;
    let events = Populated::open(group)?;
    while events.read()?.populated {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        let mut fds = [PollFd::new(events.as_fd(), PollFlags::POLLPRI)];
        // Interrupted or timed out: the loop looks again.
        let _ = poll(&mut fds, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(group: &Group, name: &str, text: &str) {
        std::fs::write(group.path().join(name), text).unwrap();
    }

    fn base() -> (tempfile::TempDir, Group) {
        let dir = tempfile::tempdir().unwrap();
        let group = Group::open_unchecked(dir.path()).unwrap();
        (dir, group)
    }

    #[test]
    fn only_service_cgroups_are_found() {
        let (_dir, base) = base();
        for name in ["supervisor", "service.1", "service.12", "other"] {
            base.create_child(name).unwrap();
        }
        let found = find(&base, "service.").unwrap();
        assert_eq!(found.iter().map(Group::name).collect::<Vec<_>>(), ["service.1", "service.12"]);
    }

    #[test]
    fn what_held_the_processes_is_given_back() {
        let (dir, group) = base();
        write(&group, "memory.high", "1000\n");
        write(&group, "cgroup.freeze", "1\n");
        assert!(unthrottle(&group).unwrap());
        let text = |name| std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!((text("memory.high"), text("cgroup.freeze")), ("max".into(), "0".into()));
        assert!(!unthrottle(&group).unwrap());
    }

    #[test]
    fn waiting_ends_when_patience_does() {
        let (_dir, group) = base();
        write(&group, "cgroup.events", "populated 1\nfrozen 0\n");
        assert!(!wait_empty(&group, Duration::ZERO).unwrap());
        write(&group, "cgroup.events", "populated 0\nfrozen 0\n");
        assert!(wait_empty(&group, Duration::ZERO).unwrap());
    }
}
