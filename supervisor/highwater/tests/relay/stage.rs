//! highwater with a service of this program, and what it writes down.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::TempDir;

/// Nothing takes that long, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// A highwater that runs.
pub struct Stage {
    child: Child,
    log: Receiver<String>,
    seen: Vec<String>,
}

/// The directories and the policy of a highwater to be.
pub struct Plan {
    pub place: TempDir,
    command: Command,
}

impl Plan {
    pub fn new(policy: &str, role: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("policy.toml"), policy).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_highwater"));
        command.args(["run", "--log", "json", "--policy"]).arg(place.path().join("policy.toml"));
        command.arg("--state-dir").arg(place.path()).arg("--").args(crate::service::command(role));
        for variable in
            ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "MEMORY_PRESSURE_WATCH"]
        {
            command.env_remove(variable);
        }
        command.env("RUNTIME_DIRECTORY", place.path().join("run"));
        Self { place, command }
    }

    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Program and arguments as words.
    pub fn words(&self) -> Vec<std::ffi::OsString> {
        std::iter::once(self.command.get_program()).chain(self.command.get_args()).map(Into::into).collect()
    }

    pub fn start(&mut self) -> Stage {
        let mut child = self.command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let (sender, log) = channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Stage { child, log, seen: Vec::new() }
    }
}

impl Stage {
    /// Waits for a line of the log that contains that.
    pub fn until(&mut self, text: &str) -> String {
        loop {
            let line = self.log.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {text} in {:#?}", self.seen));
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Waits for lines that contain these, in whatever order they come.
    pub fn until_all<const N: usize>(&mut self, texts: [&str; N]) {
        for text in texts {
            if !self.seen.iter().any(|line| line.contains(text)) {
                self.until(text);
            }
        }
    }

    pub fn send(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Its exit status, and whatever it still had to say.
    pub fn end(mut self) -> (Option<i32>, String) {
        let status = self.child.wait().unwrap();
        let log: Vec<String> = std::mem::take(&mut self.seen).into_iter().chain(self.log.iter()).collect();
        (status.code(), log.join("\n"))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Gracefully, so that the service does not stay.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.send(nix::sys::signal::Signal::SIGTERM);
            let _ = self.child.wait();
        }
    }
}
