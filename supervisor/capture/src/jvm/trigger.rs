//! The file that asks a JVM to listen; it is gone again in every case.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::PathBuf;

use highwater_kernel::process::{Directory, Identity, own};

use super::{Error, Jvm};

/// The file, removed on drop if it was made here.
pub(super) struct Trigger {
    path: PathBuf,
    is_ours: bool,
    _directory: Option<Directory>,
}

impl Trigger {
    /// Makes the file where the JVM looks for it: first in its working directory, then in `/tmp`. It trusts the file if it
    /// belongs to its own user (a JVM 8 does not trust root).
    pub(super) fn make(jvm: &Jvm) -> Result<Self, Error> {
        let name = format!(".attach_pid{}", jvm.identity.own_pid);
        let working = match Directory::working(jvm.pid()) {
            Ok(directory) => match create(&directory, &name, jvm.identity) {
                Ok(is_ours) => {
                    return Ok(Self { path: directory.entry(&name), is_ours, _directory: Some(directory) });
                }
                Err(Failure::Foreign(uid)) => return Err(foreign(&directory, &name, uid)),
                Err(Failure::Refused(error)) => format!("cannot create {}/{name}: {error}", directory.path().display()),
            },
            Err(error) => error.to_string(),
        };
        match create(&jvm.temporary, &name, jvm.identity) {
            Ok(is_ours) => Ok(Self { path: jvm.temporary.entry(&name), is_ours, _directory: None }),
            Err(Failure::Foreign(uid)) => Err(foreign(&jvm.temporary, &name, uid)),
            Err(Failure::Refused(error)) => {
                let temporary = format!("cannot create {}/{name}: {error}", jvm.temporary.path().display());
                Err(Error::NoTrigger { working, temporary })
            }
        }
    }
}

impl Drop for Trigger {
    fn drop(&mut self) {
        if self.is_ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

enum Failure {
    /// There is one, of this user, whom the JVM does not trust.
    Foreign(u32),
    Refused(io::Error),
}

/// Whether it was made here: one that is there and trusted, left by somebody who was killed or being used by somebody now,
/// is as good.
fn create(directory: &Directory, name: &str, identity: Identity) -> Result<bool, Failure> {
    let path = directory.entry(name);
    let file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let owner = fs::symlink_metadata(&path).map_err(Failure::Refused)?.uid();
            return if owner == identity.uid || owner == 0 { Ok(false) } else { Err(Failure::Foreign(owner)) };
        }
        Err(error) => return Err(Failure::Refused(error)),
    };
    let is_its_own = Identity::of(own()).is_ok_and(|us| us.uid == identity.uid);
    if is_its_own {
        return Ok(true);
    }
    fchown(&file, Some(identity.uid), Some(identity.gid)).map(|()| true).map_err(|error| {
        let _ = fs::remove_file(&path);
        Failure::Refused(error)
    })
}

fn foreign(directory: &Directory, name: &str, uid: u32) -> Error {
    Error::ForeignTrigger { path: directory.path().join(name), uid }
}
