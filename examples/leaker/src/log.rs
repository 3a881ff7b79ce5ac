//! What the service says: one line at start, and a log for tests to read.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process;

use crate::error::Error;
use crate::options::Options;

/// A file that lines are appended to, if there is one.
pub(crate) struct Log(Option<File>);

impl Log {
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Error> {
        let open = |path: &Path| {
            let file = OpenOptions::new().create(true).append(true).open(path);
            file.map_err(Error::file(path))
        };
        path.map(open).transpose().map(Self)
    }

    /// Appends one line in one write, so that several processes can share a log.
    pub(crate) fn line(&self, text: &str) {
        let Some(mut file) = self.0.as_ref() else { return };
        if let Err(error) = file.write_all(format!("{text}\n").as_bytes()) {
            eprintln!("leaker: the log: {error}");
        }
    }

    /// Tells the world that signals are answered and the leak begins: stdout, the log, and last the ready file.
    pub(crate) fn ready(&self, options: &Options) -> Result<(), Error> {
        let pid = process::id();
        // A reader who is gone must not end the service.
        let _ = writeln!(std::io::stdout(), "leaker {pid}: {}", describe(options));
        self.line(&format!("ready {pid}"));
        match &options.ready_file {
            Some(path) => write_whole(path, &format!("{pid}\n")),
            None => Ok(()),
        }
    }
}

fn describe(options: &Options) -> String {
    format!(
        "base {} MiB, leak {:?} over {} threads, dump {} MiB on {} by {:?}, stop {:?}",
        options.base >> 20,
        options.leak.rate,
        options.leak.threads,
        options.dump.size >> 20,
        options.dump.signal,
        options.dump.answer,
        options.stop,
    )
}

/// A file that is either not there or complete.
fn write_whole(path: &Path, text: &str) -> Result<(), Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    let partial = Path::new(&name);
    fs::write(partial, text).map_err(Error::file(partial))?;
    fs::rename(partial, path).map_err(Error::file(path))
}
