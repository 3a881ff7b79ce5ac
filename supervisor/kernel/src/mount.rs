//! Where cgroup v2 is mounted, and which cgroup a process is in.

use std::path::{Component, Path, PathBuf};

use crate::{Error, Pid, Result, file};

/// A mount of the cgroup v2 file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is mounted, usually `/sys/fs/cgroup`.
    pub point: PathBuf,
    /// The cgroup shown at that place: `/`, or a deeper one in some containers.
    pub root: PathBuf,
    /// Mounted read-only, as containers get it by default.
    pub read_only: bool,
}

/// What `/proc/PID/cgroup` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The cgroup v2 path, `None` where there is none.
    pub unified: Option<PathBuf>,
    /// A cgroup v1 hierarchy has taken the memory controller: a hybrid or legacy layout.
    pub memory_in_v1: bool,
}

impl Mount {
    /// The cgroup v2 mount of this mount namespace; the one at `/sys/fs/cgroup` if there are several.
    pub fn find() -> Result<Option<Self>> {
        Ok(parse_mounts(&file::read("/proc/self/mountinfo")?))
    }

    /// The directory of a cgroup path as `/proc/PID/cgroup` gives it; `None` if it lies outside of what is mounted.
    pub fn directory(&self, cgroup: &Path) -> Option<PathBuf> {
        let below = cgroup.strip_prefix(&self.root).ok()?;
        let inside = below.components().all(|part| part != Component::ParentDir);
        inside.then(|| self.point.join(below))
    }
}

impl Membership {
    /// The cgroups of a process.
    pub fn of(pid: Pid) -> Result<Self> {
        Ok(parse_membership(&file::read(format!("/proc/{pid}/cgroup"))?))
    }

    /// The cgroups of this process.
    pub fn own() -> Result<Self> {
        Ok(parse_membership(&file::read("/proc/self/cgroup")?))
    }
}

/// The cgroup v2 directory of a process, if it has one that is visible here.
pub fn directory_of(pid: Pid) -> Result<Option<PathBuf>> {
    let (Some(mount), Some(cgroup)) = (Mount::find()?, Membership::of(pid)?.unified) else {
        return Ok(None);
    };
    match mount.directory(&cgroup) {
        Some(directory) => Ok(Some(directory)),
        None => Err(Error::unexpected(cgroup, "this cgroup is not visible under the cgroup v2 mount")),
    }
}

fn parse_mounts(text: &str) -> Option<Mount> {
    let mounts: Vec<_> = text.lines().filter_map(parse_mount).collect();
    let usual = mounts.iter().find(|mount| mount.point == Path::new("/sys/fs/cgroup"));
    usual.or(mounts.first()).cloned()
}

/// `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG...] - TYPE SOURCE SUPER-OPTIONS`
fn parse_mount(line: &str) -> Option<Mount> {
    let (mount, filesystem) = line.split_once(" - ")?;
    let mut filesystem = filesystem.split(' ');
    if filesystem.next() != Some("cgroup2") {
        return None;
    }
    let read_only = |options: &str| options.split(',').any(|option| option == "ro");
    let super_options = filesystem.nth(1).unwrap_or_default();
    let fields: Vec<_> = mount.split(' ').collect();
    Some(Mount {
        root: PathBuf::from(unescape(fields.get(3)?)),
        point: PathBuf::from(unescape(fields.get(4)?)),
        read_only: read_only(fields.get(5)?) || read_only(super_options),
    })
}

/// The kernel writes blanks, tabs, newlines and backslashes of a path as three octal digits.
fn unescape(field: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(field.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

fn parse_membership(text: &str) -> Membership {
    let mut membership = Membership { unified: None, memory_in_v1: false };
    for line in text.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(id), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        if id == "0" && controllers.is_empty() {
            // A cgroup that was removed under its last process is marked so.
            let path = path.strip_suffix(" (deleted)").unwrap_or(path);
            membership.unified = Some(PathBuf::from(path));
        } else if controllers.split(',').any(|controller| controller == "memory") {
            membership.memory_in_v1 = true;
        }
    }
    membership
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEMD: &str = "35 26 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n";
    const CONTAINER: &str = "717 716 0:30 /../../docker/abc /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n";
    const HYBRID: &str = "41 31 0:36 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n\
                          42 31 0:37 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n";

    #[test]
    fn finds_the_mount_of_a_systemd_host() {
        let mount = parse_mounts(SYSTEMD).unwrap();
        assert_eq!(mount.point, Path::new("/sys/fs/cgroup"));
        assert!(!mount.read_only);
        let unit = mount.directory(Path::new("/system.slice/a.service")).unwrap();
        assert_eq!(unit, Path::new("/sys/fs/cgroup/system.slice/a.service"));
    }

    #[test]
    fn sees_a_read_only_mount() {
        assert!(parse_mounts(CONTAINER).unwrap().read_only);
    }

    #[test]
    fn prefers_the_usual_place() {
        let both = format!("{HYBRID}{SYSTEMD}");
        assert_eq!(parse_mounts(&both).unwrap().point, Path::new("/sys/fs/cgroup"));
        assert_eq!(parse_mounts(HYBRID).unwrap().point, Path::new("/sys/fs/cgroup/unified"));
        assert_eq!(parse_mounts("1 2 0:3 / / rw - ext4 /dev/sda rw"), None);
    }

    #[test]
    fn a_path_outside_the_mount_is_none() {
        let mount = Mount { point: "/sys/fs/cgroup".into(), root: "/docker/abc".into(), read_only: false };
        assert_eq!(mount.directory(Path::new("/docker/abc/x")), Some("/sys/fs/cgroup/x".into()));
        assert_eq!(mount.directory(Path::new("/docker/other")), None);
        let namespaced = Mount { root: "/".into(), ..mount };
        assert_eq!(namespaced.directory(Path::new("/../sibling")), None);
    }

    #[test]
    fn reads_the_membership_of_pure_and_hybrid_hosts() {
        let pure = parse_membership("0::/user.slice/session-1.scope\n");
        assert_eq!(pure.unified, Some("/user.slice/session-1.scope".into()));
        assert!(!pure.memory_in_v1);
        let hybrid = parse_membership("9:name=systemd:/\n5:cpu,memory:/x\n0::/\n");
        assert!(hybrid.memory_in_v1);
        assert_eq!(hybrid.unified, Some("/".into()));
        assert_eq!(parse_membership("0::/a:b (deleted)\n").unified, Some("/a:b".into()));
    }
}
