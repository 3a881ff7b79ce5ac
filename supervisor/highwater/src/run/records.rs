//! `incident.json` on its way to disk: one version at a time, by a thread of its own that is there before it is needed.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::mpsc::UnboundedSender;

use super::Wake;
use crate::bundle::{RecordFile, Written};

const STACK: usize = 128 << 10;

/// What is being kept, and what waits for that.
#[derive(Debug)]
pub struct Records {
    to_keep: Option<Sender<RecordFile>>,
    thread: Option<JoinHandle<()>>,
    writing: Option<Written>,
    waiting: VecDeque<Written>,
}

impl Records {
    /// Starts the thread, which sleeps until there is something to keep below that directory of all evidence.
    pub fn start(evidence: PathBuf, wake: UnboundedSender<Wake>) -> io::Result<Self> {
        let (sender, versions) = channel();
        let work = move || keep_all(&versions, &evidence, &wake);
        let thread = std::thread::Builder::new().name("records".into()).stack_size(STACK).spawn(work)?;
        Ok(Self { to_keep: Some(sender), thread: Some(thread), writing: None, waiting: VecDeque::new() })
    }

    /// Keeps a version after the next [`begin`](Self::begin). What is newer takes the place of what waits; the last version
    /// of an incident is never passed over.
    pub fn add(&mut self, written: Written) {
        if self.waiting.back().is_some_and(|waiting| !waiting.is_over && waiting.incident() == written.incident()) {
            self.waiting.pop_back();
        }
        self.waiting.push_back(written);
    }

    /// Begins with what waits: once all that is urgent is done.
    pub fn begin(&mut self) {
        if self.writing.is_none() {
            self.write_next();
        }
    }

    /// The thread is done with a version, which is returned.
    pub fn written(&mut self) -> Option<Written> {
        let written = self.writing.take();
        self.write_next();
        written
    }

    /// Keeps all that waits and that one, and returns when it is on disk.
    pub fn end_with(&mut self, last: Option<Written>) {
        self.waiting.extend(last);
        while !self.waiting.is_empty() {
            self.write_next();
        }
        self.to_keep = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    fn write_next(&mut self) {
        self.writing = self.waiting.pop_front();
        if let (Some(written), Some(to_keep)) = (&self.writing, &self.to_keep) {
            // The thread lives as long as this.
            let _ = to_keep.send(written.to_file());
        }
    }
}

/// Two at a time would write the same file.
fn keep_all(versions: &Receiver<RecordFile>, evidence: &std::path::Path, wake: &UnboundedSender<Wake>) {
    for version in versions {
        let kept = version.keep(evidence);
        if let Err(error) = &kept {
            tracing::warn!("the record of incident {} cannot be kept: {error}", version.incident());
        }
        // Nobody waits for the last ones.
        let _ = wake.send(Wake::Written(kept.is_ok()));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use highwater_core::record::{Event, Record};
    use highwater_core::time::Instant;
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::bundle::Bundle;

    fn version(name: &str) -> Written {
        let mut bundle = Bundle::new(name, Path::new("/bin/web"));
        let event = Event::IncidentOpened { trigger: "breach".into() };
        bundle.see(&Record { at: Instant::from_nanos(1), generation: 1, incident: Some("i-1".into()), event });
        bundle.last_words().unwrap()
    }

    #[test]
    fn the_last_words_wait_for_the_version_that_is_being_kept() {
        let directory = tempfile::tempdir().unwrap();
        for _ in 0..20 {
            let (wake, mut wakes) = unbounded_channel();
            let mut records = Records::start(directory.path().into(), wake).unwrap();
            records.add(version("first"));
            records.begin();
            records.end_with(Some(version("last")));
            let text = std::fs::read_to_string(directory.path().join("i-1/incident.json")).unwrap();
            assert!(text.contains("\"name\":\"last\""), "{text}");
            for _ in 0..2 {
                assert!(matches!(wakes.try_recv(), Ok(Wake::Written(true))));
            }
        }
    }

    #[test]
    fn what_is_newer_takes_the_place_of_what_waits() {
        let directory = tempfile::tempdir().unwrap();
        let (wake, mut wakes) = unbounded_channel();
        let mut records = Records::start(directory.path().into(), wake).unwrap();
        for name in ["first", "passed over", "newest"] {
            records.add(version(name));
            records.begin();
        }
        assert!(matches!(wakes.blocking_recv(), Some(Wake::Written(true))));
        assert!(records.written().is_some());
        records.end_with(None);
        assert!(matches!(wakes.try_recv(), Ok(Wake::Written(true))));
        assert!(wakes.try_recv().is_err(), "two versions of three are kept");
        let text = std::fs::read_to_string(directory.path().join("i-1/incident.json")).unwrap();
        assert!(text.contains("\"name\":\"newest\""), "{text}");
    }
}
