//! `highwater install`: copies this program to where another container can start it. An image with nothing else in it has
//! no `cp`.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Copies the program that runs. Whoever starts the copy finds a whole one, or none.
pub fn install(to: &Path) -> ExitCode {
    match copy("/proc/self/exe".as_ref(), to) {
        Ok(bytes) => {
            println!("{}: {bytes} bytes", to.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("highwater: {}: {error}", to.display());
            ExitCode::from(125)
        }
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<u64> {
    let mut name = to.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_os_string();
    name.push(".new");
    let new: PathBuf = to.with_file_name(name);
    let copied = fs::copy(from, &new).and_then(|bytes| {
        fs::set_permissions(&new, Permissions::from_mode(0o755))?;
        fs::rename(&new, to).map(|()| bytes)
    });
    if copied.is_err() {
        let _ = fs::remove_file(&new);
    }
    copied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_can_be_started_and_replaces_one_that_is_there() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        fs::write(&from, "#!/bin/sh\nexit 7\n").unwrap();
        fs::write(&to, "old").unwrap();
        assert_eq!(copy(&from, &to).unwrap(), 17);
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn a_directory_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let taken = place.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(copy("/proc/self/exe".as_ref(), &taken).is_err());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "nothing else is left");
        assert!(copy("/proc/self/exe".as_ref(), "/".as_ref()).is_err());
    }
}
