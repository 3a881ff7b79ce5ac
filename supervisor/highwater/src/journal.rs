//! The journal: one JSON object a line, on disk before anything else happens.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use highwater_core::record::{Event, Record};
use highwater_kernel::clock::{self, Rfc3339};
use serde::Serialize;

/// The journal file of one supervisor.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    name: String,
    lost: u64,
    is_torn: bool,
}

/// A record as it is written. The order of the fields is that of the contract.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    mono_ns: u64,
    #[serde(flatten)]
    event: &'a Event,
    name: &'a str,
    generation: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<&'a str>,
}

impl Journal {
    /// Opens or creates `journal.jsonl` in the state directory.
    pub fn open(state_dir: &Path, name: &str) -> io::Result<Self> {
        let path = state_dir.join("journal.jsonl");
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(&path)?;
        let is_torn = is_torn(&file)?;
        Ok(Self { path, file, name: name.into(), lost: 0, is_torn })
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a record and returns its line without the end. A full disk does not stop the ladder: what could not be
    /// written is counted, and the count is said with the next line that can be.
    pub fn append(&mut self, record: &Record) -> String {
        let line = self.line(record);
        let mut text = String::with_capacity(line.len() + 2);
        if self.is_torn {
            text.push('\n');
        }
        text.push_str(&line);
        text.push('\n');
        match self.file.write(text.as_bytes()) {
            Ok(written) if written == text.len() => self.caught_up(),
            Ok(written) => {
                self.is_torn |= self.take_back(written).is_err();
                self.failed(&io::ErrorKind::StorageFull.into());
            }
            Err(error) => self.failed(&error),
        }
        line
    }

    fn line(&self, record: &Record) -> String {
        let line = Line {
            time: Rfc3339(clock::wall()).to_string(),
            mono_ns: record.at.nanos(),
            event: &record.event,
            name: &self.name,
            generation: record.generation,
            incident: record.incident.as_deref(),
        };
        serde_json::to_string(&line).expect("records are plain data with text keys")
    }

    fn caught_up(&mut self) {
        self.is_torn = false;
        let lost = std::mem::take(&mut self.lost);
        if lost > 0 {
            tracing::warn!("{}: writable again; {lost} records are only in this log", self.path.display());
        }
    }

    /// Cuts off the part of a line that still fitted on a full disk: readers expect whole ones.
    fn take_back(&self, written: usize) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        self.file.set_len(length.saturating_sub(written as u64))
    }

    fn failed(&mut self, error: &io::Error) {
        self.lost += 1;
        tracing::error!("{}: {error}; {} records lost so far", self.path.display(), self.lost);
    }
}

/// Whether the last line has no end: a predecessor was cut off while it wrote.
fn is_torn(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::FileExt;
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if length > 0 {
        file.read_exact_at(&mut last, length - 1)?;
    }
    Ok(last != [b'\n'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_core::time::Instant;

    fn notice(text: &str) -> Record {
        let event = Event::Notice { reason: text.into() };
        Record { at: Instant::from_nanos(7), generation: 1, incident: Some("i-1".into()), event }
    }

    fn lines(directory: &Path) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(directory.join("journal.jsonl")).unwrap();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    #[test]
    fn a_record_has_the_fields_of_the_contract() {
        let directory = tempfile::tempdir().unwrap();
        Journal::open(directory.path(), "web").unwrap().append(&notice("hello"));
        let line = &lines(directory.path())[0];
        assert_eq!(line["event"], "supervisor.notice");
        assert_eq!((&line["name"], &line["mono_ns"]), (&"web".into(), &7.into()));
        assert_eq!((&line["generation"], &line["incident"]), (&1.into(), &"i-1".into()));
        assert!(line["time"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn a_torn_last_line_does_not_spoil_the_next() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("journal.jsonl"), "{\"event\":\"cut o").unwrap();
        Journal::open(directory.path(), "web").unwrap().append(&notice("whole"));
        assert_eq!(lines(directory.path()).len(), 1);
    }

    #[test]
    fn a_full_disk_is_survived() {
        let mut journal = Journal {
            path: "/dev/full".into(),
            file: OpenOptions::new().append(true).open("/dev/full").unwrap(),
            name: "web".into(),
            lost: 0,
            is_torn: false,
        };
        journal.append(&notice("lost"));
        journal.append(&notice("lost too"));
        assert_eq!(journal.lost, 2);
    }
}
