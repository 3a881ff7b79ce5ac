//! The limits in force: those of a cgroup and of everything above it.

use std::path::{Path, PathBuf};

use super::{Group, Limit};
use crate::{Kind, Result};

/// The smallest limit of a cgroup and its ancestors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceiling {
    /// The limit.
    pub bytes: u64,
    /// The cgroup that sets it.
    pub at: PathBuf,
}

/// The smallest `memory.max` of a cgroup and its ancestors up to the mount point; `None` if nobody limits.
pub fn effective_max(group: &Group, mount_point: &Path) -> Result<Option<Ceiling>> {
    smallest(group, mount_point, Group::max)
}

/// The smallest `memory.high` of a cgroup and its ancestors up to the mount point; `None` if nobody throttles.
pub fn effective_high(group: &Group, mount_point: &Path) -> Result<Option<Ceiling>> {
    smallest(group, mount_point, Group::high)
}

fn smallest(group: &Group, mount_point: &Path, read: fn(&Group) -> Result<Limit>) -> Result<Option<Ceiling>> {
    let mut found: Option<Ceiling> = None;
    for directory in upwards(group.path(), mount_point) {
        let Some(bytes) = limit(&Group::open_unchecked(directory)?, read)? else {
            continue;
        };
        if found.as_ref().is_none_or(|ceiling| bytes < ceiling.bytes) {
            let at = directory.to_path_buf();
            found = Some(Ceiling { bytes, at });
        }
    }
    Ok(found)
}

/// The real root has no limit files, and a cgroup without the memory controller has none either.
fn limit(group: &Group, read: fn(&Group) -> Result<Limit>) -> Result<Option<u64>> {
    match read(group) {
        Ok(limit) => Ok(limit.bytes()),
        Err(e) if e.kind() == Kind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

pub(super) fn upwards<'a>(path: &'a Path, mount_point: &'a Path) -> impl Iterator<Item = &'a Path> {
    path.ancestors().take_while(move |ancestor| ancestor.starts_with(mount_point))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::tests::fake_group;

    fn write(group: &Group, name: &str, text: &str) {
        std::fs::write(group.path().join(name), text).unwrap();
    }

    #[test]
    fn the_smallest_limit_counts_wherever_it_is() {
        let (root, mount) = fake_group(&[]);
        let pod = mount.create_child("pod").unwrap();
        let service = pod.create_child("service").unwrap();
        write(&service, "memory.max", "max\n");
        write(&service, "memory.high", "900\n");
        write(&pod, "memory.max", "1000\n");
        write(&pod, "memory.high", "max\n");
        let max = effective_max(&service, root.path()).unwrap().unwrap();
        assert_eq!(max, Ceiling { bytes: 1000, at: pod.path().into() });
        assert_eq!(effective_high(&service, root.path()).unwrap().unwrap().bytes, 900);
        assert_eq!(effective_max(&mount, root.path()).unwrap(), None);
    }
}
