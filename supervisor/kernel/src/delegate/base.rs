//! Which cgroup becomes the base, and holding it against others.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::{DelegateError, LEAF};
use crate::cgroup::Group;
use crate::mount::Mount;
use crate::{Error, Kind, Result};

type Chosen<T> = std::result::Result<T, DelegateError>;

/// From where the take-over starts.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) base: Group,
    pub(super) leaf: Group,
    pub(super) lock: File,
    /// The base was made by us under the real root: there is nobody else to move.
    pub(super) only_self: bool,
}

pub(super) fn choose(own: Group, mount: &Mount, name: &str, prefix: &str) -> Chosen<Start> {
    if is_real_root(&own) {
        return below_root(&own, name);
    }
    if own.name() == LEAF
        && own.path() != mount.point
        && let Some(start) = above_leaf(&own, prefix)?
    {
        return Ok(start);
    }
    require_memory(&own)?;
    let lock = lock(&own).map_err(|e| DelegateError::of(&own, e))?;
    let Some(lock) = lock else {
        return Err(DelegateError::Taken { path: own.path().into() });
    };
    let leaf = child(&own, LEAF)?;
    Ok(Start { base: own, leaf, lock, only_self: false })
}

/// The root of a cgroup namespace looks like a root too, but has a type, and the rule against inner processes holds.
fn is_real_root(group: &Group) -> bool {
    !group.has("cgroup.type")
}

fn below_root(root: &Group, name: &str) -> Chosen<Start> {
    require_memory(root)?;
    root.enable(&["memory"]).map_err(|e| DelegateError::of(root, e))?;
    let base = child(root, &format!("highwater-{name}"))?;
    let Some(lock) = lock(&base).map_err(|e| DelegateError::of(&base, e))? else {
        return Err(DelegateError::Taken { path: base.path().into() });
    };
    let leaf = child(&base, LEAF)?;
    Ok(Start { base, leaf, lock, only_self: true })
}

/// The parent of a leaf called `supervisor`, if it is meant for us and nobody living holds it.
fn above_leaf(leaf: &Group, prefix: &str) -> Chosen<Option<Start>> {
    let Some(parent) = leaf.path().parent() else {
        return Ok(None);
    };
    let Ok(parent) = Group::open(parent) else {
        return Ok(None);
    };
    if !(is_empty(&parent) && (is_marked_delegated(parent.path()) || is_left_behind(&parent, prefix))) {
        return Ok(None);
    }
    // A parent that cannot be locked (another user's) or is locked by a living supervisor is not ours.
    let Ok(Some(lock)) = lock(&parent) else {
        return Ok(None);
    };
    require_memory(&parent)?;
    let leaf = leaf.try_clone().map_err(DelegateError::Other)?;
    Ok(Some(Start { base: parent, leaf, lock, only_self: false }))
}

fn is_empty(group: &Group) -> bool {
    group.procs().is_ok_and(|pids| pids.is_empty())
}

/// systemd marks what it delegates with an extended attribute, `trusted.` where only root may see it.
fn is_marked_delegated(path: &Path) -> bool {
    ["user.delegate", "trusted.delegate"]
        .iter()
        .any(|attribute| crate::file::extended_attribute(path, attribute).as_deref() == Some(b"1"))
}

fn is_left_behind(group: &Group, prefix: &str) -> bool {
    let enabled = group.subtree_control().is_ok_and(|controllers| controllers.iter().any(|name| name == "memory"));
    let ours = |name: &String| name == LEAF || name.starts_with(prefix);
    enabled && group.children().is_ok_and(|children| children.iter().all(ours))
}

fn require_memory(group: &Group) -> Chosen<()> {
    let controllers = group.controllers().map_err(|e| DelegateError::of(group, e))?;
    if controllers.iter().any(|name| name == "memory") {
        Ok(())
    } else {
        Err(DelegateError::NotDelegated { path: group.path().into() })
    }
}

fn child(parent: &Group, name: &str) -> Chosen<Group> {
    let made = match parent.create_child(name) {
        Err(e) if e.source.kind() == std::io::ErrorKind::AlreadyExists => parent.open_child(name),
        other => other,
    };
    made.map_err(|e| DelegateError::of(parent, e))
}

/// Locks a base for as long as the file is open; `None` if another process holds it.
fn lock(group: &Group) -> Result<Option<File>> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let directory = openat(group.as_fd(), ".", flags, Mode::empty())
        .map(File::from)
        .map_err(|e| Error::new("open", group.path(), e))?;
    match directory.try_lock() {
        Ok(()) => Ok(Some(directory)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(e)) => {
            let error = Error::new("lock", group.path(), e);
            // A kernel that cannot lock here leaves us without the protection, not without the base.
            if error.kind() == Kind::Unsupported { Ok(Some(directory)) } else { Err(error) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::Group;

    fn fake(files: &[(&str, &str)]) -> (tempfile::TempDir, Group) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let group = Group::open_unchecked(dir.path()).unwrap();
        (dir, group)
    }

    fn mount() -> Mount {
        Mount { point: "/sys/fs/cgroup".into(), root: "/".into(), read_only: false }
    }

    #[test]
    fn an_ordinary_cgroup_becomes_the_base() {
        let (dir, own) = fake(&[("cgroup.type", "domain\n"), ("cgroup.controllers", "memory pids\n")]);
        let start = choose(own, &mount(), "web", "service.").unwrap();
        assert_eq!((start.base.path(), start.only_self), (dir.path(), false));
        assert_eq!(start.leaf.path(), dir.path().join(LEAF));
    }

    #[test]
    fn without_the_controller_it_says_so() {
        let (_dir, own) = fake(&[("cgroup.type", "domain\n"), ("cgroup.controllers", "pids\n")]);
        let refused = choose(own, &mount(), "web", "service.").unwrap_err();
        assert!(matches!(refused, DelegateError::NotDelegated { .. }), "{refused}");
    }

    #[test]
    fn a_base_is_taken_only_once() {
        let (_dir, own) = fake(&[("cgroup.type", "domain\n"), ("cgroup.controllers", "memory\n")]);
        let again = own.try_clone().unwrap();
        let first = choose(own, &mount(), "web", "service.").unwrap();
        let refused = choose(again.try_clone().unwrap(), &mount(), "web", "service.").unwrap_err();
        assert!(matches!(refused, DelegateError::Taken { .. }), "{refused}");
        drop(first);
        choose(again, &mount(), "web", "service.").unwrap();
    }

    #[test]
    fn what_a_predecessor_left_is_recognised_and_a_strangers_cgroup_is_not() {
        let (dir, group) = fake(&[("cgroup.subtree_control", "memory\n")]);
        group.create_child(LEAF).unwrap();
        group.create_child("service.3").unwrap();
        assert!(is_left_behind(&group, "service."));
        group.create_child("database").unwrap();
        assert!(!is_left_behind(&group, "service."));
        group.remove_child("database").unwrap();
        std::fs::write(dir.path().join("cgroup.subtree_control"), "").unwrap();
        assert!(!is_left_behind(&group, "service."));
    }
}
