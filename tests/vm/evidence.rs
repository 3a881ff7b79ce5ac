//! What an incident leaves behind names the culprit, for each runtime in its own terms.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use highwater_tests::{Highwater, program, python};
use serde_json::Value;

use crate::contract;
use crate::incident::{Place, done, end_of};
use crate::runtimes::{compiled_java, example, line, policy};

/// A policy for people who cannot wait: the healthy service is profiled early, and an incident is over soon.
pub fn hurried(name: &str, max: &str, age: &str) -> String {
    let text = policy(name, max);
    let baseline = text.lines().find(|line| line.starts_with("baseline")).expect("a baseline");
    let early = format!("baseline = {{ after = \"{age}\", every = \"1h\" }}");
    text.replace(baseline, &early) + "\n[incident]\nresolve-after = \"1s\"\n"
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

/// The leaking function, line or type is among the first three growers since the service was healthy.
#[track_caller]
pub fn is_named(record: &Value, culprit: &str) {
    let compared = &record["differences"][0];
    assert!(compared["before"].is_string(), "there was no healthy profile: {compared}");
    let growers = compared["difference"]["growers"].as_array().expect("growers");
    let first: Vec<&str> = growers.iter().take(3).filter_map(|grower| grower["site"].as_str()).collect();
    assert!(first.iter().any(|site| site.contains(culprit)), "{culprit} is not among {first:?}");
    assert_eq!(record["classification"]["kind"], "anon", "{}", record["classification"]);
}

/// The service begins to leak when its healthy profile is there.
#[track_caller]
pub fn leaks_until_the_restart(place: &Place, policy: &str, service: Vec<OsString>, when: &str) -> Value {
    let leak = place.file("leak");
    let mut service = service;
    service.extend([when.into(), leak.clone().into()]);
    let mut highwater = place.start(policy, place.cured_by_a_restart(service));
    highwater.journal().wait_for("profile.taken");
    fs::write(leak, "").expect("a file");
    done(highwater.journal(), "restart");
    let record = record(&highwater);
    highwater.stop();
    contract::check(highwater.journal());
    record
}

#[test]
fn of_go_the_function() {
    let place = Place::on_disk("evidence-go");
    let mut service = line(program("go-sessions"), "-self-load 10");
    service.extend(["-profile-dir".into(), place.directory().into()]);
    let record = leaks_until_the_restart(&place, &hurried("go", "96MiB", "1s"), service, "-self-load-when");
    is_named(&record, "rememberSessionForever");
    assert!(record["differences"][0]["flame_graph"].is_string(), "{record}");
}

#[test]
fn of_go_the_function_without_its_help() {
    let place = Place::on_disk("evidence-outside");
    let text = hurried("go", "96MiB", "1s");
    let by_signal = text.lines().find(|line| line.starts_with("dump = ")).expect("a dump");
    let text = text.replace(by_signal, "dump = { go = \"heap\" }");
    let record =
        leaks_until_the_restart(&place, &text, line(program("go-sessions"), "-self-load 10"), "-self-load-when");
    is_named(&record, "rememberSessionForever");
}

#[test]
fn of_python_the_line() {
    let place = Place::on_disk("evidence-python");
    let mut service = vec![python().into(), example("python-sessions/service.py").into()];
    service.extend(["--snapshot-dir".into(), place.directory().into()]);
    service.extend(line("--leak", "10"));
    let record = leaks_until_the_restart(&place, &hurried("python", "128MiB", "1s"), service, "--leak-when");
    is_named(&record, "service.py:");
}

#[test]
fn of_node_the_constructor() {
    let place = Place::on_disk("evidence-node");
    let service = vec!["node".into(), example("node-sessions/service.js").into(), "--leak".into(), "5".into()];
    let record = leaks_until_the_restart(&place, &hurried("node", "192MiB", "1s"), service, "--leak-when");
    is_named(&record, "Session");
}

#[test]
fn of_a_jvm_the_class() {
    let place = Place::on_disk("evidence-jvm");
    let mut service = line("java", "-XX:+UseSerialGC -Xmx175m -cp");
    service.push(compiled_java().into());
    service.extend(line("Sessions", "--leak 10 --in attributes"));
    let record = leaks_until_the_restart(&place, &hurried("jvm", "192MiB", "1s"), service, "--leak-when");
    is_named(&record, "Sessions$Attribute");
}

#[test]
fn a_signal_that_would_abort_a_jvm_is_not_sent() {
    let place = Place::on_disk("evidence-usr2");
    let mut service = line("java", "-XX:+UseSerialGC -Xmx140m -cp");
    service.push(compiled_java().into());
    service.extend(line("Sessions", "--leak 20"));
    let text = "[memory]\nmax = \"192MiB\"\n[trigger.level]\nusage = { of = \"current\", above = \"90MiB\" }\n\
        [[step]]\nname = \"dump\"\ndump = { signal = \"SIGUSR2\", file = \"DIR/heap-*\" }\n";
    let mut highwater = place.start(text, service);
    let end = end_of(highwater.journal(), "dump");
    assert_eq!(end["event"], "step.skipped", "{end}");
    assert!(Path::new("/proc").join(highwater.service().to_string()).exists(), "it was aborted");
    highwater.stop();
}
