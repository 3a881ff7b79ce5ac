//! Compressing a file in its place.

use std::fs::File;
use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::cache::{STRETCH, forget};
use crate::error::io_error;
use crate::names::COMPRESSED;
use crate::store::Incident;
use crate::{Error, Result};

/// Smaller files take one page of the disk either way.
const SMALLEST: u64 = 4 << 10;

/// Measured on a heap dump of a JVM, 160 MB: at 43 MB/s it leaves 31 %; level 6 leaves 24 % at 9 MB/s.
const LEVEL: u32 = 1;

/// How files begin that are compressed already: gzip, zstd, xz, bzip2, zip, lz4, PNG.
const COMPRESSED_ALREADY: [&[u8]; 7] =
    [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh", b"PK\x03\x04", b"\x04\x22\x4d\x18", b"\x89PNG"];

/// What the compressed file is called until it is complete.
const UNFINISHED: &str = ".gz.new";

/// Puts `NAME.gz` in the place of a file, and returns that name; `None` for what is small, compressed already or would
/// not become smaller. The file stays until the other is on disk. Takes 400 KiB of memory and as much of the disk as the
/// result, but leaves `min_free` bytes there.
pub fn compress(incident: &Incident, name: &str, min_free: u64) -> Result<Option<String>> {
    let directory = incident.directory();
    let file = directory.read(name)?;
    let before = file.metadata().map_err(io_error("look at", incident.path(name)))?;
    let compressed = format!("{name}{COMPRESSED}");
    if before.len() < SMALLEST || is_compressed(&file, incident, name)? || directory.has(&compressed) {
        return Ok(None);
    }
    let fresh = format!(".{name}{UNFINISHED}");
    let _ = directory.remove(&fresh);
    let result = write(incident, &file, &fresh, min_free).and_then(|is_smaller| {
        let after = directory.look(name)?;
        let is_same = u64::try_from(after.st_size) == Ok(before.len());
        if is_same { Ok(is_smaller) } else { Err(Error::refused(&incident.path(name), "is still being written")) }
    });
    if !matches!(result, Ok(true)) {
        let _ = directory.remove(&fresh);
        return result.map(|_| None);
    }
    // It is as old as what it holds, for those that keep the newest.
    let time = before.modified().and_then(|time| directory.read(&fresh).map_err(io::Error::other)?.set_modified(time));
    time.map_err(io_error("date", incident.path(&fresh)))?;
    directory.rename(&fresh, directory, &compressed)?;
    directory.sync()?;
    directory.remove(name)?;
    directory.sync()?;
    Ok(Some(compressed))
}

/// Removes what an earlier run that was killed left half done.
pub(super) fn clear_away(incident: &Incident) -> Result<()> {
    let names = incident.directory().names()?;
    let unfinished = names.iter().filter_map(|name| name.to_str());
    for name in unfinished.filter(|name| name.starts_with('.') && name.ends_with(UNFINISHED)) {
        incident.directory().remove(name)?;
    }
    Ok(())
}

fn is_compressed(file: &File, incident: &Incident, name: &str) -> Result<bool> {
    use std::os::unix::fs::FileExt;
    let mut start = [0; 8];
    file.read_at(&mut start, 0).map_err(io_error("read", incident.path(name)))?;
    Ok(COMPRESSED_ALREADY.iter().any(|magic| start.starts_with(magic)))
}

/// Writes the compressed file and puts it on disk; says whether it is smaller by more than a twentieth, and gives up as
/// soon as it turns out not to be.
fn write(incident: &Incident, mut file: &File, fresh: &str, min_free: u64) -> Result<bool> {
    let failed = |error: io::Error| io_error("write", incident.path(fresh))(error);
    let copy = incident.directory().create(fresh)?;
    let mut encoder = GzEncoder::new(io::BufWriter::with_capacity(64 << 10, &copy), Compression::new(LEVEL));
    let mut buffer = vec![0; 64 << 10];
    let mut done = 0;
    loop {
        leave_free(incident, min_free)?;
        let read = pump(&mut file, &mut encoder, &mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        forget(file, done, read);
        done += read;
        if !is_worth_it(&copy, done).map_err(failed)? {
            return Ok(false);
        }
    }
    encoder.finish().and_then(|writer| writer.into_inner().map_err(Into::into)).map_err(failed)?;
    copy.sync_all().map_err(failed)?;
    forget(&copy, 0, 0);
    is_worth_it(&copy, done).map_err(failed)
}

fn is_worth_it(copy: &File, done: u64) -> io::Result<bool> {
    Ok(copy.metadata()?.len() < done - done / 20)
}

/// Compresses one stretch.
fn pump(file: &mut impl Read, encoder: &mut impl Write, buffer: &mut [u8]) -> io::Result<u64> {
    let mut done = 0;
    while done < STRETCH {
        let read = file.read(buffer)?;
        if read == 0 {
            break;
        }
        encoder.write_all(&buffer[..read])?;
        done += read as u64;
    }
    Ok(done)
}

fn leave_free(incident: &Incident, min_free: u64) -> Result<()> {
    let free = incident.space()?.usable();
    if free >= min_free.saturating_add(STRETCH) {
        return Ok(());
    }
    let why = format!("is not compressed: {free} bytes are free on the disk, of which {min_free} must stay");
    Err(Error::refused(incident.directory().path(), why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use flate2::read::GzDecoder;
    use std::time::{Duration, SystemTime};

    fn with_file(content: &[u8]) -> (tempfile::TempDir, Incident) {
        let root = tempfile::tempdir().unwrap();
        let incident = Store::open(root.path()).unwrap().incident("i-1").unwrap();
        incident.create("dump").unwrap().write_all(content).unwrap();
        (root, incident)
    }

    /// As good as random.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 88_172_645_463_325_252_u64;
        let next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    #[test]
    fn what_is_compressed_is_the_same_and_as_old() {
        let content: Vec<u8> = (0..3_000_000_u32).map(|number| (number / 1000) as u8).collect();
        let (_root, incident) = with_file(&content);
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(7);
        incident.directory().read("dump").unwrap().set_modified(time).unwrap();
        assert_eq!(compress(&incident, "dump", 0).unwrap().as_deref(), Some("dump.gz"));
        assert_eq!(incident.files().unwrap(), ["dump.gz"]);
        let file = incident.directory().read("dump.gz").unwrap();
        assert_eq!(file.metadata().unwrap().modified().unwrap(), time);
        let mut read = Vec::new();
        GzDecoder::new(file).read_to_end(&mut read).unwrap();
        assert!(read == content);
    }

    #[test]
    fn what_would_not_become_smaller_stays() {
        let gzip = [b"\x1f\x8b".as_slice(), &[0; 10_000]].concat();
        for content in [noise(100_000), gzip, vec![0; 100]] {
            let (_root, incident) = with_file(&content);
            assert_eq!(compress(&incident, "dump", 0).unwrap(), None);
            assert_eq!(incident.directory().names().unwrap(), ["dump"]);
        }
    }

    #[test]
    fn a_full_disk_is_left_alone() {
        let (_root, incident) = with_file(&[0; 10_000]);
        let reason = compress(&incident, "dump", u64::MAX).unwrap_err().to_string();
        assert!(reason.contains("must stay"), "{reason}");
        assert_eq!(incident.directory().names().unwrap(), ["dump"]);
    }

    #[test]
    fn what_was_left_half_done_is_cleared_away() {
        let (_root, incident) = with_file(&[0; 10_000]);
        incident.create(".dump.gz.new").unwrap();
        clear_away(&incident).unwrap();
        assert_eq!(incident.directory().names().unwrap(), ["dump"]);
        assert_eq!(compress(&incident, "dump", 0).unwrap().as_deref(), Some("dump.gz"));
    }
}
