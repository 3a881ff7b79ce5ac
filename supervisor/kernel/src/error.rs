//! One error for every file and system call: what was tried, on what, and the kernel's answer.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A failed operation on a file or a process.
#[derive(Debug)]
pub struct Error {
    /// What was tried, as a verb phrase: `"read"`, `"write"`, `"create"`.
    pub op: &'static str,
    /// The file (or `/proc` entry) it was tried on.
    pub path: PathBuf,
    /// The kernel's answer.
    pub source: io::Error,
}

/// The result of an operation on a file or a process.
pub type Result<T> = std::result::Result<T, Error>;

/// The kernel's answers that have one cause each in the world of cgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// EBUSY: processes sit where none may, or a cgroup to be removed is not empty.
    Busy,
    /// ENOENT: no such file, cgroup or controller.
    NotFound,
    /// EACCES: the files belong to another user.
    Access,
    /// EPERM: forbidden whoever asks: the root of a cgroup namespace, or a missing capability.
    Permission,
    /// EROFS: the cgroup file system is mounted read-only, as containers get it by default.
    ReadOnly,
    /// ENODEV: the cgroup behind an open descriptor has been removed.
    Gone,
    /// ESRCH: the process has ended.
    NoProcess,
    /// EINVAL: the kernel does not take this value.
    Invalid,
    /// EOPNOTSUPP or ENOSYS: this kernel has it not, or has it turned off.
    Unsupported,
    /// Everything else; see [`Error::source`].
    Other,
}

impl Error {
    pub(crate) fn new(op: &'static str, path: impl AsRef<Path>, source: impl Into<io::Error>) -> Self {
        Self { op, path: path.as_ref().to_path_buf(), source: source.into() }
    }

    pub(crate) fn unexpected(path: impl AsRef<Path>, what: &'static str) -> Self {
        Self::new("understand", path, io::Error::new(io::ErrorKind::InvalidData, what))
    }

    /// What the kernel's answer means.
    pub fn kind(&self) -> Kind {
        match self.errno() {
            Some(libc::EBUSY) => Kind::Busy,
            Some(libc::ENOENT) => Kind::NotFound,
            Some(libc::EACCES) => Kind::Access,
            Some(libc::EPERM) => Kind::Permission,
            Some(libc::EROFS) => Kind::ReadOnly,
            Some(libc::ENODEV) => Kind::Gone,
            Some(libc::ESRCH) => Kind::NoProcess,
            Some(libc::EINVAL) => Kind::Invalid,
            Some(libc::EOPNOTSUPP | libc::ENOSYS) => Kind::Unsupported,
            _ => Kind::Other,
        }
    }

    /// The kernel's error number, if it was the kernel that refused.
    pub fn errno(&self) -> Option<i32> {
        self.source.raw_os_error()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}", self.op, self.path.display(), self.source)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_of_the_kernel_has_its_own_kind() {
        let kind = |errno| Error::new("write", "/x", io::Error::from_raw_os_error(errno)).kind();
        assert_eq!(kind(libc::EBUSY), Kind::Busy);
        assert_eq!(kind(libc::EACCES), Kind::Access);
        assert_eq!(kind(libc::EPERM), Kind::Permission);
        assert_eq!(kind(libc::EROFS), Kind::ReadOnly);
        assert_eq!(kind(libc::ENODEV), Kind::Gone);
        assert_eq!(kind(libc::EIO), Kind::Other);
    }

    #[test]
    fn the_text_names_operation_and_path() {
        let error = Error::new("write", "/sys/fs/cgroup/x", io::Error::from_raw_os_error(libc::EROFS));
        let text = error.to_string();
        assert!(text.starts_with("cannot write /sys/fs/cgroup/x: "), "{text}");
    }
}
