//! A directory held open. Everything in it is reached through the handle by a plain name and never through a link, so
//! that nobody who may write further up can have us read or write elsewhere.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FileStat, Mode, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use crate::error::io_error;
use crate::{Error, Result};

/// An open directory.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

impl Directory {
    /// Opens a directory somebody trusted has named: links on the way are followed.
    pub fn open(path: &Path) -> Result<Self> {
        let fd = nix::fcntl::open(path, DIRECTORY, Mode::empty()).map_err(io_error("open", path))?;
        Ok(Self { fd, path: path.to_path_buf() })
    }

    /// The same, made for its owner only if it is not there, with those above it.
    pub fn make(path: &Path) -> Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_error("make", path))?;
        Self::open(path)
    }

    /// A directory in it.
    pub fn inside(&self, name: impl AsRef<OsStr>) -> Result<Self> {
        let path = self.named(name.as_ref())?;
        let flags = DIRECTORY | OFlag::O_NOFOLLOW;
        let fd = openat(&self.fd, name.as_ref(), flags, Mode::empty()).map_err(io_error("open", &path))?;
        Ok(Self { fd, path })
    }

    /// A directory in it, made for its owner only if it is not there. It does not wait for the disk; see
    /// [`sync_deep`](Self::sync_deep).
    pub fn make_inside(&self, name: impl AsRef<OsStr>) -> Result<Self> {
        let path = self.named(name.as_ref())?;
        match mkdirat(&self.fd, name.as_ref(), Mode::S_IRWXU) {
            Ok(()) | Err(nix::Error::EEXIST) => self.inside(name),
            Err(error) => Err(io_error("make", path)(error)),
        }
    }

    /// Opens a regular file for reading; what would block or is no file is refused.
    pub fn read(&self, name: impl AsRef<OsStr>) -> Result<File> {
        let path = self.named(name.as_ref())?;
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = File::from(match openat(&self.fd, name.as_ref(), flags, Mode::empty()) {
            Err(nix::Error::ELOOP) => return Err(Error::refused(&path, "is not a regular file")),
            opened => opened.map_err(io_error("open", &path))?,
        });
        let is_file = file.metadata().map_err(io_error("look at", &path))?.is_file();
        if is_file { Ok(file) } else { Err(Error::refused(&path, "is not a regular file")) }
    }

    /// A new file, readable by its owner only; it must not be there.
    pub fn create(&self, name: impl AsRef<OsStr>) -> Result<File> {
        let path = self.named(name.as_ref())?;
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let fd = openat(&self.fd, name.as_ref(), flags, mode).map_err(io_error("create", path))?;
        Ok(File::from(fd))
    }

    /// Puts a small file in place as a whole: there is the old one or the new one, also after a power cut.
    pub fn replace(&self, name: &str, content: &[u8]) -> Result<()> {
        let fresh = format!(".{name}.new");
        let _ = self.remove(&fresh);
        let mut file = self.create(&fresh)?;
        file.write_all(content).and_then(|()| file.sync_all()).map_err(io_error("write", self.path.join(&fresh)))?;
        self.rename(&fresh, self, name)?;
        self.sync()
    }

    /// The content of a file that may have so many bytes.
    pub fn content(&self, name: impl AsRef<OsStr>, most: u64) -> Result<Vec<u8>> {
        let path = self.named(name.as_ref())?;
        let mut content = Vec::new();
        self.read(name)?.take(most + 1).read_to_end(&mut content).map_err(io_error("read", &path))?;
        if content.len() as u64 > most {
            return Err(Error::refused(&path, format!("is larger than {most} bytes")));
        }
        Ok(content)
    }

    /// What stands under a name, links not followed.
    pub fn look(&self, name: impl AsRef<OsStr>) -> Result<FileStat> {
        let path = self.named(name.as_ref())?;
        fstatat(&self.fd, name.as_ref(), AtFlags::AT_SYMLINK_NOFOLLOW).map_err(io_error("look at", path))
    }

    /// What it is itself.
    pub(crate) fn look_itself(&self) -> Result<FileStat> {
        nix::sys::stat::fstat(&self.fd).map_err(io_error("look at", &self.path))
    }

    /// Whether a name is taken, be it by a broken link.
    pub fn has(&self, name: impl AsRef<OsStr>) -> bool {
        self.look(name).is_ok()
    }

    /// Moves what stands under a name, over what stands under the other.
    pub fn rename(&self, name: impl AsRef<OsStr>, to: &Self, new: impl AsRef<OsStr>) -> Result<()> {
        let (path, _) = (to.named(new.as_ref())?, self.named(name.as_ref())?);
        renameat(&self.fd, name.as_ref(), &to.fd, new.as_ref()).map_err(io_error("move a file to", path))
    }

    /// Gives a file a second name, which must be free.
    pub fn link(&self, name: impl AsRef<OsStr>, second: impl AsRef<OsStr>) -> Result<()> {
        let (path, _) = (self.named(second.as_ref())?, self.named(name.as_ref())?);
        let linked = linkat(&self.fd, name.as_ref(), &self.fd, second.as_ref(), AtFlags::empty());
        linked.map_err(io_error("link", path))
    }

    /// Removes a file.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> Result<()> {
        let path = self.named(name.as_ref())?;
        unlinkat(&self.fd, name.as_ref(), UnlinkatFlags::NoRemoveDir).map_err(io_error("remove", path))
    }

    /// Removes a directory in it, which must be empty.
    pub fn remove_directory(&self, name: impl AsRef<OsStr>) -> Result<()> {
        let path = self.named(name.as_ref())?;
        unlinkat(&self.fd, name.as_ref(), UnlinkatFlags::RemoveDir).map_err(io_error("remove", path))
    }

    /// What is in it, sorted.
    pub fn names(&self) -> Result<Vec<OsString>> {
        let failed = |error: nix::Error| io_error("list", &self.path)(error);
        let mut listing = Dir::openat(&self.fd, ".", DIRECTORY, Mode::empty()).map_err(failed)?;
        let mut names = Vec::new();
        for entry in listing.iter() {
            let name = OsStr::from_bytes(entry.map_err(failed)?.file_name().to_bytes()).to_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Has names that were made, moved and removed survive a power cut.
    pub fn sync(&self) -> Result<()> {
        nix::unistd::fsync(&self.fd).map_err(io_error("sync", &self.path))
    }

    /// The same with its own name, which may be new as well.
    pub fn sync_deep(&self) -> Result<()> {
        self.sync()?;
        let above =
            openat(&self.fd, "..", DIRECTORY, Mode::empty()).map_err(io_error("open what is above", &self.path))?;
        nix::unistd::fsync(&above).map_err(io_error("sync what is above", &self.path))
    }

    /// Its path when it was opened, for messages and records.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn from_fd(fd: OwnedFd, path: PathBuf) -> Self {
        Self { fd, path }
    }

    /// The path of a name in it. One that would lead elsewhere is refused.
    fn named(&self, name: &OsStr) -> Result<PathBuf> {
        let is_plain = !name.is_empty() && name != "." && name != ".." && !name.as_bytes().contains(&b'/');
        if is_plain {
            return Ok(self.path.join(name));
        }
        Err(Error::refused(&self.path, format!("cannot contain {}", name.display())))
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn links_are_neither_read_nor_written_through() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("away")).unwrap();
        fs::write(root.path().join("away/secret"), "s").unwrap();
        fs::create_dir(root.path().join("here")).unwrap();
        symlink("../away/secret", root.path().join("here/file")).unwrap();
        symlink("../away", root.path().join("here/directory")).unwrap();
        let here = Directory::open(&root.path().join("here")).unwrap();
        assert!(here.read("file").unwrap_err().to_string().contains("not a regular file"));
        assert!(here.create("file").is_err());
        assert!(here.inside("directory").is_err());
        assert!(here.make_inside("directory").is_err());
        here.replace("file", b"ours").unwrap();
        assert_eq!(fs::read(root.path().join("away/secret")).unwrap(), b"s");
        assert_eq!(here.content("file", 9).unwrap(), b"ours");
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let here = Directory::open(root.path()).unwrap();
        for name in ["", ".", "..", "a/b", "/etc/passwd"] {
            assert!(matches!(here.read(name), Err(Error::Refused { .. })), "{name}");
        }
    }

    #[test]
    fn a_pipe_does_not_block() {
        let root = tempfile::tempdir().unwrap();
        nix::unistd::mkfifo(&root.path().join("pipe"), Mode::S_IRWXU).unwrap();
        let here = Directory::open(root.path()).unwrap();
        assert!(here.read("pipe").unwrap_err().to_string().contains("not a regular file"));
    }

    #[test]
    fn what_is_made_is_for_its_owner_only() {
        let root = tempfile::tempdir().unwrap();
        let here = Directory::make(&root.path().join("a/b")).unwrap().make_inside("c").unwrap();
        here.replace("state", b"{}").unwrap();
        let mode = |path: &str| fs::metadata(root.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("a/b"), mode("a/b/c"), mode("a/b/c/state")), (0o700, 0o700, 0o600));
        assert_eq!(here.names().unwrap(), ["state"]);
    }

    #[test]
    fn content_has_a_bound() {
        let root = tempfile::tempdir().unwrap();
        let here = Directory::open(root.path()).unwrap();
        here.replace("file", b"12345").unwrap();
        assert!(here.content("file", 4).unwrap_err().to_string().contains("larger than 4"));
        assert_eq!(here.content("file", 5).unwrap(), b"12345");
    }
}
