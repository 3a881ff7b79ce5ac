//! `/proc/PID/status`, kept open.

use nix::fcntl::OFlag;

use super::{SignalState, entry};
use crate::file::{self, KernelFile};
use crate::{Error, Pid, Result};

/// What a process is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Threads it has.
    pub threads: u64,
    /// It was stopped by a signal.
    pub stopped: bool,
    /// What it does with signals.
    pub signals: SignalState,
}

/// The status of one process, whatever program it runs by then: read without opening anything. Once the process has ended,
/// reading fails with [`Kind::NoProcess`](crate::Kind::NoProcess), also if another one has its number.
#[derive(Debug)]
pub struct StatusReader {
    file: KernelFile,
    pid: Pid,
}

impl StatusReader {
    /// Opens it.
    pub fn open(pid: Pid) -> Result<Self> {
        Ok(Self { file: KernelFile::open(&entry(pid, "status"), OFlag::O_RDONLY)?, pid })
    }

    /// The status as of now.
    pub fn read(&self) -> Result<Status> {
        // 1.5 kB, but for whoever is in hundreds of groups.
        let mut buffer = [0; 4096];
        let text = self.file.read(&mut buffer)?;
        if let Some(status) = std::str::from_utf8(text).ok().and_then(Status::parse) {
            return Ok(status);
        }
        let whole = file::read(entry(self.pid, "status"))?;
        Status::parse(&whole).ok_or_else(|| Error::unexpected(self.file.path(), "a line is missing"))
    }
}

impl Status {
    fn parse(text: &str) -> Option<Self> {
        let field = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        Some(Self {
            threads: field("Threads:")?.parse().ok()?,
            stopped: field("State:")?.starts_with('T'),
            signals: SignalState::parse(text)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use crate::spawn::tests::{sh, wait};

    #[test]
    fn it_shows_what_the_process_does_now_and_its_end() {
        let child = sh("trap : USR1; kill -STOP $$; exit 0");
        let reader = StatusReader::open(child.pid()).unwrap();
        let status = loop {
            let status = reader.read().unwrap();
            if status.stopped {
                break status;
            }
            std::thread::yield_now();
        };
        assert_eq!(status.threads, 1);
        assert!(status.signals.handles(libc::SIGUSR1) && !status.signals.handles(libc::SIGUSR2));
        child.pidfd.send_signal(libc::SIGCONT).unwrap();
        wait(&child);
        assert_eq!(reader.read().unwrap_err().kind(), Kind::NoProcess);
    }

    #[test]
    fn a_line_that_is_missing_is_nothing() {
        let masks = "SigBlk:\t00\nSigIgn:\t00\nSigCgt:\t00\n";
        assert_eq!(Status::parse(&format!("State:\tT (stopped)\n{masks}")), None);
        assert!(Status::parse(&format!("State:\tS (sleeping)\nThreads:\t3\n{masks}")).is_some());
    }
}
