//! The file system as another process sees it, entered without ever being led out of it.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::Mode;
use nix::sys::statfs::{FsType, TMPFS_MAGIC, fstatfs};

use super::entry;
use crate::{Error, Pid, Result};

/// Of ramfs; nix does not name it.
const RAMFS_MAGIC: FsType = FsType(0x8584_58f6_u32 as _);

/// What a process sees as `/`, held open: a path of that process is looked up from here.
///
/// A plain `/proc/PID/root/PATH` is not that: an absolute symbolic link below it leads into the file system of whoever
/// follows it. Here each link is followed as the process itself would follow it.
#[derive(Debug)]
pub struct Root {
    fd: OwnedFd,
    path: PathBuf,
}

/// A directory, held open.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

/// What a file system has to offer to whoever wants to write a large file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes that are free for users other than root.
    pub free: u64,
    /// Its files lie in memory, and are charged like it: a tmpfs.
    pub is_memory: bool,
}

/// Whether a process and we see the same files: the same mounts, from the same root. What cannot be found out counts as
/// yes.
pub fn shares_files(pid: Pid) -> bool {
    let same = |name: &str| {
        let identity = |pid: Pid| std::fs::metadata(entry(pid, name)).map(|link| (link.dev(), link.ino())).ok();
        let (ours, theirs) = (identity(super::own()), identity(pid));
        ours.is_none() || theirs.is_none() || ours == theirs
    };
    same("ns/mnt") && same("root")
}

impl Root {
    /// Opens the root of a process. Needs the right to trace it.
    pub fn of(pid: Pid) -> Result<Self> {
        let Directory { fd, path } = Directory::open(entry(pid, "root"))?;
        Ok(Self { fd, path })
    }

    /// Opens a directory by the path the process knows it by.
    pub fn directory(&self, path: &Path) -> Result<Directory> {
        let fd = self.open(path, OFlag::O_PATH | OFlag::O_DIRECTORY)?;
        Ok(Directory { fd, path: self.shown(path) })
    }

    /// Opens a file for reading by the path the process knows it by. The last part may not be a link, and what is not a
    /// regular file is refused, so that nothing a process put there can make the reader wait.
    pub fn file(&self, path: &Path) -> Result<File> {
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let file = File::from(self.open(path, flags)?);
        let metadata = file.metadata().map_err(|e| Error::new("examine", self.shown(path), e))?;
        if metadata.is_file() { Ok(file) } else { Err(Error::unexpected(self.shown(path), "it is not a regular file")) }
    }

    fn open(&self, path: &Path, flags: OFlag) -> Result<OwnedFd> {
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC)
            .mode(Mode::empty())
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        let opened = match openat2(self.fd.as_fd(), path, how) {
            // Taken away by `RestrictSUIDSGID=` of systemd and other filters that must see every mode.
            Err(Errno::ENOSYS) => self.open_straight(path, flags),
            result => result,
        };
        opened.map_err(|e| Error::new("open", self.shown(path), e))
    }

    /// Opens part by part what no link leads to: without openat2 there is no way to follow one and stay within.
    fn open_straight(&self, path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
        let on_the_way = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut parts =
            path.components().filter(|part| !matches!(part, Component::RootDir | Component::CurDir)).peekable();
        let mut here = openat(&self.fd, ".", on_the_way, Mode::empty())?;
        while let Some(part) = parts.next() {
            let Component::Normal(name) = part else { return Err(Errno::ELOOP) };
            if parts.peek().is_none() {
                return openat(&here, name, flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty());
            }
            here = openat(&here, name, on_the_way, Mode::empty())?;
        }
        Ok(here)
    }

    /// As `/proc/PID/root/...`, for people.
    fn shown(&self, path: &Path) -> PathBuf {
        self.path.join(path.strip_prefix("/").unwrap_or(path))
    }
}

impl Directory {
    /// Opens a directory by a path of our own. Needs no right to list it.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let fd = nix::fcntl::open(&path, flags, Mode::empty()).map_err(|e| Error::new("open", &path, e))?;
        Ok(Self { fd, path })
    }

    /// Opens the working directory of a process. Needs the right to trace it.
    pub fn working(pid: Pid) -> Result<Self> {
        Self::open(entry(pid, "cwd"))
    }

    /// A path to an entry that works in this process while the directory is open, wherever it lies; short enough for the
    /// address of a socket.
    pub fn entry(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.fd.as_raw_fd()))
    }

    /// The path it was opened by, for people.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What its file system has to offer. An overlay does not tell whether its upper layer lies in memory.
    pub fn room(&self) -> Result<Room> {
        let stat = fstatfs(&self.fd).map_err(|e| Error::new("examine", &self.path, e))?;
        let block_size = u64::try_from(stat.block_size()).unwrap_or(0);
        let is_memory = [TMPFS_MAGIC, RAMFS_MAGIC].contains(&stat.filesystem_type());
        Ok(Room { free: stat.blocks_available().saturating_mul(block_size), is_memory })
    }

    /// Whether a user may make files in it, going by its mode: access lists are not looked at.
    pub fn is_writable_by(&self, uid: u32, gid: u32) -> Result<bool> {
        let metadata = std::fs::metadata(self.entry(".")).map_err(|e| Error::new("examine", &self.path, e))?;
        let shift = match () {
            () if metadata.uid() == uid => 6,
            () if metadata.gid() == gid => 3,
            () => 0,
        };
        Ok(uid == 0 || (metadata.mode() >> shift) & 0o3 == 0o3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_child_sees_what_we_see() {
        assert!(shares_files(crate::process::own()));
        assert!(shares_files(crate::process::parent(crate::process::own()).unwrap()));
    }

    fn root_at(path: &Path) -> Root {
        let Directory { fd, path } = Directory::open(path).unwrap();
        Root { fd, path }
    }

    #[test]
    fn an_absolute_link_stays_within_the_root() {
        let outside = tempfile::tempdir().unwrap();
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("var")).unwrap();
        std::fs::write(place.path().join("var/dump"), "inside").unwrap();
        symlink("/var", place.path().join("tmp")).unwrap();
        symlink(outside.path(), place.path().join("out")).unwrap();
        let root = root_at(place.path());
        let mut text = String::new();
        root.file(Path::new("/tmp/dump")).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "inside");
        assert_eq!(root.directory(Path::new("/out")).unwrap_err().kind(), crate::Kind::NotFound);
        assert!(root.file(Path::new("/../../../../../etc/passwd")).is_err());
    }

    #[test]
    fn without_openat2_no_link_is_followed() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("var")).unwrap();
        std::fs::write(place.path().join("var/dump"), "inside").unwrap();
        symlink("var", place.path().join("tmp")).unwrap();
        symlink("dump", place.path().join("var/link")).unwrap();
        let root = root_at(place.path());
        let open = |path: &str| root.open_straight(Path::new(path), OFlag::O_RDONLY);
        let mut text = String::new();
        File::from(open("/var/./dump").unwrap()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "inside");
        assert!(open("/").is_ok() && open("/var").is_ok());
        assert!(["/tmp/dump", "/var/link", "/var/../var/dump", "/none"].iter().all(|path| open(path).is_err()));
    }

    #[test]
    fn what_would_make_a_reader_wait_is_refused() {
        let place = tempfile::tempdir().unwrap();
        nix::unistd::mkfifo(&place.path().join("fifo"), Mode::S_IRWXU).unwrap();
        symlink("/fifo", place.path().join("link")).unwrap();
        let root = root_at(place.path());
        assert!(root.file(Path::new("/fifo")).is_err());
        assert!(root.file(Path::new("/link")).is_err());
        assert!(root.file(Path::new("/")).is_err());
    }

    #[test]
    fn an_entry_of_an_open_directory_is_a_path() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::open(place.path()).unwrap();
        std::fs::write(directory.entry("new"), "x").unwrap();
        assert!(place.path().join("new").exists());
        assert!(Directory::open(place.path().join("new")).is_err());
    }

    #[test]
    fn memory_is_told_from_a_disk() {
        let kernel_memory = Directory::open("/dev/shm").unwrap().room().unwrap();
        assert!(kernel_memory.is_memory && kernel_memory.free > 0, "{kernel_memory:?}");
        assert!(!Directory::open("/proc").unwrap().room().unwrap().is_memory);
    }

    #[test]
    fn the_mode_says_who_may_write() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::open(place.path()).unwrap();
        let owner = std::fs::metadata(place.path()).unwrap();
        let other = (owner.uid() + 7, owner.gid() + 7);
        let may = |mode: u32, (uid, gid): (u32, u32)| {
            std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            directory.is_writable_by(uid, gid).unwrap()
        };
        assert!(may(0o1777, other));
        assert!(!may(0o775, other));
        assert!(may(0o770, (other.0, owner.gid())));
        assert!(may(0o700, (owner.uid(), owner.gid())));
        assert!(!may(0o776, other), "a directory is entered, too");
    }

    #[test]
    fn our_own_root_and_working_directory_are_ours() {
        let me = crate::process::own();
        let mut word = String::new();
        let root = Root::of(me).unwrap();
        root.file(Path::new("/proc/sys/kernel/ostype")).unwrap().read_to_string(&mut word).unwrap();
        assert_eq!(word.trim(), "Linux");
        let here = std::fs::canonicalize(".").unwrap();
        let there = std::fs::canonicalize(Directory::working(me).unwrap().entry(".")).unwrap();
        assert_eq!(here, there);
    }
}
