//! Who still writes a file: a dump is complete when nobody does.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::entry;
use crate::{Error, Kind, Pid, Result, file};

/// Whether one of the processes has the file open for writing. Told by the file itself, not its name. Processes that have
/// ended are passed over; one that may not be looked into is an error.
pub fn is_open_for_write(pids: &[Pid], path: &Path) -> Result<bool> {
    let wanted = std::fs::metadata(path).map_err(|e| Error::new("examine", path, e))?;
    let identity = (wanted.dev(), wanted.ino());
    for pid in pids {
        match has_open(*pid, identity) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(e) if matches!(e.kind(), Kind::NotFound | Kind::NoProcess) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(false)
}

fn has_open(pid: Pid, identity: (u64, u64)) -> Result<bool> {
    let directory = entry(pid, "fd");
    let listing = std::fs::read_dir(&directory).map_err(|e| Error::new("list", &directory, e))?;
    for descriptor in listing.flatten() {
        let same = std::fs::metadata(descriptor.path()).is_ok_and(|file| (file.dev(), file.ino()) == identity);
        if same && is_writing(pid, &descriptor.file_name().to_string_lossy()) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_writing(pid: Pid, descriptor: &str) -> bool {
    let info = file::read(entry(pid, &format!("fdinfo/{descriptor}")));
    // Closed between the two looks: then it is not writing.
    info.is_ok_and(|info| parse_flags(&info).is_some_and(|flags| flags & libc::O_ACCMODE != libc::O_RDONLY))
}

fn parse_flags(info: &str) -> Option<i32> {
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    i32::from_str_radix(flags.trim(), 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn the_flags_are_octal() {
        assert_eq!(parse_flags("pos:\t0\nflags:\t0100001\nmnt_id:\t29\n"), Some(0o100_001));
        assert_eq!(parse_flags("pos:\t0\n"), None);
    }

    #[test]
    fn a_writer_is_seen_until_it_closes_and_a_reader_never() {
        let me = [crate::process::own()];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dump");
        let writer = File::create(&path).unwrap();
        assert!(is_open_for_write(&me, &path).unwrap());
        drop(writer);
        let _reader = File::open(&path).unwrap();
        assert!(!is_open_for_write(&me, &path).unwrap());
        assert!(!is_open_for_write(&[i32::MAX], &path).unwrap(), "no such process");
    }

    #[test]
    fn another_name_of_the_same_file_is_the_same_file() {
        let me = [crate::process::own()];
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        let _writer = File::create(&one).unwrap();
        std::fs::hard_link(&one, &two).unwrap();
        assert!(is_open_for_write(&me, &two).unwrap());
    }
}
