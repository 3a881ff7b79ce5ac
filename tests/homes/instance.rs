//! An instance of `highwater@.service`, as an administrator makes one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use highwater_tests::{Journal, call, program, wait_until};

use crate::package;

/// `highwater@NAME.service`. Stopped at the end of the test; of one that fails, systemd's journal is shown.
pub struct Instance {
    name: String,
    journal: Journal,
}

impl Instance {
    /// Writes its policy, its program (a shell script) and a drop-in, but does not start it.
    #[track_caller]
    pub fn new(name: &str, policy: &str, script: &str, drop_in: &str) -> Self {
        package::installed();
        let file = Path::new("/etc/highwater").join(name);
        write(&file.with_extension("toml"), policy);
        write(&file, &format!("#!/bin/sh\n{script}"));
        fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        let instance = Self { name: name.into(), journal: Journal::in_state_dir(&state_dir(name)) };
        instance.drop_in("test.conf", drop_in);
        instance
    }

    /// Adds a drop-in.
    #[track_caller]
    pub fn drop_in(&self, file: &str, text: &str) {
        write(&Path::new("/etc/systemd/system").join(self.unit() + ".d").join(file), text);
        call(["systemctl", "daemon-reload"]);
    }

    /// The name of the unit.
    pub fn unit(&self) -> String {
        format!("highwater@{}.service", self.name)
    }

    /// `systemctl VERB UNIT`, which must work.
    #[track_caller]
    pub fn systemctl(&self, verb: &str) -> String {
        call(["systemctl", verb, &self.unit()])
    }

    /// Properties as `systemctl show` has them, `Name=value` a line in the order of systemd.
    #[track_caller]
    pub fn show(&self, properties: &str) -> Vec<String> {
        let text = call(["systemctl", "show", "--property", properties, &self.unit()]);
        text.lines().map(str::to_owned).collect()
    }

    /// The process of highwater.
    #[track_caller]
    pub fn main_pid(&self) -> u32 {
        main_pid(&self.unit())
    }

    /// The main process of the service of that generation, as soon as it runs.
    #[track_caller]
    pub fn service(&self, generation: u64) -> u32 {
        let started = self.journal.wait_for_line("service.started", |line| {
            line["event"] == "service.started" && line["generation"] == generation
        });
        started["pid"].as_u64().and_then(|pid| pid.try_into().ok()).expect("a pid")
    }

    /// What highwater writes down.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Waits until systemd has it in this state.
    #[track_caller]
    pub fn wait_for(&self, state: &str) {
        let wanted = format!("ActiveState={state}");
        wait_until(&wanted, || (self.show("ActiveState") == [&*wanted]).then_some(()));
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = Command::new("journalctl").args(["--no-pager", "--unit", &self.unit()]).output().unwrap();
            eprintln!("---- journal of {}\n{}", self.unit(), String::from_utf8_lossy(&said.stdout));
        }
        let _ = Command::new("systemctl").args(["stop", &self.unit()]).status();
        let _ = fs::remove_dir_all(state_dir(&self.name));
    }
}

/// The process that systemd takes for the main one of a unit.
#[track_caller]
pub fn main_pid(unit: &str) -> u32 {
    let pid = call(["systemctl", "show", "--property", "MainPID", "--value", unit]);
    pid.parse().unwrap_or_else(|error| panic!("MainPID {pid}: {error}"))
}

/// What systemd's journal has, with all that was written to it so far.
#[track_caller]
pub fn journalctl<const N: usize>(asked: [&str; N]) -> String {
    call(["journalctl", "--sync"]);
    call(["journalctl", "--no-pager"].iter().chain(&asked))
}

/// The leaker where every unit finds it: what is below /tmp is not there for one with a /tmp of its own.
#[track_caller]
pub fn leaker() -> &'static str {
    let place = "/usr/local/bin/leaker";
    if !Path::new(place).exists() {
        fs::copy(program("leaker"), place).unwrap();
    }
    place
}

/// Writes a file, and the directory it is in.
#[track_caller]
pub fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a file is in a directory")).unwrap();
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn state_dir(name: &str) -> PathBuf {
    Path::new("/var/lib/highwater").join(name)
}
