//! Who a process is, and what it is called within its own namespaces.

use super::entry;
use crate::{Error, Pid, Result, file};

/// Owner and number of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Effective user, as this process counts users.
    pub uid: u32,
    /// Effective group, as this process counts groups.
    pub gid: u32,
    /// Its number in its own, innermost pid namespace: what `getpid` tells it.
    pub own_pid: Pid,
}

impl Identity {
    /// Looks at `/proc/PID/status`, which everybody may read.
    pub fn of(pid: Pid) -> Result<Self> {
        let path = entry(pid, "status");
        let parsed = Self::parse(&file::read(&path)?);
        parsed.ok_or_else(|| Error::unexpected(path, "Uid, Gid or NSpid is missing"))
    }

    fn parse(status: &str) -> Option<Self> {
        let values = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).map(str::split_whitespace);
        // Real, effective, saved, of the file system.
        let effective = |key| values(key)?.nth(1)?.parse().ok();
        let own_pid = values("NSpid:")?.next_back()?.parse().ok()?;
        Some(Self { uid: effective("Uid:")?, gid: effective("Gid:")?, own_pid })
    }
}

/// What a user of ours is called in the user namespace of a process; `None` if it has no name there, as root of the host
/// in a rootless container.
pub fn user_within(pid: Pid, uid: u32) -> Result<Option<u32>> {
    Ok(translate(&file::read(entry(pid, "uid_map"))?, uid))
}

/// Lines of `first inside`, `first outside`, `count`; the second as whoever reads the file counts.
fn translate(map: &str, outside: u32) -> Option<u32> {
    map.lines().find_map(|line| {
        let mut numbers = line.split_whitespace().map(str::parse::<u32>);
        let (inside, first, count) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
        let place = outside.checked_sub(first)?;
        if place < count { inside.checked_add(place) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_user_and_the_innermost_number_count() {
        let status = "Name:\tjava\nUid:\t0\t1000\t0\t0\nGid:\t0\t1001\t0\t0\nNSpid:\t4711\t33\t7\n";
        assert_eq!(Identity::parse(status), Some(Identity { uid: 1000, gid: 1001, own_pid: 7 }));
        assert_eq!(Identity::parse("Uid:\t0\nGid:\t0\t0\nNSpid:\t1\n"), None);
        let me = crate::process::own();
        assert_eq!(Identity::of(me).unwrap().own_pid, me);
    }

    #[test]
    fn a_user_without_a_name_inside_has_none() {
        let rootless = "         0       1000          1\n         1     100000      65536\n";
        assert_eq!(translate(rootless, 1000), Some(0));
        assert_eq!(translate(rootless, 100_999), Some(1000));
        assert_eq!(translate(rootless, 0), None);
        assert_eq!(translate(rootless, 165_536), None);
        assert_eq!(translate("0 0 4294967295\n", 0), Some(0));
        assert_eq!(translate("x\n4294967290 0 4294967295\n", 100), None);
        assert_eq!(user_within(crate::process::own(), 0).unwrap(), Some(0));
    }
}
