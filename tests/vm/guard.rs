//! highwater ends without a word, as by the OOM killer: no service stays behind throttled, none without a trace.

use std::fs;
use std::path::Path;

use highwater_tests::{Highwater, Process, Scratch, Signal, program, wait_until};
use serde_json::Value;

const TRIPWIRE_ONLY: &str = "[service]\nrestart = \"never\"\n\n[memory]\nmax = \"128MiB\"\ntripwire = \"50%\"\n";

const THROTTLING: &str = "[memory]\nmax = \"128MiB\"\ntripwire = \"50%\"\n
    [trigger.breach]\nmemory-event = { counter = \"high\" }\n
    [[step]]\nname = \"throttle\"\nthrottle = { high = \"50%\", for = \"30m\" }\n";

fn high(scratch: &Scratch) -> String {
    scratch.read("service.1/memory.high")
}

/// A service that leaks from 56 to 100 MiB, which is beyond the tripwire but below the limit, and says when it got there.
/// From the tripwire on that takes seconds, which is time enough to throttle it; under a throttle it would take days.
fn leaking(log: &Path) -> Vec<std::ffi::OsString> {
    let options = ["--base=56", "--rate=5", "--stop-leak-at=44", "--log"].map(Into::into);
    [program("leaker").into()].into_iter().chain(options).chain([log.into()]).collect()
}

/// Waits until the service is throttled, that is until a limit below its usage is in force.
fn wait_for_the_throttle(highwater: &Highwater, scratch: &Scratch) {
    highwater
        .journal()
        .wait_for_line("the throttle", |line| line["event"] == "step.started" && line["action"] == "throttle");
    wait_until("a limit below usage", || {
        let high: u64 = high(scratch).parse().ok()?;
        let current: u64 = scratch.read("service.1/memory.current").parse().ok()?;
        (high < current).then_some(())
    });
}

/// The guard of a highwater: its only child in its own cgroup.
fn guard_of(highwater: &Highwater) -> Process {
    let leaf = Process(highwater.pid()).cgroup().join("cgroup.procs");
    let pids = fs::read_to_string(leaf).unwrap();
    let mut guards = pids.lines().map(|pid| Process(pid.parse().unwrap()));
    guards.find(|process| process.parent() == highwater.pid()).expect("a guard")
}

#[track_caller]
fn assert_lost(lost: &Value, service: Process) {
    assert_eq!(lost["pids"], Value::Array(vec![service.0.into()]));
    assert_eq!((&lost["generation"], &lost["lifted"]), (&1.into(), &true.into()));
    for key in ["time", "mono_ns", "name"] {
        assert!(!lost[key].is_null(), "{key} is not in: {lost}");
    }
}

#[test]
fn killed_while_it_throttles_it_leaves_the_service_free() {
    let scratch = Scratch::new("killed");
    let launcher = Highwater::inside(&scratch).policy(THROTTLING);
    let log = launcher.directory().join("log");
    let mut highwater = launcher.run(leaking(&log));
    let service = Process(highwater.service());
    wait_for_the_throttle(&highwater, &scratch);
    assert!(!fs::read_to_string(&log).unwrap().contains("plateau"), "the service was not held back");
    highwater.kill();
    assert_lost(&highwater.journal().wait_for("supervisor.lost"), service);
    assert_eq!(high(&scratch), "max");
    wait_until("the service to go on", || fs::read_to_string(&log).unwrap().contains("plateau").then_some(()));
    assert!(service.is_alive());
    assert!(highwater.stderr().contains("unsupervised"), "{}", highwater.stderr());
}

#[test]
fn killed_while_all_is_calm_it_leaves_no_tripwire() {
    let scratch = Scratch::new("killed");
    let mut highwater =
        Highwater::inside(&scratch).policy(TRIPWIRE_ONLY).run([program("leaker").as_os_str(), "--base=16".as_ref()]);
    let service = Process(highwater.service());
    wait_until("the tripwire", || (high(&scratch) == (64 << 20).to_string()).then_some(()));
    let guard = guard_of(&highwater);
    highwater.kill();
    assert_lost(&highwater.journal().wait_for("supervisor.lost"), service);
    assert_eq!(high(&scratch), "max");
    assert!(service.is_alive());
    wait_until("the end of the guard", || (!guard.is_alive()).then_some(()));
}

#[test]
fn an_orderly_end_is_no_loss() {
    let scratch = Scratch::new("orderly");
    let mut highwater = Highwater::inside(&scratch).policy(TRIPWIRE_ONLY).run(["sleep", "1000"]);
    highwater.service();
    let guard = guard_of(&highwater);
    highwater.stop();
    wait_until("the end of the guard", || (!guard.is_alive()).then_some(()));
    assert_eq!(highwater.journal().events("supervisor.lost").len(), 0);
}

#[test]
fn the_next_one_clears_what_was_left_and_goes_on_with_the_incident() {
    let scratch = Scratch::new("next");
    let launcher = Highwater::inside(&scratch).policy(THROTTLING);
    let log = launcher.directory().join("log");
    let mut first = launcher.run(leaking(&log));
    let service = Process(first.service());
    wait_for_the_throttle(&first, &scratch);
    first.kill();
    first.journal().wait_for("supervisor.lost");
    let incident = first.journal().wait_for("incident.opened")["incident"].clone();

    let second = Highwater::inside_directory(&scratch.file("supervisor"))
        .policy(TRIPWIRE_ONLY)
        .state_dir(first.state_dir())
        .run(["sleep", "1000"]);
    let successor = wait_until("the next service", || {
        let started = second.journal().events("service.started");
        Some(Process(u32::try_from(started.get(1)?["pid"].as_u64()?).ok()?))
    });
    assert!(!service.is_alive());
    assert_eq!(successor.cgroup(), scratch.path().join("service.1"));
    second.journal().wait_for_line("the report of what was left", |line| {
        line["event"] == "supervisor.notice"
            && ["service.1", &service.0.to_string(), "removed"]
                .iter()
                .all(|part| line["reason"].to_string().contains(part))
    });
    second.journal().wait_for_line("the incident of the predecessor", |line| {
        line["event"] == "service.started" && line["pid"] == successor.0 && line["incident"] == incident
    });
}

#[test]
fn a_guard_that_is_killed_is_replaced() {
    let scratch = Scratch::new("guard-killed");
    let launcher = Highwater::inside(&scratch).policy(TRIPWIRE_ONLY);
    let pipe = launcher.directory().join("pipe");
    let orphan = launcher.directory().join("orphan");
    let script = format!(
        "mkfifo {pipe}; (sh -c 'echo $$ >{orphan}; read line <{pipe}' &); exec sleep 1000",
        pipe = pipe.display(),
        orphan = orphan.display(),
    );
    let mut highwater = launcher.run(["/bin/sh", "-c", &script]);
    let number = wait_until("the orphan", || Some(fs::read_to_string(&orphan).ok()?.strip_suffix('\n')?.to_owned()));
    guard_of(&highwater).signal(Signal::KILL);
    highwater.journal().wait_for_line("the replacement of the guard", |line| {
        line["event"] == "supervisor.notice" && line["reason"].to_string().contains("was replaced")
    });
    // Nor does it stand in the way of other children that are to be reaped.
    drop(fs::OpenOptions::new().write(true).open(&pipe).unwrap());
    let entry = format!("/proc/{number}");
    wait_until("the burial of the orphan", || (!Path::new(&entry).exists()).then_some(()));
    wait_until("the tripwire", || (high(&scratch) != "max").then_some(()));
    highwater.kill();
    assert_lost(&highwater.journal().wait_for("supervisor.lost"), Process(highwater.service()));
    assert_eq!(high(&scratch), "max");
}
