//! What a supervisor that was killed left half done.

use crate::Result;
use crate::error::io_error;
use crate::names;
use crate::store::Store;

impl Store {
    /// Removes the directories in which commands were working on a capture when their supervisor died, and returns how
    /// many there were. Call it before the first capture.
    pub fn tidy(&self) -> Result<usize> {
        let mut removed = 0;
        for incident in self.incidents()? {
            let incident = self.existing(&incident)?;
            let names = incident.directory().names()?;
            for name in names.iter().filter_map(|name| name.to_str()).filter(|name| names::is_ours(name)) {
                // Of a file, and of a link, there is no directory to open.
                if incident.directory().inside(name).is_ok() {
                    let path = incident.path(name);
                    std::fs::remove_dir_all(&path).map_err(io_error("remove", path))?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn places_of_work_go_and_evidence_stays() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let incident = store.incident("i-1").unwrap();
        fs::write(incident.path("dump_heap"), "x").unwrap();
        fs::write(incident.path(".dump_heap.gz.new"), "x").unwrap();
        fs::create_dir(incident.path("theirs")).unwrap();
        fs::create_dir_all(incident.path(".dump-0/below")).unwrap();
        fs::write(incident.path(".dump-0/core.7"), "x").unwrap();
        std::os::unix::fs::symlink("theirs", incident.path(".link")).unwrap();
        assert_eq!(store.tidy().unwrap(), 1);
        assert!(!incident.path(".dump-0").exists());
        assert_eq!(incident.directory().names().unwrap().len(), 4);
        assert_eq!(store.tidy().unwrap(), 0);
    }
}
