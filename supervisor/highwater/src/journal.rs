//! The journal: one JSON object a line, written before anything else happens, and bounded in size.

mod disk;
mod recover;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use highwater_core::record::{Event, Record};
use highwater_kernel::clock::{self, Rfc3339};
use serde::Serialize;

pub use disk::Disk;
use recover::recover;

/// Less than that is no journal: a few incidents must fit.
const LEAST: u64 = 64 << 10;

/// The journal file of one supervisor.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Arc<File>,
    name: String,
    /// Bytes of it and of the one before it.
    most: u64,
    disk: Option<Disk>,
    lost: u64,
    is_torn: bool,
    recovered: Option<String>,
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
    /// Opens or creates `journal.jsonl` in the state directory. What a loss of power left of its last lines is taken out.
    pub fn open(state_dir: &Path, name: &str) -> io::Result<Self> {
        let path = state_dir.join("journal.jsonl");
        let file = open(&path)?;
        let recovered = recover(&file)?;
        Ok(Self {
            path,
            file: Arc::new(file),
            name: name.into(),
            most: u64::MAX,
            disk: None,
            lost: 0,
            is_torn: false,
            recovered,
        })
    }

    /// Says what was taken out, once.
    pub fn recovered(&mut self) -> Option<String> {
        self.recovered.take()
    }

    /// From now on what must outlive the loss of power is put on disk at once, by a thread.
    pub fn keep_on_disk(&mut self) -> io::Result<()> {
        self.disk = Some(Disk::start()?);
        Ok(())
    }

    /// What puts files on disk, for others that must outlive the loss of power.
    pub fn disk(&self) -> Option<Disk> {
        self.disk.clone()
    }

    /// Puts all of it on disk, and waits for that.
    pub fn close(&self) {
        if let Err(error) = self.file.sync_data() {
            tracing::warn!("{}: {error}", self.path.display());
        }
    }

    /// It and the one before it are to take no more than that.
    pub fn limit(&mut self, bytes: u64) {
        self.most = bytes.max(LEAST);
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a record and returns its line without the end. A full disk does not stop the ladder: what could not be
    /// written is counted, and the count is said with the next line that can be.
    pub fn append(&mut self, record: &Record) -> String {
        let line = self.line(record);
        self.begin_anew_if_full(line.len() as u64 + 1, record.incident.is_some());
        let mut text = String::with_capacity(line.len() + 2);
        if self.is_torn {
            text.push('\n');
        }
        text.push_str(&line);
        text.push('\n');
        match (&*self.file).write(text.as_bytes()) {
            Ok(written) if written == text.len() => self.caught_up(),
            Ok(written) => {
                self.is_torn |= self.take_back(written).is_err();
                self.failed(&io::ErrorKind::StorageFull.into());
            }
            Err(error) => self.failed(&error),
        }
        if let Some(disk) = self.disk.as_ref().filter(|_| is_milestone(&record.event)) {
            disk.sync(&self.file);
        }
        line
    }

    /// Begins a new file when half of what there may be is full. An incident stays in one file as long as there is room.
    fn begin_anew_if_full(&mut self, more: u64, within_incident: bool) {
        let length = self.file.metadata().map_or(0, |file| file.len());
        if length + more <= self.most / 2 {
            return;
        }
        let before = self.path.with_extension("jsonl.1");
        let length_before = std::fs::metadata(&before).map_or(0, |file| file.len());
        if within_incident && length + length_before + more <= self.most {
            return;
        }
        match std::fs::rename(&self.path, &before).and_then(|()| open(&self.path)) {
            Ok(fresh) => self.file = Arc::new(fresh),
            Err(error) => tracing::error!("{}: {error}", self.path.display()),
        }
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

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(path)
}

/// What must outlive the loss of power that may follow at once: what was done, and why. The rest reaches the disk when the
/// kernel writes back, together with others: flash has only so many writes.
fn is_milestone(event: &Event) -> bool {
    matches!(
        event,
        Event::IncidentOpened { .. }
            | Event::StepStarted { .. }
            | Event::StepFinished { .. }
            | Event::StepSkipped { .. }
            | Event::ServiceExited { .. }
            | Event::IncidentResolved { .. }
    )
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
        let mut journal = Journal::open(directory.path(), "web").unwrap();
        assert_eq!(journal.recovered().as_deref(), Some("15 bytes: {\"event\":\"cut o"));
        journal.append(&notice("whole"));
        let text = std::fs::read_to_string(journal.path()).unwrap();
        assert!(text.starts_with("{\"time\"") && text.lines().count() == 1, "{text}");
    }

    #[test]
    fn it_is_bounded_and_an_incident_stays_together_while_there_is_room() {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(directory.path(), "web").unwrap();
        journal.limit(LEAST);
        let size = |name: &str| std::fs::metadata(directory.path().join(name)).map_or(0, |file| file.len());
        let calm = Record { incident: None, ..notice(&"x".repeat(500)) };
        while size("journal.jsonl.1") == 0 {
            journal.append(&calm);
        }
        assert!((LEAST / 2 - 1000..=LEAST / 2).contains(&size("journal.jsonl.1")));
        let in_incident = notice(&"x".repeat(500));
        let mut largest = 0;
        for _ in 0..1000 {
            journal.append(&in_incident);
            assert!(size("journal.jsonl") + size("journal.jsonl.1") <= LEAST);
            largest = largest.max(size("journal.jsonl"));
        }
        assert!(largest > LEAST / 2, "an incident goes on beyond the half");
        assert!(lines(directory.path()).iter().all(|line| line["event"] == "supervisor.notice"));
    }

    #[test]
    fn a_full_disk_is_survived() {
        let mut journal = Journal {
            path: "/dev/full".into(),
            file: Arc::new(OpenOptions::new().append(true).open("/dev/full").unwrap()),
            name: "web".into(),
            most: u64::MAX,
            disk: None,
            lost: 0,
            is_torn: false,
            recovered: None,
        };
        journal.append(&notice("lost"));
        journal.append(&notice("lost too"));
        assert_eq!(journal.lost, 2);
    }
}
