//! One running leaker, whose log is read line by line through its stdout.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Killed when dropped, also behind a double fork.
pub(crate) struct Service {
    child: Child,
    output: BufReader<ChildStdout>,
    pid: Option<Pid>,
    directory: TempDir,
}

impl Service {
    /// Starts a leaker and returns once all of it runs.
    pub(crate) fn start(arguments: &str) -> Self {
        let mut service = Self::spawn(&format!("--log /dev/stdout {arguments}"));
        service.line();
        let ready = service.line();
        let pid = ready.strip_prefix("ready ").unwrap_or_else(|| panic!("{ready:?}"));
        service.pid = Some(Pid::from_raw(pid.parse().unwrap()));
        service
    }

    /// Starts a leaker that may end at once.
    pub(crate) fn spawn(arguments: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let template = directory.path().join("heap-%p-%n.bin");
        let mut child = Command::new(env!("CARGO_BIN_EXE_leaker"))
            .arg("--dump-file")
            .arg(template)
            .args(arguments.split_whitespace())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output, pid: None, directory }
    }

    /// The next line it says; blocks until there is one.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The process that leaks.
    pub(crate) fn pid(&self) -> Pid {
        self.pid.expect("the service is ready")
    }

    /// The process that was started.
    pub(crate) fn started_pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// The end of the process that was started.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Where its dump of this number is written.
    pub(crate) fn dump(&self, number: u32) -> PathBuf {
        self.directory.path().join(format!("heap-{}-{number}.bin", self.pid()))
    }

    /// Whether a mask of its main thread (`SigBlk`, `SigCgt`) has the bit of a signal.
    pub(crate) fn has(&self, mask: &str, signal: Signal) -> bool {
        let mask = u64::from_str_radix(&self.status(mask), 16).unwrap();
        mask & (1 << (signal as i32 - 1)) != 0
    }

    /// Waits until it has `path` open.
    pub(crate) fn await_open(&self, path: &Path) {
        let directory = format!("/proc/{}/fd", self.pid());
        await_that(|| {
            let mut files = fs::read_dir(&directory).unwrap().flatten();
            files.any(|file| fs::read_link(file.path()).is_ok_and(|target| target == path))
        });
    }

    /// Its resident bytes.
    pub(crate) fn resident(&self) -> u64 {
        let kibibytes: u64 = self.status("VmRSS").trim_end_matches(" kB").parse().unwrap();
        kibibytes * 1024
    }

    fn status(&self, key: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let value = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        value.unwrap().trim().to_owned()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        if let Some(pid) = self.pid.filter(|pid| *pid != self.started_pid()) {
            let _ = kill(pid, Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}

/// Waits for something that announces itself by no event.
pub(crate) fn await_that(mut happened: impl FnMut() -> bool) {
    while !happened() {
        thread::sleep(Duration::from_millis(5));
    }
}
