//! What is done with evidence when there is time: compressed, and its digests reckoned. It is the work of a process of
//! its own with the lowest priority, which may be killed and started again at any time.

mod compress;
mod digest;

pub use compress::compress;
pub use digest::digest;
pub(crate) use digest::hex;

use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::store::Incident;
use crate::{Error, Result, names};

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// Its name now.
    pub file: String,
    /// Its name before, if it is another now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// Its size now.
    pub bytes: u64,
    /// SHA-256 of its content now, in lower-case hexadecimal.
    pub sha256: Option<String>,
    /// What could not be done; the file is as it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Compresses what is worth it in the directory of an incident as long as `min_free` bytes stay free on the disk, and
/// prints a [`Finished`] as one line of JSON for every file, but for `incident.json`, which is where they go.
pub fn run(directory: &Path, min_free: u64, mut out: impl Write) -> Result<()> {
    let incident = Incident::open(directory)?;
    compress::clear_away(&incident)?;
    for file in incident.files()?.into_iter().filter(|file| file != "incident.json") {
        let finished = finish(&incident, file, min_free);
        let line = serde_json::to_string(&finished).unwrap_or_default();
        writeln!(out, "{line}").and_then(|()| out.flush()).map_err(printing)?;
    }
    Ok(())
}

fn finish(incident: &Incident, file: String, min_free: u64) -> Finished {
    let compressed = if names::is_record(&file) { Ok(None) } else { compress(incident, &file, min_free) };
    let (was, file, mut error) = match compressed {
        Ok(Some(now)) => (Some(file), now, None),
        Ok(None) => (None, file, None),
        Err(error) => (None, file, Some(error.to_string())),
    };
    let bytes = incident.piece(&file).map_or(0, |piece| piece.bytes);
    let sha256 = digest(incident, &file).map_err(|failed| error = Some(failed.to_string())).ok();
    Finished { file, was, bytes, sha256, error }
}

fn printing(source: io::Error) -> Error {
    Error::Io { tried: "print to", path: "standard output".into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use std::io::Write;

    #[test]
    fn every_file_is_finished_and_named() {
        let root = tempfile::tempdir().unwrap();
        let incident = Store::open(root.path()).unwrap().incident("i-1").unwrap();
        for (name, bytes) in [("dump-heap", 100_000), ("dump-small", 3), ("incident.json", 9_000)] {
            incident.create(name).unwrap().write_all(&vec![b'a'; bytes]).unwrap();
        }
        let directory = incident.directory().path().to_path_buf();
        let mut out = Vec::new();
        run(&directory, 0, &mut out).unwrap();
        let lines: Vec<Finished> =
            String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[0].file.as_str(), lines[0].was.as_deref()), ("dump-heap.gz", Some("dump-heap")));
        assert!(lines[0].bytes < 1_000 && lines[0].error.is_none());
        assert_eq!((lines[1].file.as_str(), lines[1].bytes), ("dump-small", 3));
        let of_aaa = "9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0";
        assert_eq!(lines[1].sha256.as_deref(), Some(of_aaa));
        assert_eq!(incident.piece("incident.json").unwrap().bytes, 9_000);
    }
}
