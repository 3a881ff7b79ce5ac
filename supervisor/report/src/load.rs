//! Reading incidents from directories of evidence.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::incident::Incident;

/// Name of the file in an incident's directory.
pub const FILE: &str = "incident.json";
/// The longest file that is read: an hour at 20 readings a second is 12 MB.
const LONGEST: u64 = 256 << 20;

/// Why an incident could not be read.
#[derive(Debug)]
pub struct LoadError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: LoadErrorKind,
}

/// What is wrong with a file.
#[derive(Debug)]
pub enum LoadErrorKind {
    /// It could not be read.
    Io(io::Error),
    /// It is not a file, but a directory, a pipe or the like.
    NotAFile,
    /// It is longer than any incident.
    TooLong(u64),
    /// It is not what it should be, with line and column.
    Json(serde_json::Error),
}

/// Reads `incident.json` of an incident's directory.
pub fn load(directory: &Path) -> Result<Incident, LoadError> {
    let path = directory.join(FILE);
    let failed = |kind| LoadError { path: path.clone(), kind };
    let text = read(&path).map_err(failed)?;
    serde_json::from_slice(&text).map_err(|error| failed(LoadErrorKind::Json(error)))
}

fn read(path: &Path) -> Result<Vec<u8>, LoadErrorKind> {
    // Before it is opened: a pipe would wait for a writer.
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(LoadErrorKind::NotAFile);
    }
    if metadata.len() > LONGEST {
        return Err(LoadErrorKind::TooLong(metadata.len()));
    }
    let mut text = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut text)?;
    Ok(text)
}

impl From<io::Error> for LoadErrorKind {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.kind {
            LoadErrorKind::Io(error) => write!(formatter, "{path}: {error}"),
            LoadErrorKind::NotAFile => write!(formatter, "{path} is not a regular file"),
            LoadErrorKind::TooLong(bytes) => {
                write!(formatter, "{path} has {bytes} bytes, more than an incident ever needs")
            }
            // It ends with line and column.
            LoadErrorKind::Json(error) => write!(formatter, "{path} is not a whole record of an incident: {error}"),
        }
    }
}

impl std::error::Error for LoadError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(FILE), text).unwrap();
        let error = load(directory.path()).unwrap_err().to_string();
        error.replace(&directory.path().display().to_string(), "DIR")
    }

    #[test]
    fn an_error_has_path_line_and_column() {
        let cut = "{\"version\": 1,\n \"incident\": \"2026";
        assert_eq!(
            said(cut),
            "DIR/incident.json is not a whole record of an incident: EOF while parsing a string at line 2 column 18"
        );
        assert!(said("").contains("line 1 column 0"));
        assert!(said("{\"version\": \"one\"}").contains("expected u32 at line 1 column 17"));
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join(FILE)).unwrap();
        assert!(matches!(load(directory.path()).unwrap_err().kind, LoadErrorKind::NotAFile));
        let nowhere = load(&directory.path().join("nowhere")).unwrap_err().to_string();
        assert!(nowhere.ends_with("nowhere/incident.json: No such file or directory (os error 2)"), "{nowhere}");
    }

    #[test]
    fn what_was_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let incident = Incident { version: 1, name: "web".into(), limit: Some(u64::MAX), ..Incident::default() };
        std::fs::write(directory.path().join(FILE), serde_json::to_vec(&incident).unwrap()).unwrap();
        assert_eq!(load(directory.path()).unwrap(), incident);
    }
}
