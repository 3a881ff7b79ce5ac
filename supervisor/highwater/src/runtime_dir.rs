//! The runtime directory: the sockets of one supervisor, gone with it.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::run::state_dir::ours;

/// Nobody else lists or changes it. Others may pass through, since the service may run as another user and must reach
/// what is there for it; every file has a mode of its own.
const MODE: u32 = 0o711;

/// The runtime directory of one supervisor. As long as this lives, no other one takes the same.
#[derive(Debug)]
pub struct RuntimeDir {
    path: PathBuf,
    /// Locked.
    directory: File,
}

impl RuntimeDir {
    /// Takes the first place that can be made, is ours, and is not another supervisor's.
    pub fn take(name: &str, state_dir: &Path) -> io::Result<Self> {
        let mut result = Err(io::ErrorKind::NotFound.into());
        for place in places(name).into_iter().chain([state_dir.into()]) {
            result = Self::take_place(place);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it that is short enough for the address of a socket, in this process only.
    pub fn short(&self, file: &str) -> PathBuf {
        format!("/proc/self/fd/{}/{file}", self.directory.as_raw_fd()).into()
    }

    fn take_place(path: PathBuf) -> io::Result<Self> {
        let with_path = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        make(&path).map_err(with_path)?;
        let directory = File::open(&path).map_err(with_path)?;
        directory.try_lock().map_err(|error| with_path(error.into()))?;
        let (locked, named) = (directory.metadata()?, path.metadata().map_err(with_path)?);
        let is_removed = (locked.dev(), locked.ino()) != (named.dev(), named.ino());
        if is_removed || locked.uid() != nix::unistd::geteuid().as_raw() {
            return Err(with_path(io::ErrorKind::PermissionDenied.into()));
        }
        Ok(Self { path, directory })
    }
}

impl Drop for RuntimeDir {
    /// Removes it where nothing is left in it.
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.path);
    }
}

/// Where the runtime directory of a supervisor of that name may be, the first choice first; after these, its state
/// directory.
pub fn places(name: &str) -> Vec<PathBuf> {
    let given = |variable: &str| std::env::var(variable).ok().filter(|value| !value.is_empty());
    let by_systemd = given("RUNTIME_DIRECTORY").map(|directories| ours(&directories).into());
    by_systemd.into_iter().chain(roots().into_iter().map(|root| root.join(name))).collect()
}

/// The directories that have one directory for each supervisor of this machine, or of this user.
pub fn roots() -> Vec<PathBuf> {
    let of_user = std::env::var_os("XDG_RUNTIME_DIR").filter(|value| !value.is_empty()).map(PathBuf::from);
    std::iter::once("/run".into()).chain(of_user).map(|root| root.join("highwater")).collect()
}

/// Makes the directory where there is none. The one above is for the supervisors of everybody.
fn make(path: &Path) -> io::Result<()> {
    if let Some(root) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(root)?;
    }
    match DirBuilder::new().mode(MODE).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_place_belongs_to_one_supervisor_as_long_as_it_lives() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("highwater/web");
        let first = RuntimeDir::take_place(place.clone()).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&place), mode(place.parent().unwrap())), (0o711, 0o755));
        let second = RuntimeDir::take_place(place.clone()).unwrap_err();
        assert!(second.to_string().starts_with(&*place.to_string_lossy()), "{second}");
        drop(first);
        RuntimeDir::take_place(place).unwrap();
    }

    #[test]
    fn a_file_has_a_path_that_fits_an_address() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("long".repeat(40));
        let taken = RuntimeDir::take_place(place.clone()).unwrap();
        std::os::unix::net::UnixListener::bind(place.join("control.sock")).unwrap_err();
        std::os::unix::net::UnixListener::bind(taken.short("control.sock")).unwrap();
        assert!(place.join("control.sock").exists());
    }

    #[test]
    fn what_cannot_be_a_directory_is_not_taken() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("file"), "").unwrap();
        RuntimeDir::take_place(root.path().join("file/web")).unwrap_err();
    }
}
