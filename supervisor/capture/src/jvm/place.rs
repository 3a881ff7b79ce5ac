//! Where a JVM can put a heap dump.

use std::path::{Path, PathBuf};

use super::{Error, Jvm};

/// In this order: `/tmp` is more often a tmpfs, whose files are charged to the service like its heap.
const PLACES: [&str; 2] = ["/var/tmp", "/tmp"];

impl Jvm {
    /// A directory as the JVM sees it that takes a file of this size: on a disk, with room, writable for the JVM's user. It
    /// may still fail to be written to, because of a quota or an access list: then the JVM says so.
    ///
    /// An overlay may lie in memory without anybody being able to tell.
    pub fn place_for_dump(&self, bytes: u64) -> Result<PathBuf, Error> {
        let mut reasons = Vec::new();
        for place in PLACES {
            match self.objection(Path::new(place), bytes) {
                None => return Ok(place.into()),
                Some(objection) => reasons.push(format!("{place}: {objection}")),
            }
        }
        Err(Error::NoPlace { why: reasons.join("; ") })
    }

    fn objection(&self, place: &Path, bytes: u64) -> Option<String> {
        let directory = match self.root.directory(place) {
            Ok(directory) => directory,
            Err(error) => return Some(error.source.to_string()),
        };
        let (uid, gid) = (self.identity.uid, self.identity.gid);
        match (directory.room(), directory.is_writable_by(uid, gid)) {
            (Err(error), _) | (_, Err(error)) => Some(error.source.to_string()),
            (_, Ok(false)) => Some(format!("user {uid} may not write there")),
            (Ok(room), _) if room.is_memory => Some("it lies in memory, which is what is short".into()),
            (Ok(room), _) if room.free < bytes => {
                Some(format!("{} MiB are free, and {} are needed", room.free >> 20, bytes >> 20))
            }
            (Ok(_), Ok(true)) => None,
        }
    }
}
