//! The files of a series.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::series::entry;
use crate::series::{Entry, SeriesError};

/// What is being written is called so until it is whole.
const PARTIAL: &str = "partial";

/// What there is, the oldest first; the directory is made if there is none. What was not written to its end is removed.
pub(super) fn open(directory: &Path) -> Result<Vec<Entry>, SeriesError> {
    let io = |error| SeriesError::Io(directory.to_owned(), error);
    // Profiles tell about users.
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(io)?;
    let mut entries = Vec::new();
    for file in fs::read_dir(directory).map_err(io)? {
        let path = file.map_err(io)?.path();
        if path.extension().is_some_and(|extension| extension == PARTIAL) {
            remove(&path)?;
        }
        entries.extend(look_at(&path));
    }
    // Where one is there in both forms, the power failed as it was made whole.
    entries.sort_by_key(|entry: &Entry| (entry.number, !entry.whole));
    entries.dedup_by_key(|entry| entry.number);
    Ok(entries)
}

/// Writes a file so that it is there as a whole or not at all, also after a loss of power.
pub(super) fn write(directory: &Path, path: &Path, bytes: &[u8]) -> Result<(), SeriesError> {
    let partial = path.with_extension(PARTIAL);
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| SeriesError::Io(path, error)
    };
    write_synced(&partial, bytes).map_err(io(&partial))?;
    fs::rename(&partial, path).map_err(io(path))?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(io(directory))
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), SeriesError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SeriesError::Io(path.to_owned(), error)),
        _ => Ok(()),
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// What a file is, by its name and its first bytes; none for what is no profile of a series, or one that is damaged there.
fn look_at(path: &PathBuf) -> Option<Entry> {
    let (number, whole) = entry::parse_name(path.file_name()?.to_str()?)?;
    let metadata = path.symlink_metadata().ok().filter(fs::Metadata::is_file)?;
    let mut header = Vec::new();
    File::open(path).ok()?.take(entry::HEADER as u64).read_to_end(&mut header).ok()?;
    Some(Entry { number, unix_ms: entry::unix_ms(&header)?, stored: metadata.len(), whole })
}
