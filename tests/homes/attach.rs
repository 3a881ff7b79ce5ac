//! A unit that highwater attaches to: systemd owns its cgroup, and is asked for everything.

use std::fs;
use std::path::Path;
use std::time::Duration;

use highwater_tests::{Highwater, Journal, Ladder, Process, Signal, call, program, wait_until};

const UNIT: &str = "leaky.service";
const LADDER: Ladder<'_> = Ladder {
    near_limit: Some("70%"),
    throttle: ("70%", "10s"),
    restart_after: "12s",
    backoff: None,
    resolve_after: "1s",
    ..Ladder::new("/tmp/leaky-*.bin")
};

/// What a unit has for `MemoryHigh=` in the tests that look at nothing else, and what it is to have again.
const THEIR_HIGH: &str = "262144000";

fn property(name: &str) -> String {
    property_of(UNIT, name)
}

fn property_of(unit: &str, name: &str) -> String {
    call(["systemctl", "show", "--value", "--property", name, unit])
}

/// Writes a unit with these settings.
fn write_unit(unit: &str, service: &str) {
    fs::write(Path::new("/etc/systemd/system").join(unit), format!("[Service]\n{service}")).unwrap();
    call(["systemctl", "daemon-reload"]);
}

/// A unit under a limit that is started, and does nothing.
fn start_calm(unit: &str) {
    write_unit(unit, &format!("ExecStart=sleep 100000\nMemoryMax=256M\nMemoryHigh={THEIR_HIGH}\n"));
    call(["systemctl", "start", unit]);
}

fn wait_for_the_tripwire(unit: &str) {
    wait_until("a tripwire set by systemd", || (property_of(unit, "MemoryHigh") != THEIR_HIGH).then_some(()));
}

/// What was set for a while must not stay until the next boot, neither in force nor written down.
#[track_caller]
fn wait_until_given_back(unit: &str) {
    let written = Path::new("/run/systemd/system.control").join(format!("{unit}.d/50-MemoryHigh.conf"));
    wait_until("their limit", || (property_of(unit, "MemoryHigh") == THEIR_HIGH).then_some(()));
    wait_until("the end of what was written", || (!written.exists()).then_some(()));
}

/// A unit that has highwater look after another one, as the README of `systemd` has it, with further settings.
struct Looking {
    unit: String,
    journal: Journal,
}

impl Looking {
    fn start(theirs: &str, settings: &str) -> Self {
        let unit = format!("looking-at-{theirs}");
        let policy = format!("/etc/{theirs}.toml");
        fs::write(&policy, LADDER.policy()).unwrap();
        let highwater = program("highwater").display().to_string();
        let settings = settings.replace("highwater attach", &format!("{highwater} attach"));
        let state = format!("highwater/{theirs}");
        let command = format!("{highwater} attach --unit {theirs} --policy {policy}");
        write_unit(&unit, &format!("Type=notify\nExecStart={command}\nStateDirectory={state}\n{settings}"));
        call(["systemctl", "start", &unit]);
        Self { unit, journal: Journal::in_state_dir(&Path::new("/var/lib").join(state)) }
    }

    /// Kills by SIGKILL what systemd takes for `whom`.
    fn kill(&self, whom: &str) {
        call(["systemctl", "kill", "--signal=SIGKILL", whom, &self.unit]);
    }

    /// The guard, which is in the same unit.
    fn guard(&self) -> Process {
        let cgroup = format!("/sys/fs/cgroup{}/cgroup.procs", property_of(&self.unit, "ControlGroup"));
        let is_guard =
            |pid: &&str| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "highwater-guard\n");
        let pids = fs::read_to_string(cgroup).unwrap();
        Process(pids.lines().find(is_guard).expect("a guard").parse().unwrap())
    }
}

#[test]
fn a_killed_supervisor_leaves_a_unit_its_limit() {
    const THEIRS: &str = "calm.service";
    start_calm(THEIRS);
    let mut highwater = Highwater::here().policy(LADDER.policy()).attach("--unit", THEIRS);
    let pid = highwater.service();
    wait_for_the_tripwire(THEIRS);
    highwater.kill();
    let lost = highwater.journal().wait_for("supervisor.lost");
    assert_eq!((&lost["lifted"], &lost["pids"]), (&true.into(), &serde_json::json!([pid])), "{lost}");
    wait_until_given_back(THEIRS);
    assert!(Process(pid).is_alive());
    call(["systemctl", "stop", THEIRS]);
}

/// systemd asks everything in highwater's own unit to end when highwater is dead. The guard does its work first.
#[test]
fn a_supervisor_killed_in_a_unit_of_its_own_has_its_guard_there() {
    const THEIRS: &str = "guarded.service";
    start_calm(THEIRS);
    let looking = Looking::start(THEIRS, "");
    wait_for_the_tripwire(THEIRS);
    looking.kill("--kill-whom=main");
    assert_eq!(looking.journal.wait_for("supervisor.lost")["lifted"], true);
    wait_until_given_back(THEIRS);
    call(["systemctl", "stop", THEIRS]);
}

#[test]
fn where_the_guard_is_killed_too_systemd_has_the_limit_given_back() {
    const THEIRS: &str = "unguarded.service";
    start_calm(THEIRS);
    let settings = format!("KillMode=mixed\nExecStopPost=highwater attach --unit {THEIRS} --give-back\n");
    let looking = Looking::start(THEIRS, &settings);
    wait_for_the_tripwire(THEIRS);
    // One that could still act between the two kills would do so.
    looking.guard().signal(Signal::STOP);
    looking.kill("--kill-whom=all");
    wait_until_given_back(THEIRS);
    assert_eq!(looking.journal.events("supervisor.lost").len(), 0, "it was the guard");
    call(["systemctl", "stop", THEIRS]);
}

/// Leaks in its first life only.
fn install() {
    let script = format!(
        "#!/bin/sh\nlog=/run/leaky.log\n[ -e $log ] && exec {leaker} --base 8 --log $log\n: >$log\n\
         exec {leaker} --base 140 --rate 4 --leak-after 3 --dump-file /tmp/leaky-%p-%n.bin --log $log\n",
        leaker = program("leaker").display()
    );
    fs::write("/usr/bin/leaky", script).unwrap();
    call(["chmod", "755", "/usr/bin/leaky"]);
    write_unit(UNIT, "ExecStart=/usr/bin/leaky\nMemoryMax=256M\nMemorySwapMax=0\n");
}

#[test]
fn a_unit_climbs_the_whole_ladder_by_systemd_s_own_hand() {
    install();
    call(["systemctl", "start", UNIT]);
    let first = property("MainPID");
    let mut highwater = Highwater::here().policy(LADDER.policy()).attach("--unit", UNIT);
    assert_eq!(highwater.service().to_string(), first);
    let journal = highwater.journal();
    let throttled =
        journal.wait_for_line("a throttle", |line| line["event"] == "step.started" && line["step"] == "throttle");
    assert!(throttled["memory"]["max"] == 256 << 20, "{throttled}");
    wait_until("systemd's throttle", || (property("MemoryHigh") != "infinity").then_some(()));
    let second = highwater.started(2)["pid"].to_string();
    assert_ne!(second, first);
    assert_eq!(property("MainPID"), second);
    journal.wait_for("incident.resolved");
    let outcomes: Vec<_> = journal.events("step.finished").into_iter().map(|end| end["outcome"].clone()).collect();
    assert_eq!(outcomes, ["done", "done", "done"]);
    let log = fs::read_to_string("/run/leaky.log").unwrap();
    assert_eq!(log.lines().filter(|line| line.starts_with("graceful ")).count(), 1, "{log}");
    assert!(highwater.stop().success());
    let pid: u32 = second.parse().unwrap();
    assert!(Process(pid).is_alive(), "the end of highwater must not be the end of the service");
    assert_eq!(property("MemoryHigh"), "infinity");
    let borrowed = Path::new("/run/systemd/system.control").join(format!("{UNIT}.d/50-MemoryHigh.conf"));
    assert!(!borrowed.exists(), "what was set for a while stays until the next boot");
    call(["systemctl", "stop", UNIT]);
}

#[test]
fn a_unit_that_ends_under_a_throttle_gets_its_limit_back() {
    const THEIRS: &str = "throttled.service";
    const THROTTLING: &str = "[trigger.near-limit]\nusage = { above = \"30%\" }\n\
        [[step]]\nname = \"throttle\"\nthrottle = { high = \"60%\", for = \"30m\" }\n";
    // Beyond the trigger from the start, and far from the limit.
    let leaker = program("leaker").display().to_string();
    let service = format!("ExecStart={leaker} --base 100 --rate 1\nMemoryMax=256M\nMemoryHigh={THEIR_HIGH}\n");
    write_unit(THEIRS, &service);
    call(["systemctl", "start", THEIRS]);
    let mut highwater = Highwater::here().policy(THROTTLING).attach("--unit", THEIRS);
    let journal = highwater.journal();
    journal.wait_for_line("a throttle", |line| line["event"] == "step.started" && line["step"] == "throttle");
    // Below the tripwire.
    let is_throttled = || property_of(THEIRS, "MemoryHigh").parse().is_ok_and(|high: u64| high < 192 << 20);
    wait_until("systemd's throttle", || is_throttled().then_some(()));
    call(["systemctl", "kill", "--signal=SIGKILL", THEIRS]);
    let exited = journal.wait_for("service.exited");
    assert_eq!((&exited["signal"], &exited["oom_killed"]), (&9.into(), &false.into()), "{exited}");
    journal.wait_for("throttle.lifted");
    assert!(highwater.stop().success());
    assert_eq!(property_of(THEIRS, "MemoryHigh"), THEIR_HIGH);
    wait_until_given_back(THEIRS);
}

#[test]
fn systemd_is_asked_how_a_service_ended() {
    const THEIRS: &str = "ending.service";
    call(["mkfifo", "/run/ending"]);
    let script = "[ -p /run/ending ] || exec sleep 100000; read line </run/ending; rm /run/ending; exit 3";
    write_unit(THEIRS, &format!("ExecStart=/bin/sh -c '{script}'\nMemoryMax=256M\n"));
    // As if it were enabled: of what nothing wants systemd knows nothing any more after a right end.
    call(["systemctl", "add-wants", "--runtime", "basic.target", THEIRS]);
    call(["systemctl", "start", THEIRS]);
    let mut highwater = Highwater::here().policy(LADDER.policy()).attach("--unit", THEIRS);
    let journal = highwater.journal();
    highwater.service();
    // This waits until somebody reads.
    fs::write("/run/ending", "\n").unwrap();
    let first = journal.wait_for("service.exited");
    assert_eq!((&first["code"], &first["cause"]), (&3.into(), &"crash".into()), "{first}");
    call(["systemctl", "start", THEIRS]);
    highwater.started(2);
    call(["systemctl", "stop", THEIRS]);
    let second =
        journal.wait_for_line("the second end", |line| line["event"] == "service.exited" && line["generation"] == 2);
    // For systemd that is the right end of what it was asked to stop.
    assert_eq!((&second["signal"], &second["cause"]), (&15.into(), &"finished".into()), "{second}");
    assert!(highwater.stop().success());
}

#[test]
fn a_unit_that_does_not_run_yet_is_waited_for() {
    write_unit("later.service", "ExecStart=sleep 1000\nMemoryMax=64M\n");
    let mut highwater = Highwater::here().policy(LADDER.policy()).attach("--unit", "later.service");
    highwater.journal().wait_for("supervisor.started");
    std::thread::sleep(Duration::from_millis(500));
    assert!(highwater.journal().events("service.started").is_empty());
    call(["systemctl", "start", "later.service"]);
    let pid = call(["systemctl", "show", "--value", "--property", "MainPID", "later.service"]);
    assert_eq!(highwater.service().to_string(), pid);
    highwater.stop();
    call(["systemctl", "stop", "later.service"]);
}

#[test]
fn what_is_required_is_judged_when_the_service_is_met() {
    const THEIRS: &str = "required.service";
    write_unit(THEIRS, "ExecStart=sleep 100000\nMemoryMax=256M\n");
    let attach = |ability| {
        Highwater::here().policy(LADDER.policy()).option("--require").option(ability).attach("--unit", THEIRS)
    };
    let (mut can, mut cannot) = (attach("throttle"), attach("freeze"));
    for highwater in [&can, &cannot] {
        highwater.journal().wait_for("supervisor.started");
    }
    call(["systemctl", "start", THEIRS]);
    can.service();
    assert_eq!(cannot.wait().code(), Some(125));
    assert!(cannot.stderr().contains("required ability freeze is missing"), "{}", cannot.stderr());
    assert!(cannot.journal().events("service.started").is_empty());
    can.stop();
    // Now it is known at once.
    assert_eq!(attach("freeze").wait().code(), Some(125));
    call(["systemctl", "stop", THEIRS]);
}
