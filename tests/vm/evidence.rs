//! What an incident leaves behind names the culprit, for each runtime in its own terms.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use highwater_tests::{Highwater, program, python};
use serde_json::Value;

use crate::contract;
use crate::incident::{Place, done, evidence};
use crate::runtimes::{ended_gracefully, example, line, names_the_leak, output_of, policy};

/// A policy for people who cannot wait: the healthy service is profiled early, a throttle is short, the restart comes soon
/// after the dump, and so does the end of the incident.
pub fn hurried(name: &str, max: &str, age: &str) -> String {
    let text = policy(name, max);
    let baseline = text.lines().find(|line| line.starts_with("baseline")).expect("a baseline");
    let early = format!("baseline = {{ after = \"{age}\", every = \"1h\" }}");
    let sooner = [(baseline, &*early), ("after   = \"5s\"", "after = \"1s\""), ("for = \"20s\"", "for = \"2s\"")];
    let hurried = sooner.into_iter().fold(text.clone(), |text, (late, soon)| text.replace(late, soon));
    hurried + "\n[incident]\nresolve-after = \"1s\"\n"
}

/// What the record of the only incident says, once it is complete.
#[track_caller]
pub fn record(highwater: &Highwater) -> Value {
    let analysed = highwater.journal().wait_for("incident.analysed");
    let directory = highwater.state_dir().join("evidence").join(analysed["incident"].as_str().expect("an incident"));
    let text = fs::read_to_string(directory.join("incident.json")).expect("a record");
    let record: Value = serde_json::from_str(&text).expect("the record is JSON");
    for file in record["files"].as_array().expect("files") {
        let name = file["path"].as_str().expect("a name");
        let size = fs::metadata(directory.join(name)).unwrap_or_else(|error| panic!("{name}: {error}")).len();
        assert_eq!(file["bytes"], size, "{file}");
        assert!(file["sha256"].as_str().is_some_and(|digest| digest.len() == 64), "{file}");
    }
    record
}

/// What a highwater has left that was stopped after its incident was over.
pub struct Left {
    highwater: Highwater,
    record: Value,
    page: String,
}

impl Left {
    #[track_caller]
    pub fn by(mut highwater: Highwater) -> Self {
        let record = record(&highwater);
        highwater.stop();
        contract::check(highwater.journal());
        let mut report = Command::new(program("highwater"));
        report.args(["report", "--output", "-", "--state-dir"]).arg(highwater.state_dir());
        Self { highwater, record, page: output_of(&mut report) }
    }

    /// The leaking function, line or type is among the first three growers since the service was healthy, for programs
    /// and for people.
    #[track_caller]
    pub fn names(&self, culprit: &str) {
        let compared = &self.record["differences"][0];
        assert!(compared["before"].is_string(), "there was no healthy profile: {compared}");
        let growers = compared["difference"]["growers"].as_array().expect("growers");
        let first: Vec<&str> = growers.iter().take(3).filter_map(|grower| grower["site"].as_str()).collect();
        assert!(first.iter().any(|site| site.contains(culprit)), "{culprit} is not among {first:?}");
        assert_eq!(self.record["classification"]["kind"], "anon", "{}", self.record["classification"]);
        let (_, growers) = self.page.split_once("id=\"growers\"").expect("the section of what grew");
        let mut rows = growers.split("<tbody").nth(1).expect("a table").split("<tr").skip(1).take(3);
        assert!(rows.any(|row| row.contains(culprit)), "{culprit} is not first in {growers}");
    }

    /// The flame graph is there, for programs and for people.
    #[track_caller]
    pub fn has_flame_graph(&self) {
        assert!(self.record["differences"][0]["flame_graph"].is_string(), "{}", self.record);
        assert!(self.page.contains("aria-label=\"Flame graph of "), "{}", self.page);
    }

    #[track_caller]
    fn step(&self, name: &str) -> &Value {
        let steps = self.record["steps"].as_array().expect("steps");
        steps.iter().find(|step| step["step"] == name).unwrap_or_else(|| panic!("no {name}: {steps:?}"))
    }

    /// The file of a step that was done.
    #[track_caller]
    fn capture(&self, step: &str) -> PathBuf {
        evidence(&done(self.highwater.journal(), step))
    }
}

/// The service begins to leak when its healthy profile is there.
#[track_caller]
pub fn leaks_until_the_restart(place: &Place, policy: &str, service: Vec<OsString>, when: &str) -> Left {
    let leak = place.file("leak");
    let mut service = service;
    service.extend([when.into(), leak.clone().into()]);
    let highwater = place.start(policy, place.cured_by_a_restart(service));
    highwater.journal().wait_for("profile.taken");
    fs::write(leak, "").expect("a file");
    // For each of both a busy machine may take its time.
    highwater.journal().wait_for("incident.opened");
    done(highwater.journal(), "restart");
    Left::by(highwater)
}

#[test]
fn of_go_the_function() {
    let place = Place::on_disk("evidence-go");
    let mut service = line(program("go-sessions"), "-self-load 5");
    service.extend(["-profile-dir".into(), place.directory().into()]);
    let left = leaks_until_the_restart(&place, &hurried("go", "96MiB", "1s"), service, "-self-load-when");
    left.names("rememberSessionForever");
    left.has_flame_graph();
    names_the_leak(&left.capture("heap-profile"));
    ended_gracefully(&left.highwater);
}

#[test]
fn of_go_the_function_without_its_help() {
    let place = Place::on_disk("evidence-outside");
    let text = hurried("go", "96MiB", "1s");
    let by_signal = text.lines().find(|line| line.starts_with("dump = ")).expect("a dump");
    let text = text.replace(by_signal, "dump = { go = \"heap\" }");
    let service = line(program("go-sessions"), "-self-load 5");
    leaks_until_the_restart(&place, &text, service, "-self-load-when").names("rememberSessionForever");
}

#[test]
fn of_python_the_line() {
    let place = Place::on_disk("evidence-python");
    let script = example("python-sessions/service.py");
    let mut service = vec![python().into(), script.clone().into()];
    service.extend(["--snapshot-dir".into(), place.directory().into()]);
    service.extend(line("--leak", "5"));
    let left = leaks_until_the_restart(&place, &hurried("python", "128MiB", "1s"), service, "--leak-when");
    let source = fs::read_to_string(script).unwrap();
    let leak = source.lines().position(|line| line.contains("os.read(")).expect("the leak") + 1;
    left.names(&format!("service.py:{leak}"));
    ended_gracefully(&left.highwater);
}

#[test]
fn of_node_the_constructor() {
    let place = Place::on_disk("evidence-node");
    let service = vec!["node".into(), example("node-sessions/service.js").into(), "--leak".into(), "5".into()];
    let text = hurried("node", "192MiB", "1s").replace("above = \"90%\"", "above = \"60%\"");
    leaks_until_the_restart(&place, &text, service, "--leak-when").names("Session");
}

/// Its histogram does, its threads are had as well, and it is not sent a signal that would abort it, although it looks as
/// if it were handled.
#[test]
fn of_a_jvm_the_class() {
    let place = Place::on_disk("evidence-jvm");
    let mut service = line("java", "-XX:+UseSerialGC -Xmx120m -cp");
    service.push(program("java-sessions").into());
    service.extend(line("Sessions", "--leak 5 --in attributes"));
    let more =
        ["signal = \"SIGUSR2\", file = \"DIR/heap-*\"", "jvm = \"threads\""].into_iter().zip(["abort", "threads"]);
    let more = more.map(|(dump, name)| format!("[[step]]\nname = \"{name}\"\ndump = {{ {dump} }}\n"));
    let text = hurried("jvm", "144MiB", "1s").replace("above = \"90%\"", "above = \"70%\"");
    let (before, restart) = text.rsplit_once("[[step]]").expect("steps");
    let text = format!("{before}{}[[step]]{restart}", more.collect::<String>());
    let left = leaks_until_the_restart(&place, &text, service, "--leak-when");
    left.names("Sessions$Attribute");
    assert_eq!(left.step("abort")["outcome"], "skipped");
    let threads = left.step("threads");
    assert!(threads["evidence"][0].as_str().is_some_and(|file| file.starts_with("threads_")), "{threads}");
}
