//! A unit that highwater attaches to: systemd owns its cgroup, and is asked for everything.

use std::fs;
use std::path::Path;
use std::time::Duration;

use highwater_tests::{Highwater, Ladder, Process, call, program, wait_until};

const UNIT: &str = "leaky.service";
const LADDER: Ladder<'_> = Ladder {
    near_limit: Some("70%"),
    throttle: ("70%", "4s"),
    restart_after: "6s",
    backoff: None,
    resolve_after: "1s",
    ..Ladder::new("/tmp/leaky-*.bin")
};

fn property(name: &str) -> String {
    call(["systemctl", "show", "--value", "--property", name, UNIT])
}

/// Leaks in its first life only.
fn install() {
    let script = format!(
        "#!/bin/sh\nlog=/run/leaky.log\n[ -e $log ] && exec {leaker} --base 8 --log $log\n: >$log\n\
         exec {leaker} --base 100 --rate 8 --leak-after 3 --dump-file /tmp/leaky-%p-%n.bin --log $log\n",
        leaker = program("leaker").display()
    );
    fs::write("/usr/bin/leaky", script).unwrap();
    call(["chmod", "755", "/usr/bin/leaky"]);
    let unit = "[Service]\nExecStart=/usr/bin/leaky\nMemoryMax=256M\nMemorySwapMax=0\n";
    fs::write(Path::new("/etc/systemd/system").join(UNIT), unit).unwrap();
    call(["systemctl", "daemon-reload"]);
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
fn a_unit_that_does_not_run_yet_is_waited_for() {
    let unit = "[Service]\nExecStart=sleep 1000\nMemoryMax=64M\n";
    fs::write("/etc/systemd/system/later.service", unit).unwrap();
    call(["systemctl", "daemon-reload"]);
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
