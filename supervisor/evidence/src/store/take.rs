//! Taking a file in: by its name where that is possible, by copy where it is not.

use std::fs::{File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::{Offered, space};
use crate::cache::{STRETCH, forget};
use crate::directory::Directory;
use crate::error::io_error;
use crate::{Error, Result};

/// Moves or copies a file into a directory of ours, under a name that is free, and puts it on disk.
pub(super) fn take(offered: &Offered, into: &Directory, name: &str) -> Result<()> {
    let said = |error: Error| match error {
        Error::Io { tried, path, source } => {
            let stays = format!("{source}; the dump stays at {}", offered.path().display());
            Error::Io { tried, path, source: io::Error::new(source.kind(), stays) }
        }
        other => other,
    };
    let moved = if is_ours(&offered.file) { move_in(offered, into, name) } else { Ok(false) };
    match moved {
        Ok(true) => Ok(()),
        Ok(false) => copy_in(offered, into, name),
        Err(error) => Err(error),
    }
    .map_err(said)
}

/// Whether its mode can be changed: by its owner and by root.
fn is_ours(file: &File) -> bool {
    let me = nix::unistd::geteuid();
    me.is_root() || file.metadata().is_ok_and(|metadata| metadata.uid() == me.as_raw())
}

/// Moves it within a file system; `false` if it is on another.
fn move_in(offered: &Offered, into: &Directory, name: &str) -> Result<bool> {
    let (file, path) = (&offered.file, offered.path());
    file.sync_all().map_err(io_error("sync", &path))?;
    match offered.directory.rename(&offered.name, into, name) {
        Err(error) if error.kind() == Some(io::ErrorKind::CrossesDevices) => return Ok(false),
        result => result?,
    }
    if !offered.is_at(into, name) {
        let _ = into.rename(name, &offered.directory, &offered.name);
        return Err(Error::refused(&path, "became another file while it was taken in"));
    }
    file.set_permissions(Permissions::from_mode(0o600)).map_err(io_error("close to others", into.path().join(name)))?;
    forget(file, 0, 0);
    into.sync_deep()?;
    Ok(true)
}

/// Copies it. Under its own name a copy is complete and on disk; the original stays until then.
fn copy_in(offered: &Offered, into: &Directory, name: &str) -> Result<()> {
    let room = space::of(into, into.path())?.usable();
    if offered.bytes > room {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        return Err(io_error("copy a file to", into.path().join(name))(full));
    }
    let fresh = format!(".{name}.new");
    let _ = into.remove(&fresh);
    let copied = copy(offered, into, &fresh).and_then(|()| into.rename(&fresh, into, name));
    if let Err(error) = copied {
        let _ = into.remove(&fresh);
        return Err(error);
    }
    into.sync_deep()?;
    if offered.is_at(&offered.directory, &offered.name) {
        offered.directory.remove(&offered.name)?;
    }
    Ok(())
}

/// As much as it had when it was looked at: one that grows for ever is not copied for ever. After each stretch its pages
/// and those of the copy are given back.
fn copy(offered: &Offered, into: &Directory, fresh: &str) -> Result<()> {
    let failed = |error: io::Error| io_error("copy a file to", into.path().join(fresh))(error);
    let mut copy = into.create(fresh)?;
    let mut done = 0;
    while done < offered.bytes {
        let stretch = STRETCH.min(offered.bytes - done);
        let written = io::copy(&mut (&offered.file).take(stretch), &mut copy).map_err(failed)?;
        if written == 0 {
            return Err(Error::refused(&offered.path(), "became shorter while it was copied"));
        }
        copy.sync_data().map_err(failed)?;
        forget(&offered.file, done, written);
        forget(&copy, done, written);
        done += written;
    }
    copy.sync_all().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::*;
    use crate::cache::cached_bytes;
    use std::fs;
    use std::os::unix::fs::FileExt;
    use std::path::{Path, PathBuf};

    /// A file system in memory.
    const ELSEWHERE: &str = "/dev/shm";

    /// A directory on a disk: where this test was built, as temporary directories may be in memory.
    fn on_disk() -> tempfile::TempDir {
        tempfile::tempdir_in(std::env::current_exe().unwrap().parent().unwrap()).unwrap()
    }

    struct Place {
        _temporary: [tempfile::TempDir; 2],
        store: Store,
        root: PathBuf,
        away: PathBuf,
    }

    fn place() -> Place {
        let here = on_disk();
        let away = tempfile::tempdir_in(ELSEWHERE).unwrap();
        let (root, path) = (here.path().to_path_buf(), away.path().to_path_buf());
        assert_ne!(fs::metadata(&root).unwrap().dev(), fs::metadata(&path).unwrap().dev());
        Place { store: Store::open(&root.join("evidence")).unwrap(), _temporary: [here, away], root, away: path }
    }

    fn offered(path: &Path) -> Offered {
        Offered::open(path, &[nix::unistd::geteuid().as_raw()]).unwrap()
    }

    #[test]
    fn a_dump_is_moved_in_under_its_step() {
        let place = place();
        let incident = place.store.incident("i-1").unwrap();
        for from in [&place.root, &place.away, &place.root] {
            let dump = from.join("heap.bin");
            fs::write(&dump, [7; 10]).unwrap();
            let name = incident.free_name("dump", &dump);
            let piece = incident.take(&offered(&dump), &name).unwrap();
            assert_eq!((piece.bytes, piece.complete), (10, true));
            assert!(!dump.exists());
        }
        assert_eq!(incident.files().unwrap(), ["dump_2_heap.bin", "dump_3_heap.bin", "dump_heap.bin"]);
        for name in incident.files().unwrap() {
            assert_eq!(fs::metadata(incident.path(&name)).unwrap().mode() & 0o7777, 0o600);
        }
    }

    #[test]
    fn a_long_copy_is_the_same_and_leaves_no_pages_behind() {
        let place = place();
        let incident = place.store.incident("i-1").unwrap();
        let dump = place.away.join("heap");
        let file = File::create(&dump).unwrap();
        for stretch in 0..3_u8 {
            file.write_all_at(&[stretch + 1; 1000], u64::from(stretch) * STRETCH).unwrap();
        }
        let piece = incident.take(&offered(&dump), "dump-heap").unwrap();
        assert_eq!(piece.bytes, 2 * STRETCH + 1000);
        assert_eq!(cached_bytes(&piece.path), 0);
        let copy = File::open(&piece.path).unwrap();
        for stretch in 0..3_u8 {
            let mut read = [0; 1000];
            copy.read_exact_at(&mut read, u64::from(stretch) * STRETCH).unwrap();
            assert_eq!(read, [stretch + 1; 1000]);
        }
    }

    #[test]
    fn a_dump_that_is_moved_leaves_no_pages_behind() {
        let place = place();
        let dump = place.root.join("heap");
        fs::write(&dump, vec![1; 1 << 20]).unwrap();
        assert!(cached_bytes(&dump) > 0);
        let piece = place.store.incident("i-1").unwrap().take(&offered(&dump), "dump-heap").unwrap();
        assert_eq!(cached_bytes(&piece.path), 0);
    }

    #[test]
    fn what_is_not_finished_is_called_partial() {
        let place = place();
        let incident = place.store.incident("i-1").unwrap();
        let dump = place.away.join("heap.hprof");
        fs::write(&dump, "half").unwrap();
        let taken = Offered::open_partial(&dump, &[nix::unistd::geteuid().as_raw()]).unwrap();
        let piece = incident.take_partial(&taken, "dump_heap.hprof").unwrap();
        assert_eq!((piece.complete, piece.bytes), (false, 4));
        assert!(piece.path.ends_with("i-1/dump_heap.hprof.partial"));
        assert_eq!(incident.free_name("dump", Path::new("heap.hprof")), "dump_2_heap.hprof");
    }

    #[test]
    fn a_file_that_changed_places_is_not_taken() {
        let place = place();
        let incident = place.store.incident("i-1").unwrap();
        for from in [&place.root, &place.away] {
            let dump = from.join("heap");
            fs::write(&dump, "ours").unwrap();
            let seen = offered(&dump);
            fs::rename(&dump, from.join("aside")).unwrap();
            fs::write(&dump, "another").unwrap();
            let taken = incident.take(&seen, &format!("dump-{}", from == &place.away));
            // A copy is of the file that was opened; what now has its name is left alone.
            assert_eq!(taken.is_ok(), from == &place.away);
            assert_eq!(fs::read(&dump).unwrap(), b"another");
        }
    }

    #[test]
    fn one_that_does_not_fit_stays_and_one_that_shrinks_is_refused() {
        let place = place();
        let incident = place.store.incident("i-1").unwrap();
        let dump = place.away.join("heap");
        fs::write(&dump, "x").unwrap();
        let mut seen = offered(&dump);
        seen.bytes = u64::MAX;
        let reason = incident.take(&seen, "dump-heap").unwrap_err().to_string();
        assert!(reason.contains("stays at") && reason.contains("heap"), "{reason}");
        seen.bytes = 5;
        assert!(incident.take(&seen, "dump-heap").unwrap_err().to_string().contains("shorter"));
        assert_eq!(incident.directory().names().unwrap().len(), 0);
        assert!(dump.exists());
    }
}
