//! A cgroup as an open directory.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, fstatfs};
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::file::{self, KernelFile};
use crate::{Error, Kind, Result};

/// A cgroup v2 directory, held open: every method means this cgroup, also after it was removed and another one made
/// under its name (then: [`Kind::Gone`] or [`Kind::NotFound`]).
#[derive(Debug)]
pub struct Group {
    dir: OwnedFd,
    path: PathBuf,
}

const DIRECTORY: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

impl Group {
    /// Opens a cgroup directory, which must be on a cgroup v2 file system.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let group = Self::open_unchecked(path)?;
        let filesystem = fstatfs(&group.dir).map_err(|e| Error::new("examine", &group.path, e))?;
        if filesystem.filesystem_type() == CGROUP2_SUPER_MAGIC {
            Ok(group)
        } else {
            Err(Error::unexpected(&group.path, "not on a cgroup v2 file system"))
        }
    }

    /// Opens any directory in the place of a cgroup: for tests, in which plain files stand in for the kernel's.
    pub fn open_unchecked(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let dir = nix::fcntl::open(&path, DIRECTORY, Mode::empty()).map_err(|e| Error::new("open", &path, e))?;
        Ok(Self { dir, path })
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// A second handle of the same cgroup.
    pub fn try_clone(&self) -> Result<Self> {
        let dir = self.dir.try_clone().map_err(|e| Error::new("duplicate", &self.path, e))?;
        Ok(Self { dir, path: self.path.clone() })
    }

    /// Creates a child cgroup and opens it. One that exists already is [`std::io::ErrorKind::AlreadyExists`].
    pub fn create_child(&self, name: &str) -> Result<Self> {
        let mode = Mode::from_bits_truncate(0o755);
        mkdirat(&self.dir, name, mode).map_err(|e| Error::new("create", self.path.join(name), e))?;
        self.open_child(name)
    }

    /// Opens a child cgroup.
    pub fn open_child(&self, name: &str) -> Result<Self> {
        let path = self.path.join(name);
        let dir = openat(&self.dir, name, DIRECTORY, Mode::empty()).map_err(|e| Error::new("open", &path, e))?;
        Ok(Self { dir, path })
    }

    /// The names of the child cgroups.
    pub fn children(&self) -> Result<Vec<String>> {
        let failed = |e: nix::Error| Error::new("list", &self.path, e);
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut listing = nix::dir::Dir::openat(&self.dir, ".", flags, Mode::empty()).map_err(failed)?;
        let mut names = Vec::new();
        for entry in listing.iter() {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type() == Some(nix::dir::Type::Directory) && name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Removes a child cgroup, which must be empty ([`Kind::Busy`] otherwise). One that is gone already is no error.
    pub fn remove_child(&self, name: &str) -> Result<()> {
        match unlinkat(&self.dir, name, UnlinkatFlags::RemoveDir) {
            Ok(()) | Err(nix::Error::ENOENT) => Ok(()),
            Err(e) => Err(Error::new("remove", self.path.join(name), e)),
        }
    }

    /// Removes this cgroup with all below it, from the leaves up. All must be empty. The handle stays, as that of a
    /// removed cgroup.
    pub fn remove(&self) -> Result<()> {
        self.remove_below()?;
        match std::fs::remove_dir(&self.path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::new("remove", &self.path, e)),
            _ => Ok(()),
        }
    }

    fn remove_below(&self) -> Result<()> {
        let children = match self.children() {
            Err(e) if matches!(e.kind(), Kind::NotFound | Kind::Gone) => return Ok(()),
            other => other?,
        };
        for name in children {
            self.open_child(&name)?.remove_below()?;
            self.remove_child(&name)?;
        }
        Ok(())
    }

    /// Whether it has a file of this name: `memory.high` tells if the memory controller is there, `cgroup.type` is
    /// missing only in the real root.
    pub fn has(&self, name: &str) -> bool {
        nix::sys::stat::fstatat(&self.dir, name, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok()
    }

    pub(crate) fn file(&self, name: &str, flags: OFlag) -> Result<KernelFile> {
        KernelFile::open_at(self.as_fd(), &self.path, name, flags)
    }

    pub(crate) fn read(&self, name: &str) -> Result<String> {
        file::read_at(self.as_fd(), &self.path, name)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        file::write_at(self.as_fd(), &self.path, name, text)
    }
}

impl AsFd for Group {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::cgroup::Limit;

    /// A directory of plain files in the place of a cgroup.
    pub(crate) fn fake_group(files: &[(&str, &str)]) -> (tempfile::TempDir, Group) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let group = Group::open_unchecked(dir.path()).unwrap();
        (dir, group)
    }

    #[test]
    fn refuses_a_directory_that_is_no_cgroup() {
        let dir = tempfile::tempdir().unwrap();
        let error = Group::open(dir.path()).unwrap_err();
        assert!(error.to_string().contains("not on a cgroup v2 file system"), "{error}");
    }

    #[test]
    fn children_are_created_listed_and_removed() {
        let (dir, group) = fake_group(&[("cgroup.procs", "")]);
        let child = group.create_child("b").unwrap();
        child.create_child("deep").unwrap();
        group.create_child("a").unwrap();
        assert_eq!(group.children().unwrap(), ["a", "b"]);
        let twice = group.create_child("a").unwrap_err();
        assert_eq!(twice.source.kind(), std::io::ErrorKind::AlreadyExists);
        child.remove().unwrap();
        group.remove_child("a").unwrap();
        group.remove_child("a").unwrap();
        assert!(group.children().unwrap().is_empty());
        assert!(dir.path().exists());
    }

    #[test]
    fn a_handle_means_the_directory_it_opened_and_not_its_name() {
        let (_dir, parent) = fake_group(&[]);
        let old = parent.create_child("service").unwrap();
        parent.remove_child("service").unwrap();
        let new = parent.create_child("service").unwrap();
        std::fs::write(new.path().join("memory.max"), "max").unwrap();
        assert_eq!(old.set_max(Limit::Bytes(1)).unwrap_err().errno(), Some(libc::ENOENT));
        assert_eq!(new.max().unwrap(), Limit::Max);
    }
}
