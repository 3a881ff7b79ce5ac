//! The incidents of a directory of evidence, in short.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::classify::Kind;
use crate::incident::Incident;
use crate::load::{LoadError, LoadErrorKind, load};
use crate::verdict::verdict;

/// An incident in short. Bytes, milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Listed {
    /// Its id.
    pub incident: String,
    /// Its directory.
    pub directory: PathBuf,
    /// When it opened, RFC 3339 in UTC.
    pub opened: String,
    /// From opening to its end; nothing while it lasts.
    pub took_ms: Option<u64>,
    /// The trigger that opened it.
    pub opened_by: String,
    /// How it ended, in a word or two.
    pub outcome: &'static str,
    /// What kind of growth it was.
    pub kind: Option<Kind>,
    /// What grew most, where profiles say so.
    pub top_grower: Option<String>,
    /// Bytes of evidence in its directory.
    pub bytes: u64,
}

/// The incidents of a directory of evidence, the newest first; after them what could not be read. A directory that is
/// not there holds none.
pub fn list(evidence: &Path) -> Vec<Result<Listed, LoadError>> {
    newest(evidence, usize::MAX)
}

/// The same for so many of the newest, by their ids, without reading the rest.
pub fn newest(evidence: &Path, most: usize) -> Vec<Result<Listed, LoadError>> {
    match directories(evidence) {
        Ok(mut directories) => {
            directories.sort_by_cached_key(|directory| std::cmp::Reverse(age(directory)));
            read(directories.into_iter().take(most))
        }
        Err(error) => vec![Err(LoadError { path: evidence.into(), kind: LoadErrorKind::Io(error) })],
    }
}

/// The id of an incident as it sorts: when its supervisor started, and its number there.
fn age(directory: &Path) -> (String, u64) {
    let id = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match id.rsplit_once('-').and_then(|(start, number)| Some((start.to_owned(), number.parse().ok()?))) {
        Some(age) => age,
        None => (id, 0),
    }
}

fn read(directories: impl IntoIterator<Item = PathBuf>) -> Vec<Result<Listed, LoadError>> {
    let (mut listed, mut unread) = (Vec::new(), Vec::new());
    for directory in directories {
        match load(&directory) {
            Ok(incident) => listed.push(Listed::of(&incident, directory)),
            Err(error) => unread.push(Err(error)),
        }
    }
    listed.sort_by(|one, other| (&other.opened, &other.directory).cmp(&(&one.opened, &one.directory)));
    listed.into_iter().map(Ok).chain(unread).collect()
}

fn directories(evidence: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(evidence) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        // What is hidden is unfinished; a link leads out of here.
        if entry.file_type()?.is_dir() && !entry.file_name().to_string_lossy().starts_with('.') {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

impl Listed {
    fn of(incident: &Incident, directory: PathBuf) -> Self {
        Self {
            incident: incident.incident.clone(),
            directory,
            opened: incident.opened.clone(),
            took_ms: incident.took_ms,
            opened_by: incident.opened_by.clone(),
            outcome: verdict(incident).word,
            kind: incident.classification.as_ref().map(|classification| classification.kind),
            top_grower: incident.culprit().map(|culprit| culprit.grower.site.clone()),
            bytes: incident.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(evidence: &Path, id: &str, opened: &str) {
        let incident = Incident { incident: id.into(), opened: opened.into(), ..Incident::default() };
        std::fs::create_dir(evidence.join(id)).unwrap();
        std::fs::write(evidence.join(id).join("incident.json"), serde_json::to_vec(&incident).unwrap()).unwrap();
    }

    #[test]
    fn the_newest_is_first_and_what_cannot_be_read_last() {
        let evidence = tempfile::tempdir().unwrap();
        add(evidence.path(), "a-2", "2026-11-22T08:00:02Z");
        add(evidence.path(), "a-10", "2026-11-22T08:00:09Z");
        std::fs::create_dir(evidence.path().join("a-1")).unwrap();
        std::fs::create_dir(evidence.path().join(".unfinished")).unwrap();
        std::fs::write(evidence.path().join("note"), "").unwrap();
        let said = |one: Result<Listed, LoadError>| one.map(|one| one.incident).map_err(|error| error.path);
        let listed: Vec<_> = list(evidence.path()).into_iter().map(said).collect();
        let unread = evidence.path().join("a-1/incident.json");
        assert_eq!(listed, [Ok("a-10".into()), Ok("a-2".into()), Err(unread)]);
    }

    #[test]
    fn of_many_only_the_newest_are_read() {
        let evidence = tempfile::tempdir().unwrap();
        std::fs::create_dir(evidence.path().join("20261121T080000Z-11")).unwrap();
        std::fs::create_dir(evidence.path().join("20261122T080000Z-9")).unwrap();
        add(evidence.path(), "20261122T080000Z-10", "2026-11-22T08:00:00Z");
        let listed = newest(evidence.path(), 1);
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].as_ref().unwrap().incident, "20261122T080000Z-10");
    }

    #[test]
    fn where_nothing_was_ever_kept_there_is_nothing() {
        let evidence = tempfile::tempdir().unwrap();
        assert!(list(&evidence.path().join("nowhere")).is_empty());
    }
}
