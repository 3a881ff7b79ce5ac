//! `highwater keep-series`: profiles that came in are put into their series. It runs as a process of its own.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::UNIX_EPOCH;

use highwater_evidence::store;
use highwater_profile::series::{LARGEST, Series};

use crate::healthy;

/// Arguments of `keep-series`.
#[derive(Debug)]
pub struct KeepSeries {
    /// Where profiles of the healthy service are kept.
    pub healthy: PathBuf,
    /// So many are kept.
    pub keep: usize,
}

/// Puts what came in into the series.
pub fn keep_series(arguments: &KeepSeries) -> ExitCode {
    // Where it is refused, the work is done all the same.
    let _ = highwater_kernel::priority::lower_to_idle();
    match take_in(&arguments.healthy, arguments.keep) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("highwater: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn take_in(healthy: &Path, keep: usize) -> Result<(), String> {
    let said = |error: highwater_evidence::Error| error.to_string();
    let incoming = store::Incident::open(&healthy.join(healthy::INCOMING)).map_err(said)?;
    let mut series = Series::open(&healthy.join(healthy::SERIES)).map_err(|error| error.to_string())?;
    for name in incoming.files().map_err(said)? {
        let profile = incoming.directory().content(&name, LARGEST as u64).map_err(said)?;
        let written = incoming.path(&name).metadata().and_then(|metadata| metadata.modified()).ok();
        let age = written.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        series.append(&profile, age.as_millis() as u64).map_err(|error| error.to_string())?;
        incoming.directory().remove(&name).map_err(said)?;
    }
    series.prune(keep).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use highwater_evidence::store::Store;
    use std::io::Write;

    #[test]
    fn what_came_in_is_in_the_series_and_the_oldest_go() {
        let root = tempfile::tempdir().unwrap();
        let incoming = Store::open(root.path()).unwrap().incident(healthy::INCOMING).unwrap();
        for round in 0..3 {
            let profile = format!(" num     #instances         #bytes  class name\n   1: {round} 64 Session\n");
            incoming.create("dump-histogram.txt").unwrap().write_all(profile.as_bytes()).unwrap();
            take_in(root.path(), 2).unwrap();
            assert!(incoming.files().unwrap().is_empty());
        }
        let series = Series::open(&root.path().join(healthy::SERIES)).unwrap();
        assert_eq!(series.entries().iter().map(|entry| entry.number).collect::<Vec<_>>(), [1, 2]);
        assert!(String::from_utf8(series.read(1).unwrap()).unwrap().contains("1: 2 64 Session"));
    }
}
