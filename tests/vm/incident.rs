//! A service that leaks under highwater, and what is asked of the record of its incident.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use highwater_tests::{Highwater, Journal, Scratch, disk, program};
use serde_json::Value;

pub const MIB: u64 = 1 << 20;

/// A cgroup for highwater and a directory for what the service writes, both gone at the end of the test.
pub struct Place {
    pub scratch: Scratch,
    directory: PathBuf,
}

impl Place {
    /// The service writes to a disk, through page cache that can be written back.
    #[track_caller]
    pub fn on_disk(name: &str) -> Self {
        Self::below(&disk(), name)
    }

    /// The service writes to memory, all of which is charged to it for good: what a hold was measured with.
    #[track_caller]
    pub fn in_memory(name: &str) -> Self {
        Self::below(Path::new("/dev/shm"), name)
    }

    #[track_caller]
    pub fn below(parent: &Path, name: &str) -> Self {
        let directory = parent.join(format!("place-{name}-{}", std::process::id()));
        fs::create_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        Self { scratch: Scratch::new(name), directory }
    }

    /// A file of the service.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The directory of the service.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The native leaker with its log and its dumps in this place, `heap-PID-NUMBER.bin`.
    pub fn leaker(&self, options: &str) -> Vec<OsString> {
        let (dumps, log) = (self.file("heap-%p-%n.bin"), self.file("log"));
        let fixed = [program("leaker").into(), "--dump-file".into(), dumps.into(), "--log".into(), log.into()];
        fixed.into_iter().chain(options.split_whitespace().map(OsString::from)).collect()
    }

    /// What the leaker says of itself, in lines.
    pub fn leaker_log(&self) -> Vec<String> {
        fs::read_to_string(self.file("log")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// A service that leaks in its first generation only, so that an incident can come to its end.
    pub fn cured_by_a_restart(&self, service: Vec<OsString>) -> Vec<OsString> {
        let script = r#"[ -e "$0" ] && exec sleep 1000; : >"$0"; exec "$@""#;
        let shell = ["/bin/sh".into(), "-c".into(), script.into(), self.file("second-generation").into()];
        shell.into_iter().chain(service).collect()
    }

    /// Starts a service under a policy, in which `DIR` stands for the directory of this place.
    #[track_caller]
    pub fn start(&self, policy: &str, service: Vec<OsString>) -> Highwater {
        let directory = self.directory.to_str().expect("the lane's paths are text");
        Highwater::inside(&self.scratch).policy(policy.replace("DIR", directory)).run(service)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- what the leaker said\n{}", self.leaker_log().join("\n"));
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The end of a step, `step.finished` or `step.skipped`, as soon as it is there.
#[track_caller]
pub fn end_of(journal: &Journal, step: &str) -> Value {
    journal.wait_for_line(&format!("the end of step {step}"), |line| {
        line["step"] == step && (line["event"] == "step.finished" || line["event"] == "step.skipped")
    })
}

/// The end of a step that did what it was for.
#[track_caller]
pub fn done(journal: &Journal, step: &str) -> Value {
    let end = end_of(journal, step);
    assert_eq!(end["outcome"], "done", "{end}");
    end
}

/// The end of a step that ended otherwise, with its reason.
#[track_caller]
pub fn not_done(journal: &Journal, step: &str, outcome: &str) -> String {
    let end = end_of(journal, step);
    assert_eq!((&end["event"], &end["outcome"]), (&"step.finished".into(), &outcome.into()), "{end}");
    reason(&end)
}

/// Why a step was left out.
#[track_caller]
pub fn skipped(journal: &Journal, step: &str) -> String {
    let end = end_of(journal, step);
    assert_eq!(end["event"], "step.skipped", "{end}");
    reason(&end)
}

/// The beginning of a step, as soon as it is there.
#[track_caller]
pub fn start_of(journal: &Journal, step: &str) -> Value {
    let what = format!("the start of step {step}");
    journal.wait_for_line(&what, |line| line["event"] == "step.started" && line["step"] == step)
}

/// The `reason` of a line.
#[track_caller]
pub fn reason(line: &Value) -> String {
    line["reason"].as_str().unwrap_or_else(|| panic!("no reason: {line}")).to_owned()
}

/// A number in a line.
#[track_caller]
pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// The path of the only piece of evidence of a step.
#[track_caller]
pub fn evidence(end: &Value) -> PathBuf {
    let found = end["evidence"].as_array().map_or(0, Vec::len);
    assert_eq!(found, 1, "{end}");
    end["evidence"][0]["path"].as_str().unwrap_or_else(|| panic!("no path: {end}")).into()
}

/// The cgroup of a generation, from its `service.started`.
#[track_caller]
pub fn cgroup_of(started: &Value) -> PathBuf {
    started["cgroup"].as_str().unwrap_or_else(|| panic!("no cgroup: {started}")).into()
}

/// A number that a file of a cgroup holds; `None` for `max`, or if the cgroup is gone.
pub fn limit(cgroup: &Path, file: &str) -> Option<u64> {
    fs::read_to_string(cgroup.join(file)).ok()?.trim().parse().ok()
}
