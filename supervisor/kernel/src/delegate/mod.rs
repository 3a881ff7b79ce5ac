//! Taking over the own cgroup: everybody into a leaf, so that children with limits can be made beside it.
//!
//! A cgroup v2 that gives controllers to its children must not hold processes itself. So the way is always the same:
//! make a leaf, move every process of the own cgroup into it, enable `+memory`. Three start positions differ:
//!
//! * **An ordinary cgroup** (a systemd unit, a container, a login session): it becomes the *base*.
//! * **The real root** (an edge gateway without systemd): kernel threads cannot be moved and need not be, the rule does
//!   not hold there. A child `highwater-NAME` is made, and only this process moves into it.
//! * **Already in a leaf called `supervisor`**: the parent is the base if it is provably meant for us, that is if it
//!   holds no process itself and either systemd marked it as delegated (`DelegateSubgroup=supervisor`) or it is what
//!   a predecessor left: `+memory` is on and every other child carries our prefix. Otherwise the leaf is taken as an
//!   ordinary cgroup. A base that a living supervisor holds is never shared: its directory is locked (flock).

mod base;
mod error;

use std::fs::File;

pub use error::DelegateError;

use crate::cgroup::Group;
use crate::mount::{Membership, Mount};
use crate::{Kind, Pid, Result};
use base::Start;

/// The name of the leaf in which supervisors live; also what to write into a unit's `DelegateSubgroup=`.
pub const LEAF: &str = "supervisor";

/// How often everybody is moved again because a process was born meanwhile.
const ROUNDS: usize = 100;

/// A cgroup that has been taken over.
#[derive(Debug)]
pub struct Delegation {
    /// The cgroup in which service cgroups are made.
    pub base: Group,
    /// The cgroup in which this process now is.
    pub leaf: Group,
    /// Where cgroup v2 is mounted.
    pub mount: Mount,
    /// The processes that were moved into the leaf, this one included.
    pub moved: Vec<Pid>,
    /// Held for as long as this supervisor lives; tells the next one that the base is taken.
    _lock: File,
}

/// Takes over the cgroup this process is in. `name` is that of the supervisor, `prefix` how its service cgroups begin
/// (`"service."`).
pub fn delegate(name: &str, prefix: &str) -> std::result::Result<Delegation, DelegateError> {
    let mount = find_mount()?;
    let own = own_group(&mount)?;
    let start = base::choose(own, &mount, name, prefix)?;
    let moved = take_over(&start)?;
    let Start { base, leaf, lock, .. } = start;
    Ok(Delegation { base, leaf, mount, moved, _lock: lock })
}

fn find_mount() -> std::result::Result<Mount, DelegateError> {
    let membership = Membership::own().map_err(DelegateError::Other)?;
    let mount = Mount::find().map_err(DelegateError::Other)?;
    match mount {
        _ if membership.memory_in_v1 => Err(DelegateError::Hybrid),
        None => Err(DelegateError::NotV2),
        Some(mount) if mount.read_only => Err(DelegateError::ReadOnly { path: mount.point }),
        Some(mount) => Ok(mount),
    }
}

fn own_group(mount: &Mount) -> std::result::Result<Group, DelegateError> {
    let own = Membership::own().map_err(DelegateError::Other)?.unified.ok_or(DelegateError::NotV2)?;
    let Some(directory) = mount.directory(&own) else {
        return Err(DelegateError::Hidden { cgroup: own });
    };
    Group::open(directory).map_err(DelegateError::Other)
}

/// Moves everybody into the leaf until `+memory` is accepted: a fork between the two is a new process to move.
fn take_over(start: &Start) -> std::result::Result<Vec<Pid>, DelegateError> {
    let mut moved = Vec::new();
    for _ in 0..ROUNDS {
        move_all(start, &mut moved).map_err(|e| DelegateError::of(&start.base, e))?;
        match start.base.enable(&["memory"]) {
            Err(e) if e.kind() == Kind::Busy => {}
            other => return other.map(|()| moved).map_err(|e| DelegateError::of(&start.base, e)),
        }
    }
    let staying = start.base.procs().unwrap_or_default();
    Err(DelegateError::Busy { path: start.base.path().into(), staying })
}

fn move_all(start: &Start, moved: &mut Vec<Pid>) -> Result<()> {
    let pids = if start.only_self { vec![crate::process::own()] } else { start.base.procs()? };
    for pid in pids {
        match start.leaf.add_proc(pid) {
            Ok(()) if !moved.contains(&pid) => moved.push(pid),
            Ok(()) => {}
            // Ended meanwhile; or 0, a process outside of our pid namespace, which cannot be named.
            Err(e) if e.kind() == Kind::NoProcess || pid == 0 => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn fake(directory: &Path, procs: &str) -> Group {
        for (name, text) in
            [("cgroup.procs", procs), ("cgroup.subtree_control", ""), ("cgroup.controllers", "memory\n")]
        {
            std::fs::write(directory.join(name), text).unwrap();
        }
        Group::open_unchecked(directory).unwrap()
    }

    fn start(directory: &Path, procs: &str) -> Start {
        let base = fake(directory, procs);
        let leaf = base.create_child(LEAF).unwrap();
        std::fs::write(leaf.path().join("cgroup.procs"), "").unwrap();
        let lock = File::open(directory).unwrap();
        Start { base, leaf, lock, only_self: false }
    }

    #[test]
    fn everybody_moves_and_memory_is_enabled() {
        let dir = tempfile::tempdir().unwrap();
        let start = start(dir.path(), "11\n22\n");
        assert_eq!(take_over(&start).unwrap(), [11, 22]);
        assert_eq!(start.base.read("cgroup.subtree_control").unwrap(), "+memory");
    }

    #[test]
    fn from_the_real_root_only_this_process_moves() {
        let dir = tempfile::tempdir().unwrap();
        let mut start = start(dir.path(), "1\n2\n");
        start.only_self = true;
        assert_eq!(take_over(&start).unwrap(), [crate::process::own()]);
    }
}
