//! Where evidence is kept: `evidence/<incident>/`, readable by its owner only, the newest of each step.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use highwater_core::record::Evidence;

/// The directory of an incident, made if need be.
pub fn directory(evidence: &Path, incident: &str) -> io::Result<PathBuf> {
    let directory = evidence.join(incident);
    DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
    Ok(directory)
}

/// Verifies a finished file, and says what it will be when it has been moved in.
pub fn expected(from: &Path, to: &Path, took: Duration) -> Result<Evidence, String> {
    let metadata = fs::symlink_metadata(from).map_err(|error| format!("{}: {error}", from.display()))?;
    if !metadata.is_file() {
        return Err(format!("{} is not a regular file", from.display()));
    }
    if metadata.len() == 0 {
        return Err(format!("{} is empty", from.display()));
    }
    if is_full(from) {
        return Err(format!("the disk of {} is full: the dump is cut short", from.display()));
    }
    Ok(Evidence { path: to.display().to_string(), bytes: metadata.len(), took_ms: took.as_millis() as u64 })
}

/// Moves a verified file in. Blocks while it is copied, if the state directory is on another file system.
pub fn collect(from: &Path, to: &Path, took: Duration) -> Result<Evidence, String> {
    let said = |error: io::Error| format!("{}: {error}", from.display());
    move_file(from, to).map_err(|error| format!("{}: {error}; the dump stays at {}", to.display(), from.display()))?;
    fs::set_permissions(to, Permissions::from_mode(0o600)).map_err(said)?;
    verified(to, took)
}

/// A file that already is where it belongs.
pub fn verified(path: &Path, took: Duration) -> Result<Evidence, String> {
    let bytes = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?.len();
    Ok(Evidence { path: path.display().to_string(), bytes, took_ms: took.as_millis() as u64 })
}

/// Keeps so many of the newest files of a step over all incidents; the rest goes, and directories left empty with it.
pub fn prune(evidence: &Path, step: &str, keep: usize) -> io::Result<()> {
    let mut files = Vec::new();
    for incident in fs::read_dir(evidence)?.flatten().filter(|entry| entry.path().is_dir()) {
        files.extend(fs::read_dir(incident.path())?.flatten().filter_map(|entry| dated(&entry.path(), step)));
    }
    files.sort();
    let surplus = files.len().saturating_sub(keep.max(1));
    for (_, path) in files.drain(..surplus) {
        fs::remove_file(&path)?;
        // It only goes when it is empty.
        let _ = path.parent().map(fs::remove_dir);
    }
    Ok(())
}

/// A name for a file of that step which is not taken.
pub fn free_name(directory: &Path, step: &str, like: &Path) -> PathBuf {
    let name = like.file_name().unwrap_or_default().to_string_lossy();
    let mut path = directory.join(format!("{step}-{name}"));
    let mut number = 1;
    while path.exists() {
        number += 1;
        path = directory.join(format!("{step}-{number}-{name}"));
    }
    path
}

fn dated(path: &Path, step: &str) -> Option<(SystemTime, PathBuf)> {
    let name = path.file_name()?.to_string_lossy();
    let is_ours = name.strip_prefix(step).is_some_and(|rest| rest.starts_with('-'));
    let time = path.metadata().ok()?.modified().ok()?;
    is_ours.then(|| (time, path.to_path_buf()))
}

fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy_file(from, to),
        result => result,
    }
}

/// Under its own name a copy is complete; the original stays until then.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let partial = to.with_file_name(format!(".{name}.partial"));
    if let Err(error) = fs::copy(from, &partial).and_then(|_| fs::rename(&partial, to)) {
        let _ = fs::remove_file(&partial);
        return Err(error);
    }
    fs::remove_file(from)
}

/// Whether nothing more could be written beside that file.
fn is_full(path: &Path) -> bool {
    nix::sys::statvfs::statvfs(path).is_ok_and(|disk| disk.blocks_available() == 0 && disk.blocks() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_moved_in_under_its_step() {
        let root = tempfile::tempdir().unwrap();
        let incident = directory(&root.path().join("evidence"), "i-1").unwrap();
        for round in 0..2 {
            let dump = root.path().join("heap.bin");
            fs::write(&dump, [7; 10]).unwrap();
            let kept = free_name(&incident, "dump", &dump);
            let evidence = collect(&dump, &kept, Duration::from_millis(5)).unwrap();
            assert_eq!((evidence.bytes, evidence.took_ms), (10, 5));
            assert!(!dump.exists(), "round {round}");
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&incident), 0o700);
        assert_eq!(mode(&incident.join("dump-heap.bin")), 0o600);
        assert!(incident.join("dump-2-heap.bin").exists());
    }

    #[test]
    fn what_is_empty_or_no_file_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let empty = root.path().join("empty");
        fs::write(&empty, []).unwrap();
        assert!(expected(&empty, root.path(), Duration::ZERO).unwrap_err().contains("empty"));
        let link = root.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        assert!(expected(&link, root.path(), Duration::ZERO).unwrap_err().contains("regular"));
    }

    #[test]
    fn the_newest_are_kept() {
        let root = tempfile::tempdir().unwrap();
        let time = |second| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        for (number, incident) in ["i-1", "i-2", "i-3"].into_iter().enumerate() {
            let path = directory(root.path(), incident).unwrap().join("dump-heap");
            fs::write(&path, "x").unwrap();
            fs::File::options().write(true).open(&path).unwrap().set_modified(time(number as u64)).unwrap();
        }
        fs::write(root.path().join("i-2/other-heap"), "x").unwrap();
        prune(root.path(), "dump", 1).unwrap();
        assert!(!root.path().join("i-1").exists());
        assert!(root.path().join("i-2/other-heap").exists());
        assert!(root.path().join("i-3/dump-heap").exists());
    }
}
