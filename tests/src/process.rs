//! A process as `/proc` shows it.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

/// A process by its number. It may have ended: whatever is asked then fails the test, but for [`Process::is_alive`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(pub u32);

impl Process {
    /// Whether it runs: a zombie does not.
    pub fn is_alive(self) -> bool {
        self.stat().is_some_and(|fields| fields[0] != "Z" && fields[0] != "X")
    }

    /// A field of `/proc/PID/status`, such as `SigIgn`.
    #[track_caller]
    pub fn status(self, field: &str) -> String {
        let text = self.read("status");
        let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.unwrap_or_else(|| panic!("no {field} in: {text}")).trim().to_owned()
    }

    /// A set of signals of `/proc/PID/status`, as bits: signal 1 is bit 0.
    #[track_caller]
    pub fn signals(self, field: &str) -> u64 {
        let text = self.status(field);
        u64::from_str_radix(&text, 16).unwrap_or_else(|error| panic!("{field} {text}: {error}"))
    }

    /// One file of `/proc/PID`, without the newline at its end.
    #[track_caller]
    pub fn read(self, file: &str) -> String {
        let path = self.directory().join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        text.trim_end().to_owned()
    }

    /// Its parent.
    #[track_caller]
    pub fn parent(self) -> u32 {
        self.number(1)
    }

    /// Its session.
    #[track_caller]
    pub fn session(self) -> u32 {
        self.number(3)
    }

    /// The directory of its cgroup.
    #[track_caller]
    pub fn cgroup(self) -> PathBuf {
        let text = self.read("cgroup");
        let path = text.lines().find_map(|line| line.strip_prefix("0::/"));
        Path::new("/sys/fs/cgroup").join(path.unwrap_or_else(|| panic!("no cgroup v2 in: {text}")))
    }

    /// Sends it a signal.
    #[track_caller]
    pub fn signal(self, signal: Signal) {
        let pid = Pid::from_raw(self.0.cast_signed()).expect("no process has the number 0");
        kill_process(pid, signal).unwrap_or_else(|error| panic!("{signal:?} to {self:?}: {error}"));
    }

    #[track_caller]
    fn number(self, field: usize) -> u32 {
        let fields = self.stat().unwrap_or_else(|| panic!("{self:?} has ended"));
        fields[field].parse().unwrap_or_else(|error| panic!("{fields:?}: {error}"))
    }

    /// The fields of `/proc/PID/stat` after the name, which may contain anything: state, parent, group, session, ...
    fn stat(self) -> Option<Vec<String>> {
        let text = fs::read_to_string(self.directory().join("stat")).ok()?;
        let (_, fields) = text.rsplit_once(") ")?;
        Some(fields.split_whitespace().map(str::to_owned).collect())
    }

    fn directory(self) -> PathBuf {
        Path::new("/proc").join(self.0.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_has_the_parent_the_kernel_says() {
        let own = Process(std::process::id());
        assert!(own.is_alive());
        assert_eq!(own.parent(), std::os::unix::process::parent_id());
        assert_eq!(own.status("Pid"), own.0.to_string());
    }

    #[test]
    fn what_has_ended_is_not_alive() {
        assert!(!Process(u32::MAX >> 1).is_alive());
    }
}
