//! The file system as another process sees it, entered without ever being led out of it.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::Mode;

use super::entry;
use crate::{Error, Pid, Result};

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
        openat2(self.fd.as_fd(), path, how).map_err(|e| Error::new("open", self.shown(path), e))
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::symlink;

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
