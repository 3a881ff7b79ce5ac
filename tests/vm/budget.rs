//! What highwater may cost, as a budget: every service of a machine is meant to have one in front of it.

use std::fs;

use highwater_tests::{Highwater, Process, Scratch, program, wait_until};

/// Bytes of the static binary. What stands in front of a service has 3 MB of them, what the homes ask for (HTTP, systemd,
/// init, attaching) 0.7; what looks at an incident afterwards
/// (readers of profiles, the page, what sends it away) has the rest, and takes no memory until it is used.
const FILE: u64 = 5_750_000;
/// KiB resident, of highwater and of its guard each. Most of it is code, which the kernel maps in stretches of 64 KiB
/// around what is used.
const RESIDENT: u64 = 5_120;

#[test]
fn file_and_memory_are_within_the_budget() {
    let binary = program("highwater");
    if binary.components().any(|part| part.as_os_str() == "debug") {
        return println!("{} is a debug build, which the budget is not for", binary.display());
    }
    let size = fs::metadata(&binary).expect("it is built").len();
    assert!(size <= FILE, "{} has {size} bytes of {FILE}", binary.display());

    let scratch = Scratch::new("budget");
    let mut highwater = Highwater::inside(&scratch).policy("[memory]\nmax = \"64MiB\"").run(["sleep", "1000"]);
    highwater.started(1);
    let guard = wait_until("the guard", || guard_of(highwater.pid()));
    for pid in [highwater.pid(), guard] {
        let resident = Process(pid).status("VmRSS").split_whitespace().next().and_then(|kib| kib.parse().ok());
        let resident: u64 = resident.expect("a number of KiB");
        assert!(resident <= RESIDENT, "process {pid} has {resident} KiB resident of {RESIDENT}");
    }
    highwater.stop();
}

fn guard_of(highwater: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{highwater}/task/{highwater}/children")).ok()?;
    let is_guard = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("highwater-guar"))
    };
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(is_guard)
}
