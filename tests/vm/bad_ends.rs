//! Services that end badly, and hosts that take something away while highwater runs.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use highwater_tests::{Highwater, Process, Scratch, Signal, joining, program, wait_until};
use serde_json::Value;

const MIB: u64 = 1 << 20;
const ONCE: &str = "[service]\nrestart = \"never\"\nstop-timeout = \"5m\"\n";

/// Starts the service again by whatever ends it, three times at most.
const AGAIN: &str = "[service]\nrestart = \"always\"\n
    [trigger.breach]\nmemory-event = { counter = \"high\" }\n
    [[step]]\nname = \"restart\"\nafter = \"1h\"\n
    restart = { budget = { times = 3, within = \"1h\" }, backoff = \"50ms..200ms\" }\n";

/// A leak is answered by a restart as soon as it touches the tripwire at 64 MiB.
const RESTARTING: &str = "[memory]\nmax = \"128MiB\"\ntripwire = \"50%\"\n
    [trigger.breach]\nmemory-event = { counter = \"high\" }\n
    [[step]]\nname = \"restart\"\nrestart = { budget = { times = 50, within = \"1h\" }, backoff = \"50ms..200ms\" }\n";

fn leaker(options: &[&str]) -> Vec<OsString> {
    [program("leaker").into()].into_iter().chain(options.iter().map(Into::into)).collect()
}

fn leaker_with_log(options: &[&str], log: &Path) -> Vec<OsString> {
    leaker(options).into_iter().chain(["--log".into(), log.into()]).collect()
}

#[track_caller]
fn wait_for_text(file: &Path, text: &str) {
    let what = format!("{text} in {}", file.display());
    wait_until(&what, || fs::read_to_string(file).ok()?.contains(text).then_some(()));
}

fn reason(line: &Value) -> &str {
    line["reason"].as_str().unwrap_or_default()
}

#[test]
fn a_service_that_ends_at_once_spends_its_budget_and_then_all_is_over() {
    let scratch = Scratch::new("at-once");
    let mut highwater = Highwater::inside(&scratch).policy(AGAIN).run(leaker(&["--exit=3"]));
    assert_eq!(highwater.wait().code(), Some(75));
    let journal = highwater.journal();
    assert_eq!(journal.events("service.started").len(), 4, "the first and three restarts");
    assert!(journal.events("service.exited").iter().all(|line| line["code"] == 3));
    let backoffs = journal.events("service.backoff");
    let left: Vec<_> = backoffs.iter().map(|line| line["left"].as_u64().unwrap()).collect();
    assert_eq!(left, [2, 1, 0]);
    let waits: Vec<_> = backoffs.iter().map(|line| line["wait_ms"].as_u64().unwrap()).collect();
    assert!(waits.iter().all(|wait| (50..=200).contains(wait)), "{waits:?}");
    assert!(reason(&journal.wait_for("supervisor.stopping")).contains("budget of 3 restarts"));
    assert!(!scratch.file("service.4").exists());
}

#[test]
fn a_stop_during_a_backoff_ends_it() {
    let scratch = Scratch::new("backoff");
    let policy = AGAIN.replace("50ms..200ms", "10m..20m");
    let mut highwater = Highwater::inside(&scratch).policy(policy).run(leaker(&["--exit=3"]));
    highwater.journal().wait_for("service.backoff");
    assert_eq!(highwater.stop().code(), Some(0));
    assert_eq!(highwater.journal().events("service.started").len(), 1);
}

#[test]
fn a_service_that_ignores_the_stop_signal_is_killed_when_its_time_is_over() {
    let scratch = Scratch::new("ignores");
    let launcher = Highwater::inside(&scratch).policy("[service]\nstop-timeout = \"500ms\"\n");
    let log = launcher.directory().join("log");
    let mut highwater = launcher.run(leaker_with_log(&["--stop=ignore"], &log));
    wait_for_text(&log, "ready");
    assert_eq!(highwater.stop().signal(), Some(9));
    let journal = highwater.journal();
    journal.wait_for_line("what was done", |line| reason(line).contains("did not end within 500ms"));
    let exited = journal.wait_for("service.exited");
    assert_eq!(
        (&exited["signal"], &exited["cause"], &exited["oom_killed"]),
        (&9.into(), &"asked".into(), &false.into())
    );
}

#[test]
fn a_child_that_outlives_a_stopped_service_is_killed() {
    let scratch = Scratch::new("outlives");
    let script =
        "(trap '' TERM; while :; do sleep 1000; done) & trap 'exit 4' TERM; while :; do sleep 1000 & wait $!; done";
    let mut highwater = Highwater::inside(&scratch).policy(ONCE).run(["/bin/sh", "-c", script]);
    let service = Process(highwater.service());
    wait_until("the handler", || (service.signals("SigCgt") & (1 << 14) != 0).then_some(()));
    assert_eq!(highwater.stop().code(), Some(4));
    assert!(!scratch.file("service.1").exists(), "somebody is left");
}

/// A second process in the cgroup of the service, which is how a test makes it need memory.
struct Guest(Child);

impl Guest {
    fn new(cgroup: &Path, arguments: &[OsString]) -> Self {
        let join = joining(cgroup);
        Self(
            Command::new(&join[0])
                .args(&join[1..])
                .args(arguments)
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap(),
        )
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_stopped_service_is_not_asked_for_a_dump_but_can_be_ended() {
    let scratch = Scratch::new("stopped");
    let launcher = Highwater::inside(&scratch);
    let directory = launcher.directory().to_owned();
    let dump = directory.join("heap-%p.bin");
    let policy = format!(
        "{ONCE}\n[memory]\nmax = \"256MiB\"\n
        [trigger.full]\nusage = {{ of = \"anon\", above = \"20%\", for = \"0s\" }}\n
        [[step]]\nname = \"dump\"\n
        dump = {{ signal = \"SIGUSR1\", file = \"{}/heap-*.bin\", within = \"20s\" }}\n",
        directory.display()
    );
    let log = directory.join("log");
    let mut service = leaker_with_log(&["--dump-size=1"], &log);
    service.extend(["--dump-file".into(), dump.into()]);
    let mut highwater = launcher.policy(policy).run(service);
    wait_for_text(&log, "ready");
    Process(highwater.service()).signal(Signal::STOP);
    let _guest = Guest::new(&scratch.file("service.1"), &leaker(&["--base=96"]));
    let skipped = highwater.journal().wait_for("step.skipped");
    assert_eq!(skipped["step"], "dump");
    assert!(reason(&skipped).contains("stopped"), "{skipped}");
    assert_eq!(highwater.stop().code(), Some(0));
    let said = fs::read_to_string(&log).unwrap();
    assert!(said.contains("graceful") && !said.contains("dump"), "{said}");
}

#[test]
fn a_service_killed_by_others_is_started_again() {
    let scratch = Scratch::new("killed");
    let mut highwater = Highwater::inside(&scratch).policy(AGAIN).run(["sleep", "1000"]);
    highwater.service();
    scratch.write("service.1/cgroup.kill", 1);
    highwater.started(2);
    let exited = highwater.journal().wait_for("service.exited");
    assert_eq!(
        (&exited["signal"], &exited["cause"], &exited["oom_killed"]),
        (&9.into(), &"crash".into(), &false.into())
    );
    assert_eq!(highwater.stop().signal(), Some(15));
}

#[test]
fn a_cgroup_that_others_remove_is_made_anew() {
    let scratch = Scratch::new("removed");
    let mut highwater = Highwater::inside(&scratch).policy(AGAIN).run(["sleep", "1000"]);
    highwater.service();
    // So that the test is the first to remove it.
    highwater.signal(Signal::STOP);
    wait_until("highwater to hold still", || Process(highwater.pid()).status("State").starts_with('T').then_some(()));
    scratch.write("service.1/cgroup.kill", 1);
    wait_until("the removal of the cgroup", || fs::remove_dir(scratch.file("service.1")).ok());
    highwater.signal(Signal::CONT);
    let second = highwater.started(2);
    assert_eq!(second["cgroup"], scratch.file("service.2").to_str().unwrap());
    assert_eq!(highwater.stop().signal(), Some(15));
}

#[test]
fn without_the_memory_controller_under_its_feet_it_still_ends_properly() {
    let scratch = Scratch::new("disabled");
    let launcher = Highwater::inside(&scratch).policy(format!("{ONCE}\n[memory]\nmax = \"128MiB\"\n"));
    let log = launcher.directory().join("log");
    let mut highwater = launcher.run(leaker_with_log(&[], &log));
    wait_for_text(&log, "ready");
    wait_until("the tripwire", || (scratch.read("service.1/memory.high") != "max").then_some(()));
    scratch.write("cgroup.subtree_control", "-memory");
    assert!(!scratch.file("service.1/memory.high").exists());
    assert_eq!(highwater.stop().code(), Some(0));
    assert!(fs::read_to_string(&log).unwrap().contains("graceful"));
}

#[test]
fn a_limit_set_from_outside_is_the_one_decisions_are_made_by() {
    let scratch = Scratch::new("limit");
    let policy = format!(
        "{ONCE}\n[memory]\nmax = \"512MiB\"\ntripwire = \"off\"\n
        [trigger.full]\nusage = {{ of = \"anon\", above = \"50%\", for = \"0s\" }}\n
        [trigger.present]\nusage = {{ of = \"anon\", above = \"5%\", for = \"0s\" }}\n
        [[step]]\nname = \"note\"\ncommand = {{ run = [\"true\"], within = \"10s\" }}\n"
    );
    let mut highwater = Highwater::inside(&scratch).policy(policy).run(leaker(&["--base=64"]));
    let fired = |trigger: &str| {
        highwater
            .journal()
            .wait_for_line(trigger, |line| line["event"] == "trigger.fired" && line["trigger"] == trigger)
    };
    assert_eq!(fired("present")["reading"]["above"], 512 * MIB / 20);
    assert!(highwater.journal().events("trigger.fired").iter().all(|line| line["trigger"] == "present"));
    scratch.write("service.1/memory.max", 96 * MIB);
    assert_eq!(fired("full")["reading"]["above"], 48 * MIB);
    highwater.stop();
}

#[test]
fn the_tripwire_follows_a_limit_set_from_outside() {
    let scratch = Scratch::new("limit");
    let policy = format!("{ONCE}\n[memory]\nmax = \"512MiB\"\ntripwire = \"50%\"\n");
    let mut highwater = Highwater::inside(&scratch).policy(policy).run(leaker(&["--base=16"]));
    highwater.service();
    let high = |mib: u64| {
        wait_until("the tripwire", || (scratch.read("service.1/memory.high") == (mib * MIB).to_string()).then_some(()));
    };
    high(256);
    scratch.write("service.1/memory.max", 96 * MIB);
    high(48);
    // As does one further up.
    scratch.write("memory.max", 64 * MIB);
    high(32);
    scratch.write("memory.max", "max");
    high(48);
    highwater.stop();
}

/// A small file system in memory, unmounted at the end.
struct Small(PathBuf);

impl Small {
    fn new(path: PathBuf) -> Self {
        fs::create_dir(&path).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&path).status();
        assert!(mounted.unwrap().success());
        Self(path)
    }

    /// Leaves room for nothing.
    fn fill(&self) -> PathBuf {
        let file = self.0.join("filler");
        let mut filler = fs::File::create(&file).unwrap();
        while filler.write_all(&[0; 4096]).is_ok() {}
        file
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_stops_no_step_and_is_said() {
    let scratch = Scratch::new("full");
    let launcher = Highwater::inside(&scratch).policy(RESTARTING);
    let small = Small::new(launcher.directory().join("small"));
    let mut highwater = launcher.state_dir(&small.0).run(leaker(&["--base=32", "--rate=10", "--leak-after=1"]));
    highwater.service();
    let filler = small.fill();
    let started = || highwater.stderr().matches("service started").count();
    // The page the journal was in when the disk filled up still takes some lines.
    wait_until("lost records", || highwater.stderr().contains("records lost so far").then_some(()));
    let lost_in = started();
    wait_until("the next generation", || (started() > lost_in).then_some(()));
    fs::remove_file(filler).unwrap();
    wait_until("the count", || highwater.stderr().contains("records are only in this log").then_some(()));
    highwater.stop();
    let last = highwater.journal().events("supervisor.stopping");
    assert_eq!(last.len(), 1, "the journal goes on where it can");
}

#[test]
fn a_log_nobody_reads_stops_no_step() {
    let scratch = Scratch::new("stuck");
    let (reader, mut writer) = io::pipe().unwrap();
    // A pipe holds 64 KiB.
    writer.write_all(&vec![b'\n'; 65536]).unwrap();
    let mut highwater =
        Highwater::inside(&scratch).policy(RESTARTING).stderr(writer).run(leaker(&["--base=32", "--rate=10"]));
    highwater.started(3);
    let steps = highwater.journal().events("step.finished");
    assert!(steps.iter().all(|line| line["outcome"] == "done"), "{steps:?}");
    // Whether by its handler or before it had one.
    highwater.stop();
    assert_eq!(highwater.journal().events("supervisor.stopping").len(), 1);
    assert_eq!(highwater.journal().events("service.exited").last().unwrap()["cause"], "asked");
    drop(reader);
}

#[test]
fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let scratch = Scratch::new("dry-run");
    let launcher = Highwater::inside(&scratch).option("--dry-run");
    let log = launcher.directory().join("log");
    let policy = format!(
        "{ONCE}\n[memory]\nmax = \"128MiB\"\ntripwire = \"40%\"\n
        [trigger.breach]\nmemory-event = {{ counter = \"high\" }}\n
        [[step]]\nname = \"dump\"\ndump = {{ signal = \"SIGUSR1\", file = \"{directory}/heap-*.bin\", within = \"20s\" }}\n
        [[step]]\nname = \"throttle\"\nthrottle = {{ high = \"40%\", for = \"5m\" }}\n
        [[step]]\nname = \"tell\"\ncommand = {{ run = [\"touch\", \"{directory}/told\"], within = \"10s\" }}\n
        [[step]]\nname = \"restart\"\nrestart = {{ budget = {{ times = 3, within = \"1h\" }}, backoff = \"1s..2s\" }}\n",
        directory = launcher.directory().display(),
    );
    let directory = launcher.directory().to_owned();
    let dump = format!("--dump-file={}/heap-%p.bin", directory.display());
    let service = leaker_with_log(&["--rate=20", "--stop-leak-at=100", "--dump-size=1", &dump], &log);
    let mut highwater = launcher.policy(policy).run(service);
    let journal = highwater.journal();
    journal.wait_for_line("the last step", |line| line["event"] == "step.finished" && line["step"] == "restart");
    for (step, would) in [("dump", "SIGUSR1"), ("throttle", "40%"), ("tell", "touch"), ("restart", "SIGTERM")] {
        let finished = journal.events("step.finished");
        let line = finished.iter().find(|line| line["step"] == step).unwrap_or_else(|| panic!("no {step}"));
        assert!(reason(line).contains("dry run: would") && reason(line).contains(would), "{line}");
    }
    // Unhindered, it gets there in seconds.
    wait_for_text(&log, "plateau");
    assert_eq!(journal.events("service.started").len(), 1);
    assert_eq!(journal.events("service.exited").len(), 0);
    let said = fs::read_to_string(&log).unwrap();
    assert!(!said.contains("dump") && !said.contains("graceful"), "{said}");
    assert!(!directory.join("told").exists());
    assert_eq!(highwater.stop().code(), Some(0), "a stop is not a step");
}
