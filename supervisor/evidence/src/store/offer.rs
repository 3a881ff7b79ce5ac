//! A file that is offered as evidence: by a service, which may be anything, also hostile.

use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::Mode;

use crate::directory::Directory;
use crate::error::io_error;
use crate::{Error, Result};

/// A file that may be taken in: held open, so that what was looked at is what is taken.
#[derive(Debug)]
pub struct Offered {
    pub(super) directory: Directory,
    pub(super) name: OsString,
    pub(super) file: File,
    /// Its size when it was looked at.
    pub bytes: u64,
}

impl Offered {
    /// Opens a finished file of one of these users, or of root. Refused are what is no regular file or is empty, what
    /// has a second name (changing it would change that), what belongs to others, and what lies on a full disk, where
    /// it cannot be whole. A path below `/proc/PID/root/` is looked up within that root, links and all.
    pub fn open(path: &Path, owners: &[u32]) -> Result<Self> {
        let offered = Self::open_partial(path, owners)?;
        if super::space::of(&offered.file, path)?.is_full() {
            return Err(Error::refused(path, "is on a disk that is full: the dump is cut short"));
        }
        Ok(offered)
    }

    /// The same for a file that need not be finished.
    pub fn open_partial(path: &Path, owners: &[u32]) -> Result<Self> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Error::refused(path, "names no file"));
        };
        let directory = Directory::from_fd(open_directory(parent, ResolveFlag::empty())?, parent.to_path_buf());
        let file = directory.read(name)?;
        let metadata = file.metadata().map_err(io_error("look at", path))?;
        check(path, &metadata)?;
        if !owners.contains(&metadata.uid()) {
            check_stranger(path, &directory, metadata.uid())?;
        }
        Ok(Self { directory, name: name.to_owned(), file, bytes: metadata.len() })
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join(&self.name)
    }

    /// Whether a name still stands for this very file.
    pub(super) fn is_at(&self, directory: &Directory, name: impl AsRef<std::ffi::OsStr>) -> bool {
        let (Ok(there), Ok(here)) = (directory.look(name), self.file.metadata()) else { return false };
        (there.st_dev, there.st_ino) == (here.dev() as _, here.ino() as _)
    }
}

fn check(path: &Path, metadata: &Metadata) -> Result<()> {
    if metadata.len() == 0 {
        return Err(Error::refused(path, "is empty"));
    }
    if metadata.nlink() > 1 {
        return Err(Error::refused(path, "has another name as well, whose file it would change"));
    }
    Ok(())
}

/// A file of root's may be somebody else's whom a link led us to; without links on the way it is where it was meant.
fn check_stranger(path: &Path, found: &Directory, owner: u32) -> Result<()> {
    let refused = || Error::refused(path, format!("belongs to user {owner}, who is neither the service's nor root"));
    if owner != 0 {
        return Err(refused());
    }
    let straight = open_directory(found.path(), ResolveFlag::RESOLVE_NO_SYMLINKS);
    if straight.is_ok() {
        return Ok(());
    }
    Err(Error::refused(path, "belongs to root, not to the service, and is reached by a link: it may be any file"))
}

fn open_directory(path: &Path, resolve: ResolveFlag) -> Result<OwnedFd> {
    let failed = io_error("open", path);
    let Some((root, below)) = within_root(path) else {
        return open_at(AT_FDCWD, path, resolve).map_err(failed);
    };
    let root = Directory::open(&root)?;
    open_at(root, &below, resolve | ResolveFlag::RESOLVE_IN_ROOT).map_err(failed)
}

/// `RestrictSUIDSGID=` of systemd and other filters that must see every mode take openat2 away. Then no link is followed
/// where one could lead astray.
fn open_at(at: impl AsFd, path: &Path, resolve: ResolveFlag) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    match openat2(&at, path, OpenHow::new().flags(flags).resolve(resolve)) {
        Err(Errno::ENOSYS) if resolve.is_empty() => openat(at, path, flags, Mode::empty()),
        Err(Errno::ENOSYS) => open_straight(at, path),
        result => result,
    }
}

/// Opens a directory to which no link leads, part by part.
fn open_straight(at: impl AsFd, path: &Path) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let start = if path.is_absolute() { "/" } else { "." };
    let mut here = openat(at, start, flags, Mode::empty())?;
    for part in path.components() {
        match part {
            Component::Normal(name) => here = openat(&here, name, flags, Mode::empty())?,
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return Err(Errno::ELOOP),
        }
    }
    openat(&here, ".", OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

/// Splits a path below `/proc/PID/root`: its links mean that root, and must not lead to files of ours.
fn within_root(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut parts = path.components();
    let head: Vec<Component> = parts.by_ref().take(4).collect();
    let is_root = matches!(head[..], [Component::RootDir, proc, _, root]
        if proc.as_os_str() == "proc" && root.as_os_str() == "root");
    let below = parts.as_path();
    let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
    is_root.then(|| (head.iter().collect(), below.to_path_buf()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{chown, symlink};

    fn me() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    fn reason(path: &Path, owners: &[u32]) -> String {
        Offered::open(path, owners).unwrap_err().to_string()
    }

    #[test]
    fn what_is_empty_no_file_or_somebody_elses_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::write(at("empty"), []).unwrap();
        assert!(reason(&at("empty"), &[me()]).contains("is empty"));
        symlink("/etc/passwd", at("link")).unwrap();
        assert!(reason(&at("link"), &[me()]).contains("not a regular file"));
        fs::write(at("file"), "x").unwrap();
        fs::hard_link(at("file"), at("second")).unwrap();
        assert!(reason(&at("second"), &[me()]).contains("another name"));
        assert!(reason(&at("missing"), &[me()]).contains("No such file"));
        assert_eq!(within_root(Path::new("/proc/7/root/tmp/x")), Some(("/proc/7/root".into(), "tmp/x".into())));
        assert_eq!(within_root(Path::new("/proc/7/rooted/x")), None);
    }

    #[test]
    fn straight_is_where_no_link_leads() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("a/b")).unwrap();
        symlink("a", root.join("link")).unwrap();
        symlink("b", root.join("a/link")).unwrap();
        let opens = |path: &str| open_straight(AT_FDCWD, &root.join(path)).is_ok();
        assert!(opens("a/b") && opens("a/./b"));
        assert!(!opens("link/b") && !opens("a/link") && !opens("a/../a/b") && !opens("a/none"));
        let directory = Directory::open(&root).unwrap();
        let within = open_straight(directory, Path::new("a/b")).unwrap();
        let same = |one: &OwnedFd| File::from(one.try_clone().unwrap()).metadata().unwrap().ino();
        assert_eq!(same(&within), fs::metadata(root.join("a/b")).unwrap().ino());
    }

    /// Needs root to give a file away; another user's files are all that can be had otherwise.
    #[test]
    fn a_file_must_be_the_services_own() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        fs::create_dir(root.join("here")).unwrap();
        fs::write(root.join("here/file"), "x").unwrap();
        symlink("here", root.join("way")).unwrap();
        if me() == 0 {
            assert!(Offered::open(&root.join("here/file"), &[12_345]).is_ok());
            assert!(reason(&root.join("way/file"), &[12_345]).contains("reached by a link"));
            chown(root.join("here/file"), Some(54_321), None).unwrap();
            assert!(Offered::open(&root.join("way/file"), &[54_321]).is_ok());
        }
        assert!(reason(&root.join("here/file"), &[12_345]).contains("belongs to user"));
    }

    #[test]
    fn links_below_the_root_of_a_process_stay_within_it() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("file"), "x").unwrap();
        let path = PathBuf::from("/proc/self/root").join(root.path().strip_prefix("/").unwrap());
        assert_eq!(Offered::open(&path.join("file"), &[me()]).unwrap().bytes, 1);
    }
}
