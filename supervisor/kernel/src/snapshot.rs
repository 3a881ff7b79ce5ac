//! What can be learnt of a service from outside, without its help: evidence where a dump is impossible.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::cgroup::Group;
use crate::{Error, Pid, Result};

/// Bounds, so that a snapshot costs the same for every service.
const MOST_OF_A_FILE: u64 = 64 * 1024;
const MOST_MAPPINGS: usize = 65_536;
const MOST_THREADS: usize = 256;
const LARGEST: usize = 10;

/// Neither arguments nor environment: they may hold secrets.
const PROCESS_FILES: [&str; 5] = ["status", "limits", "oom_score_adj", "smaps_rollup", "io"];
const GROUP_FILES: [&str; 8] = [
    "memory.current",
    "memory.peak",
    "memory.high",
    "memory.max",
    "memory.stat",
    "memory.events",
    "memory.pressure",
    "cgroup.procs",
];

/// A snapshot that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
}

/// Writes all that a few bounded reads give of a process and its cgroup into a new file in `directory`, readable by its
/// owner only. What cannot be read is named with its reason. May block for up to 2 s while a throttled thread sleeps
/// in a page fault: not for the event loop.
pub fn snapshot(pid: Pid, group: Option<&Group>, directory: &Path) -> Result<Snapshot> {
    let path = directory.join(format!("snapshot-{pid}-{}.txt", crate::clock::monotonic_ns()));
    let failed = |e: io::Error| Error::new("write", &path, e);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
    let text = gather(pid, group);
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
    let bytes = text.len() as u64;
    Ok(Snapshot { path, bytes })
}

fn gather(pid: Pid, group: Option<&Group>) -> Vec<u8> {
    let mut text = Vec::new();
    let time = crate::clock::Rfc3339(crate::clock::wall());
    section(&mut text, "snapshot", Ok(format!("time {time}\npid {pid}\n").into_bytes()));
    // The cgroup first: it never blocks, whatever the process is doing.
    for name in GROUP_FILES {
        if let Some(group) = group {
            section(&mut text, name, bounded(&group.path().join(name)));
        }
    }
    let process = PathBuf::from(format!("/proc/{pid}"));
    section(&mut text, "threads", threads(&process.join("task")));
    for name in PROCESS_FILES {
        section(&mut text, name, bounded(&process.join(name)));
    }
    section(&mut text, "largest mappings", largest_mappings(&process.join("maps")));
    text
}

fn section(text: &mut Vec<u8>, name: &str, content: io::Result<Vec<u8>>) {
    text.extend(format!("== {name} ==\n").bytes());
    match content {
        Ok(content) => text.extend(content),
        Err(e) => text.extend(format!("not readable: {e}").bytes()),
    }
    if !text.ends_with(b"\n") {
        text.push(b'\n');
    }
}

fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(MOST_OF_A_FILE).read_to_end(&mut content)?;
    Ok(content)
}

/// Number, name, state and what it waits for, a line for each thread.
fn threads(tasks: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut count = 0_usize;
    for task in std::fs::read_dir(tasks)?.flatten() {
        count += 1;
        if count <= MOST_THREADS {
            let one = |name| bounded(&task.path().join(name)).map(|b| String::from_utf8_lossy(&b).trim().to_owned());
            let state = one("stat").ok().and_then(|stat| stat.rsplit_once(')')?.1.trim_start().chars().next());
            let (name, waits) = (one("comm").unwrap_or_default(), one("wchan").unwrap_or_default());
            let id = task.file_name();
            writeln!(text, "{} {name} {} {waits}", id.to_string_lossy(), state.unwrap_or('?'))?;
        }
    }
    writeln!(text, "count {count}")?;
    Ok(text)
}

fn largest_mappings(maps: &Path) -> io::Result<Vec<u8>> {
    let lines = BufReader::new(File::open(maps)?).lines().map_while(std::result::Result::ok);
    let mut mappings: Vec<_> = lines.take(MOST_MAPPINGS).filter_map(|line| Some((size(&line)?, line))).collect();
    mappings.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    let mut text = Vec::new();
    for (bytes, line) in mappings.iter().take(LARGEST) {
        writeln!(text, "{bytes} {line}")?;
    }
    writeln!(text, "count {}", mappings.len())?;
    Ok(text)
}

fn size(mapping: &str) -> Option<u64> {
    let (start, end) = mapping.split(' ').next()?.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    number(end)?.checked_sub(number(start)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_mapping_has_a_size() {
        assert_eq!(size("7f0000000000-7f0000200000 rw-p 00000000 00:00 0"), Some(0x20_0000));
        assert_eq!(size("nonsense"), None);
    }

    #[test]
    fn our_own_snapshot_is_whole_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let snapshot = snapshot(crate::process::own(), None, dir.path()).unwrap();
        let text = std::fs::read_to_string(&snapshot.path).unwrap();
        assert_eq!(text.len() as u64, snapshot.bytes);
        for part in ["== status ==\nName:", "== threads ==", "VmRSS", "== largest mappings =="] {
            assert!(text.contains(part), "{part} is missing");
        }
        let mode = std::fs::metadata(&snapshot.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let group = Group::open_unchecked(dir.path()).unwrap();
        std::fs::write(dir.path().join("memory.current"), "42\n").unwrap();
        let snapshot = snapshot(i32::MAX, Some(&group), dir.path()).unwrap();
        let text = std::fs::read_to_string(&snapshot.path).unwrap();
        assert!(text.contains("== memory.current ==\n42\n"), "{text}");
        assert!(text.contains("== smaps_rollup ==\nnot readable: No such file"), "{text}");
    }
}
