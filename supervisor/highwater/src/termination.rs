//! The termination message: what Kubernetes shows of a container that has ended.
//!
//! It is written anew whenever something happens, before it is acted on, because nobody can write it after the kernel
//! has killed the whole container. The file stays open: it is a mount of its own, which cannot be replaced.

mod message;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use highwater_core::record::Record;

use message::Message;

/// Where the kubelet looks unless a container says otherwise.
const USUAL: &str = "/dev/termination-log";

/// The file, and what is to be in it.
#[derive(Debug, Default)]
pub struct Termination {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    message: Message,
    is_broken: bool,
}

impl Termination {
    /// Opens the file that was asked for, which must be usable; or the usual one, if it is there: nobody but a kubelet
    /// makes it.
    pub fn open(asked: Option<&Path>, name: &str, evidence: &Path) -> io::Result<Self> {
        let opened = match asked {
            // Whoever names one may have it made.
            Some(path) => {
                Some((OpenOptions::new().write(true).create(true).truncate(false).open(path)?, path.to_path_buf()))
            }
            None => OpenOptions::new().write(true).open(USUAL).ok().map(|file| (file, USUAL.into())),
        };
        let message = || Message::new(name, evidence);
        Ok(Self { open: opened.map(|(file, path)| Open { file, path, message: message(), is_broken: false }) })
    }

    /// Takes in what goes into the journal, and writes the message anew if that changes it.
    pub fn see(&mut self, record: &Record) {
        let Some(open) = self.open.as_mut() else { return };
        if open.message.see(record) {
            open.write();
        }
    }

    /// Takes in that everything of the service is about to be killed.
    pub fn see_kill(&mut self) {
        let Some(open) = self.open.as_mut() else { return };
        open.message.see_kill();
        open.write();
    }
}

impl Open {
    /// Over what is there, and only then shortened: there is a message at every moment.
    fn write(&mut self) {
        let text = self.message.text();
        let written = self.file.write_all_at(text.as_bytes(), 0).and_then(|()| self.file.set_len(text.len() as u64));
        if let Err(error) = &written
            && !self.is_broken
        {
            tracing::warn!("{}: {error}", self.path.display());
        }
        self.is_broken = written.is_err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_core::record::Event;
    use highwater_core::time::Instant;

    fn stopping(reason: &str) -> Record {
        let event = Event::SupervisorStopping { reason: reason.into() };
        Record { at: Instant::default(), generation: 2, incident: None, event }
    }

    #[test]
    fn a_shorter_message_leaves_nothing_of_the_one_before() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("log");
        std::fs::write(&path, "x".repeat(5_000)).unwrap();
        let mut termination = Termination::open(Some(&path), "web", Path::new("/e")).unwrap();
        termination.see(&stopping("SIGTERM"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "highwater web, generation 2: stopping: SIGTERM\n");
    }

    #[test]
    fn a_file_that_was_asked_for_must_be_usable() {
        assert!(Termination::open(Some(Path::new("/proc/no/such")), "web", Path::new("/e")).is_err());
        assert!(Termination::open(None, "web", Path::new("/e")).is_ok());
    }
}
