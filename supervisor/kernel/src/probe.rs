//! Small questions about what this host allows; each answer is typed, and asking changes nothing.

use std::path::Path;

use nix::unistd::{AccessFlags, access};

use crate::cgroup::Group;
use crate::psi::{ArmError, Armed, Line, arm_best};
use crate::{Error, Result, sys};
use std::time::Duration;

/// Whether `clone3` gets through to the kernel; containers' seccomp filters answer ENOSYS or EPERM.
pub fn clone3() -> Result<()> {
    sys::clone3_answers().map_err(|e| Error::new("call clone3 from", "/proc/self", e))
}

/// Whether the cgroup has `cgroup.kill` (Linux 5.14 and newer) and it may be written.
pub fn cgroup_kill(group: &Group) -> Result<()> {
    writable(group, "cgroup.kill")
}

/// Whether the cgroup has `memory.reclaim` (Linux 5.19 and newer) and it may be written.
pub fn reclaim(group: &Group) -> Result<()> {
    writable(group, "memory.reclaim")
}

/// Whether the cgroup can be throttled: the memory controller is there and `memory.high` may be written.
pub fn throttle(group: &Group) -> Result<()> {
    writable(group, "memory.high")
}

/// Arms a trigger on a pressure file for a moment, and says which window it got.
pub fn psi_trigger(path: &Path, stall: Duration, window: Duration) -> std::result::Result<Armed, ArmError> {
    arm_best(path, Line::Some, stall, window)
}

/// Whether a file of a cgroup is there and may be written by this process.
pub fn writable(group: &Group, name: &str) -> Result<()> {
    let path = group.path().join(name);
    access(&path, AccessFlags::W_OK).map_err(|e| Error::new("write", &path, e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use crate::cgroup::Group;

    #[test]
    fn a_missing_file_is_a_missing_ability() {
        let dir = tempfile::tempdir().unwrap();
        let group = Group::open_unchecked(dir.path()).unwrap();
        assert_eq!(cgroup_kill(&group).unwrap_err().kind(), Kind::NotFound);
        std::fs::write(dir.path().join("cgroup.kill"), "").unwrap();
        cgroup_kill(&group).unwrap();
    }

    #[test]
    fn clone3_answers_or_says_why_not() {
        if let Err(e) = clone3() {
            assert!(matches!(e.kind(), Kind::Unsupported | Kind::Permission), "{e}");
        }
    }
}
