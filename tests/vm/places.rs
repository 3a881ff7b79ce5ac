//! Where highwater starts: what it makes of the cgroup it finds itself in, and of a host that gives less.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Command, Stdio};

use highwater_tests::{Highwater, Launcher, Process, Scratch, Signal, joining, program, wait_until};
use serde_json::Value;

const MIB: u64 = 1 << 20;
const ONCE: &str = "[service]\nrestart = \"never\"\n";
const LIMITED: &str = "[service]\nrestart = \"never\"\n\n[memory]\nmax = \"96MiB\"\n";

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).trim_end().to_owned()
}

fn write(path: impl AsRef<Path>, text: &str) {
    let path = path.as_ref();
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Why an ability is missing, by the journal.
#[track_caller]
fn missing(highwater: &Highwater, ability: &str) -> Option<String> {
    let started = highwater.journal().wait_for("supervisor.started");
    let missing = started["missing"].as_array().expect("a list");
    let lack = missing.iter().find(|lack| lack["ability"] == ability)?;
    Some(lack["reason"].as_str().expect("a reason").to_owned())
}

/// Why an ability is missing and what to do, by `doctor --json`.
#[track_caller]
fn lacking(findings: &Value, ability: &str) -> Option<(String, String)> {
    let missing = findings["missing"].as_array().expect("a list");
    let lack = missing.iter().find(|lack| lack["ability"] == ability)?;
    let has = findings["abilities"].as_array().expect("a list").iter().any(|name| name == ability);
    assert!(!has, "{ability} is both there and missing");
    let text = |key: &str| lack[key].as_str().unwrap_or_default().to_owned();
    Some((text("reason"), text("remedy")))
}

#[track_caller]
fn doctor(launcher: Launcher) -> Value {
    let output = launcher.call(&["doctor", "--json"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error} in: {said}"))
}

/// Runs the command it is given with every cgroup read-only, as most containers are.
const READ_ONLY: [&str; 5] =
    ["unshare", "--mount", "/bin/sh", "-c", "mount -o remount,bind,ro /sys/fs/cgroup && exec \"$0\" \"$@\""];

/// Runs the command it is given where no cgroup is to be seen.
const NO_CGROUP: [&str; 5] =
    ["unshare", "--mount", "/bin/sh", "-c", "umount --lazy /sys/fs/cgroup && exec \"$0\" \"$@\""];

#[test]
fn the_service_has_a_cgroup_of_its_own_with_the_limit_of_the_policy() {
    let scratch = Scratch::new("set-up");
    let mut highwater = Highwater::inside(&scratch).policy(LIMITED).run(["sleep", "1000"]);
    let service = Process(highwater.service());
    let own = scratch.path().join("service.1");
    assert_eq!(service.cgroup(), own);
    assert_eq!(Process(highwater.pid()).cgroup(), scratch.path().join("supervisor"));
    assert_eq!(highwater.started(1)["cgroup"], own.to_str().unwrap());
    assert_eq!(read(own.join("memory.max")), (96 * MIB).to_string());
    assert_eq!(read(own.join("memory.oom.group")), "1");
    assert_eq!(read(own.join("cgroup.procs")), service.0.to_string());
    assert_eq!(scratch.read("cgroup.procs"), "");
    assert_eq!(highwater.journal().wait_for("supervisor.started")["missing"], Value::Array(vec![]));
    highwater.stop();
    assert!(!own.exists(), "the cgroup of the service stays behind");
}

#[test]
fn each_generation_has_a_fresh_cgroup() {
    let scratch = Scratch::new("generations");
    let policy = "[service]\nrestart = \"always\"\n
        [trigger.breach]\nmemory-event = { counter = \"high\" }\n
        [[step]]\nname = \"restart\"\nrestart = { budget = { times = 3, within = \"1h\" }, backoff = \"100ms..200ms\" }";
    let highwater = Highwater::inside(&scratch).policy(policy).run(["sleep", "1000"]);
    for generation in 1..=3 {
        let started = highwater.started(generation);
        let name = format!("service.{generation}");
        let service = Process(started["pid"].as_u64().unwrap().try_into().unwrap());
        assert_eq!(service.cgroup(), scratch.path().join(&name));
        service.signal(Signal::TERM);
        wait_until("the removal of the cgroup", || (!scratch.file(&name).exists()).then_some(()));
    }
}

#[test]
fn others_in_its_cgroup_are_moved_aside() {
    let scratch = Scratch::new("others");
    let mut other = scratch.command("sleep").arg("1000").spawn().unwrap();
    wait_until("the other in its cgroup", || (scratch.read("cgroup.procs") == other.id().to_string()).then_some(()));
    let highwater = Highwater::inside(&scratch).policy(ONCE).run(["sleep", "1000"]);
    highwater.service();
    assert_eq!(Process(other.id()).cgroup(), scratch.path().join("supervisor"));
    assert_eq!(missing(&highwater, "cgroup"), None);
    other.kill().unwrap();
    other.wait().unwrap();
}

/// Makes the cgroups that a predecessor leaves behind: its leaf, and a generation that is throttled and frozen.
fn leave_behind(scratch: &Scratch) -> (std::path::PathBuf, Process) {
    fs::create_dir(scratch.file("supervisor")).unwrap();
    scratch.write("cgroup.subtree_control", "+memory");
    let old = scratch.file("service.7");
    fs::create_dir(&old).unwrap();
    let join = joining(&old);
    let child = Command::new(&join[0]).args(&join[1..]).args(["sleep", "1000"]).spawn().unwrap();
    let left = Process(child.id());
    wait_until("what is left behind", || (left.cgroup() == old).then_some(()));
    write(old.join("memory.high"), &MIB.to_string());
    write(old.join("cgroup.freeze"), "1");
    // Nobody waits for this child but the test: as a zombie it counts as ended.
    std::mem::forget(child);
    (old, left)
}

#[test]
fn what_a_predecessor_left_behind_is_cleared_and_reported() {
    let scratch = Scratch::new("leftovers");
    let (old, left) = leave_behind(&scratch);
    let launcher = Highwater::inside_directory(&scratch.file("supervisor")).policy(ONCE);
    let unfinished = launcher.directory().join("state/evidence/20260101T000000Z-1/.core-0");
    fs::create_dir_all(&unfinished).unwrap();
    let mut highwater = launcher.run(["sleep", "1000"]);
    highwater.service();
    assert!(!left.is_alive() && !old.exists() && !unfinished.exists());
    let reports: Vec<String> =
        highwater.journal().events("supervisor.notice").iter().map(|line| line["reason"].to_string()).collect();
    for part in ["service.7", &left.0.to_string(), "throttled", "removed"] {
        assert!(reports[0].contains(part), "{part} is not in: {reports:?}");
    }
    assert!(reports[1].contains("removed 1 unfinished"), "{reports:?}");
    assert_eq!(Process(highwater.service()).cgroup(), scratch.path().join("service.1"));
    highwater.stop();
}

#[test]
fn a_living_supervisor_is_not_disturbed_by_a_second() {
    let scratch = Scratch::new("second");
    let first = Highwater::inside(&scratch).policy(ONCE).run(["sleep", "1000"]);
    let service = Process(first.service());
    let second = Highwater::inside_directory(&scratch.file("supervisor")).policy(ONCE).run(["sleep", "1000"]);
    second.service();
    assert!(service.is_alive());
    assert_eq!(service.cgroup(), scratch.path().join("service.1"));
}

#[test]
fn a_parent_that_gives_no_memory_controller_is_named_with_the_way_out() {
    let scratch = Scratch::new("undelegated");
    let inner = scratch.file("inner");
    fs::create_dir(&inner).unwrap();
    let findings = doctor(Highwater::inside_directory(&inner));
    let (reason, remedy) = lacking(&findings, "throttle").expect("throttle is missing");
    assert!(reason.contains("no memory controller") && reason.contains("inner"), "{reason}");
    assert!(remedy.contains("Delegate=") && remedy.contains("+memory"), "{remedy}");
    let mut highwater = Highwater::inside_directory(&inner).policy(ONCE).run(["/bin/sh", "-c", "exit 3"]);
    assert_eq!(highwater.wait().code(), Some(3));
    let reason = missing(&highwater, "throttle").expect("throttle is missing");
    assert!(reason.contains("no memory controller"), "{reason}");
    let said = highwater.stderr();
    let lacks = said.lines().find(|line| line.contains("without") && line.contains("no memory controller"));
    assert!(lacks.is_some_and(|line| line.contains("throttle")), "{said}");
}

#[test]
fn on_a_read_only_cgroup_it_runs_with_what_is_there() {
    let scratch = Scratch::new("read-only");
    let findings = doctor(Highwater::inside(&scratch).under(READ_ONLY));
    let (reason, remedy) = lacking(&findings, "throttle").expect("throttle is missing");
    assert!(reason.contains("read-only"), "{reason}");
    assert!(remedy.contains("--security-opt"), "{remedy}");
    assert_eq!(lacking(&findings, "memory-events"), None, "memory.events can be read");

    let mut highwater = Highwater::inside(&scratch).under(READ_ONLY).policy(ONCE).run(["sleep", "1000"]);
    let service = Process(highwater.service());
    assert_eq!(service.cgroup(), scratch.path());
    for ability in ["cgroup", "throttle", "memory-max", "cgroup-kill", "freeze", "reclaim"] {
        let reason = missing(&highwater, ability).unwrap_or_else(|| panic!("{ability} is not missing"));
        assert!(reason.contains("read-only"), "{reason}");
    }
    assert_eq!(missing(&highwater, "memory-events"), None);
    assert_eq!(highwater.stop().signal_number(), Some(15));
    assert!(!service.is_alive());
}

trait SignalNumber {
    fn signal_number(&self) -> Option<i32>;
}

impl SignalNumber for std::process::ExitStatus {
    fn signal_number(&self) -> Option<i32> {
        std::os::unix::process::ExitStatusExt::signal(self)
    }
}

#[test]
fn on_a_read_only_cgroup_a_step_it_cannot_do_is_skipped_and_the_next_one_done() {
    let scratch = Scratch::new("read-only");
    scratch.write("memory.max", 256 * MIB);
    let policy = "[trigger.full]\nusage = { of = \"anon\", above = \"20%\", for = \"0s\" }\n
        [[step]]\nname = \"throttle\"\nthrottle = { high = \"50%\", for = \"5m\" }\n
        [[step]]\nname = \"restart\"\nrestart = { budget = { times = 3, within = \"1h\" }, backoff = \"100ms..200ms\" }";
    let highwater = Highwater::inside(&scratch)
        .under(READ_ONLY)
        .policy(policy)
        .run([program("leaker").as_os_str(), "--base=96".as_ref()]);
    let skipped = highwater.journal().wait_for("step.skipped");
    assert_eq!(skipped["step"], "throttle");
    assert!(skipped["reason"].to_string().contains("throttle"), "{skipped}");
    let first = Process(highwater.service());
    highwater.started(2);
    assert!(!first.is_alive());
}

#[test]
fn without_any_cgroup_it_is_a_parent_of_a_process_tree() {
    let scratch = Scratch::new("no-cgroup");
    let findings = doctor(Highwater::inside(&scratch).under(NO_CGROUP));
    let (reason, remedy) = lacking(&findings, "memory-events").expect("memory-events is missing");
    assert!(reason.contains("no cgroup v2 is mounted"), "{reason}");
    assert!(remedy.contains("mount -t cgroup2"), "{remedy}");
    assert_eq!(lacking(&findings, "inotify"), None);

    let launcher = Highwater::inside(&scratch).under(NO_CGROUP).policy(ONCE);
    let pids = launcher.directory().join("pids");
    let script = format!("sleep 1000 & echo $! $$ >{}; trap 'exit 4' TERM; wait", pids.display());
    let mut highwater = launcher.run(["/bin/sh", "-c", &script]);
    let line = wait_until("two processes", || Some(fs::read_to_string(&pids).ok()?.strip_suffix('\n')?.to_owned()));
    assert_eq!(highwater.started(1)["cgroup"], Value::Null);
    let child = Process(line.split(' ').next().unwrap().parse().unwrap());
    let service = Process(highwater.service());
    wait_until("the handler", || (service.signals("SigCgt") & (1 << 14) != 0).then_some(()));
    assert_eq!(highwater.stop().code(), Some(4));
    assert!(!child.is_alive(), "a child of the service stays behind");
}

#[test]
fn without_any_cgroup_a_daemon_is_adopted_too() {
    let scratch = Scratch::new("no-cgroup");
    let launcher = Highwater::inside(&scratch).under(NO_CGROUP).policy(ONCE);
    let log = launcher.directory().join("log");
    let mut highwater =
        launcher.run([program("leaker").as_os_str(), "--double-fork".as_ref(), "--log".as_ref(), log.as_os_str()]);
    highwater.journal().wait_for_line("the adoption", |line| line["reason"].to_string().contains("left process"));
    wait_until("the daemon", || read(&log).contains("ready ").then_some(()));
    assert_eq!(highwater.stop().code(), Some(0));
    assert!(read(&log).contains("graceful"), "the daemon was not asked to stop");
}

/// Gives a cgroup to user 65534 as an init system delegates it.
fn give_away(scratch: &Scratch) {
    let files = ["", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"];
    for file in files {
        chown(scratch.file(file), Some(65534), Some(65534)).unwrap();
    }
}

#[test]
fn an_ordinary_user_with_a_delegated_cgroup_has_everything() {
    let scratch = Scratch::new("user");
    give_away(&scratch);
    let mut highwater = Highwater::inside(&scratch).as_nobody().policy(LIMITED).run(["sleep", "1000"]);
    let service = Process(highwater.service());
    assert_eq!(service.status("Uid").split_whitespace().next(), Some("65534"));
    assert_eq!(service.cgroup(), scratch.path().join("service.1"));
    assert_eq!(read(scratch.file("service.1/memory.max")), (96 * MIB).to_string());
    assert_eq!(highwater.journal().wait_for("supervisor.started")["missing"], Value::Array(vec![]));
    assert_eq!(highwater.stop().signal_number(), Some(15));
    assert!(!scratch.file("service.1").exists());
}

#[test]
fn an_ordinary_user_without_delegation_is_told_whose_the_cgroup_is() {
    let scratch = Scratch::new("user");
    let findings = doctor(Highwater::inside(&scratch).as_nobody());
    let (reason, remedy) = lacking(&findings, "cgroup").expect("cgroup is missing");
    assert!(reason.contains("another user"), "{reason}");
    assert!(remedy.contains("User="), "{remedy}");
    let mut highwater = Highwater::inside(&scratch).as_nobody().policy(ONCE).run(["/bin/sh", "-c", "exit 6"]);
    assert_eq!(highwater.wait().code(), Some(6));
    let reason = missing(&highwater, "throttle").expect("throttle is missing");
    assert!(reason.contains("another user"), "{reason}");
    assert_eq!(missing(&highwater, "memory-events"), None, "memory.events can be read by everyone");
}

#[test]
fn a_process_that_cannot_be_moved_out_of_the_way_is_said() {
    let scratch = Scratch::new("busy");
    // unshare stays in the cgroup, and is outside of highwater's PID namespace.
    let mut highwater = Highwater::inside(&scratch)
        .under(["unshare", "--pid", "--fork", "--mount-proc"])
        .policy(ONCE)
        .run(["/bin/sh", "-c", "exit 3"]);
    assert_eq!(highwater.wait().code(), Some(3));
    let reason = missing(&highwater, "cgroup").expect("cgroup is missing");
    assert!(reason.contains("stay in"), "{reason}");
}

#[test]
fn doctor_finds_everything_here_and_leaves_nothing() {
    let scratch = Scratch::new("doctor");
    let findings = doctor(Highwater::inside(&scratch));
    assert_eq!(findings["missing"], Value::Array(vec![]));
    assert_eq!(findings["abilities"].as_array().unwrap().len(), 10);
    let inside: Vec<OsString> = fs::read_dir(scratch.path())
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(inside, Vec::<OsString>::new());
    assert_eq!(scratch.read("cgroup.subtree_control"), "");
}

#[test]
fn doctor_speaks_to_people_too() {
    let scratch = Scratch::new("doctor");
    let output = Highwater::inside(&scratch).under(READ_ONLY).call(&["doctor"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    assert!(said.lines().any(|line| line.starts_with("no   throttle ")), "{said}");
    assert!(said.lines().any(|line| line.starts_with("yes  inotify ")), "{said}");
    assert_eq!(said.matches("way out").count(), 1, "one cause is said once: {said}");
}

#[test]
fn from_the_real_root_it_makes_a_cgroup_of_its_own() {
    let name = format!("root-{}", std::process::id());
    let base = Path::new("/sys/fs/cgroup").join(format!("highwater-{name}"));
    let mut highwater = Highwater::inside_directory(Path::new("/sys/fs/cgroup"))
        .option("--name")
        .option(&name)
        .policy(ONCE)
        .stdin(Stdio::null())
        .run(["sleep", "1000"]);
    let service = Process(highwater.service());
    assert_eq!(service.cgroup(), base.join("service.1"));
    assert_eq!(Process(highwater.pid()).cgroup(), base.join("supervisor"));
    highwater.stop();
    assert!(!base.join("service.1").exists());
    for left in [base.join("supervisor"), base] {
        wait_until("the removal of the cgroup", || fs::remove_dir(&left).ok());
    }
}
