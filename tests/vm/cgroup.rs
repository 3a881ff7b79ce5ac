//! Facts about the kernel that highwater is built on.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};

use highwater_tests::{PATIENCE, Scratch, wait_until};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

const MIB: u64 = 1 << 20;

/// Starts a process in the cgroup that fills this much anonymous memory and ends.
fn fill(scratch: &Scratch, mib: u64) -> Child {
    scratch
        .command("dd")
        .args(["if=/dev/zero", "of=/dev/null", "count=1", "status=none", &format!("bs={mib}M")])
        .spawn()
        .unwrap()
}

/// Waits for an exceptional condition, as cgroup files report a change and PSI a stall.
#[track_caller]
fn wait_for_priority(file: &File) {
    let mut descriptors = [PollFd::new(file, PollFlags::PRI)];
    let timeout = Timespec::try_from(PATIENCE).unwrap();
    let ready = poll(&mut descriptors, Some(&timeout)).unwrap();
    assert_eq!(ready, 1, "nothing happened in {PATIENCE:?}");
    assert!(descriptors[0].revents().contains(PollFlags::PRI));
}

#[test]
fn a_touched_tripwire_wakes_and_is_counted() {
    let scratch = Scratch::new("tripwire");
    scratch.write("memory.high", 16 * MIB);
    assert_eq!(scratch.counter("memory.events", "high"), 0);
    let mut events = File::open(scratch.file("memory.events")).unwrap();
    // A descriptor that was never read reports a change at once.
    events.read_to_string(&mut String::new()).unwrap();
    let mut child = fill(&scratch, 48);
    wait_for_priority(&events);
    scratch.write("memory.high", "max");
    assert!(scratch.counter("memory.events", "high") > 0);
    assert!(child.wait().unwrap().success(), "a raised tripwire must let the process go on");
    assert_eq!(scratch.counter("memory.events", "max"), 0);
}

#[test]
fn a_pressure_trigger_is_accepted_and_fires_on_a_stall() {
    let scratch = Scratch::new("pressure");
    let mut trigger = OpenOptions::new().read(true).write(true).open(scratch.file("memory.pressure")).unwrap();
    trigger.write_all(b"some 150000 1000000\0").unwrap();
    // A throttled process is a stalled one.
    scratch.write("memory.high", 16 * MIB);
    let mut child = fill(&scratch, 48);
    wait_for_priority(&trigger);
    scratch.write("memory.high", "max");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_kill_for_memory_is_counted() {
    let scratch = Scratch::new("kill");
    scratch.write("memory.max", 32 * MIB);
    let status = scratch.command("tail").arg("/dev/zero").stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.signal(), Some(9));
    assert_eq!(scratch.counter("memory.events", "oom_kill"), 1);
    assert!(scratch.counter("memory.events", "max") > 0, "its own limit was the reason");
}

#[test]
fn a_dropped_scratch_leaves_nothing() {
    let scratch = Scratch::new("dropped");
    let inner = scratch.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let mut child = scratch.command("sleep").arg("1000").spawn().unwrap();
    wait_until("the child in its cgroup", || (scratch.read("cgroup.procs") == child.id().to_string()).then_some(()));
    let path = scratch.path().to_owned();
    drop(scratch);
    assert!(!path.exists());
    assert_eq!(child.wait().unwrap().signal(), Some(9));
}
