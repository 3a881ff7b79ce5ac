//! What outlives a supervisor: what dumps taught, the incident that is open, the dump under way.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use highwater_core::supervisor::Learnt;
use highwater_kernel::cgroup::Limit;
use serde::{Deserialize, Serialize};

use crate::journal::Disk;

/// The state file, replaced as a whole at each change.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    kept: Kept,
    disk: Option<Disk>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Kept {
    learnt: BTreeMap<String, Lesson>,
    incident: Option<String>,
    /// Recipes during which the service died, by step and source.
    blamed: BTreeSet<String>,
    /// The recipe that is being followed.
    attempt: Option<String>,
    /// What `memory.high` of a service of others was, which is to be put back.
    borrowed: Option<Borrowed>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Borrowed {
    /// The unit, or the path of the cgroup.
    of: String,
    /// In bytes; nothing for no limit.
    high: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Lesson {
    bytes: u64,
    took_ms: u64,
    slept: bool,
}

impl State {
    /// Reads the state of a predecessor, if there is one. What cannot be read is no reason not to run: it is said and
    /// begun anew.
    pub fn open(state_dir: &Path) -> Self {
        let path = state_dir.join("state.json");
        let kept = match read(&path) {
            Ok(kept) => kept,
            // A file that was replaced just before the power went may be empty, or zeros.
            Err(error) => read(&kept_on_disk(&path)).unwrap_or_else(|_| {
                if path.exists() {
                    tracing::warn!("{}: {error}; what was learnt is forgotten", path.display());
                }
                Kept::default()
            }),
        };
        Self { path, kept, disk: None }
    }

    /// From now on each version is kept once more, by a thread, so that it outlives the loss of power.
    pub fn keep_on_disk(&mut self, disk: Option<Disk>) {
        self.disk = disk;
    }

    /// What earlier dumps taught.
    pub fn learnt(&self) -> BTreeMap<String, Learnt> {
        let learnt = |(step, lesson): (&String, &Lesson)| (step.clone(), Learnt::from(*lesson));
        self.kept.learnt.iter().map(learnt).collect()
    }

    /// The incident a predecessor left open.
    pub fn unfinished(&self) -> Option<String> {
        self.kept.incident.clone()
    }

    /// What `memory.high` of that was before a predecessor that died came to it.
    pub fn borrowed(&self, of: &str) -> Option<Limit> {
        self.debt().filter(|(whose, _)| *whose == of).map(|(_, high)| high)
    }

    /// Of whom a predecessor that died had borrowed `memory.high`, and what it was.
    pub fn debt(&self) -> Option<(&str, Limit)> {
        let borrowed = self.kept.borrowed.as_ref()?;
        Some((&borrowed.of, borrowed.high.map_or(Limit::Max, Limit::Bytes)))
    }

    /// `memory.high` of others is about to be changed, and was that.
    pub fn borrow(&mut self, of: String, high: Limit) -> io::Result<()> {
        let borrowed = Some(Borrowed { of, high: high.bytes() });
        if self.kept.borrowed == borrowed {
            return Ok(());
        }
        self.kept.borrowed = borrowed;
        self.write()
    }

    /// It was put back.
    pub fn give_back(&mut self) -> io::Result<()> {
        if self.kept.borrowed.take().is_none() {
            return Ok(());
        }
        self.write()
    }

    /// The recipes not to be tried again: those that were blamed, and the one that was under way when the predecessor
    /// died, the service with it.
    pub fn blamed(&self) -> BTreeSet<String> {
        self.kept.blamed.iter().chain(&self.kept.attempt).cloned().collect()
    }

    /// The recipe that was followed when the predecessor died.
    pub fn attempt(&self) -> Option<&str> {
        self.kept.attempt.as_deref()
    }

    /// A recipe is about to be followed: written before the service is asked. What is returned puts it on disk, and
    /// blocks.
    pub fn begin_attempt(&mut self, recipe: String) -> io::Result<impl FnOnce() -> io::Result<()> + Send + 'static> {
        self.kept.attempt = Some(recipe);
        self.write()?;
        let path = self.path.clone();
        Ok(move || {
            File::open(&path)?.sync_data()?;
            path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_data())
        })
    }

    /// It came to an end.
    pub fn end_attempt(&mut self) -> io::Result<()> {
        if self.kept.attempt.take().is_none() {
            return Ok(());
        }
        self.write()
    }

    /// Keeps what the core knows: its lessons, its open incident, and what it blames.
    pub fn keep(
        &mut self,
        learnt: &BTreeMap<String, Learnt>,
        incident: Option<&str>,
        blamed: &BTreeSet<String>,
    ) -> io::Result<()> {
        let known = self.kept.learnt.iter().map(|(step, lesson)| (step, Learnt::from(*lesson)));
        let is_known = known.eq(learnt.iter().map(|(step, learnt)| (step, *learnt)));
        if is_known && self.kept.incident.as_deref() == incident && self.kept.blamed == *blamed {
            return Ok(());
        }
        let is_blame = self.kept.blamed != *blamed;
        self.kept.blamed.clone_from(blamed);
        let lesson = |(step, learnt): (&String, &Learnt)| (step.clone(), Lesson::from(*learnt));
        self.kept.learnt = learnt.iter().map(lesson).collect();
        self.kept.incident = incident.map(Into::into);
        self.write()?;
        // Blame is to outlive the loss of power as well; the rest may be learnt again.
        if is_blame { File::open(&self.path)?.sync_data() } else { Ok(()) }
    }

    fn write(&self) -> io::Result<()> {
        let text = serde_json::to_vec(&self.kept).expect("the state is plain data with text keys");
        let fresh = self.path.with_extension("json.new");
        std::fs::write(&fresh, &text)?;
        std::fs::rename(&fresh, &self.path)?;
        if let Some(disk) = &self.disk {
            disk.replace(kept_on_disk(&self.path), text);
        }
        Ok(())
    }
}

/// Where the version is that has certainly reached the disk.
fn kept_on_disk(path: &Path) -> PathBuf {
    path.with_extension("json.kept")
}

fn read(path: &Path) -> io::Result<Kept> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

impl From<Lesson> for Learnt {
    fn from(lesson: Lesson) -> Self {
        Self { bytes: lesson.bytes, took: Duration::from_millis(lesson.took_ms), slept: lesson.slept }
    }
}

impl From<Learnt> for Lesson {
    fn from(learnt: Learnt) -> Self {
        Self { bytes: learnt.bytes, took_ms: learnt.took.as_millis() as u64, slept: learnt.slept }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_under_way_is_known_to_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let mut state = State::open(directory.path());
        state.keep(&BTreeMap::new(), Some("i-1"), &BTreeSet::new()).unwrap();
        state.begin_attempt("dump: SIGUSR1".into()).unwrap()().unwrap();
        let next = State::open(directory.path());
        assert_eq!(next.unfinished().as_deref(), Some("i-1"));
        assert_eq!(next.blamed(), ["dump: SIGUSR1".to_owned()].into());
    }

    #[test]
    fn what_was_learnt_is_kept_and_a_resolved_incident_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let mut state = State::open(directory.path());
        let learnt = Learnt { bytes: 5, took: Duration::from_millis(70), slept: false };
        drop(state.begin_attempt("dump: SIGUSR1".into()).unwrap());
        state.end_attempt().unwrap();
        assert!(State::open(directory.path()).blamed().is_empty());
        let blamed = ["dump: SIGUSR1".to_owned()].into();
        state.keep(&BTreeMap::from([("dump".into(), learnt)]), None, &blamed).unwrap();
        let next = State::open(directory.path());
        assert_eq!((next.unfinished(), next.blamed()), (None, blamed), "blame outlives the incident");
        assert_eq!(next.learnt()["dump"], learnt);
    }

    #[test]
    fn after_a_loss_of_power_the_version_on_disk_counts() {
        let directory = tempfile::tempdir().unwrap();
        let mut state = State::open(directory.path());
        state.keep(&BTreeMap::new(), Some("i-2"), &BTreeSet::new()).unwrap();
        std::fs::copy(directory.path().join("state.json"), directory.path().join("state.json.kept")).unwrap();
        std::fs::write(directory.path().join("state.json"), [0; 100]).unwrap();
        assert_eq!(State::open(directory.path()).unfinished().as_deref(), Some("i-2"));
    }

    #[test]
    fn a_broken_state_file_is_begun_anew() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("state.json"), "{oops").unwrap();
        assert!(State::open(directory.path()).learnt().is_empty());
    }
}
