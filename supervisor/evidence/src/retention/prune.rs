//! Retention on the disk.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::SystemTime;

use super::{Kept, Limits, room_for, surplus};
use crate::error::io_error;
use crate::names;
use crate::store::Store;
use crate::{Error, Result};

/// A file that went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Where it was.
    pub path: PathBuf,
    /// What it took on disk.
    pub bytes: u64,
}

impl Store {
    /// Every file that is kept. What is still being made is left out.
    pub fn kept(&self) -> Result<Vec<Kept>> {
        Ok(self.dated()?.into_iter().map(|(_, kept)| kept).collect())
    }

    /// Has the bounds hold: call it after a capture.
    pub fn prune(&self, limits: Limits) -> Result<Vec<Removed>> {
        let files = self.kept()?;
        let gone = surplus(&files, limits, self.space()?.usable());
        self.remove(gone.iter().map(|index| &files[*index]))
    }

    /// Makes room for a capture of so many bytes, or says why it cannot be had: call it before a capture. If it is
    /// written on another file system first, see [`free_space`](crate::store::free_space) for that one as well.
    pub fn make_room(&self, bytes: u64, limits: Limits) -> Result<Vec<Removed>> {
        let files = self.kept()?;
        let gone = room_for(&files, limits, self.space()?.usable(), bytes);
        let gone = gone.map_err(|why| Error::NoRoom { why: why.to_string() })?;
        self.remove(gone.iter().map(|index| &files[*index]))
    }

    /// Keeps so many of the newest files of a step over all incidents, at least one; partial ones go first.
    pub fn keep_newest(&self, step: &str, keep: usize) -> Result<Vec<Removed>> {
        let mut files = self.dated()?;
        files.retain(|(_, file)| names::step_of(&file.name) == step && !names::is_record(&file.name));
        files.sort_by(|(time, file), (other_time, other)| {
            let is_whole = |file: &Kept| !names::is_partial(&file.name);
            let by_age = names::by_age(&file.incident).cmp(&names::by_age(&other.incident));
            is_whole(file).cmp(&is_whole(other)).then(by_age).then(time.cmp(other_time))
        });
        let going = files.len().saturating_sub(keep.max(1));
        self.remove(files[..going].iter().map(|(_, file)| file))
    }

    fn dated(&self) -> Result<Vec<(SystemTime, Kept)>> {
        let mut files = Vec::new();
        for incident in self.incidents()? {
            let of_incident = self.existing(&incident)?;
            for name in of_incident.files()? {
                let file = of_incident.directory().read(&name)?;
                let metadata = file.metadata().map_err(io_error("look at", of_incident.path(&name)))?;
                let time = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                files.push((time, Kept { incident: incident.clone(), name, bytes: metadata.blocks() * 512 }));
            }
        }
        Ok(files)
    }

    fn remove<'a>(&self, files: impl Iterator<Item = &'a Kept>) -> Result<Vec<Removed>> {
        let mut removed = Vec::new();
        for file in files {
            let incident = self.existing(&file.incident)?;
            incident.directory().remove(&file.name)?;
            removed.push(Removed { path: incident.path(&file.name), bytes: file.bytes });
            // It only goes when it is empty.
            let _ = self.root().remove_directory(&file.incident);
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Write;
    use std::path::Path;
    use std::time::Duration;

    fn put(store: &Store, incident: &str, name: &str, bytes: usize) {
        let incident = store.incident(incident).unwrap();
        incident.create(name).unwrap().write_all(&vec![7; bytes]).unwrap();
        incident.keep(name).unwrap();
    }

    fn there(store: &Store) -> Vec<String> {
        store.kept().unwrap().iter().map(|file| format!("{}/{}", file.incident, file.name)).collect()
    }

    fn store(root: &Path) -> Store {
        Store::open(&root.join("evidence")).unwrap()
    }

    #[test]
    fn the_newest_of_a_step_are_kept() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        for (incident, second) in [("i-9", 1), ("i-10", 2), ("i-11", 3)] {
            put(&store, incident, "dump_heap", 1);
            let file = File::open(root.path().join("evidence").join(incident).join("dump_heap")).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(second)).unwrap();
        }
        put(&store, "i-10", "dump-heap_1", 1);
        put(&store, "i-11", "dump_more.partial", 1);
        let removed = store.keep_newest("dump", 1).unwrap();
        assert_eq!(removed.len(), 3);
        assert_eq!(there(&store), ["i-10/dump-heap_1", "i-11/dump_heap"]);
        assert!(!root.path().join("evidence/i-9").exists());
    }

    #[test]
    fn the_bounds_are_made_to_hold() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        for incident in ["i-1", "i-2"] {
            put(&store, incident, "dump-small", 10_000);
            put(&store, incident, "dump-large", 100_000);
            put(&store, incident, "incident.json", 100);
        }
        let limits = Limits { max_bytes: Some(150_000), ..Limits::default() };
        store.prune(limits).unwrap();
        assert_eq!(there(&store), ["i-1/incident.json", "i-2/dump-large", "i-2/dump-small", "i-2/incident.json"]);
        let reason = store.make_room(200_000, limits).unwrap_err().to_string();
        assert!(reason.contains("may take 0.1 MiB"), "{reason}");
        assert_eq!(store.make_room(135_000, limits).unwrap().len(), 1);
        store.prune(Limits { max_count: Some(1), ..Limits::default() }).unwrap();
        assert_eq!(there(&store), ["i-2/dump-large", "i-2/incident.json"]);
        let reason = store.make_room(1, Limits { min_free: u64::MAX, ..Limits::default() }).unwrap_err().to_string();
        assert!(reason.contains("must stay"), "{reason}");
    }

    #[test]
    fn strange_things_among_the_evidence_are_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let store = store(root.path());
        let evidence = root.path().join("evidence");
        std::fs::write(evidence.join("file"), "x").unwrap();
        std::os::unix::fs::symlink("/etc", evidence.join("link")).unwrap();
        put(&store, "i-1", "dump", 10);
        std::os::unix::fs::symlink("/etc/passwd", evidence.join("i-1/passwd")).unwrap();
        std::fs::create_dir(evidence.join("i-1/.dump-0")).unwrap();
        assert_eq!(there(&store), ["i-1/dump"]);
    }
}
