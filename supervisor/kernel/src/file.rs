//! The few ways this crate opens, reads and writes kernel files.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::sys::uio::{pread, pwrite};

use crate::{Error, Result};

/// A kernel file that is opened once and read or written at offset 0 as often as wished, without an allocation.
///
/// Measured: 0.2 to 0.3 microseconds natively for `memory.current`, a tenth of opening it each time.
#[derive(Debug)]
pub(crate) struct KernelFile {
    fd: OwnedFd,
    path: PathBuf,
}

impl KernelFile {
    pub(crate) fn open_at(dir: BorrowedFd<'_>, dir_path: &Path, name: &str, flags: OFlag) -> Result<Self> {
        let path = dir_path.join(name);
        let fd =
            openat(dir, name, flags | OFlag::O_CLOEXEC, Mode::empty()).map_err(|e| Error::new("open", &path, e))?;
        Ok(Self { fd, path })
    }

    pub(crate) fn open(path: &Path, flags: OFlag) -> Result<Self> {
        let fd =
            nix::fcntl::open(path, flags | OFlag::O_CLOEXEC, Mode::empty()).map_err(|e| Error::new("open", path, e))?;
        let path = path.to_path_buf();
        Ok(Self { fd, path })
    }

    /// Reads from offset 0; one call suffices, as these files are produced whole at each read.
    pub(crate) fn read<'a>(&self, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
        let read = pread(self.fd.as_fd(), buffer, 0).map_err(|e| Error::new("read", &self.path, e))?;
        Ok(&buffer[..read])
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> Result<()> {
        pwrite(self.fd.as_fd(), bytes, 0).map(|_| ()).map_err(|e| Error::new("write", &self.path, e))
    }

    /// Writes where the file stands: once, after opening. Files of `/proc` refuse to be written at an offset (ESPIPE).
    pub(crate) fn write_once(&self, bytes: &[u8]) -> Result<()> {
        nix::unistd::write(&self.fd, bytes).map(|_| ()).map_err(|e| Error::new("write", &self.path, e))
    }

    pub(crate) fn try_clone(&self) -> Result<Self> {
        let fd = self.fd.try_clone().map_err(|e| Error::new("duplicate", &self.path, e))?;
        Ok(Self { fd, path: self.path.clone() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl AsFd for KernelFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Reads a whole small file of a directory.
pub(crate) fn read_at(dir: BorrowedFd<'_>, dir_path: &Path, name: &str) -> Result<String> {
    let file = KernelFile::open_at(dir, dir_path, name, OFlag::O_RDONLY)?;
    let mut text = String::new();
    File::from(file.fd).read_to_string(&mut text).map_err(|e| Error::new("read", &file.path, e))?;
    Ok(text)
}

/// Writes a whole small file of a directory, which must exist.
pub(crate) fn write_at(dir: BorrowedFd<'_>, dir_path: &Path, name: &str, text: &str) -> Result<()> {
    let file = KernelFile::open_at(dir, dir_path, name, OFlag::O_WRONLY | OFlag::O_TRUNC)?;
    File::from(file.fd).write_all(text.as_bytes()).map_err(|e| Error::new("write", &file.path, e))
}

/// Reads a whole file by path.
pub(crate) fn read(path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|e| Error::new("read", path, e))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The value of an extended attribute; `None` if there is none or it may not be seen.
pub(crate) fn extended_attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    crate::sys::extended_attribute(path, name)
}
