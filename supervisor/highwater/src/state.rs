//! What outlives a supervisor: what dumps taught, the incident that is open, the dump under way.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use highwater_core::supervisor::Learnt;
use serde::{Deserialize, Serialize};

/// The state file, replaced as a whole at each change.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    kept: Kept,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Kept {
    learnt: BTreeMap<String, Lesson>,
    incident: Option<String>,
    blamed: Vec<String>,
    attempt: Option<String>,
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
        let kept = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                tracing::warn!("{}: {error}; what was learnt is forgotten", path.display());
                Kept::default()
            }),
            Err(_) => Kept::default(),
        };
        Self { path, kept }
    }

    /// What earlier dumps taught.
    pub fn learnt(&self) -> BTreeMap<String, Learnt> {
        let learnt = |(step, lesson): (&String, &Lesson)| (step.clone(), Learnt::from(*lesson));
        self.kept.learnt.iter().map(learnt).collect()
    }

    /// The incident a predecessor left open, with the dump steps not to be repeated in it: those that were blamed, and
    /// the one that was under way when the predecessor or the service died.
    pub fn unfinished(&self) -> Option<(String, Vec<String>)> {
        let incident = self.kept.incident.clone()?;
        let blamed = self.kept.blamed.iter().chain(&self.kept.attempt).cloned().collect();
        Some((incident, blamed))
    }

    /// The dump that was under way when the predecessor died.
    pub fn attempt(&self) -> Option<&str> {
        self.kept.attempt.as_deref()
    }

    /// A dump begins: written before the service is asked.
    pub fn begin_attempt(&mut self, incident: &str, step: &str) -> io::Result<()> {
        self.kept.incident = Some(incident.into());
        self.kept.attempt = Some(step.into());
        self.write()
    }

    /// A dump ended; `blamed` if the service died during it.
    pub fn end_attempt(&mut self, blamed: bool) -> io::Result<()> {
        let Some(step) = self.kept.attempt.take() else { return Ok(()) };
        if blamed {
            self.kept.blamed.push(step);
        }
        self.write()
    }

    /// Keeps what the core knows: its lessons and its open incident.
    pub fn keep(&mut self, learnt: &BTreeMap<String, Learnt>, incident: Option<&str>) -> io::Result<()> {
        let known = self.kept.learnt.iter().map(|(step, lesson)| (step, Learnt::from(*lesson)));
        if self.kept.incident.as_deref() == incident && known.eq(learnt.iter().map(|(step, learnt)| (step, *learnt))) {
            return Ok(());
        }
        let lesson = |(step, learnt): (&String, &Learnt)| (step.clone(), Lesson::from(*learnt));
        self.kept.learnt = learnt.iter().map(lesson).collect();
        self.kept.incident = incident.map(Into::into);
        if incident.is_none() {
            self.kept.blamed.clear();
            self.kept.attempt = None;
        }
        self.write()
    }

    fn write(&self) -> io::Result<()> {
        let text = serde_json::to_vec(&self.kept).expect("the state is plain data with text keys");
        let fresh = self.path.with_extension("json.new");
        std::fs::write(&fresh, text)?;
        std::fs::rename(&fresh, &self.path)
    }
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
        State::open(directory.path()).begin_attempt("i-1", "dump").unwrap();
        let next = State::open(directory.path());
        assert_eq!(next.unfinished(), Some(("i-1".into(), vec!["dump".into()])));
    }

    #[test]
    fn what_was_learnt_is_kept_and_a_resolved_incident_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let mut state = State::open(directory.path());
        let learnt = Learnt { bytes: 5, took: Duration::from_millis(70), slept: false };
        state.begin_attempt("i-1", "dump").unwrap();
        state.end_attempt(true).unwrap();
        state.keep(&BTreeMap::from([("dump".into(), learnt)]), Some("i-1")).unwrap();
        assert_eq!(State::open(directory.path()).unfinished().unwrap().1, ["dump"]);
        state.keep(&BTreeMap::from([("dump".into(), learnt)]), None).unwrap();
        let next = State::open(directory.path());
        assert_eq!(next.unfinished(), None);
        assert_eq!(next.learnt()["dump"], learnt);
    }

    #[test]
    fn a_broken_state_file_is_begun_anew() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("state.json"), "{oops").unwrap();
        assert!(State::open(directory.path()).learnt().is_empty());
    }
}
